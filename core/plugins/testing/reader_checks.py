"""Checks that every reader of files must pass, ours and strangers' alike."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Final

import numpy as np

from core.errors import InputRejected
from core.inputs.file_content import FileContent, UploadedFile
from core.inputs.spec import InputSpec
from core.plugins.readers import InputReader
from core.plugins.registry import Registry
from core.plugins.testing.checks import explanation_faults, raise_failures, registration_failure
from core.plugins.testing.results import CheckResult, concluded

__all__ = ["READER_CHECKS", "check_reader", "run_reader_checks"]

READER_CHECKS: Final[Mapping[str, str]] = {
    "declaration": "It can be registered: everything that it declares is sound.",
    "explains itself": "It has a title, a first docstring line, and says how its files are known.",
    "no Streamlit": "Its module does not import Streamlit: files are read in a notebook and on the command line too.",
    "leaves others": "It takes no file of another kind for its own: pictures, arrays, text, noise.",
    "takes its own": "It takes each file of yours for its own.",
    "reads": "It reads each file of yours, and what it read fits the input.",
    "repeatable": "The same file is read as the same samples.",
    "refuses damage": "A file of yours that is cut off is read or refused in a sentence: nothing else is raised.",
}
"""What is checked of a reader, by name; the names are part of the API. The last four need files of yours."""
_INPUTS: Final = (
    InputSpec("image", (8, 8, 3), "float32"),
    InputSpec("vector", (5,), "float32"),
    InputSpec("volume", (4, 6, 8, 1), "float32"),
    InputSpec("text", (), "string"),
)


def check_reader(reader: InputReader, *own: tuple[UploadedFile, InputSpec]) -> None:
    """Check a reader over files of other kinds, and over some of your own.

    Args:
        reader: The reader.
        own: Files that it has to read, each with the input that it is read for.

    Raises:
        AssertionError: If a check fails; the message lists each that does, on what, and why.
    """
    raise_failures(reader, run_reader_checks(reader, own))


def run_reader_checks(
    reader: InputReader, own: Sequence[tuple[UploadedFile, InputSpec]] = ()
) -> tuple[CheckResult, ...]:
    """Check a reader; return each failure, and one result for each check that was reached and passed throughout."""
    tried: Counter[str] = Counter()
    failures = tuple(_failures(reader, own, tried))
    return concluded(failures, tried, READER_CHECKS)


def _failures(
    reader: InputReader, own: Sequence[tuple[UploadedFile, InputSpec]], tried: Counter[str]
) -> Iterator[CheckResult]:
    registry = Registry(discover=False)
    tried["declaration"] += 1
    if fault := registration_failure(registry, reader):
        yield fault
        return
    yield from explanation_faults(reader, "how its files are known", "shows what read() returns", tried)
    yield from _greed(registry, tried)
    for file, spec in own:
        yield from _try(registry, file, spec, tried)


def _greed(registry: Registry, tried: Counter[str]) -> Iterator[CheckResult]:
    for file in _other_files():
        for spec in _INPUTS:
            tried["leaves others"] += 1
            try:
                content, failures = registry.readers(file, spec)
            except InputRejected as error:
                content, failures = None, (f"it refused what is not its own: {error.message}",)
            if content is not None:
                failures = ("it took the file for its own",)
            for failure in failures:
                yield CheckResult("leaves others", False, file.name, spec.name, failure)


def _try(registry: Registry, file: UploadedFile, spec: InputSpec, tried: Counter[str]) -> Iterator[CheckResult]:
    def failed(name: str, message: str) -> CheckResult:
        return CheckResult(name, False, file.name, spec.name, message)

    read: list[FileContent] = []
    tried.update(("takes its own", "reads"))
    for _ in range(2):
        try:
            content, failures = registry.readers(file, spec)
        except InputRejected as error:
            yield failed("reads", f"it refused it: {error.message}")
            return
        if content is None:
            yield failed("reads" if failures else "takes its own", " ".join(failures) or "match() returned False")
            return
        read.append(content)
    tried.update(("repeatable", "refuses damage"))
    if not np.array_equal(read[0].values, read[1].values, equal_nan=read[0].values.dtype.kind == "f"):
        yield failed("repeatable", "read twice, it does not hold the same; give random numbers a seed")
    for share in (0.5, 0.9):
        damaged = UploadedFile(file.name, file.data[: int(len(file.data) * share)])
        try:
            _, failures = registry.readers(damaged, spec)
        except InputRejected as error:
            failures = () if error.remedy else (f"it does not say what to do: {error.message}",)
        for failure in failures:
            yield failed("refuses damage", failure)


@cache
def _other_files() -> tuple[UploadedFile, ...]:
    from PIL import Image

    picture, array = io.BytesIO(), io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(picture, "PNG")
    np.save(array, np.zeros((2, 5), np.float32))
    noise = np.random.default_rng(0).integers(0, 256, 2_000, np.uint8).tobytes()
    return (
        UploadedFile("picture.png", picture.getvalue()),
        UploadedFile("array.npy", array.getvalue()),
        UploadedFile("table.csv", b"a,b,c,d,e\n1,2,3,4,5\n"),
        UploadedFile("text.txt", b"A sentence.\n"),
        UploadedFile("zeros.bin", bytes(1_000)),
        UploadedFile("noise.bin", noise),
        UploadedFile("one.bin", b"\x00"),
    )
