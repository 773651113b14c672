"""Altair building blocks that more than one visualizer needs.

What is large is reduced with NumPy before Altair sees it.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from core.analysis.large_arrays import (
    count_not_finite,
    finite_range,
    histogram_counts,
)
from core.charts.colours import MARK_COLOUR
from core.charts.room import COLUMN, room_across
from core.charts.theme import MUTED_TEXT, TITLE_LIMIT
from core.common.text import NOT_KNOWN, class_name, cut_in_the_middle, format_shape, sample_with_class
from core.extraction import layers
from core.extraction.activation import Activation

__all__ = [
    "array_title",
    "class_legend",
    "class_of",
    "classes_of",
    "colour_of_lines",
    "count_in_bins",
    "explained_as",
    "histogram",
    "name_axis",
    "note_not_finite",
    "row_order",
    "sample_name",
    "short_name",
    "small_title",
    "thin",
    "title",
    "token_labels",
    "unit_name",
]


_TITLE_LETTERS: Final = 96
_SUBTITLE_LETTERS: Final = 130
"""So many letters are about as wide as the page's column."""
_LINE_COLOURS: Final = (MARK_COLOUR, "#e8932f", "#3c9d5d", "#a05eb5")


def histogram(values: np.ndarray, bins: int) -> pd.DataFrame:
    """Count finite values in equal bins, with NumPy.

    Returns:
        Columns ``start``, ``end`` and ``count``, a row per bin; empty if there is no finite value.
    """
    counts, edges = count_in_bins(values, bins)
    return pd.DataFrame({"start": edges[:-1], "end": edges[1:], "count": counts})


