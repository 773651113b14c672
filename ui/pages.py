"""The pages, and who may send the visitor to which."""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

__all__ = ["EDIT", "PLUGINS", "TRAINING", "pages"]

EDIT: Final = "edit"
"""Address of the page whose edits move the layers in the list."""
PLUGINS: Final = "plugins"
"""Address of the page that is not about the samples that are open."""
TRAINING: Final = "training"
"""Address of the page that is about all steps of a training."""


def pages() -> list[Any]:
    """Return all pages, in the order in which they are offered; the first is open by default."""

    def explore_layer() -> None:
        from ui.explore import page

        page(unit)

    explore = st.Page(explore_layer, title="Explore", url_path="", default=True)

    def health() -> None:
        from ui.health import page

        page(explore, unit)

    maximize = st.Page(_maximize, title="Maximize", url_path="maximize")

    def about_unit() -> None:
        from ui.unit import page

        page(explore, maximize)

    unit = st.Page(about_unit, title="Unit", url_path="unit")

    def training() -> None:
        from ui.training import page

        page(explore, TRAINING)

    return [
        explore,
        unit,
        st.Page(health, title="Health", url_path="health"),
        st.Page(_edit, title="Edit", url_path=EDIT),
        maximize,
        st.Page(_compare, title="Compare", url_path="compare"),
        st.Page(training, title="Training", url_path=TRAINING),
        st.Page(_plugins, title="Plugins", url_path=PLUGINS),
    ]


def _edit() -> None:
    from ui.edit import page

    page()


def _maximize() -> None:
    from ui.maximize import page

    page()


def _compare() -> None:
    from ui.compare import page

    page()


def _plugins() -> None:
    from ui.plugins import page

    page()
