"""The units that answer to the same samples as one, and those that answer to the others."""

from typing import Annotated, Literal

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import (
    Activation,
    ActsFromRank,
    Handles,
    LayerDataset,
    Missing,
    Options,
    ProgressReport,
    Refusal,
    SampleIndex,
    UnitIndex,
    Visualizer,
    charts,
    hookimpl,
    raster,
    unit_statistics,
)

_SHOWN = 8
_FEWEST = unit_statistics.FEWEST_SAMPLES
_MOST_POINTS = 2_000


class SimilarUnitsOptions(Options):
    """Which unit, and what of its answer to a sample counts."""

    sample: SampleIndex = 0
    unit: UnitIndex | None = Field(
        None, title="Unit", description="Automatic: the one that answers the most to the sample that is open."
    )
    by: Annotated[Literal["mean", "maximum"], ActsFromRank(3)] = Field(
        "mean", title="Over positions", description="The mean of all places or timesteps, or the largest value."
    )


def _has_samples(activation: Activation) -> str | Missing:
    if activation.axes[-1] not in ("unit", "channel") or activation.shape[-1] < 2:
        return "takes layers of several units or channels"
    return "" if activation.shape[0] >= _FEWEST else Missing(f"at least {_FEWEST} samples")


class SimilarUnits(Visualizer):
    """Which units answer like one over all samples, and which the other way round. Click one to go on from there."""

    name = "similar-units"
    title = "Similar units"
    group = "units"
    handles = Handles(dtypes=("number",), parts=("output",), when=_has_samples)
    Options = SimilarUnitsOptions
    priority = -1
    on_unit_card = 2
    how_to_read = (
        "A bar is the correlation of a unit's answers with those of the chosen one, sample by sample: 1 rises and "
        "falls with it, −1 the other way round. Within the dashed lines the largest of all units may be chance. "
        "Below, a point is a sample: what the chosen unit and the most similar one answered to it."
    )
    limitations = (
        "Over the samples that are open: units that part on other inputs look alike. Of maps and sequences one number "
        "for each sample counts, not where it is. Correlation sees straight lines only, and one sample far out can "
        "make it: look at the points (Li et al. 2016 compare networks that way)."
    )

    def chart(
        self, activation: Activation, options: SimilarUnitsOptions, dataset: LayerDataset, progress: ProgressReport
    ) -> dict[str, alt.TopLevelMixin] | Refusal:
        """Draw the most similar and the most different units, and the samples of the most similar one."""
        unit = charts.shown_unit(activation, options.sample, options.unit)
        kind = activation.axes[-1]
        features = dataset.features(options.by, progress)  # (sample, unit)
        similar = unit_statistics.similar_units(features, unit)
        if similar is None:
            return Refusal(f"Fewer than {_FEWEST} samples have answers that are all finite numbers.")
        kept, correlations, ranked = similar.samples, similar.correlations, similar.ranked
        if not np.isfinite(correlations[unit]):
            return Refusal(f"{kind.capitalize()} {unit:,} answers the same to all samples: nothing is like it.")
        if similar.chance is None:
            return Refusal(f"All other {kind}s answer the same to all samples: none can be compared.")
        shown = ranked if len(ranked) <= 2 * _SHOWN else np.concatenate([ranked[:_SHOWN], ranked[-_SHOWN:]])
        constant = int((~np.isfinite(correlations)).sum())
        left_out = f"; left out: {charts.count_text(constant, kind)} of the same answer to all" if constant else ""
        name = charts.unit_name(activation, unit)
        caption = f"Like {name}, and unlike it: {len(kept):,} samples{left_out}"
        near = int(ranked[0])
        points = f"{charts.unit_name(activation, near)} beside it: correlation {charts.number_text(correlations[near])}"
        return {
            caption: _bars(shown, correlations[shown], similar.chance, kind),
            points: _points(dataset, features, kept, (unit, near), options.sample, kind),
        }


def _bars(units: np.ndarray, correlations: np.ndarray, chance: float, kind: str) -> alt.LayerChart:
    frame = pd.DataFrame({kind: units, "correlation": correlations, "place": range(len(units))})
    frame["name"] = [f"{kind} {number}" for number in units]
    frame["sign"] = np.where(frame["correlation"] < 0, "unlike", "like")
    across = alt.X("correlation:Q", title="Correlation", scale=alt.Scale(domain=[-1, 1]), axis=alt.Axis(tickCount=5))
    colours = alt.Scale(domain=["unlike", "like"], range=["#2f78b3", "#e8932f"])
    bars = (
        alt.Chart(frame)
        .mark_bar(cursor="pointer")
        .encode(
            across,
            alt.Y("name:N", sort=charts.row_order("place"), title=None, axis=charts.name_axis()),
            alt.Color("sign:N", scale=colours, legend=None),
            tooltip=[alt.Tooltip(f"{kind}:Q"), alt.Tooltip("correlation:Q", format=".3f")],
        )
        .add_params(charts.clicked(kind))
    )
    lines = alt.Chart(pd.DataFrame({"correlation": [-chance, chance]})).mark_rule(
        color=charts.REFERENCE_COLOUR, strokeDash=[4, 3]
    )
    return alt.LayerChart(layer=[bars, lines.encode(alt.X("correlation:Q"))], height=alt.Step(18))


def _points(
    dataset: LayerDataset, features: np.ndarray, kept: np.ndarray, pair: tuple[int, int], sample: int, kind: str
) -> alt.LayerChart:
    unit, near = pair
    frame = dataset.table().assign(one=features[:, unit], other=features[:, near])
    frame["open"] = np.arange(len(frame)) == dataset.number_of(sample)
    frame = frame.iloc[kept]
    drawn = frame.iloc[np.unique(np.linspace(0, len(frame) - 1, min(len(frame), _MOST_POINTS)).astype(int))]
    classes = sorted(drawn["class"].unique())
    palette = raster.class_palette(classes, dataset.group_names)
    colour = alt.Color(
        "class:N",
        title="Class",
        scale=alt.Scale(domain=list(palette), range=list(palette.values())),
        legend=alt.Legend(orient="right") if len(classes) > 1 else None,
    )
    across = alt.X("one:Q", title=f"{kind.capitalize()} {unit}", scale=alt.Scale(zero=False, nice=True))
    up = alt.Y("other:Q", title=f"{kind.capitalize()} {near}", scale=alt.Scale(zero=False, nice=True))
    number = [alt.Tooltip("one:Q", title=f"{kind} {unit}", format=".4~g")]
    number += [alt.Tooltip("other:Q", title=f"{kind} {near}", format=".4~g")]
    dots = alt.Chart(drawn).mark_circle(size=40, opacity=0.75, cursor="pointer")
    dots = dots.encode(across, up, colour, tooltip=["sample:Q", "class:N", *number])
    ring = alt.Chart(frame[frame["open"]]).mark_point(size=110, color=charts.CHOSEN_COLOUR, strokeWidth=2)
    return alt.LayerChart(layer=[dots.add_params(charts.clicked("sample")), ring.encode(across, up)], height=220)


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [SimilarUnits()]
