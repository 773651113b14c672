"""What a page is told of a sample that is edited: what can be done to each input, the answers, how far layers move."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from pydantic import ConfigDict

from core.workspace.results import Answer, InputView

__all__ = ["EditView", "EditableInput", "EditedLayer", "Tool"]

Tool: TypeAlias = Literal["picture", "features", "series", "words", "none"]


@dataclass(frozen=True)
class EditableInput:
    """One input of a sample as it is edited, and what it can be edited with.

    Attributes:
        name: Name of the input.
        tool: ``"picture"``: a brush and rectangles; ``"features"``: a slider for each number; ``"series"``: a stretch
            that is made empty; ``"words"``; ``"none"``.
        view: What goes in now.
        picture: PNG bytes of a picture, a pixel for each of the input's or fewer; None for other tools.
        size: Height, width and channels of a picture; how many steps and channels a series has.
        names: What the features, or the channels of a series, are called; empty where they have no names.
        values: The features as they are now.
        lows: Smallest value of each feature over all samples; of a picture that of all pixels alone.
        highs: Largest, likewise.
        words: The words as they were.
        edited_words: What stands at the place of each now; empty where it was removed.
        steps_are: What a step of a series is: ``"step"``, ``"frame"`` or ``"slice"``.
        note: What is to be said of it; where nothing can be done, why.
    """

    # How the picture crosses from a worker, see core.workspace.workers.wire.
    __pydantic_config__ = ConfigDict(val_json_bytes="base64")

    name: str
    tool: Tool
    view: InputView
    picture: bytes | None = None
    size: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    values: tuple[float, ...] = ()
    lows: tuple[float, ...] = ()
    highs: tuple[float, ...] = ()
    words: tuple[str, ...] = ()
    edited_words: tuple[str, ...] = ()
    steps_are: str = "step"
    note: str = ""


@dataclass(frozen=True)
class EditView:
    """A sample before and after it is edited.

    Attributes:
        inputs: Its inputs as they are now.
        before: What the model answers to the sample as it was.
        after: What it answers now.
        answers: Vega-Lite chart of both answers on one scale; empty where they are no row of numbers: then each has a
            picture of its own.
        alt: What a screen reader hears of that.
        changes: How far each layer's answer moves, as a share of its own length, by key in call order; without layers
            that answer text, or another shape now.
        bars: Vega-Lite chart of that, a bar for each layer; a click selects ``layer``. Empty where none is known.
        largest: The layer that changes the most; empty if none does by more than rounding.
        note: What is to be said where not every layer's change is known.
    """

    inputs: tuple[EditableInput, ...]
    before: Answer
    after: Answer
    answers: dict[str, Any] = field(default_factory=dict)
    alt: str = ""
    changes: dict[str, float] = field(default_factory=dict)
    bars: dict[str, Any] = field(default_factory=dict)
    largest: str = ""
    note: str = ""


@dataclass(frozen=True)
class EditedLayer:
    """One layer before and after an edit, and what a unit of it can be set to.

    Attributes:
        specification: Vega-Lite chart of both with their difference; empty where they cannot be compared.
        unit_count: How many units it has; 0 where none can be set.
        lows: What each unit answers at the least, to the samples that were run with this one.
        highs: At the most, likewise.
        note: Why there is no chart; empty where there is one.
    """

    specification: dict[str, Any]
    unit_count: int
    lows: tuple[float, ...] = ()
    highs: tuple[float, ...] = ()
    note: str = ""
