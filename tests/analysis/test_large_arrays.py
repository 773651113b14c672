import numpy as np
import pytest

from core.analysis import large_arrays


def noise(*shape):
    values = np.random.default_rng(1).standard_normal(shape, dtype=np.float32)
    values.reshape(-1)[::1000] = 0
    return values


ARRAYS = {
    "small": noise(3, 4),
    "large": noise(3_000_001),
    "turned": np.moveaxis(noise(300, 310, 40), -1, 0),
    "every second": noise(2000, 2001)[:, ::2],
    "whole numbers": np.arange(3_000_000).reshape(3, -1) - 5,
    "truths": np.arange(2_500_000) % 3 == 0,
    "half": noise(1500, 1500).astype(np.float16),
    "nothing": noise(0, 4),
}


@pytest.fixture(params=[*ARRAYS, "broken", "all broken"])
def values(request):
    if request.param in ARRAYS:
        return ARRAYS[request.param]
    broken = np.moveaxis(noise(300, 310, 40), -1, 0).copy()
    broken.reshape(-1)[::7], broken.reshape(-1)[::11], broken.reshape(-1)[::13] = np.nan, np.inf, -np.inf
    return broken if request.param == "broken" else np.full_like(broken, np.nan)


def test_statistics_are_those_of_numpy(values):
    known, finite = large_arrays.value_statistics(values), values[np.isfinite(values)].astype(np.float64)

    assert (known.size, known.finite) == (values.size, finite.size)
    assert (known.zeros, known.negatives) == ((values == 0).sum(), (values < 0).sum())
    assert (known.nans, known.infinities) == (np.isnan(values).sum(), np.isinf(values).sum())
    assert large_arrays.count_not_finite(values) == values.size - finite.size
    if not finite.size:
        assert large_arrays.finite_range(values) is None
        return
    assert large_arrays.finite_range(values) == (known.minimum, known.maximum) == (finite.min(), finite.max())
    assert known.mean == pytest.approx(finite.mean(), rel=1e-9, abs=1e-12)
    assert known.deviation == pytest.approx(finite.std(), rel=1e-9)
    counts, edges = large_arrays.histogram_counts(values, 30, known.minimum, known.maximum)
    expected, expected_edges = np.histogram(finite, 30)
    np.testing.assert_array_equal(counts, expected)
    np.testing.assert_allclose(edges, expected_edges)


def test_blocks_hold_every_value_once(values):
    assert sum(block.size for block in large_arrays.blocks(values)) == values.size
    assert all(block.size <= 2 << 20 for block in large_arrays.blocks(values))


@pytest.mark.parametrize("layout", ["channels last", "maps first", "few"])
@pytest.mark.parametrize("broken", [False, True])
def test_statistics_of_maps(layout, broken):
    maps = noise(300, 200, 3) if layout == "few" else noise(150, 200, 50)
    if broken:
        maps.reshape(-1)[::7], maps.reshape(-1)[3::11] = np.nan, np.inf
    maps = np.moveaxis(maps, -1, 0)
    maps = np.ascontiguousarray(maps) if layout == "maps first" else maps
    known, clean = large_arrays.map_statistics(maps), np.where(np.isfinite(maps), maps, 0).astype(np.float64)

    np.testing.assert_allclose(known.minimum, clean.min(axis=(1, 2)))
    np.testing.assert_allclose(known.maximum, clean.max(axis=(1, 2)))
    np.testing.assert_allclose(known.mean, clean.mean(axis=(1, 2)), atol=1e-9)
    np.testing.assert_allclose(known.strength, np.abs(clean).mean(axis=(1, 2)))
    np.testing.assert_allclose(known.zeros, (clean == 0).mean(axis=(1, 2)))
    np.testing.assert_array_equal(known.not_finite, (~np.isfinite(maps)).sum(axis=(1, 2)))


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 3), (7, 7), (1, 5), (400, 400)])
def test_averages_of_neighbours(rows, columns):
    maps = np.moveaxis(noise(101, 210, 60), -1, 0)
    small = large_arrays.averaged(maps, rows, columns)

    assert small.shape == (60, -(-101 // rows), -(-210 // columns))
    last = maps[:, (101 - 1) // rows * rows :, (210 - 1) // columns * columns :]
    np.testing.assert_allclose(small[:, -1, -1], last.mean(axis=(1, 2), dtype=np.float64), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(small[:, 0, 0], maps[:, :rows, :columns].mean(axis=(1, 2), dtype=np.float64), atol=1e-6)
