"""``.npy`` and ``.npz`` files to arrays, matched to the inputs of a model.

Constraints: nothing is ever unpickled; a header is read before its payload, because a small archive can declare
gigabytes; and the content decides what a file is, not its name.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Final

import numpy as np

from core.errors import InputRejected
from core.inputs import MAXIMUM_BYTES, InputSpec
from core.mending import shape_text

__all__ = ["INPUT_KEYS", "LABEL_KEYS", "MAXIMUM_ARRAYS", "ArrayFile", "holds_arrays", "read_arrays"]

MAXIMUM_ARRAYS: Final = 1000
"""Most arrays that an archive may hold."""

INPUT_KEYS: Final = ("x", "inputs", "input", "data", "x_test")
"""Keys under which the data of a model with one input is looked for, the first found is taken."""

LABEL_KEYS: Final = ("y", "labels", "label", "targets", "y_test")
"""Keys under which the true classes are looked for."""

_NPY_MAGIC: Final = b"\x93NUMPY"
_ZIP_MAGIC: Final = b"PK\x03\x04"
_SAVE_AGAIN: Final = "Save it again with numpy.save or numpy.savez."


@dataclass(frozen=True)
class ArrayFile:
    """What a file of arrays holds.

    Attributes:
        arrays: One array per input, by the input's name, as it is in the file.
        labels: The true class of each sample, shape ``(sample,)``, numbers or strings; None if there are none.
    """

    arrays: Mapping[str, np.ndarray]
    labels: np.ndarray | None


def holds_arrays(data: bytes) -> bool:
    """Return whether a file's content begins like ``.npy`` or ``.npz`` (any zip archive)."""
    return data.startswith((_NPY_MAGIC, _ZIP_MAGIC))


def read_arrays(data: bytes, name: str, specs: Sequence[InputSpec]) -> ArrayFile:
    """Return the array of each input, and the labels, from a ``.npy`` or ``.npz`` file.

    In an archive an input is found under its name or ``input:`` and its name. A single input also under one of
    ``INPUT_KEYS``, or as the only array beside the labels. Arrays of other names are not read.

    Args:
        data: Content of the file.
        name: Name of the file, for messages.
        specs: The inputs that the file has to fill; their shapes are not compared here.

    Raises:
        InputRejected: If the file is damaged, needs pickle or too much memory, or does not hold every input.
    """
    if data.startswith(_NPY_MAGIC):
        if len(specs) != 1:
            raise InputRejected(
                f"{name} holds one array, the inputs {_quoted([spec.name for spec in specs])} need one each.",
                remedy="Save them together: numpy.savez('data.npz', "
                f"**{{{', '.join(f'{spec.name!r}: …' for spec in specs)}}}).",
            )
        return ArrayFile({specs[0].name: _read_array(io.BytesIO(data), name, len(data))}, None)
    members = _members(data, name)
    matches = _matched(list(members), name, specs)
    label_key = _label_key(members, matches)
    keys = {*matches.values(), *([label_key] if label_key else [])}
    if sum(members[key].file_size for key in keys) > MAXIMUM_BYTES:
        raise _too_large(name)
    loaded: dict[str, np.ndarray] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for key in keys:
            try:
                with archive.open(members[key]) as stream:
                    loaded[key] = _read_array(stream, f"{name}, array '{key}'", members[key].file_size)
            except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
                raise InputRejected(f"{name}: the array '{key}' is damaged.", remedy=_SAVE_AGAIN) from error
    labels = _as_labels(loaded[label_key], name) if label_key else None
    return ArrayFile({spec.name: loaded[matches[spec.name]] for spec in specs}, labels)


