"""A picture that keeps something of each drawing is found, and one whose caches fill once is not."""

import functools

import altair as alt
import numpy as np
import pytest

from core.plugins.handles import Handles
from core.plugins.registry import get_registry
from core.plugins.visualizer import Visualizer
from vizplugins.testing import check_memory, run_memory_check


class Sound(Visualizer):
    """A dot."""

    name = "sound"
    title = "Sound"
    handles = Handles(layer_types=("Dense",), axes=("sample", "unit"), parts=("output",))
    how_to_read = "It is a dot."
    limitations = "It is only a dot."

    def chart(self, activation, options):
        return alt.Chart(alt.Data(values=[{"a": 1}])).mark_point().encode(x="a:Q")


class KeepsActivations(Sound):
    kept: list = []

    def chart(self, activation, options):
        self.kept.append(activation)
        return super().chart(activation, options)


class KeepsByContent(Sound):
    kept: dict = {}

    def chart(self, activation, options):
        self.kept[activation.values.tobytes()] = activation.values.sum(axis=0)
        return super().chart(activation, options)


class KeepsTheLatest(Sound):
    @functools.lru_cache(maxsize=64)  # noqa: B019 - that is what is tried
    def spread(self, values):
        return np.zeros(1_000) + len(values)

    def chart(self, activation, options):
        self.spread(activation.values.tobytes())
        return super().chart(activation, options)


class FillsOnce(Sound):
    table = None

    def chart(self, activation, options):
        if FillsOnce.table is None:
            FillsOnce.table = np.zeros(100_000)
        return super().chart(activation, options)


class Raises(Sound):
    def chart(self, activation, options):
        return 1 / 0


@pytest.mark.parametrize("picture", [Sound, KeepsTheLatest, FillsOnce])
def test_what_keeps_nothing_or_fills_a_cache_once_passes(picture):
    check_memory(picture())


@pytest.mark.parametrize("picture", [KeepsActivations, KeepsByContent])
def test_what_keeps_something_of_each_drawing_fails_and_says_how_much(picture):
    with pytest.raises(
        AssertionError,
        match=r"fails 1 check:\n\[memory\] it keeps [\d.]+ (bytes|KB) of each drawing: memory grew by [\d.]+ KB while "
        r"it was drawn 100 times, and by [\d.]+ KB in the next 100; keep nothing in a list",
    ):
        check_memory(picture())


def test_one_that_raises_is_told_with_its_line():
    result = run_memory_check(Raises())

    assert (result.passed, result.error) == (False, "ZeroDivisionError")
    assert result.place.startswith(__file__)


@pytest.mark.parametrize("name", ["histogram", "statistics", "input-attribution"])
def test_some_that_ship_keep_nothing(name):
    check_memory(get_registry().get(name))
