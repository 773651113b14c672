"""A TensorFlow Lite file as a Keras model, against its own interpreter."""

import zipfile
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType

import core
from core.errors import ExtractionFailed, InputRejected, NoGradient, SeveralModels
from core.models.file_trees import FileTree
from core.models.loading import load_model_file
from tests.support.lite_files import (
    KINDS,
    digit_samples,
    digits_lite,
    digits_model,
    fused_lstm,
    lite_of,
    two_signatures,
)
from tests.support.small_lite import KERNEL, changed_lite, small_lite

SAMPLES = digit_samples(6)


@pytest.fixture(scope="module", params=KINDS)
def lite(request):
    content = digits_lite(request.param)
    return request.param, content, core.Extractor(core.load_model(content, name="digits.tflite"))


def interpreter_of(content):
    made = Interpreter(
        model_content=content,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    made.allocate_tensors()
    return made


def real(values, details):
    scale, zero_point = details["quantization"]
    return (values.astype(np.float32) - zero_point) * np.float32(scale) if scale else values


def test_every_operator_answers_what_the_interpreter_holds(lite):
    kind, content, extractor = lite
    activations = extractor.extract(SAMPLES)
    interpreter = interpreter_of(content)
    given = interpreter.get_input_details()[0]
    details = {each["index"]: each for each in interpreter.get_tensor_details()}
    computed = [each for each in interpreter._get_ops_details() if each["op_name"] != "DEQUANTIZE" or kind != "float16"]

    for number, sample in enumerate(SAMPLES):
        scale, zero_point = given["quantization"]
        stored = np.clip(np.rint(sample / scale) + zero_point, -128, 127) if scale else sample
        interpreter.set_tensor(given["index"], stored[np.newaxis].astype(given["dtype"]))
        interpreter.invoke()
        for operator, activation in zip(computed, activations.values(), strict=True):
            index = operator["outputs"][0]
            expected = real(interpreter.get_tensor(index), details[index])
            np.testing.assert_allclose(activation.values[number].reshape(-1), expected.reshape(-1), rtol=1e-6)


def test_what_it_answers_is_near_to_what_the_keras_model_answers(lite):
    kind, _, extractor = lite
    expected = core.extract(digits_model(), SAMPLES).output
    most = {"float32": 1e-5, "float16": 1e-3}.get(kind, 0.1)
    assert np.abs(extractor.extract(SAMPLES).output - expected).max() < most


def test_weights_are_those_of_the_keras_layer(lite):
    kind, _, extractor = lite
    converted, original = (each.extract(SAMPLES[:1]) for each in (extractor, core.Extractor(digits_model())))
    for key in ("conv_1", "conv_2", "dense", "probabilities"):
        weights = converted[key].weights
        assert set(weights) == {"kernel", "bias"}
        for name, values in original[key].weights.items():
            # A step of int8 is a 254th of the range.
            most = {"float32": 1e-7, "float16": 1e-3}.get(kind, 1 / 127) * np.abs(values).max() + 1e-7
            assert weights[name].shape == values.shape
            assert np.abs(weights[name] - values).max() <= most, (key, name)


def test_layers_are_known_before_anything_runs():
    extractor = core.Extractor(core.load_model(digits_lite("int8"), name="digits.tflite"))
    layers = {layer.key: layer for layer in extractor.layers}

    assert list(layers) == [
        *("conv_1", "conv_2", "pool"),
        *("flatten_shape", "flatten_strided_slice", "flatten_pack", "flatten"),
        *("dense", "probabilities", "softmax"),
    ]
    assert layers["conv_1"].type_names == ("Conv2D", "BaseConv", "LiteLayer", "Layer")
    assert layers["conv_1"].kind == "convolution"
    assert layers["conv_1"].activation_function == "relu"
    assert layers["conv_1"].output_shape == (None, 8, 8, 16)
    assert layers["conv_1"].inputs_from == ("input:image",)
    assert layers["dense"].inputs_from == ("flatten",)
    settings = dict(layers["conv_2"].settings)
    assert settings["kernel_size"] == "3×3"
    assert settings["stored_as"] == "int8"
    assert float(settings["quantization_scale"]) > 0
    assert settings["zero_point"] == "-128"
    assert layers["softmax"].activation_function == "softmax"


def test_what_comes_after_a_softmax_in_other_numbers_is_one_too():
    layers = core.Extractor(core.load_model(digits_lite("int8 inside"))).layers
    assert [layer.type_name for layer in (layers[0], layers[-1])] == ["Quantize", "Dequantize"]
    assert layers[-1].activation_function == "softmax"


def test_only_what_is_asked_for_is_read(lite):
    extractor = lite[2]
    some = extractor.extract(SAMPLES, layers=["pool"])
    assert list(some) == ["pool"]
    np.testing.assert_array_equal(some["pool"].values, extractor.extract(SAMPLES)["pool"].values)


def test_a_fused_lstm_is_one_with_the_weights_of_keras():
    content, weights = fused_lstm()
    activations = core.extract(core.load_model(content), np.ones((3, 6, 3), np.float32))
    lstm = next(iter(activations.values()))

    assert (lstm.layer.type_name, lstm.layer.kind, lstm.axes) == ("LSTM", "recurrent", ("sample", "time", "unit"))
    assert list(lstm.weights) == ["kernel", "recurrent_kernel", "bias"]
    for own, expected in zip(lstm.weights.values(), weights, strict=True):
        np.testing.assert_array_equal(own, expected)


def test_a_state_is_not_carried_from_one_sample_to_the_next():
    content, _ = fused_lstm()
    output = core.extract(core.load_model(content), np.ones((3, 6, 3), np.float32)).output
    np.testing.assert_array_equal(output, np.repeat(output[:1], 3, axis=0))


def test_one_of_several_signatures_is_chosen():
    with pytest.raises(SeveralModels) as refused:
        core.load_model(two_signatures(), name="two.tflite")
    assert set(refused.value.choices) == {"project", "double"}
    for signature, size in (("project", 3), ("double", 4)):
        inputs = np.arange(2 * size, dtype=np.float32).reshape(2, size)
        output = core.extract(core.load_model(two_signatures(), member=signature), inputs).output
        expected = np.repeat(inputs.sum(axis=1, keepdims=True), 2, axis=1) if size == 3 else np.tanh(inputs * 2)
        np.testing.assert_allclose(output, expected, rtol=1e-5)


def test_what_needs_a_gradient_or_a_change_says_why_there_is_none():
    from core.analysis.attribution import Target, ablate, attribute
    from core.analysis.maximization.ascent import entry_for

    extractor = core.Extractor(core.load_model(digits_lite("float32")))
    target = Target("softmax", 3)
    with pytest.raises(NoGradient, match="TensorFlow Lite computes no gradients"):
        attribute(extractor, SAMPLES[:1], target, method="saliency")
    with pytest.raises(NoGradient, match="TensorFlow Lite computes no gradients"):
        entry_for(extractor, {"image": SAMPLES[:1]}, target)
    with pytest.raises(InputRejected, match="runs the whole file"):
        ablate(extractor, SAMPLES[:1], "dense", 3)
    with pytest.raises(InputRejected, match="runs the whole file"):
        extractor.extract(SAMPLES, clamp={"dense": {3: 0.0}})


def test_a_model_of_the_same_name_can_be_changed():
    class LiteModel(keras.Model):
        def call(self, inputs):
            return self.double(inputs)

    model = LiteModel(name="mine")
    model.double = keras.layers.Dense(2, name="double")
    samples = np.ones((2, 3), np.float32)
    clamped = core.Extractor(model).extract(samples, clamp={"double": {1: 4.0}})
    np.testing.assert_array_equal(clamped.output[:, 1], [4, 4])


def test_what_needs_no_gradient_works():
    from core.analysis.attribution import Target, attribute

    extractor = core.Extractor(core.load_model(digits_lite("float32")))
    original = core.Extractor(digits_model())
    converted, expected = (
        attribute(each, SAMPLES[:1], Target(layer, 3), method="occlusion")[0].values
        for each, layer in ((extractor, "softmax"), (original, "probabilities"))
    )
    assert converted.shape == expected.shape


def test_a_failing_operator_is_told_in_words():
    def stretched(model):
        # The interpreter works shapes out by itself, and takes what a file declares for a hint.
        model.subgraphs[0].tensors[3].shape = [1, 5]

    extractor = core.Extractor(core.load_model(changed_lite(small_lite(), stretched), name="small.tflite"))
    with pytest.raises(ExtractionFailed, match=r"'answer' in small.tflite answers \(1, 2\) to one sample") as failed:
        extractor.extract(np.ones((2, 3), np.float32))
    assert "Traceback" not in str(failed.value)


def test_a_file_made_by_hand_computes_what_it_says():
    inputs = np.array([[1, 2, 3], [0, 1, 0]], np.float32)
    activations = core.extract(core.load_model(small_lite()), inputs)
    np.testing.assert_allclose(activations["dense"].values, inputs @ KERNEL.T, rtol=1e-6)
    np.testing.assert_array_equal(activations["dense"].weights["kernel"], KERNEL.T)


def test_a_size_that_is_open_follows_the_sample():
    picture = keras.Input((None, None, 3), name="picture")
    seen = keras.layers.Conv2D(4, 3, activation="relu", name="seen")(picture)
    model = keras.Model(picture, keras.layers.GlobalAveragePooling2D(name="mean")(seen))
    extractor = core.Extractor(core.load_model(lite_of(tf.lite.TFLiteConverter.from_keras_model(model))))
    assert [layer.output_shape for layer in extractor.layers] == [(None, None, None, 4), (None, 4)]
    for sides in ((12, 10), (9, 20)):
        pictures = np.random.default_rng(0).uniform(size=(2, *sides, 3)).astype(np.float32)
        np.testing.assert_allclose(extractor.extract(pictures).output, model(pictures), atol=1e-6)


def test_memory_is_asked_for_as_the_file_takes_it(monkeypatch):
    asked = []
    whole = FileTree.head
    monkeypatch.setattr(FileTree, "head", lambda tree, path, size=4096: asked.append(size) or whole(tree, path, size))
    core.load_model(small_lite())
    assert max(asked) <= max(len(small_lite()) + 1, 4096)


def test_threads_share_one_model():
    extractor = core.Extractor(core.load_model(digits_lite("int8")))
    samples = digit_samples(24)
    expected = extractor.extract(samples)["dense"].values
    with ThreadPoolExecutor(4) as pool:
        rows = pool.map(lambda at: extractor.extract(samples[at : at + 1])["dense"].values, range(len(samples)))
    np.testing.assert_array_equal(np.concatenate(list(rows)), expected)


def test_a_file_in_a_zip_opens_with_the_names_of_its_classes(tmp_path):
    path = tmp_path / "phone.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/digits.tflite", digits_lite("int8"))
        archive.writestr("model/labels.txt", "\n".join("abcdefghij"))
    loaded = load_model_file(path)
    assert loaded.file.kind == "tflite"
    assert list(loaded.file.label_lists) == ["model/labels.txt"]
    assert core.extract(loaded.model, SAMPLES).output.shape == (6, 10)
