"""What a page is told about found inputs: plain values and Vega-Lite charts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ConfigDict

__all__ = ["ExcitedReport", "ExcitedSample", "FoundInput", "LayerSearchReport", "SearchReport", "SearchableLayer"]


@dataclass(frozen=True)
class SearchableLayer:
    """A layer whose units inputs can be looked for.

    Attributes:
        key: Key of the layer.
        kind: ``"unit"`` or ``"channel"``; of a layer that answers the classes ``"class"``.
        unit_count: How many it has.
        class_names: What each is called, where they are classes that have names; empty elsewhere.
        axes: Name of each axis between the samples and the units, such as ``height``; empty where a unit answers once.
        extents: Extent along each; None where it is open.
        explained_as: What of its answer is looked for, see :func:`core.extraction.layers.explained_as`.
        inputs: Names of the inputs that take real numbers, of which one is searched.
        images: Those of them that are images.
        has_other_inputs: Whether the model takes others too, which are held at the open sample.
    """

    key: str
    kind: str
    unit_count: int
    class_names: tuple[str, ...]
    axes: tuple[str, ...] = ()
    extents: tuple[int | None, ...] = ()
    explained_as: str = ""
    inputs: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    has_other_inputs: bool = False

    @property
    def has_region(self) -> bool:
        """Whether a unit answers in rows and columns of a known number, of which a part can be meant."""
        return self.axes == ("height", "width") and None not in self.extents

    @property
    def positions(self) -> int:
        """How many steps, tokens or boxes in a row it answers at, of which one can be meant; 0 where there are none."""
        return self.extents[0] or 0 if len(self.extents) == 1 else 0


@dataclass(frozen=True)
class FoundInput:
    """An input that gradient ascent found.

    Attributes:
        picture: A PNG, where it is an image.
        specification: A Vega-Lite chart, where it is none.
        objective: What the target amounts to for it.
        answer: The class that the model answers to it, with its probability; empty where it tells no classes apart.
        is_other_class: Whether a class is looked for, and the model takes this for another.
        is_wide: Whether the picture is a strip of several: the frames of a film, the slices of a volume.
    """

    # How the picture crosses from a worker, see core.workspace.workers.wire.
    __pydantic_config__ = ConfigDict(val_json_bytes="base64")

    picture: bytes | None
    specification: dict[str, Any] | None
    objective: float
    answer: str
    is_other_class: bool = False
    is_wide: bool = False


@dataclass(frozen=True)
class SearchReport:
    """How far a search for the input that drives a target the most is.

    Attributes:
        name: What is driven: ``"class 3"``, ``"channel 5 of conv_1"``.
        steps: How many steps were made.
        found: One per start, the strongest first.
        curve: What the target amounted to at each step as a Vega-Lite chart.
        entry: Name of the input that is searched, where the model takes several; else empty.
        held_at: What the others are held at, in words.
    """

    name: str
    steps: int
    found: tuple[FoundInput, ...]
    curve: dict[str, Any]
    entry: str = ""
    held_at: str = ""


@dataclass(frozen=True)
class ExcitedSample:
    """A sample that excites a target: its number, its name, what the target amounts to for it, and its text if any."""

    number: int
    name: str
    answer: float
    text: str = ""


@dataclass(frozen=True)
class ExcitedReport:
    """The samples that excite a target the most.

    Attributes:
        specification: Their pictures as a Vega-Lite chart; the selection ``sample`` holds the one that is clicked.
        largest: What the target amounts to for the strongest.
        sample_count: Of how many samples they are the strongest.
        samples: They themselves, the strongest first.
    """

    specification: dict[str, Any]
    largest: float
    sample_count: int
    samples: tuple[ExcitedSample, ...] = ()

    @property
    def strongest(self) -> int:
        """Number of the strongest sample."""
        return self.samples[0].number if self.samples else 0


@dataclass(frozen=True)
class LayerSearchReport:
    """Found inputs of a layer's units, as far as they are found.

    Attributes:
        specification: All of them as a Vega-Lite chart, the selection named as ``kind``; empty before the first.
        done: How many are found.
        wanted: How many are looked for.
        unit_count: How many the layer has.
        kind: ``"unit"`` or ``"channel"``.
    """

    specification: dict[str, Any]
    done: int
    wanted: int
    unit_count: int
    kind: str
