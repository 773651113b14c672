"""Zip archives of models: what may be in one, and a copy of what was checked.

Two readers of one archive can see two different files: a name that is there twice, a directory at the end that tells
other sizes than the entries do, an entry over another. So what is read in two ways is refused, never skipped, and Keras
is given an archive that was written here.
"""

from __future__ import annotations

import json
import re
import stat
import struct
import unicodedata
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

from core.common import file_signatures
from core.common.limits import Limits, format_limit, raised_by
from core.errors import ModelRefused
from core.models.configuration import BY_HAND
from core.models.file_trees import FileTree

__all__ = ["PROGRAMS", "check_archive", "check_assets", "rewrite_keras_model"]

MAXIMUM_ENTRIES: Final = 5_000
MAXIMUM_ASSET_BYTES: Final = 256_000_000
_CHUNK: Final = 1 << 20
_LOCAL_HEADER: Final = struct.Struct("<4s5H3L2H")
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
# Beyond what any weights or texts are packed to; DEFLATE reaches 1,032 with zeros.
_MOST_PACKED: Final = 200
_PACKED_ENOUGH: Final = 50_000_000
PROGRAMS: Final = (".py", ".pyc", ".pyd", ".pyo", ".so", ".dll", ".dylib", ".pth", ".sh", ".exe", ".bat", ".cmd", ".js")
"""Endings of files that are run somewhere, which no model needs."""


def check_archive(stream: IO[bytes], archive: zipfile.ZipFile, name: str, limits: Limits) -> Mapping[str, int]:
    """Refuse an archive that lies about itself; every entry is read to its end, so that damage shows here.

    Args:
        stream: The archive's bytes.
        archive: The same, opened.
        name: What to call it in messages.
        limits: How large it may be when unpacked.

    Returns:
        The size of each file by its path; folders are left out.

    Raises:
        ModelRefused: If an entry is not what it says, or must not be in a model.
        zipfile.BadZipFile: If it is damaged.
    """
    entries = archive.infolist()
    if len(entries) > MAXIMUM_ENTRIES:
        raise ModelRefused(
            f"{name} holds {len(entries):,} files; at most {MAXIMUM_ENTRIES:,} are allowed.", remedy=BY_HAND
        )
    total = sum(entry.file_size for entry in entries)
    if total > limits.unpacked_bytes:
        raise ModelRefused(
            f"{name} unpacks to {total:,} bytes; at most {format_limit(limits.unpacked_bytes)} are allowed.",
            remedy=f"{BY_HAND} {raised_by('unpacked_bytes')}",
        )
    _check_headers(stream, entries, name)
    return _unpacked_sizes(archive, name)


def _check_headers(stream: IO[bytes], entries: Sequence[zipfile.ZipInfo], name: str) -> None:
    """Refuse what the archive's directory and the entries' own headers say, before anything is unpacked."""
    spellings: set[str] = set()
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        reason = _why_not(entry)
        # Some systems take two spellings for one name.
        spelling = unicodedata.normalize("NFC", entry.filename).casefold()
        if spelling in spellings:
            reason = "is there twice"
        elif not reason and entry.header_offset < end:
            reason = "overlaps another file of the archive"
        elif not reason:
            reason = _why_not_local(stream, entry)
        if reason:
            raise ModelRefused(f"The entry {entry.orig_filename[:80]!r} in {name} {reason}.", remedy=BY_HAND)
        spellings.add(spelling)
        end = entry.header_offset + _LOCAL_HEADER.size + len(_name_as_written(entry)) + entry.compress_size
    if entries and min(entry.header_offset for entry in entries) > 0:
        raise ModelRefused(f"{name} holds something before its first entry.", remedy=BY_HAND)


def _unpacked_sizes(archive: zipfile.ZipFile, name: str) -> dict[str, int]:
    """Unpack every entry to its end, and return the sizes of those that are files."""
    sizes = {}
    for entry in archive.infolist():
        size = _read_to_its_end(archive, entry)
        if size != entry.file_size:
            raise ModelRefused(
                f"The entry {entry.orig_filename[:80]!r} in {name} unpacks to another size than it declares.",
                remedy=BY_HAND,
            )
        if not entry.is_dir():
            sizes[entry.filename] = size
    return sizes


