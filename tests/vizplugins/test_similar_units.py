import numpy as np
import pytest

from core.analysis.unit_statistics import correlations_with, largest_by_chance
from core.plugins.registry import Registry

registry = Registry()
RANDOM = np.random.default_rng(4)


def drawn(activation, **options):
    return registry.draw("similar-units", activation, options)


def bars(drawing):
    rows = [rows for rows in drawing.pictures[0].specification["datasets"].values() if "name" in rows[0]]
    return [(row["name"], row["correlation"]) for row in rows[0]]


@pytest.fixture
def planted(make_activation, make_context):
    """Unit 2 is twice unit 0 and a little noise, unit 3 its opposite, unit 4 dead, the others are of their own."""
    values = RANDOM.normal(size=(40, 6)).astype(np.float32)
    values[:, 2] = 2 * values[:, 0] + 0.1 * RANDOM.normal(size=40)
    values[:, 3] = 3 - values[:, 0] + 0.1 * RANDOM.normal(size=40)
    values[:, 4] = 7
    return make_activation(values, context=make_context(labels=np.arange(40) % 2, class_names=("cat", "dog")))


def test_a_planted_twin_comes_first_and_its_opposite_last(planted):
    drawing = drawn(planted, unit=0)
    names = [name for name, _ in bars(drawing)]

    assert (names[0], names[-1]) == ("unit 2", "unit 3")
    assert "unit 4" not in names
    assert drawing.pictures[0].caption == (
        "Like unit 0 of layer, and unlike it: 40 samples; left out: 1 unit of the same answer to all"
    )
    assert drawing.pictures[1].caption.startswith("unit 2 of layer beside it: correlation 0.99")
    assert [picture.selections for picture in drawing.pictures] == [("unit",), ("sample",)]


def test_correlations_are_those_of_numpy(planted):
    values = planted.values.astype(np.float64)
    expected = np.corrcoef(values[:, [0, 1, 2, 3, 5]], rowvar=False)[0]

    np.testing.assert_allclose(correlations_with(values, 0)[[0, 1, 2, 3, 5]], expected, atol=1e-12)
    assert np.isnan(correlations_with(values, 0)[4])


def test_of_many_units_the_ends_are_drawn(make_activation):
    values = RANDOM.normal(size=(30, 100)).astype(np.float32)
    shown = bars(drawn(make_activation(values), unit=7))
    expected = np.sort(np.delete(np.corrcoef(values, rowvar=False)[7], 7))[::-1]

    assert len(shown) == 16
    assert [value for _, value in shown] == pytest.approx([*expected[:8], *expected[-8:]], abs=1e-5)


def test_over_maps_the_mean_or_the_maximum_counts(make_activation):
    values = RANDOM.normal(size=(12, 3, 4, 5)).astype(np.float32)
    activation = make_activation(values, bases=("Conv2D", "BaseConv", "Layer"))

    by = {"mean": values.mean(axis=(1, 2)), "maximum": values.max(axis=(1, 2))}
    for name, features in by.items():
        expected = dict(enumerate(np.corrcoef(features, rowvar=False)[2]))
        for label, value in bars(drawn(activation, unit=2, by=name)):
            assert value == pytest.approx(expected[int(label.split()[1])], abs=1e-5)


def test_what_cannot_be_compared_is_said(planted, make_activation):
    assert drawn(planted, unit=4).refusal == "Unit 4 answers the same to all samples: nothing is like it."
    few = make_activation(RANDOM.normal(size=(3, 4)).astype(np.float32))
    assert "similar-units" not in [each.name for each in registry.publish(few)]


def test_units_of_their_own_stay_within_what_chance_explains(make_activation):
    outside = 0
    for seed in range(40):
        values = np.random.default_rng(seed).normal(size=(100, 128))
        outside += np.abs(np.delete(correlations_with(values, 0), 0)).max() > largest_by_chance(100, 127)

    assert outside <= 6  # 2 of 40 are to be expected
