"""Whatever a person gives the app, as samples that the model takes: the one entry to images, arrays, tables and text.

What a file is, its content decides; a name is only asked whether a text is a table of texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from core.common import file_signatures
from core.common.limits import format_limit, get_limits, raised_by
from core.common.text import list_names, safe_name
from core.errors import InputRejected
from core.inputs.arrays import holds_arrays, read_arrays
from core.inputs.checking import check
from core.inputs.column_tables import ColumnTable, read_column_table
from core.inputs.file_content import FileContent, FileReaders, UploadedFile, concatenated, with_file_name
from core.inputs.file_kinds import kind_of, kind_promised_by
from core.inputs.images import holds_image
from core.inputs.label_tables import LabelTable, read_label_table
from core.inputs.letters import letters_by_input, one_hot, sequences_in, takes_letters
from core.inputs.mask_files import masks_in_array, with_masks
from core.inputs.model_output import ModelOutput
from core.inputs.picture_files import PictureFiles
from core.inputs.picture_parts import archive_part, files_part, labelled_by, recording_part
from core.inputs.preparation import Preparation
from core.inputs.recordings import read_recording
from core.inputs.remedies import shape_text
from core.inputs.sounds import takes_sound, with_rate
from core.inputs.spec import InputSpec
from core.inputs.table_columns import labels_origin
from core.inputs.tables import Table, read_table
from core.inputs.text_lines import decoded_text, lines_with_content

__all__ = ["Preparation", "Samples", "UploadedFile", "read_files", "read_pictures", "read_text"]

_FOR_ALL: Final = ""
_BEGINNING: Final = 200


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
        notes: What was done to each sample when it was read, by input name, such as ``"resampled to 16,000 Hz"``.
        sampling_rates: How many steps of time are a second by input name, where that is known.
        letters: What the places of the last axis stand for by input name, see :attr:`.InputSpec.letters`.
        truths: What outputs beside the one that labels are set against are to answer, by the output's name, each
            ``(sample, …)``.
        class_names: What the numbers that the model answers are called, where a table of labels says so.
        remarks: What in the files was taken for the true answer, and what was left out, in sentences.
    """

    arrays: dict[str, np.ndarray]
    labels: np.ndarray | None
    names: tuple[str, ...]
    labels_origin: str = "labels"
    feature_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scalings: Mapping[str, str] = field(default_factory=dict)
    are_noise: bool = False
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sampling_rates: Mapping[str, int] = field(default_factory=dict)
    letters: Mapping[str, str] = field(default_factory=dict)
    truths: Mapping[str, np.ndarray] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()


