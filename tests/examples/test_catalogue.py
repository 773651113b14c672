import dataclasses
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.errors import InputRejected
from core.examples.catalogue import Example, get_example, list_examples

NAMES = ["digits-cnn", "digits-dense", "motions-conv1d", "reviews-transformer", "vowels-lstm"]
MEGABYTE = 1_000_000


def example_parameters():
    return [pytest.param(example, id=example.name) for example in list_examples()]


def open_model(example: Example) -> keras.Model:
    return keras.models.load_model(example.model_path, compile=False, safe_mode=True)


def predict(model: keras.Model, inputs: dict[str, np.ndarray]) -> np.ndarray:
    # Keras warns of a dict where the model was built on one bare input, and has no type for NumPy's unicode arrays.
    (values,) = inputs.values()
    return model.predict(tf.constant(values), verbose=0)


def test_the_example_for_newcomers_comes_first():
    assert [example.name for example in list_examples()] == NAMES


def test_an_example_is_found_by_name():
    assert get_example("vowels-lstm").name == "vowels-lstm"


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(InputRejected) as caught:
        get_example("digits-rnn")

    assert "digits-rnn" in caught.value.message
    assert all(name in caught.value.remedy for name in NAMES)


def test_listing_does_not_import_tensorflow():
    code = (
        "import sys; from core.examples.catalogue import list_examples; "
        "[example.samples() for example in list_examples()]; "
        "sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("example", example_parameters())
class TestEachExample:
    def test_card_is_complete(self, example):
        optional = {"feature_names"}
        for field in dataclasses.fields(example):
            assert getattr(example, field.name) or field.name in optional, field.name
        assert example.input_kind in {"image", "vector", "sequence", "text"}
        assert 0 < example.accuracy <= 1

    def test_files_are_small(self, example):
        assert example.model_path.stat().st_size < MEGABYTE
        assert example.model_path.with_name("samples.npz").stat().st_size < MEGABYTE / 5

    def test_samples_fit_the_model(self, example):
        model = open_model(example)
        inputs, labels = example.samples()

        assert set(inputs) == {tensor.name for tensor in model.inputs}
        for tensor in model.inputs:
            assert inputs[tensor.name].shape == (len(labels), *tensor.shape[1:])
            assert inputs[tensor.name].dtype.kind == ("U" if tensor.dtype == "string" else "f")
        if example.feature_names:
            (values,) = inputs.values()
            assert values.shape[-1] == len(example.feature_names)

    def test_labels_name_classes(self, example):
        _, labels = example.samples()

        assert labels.dtype == np.int64
        # Every class is shown, and nothing else.
        assert set(labels.tolist()) == set(range(len(example.class_names)))
        assert len(labels) <= example.held_out_count

    def test_model_is_as_accurate_as_its_card_says(self, example):
        model = open_model(example)
        inputs, labels = example.samples()

        probabilities = predict(model, inputs)

        assert probabilities.shape == (len(labels), len(example.class_names))
        # Under a hundred samples scatter by some percent around the accuracy on all held-out ones.
        assert np.mean(probabilities.argmax(axis=-1) == labels) >= example.accuracy - 0.06

    def test_model_is_made_of_keras_layers_only(self, example):
        model = open_model(example)

        for layer in model.layers:
            assert type(layer).__module__.startswith("keras.")
            assert not isinstance(layer, keras.layers.Lambda)
        assert not model.compiled
        assert example.featured_layer in {layer.name for layer in model.layers}


def test_the_text_example_ignores_padding():
    model = open_model(get_example("reviews-transformer"))
    words, mean = (model.get_layer(name).output for name in ("encoded_words", "mean_over_words"))

    encoded, pooled = keras.Model(model.inputs, [words, mean])([tf.constant(["great film"])])

    np.testing.assert_allclose(pooled, encoded[:, :2].numpy().mean(axis=1), atol=1e-5)


def test_the_text_example_answers_an_empty_text():
    model = open_model(get_example("reviews-transformer"))

    assert np.isfinite(model(tf.constant([""]))).all()
