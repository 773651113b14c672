"""What a person takes away: charts as files, activations as files, and code that draws the same chart."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Final, Literal

import numpy as np

from core.errors import InputRejected
from core.extraction.activation import Activation
from core.inputs.array_files import write_arrays

__all__ = ["activation_file", "activations_file", "code_for", "inputs_file"]

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


def code_for(
    *,
    opening: str,
    layer: str,
    visualizer: str,
    options: Mapping[str, Any],
    sample: int,
    samples_taken: int,
    internals: bool = False,
    extractor: bool = False,
    taken_for: Mapping[str, str] | None = None,
) -> str:
    """Return Python that draws the same chart in a notebook.

    Args:
        opening: Lines that leave ``model`` and ``inputs`` behind.
        layer: Key of the layer.
        visualizer: Name of the visualizer.
        options: Option values that differ from the defaults.
        sample: Number of the first sample that goes through the model.
        samples_taken: How many samples go through it.
        internals: Whether what the layers keep to themselves is needed.
        extractor: Whether the visualizer runs the model again.
        taken_for: What inputs are taken for, by name, where that is not the likeliest.
    """
    arguments = "".join(f", {name}={value!r}" for name, value in options.items())
    inside = ", internals=True" if internals else ""
    inside += f", specs=layerscope.input_specs(model, {dict(taken_for)!r})" if taken_for else ""
    arguments += ", extractor=layerscope.Extractor(model)" if extractor else ""
    return (
        "import layerscope\n\n"
        f"{opening}\n"
        f"inputs = {{name: array[{sample}:{sample + samples_taken}] for name, array in inputs.items()}}\n"
        f"activations = layerscope.extract(model, layerscope.arrange(model, inputs){inside})\n"
        f"layerscope.get_registry().chart({visualizer!r}, activations[{layer!r}]{arguments})\n"
    )
