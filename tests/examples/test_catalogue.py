import dataclasses
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.errors import InputRejected
from core.examples.catalogue import Example, get_example, list_examples

CLASSIFIERS = ["clips-lstm", "digits-cnn", "digits-dense", "motions-conv1d", "reviews-transformer", "vowels-lstm"]
OTHERS = ["diabetes-regression", "digits-autoencoder", "shapes-segmentation", "tides-forecaster"]
NAMES = ["digits-cnn", *sorted({*CLASSIFIERS, *OTHERS} - {"digits-cnn"})]
MEGABYTE = 1_000_000


def example_parameters(names=NAMES):
    return [pytest.param(example, id=example.name) for example in list_examples() if example.name in names]


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
        optional = {"feature_names", "class_names"}
        for field in dataclasses.fields(example):
            assert getattr(example, field.name) or field.name in optional, field.name
        assert example.input_kind in {"image", "vector", "sequence", "text"}
        assert example.quality.endswith(".")

    def test_files_are_small(self, example):
        samples = example.model_path.with_name("samples.npz")
        assert example.model_path.stat().st_size + samples.stat().st_size < 0.3 * MEGABYTE

    def test_what_it_was_early_is_the_same_model_with_other_weights_and_small(self, example):
        model = open_model(example)
        early = keras.models.load_model(example.early_model_path, compile=False, safe_mode=True)

        assert [(layer.name, type(layer)) for layer in early.layers] == [
            (layer.name, type(layer)) for layer in model.layers
        ]
        assert example.early_name == f"{example.name} after 1 epoch"
        trained = [weight.path for weight in model.trainable_weights]
        moved = [
            path
            for path, before, now in zip(trained, early.trainable_weights, model.trainable_weights, strict=True)
            if not np.array_equal(before, now)
        ]
        assert moved == trained
        # What is learned from the data beforehand, such as words and means, is that of the other.
        for before, now in zip(early.non_trainable_weights, model.non_trainable_weights, strict=True):
            if before.dtype.startswith("float"):
                np.testing.assert_allclose(before, now, rtol=1e-4)
        assert example.early_model_path.stat().st_size < 0.2 * MEGABYTE
        assert not early.compiled

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

        if example.class_names:
            assert labels.dtype == np.int64
            # Every class is shown, and nothing else.
            assert set(labels.reshape(-1).tolist()) == set(range(len(example.class_names)))
        else:
            assert labels.dtype == np.float32

    def test_model_is_made_of_keras_layers_only(self, example):
        model = open_model(example)

        for layer in model.layers:
            assert type(layer).__module__.startswith("keras.")
            assert not isinstance(layer, keras.layers.Lambda)
        assert not model.compiled
        assert example.featured_layer in {layer.name for layer in model.layers}


@pytest.mark.parametrize("example", example_parameters(CLASSIFIERS))
def test_a_classifier_is_as_accurate_as_its_card_says(example):
    inputs, labels = example.samples()

    probabilities = predict(open_model(example), inputs)

    assert probabilities.shape == (len(labels), len(example.class_names))
    # Under a hundred samples scatter by some percent around the accuracy on all held-out ones.
    said = float(re.match(r"Right on ([\d.]+) %", example.quality)[1]) / 100
    assert np.mean(probabilities.argmax(axis=-1) == labels) >= said - 0.06


@pytest.mark.parametrize("example", example_parameters(CLASSIFIERS))
def test_a_classifier_was_early_as_its_card_says_and_is_better_now(example):
    inputs, labels = example.samples()
    early = keras.models.load_model(example.early_model_path, compile=False)

    right = np.mean(predict(early, inputs).argmax(axis=-1) == labels)
    said = float(re.match(r"Right on ([\d.]+) %", example.early_quality)[1]) / 100
    assert right == pytest.approx(said, abs=0.13)
    assert right < np.mean(predict(open_model(example), inputs).argmax(axis=-1) == labels) - 0.05


class TestWhatIsNoClassifier:
    """What an example is worth is more than what one can say without a model."""

    def test_the_mask_lies_over_the_true_one(self):
        inputs, masks = get_example("shapes-segmentation").samples()
        answers = predict(open_model(get_example("shapes-segmentation")), inputs).argmax(axis=-1)

        for number in range(1, 4):
            overlap = ((answers == number) & (masks == number)).sum() / ((answers == number) | (masks == number)).sum()
            assert overlap > 0.6

    def test_the_copy_is_nearer_than_the_mean_picture(self):
        inputs, _ = get_example("digits-autoencoder").samples()
        (images,) = inputs.values()
        copies = predict(open_model(get_example("digits-autoencoder")), inputs)

        assert np.mean((copies - images) ** 2) < 0.4 * np.mean((images.mean(axis=0) - images) ** 2)

    def test_the_forecast_is_better_than_the_day_before(self):
        inputs, ahead = get_example("tides-forecaster").samples()
        (levels,) = inputs.values()
        forecasts = predict(open_model(get_example("tides-forecaster")), inputs)

        assert np.abs(forecasts - ahead).mean() < 0.5 * np.abs(levels[:, -24:, 0] - ahead).mean()

    def test_the_regression_explains_a_good_part(self):
        inputs, progression = get_example("diabetes-regression").samples()
        answers = predict(open_model(get_example("diabetes-regression")), inputs)[:, 0]

        assert np.mean((answers - progression) ** 2) < 0.7 * progression.var()


def test_the_text_example_ignores_padding():
    model = open_model(get_example("reviews-transformer"))
    words, mean = (model.get_layer(name).output for name in ("encoded_words", "mean_over_words"))

    encoded, pooled = keras.Model(model.inputs, [words, mean])([tf.constant(["great film"])])

    np.testing.assert_allclose(pooled, encoded[:, :2].numpy().mean(axis=1), atol=1e-5)


def test_the_text_example_answers_an_empty_text():
    model = open_model(get_example("reviews-transformer"))

    assert np.isfinite(model(tf.constant([""]))).all()
