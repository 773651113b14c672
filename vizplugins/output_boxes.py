"""Outputs that are boxes with scores, as a detector answers them."""

from collections.abc import Sequence
from typing import NamedTuple

import altair as alt
import numpy as np
import pandas as pd

from vizplugins import (
    CERTAIN,
    LIKELY,
    POSSIBLE,
    MeaningAnswer,
    OutputContext,
    OutputMeaning,
    charts,
    hookimpl,
    is_distribution,
)

_SCORE = 0.3
_OVERLAP = 0.5
_MOST = 10
_CANDIDATES = 1_000
_SLACK = 0.25
_NAMES = ("box", "boxes", "bbox", "bboxes", "detect", "detected", "detection", "detections", "detector")
_SCORE_NAMES = ("score", "conf", "prob")
_CLASS_NAMES = ("class", "label")
_PADDING = -1
_PICTURE_SIDE = 8
_MOST_COLUMNS = 104
_LONGER = 4


class _Scores(NamedTuple):
    """Scores and classes of boxes, ``(box,)`` each, None where they are not known, and how they were read.

    The score of class c stands in the column ``first + c`` of those behind the four, or in ``first`` for all classes.
    """

    scores: np.ndarray | None = None
    classes: np.ndarray | None = None
    reading: str = ""
    first: int = 0
    is_by_class: bool = False


class _Found(NamedTuple):
    """Boxes of one sample: corners as shares of the image, ``(box, 4)``, scores and classes, ``(box,)``."""

    corners: np.ndarray
    scores: np.ndarray | None
    classes: np.ndarray | None
    reading: str


