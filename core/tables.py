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
from typing import Final

import numpy as np
import pandas as pd

from core.errors import InputRejected
from core.inputs import InputSpec
from core.mending import fits, shape_text

__all__ = [
    "LABEL_COLUMNS",
    "MAXIMUM_CELLS",
    "MAXIMUM_COLUMNS",
    "MAXIMUM_LINE",
    "MAXIMUM_LINES",
    "Table",
    "decoded_text",
    "read_table",
]

MAXIMUM_LINES: Final = 1_000_000
MAXIMUM_COLUMNS: Final = 65_536
MAXIMUM_CELLS: Final = 20_000_000
MAXIMUM_LINE: Final = 5_000_000

LABEL_COLUMNS: Final = ("label", "class", "target")
"""Names of the column that holds the true class of each sample, in any case."""

_SAMPLE_COLUMN: Final = "sample"
_DECIMAL_COMMA: Final = re.compile(r"\s*[+-]?\d+,\d+\s*")
_WHITESPACE: Final = r"\s+"
_NO_DELIMITER: Final = "\x1f"


@dataclass(frozen=True)
class Table:
    """What a table holds.

    Attributes:
        values: The samples as the input expects them, the sample axis first; float64, int64 or strings.
        labels: The true class of each sample, shape ``(sample,)``, numbers or strings; None if there is no such column.
        names: One name per sample.
    """

    values: np.ndarray
    labels: np.ndarray | None
    names: tuple[str, ...]


@dataclass(frozen=True)
class _Text:
    """The lines of a file that hold something, and how they are to be read.

    Attributes:
        name: Name of the file.
        lines: The lines, the header included.
        numbers: The number of each line in the file, counted from 1.
        delimiter: Empty where a line is one cell.
        header: Name of each column, or None.
    """

    name: str
    lines: Sequence[str]
    numbers: Sequence[int]
    delimiter: str
    header: tuple[str, ...] | None


