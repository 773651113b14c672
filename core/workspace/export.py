"""What a person takes away: charts as files, activations as files, and code that draws the same chart."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np

from core.errors import InputRejected
from core.extraction.activation import Activation
from core.inputs.array_files import write_arrays

__all__ = ["NotebookSamples", "activation_file", "activations_file", "code_for", "inputs_file"]

VALUES_AS_CSV: Final = 2_000_000


def activation_file(activation: Activation, kind: Literal["npy", "csv"]) -> bytes:
    """Return an activation as ``.npy`` (the array) or CSV (a column per axis, and ``value``).

    Raises:
        InputRejected: If it is too large for CSV.
    """
    if kind == "csv":
        if activation.values.size > VALUES_AS_CSV:
            raise InputRejected(
                f"{activation.key} holds {activation.values.size:,} values, a CSV takes at most {VALUES_AS_CSV:,}.",
                remedy="Save it as .npy.",
            )
        return activation.to_frame().to_csv(index=False).encode()
    buffer = io.BytesIO()
    np.save(buffer, activation.values, allow_pickle=False)
    return buffer.getvalue()


def activations_file(activations: Mapping[str, Activation]) -> bytes:
    """Return activations as ``.npz``, an array per key."""
    return inputs_file({key: activation.values for key, activation in activations.items()})


def inputs_file(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return arrays by name, such as an input's samples, as ``.npz``."""
    buffer = io.BytesIO()
    write_arrays(buffer, arrays)
    return buffer.getvalue()


@dataclass(frozen=True)
class NotebookSamples:
    """How samples go through a model in a notebook.

    Attributes:
        opening: Lines that leave ``model`` and ``inputs`` behind.
        first: Number of the first sample that goes through the model.
        count: How many samples go through it.
        internals: Whether what the layers keep to themselves is needed.
        taken_for: What inputs are taken for, by name, where that is not the likeliest.
    """

    opening: str
    first: int
    count: int
    internals: bool = False
    taken_for: Mapping[str, str] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """Lines that leave ``activations`` behind."""
        arguments = ["model", "layerscope.arrange(model, inputs)"]
        if self.internals:
            arguments.append("internals=True")
        if self.taken_for:
            arguments.append(f"specs=layerscope.input_specs(model, {dict(self.taken_for)!r})")
        return (
            "import layerscope\n\n"
            f"{self.opening}\n"
            f"inputs = {{name: array[{self.first}:{self.first + self.count}] for name, array in inputs.items()}}\n"
            f"activations = layerscope.extract({', '.join(arguments)})\n"
        )


def code_for(
    samples: NotebookSamples, layer: str, visualizer: str, options: Mapping[str, Any], other_model: str = ""
) -> str:
    """Return Python that draws the same chart in a notebook.

    Args:
        samples: What goes through the model.
        layer: Key of the layer.
        visualizer: Name of the visualizer.
        options: Option values that differ from the defaults.
        other_model: A line that leaves the model that is compared with behind as ``other``; empty for none.
    """
    arguments = [repr(visualizer), *(f"{name}={value!r}" for name, value in options.items())]
    arguments += ["other_model=other"] if other_model else []
    before = f"{other_model}\n" if other_model else ""
    return f"{samples.code}{before}activations[{layer!r}].chart({', '.join(arguments)})\n"
