"""The readers of files that were found: which one takes a file for its own, and what it holds.

A reader can fail at the same boundaries as a visualizer: import, registration and its hook are guarded in
:mod:`core.plugins.loading`, matching and reading here. One that fails is named, and the next one is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.common.limits import get_limits
from core.common.text import did_you_mean, safe_name, sentence
from core.errors import InputRejected, PluginFailed
from core.inputs.checking import check
from core.inputs.file_content import FileContent, UploadedFile
from core.inputs.spec import InputSpec
from core.plugins.loading import LoadedPlugins
from core.plugins.plugin import problem_of
from core.plugins.readers import FileSamples, InputReader, ReaderEntry

__all__ = ["ReaderRegistry"]


class ReaderRegistry:
    """Every reader that was found; called with a file, it is what :func:`core.inputs.files.read_files` asks.

    Args:
        loaded: What brought them.
    """

    def __init__(self, loaded: LoadedPlugins) -> None:
        self._loaded = loaded

    @property
    def all(self) -> tuple[InputReader, ...]:
        """Every reader, in the order in which they are asked: strangers' first."""
        return tuple(entry.reader for entry in self._entries())

    def get(self, name: str) -> InputReader:
        """Return a reader by name.

        Raises:
            PluginFailed: If there is none of that name; the message names near ones.
        """
        readers = self._loaded.readers
        if name not in readers:
            raise PluginFailed(
                f"There is no reader {name!r}{did_you_mean(name, readers)}",
                plugin=name,
                remedy=f"There are: {', '.join(readers)}.",
            )
        return readers[name].reader

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
        failures: list[str] = []
        for entry in self._entries():
            try:
                if content := self._read(entry, file, spec):
                    return content, tuple(failures)
            except InputRejected:
                raise
            # A plugin may raise anything; other BaseExceptions are left alone, since Streamlit stops a script with one.
            except (Exception, SystemExit) as error:
                problem = problem_of(entry.origin, "hook", error)
                self._loaded.add_problem(entry.origin, problem)
                whence = f" of {entry.origin.in_words}" if entry.origin.in_words else ""
                what = f"{entry.reader.title}, a reader{whence}, failed on {safe_name(file.name)}: {problem.in_words}"
                failures.append(sentence(what))
        return None, tuple(failures)

    def _entries(self) -> Sequence[ReaderEntry]:
        return sorted(self._loaded.readers.values(), key=lambda entry: entry.origin.source == "built-in")

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
