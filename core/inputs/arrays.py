"""``.npy`` and ``.npz`` files to arrays, matched to the inputs of a model.

Constraints: nothing is ever unpickled; a header is read before its payload, because a small archive can declare
gigabytes, and its length before the header, because that can be gigabytes too; and the content decides what a file is,
not its name.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Final

import numpy as np

from core.common import file_signatures
from core.common.limits import format_limit, get_limits, raised_by
from core.common.text import list_names, safe_name
from core.errors import InputRejected
from core.inputs.array_roles import ArrayRoles, ArrayShapes, with_truths
from core.inputs.file_kinds import kind_of_archive
from core.inputs.model_output import ModelOutput, is_distribution
from core.inputs.remedies import shape_text
from core.inputs.spec import InputSpec

__all__ = [
    "INPUT_KEYS",
    "LABEL_KEYS",
    "ArrayFile",
    "as_labels",
    "check_header",
    "holds_arrays",
    "match_members",
    "read_arrays",
]

INPUT_KEYS: Final = ("x", "inputs", "input", "data", "x_test")
"""Keys under which the data of a model with one input is looked for, the first found is taken."""

LABEL_KEYS: Final = ("y", "labels", "label", "targets", "y_test")
"""Keys under which the labels are looked for."""

_LONGEST_HEADER: Final = 10_000  # what NumPy itself reads of a file that is not trusted
_MOST_AXES: Final = 32
_LARGEST_EXTENT: Final = 2**63 - 1
_LARGEST_CHARACTER: Final = 0x10FFFF
_SURROGATES: Final = (0xD800, 0xDFFF)
_SAVE_AGAIN: Final = "Save it again with numpy.save or numpy.savez."
_PLAIN_TYPES: Final = "Save plain numbers or plain strings, such as array.astype('float32') or array.astype(str)."


@dataclass(frozen=True)
class ArrayFile:
    """What a file of arrays holds.

    Attributes:
        arrays: One array per input, by the input's name, as it is in the file.
        labels: The label of each sample, see :func:`as_labels`; None if there are none.
        label_key: Name of the array of labels; empty if there is none.
        truths: What outputs beside the one that labels are set against are to answer, by the output's name.
        remarks: Which array is what where no usual name says it, and which are not used, in sentences.
    """

    arrays: Mapping[str, np.ndarray]
    labels: np.ndarray | None
    label_key: str = ""
    truths: Mapping[str, np.ndarray] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def holds_arrays(data: bytes) -> bool:
    """Return whether a file's content begins like ``.npy`` or ``.npz`` (any zip archive)."""
    return data.startswith((file_signatures.NPY, file_signatures.ZIP_LOCAL_FILE))


def read_arrays(data: bytes, name: str, specs: Sequence[InputSpec], outputs: Sequence[ModelOutput] = ()) -> ArrayFile:
    """Return the array of each input, and the labels, from a ``.npy`` or ``.npz`` file.

    In an archive an input is found under its name or ``input:`` and its name. A single input also under one of
    ``INPUT_KEYS``, as the only array beside the labels, or as the only one of its shape. Labels are found under one of
    ``LABEL_KEYS``, under an output's name, or as the only array left that has the shape of the answer. Other arrays are
    not read.

    Args:
        data: Content of the file.
        name: Name of the file, for messages.
        specs: The inputs that the file has to fill; whether what was found fits is not told here.
        outputs: What the model answers, the output that labels are set against first; empty if that is not known.

    Raises:
        InputRejected: If the file is damaged, needs pickle or too much memory, or does not hold every input.
    """
    name = safe_name(name)
    if data.startswith(file_signatures.NPY):
        if len(specs) != 1:
            raise InputRejected(
                f"{name} holds one array, the inputs {list_names(spec.name for spec in specs)} need one each.",
                remedy=f"Save them together: {_savez([spec.name for spec in specs])}.",
            )
        return ArrayFile({specs[0].name: _read_array(io.BytesIO(data), name, len(data))}, None)
    members, roles = match_members(io.BytesIO(data), name, specs, outputs)
    matches, label_key = roles.inputs, roles.label
    keys = {*matches.values(), *([label_key] if label_key else []), *roles.truths.values()}
    if sum(members[key].file_size for key in keys) > get_limits().input_bytes:
        raise _too_large(name)
    loaded: dict[str, np.ndarray] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for key in keys:
            holder = f"{name}, array '{safe_name(key)}'"
            try:
                # No more than the declared size ever comes out of the stream, whatever is packed into it.
                with archive.open(members[key]) as stream:
                    loaded[key] = _read_array(stream, holder, members[key].file_size)
            except InputRejected:
                raise
            except Exception as error:  # what zipfile and zlib raise about damaged archives is not documented
                raise InputRejected(f"{holder} is damaged.", remedy=_SAVE_AGAIN) from error
    labels = as_labels(loaded[label_key]) if label_key else None
    return ArrayFile(
        {spec.name: loaded[matches[spec.name]] for spec in specs},
        labels,
        label_key,
        {output: as_labels(loaded[key]) for output, key in roles.truths.items()},
        roles.remarks,
    )


