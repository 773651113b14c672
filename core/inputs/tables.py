"""CSV, TSV and other tables of numbers to arrays.

Constraints: lines and columns are counted before pandas sees the text, because ten million columns take it 20 seconds;
nothing is ever decompressed; and what is wrong is told by column and line, as an editor shows them.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import dropwhile
from typing import Final

import numpy as np
import pandas as pd

from core.common.limits import get_limits
from core.common.text import list_names, safe_name
from core.errors import InputRejected
from core.inputs.remedies import fits, shape_text
from core.inputs.spec import InputSpec
from core.inputs.table_cells import WHITESPACE, cells_of, count_cells
from core.inputs.table_columns import TableText, column_of, feature_names, label_columns, split_off
from core.inputs.text_lines import decoded_text, lines_with_content, too_large

__all__ = ["Table", "read_table"]

_SAMPLE_COLUMN: Final = "sample"
_DECIMAL_COMMA: Final = re.compile(r"\s*[+-]?\d+,\d+\s*")
_NO_DELIMITER: Final = "\x1f"
_QUOTED_LINE: Final = re.compile(r'\s*"(?:[^"]++|"")*+"\s*')


@dataclass(frozen=True)
class Table:
    """What a table holds.

    Attributes:
        values: The samples as the input expects them, the sample axis first; float64, int64 or strings.
        labels: The label of each sample, shape ``(sample,)``, integers, float64 or strings; None if there is no such
            column.
        names: One name per sample.
        label_column: Name of the column of labels; empty if there is none.
        feature_names: Names of the last axis of the values, from the header; empty if it does not name them.
    """

    values: np.ndarray
    labels: np.ndarray | None
    names: tuple[str, ...]
    label_column: str = ""
    feature_names: tuple[str, ...] = ()


def read_table(data: bytes, name: str, spec: InputSpec) -> Table:
    """Return the samples in a table.

    The delimiter, a decimal comma, a header and the index column of a pandas file are found out. A column named
    ``label``, ``class`` or ``target`` holds the label: a class or a true value. The rest depends on the input:

    - a row is a sample where its columns are the sample's numbers, in the order of the axes: features, token ids, the
      pixels of a picture, or the time steps of a single feature;
    - for ``(time, feature)``, the whole file is one sample with a row per time step; with a column ``sample``, each of
      its values is one;
    - for text, the one column that is left is the text.

    Empty cells are NaN.

    Args:
        data: Content of the file.
        name: Name of the file, for messages.
        spec: What the input expects.

    Raises:
        InputRejected: If the file is no table, too large, ragged, holds something else than numbers, or does not have
            the columns that the input needs.
    """
    name = safe_name(name)
    holds_text = spec.dtype == "string"
    text = _read_lines(data, name, holds_text)
    frame = _parsed(text, holds_text)
    label_column = column_of(frame, label_columns(frame, text, spec))
    labels = split_off(frame, label_column, text)
    if holds_text:
        return _rows(_text_values(frame, text, spec), labels, label_column)
    sample_column = column_of(frame, (_SAMPLE_COLUMN,)) if len(spec.shape) == 2 else ""
    groups = split_off(frame, sample_column, text)
    values = _numbers(frame, text)  # (row, column)
    table = _samples_of(values, labels, groups, text, spec)
    return replace(table, label_column=label_column, feature_names=feature_names(frame, text, table.values))


def _samples_of(
    values: np.ndarray, labels: np.ndarray | None, groups: np.ndarray | None, text: TableText, spec: InputSpec
) -> Table:
    if groups is not None:
        return _long_form(values, labels, groups, text, spec)
    if len(spec.shape) == 2 and fits(values.shape, spec.shape):
        label = _one_label(labels, np.ones(len(values), bool), text.name)
        return Table(values[np.newaxis], label, (text.name,))
    return _rows(_rows_as_samples(values, text, spec), labels)


def _read_lines(data: bytes, name: str, holds_text: bool) -> TableText:
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


def _parsed(text: TableText, holds_text: bool) -> pd.DataFrame:
    """Return the rows as a frame whose columns have the header's names, or numbers counted from 1."""
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
            keep_default_na=not holds_text,
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


def _numbers(frame: pd.DataFrame, text: TableText) -> np.ndarray:
    """Return ``(row, column)`` as integers where every cell is a whole number, else float64."""
    for position, dtype in enumerate(frame.dtypes):
        if dtype.kind not in "biuf":
            frame.isetitem(position, _column_of_numbers(frame.iloc[:, position], position, text))
    kinds = {dtype.kind for dtype in frame.dtypes}
    if not kinds <= {"i", "u"}:
        return frame.to_numpy(dtype=np.float64)
    if "u" not in kinds:
        return frame.to_numpy(dtype=np.int64)
    # pandas has unsigned columns where a number is beyond int64.
    return frame.to_numpy(dtype=np.uint64 if bool((frame >= 0).all(axis=None)) else np.float64)


