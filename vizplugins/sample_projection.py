"""The samples as points: near each other where the layer answers alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import (
    Activation,
    Activations,
    ActsFromRank,
    ActsWhen,
    Cache,
    Handles,
    LayerDataset,
    LayerKey,
    Missing,
    NoneTitle,
    Options,
    ProgressReport,
    Refusal,
    Region,
    SampleIndex,
    UnitIndex,
    Visualizer,
    charts,
    gallery,
    hookimpl,
    projection,
    raster,
    sample_pictures,
    scatter,
)

_SIDE = 380
_WIDTH = 620
_BESIDE_SIDE = 330
_NEIGHBOURS = 8
_LISTED = 24
_TELLING_UNITS = 6
_CELLS = 48
_CORRECT_OR_WRONG = {"correct": "#54a24b", "wrong": "#e45756"}


class ProjectionOptions(Options):
    """Which method, what colours mean, and the methods' own parameters."""

    sample: SampleIndex = 0
    method: projection.Method = Field("PCA", title="Method")
    dimensions: Literal[2, 3] = Field(2, title="Dimensions")
    colour_by: Literal["class", "prediction", "correct or wrong", "unit"] = Field("class", title="Colour by")
    unit: Annotated[UnitIndex | None, ActsWhen("colour_by", "unit")] = Field(
        None, title="Unit", description="For the colour: its mean. Automatic: the one that answers the most."
    )
    pooling: Annotated[projection.Pooling, ActsFromRank(3)] = Field(
        "flatten", title="Vector per sample", description="Every number, or the mean or maximum of each unit."
    )
    region: Region = Field(None, title="Region", description="In a plane: its samples are listed, and what they share.")
    beside: Literal["none", "PCA", "t-SNE", "UMAP"] = Field("none", title="Second plot: method")
    other_layer: Annotated[LayerKey | None, NoneTitle("none")] = Field(None, title="Second plot: layer")
    metric: projection.Metric = Field(
        "euclidean", title="Distance", description="For the nearest samples, t-SNE and UMAP; PCA is always Euclidean."
    )
    perplexity: Annotated[float, ActsWhen("method", "t-SNE"), ActsWhen("beside", "t-SNE")] = Field(
        30, ge=2, le=100, title="Perplexity", description="t-SNE: how many neighbours count."
    )
    neighbours: Annotated[int, ActsWhen("method", "UMAP"), ActsWhen("beside", "UMAP")] = Field(
        15, ge=2, le=100, title="Neighbours", description="UMAP: how many neighbours count."
    )
    minimum_distance: Annotated[float, ActsWhen("method", "UMAP"), ActsWhen("beside", "UMAP")] = Field(
        0.1, ge=0, le=1, title="Minimum distance", description="UMAP: between points."
    )
    seed: Annotated[int, ActsWhen("method", "t-SNE", "UMAP"), ActsWhen("beside", "t-SNE", "UMAP")] = Field(
        0, ge=0, le=999, title="Seed", description="t-SNE and UMAP: another picture of the same data."
    )


@dataclass(frozen=True)
class _Placed:
    """The samples where one method puts them; ``frame`` has a row per sample, ``open`` is the number of one."""

    of: str
    frame: pd.DataFrame
    points: np.ndarray
    projection: projection.Projection
    open: int


def _has_enough_samples(activation: Activation) -> str | Missing:
    fewest = projection.FEWEST_SAMPLES
    return "" if activation.shape[0] >= fewest else Missing(f"at least {fewest} samples")


