"""What counts where, laid over what went in: an image, the slices of a volume or frames of a film, a series, a text.

``gallery.overlay`` is one map over one image; here is the same for every shape that an input has.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from core.analysis.attribution.map_places import MapPlaces
from core.analysis.attribution.removal import RemovalCurves
from core.analysis.attribution.targets import Target
from core.analysis.large_arrays import finite_range
from core.analysis.rulers import ruler_of
from core.charts import gallery
from core.charts.building_blocks import token_labels
from core.charts.colours import CHOSEN_COLOUR, ColourScale, colour_scale, magnitude_scale, picture_values
from core.charts.heatmaps import heatmap
from core.charts.rulers import Rulers
from core.charts.selections import dragged
from core.charts.series import series, sign_colour, step_bars
from core.charts.steps import steps_of, steps_of_input
from core.charts.theme import FRAMELESS, MUTED_TEXT
from core.extraction.activation import Activation
from core.inputs.sample_context import SampleContext
from core.inputs.spec import as_colours

__all__ = [
    "answer_map",
    "answer_to_drag",
    "at_places",
    "image",
    "removal_curves",
    "series",
    "sign_colour",
    "slices",
    "step_bars",
    "stretched_over",
    "text_at",
    "words",
]

_SIDE: Final = 240
_WIDTH: Final = 620
_MOST_SLICES: Final = 16
_MOST_STEPS: Final = 400
# On a phone all shrinks to its width: of lines as long as those of a book the letters stay legible.
_TEXT_WIDTH: Final = 440
_LETTER: Final = 7.9
"""Screen pixels that a letter takes in the browser's fixed font of 13 pixels."""
_WORD_GAP: Final = 8
_LINE: Final = 26
_BRIGHT: Final = 140
_LONGEST_LINE: Final = 125


def image(
    values: np.ndarray,
    picture: np.ndarray | None,
    scale: ColourScale,
    *,
    value_title: str,
    rulers: Rulers = (None, None),
) -> alt.TopLevelMixin:
    """Draw an image, a map laid over it, and the map with its colours; the map alone where there is no image.

    Args:
        values: Shape ``(height, width)``; stretched over the image.
        picture: Shape ``(height, width, channel)``, any range; or None.
        scale: Colours of the map.
        value_title: What the colours are.
        rulers: What rows and columns of the map are in seconds or hertz, where that is known.
    """
    large = gallery.large_map(
        values, scale, title="Map", legend=True, value_title=value_title, side=gallery.large_side(), rulers=rulers
    )
    if picture is None:
        return large
    plain, over = gallery.overlay(values, as_colours(picture), scale, side=gallery.large_side())
    return alt.HConcatChart(hconcat=[plain, over, large], spacing=20)


def slices(
    values: np.ndarray, volume: np.ndarray | None, scale: ColourScale, *, axis: str, value_title: str
) -> alt.TopLevelMixin:
    """Draw the slices of a volume, or frames of a film, with a map laid over each, all on one scale.

    Args:
        values: Shape ``(slice, height, width)``; each is laid over the slice of the volume that it stands for.
        volume: Shape ``(slice, height, width, channel)``, or without the channel; any range. None draws the maps alone.
        scale: Colours of the map.
        axis: What a slice is a position on: ``"depth"`` or ``"time"``.
        value_title: What the colours are.
    """
    chosen = np.unique(np.linspace(0, len(values) - 1, min(len(values), _MOST_SLICES)).round().astype(int))
    shown = np.nan_to_num(values[chosen])
    note = "" if len(chosen) == len(values) else f" ({len(chosen)} of {len(values):,})"
    maps = gallery.gallery(values[chosen], numbers=chosen, scale=scale, select=axis, value_title=value_title)
    each_of = "frame" if axis == "time" else f"position in {axis}"
    rows = [_unclickable(maps, f"Map, a picture for each {each_of}{note}")]
    if volume is not None:
        volume = as_colours(volume if volume.ndim == 4 else volume[..., np.newaxis])
        # A map that was pooled along the slices stands for several: the middle one of them is shown.
        at = np.minimum(((chosen + 0.5) * len(volume) / len(values)).astype(int), len(volume) - 1)
        # One scale for all slices: the darkest is not as bright as the brightest.
        seen = volume[at].reshape(-1, *volume.shape[2:])
        pixels = picture_values(seen, finite_range(seen)).reshape(len(at), *volume.shape[1:3], 3)
        over = np.stack([gallery.laid_over(each, under, scale) for each, under in zip(shown, pixels, strict=True)])
        frame = pd.DataFrame({axis: chosen, "input": at})
        tooltip = [alt.Tooltip(f"{axis}:Q"), alt.Tooltip("input:Q", title=f"{axis} of the input")]
        plain, laid = (gallery.picture_gallery(each, frame, tooltip=tooltip, select=axis) for each in (pixels, over))
        rows = [_unclickable(plain, f"Input{note}"), _unclickable(laid, "Laid over it"), *rows]
    resolve = alt.Resolve(scale=alt.ScaleResolveMap(color="independent"))
    return alt.VConcatChart(vconcat=rows, spacing=10, resolve=resolve)


