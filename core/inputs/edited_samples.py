"""Samples as they are once :mod:`core.inputs.edits` are done to them, one alone or beside the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from core.common.text import safe_name
from core.errors import InputRejected
from core.inputs.checking import check_memory
from core.inputs.edits import ClampEdit, Edit, FeatureEdit, PaintEdit, RectangleEdit, StretchEdit, Variant, WordEdit
from core.inputs.files import Samples
from core.inputs.spec import InputSpec

__all__ = ["edited_arrays", "with_variants", "words_of"]


def edited_arrays(
    arrays: Mapping[str, np.ndarray], edits: Iterable[Edit], specs: Sequence[InputSpec]
) -> dict[str, np.ndarray]:
    """Return one sample with what edits change of it; the arrays that are given stay as they are.

    Args:
        arrays: By input name, each of shape ``(1, …)``, as the model takes it.
        edits: What is changed, in this order; units that are clamped change nothing here.
        specs: What each input is.

    Raises:
        InputRejected: If there is no such input, pixel, feature, step or word, or a value does not suit.
    """
    changed = dict(arrays)
    known = {spec.name: spec for spec in specs}
    words: dict[str, dict[int, str]] = {}
    for edit in edits:
        if isinstance(edit, ClampEdit):
            continue
        spec = known.get(edit.input)
        if spec is None or edit.input not in arrays:
            raise InputRejected(
                f"There is no input '{safe_name(edit.input)}' to edit.",
                remedy=f"There are: {', '.join(map(safe_name, arrays))}.",
            )
        if isinstance(edit, WordEdit):
            # All at once: each says where its word stood before any of them.
            words.setdefault(edit.input, {})[edit.position] = edit.text
        else:
            changed[edit.input] = _edited(changed[edit.input], edit, spec)
    for name, texts in words.items():
        changed[name] = _with_words(arrays[name], texts, known[name])
    return changed


def words_of(array: np.ndarray) -> list[str]:
    """Return the words of one sample: of a text what stands between spaces, else its whole numbers.

    Args:
        array: Shape ``(1, …)``, text or whole numbers.
    """
    if array.dtype.kind in "US":
        return " ".join(map(str, array.reshape(-1))).split()
    return [str(int(each)) for each in array.reshape(-1)]


def with_variants(samples: Samples, variants: Sequence[Variant], specs: Sequence[InputSpec]) -> Samples:
    """Return samples with edited ones behind them, each with the label of its original.

    Args:
        samples: All samples.
        variants: Those that are edited, of one of the samples or of a variant before them.
        specs: What each input is.

    Raises:
        InputRejected: If an original is not there, or an edit does not fit; or if the samples are too large to be held
            in memory once more.
    """
    if not variants:
        return samples
    count = len(samples.names)
    check_memory(
        sum(array.nbytes for array in samples.arrays.values()), "A copy of all samples, with the variants beside them,"
    )
    rows: list[dict[str, np.ndarray]] = []
    originals: list[int] = []
    for each in variants:
        if each.sample >= count + len(rows):
            raise InputRejected(
                f"'{safe_name(each.name)}' is a variant of sample {each.sample:,}, which is not there.",
                remedy=f"There are samples 0 to {count + len(rows) - 1:,}.",
            )
        earlier = each.sample - count
        given = {name: array[each.sample : each.sample + 1] for name, array in samples.arrays.items()}
        rows.append(edited_arrays(rows[earlier] if earlier >= 0 else given, each.edits, specs))
        originals.append(originals[earlier] if earlier >= 0 else each.sample)
    notes = {
        name: (*told, *(told[each] for each in originals)) if told else told for name, told in samples.notes.items()
    }
    return replace(
        samples,
        arrays={name: np.concatenate([array, *(row[name] for row in rows)]) for name, array in samples.arrays.items()},
        labels=None if samples.labels is None else np.concatenate([samples.labels, samples.labels[originals]]),
        names=(*samples.names, *(each.name for each in variants)),
        notes=notes,
        truths={name: np.concatenate([truth, truth[originals]]) for name, truth in samples.truths.items()},
    )


def _edited(array: np.ndarray, edit: PaintEdit | RectangleEdit | FeatureEdit | StretchEdit, spec: InputSpec) -> Any:
    if array.dtype.kind not in "biuf":
        raise InputRejected(
            f"'{spec.shown_name}' is text, which has words to edit.", remedy="Replace or remove a word."
        )
    match edit:
        case FeatureEdit():
            return _with_feature(array, edit, spec)
        case StretchEdit():
            return _with_stretch(array, edit, spec)
        case _:
            return _with_pixels(array, edit, spec)


def _with_feature(array: np.ndarray, edit: FeatureEdit, spec: InputSpec) -> np.ndarray:
    if edit.feature >= array.size:
        raise InputRejected(
            f"'{spec.shown_name}' has no number {edit.feature:,}.", remedy=f"It has 0 to {array.size - 1:,}."
        )
    changed = np.array(array)
    changed.reshape(-1)[edit.feature] = _in_type(edit.value, array.dtype)
    return changed


def _with_stretch(array: np.ndarray, edit: StretchEdit, spec: InputSpec) -> np.ndarray:
    series = np.atleast_1d(spec.laid_out(array)[0])
    steps, channels = series.shape[0], series.shape[-1] if series.ndim > 1 else 1
    if not edit.first < edit.end <= steps:
        raise InputRejected(
            f"'{spec.shown_name}' has no steps {edit.first:,} to {edit.end - 1:,}.",
            remedy=f"It has 0 to {steps - 1:,}.",
        )
    if edit.channel is not None and edit.channel >= channels:
        raise InputRejected(
            f"'{spec.shown_name}' has no channel {edit.channel:,}.", remedy=f"It has 0 to {channels - 1:,}."
        )
    changed = np.array(series)
    meant = changed if edit.channel is None or series.ndim == 1 else changed[..., edit.channel]
    # Of whole numbers the nearest one.
    mean = meant.mean(axis=0, dtype=np.float64)
    meant[edit.first : edit.end] = 0 if edit.to == "zero" else _in_type(mean, array.dtype)
    return changed.reshape(array.shape)


def _with_pixels(array: np.ndarray, edit: PaintEdit | RectangleEdit, spec: InputSpec) -> np.ndarray:
    if spec.frame is None:
        raise InputRejected(f"'{spec.shown_name}' is no picture.", remedy="Set its numbers one by one.")
    images = np.array(spec.as_images(array))
    height, width, channels = images.shape[1:]
    if len(edit.value) not in (1, channels):
        raise InputRejected(
            f"A pixel of '{spec.shown_name}' has {channels} channels, not {len(edit.value)}.",
            remedy="Give one number for all channels, or one for each.",
        )
    meant = _painted(edit, height, width) if isinstance(edit, PaintEdit) else _filled(edit, height, width)
    images[0][meant] = _in_type(np.array(edit.value), array.dtype)
    return spec.from_images(images).astype(array.dtype, copy=False).reshape(array.shape)


def _filled(edit: RectangleEdit, height: int, width: int) -> np.ndarray:
    meant = np.zeros((height, width), bool)
    meant[edit.top : edit.bottom, edit.left : edit.right] = True
    return meant


def _painted(edit: PaintEdit, height: int, width: int) -> np.ndarray:
    """Return the pixels whose centres a stroke comes nearer to than half its size, and those that it goes through."""
    rows, columns = np.mgrid[:height, :width]
    meant = np.zeros((height, width), bool)
    points = np.array(edit.points, np.float64).reshape(-1, 2)
    for start, end in zip(points, [*points[1:], points[-1]] if len(points) else [], strict=True):
        along = end - start
        length = float(along @ along)
        reach = max((edit.size - 1) / 2, 0.5 if length else 0) + 1e-9
        # The pixels around this piece alone: a long stroke has hundreds, over a picture of any size.
        (top, left), (bottom, right) = np.minimum(start, end) - reach, np.maximum(start, end) + reach + 1
        near = slice(max(0, int(top)), max(0, int(bottom))), slice(max(0, int(left)), max(0, int(right)))
        down, across = rows[near] - start[0], columns[near] - start[1]
        share = np.clip((down * along[0] + across * along[1]) / length, 0, 1) if length else np.zeros(1)
        meant[near] |= np.hypot(down - share * along[0], across - share * along[1]) <= reach
    return meant


def _with_words(array: np.ndarray, texts: Mapping[int, str], spec: InputSpec) -> np.ndarray:
    if array.dtype.kind == "f":
        raise InputRejected(f"'{spec.shown_name}' has no words.", remedy="Set its numbers.")
    words = words_of(array)
    last = max(texts)
    if last >= len(words):
        raise InputRejected(f"'{spec.shown_name}' has no word {last:,}.", remedy=f"It has 0 to {len(words) - 1:,}.")
    edited = [texts.get(position, word) for position, word in enumerate(words)]
    if array.dtype.kind in "US":
        return np.array(" ".join(filter(None, edited))).reshape(array.shape)
    # What nobody edited stays, whatever it is.
    tokens = [_token(text, spec) if at in texts else int(text) for at, text in enumerate(edited) if text]
    padding = [0] * (array.size - len(tokens))
    # Where the row is filled up in front, it is so again.
    row = padding + tokens if words[0] == "0" else tokens + padding
    return np.array(row, array.dtype).reshape(array.shape)


def _token(text: str, spec: InputSpec) -> int:
    most = spec.vocabulary_size
    if not text.strip().isdecimal() or not text.isascii() or (most is not None and int(text) >= most):
        to = "" if most is None else f" to {most - 1:,}"
        raise InputRejected(f"'{safe_name(text)}' is no token.", remedy=f"Give a whole number from 0{to}.")
    return int(text)


def _in_type(value: Any, dtype: np.dtype[Any]) -> Any:
    if dtype.kind == "f":
        return value
    if dtype.kind == "b":
        return np.asarray(value) >= 0.5
    bounds = np.iinfo(dtype)
    return np.clip(np.rint(value), bounds.min, bounds.max)
