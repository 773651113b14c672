"""How charts look on the page of a report: readable on a light and on a dark background, without being drawn anew.

Each colour is an expression of Vega that looks at the chart's background, which is a signal: where the reader's system
turns dark, or the page is printed, only that is set.
"""

from __future__ import annotations

from typing import Any, Final

from core.charts.specifications import with_readable_text

__all__ = ["BACKGROUNDS", "CONFIG"]

BACKGROUNDS: Final = {"light": "#ffffff", "dark": "#14161c"}
"""Those of the page, as its style sheet has them."""
_FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"


def _on(light: str, dark: str) -> dict[str, str]:
    return {"expr": f"background && luminance(background) < 0.4 ? '{dark}' : '{light}'"}


_TEXT: Final = _on("#23262e", "#e6e8ee")
_LINE: Final = _on("#b3b8c2", "#5a6070")
_GRID: Final = _on("#e7e9ee", "#2b2f3a")
_OWN: Final[dict[str, Any]] = {
    "axis": {"gridColor": _GRID, "domainColor": _LINE, "tickColor": _LINE},
    "title": {"color": _TEXT},
    "text": {"color": _TEXT},
    "view": {"stroke": _GRID},
}
_READABLE: Final = with_readable_text({})["config"]
CONFIG: Final[dict[str, Any]] = {
    **_READABLE,
    **{name: {**_READABLE.get(name, {}), **settings} for name, settings in _OWN.items()},
    "font": _FONT,
    # The page says what a chart shows; a reader of screens would hear each mark besides.
    "aria": False,
}
"""Configuration of every chart; what a chart says itself stays."""
