"""The file of a recorded session: a zip archive of answers as JSON, read as the file of a stranger.

It begins with a table of contents, which says who wrote it and where the answer to each question is. Answers are the
messages that a worker sends, so what is read is checked against the types that are declared, as those are; nothing is
ever unpickled. What is the same for several questions is there once.
"""

from __future__ import annotations

import io
import os
import threading
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from core.common import file_signatures
from core.common.limits import format_limit, get_limits
from core.common.text import safe_name
from core.common.versions import installed_version
from core.errors import LayerscopeError, RecordingRefused, WorkerLost
from core.workspace.recordings.charts_of_strangers import check_charts
from core.workspace.recordings.questions import question_key
from core.workspace.workers.request import Request
from core.workspace.workers.wire import decode, encode_value, largest_reply

__all__ = ["About", "RecordingFile", "is_recording", "write_recording"]

VERSION: Final = 1
"""Counts up when files are written that what is there before cannot read."""
_CONTENTS: Final = "layerscope-session.json"
_LOCAL_HEADER_BYTES: Final = 30
_MOST_ANSWERS: Final = 4_900
_LARGEST_FILE: Final = 200_000_000
_LARGEST_UNPACKED: Final = 600_000_000
_LARGEST_CONTENTS: Final = 20_000_000
_LONGEST_TEXT: Final = 300
# What zipfile raises of an archive that is none.
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError)
_OLDEST_TIME: Final = (1980, 1, 1, 0, 0, 0)
_REMEDY: Final = "Ask for the file again, or record it again: layerscope record MODEL -o session.layerscope"


@dataclass(frozen=True)
class About:
    """What a recording says of itself.

    Attributes:
        model: What the model is called.
        written_by: Version of Layerscope that wrote it.
        written_at: When, as ISO 8601; empty where that is not told.
        samples: Numbers of the samples that were looked at.
        layers: Keys of the layers that were.
    """

    model: str
    written_by: str = ""
    written_at: str = ""
    samples: tuple[int, ...] = ()
    layers: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Contents:
    version: int
    about: About
    answers: dict[str, int] = field(default_factory=dict)


def is_recording(source: str | os.PathLike[str] | bytes) -> bool:
    """Return whether a file is a recorded session, by what it begins with.

    Args:
        source: Its path or its content; what is not there or cannot be read is none.
    """
    end = _LOCAL_HEADER_BYTES + len(_CONTENTS)
    try:
        if isinstance(source, bytes):
            beginning = source[:end]
        elif not Path(source).is_file():
            return False  # a pipe would wait for somebody
        else:
            with open(source, "rb") as file:
                beginning = file.read(end)
    except (OSError, ValueError):
        return False
    return beginning.startswith(file_signatures.ZIP_LOCAL_FILE) and beginning.endswith(_CONTENTS.encode())


def write_recording(about: About, answers: Iterable[tuple[Request, Any]], *, is_dated: bool = True) -> bytes:
    """Return the file of a recorded session.

    Args:
        about: What it says of itself; who wrote it, and when, is filled in.
        answers: Questions, and what was answered; of the same question twice the last counts.
        is_dated: Whether it says when it was written.

    Raises:
        RecordingRefused: If it becomes larger than anybody would open.
    """
    by_content: dict[bytes, int] = {}
    places = {
        question_key(request): by_content.setdefault(encode_value(value), len(by_content)) for request, value in answers
    }
    now = datetime.now(UTC).isoformat(timespec="seconds") if is_dated else ""
    told = About(about.model, _our_version(), now, about.samples, about.layers)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        _add(archive, _CONTENTS, to_json(_Contents(VERSION, told, places)))
        for content, number in by_content.items():
            _add(archive, _member(number), content)
    unpacked = sum(map(len, by_content))
    if len(by_content) > _MOST_ANSWERS or unpacked > _LARGEST_UNPACKED or buffer.tell() > _LARGEST_FILE:
        raise RecordingRefused(
            f"The recording would hold {len(by_content):,} answers in {format_limit(buffer.tell())}, unpacked "
            f"{format_limit(unpacked)}: more than can be opened again.",
            remedy="Record fewer layers or samples.",
        )
    return buffer.getvalue()