def read_table(data: bytes, name: str, spec: InputSpec) -> Table:
    """Return the samples in a table.

    The delimiter, a decimal comma, a header and the index column of a pandas file are found out. A column named
    ``label``, ``class`` or ``target`` holds the true class. The rest depends on the input:

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
    holds_text = spec.dtype == "string"
    text = _read_lines(data, name, holds_text)
    frame = _parsed(text, holds_text)
    labels = _split_off(frame, LABEL_COLUMNS)
    if holds_text:
        return _rows(_text_values(frame, text, spec), labels)
    groups = _split_off(frame, (_SAMPLE_COLUMN,)) if len(spec.shape) == 2 else None
    values = _numbers(frame, text)  # (row, column)
    if groups is not None:
        return _long_form(values, labels, groups, text, spec)
    if len(spec.shape) == 2 and fits(values.shape, spec.shape):
        return Table(values[np.newaxis], _one_label(labels, np.ones(len(values), bool), name), (name,))
    return _rows(_rows_as_samples(values, text, spec), labels)


def decoded_text(data: bytes, name: str) -> str:
    """Return the text in a file: UTF-8, UTF-16 with its mark, or else Windows' Western code page.

    Raises:
        InputRejected: If it is no text.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if b"\0" in data[:65536]:
        raise InputRejected(
            f"{name} is neither text nor a file of a known kind.",
            remedy="Give PNG, JPEG or WebP, .npy or .npz, CSV, TSV or plain text.",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _read_lines(data: bytes, name: str, holds_text: bool) -> _Text:
    if data.count(b"\n") + data.count(b"\r") > 2 * MAXIMUM_LINES:
        raise _too_large(name, "lines", MAXIMUM_LINES)
    # Not splitlines(): that also cuts at characters which pandas takes for text.
    lines = re.split(r"\r\n|\n|\r", decoded_text(data, name))
    kept = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    while kept and kept[0][1].startswith("#"):  # how numpy.savetxt writes a header
        del kept[0]
    if not kept:
        raise InputRejected(f"{name} is empty.", remedy="Give a table with at least one row of numbers.")
    if len(kept) > MAXIMUM_LINES:
        raise _too_large(name, "lines", MAXIMUM_LINES)
    if max(len(line) for _, line in kept) > MAXIMUM_LINE:
        raise _too_large(name, "characters in a line", MAXIMUM_LINE)
    text = _Text(name, [line for _, line in kept], [number for number, _ in kept], "", None)
    text = replace(text, delimiter=_delimiter(text.lines[:20]))
    _check_columns(text)
    first, second = (_cells(line, text.delimiter) for line in (text.lines[0], text.lines[min(1, len(kept) - 1)]))
    if _is_header(first, second, holds_text):
        text = replace(text, header=tuple(cell.strip() for cell in first))
    if len(text.lines) == 1 and text.header:
        raise InputRejected(f"{name} holds names of columns and nothing else.", remedy="Give at least one row.")
    return text


def _too_large(name: str, what: str, limit: int) -> InputRejected:
    return InputRejected(
        f"{name} has more than {limit} {what}.",
        remedy="Save large data as .npy: numpy.save('data.npy', array). Or give fewer samples.",
    )


def _delimiter(lines: Sequence[str]) -> str:
    """Return what occurs equally often in every line; the comma last, since it may be a decimal one."""
    for candidate in ("\t", ";", "|", ","):
        counts = {_unquoted(line).count(candidate) for line in lines}
        if len(counts) == 1 and counts != {0}:
            return candidate
    for candidate in ("\t", ";", "|", ","):  # ragged: the file is refused later, with the line
        if all(candidate in line for line in lines[:2]):
            return candidate
    return _WHITESPACE if all(len(line.split()) > 1 and _is_number(line.split()[0]) for line in lines[-1:]) else ""


def _unquoted(line: str) -> str:
    return re.sub(r'"[^"]*"', "", line) if '"' in line else line


def _cells(line: str, delimiter: str) -> list[str]:
    if not delimiter:
        return [line]
    if delimiter == _WHITESPACE:
        return line.split()
    parts = re.findall(rf'(?:^|{re.escape(delimiter)})("[^"]*"|[^{re.escape(delimiter)}]*)', line)
    return [part.strip().strip('"') for part in parts]


def _check_columns(text: _Text) -> None:
    """Refuse too many columns, ragged lines and cells that span lines, before pandas has to find out slowly."""
    expected = 0
    for line, number in zip(text.lines, text.numbers, strict=True):
        if line.count('"') % 2:
            raise InputRejected(
                f"{text.name}: line {number} opens a quotation mark and does not close it.",
                remedy="Cells that go on in the next line are not read: put each sample into one line.",
            )
        plain = _unquoted(line)
        if not text.delimiter:
            count = 1
        else:
            count = len(plain.split()) if text.delimiter == _WHITESPACE else plain.count(text.delimiter) + 1
        if count > MAXIMUM_COLUMNS:
            raise _too_large(text.name, "columns", MAXIMUM_COLUMNS)
        expected = expected or count
        if count != expected:
            raise InputRejected(
                f"{text.name}: line {number} has {count} columns, the first line has {expected}.",
                remedy="Give every line the same number of columns; leave a cell empty where a value is missing.",
            )
    if expected * len(text.lines) > MAXIMUM_CELLS:
        raise _too_large(text.name, "cells", MAXIMUM_CELLS)


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


def _parsed(text: _Text, holds_text: bool) -> pd.DataFrame:
    """Return the rows as a frame whose columns have the header's names, or numbers counted from 1."""
    rows = text.lines[1:] if text.header else text.lines
    cells = (cell for row in rows[:20] for cell in _cells(row, text.delimiter))
    decimal = "," if text.delimiter != "," and any(_DECIMAL_COMMA.fullmatch(cell) for cell in cells) else "."
    try:
        frame = pd.read_csv(
            io.StringIO("\n".join(rows)),
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
            f"{text.name} could not be read as a table: {error}.",
            remedy="Save it as CSV with one row a line and commas between the cells.",
        ) from error
    if text.header and text.header[0] == "" and list(frame.iloc[:, 0]) == list(range(len(frame))):
        frame = frame.iloc[:, 1:].copy()
    return frame


def _split_off(frame: pd.DataFrame, names: Sequence[str]) -> np.ndarray | None:
    """Take the first column of one of these names out of the frame and return it, integers or strings."""
    for position, column in enumerate(frame.columns):
        if str(column).lower() in names and frame.shape[1] > 1:
            values = frame.iloc[:, position]
            del frame[column]
            if pd.api.types.is_integer_dtype(values):
                return values.to_numpy(dtype=np.int64)
            whole = pd.api.types.is_float_dtype(values) and bool((values % 1 == 0).all())
            return values.to_numpy(dtype=np.int64) if whole else values.astype(str).to_numpy(dtype=str)
    return None


def _numbers(frame: pd.DataFrame, text: _Text) -> np.ndarray:
    """Return ``(row, column)`` as int64 where every cell is a whole number, else float64."""
    for position, dtype in enumerate(frame.dtypes):
        if dtype.kind in "biuf":
            continue
        values = frame.iloc[:, position]
        try:
            bad = pd.to_numeric(values, errors="coerce").isna() & values.notna()
        except OverflowError:  # hundreds of digits
            bad = values.astype(str).str.len() > 300
        row = int(np.argmax(bad.to_numpy()))
        line = text.numbers[row + (1 if text.header else 0)]
        column = f"'{frame.columns[position]}'" if text.header else str(frame.columns[position])
        raise InputRejected(
            f"{text.name}: column {column} is not a number in line {line}: '{_short(values.iloc[row])}'.",
            remedy="If the column holds the classes, name it 'label' in a first line; else take it out or code it in "
            "numbers the way the model was trained.",
        )
    whole = all(dtype.kind in "iu" for dtype in frame.dtypes)
    return frame.to_numpy(dtype=np.int64 if whole else np.float64)


def _short(cell: object) -> str:
    text = str(cell)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _text_values(frame: pd.DataFrame, text: _Text, spec: InputSpec) -> np.ndarray:
    columns = math.prod(extent or 1 for extent in spec.shape)
    if frame.shape[1] != columns:
        raise InputRejected(
            f"{text.name} has {frame.shape[1]} columns beside the label ({_listed(frame)}), the input '{spec.name}' "
            f"takes {columns} of text.",
            remedy="Leave one column with the text, and one named 'label' if the classes are known.",
        )
    strings = frame.fillna("").astype(str).to_numpy(dtype=str)
    return strings.reshape(len(strings), *(extent or 1 for extent in spec.shape))  # (row, column) -> (sample, …)


def _rows_as_samples(values: np.ndarray, text: _Text, spec: InputSpec) -> np.ndarray:
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
            f"{text.name} holds {shape_text(values.shape)} (rows, columns), the input '{spec.name}' expects "
            f"{shape_text(shape)} for each sample (time, features).",
            remedy="Give one sample a file with a row per time step, or all of them with a column 'sample' that tells "
            "which row belongs to which.",
        )
    raise InputRejected(
        f"{text.name} holds {shape_text(values.shape)} (rows, columns), the input '{spec.name}' expects "
        f"{shape_text((None, *shape))}.",
        remedy="A table fits where a row holds all numbers of a sample; else save the samples with numpy.save.",
    )


