"""How every chart looks: its text large enough, dark or light enough for what is behind it; its frame; its size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import altair as alt

__all__ = ["FIT", "FRAMELESS", "MUTED_TEXT", "TITLE_LIMIT", "quantity_axis", "with_readable_text"]

_MUTED_ON: Final = {"light": "#5f6470", "dark": "#a3a8b4"}
"""5.9:1 on white and 7:1 on the dark of the page; WCAG 2.2 asks for 4.5:1, which no single colour reaches on both."""
MUTED_TEXT: Final = alt.ExprRef(
    f"background && luminance(background) < 0.4 ? '{_MUTED_ON['dark']}' : '{_MUTED_ON['light']}'"
)
"""Colour of small text, readable on a light and on a dark page; for ``mark_text(color=…)`` and titles."""
TITLE_LIMIT: Final = alt.ExprRef("width ? max(width + 40, 500) : 840")
"""Longest line of a title in pixels: as wide as its chart, or as the column of the page where charts are joined."""
FRAMELESS: Final = alt.ViewBackground(stroke=None)
"""A chart without a frame around it, for ``view=…``."""
FIT: Final = alt.AutoSizeParams(type="fit", contains="padding")
"""A chart whose height and width count its axes and legend too, for ``autosize=…``."""
_SMALLEST: Final = 12
_GUIDE: Final[dict[str, Any]] = {
    "labelColor": MUTED_TEXT.to_dict(),
    "titleColor": MUTED_TEXT.to_dict(),
    "labelFontSize": _SMALLEST,
    "titleFontSize": _SMALLEST,
}
_CONFIG: Final[dict[str, dict[str, Any]]] = {
    "axis": _GUIDE,
    "legend": _GUIDE,
    "header": _GUIDE,
    "title": {"subtitleColor": MUTED_TEXT.to_dict(), "subtitleFontSize": _SMALLEST},
}


def quantity_axis(**settings: Any) -> alt.Axis:
    """Return the axis of a quantity in a low chart: few ticks, short numbers; ``settings`` add to them."""
    return alt.Axis(**{"tickCount": 3, "format": ".3~g", **settings})


def with_readable_text(specification: Mapping[str, Any]) -> dict[str, Any]:
    """Return a Vega-Lite chart whose axes, legends and titles can be read; what it says itself stays.

    Args:
        specification: The chart, which stays as it is.
    """
    own = specification.get("config", {})
    return {
        **specification,
        "config": {**own, **{name: {**text, **own.get(name, {})} for name, text in _CONFIG.items()}},
    }
