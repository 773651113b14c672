"""What each array of an archive is for, where no usual name says it: by the name of an output, and by shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

from core.common.text import safe_name
from core.inputs.model_output import ModelOutput
from core.inputs.remedies import fits
from core.inputs.spec import InputSpec
from core.inputs.truth_columns import named_like, named_like_remark, unused_remark

__all__ = ["ArrayRoles", "ArrayShapes", "with_truths"]


@dataclass(frozen=True)
class ArrayRoles:
    """What arrays of an archive are for, each by its key.

    Attributes:
        inputs: The one for each input, by the input's name.
        label: The one with the labels; empty if there is none.
        truths: The one that holds what each other output is to answer, by the output's name.
        remarks: Why they were taken where no usual name says it, and which are not used, in sentences.
    """

    inputs: Mapping[str, str]
    label: str = ""
    truths: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


class ArrayShapes:
    """Shapes of the arrays of an archive, each looked at where it is first asked for.

    Args:
        read: Returns shape and type of one by its key; None where that cannot be read.
    """

    def __init__(self, read: Callable[[str], tuple[tuple[int, ...], np.dtype] | None]) -> None:
        self._read = cache(read)

    def of(self, key: str) -> tuple[int, ...]:
        """Return the shape of an array; without axes where that cannot be read."""
        found = self._read(key)
        return found[0] if found else ()

    def fitting(self, keys: Sequence[str], spec: InputSpec) -> list[str]:
        """Return the arrays that can be samples of an input by shape and type."""
        found = [(key, self._read(key)) for key in keys]
        return [
            key
            for key, each in found
            if each and fits(each[0], (None, *spec.shape)) and (each[1].kind in "US") == (spec.dtype == "string")
        ]


def with_truths(
    roles: ArrayRoles, keys: Sequence[str], outputs: Sequence[ModelOutput], shapes: ArrayShapes
) -> ArrayRoles:
    """Return what arrays are for, with those that hold what the model is to answer.

    One that is named like an output is for that output. Where no name says which is for the first output, it is the
    only one left that has the shape of that, or one number for each of its places.

    Args:
        roles: What is known by usual names.
        keys: Of all arrays.
        outputs: What the model answers, the output that labels are set against first; empty if that is not known.
        shapes: Of the arrays.
    """
    if not outputs:
        return roles
    label, truths, remarks = roles.label, dict(roles.truths), list(roles.remarks)
    free = [key for key in keys if key not in roles.inputs.values() and key != label]
    count = shapes.of(next(iter(roles.inputs.values())))[:1] if free else ()
    for position, output in enumerate(outputs):
        like = [key for key in free if named_like(key, output) and shapes.of(key)[:1] == count]
        if not like or (label and not position):
            continue
        free.remove(like[0])
        remarks.append(named_like_remark("array", like[0], output))
        if position:
            truths[output.key] = like[0]
        else:
            label = like[0]
    suiting = [key for key in free if _has_shape_of(shapes.of(key), (*count, *(outputs[0].shape or ())))]
    if not label and len(suiting) == 1 and not truths:
        label = suiting[0]
        free.remove(label)
        remarks.append(f"The array '{safe_name(label)}' is the true answer: it is the only one left of its shape.")
    if free:
        way_on = "" if label or truths else " Name labels 'y'."
        remarks.append(f"{unused_remark('array', free)}{way_on}")
    return replace(roles, label=label, truths=truths, remarks=tuple(remarks))


def _has_shape_of(shape: tuple[int, ...], answer: tuple[int | None, ...]) -> bool:
    """Return whether an array has the shape of answers, or one number for each place of what is more than a row."""
    return len(answer) > 1 and (fits(shape, answer) or (len(answer) > 2 and fits(shape, answer[:-1])))
