"""Charts as files."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, Final, Literal

from core.charts.specifications import has_own_width, with_readable_text

__all__ = ["CHART_FORMATS", "ChartFormat", "chart_file"]

ChartFormat = Literal["png", "svg", "html", "json"]
CHART_FORMATS: Final[dict[str, str]] = {
    "png": "image/png",
    "svg": "image/svg+xml",
    "html": "text/html",
    "json": "application/json",
}
_WIDTH: Final = 640


def chart_file(specification: Mapping[str, Any], kind: ChartFormat, *, scale: float = 2, width: int = _WIDTH) -> bytes:
    """Return a chart as a file that stands on its own; what is said of it (``description``) is in all but a PNG.

    Args:
        specification: Vega-Lite.
        kind: ``"png"``, ``"svg"``, ``"html"`` or ``"json"`` (Vega-Lite).
        scale: Pixels of a PNG per pixel on the screen.
        width: Pixels, for a chart that fills the width of its page.
    """
    import vl_convert

    chart = {"background": "white", **specification}
    if kind != "json":
        chart = with_readable_text(chart)
    if not has_own_width(chart):
        chart["width"] = width
    if kind == "png":
        return vl_convert.vegalite_to_png(chart, scale=scale)
    if kind == "svg":
        return _described(vl_convert.vegalite_to_svg(chart), chart.get("description")).encode()
    if kind == "html":
        return vl_convert.vegalite_to_html(chart, bundle=True).encode()
    import json

    return json.dumps(chart, indent=1).encode()


def _described(svg: str, description: Any) -> str:
    if not description:
        return svg
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(str(description))}" ', 1)
