"""What a model file says of itself, as plain values: they cross from a worker to a page, and are written as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from core.workspace.results import LayerRow

__all__ = ["FileInput", "FileReport", "MissingClass", "Refusal", "WeightRow"]


@dataclass(frozen=True)
class Refusal:
    """Why a file is not opened, what to do about it, and Python that does it; ``code`` may be empty."""

    message: str
    remedy: str = ""
    code: str = ""


@dataclass(frozen=True)
class MissingClass:
    """A class or function that a file asks for and that did not come with Keras.

    Attributes:
        name: Its own name, such as ``"TCN"``.
        module: The module that it was from where the model was saved; empty if the file does not say.
        registered_name: The name that Keras looks it up by, such as ``"tcn>TCN"``.
        layers: Names of the layers that are of this class or use it, the first of them.
        code: Three lines of Python that register it under that name; empty where no Python can have such a name.
    """

    name: str
    module: str
    registered_name: str
    layers: tuple[str, ...]
    code: str


@dataclass(frozen=True)
class FileInput:
    """An input of the model, as its configuration declares it; ``shape`` is without the sample axis."""

    name: str
    shape: str
    dtype: str


@dataclass(frozen=True)
class WeightRow:
    """An array of weights in a file.

    Attributes:
        layer: Key of the layer that it belongs to; empty where the file does not say.
        path: Where it is in the file.
        shape: Its shape, such as ``"3×3×16"``; empty for a single number.
        dtype: Its type, as the file stores it.
        count: How many numbers it holds.
        value_count: How many of them were looked at; all that follows is about those.
        minimum: Smallest finite number; None if there is none.
        maximum: Largest.
        mean: Of the finite numbers.
        deviation: Standard deviation of the finite numbers.
        zeros: Share of zeros, 0 to 1.
        not_finite: How many are NaN or infinite.
        distribution: Histogram counts from the smallest to the largest; empty if there are no numbers.
    """

    layer: str
    path: str
    shape: str
    dtype: str
    count: int
    value_count: int = 0
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    deviation: float | None = None
    zeros: float | None = None
    not_finite: int = 0
    distribution: tuple[int, ...] = ()


@dataclass(frozen=True)
class FileReport:
    """What a model file says of itself, read as data: nothing of it was run.

    Attributes:
        name: What the file is called.
        kind: ``"keras"``, ``"hdf5"``, ``"architecture"``, ``"saved_model"``, ``"tflite"``, ``"weights"`` for weights
            without layers; empty for what is none of these.
        type_name: Class of the model; empty where the file does not say.
        keras_version: The version of Keras that wrote it; empty where the file does not say.
        date_saved: When, in the words of the file; empty where it does not say.
        training: What it says of how the model was trained, such as ``{"optimizer": "Adam", "loss": "mse"}``.
        refusal: Why the file is not opened; None if it is.
        parameter_count: Weights of the model; None where the file does not say.
        inputs: What the model takes, as far as the file says.
        rows: A row per layer; their distributions and notes are about weights. Empty shapes are not known.
        map: The graph of layers as a Vega-Lite chart; empty where the file does not say how they are connected.
        weights: A row per array.
        missing_classes: What the file asks for and did not come with Keras.
        signatures: Signatures of a SavedModel.
        operations: Types of operation in the graph of a SavedModel.
        assets: Files that a SavedModel reads while it is loaded.
        notes: What could not be read, or is not shown, in sentences.
    """

    name: str
    kind: str = ""
    type_name: str = ""
    keras_version: str = ""
    date_saved: str = ""
    training: dict[str, str] = field(default_factory=dict)
    refusal: Refusal | None = None
    parameter_count: int | None = None
    inputs: tuple[FileInput, ...] = ()
    rows: tuple[LayerRow, ...] = ()
    map: dict[str, Any] = field(default_factory=dict)
    weights: tuple[WeightRow, ...] = ()
    missing_classes: tuple[MissingClass, ...] = ()
    signatures: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
