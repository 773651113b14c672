"""What one file holds for one input of a model, and what several of them hold together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from core.common.text import number_text
from core.errors import InputRejected
from core.inputs.checking import check_memory
from core.inputs.remedies import shape_text
from core.inputs.spec import InputSpec, value_count

__all__ = ["FileContent", "FileReaders", "UploadedFile", "concatenated", "with_file_name"]


@dataclass(frozen=True)
class UploadedFile:
    """A file as a person gave it: its name and its content."""

    name: str
    data: bytes


@dataclass(frozen=True)
class FileContent:
    """What one file holds for one input; see :class:`core.inputs.files.Samples`."""

    values: np.ndarray
    labels: np.ndarray | None
    names: tuple[str, ...]
    labels_origin: str = "labels"
    feature_names: tuple[str, ...] = ()
    scaling: str = ""
    notes: tuple[str, ...] = ()
    sampling_rate: int = 0
    truths: Mapping[str, np.ndarray] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()


FileReaders: TypeAlias = Callable[[UploadedFile, InputSpec], tuple[FileContent | None, tuple[str, ...]]]
"""Who else reads files: returns what a file holds for an input, checked, or None where nobody took it for theirs; and
a sentence for each of them that failed."""


def with_file_name(part: FileContent, file_name: str) -> FileContent:
    """Return the part with the file's name in the names of its samples: every table has a row 1."""
    names = (name if name.startswith(file_name) else f"{file_name}, {name}" for name in part.names)
    return replace(part, names=tuple(names))


def concatenated(parts: Sequence[FileContent], spec: InputSpec) -> FileContent:
    """Return what several files hold for one input, one after another.

    Raises:
        InputRejected: If their samples differ in size, or sounds of any length need too much memory together.
    """
    if len(parts) == 1:
        return parts[0]
    parts = _as_long_as_the_longest(parts, spec)
    shapes = {part.values.shape[1:] for part in parts}
    if len(shapes) > 1:
        # Only where the model takes any size; one array holds samples of one.
        examples = " and ".join(shape_text(shape) for shape in sorted(shapes)[:2])
        raise InputRejected(
            f"The files for the input '{spec.shown_name}' differ in size: {examples}.",
            remedy="Give samples of the same size together, the others one after another.",
        )
    labels = [part.labels for part in parts if part.labels is not None]
    outputs = set.intersection(*({*part.truths} for part in parts))
    all_labelled = len(labels) == len(parts) and len({array.shape[1:] for array in labels}) == 1
    return FileContent(
        np.concatenate([part.values for part in parts]),
        np.concatenate(labels) if all_labelled else None,
        tuple(name for part in parts for name in part.names),
        parts[0].labels_origin,
        parts[0].feature_names if len({part.feature_names for part in parts}) == 1 else (),
        parts[0].scaling if len({part.scaling for part in parts}) == 1 else "",
        tuple(note for part in parts for note in part.notes or ("",) * len(part.values)),
        parts[0].sampling_rate if len({part.sampling_rate for part in parts}) == 1 else 0,
        {output: np.concatenate([part.truths[output] for part in parts]) for output in sorted(outputs)},
        tuple(dict.fromkeys(remark for part in parts for remark in part.remarks)),
        parts[0].class_names if len({part.class_names for part in parts}) == 1 else (),
    )


def _as_long_as_the_longest(parts: Sequence[FileContent], spec: InputSpec) -> Sequence[FileContent]:
    """Return sounds for an input of any length with zeros behind those that are shorter.

    ``keras.utils.audio_dataset_from_directory`` makes batches so, where no length is said.
    """
    if not all(part.sampling_rate for part in parts):
        return parts
    longest = max(part.values.shape[1] for part in parts)
    check_memory(
        sum(len(part.values) for part in parts) * longest * value_count(spec.shape[1:]) * spec.numpy_dtype.itemsize,
        "The sounds, each as long as the longest,",
    )
    return [part if part.values.shape[1] == longest else _with_zeros(part, longest) for part in parts]


def _with_zeros(part: FileContent, length: int) -> FileContent:
    before = part.values.shape[1]
    values = np.pad(part.values, [(0, 0), (0, length - before), *[(0, 0)] * (part.values.ndim - 2)])
    seconds = number_text((length - before) / part.sampling_rate)
    notes = tuple(f"{note}, {seconds} s of zeros behind its end: as long as the longest" for note in part.notes)
    return replace(part, values=values, notes=notes)
