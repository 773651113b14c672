"""The text in a file, and its lines: what tables and texts have in common."""

from __future__ import annotations

import re
import sys
from typing import Final

from core.common.limits import format_limit, get_limits, raised_by
from core.common.text import safe_name
from core.errors import InputRejected

__all__ = ["decoded_text", "lines_with_content", "too_large"]

_LINE_END: Final = re.compile(r"\r\n|\n|\r")


def decoded_text(data: bytes, name: str) -> str:
    """Return the text in a file: UTF-8, UTF-16 with its mark, or else Windows' Western code page.

    Raises:
        InputRejected: If it is no text.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", "replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", "replace")
    if "\0" in text:
        raise InputRejected(
            f"{safe_name(name)} is neither text nor a file of a known kind.",
            remedy="Give PNG, JPEG or WebP, .npy or .npz, CSV, TSV or plain text.",
        )
    return text


def lines_with_content(text: str, name: str) -> list[tuple[int, str]]:
    """Return the lines of a text that are not blank, each with its number counted from 1.

    Raises:
        InputRejected: If there are too many lines, or one is too long.
    """
    limits = get_limits()
    # One character beyond the Basic Multilingual Plane makes every other four bytes large.
    if sys.getsizeof(text) > limits.input_bytes:
        raise InputRejected(
            f"{name} needs more than {format_limit(limits.input_bytes)} of memory.",
            remedy=f"Give fewer samples. {raised_by('input_bytes')}",
        )
    ends = text.count("\n") + text.count("\r") - text.count("\r\n")
    if ends > 2 * limits.rows:  # blank lines have no limit of their own
        raise too_large(name, "rows", limits.rows)
    # Not splitlines(): that also cuts at characters which pandas takes for text.
    kept = [(number, line) for number, line in enumerate(_LINE_END.split(text), start=1) if line.strip()]
    if len(kept) > limits.rows:
        raise too_large(name, "rows", limits.rows)
    if kept and max(len(line) for _, line in kept) > limits.line_characters:
        raise too_large(name, "line_characters", limits.line_characters)
    return kept


def too_large(name: str, limit: str, most: int) -> InputRejected:
    """Return the error for a file beyond a limit.

    Args:
        name: Name of the file.
        limit: The limit, as :class:`core.common.limits.Limits` names it.
        most: What it allows.
    """
    what = "characters in a line" if limit == "line_characters" else limit
    return InputRejected(
        f"{name} has more than {most:,} {what}.",
        remedy=f"Save large data as .npy: numpy.save('data.npy', array). Or give fewer samples. {raised_by(limit)}",
    )
