"""The page that ``benchmarks.gallery`` drives: draws feature maps our way, or as tutorials do."""

import gc
import json
import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st
from matplotlib import pyplot

from core.charts.altair_shortcuts import make_charts_only
from core.charts.colours import ColourScale
from core.charts.gallery import gallery as charts_gallery
from core.charts.validation import specification_of
from core.extraction.activation import Activation
from core.extraction.layers import LayerInfo
from core.inputs.sample_context import SampleContext
from core.plugins.registry import get_registry
from ui.charts import chart

CASES = {"64×112×112": (112, 112, 64), "512×14×14": (14, 14, 512)}


@st.cache_resource
def settle() -> None:
    """Do as the app does: make charts as a worker makes them, and set aside what was imported."""
    make_charts_only()
    gc.collect()
    gc.freeze()


@st.cache_data
def feature_maps(case: str) -> np.ndarray:
    """Smooth random maps with the zeros that a ReLU leaves, shape ``(1, height, width, channel)``."""
    height, width, channels = CASES[case]
    random = np.random.default_rng(0)
    coarse = random.standard_normal((1, height // 2, width // 2, channels)).astype(np.float32)
    maps = coarse.repeat(2, axis=1).repeat(2, axis=2) + 0.3 * random.standard_normal((1, height, width, channels))
    return np.maximum(maps, 0).astype(np.float32)


def gallery(values: np.ndarray) -> None:
    """Draw every map with the piece that visualizers share."""
    started = time.perf_counter()
    maps = np.moveaxis(values[0], -1, 0)  # (channel, height, width)
    _show(specification_of(charts_gallery(maps, numbers=np.arange(len(maps)))), started)


def picture(values: np.ndarray) -> None:
    """Draw what the app shows: the maps, and one of them large, beside the input and laid over it."""
    started = time.perf_counter()
    names = ("Conv2D", "BaseConv", "Layer")
    layer = LayerInfo("conv", "conv", 0, "Conv2D", names, (None, *values.shape[1:]))
    context = SampleContext({"image": np.zeros((1, 224, 224, 3), np.float32)})
    activation = Activation("conv", values, ("sample", "height", "width", "channel"), layer, context=context)
    _show(get_registry().draw("feature-maps", activation, {}).specification, started)


def bare(values: np.ndarray) -> None:
    """Draw the image of all maps in a chart of nothing but that; to make it is not counted."""
    levels = np.concatenate(list(np.moveaxis(values[0], -1, 0)), axis=1)  # one row of maps
    side = math.ceil(math.sqrt(levels.size))
    url = ColourScale(0, float(values.max()), "viridis").url(np.resize(levels, (side // 2, side * 2)))
    image = {"mark": {"type": "image", "url": url, "width": 800, "height": 400}, "data": {"values": [{}]}}
    _show({**image, "width": 800, "height": 400}, time.perf_counter())


def _show(specification: Mapping[str, Any], started: float) -> None:
    built = time.perf_counter() - started
    chart(specification, f"chart-{time.time()}")
    st.json({"built": built, "bytes": len(json.dumps(specification))}, expanded=True)


def tutorial(values: np.ndarray) -> None:
    """Draw a subplot per channel with matplotlib."""
    started = time.perf_counter()
    channels = values.shape[-1]
    columns = 8 if channels <= 64 else 16
    rows = math.ceil(channels / columns)
    figure, axes = pyplot.subplots(rows, columns, figsize=(columns, rows))
    for channel, axis in enumerate(axes.flat):
        axis.imshow(values[0, :, :, channel], cmap="viridis")
        axis.set_xticks([])
        axis.set_yticks([])
    st.pyplot(figure)
    built = time.perf_counter() - started
    pyplot.close(figure)
    st.json({"built": built, "bytes": 0}, expanded=True)


WAYS = {"gallery": gallery, "whole picture": picture, "bare": bare, "tutorial": tutorial}
settle()
case = st.selectbox("Case", list(CASES), key="case")
way = st.radio("Way", list(WAYS), key="way", horizontal=True)
maps = feature_maps(case)
if st.button("Draw"):
    # Another picture each time, so that the browser cannot show the one that it has.
    st.session_state["turn"] = st.session_state.get("turn", 0) + 1
    maps = np.roll(maps, st.session_state["turn"], axis=-1)
    WAYS[way](maps)
else:
    st.write("ready")
