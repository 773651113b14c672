"""The text of a table as rows and columns: its lines counted and cut first, then read by pandas.

Constraints: lines and columns are counted before pandas sees the text, because ten million columns take it 20 seconds;
nothing is ever decompressed; and what is wrong is told by column and line, as an editor shows them.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import dropwhile
from typing import Any, Final

import numpy as np
import pandas as pd

from core.common.limits import get_limits
from core.common.text import safe_name
from core.errors import InputRejected
from core.inputs.table_cells import WHITESPACE, cells_of, count_cells
from core.inputs.table_columns import TableText
from core.inputs.text_lines import decoded_text, lines_with_content, too_large

__all__ = ["number_column", "table_frame", "table_lines"]

_DECIMAL_COMMA: Final = re.compile(r"\s*[+-]?\d+,\d+\s*")
_NO_DELIMITER: Final = "\x1f"
_QUOTED_LINE: Final = re.compile(r'\s*"(?:[^"]++|"")*+"\s*')
# How tables write that a number is missing; in a column of text all of these may be words.
_MISSING: Final = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "<NA>", "#N/A", "?")


def table_lines(data: bytes, name: str, holds_text: bool) -> TableText:
    """Return the lines of a table that hold something, with the delimiter and the header that were found out.

    Args:
        data: Content of the file.
        name: Name of the file, for messages.
        holds_text: Whether its cells are texts, so that a first line of words is no header but a sample.

    Raises:
        InputRejected: If it is no text, holds nothing, is ragged, or has more columns or cells than the limits allow.
    """
    kept = lines_with_content(decoded_text(data, name), name)
    kept = list(dropwhile(lambda line: line[1].startswith("#"), kept))  # how numpy.savetxt writes a header
    if not kept:
        raise InputRejected(f"{name} is empty.", remedy="Give a table with at least one row of numbers.")
    text = TableText(name, [line for _, line in kept], [number for number, _ in kept], "", None)
    text = replace(text, delimiter=_delimiter(text.lines[:20]))
    _check_columns(text)
    first, second = (cells_of(line, text.delimiter) for line in (text.lines[0], text.lines[min(1, len(kept) - 1)]))
    if _is_header(first, second, holds_text):
        text = replace(text, header=tuple(cell.strip() for cell in first))
    if len(text.lines) == 1 and text.header:
        raise InputRejected(f"{name} holds names of columns and nothing else.", remedy="Give at least one row.")
    return text


def _delimiter(lines: Sequence[str]) -> str:
    """Return what occurs equally often in every line; the comma last, since it may be a decimal one."""
    for candidate in ("\t", ";", "|", ","):
        counts = {_unquoted(line).count(candidate) for line in lines}
        if len(counts) == 1 and counts != {0}:
            return candidate
    for candidate in ("\t", ";", "|", ","):  # ragged: the file is refused later, with the line
        if all(candidate in _unquoted(line) for line in lines[:2]):
            return candidate
    return WHITESPACE if all(len(line.split()) > 1 and _is_number(line.split()[0]) for line in lines[-1:]) else ""


def _unquoted(line: str) -> str:
    return re.sub(r'"[^"]*"', "", line) if '"' in line else line


def _check_columns(text: TableText) -> None:
    """Refuse too many columns, ragged lines and cells that span lines, before pandas has to find out slowly."""
    limits = get_limits()
    expected = 0
    for line, number in zip(text.lines, text.numbers, strict=True):
        try:
            count = count_cells(line, text.delimiter)
        except ValueError as error:
            raise InputRejected(
                f"{text.name}: line {number} opens a quotation mark and does not close it.",
                remedy="Cells that go on in the next line are not read: put each sample into one line.",
            ) from error
        if count > limits.columns:
            raise too_large(text.name, "columns", limits.columns)
        expected = expected or count
        if count != expected:
            raise InputRejected(
                f"{text.name}: line {number} has {count} columns, the first line has {expected}.",
                remedy="Give every line the same number of columns; leave a cell empty where a value is missing.",
            )
    if expected * len(text.lines) > limits.cells:
        raise too_large(text.name, "cells", limits.cells)


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True


def _is_header(first: Sequence[str], second: Sequence[str], holds_text: bool) -> bool:
    if holds_text:
        return all(cell.isidentifier() for cell in first)  # a sentence is no name of a column
    if any(cell.strip() and not _is_number(cell) for cell in first):
        # A row of values may hold text, as a class does; then the row below holds text at the same place.
        named = [index for index, cell in enumerate(first) if not _is_number(cell)]
        return len(named) == len(first) or any(_is_number(second[index]) for index in named)
    # pandas writes 0, 1, 2, … above columns without names, and nothing above the index.
    has_index = not first[0].strip() and second[0] == "0"
    columns = list(first[1:] if has_index else first)
    return (has_index or len(columns) > 2) and columns == [str(index) for index in range(len(columns))]


def table_frame(text: TableText, holds_text: bool, texts: Collection[int] = ()) -> pd.DataFrame:
    """Return the rows as a frame whose columns have the header's names, or numbers counted from 1.

    Args:
        text: From :func:`table_lines`.
        holds_text: Whether all columns are texts.
        texts: Positions of the columns that are texts, where others are numbers: their cells stay as they are written.

    Raises:
        InputRejected: If pandas cannot read it.
    """
    rows = text.lines[1:] if text.header else text.lines
    if holds_text and not text.delimiter:
        # A sentence may begin with a quotation; only a line that is one is a cell in quotation marks.
        sentences = [cells_of(row, "")[0] if _QUOTED_LINE.fullmatch(row) else row for row in rows]
        return pd.DataFrame({text.header[0] if text.header else 1: sentences}, dtype=object)
    cells = (cell for row in rows[:20] for cell in cells_of(row, text.delimiter))
    decimal = "," if text.delimiter != "," and any(_DECIMAL_COMMA.fullmatch(cell) for cell in cells) else "."
    try:
        frame = pd.read_csv(
            io.BytesIO("\n".join(rows).encode()),  # a StringIO takes four bytes a character
            sep=text.delimiter or _NO_DELIMITER,
            header=None,
            index_col=False,
            decimal=decimal,
            **_cells_read(text, holds_text, texts),
            skipinitialspace=True,
            skip_blank_lines=False,
            low_memory=False,
            compression=None,
        )
        frame.columns = pd.Index(text.header if text.header else range(1, frame.shape[1] + 1), dtype=object)
    except (pd.errors.ParserError, ValueError) as error:
        raise InputRejected(
            f"{text.name} could not be read as a table: {safe_name(error)}.",
            remedy="Save it as CSV with one row a line and commas between the cells.",
        ) from error
    if text.header and text.header[0] == "" and list(frame.iloc[:, 0]) == list(range(len(frame))):
        frame = frame.iloc[:, 1:].copy()
    return frame


def _cells_read(text: TableText, holds_text: bool, texts: Collection[int]) -> dict[str, Any]:
    """Return what pandas is told about cells: which stay as they are written, and which say that one is missing."""
    if not texts:
        return {"keep_default_na": not holds_text}
    numbers = [position for position in range(len(text.header or ())) if position not in texts]
    return {
        "keep_default_na": False,
        "dtype": dict.fromkeys(texts, "object"),
        "na_values": {position: list(_MISSING) for position in numbers},
    }


def number_column(values: pd.Series, position: int, text: TableText, input_name: str = "") -> np.ndarray:
    """Return ``(row,)`` as float64 of a column that pandas did not take for numbers.

    Args:
        values: The column.
        position: Which column of the table it is.
        text: The table, to say where a cell is.
        input_name: The input that the column is known to be for; empty where it may hold something else.

    Raises:
        InputRejected: If a cell is no number.
    """
    numbers = np.empty(len(values), dtype=np.float64)
    for row, cell in enumerate(values):
        number = _as_float(cell)
        if number is None:
            column = f"'{safe_name(text.header[position])}'" if text.header else str(values.name)
            raise InputRejected(
                f"{text.name}: column {column} is not a number in line {text.line_of(row)}: '{_short(cell)}'.",
                remedy=f"The input '{input_name}' takes numbers: code the column the way the model was trained."
                if input_name
                else "If the column holds the classes, name it 'label' in a first line; else take it out or code it "
                "in numbers the way the model was trained.",
            )
        numbers[row] = number
    return numbers


def _as_float(cell: object) -> float | None:
    try:
        number = float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    # Hundreds of digits are no infinity, and 1_000 is a number in Python only.
    invented = isinstance(cell, str) and ("_" in cell or (math.isinf(number) and "inf" not in cell.lower()))
    return None if invented else number


def _short(cell: object) -> str:
    text = safe_name(cell)
    return text if len(text) <= 40 else f"{text[:40]}…"
