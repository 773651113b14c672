"""Names that a person or a file gives to something, as they may stand in a message."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

from core.wording import cut_in_the_middle

__all__ = ["LONGEST_NAME", "did_you_mean", "either", "listed", "shown"]

LONGEST_NAME: Final = 80
"""Characters of a name that are shown; a file's or column's name can have thousands."""


def shown(name: object) -> str:
    """Return a name of one line, without control characters, cut in the middle where it is long.

    What turns the direction of writing, or takes no room, goes too: it can make a name look like another.
    """
    text = str(name)
    if len(text) > 4 * LONGEST_NAME:  # the middle is not shown anyway
        text = f"{text[: 2 * LONGEST_NAME]}{text[-2 * LONGEST_NAME :]}"
    text = "".join(letter if letter.isprintable() else " " if letter.isspace() else "" for letter in text)
    return cut_in_the_middle(" ".join(text.split()), LONGEST_NAME)


def listed(names: Iterable[object], most: int = 20) -> str:
    """Return names in quotation marks with commas between them; after the first ``most`` an ellipsis."""
    quoted = [f"'{shown(name)}'" for name in names]
    return ", ".join(quoted[:most]) + (", …" if len(quoted) > most else "")


def either(words: Iterable[object]) -> str:
    """Return words with commas and an "or": ``"LSTM, GRU or RNN"``."""
    *first, last = map(str, words)
    return f"{', '.join(first)} or {last}" if first else last


def did_you_mean(given: str, known: Iterable[str], closeness: float = 0.6) -> str:
    """Return the end of a sentence on a name that does not exist: the nearest that does, or a full stop.

    Args:
        given: The name.
        known: The names that there are.
        closeness: From 0, anything is near, to 1, nothing is; see :func:`difflib.get_close_matches`.
    """
    near = difflib.get_close_matches(given, list(known), n=1, cutoff=closeness)
    return f"; did you mean {near[0]!r}?" if near else "."
