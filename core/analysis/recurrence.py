"""Gates and states of a recurrent layer over time, put in the order in which a person reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from core.analysis.rulers import Ruler, ruler_of
from core.analysis.timesteps import shown_steps, step_words
from core.extraction.activation import Activation

__all__ = ["OPEN", "SHUT", "OverTime", "over_time", "refuse_without_gates", "refuse_without_states"]

OPEN: Final = 0.95
"""A gate above this lets everything through."""
SHUT: Final = 0.05
"""A gate below this lets nothing through."""
_SEVERAL_AXES: Final = "ConvLSTM"


@dataclass(frozen=True)
class OverTime:
    """One gate, candidate or state of a cell, for one sample.

    Attributes:
        part: ``"forget_gate"``, ``"candidate"``, ``"cell_state"`` and so on.
        cell: Name of the cell where several are stacked; empty where there is one.
        values: Shape ``(time, unit)``.
        shown: Boolean, shape ``(time,)``: False where a timestep is padding.
        words: The token at each timestep; None where the input is no text.
        ruler: What the timesteps are in seconds; None where that is not known.
    """

    part: str
    cell: str
    values: np.ndarray
    shown: np.ndarray
    words: tuple[str, ...] | None = None
    ruler: Ruler | None = None

    @property
    def title(self) -> str:
        """What a person calls it: ``"Forget gate"``, ``"lstm_cell · forget gate"``."""
        name = self.part.replace("_", " ")
        return f"{self.cell} · {name}" if self.cell else name.capitalize()

    @property
    def is_gate(self) -> bool:
        """True for what lets through or holds back, between 0 and 1."""
        return self.part.endswith("_gate")

    @property
    def is_state(self) -> bool:
        """True for what is carried from one timestep to the next."""
        return not self.is_gate and self.part != "candidate"

    def saturation(self, unit: int) -> tuple[float, float] | None:
        """Return the shares of time for which a gate is open and shut, 0 to 1; None if there is no such time.

        Masked timesteps, NaN and infinities do not count.
        """
        values = self.values[self.shown, unit]
        values = values[np.isfinite(values)]
        if not values.size:
            return None
        return float((values > OPEN).mean()), float((values < SHUT).mean())


def over_time(answer: Activation) -> tuple[OverTime, ...]:
    """Return the gates, then the candidate, then the states of each cell, what the layer answers at the end.

    Args:
        answer: One sample of a recurrent layer's answer, with internals.
    """
    found = []
    for key, internal in answer.internals.items():
        cell, _, part = key.rpartition(":")
        if internal.axes != ("time", "unit") or 0 in internal.shape:
            continue
        shown = shown_steps(internal) & (shown_steps(answer) if answer.axes == internal.axes else True)
        found.append(OverTime(part, cell, internal.values, shown, step_words(internal), ruler_of(internal)))
    cells = list(dict.fromkeys(each.cell for each in found))
    return tuple(sorted(found, key=lambda each: (cells.index(each.cell), each.is_state, each.part == "hidden_state")))


def refuse_without_gates(activation: Activation) -> str:
    """Return why a layer's gates cannot be drawn, for ``Handles(when=…)``; empty if it has some."""
    if any(key.endswith("_gate") for key in activation.layer.internals):
        return ""
    return f"takes recurrent layers with gates, such as LSTM and GRU; none are known of {activation.layer.type_name}"


def refuse_without_states(activation: Activation) -> str:
    """Return why what a layer carries over time cannot be drawn as units by timesteps; empty if it can."""
    if _SEVERAL_AXES in activation.layer.type_names:
        return f"takes states of one axis of units, those of {activation.layer.type_name} are images"
    return "" if activation.layer.internals else f"no states of this {activation.layer.type_name} can be recorded"
