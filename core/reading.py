"""Whatever a person gives the app, as samples that the model takes: the one entry to images, arrays, tables and text.

What a file is, its content decides; a name is only asked whether a text is a table of texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from core.arrays import holds_arrays, read_arrays
from core.errors import InputRejected
from core.images import SCALINGS, Fit, read_image
from core.inputs import MAXIMUM_BYTES, InputSpec, check
from core.mending import shape_text
from core.tables import MAXIMUM_LINES, decoded_text, read_table

__all__ = ["GivenFile", "Preparation", "Samples", "read_files", "read_text"]

_WHOLE_NPZ: Final = ""

# Beginnings of files that people do give, and what to do instead of reading them.
_OTHER_KINDS: Final = (
    (b"GIF8", "a GIF image", "Save it as PNG, JPEG or WebP."),
    (b"BM", "a BMP image", "Save it as PNG, JPEG or WebP."),
    (b"II*\0", "a TIFF image", "Save it as PNG, JPEG or WebP."),
    (b"MM\0*", "a TIFF image", "Save it as PNG, JPEG or WebP."),
    (b"\x1f\x8b", "compressed", "Unpack it first."),
    (b"BZh", "compressed", "Unpack it first."),
    (b"\x80\x04", "a pickle, which can run code when it is opened", "Save the array with numpy.save."),
    (b"\x80\x05", "a pickle, which can run code when it is opened", "Save the array with numpy.save."),
    (b"\x89HDF", "an HDF5 file", "Open models where models are opened; save data with numpy.save."),
    (b"%PDF", "a PDF", "Save the picture in it as PNG, or its text as plain text."),
    (b"RIFF", "a sound or a film", "Save the numbers that the model takes with numpy.save."),
)


@dataclass(frozen=True)
class Preparation:
    """How image files are made into the model's numbers, see ``core.images.read_image``.

    Attributes:
        scaling: Key of ``core.images.SCALINGS``.
        fit: ``"stretch"``, ``"crop"`` or ``"pad"``.
        invert: Makes dark what was light.
    """

    scaling: str = next(iter(SCALINGS))
    fit: Fit = "stretch"
    invert: bool = False


@dataclass(frozen=True)
class GivenFile:
    """A file as a person gave it: its name and its content."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Samples:
    """Data for every input of a model.

    Attributes:
        arrays: By the input's name, in the order of the inputs; each ``(sample, …)``, checked.
        labels: The true class of each sample, shape ``(sample,)``, numbers or strings; None if not known of all.
        names: What each sample is called: a file's name, ``"row 3"`` of a table, ``"line 3"`` of a text counted from
            1, ``"x_test.npy[3]"`` for an array counted from 0.
    """

    arrays: dict[str, np.ndarray]
    labels: np.ndarray | None
    names: tuple[str, ...]


@dataclass(frozen=True)
class _Part:
    """What one file holds for one input."""

    values: np.ndarray
    labels: np.ndarray | None
    names: tuple[str, ...]


def read_files(
    files: Mapping[str, Sequence[GivenFile]], specs: Sequence[InputSpec], preparation: Preparation | None = None
) -> Samples:
    """Return the samples in the files that were given for each input.

    Several files for an input follow one another. A ``.npz`` also fills the inputs that no file was given for.

    Args:
        files: Files by the input's name. A ``.npz`` for all inputs, or the files for a model's only input, may also
            be under the empty name.
        specs: What the model expects.
        preparation: How images are prepared; by default pixels / 255, stretched.

    Raises:
        InputRejected: If the model does not say what it expects, if an input is without data or unknown, if the inputs
            differ in their number of samples, or if a file does not fit.
    """
    preparation = preparation or Preparation()
    by_name = {spec.name: spec for spec in specs}
    if not by_name:
        raise InputRejected(
            "The model does not say what it expects.", remedy="Say the shape and the type of its input first."
        )
    given = {name: list(listed) for name, listed in files.items() if listed}
    whole = given.pop(_WHOLE_NPZ, [])
    if whole:
        given.setdefault(specs[0].name, []).extend(whole)
    unknown = [name for name in given if name not in by_name]
    if unknown:
        raise InputRejected(f"The model has no input '{unknown[0]}'.", remedy=f"Its inputs are: {', '.join(by_name)}.")
    parts: dict[str, list[_Part]] = {name: [] for name in by_name}
    for name, listed in given.items():
        for file in listed:
            open_specs = [by_name[name], *(spec for spec in specs if spec.name not in given)]
            for input_name, part in _read(file, open_specs, preparation).items():
                parts[input_name].append(part if len(listed) == 1 else _told_apart(part, file.name))
                if sum(one.values.nbytes for one in parts[input_name]) > MAXIMUM_BYTES:
                    raise InputRejected(
                        f"The files for the input '{input_name}' need too much memory together.",
                        remedy="Give fewer or smaller files.",
                    )
    missing = [name for name, found in parts.items() if not found]
    if missing:
        raise InputRejected(
            f"There is no data for the input '{missing[0]}'.",
            remedy="Give each input a file, or all of them one .npz with an array for each.",
        )
    return _joined({name: _concatenated(found, by_name[name]) for name, found in parts.items()})


def read_text(text: str, spec: InputSpec) -> Samples:
    """Return what a person typed: one sample per line that is not empty.

    Args:
        text: For an input of text, the text itself; for others, numbers with commas, semicolons or blanks between them.
        spec: What the input expects.

    Raises:
        InputRejected: If there is no line, or if the numbers do not fit.
    """
    part = _text_part(text, "The text", spec)
    return Samples({spec.name: part.values}, part.labels, part.names)


