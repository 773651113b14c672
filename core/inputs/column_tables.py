"""Tables with a column for each input of a model, by name: numbers, whole numbers and categories side by side."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from core.common.text import did_you_mean, list_names, plain_name, safe_name
from core.errors import InputRejected
from core.inputs.model_output import ModelOutput
from core.inputs.spec import InputSpec, value_count
from core.inputs.table_columns import LABEL_COLUMNS, SURPLUS_COLUMNS, TableText, split_off
from core.inputs.table_text import number_column, table_frame, table_lines
from core.inputs.truth_columns import truth_columns

__all__ = ["ColumnTable", "read_column_table"]

_LEAST_NAMED: Final = 2
_DIGITS: Final = "0123456789"
_BEFORE_NUMBER: Final = "-_ .[("
_MOST_DIGITS: Final = 18


@dataclass(frozen=True)
class ColumnTable:
    """What a table with a column for each input holds.

    Attributes:
        arrays: By input name, shape ``(row, *input)``: strings, int64 or float64.
        labels: The label of each row, shape ``(row,)``; None if there is no such column.
        label_column: Name of the column of labels; empty if there is none.
        names: One name per row.
        feature_names: By input name, what the columns of an input that takes several are called.
        truths: What other outputs are to answer to each row, by the output's name, shape ``(row,)``.
        remarks: Which column is what, and which are not used, in sentences.
    """

    arrays: Mapping[str, np.ndarray]
    labels: np.ndarray | None
    label_column: str
    names: tuple[str, ...]
    feature_names: Mapping[str, tuple[str, ...]]
    truths: Mapping[str, np.ndarray] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def read_column_table(
    data: bytes, name: str, specs: Sequence[InputSpec], outputs: Sequence[ModelOutput] = (), *, is_for_all: bool
) -> ColumnTable | None:
    """Return the samples in a table with a row per sample and a column for each input.

    A column belongs to the input of its name; capitals, blanks and signs make no difference where that is plain. An
    input of several numbers takes the columns of its name with numbers behind, in the order of these, or those that
    belong to no other, in the order of the table. No column belongs to two inputs. A column named ``label``, ``class``
    or ``target`` holds the label, or one named like an output, see :func:`.truth_columns`; others are left out, which
    is said. Cells of an input of text stay as they are written, empty cells of numbers are NaN.

    Args:
        data: Content of the file.
        name: Name of the file, for messages.
        specs: The inputs that the table has to fill.
        outputs: What the model answers, the output that labels are set against first; empty if that is not known.
        is_for_all: Whether the table can only be meant so; else it is where its header names several inputs, or a
            model's only one that takes one value.

    Returns:
        None where the table is not meant so.

    Raises:
        InputRejected: If it is meant so and there is no column for an input, or a cell is not what its input takes.
    """
    name = safe_name(name)
    try:
        text = table_lines(data, name, holds_text=False)
    except InputRejected:
        if is_for_all:
            raise
        return None  # such as sentences with commas, for an input of text
    header = text.header or ()
    columns = _columns(header, specs)
    if len(columns) < min(_LEAST_NAMED, len(specs)) and not is_for_all:
        return None
    if len(specs) == 1 and (len(header) == 1 or None in specs[0].shape or _width(specs[0]) != 1):
        return None
    _check_header(header, name, specs)
    columns |= _of_several(header, specs, columns)
    _check_complete(header, name, specs, columns)
    texts = {at for spec in specs if spec.dtype == "string" for at in columns[spec.name]}
    used = {at for positions in columns.values() for at in positions}
    frame = table_frame(text, holds_text=False, texts=texts)
    taken = {header[at] for at in used}
    left = [str(column) for column in frame.columns if column not in taken]
    truth = truth_columns(left, outputs, frame.__getitem__, (*LABEL_COLUMNS, *SURPLUS_COLUMNS))
    labels = split_off(frame, truth.label, text)
    others = {output: split_off(frame, column, text) for output, column in truth.others.items()}
    return ColumnTable(
        {spec.name: _values(frame, columns[spec.name], text, spec) for spec in specs},
        labels,
        truth.label,
        tuple(f"row {number}" for number in range(1, len(frame) + 1)),
        {
            spec.name: tuple(safe_name(header[at]) for at in columns[spec.name])
            for spec in specs
            if len(columns[spec.name]) > 1
        },
        {output: values for output, values in others.items() if values is not None},
        truth.remarks,
    )


def _columns(header: Sequence[str], specs: Sequence[InputSpec]) -> dict[str, list[int]]:
    """Return the position of the column that bears an input's name, in a list, by that name."""
    exact = {column: at for at, column in reversed(list(enumerate(header)))}
    found = {spec.name: [exact[spec.name]] for spec in specs if spec.name in exact}
    # x1 and x_1 may be two inputs: a column that bears one's name is not the other's.
    taken = {at for positions in found.values() for at in positions}
    plain: dict[str, list[int]] = {}
    for at, column in enumerate(header):
        if at not in taken:
            plain.setdefault(plain_name(column), []).append(at)
    alike = Counter(plain_name(spec.name) for spec in specs if spec.name not in found)
    for spec in specs:
        positions = plain.get(plain_name(spec.name), [])
        if spec.name not in found and len(positions) == 1 and alike[plain_name(spec.name)] == 1:
            found[spec.name] = positions
    return found


