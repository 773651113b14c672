"""How the chosen unit or channel is marked where a chart has several: a frame in one colour, and its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from core.charts.building_blocks import name_axis, row_order
from core.charts.colours import CHOSEN_COLOUR, MARK_COLOUR, chosen_stroke
from core.charts.selections import clicked
from core.charts.theme import MUTED_TEXT

__all__ = ["chosen_frame", "mark_column", "mark_row", "unit_bars", "unit_labels", "unit_rule"]

_LABEL_ROOM: Final = 56


def chosen_frame() -> dict[str, Any]:
    """Return the encodings that frame the marks whose column ``chosen`` is True."""
    return {"stroke": chosen_stroke(), "strokeWidth": alt.value(2)}


def unit_labels(units: Any, chosen: int, kind: str = "unit") -> list[str]:
    """Return what stands beside each bar of a unit: its number, and of the chosen one its kind too, ``"unit 6"``."""
    return [f"{kind} {unit}" if unit == chosen else str(unit) for unit in units]


def unit_bars(
    units: Sequence[int] | np.ndarray, values: Any, chosen: int, *, title: str, kind: str = "unit", number: str = ".4~g"
) -> alt.Chart:
    """Draw a bar per unit, in the order in which they are given; a click chooses one, and the chosen one is framed.

    Args:
        units: Which ones.
        values: Length of each bar.
        chosen: The unit that is framed, if it is among them.
        title: What the lengths are.
        kind: ``"unit"`` or ``"channel"``.
        number: Format of a length on hover.
    """
    frame = pd.DataFrame({"unit": units, "value": values, "place": range(len(units))})
    frame["name"], frame["chosen"] = unit_labels(units, chosen, kind), frame["unit"] == chosen
    return (
        alt.Chart(frame)
        .mark_bar(color=MARK_COLOUR, cursor="pointer")
        .encode(
            x=alt.X("value:Q", title=title),
            y=alt.Y("name:N", sort=row_order("place"), title=kind.capitalize(), axis=name_axis()),
            tooltip=[alt.Tooltip("unit:Q", title=kind), alt.Tooltip("value:Q", title=title, format=number)],
            **chosen_frame(),
        )
        .add_params(clicked("unit"))
        .properties(height=alt.Step(18))
    )


def mark_row(chart: alt.LayerChart, row: int, label: str) -> alt.LayerChart:
    """Return a :func:`core.charts.heatmaps.heatmap` with a frame around one of its rows, and a name beside that.

    Args:
        chart: The heatmap; it is changed.
        row: Position of the row from the top, not its number.
        label: Such as ``"unit 6"``.
    """
    frame = pd.DataFrame({"top": [row - 0.5], "bottom": [row + 0.5], "chosen row": [label]})
    base = alt.Chart(frame)
    rectangle = base.mark_rect(filled=False, stroke=CHOSEN_COLOUR, strokeWidth=1.5)
    text = base.transform_calculate(middle="(datum.top + datum.bottom) / 2").mark_text(
        align="left", dx=5, fontSize=11, fontWeight="bold", color=MUTED_TEXT
    )
    _make_room(chart)
    chart.layer = [
        *chart.layer,
        rectangle.encode(y=alt.Y("top:Q"), y2=alt.Y2("bottom:Q")),
        text.encode(x=alt.value("width"), y=alt.Y("middle:Q"), text="chosen row:N"),
    ]
    return chart


def mark_column(chart: alt.LayerChart, column: int, label: str) -> alt.LayerChart:
    """Return a heatmap with a frame around one of its columns, and a name above that; see :func:`mark_row`."""
    frame = pd.DataFrame({"left": [column - 0.5], "right": [column + 0.5], "chosen column": [label]})
    base = alt.Chart(frame)
    rectangle = base.mark_rect(filled=False, stroke=CHOSEN_COLOUR, strokeWidth=1.5)
    text = base.transform_calculate(middle="(datum.left + datum.right) / 2").mark_text(
        baseline="bottom", dy=-3, fontSize=11, fontWeight="bold", color=MUTED_TEXT
    )
    chart.layer = [
        *chart.layer,
        rectangle.encode(x=alt.X("left:Q"), x2=alt.X2("right:Q")),
        text.encode(x=alt.X("middle:Q"), y=alt.value(0), text="chosen column:N"),
    ]
    return chart


def unit_rule(unit: int) -> alt.Chart:
    """Draw a line at the chosen unit, to be laid over a chart that has the units along ``unit:Q``."""
    rule = alt.Chart(pd.DataFrame({"unit": [unit]})).mark_rule(color=CHOSEN_COLOUR, strokeWidth=1.5)
    return rule.encode(x="unit:Q")


def _make_room(chart: alt.LayerChart) -> None:
    for layer in chart.layer:
        colour: Any = getattr(layer.encoding, "color", alt.Undefined)
        legend = alt.Undefined if colour is alt.Undefined else colour["legend"]
        if isinstance(legend, alt.Legend):
            legend.offset = _LABEL_ROOM
