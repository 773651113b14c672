"""Where the samples of a dataset come from: they are read when they are asked for, a few at a time."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from core.arrays import as_labels
from core.dataset.mapped_arrays import MappedArrays
from core.dataset.picture_files import PictureFiles, holds_pictures, pictures_in_archive, pictures_in_folder
from core.errors import InputRejected
from core.inputs import InputSpec, check
from core.naming import shown
from core.reading import GivenFile, Preparation, number_labels, read_files

__all__ = ["ArrayDataset", "Dataset", "PictureDataset", "open_dataset"]


class Dataset(ABC):
    """Samples that are read bit by bit.

    Attributes:
        sample_count: How many there are.
        labels: True class of each as a number, shape ``(sample,)``; None if unknown.
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
    def class_count(self) -> int:
        """How many classes there are, as far as names or labels say so."""
        from_labels = 0 if self.labels is None or not self.labels.size else int(self.labels.max()) + 1
        return max(len(self.class_names), from_labels)


class ArrayDataset(Dataset):
    """Arrays, in memory or mapped from a file.

    Args:
        arrays: By input name, each ``(sample, …)``.
        labels: True class of each sample, numbers or names, shape ``(sample,)``; or None.
        class_names: Name of each class; names in ``labels`` become numbers by these, or by the alphabet.
        names: What each sample is called; by default its number.
        specs: What the model expects, to check each batch against; None takes the arrays as they are.
        keep: What has to stay as long as the arrays do.
    """

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        labels: np.ndarray | None = None,
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
        self.labels, self.class_names = number_labels(labels, class_names)
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


class PictureDataset(Dataset):
    """Image files, each decoded when it is asked for.

    Args:
        files: The files.
        spec: What the model's input expects.
        preparation: How they are made into numbers.
        class_names: Names of the model's classes, if known; else the folders, by the alphabet, as
            ``keras.utils.image_dataset_from_directory`` numbers them.
    """

    def __init__(
        self, files: PictureFiles, spec: InputSpec, preparation: Preparation, class_names: tuple[str, ...] = ()
    ) -> None:
        self._files, self._spec, self._preparation = files, spec, preparation
        self.sample_count = len(files.names)
        self.names = files.names
        self.labels, self.class_names = number_labels(files.labels, class_names)

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
    path: Path,
    specs: Sequence[InputSpec],
    preparation: Preparation | None = None,
    class_names: tuple[str, ...] = (),
) -> Dataset:
    """Return a dataset from a file or folder.

    Args:
        path: ``.npy`` or ``.npz``, which are not read into memory; a folder or zip archive of images; or a CSV or text
            file.
        specs: What the model expects.
        preparation: How images become numbers; by default pixels / 255.
        class_names: Names of the model's classes, if known.

    Raises:
        InputRejected: If it does not exist, cannot be read, or does not fit.
    """
    preparation = preparation or Preparation()
    if path.is_dir():
        return PictureDataset(pictures_in_folder(path), specs[0], preparation, class_names)
    if not path.is_file():
        raise InputRejected(f"There is no file {shown(str(path))!r}.", remedy="Give a file or a folder of images.")
    if path.suffix.lower() in (".npy", ".npz"):
        mapped = MappedArrays(path, specs)
        labels = None if mapped.file.labels is None else as_labels(mapped.file.labels, path.name)
        return ArrayDataset(mapped.file.arrays, labels, class_names, specs=specs, keep=mapped)
    with path.open("rb") as stream:
        if holds_pictures(stream):
            return PictureDataset(pictures_in_archive(path, path.name), specs[0], preparation, class_names)
    given = read_files({specs[0].name: [GivenFile(path.name, path.read_bytes())]}, specs, preparation)
    return ArrayDataset(given.arrays, given.labels, class_names, given.names)


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