class Projection(Visualizer):
    """Which samples look alike to this layer. Click a point to open that sample; drag to list those in a region."""

    name = "projection"
    title = "Projection"
    group = "samples"
    handles = Handles(dtypes=("number",), when=_has_enough_samples)
    Options = ProjectionOptions
    how_to_read = (
        "A point is a sample; points that lie together are samples that the layer answers to alike. Where colours form "
        "groups of their own, the layer tells those classes apart; compare with an earlier layer to see where that "
        "happens. The ring is the sample that is open; its nearest samples are measured in the layer, not in the "
        "picture. Drag over a group to see its samples, and which units set them apart from all others."
    )
    limitations = (
        "PCA keeps large distances and shows what lies along its axes only; their share of the variance is said. t-SNE "
        "and UMAP keep neighbours: how far groups lie apart, how large and how dense they are means little; another "
        "seed or perplexity gives another picture, and groups can appear where there are none. Trustworthiness says "
        f"how far neighbours in the picture are neighbours in the layer. Of more than {projection.LANDMARKS:,} samples "
        "they place as many, by chance, and the others at the median of their ten nearest: what is rare may lie "
        f"elsewhere. Of more than {raster.MOST_MARKS:,} samples the points are a picture, and what is pointed at is "
        "one for each small square of it; in three dimensions so many are drawn, evenly spread. The picture is wider "
        "than high: compare distances along one direction."
    )

    def chart(
        self,
        activation: Activation,
        options: ProjectionOptions,
        cache: Cache,
        progress: ProgressReport,
        dataset: LayerDataset,
        activations: Activations | None = None,
    ) -> dict[str, alt.TopLevelMixin] | Refusal:
        """Draw the points, those of a region, and what lies nearest to the sample that is open."""
        try:
            features = dataset.features(options.pooling, progress)
        except ValueError as error:
            return Refusal(f"{error}: choose the mean or maximum of each unit.")
        if why := projection.why_no_place(features):
            return Refusal(why)
        options = options.model_copy(update={"unit": charts.shown_unit(activation, options.sample, options.unit)})
        described = _described(dataset, options, progress)
        place = partial(_place, described, options, dataset.number_of(options.sample), cache, progress)
        main = place(activation.key, features, options.method)
        pictures = {"": _beside(main, place, activation, options, dataset, activations, features)}
        if options.region is not None and options.dimensions == 2:
            pictures |= _region(main, features, options, dataset)
        pictures |= _nearest(main, features, options, dataset)
        return pictures


def _described(dataset: LayerDataset, options: ProjectionOptions, progress: ProgressReport) -> pd.DataFrame:
    labels, predicted = dataset.labels, dataset.predictions(options.pooling, progress)
    frame = dataset.table()
    frame["prediction"] = charts.NOT_KNOWN
    if predicted is not None:
        frame["prediction"] = np.where(predicted >= 0, dataset.classes_named(predicted), charts.NO_CLASS)
    frame["correct or wrong"] = charts.NOT_KNOWN
    if labels is not None and predicted is not None:
        verdict = np.where(labels == predicted, "correct", "wrong")
        frame["correct or wrong"] = np.where((labels >= 0) & (predicted >= 0), verdict, charts.NOT_KNOWN)
    if options.colour_by == "unit":
        means = dataset.features("mean", progress)
        frame["unit"] = means[:, min(options.unit or 0, means.shape[1] - 1)].astype(np.float64)
    return frame


def _place(
    described: pd.DataFrame,
    options: ProjectionOptions,
    open_sample: int,
    cache: Cache,
    progress: ProgressReport,
    of: str,
    features: np.ndarray,
    method: projection.Method,
) -> _Placed:
    placed = cache(
        partial(projection.project, progress=progress),
        features,
        method,
        int(options.dimensions),
        options.perplexity,
        options.neighbours,
        options.minimum_distance,
        options.metric,
        options.seed,
    )
    points = scatter.within_reach(placed.points)
    frame = described.assign(**{axis: points[:, place] for place, axis in enumerate("xyz"[: points.shape[1]])})
    return _Placed(f"{of}, by {method}", frame, points, placed, open_sample)


def _beside(
    main: _Placed,
    place: partial[_Placed],
    activation: Activation,
    options: ProjectionOptions,
    dataset: LayerDataset,
    activations: Activations | None,
    features: np.ndarray,
) -> alt.TopLevelMixin:
    others: list[_Placed] = []
    if options.beside not in ("none", options.method):
        others.append(place(activation.key, features, options.beside))
    other = activations.get(options.other_layer) if activations is not None and options.other_layer else None
    if other is not None and other.key != activation.key and other.is_numeric:
        there = dataset.of_layer(other).features(options.pooling)
        if not projection.why_no_place(there):
            others.append(place(other.key, there, options.method))
    if not others:
        return _points(main, options, dataset, _SIDE)
    # Only one of them answers to clicks: a selection of one name can be in one view.
    drawn: list[Any] = [
        _points(each, options, dataset, _BESIDE_SIDE, clickable=each is main) for each in (main, *others)
    ]
    return alt.hconcat(*drawn)


def _points(
    placed: _Placed, options: ProjectionOptions, dataset: LayerDataset, side: int, clickable: bool = True
) -> alt.TopLevelMixin:
    frame = placed.frame
    title = charts.title(
        f"{len(frame):,} samples as {placed.of}",
        scatter.quality(placed.projection),
        f"sample {dataset.short_name(placed.open)} has a ring",
    )
    if options.dimensions == 3:
        chart = _turning(placed, options, dataset, side, clickable)
    elif len(frame) > raster.MOST_MARKS:
        chart = _as_picture(placed, options, dataset, side, clickable)
    else:
        chart = _flat(placed, options, dataset, side, clickable)
        chart.width = _WIDTH if side == _SIDE else side
    return chart.properties(title=title)


