"""What somebody wants of a report; what they leave open is chosen for them, see :mod:`core.report.selection`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import InputRejected

__all__ = ["ReportChoices", "ReportPin", "UnitOfLayer", "parse_unit"]

UnitOfLayer = tuple[str, int]
"""Key of a layer, and the number of one of its units or channels."""


@dataclass(frozen=True)
class ReportPin:
    """What somebody pinned, with what they noted of it.

    Attributes:
        name: What they call it.
        note: What they say of it.
        sample: Number of the sample; None where any may be shown.
        layer: Key of the layer; empty for none.
        unit: Unit or channel of the layer; None for none.
        visualizer: Name of the picture that was looked at; empty for the one that suits best.
        is_other_model: Whether the second model is set beside it.
        misfit: Why it is not shown, as a sentence; empty where it can be.
    """

    name: str
    note: str = ""
    sample: int | None = None
    layer: str = ""
    unit: int | None = None
    visualizer: str = ""
    is_other_model: bool = False
    misfit: str = ""


@dataclass(frozen=True)
class ReportChoices:
    """What goes into a report; what is empty is chosen by what is most telling.

    Attributes:
        layers: Keys of layers.
        units: Units of layers.
        samples: Numbers of samples; the layers are drawn for the first of them.
        pictures: Names of visualizers that are drawn of each chosen layer that they suit, besides the one that suits
            best.
        pins: What was pinned.
        title: What the report is called; empty for the name of the model.
        note: What somebody says of the whole.
        data: What the samples are called, such as the name of their file; empty where that is not known.
    """

    layers: Sequence[str] = ()
    units: Sequence[UnitOfLayer] = ()
    samples: Sequence[int] = ()
    pictures: Sequence[str] = ()
    pins: Sequence[ReportPin] = ()
    title: str = ""
    note: str = ""
    data: str = ""


def parse_unit(text: str) -> UnitOfLayer:
    """Return what ``"conv_1:5"`` means: the layer, and the number of its unit.

    Raises:
        InputRejected: If it is written in another way.
    """
    layer, colon, unit = text.rpartition(":")
    if not (colon and layer and unit.isascii() and unit.isdecimal()):
        raise InputRejected(
            f"'{text}' is no unit of a layer.", remedy="Write the layer, a colon and a number, such as conv_1:5."
        )
    return layer, int(unit)
