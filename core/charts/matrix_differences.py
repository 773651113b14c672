"""The differences of matrices that two drawings show as images, of pictures that work out themselves what they draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import altair as alt
import numpy as np

from core.charts.building_blocks import small_title
from core.charts.colour_ranges import DrawnMatrix
from core.charts.colours import colour_scale
from core.charts.heatmaps import heatmap
from core.charts.room import room_across

__all__ = ["difference_of_matrices"]

_LEGEND: Final = 110
_LARGER: Final = 2.0


def difference_of_matrices(first: Sequence[DrawnMatrix], second: Sequence[DrawnMatrix]) -> Any:
    """Return the second matrices minus the first ones as a chart; None where they do not belong together.

    Args:
        first: What one drawing shows.
        second: What the other shows, by the same visualizer.
    """
    outlines = [[(each.values.shape, each.settings["value_title"]) for each in drawn] for drawn in (first, second)]
    if not outlines[0] or outlines[0] != outlines[1]:
        return None
    panels = [_panel(one, other) for one, other in zip(first, second, strict=True)]
    if len(panels) == 1:
        return panels[0]
    resolve = alt.Resolve(scale=alt.ScaleResolveMap(color="independent"))
    return alt.VConcatChart(vconcat=panels, spacing=14, resolve=resolve)


def _panel(one: DrawnMatrix, other: DrawnMatrix) -> alt.LayerChart:
    away = np.subtract(other.values, one.values, dtype=np.float32)
    settings = dict(one.settings)
    if settings["width"] is not None and settings["height"] is not None:
        # One stands where there were an image and two that lie over each other.
        larger = min(_LARGER, max(1.0, (room_across() - _LEGEND) / settings["width"]))
        settings |= {name: round(settings[name] * larger) for name in ("width", "height")}
    settings["value_title"] = "Difference"
    title = small_title(one.settings["value_title"])
    return heatmap(away, scale=colour_scale(away, "blueorange"), title=title, **settings)