def _flat(
    placed: _Placed, options: ProjectionOptions, dataset: LayerDataset, side: int, clickable: bool
) -> alt.LayerChart:
    frame = sample_pictures.with_pictures(placed.frame, dataset.drawable(range(len(placed.frame))))
    frame["open"] = np.arange(len(frame)) == placed.open
    x, y = scatter.axes(placed.projection)
    circles = (
        alt.Chart(frame)
        .mark_circle(opacity=0.85, size=scatter.point_size(len(frame)), cursor="pointer")
        .encode(x, y, color=_colour(options, frame, dataset.group_names), tooltip=_tooltip(frame))
        .add_params(*([charts.clicked("sample"), charts.dragged("region")] if clickable else []))
    )
    return alt.LayerChart(layer=[circles, scatter.ring(frame, x, y)], width=side, height=side)


def _as_picture(
    placed: _Placed, options: ProjectionOptions, dataset: LayerDataset, side: int, clickable: bool
) -> alt.LayerChart:
    frame, reach = placed.frame, scatter.ROOM
    url = raster.points_picture(placed.points, _pixels(options, frame, dataset.group_names), reach)
    chosen, counts = raster.grid_representatives(placed.points, reach, _CELLS)
    cells = frame.iloc[chosen].assign(samples=counts)
    cells = sample_pictures.with_pictures(cells, dataset.drawable(chosen.tolist()))
    x, y = scatter.axes(placed.projection)
    picture = raster.behind(url, side)
    pointed_at = (
        alt.Chart(cells)
        .mark_square(size=(side / _CELLS) ** 2, fillOpacity=0, strokeOpacity=0, cursor="pointer")
        .encode(x, y, tooltip=[*_tooltip(cells), alt.Tooltip("samples:Q", title="samples here")])
        .add_params(*([charts.clicked("sample"), charts.dragged("region")] if clickable else []))
    )
    layers = [
        picture,
        pointed_at,
        scatter.ring(frame.iloc[[placed.open]].assign(open=True), x, y),
        _key(options, frame, dataset.group_names, x, y),
    ]
    return alt.LayerChart(layer=layers, width=side, height=side)


def _key(options: ProjectionOptions, frame: pd.DataFrame, names: Sequence[str], x: alt.X, y: alt.Y) -> alt.Chart:
    """Return marks that nobody sees, one for each colour, so that the picture has its legend."""
    first = frame.drop_duplicates(options.colour_by)
    if options.colour_by == "unit":
        first = frame.sort_values("unit").iloc[[0, -1]]
    return alt.Chart(first).mark_circle(size=0).encode(x, y, color=_colour(options, frame, names))


def _turning(
    placed: _Placed, options: ProjectionOptions, dataset: LayerDataset, side: int, clickable: bool
) -> alt.LayerChart:
    frame = placed.frame
    count = len(frame)
    kept = np.unique(np.linspace(0, count - 1, min(count, raster.MOST_MARKS)).astype(int))
    kept = np.union1d(kept, np.array([placed.open]))
    frame = sample_pictures.with_pictures(frame.iloc[kept], dataset.drawable(kept.tolist()))
    frame["open"] = kept == placed.open
    x, y = scatter.axes(placed.projection, turning=True)
    size = scatter.point_size(len(frame))
    nearer = alt.Size("depth:Q", scale=alt.Scale(domain=[-1, 1], range=[0.4 * size, 1.6 * size]), legend=None)
    colour = _colour(options, frame, dataset.group_names)
    circles = (
        alt.Chart(frame)
        .mark_circle(opacity=0.85, cursor="pointer")
        .encode(x, y, color=colour, tooltip=_tooltip(frame), size=nearer, order=alt.Order("depth:Q"))
        .add_params(*([charts.clicked("sample")] if clickable else []))
    )
    turning = alt.LayerChart(
        layer=[*map(scatter.turned, (circles, scatter.ring(frame, x, y)))], width=side, height=side
    )
    # The sliders of one turn all that stand beside each other.
    return turning.add_params(*scatter.turning_params()) if clickable else turning


def _class_colours(options: ProjectionOptions, frame: pd.DataFrame, names: Sequence[str]) -> dict[str, str]:
    if options.colour_by == "correct or wrong":
        return {**_CORRECT_OR_WRONG, charts.NOT_KNOWN: charts.MUTED_COLOUR}
    return raster.class_palette(frame[options.colour_by].unique(), names)


