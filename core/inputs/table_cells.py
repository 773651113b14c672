"""The cells in a line of a table, as pandas cuts them: what is counted before has to be what is read after."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

__all__ = ["WHITESPACE", "cells_of", "count_cells"]

WHITESPACE: Final = r"\s+"
"""The delimiter of columns that blanks and tabs keep apart."""


def cells_of(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line, without the quotation marks around them.

    A cell is quoted where it begins with a quotation mark, and two within it are one; elsewhere they are letters.

    Args:
        line: A line without its end.
        delimiter: One character, or ``WHITESPACE``; empty where the line is one cell.

    Raises:
        ValueError: If a quotation mark is opened and not closed.
    """
    if '"' not in line:
        if not delimiter:
            return [line]
        if delimiter == WHITESPACE:
            return re.findall(r"[^ \t]+", line)
        return [cell.strip() for cell in line.split(delimiter)]
    cells = []
    for quoted, rest, plain in _pattern(delimiter).findall(line):
        if plain.startswith('"'):
            raise ValueError("a quotation mark is not closed")
        cells.append(plain.strip() or quoted.replace('""', '"') + rest)
    return cells


def count_cells(line: str, delimiter: str) -> int:
    """Return how many cells a line has; see ``cells_of``."""
    if delimiter and delimiter != WHITESPACE and '"' not in line:
        return line.count(delimiter) + 1
    return len(cells_of(line, delimiter))


@lru_cache(maxsize=8)
def _pattern(delimiter: str) -> re.Pattern[str]:
    # The repetition is possessive: an escaped quotation mark must not be taken apart to close the cell.
    quoted = r' *"((?:[^"]++|"")*+)"'
    if not delimiter:
        return re.compile(rf"\A(?:{quoted}(.*)|(.*))", re.DOTALL)
    if delimiter == WHITESPACE:
        return re.compile(rf"{quoted}([^ \t]*)|([^ \t]+)")
    other = rf"[^{re.escape(delimiter)}]*"
    return re.compile(rf"(?:\A|{re.escape(delimiter)})(?:{quoted}({other})| *({other}))")