def _rows(values: np.ndarray, labels: np.ndarray | None) -> Table:
    return Table(values, labels, tuple(f"row {number}" for number in range(1, len(values) + 1)))


def _long_form(
    values: np.ndarray, labels: np.ndarray | None, groups: np.ndarray, text: _Text, spec: InputSpec
) -> Table:
    codes, samples = pd.factorize(groups)  # in the order in which they appear
    lengths = np.bincount(codes)
    wanted = spec.shape[0] or int(lengths[0])
    wrong = np.flatnonzero(lengths != wanted)
    if wrong.size:
        raise InputRejected(
            f"{text.name}: sample {samples[wrong[0]]} has {lengths[wrong[0]]} time steps, {wanted} are expected.",
            remedy="Cut or pad all samples to the same number of time steps, the way the model was trained.",
        )
    order = np.argsort(codes, kind="stable")
    arranged = values[order].reshape(len(samples), wanted, values.shape[1])  # (row, feature) -> (sample, time, feature)
    truths = (
        [_one_label(labels, codes == code, text.name) for code in range(len(samples))] if labels is not None else []
    )
    found = [truth for truth in truths if truth is not None]
    return Table(arranged, np.concatenate(found) if found else None, tuple(f"sample {sample}" for sample in samples))


def _one_label(labels: np.ndarray | None, rows: np.ndarray, name: str) -> np.ndarray | None:
    """Return the label that these rows share, shape ``(1,)``."""
    if labels is None:
        return None
    found = pd.unique(labels[rows])
    if len(found) > 1:
        raise InputRejected(
            f"{name}: the label changes within a sample, from '{found[0]}' to '{found[1]}'.",
            remedy="Give all time steps of a sample the same label.",
        )
    return np.asarray(found)


def _listed(frame: pd.DataFrame) -> str:
    names = [str(column) for column in frame.columns[:8]]
    return ", ".join(names) + (", …" if frame.shape[1] > 8 else "")
