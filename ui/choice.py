"""The choices of the visitor, kept in the session and in the address, so that a reload or a link comes back to them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, TypedDict

import streamlit as st

__all__ = ["Choice", "Origin", "read_address", "remember"]

_OPTION_PREFIX = "o."
_KIND_PREFIX = "as."
_SIZE_PREFIX = "size."
_MOST_AXES = 6


class Origin(TypedDict, total=False):
    """Where a model is from, as the attributes of :class:`Choice` of the same names say it."""

    example: str
    path: str
    member: str
    weights: str
    upload: str
    shown_model: str


@dataclass
class Choice:
    """Everything that decides what is on the page.

    Attributes:
        example: Name of the example; empty where a file is open.
        path: Path of the model file on the server's machine; empty otherwise.
        member: Path of the model within that file or folder, where it holds several.
        weights: Path of the weights, where the file is an architecture alone.
        upload: Name of the file that was uploaded; empty where something else is open.
        shown_model: Name of the model that a Python process has in memory; empty where something else is open.
        layer: Key of the layer; empty for the model's most telling one.
        sample: Number of the sample.
        visualizer: Name of the visualizer; empty for the one that suits best.
        options: Values that the person chose, by option name. Shared by all visualizers: who chose channel 5 in one
            sees channel 5 in the next.
        kinds: What the person takes an input for, by its name, where it is not the likeliest.
        sizes: Extents of noise along an input's axes of any size, by its name, where the person chose them.
        shown_as: ``"table"`` or ``"map"``.
        table_version: Counts selections that were made elsewhere than in the table, which then starts afresh.
        chart_version: Counts choices of a channel or unit that were made elsewhere than in the chart, likewise.
    """

    example: str = ""
    path: str = ""
    member: str = ""
    weights: str = ""
    upload: str = ""
    shown_model: str = ""
    layer: str = ""
    sample: int = 0
    visualizer: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    shown_as: str = "table"
    table_version: int = 0
    chart_version: int = 0

    def come_from(self, origin: Origin) -> None:
        """Note where the model is from, and that it is from nowhere else."""
        self.example = origin.get("example", "")
        self.path = origin.get("path", "")
        self.member = origin.get("member", "")
        self.weights = origin.get("weights", "")
        self.upload = origin.get("upload", "")
        self.shown_model = origin.get("shown_model", "")

    def start_over(self) -> None:
        """Forget what was chosen for the model that was open before."""
        self.layer = self.visualizer = ""
        self.sample = 0
        self.kinds, self.sizes = {}, {}
        self.forget_options()
        self.table_version += 1

    def forget_options(self) -> None:
        """Go back to the defaults."""
        self.options = {}
        self.chart_version += 1

    def select_layer(self, key: str) -> None:
        """Choose a layer; positions on its axes are not those of the layer before."""
        if key != self.layer:
            self.look_at(key)
            self.table_version += 1

    def look_at(self, key: str) -> None:
        """Choose a layer, or a part of it, where the table shows that already."""
        self.layer = key
        self.options = {name: value for name, value in self.options.items() if not _is_position(value)}
        self.chart_version += 1

    def set_option(self, name: str, value: Any) -> None:
        """Choose the value of an option beside the chart; None and an empty list go back to the default."""
        self.options.pop(name, None)
        if value is not None and value != []:
            self.options[name] = value
        if _is_position(value):
            # What is selected in the chart is not what is shown any more: a click on it must count again.
            self.chart_version += 1


def _is_position(value: Any) -> bool:
    return isinstance(value, (int, list, tuple)) and not isinstance(value, bool)


def remember(choice: Choice) -> None:
    """Write into the address what is not as it would be anyway."""
    names = {
        "example": choice.example,
        "path": choice.path,
        "member": choice.member,
        "weights": choice.weights,
        "upload": choice.upload,
        "shown": choice.shown_model,
        "layer": choice.layer,
        "view": choice.visualizer,
    }
    address = {name: value for name, value in names.items() if value}
    if choice.sample:
        address["sample"] = str(choice.sample)
    if choice.shown_as != "table":
        address["show"] = choice.shown_as
    for name, value in choice.options.items():
        address[_OPTION_PREFIX + name] = json.dumps(value)
    address |= {_KIND_PREFIX + name: kind for name, kind in choice.kinds.items()}
    address |= {_SIZE_PREFIX + name: "x".join(map(str, extents)) for name, extents in choice.sizes.items()}
    if address != st.query_params.to_dict():
        st.query_params.from_dict(address)


def read_address() -> Choice:
    """Return what the address says that a visitor has chosen; what cannot be read there is as if it were not."""
    address = st.query_params.to_dict()
    sample = address.get("sample", "")
    return Choice(
        example=address.get("example", ""),
        path=address.get("path", ""),
        member=address.get("member", ""),
        weights=address.get("weights", ""),
        upload=address.get("upload", ""),
        shown_model=address.get("shown", ""),
        layer=address.get("layer", ""),
        sample=int(sample) if sample.isascii() and sample.isdecimal() and len(sample) < 10 else 0,
        visualizer=address.get("view", ""),
        options=_options(address),
        kinds={
            name.removeprefix(_KIND_PREFIX): kind for name, kind in address.items() if name.startswith(_KIND_PREFIX)
        },
        sizes=_sizes(address),
        shown_as="map" if address.get("show") == "map" else "table",
    )


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
