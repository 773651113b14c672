"""The page of a panel, in a frame that runs nothing of it; said to be the work of its plugin's own code.

Not ``st.iframe`` or ``st.html``: a frame of Streamlit's may run scripts and is of the app's own origin, and a component
has no frame at all. So the component is ours and makes the frame, and what a plugin drew is data to it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import streamlit as st

from core.common.limits import get_limits
from core.plugins.panels import page_fault, sealed_head
from core.plugins.plugin import BUILT_IN_PACKAGE
from core.workspace.results import PanelPicture, VisualizerSummary
from ui.wording import plain

__all__ = ["panel_frame"]

_HERE: Final = Path(__file__).parent

_frame = st.components.v2.component(
    "layerscope_panel",
    html='<div class="panel"></div>',
    js=(_HERE / "panel_frame.js").read_text(encoding="utf-8"),
    css=(_HERE / "panel_frame.css").read_text(encoding="utf-8"),
)


def panel_frame(panel: PanelPicture, visualizer: VisualizerSummary, place: str) -> None:
    """Show a panel.

    Args:
        panel: Its page.
        visualizer: What has drawn it.
        place: Where on the page it stands.
    """
    # What draws it runs beside what answers for the worker, so the answer is not taken at its word.
    if fault := page_fault(panel.html, panel.height, get_limits()):
        whose = f" of {visualizer.package}" if visualizer.package else ""
        st.error(plain(f"{visualizer.title}{whose} is not shown: {fault}."), icon=":material/block:")
        return
    _frame(
        key=f"panel/{place}/{visualizer.name}",
        data={
            "head": sealed_head(),
            "html": panel.html,
            "height": panel.height,
            "description": panel.description,
        },
        height="content",
    )
    ships = visualizer.package == BUILT_IN_PACKAGE
    whose = "which ships with Layerscope" if ships else f"of {plain(visualizer.package)}"
    st.caption(
        f":material/extension: Drawn by its plugin's own code, {whose}, as a page in a frame that runs no script and "
        "loads nothing."
    )
