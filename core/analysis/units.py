"""Which unit or channel of a layer a picture is of, where nobody chose one."""

from __future__ import annotations

import numpy as np

from core.extraction.activation import Activation

__all__ = ["shown_unit", "strongest_unit", "strongest_units"]


def shown_unit(activation: Activation, sample: int, unit: int | None) -> int:
    """Return the unit or channel that a picture is of: the chosen one, or automatically the strongest.

    Args:
        activation: What a layer answered; its last axis is that of units or channels.
        sample: Position of the sample that is looked at.
        unit: The chosen one, which may be of a wider layer; None: :func:`strongest_unit`.
    """
    last = activation.shape[-1] - 1 if activation.rank > 1 else 0
    return strongest_unit(activation, sample) if unit is None else min(unit, last)


def strongest_unit(activation: Activation, sample: int) -> int:
    """Return the unit or channel that answers the most to a sample; see :func:`strongest_units`."""
    return strongest_units(activation, sample, 1)[0]


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
    is_last = activation.keys_of_pass[-1] == activation.key
    strength = (rows if is_last else np.abs(rows)).mean(axis=0, dtype=np.float64)
    if count == 1:
        return (int(strength.argmax()),)
    return tuple(int(unit) for unit in np.argsort(-strength, kind="stable")[:count])
