"""HDF5 files: every object, link and dataset looked at before Keras reads one.

An HDF5 file can point into other files, point at itself, and declare gigabytes that it does not hold (CVE-2026-1669 and
others). Weights need none of that.
"""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from core.common.limits import Limits, format_limit, raised_by
from core.errors import ModelRefused
from core.models.configuration import BY_HAND
from core.models.file_trees import FileTree

__all__ = ["StoredWeights", "check_hdf5", "holds_weights", "is_of_training", "open_hdf5"]

MAXIMUM_OBJECTS: Final = 200_000
MAXIMUM_DEPTH: Final = 64
MAXIMUM_ATTRIBUTE_BYTES: Final = 64 << 20
_DAMAGED: Final = "Copy or download it again."
# Filters that the library itself has: gzip, shuffle, checksum, szip, n-bit, scale-offset; and lzf, which h5py brings.
_FILTERS: Final = frozenset({1, 2, 3, 4, 5, 6, 32000})
_KINDS: Final = "biufSUOc"
# What gzip makes of zeros is about a thousandth.
_MOST_PACKED: Final = 1_100
_OF_TRAINING: Final = frozenset({"optimizer", "optimizer_weights"})
_OF_WEIGHTS: Final = frozenset({"layers", "_layer_checkpoint_dependencies", "vars"})
_IN_MEMORY: Final = 64 << 20


@dataclass(frozen=True)
class StoredWeights:
    """What a file stores, without what only training needs.

    Attributes:
        parameters: Numbers in all datasets.
        byte_count: The same in memory.
        datasets: How many there are.
    """

    parameters: int = 0
    byte_count: int = 0
    datasets: int = 0


@contextmanager
def open_hdf5(tree: FileTree, path: str) -> Iterator[Any]:
    """Open an HDF5 file of a folder or an archive for reading, as ``h5py.File``, for as long as the block runs."""
    import h5py

    if tree.folder:
        with h5py.File(tree.folder / path, "r") as file:
            yield file
        return
    # A packed stream cannot be read from any place, and seeking back in it would unpack it again and again.
    with tree.opener(path) as packed, tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as unpacked:
        shutil.copyfileobj(packed, unpacked)
        with h5py.File(unpacked, "r") as file:
            yield file


def is_of_training(path: str) -> bool:
    """Return whether a group or dataset holds what only training needs, such as the optimizer's slots."""
    return bool(_OF_TRAINING & set(path.split("/")))


def holds_weights(file: Any) -> bool:
    """Return whether an open HDF5 file holds weights as Keras 2 or 3 writes them, be it alone or in a model."""
    return "layer_names" in file.attrs or bool(_OF_WEIGHTS & set(file))


def check_hdf5(file: Any, name: str, limits: Limits) -> StoredWeights:
    """Refuse an HDF5 file that leads out of itself, or declares what it does not hold.

    Args:
        file: The file, as ``h5py.File``.
        name: What to call it in messages.
        limits: How much it may unpack to.

    Raises:
        ModelRefused: If anything in it is not as weights are stored.
    """
    import h5py

    parameters = byte_count = datasets = 0
    for path, thing in _objects(file, name):
        _check_attributes(thing, path, name)
        if not isinstance(thing, h5py.Dataset):
            continue
        if reason := _why_not(thing):
            raise ModelRefused(f"The dataset {_short(path)} in {name} {reason}.", remedy=BY_HAND)
        if is_of_training(path):
            continue
        datasets += 1
        parameters += int(thing.size or 0)
        byte_count += int(thing.size or 0) * thing.dtype.itemsize
        if byte_count > limits.unpacked_bytes:
            raise ModelRefused(
                f"The weights in {name} take more than {format_limit(limits.unpacked_bytes)}.",
                remedy=f"{BY_HAND} {raised_by('unpacked_bytes')}",
            )
    return StoredWeights(parameters, byte_count, datasets)


def _objects(file: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield every group and dataset once, by its path."""
    import h5py

    seen = {_address(file)}
    stack: list[tuple[str, Any, int]] = [("", file, 0)]
    while stack:
        path, group, depth = stack.pop()
        yield path or "/", group
        if not isinstance(group, h5py.Group):
            continue
        if depth > MAXIMUM_DEPTH:
            raise ModelRefused(f"The groups in {name} are too deeply nested.", remedy=BY_HAND)
        for key in group:
            inner = f"{path}/{key}"
            link = group.get(key, getlink=True)
            if not isinstance(link, h5py.HardLink):
                kind = "another file" if isinstance(link, h5py.ExternalLink) else "elsewhere"
                raise ModelRefused(f"The entry {_short(inner)} in {name} is a link to {kind}.", remedy=BY_HAND)
            thing = group[key]
            if not isinstance(thing, h5py.Group | h5py.Dataset):
                raise ModelRefused(f"The entry {_short(inner)} in {name} is neither group nor dataset.", remedy=BY_HAND)
            if _address(thing) in seen:
                raise ModelRefused(f"The entry {_short(inner)} in {name} is one that is there before.", remedy=BY_HAND)
            seen.add(_address(thing))
            if len(seen) > MAXIMUM_OBJECTS:
                raise ModelRefused(f"{name} holds more than {MAXIMUM_OBJECTS:,} groups and datasets.", remedy=BY_HAND)
            stack.append((inner, thing, depth + 1))


def _address(thing: Any) -> tuple[int, int]:
    import h5py

    info = h5py.h5o.get_info(thing.id)
    return info.fileno, info.addr


def _why_not(dataset: Any) -> str:
    """Says why a dataset is not one of weights; empty if it is."""
    import h5py

    if dataset.external:
        return "is stored in another file"
    if dataset.is_virtual:
        return "is put together from other files"
    if dataset.dtype.kind not in _KINDS:
        return f"holds {dataset.dtype}, which no weights are"
    if dataset.dtype.kind == "O" and h5py.check_string_dtype(dataset.dtype) is None:
        return "holds references, which no weights are"
    settings = dataset.id.get_create_plist()
    filters = {settings.get_filter(number)[0] for number in range(settings.get_nfilters())}
    if filters - _FILTERS:
        return "is packed by a filter of its own"
    # Texts take the room of their pointers here, and more elsewhere.
    declared = int(dataset.size or 0) * dataset.dtype.itemsize
    held = dataset.id.get_storage_size()
    if declared > held * (_MOST_PACKED if filters else 1) + (0 if held else _small(dataset)):
        return f"declares {declared:,} bytes and holds {held:,}"
    return ""


def _small(dataset: Any) -> int:
    # Numbers that nobody wrote are zeros to HDF5; a few of them are genuine, such as counters that never ran.
    return 4096 if dataset.size is not None and dataset.size <= 512 else 0


def _check_attributes(thing: Any, path: str, name: str) -> None:
    import h5py

    for key in thing.attrs:
        attribute = h5py.h5a.open(thing.id, key.encode())
        size = math.prod(attribute.shape) * attribute.dtype.itemsize
        kind = attribute.dtype.kind
        is_text = kind == "O" and h5py.check_string_dtype(attribute.dtype) is not None
        if size > MAXIMUM_ATTRIBUTE_BYTES or (kind == "O" and not is_text) or kind == "V":
            raise ModelRefused(
                f"The attribute {_short(key)} of {_short(path)} in {name} is not one that Keras writes.",
                remedy=_DAMAGED,
            )


def _short(path: str) -> str:
    return repr(path if len(path) <= 80 else f"{path[:38]}…{path[-38:]}")
