"""Statistics that stream, against NumPy on all values at once."""

import itertools

import numpy as np
import pytest

import core
from core.extraction.dataset.histogram import StreamedHistogram
from core.extraction.dataset.statistics import TOP_SAMPLES, LayerStatistics
from core.extraction.dataset.survey import chunks_of, draw_every, reduce_chunk


def answers(example, key):
    """Return what a layer answers as ``(sample, place, unit)``, padding as NaN."""
    extractor, dataset = example
    activation = extractor.extract(core.arrange(extractor.model, dataset.arrays))[key]
    values = activation.values.astype(np.float64)
    if activation.mask is not None and values.ndim == 3:
        values = np.where(activation.shown[..., None], values, np.nan)
    return values.reshape(len(values), -1, values.shape[-1])


def in_chunks(example, size, batch=8):
    extractor, dataset = example
    found = core.Survey()
    for chunk in chunks_of(dataset.sample_count, size):
        starts = range(chunk.start, chunk.stop, batch)
        batches = [dataset.batch(start, min(start + batch, chunk.stop)) for start in starts]
        labels = dataset.labels[chunk.start : chunk.stop]
        found = found.merged(reduce_chunk(extractor, batches, chunk.start, labels, dataset.group_count, 1))
    return found


@pytest.mark.parametrize(
    ("example", "key"),
    [
        ("digits", "conv_2"),
        ("digits", "dense"),
        ("motions", "conv_1"),
        ("reviews", "attention"),
        ("reviews", "embedding"),
    ],
)
def test_a_pass_gives_what_numpy_gives(request, example, key):
    example = request.getfixturevalue(example)
    extractor, dataset = example
    key = next(layer.key for layer in extractor.layers if key in layer.key)
    found = core.survey(extractor, dataset).statistics[key]
    values = answers(example, key)
    flat = values.reshape(-1, values.shape[-1])

    assert found.sample_count == dataset.sample_count
    np.testing.assert_allclose(found.mean, np.nanmean(flat, axis=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.variance, np.nanvar(flat, axis=0), rtol=1e-2, atol=1e-4)
    np.testing.assert_allclose(found.minimum, np.nanmin(flat, axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.maximum, np.nanmax(flat, axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found.value_count, np.isfinite(flat).sum(axis=0))
    strongest = np.nanmax(values, axis=1)
    np.testing.assert_allclose(found.top_answers, -np.sort(-strongest, axis=0)[:TOP_SAMPLES], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.bottom_answers, np.sort(strongest, axis=0)[:TOP_SAMPLES], rtol=1e-5, atol=1e-6)
    for number in np.unique(dataset.labels):
        mean = np.nanmean(values[dataset.labels == number], axis=1).mean(axis=0)
        np.testing.assert_allclose(found.class_means[number], mean, rtol=1e-3, atol=1e-5)


def test_top_samples_are_those_that_answered_so(digits):
    found = core.survey(*digits).statistics["dense"]
    values = answers(digits, "dense")[:, 0]

    for unit in range(found.unit_count):
        np.testing.assert_allclose(values[found.top[:, unit], unit], found.top_answers[:, unit], rtol=1e-5, atol=1e-6)


def test_parts_that_are_merged_are_the_whole(digits):
    whole, parts = in_chunks(digits, 500), in_chunks(digits, 24, batch=5)

    assert list(whole.statistics) == list(parts.statistics)
    np.testing.assert_array_equal(whole.predictions, parts.predictions)
    for key, one in whole.statistics.items():
        other = parts.statistics[key]
        for name in ("mean", "variance", "minimum", "maximum", "class_means"):
            np.testing.assert_allclose(getattr(other, name), getattr(one, name), rtol=1e-3, atol=1e-5, err_msg=name)
        np.testing.assert_allclose(other.top_answers, one.top_answers, rtol=1e-5, atol=1e-6)
        assert (other.histogram.counts.sum(axis=1) == one.histogram.counts.sum(axis=1)).all()


def test_a_survey_that_was_begun_goes_on(digits):
    extractor, dataset = digits
    whole = core.survey(extractor, dataset)
    seen = []
    again = core.survey(extractor, dataset, progress=lambda done, count: seen.append(done), begun=whole)

    assert again is whole
    assert seen == []


def test_what_is_not_finite_is_counted_and_left_out(planted_model, numbers):
    found = core.survey(core.Extractor(planted_model({"nan"})), numbers).statistics

    assert found["second"].nan_count.tolist() == [0, 0, 300] + [0] * 9
    assert found["second"].first_not_finite[2] == 0
    assert np.isfinite(found["second"].mean).all()
    assert found["second"].finite_samples[2] == 0
    assert (found["first"].nan_count == 0).all()


def test_statistics_come_back_from_arrays(digits):
    one = core.survey(*digits).statistics["conv_1"]
    other = LayerStatistics.from_arrays(one.to_arrays())

    for name, values in one.to_arrays().items():
        np.testing.assert_array_equal(other.to_arrays()[name], values)


class TestHistogram:
    values = np.random.default_rng(0).normal(size=(400, 5)) * [1e-3, 1, 100, 0, 5] + [0, 5, -3, 2, 1e4]

    def test_it_counts_as_numpy_does(self):
        found = StreamedHistogram.of(self.values[:90])
        for start in range(90, 400, 31):
            found = found.merged(StreamedHistogram.of(self.values[start : start + 31]))

        for unit in range(5):
            counts, edges = found.of_unit(unit)
            assert counts.sum() == 400
            assert len(counts) <= 64
            column = self.values[:, unit]
            expected = [((column >= low) & (column < high)).sum() for low, high in itertools.pairwise(edges)]
            assert counts.tolist() == expected

    def test_it_uses_its_bins(self):
        assert len(StreamedHistogram.of(self.values).of_unit(1)[0]) > 30

    def test_nothing_to_count(self):
        empty = StreamedHistogram.of(np.full((3, 2), np.nan))

        assert [len(each) for each in empty.of_unit(0)] == [0, 0]
        assert empty.merged(StreamedHistogram.of(self.values[:, :2])).counts.sum(axis=1).tolist() == [400, 400]


def test_values_are_drawn_from_all_over_a_dataset():
    assert draw_every(100) == 1
    assert 1_000_000 // draw_every(1_000_000) in range(400, 520)
