"""What goes in, changed, and how far the answers of layers move by that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from core.errors import InputRejected

__all__ = ["changed_inputs", "relative_change"]


def changed_inputs(inputs: Mapping[str, Any], given: Any) -> dict[str, Any]:
    """Return inputs by name, with those that are given in their place.

    Args:
        inputs: What went in, by input name.
        given: What goes in instead, by name; those that are left out stay. The array alone where there is one input;
            None changes nothing.

    Raises:
        InputRejected: If an input is not there.
    """
    if given is not None and not isinstance(given, Mapping):
        if len(inputs) != 1:
            raise InputRejected(
                f"The model has {len(inputs)} inputs.", remedy=f"Give them by name: {', '.join(map(repr, inputs))}."
            )
        given = dict.fromkeys(inputs, given)
    unknown = sorted(set(given or {}) - set(inputs))
    if unknown:
        raise InputRejected(
            f"The model has no input {', '.join(map(repr, unknown))}.", remedy=f"It has: {', '.join(inputs)}."
        )
    return {**inputs, **(given or {})}


def relative_change(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return how far each sample's values move: ``‖after − before‖ / ‖before‖``, shape ``(sample,)``.

    0 is not at all. Where all was 0 before, anything else is 1; NaN where a value is.

    Args:
        before: Shape ``(sample, …)``, numbers.
        after: Likewise, of the same shape.
    """
    first, second = (_rows(each) for each in (before, after))
    away, norm = _norms(second - first), _norms(first)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(norm == 0, np.sign(away), away / norm)


def _rows(values: np.ndarray) -> np.ndarray:
    # Double precision would take twice the memory of the largest layer for digits that nobody sees.
    kind = np.float64 if values.dtype == np.float64 or values.dtype.kind in "iub" else np.float32
    return values.reshape(len(values), -1).astype(kind, copy=False)


def _norms(rows: np.ndarray) -> np.ndarray:
    return np.sqrt(np.array([np.dot(row, row) for row in rows], np.float64))