class Boxes(OutputMeaning):
    """Boxes over the image, the best first, without those that lie over a better one."""

    name = "boxes"
    title = "Boxes"
    takes = "four numbers for each box, with scores behind them or in another output, of a model that sees an image"
    loss_name = "1 − mean IoU"
    places_name = "boxes"
    order = "left, top, right, bottom"

    def match(self, output: OutputContext) -> float | str:
        """Take four numbers for each box, with scores in another output or behind them."""
        if not output.is_numeric or output.image is None:
            return "needs an image as input"
        named = output.sounds_like(*_NAMES)
        if not _are_rows_of_boxes(output, named):
            return "needs four numbers for each box"
        boxes = _rows(output)[:, :4].astype(np.float64)
        scores = _scores(output).scores
        if scores is None and not named:
            return "needs a score for each box, in another output or behind its numbers"
        # Of boxes that nobody looks at, as their score is low, nothing needs to be right.
        likely = boxes if scores is None else boxes[np.argsort(-scores)[: max(1, len(boxes) // 20)]]
        if not _are_inside(self._corners(_as_shares(likely, output))) or (not named and _may_be_a_picture(output)):
            return POSSIBLE
        return CERTAIN - self._doubt if named else LIKELY - self._doubt

    _doubt = 0.0

    def answer(self, output: OutputContext, height: int) -> MeaningAnswer:
        """Draw the best boxes over the image."""
        assert output.image is not None
        found = self._found(output)
        left, said = _selection(found)
        # Where no score is high enough, the best is drawn all the same, and is called no box.
        shown = left[:_MOST] or _best_of_all(found)
        true = self._true_corners(output)
        ious = _ious(found.corners[left or shown], true)
        rows = pd.DataFrame(found.corners[shown], columns=["left", "top", "right", "bottom"]).clip(0, 1)
        rows["score"] = np.nan if found.scores is None else found.scores[shown]
        rows["place"] = np.arange(len(shown)) + 1
        rows["is"] = ["" if found.classes is None else output.class_called(int(found.classes[each])) for each in shown]
        rows["label"] = [
            name if np.isnan(score) else f"{name} {score:.2f}".strip()
            for name, score in zip(rows["is"], rows["score"], strict=True)
        ]
        if len(true):
            rows["IoU"] = ious[: len(shown)].max(axis=1)
            rows["label"] = [f"{row.label} IoU {row.IoU:.2f}".strip() for row in rows.itertuples(index=False)]
        pixels = charts.picture_values(output.image[1])
        fit = _fit_text(ious) if len(true) else ""
        words = f"{len(left):,} {'box' if len(left) == 1 else 'boxes'}" if left else "no box"
        best = "; ".join(f"{row.label} at {_place(row)}".strip() for row in rows.head(3).itertuples(index=False))
        first = "The first" if found.scores is None else "The best"
        return MeaningAnswer(
            words,
            charts.over_picture(pixels, height, [*_true_marks(true), *_marks(rows, height)]),
            "; ".join(filter(None, [fit, said, f"read as {self.order}{found.reading}"])),
            f"The model answers {words}. {first}: {best}." if best else f"The model answers {words}.",
        )

    def target(self, output: OutputContext) -> tuple[int, int | None] | None:
        """Return the box of the highest score, and the column that the score stands in."""
        if output.values.ndim != 2 or output.image is None:
            return None
        found = self._found(output)
        if found.scores is None:
            return None
        box = int(found.scores.argmax())
        return box, _score_column(output, box)

    def loss(self, output: OutputContext) -> float | None:
        """Return one minus the mean of the true boxes' best intersection over union."""
        true = self._true_corners(output)
        if output.image is None or not len(true):
            return None
        found = self._found(output)
        left, _ = _selection(found)
        return 1 - float(_ious(found.corners[left or _best_of_all(found)], true).max(axis=0, initial=0).mean())

    def _true_corners(self, output: OutputContext) -> np.ndarray:
        """Return the true boxes as shares of the image, shape ``(box, 4)``; none where they are not known.

        In rows as long as the answer's the fifth number is whether there is a box, as it is in the answer; a row of
        zeros, or of what is below zero, stands where there is none.
        """
        true = output.true_value
        if true is None or output.image is None or true.dtype.kind not in "biuf":
            return np.empty((0, 4))
        rows = true.reshape(1, -1) if true.ndim == 1 else true
        if rows.ndim != 2 or rows.shape[1] not in (4, output.shape[-1]):
            return np.empty((0, 4))
        rows = rows.astype(np.float64)
        there = np.isfinite(rows).all(axis=1) & (rows[:, :4] != 0).any(axis=1) & (rows[:, :4] > _PADDING).all(axis=1)
        if rows.shape[1] > 4:
            there &= rows[:, 4] > 0
        return self._corners(_as_shares(rows[there, :4], output)) if there.any() else np.empty((0, 4))

    def _found(self, output: OutputContext) -> _Found:
        corners = self._corners(_as_shares(_rows(output)[:, :4].astype(np.float64), output))
        scored = _scores(output)
        return _Found(np.nan_to_num(corners), scored.scores, scored.classes, scored.reading)

    def _corners(self, boxes: np.ndarray) -> np.ndarray:
        """Return boxes of four numbers each as left, top, right, bottom."""
        return boxes


class BoxesByCentre(Boxes):
    """Boxes over the image, each said by its centre, width and height."""

    name = "boxes-by-centre"
    title = "Boxes by centre and size"
    order = "centre across, centre down, width, height"
    _doubt = 0.05

    def _corners(self, boxes: np.ndarray) -> np.ndarray:
        half = boxes[:, 2:] / 2
        return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


class BoxesDownFirst(Boxes):
    """Boxes over the image, of which the way down is said first, as TensorFlow's detectors do."""

    name = "boxes-down-first"
    title = "Boxes, top before left"
    order = "top, left, bottom, right"
    _doubt = 0.1

    def _corners(self, boxes: np.ndarray) -> np.ndarray:
        return boxes[:, [1, 0, 3, 2]]


def _are_rows_of_boxes(output: OutputContext, named: bool) -> bool:
    if not output.values.size or output.values.ndim not in (1, 2):
        return False
    return output.shape[1] >= 4 if output.values.ndim == 2 else named and output.values.size == 4


def _rows(output: OutputContext) -> np.ndarray:
    """Return a row for each box, shape ``(box, column)``: of a single box too."""
    return output.values.reshape(-1, output.shape[-1])


def _may_be_a_picture(output: OutputContext) -> bool:
    """Return whether numbers may be a map, such as of depth, and no rows of boxes with scores behind them."""
    rows, columns = _rows(output).shape
    if columns < _PICTURE_SIDE or rows < _PICTURE_SIDE:
        return False
    return columns > _MOST_COLUMNS or max(rows, columns) < _LONGER * min(rows, columns)


def _scores(output: OutputContext) -> _Scores:
    """Return the score of each box and its class: of the output's own columns, or of other outputs."""
    rows = _rows(output)
    own = _own_scores(rows[:, 4:], output) if rows.shape[1] > 4 else None
    if own is not None:
        return own
    unread = "; the numbers behind them are not from 0 to 1, and are not taken for scores" if rows.shape[1] > 4 else ""
    others = {
        name: values.reshape(len(rows), -1)
        for name, values in output.outputs.items()
        if name != output.name and values.dtype.kind in "fiu" and values.ndim in (1, 2) and values.shape[0] == len(rows)
    }
    others = {name: values for name, values in others.items() if values.size}
    classes = [name for name, values in others.items() if _is_called(name, _CLASS_NAMES) and values.shape[1] == 1]
    classes = [name for name in classes if not _is_called(name, _SCORE_NAMES)]
    scored = _score_output(others, is_single=output.values.ndim == 1)
    numbers = _best(others[scored])[1] if scored else None
    reading = f", scores from '{charts.cut_in_the_middle(scored, 40)}'" if scored else ""
    if classes:
        numbers = np.nan_to_num(others[classes[0]][:, 0]).astype(np.int64)
        reading += f", classes from '{charts.cut_in_the_middle(classes[0], 40)}'"
    return _Scores(_best(others[scored])[0] if scored else None, numbers, reading + unread)


def _own_scores(columns: np.ndarray, output: OutputContext) -> _Scores | None:
    """Return what the columns behind the four say; None where they are not from 0 to 1, such as logits."""
    count = columns.shape[1]
    if count == 2 and _are_shares(columns[:, 0]) and _are_whole(columns[:, 1]):
        return _Scores(_best(columns[:, :1])[0], columns[:, 1].astype(np.int64), ", score, class")
    if not _are_shares(columns):
        return None
    if count == 1:
        return _Scores(*_best(columns), ", score")
    if count == len(output.class_names) + 1:
        scores, classes = _best(columns[:, 1:])
        classes = np.zeros(len(columns), np.int64) if classes is None else classes
        if is_distribution(columns):
            return _Scores(scores, classes, f", background, {count - 1:,} classes", first=1, is_by_class=True)
        # As YOLO answers up to its fifth version: whether there is an object, and of which class it then is.
        return _Scores(
            scores * np.nan_to_num(columns[:, 0]),
            classes,
            f", objectness, {count - 1:,} classes (score: their product)",
        )
    unsure = "" if output.class_names else "; were the first of them objectness, names of the classes would tell"
    return _Scores(*_best(columns), f", scores of {count:,} classes{unsure}", is_by_class=True)


def _score_column(output: OutputContext, box: int) -> int | None:
    """Return in which column the score of a box stands: of its class, or whether there is one; None for no column."""
    columns = _rows(output)[:, 4:]
    own = _own_scores(columns, output) if columns.shape[1] else None
    if own is None:
        return None
    return 4 + own.first + (int(own.classes[box]) if own.is_by_class and own.classes is not None else 0)


def _score_output(others: dict[str, np.ndarray], is_single: bool) -> str:
    """Return which of some outputs, each of shape ``(box, column)``, has the scores; empty if none has."""
    shares = {name: values for name, values in others.items() if _are_shares(values)}
    called = [name for name in shares if _is_called(name, _SCORE_NAMES)]
    called.sort(key=lambda name: _is_called(name, _CLASS_NAMES))
    called += [name for name, values in shares.items() if _is_called(name, _CLASS_NAMES) and values.shape[1] > 1]
    if not is_single:  # one number beside four may be anything
        called += [
            name
            for name, values in shares.items()
            if values.shape[1] != 4 and not _is_called(name, _CLASS_NAMES) and not _are_whole(values)
        ]
    return next(iter(called), "")


def _is_called(name: str, words: Sequence[str]) -> bool:
    return any(word in name.lower() for word in words)


def _are_shares(values: np.ndarray) -> bool:
    """Return whether numbers are from 0 to 1; −1 stands where there is no box."""
    there = values[np.isfinite(values)]
    return there.size > 0 and bool((((there >= 0) & (there <= 1)) | (there == _PADDING)).all())


def _are_whole(values: np.ndarray) -> bool:
    return bool((np.isfinite(values) & (values == np.rint(values))).all())


def _best(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    scores = np.nan_to_num(scores.astype(np.float32))
    return scores.max(axis=1), scores.argmax(axis=1) if scores.shape[1] > 1 else None


def _as_shares(boxes: np.ndarray, output: OutputContext) -> np.ndarray:
    """Return boxes as shares of the image, where they are given in pixels."""
    assert output.image is not None
    height, width = output.image[1].shape[:2]
    is_in_pixels = boxes.size and float(np.nanmedian(np.abs(boxes).max(axis=1))) > 2
    return boxes / np.array([width, height, width, height]) if is_in_pixels else boxes


def _are_inside(corners: np.ndarray) -> bool:
    ordered = (corners[:, 2] >= corners[:, 0]) & (corners[:, 3] >= corners[:, 1])
    inside = ((corners > -_SLACK) & (corners < 1 + _SLACK)).all(axis=1)
    return bool((ordered & inside).mean() > 0.5)


def _selection(found: _Found) -> tuple[list[int], str]:
    """Return the boxes that are answered, the best first, and how they were chosen."""
    count = len(found.corners)
    if found.scores is None:
        said = f"no scores are known: the first {_MOST} of {count:,} boxes are drawn" if count > _MOST else ""
        return list(range(count)), said
    over = np.flatnonzero(found.scores >= _SCORE)
    candidates = over[np.argsort(-found.scores[over], kind="stable")][:_CANDIDATES]
    left = _not_suppressed(found, candidates)
    said = f"{len(over):,} of {count:,} boxes have a score of {_SCORE} or more"
    if not left:
        return left, f"{said}, the best is drawn" if _best_of_all(found) else said
    if len(over) > len(candidates):
        said += f", the best {len(candidates):,} are compared"
    if len(candidates) > len(left):
        is_are = "is" if len(left) == 1 else "are"
        said += f", {len(left):,} {is_are} left by greedy non-maximum suppression (IoU over {_OVERLAP})"
    if len(left) > _MOST:
        said += f", the best {_MOST} are drawn"
    return left, said if count > 1 else ""


def _best_of_all(found: _Found) -> list[int]:
    """Return the box of the highest score, if there is one and it does not stand where there is no box."""
    if found.scores is None or found.scores.max() < 0:
        return []
    return [int(found.scores.argmax())]


def _not_suppressed(found: _Found, candidates: np.ndarray) -> list[int]:
    """Return boxes, the best first as they come, without those that overlap with a better one of the same class."""
    left, kept = candidates, []
    while len(left):
        best, left = int(left[0]), left[1:]
        kept.append(best)
        gone = _iou(found.corners[best], found.corners[left]) > _OVERLAP
        if found.classes is not None:
            gone &= found.classes[left] == found.classes[best]
        left = left[~gone]
    return kept


def _iou(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return how far a box of shape ``(4,)`` overlaps with each of others, ``(box, 4)``: shared by common area."""
    low, high = np.maximum(one[:2], others[:, :2]), np.minimum(one[2:], others[:, 2:])
    common = np.clip(high - low, 0, None).prod(axis=1)
    areas = [np.clip(each[..., 2:] - each[..., :2], 0, None).prod(axis=-1) for each in (one, others)]
    union = areas[0] + areas[1] - common
    return np.asarray(common / np.where(union > 0, union, 1))


def _ious(corners: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return how far boxes overlap with true ones, shape ``(box, true box)``."""
    return np.array([_iou(each, true) for each in corners]).reshape(len(corners), len(true))


def _fit_text(ious: np.ndarray) -> str:
    """Say how well the best box for each true one fits, of overlaps of shape ``(box, true box)``."""
    mean = charts.number_text(float(ious.max(axis=0, initial=0).mean()))
    count = ious.shape[1]
    return f"mean IoU {mean} of {count:,} true {'box' if count == 1 else 'boxes'} (green)"


def _true_marks(true: np.ndarray) -> list[alt.Chart]:
    if not len(true):
        return []
    frame = pd.DataFrame(true, columns=["left", "top", "right", "bottom"]).clip(0, 1).assign(of="true box")
    place = charts.picture_place("left", "top")
    boxes = alt.Chart(frame).mark_rect(filled=False, stroke=charts.TRUE_COLOUR, strokeWidth=3, fillOpacity=0)
    return [boxes.encode(**place, x2="right", y2="bottom", tooltip=[alt.Tooltip("of:N", title="box")])]


def _marks(rows: pd.DataFrame, height: int) -> Sequence[alt.Chart]:
    place = charts.picture_place("left", "top")
    colour = alt.Color(
        "place:O", legend=None, scale=alt.Scale(domain=list(range(1, _MOST + 1)), range=charts.class_colours(_MOST))
    )
    tooltip = [alt.Tooltip("place:Q"), alt.Tooltip("is:N"), alt.Tooltip("score:Q", format=".4~g")]
    tooltip += [alt.Tooltip("IoU:Q", format=".3~g", title="best IoU")] if "IoU" in rows else []
    base = alt.Chart(rows).encode(**place, tooltip=tooltip)
    boxes = base.mark_rect(filled=False, strokeWidth=2, fillOpacity=0).encode(x2="right", y2="bottom", stroke=colour)
    if height < 200:
        return [boxes]
    words = base.mark_text(align="left", baseline="bottom", dy=-2, dx=1, fontWeight="bold").encode(
        text="label:N", color=colour
    )
    return [boxes, words]


def _place(row: object) -> str:
    ends = (getattr(row, side) for side in ("left", "top", "right", "bottom"))
    return ", ".join(charts.number_text(round(float(end), 3)) for end in ends)


@hookimpl
def output_meanings() -> list[OutputMeaning]:
    """Return what this file brings."""
    return [Boxes(), BoxesByCentre(), BoxesDownFirst()]
