"""An output that says of each pixel which class it is of: a segmentation."""

import numpy as np

from vizplugins import (
    CERTAIN,
    LIKELY,
    POSSIBLE,
    MeaningAnswer,
    OutputContext,
    OutputMeaning,
    are_distributions,
    are_sound,
    charts,
    hookimpl,
    is_distribution,
)

_NAMES = ("mask", "masks", "segment", "segments", "segmented", "segmentation", "segmentations", "segmenter")
_NAMES_OF_ONE = ["background", "mask"]
_SMALLEST_SIDE = 8
_THRESHOLD = 0.5
_TOLD = 3
_COVER = 0.6


class Mask(OutputMeaning):
    """Which class each pixel is of, drawn over the image, with the share of each class and its IoU where known."""

    name = "mask"
    title = "Mask"
    takes = "probabilities or logits of classes at each pixel, or a single one"
    loss_name = "1 − mean IoU"

    def match(self, output: OutputContext) -> float | str:
        """Take probabilities of classes at each pixel, or a single one."""
        shape = output.shape
        if not output.is_numeric or len(shape) not in (2, 3) or min(shape[:2], default=0) < _SMALLEST_SIDE:
            return "needs a value, or one for each class, at each pixel"
        if len(shape) == 2 and max(shape) > 1.5 * min(shape):
            return "needs a picture"
        one_each = len(shape) == 2 or shape[-1] == 1
        if _is_set_against_a_mask(output, one_each):
            return CERTAIN + 0.05
        named = output.sounds_like(*_NAMES)
        if one_each:
            return _score_of_one(output, named)
        if output.function == "softmax" or are_distributions(output.values, are_sound(output.values)):
            return CERTAIN
        has_image = output.image is not None and shape[-1] not in (1, 3)
        return CERTAIN if named else LIKELY - 0.1 if has_image and not output.function else POSSIBLE

    def answer(self, output: OutputContext, height: int) -> MeaningAnswer:
        """Draw the classes over the image, beside it the true ones, and a legend."""
        sound, count = _are_sound(output), _class_count(output)
        classes, cut = _classes(output, sound), _cut(output, sound) if _is_binary(output) else None
        names = _names(output, count)
        true = _true_classes(output)
        ious = {} if true is None else _intersections(classes[sound], true[sound], count)
        parts = np.bincount(classes[sound], minlength=count) / max(1, sound.sum())
        colours = [*charts.class_colours(count), charts.NO_CLASS_COLOUR]
        palette = charts.rgb_of(colours)
        pictures = [("predicted" if true is not None else "", _over(output, palette[classes]))]
        if true is not None:
            pictures.append(("true", _over(output, palette[true])))
        shown = [int(each) for each in np.argsort(-parts, kind="stable") if parts[each] > 0 or each in ious]
        legend = [(colours[each], _line(names[each], float(parts[each]), ious.get(each))) for each in shown]
        told = ", ".join(f"{names[each]} {charts.percent(float(parts[each]))}" for each in shown[:_TOLD])
        notes = [f"likeliest of {count:,} classes at each place: {told}"] if told else []
        if cut is not None:
            if names == _NAMES_OF_ONE and told:
                told = f"{names[1]} {charts.percent(float(parts[1]))}"
            notes = [f"logits, cut at 0: {told}" if cut == 0 else f"over {cut}: {told}"] if told else []
        if ious:
            of_them = f"{len(ious):,} {'class' if len(ious) == 1 else 'classes'}"
            mean = charts.number_text(float(np.mean(list(ious.values()))))
            notes = [f"mean IoU {mean} of {of_them}", *(notes if cut == 0 else [])]
        missing = int(classes.size - sound.sum())
        if missing:
            of_all = charts.count_text(classes.size, "pixel")
            notes.append(f"{missing:,} of {of_all} {'is' if missing == 1 else 'are'} NaN or infinite: no class")
            legend.append((colours[-1], charts.NO_CLASS))
        of_each = "".join(f" IoU of {names[each]}: {charts.number_text(value)}." for each, value in ious.items())
        shape = charts.format_shape(output.shape)
        spoken = f"The model answers {shape} numbers, the classes of {classes.size:,} pixels.{of_each}"
        words = "" if sound.any() else charts.NO_CLASS
        return MeaningAnswer(words, charts.picture_row(pictures, height, legend), "; ".join(notes), spoken)

    def loss(self, output: OutputContext) -> float | None:
        """Return one minus the mean of the classes' intersection over union, of the pixels that have a class."""
        true = _true_classes(output)
        if true is None:
            return None
        sound = _are_sound(output)
        classes = _classes(output, sound)
        ious = _intersections(classes[sound], true[sound], _class_count(output))
        return 1 - float(np.mean(list(ious.values()))) if ious else None