def _column_of_numbers(values: pd.Series, position: int, text: TableText) -> np.ndarray:
    """Return ``(row,)`` as float64 of a column that pandas did not take for numbers."""
    numbers = np.empty(len(values), dtype=np.float64)
    for row, cell in enumerate(values):
        number = _as_float(cell)
        if number is None:
            column = f"'{safe_name(text.header[position])}'" if text.header else str(values.name)
            raise InputRejected(
                f"{text.name}: column {column} is not a number in line {text.line_of(row)}: '{_short(cell)}'.",
                remedy="If the column holds the classes, name it 'label' in a first line; else take it out or code it "
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


def _text_values(frame: pd.DataFrame, text: TableText, spec: InputSpec) -> np.ndarray:
    columns = math.prod(extent or 1 for extent in spec.shape)
    if frame.shape[1] != columns:
        raise InputRejected(
            f"{text.name} has {frame.shape[1]} columns beside the label ({list_names(frame.columns, 8)}), the input "
            f"'{spec.shown_name}' takes {columns} of text.",
            remedy="Leave one column with the text, and one named 'label' if the classes are known.",
        )
    strings = frame.fillna("").astype(str).to_numpy(dtype=str)
    return strings.reshape(len(strings), *(extent or 1 for extent in spec.shape))  # (row, column) -> (sample, …)


def _rows_as_samples(values: np.ndarray, text: TableText, spec: InputSpec) -> np.ndarray:
    rows, columns = values.shape
    shape = spec.shape
    if len(shape) == 1 or (shape == () and columns == 1):
        return values  # whether the number of columns fits is told by the check of the input
    if len(shape) == 2 and shape[1] == 1 and shape[0] in (None, columns):
        return values[..., np.newaxis]  # (sample, time) -> (sample, time, feature)
    if None not in shape and columns == math.prod(extent or 0 for extent in shape):
        return values.reshape(rows, *(extent or 0 for extent in shape))  # (row, column) -> (sample, …)
    if len(shape) == 2:
        raise InputRejected(
            f"{text.name} holds {shape_text(values.shape)} (rows, columns), the input '{spec.shown_name}' expects "
            f"{shape_text(shape)} for each sample (time, features).",
            remedy="Give one sample a file with a row per time step, or all of them with a column 'sample' that tells "
            "which row belongs to which.",
        )
    raise InputRejected(
        f"{text.name} holds {shape_text(values.shape)} (rows, columns), the input '{spec.shown_name}' expects "
        f"{shape_text((None, *shape))}.",
        remedy="A table fits where a row holds all numbers of a sample; else save the samples with numpy.save.",
    )


def _rows(values: np.ndarray, labels: np.ndarray | None, label_column: str = "") -> Table:
    return Table(values, labels, tuple(f"row {number}" for number in range(1, len(values) + 1)), label_column)


def _long_form(
    values: np.ndarray, labels: np.ndarray | None, groups: np.ndarray, text: TableText, spec: InputSpec
) -> Table:
    codes, samples = pd.factorize(groups)  # in the order in which they appear
    lengths = np.bincount(codes)
    wanted = spec.shape[0] or int(lengths[0])
    wrong = np.flatnonzero(lengths != wanted)
    if wrong.size:
        raise InputRejected(
            f"{text.name}: sample {safe_name(samples[wrong[0]])} has {lengths[wrong[0]]} time steps, "
            f"{wanted} are expected.",
            remedy="Cut or pad all samples to the same number of time steps, the way the model was trained.",
        )
    order = np.argsort(codes, kind="stable")
    arranged = values[order].reshape(len(samples), wanted, values.shape[1])  # (row, feature) -> (sample, time, feature)
    truths = (
        [_one_label(labels, codes == code, text.name) for code in range(len(samples))] if labels is not None else []
    )
    found = [truth for truth in truths if truth is not None]
    return Table(
        arranged, np.concatenate(found) if found else None, tuple(f"sample {safe_name(sample)}" for sample in samples)
    )


def _one_label(labels: np.ndarray | None, rows: np.ndarray, name: str) -> np.ndarray | None:
    """Return the label that these rows share, shape ``(1,)``."""
    if labels is None:
        return None
    found = pd.unique(labels[rows])
    if len(found) > 1:
        raise InputRejected(
            f"{name}: the label changes within a sample, from '{safe_name(found[0])}' to '{safe_name(found[1])}'.",
            remedy="Give all time steps of a sample the same label.",
        )
    return np.asarray(found)