def read_files(
    files: Mapping[str, Sequence[UploadedFile]],
    specs: Sequence[InputSpec],
    preparation: Preparation | None = None,
    outputs: Sequence[ModelOutput] = (),
    readers: FileReaders | None = None,
) -> Samples:
    """Return the samples in the files that were given for each input.

    Several files for an input follow one another. A ``.npz``, and a table whose columns bear the names of inputs, also
    fill the inputs that no file was given for.

    Args:
        files: Files by the input's name. A ``.npz`` or a table with a column for each input, which are for all of them,
            and the files for a model's only input may also be under the empty name.
        specs: What the model expects.
        preparation: How images are prepared; by default pixels / 255, stretched.
        outputs: What the model answers, the output that labels are set against first; with it, what in the files is the
            true answer is found by name and by shape too. Empty if that is not known.
        readers: Asked for each file before all that is read here; None where nobody else reads files.

    Raises:
        InputRejected: If the model does not say what it expects, if an input is without data or unknown, if the inputs
            differ in their number of samples, or if a file does not fit.
    """
    preparation = preparation or Preparation()
    letters = letters_by_input(preparation.letters, specs)
    specs = [replace(spec, letters=letters.get(spec.name, "")) for spec in with_rate(specs, preparation.sampling_rate)]
    by_name = {spec.name: spec for spec in specs}
    if not by_name:
        raise InputRejected(
            "The model does not say what it expects.", remedy="Say the shape and the type of its input first."
        )
    files_of_input = {name: list(uploads) for name, uploads in files.items() if uploads}
    if len(specs) == 1 and _FOR_ALL in files_of_input:
        files_of_input.setdefault(specs[0].name, []).extend(files_of_input.pop(_FOR_ALL))
    unknown = [name for name in files_of_input if name not in by_name and name != _FOR_ALL]
    if unknown:
        raise InputRejected(
            f"The model has no input '{safe_name(unknown[0])}'.", remedy=f"Its inputs are: {list_names(by_name)}."
        )
    parts: dict[str, list[FileContent]] = {name: [] for name in by_name}
    tables: dict[str, Sequence[LabelTable]] = {}
    limits = get_limits()
    for name, uploads in files_of_input.items():
        tables[name], uploads = _label_tables(uploads)
        if name in by_name and (loose := _pictures_with_masks(uploads)):
            parts[name].append(files_part(loose, "The files", by_name[name], preparation, outputs))
            continue
        for file in uploads:
            own = [by_name[name]] if name in by_name else []
            open_specs = [*own, *(spec for spec in specs if spec.name not in files_of_input)]
            reading = _Reading(open_specs or specs, preparation, outputs, not own)
            for input_name, content in _read_named(file, reading, readers).items():
                is_alone = len(uploads) == 1
                parts[input_name].append(content if is_alone else with_file_name(content, safe_name(file.name)))
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
    joined = _joined(
        {
            name: labelled_by(concatenated(contents, by_name[name]), tables.get(name, ()), outputs)
            for name, contents in parts.items()
        }
    )
    rates = {spec.name: spec.sampling_rate for spec in specs if takes_sound(spec)}
    return replace(
        joined,
        sampling_rates={name: each for name, each in (rates | dict(joined.sampling_rates)).items() if each},
        letters=letters,
    )


def read_pictures(
    files: PictureFiles,
    name: str,
    spec: InputSpec,
    preparation: Preparation | None = None,
    outputs: Sequence[ModelOutput] = (),
) -> Samples:
    """Return image files with their masks, see :func:`.with_masks`, or films or sounds, as samples of an input.

    Args:
        files: The files.
        name: What they lie in, for messages.
        spec: What the input expects.
        preparation: How they are made into numbers.
        outputs: What the model answers, the output that labels are set against first.

    Raises:
        InputRejected: If one is damaged, if they do not fit, or need too much memory together.
    """
    preparation = preparation or Preparation()
    (spec,) = with_rate([spec], preparation.sampling_rate)
    return _joined({spec.name: files_part(files, name, spec, preparation, outputs)})


def read_text(text: str, spec: InputSpec) -> Samples:
    """Return what a person typed: one sample per line that is not empty.

    Args:
        text: For an input of text, the text itself; for others, numbers with commas, semicolons or blanks between them.
        spec: What the input expects.

    Raises:
        InputRejected: If there is no line, or if the numbers do not fit.
    """
    return _joined({spec.name: _text_part(text, "The text", spec)})


def _label_tables(uploads: Sequence[UploadedFile]) -> tuple[Sequence[LabelTable], list[UploadedFile]]:
    """Return tables that say what pictures, films or sounds beside them are labelled as, and the other files."""
    if all(map(_is_written, uploads)):
        return (), list(uploads)
    tables = {file.name: table for file in uploads if (table := read_label_table(file.data, file.name))}
    others = [file for file in uploads if file.name not in tables]
    return (tuple(tables.values()), others) if not any(map(_is_written, others)) else ((), list(uploads))


def _is_written(file: UploadedFile) -> bool:
    return file.name.lower().endswith((".csv", ".tsv", ".txt"))


def _pictures_with_masks(uploads: Sequence[UploadedFile]) -> PictureFiles | None:
    """Return image files that were given one by one where some are masks of the others; else None."""
    if not all(holds_image(file.data) for file in uploads):
        return None
    files = PictureFiles(tuple(file.name for file in uploads), None, lambda position: uploads[position].data)
    return files if with_masks(files, "What was given") else None


