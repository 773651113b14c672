"""Copies of what a person gave as a model, so that nobody changes it between two looks; its content as a key."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, Final

from core.common.limits import Limits, format_limit, get_limits, raised_by
from core.common.text import safe_name
from core.errors import ModelRefused
from core.models.configuration import BY_HAND
from core.models.file_names import files_name
from core.models.file_trees import folder_tree
from core.models.search import choose_model, find_models, model_files

__all__ = [
    "Source",
    "content_key",
    "copy_apart",
    "copy_model",
    "files_together",
    "staged_copy",
    "write_files",
]

Source = str | os.PathLike[str] | bytes | BinaryIO

_CHUNK: Final = 1 << 20


def content_key(source: Source, *, weights: str | os.PathLike[str] | None = None, member: str = "") -> str:
    """SHA-256 of what a source holds: the same for a path, its bytes, and an open file of it.

    Args:
        source: As for ``load_model``. For a folder, the files in it that belong to models, with their relative paths,
            in sorted order.
        weights: Path of the weights, where the source is an architecture alone.
        member: Path of the model that is meant, where the source holds several.

    Returns:
        64 hexadecimal digits.

    Raises:
        ModelRefused: The source cannot be read.
    """
    digest = hashlib.sha256()
    with _readable(source):
        _digest(source, digest.update)
        if weights is not None:
            digest.update(b"\0weights\0")
            _digest(weights, digest.update)
    if member:
        digest.update(f"\0member\0{member}".encode())
    return digest.hexdigest()


def _digest(source: Source, update: Callable[[bytes], Any]) -> None:
    if isinstance(source, str | os.PathLike) and Path(source).is_dir():
        tree = folder_tree(Path(source), Path(source).name).without_clutter()
        for path in model_files(tree):
            if path in tree.links:
                continue
            # Lengths keep one file's end from being read as the next one's beginning.
            update(f"{path}\0{tree.sizes[path]}\0".encode())
            with tree.opener(path) as stream:
                _copy(stream, update)
    else:
        with _opened(source) as stream:
            _copy(stream, update)


@contextmanager
def _readable(source: Source) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        # A path with a NUL in it is a ValueError.
        name = safe_name(Path(source).name) if isinstance(source, str | os.PathLike) else "The file"
        reason = getattr(error, "strerror", None) or "the system refused"
        raise ModelRefused(f"{name} cannot be read: {reason}.", remedy="Check the path.") from error


@contextmanager
def _opened(source: Source) -> Iterator[IO[bytes]]:
    """The content of a file as a stream; a stream that was given is left where it was."""
    if isinstance(source, str | os.PathLike):
        _check_kind(Path(source))
        with Path(source).open("rb") as stream:
            yield stream
    elif isinstance(source, bytes | bytearray | memoryview):
        yield io.BytesIO(source)
    else:
        position = source.tell()
        source.seek(0)
        try:
            yield source
        finally:
            source.seek(position)


def _copy(stream: IO[bytes], write: Callable[[bytes], Any]) -> None:
    while chunk := stream.read(_CHUNK):
        write(chunk)


def copy_model(source: Path, target: Path, name: str, limits: Limits, *, member: str = "", whole: bool = True) -> None:
    """Copy a model's file, or the models in a folder, so that nobody changes them between two looks at them.

    Args:
        source: The file or folder.
        target: Where the copy goes; there is nothing yet.
        name: What to call it in messages.
        limits: How large it may be.
        member: Path of the model that is meant, where a folder holds several.
        whole: Whether a folder has to hold a model; else parts of one, such as weights alone, are copied too.

    Raises:
        SeveralModels: If a folder holds several and they are too large together.
        ModelRefused: If it is too large, holds no model, or cannot be read.
    """
    with _readable(source):
        if not source.is_dir():
            _check_kind(source)
            _check_size(source.stat().st_size, name, limits)
            shutil.copyfile(source, target)
            return
        tree = folder_tree(source, name).without_clutter()
        paths = model_files(tree, member)
        size = sum(tree.sizes.get(path, 0) for path in paths)
        # HDF5 files of strangers are not opened here, where all visitors are served.
        places = find_models(tree, looks_inside=False)
        if (whole and not places) or (len(places) > 1 and not member and size > limits.unpacked_bytes):
            choose_model(places, "", tree, name)
        _check_size(size, name, limits)
        target.mkdir()
        for path in paths:
            if path in tree.links:
                # Links are kept as links, and inspection refuses them.
                (target / path).parent.mkdir(parents=True, exist_ok=True)
                (target / path).symlink_to(os.readlink(source / path))
            else:
                tree.copy(path, target / path)


def copy_apart(architecture: Path, weights: Path, target: Path, name: str, limits: Limits) -> None:
    """Copy an architecture and its weights beside each other into a new folder, see :func:`copy_model`.

    Raises:
        ModelRefused: If they are too large, or cannot be read.
    """
    with _readable(weights), _readable(architecture):
        for path in (architecture, weights):
            _check_kind(path)
        _check_size(architecture.stat().st_size + weights.stat().st_size, name, limits)
        target.mkdir()
        # By names that no other file can have; the endings are what they are told by.
        shutil.copyfile(architecture, target / "architecture.json")
        shutil.copyfile(weights, target / "weights.h5")


def write_files(files: Sequence[tuple[str, bytes]], target: Path, limits: Limits) -> None:
    """Write files that were given together into a new folder, each under the last part of its name.

    Raises:
        ModelRefused: If they are too large together.
    """
    _check_size(sum(len(content) for _, content in files), "What was given", limits)
    target.mkdir()
    for number, (file_name, content) in enumerate(files):
        name = PurePosixPath(file_name.replace("\\", "/")).name
        path = target / (name if name.isprintable() and name.strip(". ") else f"file-{number}")
        if path.exists():
            path = target / f"{number}-{path.name}"
        path.write_bytes(content)


@contextmanager
def files_together(files: Sequence[tuple[str, bytes]]) -> Iterator[tuple[Path | bytes, str]]:
    """Lay files that were given together beside each other for as long as the block runs.

    Args:
        files: Name and content of each.

    Returns:
        A folder with the files, or the content of a single one; and what to call it.

    Raises:
        ModelRefused: If they are too large together.
    """
    if len(files) == 1:
        yield files[0][1], files[0][0]
        return
    with tempfile.TemporaryDirectory(prefix="layerscope-", ignore_cleanup_errors=True) as folder:
        together = Path(folder) / "files"
        write_files(files, together, get_limits())
        yield together, files_name(files)


def _check_kind(path: Path) -> None:
    """Refuses what has no end, or waits for somebody, such as a device or a pipe."""
    if path.exists() and not path.is_file():
        raise ModelRefused(
            f"{safe_name(path.name)} is neither a file nor a folder with one.",
            remedy="Give the path of the model's file.",
        )


def _check_size(size: int, name: str, limits: Limits) -> None:
    if size > limits.unpacked_bytes:
        raise ModelRefused(
            f"{name} takes {size:,} bytes; at most {format_limit(limits.unpacked_bytes)} are allowed.",
            remedy=f"{BY_HAND} {raised_by('unpacked_bytes')}",
        )


def staged_copy(
    source: Source, weights: str | os.PathLike[str] | None, member: str, folder: Path, limits: Limits
) -> tuple[Path, str]:
    """Copy a source into a folder of our own.

    Args:
        source: As for ``load_model``.
        weights: Path of the weights, where it is an architecture alone.
        member: Path of the model that is meant, where it holds several.
        folder: Where the copy goes.
        limits: How large it may be.

    Returns:
        Where the copy is, and what to call it in messages.

    Raises:
        ModelRefused: If it cannot be read, is too large, or holds no model.
    """
    copy = folder / "model"
    if isinstance(source, str | os.PathLike):
        name = Path(source).name
        if weights is None:
            copy_model(Path(source), copy, name, limits, member=member)
        else:
            name = f"{name} + {Path(weights).name}"
            copy_apart(Path(source), Path(weights), copy, name, limits)
        return copy, name
    name = getattr(source, "name", "The file")
    with _readable(source), _opened(source) as stream, copy.open("wb") as target:
        shutil.copyfileobj(stream, target)
    return copy, Path(name).name if isinstance(name, str) else "The file"
