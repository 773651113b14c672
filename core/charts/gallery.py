"""A gallery of feature maps: many small maps as one image, each of which can be pointed at and clicked.

One PNG atlas in one mark, with a transparent rectangle per map over it: a mark per pixel takes a browser some twenty
seconds for 64 maps of 112×112, a mark per map three times as long as the atlas.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd
from PIL import Image

from core.analysis.large_arrays import MapStatistics, map_statistics, thinned
from core.charts import heatmaps
from core.charts.building_blocks import small_title
from core.charts.colour_ranges import range_to_draw
from core.charts.colours import (
    GAP_LEVEL,
    ColourScale,
    chosen_stroke,
    colour_levels,
    colour_scale,
    level_picture_url,
    picture_url,
    picture_values,
    png_url,
    within,
)
from core.charts.heatmaps import heatmap, titled
from core.charts.room import room_across
from core.charts.rulers import Rulers, are_time_and_frequency
from core.charts.selections import clicked
from core.charts.theme import FRAMELESS, MUTED_TEXT

__all__ = [
    "gallery",
    "images_of",
    "laid_over",
    "large_map",
    "large_side",
    "overlay",
    "picture_gallery",
    "sizes",
    "strip",
    "thumbnails",
]

GALLERY_HEIGHT: Final = 370
"""Screen pixels of the tiles of a gallery that stands alone."""
THUMBNAIL: Final = 48
"""Screen pixels of the longer side of a small image."""
_GAP: Final = 4
_LABEL_HEIGHT: Final = 13
_LABEL_SIZE: Final = 11
_LARGEST_TILE: Final = 88
_LABELLED_TILE: Final = 30
_CLEAR_TILE: Final = 22
"""Narrower tiles are hard to see and to hit: before that a gallery gets higher than it should."""
_MOST_HEIGHT: Final = 900
_NARROWEST_TILE: Final = 6
_MANY_PIXELS: Final = 400_000
_MOST_MAPS: Final = 4_096
_LONGEST_TILE: Final = 8
"""Times that a tile is longer than it is wide at most: a map that is longer still is pressed together."""
_FEW_LEVELS: Final = 40
_LARGE: Final = 240
_LEAST_LARGE: Final = 130
_BETWEEN: Final = 24
_LARGE_AND_TILES: Final = 340
"""Screen pixels that a large map and the tiles under it share, so that with titles and legend they are 470 high."""
_COLOURS: Final = 128
_UNDER: Final[dict[str, Any]] = {
    **{"orient": "bottom", "direction": "horizontal", "titleOrient": "left", "offset": 6, "padding": 0},
    **{"gradientLength": 180, "gradientThickness": 10, "titleAnchor": "middle"},
}


@dataclass(frozen=True)
class _Layout:
    """Where the tiles are, in screen pixels."""

    columns: int
    rows: int
    tile_width: int
    tile_height: int
    label_height: int

    @property
    def width(self) -> int:
        return self.columns * (self.tile_width + _GAP) - _GAP

    @property
    def height(self) -> int:
        return self.rows * (self.tile_height + self.label_height + _GAP) - _GAP


def gallery(  # noqa: PLR0913 - public: what an author may say of a gallery, by name
    maps: np.ndarray,
    *,
    numbers: np.ndarray,
    scheme: str = "automatic",
    scale_each: bool = True,
    chosen: int | None = None,
    select: str = "channel",
    title: Any = alt.Undefined,
    value_title: str = "Activation",
    scale: ColourScale | None = None,
    measures: Mapping[str, np.ndarray] | None = None,
    statistics: MapStatistics | None = None,
    order: np.ndarray | None = None,
    width: int | None = None,
    height: int = GALLERY_HEIGHT,
) -> alt.LayerChart:
    """Draw feature maps as a gallery, in the order in which they are given.

    Of maps that have more pixels together than a screen, neighbours are averaged, and the subtitle says so; what is
    said on hover, and the colours, are of the whole maps.

    Args:
        maps: Shape ``(map, height, width)``, any real type.
        numbers: Shape ``(map,)``: the number that each map is known by, shown on hover and returned on a click.
        scheme: Colour scheme, see :data:`core.charts.SCHEMES`.
        scale_each: Whether each map has a colour scale of its own, or all share one.
        chosen: Number of the map that gets a frame.
        select: Name of the selection parameter that holds the number of the map that is clicked.
        title: Title of the chart.
        value_title: What the colour is, for the legend.
        scale: Colours that all maps share, if not those that suit their values; ``scheme`` and ``scale_each`` are then
            without effect.
        measures: What else to say of each map on hover: by name, numbers of shape ``(map,)``.
        statistics: Those of the maps, where they are known already.
        order: Positions of the maps in the order in which they are drawn; ``numbers`` and ``measures`` are in it too.
        width: Screen pixels; None takes what the page has.
        height: Screen pixels that the tiles take at most; more where they would be too small to be seen.
    """
    statistics = statistics or map_statistics(maps)
    at = np.arange(len(maps)) if order is None else order
    at = at[:_MOST_MAPS]
    layout = _layout(len(at), (maps.shape[1], maps.shape[2]), (width or room_across(), height))
    shared = scale or colour_scale(maps, scheme)
    scale_each = scale_each and scale is None
    low, high = _limits(statistics, at, shared, scale_each)
    drawn, note = thinned(maps if len(at) == len(maps) else maps[at], layout.tile_height, layout.tile_width)
    drawn = drawn if order is None or len(at) < len(maps) else drawn[at]
    levels = colour_levels(drawn, low, high, _FEW_LEVELS if drawn.size > _MANY_PIXELS else 254)
    url = level_picture_url(_atlas(levels, layout), shared)
    more = {name: _short(values[: len(at)]) for name, values in (measures or {}).items()}
    numbers = numbers[: len(at)]
    tiles = _tiles(statistics, at, numbers, select, layout).assign(chosen=numbers == chosen, **more)
    title = titled(title, f"the first {len(at):,} of {len(maps):,} are drawn" if len(at) < len(maps) else "")
    legend_scale = shared.altair() if not scale_each else ColourScale(0, 1, shared.scheme).altair()
    colour = alt.Color("mean:Q", scale=legend_scale, legend=_legend(shared.scheme, scale_each, value_title))
    rectangles = _rectangles(tiles, layout, select, colour, list(more))
    layers = [heatmaps.picture(url, layout.width, layout.height, smooth=drawn.shape[2] > layout.tile_width), rectangles]
    if layout.label_height:
        labels = alt.Chart(tiles).mark_text(align="left", baseline="bottom", fontSize=_LABEL_SIZE, color=MUTED_TEXT)
        layers.append(labels.encode(alt.X("left:Q"), alt.Y("label:Q", axis=None), alt.Text(f"{select}:Q")))
    title = titled(titled(title, note), "" if scale_each else shared.note())
    return alt.LayerChart(layer=layers, width=layout.width, height=layout.height, title=title, view=FRAMELESS)


def _rectangles(
    tiles: pd.DataFrame, layout: _Layout, select: str, colour: alt.Color, measures: Sequence[str]
) -> alt.Chart:
    """Return what lies over each map: what is said of it on hover, a frame if it is chosen, a place to click."""
    across = alt.X("left:Q", scale=alt.Scale(domain=[0, layout.width], nice=False), axis=None)
    down = alt.Y("top:Q", scale=alt.Scale(domain=[0, layout.height], nice=False, reverse=True), axis=None)
    return (
        alt.Chart(tiles)
        .mark_rect(fillOpacity=0, cursor="pointer", strokeWidth=3)
        .encode(
            x=across,
            x2=alt.X2("right:Q"),
            y=down,
            y2=alt.Y2("bottom:Q"),
            stroke=chosen_stroke(),
            color=colour,
            tooltip=[
                alt.Tooltip(f"{select}:Q"),
                *(alt.Tooltip(f"{name}:Q", format=".3~g") for name in measures),
                *(alt.Tooltip(f"{name}:Q", format=".4~g") for name in ("minimum", "mean", "maximum")),
                alt.Tooltip("zeros:Q", title="exactly zero", format=".0%"),
            ],
        )
        .add_params(clicked(select))
        # A name of its own: Altair would draw up the whole chart to make one from its content.
        .properties(name=f"{select}_tiles")
    )


def picture_gallery(
    pixels: np.ndarray, frame: pd.DataFrame, *, tooltip: list[alt.Tooltip], select: str = "channel"
) -> alt.LayerChart:
    """Draw pictures as a gallery, in the order in which they are given; a click selects one.

    Args:
        pixels: uint8, shape ``(picture, height, width, 3)``.
        frame: A row per picture: the column named as ``select`` tells them apart, others are for the tooltip.
        tooltip: What is said of a picture that is pointed at.
        select: Name of the selection parameter, and of the column.
    """
    layout = _layout(len(pixels), (pixels.shape[1], pixels.shape[2]), (room_across(), GALLERY_HEIGHT))
    opaque = np.full((*pixels.shape[:3], 1), 255, np.uint8)
    image = Image.fromarray(_atlas(np.concatenate([pixels, opaque], axis=-1), layout, gap=0))
    # Few enough colours to be sent again and again while the gallery fills.
    url = png_url(image.quantize(_COLOURS, method=Image.Quantize.FASTOCTREE))
    placed = pd.concat([frame.reset_index(drop=True), _places(len(pixels), layout)], axis=1)
    across = alt.X("left:Q", scale=alt.Scale(domain=[0, layout.width], nice=False), axis=None)
    down = alt.Y("top:Q", scale=alt.Scale(domain=[0, layout.height], nice=False, reverse=True), axis=None)
    tiles = (
        alt.Chart(placed)
        .mark_rect(fillOpacity=0, cursor="pointer")
        .encode(across, down, x2="right:Q", y2="bottom:Q", tooltip=tooltip)
        .add_params(clicked(select))
    )
    layers = [heatmaps.picture(url, layout.width, layout.height, smooth=pixels.shape[2] > layout.tile_width), tiles]
    if layout.label_height:
        labels = alt.Chart(placed).mark_text(align="left", baseline="bottom", fontSize=_LABEL_SIZE, color=MUTED_TEXT)
        layers.append(labels.encode(alt.X("left:Q"), alt.Y("label:Q", axis=None), alt.Text(f"{select}:N")))
    return alt.LayerChart(layer=layers, width=layout.width, height=layout.height, view=FRAMELESS)


def sizes(count: int, height: int, width: int) -> tuple[int, int]:
    """Return how large a map is drawn over a gallery, so that both are seen at once on a common laptop.

    Args:
        count: How many maps the gallery has.
        height: Values of a map from top to bottom.
        width: Values of a map from left to right.

    Returns:
        Screen pixels of the longer side of the large map, and the height that the gallery may have.
    """
    down = min(1.0, height / width)
    largest = large_side()
    least = _layout(count, (height, width), (room_across(), _LARGE_AND_TILES - round(largest * down))).height
    side = round(min(largest, max(_LEAST_LARGE, (_LARGE_AND_TILES - least) / down)))
    return side, _LARGE_AND_TILES - round(side * down)


def large_side() -> int:
    """Return the screen pixels of the longer side of a large map, so that it, the input and both together fit."""
    return min(_LARGE, (room_across() - 2 * _BETWEEN) // 3)


def large_map(
    values: np.ndarray,
    scale: ColourScale,
    *,
    title: Any = alt.Undefined,
    legend: bool = False,
    value_title: str = "Activation",
    side: int = _LARGE,
    rulers: Rulers = (None, None),
) -> alt.LayerChart:
    """Draw one feature map of shape ``(height, width)`` large, with its values and their places on hover.

    Of more values than there are pixels, those furthest from zero are drawn, and the subtitle says so.

    Args:
        values: The map.
        scale: Colours of its values.
        title: Title of the chart.
        legend: Whether to draw the legend.
        value_title: What the colour is, for the legend.
        side: Screen pixels of the longer side, see :func:`sizes`.
        rulers: What its rows and its columns are in seconds or hertz, where that is known: then they have an axis, and
            a map of time and frequency is drawn as a spectrogram is, see :func:`core.charts.rulers.upright`.
    """
    names, upwards = ("height", "width"), are_time_and_frequency(rulers)
    if upwards and rulers[0] is not None and rulers[0].quantity == "time":
        values, rulers, names = values.T, rulers[::-1], names[::-1]
    width, height = _large_size(len(values), values.shape[1], side)
    return heatmap(
        values,
        row=names[0],
        column=names[1],
        upwards=upwards,
        scale=scale,
        width=width,
        height=height,
        title=small_title(title) if isinstance(title, str) else title,
        legend=legend,
        value_title=value_title,
        axes=any(rulers),
        row_ruler=rulers[0],
        column_ruler=rulers[1],
    )


def overlay(
    values: np.ndarray,
    picture: np.ndarray,
    scale: ColourScale,
    side: int = _LARGE,
) -> tuple[alt.Chart, alt.Chart]:
    """Draw the input, and the input with a feature map laid over it; both as large as :func:`large_map`.

    Args:
        values: Feature map, shape ``(height, width)``; it is stretched over the input, nearest neighbour.
        picture: The input, shape ``(height, width, channel)``, any range.
        scale: Colours of the feature map.
        side: Screen pixels of the longer side, see :func:`sizes`.
    """
    # A photograph of a megapixel would make a chart of several megabytes, and is seen at a fraction of its size.
    pixels = within(picture_values(picture), 2 * side)
    height, width = pixels.shape[:2]
    mixed = laid_over(values, pixels, scale)
    size = _large_size(height, width, side)
    return (
        heatmaps.picture(picture_url(pixels), *size, smooth=width > size[0]).properties(title=small_title("Input")),
        heatmaps.picture(picture_url(mixed), *size, smooth=width > size[0]).properties(
            title=small_title("Laid over it")
        ),
    )


def laid_over(values: np.ndarray, pixels: np.ndarray, scale: ColourScale) -> np.ndarray:
    """Return pixels with the colours of a map over them, uint8, shape ``(height, width, 3)``.

    Args:
        values: Map of shape ``(height, width)``; it is stretched over the pixels, nearest neighbour.
        pixels: Shape ``(height, width, 3)``, uint8.
        scale: Colours of the map.
    """
    height, width = pixels.shape[:2]
    rows = np.arange(height) * values.shape[0] // height
    columns = np.arange(width) * values.shape[1] // width
    colours = scale.palette()[scale.levels(values[np.ix_(rows, columns)])]
    grey = pixels.mean(axis=-1, keepdims=True)
    return np.rint(0.45 * grey + 0.55 * colours).astype(np.uint8)


def images_of(inputs: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """Return the first input that is a batch of grey or coloured images; None if there is none.

    Args:
        inputs: What the model was given, by name, the sample axis first, as ``activation.context.drawable`` and
            ``dataset.drawable`` have it: so an image is found whichever axes the model takes it in.
    """
    return next((each for each in inputs.values() if each.ndim == 4 and each.shape[-1] in (1, 3, 4)), None)


def thumbnails(images: np.ndarray, bounds: tuple[float, float] | None = None) -> list[np.ndarray]:
    """Return images small, uint8, shape ``(height, width, 3)`` each.

    A tooltip shows an image pixel by pixel: so small ones are enlarged, and large ones are thinned.

    Args:
        images: Shape ``(sample, height, width, channel)``, any range; each on a scale of its own, unless of uint8.
        bounds: What is drawn darkest and brightest in all of them.
    """
    longest = max(images.shape[1:3])
    step, times = max(1, longest // THUMBNAIL), max(1, THUMBNAIL // longest)
    small = images[:, ::step, ::step].repeat(times, axis=1).repeat(times, axis=2)
    return [picture_values(each, bounds) for each in small]


def strip(
    frame: pd.DataFrame,
    *,
    tooltip: list[alt.Tooltip],
    select: str = "sample",
    columns: int = 0,
    side: int = THUMBNAIL,
) -> alt.LayerChart:
    """Draw images in rows, each with its name; a click selects one.

    Args:
        frame: A row per image, in order: its URL in ``image``, its name in ``name``, and what the tooltip shows.
        tooltip: What is said of an image that is pointed at.
        select: Name of the selection parameter, and of the column that tells images apart.
        columns: How many stand in a row; 0 puts all in one.
        side: Longer side of each in screen pixels.
    """
    columns = columns or len(frame)
    numbers = np.arange(len(frame))
    placed = frame.assign(place=numbers % columns, top=numbers // columns * (side + 20))
    placed["middle"], placed["under"] = placed["top"] + side / 2, placed["top"] + side + 12
    across = alt.X("place:O", axis=None, scale=alt.Scale(paddingInner=0.1, paddingOuter=0))
    pictures = alt.Chart(placed).mark_image(width=side, height=side, cursor="pointer")
    names = alt.Chart(placed).mark_text(fontSize=_LABEL_SIZE, limit=side + 10, color=MUTED_TEXT)
    selection = clicked(select)
    layers = [
        pictures.encode(across, _down("middle"), url="image:N", tooltip=tooltip).add_params(selection),
        names.encode(across, _down("under"), text="name:N"),
    ]
    size: Any = {"width": alt.Step(side + 12), "height": (side + 20) * (-(-len(frame) // columns))}
    return alt.LayerChart(layer=layers, view=FRAMELESS, **size)


def _down(column: str) -> alt.Y:
    return alt.Y(f"{column}:Q", axis=None, scale=None)


def _large_size(height: int, width: int, side: int) -> tuple[int, int]:
    scale = side / max(height, width)
    return max(24, round(width * scale)), max(24, round(height * scale))


def _layout(count: int, shape: tuple[int, int], room: tuple[int, int]) -> _Layout:
    room_across, room_down = room
    longer = min(_LONGEST_TILE, max(1 / _LONGEST_TILE, shape[0] / shape[1]))
    clear = range(min(_LARGEST_TILE, room_across), _CLEAR_TILE - 1, -1)
    narrow = range(_CLEAR_TILE, _NARROWEST_TILE - 1, -1)
    for tiles, most in ((clear, room_down), (narrow, _MOST_HEIGHT)):
        for tile in tiles:
            layout = _tiled(count, tile, longer, room_across)
            if layout.height <= most:
                return layout
    return _tiled(count, _NARROWEST_TILE, longer, room_across)


def _tiled(count: int, tile_width: int, longer: float, room: int) -> _Layout:
    columns = max(1, min(count, (room + _GAP) // (tile_width + _GAP)))
    label_height = _LABEL_HEIGHT if tile_width >= _LABELLED_TILE else 0
    return _Layout(columns, math.ceil(count / columns), tile_width, max(3, round(tile_width * longer)), label_height)


def _limits(statistics: MapStatistics, at: np.ndarray, shared: ColourScale, scale_each: bool) -> tuple[Any, Any]:
    if not scale_each:
        return shared.low, shared.high
    extremes, _ = range_to_draw((statistics.minimum, statistics.maximum))
    low, high = (each[at][:, None, None] for each in extremes or ())  # (map, 1, 1)
    if shared.scheme != "blueorange":
        return low, high
    reach = np.maximum(np.abs(low), np.abs(high))
    reach = np.where(reach == 0, 1, reach)
    return -reach, reach


def _atlas(levels: np.ndarray, layout: _Layout, gap: int = GAP_LEVEL) -> np.ndarray:
    count, height, width = levels.shape[:3]
    # Maps smaller than their tile are enlarged here, larger ones are left to the browser at full resolution.
    tile_height, tile_width = max(height, layout.tile_height), max(width, layout.tile_width)
    if (tile_height, tile_width) != (height, width):
        rows, columns = np.arange(tile_height) * height // tile_height, np.arange(tile_width) * width // tile_width
        levels = levels[:, rows[:, None], columns]
    down, across = tile_height / layout.tile_height, tile_width / layout.tile_width
    full_height, full_width = round(layout.height * down), round(layout.width * across)
    atlas = np.full((full_height, full_width, *levels.shape[3:]), gap, np.uint8)
    for position in range(count):
        row, column = divmod(position, layout.columns)
        top = round((row * (layout.tile_height + layout.label_height + _GAP) + layout.label_height) * down)
        left = round(column * (layout.tile_width + _GAP) * across)
        part = atlas[top : top + tile_height, left : left + tile_width]
        part[...] = levels[position, : part.shape[0], : part.shape[1]]
    return atlas


def _tiles(
    statistics: MapStatistics, at: np.ndarray, numbers: np.ndarray, select: str, layout: _Layout
) -> pd.DataFrame:
    measured = {select: numbers} | {
        name: _short(getattr(statistics, name)[at]) for name in ("minimum", "mean", "maximum", "zeros")
    }
    return pd.concat([_places(len(at), layout), pd.DataFrame(measured)], axis=1)


def _places(count: int, layout: _Layout) -> pd.DataFrame:
    row, column = np.divmod(np.arange(count), layout.columns)
    label = row * (layout.tile_height + layout.label_height + _GAP) + layout.label_height
    left = column * (layout.tile_width + _GAP)
    return pd.DataFrame(
        {
            "left": left,
            "right": left + layout.tile_width,
            "label": label - 1,
            "top": label,
            "bottom": label + layout.tile_height,
        }
    )


def _short(values: np.ndarray) -> list[float]:
    return [float(f"{value:.5g}") for value in values]


def _legend(scheme: str, scale_each: bool, value_title: str) -> alt.Legend:
    if not scale_each:
        return alt.Legend(title=value_title, gradientOpacity=1, format=".3~g", **_UNDER)
    words = ("negative", "zero", "positive") if scheme == "blueorange" else ("its lowest", "", "its highest")
    return alt.Legend(
        title="Each map",
        gradientOpacity=1,
        **_UNDER,
        values=[0, 0.5, 1],
        labelExpr=f"datum.value == 0 ? '{words[0]}' : datum.value == 1 ? '{words[2]}' : '{words[1]}'",
    )
