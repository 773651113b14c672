"""Whatever a person gives the app, as samples that the model takes: the one entry to images, arrays, tables and text.

What a file is, its content decides; a name is only asked whether a text is a table of texts.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from core.common import file_signatures
from core.common.limits import format_limit, get_limits, raised_by
from core.common.text import list_names, safe_name
from core.errors import InputRejected
from core.inputs.arrays import holds_arrays, read_arrays
from core.inputs.checking import check
from core.inputs.file_kinds import kind_of, kind_promised_by
from core.inputs.images import SCALINGS, Fit, holds_image, read_image
from core.inputs.picture_files import FOLDER_NAMES, PictureFiles, holds_pictures, pictures_in_archive
from core.inputs.remedies import shape_text
from core.inputs.spec import InputSpec
from core.inputs.tables import Table, read_table
from core.inputs.text_lines import decoded_text, lines_with_content

__all__ = ["Preparation", "Samples", "UploadedFile", "read_files", "read_text"]

_WHOLE_NPZ: Final = ""


@dataclass(frozen=True)
class Preparation:
    """How image files are made into the model's numbers, see ``core.inputs.images.read_image``.

    Attributes:
        scaling: Key of ``core.inputs.images.SCALINGS``.
        fit: ``"stretch"``, ``"crop"`` or ``"pad"``.
        invert: Makes dark what was light.
        scale_arrays: Whether the numbers of arrays and tables are pixels 0 to 255 too, that are to be scaled.
    """

    scaling: str = next(iter(SCALINGS))
    fit: Fit = "stretch"
    invert: bool = False
    scale_arrays: bool = False

    def scaled(self, values: np.ndarray, spec: InputSpec) -> np.ndarray:
        """Return an array of samples, shape ``(sample, *input)``, scaled like images where that is asked for.

        Raises:
            InputRejected: If the scaling is per colour and the samples have other channels.
        """
        if not self.scale_arrays or spec.kind != "image" or not spec.frame or spec.is_integer:
            return values
        images = SCALINGS[self.scaling].apply(spec.as_images(values))
        return spec.from_images(images).astype(values.dtype)

    def picture(self, data: bytes, name: str, spec: InputSpec) -> np.ndarray:
        """Return an image file as one sample of an input, see :func:`core.inputs.images.read_image`.

        Raises:
            InputRejected: If it is damaged, or the input takes no pictures.
        """
        return read_image(data, name, spec, scaling=self.scaling, fit=self.fit, invert=self.invert)

    def pictures(self, files: PictureFiles, positions: Iterable[int], spec: InputSpec) -> np.ndarray:
        """Return several image files as samples of an input, shape ``(sample, *input)``.

        Raises:
            InputRejected: If one is damaged, if they differ in size, or take too much memory together.
        """
        samples: list[np.ndarray] = []
        most = get_limits().input_bytes
        for position in positions:
            samples.append(self.picture(files.read(position), files.names[position], spec))
            if samples[-1].shape != samples[0].shape:
                raise InputRejected(
                    f"{safe_name(files.names[position])} differs in size from the images before it.",
                    remedy="The model takes images as they are: bring them to one size first.",
                )
            if samples[0].nbytes * len(samples) > most:
                raise InputRejected(
                    f"The images need more than {format_limit(most)} of memory together.",
                    remedy=f"Give fewer. {raised_by('input_bytes')}",
                )
        return np.stack(samples)


@dataclass(frozen=True)
class UploadedFile:
    """A file as a person gave it: its name and its content."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Samples:
    """Data for every input of a model.

    Attributes:
        arrays: By the input's name, in the order of the inputs; each ``(sample, …)``, checked.
        labels: The label of each sample as it was given, numbers or strings, shape ``(sample,)``, or several numbers
            for each; None if not known of all. What they mean, :func:`core.inputs.labels.match_labels` finds out.
        names: What each sample is called: a file's name, ``"row 3"`` of a table, ``"line 3"`` of a text counted from
            1, ``"x_test.npy[3]"`` for an array counted from 0.
        labels_origin: What the labels are called in sentences, such as ``"folder names"``.
        feature_names: Names of the last axis by the input's name, where the file has some.
        scalings: How pixels became numbers by the input's name, a key of :data:`core.inputs.images.SCALINGS`; inputs
            whose numbers stand in the files as they are are left out.
        are_noise: Whether they are random numbers, and nobody's data.
    """

    arrays: dict[str, np.ndarray]
    labels: np.ndarray | None
    names: tuple[str, ...]
    labels_origin: str = "labels"
    feature_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scalings: Mapping[str, str] = field(default_factory=dict)
    are_noise: bool = False


@dataclass(frozen=True)
class _FileContent:
    """What one file holds for one input."""

    values: np.ndarray
    labels: np.ndarray | None
    names: tuple[str, ...]
    labels_origin: str = "labels"
    feature_names: tuple[str, ...] = ()
    scaling: str = ""


