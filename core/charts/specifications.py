"""Vega-Lite charts as dicts, as they cross to a page: what can be asked of them, and done to them, without Altair."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["MUTED_TEXT", "UNIT_LINK", "has_own_width", "with_readable_text"]

_MUTED_ON: Final = {"light": "#5f6470", "dark": "#a3a8b4"}
"""5.9:1 on white and 7:1 on the dark of the page; WCAG 2.2 asks for 4.5:1, which no single colour reaches on both."""
MUTED_TEXT: Final = f"background && luminance(background) < 0.4 ? '{_MUTED_ON['dark']}' : '{_MUTED_ON['light']}'"
"""Expression of the colour of small text, readable on a light and on a dark page."""
UNIT_LINK: Final = "unit_link"
"""Name of the selection that leads to a unit, whichever options a picture has."""
_SMALLEST: Final = 12
_GUIDE: Final[dict[str, Any]] = {
    "labelColor": {"expr": MUTED_TEXT},
    "titleColor": {"expr": MUTED_TEXT},
    "labelFontSize": _SMALLEST,
    "titleFontSize": _SMALLEST,
}
_CONFIG: Final[dict[str, dict[str, Any]]] = {
    "axis": _GUIDE,
    "legend": _GUIDE,
    "header": _GUIDE,
    "title": {"subtitleColor": {"expr": MUTED_TEXT}, "subtitleFontSize": _SMALLEST},
}


def has_own_width(specification: Mapping[str, Any]) -> bool:
    """Return whether a Vega-Lite chart says how wide it is; others take the width of their place."""
    composed = {"hconcat", "vconcat", "concat", "facet", "repeat"} & specification.keys()
    return bool(composed) or "width" in specification


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