def _read(file: GivenFile, specs: Sequence[InputSpec], preparation: Preparation) -> dict[str, _Part]:
    """Return what a file holds for the first of these inputs; an archive for all of them."""
    spec = specs[0]
    if holds_arrays(file.data):
        return _array_parts(file, specs)
    if _is_image(file.data):
        values = read_image(
            file.data,
            file.name,
            spec,
            scaling=preparation.scaling,
            fit=preparation.fit,
            invert=preparation.invert,
        )
        return {spec.name: _Part(check(values[np.newaxis], spec, file.name), None, (file.name,))}
    for beginning, kind, remedy in _OTHER_KINDS:
        # Text may begin with two such letters, but holds no zeros.
        if file.data.startswith(beginning) and (len(beginning) > 2 or b"\0" in file.data or beginning[0] > 127):
            raise InputRejected(f"{file.name} is {kind}.", remedy=remedy)
    if spec.dtype == "string" and not file.name.lower().endswith((".csv", ".tsv")):
        return {spec.name: _text_part(decoded_text(file.data, file.name), file.name, spec)}
    table = read_table(file.data, file.name, spec)
    return {spec.name: _Part(check(table.values, spec, file.name), table.labels, table.names)}


def _is_image(data: bytes) -> bool:
    return data.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def _array_parts(file: GivenFile, specs: Sequence[InputSpec]) -> dict[str, _Part]:
    # An array by itself can only be meant for the input that it was given for.
    single = file.data.startswith(b"\x93NUMPY")
    found = read_arrays(file.data, file.name, specs[:1] if single else specs)
    parts = {}
    for spec in specs:
        if spec.name not in found.arrays:
            continue
        values = check(found.arrays[spec.name], spec, file.name)
        if found.labels is not None and len(found.labels) != len(values):
            raise InputRejected(
                f"{file.name} holds {len(values)} samples for the input '{spec.name}' and {len(found.labels)} labels.",
                remedy="Save one label per sample, or leave the labels out.",
            )
        names = (file.name,) if len(values) == 1 else tuple(f"{file.name}[{index}]" for index in range(len(values)))
        parts[spec.name] = _Part(values, found.labels, names)
    return parts


def _text_part(text: str, name: str, spec: InputSpec) -> _Part:
    if spec.dtype != "string":
        table = read_table(text.encode(), name, spec)
        return _Part(check(table.values, spec, name), table.labels, table.names)
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if not lines:
        raise InputRejected(f"{name} is empty.", remedy="Write one sample a line.")
    # NumPy gives every string the room of the longest.
    if len(lines) > MAXIMUM_LINES or len(lines) * max(len(line) for _, line in lines) * 4 > MAXIMUM_BYTES:
        raise InputRejected(f"{name} is too long: {len(lines)} lines.", remedy="Give fewer or shorter lines.")
    values = np.array([line for _, line in lines], dtype=str)  # (sample,)
    values = values.reshape(len(lines), *(1 for _ in spec.shape))  # (sample,) -> (sample, 1) where so expected
    return _Part(check(values, spec, name), None, tuple(f"line {number}" for number, _ in lines))


def _told_apart(part: _Part, file_name: str) -> _Part:
    """Return the part with the file's name in the names of its samples: every table has a row 1."""
    names = (name if name.startswith(file_name) else f"{file_name}, {name}" for name in part.names)
    return replace(part, names=tuple(names))


def _concatenated(parts: Sequence[_Part], spec: InputSpec) -> _Part:
    if len(parts) == 1:
        return parts[0]
    shapes = {part.values.shape[1:] for part in parts}
    if len(shapes) > 1:
        # Only where the model takes any size; one array holds samples of one.
        told = " and ".join(shape_text(shape) for shape in sorted(shapes)[:2])
        raise InputRejected(
            f"The files for the input '{spec.name}' differ in size: {told}.",
            remedy="Give samples of the same size together, the others one after another.",
        )
    labels = [part.labels for part in parts if part.labels is not None]
    return _Part(
        np.concatenate([part.values for part in parts]),
        np.concatenate(labels) if len(labels) == len(parts) else None,
        tuple(name for part in parts for name in part.names),
    )


def _joined(parts: Mapping[str, _Part]) -> Samples:
    counts = {name: len(part.values) for name, part in parts.items()}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"'{name}' has {count}" for name, count in counts.items())
        raise InputRejected(
            f"The inputs differ in their number of samples: {told}.",
            remedy="Give every input the same number of samples, in the same order.",
        )
    labels = next((part.labels for part in parts.values() if part.labels is not None), None)
    names = next(iter(parts.values())).names
    return Samples({name: part.values for name, part in parts.items()}, labels, names)


def number_labels(labels: Any, class_names: tuple[str, ...]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Turn labels that are names into class numbers.

    Args:
        labels: Shape ``(sample,)``, numbers or names; None if there are none.
        class_names: By class number; empty if unknown.

    Returns:
        Class numbers of shape ``(sample,)``, None where they cannot be told, and the class names.
    """
    if labels is None:
        return None, class_names
    labels = np.asarray(labels)
    if labels.dtype.kind in "iu":
        return labels, class_names
    if labels.dtype.kind == "f" and np.all(labels == np.rint(labels)):
        return labels.astype(np.int64), class_names
    names = list(class_names)
    numbers = []
    for label in map(str, labels):
        if label not in names:
            # Names that the model's own classes do not have cannot be set against its answer.
            return None, class_names
        numbers.append(names.index(label))
    return np.array(numbers), class_names
