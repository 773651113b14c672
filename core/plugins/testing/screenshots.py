"""What a visualizer drew, as pixels."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.charts.export import chart_file

if TYPE_CHECKING:
    from core.plugins.drawing import Drawing

__all__ = ["screenshot"]


def screenshot(drawing: Drawing, path: str | Path = "", *, width: int = 640) -> np.ndarray:
    """Draw as the page does when it saves a picture: a PNG, for which no browser is needed.

    Args:
        drawing: What ``empty_registry().draw(…)`` returned.
        path: Where to write the PNG besides; empty for nowhere.
        width: Pixels, for a chart that fills the width of its page.

    Returns:
        The pixels, ``(height, width, 3)``, from 0 to 255.

    Raises:
        ValueError: If nothing was drawn, with the reason, or Vega cannot draw the chart.
    """
    from PIL import Image

    png = chart_file(drawing.specification, "png", scale=1, width=width)
    if path:
        Path(path).write_bytes(png)
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))
