"""Tables that say of each picture, film or sound what it is labelled as: a column of file names, and others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Final

import numpy as np
import pandas as pd

from core.common.text import list_names, safe_name
from core.errors import InputRejected
from core.inputs.file_content import FileContent
from core.inputs.file_sorts import SORTS
from core.inputs.model_output import ModelOutput, is_distribution
from core.inputs.table_columns import LABEL_COLUMNS, SURPLUS_COLUMNS, TableText, labels_origin, split_off
from core.inputs.table_text import table_frame, table_lines
from core.inputs.truth_columns import truth_columns

__all__ = ["LabelTable", "read_label_table", "with_table"]

_FILE_COLUMNS: Final = frozenset({"filename", "file", "filepath", "path", "image", "imagename", "imageid", "imagepath"})
_ENDINGS: Final = tuple(ending for sort in SORTS for ending in sort.endings)


@dataclass(frozen=True)
class LabelTable:
    """What a table says of files.

    Attributes:
        name: What the table is called.
        files: Name of each file, as it is written.
        columns: The other columns, in the same order of rows.
    """

    name: str
    files: tuple[str, ...]
    columns: pd.DataFrame


def read_label_table(data: bytes, name: str) -> LabelTable | None:
    """Return what a table says of files; None for what is no table with a column of file names and another.

    Such a column holds names that end as pictures, films or sounds do, or is called so, as ``filename`` or ``image``.
    """
    if not name.lower().endswith((".csv", ".tsv")):
        return None
    try:
        text = table_lines(data, safe_name(name), holds_text=False)
        if text.header and any(cell.lower().endswith(_ENDINGS) for cell in text.header):
            text = replace(text, header=None)
        frame = table_frame(text, holds_text=False)
    except InputRejected:
        return None
    frame.columns = frame.columns.map(str)
    if frame.shape[1] < 2 or not frame.columns.is_unique:
        return None
    named = [column for column in frame.columns if _names_files(frame[column])]
    called = [column for column in frame.columns if "".join(filter(str.isalnum, column.lower())) in _FILE_COLUMNS]
    if not named and not called:
        return None
    column = (named or called)[0]
    files = tuple(str(cell).replace("\\", "/").removeprefix("./") for cell in frame[column])
    return LabelTable(safe_name(PurePosixPath(name).name), files, frame.drop(columns=column))


def _names_files(cells: pd.Series) -> bool:
    return all(isinstance(cell, str) and cell.lower().endswith(_ENDINGS) for cell in cells)


def with_table(content: FileContent, table: LabelTable, outputs: Sequence[ModelOutput]) -> FileContent:
    """Return samples with the labels that a table says of their files, and what was taken of it.

    A single column is the class or the value, and of several the one that is named so, or like an output. Several
    columns of numbers, as many as the model answers, are several labels or values; where all are 0 or 1 their names are
    those of the labels.

    Args:
        content: The samples, called as their files.
        table: The table.
        outputs: What the model answers, the output that labels are set against first; empty if that is not known.
    """
    rows, why = _rows(content.names, table.files)
    if rows is None:
        return replace(content, remarks=(*content.remarks, f"The table {table.name} is left out: {why}"))
    frame = table.columns.iloc[rows].reset_index(drop=True)
    columns = list(frame.columns)
    truth = truth_columns(columns, outputs, frame.__getitem__, (*LABEL_COLUMNS, *SURPLUS_COLUMNS))
    column = truth.label or (columns[0] if len(columns) == 1 else "")
    taken = [column] if column else _several(frame, outputs)
    if not taken or frame[taken].isna().any(axis=None):
        told = "cells of it are empty" if taken else "no column is called 'label', or like the output"
        return replace(content, remarks=(*content.remarks, f"The table {table.name} is left out: {told}."))
    left = [each for each in columns if each not in taken]
    unused = f" Not used: {list_names(left, 8)}." if left else ""
    if column:
        remark = f"Labels are from the column '{safe_name(column)}' of {table.name}.{unused}"
        return replace(
            content,
            labels=split_off(frame, column, TableText(table.name, (), (), ",", None)),
            labels_origin=labels_origin(column),
            remarks=(*content.remarks, remark),
        )
    values = frame[taken].to_numpy()
    are_labels = np.isin(values, (0, 1)).all()
    if outputs and outputs[0].function == "softmax" and is_distribution(values):
        values = values.argmax(axis=1)
    remark = f"The columns {list_names(taken, 8)} of {table.name} are what is true of each file.{unused}"
    return replace(
        content,
        labels=values.astype(np.int64) if are_labels else values,
        labels_origin=f"labels in {table.name}",
        remarks=(*content.remarks, remark),
        class_names=tuple(map(safe_name, taken)) if are_labels else (),
    )


def _several(frame: pd.DataFrame, outputs: Sequence[ModelOutput]) -> list[str]:
    """Return the columns of numbers that are one for each number that a model answers; empty where none are."""
    numbers = [
        column for column in frame.columns if frame[column].dtype.kind in "biuf" and not frame[column].isna().any()
    ]
    binary = [column for column in numbers if frame[column].isin((0, 1)).all()]
    count = outputs[0].count if outputs else len(binary)
    return next((columns for columns in (binary, numbers) if len(columns) == count and len(columns) > 1), [])


def _rows(names: Sequence[str], files: Sequence[str]) -> tuple[list[int] | None, str]:
    """Return the row of each sample, or why there is none for some: by path, by name, or by name without its ending."""
    levels: list[dict[str, list[int]]] = [{}, {}, {}]
    for row, file in enumerate(files):
        for level, key in zip(levels, _keys(file), strict=True):
            level.setdefault(key, []).append(row)
    rows: list[int] = []
    missing: list[str] = []
    for name in names:
        # Where several files were given, the name of the archive stands before that of the file in it.
        keys = _keys(name.rpartition(", ")[2])
        found = next((level[key] for level, key in zip(levels, keys, strict=True) if key in level), [])
        if len(found) > 1:
            return None, f"it has several rows for '{safe_name(name)}'."
        rows += found
        missing += [] if found else [name]
    if missing:
        return None, f"it has no row for {len(missing):,} of {len(names):,} files: {list_names(missing, 3)}."
    return rows, ""


def _keys(path: str) -> tuple[str, str, str]:
    name = PurePosixPath(path).name
    return path, name, name[: -len(PurePosixPath(name).suffix)] if name.lower().endswith(_ENDINGS) else name
