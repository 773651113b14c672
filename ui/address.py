"""The address of the page: it says what is chosen, so that a reload, a link and the browser's Back bring that back.

Streamlit's own ``st.query_params`` makes a new entry of the browser's history for every change. So the address is
written by a component of ours: a new entry for another sample, layer or unit, the same entry for an option.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import unquote, urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.inputs.edits import Edit, Variant, edits_from_text, text_of_edits, variants_from_text
from ui import keys
from ui.choice import LONGEST_NOTE, LONGEST_PIN_NAME, MOST_PINS, Choice, Pin, SampleFilter, SampleOrder

__all__ = ["address_of", "is_history_navigation", "keep_address", "read_address", "share_button"]

_OPTION_PREFIX: Final = "o."
_KIND_PREFIX: Final = "as."
_SIZE_PREFIX: Final = "size."
_EXAMPLE_RUN: Final = "example"
_MOST_AXES: Final = 6
_LONGEST_EDITS: Final = 1500
_LONGEST_NOTE: Final = 160
"""Of a note in the address; a longer one stays in the session alone."""
_LOST: Final = "~"
"""Before the number of edits that are too long for an address; no packed text begins with it."""
_PIN_END: Final = ";"
_PIN_PART_END: Final = "~"
_ORDERS: Final[dict[str, SampleOrder]] = {"confidence": "confidence", "loss": "loss"}
_ENTRY: Final = (
    "example",
    "path",
    "member",
    "upload",
    "shown",
    "run",
    "step",
    "layer",
    "sample",
    "unit",
    "class",
    "view",
    "output",
    "meaning",
    "against",
    "beside",
)

_KEEPER: Final = """
let processed = null;
let waiting = null;
const sorted = (query) => {
  const parameters = new URLSearchParams(query);
  parameters.sort();
  return parameters.toString();
};
const isOnPage = (page) => window.location.pathname.split("/").pop() === page;
function write(data) {
  // An answer to Back or Forward is about the entry that the browser was on then. It may have gone on since.
  if (data.visited !== null && sorted(window.location.search) !== sorted(data.visited)) return;
  const address = window.location.pathname + (data.query ? "?" + data.query : "") + window.location.hash;
  const here = window.location.pathname + window.location.search + window.location.hash;
  const earlier = (window.history.state || {}).layerscope;
  const state = { layerscope: data.entry };
  const isSame = here === address || earlier === undefined || earlier === data.entry || data.visited !== null;
  isSame ? window.history.replaceState(state, "", address) : window.history.pushState(state, "", address);
}
export default function ({ data }) {
  const serial = JSON.stringify([window.location.pathname, data]);
  if (serial === processed) return;
  processed = serial;
  clearInterval(waiting);
  if (isOnPage(data.page)) return write(data);
  if (data.visited !== null) return;
  // Streamlit brings the address of another page itself, a moment before or after this.
  const until = performance.now() + 3000;
  waiting = setInterval(() => {
    if (isOnPage(data.page)) write(data);
    if (isOnPage(data.page) || performance.now() > until) clearInterval(waiting);
  }, 20);
}
"""

_SHARE: Final = """
export default function ({ parentElement, data }) {
  const button = parentElement.querySelector("button");
  const say = (text) => {
    button.querySelector("span").textContent = text;
    setTimeout(() => { button.querySelector("span").textContent = "Share"; }, 3000);
  };
  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(window.location.href);
      say(data.uploads ? `Copied, without ${data.uploads}` : "Copied");
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


def keep_address(choice: Choice, page: str = "") -> None:
    """Write into the browser's address what is chosen; to be called once in each run of a page or its main part.

    Args:
        choice: What is chosen.
        page: Path of the page; empty for the first.
    """
    address, context = address_of(choice), get_script_run_ctx()
    # An entry of the history that is gone back to stays where it is, and those after it are there still.
    visited = context.query_string if context is not None and context.is_history_navigation else None
    data = {
        "query": urlencode(address),
        "entry": json.dumps([address.get(name, "") for name in _ENTRY]),
        "page": page,
        "visited": visited,
    }
    with st.container(key=keys.ADDRESS):
        _keeper(key=keys.ADDRESS_KEEPER, data=data, height=1)


def share_button(choice: Choice) -> None:
    """Draw a button that copies the address of the page, and says so where files that were uploaded stay behind."""
    what = " and ".join((*(["the model"] if choice.upload else []), *(["the samples"] if choice.data else [])))
    _share(key=keys.SHARE, data={"uploads": what and f"{what}, which you uploaded"}, height="content", width="content")


def is_history_navigation() -> bool:
    """Return whether this run of the page is there because the visitor went back or forward in the browser."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def address_of(choice: Choice) -> dict[str, str]:
    """Return the parameters of the address: what is not as it would be anyway."""
    edits, lost = (choice.edits, choice.lost.get("edits", 0)) if choice.edited_sample == choice.sample else ((), 0)
    names = {
        "example": choice.example,
        "path": choice.path,
        "member": choice.member,
        "weights": choice.weights,
        "upload": choice.upload,
        "shown": choice.shown_model,
        "run": _EXAMPLE_RUN if choice.example_run else "",
        "measure": choice.measure,
        "beside_run": choice.second_run,
        "over": choice.over_steps,
        "film": choice.film,
        "data": choice.data,
        "output": choice.output,
        "meaning": choice.meaning,
        "layer": choice.layer,
        "view": choice.visualizer,
        "label": choice.samples.label,
        "against": choice.against,
        "find": choice.samples.text,
        "sort": choice.samples.order,
        "edits": _packed(edits, lost),
        "variants": _packed(choice.variants, choice.lost.get("variants", 0)),
        "pins": _PIN_END.join(map(_pin_text, choice.pins)),
        "beside": choice.beside,
        "note": _short(choice.note),
    }
    address = {name: value for name, value in names.items() if value}
    numbers = {
        "step": choice.step,
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
    sample = _number(address.get("sample", "")) or 0
    edits, variants = address.get("edits", ""), address.get("variants", "")
    told = {"edits": edits, "variants": variants}
    lost = {name: _number(text.removeprefix(_LOST)) or 0 for name, text in told.items() if text.startswith(_LOST)}
    return Choice(
        example=address.get("example", ""),
        path=address.get("path", ""),
        member=address.get("member", ""),
        weights=address.get("weights", ""),
        upload=address.get("upload", ""),
        shown_model=address.get("shown", ""),
        example_run=address.get("run", "") == _EXAMPLE_RUN,
        step=_number(address.get("step", "")),
        measure=address.get("measure", ""),
        second_run=address.get("beside_run", ""),
        over_steps=address.get("over", ""),
        film=address.get("film", ""),
        data=address.get("data", ""),
        output=address.get("output", ""),
        meaning=address.get("meaning", ""),
        layer=address.get("layer", ""),
        sample=sample,
        against=address.get("against", ""),
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
        edits=edits_from_text(edits),
        edited_sample=sample,
        variants=variants_from_text(variants),
        lost=lost,
        pins=_pins(address.get("pins", "")),
        beside=address.get("beside", ""),
        note=address.get("note", "")[:LONGEST_NOTE],
    )


def _packed(edits: Sequence[Edit] | Sequence[Variant], lost: int) -> str:
    """Return edits, or variants, as they stand in the address; of too many it says only how many there were."""
    text = text_of_edits(edits)
    if len(text) > _LONGEST_EDITS or (lost and not edits):
        return f"{_LOST}{len(edits) or lost}"
    return text


def _pin_text(pin: Pin) -> str:
    """Return a pin as the address has it: ``"strong~s:3~l:conv_1~u:5"``."""
    numbers = {"s": pin.sample, "u": pin.unit}
    texts = {"l": pin.layer, "v": pin.visualizer, "m": pin.model, "of": pin.of, "n": _short(pin.note)}
    parts = [f"{short}:{number}" for short, number in numbers.items() if number is not None]
    parts += [f"{short}:{_quoted(text)}" for short, text in texts.items() if text]
    return _PIN_PART_END.join([_quoted(pin.name), *parts])


def _short(note: str) -> str:
    return note if len(note) <= _LONGEST_NOTE else ""


def _quoted(text: str) -> str:
    # Only what has a meaning in there: the whole is quoted once more by the address.
    for sign in ("%", _PIN_END, _PIN_PART_END):
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text


def _pins(text: str) -> list[Pin]:
    """Return the pins in the address; of two that are called the same, and of too many, the first."""
    pins: dict[str, Pin] = {}
    for each in filter(None, text.split(_PIN_END)):
        name, *parts = each.split(_PIN_PART_END)
        known = {short: unquote(value) for short, _, value in (part.partition(":") for part in parts)}
        name = unquote(name).strip()[:LONGEST_PIN_NAME]
        pin = Pin(
            name,
            known.get("of", ""),
            _number(known.get("s", "")),
            known.get("l", ""),
            _number(known.get("u", "")),
            known.get("m", ""),
            known.get("v", ""),
            known.get("n", "")[:LONGEST_NOTE],
        )
        if name and (pin.sample is not None or pin.layer or pin.model):
            pins.setdefault(name, pin)
    return list(pins.values())[:MOST_PINS]


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _region(text: str) -> tuple[float, float, float, float] | None:
    try:
        left, right, top, bottom = map(_finite, text.split(","))
    except ValueError:
        return None
    return (left, right, top, bottom)


def _options(address: dict[str, str]) -> dict[str, Any]:
    options = {}
    for name, value in address.items():
        if name.startswith(_OPTION_PREFIX):
            try:
                option = json.loads(value, parse_constant=_no_number, parse_float=_finite)
                options[name.removeprefix(_OPTION_PREFIX)] = option
            except (ValueError, RecursionError):
                continue  # a link that somebody cut; the default stands
    return options


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large")
    return number


def _sizes(address: dict[str, str]) -> dict[str, tuple[int, ...]]:
    sizes = {}
    for name, value in address.items():
        parts = value.split("x")
        are_numbers = all(part.isascii() and part.isdecimal() and len(part) < 8 for part in parts)
        if name.startswith(_SIZE_PREFIX) and are_numbers and len(parts) <= _MOST_AXES:
            sizes[name.removeprefix(_SIZE_PREFIX)] = tuple(max(1, int(part)) for part in parts)
    return sizes
