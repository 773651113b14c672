"""A visualizer's options as Streamlit controls."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from core.plugins.controls import Control, suited
from ui import keys
from ui.choice import Choice, is_of_a_layer
from ui.session import get_session
from ui.wording import plain

__all__ = ["controls", "show_faults"]

_LISTED_POSITIONS = 2_000


def controls(
    options: Sequence[Control], choice: Choice, scope: str, *, layer: str = "", forget: Callable[[], None] | None = None
) -> dict[str, Any]:
    """Draw a control per option.

    Args:
        options: The options. One called ``sample`` follows the sample of the page, and one that is a unit or channel
            the unit of the page; they get no control, nor what the output is taken for.
        choice: Where choices are kept.
        scope: Tells the controls of one layer and visualizer from those of another.
        layer: Key of the layer that they are of, where that may be another than the page's: positions of that one do
            not count then, and who sets an option selects the layer.
        forget: Takes these options back to their defaults; by default all that pictures share.

    Returns:
        By option a place beside its control, for why its value was refused.
    """
    places: dict[str, Any] = {"": st.empty()}
    values = {control.name: _value_of(control, choice, layer) for control in options}
    for control in options:
        if control.name == "sample" or control.follows in ("unit", "meaning") or not control.acts(values):
            continue
        value = values[control.name]
        key = keys.option(scope, control.name)
        _draw(control, _widget_value(value, control), key, choice, layer)
        places[control.name] = st.empty()
    if forget is not None:
        is_chosen = any(control.name in choice.options for control in options)
    else:
        is_chosen = bool(choice.options) or any(
            choice.followed(what) is not None for what in ("unit", "class", "region")
        )
    if is_chosen:
        icon = ":material/restart_alt:"
        st.button("Back to the defaults", type="tertiary", icon=icon, on_click=forget or choice.forget_options)
    return places


def _value_of(control: Control, choice: Choice, layer: str) -> Any:
    if layer and layer != choice.layer and is_of_a_layer(control.name):
        return control.default
    followed = choice.followed(control.follows)
    return choice.options.get(control.name, control.default if followed is None else followed)


def show_faults(places: Mapping[str, Any], faults: Mapping[str, str]) -> None:
    """Say beside each control why its value was refused.

    Args:
        places: By option, as :func:`controls` returns them.
        faults: By option, what is wrong with its value.
    """
    for name, fault in faults.items():
        places.get(name, places[""]).caption(f":red[:material/error: {plain(fault)}. The default is shown.]")


def _draw(control: Control, value: Any, key: str, choice: Choice, layer: str) -> None:
    shared: dict[str, Any] = {
        "key": key,
        "help": control.description or None,
        "on_change": _keep_option,
        "args": (control.name, key, control.follows, _widget_value(control.default, control), layer),
    }
    if control.kind != "region":
        st.session_state[key] = value
    titles = dict(zip(control.choices, control.choice_titles, strict=False))
    if control.kind == "switch":
        st.toggle(control.title, **shared)
    elif control.kind == "choice":
        listed = list(control.choices)
        st.selectbox(
            control.title,
            listed,
            format_func=lambda value: titles.get(value, _choice_title(value)),
            placeholder=titles.get(None, _choice_title(None)),
            **shared,
        )
    elif control.kind == "choices":
        st.multiselect(control.title, list(control.choices), format_func=_choice_title, **shared)
    elif control.kind == "indices":
        last = int(control.maximum or 0)
        st.multiselect(control.title, list(range(min(last + 1, _LISTED_POSITIONS))), **shared)
    elif control.kind in ("index", "integer"):
        _whole_number(control, shared)
    elif control.kind == "number":
        _number(control, shared)
    elif control.kind in ("range", "integer_range"):
        _range(control, shared)
    elif control.kind == "region":
        _region(control, value, key, choice)
    else:
        (st.color_picker if control.kind == "colour" else st.text_input)(control.title, **shared)


def _whole_number(control: Control, shared: dict[str, Any]) -> None:
    minimum = None if control.minimum is None else int(control.minimum)
    maximum = None if control.maximum is None else int(control.maximum)
    step = int(control.step or 1)
    if (
        control.kind == "integer"
        and not control.optional
        and minimum is not None
        and maximum is not None
        and minimum < maximum
    ):
        st.slider(control.title, minimum, maximum, step=step, **shared)
    elif control.optional:
        st.number_input(
            control.title, minimum, maximum, value=None, step=step, placeholder=control.none_title, **shared
        )
    elif minimum == maximum and minimum is not None:
        st.number_input(control.title, minimum, minimum + 1, step=1, disabled=True, **shared)
    else:
        st.number_input(control.title, minimum, maximum, step=step, **shared)


def _number(control: Control, shared: dict[str, Any]) -> None:
    # What Streamlit is given for one number must all be of one type.
    minimum, maximum, step = (
        None if bound is None else float(bound) for bound in (control.minimum, control.maximum, control.step)
    )
    if minimum is not None and maximum is not None and minimum < maximum and not control.optional:
        st.slider(control.title, minimum, maximum, step=step, **shared)
    elif control.optional:
        st.number_input(
            control.title, minimum, maximum, value=None, step=step, placeholder=control.none_title, **shared
        )
    else:
        st.number_input(control.title, minimum, maximum, step=step, **shared)


def _range(control: Control, shared: dict[str, Any]) -> None:
    kind = int if control.kind == "integer_range" else float
    minimum, maximum = kind(control.minimum or 0), kind(control.maximum or 0)
    if minimum == maximum:
        st.caption(f"{plain(control.title)}: {minimum:g}")
    else:
        step = None if control.step is None else kind(control.step)
        st.slider(control.title, minimum, maximum, step=step, **shared)


def _region(control: Control, value: Any, key: str, choice: Choice) -> None:
    if value is None:
        st.caption(f"{plain(control.title)}: drag over the chart.", help=control.description or None)
        return
    icon = ":material/deselect:"
    st.button(
        f"Clear selection: {plain(control.title)}",
        key=key,
        icon=icon,
        on_click=choice.set_option,
        args=(control.name, None, control.follows),
    )


def _widget_value(value: Any, control: Control) -> Any:
    """Return a value as Streamlit's control takes it; what does not suit is shown as what is drawn instead."""
    value = suited(value, control)
    if control.kind in ("choices", "indices"):
        listed = list(value or ())
        return (
            [position for position in listed if position < _LISTED_POSITIONS] if control.kind == "indices" else listed
        )
    if control.kind == "text":
        return value or ""
    return float(value) if control.kind == "number" and value is not None else value


def _choice_title(value: Any) -> str:
    if value is None:
        return "none"
    return str(value).replace("_", " ")


def _keep_option(name: str, key: str, follows: str, default: Any, layer: str) -> None:
    # The browser tells the value of a field that it was just given, too, where a click comes before it has it all.
    chosen = None if st.session_state[key] == default else st.session_state[key]
    # What stands in the address must be able to come back from it.
    if layer:
        get_session().choice.select_layer(layer)
    get_session().choice.set_option(name, json.loads(json.dumps(chosen)), follows)