@dataclass(frozen=True)
class _Reading:
    """What a file is read for: the inputs that it may fill, and how."""

    specs: Sequence[InputSpec]
    preparation: Preparation
    outputs: Sequence[ModelOutput]
    is_for_all: bool


def _read_named(file: UploadedFile, reading: _Reading, readers: FileReaders | None) -> dict[str, FileContent]:
    """Return what a file holds, see :func:`_read`; an error says which file it is about."""
    try:
        return _read_by(file, reading, readers)
    except InputRejected as error:
        error.file = file.name
        raise


def _read_by(file: UploadedFile, reading: _Reading, readers: FileReaders | None) -> dict[str, FileContent]:
    """Return what a file holds as the readers have it, or else as it is read here."""
    spec = reading.specs[0]
    _check_size(file, safe_name(file.name))
    content, failures = readers(file, spec) if readers else (None, ())
    if content is not None:
        return {spec.name: content}
    try:
        parts = _read(file, reading)
    except InputRejected as error:
        if not failures:
            raise
        raise InputRejected(" ".join((*failures, error.message)), remedy=error.remedy) from error
    told = tuple(f"{failure} Layerscope read the file itself." for failure in failures)
    return {name: replace(part, remarks=(*told, *part.remarks)) for name, part in parts.items()} if told else parts


def _read(file: UploadedFile, reading: _Reading) -> dict[str, FileContent]:
    """Return what a file holds for the first of the inputs; an archive, and a table of columns, for all of them."""
    specs, preparation, outputs = reading.specs, reading.preparation, reading.outputs
    spec, name = specs[0], safe_name(file.name)
    archive = archive_part(file.data, file.name, spec, preparation, outputs)
    if archive:
        return {spec.name: archive}
    if holds_arrays(file.data):
        return {
            input_name: _scaled(part, next(spec for spec in specs if spec.name == input_name), preparation)
            for input_name, part in _array_parts(file, specs, outputs).items()
        }
    if holds_image(file.data):
        values = preparation.picture(file.data, name, spec)
        content = FileContent(check(values[np.newaxis], spec, name), None, (name,), scaling=preparation.scaling)
        return {spec.name: content}
    recording = read_recording(file.data, name, spec, preparation)
    if recording:
        return {spec.name: recording_part(recording, spec, name)}
    promised_kind = kind_promised_by(file.name)
    foreign_kind = kind_of(file.data, markup=spec.dtype != "string")
    if foreign_kind:
        expected = f"; expected was {promised_kind}, as its name says" if promised_kind else ""
        raise InputRejected(f"{name} is {foreign_kind[0]}{expected}.", remedy=foreign_kind[1])
    try:
        return _written_parts(file, reading)
    except InputRejected as error:
        if not promised_kind:
            raise
        # What a text would have to hold is of no use to who gave a picture.
        raise InputRejected(
            f"{name} is not {promised_kind}, though its name says so.",
            remedy="Take it out, or give the file that was meant.",
        ) from error


def _written_parts(file: UploadedFile, reading: _Reading) -> dict[str, FileContent]:
    """Return what a file of text holds: a table, lines of text, or sequences of letters."""
    specs, preparation, outputs = reading.specs, reading.preparation, reading.outputs
    spec, name = specs[0], safe_name(file.name)
    text = decoded_text(file.data, name)
    # Of a file of text, any line may be a sentence.
    may_name_columns = len(specs) > 1 or (name.lower().endswith((".csv", ".tsv")) and not spec.letters)
    columns = (
        read_column_table(file.data, name, specs, outputs, is_for_all=reading.is_for_all and len(specs) > 1)
        if may_name_columns
        else None
    )
    if columns:
        return _column_parts(columns, specs, name)
    if spec.letters:
        return {spec.name: _letters_part(text, name, spec)}
    if spec.dtype == "string" and not file.name.lower().endswith((".csv", ".tsv")):
        return {spec.name: _text_part(text, name, spec)}
    if takes_letters(spec) and not any(character.isdigit() for character in text.lstrip(">")[:_BEGINNING]):
        raise InputRejected(
            f"{name} holds letters, the input '{spec.shown_name}' takes numbers: {shape_text((None, *spec.shape))}.",
            remedy="Where each step of the input is one letter, say the letters in the order of the places, such as "
            "ACGT; else give numbers.",
        )
    return {spec.name: _scaled(_table_part(read_table(file.data, name, spec, outputs), spec, name), spec, preparation)}


