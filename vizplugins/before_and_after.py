"""What a pooling, dropout or activation layer makes of what goes in."""

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import (
    Activation,
    ChannelIndex,
    Handles,
    Options,
    Refusal,
    SampleIndex,
    Visualizer,
    charts,
    gallery,
    hookimpl,
)

_POOLING = ("BasePooling", "BaseGlobalPooling", "BaseAdaptivePooling")
_RANDOM = ("Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise")
_ACTIVATIONS = ("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU")
_RESIZING = tuple(f"{kind}{axes}D" for kind in ("UpSampling", "ZeroPadding", "Cropping") for axes in (1, 2))
_WIDTH = 240
_BAR_WIDTH = 160
_BEFORE, _AFTER = "input", "output"
# One scale for both, but the legend of one panel only.
_OWN_COLOURS = alt.Resolve(scale=alt.ScaleResolveMap(color="independent"))
_BEFORE_COLOUR, _AFTER_COLOUR = "#8f94a3", "#e8932f"


class BeforeAndAfterOptions(Options):
    """Which channel is shown large."""

    sample: SampleIndex = 0
    channel: ChannelIndex | None = Field(
        None, title="Channel", description="Shown large, or marked. Automatic: the one that answers the most."
    )
    colours: charts.ColourScheme = Field("automatic", title="Colours")


def _has_one_input(activation: Activation) -> str:
    layer = activation.layer
    if layer.activation_function == "softmax":
        return "takes layers whose input and output are on one scale; a softmax makes probabilities"
    if len(layer.inputs_from) != 1:
        return "shows what goes into the layer, and where that comes from is not known"
    return ""


class BeforeAndAfter(Visualizer):
    """What goes into the layer beside what comes out. Click a map to see that channel large."""

    name = "before-and-after"
    title = "Input → output"
    group = "look"
    handles = Handles(
        layer_types=(*_POOLING, *_RANDOM, *_ACTIVATIONS, *_RESIZING),
        ranks=(2, 3, 4),
        parts=("output",),
        dtypes=("number",),
        when=_has_one_input,
    )
    Options = BeforeAndAfterOptions
    how_to_read = (
        "Input and output are on one scale. Pooling keeps what is strong (max) or usual (average) and forgets where "
        "exactly it was; a ReLU sets what is negative to zero; Dropout sets values to zero at random, in training only."
    )
    limitations = (
        "One sample, and of images one channel at a time. Where the layer changes the size, positions do not lie at "
        "the same place in both. Of several thousand values only the extremes of each stretch are drawn."
    )

    def chart(self, activation: Activation, options: BeforeAndAfterOptions) -> alt.TopLevelMixin | Refusal:
        """Draw two maps, two heatmaps or two lines, whatever suits the axes."""
        answer = activation.sample(options.sample)
        if not answer.inputs:
            return Refusal(f"What goes into {activation.key} was not kept.")
        before, after = _numbers(answer)
        channel = charts.shown_unit(activation, options.sample, options.channel)
        is_flat = before.shape[-1] != after.shape[-1] and after.ndim > 1
        marked = "" if is_flat else f"; {activation.axes[-1]} {channel:,} marked"
        title = charts.title(
            f"{activation.key}: {charts.format_shape(before.shape)} becomes {charts.format_shape(after.shape)}{marked}",
            charts.sample_name(activation, options.sample),
            _what_changed(activation, before, after),
            charts.note_not_finite(before, after),
        )
        if before.shape[-1] == after.shape[-1]:
            if before.ndim == 3 and after.ndim in (1, 3):
                return _maps(answer, channel, options.colours, title)
            if before.ndim == 2 and after.ndim == 2:
                return _heatmaps(answer, channel, options.colours, title)
            if before.ndim == 2 and after.ndim == 1:
                return _pooled_over_time(answer, channel, options.colours, title)
        return _lines(before.reshape(-1), after.reshape(-1), channel if after.ndim == 1 else None, title)


def _numbers(answer: Activation) -> tuple[np.ndarray, np.ndarray]:
    """Return what went into a layer and what it answered to one sample."""
    before, after = (each.values.astype(np.float32, copy=False) for each in (answer.inputs[0], answer))
    return before, after


