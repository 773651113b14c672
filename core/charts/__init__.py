"""Numbers become Altair charts: the building blocks that more than one visualizer needs, as plugin authors import them.

What is large is reduced with NumPy before Altair sees it. A visualizer takes an activation's values, brings them to
the screen's resolution (``analysis.large_arrays``), to colours (``colours``) and to marks (``building_blocks``,
``heatmaps``, ``gallery``, ``scatter``); a chart leaves as a file by ``export``, looked over by ``validation``.

Each name brings its module when it is first used: who asks how wide a chart is, as the page does, needs no Altair. The
names stand once, in the imports below: type checkers follow them, and ``_HOME`` is read from them.
"""

import ast
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.common.deprecation import warn_deprecated

if TYPE_CHECKING:
    from core.analysis.large_arrays import (
        MapStatistics,
        ValueStatistics,
        averaged,
        blocks,
        finite_range,
        map_statistics,
        value_statistics,
    )
    from core.analysis.rulers import Ruler, input_ruler, ruler_of
    from core.analysis.timesteps import shown_steps, step_words
    from core.analysis.units import shown_unit, strongest_unit, strongest_units
    from core.charts.bars import PROBABILITIES, TRUE_COLOUR, answer_bars, bar_rows, extremes_text, zero_line
    from core.charts.building_blocks import (
        array_title,
        class_legend,
        class_of,
        classes_of,
        colour_of_lines,
        count_in_bins,
        explained_as,
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
        NO_CLASS_COLOUR,
        NOT_A_NUMBER_COLOUR,
        REFERENCE_COLOUR,
        SCHEMES,
        ColourScale,
        ColourScheme,
        colour_levels,
        colour_scale,
        level_picture_url,
        magnitude_scale,
        picture_url,
        picture_values,
        rgb_of,
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
    from core.charts.picture_rows import difference_pixels, over_picture, picture_place, picture_row
    from core.charts.raster import class_colours
    from core.charts.room import room_across
    from core.charts.rulers import Rulers, ruler_axis, upright
    from core.charts.sample_values import positions_axis, positions_scale, slices_picture, values_chart
    from core.charts.selections import clicked, dragged, unit_link
    from core.charts.specifications import has_own_width
    from core.charts.steps import StepAxis, steps_of, steps_of_input
    from core.charts.theme import FIT, FRAMELESS, MUTED_TEXT, quantity_axis
    from core.charts.units import chosen_frame, mark_column, mark_row, unit_bars, unit_labels, unit_rule
    from core.common.text import (
        NO_CLASS,
        NOT_KNOWN,
        answer_text,
        count_text,
        cut_in_the_middle,
        format_shape,
        number_text,
        percent,
        signed_number_text,
    )
    from core.extraction.activation import Activation

__all__ = [
    "CELLS_WITH_TOOLTIPS",
    "CHOSEN_COLOUR",
    "FIT",
    "FRAMELESS",
    "GAP_LEVEL",
    "MARK_COLOUR",
    "MUTED_COLOUR",
    "MUTED_TEXT",
    "NOT_A_NUMBER_COLOUR",
    "NOT_KNOWN",
    "NO_CLASS",
    "NO_CLASS_COLOUR",
    "PROBABILITIES",
    "REFERENCE_COLOUR",
    "SCHEMES",
    "TRUE_COLOUR",
    "ColourScale",
    "ColourScheme",
    "MapStatistics",
    "Ruler",
    "Rulers",
    "StepAxis",
    "ValueStatistics",
    "answer_bars",
    "answer_text",
    "array_title",
    "averaged",
    "bar_rows",
    "blocks",
    "chosen_frame",
    "class_colours",
    "class_legend",
    "class_of",
    "classes_of",
    "clicked",
    "colour_levels",
    "colour_of_lines",
    "colour_scale",
    "count_in_bins",
    "count_text",
    "cut_in_the_middle",
    "difference_pixels",
    "dragged",
    "explained_as",
    "extremes_text",
    "finite_range",
    "format_shape",
    "has_own_width",
    "heatmap",
    "histogram",
    "input_ruler",
    "level_picture_url",
    "magnitude_scale",
    "map_statistics",
    "mark_column",
    "mark_row",
    "masked_bands",
    "name_axis",
    "note_not_finite",
    "note_reduced",
    "number_text",
    "over_picture",
    "percent",
    "picture",
    "picture_place",
    "picture_row",
    "picture_url",
    "picture_values",
    "positions_axis",
    "positions_scale",
    "quantity_axis",
    "reduced",
    "rgb_of",
    "room_across",
    "row_bars",
    "row_order",
    "ruler_axis",
    "ruler_of",
    "sample_name",
    "short_name",
    "shown_steps",
    "shown_unit",
    "signed_number_text",
    "slices_picture",
    "small_title",
    "step_axis",
    "step_words",
    "steps_of",
    "steps_of_input",
    "strongest_unit",
    "strongest_units",
    "thin",
    "title",
    "token_labels",
    "unit_bars",
    "unit_labels",
    "unit_link",
    "unit_name",
    "unit_rule",
    "upright",
    "value_statistics",
    "values_chart",
    "within",
    "zero_line",
]


_HOME = {
    alias.name: str(node.module)
    for node in ast.walk(ast.parse(Path(__file__).read_text(encoding="utf-8")))
    # Those of the block above, which is indented.
    if isinstance(node, ast.ImportFrom) and node.col_offset
    for alias in node.names
}


def __getattr__(name: str) -> Any:
    if name == "refuse_text":
        warn_deprecated("charts.refuse_text", 'Handles(dtypes=("number",))')
        return _refuse_text
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    return __all__


def _refuse_text(activation: "Activation") -> str:
    return "" if activation.is_numeric else "takes numbers, this layer answers text"
