"""Tables of pandas as arrays: their columns in order as the features of an input, or a column for each input."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd

from core.common.text import did_you_mean, list_names, safe_name
from core.errors import InputRejected
from core.inputs.model_output import ModelOutput
from core.inputs.spec import InputSpec, value_count
from core.inputs.table_columns import LABEL_COLUMNS
from core.inputs.truth_columns import TruthColumns, surplus_truth, truth_columns

__all__ = [
    "columns_by_input",
    "frame_array",
    "frame_feature_names",
    "frame_sample_names",
    "names_input",
    "series_array",
    "truth_in_frame",
]


def frame_array(frame: pd.DataFrame) -> np.ndarray:
    """Return the columns of a table in their order, shape ``(row, column)``: int64, float64 or strings.

    Raises:
        InputRejected: If text and numbers stand side by side, or a text is missing.
    """
    columns = [series_array(frame.iloc[:, position]) for position in range(frame.shape[1])]
    texts = [column.dtype.kind in "US" for column in columns]
    if any(texts) and not all(texts):
        name = frame.columns[texts.index(True)]
        raise InputRejected(
            f"The column '{safe_name(name)}' holds text, and others hold numbers: one input takes one of both.",
            remedy="Leave that column out, or give a model of several inputs a column for each.",
        )
    if len(columns) == 1:
        return columns[0].reshape(len(frame), -1)
    return np.stack(columns, axis=1) if columns else np.empty((len(frame), 0))


def series_array(series: pd.Series) -> np.ndarray:
    """Return a column: int64, float64 or strings of shape ``(row,)``; ``(row, …)`` where each cell holds an array.

    Missing numbers are NaN.

    Raises:
        InputRejected: If a text is missing, cells differ in shape, or hold neither numbers nor texts.
    """
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return series_array(series.astype(dtype.categories.dtype))
    if pd.api.types.is_bool_dtype(dtype) and not series.hasnans:
        return series.to_numpy(bool)
    if pd.api.types.is_numeric_dtype(dtype):
        if isinstance(dtype, np.dtype):
            return series.to_numpy()
        whole = pd.api.types.is_integer_dtype(dtype) and not series.hasnans
        return series.to_numpy(np.int64) if whole else series.to_numpy(np.float64, na_value=np.nan)
    cells = list(series)
    if cells and all(isinstance(cell, (list, tuple, np.ndarray)) for cell in cells):
        return _stacked(cells, series)
    present = series[series.notna()]
    if isinstance(dtype, pd.StringDtype) or (len(present) and all(isinstance(cell, (str, bytes)) for cell in present)):
        return _texts(series)
    # Numbers as Python objects; of dates NumPy would make numbers too, which nobody means.
    with suppress(TypeError, ValueError):
        if pd.api.types.is_object_dtype(dtype):
            return series.to_numpy(np.float64, na_value=np.nan)
    raise InputRejected(
        f"The column '{safe_name(series.name)}' holds neither numbers nor texts ({safe_name(dtype)}).",
        remedy="Turn it into numbers the way the model was trained, or leave it out.",
    )


def columns_by_input(frame: pd.DataFrame, specs: Sequence[InputSpec]) -> dict[str, np.ndarray]:
    """Return the column of each input, by the input's name; other columns are left out.

    Args:
        frame: A table with a column for each input.
        specs: What the model expects.

    Returns:
        ``(row, 1)`` for an input that takes one value, else as :func:`series_array` has it.

    Raises:
        InputRejected: If there is no column for an input.
    """
    found = {}
    for spec in specs:
        if spec.name not in frame.columns:
            nearest = did_you_mean(spec.name, map(str, frame.columns))
            raise InputRejected(
                f"The table has no column '{spec.shown_name}' for the input of that name{nearest}",
                remedy=f"Its columns are: {list_names(frame.columns)}. "
                f"Rename them: frame.rename(columns={{…: '{spec.shown_name}'}}).",
            )
        if isinstance(frame[spec.name], pd.DataFrame):
            raise InputRejected(
                f"The table has several columns '{spec.shown_name}'.",
                remedy="Leave one: frame.loc[:, ~frame.columns.duplicated()].",
            )
        column = series_array(frame[spec.name])
        found[spec.name] = column[:, np.newaxis] if column.ndim == 1 and len(spec.shape) == 1 else column
    return found


def names_input(table: pd.DataFrame, specs: Sequence[InputSpec]) -> bool:
    """Return whether columns of a table are for inputs by name: of several, or of one that takes one value."""
    if len(specs) != 1:
        return len(specs) > 1
    is_of_one = None not in specs[0].shape and value_count(specs[0].shape) == 1
    return is_of_one and table.shape[1] > 1 and specs[0].name in table.columns


def truth_in_frame(
    table: pd.DataFrame, specs: Sequence[InputSpec], outputs: Sequence[ModelOutput] = ()
) -> TruthColumns:
    """Return which columns of a table hold what the model is to answer, as in a CSV.

    One named ``label``, ``class`` or ``target``, in any case, or like an output: of a model of several inputs where no
    input has that name, see :func:`.truth_columns`, and else where there is one column more than the input takes.

    Args:
        table: The table.
        specs: What the model expects.
        outputs: What it answers, the output that labels are set against first.
    """
    names = {spec.name for spec in specs}
    if not specs or not table.columns.is_unique or not all(isinstance(column, str) for column in table.columns):
        return TruthColumns()
    usual = [column for column in table.columns if column.lower() in LABEL_COLUMNS and column not in names]
    if names_input(table, specs):
        left = [column for column in table.columns if column not in names]
        return truth_columns(left, outputs, table.__getitem__, [usual[0].lower()] if len(usual) == 1 else ())
    if specs[0].shape != (table.shape[1] - 1,):
        return TruthColumns()
    if len(usual) == 1:
        return TruthColumns(usual[0])
    return surplus_truth(list(table.columns), outputs)


def frame_feature_names(table: Any) -> tuple[str, ...]:
    """Return the names of a table's columns; empty where they are only numbered, or it is no table."""
    if not isinstance(table, pd.DataFrame) or isinstance(table.columns, pd.RangeIndex):
        return ()
    return tuple(map(str, table.columns))


def frame_sample_names(table: Any) -> tuple[str, ...]:
    """Return the names of a table's rows; empty where they are only numbered, or it is no table."""
    if not isinstance(table, (pd.DataFrame, pd.Series)) or isinstance(table.index, pd.RangeIndex):
        return ()
    return tuple(map(safe_name, table.index))


def _texts(series: pd.Series) -> np.ndarray:
    missing = int(series.isna().sum())
    if missing:
        raise InputRejected(
            f"{missing:,} of {len(series):,} texts are missing in the column '{safe_name(series.name)}'.",
            remedy="Fill them in, such as with frame.fillna('').",
        )
    return np.array([cell.decode("utf-8", "replace") if isinstance(cell, bytes) else cell for cell in series], str)


def _stacked(cells: Sequence[Any], series: pd.Series) -> np.ndarray:
    try:
        return np.stack([np.asarray(cell) for cell in cells])
    except ValueError as error:
        raise InputRejected(
            f"The cells of the column '{safe_name(series.name)}' differ in their shape.",
            remedy="Pad or cut them to one length: keras.utils.pad_sequences(frame[column]).",
        ) from error
