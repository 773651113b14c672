"""The samples as points: near each other where the layer answers alike."""

from functools import partial
from typing import Literal

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import (
    Activation,
    Activations,
    Cache,
    Handles,
    Options,
    ProgressReport,
    Refusal,
    SampleIndex,
    Visualizer,
    charts,
    gallery,
    hookimpl,
    projection,
    scatter,
)

_SIDE = 430
_NEIGHBOURS = 8
_MOST_THUMBNAILS = 600


class ProjectionOptions(Options):
    """Which method, what colours mean, and the methods' own parameters."""

    sample: SampleIndex = 0
    method: projection.Method = Field("PCA", title="Method")
    dimensions: Literal[2, 3] = Field(2, title="Dimensions")
    colour_by: Literal["class", "prediction", "right or wrong", "unit"] = Field("class", title="Colour by")
    unit: int = Field(0, ge=0, title="Unit or channel", description="For the colour: its mean over space or time.")
    pooling: projection.Pooling = Field(
        "flattened", title="Per sample", description="Every number, or the mean or maximum of each unit or channel."
    )
    metric: projection.Metric = Field("euclidean", title="Distance", description="PCA knows the Euclidean one only.")
    perplexity: float = Field(30, ge=2, le=100, title="Perplexity", description="t-SNE: how many neighbours count.")
    neighbours: int = Field(15, ge=2, le=100, title="Neighbours", description="UMAP: how many neighbours count.")
    minimum_distance: float = Field(0.1, ge=0, le=1, title="Minimum distance", description="UMAP: between points.")
    seed: int = Field(0, ge=0, le=999, title="Seed", description="t-SNE and UMAP: another picture of the same data.")


def _has_enough_samples(activation: Activation) -> str:
    fewest = projection.FEWEST_SAMPLES
    count = activation.shape[0]
    return "" if count >= fewest else f"needs {fewest} samples or more, there {'is' if count == 1 else 'are'} {count}"


class Projection(Visualizer):
    """Which samples the layer holds for alike. Click a point to open that sample."""

    name = "projection"
    title = "Projection"
    handles = Handles(dtypes=("number",), when=_has_enough_samples)
    Options = ProjectionOptions
    how_to_read = (
        "A point is a sample; points that lie together are samples that the layer answers to alike. Where colours form "
        "groups of their own, the layer tells those classes apart; compare with an earlier layer to see where that "
        "happens. The ring is the sample that is open; its nearest samples are measured in the layer, not in the "
        "picture."
    )
    limitations = (
        "PCA keeps large distances and shows what lies along its axes only; their share of the variance is said. t-SNE "
        "and UMAP keep neighbours: how far groups lie apart, how large and how dense they are means little; another "
        "seed or perplexity gives another picture, and groups can appear where there are none. Trustworthiness says "
        "how far neighbours in the picture are neighbours in the layer. Only the samples that are open are shown."
    )

    def chart(
        self,
        activation: Activation,
        options: ProjectionOptions,
        cache: Cache,
        progress: ProgressReport,
        activations: Activations | None = None,
    ) -> dict[str, alt.TopLevelMixin] | Refusal:
        """Draw the points, and what lies nearest to the sample that is open."""
        features = projection.features_of(activation, options.pooling)
        if why := projection.why_no_place(features):
            return Refusal(why)
        dimensions = int(options.dimensions)
        placed = cache(
            partial(projection.project, progress=progress),
            features,
            options.method,
            dimensions,
            options.perplexity,
            options.neighbours,
            options.minimum_distance,
            options.metric,
            options.seed,
        )
        frame = _frame(activation, placed.points, options, activations)
        title = charts.title(
            f"{len(frame):,} samples as {activation.key} answers them, by {options.method}",
            scatter.quality(placed),
            f"{charts.sample_name(activation, options.sample)} has a ring",
        )
        points = (_turning if dimensions == 3 else _flat)(frame, options, placed).properties(title=title)
        return {
            "": points,
            f"Nearest to {charts.sample_name(activation, options.sample)}, in the layer": _nearest(
                activation, frame, features, options
            ),
        }


def _frame(
    activation: Activation, points: np.ndarray, options: ProjectionOptions, activations: Activations | None
) -> pd.DataFrame:
    frame = pd.DataFrame(scatter.within_reach(points), columns=list("xyz")[: points.shape[1]])
    context = activation.context
    frame["sample"] = np.arange(len(frame)) + context.first
    labels = None if context.labels is None else np.asarray(context.labels)
    predicted = _predictions(activations, len(frame))
    frame["class"] = charts.classes_of(activation)
    frame["prediction"] = (
        charts.NOT_KNOWN if predicted is None else [_named(each, context.class_names) for each in predicted]
    )
    known = labels is not None and predicted is not None
    frame["right or wrong"] = np.where(labels == predicted, "right", "wrong") if known else charts.NOT_KNOWN
    values = activation.values.astype(np.float64)
    unit = min(options.unit, values.shape[-1] - 1) if values.ndim > 1 else 0
    per_unit = values[..., unit] if values.ndim > 1 else values
    frame["unit"] = per_unit.reshape(len(frame), -1).mean(axis=1)
    frame["open"] = np.arange(len(frame)) == options.sample
    pictures = _thumbnails(activation)
    if pictures:
        frame["image"] = pictures
    return frame


