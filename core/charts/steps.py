"""The axis of timesteps that all pictures over time share: words where the input is text, seconds where known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from core.analysis.rulers import Ruler, input_ruler, ruler_of
from core.analysis.timesteps import step_words
from core.charts.heatmaps import step_axis
from core.charts.rulers import ruler_axis
from core.extraction.activation import Activation
from core.inputs.sample_context import SampleContext

__all__ = ["StepAxis", "steps_of", "steps_of_input"]


@dataclass(frozen=True, eq=False)
class StepAxis:
    """The axis of the timesteps of one sample: words, seconds, or else numbers.

    Attributes:
        words: The token at each timestep where the input was text; else None.
        ruler: What the timesteps are in seconds where that is known; else None.
        name: What a timestep is called where it is neither.
    """

    words: tuple[str, ...] | None = None
    ruler: Ruler | None = None
    name: str = "Timestep"

    @property
    def title(self) -> str:
        """``"Time (s)"``, or what a timestep is called."""
        return self.ruler.title if self.ruler is not None else self.name

    @property
    def tooltip(self) -> list[alt.Tooltip]:
        """What is said on hover beside the number of the timestep, for a frame of :meth:`with_seconds`."""
        if self.ruler is None:
            return []
        return [alt.Tooltip("seconds:Q", title=self.ruler.measure, format=".4~g")]

    def axis(self, **settings: Any) -> alt.Axis:
        """Return the axis; ``settings`` are further ones of :class:`altair.Axis`."""
        if self.ruler is not None:
            return ruler_axis(self.ruler, **settings)
        return step_axis(self.words, **settings)

    def with_seconds(self, frame: pd.DataFrame, column: str = "time") -> pd.DataFrame:
        """Return a frame with a column ``seconds`` beside that of the timesteps; as it is where these are not known.

        Args:
            frame: A row per mark.
            column: Holds numbers of timesteps.
        """
        if self.ruler is None:
            return frame
        values = self.ruler.values
        return frame.assign(seconds=np.interp(frame[column].to_numpy(float), np.arange(len(values)), values))


def steps_of(activation: Activation, name: str = "Timestep") -> StepAxis:
    """Return the axis of the timesteps of what a layer answered to one sample.

    Args:
        activation: The answer; of several samples no words are known.
        name: What a timestep is called where it is no word and has no seconds.
    """
    return StepAxis(step_words(activation), ruler_of(activation), name)


def steps_of_input(context: SampleContext, name: str, count: int, called: str = "Timestep") -> StepAxis:
    """Return the axis of the steps of an input, for what is drawn over that.

    Args:
        context: What went in.
        name: Of the input.
        count: How many steps a sample has.
        called: What a step is called where it has no seconds.
    """
    return StepAxis(None, input_ruler(context, name, count), called)
