"""A pass that is changed on its way, or derived by: on every kind of model that can be recorded."""

import keras
import numpy as np
import pytest

import core
from core.analysis.attribution.gradient_entry import gradient_entry
from core.analysis.attribution.gradient_pass import Change, PassSpec, run_pass
from core.analysis.attribution.targets import Target
from tests.support.small_models import Chain

random = np.random.default_rng(0)


def dense_model(**settings):
    keras.utils.set_random_seed(1)
    layers = [keras.Input((5,), name="x"), keras.layers.Dense(4, activation="relu", name="hidden")]
    return keras.Sequential([*layers, keras.layers.Dense(3, activation="softmax", name="answer")], **settings)


@pytest.mark.parametrize("decides", [False, True], ids=["compiled", "eager"])
def test_the_gradient_is_that_of_the_chain_rule(decides):
    keras.utils.set_random_seed(1)
    hidden, answer = keras.layers.Dense(4, activation="relu", name="hidden"), keras.layers.Dense(3, name="answer")
    model = Chain(hidden, answer, decides=decides)
    x = random.normal(size=(3, 5)).astype(np.float32)
    extractor = core.Extractor(model)
    found = run_pass(extractor, x, PassSpec("answer", points=("input:input_0", "hidden")), units=np.array([0, 2, 1]))

    first, second = np.asarray(hidden.kernel), np.asarray(answer.kernel)
    behind = second[:, [0, 2, 1]].T  # (sample, hidden)
    is_on = found.values["hidden"] > 0
    np.testing.assert_allclose(found.gradients["hidden"], behind, atol=1e-6)
    np.testing.assert_allclose(found.gradients["input:input_0"], (behind * is_on) @ first.T, atol=1e-5)
    np.testing.assert_allclose(found.objective, np.asarray(model(x))[range(3), [0, 2, 1]], atol=1e-5)


def test_a_class_is_taken_before_its_softmax():
    model = dense_model()
    x = random.normal(size=(2, 5)).astype(np.float32)
    extractor = core.Extractor(model)
    answer = model.get_layer("answer")
    logits = np.asarray(model.get_layer("hidden")(x)) @ np.asarray(answer.kernel) + np.asarray(answer.bias)

    np.testing.assert_allclose(run_pass(extractor, x, PassSpec("answer"), units=1).objective, logits[:, 1], atol=1e-5)
    after = run_pass(extractor, x, PassSpec("answer", before_softmax=False), units=1)
    np.testing.assert_allclose(after.objective, np.asarray(model(x))[:, 1], atol=1e-5)


def test_a_channel_is_its_mean_and_a_place_its_value():
    model = keras.Sequential([keras.Input((6, 5, 2)), keras.layers.Conv2D(3, 3, name="conv")])
    x = random.normal(size=(2, 6, 5, 2)).astype(np.float32)
    extractor, answer = core.Extractor(model), np.asarray(model(x))

    everywhere = run_pass(extractor, x, PassSpec("conv"), units=2)
    there = run_pass(extractor, x, PassSpec.of(place := Target("conv", 2, (3, 1))), target=place)
    whole = run_pass(extractor, x, PassSpec("conv", whole=True))
    np.testing.assert_allclose(everywhere.objective, answer[..., 2].mean(axis=(1, 2)), atol=1e-5)
    np.testing.assert_allclose(there.objective, answer[:, 3, 1, 2], atol=1e-5)
    np.testing.assert_allclose(whole.objective, (answer**2).mean(axis=(1, 2, 3)), atol=1e-5)


def test_timesteps_that_are_padding_do_not_count():
    model = keras.Sequential(
        [keras.Input((6, 2)), keras.layers.Masking(), keras.layers.LSTM(3, return_sequences=True, name="lstm")]
    )
    x = random.normal(size=(1, 6, 2)).astype(np.float32)
    x[:, 4:] = 0
    found = run_pass(core.Extractor(model), x, PassSpec("lstm"), units=1)

    np.testing.assert_allclose(found.objective, np.asarray(model(x))[:, :4, 1].mean(axis=1), atol=1e-6)


def test_a_layer_is_changed_on_its_way_and_the_model_is_not():
    model = dense_model()
    before = [np.array(each) for each in model.get_weights()]
    x = random.normal(size=(2, 5)).astype(np.float32)
    extractor = core.Extractor(model)
    scale, shift = np.array([[1, 0, 1, 1]], np.float32), np.array([[0, 7, 0, 0]], np.float32)
    spec = PassSpec(changed=("hidden",), kept=("hidden",), with_answer=True)
    found = run_pass(extractor, x, spec, changes=[Change("hidden", scale, shift)])

    hidden = np.asarray(model.get_layer("hidden")(x)) * scale + shift
    np.testing.assert_allclose(found.values["hidden"], hidden, atol=1e-6)
    np.testing.assert_allclose(found.answer, np.asarray(model.get_layer("answer")(hidden)), atol=1e-6)
    np.testing.assert_allclose(extractor.extract(x).output, np.asarray(model(x)), atol=1e-6)
    for weight, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_a_mask_survives_a_change():
    tokens = keras.Input((5,), dtype="int32", name="tokens")
    embedded = keras.layers.Embedding(9, 4, mask_zero=True, name="embedding")(tokens)
    model = keras.Model(tokens, keras.layers.GlobalAveragePooling1D(name="mean")(embedded))
    x = np.array([[3, 4, 0, 0, 0]])
    double = Change("embedding", np.full((1, 1, 1), 2, np.float32), np.zeros((1, 1, 1), np.float32))
    found = run_pass(core.Extractor(model), x, PassSpec(changed=("embedding",), with_answer=True), changes=[double])

    np.testing.assert_allclose(found.answer, 2 * np.asarray(model(x)), atol=1e-6)


