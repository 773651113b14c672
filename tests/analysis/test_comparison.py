"""Two models layer by layer, against the formulas they are from."""

import numpy as np
import pytest

import core
from core.analysis import comparison
from core.analysis.comparison import cka, compare_models, compare_samples, first_that_differs
from core.errors import InputRejected

random = np.random.default_rng(0)
FIRST = random.normal(size=(60, 20))
SECOND = FIRST @ random.normal(size=(20, 8)) + random.normal(size=(60, 8))


def test_cka_is_that_of_kornblith_et_al():
    first, second = FIRST - FIRST.mean(axis=0), SECOND - SECOND.mean(axis=0)
    # Equation 8 of the paper, for features.
    own = np.linalg.norm(first.T @ first) * np.linalg.norm(second.T @ second)
    expected = np.linalg.norm(second.T @ first) ** 2 / own

    assert cka(FIRST, SECOND) == pytest.approx(expected, rel=1e-4)
    assert 0.1 < expected < 0.95


def test_cka_does_not_change_with_rotation_scale_and_shift():
    rotation, _ = np.linalg.qr(random.normal(size=(20, 20)))

    assert cka(FIRST, 3 * FIRST @ rotation + 7) == pytest.approx(1, abs=1e-4)
    assert cka(FIRST, random.normal(size=(60, 3))) < 0.5


@pytest.fixture
def changed(digits):
    """The digits model with one channel of its second convolution changed."""
    model = core.load_model(core.get_example("digits-cnn").model_path)
    kernel, bias = model.get_layer("conv_2").get_weights()
    kernel[..., 3] *= 1.5
    model.get_layer("conv_2").set_weights([kernel, bias])
    return core.Extractor(model)


def test_the_first_layer_that_differs_is_named(digits, changed):
    found = compare_models(digits[0], changed, digits[1])

    assert list(found.distances)[:2] == ["conv_1", "conv_2"]
    assert found.distances["conv_1"] == 0
    assert first_that_differs(found.distances) == "conv_2"
    both = [
        each.extract(core.arrange(each.model, digits[1].arrays), layers=["dense"])["dense"].values
        for each in (digits[0], changed)
    ]
    expected = np.linalg.norm(both[1] - both[0]) / np.linalg.norm(both[0])
    assert found.distances["dense"] == pytest.approx(expected, rel=1e-4)


def test_a_model_is_like_itself(digits):
    found = compare_models(digits[0], digits[0], digits[1])

    assert first_that_differs(found.distances) == ""
    np.testing.assert_allclose(np.diag(found.similarity), 1, atol=1e-6)
    np.testing.assert_allclose(found.similarity, found.similarity.T, atol=1e-6)
    assert not found.is_estimate


def test_in_batches_it_is_about_the_same(digits, changed, monkeypatch):
    whole = compare_models(digits[0], changed, digits[1])
    monkeypatch.setattr(comparison, "_MOST_AT_ONCE", 30)
    parts = compare_models(digits[0], changed, digits[1])

    assert parts.is_estimate
    np.testing.assert_allclose(parts.similarity, whole.similarity, atol=0.06)
    np.testing.assert_allclose([*parts.distances.values()], [*whole.distances.values()], rtol=1e-4, atol=1e-7)


def test_models_of_different_inputs_are_refused(digits, motions):
    with pytest.raises(InputRejected, match="does not take the samples") as raised:
        compare_models(digits[0], motions[0], digits[1])
    assert "same inputs" in raised.value.remedy


def test_two_samples(digits):
    extractor, dataset = digits
    found = compare_samples(extractor, dataset, 2, 5)
    values = extractor.extract(core.arrange(extractor.model, dataset.arrays), layers=["dense"])["dense"].values

    assert found["dense"] == pytest.approx(np.linalg.norm(values[5] - values[2]) / np.linalg.norm(values[2]), rel=1e-4)
    assert first_that_differs(compare_samples(extractor, dataset, 2, 2)) == ""
