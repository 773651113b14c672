"""Labels that lie in a file of their own, put beside the samples that they are for."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from core.common import file_signatures
from core.common.limits import format_limit, get_limits, raised_by
from core.common.text import count_text, safe_name
from core.errors import InputRejected
from core.inputs.array_files import write_arrays
from core.inputs.arrays import check_header
from core.inputs.checking import check_memory

__all__ = ["with_labels"]

_LABELS: Final = "y"
"""A name under which labels are looked for in an archive of arrays."""
_HEADERS: Final = frozenset({"label", "labels", "class", "target", "y"})
"""What stands over a column of labels."""


def with_labels(files: list[tuple[str, bytes]], labels: Path, name_of_input: str) -> list[tuple[str, bytes]]:
    """Return files of samples together with their labels.

    Arrays get the labels as another array, from ``.npy``, or from a text or table with one in each line. Pictures and
    sounds get them as the table that they are, with a column of file names.

    Args:
        files: Name and content of each file of samples.
        labels: Path of the labels.
        name_of_input: Name of the model's input, for an array alone.

    Raises:
        InputRejected: If the labels cannot be read, are not as many as the samples, or such samples take none.
    """
    name, data = files[0]
    try:
        if data.startswith(file_signatures.NPY):
            arrays = {name_of_input: _array(data, name)}
        elif name.lower().endswith(".npz"):
            _refuse_large_archive(data, name)
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                arrays = dict(archive)
        else:
            return _with_table(files, labels)
    except (ValueError, OSError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise InputRejected(
            f"The arrays in {safe_name(name)} cannot be read: {error}.", remedy="Save them again by numpy."
        ) from error
    values = _values(labels)
    count = len(next(iter(arrays.values())))
    if len(values) != count:
        raise InputRejected(
            f"{safe_name(labels.name)} holds {count_text(len(values), 'label')}, {safe_name(name)} "
            f"{count_text(count, 'sample')}.",
            remedy="Give one label for each sample, in the same order.",
        )
    buffer = io.BytesIO()
    write_arrays(buffer, {**arrays, _LABELS: values})
    return [(f"{Path(name).stem}.npz", buffer.getvalue())]


def _array(data: bytes, name: str) -> np.ndarray:
    """Return the array in a ``.npy`` file, whose header is looked at before anything is reserved for it."""
    check_header(io.BytesIO(data), safe_name(name), len(data), get_limits().input_bytes)
    array: np.ndarray = np.load(io.BytesIO(data), allow_pickle=False)
    return array


def _refuse_large_archive(data: bytes, name: str) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        # No more is read of a member than it declares.
        check_memory(sum(info.file_size for info in archive.infolist()), safe_name(name))


def _with_table(files: list[tuple[str, bytes]], labels: Path) -> list[tuple[str, bytes]]:
    name = files[0][0].lower()
    if name.endswith((".csv", ".tsv", ".txt")) or labels.suffix.lower() not in (".csv", ".tsv"):
        raise InputRejected(
            f"{safe_name(labels.name)} cannot be set beside {safe_name(files[0][0])}.",
            remedy="Give a table its labels as a column 'label', and pictures or sounds theirs as a table (.csv) with "
            "a column of file names and one of labels.",
        )
    return [*files, (labels.name, labels.read_bytes())]


def _values(path: Path) -> np.ndarray:
    """Return labels from a file: numbers where all of them are, or else texts."""
    limit = get_limits().upload_bytes
    if path.stat().st_size > limit:
        raise InputRejected(
            f"{safe_name(path.name)} needs more than {format_limit(limit)} of memory.",
            remedy=f"Give fewer samples. {raised_by('upload_bytes')}",
        )
    try:
        if path.suffix.lower() == ".npy":
            return _array(path.read_bytes(), path.name)
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (ValueError, OSError) as error:
        raise InputRejected(
            f"The labels in {safe_name(path.name)} cannot be read: {error}.",
            remedy="Give .npy, or a text with one label a line.",
        ) from error
    lines = [line for line in lines if line]
    texts = pd.Series(lines[1:] if lines and lines[0].strip('"').lower() in _HEADERS else lines, dtype=object)
    numbers = pd.to_numeric(texts, errors="coerce")
    if numbers.isna().any() or not len(numbers):
        return texts.to_numpy(dtype=str)
    return numbers.to_numpy()
