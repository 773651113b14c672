"""The weights that a model's file stores: whose they are, and how they are distributed, read without Keras."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from core.charts import count_in_bins, format_shape
from core.hdf5_files import training_groups
from core.naming import shown

__all__ = ["BINS", "StoredWeight", "WeightRow", "stored_weights"]

BINS: Final = 16
_MOST_WEIGHTS: Final = 5_000
_VALUES_OF_ONE: Final = 200_000
_VALUES_OF_ALL: Final = 20_000_000
_LARGEST_CHUNK: Final = 256_000_000
# Keras 3 numbers the weights of a layer in the order in which it made them.
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    "Conv1D": ("kernel", "bias"),
    "Conv2D": ("kernel", "bias"),
    "Conv3D": ("kernel", "bias"),
    "Dense": ("kernel", "bias"),
    "Embedding": ("embeddings",),
    "GRU": ("kernel", "recurrent_kernel", "bias"),
    "LSTM": ("kernel", "recurrent_kernel", "bias"),
    "Normalization": ("mean", "variance", "count"),
    "SimpleRNN": ("kernel", "recurrent_kernel", "bias"),
}


@dataclass(frozen=True)
class WeightRow:
    """One weight that a file stores.

    Attributes:
        layer: Key of the layer that it belongs to, as far as the file says; empty where it does not.
        name: Its name, such as ``"kernel"``, or its number among those of its layer.
        shape: Its shape, such as ``"3×3×1×16"``.
        dtype: Its type.
        count: How many numbers it holds.
        minimum: The smallest of those that were looked at; None where there is none.
        maximum: The largest.
        mean: Their mean.
        deviation: Their standard deviation.
        zeros: The share of zeros among them, 0 to 1.
        not_finite: How many of them are NaN or infinite.
        looked_at: How many were looked at: rows that are evenly spread, or the beginning where a row is too long.
        distribution: Histogram counts from the smallest to the largest.
    """

    layer: str
    name: str
    shape: str
    dtype: str
    count: int
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    deviation: float | None = None
    zeros: float = 0.0
    not_finite: int = 0
    looked_at: int = 0
    distribution: tuple[int, ...] = ()


@dataclass(frozen=True)
class StoredWeight:
    """A weight as a file stores it, with the values that were looked at.

    Attributes:
        owner: Names of the layers around it, the outermost first.
        name: Its name within the innermost.
        shape: Its shape.
        dtype: Its type.
        values: Some or all of its numbers, finite or not; empty for what is no number.
    """

    owner: tuple[str, ...]
    name: str
    shape: tuple[int, ...]
    dtype: str
    values: np.ndarray

    @property
    def count(self) -> int:
        """How many numbers it holds."""
        return int(np.prod(self.shape, dtype=np.int64))

    def row(self, layer: str, type_name: str) -> WeightRow:
        """Return what is said of it.

        Args:
            layer: Key of the layer that it belongs to.
            type_name: Class of that layer, empty if unknown.
        """
        names = _NAMES.get(type_name, ())
        number = int(self.name) if self.name.isdecimal() and len(self.name) < 6 else -1
        name = names[number] if 0 <= number < len(names) else self.name
        own = layer.split("/")
        # Of a layer that has others inside which have no row of their own, such as the query of an attention.
        inner = [part for part in self.owner if part not in own and not part.endswith("cell")]
        name = "/".join([*inner, name]) if type_name else name
        about = WeightRow(layer, shown(name), format_shape(self.shape), self.dtype, self.count)
        finite = self.values[np.isfinite(self.values)].astype(np.float64)
        if not finite.size:
            return about
        return WeightRow(
            about.layer,
            about.name,
            about.shape,
            about.dtype,
            about.count,
            float(finite.min()),
            float(finite.max()),
            float(finite.mean()),
            float(finite.std()),
            float((self.values == 0).mean()),
            int(self.values.size - finite.size),
            int(self.values.size),
            tuple(int(count) for count in count_in_bins(finite, BINS)[0]),
        )


def stored_weights(file: Any) -> list[StoredWeight]:
    """Return the weights in an HDF5 file that was checked, as Keras 2 or 3 writes them; without those of training.

    At most 200,000 values of each are looked at, and 20 million of all.

    Args:
        file: The file, as ``h5py.File``, after :func:`core.hdf5_files.check_hdf5`.
    """
    import h5py

    root = file["model_weights"] if isinstance(file.get("model_weights"), h5py.Group) else file
    is_of_keras_3 = "layer_names" not in root.attrs
    left = _VALUES_OF_ALL
    weights: list[StoredWeight] = []
    for parts, dataset in _datasets(root, ()):
        if len(weights) >= _MOST_WEIGHTS:
            break
        if set(parts) & training_groups():
            continue
        values = _some_values(dataset, min(_VALUES_OF_ONE, left))
        left -= values.size
        owner = _owner_in_keras_3(root, parts) if is_of_keras_3 else parts[:-1]
        name = parts[-1].partition(":")[0]
        shape = tuple(map(int, dataset.shape or ()))
        weights.append(StoredWeight(tuple(map(shown, owner)), name, shape, str(dataset.dtype), values))
    return weights


def _datasets(group: Any, parts: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    import h5py

    for key in sorted(group, key=_natural_order):
        thing = group[key]
        if isinstance(thing, h5py.Group):
            yield from _datasets(thing, (*parts, key))
        else:
            yield (*parts, key), thing


def _natural_order(key: str) -> list[tuple[int, str]]:
    # dense_2 before dense_10.
    return [(int(part), "") if part.isdecimal() and len(part) < 10 else (-1, part) for part in re.split(r"(\d+)", key)]


def _owner_in_keras_3(root: Any, parts: tuple[str, ...]) -> tuple[str, ...]:
    """The layers around a weight: each group has the name of its layer with the layer's own weights."""
    names = []
    group = root
    for part in parts[:-1]:
        if part == "vars":
            break
        group = group[part]
        own = group["vars"].attrs.get("name") if "vars" in group else None
        if isinstance(own, str):
            names.append(own)
        elif part not in ("layers", "_layer_checkpoint_dependencies"):
            names.append(part)
    return tuple(names)


def _some_values(dataset: Any, most: int) -> np.ndarray:
    size = int(dataset.size or 0)
    if dataset.dtype.kind not in "biuf" or not size or most <= 0:
        return np.zeros(0)
    # What is packed is unpacked chunk by chunk.
    if dataset.chunks and math.prod(dataset.chunks) * dataset.dtype.itemsize > _LARGEST_CHUNK:
        return np.zeros(0)
    if size <= most or not dataset.shape:
        return np.asarray(dataset[()]).reshape(-1)
    # Whole rows where they fit, evenly spread, since those lie together; of one that does not fit, its beginning.
    row = size // dataset.shape[0]
    if row <= most:
        return np.asarray(dataset[:: -(-size // most)]).reshape(-1)
    place: list[Any] = []
    for axis in range(len(dataset.shape)):
        inner = size // math.prod(dataset.shape[: axis + 1])
        if inner <= most:
            place.append(slice(0, max(1, most // max(inner, 1))))
            break
        place.append(0)
    return np.asarray(dataset[tuple(place)]).reshape(-1)
