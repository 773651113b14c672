"""How the weights of a layer differ from those of a second model, such as an earlier checkpoint, or from fresh ones."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import (
    Activation,
    Handles,
    Options,
    OtherModel,
    Refusal,
    UnitIndex,
    Visualizer,
    charts,
    hookimpl,
    layer_weights,
)

_MOST_ARRAYS = 9
_MOST_POINTS = 1_200
_MOST_BARS = 200
_SIDE = 210
_COLUMNS = 3
_LONGEST_NAME = 26
_LONGEST_MODEL_NAME = 40
_CONVOLUTIONS = ("BaseConv", "BaseConvTranspose", "BaseDepthwiseConv", "BaseSeparableConv")
_HERE = "this model"
_BEFORE = "#9a9a9a"


class _Pair(NamedTuple):
    """One array of weights of both: its name, and the values of this model and of what it is set against."""

    name: str
    now: np.ndarray
    other: np.ndarray
    is_drawn_again: bool = False


class WeightChangeOptions(Options):
    """What the weights are set against, which unit is marked, and how many bins."""

    against: Literal["second model", "fresh weights"] = Field(
        "second model",
        title="Against",
        description="Fresh weights are drawn by the layer's own initializers. Without a second model they are taken.",
    )
    unit: UnitIndex | None = Field(None, title="Unit", description="Its weights are marked.")
    bins: int = Field(40, ge=5, le=200, title="Bins")


class WeightChange(Visualizer):
    """How far the weights are from those of a second model, such as an earlier checkpoint, or from fresh ones."""

    name = "weight-change"
    title = "Weight change"
    group = "weights"
    handles = Handles(parts=("output",), when=layer_weights.refuse_without_weights)
    Options = WeightChangeOptions
    priority = -3
    how_to_read = (
        "The second model is the one that is open on Compare; of an example, what it was early in its training. A high "
        "point is a unit whose weights moved far. Of single weights, each is a point, on the dashed line where both "
        "models have the same; a cloud without direction is two models that began apart. Against fresh weights the "
        "spread alone can be told, unless a seed is known: where both lie over each other, training changed little."
    )
    limitations = (
        "Units of models that were trained apart do not belong together, whatever their numbers: compare checkpoints "
        "of one training. Fresh weights are one draw of the layer's initializers, not those that it began with, and a "
        "layer that was taken from another model never had them."
    )

    def chart(
        self, activation: Activation, options: WeightChangeOptions, other_model: OtherModel | None = None
    ) -> Mapping[str, alt.TopLevelMixin] | Refusal:
        """Draw the change of each unit, each weight against its counterpart, and both distributions."""
        weights = layer_weights.float_arrays(activation.weights)
        if not weights:
            return Refusal("This layer keeps no numbers of its own that can be set against others.")
        if other_model is None or options.against == "fresh weights":
            return _against_fresh(activation, weights, options, is_alone=other_model is None)
        name = charts.cut_in_the_middle(other_model.name, _LONGEST_MODEL_NAME)
        # One sample is enough to find the layer by, and costs the least.
        other = other_model.layer_like(activation.sample(0))
        if other is None:
            return Refusal(f"{name} has no layer {activation.key!r}. Set the weights against fresh ones instead.")
        theirs = other.weights
        pairs = [
            _Pair(key, _numbers(array), _numbers(theirs[key]))
            for key, array in weights.items()
            if key in theirs and theirs[key].shape == array.shape
        ]
        if not pairs:
            return Refusal(f"The weights of {activation.key} have other shapes in {name}.")
        left_out = len(weights) - len(pairs)
        notes = [f"{charts.count_text(left_out, 'array')} of another shape left out"] if left_out else []
        return _pictures(activation, pairs, name, options, notes)


def _against_fresh(
    activation: Activation, weights: Mapping[str, np.ndarray], options: WeightChangeOptions, *, is_alone: bool
) -> Mapping[str, alt.TopLevelMixin] | Refusal:
    how_to_open = "Choose a second model on Compare, such as an earlier checkpoint, to see which weights moved."
    fresh = activation.fresh_weights
    pairs = [
        _Pair(key, _numbers(array), fresh[key].values, not fresh[key].is_exact)
        for key, array in weights.items()
        if key in fresh
    ]
    if not pairs:
        return Refusal(f"No second model is open, and what draws fresh weights is not known. {how_to_open}")
    initializers = list(dict.fromkeys(fresh[pair.name].initializer for pair in pairs if pair.is_drawn_again))
    drawn_by = ", ".join(initializers)
    notes = [f"fresh: one draw of {drawn_by}, as for a layer that nobody trained"]
    if not initializers:
        notes = ["fresh: exactly what its initializers give, by constants and seeds that the layer keeps"]
    elif any(not pair.is_drawn_again for pair in pairs):
        known = ", ".join(pair.name for pair in pairs if not pair.is_drawn_again)
        notes.append(f"{known}: exactly what the initializer gives each time")
    notes += [how_to_open] if is_alone else []
    return _pictures(activation, pairs, "fresh weights", options, notes)


def _pictures(
    activation: Activation, pairs: Sequence[_Pair], other: str, options: WeightChangeOptions, notes: Sequence[str]
) -> dict[str, alt.TopLevelMixin]:
    """Return the pictures by caption: distributions first where single weights do not belong together."""
    shown = pairs[:_MOST_ARRAYS]
    if len(shown) < len(pairs):
        notes = [f"the first {len(shown)} of {len(pairs)} arrays", *notes]
    heading = charts.title(f"Weights of {activation.key}", f"against {other}", *notes)
    matched = [pair for pair in shown if not pair.is_drawn_again]
    by_unit = [(pair, moved) for pair in matched if (moved := weights_by_unit(activation, pair.name, pair.now.shape))]
    distributions = alt.ConcatChart(concat=[_histograms(pair, other, options.bins) for pair in shown], columns=_COLUMNS)
    pictures: dict[str, alt.TopLevelMixin] = {}
    whose = {what for _, (what, _) in by_unit}
    if len(whose) == 1 and len(matched) == len(shown):
        (what,) = whose
        marked = options.unit if what == "unit" else None
        changes = _changes([(pair, grouped) for pair, (_, grouped) in by_unit], what, marked)
        pictures[f"How far the weights of each {what} moved"] = changes.properties(title=heading)
    # Of weights that are all the same there is no cloud, but a line.
    scattered = [_scatter(activation, pair, other, options.unit) for pair in matched if np.ptp(pair.other) > 0]
    if scattered:
        pictures[f"Each weight: {other} and {_HERE}"] = alt.ConcatChart(concat=scattered, columns=_COLUMNS, spacing=24)
    pictures["Distribution"] = distributions
    first = next(iter(pictures))
    pictures[first] = pictures[first].properties(title=heading)
    return pictures


def weights_by_unit(activation: Activation, name: str, shape: tuple[int, ...]) -> tuple[str, np.ndarray] | None:
    """Return whom each weight of an array belongs to: what those are, and the number of it for each weight.

    Args:
        activation: Of the layer.
        name: Of the array.
        shape: Its shape.

    Returns:
        ``"unit"``, ``"channel"``, ``"token"`` or ``"head"``, and numbers of the array's shape; None for a vector, such
        as a bias, and where it is not known.
    """
    if len(shape) < 2:
        return None
    types = layer_weights.types_of(activation.layer)
    units = activation.shape[-1]
    ending = name.rpartition("/")[2]
    if "Embedding" in types:
        return "token", _along(shape, 0)
    if "MultiHeadAttention" in types and len(shape) == 3:
        return "head", _along(shape, 0 if name.startswith("attention_output") else 1)
    what = "unit" if types.isdisjoint(_CONVOLUTIONS) else "channel"
    gates = len(layer_weights.gates_of(activation.layer))
    if gates and shape[-1] == gates * units:
        return what, _along(shape, -1) % units
    if "BaseDepthwiseConv" in types and shape[-2] * shape[-1] == units:
        return what, _along(shape, -2) * shape[-1] + _along(shape, -1)
    axis = -2 if "BaseConvTranspose" in types else -1
    if shape[axis] == units and ending not in ("depthwise_kernel", "bias"):
        return what, _along(shape, axis)
    return None


def _along(shape: tuple[int, ...], axis: int) -> np.ndarray:
    """Return the position along an axis of each number of an array."""
    extents = [1] * len(shape)
    extents[axis] = shape[axis]
    return np.broadcast_to(np.arange(shape[axis]).reshape(extents), shape)


def relative_change(now: np.ndarray, other: np.ndarray, owner: np.ndarray) -> pd.DataFrame:
    """Return the norms of the weights of each owner, such as a unit, and of their change.

    Args:
        now: Weights of this model.
        other: Of the other, of the same shape.
        owner: Number of the owner of each, of the same shape.

    Returns:
        Columns ``owner``, ``norm``, ``other``, ``change`` and ``relative``: the change in units of the other's norm,
        NaN where that is zero.
    """
    at = owner.reshape(-1)
    pairs = {"norm": now, "other": other, "change": now - other}
    norms = {
        name: np.sqrt(np.bincount(at, np.square(values.reshape(-1), dtype=np.float64)))
        for name, values in pairs.items()
    }
    with np.errstate(all="ignore"):
        relative = np.where(norms["other"] > 0, norms["change"] / norms["other"], np.nan)
    return pd.DataFrame({"owner": np.arange(len(relative)), **norms, "relative": relative})


def _changes(by_unit: Sequence[tuple[_Pair, np.ndarray]], what: str, marked: int | None) -> alt.LayerChart:
    frames = []
    for pair, owner in by_unit:
        frame = relative_change(pair.now, pair.other, owner).assign(of=pair.name)
        frames.append(frame.iloc[charts.thin(frame["change"].to_numpy(), _MOST_BARS)])
    frame = pd.concat(frames).rename(columns={"owner": "unit"})
    x = alt.X("unit:Q", title=what.capitalize(), axis=alt.Axis(format="d", tickMinStep=1), scale=alt.Scale(nice=False))
    lines = (
        alt.Chart(frame)
        .mark_line(strokeWidth=1.5, point=alt.OverlayMarkDef(size=22), cursor="pointer")
        .encode(
            x,
            alt.Y("change:Q", title="Norm of the change (L2)", axis=charts.quantity_axis()),
            charts.colour_of_lines([pair.name for pair, _ in by_unit]),
            tooltip=[
                alt.Tooltip("of:N"),
                alt.Tooltip("unit:Q", title=what),
                alt.Tooltip("change:Q", format=".4~g"),
                alt.Tooltip("relative:Q", title="of the norm there", format=".1~%"),
                alt.Tooltip("norm:Q", title="norm here", format=".4~g"),
                alt.Tooltip("other:Q", title="norm there", format=".4~g"),
            ],
        )
    )
    layers: list[alt.Chart] = [lines.add_params(charts.clicked("unit")) if what in ("unit", "channel") else lines]
    if marked is not None:
        layers.append(charts.unit_rule(marked))
    return alt.LayerChart(layer=layers, height=150)


def _scatter(activation: Activation, pair: _Pair, other: str, unit: int | None) -> alt.LayerChart:
    now, before = pair.now.reshape(-1), pair.other.reshape(-1)
    places = np.flatnonzero(np.isfinite(now) & np.isfinite(before))
    drawn = places if len(places) <= _MOST_POINTS else _some(places, np.abs(now - before))
    frame = pd.DataFrame({"now": now[drawn], "other": before[drawn], "of": "other units"})
    positions = np.unravel_index(drawn, pair.now.shape or (1,))
    frame["place"] = [", ".join(map(str, row)) for row in np.stack(positions, axis=-1).tolist()]
    what, owner = weights_by_unit(activation, pair.name, pair.now.shape) or ("", None)
    if unit is not None and owner is not None and what in ("unit", "channel"):
        frame.loc[owner[positions] == unit, "of"] = "the unit"
    # What is marked lies over the others.
    frame = frame.sort_values("of", kind="stable")
    low, high = float(frame[["now", "other"]].min().min()), float(frame[["now", "other"]].max().max())
    room = (high - low) / 20 or 0.5
    ends = [low - room, high + room]
    scale = alt.Scale(domain=ends, nice=False)
    colour = alt.Color(
        "of:N",
        scale=alt.Scale(domain=["other units", "the unit"], range=[charts.MARK_COLOUR, charts.CHOSEN_COLOUR]),
        legend=None,
    )
    axis = alt.Axis(format=".2~g", tickCount=4)
    points = (
        alt.Chart(frame)
        .mark_circle(size=18, opacity=0.55)
        .encode(
            alt.X("other:Q", title=other, scale=scale, axis=axis),
            alt.Y("now:Q", title=_HERE, scale=scale, axis=axis),
            colour,
            tooltip=[
                alt.Tooltip("place:N", title="at"),
                alt.Tooltip("other:Q", title="there", format=".4~g"),
                alt.Tooltip("now:Q", title="here", format=".4~g"),
            ],
        )
    )
    diagonal = alt.Chart(pd.DataFrame({"other": ends, "now": ends})).mark_line(color=_BEFORE, strokeDash=[4, 3])
    some = f"{len(drawn):,} of {now.size:,} weights, the furthest among them" if len(drawn) < len(places) else ""
    told = [*change_in_words(now, before), some, charts.note_not_finite(pair.now, pair.other)]
    title = charts.array_title(pair.name, pair.now.shape, *told, longest=_LONGEST_NAME)
    layers = [diagonal.encode(x="other:Q", y="now:Q"), points]
    return alt.LayerChart(layer=layers, width=_SIDE, height=_SIDE, title=title)


def _some(places: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Return places at even distances, and those that moved the furthest."""
    even = places[:: -(-len(places) // (_MOST_POINTS - 200))]
    furthest = places[np.argsort(moved[places], kind="stable")[-200:]]
    return np.unique(np.concatenate([even, furthest]))


def change_in_words(now: np.ndarray, other: np.ndarray) -> list[str]:
    """Say how far weights are from others, shape ``(weight,)``, and whether they point the same way."""
    finite = np.isfinite(now) & np.isfinite(other)
    one, two = now[finite].astype(np.float64), other[finite].astype(np.float64)
    norm, norm_other, moved = (float(np.linalg.norm(each)) for each in (one, two, one - two))
    if not moved:
        return ["the same in both"]
    if not norm_other:
        return [f"from zero to a norm of {charts.number_text(norm)}"]
    told = [f"moved by {charts.percent(moved / norm_other)} of its norm"]
    return [*told, f"cosine {charts.number_text(float(one @ two) / (norm * norm_other))}"] if norm else told


def _histograms(pair: _Pair, other: str, bins: int) -> alt.LayerChart:
    ranges = [extremes for values in (pair.other, pair.now) if (extremes := charts.finite_range(values))]
    # The bins go by the extremes alone, and nothing as large as both arrays is needed for them.
    _, edges = charts.count_in_bins(np.array(ranges), bins)
    if not len(edges):
        edges = np.array([0.0, 1.0])
    frames = []
    for whose, values in ((other, pair.other), (_HERE, pair.now)):
        finite = values[np.isfinite(values)]
        counts, _ = np.histogram(finite, edges)
        frames.append(pd.DataFrame({"start": edges[:-1], "end": edges[1:], "count": counts, "of": whose}))
    frame = pd.concat(frames)
    bars = (
        alt.Chart(frame)
        .mark_bar(opacity=0.6, binSpacing=0)
        .encode(
            alt.X("start:Q", bin="binned", title=None, axis=alt.Axis(format=".3~g", tickCount=4)),
            alt.X2("end:Q"),
            alt.Y("count:Q", title="Weights", stack=None, axis=alt.Axis(format="~s", tickCount=3)),
            alt.Color(
                "of:N",
                scale=alt.Scale(domain=[other, _HERE], range=[_BEFORE, charts.MARK_COLOUR]),
                legend=alt.Legend(title=None, orient="top", labelLimit=300),
            ),
            tooltip=[
                alt.Tooltip("of:N"),
                alt.Tooltip("start:Q", title="from", format=".4~g"),
                alt.Tooltip("end:Q", title="to", format=".4~g"),
                alt.Tooltip("count:Q", format=","),
            ],
        )
    )
    there, here = (charts.number_text(charts.value_statistics(values).deviation) for values in (pair.other, pair.now))
    told = [f"spread {there} there, {here} here", charts.note_not_finite(pair.now)]
    title = charts.array_title(pair.name, pair.now.shape, *told, longest=_LONGEST_NAME)
    return alt.LayerChart(layer=[bars], width=_SIDE, height=110, title=title)


def _numbers(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32, copy=False)


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [WeightChange()]
