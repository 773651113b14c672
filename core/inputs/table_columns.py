"""The columns of a table: which holds the labels, and what the others are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from core.common.text import safe_name
from core.errors import InputRejected
from core.inputs.spec import InputSpec

__all__ = [
    "LABEL_COLUMNS",
    "SURPLUS_COLUMNS",
    "TableText",
    "column_of",
    "feature_names",
    "label_columns",
    "labels_origin",
    "split_off",
]

LABEL_COLUMNS: Final = ("label", "class", "target")
"""Names of the column that holds the label of each sample, in any case."""

SURPLUS_COLUMNS: Final = ("y", "labels", "targets", "y_true")
"""Names that are taken for it only where the table has one column more than the input: an input may be called y too."""
_EXACT_IN_FLOAT: Final = 2**53


@dataclass(frozen=True)
class TableText:
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

    def line_of(self, row: int) -> int:
        """Return the number of the line in the file that holds a row of values."""
        return self.numbers[row + (1 if self.header else 0)]


def label_columns(frame: pd.DataFrame, text: TableText, spec: InputSpec) -> Sequence[str]:
    """Return the names that a column of labels may have in this table."""
    surplus = text.header and len(spec.shape) == 1 and spec.shape[0] is not None and frame.shape[1] == spec.shape[0] + 1
    return (*LABEL_COLUMNS, *SURPLUS_COLUMNS) if surplus else LABEL_COLUMNS


def column_of(frame: pd.DataFrame, names: Sequence[str]) -> str:
    """Return the first column that has one of these names, in any case; empty if none has, or there is no other."""
    found = [str(column) for column in frame.columns if str(column).lower() in names]
    return found[0] if found and frame.shape[1] > 1 else ""


def split_off(frame: pd.DataFrame, column: str, text: TableText) -> np.ndarray | None:
    """Take a column out of the frame and return it: integers, float64 or strings; None if none is named.

    Raises:
        InputRejected: If there are two of that name, or a cell of it is empty.
    """
    if not column:
        return None
    if list(frame.columns).count(column) > 1:
        raise InputRejected(
            f"{text.name} has more than one column '{safe_name(column)}'.",
            remedy="Leave one of them, or rename the others.",
        )
    values = frame.pop(column)
    if values.isna().any():
        line = text.line_of(int(np.argmax(values.isna().to_numpy())))
        raise InputRejected(
            f"{text.name}: the column '{safe_name(column)}' is empty in line {line}.",
            remedy="Fill it in every line, or take the column out.",
        )
    kind = values.dtype.kind
    if kind in "ib" or (kind == "f" and ((values % 1 == 0) & (values.abs() < _EXACT_IN_FLOAT)).all()):
        return values.to_numpy(dtype=np.int64)
    if kind == "f":
        return values.to_numpy(dtype=np.float64)
    return np.array([str(value) for value in values], dtype=str)


def labels_origin(column: str) -> str:
    """Return what labels of a column are called in sentences; of an empty name, labels of no column."""
    return f"labels in the column '{safe_name(column)}'" if column else "labels"


def feature_names(frame: pd.DataFrame, text: TableText, values: np.ndarray) -> tuple[str, ...]:
    """Return the names of the last axis of the samples in a table; empty where its header does not name them."""
    names = tuple(safe_name(column) for column in frame.columns) if text.header else ()
    # Numbers above the columns, as pandas writes them, are no names, nor is what two of them share.
    if not names or all(name.isdigit() for name in names) or len(set(names)) < len(names) or not all(names):
        return ()
    return names if values.shape[-1] == len(names) else ()
