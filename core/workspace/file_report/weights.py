"""Weights in HDF5 files, by what they belong to, with numbers on their values: read without Keras, a bounded share.

Keras 3 names each group ``…/vars`` after the layer whose arrays it holds. Files of Keras 2, and ``.h5`` files of
Keras 3, have a group per layer, and in it one per scope. Both are read into the same tree.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from core.charts.building_blocks import count_in_bins
from core.common.text import format_shape, safe_name, text_of
from core.models.hdf5 import is_of_training
from core.workspace.file_report.results import WeightRow
from core.workspace.layer_table import SPARKLINE_BINS

__all__ = ["ReadingBudget", "StoredArray", "WeightGroup", "joint_distribution", "read_weights"]

_VALUES_PER_ARRAY: Final = 1_000_000
_VALUES_IN_ALL: Final = 20_000_000
_LEAST_VALUES: Final = 1_000
_BLOCKS: Final = 16
_UNPACKED_BYTES: Final = 2 << 30
_CHUNK_BYTES: Final = 256 << 20
_OF_KERAS_3: Final = "vars"
_SEEDS: Final = "seed_generator"
_NUMBERS: Final = "biuf"
_INPUT: Final = re.compile(r"input_layer(_\d+)?")
_DIGITS: Final = re.compile(r"(\d+)")


@dataclass(frozen=True)
class StoredArray:
    """An array of weights.

    Attributes:
        row: What a table says of it; its ``layer`` is not filled in.
        extents: Its shape.
        values: The finite values that were looked at.
        is_state: Whether it is the state of a random generator, which nobody counts as a parameter.
    """

    row: WeightRow
    extents: tuple[int, ...]
    values: np.ndarray
    is_state: bool = False


@dataclass
class WeightGroup:
    """What a file stores for a layer, or for something in it.

    Attributes:
        part: The last part of its path: ``dense_1`` in a list of layers, else the attribute that holds the layer.
        name: The layer's own name, where the file says it.
        in_list: Whether it is one in a list of layers, in which they are told by their classes.
        arrays: Its own arrays.
        children: The groups in it, by their paths relative to it.
    """

    part: str = ""
    name: str = ""
    in_list: bool = False
    arrays: list[StoredArray] = field(default_factory=list)
    children: dict[str, WeightGroup] = field(default_factory=dict)

    @property
    def is_state(self) -> bool:
        """Whether it is that of a random generator, which is no layer."""
        return self.part == _SEEDS

    @property
    def is_input(self) -> bool:
        """Whether it is that of an input, which stores nothing."""
        return self.in_list and _INPUT.fullmatch(self.part) is not None and not any(self.every_array())

    def every_array(self) -> Iterator[StoredArray]:
        """Yield its arrays and those of all groups in it."""
        yield from self.arrays
        for child in self.children.values():
            yield from child.every_array()


@dataclass
class ReadingBudget:
    """How much is still looked at of a file.

    Attributes:
        values: Of one array at most.
        unpacked_bytes: Of all chunks that have to be unpacked for that.
    """

    values: int = _VALUES_PER_ARRAY
    unpacked_bytes: int = _UNPACKED_BYTES

    @classmethod
    def shared_by(cls, arrays: int) -> ReadingBudget:
        """Return the budget for a file with so many arrays."""
        return cls(min(_VALUES_PER_ARRAY, max(_LEAST_VALUES, _VALUES_IN_ALL // max(arrays, 1))))


def read_weights(file: Any, root: WeightGroup, most: int) -> int:
    """Add what an HDF5 file stores to a tree of groups.

    Args:
        file: The file, as ``h5py.File``; :func:`core.models.hdf5.check_hdf5` has looked at it.
        root: The group of the whole model, which may have got something from another file.
        most: How many arrays may be read.

    Returns:
        How many arrays were left out.
    """
    top = file.get("model_weights", file)
    legacy = _layer_names(top)
    paths = sorted(_datasets(top), key=_in_natural_order)
    budget = ReadingBudget.shared_by(len(paths))
    names = {} if legacy else _group_names(top)
    for path in sorted(names, key=_in_natural_order):
        _group_at(root, path, names)
    for layer in legacy:
        # In the order of the layers, those without weights too.
        root.children.setdefault(layer, WeightGroup(layer, safe_name(layer)))
    for path in paths[:most]:
        array = _array(top[path], path, budget)
        if legacy:
            _scoped_group(root, path, legacy).arrays.append(array)
        else:
            owner, _, _ = path.rpartition(f"/{_OF_KERAS_3}/")
            _group_at(root, owner, names).arrays.append(array)
    return max(0, len(paths) - most)


def joint_distribution(arrays: Sequence[StoredArray]) -> tuple[int, ...]:
    """Return histogram counts of all values of arrays; an array that was read in part counts for the whole of it."""
    arrays = [array for array in arrays if array.values.size and not array.is_state]
    if len(arrays) == 1:
        return arrays[0].row.distribution
    if not arrays:
        return ()
    # The widest bins that any of them needs, by the rule that a single array follows.
    extremes = np.array([edge for array in arrays for edge in (array.values.min(), array.values.max())])
    edges = count_in_bins(extremes, SPARKLINE_BINS)[1]
    total = np.zeros(SPARKLINE_BINS)
    for array in arrays:
        counts = np.histogram(array.values, edges)[0]
        total += counts * (array.row.count / array.row.value_count)
    return tuple(int(count) for count in np.rint(total))


def _layer_names(top: Any) -> dict[str, None]:
    """Names of the layers as ``layer_names`` lists them, in order; none in a file of Keras 3's own format."""
    listed = top.attrs.get("layer_names")
    if listed is None and "layer_names0" in top.attrs:
        # What is too long for one attribute is in several.
        parts = [key for key in top.attrs if re.fullmatch(r"layer_names\d+", key)]
        listed = [name for key in sorted(parts, key=_in_natural_order) for name in top.attrs[key]]
    names = np.ravel(listed) if listed is not None else ()
    return {text_of(name): None for name in names}