def words(
    values: np.ndarray,
    tokens: Sequence[str],
    texts: Sequence[str],
    shown: np.ndarray,
    *,
    is_signed: bool,
    value_title: str,
) -> alt.LayerChart:
    """Draw a text in lines, as on paper, each word coloured by how much it counts.

    Args:
        values: Shape ``(place,)``.
        tokens: At each place, said on hover.
        texts: What is written for each.
        shown: Which places are no padding.
        is_signed: Whether less than zero means that it speaks against it.
        value_title: What the colours are.
    """
    kept = np.flatnonzero(shown)[:_MOST_STEPS]
    numbers = values[kept].astype(np.float64)
    # From zero: words that count alike look alike.
    scale = colour_scale(numbers, "blueorange") if is_signed else magnitude_scale(numbers)
    palette = scale.palette()[scale.levels(numbers)]
    bright = palette @ np.array([0.299, 0.587, 0.114])
    frame = pd.DataFrame(
        {
            "token": [tokens[place] for place in kept],
            "word": [texts[place] for place in kept],
            "place": kept,
            "value": numbers,
            "ink": np.where(bright > _BRIGHT, "#111111", "#ffffff"),
        }
    )
    frame = frame.join(_set_in_lines(frame["word"]))
    height = _LINE * (int(frame["line"].max()) + 1 if len(frame) else 1)
    tooltip = [alt.Tooltip("token:N"), alt.Tooltip("place:Q"), alt.Tooltip("value:Q", format=".4~g")]
    across: dict[str, Any] = {"axis": None, "scale": alt.Scale(domain=[0, _TEXT_WIDTH], nice=False)}
    down: dict[str, Any] = {"axis": None, "scale": alt.Scale(domain=[0, height], nice=False, reverse=True)}
    boxes = alt.Chart(frame).mark_rect(cornerRadius=3)
    boxes = boxes.encode(
        x=alt.X("left:Q", **across),
        x2=alt.X2("right:Q"),
        y=alt.Y("top:Q", **down),
        y2=alt.Y2("bottom:Q"),
        color=alt.Color(
            "value:Q",
            title=f"{value_title}: against it (blue), for it (orange)" if is_signed else value_title,
            scale=scale.altair(),
            legend=alt.Legend(orient="bottom", direction="horizontal", gradientLength=260, titleLimit=400),
        ),
        tooltip=tooltip,
    )
    written = alt.Chart(frame).mark_text(font="monospace", fontSize=13)
    written = written.encode(
        x=alt.X("middle:Q", **across),
        y=alt.Y("centre:Q", **down),
        text="word:N",
        color=alt.Color("ink:N", scale=None),
        tooltip=tooltip,
    )
    return alt.LayerChart(layer=[boxes, written], width=_TEXT_WIDTH, height=height, view=FRAMELESS)


def text_at(
    activation: Activation, sample: int, length: int
) -> tuple[tuple[str, ...], tuple[str, ...], np.ndarray] | None:
    """Return the tokens of a text, what is written for each, and which places are no padding.

    Where each token is a word of the sentence it is written as there, so that none reads ``[UNK]``.

    Args:
        activation: Whose samples.
        sample: Which of them.
        length: How many places there are.

    Returns:
        None where no tokens are known, or those that are belong to a text of another length.
    """
    labels = token_labels(activation.sample(sample), length)
    if labels is None:
        return None
    tokens, shown = labels
    texts = [array[sample] for array in activation.context.inputs.values() if array.dtype.kind in "USO"]
    written = str(np.ravel(texts[0])[0]).split() if len(texts) == 1 and np.size(texts[0]) == 1 else []
    places = np.flatnonzero(shown)
    if len(written) != len(places):
        return tokens, tokens, shown
    by_place = dict(zip(places.tolist(), written, strict=True))
    return tokens, tuple(by_place.get(place, token) for place, token in enumerate(tokens)), shown


