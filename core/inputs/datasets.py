"""Where the samples of a dataset come from: they are read when they are asked for, a few at a time."""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from core.common.text import safe_name
from core.errors import InputRejected
from core.inputs.arrays import as_labels
from core.inputs.checking import check
from core.inputs.file_content import FileReaders
from core.inputs.file_sorts import PICTURES
from core.inputs.files import Preparation, Samples, UploadedFile, read_files, read_pictures
from core.inputs.films import takes_films
from core.inputs.labels import AnswerRule, Labels, match_labels
from core.inputs.mapped_arrays import MappedArrays
from core.inputs.mask_files import masks_in_array, with_masks
from core.inputs.model_output import ModelOutput
from core.inputs.picture_files import FOLDER_NAMES, PictureFiles, files_in_archive, files_in_folder
from core.inputs.spec import InputSpec

__all__ = ["ArrayDataset", "Dataset", "PictureDataset", "open_dataset"]


class Dataset(ABC):
    """Samples that are read bit by bit.

    Attributes:
        sample_count: How many there are.
        labels: Class of each in the model's output as a number, shape ``(sample,)``; -1 for a sample that is of no
            class of the model. None if unknown: no answer is judged then.
        class_names: Name of each class; empty if unknown.
        names: What each sample is called.
    """

    sample_count: int
    labels: np.ndarray | None
    class_names: tuple[str, ...]
    names: Sequence[str]

    @property
    @abstractmethod
    def identity(self) -> str:
        """What tells this dataset from others, so that what was begun with it can be gone on with."""

    @abstractmethod
    def batch(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """Return the inputs of samples ``start`` to ``stop`` by input name, each ``(sample, …)``.

        Raises:
            InputRejected: If a sample cannot be read, or does not fit.
        """

    @abstractmethod
    def take(self, samples: Sequence[int]) -> dict[str, np.ndarray]:
        """Return the inputs of some samples in their order, as :meth:`batch` does."""

    @property
    def groups(self) -> np.ndarray | None:
        """Group that each sample is coloured by, a number in ``group_names``, shape ``(sample,)``; None if unknown.

        Its class, and what else it is labelled as where that is no class of the model.
        """
        return self.labels

    @property
    def group_names(self) -> tuple[str, ...]:
        """Name of each group; empty if unknown."""
        return self.class_names

    @property
    def targets(self) -> np.ndarray | None:
        """What the model is to answer to each sample, shape ``(sample, output)``; None if unknown."""
        return None

    @property
    def answer_rule(self) -> AnswerRule:
        """How an answer of the model becomes a class, see :func:`core.inputs.labels.answered_classes`."""
        return "probabilities" if self.labels is None else "largest"

    @property
    def judged_output(self) -> int:
        """Which of the model's outputs is set against the labels, in the order in which they are answered."""
        return 0

    @property
    def group_count(self) -> int:
        """How many groups there are, as far as names or labels say so."""
        from_labels = 0 if self.groups is None or not self.groups.size else int(self.groups.max()) + 1
        return max(len(self.group_names), from_labels)


class _Labelled(Dataset):
    """A dataset whose labels are matched.

    Attributes:
        matched_labels: What each sample is called and judged by, set against what the model answers.
    """

    def __init__(self, matched_labels: Labels) -> None:
        self.matched_labels = matched_labels
        self.labels, self.class_names = matched_labels.classes, matched_labels.class_names

    @property
    def groups(self) -> np.ndarray | None:
        return self.matched_labels.groups

    @property
    def group_names(self) -> tuple[str, ...]:
        return self.matched_labels.group_names

    @property
    def targets(self) -> np.ndarray | None:
        return self.matched_labels.targets

    @property
    def answer_rule(self) -> AnswerRule:
        return self.matched_labels.rule

    @property
    def judged_output(self) -> int:
        return self.matched_labels.output


class ArrayDataset(_Labelled):
    """Arrays, in memory or mapped from a file.

    Args:
        arrays: By input name, each ``(sample, …)``.
        labels: True class of each sample, numbers or names, shape ``(sample,)``, or as they were matched; or None.
        class_names: Name of each class; names in ``labels`` become numbers by these, or by the alphabet.
        names: What each sample is called; by default its number.
        specs: What the model expects, to check each batch against; None takes the arrays as they are.
        keep: What has to stay as long as the arrays do.
    """

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        labels: np.ndarray | Labels | None = None,
        class_names: tuple[str, ...] = (),
        names: Sequence[str] = (),
        specs: Sequence[InputSpec] | None = None,
        keep: object = None,
    ) -> None:
        counts = {name: len(array) for name, array in arrays.items()}
        if len(set(counts.values())) != 1 or 0 in counts.values():
            raise InputRejected(
                f"The inputs hold {', '.join(map(str, counts.values()))} samples.",
                remedy="Every input needs the same number of samples, at least one, along its first axis.",
            )
        self.arrays = dict(arrays)
        self.sample_count = next(iter(counts.values()))
        super().__init__(labels if isinstance(labels, Labels) else match_labels(labels, None, class_names))
        self.names = names or _Numbers(self.sample_count)
        self._specs = {spec.name: spec for spec in specs or ()}
        self._keep = keep

    @cached_property
    def identity(self) -> str:
        """What tells these arrays from others."""
        return _identity_of(self.arrays)

    def batch(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """Return some samples, see :meth:`Dataset.batch`."""
        return self._checked({name: np.asarray(array[start:stop]) for name, array in self.arrays.items()})

    def take(self, samples: Sequence[int]) -> dict[str, np.ndarray]:
        """Return some samples, see :meth:`Dataset.take`."""
        positions = np.asarray(samples, np.int64)
        return self._checked({name: np.asarray(array[positions]) for name, array in self.arrays.items()})

    def _checked(self, part: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: check(array, self._specs[name]) if name in self._specs else array for name, array in part.items()}


class PictureDataset(_Labelled):
    """Image files, each decoded when it is asked for.

    Args:
        files: The files.
        spec: What the model's input expects.
        preparation: How they are made into numbers.
        class_names: Names of the model's classes, if known; else the folders, by the alphabet, as
            ``keras.utils.image_dataset_from_directory`` numbers them.
        output: What the model answers, which the folders are set against; None if that is not known.
    """

    def __init__(
        self,
        files: PictureFiles,
        spec: InputSpec,
        preparation: Preparation,
        class_names: tuple[str, ...] = (),
        output: ModelOutput | None = None,
    ) -> None:
        super().__init__(match_labels(files.labels, output, class_names, origin=FOLDER_NAMES))
        self._files, self._spec, self._preparation = files, spec, preparation
        self.sample_count = len(files.names)
        self.names = files.names

    @cached_property
    def identity(self) -> str:
        """What tells these files from others."""
        told = repr((self._files.names, self._preparation)).encode()
        return hashlib.sha256(told + self._files.read(0)).hexdigest()

    def batch(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """Return some samples, see :meth:`Dataset.batch`."""
        return self.take(range(start, min(stop, self.sample_count)))

    def take(self, samples: Sequence[int]) -> dict[str, np.ndarray]:
        """Return some samples, see :meth:`Dataset.take`."""
        return {self._spec.name: self._preparation.pictures(self._files, samples, self._spec)}


def open_dataset(
    path: str | os.PathLike[str],
    specs: Sequence[InputSpec],
    preparation: Preparation | None = None,
    class_names: tuple[str, ...] = (),
    output: ModelOutput | None = None,
    readers: FileReaders | None = None,
) -> Dataset:
    """Return a dataset from a file or folder.

    Args:
        path: ``.npy`` or ``.npz``, which are not read into memory; a folder or zip archive of images or sounds; or a
            CSV or text file.
        specs: What the model expects.
        preparation: How images become numbers; by default pixels / 255.
        class_names: Names of the model's classes, if known.
        output: What the model answers, which labels are set against; None if that is not known.
        readers: Who else reads files, see :func:`core.inputs.files.read_files`.

    Raises:
        InputRejected: If it does not exist, cannot be read, or does not fit.
    """
    path, preparation = Path(path), preparation or Preparation()
    if path.is_dir():
        return _of_files(files_in_folder(path), path.name, specs[0], preparation, class_names, output)
    if not path.is_file():
        raise InputRejected(
            f"There is no file {safe_name(str(path))!r}.", remedy="Give a file, or a folder of images or sounds."
        )
    if path.suffix.lower() in (".npy", ".npz"):
        mapped = MappedArrays(path, specs, [output] if output else ())
        labels = None if mapped.file.labels is None else as_labels(mapped.file.labels)
        if labels is not None and output is not None:
            labels, _ = masks_in_array(labels, output)
        _check_count(labels, mapped.file.arrays, path.name)
        matched = match_labels(labels, output, class_names)
        return ArrayDataset(mapped.file.arrays, matched, specs=specs, keep=mapped)
    if files := files_in_archive(path, path.name, [PICTURES]):
        return _of_files(files, path.name, specs[0], preparation, class_names, output)
    uploads = {specs[0].name: [UploadedFile(path.name, path.read_bytes())]}
    given = read_files(uploads, specs, preparation, [output] if output else (), readers)
    return _in_memory(given, output, class_names)


def _of_files(
    files: PictureFiles,
    name: str,
    spec: InputSpec,
    preparation: Preparation,
    class_names: tuple[str, ...],
    output: ModelOutput | None,
) -> Dataset:
    is_one_sample_each = files.sort is PICTURES and not takes_films(spec) and not files.tables
    if is_one_sample_each and with_masks(files, name) is None:
        return PictureDataset(files, spec, preparation, class_names, output)
    return _in_memory(read_pictures(files, name, spec, preparation, [output] if output else ()), output, class_names)


def _in_memory(given: Samples, output: ModelOutput | None, class_names: tuple[str, ...]) -> ArrayDataset:
    matched = match_labels(given.labels, output, given.class_names or class_names, origin=given.labels_origin)
    return ArrayDataset(given.arrays, matched, names=given.names)


def _check_count(labels: np.ndarray | None, arrays: Mapping[str, np.ndarray], name: str) -> None:
    count = len(next(iter(arrays.values())))
    if labels is not None and len(labels) != count:
        raise InputRejected(
            f"{safe_name(name)} holds {count:,} samples and {len(labels):,} labels.",
            remedy="Save one label per sample, or leave the labels out.",
        )


class _Numbers(Sequence[str]):
    """The numbers from 0 on as texts, without a list of a million of them."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, position: Any) -> Any:
        found = range(self._count)[position]
        return str(found) if isinstance(found, int) else [str(number) for number in found]


def _identity_of(arrays: Mapping[str, np.ndarray]) -> str:
    # Some rows are enough to tell datasets apart, and reading all of a large one takes as long as a pass.
    digest = hashlib.sha256()
    for name, array in arrays.items():
        rows = np.unique(np.linspace(0, len(array) - 1, 16).astype(int))
        digest.update(repr((name, array.shape, str(array.dtype))).encode())
        digest.update(np.ascontiguousarray(array[rows]).tobytes())
    return digest.hexdigest()