def _is_set_against_a_mask(output: OutputContext, one_each: bool) -> bool:
    if _true_classes(output) is None:
        return False
    if one_each and output.function not in ("", "softmax") and not output.is_sigmoid:
        return False
    return not output.is_to_answer_what_went_in


def _score_of_one(output: OutputContext, named: bool) -> float | str:
    values = output.values[_are_sound(output)]
    if not ((values >= 0).all() and (values <= 1).all()):
        return (CERTAIN if output.function == "" else POSSIBLE) if named else "needs probabilities"
    if named:
        return CERTAIN + 0.05
    return LIKELY if output.is_sigmoid and output.image is not None else POSSIBLE


def _are_sound(output: OutputContext) -> np.ndarray:
    """Return at which pixels all numbers are such that they tell a class, shape ``(height, width)``."""
    return are_sound(output.values.reshape(*output.shape[:2], -1))


def _cut(output: OutputContext, sound: np.ndarray) -> float:
    """Return what a single number at a pixel is over where it is of the second class: 0 of logits, 0.5 else."""
    values = output.values[sound]
    return 0 if output.function == "" and ((values < 0) | (values > 1)).any() else _THRESHOLD


def _is_binary(output: OutputContext) -> bool:
    return output.values.ndim == 2 or output.shape[-1] == 1


def _class_count(output: OutputContext) -> int:
    return 2 if _is_binary(output) else output.shape[-1]


def _classes(output: OutputContext, sound: np.ndarray) -> np.ndarray:
    """Return the class of each pixel, shape ``(height, width)``; -1 where its numbers are NaN or infinite."""
    if _is_binary(output):
        classes = (output.values.reshape(output.shape[:2]) > _cut(output, sound)).astype(np.int64)
    else:
        classes = output.values.argmax(axis=-1)
    return np.where(sound, classes, -1)


def _true_classes(output: OutputContext) -> np.ndarray | None:
    """Return the true class of each pixel, shape ``(height, width)``; None where it is not known."""
    value, shape = output.true_value, output.shape
    if value is None or len(shape) < 2:
        return None
    if len(shape) == 3 and shape[-1] > 1 and value.shape == shape:
        return np.asarray(value.argmax(axis=-1)) if is_distribution(value) else None
    if value.size != shape[0] * shape[1] or value.shape[:2] != shape[:2]:
        return None
    flat = value.reshape(shape[:2])
    return flat.astype(np.int64) if np.isin(flat, np.arange(_class_count(output))).all() else None


def _intersections(classes: np.ndarray, true: np.ndarray, count: int) -> dict[int, float]:
    """Return the intersection over union of each class that is there, by its number."""
    pairs = np.bincount((true * count + classes).reshape(-1), minlength=count * count).reshape(count, count)
    union = pairs.sum(axis=0) + pairs.sum(axis=1) - np.diag(pairs)
    return {number: float(pairs[number, number] / union[number]) for number in range(count) if union[number]}


def _names(output: OutputContext, count: int) -> list[str]:
    if len(output.class_names) == count:
        return list(output.class_names)
    return list(_NAMES_OF_ONE) if _is_binary(output) else [output.class_called(number) for number in range(count)]


def _over(output: OutputContext, coloured: np.ndarray) -> np.ndarray:
    """Return colours ``(height, width, 3)`` over the image that went in, where there is one."""
    if output.image is None:
        return coloured
    pixels = charts.picture_values(output.image[1])
    height, width = (max(pair) for pair in zip(pixels.shape[:2], coloured.shape[:2], strict=True))
    grey = _resized(pixels, height, width).mean(axis=-1, keepdims=True)
    return np.rint(_COVER * _resized(coloured, height, width) + (1 - _COVER) * grey).astype(np.uint8)


def _resized(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    down = np.arange(height) * pixels.shape[0] // height
    across = np.arange(width) * pixels.shape[1] // width
    return pixels[down][:, across]


def _line(name: str, share: float, iou: float | None) -> str:
    told = f"{charts.cut_in_the_middle(name, 16)} {charts.percent(share)}"
    return told if iou is None else f"{told} · IoU {charts.number_text(iou)}"


@hookimpl
def output_meanings() -> list[OutputMeaning]:
    """Return what this file brings."""
    return [Mask()]
