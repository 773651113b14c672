"""The address of the page: it says what is chosen, so that a reload, a link and the browser's Back bring that back.

Streamlit's own ``st.query_params`` makes a new entry of the browser's history for every change. So the address is
written by a component of ours: a new entry for another sample, layer or unit, the same entry for an option.
"""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui import keys
from ui.choice import Choice, SampleFilter, SampleOrder

__all__ = ["address_of", "is_history_navigation", "keep_address", "read_address", "share_button"]

_OPTION_PREFIX: Final = "o."
_KIND_PREFIX: Final = "as."
_SIZE_PREFIX: Final = "size."
_MOST_AXES: Final = 6
_ORDERS: Final[dict[str, SampleOrder]] = {"confidence": "confidence", "loss": "loss"}
_ENTRY: Final = ("example", "path", "member", "upload", "shown", "layer", "sample", "unit", "class", "view", "output")

_KEEPER: Final = """
let processed = null;
export default function ({ data }) {
  const serial = window.location.pathname + data.query + data.entry;
  if (serial === processed) return;
  processed = serial;
  const address = window.location.pathname + (data.query ? "?" + data.query : "") + window.location.hash;
  const here = window.location.pathname + window.location.search + window.location.hash;
  const earlier = (window.history.state || {}).layerscope;
  const state = { layerscope: data.entry };
  const isSame = here === address || earlier === undefined || earlier === data.entry;
  isSame ? window.history.replaceState(state, "", address) : window.history.pushState(state, "", address);
}
"""

_SHARE: Final = """
export default function ({ parentElement }) {
  const button = parentElement.querySelector("button");
  const say = (text) => {
    button.querySelector("span").textContent = text;
    setTimeout(() => { button.querySelector("span").textContent = "Share"; }, 2000);
  };
  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(window.location.href);
      say("Copied");
    } catch {
      window.prompt("Copy the address of this page", window.location.href);
    }
  };
}
"""
_SHARE_STYLE: Final = """
button {
  font: inherit; font-size: 14px; color: var(--st-text-color); background: var(--st-background-color);
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius); padding: 0.2rem 0.7rem;
  min-height: 2rem; cursor: pointer; white-space: nowrap;
}
button:hover, button:focus-visible { border-color: var(--st-primary-color); color: var(--st-primary-color); }
"""


_keeper = st.components.v2.component("layerscope_address", js=_KEEPER)
_share = st.components.v2.component(
    "layerscope_share",
    html='<button type="button" title="Copy a link to what is on the page"><span>Share</span></button>',
    js=_SHARE,
    css=_SHARE_STYLE,
)


def keep_address(choice: Choice) -> None:
    """Write into the browser's address what is chosen; to be called once in each run of a page or its main part."""
    address = address_of(choice)
    entry = json.dumps([address.get(name, "") for name in _ENTRY])
    query = urlencode(address)
    with st.container(key=keys.ADDRESS):
        _keeper(key=keys.ADDRESS_KEEPER, data={"query": query, "entry": entry}, height=1)


def share_button() -> None:
    """Draw a button that copies the address of the page."""
    _share(key=keys.SHARE, height="content", width="content")


def is_history_navigation() -> bool:
    """Return whether this run of the page is there because the visitor went back or forward in the browser."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def address_of(choice: Choice) -> dict[str, str]:
    """Return the parameters of the address: what is not as it would be anyway."""
    names = {
        "example": choice.example,
        "path": choice.path,
        "member": choice.member,
        "weights": choice.weights,
        "upload": choice.upload,
        "shown": choice.shown_model,
        "output": choice.output,
        "layer": choice.layer,
        "view": choice.visualizer,
        "label": choice.samples.label,
        "find": choice.samples.text,
        "sort": choice.samples.order,
    }
    address = {name: value for name, value in names.items() if value}
    numbers = {
        "sample": choice.sample or None,
        "with": choice.second_sample,
        "unit": choice.unit,
        "class": choice.target_class,
    }
    address |= {name: str(number) for name, number in numbers.items() if number is not None}
    if choice.region is not None:
        address["region"] = ",".join(f"{end:.6g}" for end in choice.region)
    if choice.samples.only_wrong:
        address["only"] = "wrong"
    if choice.shown_as != "list":
        address["show"] = choice.shown_as
    for name, value in choice.options.items():
        address[_OPTION_PREFIX + name] = json.dumps(value)
    address |= {_KIND_PREFIX + name: kind for name, kind in choice.kinds.items()}
    address |= {_SIZE_PREFIX + name: "x".join(map(str, extents)) for name, extents in choice.sizes.items()}
    return address


def read_address() -> Choice:
    """Return what the address says that a visitor has chosen; what cannot be read there is as if it were not."""
    address = st.query_params.to_dict()
    options = _options(address)
    units = [options.pop(name) for name in ("unit", "channel") if _is_number(options.get(name))]
    unit = _number(address.get("unit", ""))
    return Choice(
        example=address.get("example", ""),
        path=address.get("path", ""),
        member=address.get("member", ""),
        weights=address.get("weights", ""),
        upload=address.get("upload", ""),
        shown_model=address.get("shown", ""),
        output=address.get("output", ""),
        layer=address.get("layer", ""),
        sample=_number(address.get("sample", "")) or 0,
        second_sample=_number(address.get("with", "")),
        visualizer=address.get("view", ""),
        # Links of before had the unit as an option.
        unit=units[0] if unit is None and units else unit,
        target_class=_number(address.get("class", "")),
        region=_region(address.get("region", "")),
        options=options,
        samples=SampleFilter(
            address.get("only") == "wrong",
            address.get("label", ""),
            address.get("find", ""),
            _ORDERS.get(address.get("sort", ""), ""),
        ),
        kinds={
            name.removeprefix(_KIND_PREFIX): kind for name, kind in address.items() if name.startswith(_KIND_PREFIX)
        },
        sizes=_sizes(address),
        shown_as="map" if address.get("show") == "map" else "list",
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _region(text: str) -> tuple[float, float, float, float] | None:
    try:
        left, right, top, bottom = (float(part) for part in text.split(","))
    except ValueError:
        return None
    return (left, right, top, bottom)


def _options(address: dict[str, str]) -> dict[str, Any]:
    options = {}
    for name, value in address.items():
        if name.startswith(_OPTION_PREFIX):
            try:
                options[name.removeprefix(_OPTION_PREFIX)] = json.loads(value, parse_constant=_no_number)
            except (ValueError, RecursionError):
                continue  # a link that somebody cut; the default stands
    return options


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _sizes(address: dict[str, str]) -> dict[str, tuple[int, ...]]:
    sizes = {}
    for name, value in address.items():
        parts = value.split("x")
        are_numbers = all(part.isascii() and part.isdecimal() and len(part) < 8 for part in parts)
        if name.startswith(_SIZE_PREFIX) and are_numbers and len(parts) <= _MOST_AXES:
            sizes[name.removeprefix(_SIZE_PREFIX)] = tuple(max(1, int(part)) for part in parts)
    return sizes
