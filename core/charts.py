"""Altair building blocks that more than one visualizer needs.

What is large is reduced with NumPy before Altair sees it. What this module imports to hand on (heatmaps, colours,
wording) is part of it for plugin authors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from core import wording
from core.activation import Activation
from core.colours import (
    GAP_LEVEL,
    MARK_COLOUR,
    MUTED_COLOUR,
    NOT_A_NUMBER_COLOUR,
    SCHEMES,
    ColourScale,
    ColourScheme,
    colour_levels,
    colour_scale,
    level_picture_url,
    picture_url,
    picture_values,
    within,
)
from core.deprecation import warn_deprecated
from core.heatmaps import CELLS_WITH_TOOLTIPS, heatmap, masked_bands, note_reduced, picture, reduced, row_bars
from core.large_arrays import (
    MapStatistics,
    ValueStatistics,
    averaged,
    blocks,
    count_not_finite,
    finite_range,
    histogram_counts,
    map_statistics,
    value_statistics,
)
from core.selections import clicked, dragged
from core.wording import class_name, cut_in_the_middle, format_shape, percent, sample_with_class

__all__ = [
    "CELLS_WITH_TOOLTIPS",
    "GAP_LEVEL",
    "MARK_COLOUR",
    "MUTED_COLOUR",
    "NOT_A_NUMBER_COLOUR",
    "NOT_KNOWN",
    "SCHEMES",
    "ColourScale",
    "ColourScheme",
    "MapStatistics",
    "ValueStatistics",
    "averaged",
    "blocks",
    "class_of",
    "classes_of",
    "clicked",
    "colour_levels",
    "colour_scale",
    "count_in_bins",
    "cut_in_the_middle",
    "dragged",
    "explained_as",
    "finite_range",
    "format_shape",
    "has_own_width",
    "heatmap",
    "histogram",
    "level_picture_url",
    "map_statistics",
    "masked_bands",
    "note_not_finite",
    "note_reduced",
    "percent",
    "picture",
    "picture_url",
    "picture_values",
    "reduced",
    "row_bars",
    "row_order",
    "sample_name",
    "short_name",
    "thin",
    "title",
    "token_labels",
    "unit_name",
    "value_statistics",
    "within",
]

NOT_KNOWN: Final = "not known"
"""Stands for the class of a sample that nobody has told."""


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


def has_own_width(specification: Mapping[str, Any]) -> bool:
    """Return whether a Vega-Lite chart says how wide it is; others take the width of their place."""
    composed = {"hconcat", "vconcat", "concat", "facet", "repeat"} & specification.keys()
    return bool(composed) or "width" in specification


def title(text: str, *subtitle: str) -> alt.TitleParams:
    """Return a chart title, flush left, with smaller lines under it."""
    return alt.TitleParams(
        text=text, subtitle=[line for line in subtitle if line], subtitleColor=MUTED_COLOUR, anchor="start", offset=12
    )


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
    return wording.unit_name(activation.layer, unit, context.class_names, context.class_layer)


def explained_as(activation: Activation) -> str:
    """Return what of a layer's answer is explained: ``"the logit, before the softmax"``, or empty for itself."""
    return wording.explained_as(activation.layer)


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
        where no tokens are known, or those that are belong to a sequence of another length.
    """
    tokens = answer.context.tokens
    if tokens is None or tokens.shape[1:] != (length,):
        return None
    labels = tuple(str(token) for token in tokens[0])
    shown = np.array([bool(label) for label in labels])
    if answer.mask is not None and answer.mask.shape == (length,):
        shown = shown & np.asarray(answer.mask, dtype=bool)
    return labels, shown


def __getattr__(name: str) -> Any:
    if name == "refuse_text":
        warn_deprecated("charts.refuse_text", 'Handles(dtypes=("number",))')
        return _refuse_text
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _refuse_text(activation: Activation) -> str:
    return "" if activation.is_numeric else "takes numbers, this layer answers text"


def note_not_finite(*values: np.ndarray) -> str:
    """Return a sentence on NaN and infinities among the values of all the arrays, empty if there are none."""
    count, size = sum(map(count_not_finite, values)), sum(each.size for each in values)
    return f"{count:,} of {size:,} values are NaN or infinite" if count else ""
