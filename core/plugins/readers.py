"""What a plugin author writes against to read files of samples: InputReader, and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.inputs.file_content import UploadedFile
from core.inputs.spec import InputSpec
from core.plugins.plugin import Origin, first_line

__all__ = ["FileSamples", "InputReader", "ReaderEntry"]


@dataclass(frozen=True, eq=False)
class FileSamples:
    """What a file holds for an input, as its reader has it.

    Attributes:
        values: The samples, ``(sample, …)``, in the shape of the input; whether they fit is found out afterwards.
        labels: What each sample is labelled as, numbers or text, shape ``(sample,)``; None if nothing is said.
        names: What each sample is called; empty for the file's name, with a number where there are several.
        notes: What was done to each sample, in words, such as ``"resampled to 16,000 Hz"``; empty for nothing.
        feature_names: What the places of the last axis are called; empty where nothing is said.
        sampling_rate: How many steps of time are a second; 0 where nothing is said.
    """

    values: np.ndarray
    labels: np.ndarray | None = None
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    sampling_rate: int = 0


class InputReader:
    """One kind of file that samples are read from. Subclass it, declare, and write :meth:`match` and :meth:`read`.

    The first line of the subclass's docstring is what a person reads who looks at which files can be given.

    Attributes:
        name: Identifier: lower case, words joined by hyphens.
        title: What such a file is called: ``"NIfTI volume"``.
        takes: How these files are known, for who reads what there is: ``".nii, .nii.gz"``.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    takes: ClassVar[str] = ""

    def match(self, file: UploadedFile, spec: InputSpec) -> bool:
        """Return whether a file is of this kind, and to be read for an input; nothing else reads it then.

        Args:
            file: Its name and its content. Judge by the content: names lie.
            spec: What the input expects.
        """
        raise TypeError(f"{type(self).__name__} has no match(self, file, spec) method")

    def read(self, file: UploadedFile, spec: InputSpec) -> FileSamples:
        """Return what a file that it matched holds for an input.

        Args:
            file: Its name and its content, which anybody may have made: look at sizes before anything is unpacked.
            spec: What the input expects.

        Raises:
            InputRejected: If the file is damaged or does not fit: what is wrong with it, and what to do instead.
        """
        raise TypeError(f"{type(self).__name__} has no read(self, file, spec) method")

    def summary(self) -> str:
        """Return the first line of the docstring of its class, or of the one that it derives from."""
        return first_line(self, InputReader)


@dataclass(frozen=True)
class ReaderEntry:
    """A reader, and the plugin that brought it."""

    reader: InputReader
    origin: Origin
