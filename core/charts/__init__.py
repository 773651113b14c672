"""Numbers become Altair charts: the building blocks that more than one visualizer needs, as plugin authors import them.

What is large is reduced with NumPy before Altair sees it. A visualizer takes an activation's values, brings them to
the screen's resolution (``analysis.large_arrays``), to colours (``colours``) and to marks (``building_blocks``,
``heatmaps``, ``gallery``, ``scatter``); a chart leaves as a file by ``export``, looked over by ``validation``.
"""

from typing import Any

from core.analysis.large_arrays import (
    MapStatistics,
    ValueStatistics,
    averaged,
    blocks,
    finite_range,
    map_statistics,
    value_statistics,
)
from core.analysis.timesteps import shown_steps, step_words
from core.analysis.units import shown_unit, strongest_unit, strongest_units
from core.charts.building_blocks import (
    class_legend,
    class_of,
    classes_of,
    count_in_bins,
    explained_as,
    has_own_width,
    histogram,
    name_axis,
    note_not_finite,
    row_order,
    sample_name,
    short_name,
    small_title,
    thin,
    title,
    token_labels,
    unit_name,
)
from core.charts.colours import (
    CHOSEN_COLOUR,
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
from core.charts.heatmaps import (
    CELLS_WITH_TOOLTIPS,
    heatmap,
    masked_bands,
    note_reduced,
    picture,
    reduced,
    row_bars,
    step_axis,
)
from core.charts.selections import clicked, dragged
from core.charts.theme import MUTED_TEXT
from core.charts.units import chosen_frame, mark_column, mark_row, unit_bars, unit_labels
from core.common.deprecation import warn_deprecated
from core.common.text import NOT_KNOWN, cut_in_the_middle, format_shape, percent
from core.extraction.activation import Activation

__all__ = [
    "CELLS_WITH_TOOLTIPS",
    "CHOSEN_COLOUR",
    "GAP_LEVEL",
    "MARK_COLOUR",
    "MUTED_COLOUR",
    "MUTED_TEXT",
    "NOT_A_NUMBER_COLOUR",
    "NOT_KNOWN",
    "SCHEMES",
    "ColourScale",
    "ColourScheme",
    "MapStatistics",
    "ValueStatistics",
    "averaged",
    "blocks",
    "chosen_frame",
    "class_legend",
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
    "mark_column",
    "mark_row",
    "masked_bands",
    "name_axis",
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
    "shown_steps",
    "shown_unit",
    "small_title",
    "step_axis",
    "step_words",
    "strongest_unit",
    "strongest_units",
    "thin",
    "title",
    "token_labels",
    "unit_bars",
    "unit_labels",
    "unit_name",
    "value_statistics",
    "within",
]


def __getattr__(name: str) -> Any:
    if name == "refuse_text":
        warn_deprecated("charts.refuse_text", 'Handles(dtypes=("number",))')
        return _refuse_text
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _refuse_text(activation: Activation) -> str:
    return "" if activation.is_numeric else "takes numbers, this layer answers text"
