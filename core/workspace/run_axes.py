"""What the charts of a recorded training have in common: the axis of steps, the names of layers, the open step."""

from __future__ import annotations

from typing import Final

import altair as alt
import pandas as pd

from core import charts

__all__ = ["ALARM_COLOUR", "LONGEST_NAME", "layer_axis", "step_axis", "step_rule"]

ALARM_COLOUR: Final = "#d6336c"
LONGEST_NAME: Final = 240
"""Screen pixels that a name of a layer has at most."""


def step_rule(step: int) -> alt.Chart:
    """Return a line at the open step."""
    rule = alt.Chart(pd.DataFrame({"step": [step]})).mark_rule(color=charts.CHOSEN_COLOUR, strokeWidth=1.5)
    return rule.encode(x="step:Q", tooltip=[alt.Tooltip("step:Q", title="open step")])


def step_axis(*, labels: bool = True) -> alt.Axis:
    """Return the axis of steps, with their numbers or without."""
    return alt.Axis(format=",d", tickMinStep=1, grid=False, labels=labels, ticks=labels, labelFlush=True)


def layer_axis(left: int) -> alt.Axis:
    """Return the axis of layers, whose names have so many screen pixels."""
    return charts.name_axis(minExtent=left, maxExtent=left, labelLimit=LONGEST_NAME, ticks=False, domain=False)
