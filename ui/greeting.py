"""What is on the page while what draws it is imported: this imports nothing but Streamlit."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import streamlit as st

__all__ = ["SIDEBAR_WIDTH", "greet", "greeting"]

SIDEBAR_WIDTH: Final = 324
"""Screen pixels: the list of layers, with names of usual length."""
_STYLE: Final = Path(__file__).parent / "style.css"
_PAGE: Final = "ui.frame"


def greet() -> Any:
    """Draw what comes first on every page: its style, and a place for what the page waits for; return that place."""
    st.html(_STYLE)
    place = st.empty()
    if _PAGE not in sys.modules:
        with place.container():
            greeting()
    return place


def greeting() -> None:
    """Say what this is."""
    st.title("Layerscope", anchor=False)
    st.write("Open a Keras model, run an input through it, and see what every layer answers.")
