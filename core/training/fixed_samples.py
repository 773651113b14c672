"""The samples that run through a model while it is trained, as the model takes them and as a run keeps them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from core.inputs import structure
from core.inputs.sources import read_inputs
from core.inputs.streams import is_stream, read_stream
from core.training.ledger import ArrayEntry
from core.training.writer import text_as_bytes

__all__ = ["FixedSamples", "array_entry"]


class FixedSamples:
    """Samples, and what they are to be answered with.

    Args:
        model: The model that takes them.
        samples: What a person holds.
        labels: What they are to be answered with; None takes what a dataset brings.

    Attributes:
        inputs: The samples in the model's own structure.
        labels: Their labels as the loss takes them, or None.
        kept_labels: The same as an array that a run can keep; None where they are none, or several.
        count: How many there are.

    Raises:
        InputRejected: If the samples do not fit what the model says it takes, or have no end.
    """

    def __init__(self, model: Any, samples: Any, labels: Any) -> None:
        if is_stream(samples):
            part = read_stream(model, samples)
            self.inputs, self.labels = part.inputs, part.labels if labels is None else labels
        else:
            self.inputs, self.labels = read_inputs(model, samples), labels
        arrays = structure.named_arrays(model, self.inputs)
        self.count = len(next(iter(arrays.values())))
        self._is_text = {name: array.dtype.kind in "USO" for name, array in arrays.items()}
        self._kept = {name: text_as_bytes(array) if self._is_text[name] else array for name, array in arrays.items()}
        self.kept_labels = _kept_labels(self.labels)

    @property
    def kept_inputs(self) -> list[np.ndarray]:
        """The samples as a run keeps them, an array for each input."""
        return list(self._kept.values())

    @property
    def entries(self) -> tuple[ArrayEntry, ...]:
        """What these arrays are."""
        return tuple(array_entry(name, array, is_text=self._is_text[name]) for name, array in self._kept.items())

    @property
    def digest(self) -> str:
        """Tells these samples and labels from others."""
        digest = hashlib.sha256()
        for array in (*self._kept.values(), *([] if self.kept_labels is None else [self.kept_labels])):
            digest.update(repr((array.shape, str(array.dtype))).encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def array_entry(name: str, values: np.ndarray, *, is_text: bool = False) -> ArrayEntry:
    """Return what a ledger says of an array."""
    dtype = "text" if is_text else values.dtype.name
    return ArrayEntry.model_validate({"name": name, "shape": values.shape, "dtype": dtype})


def _kept_labels(labels: Any) -> np.ndarray | None:
    if labels is None or isinstance(labels, Mapping):
        return None
    try:
        array = np.asarray(labels)
    except ValueError:
        # Several arrays of different shapes.
        return None
    return array if array.dtype.kind in "biuf" else None
