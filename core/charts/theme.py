"""How every chart looks: its text large enough, dark or light enough for what is behind it; its frame; its size."""

from __future__ import annotations

from typing import Any, Final

import altair as alt

from core.charts import specifications

__all__ = ["FIT", "FRAMELESS", "MUTED_TEXT", "TITLE_LIMIT", "quantity_axis"]

MUTED_TEXT: Final = alt.ExprRef(specifications.MUTED_TEXT)
"""Colour of small text, readable on a light and on a dark page; for ``mark_text(color=…)`` and titles."""
TITLE_LIMIT: Final = alt.ExprRef("width ? max(width + 40, 500) : 840")
"""Longest line of a title in pixels: as wide as its chart, or as the column of the page where charts are joined."""
FRAMELESS: Final = alt.ViewBackground(stroke=None)
"""A chart without a frame around it, for ``view=…``."""
FIT: Final = alt.AutoSizeParams(type="fit", contains="padding")
"""A chart whose height and width count its axes and legend too, for ``autosize=…``."""


def quantity_axis(**settings: Any) -> alt.Axis:
    """Return the axis of a quantity in a low chart: few ticks, short numbers; ``settings`` add to them."""
    return alt.Axis(**{"tickCount": 3, "format": ".3~g", **settings})
