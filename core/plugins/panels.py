"""What a plugin draws that is no Altair chart: a page of its own, in a frame that runs, loads and reaches nothing.

A browser is where a plugin's walls end: what stands in the page could act as the visitor, and send what the worker,
which has no network, may not. So a panel is HTML without a script, and three things hold each by itself: tags that lead
or load elsewhere are refused (here, and again by the page); the frame is sandboxed with no exception at all, so nothing
in it runs, and the app is another origin to it; and a Content-Security-Policy lets it load what it brings along alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from core.common.limits import Limits, format_limit, raised_by
from core.plugins.visualizer import Refusal, Visualizer

__all__ = [
    "HEIGHTS",
    "PANEL_POLICY",
    "Panel",
    "PanelPage",
    "drawing_method",
    "page_fault",
    "sealed_head",
    "sound_page",
]

HEIGHTS: Final = (40, 1_200)
"""Screen pixels that a panel takes at least, and at most."""
PANEL_POLICY: Final = (
    "default-src 'none'; img-src data:; media-src data:; font-src data:; style-src 'unsafe-inline'; "
    "form-action 'none'; base-uri 'none'"
)
"""What a panel's frame may load: pictures, sounds, films and fonts that its page brings along, and its styles."""
_ELSEWHERE: Final = re.compile(
    r"<(a|area|base|embed|form|frame|frameset|iframe|link|math|meta|object|portal|script)(?=[\s/>]|\Z)", re.IGNORECASE
)
"""Tags that lead or load elsewhere, or run something: as text, so that no parser has to agree with the browser's."""


@dataclass(frozen=True)
class PanelPage:
    """What a panel shows.

    Attributes:
        html: What stands in the body of the page: HTML with styles, SVG, and pictures or sounds as ``data:`` addresses.
        description: What a screen reader says of it: what is shown, with its key numbers.
        height: Screen pixels that it takes.
    """

    html: str
    description: str
    height: int = 300


class Panel(Visualizer):
    """What a plugin draws as a page of its own. It declares what a visualizer does; write :meth:`page`."""

    # Typed as Visualizer.chart is.
    def page(self, activation: Any, options: Any, *asked_for: Any, **by_name: Any) -> Any:
        """Draw, see :meth:`.Visualizer.chart`, for what may be asked for too.

        Args:
            activation: What the layer answered; read-only, the sample axis first.
            options: An instance of this panel's ``Options``.
            asked_for: None of these is ever given; write the parameters that you ask for instead.
            by_name: Likewise.

        Returns:
            A :class:`PanelPage`, or a :class:`Refusal`.
        """
        raise TypeError(f"{type(self).__name__} has no page(self, activation, options) method")


def drawing_method(visualizer: Visualizer) -> Any:
    """Return the method that draws: ``page`` of a panel, ``chart`` of any other."""
    return visualizer.page if isinstance(visualizer, Panel) else visualizer.chart


def page_fault(html: Any, height: Any, limits: Limits) -> str:
    """Return why a page may not be shown; empty if it may.

    Args:
        html: Its HTML.
        height: Screen pixels that it asks for.
        limits: How many bytes it may take.
    """
    if not isinstance(html, str) or not html.strip():
        return "the panel has no html, text is needed"
    if isinstance(height, bool) or not isinstance(height, int) or not HEIGHTS[0] <= height <= HEIGHTS[1]:
        most = f"a whole number from {HEIGHTS[0]} to {HEIGHTS[1]:,}"
        return f"the panel asks for {height!r} pixels of height, {most} is needed"
    if len(html.encode("utf-8", "replace")) > limits.chart_bytes:
        return (
            f"the panel takes more than the {format_limit(limits.chart_bytes)} that are sent to a browser at once. "
            f"{raised_by('chart_bytes')}"
        )
    if tag := _ELSEWHERE.search(html):
        return (
            f"the panel holds <{tag[1].lower()}>, which leads or loads elsewhere, or runs something; a panel shows "
            "what it brings along: HTML, styles, SVG, and pictures and sounds as data: addresses"
        )
    return ""


def sound_page(returned: Any, limits: Limits) -> tuple[PanelPage | None, str]:
    """Return the page that a panel returned, or why it refused.

    Raises:
        TypeError: If it is something else.
        ValueError: If it may not be shown, or a screen reader would have nothing to say.
    """
    if isinstance(returned, Refusal):
        return None, returned.reason
    if not isinstance(returned, PanelPage):
        raise TypeError(f"page() returned {type(returned).__name__}, a PanelPage is needed, or a Refusal")
    if fault := page_fault(returned.html, returned.height, limits):
        raise ValueError(fault)
    if not isinstance(returned.description, str) or not returned.description.strip():
        raise ValueError("the panel has no description, which a screen reader says instead of it")
    return returned, ""


def sealed_head() -> str:
    """Return what stands in front of a panel's HTML, before anything of it is read: its policy, and a plain style."""
    style = (
        "body{margin:12px;font:14px/1.5 var(--font),system-ui,sans-serif;"
        "color:var(--text-color);background:var(--background-color)}"
    )
    policy = f'<meta http-equiv="Content-Security-Policy" content="{PANEL_POLICY}">'
    return f'<!doctype html><html><head><meta charset="utf-8">{policy}<style>{style}</style>'
