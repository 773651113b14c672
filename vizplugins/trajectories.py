"""The path of a sequence through the states of a layer, step by step."""

from functools import partial
from typing import Literal

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import (
    Activation,
    Cache,
    Handles,
    Missing,
    Options,
    ProgressReport,
    Refusal,
    SampleIndex,
    Visualizer,
    charts,
    hookimpl,
    projection,
    raster,
    scatter,
)

_SIDE = 380
_FEWEST_STEPS = 3
_MOST_ROWS = 6_000
# What either places in a second or two.
_FEWEST_DRAWN = 50
_MOST_PLACED = {"PCA": 20_000, "UMAP": 4_000}


class TrajectoriesOptions(Options):
    """Which sequences, how they are placed, and what colours mean."""

    sample: SampleIndex = 0
    beside: int = Field(5, ge=0, le=30, title="Other samples", description="How many further paths are drawn, in grey.")
    method: Literal["PCA", "UMAP"] = Field("PCA", title="Method")
    dimensions: Literal[2, 3] = Field(2, title="Dimensions")
    colour_by: Literal["time", "class"] = Field("time", title="Colour by")


def _has_a_path(activation: Activation) -> str | Missing:
    if activation.extent("time") < _FEWEST_STEPS:
        return Missing(f"at least {_FEWEST_STEPS} timesteps")
    fewest = projection.FEWEST_SAMPLES
    return "" if activation.shape[0] * activation.shape[1] >= fewest else Missing(f"at least {fewest} states to place")


class Trajectories(Visualizer):
    """The path that a sequence takes through the layer's states. Move the slider to follow it."""

    name = "trajectories"
    title = "Trajectories"
    group = "samples"
    handles = Handles(axes=("sample", "time", "unit"), dtypes=("number",), when=_has_a_path)
    Options = TrajectoriesOptions
    # A picture for a second look.
    priority = -1
    how_to_read = (
        "A point is the state after one timestep, the line joins them in time; the ring follows the slider. A path "
        "that comes to rest no longer changes its mind; one that turns at a step was moved by what came in there. "
        "Samples of one class that end in one place look alike to the layer."
    )
    limitations = (
        "Many units are shown in two or three dimensions: PCA's share of the variance is said, and what lies across "
        "these axes is not seen. UMAP keeps neighbours only, so its lines may jump where the state does not. All paths "
        "are placed together, so other samples drawn beside it do not move them."
    )

    def chart(
        self, activation: Activation, options: TrajectoriesOptions, cache: Cache, progress: ProgressReport
    ) -> alt.LayerChart | Refusal:
        """Draw the path of the sample that is open, and others behind it."""
        shown, every = _thinned(
            charts.shown_steps(activation), options.sample, _MOST_PLACED[options.method]
        )  # (sample, time)
        states = activation.values.astype(np.float32)[shown]  # (sample, time, unit) -> (state, unit)
        if len(states) < projection.FEWEST_SAMPLES:
            fewest = projection.FEWEST_SAMPLES
            return Refusal(f"Only {len(states)} timesteps are no padding, and it takes {fewest}: open more samples.")
        if why := projection.why_no_place(states):
            return Refusal(why)
        if shown[options.sample].sum() < _FEWEST_STEPS:
            return Refusal(f"This sample has fewer than {_FEWEST_STEPS} timesteps that are no padding.")
        dimensions = int(options.dimensions)
        placed = cache(partial(projection.project, progress=progress), states, options.method, dimensions)
        return _paths(_frame(activation, placed.points, shown, options), activation, options, placed, every)