def _datasets(top: Any) -> list[str]:
    import h5py

    found: list[str] = []

    def visit(path: str, thing: Any) -> None:
        if isinstance(thing, h5py.Dataset) and not is_of_training(path):
            found.append(path)

    top.visititems(visit)
    return found


def _group_names(top: Any) -> dict[str, str]:
    """The own name of every layer that has a group, by the path of it; empty where the file does not say the name."""
    import h5py

    found: dict[str, str] = {}

    def visit(path: str, thing: Any) -> None:
        owner, _, last = path.rpartition("/")
        if last == _OF_KERAS_3 and isinstance(thing, h5py.Group) and not is_of_training(path):
            name = thing.attrs.get("name", "")
            found[owner] = name if isinstance(name, str) else ""

    top.visititems(visit)
    return found


def _group_at(root: WeightGroup, path: str, names: Mapping[str, str]) -> WeightGroup:
    """Return the group of a layer by its path; what is between it and the layer around it is no layer."""
    if not path:
        root.name = root.name or names.get("", "")
        return root
    parts = path.split("/")
    group, start = root, 0
    for end in range(1, len(parts) + 1):
        if end < len(parts) and "/".join(parts[:end]) not in names:
            continue
        relative = "/".join(parts[start:end])
        if relative not in group.children:
            name = names.get("/".join(parts[:end]), "")
            group.children[relative] = WeightGroup(parts[end - 1], safe_name(name), in_list=end - start > 1)
        group, start = group.children[relative], end
    return group


