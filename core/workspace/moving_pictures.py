"""What is more than one picture: volumes cut in three directions, films that play, sequences of letters."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

import altair as alt
import numpy as np
import pandas as pd
from PIL import Image

from core import charts
from core.charts.colours import picture_url, within
from core.charts.sample_values import positions_axis, positions_scale
from core.common.text import count_text
from core.inputs.spec import as_colours

__all__ = ["film_of", "film_strip", "letters_chart", "middle_slices", "slices_chart"]

_DIRECTIONS: Final = ("depth", "height", "width")
_SIDE: Final = 150
_PIXELS: Final = 96
_MOST_CUTS: Final = 24
_GAP: Final = 1
_SHEET_WIDTH: Final = 600
_MOST_FRAMES: Final = 10
_FRAMES_IN_A_ROW: Final = 5
_FILM_SIDE: Final = 200
_FILM_COLOURS: Final = 128
_FILM_SECONDS: Final = 4.0
_MOST_PLAYED: Final = 32
_READABLE_LETTERS: Final = 80
_FEW_ROWS: Final = 6


def middle_slices(volume: np.ndarray, bounds: tuple[float, float]) -> tuple[bytes, str]:
    """Return the slices through the middle of a volume side by side as a PNG, and which they are, in words.

    Args:
        volume: Shape ``(depth, height, width, channel)``; the slices lie across these axes in their order.
        bounds: What is drawn darkest and brightest, of all samples.
    """
    middles = [extent // 2 for extent in volume.shape[:3]]
    cuts = [_pixels(np.take(volume, middle, axis=axis), bounds) for axis, middle in enumerate(middles)]
    told = ", ".join(f"{name} {middle}" for name, middle in zip(_DIRECTIONS, middles, strict=True))
    return _png([cuts]), f"slices at {told}"


def slices_chart(volume: np.ndarray, bounds: tuple[float, float]) -> alt.HConcatChart:
    """Draw a volume as slices in three directions, each with a slider that acts in the browser.

    Of more than 24 slices in a direction every second, third, … can be chosen.

    Args:
        volume: Shape ``(depth, height, width, channel)``.
        bounds: What is drawn darkest and brightest, of all samples.
    """
    return alt.hconcat(*(_direction(volume, axis, bounds) for axis in range(3)), spacing=12)


def _direction(volume: np.ndarray, axis: int, bounds: tuple[float, float]) -> alt.Chart:
    name, extent = _DIRECTIONS[axis], volume.shape[axis]
    step = -(-extent // _MOST_CUTS)
    places = np.arange((extent // 2) % step, extent, step)
    height, width = (side for number, side in enumerate(volume.shape[:3]) if number != axis)
    scale = _SIDE / max(height, width)
    urls = [_url(np.take(volume, place, axis=axis), bounds) for place in places]
    slider = alt.param(
        name=f"slice_{name}",
        value=extent // 2,
        bind=alt.binding_range(min=int(places[0]), max=int(places[-1]), step=step, name=f"{name.capitalize()} "),
    )
    middle = (width * scale / 2, height * scale / 2)
    return (
        alt.Chart(pd.DataFrame({"place": places, "url": urls, "across": middle[0], "down": middle[1]}))
        .transform_filter(f"datum.place === slice_{name}")
        .mark_image(width=width * scale, height=height * scale, smooth=False)
        .encode(
            x=alt.X("across:Q", axis=None, scale=alt.Scale(domain=[0, width * scale], nice=False)),
            y=alt.Y("down:Q", axis=None, scale=alt.Scale(domain=[0, height * scale], nice=False, reverse=True)),
            url="url:N",
            tooltip=[alt.Tooltip("place:Q", title=name)],
        )
        .add_params(slider)
        .properties(
            width=round(width * scale), height=round(height * scale), title=f"across the {name}", view={"stroke": None}
        )
    )


def _url(cut: np.ndarray, bounds: tuple[float, float]) -> str:
    pixels = _pixels(cut, bounds)
    # Grey pictures take a third of what coloured ones do, and there are dozens of them.
    return picture_url(within(pixels if cut.shape[-1] in (3, 4) else pixels[..., 0], _PIXELS))


def film_strip(film: np.ndarray, bounds: tuple[float, float]) -> tuple[bytes, str]:
    """Return frames of a film in rows as a PNG, some at even distances where there are many, and which, in words.

    Args:
        film: Shape ``(time, height, width, channel)``.
        bounds: What is drawn darkest and brightest, of all samples.
    """
    chosen = np.unique(np.linspace(0, len(film) - 1, min(len(film), _MOST_FRAMES)).astype(int))
    frames = [_pixels(film[at], bounds) for at in chosen]
    rows = [frames[start : start + _FRAMES_IN_A_ROW] for start in range(0, len(frames), _FRAMES_IN_A_ROW)]
    note = f"{len(chosen):,} of {count_text(len(film), 'frame')} drawn" if len(chosen) < len(film) else ""
    return _png(rows), note


def film_of(film: np.ndarray, bounds: tuple[float, float]) -> bytes | None:
    """Return a film as a GIF that plays over and over, some four seconds long; None where there is one frame.

    Args:
        film: Shape ``(time, height, width, channel)``.
        bounds: What is drawn darkest and brightest, of all samples.
    """
    if len(film) < 2:
        return None
    chosen = np.unique(np.linspace(0, len(film) - 1, min(len(film), _MOST_PLAYED)).astype(int))
    factor = _FILM_SIDE / max(film.shape[1:3])
    size = (max(1, round(film.shape[2] * factor)), max(1, round(film.shape[1] * factor)))
    frames = [_frame(_pixels(film[at], bounds), size, is_grey=film.shape[-1] not in (3, 4)) for at in chosen]
    buffer = io.BytesIO()
    duration = round(1000 * min(0.5, max(0.04, _FILM_SECONDS / len(frames))))
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=duration, loop=0)
    return buffer.getvalue()


def _frame(pixels: np.ndarray, size: tuple[int, int], *, is_grey: bool) -> Image.Image:
    frame = Image.fromarray(pixels[..., 0] if is_grey else pixels)
    # Colours are counted in the smaller of both sizes: they take most of the time.
    frame = frame.resize(size, Image.Resampling.BILINEAR) if size[0] < frame.width else frame
    frame = frame if is_grey else frame.quantize(_FILM_COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    return frame if frame.size == size else frame.resize(size, Image.Resampling.NEAREST)


def letters_chart(text: str, letters: str, *, height: int) -> alt.Chart:
    """Draw a sequence of letters along its positions, each letter in a row of its own.

    Args:
        text: The letters; others than those of the rows are left out.
        letters: The rows, the first on top.
        height: Screen pixels.
    """
    known = [(position, each) for position, each in enumerate(text) if each in letters]
    frame = pd.DataFrame(known, columns=["position", "letter"])
    data = alt.Chart(frame).encode(
        x=alt.X(
            "position:Q",
            title="Position",
            scale=positions_scale(len(text)),
            axis=positions_axis(grid=False),
        ),
        y=alt.Y(
            "letter:N",
            title=None,
            scale=alt.Scale(domain=list(letters)),
            axis=alt.Axis(ticks=False, domain=False, labelOverlap=len(letters) > _FEW_ROWS),
        ),
        color=alt.Color("letter:N", scale=alt.Scale(domain=list(letters), scheme="tableau10"), legend=None),
        tooltip=[alt.Tooltip("position:Q"), alt.Tooltip("letter:N")],
    )
    if len(text) <= _READABLE_LETTERS:
        drawn = data.mark_text(fontSize=11, fontWeight="bold").encode(text="letter:N")
    else:
        drawn = data.mark_tick(orient="vertical", thickness=2)
    return drawn.properties(height=height)


def _pixels(cut: np.ndarray, bounds: tuple[float, float]) -> np.ndarray:
    """Return ``(height, width, channel)`` as pixels of three colours, on the scale of all slices.

    Only what is drawn becomes pixels: of a volume they would take many times its memory.
    """
    return charts.picture_values(as_colours(cut), bounds)


def _png(rows: Sequence[Sequence[np.ndarray]]) -> bytes:
    """Return pictures of shape ``(height, width, 3)`` in rows; what lies between them lets the page through."""
    heights = [max(each.shape[0] for each in row) for row in rows]
    width = max(sum(each.shape[1] + _GAP for each in row) for row in rows) - _GAP
    canvas = np.zeros((sum(heights) + _GAP * (len(rows) - 1), width, 4), np.uint8)
    top = 0
    for row, height in zip(rows, heights, strict=True):
        left = 0
        for each in row:
            canvas[top : top + each.shape[0], left : left + each.shape[1], :3] = each
            canvas[top : top + each.shape[0], left : left + each.shape[1], 3] = 255
            left += each.shape[1] + _GAP
        top += height + _GAP
    image = Image.fromarray(canvas)
    factor = _SHEET_WIDTH / image.width
    size = (_SHEET_WIDTH, max(1, round(image.height * factor)))
    how = Image.Resampling.NEAREST if factor > 1 else Image.Resampling.LANCZOS
    buffer = io.BytesIO()
    image.resize(size, how).save(buffer, "PNG")
    return buffer.getvalue()