def _of_several(
    header: Sequence[str], specs: Sequence[InputSpec], columns: Mapping[str, Sequence[int]]
) -> dict[str, list[int]]:
    """Return the columns of inputs that take several numbers and have no column of their own name."""
    found: dict[str, list[int]] = {}
    wide = [spec for spec in specs if _width(spec) > 1]
    of_one = {at for spec in specs if _width(spec) == 1 for at in columns.get(spec.name, ())}
    numbered: dict[str, list[tuple[int, int]]] = {}
    for at, column in enumerate(header):
        if at not in of_one and (parts := _name_and_number(column)):
            numbered.setdefault(plain_name(parts[0]), []).append((parts[1], at))
    for spec in wide:
        # By number: f_10 stands before f_2 where names were sorted as texts.
        own = sorted(numbered.get(plain_name(spec.name), []))
        if len(own) == _width(spec):
            found[spec.name] = [at for _, at in own] if _are_consecutive([number for number, _ in own]) else []
    taken = {at for positions in (*columns.values(), *found.values()) for at in positions}
    left = [at for at, column in enumerate(header) if at not in taken and column.lower() not in LABEL_COLUMNS]
    without = [spec for spec in wide if spec.name not in found]
    if len(without) == 1 and len(left) == _width(without[0]):
        found[without[0].name] = left
    return found


def _name_and_number(column: str) -> tuple[str, int] | None:
    """Return the name of a column and the number behind it, as of ``f_10``, ``f10`` or ``f[10]``; None without."""
    bare = column[:-1] if column.endswith(("]", ")")) else column
    stem = bare.rstrip(_DIGITS)
    digits = bare[len(stem) :]
    name = stem.rstrip(_BEFORE_NUMBER)
    return (name, int(digits)) if name and 0 < len(digits) <= _MOST_DIGITS else None


def _are_consecutive(numbers: Sequence[int]) -> bool:
    """Return whether numbers in ascending order follow one another, none twice and none left out."""
    return all(after == before + 1 for before, after in itertools.pairwise(numbers))


def _check_header(header: Sequence[str], name: str, specs: Sequence[InputSpec]) -> None:
    if not header:
        raise InputRejected(
            f"{name} has no names of columns in its first line, and the model takes {len(specs)} inputs by name.",
            remedy=f"Write a first line with a column for each: {list_names(spec.name for spec in specs)}.",
        )
    doubled = [column for column, count in Counter(header).items() if count > 1]
    if doubled:
        raise InputRejected(
            f"{name} has more than one column '{safe_name(doubled[0])}'.",
            remedy="Leave one of them, or rename the others.",
        )


def _check_complete(
    header: Sequence[str], name: str, specs: Sequence[InputSpec], columns: Mapping[str, Sequence[int]]
) -> None:
    missing = [spec for spec in specs if spec.name not in columns or len(columns[spec.name]) != _width(spec)]
    if not missing:
        return
    spec = missing[0]
    if _width(spec) > 1:
        raise InputRejected(
            f"{name} has no {_width(spec)} columns for the input '{spec.shown_name}'. Its columns are: "
            f"{list_names(header)}.",
            remedy=f"Name them '{spec.shown_name}_0' to '{spec.shown_name}_{_width(spec) - 1}', or give that input a "
            "file of its own.",
        )
    nearest = did_you_mean(spec.name, [column for at, column in enumerate(header) if [at] not in columns.values()])
    raise InputRejected(
        f"{name} has no column '{spec.shown_name}' for the input of that name{nearest} Its columns are: "
        f"{list_names(header)}.",
        remedy=f"Name a column for each input: {list_names(spec.name for spec in specs)}.",
    )


def _values(frame: pd.DataFrame, positions: Sequence[int], text: TableText, spec: InputSpec) -> np.ndarray:
    columns = [_column(frame, at, text, spec) for at in positions]
    extents = [extent or 1 for extent in spec.shape]
    return np.stack(columns, axis=1).reshape(len(frame), *extents)  # (row, column) -> (row, *input)


def _column(frame: pd.DataFrame, position: int, text: TableText, spec: InputSpec) -> np.ndarray:
    """Return one column, shape ``(row,)``."""
    header = list(text.header or ())
    values = frame[header[position]]  # by name: pandas' index is no column any more
    if spec.dtype == "string":
        return values.to_numpy(dtype=str)
    numbers = (
        values.to_numpy() if values.dtype.kind in "biuf" else number_column(values, position, text, spec.shown_name)
    )
    missing = np.flatnonzero(np.isnan(numbers)) if numbers.dtype.kind == "f" else np.empty(0, np.int64)
    if len(missing) and spec.is_integer:
        raise InputRejected(
            f"{text.name}: the column '{safe_name(header[position])}' is empty in "
            f"line {text.line_of(int(missing[0]))}, the input '{spec.shown_name}' takes whole numbers ({spec.dtype}).",
            remedy="Fill it the way the model was trained, or take the row out.",
        )
    return numbers


def _width(spec: InputSpec) -> int:
    return value_count(spec.shape)