def _scaled(part: FileContent, spec: InputSpec, preparation: Preparation) -> FileContent:
    values = preparation.scaled(part.values, spec)
    return part if values is part.values else replace(part, values=values, scaling=preparation.scaling)


def _column_parts(table: ColumnTable, specs: Sequence[InputSpec], name: str) -> dict[str, FileContent]:
    return {
        spec.name: FileContent(
            check(table.arrays[spec.name], spec, name),
            table.labels,
            table.names,
            labels_origin(table.label_column),
            table.feature_names.get(spec.name, ()),
            truths=table.truths,
            remarks=table.remarks,
        )
        for spec in specs
    }


def _table_part(table: Table, spec: InputSpec, name: str) -> FileContent:
    values = check(table.values, spec, name)
    return FileContent(
        values,
        table.labels,
        table.names,
        labels_origin(table.label_column),
        table.feature_names,
        remarks=table.remarks,
    )


def _letters_part(text: str, name: str, spec: InputSpec) -> FileContent:
    if name.lower().endswith((".csv", ".tsv")):
        table = read_table(text.encode("utf-8", "replace"), name, InputSpec(spec.name, (), "string"))
        values = one_hot(table.values.tolist(), spec, name)
        return FileContent(check(values, spec, name), table.labels, table.names, labels_origin(table.label_column))
    lines = lines_with_content(text, name)
    if not lines:
        raise InputRejected(f"{name} is empty.", remedy="Write one sequence a line.")
    sequences, names = sequences_in(lines)
    return FileContent(check(one_hot(sequences, spec, name), spec, name), None, names)


def _check_size(file: UploadedFile, name: str) -> None:
    limit = get_limits().upload_bytes
    if not file.data:
        raise InputRejected(f"{name} is empty: it has no bytes.", remedy="Copy or save it again.")
    if len(file.data) > limit:
        raise InputRejected(
            f"{name} is larger than {format_limit(limit)}.", remedy=f"Give fewer samples. {raised_by('upload_bytes')}"
        )


def _array_parts(
    file: UploadedFile, specs: Sequence[InputSpec], outputs: Sequence[ModelOutput]
) -> dict[str, FileContent]:
    # An array by itself can only be meant for the input that it was given for.
    name = safe_name(file.name)
    is_single_array = file.data.startswith(file_signatures.NPY)
    file_arrays = read_arrays(file.data, name, specs[:1] if is_single_array else specs, outputs)
    labels, remark = file_arrays.labels, ""
    if labels is not None and outputs:
        labels, remark = masks_in_array(labels, outputs[0])
    remarks = (*file_arrays.remarks, *([remark] if remark else []))
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
        parts[spec.name] = FileContent(values, labels, names, origin, truths=file_arrays.truths, remarks=remarks)
    return parts


def _text_part(text: str, name: str, spec: InputSpec) -> FileContent:
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
    return FileContent(check(values, spec, name), None, tuple(f"line {number}" for number, _ in lines))


def _joined(parts: Mapping[str, FileContent]) -> Samples:
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
        notes={name: part.notes for name, part in parts.items() if any(part.notes)},
        sampling_rates={name: part.sampling_rate for name, part in parts.items() if part.sampling_rate},
        truths={output: values for part in parts.values() for output, values in part.truths.items()},
        remarks=tuple(dict.fromkeys(remark for part in parts.values() for remark in part.remarks)),
        class_names=next((part.class_names for part in parts.values() if part.class_names), ()),
    )