class RecordingFile:
    """A recorded session that is open for reading; safe to share between threads.

    Args:
        source: Path of the file, or its content.
        is_ours: Whether it came with Layerscope, and need not be looked through as the file of a stranger.

    Raises:
        RecordingRefused: If it is no recording, is damaged, or is not what it says.
    """

    def __init__(self, source: str | os.PathLike[str] | bytes, *, is_ours: bool = False) -> None:
        self.name = "The recording" if isinstance(source, bytes) else safe_name(Path(source).name)
        self._is_ours = is_ours
        self._lock = threading.Lock()
        content = source if isinstance(source, bytes) else self._content_of(Path(source))
        if not is_recording(content):
            raise RecordingRefused(f"{self.name} is no recorded session.", remedy=_REMEDY)
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(content))
            if not is_ours:
                self._check(content)
            contents = self._contents()
        except (*_BROKEN, ValueError) as error:
            raise self._damaged() from error
        self.about: Final = contents.about
        self._places: Final[Mapping[str, int]] = contents.answers

    def __contains__(self, request: Request) -> bool:
        return question_key(request) in self._places

    @property
    def questions(self) -> tuple[str, ...]:
        """What tells the questions that are answered from others, see ``questions.question_key``."""
        return tuple(self._places)

    def read(self, request: Request) -> Any:
        """Return what a question was answered with.

        Raises:
            KeyError: If it was not asked.
            RecordingRefused: If the answer is none to this question, or a chart in it leads elsewhere.
        """
        place = self._places[question_key(request)]
        try:
            entry = self._archive.getinfo(_member(place))
            if entry.file_size > largest_reply(request.name):
                raise self._damaged()
            with self._lock:
                content = self._archive.read(entry)
            reply = decode(content, request.name)
        except (*_BROKEN, KeyError, WorkerLost) as error:
            raise self._unreadable() from error
        if reply.error is not None or reply.progress is not None:
            raise self._unreadable()
        if not self._is_ours:
            check_charts(reply.value)
        return reply.value

    def _content_of(self, path: Path) -> bytes:
        try:
            if path.stat().st_size > _LARGEST_FILE:
                raise RecordingRefused(
                    f"{self.name} is larger than a recording may be, {format_limit(_LARGEST_FILE)}.", remedy=_REMEDY
                )
            return path.read_bytes()
        except OSError as error:
            raise RecordingRefused(f"{self.name} cannot be read: {error.strerror or error}.", remedy=_REMEDY) from error

    def _check(self, content: bytes) -> None:
        # Not needed for what ships with Layerscope, and by far most of what is imported here.
        from core.models.archives import check_archive

        allowed = get_limits().model_copy(update={"unpacked_bytes": _LARGEST_UNPACKED})
        try:
            check_archive(io.BytesIO(content), self._archive, self.name, allowed)
        except LayerscopeError as error:
            raise RecordingRefused(error.message, remedy=_REMEDY) from error

    def _contents(self) -> _Contents:
        entry = self._archive.infolist()[0]
        if entry.filename != _CONTENTS or entry.file_size > _LARGEST_CONTENTS:
            raise self._damaged()
        try:
            contents = _contents_adapter.validate_json(self._archive.read(entry))
        except ValidationError as error:
            raise self._of_later_version(entry) or self._damaged() from error
        if contents.version != VERSION:
            raise self._of_later_version(entry) or self._damaged()
        if not self._is_ours and any(len(text) > _LONGEST_TEXT for text in (contents.about.model, *_told(contents))):
            raise self._damaged()
        return contents

    def _of_later_version(self, entry: zipfile.ZipInfo) -> RecordingRefused | None:
        """Return the refusal of a file in a form that is not known yet; None if it is of one that is."""
        try:
            told = _any_adapter.validate_json(self._archive.read(entry))
            version = int(told["version"])
            writer = safe_name(str(told.get("about", {}).get("written_by", "")))
        except (ValidationError, ValueError, TypeError, KeyError, AttributeError):
            return None
        if version <= VERSION:
            return None
        return RecordingRefused(
            f"{self.name} was written by a later Layerscope{f' ({writer})' if writer else ''} in a form that this one "
            f"({_our_version()}) does not read.",
            remedy="Update Layerscope: pip install --upgrade layerscope",
        )

    def _unreadable(self) -> RecordingRefused:
        writer = safe_name(self.about.written_by)
        by = f" Layerscope {writer} wrote it, this is {_our_version()}." if writer and writer != _our_version() else ""
        return RecordingRefused(f"{self.name} does not hold a valid answer to this.{by}", remedy=_REMEDY)

    def _damaged(self) -> RecordingRefused:
        return RecordingRefused(f"{self.name} is damaged, or not what it says.", remedy=_REMEDY)


_contents_adapter: Final = TypeAdapter(_Contents)
_any_adapter: Final = TypeAdapter(dict[str, Any])


def _told(contents: _Contents) -> tuple[str, ...]:
    return (contents.about.written_by, contents.about.written_at)


def _member(number: int) -> str:
    return f"answers/{number:05}"


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # Without the time: the same answers make the same file.
    entry = zipfile.ZipInfo(name, _OLDEST_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content, compresslevel=9)


def _our_version() -> str:
    return installed_version("layerscope") or "unknown"