def test_channels_first_are_changed_and_returned_with_the_channels_last():
    keras.utils.set_random_seed(2)
    given = keras.Input((2, 6, 5), name="image")
    maps = keras.layers.Permute((2, 3, 1), name="turn")(given)
    maps = keras.layers.Conv2D(3, 3, name="conv")(maps)
    back = keras.layers.Permute((3, 1, 2), name="back")(maps)
    model = keras.Model(given, keras.layers.GlobalAveragePooling2D(data_format="channels_first", name="mean")(back))
    x = random.normal(size=(1, 2, 6, 5)).astype(np.float32)
    found = run_pass(core.Extractor(model), x, PassSpec("mean", points=("conv",)), units=1)

    np.testing.assert_allclose(found.gradients["conv"][0, ..., 1], np.full((4, 3), 1 / 12), atol=1e-6)
    assert not found.gradients["conv"][..., [0, 2]].any()


def test_shuffled_weights_change_the_answer_of_that_pass_only():
    model = dense_model()
    x = random.normal(size=(4, 5)).astype(np.float32)
    extractor = core.Extractor(model)
    spec = PassSpec("answer")
    first = run_pass(extractor, x, spec, units=0).objective
    shuffled = run_pass(extractor, x, PassSpec("answer", shuffled=1), units=0).objective

    assert np.abs(shuffled - first).max() > 0.05
    np.testing.assert_array_equal(run_pass(extractor, x, PassSpec("answer", shuffled=1), units=0).objective, shuffled)
    np.testing.assert_array_equal(run_pass(extractor, x, spec, units=0).objective, first)


def test_a_second_pass_of_the_same_kind_traces_nothing():
    traced = []

    class Counted(keras.layers.Layer):
        def call(self, inputs):
            traced.append(1)
            return inputs * 2

    model = keras.Sequential([keras.Input((5,), name="x"), Counted(), keras.layers.Dense(3, name="answer")])
    extractor = core.Extractor(model)
    spec = PassSpec("answer", points=("input:x",))
    run_pass(extractor, np.ones((2, 5), np.float32), spec, units=0)
    before = len(traced)
    run_pass(extractor, np.ones((7, 5), np.float32), spec, units=2)

    assert len(traced) == before


def test_what_is_not_there_is_said():
    extractor = core.Extractor(dense_model())
    x = np.ones((1, 5), np.float32)
    with pytest.raises(core.InputRejected, match=r"nowhere.*Name layers by their key"):
        run_pass(extractor, x, PassSpec("nowhere"))
    with pytest.raises(core.ExtractionFailed, match="Compare the shape"):
        run_pass(extractor, np.ones((1, 4), np.float32), PassSpec("answer"))


def lookup_model():
    """Image to number of its brightest column, to a vector of its own, to an answer: argmax stands in between."""
    given = keras.Input((4, 6), name="image")
    column = keras.layers.Lambda(lambda x: keras.ops.argmax(x, axis=-1), name="brightest")(given)
    vectors = keras.layers.Embedding(6, 3, name="embedding")(column)
    pooled = keras.layers.GlobalAveragePooling1D(name="mean")(vectors)
    return keras.Model(given, keras.layers.Dense(2, name="answer")(pooled))


def test_the_layer_that_stops_a_gradient_is_named():
    extractor = core.Extractor(lookup_model())
    x = random.normal(size=(1, 4, 6)).astype(np.float32)
    behind = gradient_entry(extractor, x, Target("answer", 0))
    nothing = gradient_entry(extractor, x, Target("brightest", 0))

    assert behind.keys == ("embedding",)
    assert behind.stopped_by == "Layer 'brightest' (Lambda) answers int32, which no gradient goes through."
    assert nothing.keys == ()
    assert "'brightest'" in nothing.stopped_by


def test_tokens_are_entered_at_their_embedding():
    tokens = keras.Input((5,), dtype="int32", name="tokens")
    embedded = keras.layers.Embedding(9, 4, name="embedding")(tokens)
    model = keras.Model(tokens, keras.layers.Dense(2, name="answer")(keras.layers.Flatten()(embedded)))
    found = gradient_entry(core.Extractor(model), np.array([[1, 2, 3, 4, 5]]), Target("answer", 0))

    assert found.keys == ("embedding",)
    assert found.stopped_by == "Input 'tokens' is whole numbers, by which there is no gradient."


def test_of_several_inputs_those_without_a_gradient_are_named():
    number, token = keras.Input((3,), name="number"), keras.Input((1,), dtype="int32", name="token")
    embedded = keras.layers.Flatten()(keras.layers.Embedding(4, 2, name="embedding")(token))
    model = keras.Model(
        [number, token], keras.layers.Dense(2, name="answer")(keras.layers.Concatenate()([number, embedded]))
    )
    found = gradient_entry(core.Extractor(model), [np.ones((1, 3), np.float32), np.array([[2]])], Target("answer", 0))

    assert found.keys == ("input:number", "embedding")
    assert found.changeable == ("input:number", "embedding")
    assert found.stopped_by == "Input 'token' is whole numbers, by which there is no gradient."
