"""Zip archives of pictures, films or sounds, and single recordings, as what a file holds for an input."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from core.common import file_signatures
from core.common.text import count_text, safe_name
from core.errors import InputRejected
from core.inputs.checking import check, check_memory
from core.inputs.file_content import FileContent, concatenated
from core.inputs.file_sorts import FILMS, SOUNDS
from core.inputs.films import clips_of, read_clip, read_film, takes_films
from core.inputs.images import read_mask
from core.inputs.label_tables import LabelTable, with_table
from core.inputs.mask_files import MaskedPictures, as_targets, taken_by, with_masks
from core.inputs.model_output import ModelOutput
from core.inputs.picture_files import FOLDER_NAMES, PictureFiles, files_in_archive
from core.inputs.preparation import Preparation
from core.inputs.recordings import Recording, read_recording
from core.inputs.remedies import shape_text
from core.inputs.spec import InputSpec, value_count

__all__ = ["archive_part", "files_part", "labelled_by", "recording_part"]


def archive_part(
    data: bytes, name: str, spec: InputSpec, preparation: Preparation, outputs: Sequence[ModelOutput] = ()
) -> FileContent | None:
    """Return what a zip archive of pictures, films or sounds holds for an input; None for what is none.

    Args:
        data: Content of the file.
        name: Name of the file, for messages.
        spec: What the input expects.
        preparation: How they are made into numbers.
        outputs: What the model answers, the output that labels are set against first.

    Raises:
        InputRejected: If it is damaged, holds several sorts of files, or does not fit the input.
    """
    if not data.startswith(file_signatures.ZIP):
        return None
    files = files_in_archive(data, name)
    return files_part(files, safe_name(name), spec, preparation, outputs) if files else None


def files_part(
    files: PictureFiles,
    name: str,
    spec: InputSpec,
    preparation: Preparation,
    outputs: Sequence[ModelOutput] = (),
) -> FileContent:
    """Return image, film or sound files as what they hold for an input, labelled by the tables that lie beside them.

    Args:
        files: The files.
        name: What they lie in, for messages.
        spec: What the input expects.
        preparation: How they are made into numbers.
        outputs: What the model answers, the output that labels are set against first.

    Raises:
        InputRejected: If one is damaged, or they do not fit the input.
    """
    if files.sort is SOUNDS:
        content = _sounds_part(files, spec, preparation)
    elif files.sort is FILMS:
        content = _films_part(files, name, spec, preparation)
    else:
        content = _pictures_part(files, name, spec, preparation, outputs)
    return labelled_by(content, files.tables.values(), outputs)


def labelled_by(content: FileContent, tables: Iterable[LabelTable], outputs: Sequence[ModelOutput]) -> FileContent:
    """Return samples, called as their files, with the labels that tables say of these, see :func:`.with_table`."""
    for table in tables:
        content = with_table(content, table, outputs)
    return content


def recording_part(recording: Recording, spec: InputSpec, name: str) -> FileContent:
    """Return a recording as what its file holds for an input."""
    return FileContent(
        check(recording.values[np.newaxis], spec, name),
        None,
        (name,),
        scaling=recording.scaling,
        notes=(recording.note,),
        sampling_rate=recording.sampling_rate,
    )


def _clips_part(files: PictureFiles, name: str, spec: InputSpec, preparation: Preparation) -> FileContent:
    clips = clips_of(files, name)
    samples = _stacked(
        [clip.name for clip in clips],
        name,
        lambda position: read_clip(files, clips[position], spec, preparation.picture),
        spec,
    )
    labels = np.array([clip.label for clip in clips]) if clips[0].label else None
    return replace(samples, labels=labels, scaling=preparation.scaling)


def _films_part(files: PictureFiles, name: str, spec: InputSpec, preparation: Preparation) -> FileContent:
    if not takes_films(spec):
        raise InputRejected(
            f"{name} holds films, the input '{spec.shown_name}' takes {shape_text((None, *spec.shape))}.",
            remedy="Save the picture of each that is meant as PNG, JPEG or WebP.",
        )
    samples = _stacked(
        files.names,
        name,
        lambda position: read_film(files.read(position), files.names[position], spec, preparation.picture),
        spec,
    )
    return replace(samples, labels=files.labels, scaling=preparation.scaling)


def _stacked(
    names: Sequence[str], holder: str, film: Callable[[int], tuple[np.ndarray, str]], spec: InputSpec
) -> FileContent:
    """Return several films as samples of an input.

    Args:
        names: What each is called.
        holder: What they lie in, for messages.
        film: Returns one, and what was done to it, by its position.
        spec: What the input expects.
    """
    told = f"{holder} with {count_text(len(names), 'clip')}"
    check_memory(len(names) * value_count(spec.shape) * spec.numpy_dtype.itemsize, told)
    samples: list[tuple[np.ndarray, str]] = []
    for position in range(len(names)):
        samples.append(film(position))
        shape, first = samples[-1][0].shape, samples[0][0]
        if shape != first.shape:
            raise InputRejected(
                f"The clips in {holder} differ in length or size.",
                remedy="Give clips of the same length and size together.",
            )
        # What a model of any size takes is known of the first clip only.
        check_memory(len(names) * first.nbytes, told)
    values = check(np.stack([values for values, _ in samples]), spec, holder)
    notes = tuple(note for _, note in samples)
    return FileContent(values, None, tuple(map(safe_name, names)), FOLDER_NAMES, notes=notes)


def _pictures_part(
    files: PictureFiles,
    name: str,
    spec: InputSpec,
    preparation: Preparation,
    outputs: Sequence[ModelOutput] = (),
) -> FileContent:
    """Return image files as what they hold for an input; those that are masks of the others are no samples.

    Args:
        files: The files.
        name: What they lie in, for messages.
        spec: What the input expects.
        preparation: How they are made into numbers.
        outputs: What the model answers, the output that labels are set against first; masks are for the first of them
            that has the shape of one.

    Raises:
        InputRejected: If one is damaged, they do not fit, or only some have a mask.
    """
    if takes_films(spec):
        return _clips_part(files, name, spec, preparation)
    masked = with_masks(files, name)
    pictures = masked.pictures if masked else files
    values = check(preparation.pictures(pictures, range(len(pictures.names)), spec), spec, name)
    content = FileContent(values, pictures.labels, pictures.names, FOLDER_NAMES, scaling=preparation.scaling)
    return _with_truth(content, masked, spec, preparation, outputs) if masked else content


def _with_truth(
    content: FileContent,
    masked: MaskedPictures,
    spec: InputSpec,
    preparation: Preparation,
    outputs: Sequence[ModelOutput],
) -> FileContent:
    """Return pictures with their masks as what the model is to answer, where it answers masks."""
    size = spec.as_images(content.values).shape[1:3]
    output = taken_by(outputs, size)
    if output is None:
        told = f"The masks are left out: the model answers none of {shape_text(size)}."
        return replace(content, remarks=(masked.remark, told))
    height, width = (extent or own for extent, own in zip((output.shape or size)[:2], size, strict=True))
    masks: list[np.ndarray] = []
    try:
        for position, name in enumerate(masked.masks.names):
            masks.append(read_mask(masked.masks.read(position), name, (height, width), preparation.fit))
            check_memory(masks[0].nbytes * len(masks), "The masks")
    except InputRejected as error:
        return replace(content, remarks=(masked.remark, f"The masks are left out: {error.message} {error.remedy}"))
    targets, remark = as_targets(np.stack(masks), output)
    content = replace(content, remarks=tuple(filter(None, (masked.remark, remark))))
    if targets is None:
        return content
    if output is outputs[0]:
        return replace(content, labels=targets, labels_origin="masks")
    return replace(content, truths={output.key: targets})


def _sounds_part(files: PictureFiles, spec: InputSpec, preparation: Preparation) -> FileContent:
    """Return sound files as what they hold for an input.

    Raises:
        InputRejected: If one is damaged or no sound, the input takes text, or they need too much memory together.
    """
    if spec.dtype == "string":
        raise InputRejected(
            f"{safe_name(files.names[0])} is a sound, the input '{spec.shown_name}' takes text.",
            remedy="Give a text file with one sample a line, or a table with a column of texts.",
        )
    parts: list[FileContent] = []
    size = 0
    for position, name in enumerate(files.names):
        recording = read_recording(files.read(position), name, spec, preparation)
        if recording is None or not recording.sampling_rate:
            raise InputRejected(
                f"{safe_name(name)} is not a sound, though its name says so.",
                remedy="Take it out, or give the file that was meant.",
            )
        parts.append(recording_part(recording, spec, safe_name(name)))
        size += recording.values.nbytes
        check_memory(size, f"The sounds up to {safe_name(name)}")
    return replace(concatenated(parts, spec), labels=files.labels, labels_origin=FOLDER_NAMES)
