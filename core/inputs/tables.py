"""CSV, TSV and other tables of numbers to the samples of one input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from core.common.text import list_names, safe_name
from core.errors import InputRejected
from core.inputs.model_output import ModelOutput
from core.inputs.remedies import fits, shape_text
from core.inputs.spec import InputSpec, value_count
from core.inputs.table_columns import TableText, column_of, feature_names, label_columns, split_off
from core.inputs.table_text import number_column, table_frame, table_lines
from core.inputs.truth_columns import TruthColumns, surplus_truth

__all__ = ["Table", "read_table"]

_SAMPLE_COLUMN: Final = "sample"


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
        remarks: Why a column holds the labels where its name is not a usual one, in sentences.
    """

    values: np.ndarray
    labels: np.ndarray | None
    names: tuple[str, ...]
    label_column: str = ""
    feature_names: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def read_table(data: bytes, name: str, spec: InputSpec, outputs: Sequence[ModelOutput] = ()) -> Table:
    """Return the samples in a table.

    The delimiter, a decimal comma, a header and the index column of a pandas file are found out. A column named
    ``label``, ``class`` or ``target`` holds the label: a class or a true value; so does one named like the model's
    output where there is one column more than the input takes. The rest depends on the input:

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
        outputs: What the model answers, the output that labels are set against first; empty if that is not known.

    Raises:
        InputRejected: If the file is no table, too large, ragged, holds something else than numbers, or does not have
            the columns that the input needs.
    """
    name = safe_name(name)
    holds_text = spec.dtype == "string"
    text = table_lines(data, name, holds_text)
    frame = table_frame(text, holds_text)
    truth = TruthColumns(column_of(frame, label_columns(frame, text, spec)))
    is_one_too_many = text.header and None not in spec.shape and frame.shape[1] == value_count(spec.shape) + 1
    if not truth.label and is_one_too_many:
        truth = surplus_truth([str(column) for column in frame.columns], outputs)
    label_column, remarks = truth.label, truth.remarks
    labels = split_off(frame, label_column, text)
    if holds_text:
        return replace(_rows(_text_values(frame, text, spec), labels, label_column), remarks=remarks)
    sample_column = column_of(frame, (_SAMPLE_COLUMN,)) if len(spec.shape) == 2 else ""
    groups = split_off(frame, sample_column, text)
    values = _numbers(frame, text)  # (row, column)
    table = _samples_of(values, labels, groups, text, spec)
    features = feature_names(frame, text, table.values)
    return replace(table, label_column=label_column, feature_names=features, remarks=remarks)


def _samples_of(
    values: np.ndarray, labels: np.ndarray | None, groups: np.ndarray | None, text: TableText, spec: InputSpec
) -> Table:
    if groups is not None:
        return _long_form(values, labels, groups, text, spec)
    if len(spec.shape) == 2 and fits(values.shape, spec.shape):
        label = _one_label(labels, np.ones(len(values), bool), text.name)
        return Table(values[np.newaxis], label, (text.name,))
    return _rows(_rows_as_samples(values, text, spec), labels)


def _numbers(frame: pd.DataFrame, text: TableText) -> np.ndarray:
    """Return ``(row, column)`` as integers where every cell is a whole number, else float64."""
    for position, dtype in enumerate(frame.dtypes):
        if dtype.kind not in "biuf":
            frame.isetitem(position, number_column(frame.iloc[:, position], position, text))
    kinds = {dtype.kind for dtype in frame.dtypes}
    if not kinds <= {"i", "u"}:
        return frame.to_numpy(dtype=np.float64)
    if "u" not in kinds:
        return frame.to_numpy(dtype=np.int64)
    # pandas has unsigned columns where a number is beyond int64.
    return frame.to_numpy(dtype=np.uint64 if bool((frame >= 0).all(axis=None)) else np.float64)


def _text_values(frame: pd.DataFrame, text: TableText, spec: InputSpec) -> np.ndarray:
    columns = math.prod(extent or 1 for extent in spec.shape)
    if frame.shape[1] != columns:
        raise InputRejected(
            f"{text.name} has {frame.shape[1]} columns beside the label ({list_names(frame.columns, 8)}), the input "
            f"'{spec.shown_name}' takes {columns} of text.",
            remedy=f"Name the column with the text '{spec.shown_name}', and one 'label' if the classes are known.",
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
