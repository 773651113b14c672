"""Arrays of a run, read without trust: Zarr of the plainest kind, numbers one after another in chunks of one size.

Zarr may compress, filter and divide in ways that let a small file ask for any amount of memory, or run code. A run
needs none of that. So what an array must look like is known from the run's ledger, anything else is refused, and each
file is as long as its numbers before a byte of it is read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from itertools import product
from typing import Any, Final

import numpy as np

from core.common.limits import format_limit, get_limits, raised_by
from core.common.text import safe_name
from core.errors import InputRejected
from core.training.run_files import RunFiles

__all__ = ["damaged", "read_array", "read_attributes", "read_part_of_rows", "read_rows"]

_MOST_METADATA: Final = 50_000_000
_MOST_CHUNKS: Final = 200_000
_AGAIN: Final = "Copy the run again, or record another one."


def damaged(what: str) -> InputRejected:
    """Return what is said of a part of a run that is not as the ledger says."""
    return InputRejected(f"The run's {safe_name(what)} is damaged or was not written by Layerscope.", remedy=_AGAIN)


def read_attributes(files: RunFiles, folder: str, name: str) -> Any:
    """Return an attribute of a Zarr group; None if there is no such group or attribute.

    Raises:
        InputRejected: If what describes the group is no JSON, or too long.
    """
    metadata = _metadata(files, folder)
    attributes = None if metadata is None else metadata.get("attributes")
    return attributes.get(name) if isinstance(attributes, dict) else None


def read_array(files: RunFiles, path: str, shape: Sequence[int], dtype: str) -> np.ndarray:
    """Return an array whole.

    Args:
        files: Of the run.
        path: Of the array.
        shape: What the ledger says that its extents are.
        dtype: What the ledger says that its numbers are.

    Raises:
        InputRejected: If the array is another, or larger than the limit.
    """
    if not shape:
        return read_array(files, path, (1,), dtype)[0]
    return read_rows(files, path, shape[0], shape[1:], dtype)


def read_rows(
    files: RunFiles, path: str, rows: int, row_shape: Sequence[int], dtype: str, fill: float = np.nan
) -> np.ndarray:
    """Return the first rows of an array that may have room for more; what was not written is filled.

    Args:
        files: Of the run.
        path: Of the array.
        rows: How many rows the ledger says that there are.
        row_shape: Extents of each.
        dtype: What the numbers are.
        fill: Stands for what was not written; numbers that are no floats are 0 there.

    Raises:
        InputRejected: If the array is another, or larger than the limit.
    """
    kind = np.dtype(dtype).newbyteorder("<")
    shape = (rows, *row_shape)
    _refuse_what_is_large(path, shape, kind)
    if not rows:
        # A run that is just begun need not have its arrays yet.
        return np.empty(shape, kind.newbyteorder("="))
    chunk = _checked_chunk(files, path, shape, dtype)
    values = np.full(shape, fill if kind.kind == "f" else 0, kind.newbyteorder("="))
    expected = math.prod(chunk) * kind.itemsize
    counts = [math.ceil(extent / step) for extent, step in zip(shape, chunk, strict=True)]
    if math.prod(counts) > _MOST_CHUNKS:
        raise damaged(path)
    for numbers in product(*map(range, counts)):
        content = _chunk_content(files, f"{path}/c/{'/'.join(map(str, numbers))}", expected)
        if content is None:
            continue
        part = np.frombuffer(content, kind).reshape(chunk)
        places = tuple(
            slice(number * step, min((number + 1) * step, extent))
            for number, step, extent in zip(numbers, chunk, shape, strict=True)
        )
        values[places] = part[tuple(slice(0, place.stop - place.start) for place in places)]
    return values


def read_part_of_rows(
    files: RunFiles, path: str, rows: range, row_shape: Sequence[int], dtype: str, part: slice
) -> np.ndarray:
    """Return a part of some rows of an array in which each row is a file; NaN for rows that were not written.

    Args:
        files: Of the run.
        path: Of the array.
        rows: Which rows, of those that the ledger says that there are.
        row_shape: Extents of each.
        dtype: What the numbers are, a type of floats.
        part: Which positions of the second axis.

    Raises:
        InputRejected: If the array is another, or the part larger than the limit.
    """
    kind = np.dtype(dtype).newbyteorder("<")
    shape = (len(rows), part.stop - part.start, *row_shape[1:])
    _refuse_what_is_large(path, shape, kind)
    if _checked_chunk(files, path, (rows.stop, *row_shape), dtype) != (1, *row_shape):
        raise damaged(path)
    values = np.full(shape, np.nan, kind.newbyteorder("="))
    position = math.prod(row_shape[1:]) * kind.itemsize
    expected = row_shape[0] * position
    rest = "/0" * len(row_shape)
    for place, row in enumerate(rows):
        file = f"{path}/c/{row}{rest}"
        size = files.size(file)
        if size is None:
            continue
        content = files.read(file, shape[1] * position, part.start * position) if size == expected else b""
        if len(content) != shape[1] * position:
            raise damaged(path)
        values[place] = np.frombuffer(content, kind).reshape(shape[1:])
    return values


def _chunk_content(files: RunFiles, path: str, expected: int) -> bytes | None:
    size = files.size(path)
    if size is None:
        return None
    content = files.read(path, expected) if size == expected else b""
    if len(content) != expected:
        raise damaged(path)
    return content


def _refuse_what_is_large(path: str, shape: Sequence[int], kind: np.dtype[Any]) -> None:
    most = get_limits().input_bytes
    if math.prod(shape) * kind.itemsize > most:
        raise InputRejected(
            f"The run's {safe_name(path)} takes more than {format_limit(most)}.", remedy=raised_by("input_bytes")
        )


def _metadata(files: RunFiles, folder: str) -> dict[str, Any] | None:
    path = f"{folder}/zarr.json" if folder else "zarr.json"
    size = files.size(path)
    if size is None:
        return None
    if size > _MOST_METADATA:
        raise damaged(path)
    try:
        metadata = json.loads(files.read(path, _MOST_METADATA))
    except (ValueError, RecursionError) as error:
        raise damaged(path) from error
    return metadata if isinstance(metadata, dict) else None


def _checked_chunk(files: RunFiles, path: str, shape: Sequence[int], dtype: str) -> tuple[int, ...]:
    """Return the extents of an array's chunks, after it was found to be of the plainest kind."""
    metadata = _metadata(files, path) or {}
    expected = {
        "zarr_format": 3,
        "node_type": "array",
        "data_type": dtype,
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
    }
    is_plain = all(metadata.get(name) == value for name, value in expected.items())
    extents, chunk = _extents(metadata.get("shape")), _chunk_extents(metadata.get("chunk_grid"))
    if not is_plain or metadata.get("codecs") not in _PLAIN_CODECS or metadata.get("storage_transformers"):
        raise damaged(path)
    if len(chunk) != len(shape) or 0 in chunk or extents[1:] != tuple(shape[1:]) or extents[:1] < tuple(shape[:1]):
        raise damaged(path)
    # A chunk may be larger than what is asked of it, by no more than it takes to hold rows to come.
    _refuse_what_is_large(path, chunk, np.dtype(dtype))
    return chunk


_PLAIN_CODECS: Final = (
    [{"name": "bytes", "configuration": {"endian": "little"}}],
    [{"name": "bytes", "configuration": {}}],
    [{"name": "bytes"}],
)


def _chunk_extents(grid: Any) -> tuple[int, ...]:
    configuration = grid.get("configuration") if isinstance(grid, dict) and grid.get("name") == "regular" else None
    return _extents(configuration.get("chunk_shape")) if isinstance(configuration, dict) else ()


def _extents(value: Any) -> tuple[int, ...]:
    is_whole = isinstance(value, list) and all(type(each) is int and each >= 0 for each in value)
    return tuple(value) if is_whole else ()