def _what_changed(activation: Activation, before: np.ndarray, after: np.ndarray) -> str:
    if before.shape != after.shape:
        return f"{before.size:,} values become {after.size:,}"
    changed = to_zero = 0
    for old, new in zip(*(charts.blocks(each.reshape(-1)) for each in (before, after)), strict=True):
        # NaN stays NaN: that is no change.
        those = (old != new) & ~(np.isnan(old) & np.isnan(new))
        changed, to_zero = changed + int(those.sum()), to_zero + int((those & (new == 0)).sum())
    if not changed:
        why = ": it acts in training only" if set(_RANDOM) & set(activation.layer.type_names) else ""
        return f"{activation.layer.type_name} changed nothing{why}"
    shares = (charts.percent(count / max(1, after.size)) for count in (changed, to_zero))
    return "{} of the values changed, {} to zero".format(*shares)


def _maps(answer: Activation, channel: int, colours: str, title: alt.TitleParams) -> alt.VConcatChart:
    before, after = _numbers(answer)
    ins = np.moveaxis(before, -1, 0)  # (height, width, channel) -> (channel, height, width)
    outs = np.moveaxis(after, -1, 0)
    statistics = charts.map_statistics(outs)
    both = np.concatenate([ins[channel].reshape(-1), outs[channel].reshape(-1)])
    scale = charts.colour_scale(both, colours)
    large = gallery.large_map(ins[channel], scale, title=f"Channel {channel}: input", rulers=_rulers(answer.inputs[0]))
    second = (
        gallery.large_map(outs[channel], scale, title="Output", legend=True, rulers=_rulers(answer))
        if after.ndim == 3
        else _units(after, channel)
    )
    small = gallery.gallery(
        charts.upright(outs, _rulers(answer)) if after.ndim == 3 else charts.upright(ins, _rulers(answer.inputs[0])),
        numbers=np.arange(len(ins)),
        statistics=statistics if after.ndim == 3 else None,
        scheme=colours,
        chosen=channel,
        title=alt.TitleParams(text=f"Every channel of the {'output' if after.ndim == 3 else 'input'}", anchor="start"),
    )
    row = alt.HConcatChart(hconcat=[large, second], spacing=24, resolve=_OWN_COLOURS)
    return alt.VConcatChart(vconcat=[row, small], spacing=24, title=title, resolve=_OWN_COLOURS)


def _rulers(maps: Activation) -> charts.Rulers:
    return charts.ruler_of(maps, "height"), charts.ruler_of(maps, "width")


def _units(after: np.ndarray, channel: int) -> alt.LayerChart:
    kept = np.union1d(charts.thin(after, buckets=300), [channel])
    frame = pd.DataFrame({"unit": kept, "value": after[kept].astype(np.float64), "chosen": kept == channel})
    base = alt.Chart(frame).encode(
        x=alt.X("unit:Q", title="Unit", scale=alt.Scale(nice=False), axis=alt.Axis(tickMinStep=1, format="d")),
        y=alt.Y("value:Q", title="Activation"),
        tooltip=["unit:Q", alt.Tooltip("value:Q", format=".4~g")],
    )
    point = base.mark_point(filled=True, size=90, color=_AFTER_COLOUR).transform_filter("datum.chosen")
    name = f"Output: channel {channel} is {charts.number_text(after[channel])}"
    return alt.LayerChart(layer=[base.mark_line(color=charts.MARK_COLOUR), point], width=330, height=150, title=name)


def _heatmaps(answer: Activation, unit: int, colours: str, title: alt.TitleParams) -> alt.HConcatChart:
    before, after = _numbers(answer)
    extremes = [low_or_high for each in (before, after) for low_or_high in charts.finite_range(each) or ()]
    scale = charts.colour_scale(np.array(extremes), colours)
    panels = [
        charts.heatmap(
            values.T,  # (time, unit) -> (unit, time)
            row="unit",
            column="timestep",
            column_ruler=charts.ruler_of(each),
            scale=scale,
            width=_WIDTH,
            title=name,
            legend=name == "Output",
            # A selection of one name can be in one view of several.
            select_row="channel" if name == "Output" else "",
        )
        for name, values, each in (("Input", before, answer.inputs[0]), ("Output", after, answer))
    ]
    marked = [charts.mark_row(panel, unit, f"unit {unit}") for panel in panels]
    return alt.HConcatChart(hconcat=marked, spacing=20, title=title, resolve=_OWN_COLOURS)


