"""Which unit or channel of a layer a picture is of, where nobody chose one."""

from __future__ import annotations

from typing import Final

import numpy as np

from core.errors import InputRejected
from core.extraction.activation import Activation
from core.extraction.layers import LayerInfo, unit_kind

__all__ = [
    "finite_answers",
    "refuse_missing_unit",
    "shown_unit",
    "strongest_place",
    "strongest_unit",
    "strongest_units",
]

_WITH_PLACES: Final = 3


def refuse_missing_unit(layer: LayerInfo, unit: int) -> None:
    """Say which units or channels a layer has.

    Raises:
        InputRejected: If it has no such one.
    """
    count = layer.output_shape[-1] if len(layer.output_shape) > 1 else 1
    if count is None or 0 <= unit < count:
        return
    kind = unit_kind(layer)
    raise InputRejected(
        f"{layer.key!r} has no {kind} {unit}.",
        remedy=f"It has {kind}s 0 to {count - 1}." if count > 1 else f"It has {kind} 0 alone.",
    )


def shown_unit(activation: Activation, sample: int, unit: int | None, position: int | None = None) -> int:
    """Return the unit or channel that a picture is of: the chosen one, or automatically the strongest.

    Args:
        activation: What a layer answered; its last axis is that of units or channels.
        sample: Position of the sample that is looked at.
        unit: The chosen one, which may be of a wider layer; None: :func:`strongest_unit`.
        position: The one step, token or box that is asked about, where the answer has one axis of them; None for all.
    """
    last = activation.shape[-1] - 1 if activation.rank > 1 else 0
    if unit is not None:
        return min(unit, last)
    if position is not None and activation.rank == _WITH_PLACES:
        values = np.nan_to_num(activation.values[sample].astype(np.float32), posinf=0, neginf=0)
        row = values[min(max(position, 0), len(values) - 1)]
        return int((row if _is_last(activation) else np.abs(row)).argmax())
    return strongest_unit(activation, sample)


def strongest_unit(activation: Activation, sample: int) -> int:
    """Return the unit or channel that answers the most to a sample; see :func:`strongest_units`."""
    return strongest_units(activation, sample, 1)[0]


def strongest_place(answers: np.ndarray) -> tuple[int, ...]:
    """Return where a unit answers the most to a sample: the position on each axis; NaN counts as the least.

    Args:
        answers: Of the unit at each place, shape ``(*places,)``.
    """
    first = int(np.nan_to_num(answers.astype(np.float64), nan=-np.inf).argmax())
    return tuple(int(at) for at in np.unravel_index(first, answers.shape))


def strongest_units(activation: Activation, sample: int, count: int) -> tuple[int, ...]:
    """Return the units or channels that answer the most to a sample, the strongest first.

    Inside the model that is the largest mean of |value| over its places or timesteps, padding left out. Of the last
    layer it is the largest mean of the values themselves: an answer far below zero is the least, not the most.
    """
    answer = activation.sample(sample)
    values = np.nan_to_num(answer.values.astype(np.float32), posinf=0, neginf=0)
    # (*places, unit) -> (place, unit); what answers one number a sample has one unit.
    rows = values.reshape(-1, values.shape[-1] if values.ndim else 1)
    shown = answer.shown.reshape(-1) if values.ndim > 1 else np.ones(len(rows), bool)
    rows = rows[shown] if shown.any() else rows
    strength = (rows if _is_last(activation) else np.abs(rows)).mean(axis=0, dtype=np.float64)
    if count == 1:
        return (int(strength.argmax()),)
    return tuple(int(unit) for unit in np.argsort(-strength, kind="stable")[:count])


def finite_answers(activation: Activation, sample: int, unit: int) -> np.ndarray:
    """Return what a unit answers to a sample at its places or steps, padding and what is not finite left out.

    Args:
        activation: What a layer answered; its last axis is that of units or channels.
        sample: Position of the sample.
        unit: Number of the unit.

    Returns:
        ``(answer,)``; of a layer without places one answer, or none.
    """
    answer = activation.sample(sample)
    values = np.asarray(answer.values[..., unit], np.float64)
    is_padded = values.ndim and answer.shown.shape == values.shape and answer.shown.any()
    shown = values[answer.shown] if is_padded else values
    finite: np.ndarray = shown[np.isfinite(shown)]
    return finite


def _is_last(activation: Activation) -> bool:
    return activation.keys_of_pass[-1] == activation.key