def count_in_bins(values: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Count finite values in equal bins.

    Returns:
        Counts of shape ``(bin,)`` and edges of shape ``(bin + 1,)``; both empty if there is no finite value.
    """
    extremes = finite_range(values)
    if extremes is None:
        return np.array([], dtype=np.int64), np.array([])
    low, high = extremes
    # Values that lie closer together than floating point can divide get bins around them.
    if high - low <= abs(high) * 1e-6:
        half = max(0.5, abs(high) * 1e-6)
        low, high = low - half, high + half
    return histogram_counts(values, bins, low, high)


def thin(values: np.ndarray, buckets: int) -> np.ndarray:
    """Return which positions of a series to draw so that it looks the same: each bucket's minimum and maximum.

    Args:
        values: Shape ``(position,)``.
        buckets: About how many a screen can show, such as its width in pixels.

    Returns:
        Positions in ascending order; all of them where there are no more than two per bucket.
    """
    if len(values) <= 2 * buckets:
        return np.arange(len(values))
    finite = np.nan_to_num(values.astype(np.float64))
    kept = {0, len(values) - 1}
    for part in np.array_split(np.arange(len(values)), buckets):
        kept.update((int(part[finite[part].argmin()]), int(part[finite[part].argmax()])))
    return np.array(sorted(kept))


def row_order(column: str) -> alt.EncodingSortField:
    """Return how names stand in the order of their rows, which a column numbers.

    Without an order that is said (``sort=None``), a chart that is on a page keeps the order of the data before.
    """
    return alt.EncodingSortField(column, op="min", order="ascending")


def class_legend(names: Sequence[str], rows: int = 0) -> alt.Legend | None:
    """Return a legend that has room for every class; None for one class, which needs none.

    Args:
        names: Of the classes.
        rows: How many stand under one another at the right of the chart; 0 puts the legend below it.
    """
    if len(names) < 2:
        return None
    if rows:
        return alt.Legend(columns=-(-len(names) // rows), symbolLimit=0, labelLimit=120)
    return alt.Legend(orient="bottom", columns=6, symbolLimit=0, labelLimit=120)


def name_axis(**more: Any) -> alt.Axis:
    """Return an axis on which every row or column bears its whole name, each in the middle of its own place.

    Left to Vega, every other name is left out where they are dense, and the first one slides to the edge.
    """
    settings: dict[str, Any] = {"labelOverlap": False, "labelFlush": False, "labelBound": False, "labelLimit": 240}
    return alt.Axis(**{**settings, **more})


def title(text: str, *subtitle: str) -> alt.TitleParams:
    """Return a chart title, flush left, with smaller lines under it; lines that are too long are broken."""
    narrowed = room_across() / COLUMN
    title_letters, subtitle_letters = round(_TITLE_LETTERS * narrowed), round(_SUBTITLE_LETTERS * narrowed)
    lines = wrap(text, title_letters) or [text]
    return alt.TitleParams(
        text=lines if len(lines) > 1 else text,
        subtitle=[part for line in subtitle for part in wrap(line, subtitle_letters)],
        subtitleColor=MUTED_TEXT,
        anchor="start",
        offset=12,
        limit=TITLE_LIMIT,
    )


def small_title(text: str) -> alt.TitleParams:
    """Return the title of one of several charts that stand side by side, close over it."""
    return alt.TitleParams(text=text, anchor="start", fontSize=12, fontWeight="normal", offset=4)


def array_title(name: str, shape: Sequence[int], *lines: str, longest: int) -> alt.TitleParams:
    """Return the title of one of several arrays that stand side by side, such as weights.

    Args:
        name: What the array is called.
        shape: What is told beside that; nothing of a single number.
        lines: What else is to be told; empty ones are left out.
        longest: As many letters of the name have room.
    """
    told = f", {format_shape(shape)}" if shape else ""
    return alt.TitleParams(
        f"{cut_in_the_middle(name, longest)}{told}",
        subtitle=[line for line in lines if line],
        subtitleColor=MUTED_TEXT,
        anchor="start",
        fontSize=12,
    )


def colour_of_lines(names: Sequence[str], *, always: bool = False) -> alt.Color:
    """Return the colours of lines by the column ``of``, with a legend over them where there are several.

    Args:
        names: What stands in that column, in the order of the legend.
        always: Whether one alone has a legend too.
    """
    legend = alt.Legend(title=None, orient="top", labelLimit=400) if always or len(names) > 1 else None
    scale = alt.Scale(domain=list(names), range=list(_LINE_COLOURS[: len(names)]))
    return alt.Color("of:N", scale=scale, legend=legend)


def sample_name(activation: Activation, position: int) -> str:
    """Return what a person knows a sample by: ``"sample 12"``, and its class if that is known."""
    return f"sample {short_name(activation, position)}"


def short_name(activation: Activation, position: int) -> str:
    """Return what a person knows a sample by where there is little room: ``"12 (cat)"``, or ``"12"``."""
    return sample_with_class(activation.context.first + position, class_of(activation, position))


def class_of(activation: Activation, position: int) -> str:
    """Return the label of a sample by name, or by number where it has none; empty if it is unknown."""
    groups, names = activation.context.groups, activation.context.group_names
    return "" if groups is None else class_name(int(groups[position]), names)


def unit_name(activation: Activation, unit: int) -> str:
    """Return what a person knows a unit of a layer by: its class where the layer answers the classes."""
    context = activation.context
    return layers.unit_name(activation.layer, unit, context.class_names, context.class_layer)


def explained_as(activation: Activation) -> str:
    """Return what of a layer's answer is explained: ``"the logit, before the softmax"``, or empty for itself."""
    return layers.explained_as(activation.layer)


def classes_of(activation: Activation) -> list[str]:
    """Return the label of every sample; where it is unknown, :data:`NOT_KNOWN`."""
    return [class_of(activation, position) or NOT_KNOWN for position in range(activation.shape[0])]


def token_labels(answer: Activation, length: int) -> tuple[tuple[str, ...], np.ndarray] | None:
    """Return the token at each position of a sample's sequence, and which positions hold one.

    Args:
        answer: One sample of an activation; its context says the tokens, its mask which positions are padding.
        length: How many positions there are.

    Returns:
        A label per position, and a boolean array of shape ``(position,)`` that is False where there is padding. None
        where no tokens are known, or those that are belong to a sequence of another length or to no step of a loop.
    """
    tokens = answer.context.tokens
    if tokens is None or tokens.shape[1:] != (length,) or answer.layer.loop == "steps":
        return None
    labels = tuple(str(token) for token in tokens[0])
    shown = np.array([bool(label) for label in labels])
    if answer.mask is not None and answer.mask.shape == (length,):
        shown = shown & np.asarray(answer.mask, dtype=bool)
    return labels, shown


def note_not_finite(*values: np.ndarray) -> str:
    """Return a sentence on NaN and infinities among the values of all the arrays, empty if there are none."""
    count, size = sum(map(count_not_finite, values)), sum(each.size for each in values)
    return f"{count:,} of {size:,} values are NaN or infinite" if count else ""