def _thinned(shown: np.ndarray, sample: int, most: int) -> tuple[np.ndarray, int]:
    """Return which states are placed, and every how many timesteps there is one: fewer steps, then fewer samples."""
    longest = int(shown.sum(axis=1).max())
    every = max(1, min(-(-int(shown.sum()) // most), longest // _FEWEST_DRAWN), -(-longest // _MOST_ROWS))
    shown = shown & (np.arange(shown.shape[1]) % every == 0)
    fewer = -(-int(shown.sum()) // most)
    numbers = np.arange(len(shown))
    return shown & ((numbers % max(1, fewer) == 0) | (numbers == sample))[:, None], every


def _frame(activation: Activation, points: np.ndarray, shown: np.ndarray, options: TrajectoriesOptions) -> pd.DataFrame:
    sample, step = np.nonzero(shown)
    frame = pd.DataFrame(scatter.within_reach(points), columns=list("xyz")[: points.shape[1]])
    frame["index"], frame["time"] = sample, step
    frame["sample"] = sample + activation.context.first
    frame["class"] = np.array(charts.classes_of(activation))[sample]
    tokens = None if activation.layer.loop else activation.context.tokens
    if tokens is not None and tokens.shape == shown.shape:
        frame["word"] = tokens[sample, step]
    frame["open"] = frame["index"] == options.sample
    per_sample = max(1, int(shown.sum(axis=1).max()))
    others = [int(position) for position in np.flatnonzero(shown.any(axis=1)) if position != options.sample]
    beside = others[: min(options.beside, _MOST_ROWS // per_sample)]
    return frame[frame["index"].isin([options.sample, *beside])]


def _paths(
    frame: pd.DataFrame, activation: Activation, options: TrajectoriesOptions, placed: projection.Projection, every: int
) -> alt.LayerChart:
    last = int(frame.loc[frame["open"], "time"].max())
    step = alt.param(name="step", value=last, bind=alt.binding_range(min=0, max=last, step=every, name="Step "))
    steps = charts.steps_of(activation)
    frame = steps.with_seconds(frame)
    three = placed.points.shape[1] == 3
    x, y = scatter.axes(placed, turning=three)
    clicked = charts.clicked("sample")
    tooltip = [alt.Tooltip("sample:Q"), alt.Tooltip("class:N"), alt.Tooltip("time:Q", title="timestep"), *steps.tooltip]
    tooltip += [alt.Tooltip("word:N")] if "word" in frame else []
    colours = raster.class_palette(frame["class"].unique(), activation.context.group_names)
    by_class = alt.Color("class:N", title="Class", scale=alt.Scale(domain=list(colours), range=list(colours.values())))
    by_time = alt.Color("time:Q", title="Timestep", scale=alt.Scale(scheme="viridis"))
    behind, before = alt.Chart(frame[~frame["open"]]), alt.Chart(frame[frame["open"]])
    grey = alt.value(charts.MUTED_COLOUR) if options.colour_by == "time" else by_class
    lines = [
        behind.mark_line(strokeWidth=1, opacity=0.45).encode(x, y, color=grey, order="time:Q", detail="sample:N"),
        behind.mark_circle(size=30, opacity=0.55, cursor="pointer")
        .encode(x, y, color=grey, tooltip=tooltip)
        .add_params(clicked),
        before.mark_line(strokeWidth=2, color=charts.MUTED_COLOUR).encode(x, y, order="time:Q"),
        before.mark_circle(size=60, opacity=1).encode(
            x, y, color=by_time if options.colour_by == "time" else by_class, tooltip=tooltip
        ),
        before.mark_point(size=260, color=charts.CHOSEN_COLOUR, strokeWidth=2.5, filled=False)
        .encode(x, y)
        .transform_filter("datum.time == step"),
    ]
    turned = [scatter.turned(each) if three else each for each in lines]
    chart = alt.LayerChart(layer=turned, width=_SIDE, height=_SIDE).add_params(step)
    if three:
        chart = chart.add_params(*scatter.turning_params())
    return chart.properties(
        title=charts.title(
            f"{charts.sample_name(activation, options.sample)} through {activation.key}, by {options.method}",
            scatter.quality(placed),
            f"{frame['index'].nunique() - 1:,} other samples beside it",
            f"every {every:,}th timestep of {activation.shape[1]:,}" if every > 1 else "",
        )
    )


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [Trajectories()]
