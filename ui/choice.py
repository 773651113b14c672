"""What the visitor has chosen, kept in the session and in the address, so that a reload or a link comes back to it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from core.workspace.interface import WorkspaceInterface
from ui import engine

__all__ = ["Choice", "choice", "remember", "workspace"]

_OPTION_PREFIX = "o."
_KIND_PREFIX = "as."
_SIZE_PREFIX = "size."
_MOST_AXES = 6


@dataclass
class Choice:
    """Everything that decides what is on the page.

    Attributes:
        example: Name of the example; empty where a file is open.
        path: Path of the model file on the server's machine; empty otherwise.
        member: Path of the model within that file or folder, where it holds several.
        weights: Path of the weights, where the file is an architecture alone.
        upload: Name of the file that was uploaded; empty where something else is open.
        shown: Name of the model that a Python process has in memory; empty where something else is open.
        layer: Key of the layer; empty for the model's most telling one.
        sample: Number of the sample.
        visualizer: Name of the picture; empty for the one that suits best.
        options: Values that the person chose, by option name. Shared by all pictures: who chose channel 5 in one
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
    shown: str = ""
    layer: str = ""
    sample: int = 0
    visualizer: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    shown_as: str = "table"
    table_version: int = 0
    chart_version: int = 0

    def come_from(
        self,
        *,
        example: str = "",
        path: str = "",
        member: str = "",
        weights: str = "",
        upload: str = "",
        shown: str = "",
    ) -> None:
        """Note where the model is from, and that it is from nowhere else."""
        self.example, self.path, self.member, self.weights = example, path, member, weights
        self.upload, self.shown = upload, shown

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


def choice() -> Choice:
    """Return what this visitor has chosen; a new session reads it from the address."""
    if "choice" not in st.session_state:
        st.session_state["choice"] = _from_address()
    return st.session_state["choice"]


def workspace() -> WorkspaceInterface:
    """Return what this visitor has open."""
    if "workspace" not in st.session_state:
        st.session_state["workspace"] = engine.new_workspace()
    if not engine.runs_in_process():
        _end_worker_on_leaving()
    return st.session_state["workspace"]


@st.cache_resource(scope="session", show_spinner=False, on_release=lambda workspace: workspace.close())
def _end_worker_on_leaving() -> Any:
    # Streamlit keeps a session for a while for who comes back; the worker does not wait that long.
    return st.session_state["workspace"]


def remember(chosen: Choice) -> None:
    """Write into the address what is not as it would be anyway."""
    wanted = {
        "example": chosen.example,
        "path": chosen.path,
        "member": chosen.member,
        "weights": chosen.weights,
        "upload": chosen.upload,
        "shown": chosen.shown,
        "layer": chosen.layer,
        "view": chosen.visualizer,
    }
    wanted = {name: value for name, value in wanted.items() if value}
    if chosen.sample:
        wanted["sample"] = str(chosen.sample)
    if chosen.shown_as != "table":
        wanted["show"] = chosen.shown_as
    for name, value in chosen.options.items():
        wanted[_OPTION_PREFIX + name] = json.dumps(value)
    wanted |= {_KIND_PREFIX + name: kind for name, kind in chosen.kinds.items()}
    wanted |= {_SIZE_PREFIX + name: "x".join(map(str, extents)) for name, extents in chosen.sizes.items()}
    if wanted != st.query_params.to_dict():
        st.query_params.from_dict(wanted)


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _from_address() -> Choice:
    given = st.query_params.to_dict()
    options = {}
    for name, value in given.items():
        if name.startswith(_OPTION_PREFIX):
            try:
                options[name.removeprefix(_OPTION_PREFIX)] = json.loads(value, parse_constant=_no_number)
            except (ValueError, RecursionError):
                continue  # a link that somebody cut; the default stands
    sample = given.get("sample", "")
    return Choice(
        example=given.get("example", ""),
        path=given.get("path", ""),
        member=given.get("member", ""),
        weights=given.get("weights", ""),
        upload=given.get("upload", ""),
        shown=given.get("shown", ""),
        layer=given.get("layer", ""),
        sample=int(sample) if sample.isascii() and sample.isdecimal() and len(sample) < 10 else 0,
        visualizer=given.get("view", ""),
        options=options,
        kinds={name.removeprefix(_KIND_PREFIX): kind for name, kind in given.items() if name.startswith(_KIND_PREFIX)},
        sizes=_sizes(given),
        shown_as="map" if given.get("show") == "map" else "table",
    )


def _sizes(given: dict[str, str]) -> dict[str, tuple[int, ...]]:
    sizes = {}
    for name, value in given.items():
        parts = value.split("x")
        are_numbers = all(part.isascii() and part.isdecimal() and len(part) < 8 for part in parts)
        if name.startswith(_SIZE_PREFIX) and are_numbers and len(parts) <= _MOST_AXES:
            sizes[name.removeprefix(_SIZE_PREFIX)] = tuple(max(1, int(part)) for part in parts)
    return sizes
