import numpy as np
import pytest
import vl_convert

from core.plugins.registry import Registry

registry = Registry()
RANDOM = np.random.default_rng(0)


def drawn(activation, **options):
    specification = registry.draw("histogram", activation, options).specification
    assert len(vl_convert.vegalite_to_png(specification)) > 1_000
    return specification


def rows(specification):
    (data,) = specification["datasets"].values()
    return data


def test_every_value_of_the_sample_is_counted_once(make_activation):
    values = RANDOM.normal(size=(3, 500)).astype(np.float32)
    bins = rows(drawn(make_activation(values), sample=1, bins=20))

    assert len(bins) == 20
    assert sum(each["count"] for each in bins) == 500
    assert bins[0]["start"] == pytest.approx(values[1].min())
    assert bins[-1]["end"] == pytest.approx(values[1].max())
    edge = bins[10]["start"]
    assert sum(each["count"] for each in bins[:10]) == (values[1] < edge).sum()


def test_over_all_samples(make_activation):
    specification = drawn(make_activation(RANDOM.normal(size=(3, 8, 8, 4))), over="all samples")

    assert sum(each["count"] for each in rows(specification)) == 3 * 8 * 8 * 4
    assert specification["title"]["text"] == "768 values of layer"
    assert "3 samples" in specification["title"]["subtitle"][0]


def test_the_title_says_the_sample_and_its_zeros(make_activation, make_context):
    values = np.array([[1.0, 1, 1, 1], [0, 0, 0, 2]])
    specification = drawn(make_activation(values, context=make_context(first=40)), sample=1)

    assert specification["title"]["subtitle"] == ["sample 41, 75.0 % exactly zero"]


def test_logarithmic_counts_have_no_empty_bins_and_end_on_the_axis(make_activation):
    values = np.concatenate([np.zeros(1_000), [10.0]])[None]
    specification = drawn(make_activation(values), logarithmic=True)

    assert [each["count"] for each in rows(specification)] == [1_000, 1]
    assert specification["encoding"]["y"]["scale"]["type"] == "log"
    assert specification["encoding"]["y2"]["datum"] == specification["encoding"]["y"]["scale"]["domainMin"]


def test_values_that_are_not_finite_are_counted_apart(make_activation):
    specification = drawn(make_activation([[np.nan, np.inf, -np.inf, 1.0, 2.0]]))

    assert sum(each["count"] for each in rows(specification)) == 2
    assert "3 of 5 values are NaN or infinite" in specification["title"]["subtitle"]


@pytest.mark.parametrize("logarithmic", [False, True])
@pytest.mark.parametrize(
    ("values", "counted"),
    [([[np.nan, np.nan]], 0), ([[3.0, 3.0]], 2), ([[7]], 1), ([1.0, 2.0], 1), ([[True, False]], 2)],
)
def test_few_or_equal_values(make_activation, values, counted, logarithmic):
    specification = drawn(make_activation(values), logarithmic=logarithmic)

    assert sum(each["count"] for each in rows(specification)) == counted


def test_half_precision_does_not_overflow(make_activation):
    values = np.full((1, 100), 60_000, np.float16)
    values[0, 0] = -60_000

    assert sum(each["count"] for each in rows(drawn(make_activation(values)))) == 100


@pytest.mark.parametrize(
    ("values", "reason"),
    [(np.array([["word"]]), "takes numbers, this layer answers text"), (np.zeros((2, 0)), "needs at least one value")],
)
def test_refusals(make_activation, values, reason):
    match = registry.get("histogram").handles.match(make_activation(values))

    assert not match.handled
    assert match.reason.startswith(reason)


def test_counts_on_the_axis_are_whole_numbers(make_activation):
    """With the format "," alone the axis of 250 values said 2.5e+2."""
    drawing = registry.draw("histogram", make_activation(np.zeros((1, 250))))
    picture = vl_convert.vegalite_to_svg(drawing.specification)

    assert "e+" not in picture
    assert ">250<" in picture
