"""One row per layer: how its values are distributed, and what about it is worth a look."""

from __future__ import annotations

from typing import Final

import numpy as np

from core import charts
from core.analysis import normalization
from core.common.text import number_text
from core.extraction.activation import Activation
from core.extraction.layers import LayerInfo
from core.extraction.model_output import answering_layers
from core.extraction.reduction import near_bounds
from core.workspace.results import LayerRow

__all__ = ["describe_activation", "layer_row"]

SPARKLINE_BINS: Final = 16
VALUES_LOOKED_AT: Final = 20_000
"""Per layer: a sample of the values, evenly spread, so that the table of a large model takes milliseconds."""
MOSTLY_ZERO: Final = 0.5
SATURATED: Final = 0.9


def layer_row(
    layer: LayerInfo, number: int, activation: Activation | None, sample: int, byte_count: int | None = None
) -> LayerRow:
    """Describe a layer for the table.

    Args:
        layer: The layer.
        number: Its position in call order, from 1.
        activation: What it answered to all samples, or None.
        sample: Whose distribution to draw; the notes are on all samples.
        byte_count: What it answers to all samples, if known.
    """
    distribution: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    if layer.missing:
        notes = ("no values",)
    elif activation is not None and activation.is_numeric:
        distribution = _distribution(_spread(_without_padding(activation, sample)))
        notes = _notes(activation)
    return LayerRow(
        key=layer.key,
        name=layer.key.rpartition("/")[2],
        number=number,
        depth=layer.depth,
        type_name=layer.type_name,
        kind=layer.kind,
        shape=charts.format_shape(layer.output_shape[1:]),
        parameter_count=layer.parameter_count,
        distribution=distribution,
        notes=notes,
        holds_layers=layer.holds_layers,
        parent=layer.parent,
        inputs_from=layer.inputs_from,
        missing=layer.missing,
        byte_count=byte_count,
        internals=tuple(layer.internals),
        is_helper=layer.kind == "operation" and not layer.parameter_count and "float" not in layer.dtype,
    )


def describe_activation(activation: Activation) -> str:
    """Return one line on an activation: the layer's type, shape and axes of one sample, parameters, settings."""
    part = "" if activation.part == "output" else f"{activation.part.replace('_', ' ')} of "
    shape = charts.format_shape(activation.shape[1:]) or "one value"
    axes = f" ({' × '.join(activation.axes[1:])})" if len(activation.axes) > 2 else ""
    count = activation.layer.parameter_count
    parameters = f" · {count:,} parameters" if count and activation.part == "output" else ""
    settings = "".join(f" · {name.replace('_', ' ')} {value}" for name, value in activation.layer.settings)
    return f"{part}{activation.layer.type_name} · {shape}{axes}{parameters}{settings}"


def _without_padding(activation: Activation, sample: int | None = None) -> np.ndarray:
    """Return the values of all samples or of one; of padded sequences, those of the timesteps that are none."""
    values = activation.values if sample is None else activation.values[sample]
    if activation.mask is None:
        return values
    shown = activation.shown if sample is None else activation.shown[sample]
    return values if shown.all() else values[shown]


def _spread(values: np.ndarray) -> np.ndarray:
    flat = values.reshape(-1)
    # A step that has no factor in common with usual channel counts meets every channel.
    step = max(1, flat.size // VALUES_LOOKED_AT) | 1
    return flat[::step].astype(np.float32)


def _distribution(values: np.ndarray) -> tuple[int, ...]:
    return tuple(int(count) for count in charts.count_in_bins(values, SPARKLINE_BINS)[0])


def _notes(activation: Activation) -> tuple[str, ...]:
    values = _without_padding(activation)
    notes = []
    # A sum is NaN or infinite as soon as one value is, and costs a fraction of a test of each.
    with np.errstate(all="ignore"):
        total = float(np.sum(values, dtype=np.float64))
    if not np.isfinite(total):
        if np.isnan(values).any():
            notes.append("NaN")
        if np.isinf(values).any():
            notes.append("Inf")
    seen = _spread(values)
    if seen.size > 1 and np.isfinite(seen).all() and seen.min() == seen.max():
        notes.append(f"constant {number_text(seen[0])}")
        return tuple(notes)
    zeros = float((seen == 0).mean()) if seen.size else 0.0
    if zeros >= MOSTLY_ZERO:
        notes.append(f"{charts.percent(zeros)} zeros")
    dead = _dead_channels(activation, values)
    if dead:
        notes.append(f"{dead:,} of {values.shape[-1]:,} never active")
    saturated = _saturated_share(activation, seen)
    if saturated >= SATURATED and not _is_answering(activation):
        notes.append(f"{charts.percent(saturated)} saturated")
    drift = _note_drift(activation)
    if drift:
        notes.append(drift)
    return tuple(notes)


def _dead_channels(activation: Activation, values: np.ndarray) -> int:
    # Only over several samples: a ReLU that is silent for one input is doing its work.
    if activation.layer.activation_function != "relu" and activation.layer.type_name != "ReLU":
        return 0
    if activation.shape[0] < 2 or activation.rank < 2:
        return 0
    return int((values.reshape(-1, activation.shape[-1]).max(axis=0, initial=0) == 0).sum())


def _note_drift(activation: Activation) -> str:
    drift = normalization.drift(activation, VALUES_LOOKED_AT)
    # One vector says nothing of a distribution, and a layer that was never trained has none to be compared with.
    if drift is None or drift.is_initial:
        return ""
    if drift.sample_count < 2 and drift.values_per_channel < normalization.ENOUGH_VALUES:
        return ""
    count = int(drift.drifts.sum())
    return f"drift in {count:,} of {len(drift.shift):,}" if count else ""


def _is_answering(activation: Activation) -> bool:
    """Return whether a layer makes what the model answers: a value near a bound is a sure answer there."""
    recorded = activation.activations
    layers = (activation.layer,) if recorded is None else recorded.layers
    return activation.layer.key in answering_layers(activation.context.outputs, layers)


def _saturated_share(activation: Activation, values: np.ndarray) -> float:
    is_near = near_bounds(values, activation.layer)
    return 0.0 if is_near is None or not values.size else float(is_near.mean())