def _colour(options: ProjectionOptions, frame: pd.DataFrame, names: Sequence[str]) -> alt.Color:
    if options.colour_by == "unit":
        return alt.Color("unit:Q", title=f"Unit {options.unit}", scale=alt.Scale(scheme="viridis"))
    colours = _class_colours(options, frame, names)
    title = "Answer" if options.colour_by == "correct or wrong" else options.colour_by.capitalize()
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return alt.Color(
        f"{options.colour_by}:N", title=title, scale=scale, legend=charts.class_legend(list(colours), rows=20)
    )


def _pixels(options: ProjectionOptions, frame: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    if options.colour_by == "unit":
        scale = charts.colour_scale(frame["unit"].to_numpy(), "viridis")
        return scale.palette()[scale.levels(frame["unit"].to_numpy())].astype(np.uint8)
    colours = _class_colours(options, frame, names)
    return raster.colours_of(frame[options.colour_by], colours)


def _tooltip(frame: pd.DataFrame) -> list[alt.Tooltip]:
    # A column that is called image, the browser shows as a picture.
    shown = [name for name in ("class", "prediction", "text", "image") if name in frame]
    return [alt.Tooltip("sample:Q"), *(alt.Tooltip(f"{name}:N") for name in shown)]


def _region(
    placed: _Placed, features: np.ndarray, options: ProjectionOptions, dataset: LayerDataset
) -> dict[str, alt.TopLevelMixin]:
    x0, x1, y0, y1 = options.region or (0, 0, 0, 0)
    across, up = placed.points[:, 0], placed.points[:, 1]
    inside = (across >= min(x0, x1)) & (across <= max(x0, x1)) & (up >= min(y0, y1)) & (up <= max(y0, y1))
    found = np.flatnonzero(inside)
    if not found.size:
        return {}
    frame = placed.frame.iloc[found]
    told = f"In the region: {len(found):,} samples{_shared(frame)}"
    listed = found[np.linspace(0, len(found) - 1, min(len(found), _LISTED)).astype(int)]
    rows = _named(placed.frame, np.unique(listed), dataset)
    pictures: dict[str, Any] = {told: sample_pictures.listed(rows, tooltip=_tooltip(rows))}
    if 0 < len(found) < len(features):
        means = dataset.features("mean") if options.pooling == "flatten" else features
        telling, apart = projection.setting_apart(means, inside, _TELLING_UNITS)
        title = "Mean inside minus mean outside, in standard deviations"
        bars = charts.unit_bars(telling, apart, options.unit or 0, title=title, number="+.2f")
        pictures["What sets them apart from all others"] = bars.properties(width=_WIDTH)
    return pictures


def _shared(frame: pd.DataFrame) -> str:
    counts = frame["class"].value_counts().drop(charts.NOT_KNOWN, errors="ignore")
    parts = [f"{count:,} of {name}" for name, count in counts[:3].items()]
    wrong = int((frame["correct or wrong"] == "wrong").sum())
    if (frame["correct or wrong"] != charts.NOT_KNOWN).any():
        parts.append(f"{wrong:,} answered wrongly")
    return f" ({', '.join(parts)})" if parts else ""


def _named(frame: pd.DataFrame, chosen: np.ndarray, dataset: LayerDataset) -> pd.DataFrame:
    rows = sample_pictures.with_pictures(frame.iloc[chosen], dataset.drawable(chosen.tolist()))
    return rows.assign(name=[dataset.short_name(int(position)) for position in chosen])


def _nearest(
    placed: _Placed, features: np.ndarray, options: ProjectionOptions, dataset: LayerDataset
) -> dict[str, alt.TopLevelMixin]:
    order, distances = projection.nearest(features, placed.open, _NEIGHBOURS, options.metric)
    caption = f"Nearest to sample {dataset.short_name(placed.open)}, in the layer"
    near = _named(placed.frame, order, dataset).assign(distance=distances, place=range(len(distances)))
    tooltip = [*_tooltip(near), alt.Tooltip("distance:Q", format=".4~g")]
    if "image" in near:
        return {caption: gallery.strip(near, tooltip=tooltip)}
    bars = (
        alt.Chart(near)
        .mark_bar(cursor="pointer")
        .encode(
            x=alt.X("distance:Q", title=f"Distance in the layer ({options.metric})"),
            y=alt.Y("name:N", sort=charts.row_order("place"), title="Sample", axis=charts.name_axis()),
            color=_colour(options, placed.frame, dataset.group_names),
            tooltip=tooltip,
        )
        .add_params(charts.clicked("sample"))
        .properties(height=alt.Step(18), width=_WIDTH)
    )
    return {caption: bars}


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [Projection()]
