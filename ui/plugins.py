"""The plugins page: which pictures are installed, from where, and what could not be loaded."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from ui.choice import workspace
from ui.pictures import failure

__all__ = ["page"]


def page() -> None:
    """Draw the page."""
    opened = workspace()
    st.header("Plugins", anchor=False)
    st.write("Every picture of a layer is a plugin. A package with an entry point in the group `layerscope` adds more.")
    for problem in opened.plugin_problems():
        failure(problem)
    installed = opened.installed()
    st.dataframe(
        pd.DataFrame(
            {
                "picture": [each.title for each in installed],
                "shows": [each.description for each in installed],
                "handles": [each.handles for each in installed],
                "name": [each.name for each in installed],
                "package": [f"{each.package} {each.version}".strip() for each in installed],
            }
        ),
        hide_index=True,
        height="content",
    )