def _pooled_over_time(answer: Activation, unit: int, colours: str, title: alt.TitleParams) -> alt.HConcatChart:
    before, after = _numbers(answer)
    maps = charts.heatmap(
        before.T,  # (time, unit) -> (unit, time)
        row="unit",
        column="timestep",
        column_ruler=charts.ruler_of(answer.inputs[0]),
        scale=charts.colour_scale(before, colours),
        width=_WIDTH + 90,
        title="Input",
        select_row="channel",
    )
    maps = charts.mark_row(maps, unit, f"unit {unit}")
    frame = pd.DataFrame({"unit": np.arange(len(after)), "activation": after.astype(np.float64)})
    finite = after[np.isfinite(after)]
    low, high = float(np.min(finite, initial=0.0)), float(np.max(finite, initial=0.0))
    bars = charts.row_bars(
        frame,
        "activation",
        height=int(maps.height),
        width=_BAR_WIDTH,
        tooltip=[alt.Tooltip("unit:Q"), alt.Tooltip("activation:Q", format=".4~g")],
        domain=(low * 1.04, high * 1.04 or (1.0 if low == 0 else 0.0)),
    )
    return alt.HConcatChart(hconcat=[maps, bars.properties(title="Output")], spacing=16, title=title)


def _lines(before: np.ndarray, after: np.ndarray, unit: int | None, title: alt.TitleParams) -> alt.LayerChart:
    parts = []
    for name, values in ((_BEFORE, before), (_AFTER, after)):
        kept = charts.thin(values, buckets=700)
        parts.append(pd.DataFrame({"position": kept, "value": values[kept].astype(np.float64), "is": name}))
    names = [_BEFORE, _AFTER]
    frame = pd.concat(parts, ignore_index=True)
    lines = (
        alt.Chart(frame)
        .mark_line(point=len(before) <= 100)
        .encode(
            x=alt.X("position:Q", title="Unit", scale=alt.Scale(nice=False), axis=alt.Axis(tickMinStep=1, format="d")),
            y=alt.Y("value:Q", title="Activation"),
            color=alt.Color("is:N", title=None, scale=alt.Scale(domain=names, range=[_BEFORE_COLOUR, _AFTER_COLOUR])),
            strokeDash=alt.StrokeDash("is:N", title=None, scale=alt.Scale(domain=names, range=[[5, 4], [1, 0]])),
            tooltip=["is:N", alt.Tooltip("position:Q", title="unit"), alt.Tooltip("value:Q", format=".4~g")],
        )
    )
    layers: list[alt.Chart] = [lines]
    if unit is not None:
        outputs = pd.DataFrame({"channel": np.arange(len(after)), "value": after.astype(np.float64)})
        places = outputs.iloc[np.union1d(charts.thin(after, buckets=700), [unit])]
        layers += _points(places.assign(chosen=places["channel"] == unit), unit)
    return alt.LayerChart(layer=layers, height=320, title=title)


def _points(outputs: pd.DataFrame, unit: int) -> list[alt.Chart]:
    base = alt.Chart(outputs).encode(x=alt.X("channel:Q"), y=alt.Y("value:Q"))
    seen = base.mark_point(size=160, strokeWidth=2, cursor="pointer", color=charts.CHOSEN_COLOUR)
    seen = seen.encode(opacity=alt.when(alt.datum.chosen).then(alt.value(1)).otherwise(alt.value(0)))
    name = base.transform_filter("datum.chosen").mark_text(dy=-14, fontWeight="bold", color=charts.MUTED_TEXT)
    return [seen.add_params(charts.clicked("channel")), name.encode(text=alt.value(f"unit {unit}"))]


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [BeforeAndAfter()]
