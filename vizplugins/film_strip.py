"""Feature maps of frames: one channel from frame to frame, and all channels of one frame."""

from typing import Annotated

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import (
    Activation,
    ActsWhen,
    ChannelIndex,
    Handles,
    Options,
    SampleIndex,
    TimestepIndex,
    Visualizer,
    charts,
    gallery,
    hookimpl,
)

_WIDTH = 800
_GAP = 6
_NARROWEST, _WIDEST = 44, 120
_MOST_FRAMES = _WIDTH // (_NARROWEST + _GAP)
_MOST_PLAYED = 64
_PLAYED_SIDE = 200
_GALLERY_HEIGHT = 150
_TITLE = 22


class FilmStripOptions(Options):
    """Which frame, which channel, and whether the frames play."""

    sample: SampleIndex = 0
    step: TimestepIndex | None = Field(
        None, title="Frame", description="All channels of it stand below. Automatic: the one that answers the most."
    )
    channel: ChannelIndex | None = Field(
        None, title="Channel", description="Drawn frame by frame. Automatic: the strongest."
    )
    colours: charts.ColourScheme = Field("automatic", title="Colours")
    play: bool = Field(False, title="Play", description="Shows the frames one after another, again and again.")
    speed: Annotated[int, ActsWhen("play")] = Field(4, ge=1, le=20, title="Frames a second")


class FilmStrip(Visualizer):
    """One channel from frame to frame, under the frames that went in. Click a frame to see all channels of it."""

    name = "film-strip"
    title = "Film strip"
    group = "look"
    handles = Handles(axes=("sample", "time", "height", "width", "channel"), dtypes=("number",))
    Options = FilmStripOptions
    priority = 20
    how_to_read = (
        "All frames of the strip are on one colour scale: where the channel grows brighter, it finds more of its "
        "pattern. What moves in the input should move here too. Below are all channels of the framed frame."
    )
    limitations = (
        "Layers under TimeDistributed see one frame at a time and know nothing of motion; recurrent layers behind them "
        f"do. Up to {_MOST_FRAMES} frames are drawn side by side, evenly spread."
    )

    def chart(
        self, activation: Activation, options: FilmStripOptions
    ) -> alt.VConcatChart | dict[str, alt.TopLevelMixin]:
        """Draw the strip, and the gallery of the chosen frame under it."""
        answer = activation.sample(options.sample)  # (time, height, width, channel)
        values = answer.values.astype(np.float32, copy=False)
        shown = charts.shown_steps(answer)
        told = values[shown] if shown.any() else values
        # (time, height, width, channel) -> (channel, time x height, width)
        whole = np.moveaxis(told, -1, 0).reshape(told.shape[-1], -1, told.shape[2])
        strength = charts.map_statistics(whole).strength
        channel = int(strength.argmax()) if options.channel is None else options.channel
        film = values[..., channel]
        by_step = np.where(shown, charts.map_statistics(film).strength, -1)
        step = int(by_step.argmax()) if options.step is None else options.step
        scale = charts.colour_scale(film[shown] if shown.any() else film, options.colours)
        pictures = _frames_of(activation, options.sample, len(film))
        drawn = _thinned(len(film), step)
        side = int(np.clip(_WIDTH / len(drawn) - _GAP, _NARROWEST, _WIDEST))
        name = f"Channel {channel}" + ("" if options.channel == channel else ", the strongest")
        rows = {} if pictures is None else {"Input": _urls(pictures[drawn], side)}
        rows[name] = [scale.url(each) for each in _small(film[drawn], side)]
        maps = np.moveaxis(values[step], -1, 0)
        overview = gallery.gallery(
            maps,
            numbers=np.arange(len(maps)),
            scheme=options.colours,
            chosen=channel,
            height=_GALLERY_HEIGHT,
            title=charts.small_title(f"All {len(maps):,} channels at frame {step}, each on its own scale"),
        )
        resolve = alt.Resolve(scale=alt.ScaleResolveMap(color="independent", x="independent", y="independent"))
        strip = alt.VConcatChart(
            vconcat=[_strip(rows, drawn, shown[drawn], step, side), overview],
            spacing=12,
            resolve=resolve,
            title=charts.title(
                f"Channel {channel} of {len(maps):,} of {activation.key} over {len(film):,} frames",
                f"{charts.sample_name(activation, options.sample)}, {film.shape[1]}×{film.shape[2]} each, "
                f"{scale.low:.3g} to {scale.high:.3g}",
                f"{len(drawn):,} of them are drawn" if len(drawn) < len(film) else "",
                f"{int((~shown).sum()):,} frames of padding are grey" if not shown.all() else "",
                charts.note_not_finite(film),
            ),
        )
        if not options.play:
            return strip
        played = np.flatnonzero(shown)[:_MOST_PLAYED]
        urls = [scale.url(each) for each in _small(film[played], 2 * _PLAYED_SIDE)]
        before = None if pictures is None else _urls(pictures[played], _PLAYED_SIDE)
        return {f"{name}, playing": _playing(urls, before, played, options.speed), "Frame by frame": strip}


