"""What a model expects, and whether what was given fits it.

No file is parsed here and Keras is only imported inside the functions that need it: a page can ask what shape is
wanted without waiting for TensorFlow.

``check`` mends without asking what cannot be meant otherwise and loses nothing: a single sample gets its sample axis,
an array without the axis of a single channel or feature gets that axis, and grey images lose one that is not wanted.
Everything else is the person's decision, so
it is refused with the mend spelled out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from core.common.limits import format_limit, get_limits, raised_by
from core.common.text import safe_name
from core.errors import InputRejected
from core.inputs.remedies import fits, shape_text, suggest_remedy
from core.inputs.spec import InputKind, InputSpec

__all__ = ["InputKind", "InputSpec", "check", "check_memory", "check_sample", "check_type", "misfit", "shape_text"]


def check(array: np.ndarray, spec: InputSpec, source: str = "") -> np.ndarray:
    """Return the array as the model takes it: the sample axis first, in the input's type.

    A missing sample axis, and a missing last axis of extent 1, are added; one that gray images have too much goes. NaN
    and infinite values stay.

    Args:
        array: ``(sample, *spec.shape)`` or what can be mended to it without a choice; numbers, booleans or strings.
        spec: What the input expects.
        source: What the message calls the array, such as a file's name.

    Raises:
        InputRejected: If the shape or the type does not fit, if there are no samples, if numbers do not survive the
            conversion, if what comes out needs more memory than the limit ``input_bytes``, or if token ids are negative
            or outside the vocabulary.
    """
    array = np.asarray(array)
    holder = safe_name(source) or "The array"
    check_type(array.dtype, spec, holder)
    if array.size == 0:
        raise InputRejected(
            f"{holder} is empty ({shape_text(array.shape)}): there is no sample in it.",
            remedy="Give at least one sample.",
        )
    given_shape = array.shape
    array = _with_missing_axes(array, spec)
    if not fits(array.shape[1:], spec.shape):
        raise misfit(given_shape, spec, holder)
    item_size = 4 * array.dtype.itemsize if array.dtype.kind == "S" else spec.numpy_dtype.itemsize
    check_memory(array.size * item_size, f"{holder} as the input '{spec.shown_name}' takes it ({spec.dtype})")
    if spec.dtype == "string":
        return np.char.decode(array, "utf-8", "replace") if array.dtype.kind == "S" else array.astype(str, copy=False)
    array = _converted(array, spec, holder)
    _check_vocabulary(array, spec, holder)
    return array


def misfit(shape: tuple[int, ...], spec: InputSpec, holder: str = "The array") -> InputRejected:
    """Return the error to raise where an array of this shape does not fit an input, with how it was likely meant."""
    return InputRejected(
        f"{holder} holds {shape_text(shape)}, the input '{spec.shown_name}' expects "
        f"{shape_text((None, *spec.shape))} (the first axis counts samples).",
        remedy=suggest_remedy(shape, spec),
    )


def check_type(dtype: np.dtype[Any], spec: InputSpec, holder: str = "The array") -> None:
    """Refuse text where an input expects numbers, numbers where it expects text, and Python objects.

    Raises:
        InputRejected: If the type does not fit; the message begins with ``holder``.
    """
    if dtype.kind not in "biufUST":
        raise InputRejected(
            f"{holder} is of type {safe_name(dtype)}, the input '{spec.shown_name}' expects {spec.dtype}.",
            remedy="Save plain numbers or plain strings, such as array.astype('float32') or array.astype(str).",
        )
    if (dtype.kind in "UST") != (spec.dtype == "string"):
        expected, content = ("text", "numbers") if spec.dtype == "string" else ("numbers", "text")
        raise InputRejected(
            f"{holder} holds {content} ({dtype}), the input '{spec.shown_name}' expects {expected} ({spec.dtype}).",
            remedy="Give the text itself, one sample a line."
            if expected == "text"
            else "Turn the text into numbers the way the model was trained.",
        )


def check_sample(sample: int, count: int) -> None:
    """Make sure that there is a sample of a number.

    Raises:
        InputRejected: If it is none of so many.
    """
    if not 0 <= sample < count:
        raise InputRejected(f"There is no sample {sample}.", remedy=f"There are samples 0 to {count - 1}.")


def check_memory(size: int, what: str) -> None:
    """Refuse what would need more memory than the limit ``input_bytes``.

    Raises:
        InputRejected: If it would; the message begins with ``what``.
    """
    limit = get_limits().input_bytes
    if size > limit:
        raise InputRejected(
            f"{what} needs more than {format_limit(limit)} of memory.",
            remedy=f"Give fewer samples. {raised_by('input_bytes')}",
        )


def _with_missing_axes(array: np.ndarray, spec: InputSpec) -> np.ndarray:
    """Return the array with the sample axis, and with or without a last axis of 1 as expected, else as it is."""
    expected_shape = (None, *spec.shape)
    mends = [array, array[np.newaxis]]
    if spec.shape and spec.shape[-1] == 1:
        mends += [array[..., np.newaxis], array[np.newaxis, ..., np.newaxis]]
    if len(spec.shape) == 2 and spec.kind == "image" and array.shape[-1:] == (1,):
        mends += [array[..., 0], array[np.newaxis, ..., 0]]
    if not spec.shape and array.ndim == 2 and array.shape[1] == 1:
        mends.append(array[:, 0])
    return next((mended for mended in mends if fits(mended.shape, expected_shape)), array)


def _converted(array: np.ndarray, spec: InputSpec, holder: str) -> np.ndarray:
    target = spec.numpy_dtype
    if array.dtype == target:
        return array
    low: float
    high: float
    if spec.is_integer or target.kind == "b":
        if array.dtype.kind == "f":
            broken = ~(np.isfinite(array) & (array == np.trunc(array)))
            if broken.any():
                raise InputRejected(
                    f"{holder} holds {array[broken].flat[0]}, the input '{spec.shown_name}' expects whole numbers "
                    f"({spec.dtype}).",
                    remedy="Round the numbers, or look whether another input of the model was meant.",
                )
        low, high = (0, 1) if target.kind == "b" else (np.iinfo(target).min, np.iinfo(target).max)
    else:
        low, high = float(np.finfo(target).min), float(np.finfo(target).max)
    finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array
    # As Python's numbers: NumPy would bring the bounds to the array's type, which may not hold them.
    smallest, largest = (finite.min().item(), finite.max().item()) if finite.size else (low, high)
    if smallest < low or largest > high:
        offender = smallest if smallest < low else largest
        raise InputRejected(
            f"{holder} holds {offender}, the input '{spec.shown_name}' takes {spec.dtype}: {low} to {high}.",
            remedy="Scale the numbers the way the model was trained.",
        )
    return array.astype(target)


def _check_vocabulary(array: np.ndarray, spec: InputSpec, holder: str) -> None:
    if spec.kind != "tokens" or spec.vocabulary_size is None:
        return
    outside = ~((array >= 0) & (array < spec.vocabulary_size) & (array == np.trunc(array)))
    if outside.any():
        raise InputRejected(
            f"{holder} holds the token id {array[outside].flat[0]}, the input '{spec.shown_name}' takes whole numbers "
            f"from 0 to {spec.vocabulary_size - 1}.",
            remedy="Encode the text with the vocabulary that the model was trained with.",
        )
