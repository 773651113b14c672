"""Points in a plane or in space as Altair encodings; space is turned in the browser, with two sliders."""

from __future__ import annotations

from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from core.analysis.projection import Projection
from core.charts.colours import CHOSEN_COLOUR
from core.common.text import number_text, percent

__all__ = ["ROOM", "axes", "point_size", "quality", "ring", "turned", "turning_params", "within_reach"]

ROOM: Final = 1.06
"""Axes reach from minus to plus this; points lie within 1."""


def within_reach(points: np.ndarray) -> np.ndarray:
    """Return points around the origin that stay within -1 and 1 however they are turned; nearness is kept.

    Args:
        points: Shape ``(point, dimension)``, two or three dimensions.
    """
    centred = points - points.mean(axis=0)
    reach = float(np.abs(centred).max() if points.shape[1] == 2 else np.linalg.norm(centred, axis=1).max())
    return np.round(centred / (reach or 1.0), 4)


def axes(placed: Projection, *, turning: bool = False) -> tuple[alt.X, alt.Y]:
    """Return the axes of a frame whose columns ``x``, ``y`` and ``z`` are :func:`within_reach`.

    Args:
        placed: Says what the axes mean, where they mean something.
        turning: Whether the chart is :func:`turned`.
    """
    scale = alt.Scale(domain=[-ROOM, ROOM], nice=False)
    bare = alt.Axis(labels=False, ticks=False, domain=False, tickCount=5)
    names = [
        f"Component {number} ({percent(share)} of the variance)" if not turning else None
        for number, share in enumerate(placed.explained[:2], start=1)
    ] or [None, None]
    fields = ("across:Q", "up:Q") if turning else ("x:Q", "y:Q")
    return (
        alt.X(fields[0], title=names[0], scale=scale, axis=bare),
        alt.Y(fields[1], title=names[1], scale=scale, axis=bare),
    )


def point_size(count: int) -> int:
    """Return how large each of so many points is, in square pixels."""
    return 70 if count <= 300 else 30 if count <= 2000 else 16


def ring(frame: pd.DataFrame, x: alt.X, y: alt.Y) -> alt.Chart:
    """Return rings around the points of a frame whose column ``open`` is True; ``x`` and ``y`` are its :func:`axes`."""
    rings = alt.Chart(frame[frame["open"]][["x", "y", *(["z"] if "z" in frame else [])]])
    size = max(4 * point_size(len(frame)), 120)
    return rings.mark_point(size=size, color=CHOSEN_COLOUR, strokeWidth=2.5, filled=False).encode(x, y)


def turned(chart: Any) -> Any:
    """Return a chart whose points are turned about the vertical axis, then tilted, as :func:`turning_params` say.

    ``across`` and ``up`` are where a point is seen, ``depth`` how near it is, from -1 to 1.
    """
    return (
        chart.transform_calculate(towards="-datum.x * sin(yaw * PI / 180) + datum.z * cos(yaw * PI / 180)")
        .transform_calculate(across="datum.x * cos(yaw * PI / 180) + datum.z * sin(yaw * PI / 180)")
        .transform_calculate(up="datum.y * cos(pitch * PI / 180) - datum.towards * sin(pitch * PI / 180)")
        .transform_calculate(depth="datum.y * sin(pitch * PI / 180) + datum.towards * cos(pitch * PI / 180)")
    )


def turning_params() -> tuple[alt.Parameter, alt.Parameter]:
    """Return the two sliders that a chart of :func:`turned` points needs."""
    return (
        alt.param(name="yaw", value=35, bind=alt.binding_range(min=-180, max=180, step=1, name="Turn ")),
        alt.param(name="pitch", value=20, bind=alt.binding_range(min=-90, max=90, step=1, name="Tilt ")),
    )


def quality(placed: Projection) -> str:
    """Return what a projection says of itself: the variance that its axes explain, or its trustworthiness."""
    if placed.explained:
        return f"the axes explain {' + '.join(percent(share) for share in placed.explained)} of the variance"
    perplexity = f", perplexity {number_text(placed.perplexity)}" if placed.perplexity else ""
    landmarks = f", {placed.landmarks:,} placed and the others among them" if placed.landmarks else ""
    return f"trustworthiness {placed.trustworthiness:.2f} of 1{perplexity}{landmarks}"
