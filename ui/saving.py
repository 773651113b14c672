"""What one can take away from a picture: the chart in several forms, the layer's values, and Python that draws it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final, cast

import streamlit as st

from core.charts.export import CHART_FORMATS, ChartFormat
from core.workspace.interface import WorkspaceInterface
from ui import keys
from ui.choice import Choice

__all__ = ["copy_as_code", "save_as"]

_TITLES: Final = {"png": "PNG", "svg": "SVG", "html": "HTML", "json": "Vega-Lite JSON"}


def save_as(workspace: WorkspaceInterface, choice: Choice, visualizer: str, values: Mapping[str, Any]) -> None:
    """Draw what opens into buttons that save the picture and the layer's values.

    Args:
        workspace: What is open.
        choice: Which layer and sample.
        visualizer: Name of the picture.
        values: Values of its options.
    """
    layer, sample = choice.layer, choice.sample
    base = f"{layer}-{visualizer}".replace("/", "-").replace("#", "-")
    with st.popover("Save as", icon=":material/download:", width="stretch", key=keys.SAVE_AS):
        for kind, mime in CHART_FORMATS.items():
            st.download_button(
                _TITLES[kind],
                partial(workspace.chart_file, layer, visualizer, values, sample, cast("ChartFormat", kind)),
                file_name=f"{base}.{kind}",
                mime=mime,
                on_click="ignore",
                width="stretch",
                key=keys.save_as(kind),
            )
        st.caption("The layer's values")
        st.download_button(
            "All samples as .npy",
            lambda: workspace.activation_file(layer, sample, "npy"),
            file_name=f"{base}.npy",
            on_click="ignore",
            width="stretch",
            key=keys.save_as("npy"),
        )
        st.download_button(
            "This sample as CSV",
            lambda: workspace.activation_file(layer, sample, "csv"),
            file_name=f"{base}-{sample}.csv",
            on_click="ignore",
            width="stretch",
            key=keys.save_as("csv"),
        )
        st.download_button(
            "The inputs as .npz",
            workspace.inputs_file,
            file_name="inputs.npz",
            on_click="ignore",
            width="stretch",
            key=keys.save_as("npz"),
        )


def copy_as_code(workspace: WorkspaceInterface, choice: Choice, visualizer: str, values: Mapping[str, Any]) -> None:
    """Draw what opens into Python that draws the same picture in a notebook."""
    popover = st.popover(
        "Copy as code", icon=":material/code:", width="stretch", key=keys.COPY_AS_CODE, on_change="rerun"
    )
    if popover.open:
        with popover:
            st.code(workspace.code(choice.layer, visualizer, values, choice.sample), language="python")
