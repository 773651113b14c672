"""The readers of files that were found: which one takes a file for its own, and what it holds."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.common.limits import get_limits
from core.common.text import safe_name
from core.errors import InputRejected
from core.inputs.checking import check
from core.inputs.file_content import FileContent, UploadedFile
from core.inputs.spec import InputSpec
from core.plugins.file_registry import FileRegistry
from core.plugins.loading import LoadedPlugins
from core.plugins.readers import FileSamples, InputReader, ReaderEntry

__all__ = ["ReaderRegistry"]


class ReaderRegistry(FileRegistry[InputReader]):
    """Every reader that was found; called with a file, it is what :func:`core.inputs.files.read_files` asks.

    Args:
        loaded: What brought them.
    """

    def __init__(self, loaded: LoadedPlugins) -> None:
        super().__init__(loaded, "reader", InputRejected)

    def __call__(self, file: UploadedFile, spec: InputSpec) -> tuple[FileContent | None, tuple[str, ...]]:
        """Let the first reader read a file that takes it for its own.

        Args:
            file: The file.
            spec: The input that it was given for.

        Returns:
            What it holds, or None where nobody took it, or who did failed; and a sentence for each that failed.

        Raises:
            InputRejected: If a reader refuses the file, or what it read does not fit the input.
        """
        _, content, failures = self._first_result(file.name, lambda entry: self._read(entry, file, spec))
        return content, failures

    def _read(self, entry: ReaderEntry, file: UploadedFile, spec: InputSpec) -> FileContent | None:
        seconds = get_limits().chart_seconds
        timeout_message = f"it took more than {seconds:g} seconds"
        reader = entry.reader

        def read() -> FileSamples | None:
            is_its_own = reader.match(file, spec)
            if not isinstance(is_its_own, (bool, np.bool_)):
                raise TypeError(f"match() returned {type(is_its_own).__name__}, True or False is needed")
            return reader.read(file, spec) if is_its_own else None

        samples = self._loaded.isolated(entry.origin, "hook", seconds, timeout_message, lambda _: read())
        if samples is None:
            return None
        remark = f"{safe_name(file.name)} was read by {reader.title} of {entry.origin.in_words or entry.origin.plugin}."
        remarks = () if entry.origin.source == "built-in" else (remark,)
        return _content(samples, safe_name(file.name), spec, remarks)


def _content(samples: Any, name: str, spec: InputSpec, remarks: tuple[str, ...]) -> FileContent:
    """Return what a reader read, checked.

    Raises:
        InputRejected: If the values do not fit the input.
        TypeError: If it is no FileSamples, or its parts are not as declared.
    """
    if not isinstance(samples, FileSamples):
        raise TypeError(f"read() returned {type(samples).__name__}, FileSamples are needed")
    if not isinstance(samples.values, np.ndarray) or not samples.values.ndim:
        raise TypeError("its FileSamples hold no array (sample, …) as values")
    # A sample axis that is missing is added here.
    values = check(samples.values, spec, name)
    count = len(values)
    _check_parts(samples, count)
    numbered = (name,) if count == 1 else tuple(f"{name}[{number}]" for number in range(count))
    return FileContent(
        values,
        None if samples.labels is None else np.asarray(samples.labels),
        tuple(map(safe_name, samples.names)) or numbered,
        feature_names=samples.feature_names,
        notes=samples.notes if any(samples.notes) else (),
        sampling_rate=samples.sampling_rate,
        remarks=remarks,
    )


def _check_parts(samples: FileSamples, count: int) -> None:
    for part in ("names", "notes", "feature_names"):
        texts = getattr(samples, part)
        if not isinstance(texts, tuple) or not all(isinstance(text, str) for text in texts):
            raise TypeError(f"its FileSamples hold no texts in a tuple as {part}")
        if part != "feature_names" and texts and len(texts) != count:
            raise TypeError(f"its FileSamples hold {count:,} samples and {len(texts):,} {part}")
    if samples.labels is not None and np.shape(samples.labels)[:1] != (count,):
        raise TypeError(f"its FileSamples hold {count:,} samples, and labels of the shape {np.shape(samples.labels)}")
    if isinstance(samples.sampling_rate, bool) or not isinstance(samples.sampling_rate, int):
        raise TypeError("its FileSamples hold no whole number as sampling_rate")
