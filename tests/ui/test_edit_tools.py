"""What the tools of the page Edit are given, whatever the numbers of an input are."""

import math

import pytest

from ui.edit_tools import feature_range


@pytest.mark.parametrize(
    ("low", "high", "value", "expected"),
    [
        (0.0, 2.0, 1.0, (0, 2)),
        (0.0, 2.0, -3.0, (-3, 2)),
        (0.0, 2.0, math.inf, (0, 2)),
        (0.0, 2.0, math.nan, (0, 2)),
        (5.0, 5.0, 5.0, (4, 6)),
        (1e18, 1e18, 1e18, (1e18 - 1e15, 1e18 + 1e15)),
    ],
)
def test_a_feature_has_a_range_that_a_slider_can_show(low, high, value, expected):
    assert feature_range(low, high, value) == expected
    assert (expected[1] - expected[0]) / 200 > 0
