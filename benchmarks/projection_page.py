"""The page that ``benchmarks.projection`` drives: draws a projection of very many samples as the app does."""

import gc
import json
import time
from typing import Any

import streamlit as st

from benchmarks.projection import CLASSES, GOALS, clustered
from core.extraction.activation import Activation
from core.extraction.layers import LayerInfo
from core.inputs.sample_context import SampleContext
from core.plugins.registry import get_registry
from ui.charts import chart

_FEATURES_DRAWN = 8


@st.cache_resource
def settle() -> None:
    """Set aside what was imported, as the app does: Streamlit collects garbage before it sends, after every run."""
    gc.collect()
    gc.freeze()


@st.cache_resource
def activation(count: int) -> Any:
    """Return what a layer answers to so many samples; it is placed once, as the app keeps where samples are placed."""
    features, labels = clustered(count)
    values = features[:, :_FEATURES_DRAWN]
    layer = LayerInfo("dense", "dense", 0, "Dense", ("Dense", "Layer"), (None, _FEATURES_DRAWN))
    context = SampleContext({"numbers": values}, labels, tuple(map(str, range(CLASSES))))
    made = Activation("dense", values, ("sample", "unit"), layer, context=context)
    get_registry().draw("projection", made, {})
    return made


settle()
count = st.radio("Points", list(GOALS), key="count", horizontal=True, format_func="{:,}".format)
drawn = activation(count)
st.button("Clear")
if st.button("Draw"):
    # Another sample each time, so that the browser cannot show the picture that it has.
    st.session_state["turn"] = st.session_state.get("turn", 0) + 1
    started = time.perf_counter()
    drawing = get_registry().draw("projection", drawn, {"sample": st.session_state["turn"]})
    built = time.perf_counter() - started
    specification = drawing.pictures[0].specification
    chart(specification, f"chart-{time.time()}")
    st.text(json.dumps({"built": built, "bytes": len(json.dumps(specification))}))
else:
    st.write("ready")