def _scoped_group(root: WeightGroup, path: str, layers: Mapping[str, None]) -> WeightGroup:
    """Return the group of an array where each layer has a group: the scopes after the layer's name are inner."""
    layer = next((path[:end] for end in _ends(path) if path[:end] in layers), "")
    if not layer:
        return root
    scopes = path[len(layer) + 1 :].split("/")[:-1]
    last = layer.rpartition("/")[2]
    # Keras repeats the layer's name, after that of the model around it.
    while last in scopes:
        scopes = scopes[scopes.index(last) + 1 :]
    group = root.children.setdefault(layer, WeightGroup(layer, safe_name(layer)))
    for scope in scopes:
        group = group.children.setdefault(scope, WeightGroup(scope, safe_name(scope)))
    return group


def _ends(path: str) -> Iterator[int]:
    return (position for position, letter in enumerate(path) if letter == "/")


def _in_natural_order(path: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in _DIGITS.split(path) if part]


def _array(dataset: Any, path: str, budget: ReadingBudget) -> StoredArray:
    shape = tuple(int(extent) for extent in dataset.shape or ())
    count = int(dataset.size or 0)
    row = WeightRow("", safe_name(path), format_shape(shape), str(dataset.dtype)[:40], count)
    is_state = f"/{_SEEDS}/" in f"/{path}"
    nothing = np.array([], dtype=np.float64)
    if dataset.dtype.kind not in _NUMBERS or not count:
        return StoredArray(row, shape, nothing, is_state)
    values = _some_values(dataset, budget)
    if values is None:
        return StoredArray(row, shape, nothing, is_state)
    finite = values[np.isfinite(values)]
    counts = tuple(int(each) for each in count_in_bins(finite, SPARKLINE_BINS)[0])
    wide = finite.astype(np.float64)
    row = WeightRow(
        layer="",
        path=row.path,
        shape=row.shape,
        dtype=row.dtype,
        count=count,
        value_count=int(values.size),
        minimum=float(wide.min()) if wide.size else None,
        maximum=float(wide.max()) if wide.size else None,
        mean=_number(wide.mean()) if wide.size else None,
        deviation=_number(wide.std()) if wide.size else None,
        zeros=float((values == 0).mean()),
        not_finite=int(values.size - finite.size),
        distribution=counts,
    )
    return StoredArray(row, shape, finite, is_state)


def _number(value: Any) -> float | None:
    # The sum of numbers at the end of the range is beyond it.
    return float(value) if np.isfinite(value) else None


def _some_values(dataset: Any, budget: ReadingBudget) -> np.ndarray | None:
    """Read an array, or blocks spread evenly over it; None where even a block takes too much."""
    shape, size = dataset.shape, int(dataset.size)
    blocks = 1 if size <= budget.values else _BLOCKS
    if dataset.chunks:
        # To read anything of a chunk unpacks the whole of it, which may be far more than the array.
        chunk = math.prod(dataset.chunks) * dataset.dtype.itemsize
        chunks = math.prod(-(-extent // step) for extent, step in zip(shape, dataset.chunks, strict=True))
        unpacked = chunk * min(chunks, chunks if blocks == 1 else 2 * blocks)
        if chunk > _CHUNK_BYTES or unpacked > budget.unpacked_bytes:
            return None
        budget.unpacked_bytes -= unpacked
    if blocks == 1:
        return _plain(dataset[()])
    lead: tuple[int, ...] = ()
    while (rest := math.prod(shape[len(lead) + 1 :])) * _BLOCKS > budget.values:
        # One step along this axis is too much already: it is looked at in the middle.
        lead = (*lead, shape[len(lead)] // 2)
    extent = shape[len(lead)]
    length = budget.values // _BLOCKS // rest
    if extent <= length * _BLOCKS:
        return _plain(dataset[lead])
    starts = np.linspace(0, extent - length, _BLOCKS).astype(int)
    return _plain(np.concatenate([np.ravel(dataset[(*lead, slice(start, start + length))]) for start in starts]))


def _plain(values: Any) -> np.ndarray:
    flat = np.ravel(values)
    return flat.astype(np.float32) if flat.dtype == np.bool_ or flat.dtype.itemsize < 4 else flat
