"""Which column of a table, beside those that go into a model, holds what it is to answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from core.common.text import list_names, plain_name, safe_name
from core.inputs.model_output import ModelOutput

__all__ = [
    "TruthColumns",
    "can_be_answered",
    "named_like",
    "named_like_remark",
    "surplus_truth",
    "truth_columns",
    "unused_remark",
]

_COUNTING: Final = frozenset({"id", "index", "key", "nr", "no", "number", "row", "sample", "date", "time", "timestamp"})
"""Names of columns that tell rows apart, and that nobody trains a model to answer."""


@dataclass(frozen=True)
class TruthColumns:
    """What the columns of a table that go into no input are.

    Attributes:
        label: The one that holds the label or true value for the first output; empty if none does.
        others: The one that is for each other output, by the output's name.
        remarks: Why they were taken, and which are not used, in sentences.
    """

    label: str = ""
    others: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def truth_columns(
    columns: Sequence[str],
    outputs: Sequence[ModelOutput],
    values: Callable[[str], pd.Series],
    usual: Sequence[str] = (),
) -> TruthColumns:
    """Return which columns that go into no input hold what the model is to answer.

    One that is named like an output is for that output. For the first output, so is one that labels are usually called,
    and for a model's only output the only one that is left, where it can be what that answers: numbers where it answers
    a number, and for classes whole numbers of them or no more names than there are.

    Args:
        columns: Names of the columns that go into no input.
        outputs: What the model answers, the output that labels are set against first; empty if that is not known.
        values: Returns a column by its name.
        usual: What columns of labels are usually called, in lower case, the likeliest first.
    """
    by_output: dict[int, str] = {}
    remarks: list[str] = []
    for position, output in enumerate(outputs):
        like = [column for column in columns if named_like(column, output) and column not in by_output.values()]
        if like and values(like[0]).isna().any():
            remarks.append(f"The column '{safe_name(like[0])}' is no true answer: cells of it are empty.")
        elif like:
            by_output[position] = like[0]
            remarks.append(named_like_remark("column", like[0], output))
    free = [column for column in columns if column not in by_output.values()]
    usually = [column for name in usual for column in free if column.lower() == name]
    if 0 not in by_output and usually:
        by_output[0] = usually[0]
    elif (
        not by_output and len(outputs) == 1 and len(free) == 1 and can_be_answered(free[0], outputs[0], values(free[0]))
    ):
        by_output[0] = free[0]
        remarks.append(
            f"The column '{safe_name(free[0])}' is taken for the true answer: it is the only one that no input takes."
        )
    unused = [column for column in columns if column not in by_output.values()]
    if unused:
        remarks.append(unused_remark("column", unused))
    others = {outputs[position].key: column for position, column in by_output.items() if position}
    return TruthColumns(by_output.get(0, ""), others, tuple(remarks))


def surplus_truth(columns: Sequence[str], outputs: Sequence[ModelOutput]) -> TruthColumns:
    """Return which of the columns for one input is the one too many: the only one that is named like an output."""
    like = [(column, output) for output in outputs[:1] for column in columns if named_like(column, output)]
    if len(like) != 1:
        return TruthColumns()
    column, output = like[0]
    return TruthColumns(column, remarks=(named_like_remark("column", column, output),))


def named_like(name: str, output: ModelOutput) -> bool:
    """Return whether a name is that of an output or of its layer; capitals, signs and a plural make no difference."""
    own = {plain_name(each) for each in (output.name, output.layer.rsplit("/", 1)[-1]) if each}
    plain = plain_name(name)
    return bool(plain) and (plain in own or plain.removesuffix("s") in own)


def named_like_remark(kind: str, name: str, output: ModelOutput) -> str:
    """Return a sentence that says why a column or an array is the true answer: it is named like the output."""
    return f"The {kind} '{safe_name(name)}' is the true answer: it is named like the output '{safe_name(output.key)}'."


def unused_remark(kind: str, names: Sequence[str]) -> str:
    """Return a sentence that says which columns or arrays are not used; at least one."""
    if len(names) == 1:
        return f"The {kind} '{safe_name(names[0])}' is not used."
    return f"These {kind}s are not used: {list_names(names, 8)}."


def can_be_answered(column: str, output: ModelOutput, found: pd.Series) -> bool:
    """Return whether a column can be what an output answers, though nothing but its being left says so.

    Args:
        column: Its name.
        output: What the model answers.
        found: The values.
    """
    if not plain_name(column) or {plain_name(column), *re.split(r"[\W_]+", column.lower())} & _COUNTING:
        return False
    if found.isna().any() or output.class_count is None:
        return False
    is_number = found.dtype.kind in "biuf"
    if not is_number and not all(isinstance(cell, str) for cell in found):
        return False
    if output.is_one_number:
        return is_number
    if is_number:
        numbers = found.to_numpy(np.float64)
        return bool(((numbers >= 0) & (numbers < output.class_count) & (numbers % 1 == 0)).all())
    return found.nunique() <= output.class_count
