"""Clicks on a chart that come back as options."""

from __future__ import annotations

import altair as alt

from core.charts.specifications import UNIT_LINK

__all__ = ["UNIT_LINK", "clicked", "dragged", "unit_link"]


def clicked(name: str, field: str = "") -> alt.Parameter:
    """Return a selection parameter that holds what was clicked last; a click beside everything leaves it as it is.

    Args:
        name: Name of the parameter; one that an option bears too comes back as that option.
        field: Column whose value it holds, where that is not called as the parameter is.
    """
    return alt.selection_point(name=name, fields=[field or name], on="click", clear=False)


def unit_link() -> alt.Parameter:
    """Return a selection parameter that leads to the unit that is clicked: of any layer, for every page.

    The data have a column ``layer`` with the key of its layer, and ``unit`` with its number.
    """
    return alt.selection_point(name=UNIT_LINK, fields=["layer", "unit"], on="click", clear=False)


def dragged(name: str) -> alt.Parameter:
    """Return a selection parameter that holds what is dragged over a chart, along both axes.

    Args:
        name: Name of the parameter; a :data:`core.plugins.visualizer.Region` option that bears it too gets the region.
    """
    return alt.selection_interval(name=name, encodings=["x", "y"], clear=False, zoom=False)