def check_assets(sizes: Mapping[str, int], name: str) -> None:
    """Refuse a model whose assets, such as vocabularies, take more than any model's do.

    Raises:
        ModelRefused: If they do.
    """
    assets = sum(size for path, size in sizes.items() if "assets" in path.split("/"))
    if assets > MAXIMUM_ASSET_BYTES:
        raise ModelRefused(
            f"The assets in {name} take {assets:,} bytes; at most {MAXIMUM_ASSET_BYTES:,} are allowed.", remedy=BY_HAND
        )


def rewrite_keras_model(
    tree: FileTree, members: Iterable[str], target: Path, config: Mapping[str, Any], keras_version: str
) -> None:
    """Write the folder of a ``.keras`` model from the parts of another that were checked.

    What only training needs is left out, as is everything that was not looked at. As a folder, since Keras reads the
    weights in an archive into memory at once, and those in a folder one after another.

    Args:
        tree: The files that were checked, in a folder of our own: they are moved.
        members: Paths of those that belong to the model.
        target: The folder to write; there is nothing yet.
        config: The configuration, as it was checked.
        keras_version: The version that wrote the file.
    """
    target.mkdir()
    (target / "config.json").write_text(json.dumps(config))
    (target / "metadata.json").write_text(json.dumps({"keras_version": keras_version}))
    for path in members:
        if path not in ("config.json", "metadata.json"):
            tree.move(path, target / path)


def _name_as_written(entry: zipfile.ZipInfo) -> bytes:
    return entry.orig_filename.encode("utf-8" if entry.flag_bits & 0x800 else "cp437")


def _read_to_its_end(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    # The declared size is the file's own word, hence the bound on what is read.
    total = 0
    with archive.open(entry) as member:
        while total <= entry.file_size and (chunk := member.read(_CHUNK)):
            total += len(chunk)
    return total


def _why_not(entry: zipfile.ZipInfo) -> str:
    """Says why an entry must not be in a model; empty if it may."""
    if entry.flag_bits & 0x1:
        return "is encrypted"
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "is a symbolic link"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is no file"
    # zipfile cuts a name at its first NUL and turns the system's separators into slashes: judge it as written.
    path = entry.orig_filename
    parts = path.rstrip("/").split("/")
    if path.startswith("/") or any(mark in path for mark in "\\\0") or {"..", ".", ""} & set(parts):
        return "has a path that leads out of the archive"
    if _DRIVE.match(path):
        return "has a path that leads out of the archive"
    if len(path) > 1024 or any(ord(letter) < 32 for letter in path):
        return "has a name that no model has"
    if entry.compress_type not in _METHODS:
        return "is packed in a way that no model is"
    if entry.is_dir():
        return "is a folder with content" if entry.file_size else ""
    if entry.file_size > max(_PACKED_ENOUGH, _MOST_PACKED * entry.compress_size):
        return f"unpacks to {entry.file_size:,} bytes from {entry.compress_size:,}"
    return ""


def _why_not_local(stream: IO[bytes], entry: zipfile.ZipInfo) -> str:
    """Says where an entry's own header disagrees with the archive's directory."""
    stream.seek(entry.header_offset)
    raw = stream.read(_LOCAL_HEADER.size)
    if len(raw) < _LOCAL_HEADER.size:
        return "is cut off"
    mark, _, flags, method, _, _, _, packed, size, name_length, _ = _LOCAL_HEADER.unpack(raw)
    written = stream.read(name_length)
    if mark != file_signatures.ZIP_LOCAL_FILE or method != entry.compress_type or flags & 0x1:
        return "is described in two ways"
    try:
        same_name = written.decode("utf-8" if flags & 0x800 else "cp437") == entry.orig_filename
    except UnicodeDecodeError:
        same_name = False
    # Sizes stand behind the data where the writer could not know them, and in an extra field where they are large.
    told_later = flags & 0x8 or 0xFFFFFFFF in (packed, size)
    if not same_name or (not told_later and (packed, size) != (entry.compress_size, entry.file_size)):
        return "is described in two ways"
    return ""
