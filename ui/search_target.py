"""What the maximize page looks for: a unit or a whole layer, the settings of the search, and the fields for them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import streamlit as st

from core.workspace.search_results import SearchableLayer
from ui import keys
from ui.choice import Choice
from ui.controls import controls
from ui.search_settings import FROM_SAMPLE, WHOLE_LAYER, lists_classes, search_controls, search_settings
from ui.selection import layer_field, select_unit
from ui.session import get_session

__all__ = ["SearchTarget", "choose_target", "start_from_sample"]

_UNIT: Final = "Unit"
_LAYER: Final = "Whole layer"


@dataclass(frozen=True)
class SearchTarget:
    """What is looked for: a unit of a layer, or all of it where ``unit`` is None, and how."""

    layer: SearchableLayer
    unit: int | None
    settings: dict[str, Any]
    sample: int

    @property
    def where(self) -> str:
        """Where the layer's answer is taken; empty where it answers once."""
        if not self.layer.axes:
            return ""
        if self.settings.get("position") is not None:
            return f"at position {self.settings['position']:,}"
        if self.settings.get("region") is not None:
            return "mean over the region"
        return "at the center" if self.settings.get("one_place") else "mean over positions"


def choose_target(layers: dict[str, SearchableLayer], choice: Choice) -> SearchTarget:
    """Draw the fields for what is looked for, and how.

    Args:
        layers: The layers that can be searched, by key; at least one.
        choice: Which layer, unit and sample are selected.
    """
    place, kind_place, unit_place, settings_place = st.columns([3, 1.8, 2.4, 1.4], vertical_alignment="bottom")
    layer = layers[layer_field(place, "Layer", list(layers), keys.SEARCH_LAYER, choice, list(layers)[-1])]
    is_whole = choice.options.get(WHOLE_LAYER) is True
    st.session_state[keys.SEARCH_KIND] = _LAYER if is_whole else _UNIT
    kind_place.segmented_control("Target", [_UNIT, _LAYER], required=True, key=keys.SEARCH_KIND, on_change=_keep_kind)
    unit = None if is_whole else _unit(unit_place, layer, choice)
    options = search_controls(layer, choice)
    with settings_place.popover("Settings", icon=":material/tune:", width="stretch"):
        controls(
            options,
            choice,
            keys.search_settings(layer.key, choice.search_version),
            layer=layer.key,
            forget=partial(choice.forget_some, {control.name for control in options}),
        )
    return SearchTarget(layer, unit, search_settings(layer, options, choice), choice.sample)


def _keep_kind() -> None:
    get_session().choice.set_option(WHOLE_LAYER, st.session_state[keys.SEARCH_KIND] == _LAYER or None)


def _unit(place: Any, layer: SearchableLayer, choice: Choice) -> int:
    last = layer.unit_count - 1
    # The page's unit is one of the page's layer, and another is looked at where that one cannot be searched.
    selected = choice.unit if layer.key == choice.layer else None
    unit = min(max(selected or 0, 0), last)
    if selected is not None and selected > last:
        st.info(
            f"There is no {layer.kind} {selected:,} in this layer; the last one is taken.", icon=":material/link_off:"
        )
        choice.select_unit(unit)
    st.session_state[keys.SEARCH_UNIT] = unit
    title = layer.kind.capitalize()
    keep: Any = {"on_change": _keep_unit, "args": (layer.key,)}
    if lists_classes(layer):
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


def start_from_sample(sample: int) -> None:
    """Choose a sample for every page, and the search to start from it."""
    choice = get_session().choice
    choice.sample = sample
    choice.set_option(FROM_SAMPLE, True)
    # A field in a popover that is closed does not take a value that is set: another one begins with it.
    choice.search_version += 1