def read_files(
    files: Mapping[str, Sequence[UploadedFile]], specs: Sequence[InputSpec], preparation: Preparation | None = None
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
    files_of_input = {name: list(uploads) for name, uploads in files.items() if uploads}
    archives = files_of_input.pop(_WHOLE_NPZ, [])
    if archives:
        files_of_input.setdefault(specs[0].name, []).extend(archives)
    unknown = [name for name in files_of_input if name not in by_name]
    if unknown:
        raise InputRejected(
            f"The model has no input '{safe_name(unknown[0])}'.", remedy=f"Its inputs are: {list_names(by_name)}."
        )
    parts: dict[str, list[_FileContent]] = {name: [] for name in by_name}
    limits = get_limits()
    for name, uploads in files_of_input.items():
        for file in uploads:
            open_specs = [by_name[name], *(spec for spec in specs if spec.name not in files_of_input)]
            for input_name, content in _read_named(file, open_specs, preparation).items():
                is_alone = len(uploads) == 1
                parts[input_name].append(content if is_alone else _with_file_name(content, safe_name(file.name)))
                if sum(part.values.nbytes for part in parts[input_name]) > limits.input_bytes:
                    raise InputRejected(
                        f"The files for the input '{safe_name(input_name)}' need more than "
                        f"{format_limit(limits.input_bytes)} of memory together.",
                        remedy=f"Give fewer or smaller files. {raised_by('input_bytes')}",
                    )
    empty_inputs = [name for name, contents in parts.items() if not contents]
    if empty_inputs:
        raise InputRejected(
            f"There is no data for the input '{safe_name(empty_inputs[0])}'.",
            remedy="Give each input a file, or all of them one .npz with an array for each.",
        )
    return _joined({name: _concatenated(contents, by_name[name]) for name, contents in parts.items()})


def read_text(text: str, spec: InputSpec) -> Samples:
    """Return what a person typed: one sample per line that is not empty.

    Args:
        text: For an input of text, the text itself; for others, numbers with commas, semicolons or blanks between them.
        spec: What the input expects.

    Raises:
        InputRejected: If there is no line, or if the numbers do not fit.
    """
    return _joined({spec.name: _text_part(text, "The text", spec)})


def _read_named(file: UploadedFile, specs: Sequence[InputSpec], preparation: Preparation) -> dict[str, _FileContent]:
    """Return what a file holds, see :func:`_read`; an error says which file it is about."""
    try:
        return _read(file, specs, preparation)
    except InputRejected as error:
        error.file = file.name
        raise


def _read(file: UploadedFile, specs: Sequence[InputSpec], preparation: Preparation) -> dict[str, _FileContent]:
    """Return what a file holds for the first of these inputs; an archive for all of them."""
    spec, name = specs[0], safe_name(file.name)
    _check_size(file, name)
    if file.data.startswith(file_signatures.ZIP) and holds_pictures(io.BytesIO(file.data)):
        return {spec.name: _pictures_part(file, spec, preparation)}
    if holds_arrays(file.data):
        return {
            input_name: _scaled(part, next(spec for spec in specs if spec.name == input_name), preparation)
            for input_name, part in _array_parts(file, specs).items()
        }
    if holds_image(file.data):
        values = preparation.picture(file.data, name, spec)
        content = _FileContent(check(values[np.newaxis], spec, name), None, (name,), scaling=preparation.scaling)
        return {spec.name: content}
    promised_kind = kind_promised_by(file.name)
    foreign_kind = kind_of(file.data, markup=spec.dtype != "string")
    if foreign_kind:
        expected = f"; expected was {promised_kind}, as its name says" if promised_kind else ""
        raise InputRejected(f"{name} is {foreign_kind[0]}{expected}.", remedy=foreign_kind[1])
    try:
        text = decoded_text(file.data, name)
        if spec.dtype == "string" and not file.name.lower().endswith((".csv", ".tsv")):
            return {spec.name: _text_part(text, name, spec)}
        table = read_table(file.data, name, spec)
    except InputRejected as error:
        if not promised_kind:
            raise
        # What a text would have to hold is of no use to who gave a picture.
        raise InputRejected(
            f"{name} is not {promised_kind}, though its name says so.",
            remedy="Take it out, or give the file that was meant.",
        ) from error
    return {spec.name: _scaled(_table_part(table, spec, name), spec, preparation)}


def _scaled(part: _FileContent, spec: InputSpec, preparation: Preparation) -> _FileContent:
    values = preparation.scaled(part.values, spec)
    return part if values is part.values else replace(part, values=values, scaling=preparation.scaling)


def _table_part(table: Table, spec: InputSpec, name: str) -> _FileContent:
    values = check(table.values, spec, name)
    origin = f"labels in the column '{safe_name(table.label_column)}'" if table.label_column else "labels"
    return _FileContent(values, table.labels, table.names, origin, table.feature_names)


def _pictures_part(file: UploadedFile, spec: InputSpec, preparation: Preparation) -> _FileContent:
    files = pictures_in_archive(file.data, file.name)
    values = preparation.pictures(files, range(len(files.names)), spec)
    values = check(values, spec, safe_name(file.name))
    return _FileContent(values, files.labels, files.names, FOLDER_NAMES, scaling=preparation.scaling)


def _check_size(file: UploadedFile, name: str) -> None:
    limit = get_limits().upload_bytes
    if not file.data:
        raise InputRejected(f"{name} is empty: it has no bytes.", remedy="Copy or save it again.")
    if len(file.data) > limit:
        raise InputRejected(
            f"{name} is larger than {format_limit(limit)}.", remedy=f"Give fewer samples. {raised_by('upload_bytes')}"
        )


def _array_parts(file: UploadedFile, specs: Sequence[InputSpec]) -> dict[str, _FileContent]:
    # An array by itself can only be meant for the input that it was given for.
    name = safe_name(file.name)
    is_single_array = file.data.startswith(file_signatures.NPY)
    file_arrays = read_arrays(file.data, name, specs[:1] if is_single_array else specs)
    parts = {}
    for spec in specs:
        if spec.name not in file_arrays.arrays:
            continue
        values = check(file_arrays.arrays[spec.name], spec, name)
        label_count = len(values) if file_arrays.labels is None else len(file_arrays.labels)
        if label_count != len(values):
            raise InputRejected(
                f"{name} holds {len(values)} samples for the input '{spec.shown_name}' and {label_count} labels.",
                remedy="Save one label per sample, or leave the labels out.",
            )
        names = (name,) if len(values) == 1 else tuple(f"{name}[{index}]" for index in range(len(values)))
        origin = f"labels in '{safe_name(file_arrays.label_key)}'" if file_arrays.label_key else "labels"
        parts[spec.name] = _FileContent(values, file_arrays.labels, names, origin)
    return parts


def _text_part(text: str, name: str, spec: InputSpec) -> _FileContent:
    if spec.dtype != "string":
        return _table_part(read_table(text.encode("utf-8", "replace"), name, spec), spec, name)
    if "\0" in text:
        raise InputRejected(f"{name} holds zeros, which no text does.", remedy="Write one sample a line.")
    lines = [(number, line.strip()) for number, line in lines_with_content(text, name)]
    if not lines:
        raise InputRejected(f"{name} is empty.", remedy="Write one sample a line.")
    limit = get_limits().input_bytes
    # NumPy gives every string the room of the longest.
    if len(lines) * max(len(line) for _, line in lines) * 4 > limit:
        raise InputRejected(
            f"{name} needs more than {format_limit(limit)} of memory: {len(lines):,} lines, each with the room of the "
            "longest.",
            remedy=f"Give fewer or shorter lines. {raised_by('input_bytes')}",
        )
    values = np.array([line for _, line in lines], dtype=str)  # (sample,)
    values = values.reshape(len(lines), *(1 for _ in spec.shape))  # (sample,) -> (sample, 1) where so expected
    return _FileContent(check(values, spec, name), None, tuple(f"line {number}" for number, _ in lines))


def _with_file_name(part: _FileContent, file_name: str) -> _FileContent:
    """Return the part with the file's name in the names of its samples: every table has a row 1."""
    names = (name if name.startswith(file_name) else f"{file_name}, {name}" for name in part.names)
    return replace(part, names=tuple(names))


def _concatenated(parts: Sequence[_FileContent], spec: InputSpec) -> _FileContent:
    if len(parts) == 1:
        return parts[0]
    shapes = {part.values.shape[1:] for part in parts}
    if len(shapes) > 1:
        # Only where the model takes any size; one array holds samples of one.
        examples = " and ".join(shape_text(shape) for shape in sorted(shapes)[:2])
        raise InputRejected(
            f"The files for the input '{spec.shown_name}' differ in size: {examples}.",
            remedy="Give samples of the same size together, the others one after another.",
        )
    labels = [part.labels for part in parts if part.labels is not None]
    all_labelled = len(labels) == len(parts) and len({array.shape[1:] for array in labels}) == 1
    return _FileContent(
        np.concatenate([part.values for part in parts]),
        np.concatenate(labels) if all_labelled else None,
        tuple(name for part in parts for name in part.names),
        parts[0].labels_origin,
        parts[0].feature_names if len({part.feature_names for part in parts}) == 1 else (),
        parts[0].scaling if len({part.scaling for part in parts}) == 1 else "",
    )


def _joined(parts: Mapping[str, _FileContent]) -> Samples:
    counts = {name: len(part.values) for name, part in parts.items()}
    if len(set(counts.values())) > 1:
        sample_counts = ", ".join(f"'{safe_name(name)}' has {count}" for name, count in counts.items())
        raise InputRejected(
            f"The inputs differ in their number of samples: {sample_counts}.",
            remedy="Give every input the same number of samples, in the same order.",
        )
    labelled = next((part for part in parts.values() if part.labels is not None), None)
    return Samples(
        {name: part.values for name, part in parts.items()},
        labelled.labels if labelled else None,
        next(iter(parts.values())).names,
        labelled.labels_origin if labelled else "labels",
        {name: part.feature_names for name, part in parts.items() if part.feature_names},
        {name: part.scaling for name, part in parts.items() if part.scaling},
    )
