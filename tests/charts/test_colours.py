import numpy as np
import pytest

from core.charts.colours import ColourScale, magnitude_scale


@pytest.mark.parametrize(("low", "high", "scheme"), [(0, 1, "viridis"), (-1, 1, "blueorange"), (-0.01, 1, "viridis")])
def test_automatic_colours_suit_ends_that_are_fixed(low, high, scheme):
    scale = ColourScale(low, high, "automatic")

    assert scale == ColourScale(low, high) == ColourScale(low, high, scheme)
    assert len(scale.palette()) == 256


def test_every_function_that_takes_a_scheme_takes_the_automatic_one():
    values = np.linspace(0, 3, 6)

    assert magnitude_scale(values, "automatic") == magnitude_scale(values)
