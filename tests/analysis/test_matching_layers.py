"""A converted model against the one that it was made from."""

import numpy as np
import pytest

import core
from core.analysis.comparison import compare_models, first_that_differs
from core.analysis.matching_layers import layers_alike
from tests.support.lite_files import KINDS, digits_lite


def lite(kind):
    return core.Extractor(core.load_model(digits_lite(kind), name="digits.tflite"))


@pytest.mark.parametrize("kind", KINDS)
def test_layers_are_matched_by_what_they_answer(kind, digits):
    found = compare_models(digits[0], lite(kind), digits[1])

    last = "dequantize" if kind == "int8 inside" else "softmax"
    assert {key: partner for key, partner in found.partners.items() if key != "probabilities"} == {
        key: key for key in ("conv_1", "conv_2", "pool", "flatten", "dense")
    }
    # What bears the name of the last layer in Keras has no softmax yet.
    assert found.partners["probabilities"] in ("softmax", last)
    assert first_that_differs(found.distances, 0.05) == ""
    assert found.flips == ()


def test_the_error_is_the_relative_rms_error(digits):
    extractor, dataset = digits
    converted = lite("int8")
    found = compare_models(extractor, converted, dataset)
    inputs = core.arrange(extractor.model, dataset.arrays)
    one, other = (each.extract(inputs)["conv_2"].values for each in (extractor, converted))
    rms = np.sqrt(np.mean((other - one) ** 2)) / np.sqrt(np.mean(one**2))

    assert found.distances["conv_2"] == pytest.approx(rms, rel=1e-4)
    assert 0 < rms < 0.05


def test_the_samples_whose_answer_flips_are_found(digits):
    extractor, dataset = digits
    converted = lite("int8 of dark samples")
    found = compare_models(extractor, converted, dataset)
    inputs = core.arrange(extractor.model, dataset.arrays)
    one, other = (each.extract(inputs).output.argmax(axis=1) for each in (extractor, converted))

    assert found.flips
    assert [each.sample for each in found.flips] == np.flatnonzero(one != other).tolist()
    assert [each.first for each in found.flips] == one[one != other].tolist()
    assert [each.second for each in found.flips] == other[one != other].tolist()
    assert first_that_differs(found.distances, 0.05) == "conv_1"


def test_either_may_be_the_first(digits):
    found = compare_models(lite("float32"), digits[0], digits[1])
    assert found.partners["softmax"] == "probabilities"
    assert "probabilities" not in found.partners


def test_two_keras_models_are_matched_by_name(digits):
    found = compare_models(digits[0], digits[0], digits[1])
    assert all(key == partner for key, partner in found.partners.items())


def test_no_layer_is_set_against_one_that_comes_before_its_neighbours(digits):
    extractor, dataset = digits
    answers = extractor.extract(core.arrange(extractor.model, dataset.arrays))
    assert layers_alike(answers, answers) == {key: key for key in answers}


def test_a_picture_of_both_is_given_the_layer_that_answers_alike(digits):
    from core.analysis.other_model import other_model_of

    extractor, dataset = digits
    inputs = core.arrange(extractor.model, dataset.arrays)
    activations = extractor.extract(inputs, layers=["probabilities", "conv_2"])
    other = other_model_of(lite("int8"))

    assert other.layer_like(activations["probabilities"]).key == "softmax"
    assert other.layer_like(activations["conv_2"]).key == "conv_2"


def test_shapes_are_in_no_matrix_of_similarities(digits):
    found = compare_models(digits[0], lite("float32"), digits[1])
    assert found.second_layers == ("conv_1", "conv_2", "pool", "flatten", "dense", "probabilities", "softmax")
    assert np.isfinite(found.similarity).all()
