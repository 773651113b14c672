"""What one can take away from a picture: the chart in several forms, the layer's values, and Python that draws it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, cast

import streamlit as st

from core.charts.export import CHART_FORMATS, ChartFormat
from core.workspace.interface import WorkspaceInterface
from ui import keys
from ui.choice import Choice

__all__ = ["copy_as_code", "save_as"]

_TITLES: Final = {"png": "PNG", "svg": "SVG", "html": "HTML", "json": "Vega-Lite JSON"}


def save_as(
    workspace: WorkspaceInterface, choice: Choice, visualizer: str, values: Mapping[str, Any], *, has_values: bool
) -> None:
    """Draw what opens into buttons that save the picture and the layer's values.

    Args:
        workspace: What is open.
        choice: Which layer and sample.
        visualizer: Name of the picture.
        values: Values of its options.
        has_values: Whether what the layer answers can be had as numbers, too.
    """
    layer, sample = choice.layer, choice.sample
    base = f"{layer}-{visualizer}".replace("/", "-").replace("#", "-")
    with st.popover("Save as", icon=":material/download:", width="stretch", key=keys.SAVE_AS):
        for kind, mime in CHART_FORMATS.items():
            chart_file = partial(workspace.chart_file, layer, visualizer, values, sample, cast("ChartFormat", kind))
            _download(_TITLES[kind], kind, chart_file, f"{base}.{kind}", mime)
        if not has_values:
            return
        st.caption("The layer's values")
        _download("All samples as .npy", "npy", partial(workspace.activation_file, layer, sample, "npy"), f"{base}.npy")
        _download(
            "This sample as CSV",
            "csv",
            partial(workspace.activation_file, layer, sample, "csv"),
            f"{base}-{sample}.csv",
        )
        _download("The inputs as .npz", "npz", workspace.inputs_file, "inputs.npz")


def _download(title: str, form: str, content: Callable[[], bytes], name: str, mime: str | None = None) -> None:
    st.download_button(
        title, content, file_name=name, mime=mime, on_click="ignore", width="stretch", key=keys.save_as(form)
    )


def copy_as_code(workspace: WorkspaceInterface, choice: Choice, visualizer: str, values: Mapping[str, Any]) -> None:
    """Draw what opens into Python that draws the same picture in a notebook."""
    popover = st.popover(
        "Copy as code", icon=":material/code:", width="stretch", key=keys.COPY_AS_CODE, on_change="rerun"
    )
    if popover.open:
        with popover:
            st.code(workspace.code(choice.layer, visualizer, values, choice.sample), language="python")