def at_places(
    values: np.ndarray,
    places: MapPlaces,
    activation: Activation,
    sample: int,
    *,
    value_title: str,
    is_signed: bool = False,
) -> alt.TopLevelMixin:
    """Draw a map of a layer's places over the input that they lie over, in the shape that it has.

    Args:
        values: A number for each place of the layer, shape ``(*places,)``.
        places: How they lie over the input.
        activation: The layer, for what went in.
        sample: Position of the sample.
        value_title: What the colours are.
        is_signed: Whether less than zero means that it speaks against it.
    """
    grid = places.laid_out(values)
    finite = np.nan_to_num(grid)
    scale = colour_scale(finite, "blueorange") if is_signed else magnitude_scale(finite, "magma")
    given = activation.context.inputs[places.input][sample] if places.input else None
    note = _note(places.note)
    if grid.ndim == 3:
        chart = slices(grid, given, scale, axis=places.slice_axis, value_title=value_title)
    elif grid.ndim == 2:
        drawable = activation.context.drawable.get(places.input)
        picture = None if drawable is None else drawable[sample]
        # One map for all frames of a film is laid over the last one.
        picture = picture[-1] if picture is not None and picture.ndim == 4 else picture
        fits = picture is not None and picture.ndim == 3
        rulers = (ruler_of(activation, "height"), ruler_of(activation, "width"))
        chart = image(grid, picture if fits else None, scale, value_title=value_title, rulers=rulers)
    else:
        is_real = given is not None and given.dtype.kind == "f"
        text = None if is_real else text_at(activation, sample, len(grid))
        if text is not None:
            chart = words(grid, *text, is_signed=is_signed, value_title=value_title)
        else:
            names = activation.context.feature_names.get(places.input, ())
            lies = activation.places("time")
            is_over_it = is_real and (lies is None or lies.quantity == "time")  # bands lie at no moment of it
            shown = given.reshape(len(given), -1) if given is not None and is_over_it and given.ndim else None
            chart = series(
                grid,
                shown,
                is_signed=is_signed,
                names=names,
                value_title=value_title,
                steps=steps_of(activation)
                if shown is None
                else steps_of_input(activation.context, places.input, len(shown)),
                edges=None if shown is None else _edges(activation, len(grid)),
            )
    return chart.properties(title=note) if places.note else chart


def _edges(activation: Activation, count: int) -> np.ndarray | None:
    """Return where each place of a layer lies over the series, by its strides; None where that is not known."""
    ruler = ruler_of(activation)
    if ruler is None or ruler.quantity != "time" or len(ruler.values) != count:
        return None
    return ruler.first + ruler.step * (np.arange(count + 1) - 0.5)


