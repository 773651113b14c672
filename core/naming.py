"""Names that a person or a file gives to something, as they may stand in a message."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from core.wording import cut_in_the_middle

__all__ = ["LONGEST_NAME", "listed", "shown"]

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
