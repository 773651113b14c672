"""The pages, so that one can send the visitor to another."""

from __future__ import annotations

from typing import Any

import streamlit as st

__all__ = ["explore_page", "maximize_page", "pages"]


def pages() -> list[Any]:
    """Return all pages, in the order in which they are offered."""
    return [
        explore_page(),
        st.Page(_health, title="Health", url_path="health"),
        maximize_page(),
        st.Page(_compare, title="Compare", url_path="compare"),
        st.Page(_plugins, title="Plugins", url_path="plugins"),
    ]


def explore_page() -> Any:
    """Return the page that is open by default."""
    return st.Page(_explore, title="Explore", default=True)


def maximize_page() -> Any:
    """Return the page that looks for the inputs of units."""
    return st.Page(_maximize, title="Maximize", url_path="maximize")


def _maximize() -> None:
    from ui.maximize import page

    page()


def _explore() -> None:
    from ui.explore import page

    page()


def _health() -> None:
    from ui.health import page

    page()


def _compare() -> None:
    from ui.compare import page

    page()


def _plugins() -> None:
    from ui.plugins import page

    page()