def match_members(
    stream: IO[bytes], name: str, specs: Sequence[InputSpec], outputs: Sequence[ModelOutput] = ()
) -> tuple[dict[str, zipfile.ZipInfo], ArrayRoles]:
    """Find the arrays of an ``.npz`` archive without reading them.

    Returns:
        Its arrays by key, and what each is for.

    Raises:
        InputRejected: If the archive is damaged, or does not hold every input.
    """
    name = safe_name(name)
    members = _members(stream, name)
    with zipfile.ZipFile(stream) as archive:
        shapes = ArrayShapes(lambda key: _shape_of(archive, members[key], f"{name}, array '{safe_name(key)}'"))
        matches, remarks = _matched(list(members), name, specs, shapes)
        roles = ArrayRoles(matches, _label_key(members, matches) or "", remarks=remarks)
        return members, with_truths(roles, list(members), outputs, shapes)


def _shape_of(archive: zipfile.ZipFile, info: zipfile.ZipInfo, holder: str) -> tuple[tuple[int, ...], np.dtype] | None:
    """Return shape and type of an array in an archive; None where they cannot be read."""
    try:
        with archive.open(info) as member:
            shape, _, dtype = check_header(member, holder, info.file_size)
            return shape, dtype
    except Exception:  # as above; what is read of it later says what is wrong
        return None


def _members(stream: IO[bytes], name: str) -> dict[str, zipfile.ZipInfo]:
    """Return the arrays of an archive by key."""
    most = get_limits().arrays
    # Each member takes half a kilobyte as soon as it is listed, and an upload has room for millions.
    if isinstance(stream, io.BytesIO) and stream.getvalue().count(file_signatures.ZIP_CENTRAL_DIRECTORY) > most:
        raise InputRejected(
            f"{name} holds more than {most:,} arrays.", remedy=f"Save only what is needed. {raised_by('arrays')}"
        )
    try:
        with zipfile.ZipFile(stream) as archive:
            infos = archive.infolist()
    except Exception as error:  # as above
        raise InputRejected(
            f"{name} is a damaged archive, or not all of it has arrived.", remedy=f"Copy it again. {_SAVE_AGAIN}"
        ) from error
    arrays = {info.filename.removesuffix(".npy"): info for info in infos if info.filename.endswith(".npy")}
    if not arrays:
        kind, remedy = kind_of_archive({info.filename for info in infos})
        raise InputRejected(f"{name} is {kind}; expected was a .npz file, an archive of arrays.", remedy=remedy)
    if len({info.filename for info in infos}) != len(infos):
        raise InputRejected(f"{name} holds two arrays of the same name.", remedy=_SAVE_AGAIN)
    for key, info in arrays.items():
        # numpy.savez writes nothing else, and other methods can make gigabytes of a few bytes.
        if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InputRejected(
                f"{name}: the array '{safe_name(key)}' is encrypted or packed in an unusual way.", remedy=_SAVE_AGAIN
            )
    return arrays


