"""What the maximize page looks for: a unit or a whole layer, the settings of the search, and the fields for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from core.workspace.search_results import SearchableLayer
from ui import keys
from ui.choice import Choice
from ui.selection import layer_field
from ui.session import get_session

__all__ = ["SearchTarget", "choose_target", "select_unit", "start_from_sample"]

_UNIT: Final = "Unit"
_LAYER: Final = "Whole layer"
_MOST_LISTED: Final = 4_096


@dataclass(frozen=True)
class SearchTarget:
    """What is looked for: a unit of a layer, or all of it where ``unit`` is None, and how."""

    layer: SearchableLayer
    unit: int | None
    settings: dict[str, Any]
    sample: int


def choose_target(layers: dict[str, SearchableLayer], choice: Choice) -> SearchTarget:
    """Draw the fields for what is looked for, and how.

    Args:
        layers: The layers that can be searched, by key; at least one.
        choice: Which layer, unit and sample are selected.
    """
    place, kind_place, unit_place, settings_place = st.columns([3, 1.8, 2.4, 1.4], vertical_alignment="bottom")
    layer = layers[layer_field(place, "Layer", list(layers), keys.SEARCH_LAYER, choice, list(layers)[-1])]
    kind = kind_place.segmented_control("Target", [_UNIT, _LAYER], default=_UNIT, required=True, key=keys.SEARCH_KIND)
    unit = None if kind == _LAYER else _unit(unit_place, layer, choice)
    with settings_place.popover("Settings", icon=":material/tune:", width="stretch"):
        settings = _settings(layer)
    return SearchTarget(layer, unit, settings, choice.sample)


def _unit(place: Any, layer: SearchableLayer, choice: Choice) -> int:
    last = layer.unit_count - 1
    # The page's unit is one of the page's layer, and another is looked at where that one cannot be searched.
    selected = choice.unit if layer.key == choice.layer else None
    unit = min(max(selected or 0, 0), last)
    st.session_state[keys.SEARCH_UNIT] = unit
    title = layer.kind.capitalize()
    keep: Any = {"on_change": _keep_unit, "args": (layer.key,)}
    if last < _MOST_LISTED and layer.class_names:
        place.selectbox(
            title,
            range(last + 1),
            format_func=layer.class_names.__getitem__,
            key=keys.SEARCH_UNIT,
            **keep,
        )
    else:
        place.number_input(f"{title}, of {last + 1:,}", 0, max(last, 1), key=keys.SEARCH_UNIT, **keep)
    return unit


def _keep_unit(layer: str) -> None:
    select_unit(layer, int(st.session_state[keys.SEARCH_UNIT]))


def select_unit(layer: str, unit: int) -> None:
    """Choose a unit of a layer for every page, and that layer, which may be another than the one of the page."""
    choice = get_session().choice
    choice.select_layer(layer)
    choice.select_unit(unit)


def _settings(layer: SearchableLayer) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    settings["starts"] = st.slider("Starts", 1, 6, 2, help="From different noise: a unit may answer to several things.")
    settings["diversity"] = st.slider(
        "Diversity", 0.0, 2.0, 0.3, 0.1, help="How much the inputs are kept from exciting the layer alike."
    )
    settings["smoothness"] = st.slider("Smoothness", 0.0, 1.0, 0.1, 0.05, help="Weight of the total variation.")
    settings["decay"] = st.slider(
        "Regularization",
        0.0,
        2.0,
        0.5,
        0.1,
        help="Weight of the squared distance (L2) from what is usual in the samples.",
    )
    settings["jitter"] = st.slider(
        "Jitter", 0.0, 0.25, 0.06, 0.01, help="Images: how far they are moved before each step, as a share of a side."
    )
    settings["zoom"] = st.slider("Zoom", 0.0, 0.3, 0.06, 0.01, help="Images: by how much they are scaled, likewise.")
    settings["rotation"] = st.slider("Rotation", 0.0, 30.0, 5.0, 1.0, help="Images: by how many degrees, likewise.")
    settings["by_frequency"] = st.toggle(
        "Fourier basis",
        True,
        help="Steps along frequencies instead of pixels or timesteps, where ascent finds noise (Olah et al. 2017).",
    )
    session = get_session()
    start_key = keys.fresh(keys.SEARCH_FROM_SAMPLE, session.search_start_version)
    settings["from_sample"] = st.toggle(
        "Start from the sample",
        session.search_from_sample,
        key=start_key,
        help="The open one, instead of noise: for DeepDream with a whole layer.",
        on_change=_keep_start,
        args=(start_key,),
    )
    if layer.has_places:
        settings["one_place"] = st.toggle(
            "Center position only", False, help="The unit in the middle, instead of its mean over all positions."
        )
    settings["seed"] = int(st.number_input("Seed", 0, 10_000, 0))
    return settings


def _keep_start(key: str) -> None:
    get_session().search_from_sample = bool(st.session_state[key])


def start_from_sample(sample: int) -> None:
    """Choose a sample for every page, and the search to start from it."""
    session = get_session()
    session.choice.sample = sample
    session.search_from_sample = True
    session.search_start_version += 1