def _members(data: bytes, name: str) -> dict[str, zipfile.ZipInfo]:
    """Return the arrays of an archive by key."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InputRejected(f"{name} is a damaged archive.", remedy=_SAVE_AGAIN) from error
    arrays = {info.filename.removesuffix(".npy"): info for info in infos if info.filename.endswith(".npy")}
    if not arrays:
        raise InputRejected(
            f"{name} is an archive without arrays.",
            remedy="Give a .npz file as numpy.savez writes it; a model file belongs where models are opened.",
        )
    if len(infos) > MAXIMUM_ARRAYS or len({info.filename for info in infos}) != len(infos):
        raise InputRejected(f"{name} holds too many arrays, or two of the same name.", remedy=_SAVE_AGAIN)
    for key, info in arrays.items():
        # numpy.savez writes nothing else, and other methods can make gigabytes of a few bytes.
        if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InputRejected(
                f"{name}: the array '{key}' is encrypted or packed in an unusual way.", remedy=_SAVE_AGAIN
            )
    return arrays


def _matched(keys: Sequence[str], name: str, specs: Sequence[InputSpec]) -> dict[str, str]:
    """Return the key in the archive for each input's name."""
    matches = {
        spec.name: key for spec in specs for key in (f"input:{spec.name}", spec.name) if key in keys
    }  # the plain name wins
    if len(specs) == 1 and not matches:
        others = [key for key in keys if key not in LABEL_KEYS]
        common = [key for key in INPUT_KEYS if key in keys]
        only = others if len(others) == 1 else keys if len(keys) == 1 else common
        matches = {specs[0].name: only[0]} if only else {}
    missing = [spec.name for spec in specs if spec.name not in matches]
    if missing:
        raise InputRejected(
            f"{name} holds the arrays {_quoted(keys)}; expected were {_quoted([spec.name for spec in specs])}. "
            f"There is none for {_quoted(missing)}.",
            remedy="Save each array under its input's name: numpy.savez('data.npz', "
            f"**{{{', '.join(f'{name!r}: …' for name in missing)}}}).",
        )
    return matches


def _label_key(keys: Mapping[str, zipfile.ZipInfo], matches: Mapping[str, str]) -> str | None:
    free = [key for key in LABEL_KEYS if key in keys and key not in matches.values()]
    # In an archive of training and test data, the labels have to be of the same part.
    partner = {"x_test": ["y_test"], "x_train": ["y_train"]}.get(next(iter(matches.values()), ""))
    found = [key for key in partner if key in keys] if partner else free
    return found[0] if found else None


def _read_array(stream: IO[bytes], holder: str, size: int) -> np.ndarray:
    """Return one array, its header checked against the ``size`` of what follows before anything is reserved."""
    damaged = InputRejected(f"{holder} is not a readable NumPy array.", remedy=_SAVE_AGAIN)
    try:
        version = np.lib.format.read_magic(stream)
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, _, dtype = readers[version](stream)
    except Exception as error:  # the header is a Python literal: whatever can be wrong with one is raised
        raise damaged from error
    if dtype.hasobject or dtype.kind not in "biufUS":
        raise InputRejected(
            f"{holder} is of type {dtype}: only plain numbers and strings are read, as anything else can run code.",
            remedy="Save plain numbers or plain strings, such as array.astype('float32') or array.astype(str).",
        )
    if len(shape) > 32 or any(extent < 0 for extent in shape) or dtype.itemsize == 0:
        raise damaged
    bytes_declared = math.prod(shape) * dtype.itemsize
    if bytes_declared > MAXIMUM_BYTES:
        raise _too_large(f"{holder} ({shape_text(shape)} of {dtype})")
    if stream.tell() + bytes_declared > size:
        raise InputRejected(f"{holder} ends before its {shape_text(shape)} values do.", remedy=_SAVE_AGAIN)
    stream.seek(0)
    try:
        return np.lib.format.read_array(stream, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise damaged from error


def _too_large(what: str) -> InputRejected:
    return InputRejected(
        f"{what} needs more than {MAXIMUM_BYTES / 1024**3:.0f} GB of memory.", remedy="Save fewer samples."
    )


def _as_labels(labels: np.ndarray, name: str) -> np.ndarray:
    """Return ``(sample,)``: a column is flattened, one-hot rows become the number of the class."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2 and labels.dtype.kind in "biuf":
        one_hot = ((labels == 0) | (labels == 1)).all() and (labels.sum(axis=1) == 1).all()
        labels = labels.argmax(axis=1) if one_hot else labels
    if labels.ndim != 1:
        raise InputRejected(
            f"{name}: the labels hold {shape_text(labels.shape)}, one per sample is expected.",
            remedy="Save the number or the name of each sample's class, or leave the labels out.",
        )
    if labels.dtype.kind == "S":
        return np.char.decode(labels, "utf-8", "replace")
    return labels


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names[:20]) + (", …" if len(names) > 20 else "")
