"""The graph of layers as a chart: one box per layer, coloured by kind, nested models folded until they are opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import altair as alt
import numpy as np
import pandas as pd

from core.charts.colours import chosen_stroke
from core.charts.selections import clicked
from core.charts.theme import FRAMELESS
from core.common.text import cut_in_the_middle
from core.extraction.layers import input_key, is_input
from core.workspace.layer_rows import rows_in_sight
from core.workspace.results import LayerRow

__all__ = ["model_map"]

KIND_COLOURS: Final[dict[str, str]] = {
    # Tableau 10 and two of Tableau 20, so that neighbours in a usual model differ for the colour-blind too.
    "input": "#8a8f98",
    "convolution": "#4c78a8",
    "pooling": "#9ecae9",
    "dense": "#f58518",
    "recurrent": "#54a24b",
    "attention": "#e45756",
    "embedding": "#b279a2",
    "normalization": "#eeca3b",
    "activation": "#ff9da6",
    "regularization": "#d8b5a5",
    "reshaping": "#bab0ac",
    "preprocessing": "#9d755d",
    "model": "#72b7b2",
    "operation": "#79706e",
    "other": "#d67195",
}
_BOX_WIDTH: Final = 150
_BOX_HEIGHT: Final = 26
_CHANGE_HEIGHT: Final = 5
CHANGE_COLOUR: Final = "#c8102e"
"""Of what an edit moves; no kind of layer has it."""
_ROW: Final = 44
_COLUMN: Final = 170
_LABEL_LENGTH: Final = 20
_MARGIN: Final = 24
_MARGIN_ABOVE: Final = 8


@dataclass(frozen=True)
class _Box:
    key: str
    name: str
    kind: str
    type_name: str
    shape: str
    left: float
    top: float


def model_map(
    rows: Sequence[LayerRow],
    inputs: Sequence[str],
    selected: str,
    opened: frozenset[str],
    changes: Mapping[str, float] = MappingProxyType({}),
) -> alt.LayerChart:
    """Draw the layers as a graph, from the inputs at the top to the outputs at the bottom.

    Args:
        rows: All layers in call order.
        inputs: Names of the model's inputs.
        selected: Key of the layer that gets a frame.
        opened: Keys of the nested models and composite layers whose layers are shown instead of one box.
        changes: How far each layer moves by an edit, by key: a bar along the bottom of its box, as long as the box for
            the one that moves the most.

    Returns:
        A chart whose selection parameter ``layer`` holds the key of the box that is clicked.
    """
    shown = [row for row in rows_in_sight(rows, opened) if not (row.key in opened and row.holds_layers)]
    edges = _edges(shown, rows, inputs)
    boxes = _placed(shown, inputs, edges)
    width = max(box.left for box in boxes) + _BOX_WIDTH + _MARGIN
    height = max(box.top for box in boxes) + _BOX_HEIGHT + _MARGIN_ABOVE
    x_scale = alt.Scale(domain=[-_MARGIN, width], nice=False)
    y_scale = alt.Scale(domain=[-_MARGIN_ABOVE, height], nice=False, reverse=True)
    nodes = _nodes(boxes, selected)
    moved = [_moved(nodes, changes, x_scale, y_scale)] if changes else []
    return alt.LayerChart(
        layer=[
            _lines(_paths(boxes, edges), x_scale, y_scale),
            _rectangles(nodes, x_scale, y_scale),
            *moved,
            _labels(nodes, x_scale, y_scale),
        ],
        width=width + _MARGIN,
        height=height + _MARGIN_ABOVE,
        view=FRAMELESS,
        autosize="pad",
    )


def _nodes(boxes: Sequence[_Box], selected: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "layer": [box.key for box in boxes],
            "name": [cut_in_the_middle(box.name, _LABEL_LENGTH) for box in boxes],
            "kind": [box.kind for box in boxes],
            "type": [box.type_name for box in boxes],
            "shape": [box.shape for box in boxes],
            "left": [box.left for box in boxes],
            "right": [box.left + _BOX_WIDTH for box in boxes],
            "top": [box.top for box in boxes],
            "bottom": [box.top + _BOX_HEIGHT for box in boxes],
            "middle": [box.left + _BOX_WIDTH / 2 for box in boxes],
            "centre": [box.top + _BOX_HEIGHT / 2 for box in boxes],
            "selected": [box.key == selected for box in boxes],
        }
    )


def _rectangles(nodes: pd.DataFrame, x_scale: alt.Scale, y_scale: alt.Scale) -> alt.Chart:
    kinds = [kind for kind in KIND_COLOURS if kind in set(nodes["kind"])]
    colours = alt.Scale(domain=kinds, range=[KIND_COLOURS[kind] for kind in kinds])
    return (
        alt.Chart(nodes)
        .mark_rect(cornerRadius=4, cursor="pointer", fillOpacity=0.85)
        .encode(
            alt.X("left:Q", scale=x_scale, axis=None),
            alt.Y("top:Q", scale=y_scale, axis=None),
            alt.X2("right:Q"),
            alt.Y2("bottom:Q"),
            fill=alt.Fill("kind:N", scale=colours, legend=alt.Legend(title="Kind of layer", orient="right")),
            stroke=chosen_stroke("selected"),
            strokeWidth=alt.StrokeWidthValue(3),
            tooltip=[alt.Tooltip("layer:N"), alt.Tooltip("type:N"), alt.Tooltip("shape:N", title="output")],
        )
        .add_params(clicked("layer"))
    )


def _moved(nodes: pd.DataFrame, changes: Mapping[str, float], x_scale: alt.Scale, y_scale: alt.Scale) -> alt.Chart:
    """Draw how far layers move, as a red bar along the bottom of each box."""
    moved = nodes.assign(change=nodes["layer"].map(dict(changes))).dropna(subset=["change"])
    most = float(np.nan_to_num(moved["change"], posinf=0).max(initial=0)) or 1.0
    moved["right"] = moved["left"] + _BOX_WIDTH * np.clip(moved["change"] / most, 0, 1)
    moved["top"] = moved["bottom"] - _CHANGE_HEIGHT
    moved["told"] = [f"{each:.3g}×" for each in moved["change"]]
    return (
        alt.Chart(moved)
        .mark_rect(color=CHANGE_COLOUR, cornerRadius=2, cursor="pointer")
        .encode(
            alt.X("left:Q", scale=x_scale, axis=None),
            alt.Y("top:Q", scale=y_scale, axis=None),
            alt.X2("right:Q"),
            alt.Y2("bottom:Q"),
            tooltip=[alt.Tooltip("layer:N"), alt.Tooltip("told:N", title="change by the edit")],
        )
    )


def _labels(nodes: pd.DataFrame, x_scale: alt.Scale, y_scale: alt.Scale) -> alt.Chart:
    return (
        alt.Chart(nodes)
        .mark_text(fontSize=11, color="#111111")
        .encode(alt.X("middle:Q", scale=x_scale, axis=None), alt.Y("centre:Q", scale=y_scale, axis=None))
        .encode(alt.Text("name:N"))
    )


def _lines(paths: pd.DataFrame, x_scale: alt.Scale, y_scale: alt.Scale) -> alt.Chart:
    return (
        alt.Chart(paths)
        .mark_line(interpolate="monotone", strokeWidth=1.2, color="#8a8f98")
        .encode(
            alt.X("x:Q", scale=x_scale, axis=None),
            alt.Y("y:Q", scale=y_scale, axis=None),
            alt.Detail("edge:N"),
            alt.Order("step:Q"),
        )
    )


def _edges(shown: list[LayerRow], rows: Sequence[LayerRow], inputs: Sequence[str]) -> list[tuple[str, str]]:
    by_key = {row.key: row for row in rows}
    visible = {row.key for row in shown}

    def visible_end(key: str) -> str:
        # An opened model has no box: what comes out of it comes out of its last layer, which is last in call order.
        if is_input(key) or key in visible:
            return key
        inside = [row.key for row in shown if row.key.startswith(f"{key}/")]
        if inside:
            return inside[-1]
        parent = by_key[key].parent if key in by_key else ""
        return visible_end(parent) if parent else ""

    found: dict[tuple[str, str], None] = {}
    for row in shown:
        for source in row.inputs_from:
            end = visible_end(source)
            if end and end != row.key:
                found[end, row.key] = None
    order = {key: position for position, key in enumerate([*map(input_key, inputs), *by_key])}
    return [edge for edge in found if order.get(edge[0], 0) < order[edge[1]]]


def _placed(shown: list[LayerRow], inputs: Sequence[str], edges: list[tuple[str, str]]) -> list[_Box]:
    rank = {input_key(name): 0 for name in inputs}
    sources: dict[str, list[str]] = {}
    for source, target in edges:
        sources.setdefault(target, []).append(source)
    for row in shown:
        rank[row.key] = 1 + max((rank.get(source, 0) for source in sources.get(row.key, [])), default=0)
    taken: dict[int, int] = {}
    boxes = []
    for name in inputs:
        boxes.append(_Box(input_key(name), name, "input", "Input", "", _COLUMN * taken.get(0, 0), 0))
        taken[0] = taken.get(0, 0) + 1
    for row in shown:
        level = rank[row.key]
        column = taken.get(level, 0)
        taken[level] = column + 1
        boxes.append(_Box(row.key, row.name, row.kind, row.type_name, row.shape, _COLUMN * column, _ROW * level))
    return boxes


def _paths(boxes: list[_Box], edges: list[tuple[str, str]]) -> pd.DataFrame:
    by_key = {box.key: box for box in boxes}
    points: list[tuple[int, int, float, float]] = []
    for number, (source, target) in enumerate(edges):
        if source not in by_key or target not in by_key:
            continue
        start, end = by_key[source], by_key[target]
        x_start, y_start = start.left + _BOX_WIDTH / 2, start.top + _BOX_HEIGHT
        x_end, y_end = end.left + _BOX_WIDTH / 2, end.top
        path = [(x_start, y_start), (x_end, y_end)]
        if y_end - y_start > _ROW and start.left == end.left:
            # A shortcut past other boxes goes round them.
            side = start.left - 14
            path = [(x_start - 55, y_start), (side, y_start + 12), (side, y_end - 12), (x_end - 55, y_end)]
        points += [(number, step, x, y) for step, (x, y) in enumerate(path)]
    return pd.DataFrame(np.array(points, dtype=float).reshape(-1, 4), columns=["edge", "step", "x", "y"])