def _frames_of(activation: Activation, sample: int, length: int) -> np.ndarray | None:
    """Return the frames that went in, shape ``(time, height, width, channel)``; None if no input is such."""
    for array in activation.context.inputs.values():
        if array.ndim == 5 and array.shape[1] == length and array.shape[-1] in (1, 3, 4) and array.dtype.kind in "fiu":
            return np.asarray(array[sample])
    return None


def _thinned(length: int, step: int) -> np.ndarray:
    """Return which frames are drawn: evenly spread, the chosen one among them."""
    drawn = np.unique(np.linspace(0, length - 1, min(length, _MOST_FRAMES)).round().astype(int))
    if step not in drawn:
        drawn[np.abs(drawn - step).argmin()] = step
    return drawn


def _urls(frames: np.ndarray, side: int) -> list[str]:
    # All on one scale, or what fades in would look as bright as what is there.
    height, width = frames.shape[1:3]
    seen = frames.reshape(-1, width, frames.shape[-1])
    pixels = charts.picture_values(seen, charts.finite_range(seen)).reshape(len(frames), height, width, 3)
    return [charts.picture_url(charts.within(each, 2 * side)) for each in pixels]


def _small(film: np.ndarray, side: int) -> np.ndarray:
    every = max(1, max(film.shape[1:]) // (2 * side))
    return film[:, ::every, ::every]


def _strip(rows: dict[str, list[str]], steps: np.ndarray, shown: np.ndarray, chosen: int, side: int) -> alt.LayerChart:
    """Draw rows of pictures under each other, a column for each frame; a click anywhere in a column chooses it."""
    count, tall = len(steps), side + _TITLE
    columns = pd.DataFrame({"step": steps, "left": np.arange(count) * (side + _GAP)})
    columns["right"], columns["middle"] = columns["left"] + side, columns["left"] + side / 2
    columns["chosen"], columns["padding"] = columns["step"] == chosen, ~shown
    pictures = pd.concat(columns.assign(image=urls, top=row * tall + _TITLE) for row, urls in enumerate(rows.values()))
    names = pd.DataFrame({"name": list(rows), "top": np.arange(len(rows)) * tall + _TITLE - 6})
    across, down = alt.X("left:Q", axis=None, scale=None), alt.Y("top:Q", axis=None, scale=None)
    height = len(rows) * tall
    base = alt.Chart(columns)
    layers = [
        alt.Chart(pictures)
        .mark_image(width=side, height=side, align="left", baseline="top", aspect=False, smooth=False, aria=False)
        .encode(across, down, url="image:N"),
        base.transform_filter("datum.padding")
        .mark_rect(color=charts.MUTED_COLOUR, opacity=0.75, y=_TITLE, y2=height)
        .encode(across, alt.X2("right:Q")),
        alt.Chart(names)
        .mark_text(align="left", baseline="alphabetic", fontSize=12, color=charts.MUTED_TEXT, x=0)
        .encode(down, text="name:N"),
        base.mark_rect(fill="transparent", strokeWidth=3, cursor="pointer", y=_TITLE, y2=height)
        .encode(
            across,
            alt.X2("right:Q"),
            tooltip=[alt.Tooltip("step:Q", title="frame"), alt.Tooltip("padding:N")],
            **charts.chosen_frame(),
        )
        .add_params(charts.clicked("step")),
        base.mark_text(fontSize=11, color=charts.MUTED_TEXT, y=height + 10).encode(
            alt.X("middle:Q", axis=None, scale=None), text="step:Q"
        ),
    ]
    return alt.LayerChart(layer=layers, width=count * (side + _GAP) - _GAP, height=height + 14, view=charts.FRAMELESS)


def _playing(urls: list[str], before: list[str] | None, steps: np.ndarray, speed: int) -> alt.Chart:
    places = [(urls, _PLAYED_SIDE + 16 if before else 0)] + ([(before, 0)] if before else [])
    frame = pd.concat(pd.DataFrame({"image": each, "step": steps, "left": left}) for each, left in places)
    playing = alt.selection_point(name="playing", fields=["step"], on="timer")
    clock = alt.Time("step:O", scale=alt.Scale(type="band", range=[0, len(steps) * 1000 / speed]))
    return (
        alt.Chart(
            frame,
            width=2 * _PLAYED_SIDE + 16 if before else _PLAYED_SIDE,
            height=_PLAYED_SIDE,
            view=charts.FRAMELESS,
        )
        .mark_image(
            width=_PLAYED_SIDE, height=_PLAYED_SIDE, align="left", baseline="top", aspect=False, smooth=False, y=0
        )
        .encode(alt.X("left:Q", axis=None, scale=None), url="image:N", time=clock)
        .add_params(playing)
        .transform_filter(playing)
    )


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [FilmStrip()]