def _predictions(activations: Activations | None, count: int) -> np.ndarray | None:
    output = activations.output if activations is not None else None
    if not isinstance(output, np.ndarray) or output.ndim != 2 or len(output) != count or output.shape[1] < 2:
        return None
    return output.argmax(axis=1)


def _named(number: int, names: tuple[str, ...]) -> str:
    return names[number] if number < len(names) else f"class {number}"


def _thumbnails(activation: Activation) -> list[str]:
    images = gallery.images_of(activation.context.inputs)
    if images is None or len(images) > _MOST_THUMBNAILS:
        return []
    return [charts.picture_url(each) for each in gallery.thumbnails(images)]


def _colour(options: ProjectionOptions, frame: pd.DataFrame) -> alt.Color:
    if options.colour_by == "unit":
        return alt.Color("unit:Q", title=f"Unit {options.unit}", scale=alt.Scale(scheme="viridis"))
    if options.colour_by == "right or wrong":
        scale = alt.Scale(
            domain=["right", "wrong", charts.NOT_KNOWN], range=["#54a24b", "#e45756", charts.MUTED_COLOUR]
        )
        return alt.Color("right or wrong:N", title="Answer", scale=scale)
    names = sorted(frame[options.colour_by].unique(), key=_in_order)
    scale = alt.Scale(domain=names, scheme="tableau10" if len(names) <= 10 else "tableau20")
    return alt.Color(f"{options.colour_by}:N", title=options.colour_by.capitalize(), scale=scale)


def _in_order(name: str) -> tuple[int, str]:
    return (int(name) if name.isdecimal() else 0, name)


def _tooltip(frame: pd.DataFrame) -> list[alt.Tooltip]:
    shown = [alt.Tooltip("sample:Q"), alt.Tooltip("class:N"), alt.Tooltip("prediction:N")]
    # What is called so, the browser shows as a picture.
    return [*shown, *([alt.Tooltip("image:N")] if "image" in frame else [])]


def _size(frame: pd.DataFrame) -> int:
    return 70 if len(frame) <= 300 else 30 if len(frame) <= 2000 else 12


def _points(frame: pd.DataFrame, options: ProjectionOptions, x: alt.X, y: alt.Y) -> tuple[alt.Chart, alt.Chart]:
    clicked = charts.clicked("sample")
    size = _size(frame)
    circles = (
        alt.Chart(frame)
        .mark_circle(opacity=0.85, size=size, cursor="pointer")
        .encode(x, y, color=_colour(options, frame), tooltip=_tooltip(frame))
        .add_params(clicked)
    )
    ring = (
        alt.Chart(frame[frame["open"]])
        .mark_point(size=4 * size, color="#ff4b4b", strokeWidth=2.5, filled=False)
        .encode(x, y)
    )
    return circles, ring


def _flat(frame: pd.DataFrame, options: ProjectionOptions, placed: projection.Projection) -> alt.LayerChart:
    return alt.LayerChart(layer=[*_points(frame, options, *scatter.axes(placed))], width=_SIDE, height=_SIDE)


def _turning(frame: pd.DataFrame, options: ProjectionOptions, placed: projection.Projection) -> alt.LayerChart:
    circles, ring = map(scatter.turned, _points(frame, options, *scatter.axes(placed, turning=True)))
    size = _size(frame)
    nearer = alt.Size("depth:Q", scale=alt.Scale(domain=[-1, 1], range=[0.4 * size, 1.6 * size]), legend=None)
    circles = circles.encode(size=nearer, order=alt.Order("depth:Q"))
    return alt.LayerChart(layer=[circles, ring], width=_SIDE, height=_SIDE).add_params(*scatter.turning_params())


def _nearest(
    activation: Activation, frame: pd.DataFrame, features: np.ndarray, options: ProjectionOptions
) -> alt.TopLevelMixin:
    order, distances = projection.nearest(features, options.sample, _NEIGHBOURS, options.metric)
    near = frame.iloc[order].assign(distance=distances)
    near["name"] = [charts.short_name(activation, position) for position in order]
    tooltip = [alt.Tooltip("sample:Q"), alt.Tooltip("class:N"), alt.Tooltip("distance:Q", format=".4~g")]
    if "image" in near:
        return gallery.strip(near, tooltip=tooltip)
    clicked = charts.clicked("sample")
    return (
        alt.Chart(near)
        .mark_bar(cursor="pointer")
        .encode(
            x=alt.X("distance:Q", title=f"Distance in the layer ({options.metric})"),
            y=alt.Y("name:N", sort=None, title="Sample"),
            color=_colour(options, frame),
            tooltip=tooltip,
        )
        .add_params(clicked)
        .properties(height=alt.Step(18), width=_SIDE)
    )


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [Projection()]