def _matched(
    keys: Sequence[str], name: str, specs: Sequence[InputSpec], shapes: ArrayShapes
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the key in the archive for each input's name, and why where no name says it."""
    remarks: tuple[str, ...] = ()
    matches = {
        spec.name: key for spec in specs for key in (f"input:{spec.name}", spec.name) if key in keys
    }  # the plain name wins
    if len(specs) == 1 and not matches:
        others = [key for key in keys if key not in LABEL_KEYS]
        common = [key for key in INPUT_KEYS if key in keys]
        only = others if len(others) == 1 else keys if len(keys) == 1 else common
        matches = {specs[0].name: only[0]} if only else {}
        if not only and len(fitting := shapes.fitting(others, specs[0])) == 1:
            matches = {specs[0].name: fitting[0]}
            remarks = (f"The array '{safe_name(fitting[0])}' goes in: it is the only one of the input's shape.",)
    missing = [spec.name for spec in specs if spec.name not in matches]
    if missing:
        raise InputRejected(
            f"{name} holds the arrays {list_names(keys)}; expected were {list_names(spec.name for spec in specs)}. "
            f"There is none for {list_names(missing)}.",
            remedy=f"Save each array under its input's name: {_savez(missing)}.",
        )
    return matches, remarks


def _label_key(keys: Mapping[str, zipfile.ZipInfo], matches: Mapping[str, str]) -> str | None:
    free = [key for key in LABEL_KEYS if key in keys and key not in matches.values()]
    # In an archive of training and test data, the labels have to be of the same part.
    partner = {"x_test": ["y_test"], "x_train": ["y_train"]}.get(next(iter(matches.values()), ""))
    found = [key for key in partner if key in keys] if partner else free
    return found[0] if found else None


def check_header(
    stream: IO[bytes], holder: str, size: int, most: int | None = None
) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Return shape, whether it is stored by columns, and type of an array; the stream is then at its values.

    Args:
        stream: At the beginning of a ``.npy`` file.
        holder: What to call it in messages.
        size: How long that file is.
        most: How many bytes its values may take; None sets no limit.

    Raises:
        InputRejected: If it is not readable without pickle, is too large, or has another length than it says.
    """
    begin = stream.tell()
    shape, in_columns, dtype = _read_header(stream, holder)
    if dtype.hasobject:
        raise InputRejected(
            f"{holder} is of type {safe_name(dtype)}, which would have to be unpickled, and a pickle can run code. "
            "Nothing is unpickled here (allow_pickle=False).",
            remedy=_PLAIN_TYPES,
        )
    if dtype.kind not in "biufUS":
        raise InputRejected(
            f"{holder} is of type {safe_name(dtype)}; expected were plain numbers, booleans or strings.",
            remedy=_PLAIN_TYPES,
        )
    if dtype.itemsize == 0 or len(shape) > _MOST_AXES or not all(_is_extent(extent) for extent in shape):
        raise _unreadable(holder)
    bytes_declared = math.prod(shape) * dtype.itemsize
    found = f"{shape_text(shape)} values of {dtype}"
    if most is not None and bytes_declared > most:
        raise _too_large(f"{holder} ({found})")
    left = size - (stream.tell() - begin)
    if bytes_declared > left:
        raise InputRejected(
            f"{holder} is cut off: it declares {found}, {bytes_declared:,} bytes, and {left:,} bytes follow.",
            remedy=f"Copy it again. {_SAVE_AGAIN}",
        )
    if bytes_declared < left:
        raise InputRejected(
            f"{holder} declares {found}, {bytes_declared:,} bytes, and {left:,} bytes follow.",
            remedy="Save one array in a .npy file, several with numpy.savez.",
        )
    return shape, in_columns, dtype


def _read_array(stream: IO[bytes], holder: str, size: int) -> np.ndarray:
    """Return one array, its header checked against the ``size`` of what follows before anything is reserved."""
    check_header(stream, holder, size, most=get_limits().input_bytes)
    stream.seek(0)
    try:
        array = np.lib.format.read_array(stream, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise _unreadable(holder) from error
    _check_characters(array, holder)
    return array


def _read_header(stream: IO[bytes], holder: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Return shape, order and type in a header, after its length was looked at."""
    try:
        major, minor = np.lib.format.read_magic(stream)
        # A header of version 3.0 differs in the names of fields only, and what has fields is refused.
        read, form = {
            (1, 0): (np.lib.format.read_array_header_1_0, "<H"),
            (2, 0): (np.lib.format.read_array_header_2_0, "<I"),
            (3, 0): (np.lib.format.read_array_header_2_0, "<I"),
        }[major, minor]
        length = stream.read(struct.calcsize(form))
        header = stream.read(min(struct.unpack(form, length)[0], _LONGEST_HEADER + 1))
        shape, in_columns, dtype = read(io.BytesIO(length + header))
    except Exception as error:  # the header is a Python literal: whatever can be wrong with one is raised
        raise _unreadable(holder) from error
    return shape, in_columns, dtype


def _is_extent(extent: int) -> bool:
    return not isinstance(extent, bool) and 0 <= extent <= _LARGEST_EXTENT


def _check_characters(array: np.ndarray, holder: str) -> None:
    if array.dtype.kind != "U" or not array.size:
        return
    codes = np.ascontiguousarray(array).reshape(-1).view(np.dtype(np.uint32).newbyteorder(array.dtype.byteorder))
    if codes.max() > _LARGEST_CHARACTER or ((codes >= _SURROGATES[0]) & (codes <= _SURROGATES[1])).any():
        raise InputRejected(f"{holder} holds characters that do not exist in Unicode.", remedy=_SAVE_AGAIN)


def _unreadable(holder: str) -> InputRejected:
    return InputRejected(f"{holder} is not a readable NumPy array.", remedy=_SAVE_AGAIN)


def _too_large(what: str) -> InputRejected:
    return InputRejected(
        f"{what} needs more than {format_limit(get_limits().input_bytes)} of memory.",
        remedy=f"Save fewer samples. {raised_by('input_bytes')}",
    )


def as_labels(labels: np.ndarray) -> np.ndarray:
    """Return labels as numbers or names, shape ``(sample,)``, where they are one for each sample.

    A column is flattened; one-hot rows, and rows of probabilities, become the number of the class. What is of another
    form, such as several numbers to be answered for each sample, stays as it is.
    """
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2 and labels.shape[1] > 1 and labels.dtype.kind in "biuf":
        labels = labels.argmax(axis=1) if is_distribution(labels) else labels
    return np.char.decode(labels, "utf-8", "replace") if labels.dtype.kind == "S" else labels


def _savez(names: Sequence[str]) -> str:
    keywords = ", ".join(f"'{safe_name(name)}': …" for name in names[:20])
    return f"numpy.savez('data.npz', **{{{keywords}{', …' if len(names) > 20 else ''}}})"