def stretched_over(values: np.ndarray, places: MapPlaces, context: SampleContext, sample: int) -> np.ndarray:
    """Return a map of a layer's places as large as the input that they lie over, nearest neighbour, for curves.

    Args:
        values: A number for each place of the layer.
        places: How they lie over the input.
        context: What went in.
        sample: Position of the sample.

    Returns:
        As the input is drawn: ``(height, width)``, ``(slice, height, width)``, or ``(time,)``.
    """
    grid = places.laid_out(values)
    drawn = context.drawable[places.input][sample]
    if places.kind in ("image", "patches") and drawn.ndim == 4:
        grid = np.broadcast_to(grid, (len(drawn), *grid.shape))
    for axis, extent in enumerate(drawn.shape[: grid.ndim]):
        grid = np.take(grid, np.arange(extent) * grid.shape[axis] // extent, axis=axis)
    return grid


def _note(text: str) -> alt.TitleParams:
    lines = textwrap.wrap(text, _LONGEST_LINE)
    return alt.TitleParams(
        text=lines, anchor="start", fontSize=12, fontWeight="normal", color=MUTED_TEXT, offset=8, limit=0
    )


def removal_curves(curves: RemovalCurves) -> alt.Chart:
    """Draw deletion and insertion curves, and in grey the same in an order by chance.

    Args:
        curves: What :func:`core.analysis.attribution.removal_curves` found.
    """
    named = (
        ("deletion", "by importance", curves.deletion),
        ("insertion", "by importance", curves.insertion),
        ("deletion", "by chance", curves.random_deletion),
        ("insertion", "by chance", curves.random_insertion),
    )
    frame = pd.concat(
        pd.DataFrame({"share": curves.shares, "value": values.astype(np.float64), "curve": curve, "order": order})
        for curve, order, values in named
    )
    return (
        alt.Chart(frame, width=_WIDTH, height=180)
        .mark_line(point=alt.OverlayMarkDef(size=12))
        .encode(
            alt.X("share:Q", title="Share of the parts taken away (deletion) or put back (insertion)").axis(format="%"),
            alt.Y("value:Q", title="Target"),
            alt.Color(
                "curve:N", title=None, scale=alt.Scale(domain=["deletion", "insertion"], range=["#2f78b3", "#e8932f"])
            ),
            alt.StrokeDash("order:N", title=None, scale=alt.Scale(domain=["by importance", "by chance"])),
            alt.Opacity("order:N", title=None, scale=alt.Scale(domain=["by importance", "by chance"], range=[1, 0.45])),
            tooltip=["curve:N", "order:N", alt.Tooltip("share:Q", format=".0%"), alt.Tooltip("value:Q", format=".4~g")],
        )
    )


def answer_to_drag(answer: Activation, sample: int, target: Target, purpose: str) -> dict[str, alt.LayerChart]:
    """Return :func:`answer_map` by its caption, where an answer has rows and columns; else nothing.

    Args:
        answer: What the layer that is asked about answered, to all samples or to the one alone.
        sample: Position of the sample.
        target: What is asked about.
        purpose: What it is dragged over for: ``"explain a region"``.
    """
    if answer.axes[1:-1] != ("height", "width"):
        return {}
    one = answer.sample(sample if answer.shape[0] > 1 else 0)
    return {f"The answer itself: drag over it to {purpose}": answer_map(one.values, target)}


def answer_map(values: np.ndarray, target: Target) -> alt.LayerChart:
    """Draw an answer in many places, such as a mask, to be dragged over: that comes back as a ``region``.

    Args:
        values: Shape ``(height, width, unit)``.
        target: Which unit is drawn, and which part of it is framed.
    """
    shown = values[..., target.unit or 0].astype(np.float32)
    if target.versus is not None:
        shown = shown - values[..., target.versus]
    scale = colour_scale(shown, "automatic")
    longer = _SIDE / max(shown.shape)
    size = {"width": max(24, round(shown.shape[1] * longer)), "height": max(24, round(shown.shape[0] * longer))}
    chart = heatmap(shown, row="height", column="width", scale=scale, value_title="Answer", axes=False, **size)
    # The cells lie over the image, and are what an interval is told by.
    chart.layer[1] = chart.layer[1].add_params(dragged("region"))
    if target.ranges:
        (top, bottom), (left, right) = target.ranges
        frame = pd.DataFrame(
            {"left": [left - 0.5], "right": [right - 0.5], "top": [top - 0.5], "bottom": [bottom - 0.5]}
        )
        around = alt.Chart(frame).mark_rect(fillOpacity=0, stroke=CHOSEN_COLOUR, strokeWidth=2)
        chart.layer.append(around.encode(x="left:Q", x2="right:Q", y="top:Q", y2="bottom:Q"))
    return chart


def _set_in_lines(texts: pd.Series) -> pd.DataFrame:
    """Return where each word stands when they are set in lines, in screen pixels."""
    left, line, places = 0.0, 0, []
    for text in texts:
        width = min(_LETTER * max(len(text), 1) + 6, _TEXT_WIDTH)
        if left and left + width > _TEXT_WIDTH:
            left, line = 0.0, line + 1
        places.append((line, left, left + width))
        left += width + _WORD_GAP
    frame = pd.DataFrame(places, columns=["line", "left", "right"], index=texts.index)
    frame["top"], frame["bottom"] = frame["line"] * _LINE + 2, (frame["line"] + 1) * _LINE - 2
    frame["middle"], frame["centre"] = (frame["left"] + frame["right"]) / 2, (frame["top"] + frame["bottom"]) / 2
    return frame


def _unclickable(chart: alt.LayerChart, title: str) -> alt.LayerChart:
    """Return a gallery whose tiles are no choice, with a title."""
    for part in (chart, *chart.layer):
        part.params = alt.Undefined
        if isinstance(getattr(part, "mark", None), alt.MarkDef):
            part.mark.cursor = "default"
    before = chart.title
    subtitle = before.subtitle if isinstance(before, alt.TitleParams) else alt.Undefined
    chart.title = alt.TitleParams(
        text=title, subtitle=subtitle, anchor="start", fontSize=12, fontWeight="normal", color=MUTED_TEXT
    )
    return chart
