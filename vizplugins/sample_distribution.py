"""How a layer's values are distributed in each sample, side by side."""

from collections.abc import Sequence
from typing import Literal

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import Activation, Handles, Missing, Options, SampleIndex, Visualizer, charts, hookimpl, raster

_LEVELS = {"minimum": 0, "low": 5, "lower quartile": 25, "median": 50, "upper quartile": 75, "high": 95, "maximum": 100}
_VALUES_LOOKED_AT = 20_000
_ANY = "samples"


class SampleDistributionOptions(Options):
    """In which order the samples stand."""

    sample: SampleIndex = 0
    order: Literal["sample", "median", "class"] = Field("sample", title="Sort samples by")


def _has_several_samples(activation: Activation) -> str | Missing:
    return "" if activation.shape[0] > 1 else Missing("at least 2 samples")


class SampleDistribution(Visualizer):
    """Whether some samples make the layer answer differently from the others. Click one to open it."""

    name = "sample-distribution"
    title = "Distribution over samples"
    group = "samples"
    handles = Handles(dtypes=("number",), when=_has_several_samples)
    Options = SampleDistributionOptions
    priority = 1
    how_to_read = (
        "A column is a sample: the thick bar holds the middle half of its values, the thin line 5 % to 95 %, the dot "
        "is the median. The frame is the sample that is open. Columns that stick out are inputs worth a look."
    )
    limitations = (
        "All units are taken together: a unit that only answers to one class can drown among the others. In layers of "
        f"more than {_VALUES_LOOKED_AT:,} values a sample, all but the extremes are estimated from that many, drawn at "
        "random. Beyond twenty classes the colours repeat."
    )

    def chart(self, activation: Activation, options: SampleDistributionOptions) -> alt.LayerChart:
        """Draw quantiles per sample, computed before Altair sees the values."""
        frame = _quantiles(activation)
        if options.order == "median":
            frame = frame.sort_values("median", kind="stable")
        elif options.order == "class":
            frame = frame.sort_values("label", kind="stable")
        frame = frame.assign(position=range(len(frame)), open=frame["index"] == options.sample)
        width = alt.Scale(domain=[-0.5, len(frame) - 0.5], nice=False)
        title = "Sample" if options.order == "sample" else f"Samples sorted by {options.order}"
        if options.order == "class" and activation.context.groups is None:
            title = "Samples in their own order, since their classes are not known"
        axis = alt.Axis(
            labels=options.order == "sample",
            labelExpr=f"datum.value + {activation.context.first}",
            ticks=False,
            tickMinStep=1,
            grid=False,
        )
        tooltip = [alt.Tooltip("sample:Q"), *([alt.Tooltip("class:N")] if _has_classes(frame) else [])]
        tooltip += [alt.Tooltip(f"{name}:Q", format=".4~g") for name in _LEVELS]
        colour = _colour(frame, activation.context.group_names)
        base = alt.Chart(frame).encode(x=alt.X("position:Q", title=title, scale=width, axis=axis), tooltip=tooltip)
        thin = base.mark_rule().encode(y=alt.Y("low:Q", title="Activation"), y2=alt.Y2("high:Q"), color=colour)
        thick = base.mark_bar(size=max(2, min(14, 420 // len(frame)))).encode(
            y=alt.Y("lower quartile:Q"), y2=alt.Y2("upper quartile:Q"), color=colour
        )
        dots = base.mark_point(filled=True, size=14, color="#ffffff", stroke="#333333", strokeWidth=0.5, opacity=1)
        return alt.LayerChart(
            layer=[
                thin,
                thick.add_params(charts.clicked("sample")),
                dots.encode(y=alt.Y("median:Q")),
                _frame_around(frame[frame["open"]]),
            ],
            height=320,
            title=charts.title(
                f"Values of {activation.key} in {len(frame):,} samples",
                f"{charts.sample_name(activation, options.sample)} is framed",
                charts.note_not_finite(activation.values),
            ),
        )


def _has_classes(frame: pd.DataFrame) -> bool:
    return bool(frame["class"].nunique() > 1)


def _colour(frame: pd.DataFrame, class_names: Sequence[str]) -> alt.Color:
    if not _has_classes(frame):
        return alt.Color("class:N", title="Class", scale=alt.Scale(range=[charts.MARK_COLOUR]), legend=None)
    colours = raster.class_palette(frame["class"].unique(), class_names)
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return alt.Color("class:N", title="Class", scale=scale, legend=charts.class_legend(list(colours)))


def _frame_around(samples: pd.DataFrame) -> alt.Chart:
    places = samples.assign(left=samples["position"] - 0.5, right=samples["position"] + 0.5)
    rectangles = alt.Chart(places).mark_rect(fillOpacity=0, stroke=charts.CHOSEN_COLOUR, strokeWidth=2)
    return rectangles.encode(x=alt.X("left:Q"), x2=alt.X2("right:Q"))


def _quantiles(activation: Activation) -> pd.DataFrame:
    values = activation.values.reshape(activation.shape[0], -1)  # (sample, *axes) -> (sample, value)
    looked_at = values
    if values.shape[1] > _VALUES_LOOKED_AT:
        # At random places: those of an even step may all belong to the same few channels.
        places = np.random.default_rng(0).choice(values.shape[1], _VALUES_LOOKED_AT, replace=False)
        looked_at = values[:, np.sort(places)]
    looked_at = looked_at.astype(np.float64)
    finite = np.where(np.isfinite(looked_at), looked_at, np.nan)
    empty = np.asarray(np.isnan(finite).all(axis=1))
    levels = np.nanpercentile(np.where(empty[:, None], 0, finite), list(_LEVELS.values()), axis=1)
    frame = pd.DataFrame({name: np.where(empty, np.nan, level) for name, level in zip(_LEVELS, levels, strict=True)})
    frame["minimum"], frame["maximum"] = np.array([_extremes(sample) for sample in values]).T
    context = activation.context
    frame["index"] = np.arange(len(frame))
    frame["sample"] = frame["index"] + context.first
    frame["class"] = _classes(activation)
    frame["label"] = frame["index"] if context.groups is None else np.asarray(context.groups)
    return frame


def _extremes(values: np.ndarray) -> tuple[float, float]:
    return charts.finite_range(values) or (np.nan, np.nan)


def _classes(activation: Activation) -> list[str]:
    return [charts.class_of(activation, position) or _ANY for position in range(activation.shape[0])]


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [SampleDistribution()]
