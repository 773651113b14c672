"""The labels of samples, set against what a model answers: which class of the model each one is, if it is one.

A sample has a group, by which it is coloured and named, and may have a class, by which the model's answer is judged.
Both are the same where the labels are classes of the model; photographs in a folder ``zebra`` are a group and nothing
else for a model that knows no zebras.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from core.common.text import class_name, format_shape, safe_name, text_of
from core.inputs.model_output import ModelOutput, are_distributions, are_sound
from core.inputs.remedies import fits

__all__ = [
    "AnswerRule",
    "LabelRole",
    "Labels",
    "answered_classes",
    "match_labels",
    "possible_roles",
    "probabilities_of_classes",
]

LabelRole: TypeAlias = Literal["class", "value", "unused"]
"""What labels are: the class of each sample, a number that the model is to answer, or nothing that is looked at."""

AnswerRule: TypeAlias = Literal["probabilities", "largest", "half", "zero", "text"]
"""How an answer becomes a class: the largest output, only where the outputs are probabilities or in any case; a single
output above 0.5 or above 0; the text itself."""

_EXACT_IN_FLOAT: Final = 2**53
_NUMBERS_OF_A_BOX: Final = 4
_MOST_GROUPS: Final = 10_000
_NAMES_TOLD: Final = 5
_NOT_JUDGED: Final = "they colour and group, and no answer is judged by them"


@dataclass(frozen=True, eq=False)
class Labels:
    """What is known about each sample besides what goes into the model.

    Attributes:
        groups: Group of each sample, shape ``(sample,)``, a number in ``group_names``, or a class number where there
            are no names; None if there are no labels.
        group_names: The classes of the model, and after them what other labels there are.
        classes: Class of each sample in the model's output, shape ``(sample,)``, a number in ``class_names``; -1 for a
            sample whose label is no class of the model. None where no answer is judged.
        class_names: Name of each class of the model; empty if unknown.
        targets: What the model is to answer: shape ``(sample, …)`` of the output, or, where each place of it is of a
            class, the number of that, without the axis of the classes. None if the labels are classes of whole
            samples, or there are none.
        rule: How an answer becomes a class.
        role: What the labels were taken for; None if there are none.
        output: Which of the model's outputs they were matched to, in the order in which they are answered.
        note: How they were matched, in sentences; empty where there is nothing to say.
        is_order_assumed: Whether nothing says which class of the model is which, and the alphabet was taken.
    """

    groups: np.ndarray | None = None
    group_names: tuple[str, ...] = ()
    classes: np.ndarray | None = None
    class_names: tuple[str, ...] = ()
    targets: np.ndarray | None = None
    rule: AnswerRule = "probabilities"
    role: LabelRole | None = None
    note: str = ""
    output: int = 0
    is_order_assumed: bool = False

    @property
    def tells_classes(self) -> bool:
        """Whether the model's outputs are known to be classes."""
        return self.classes is not None or self.rule == "largest"

    def group_of(self, sample: int) -> str:
        """Return what a sample's label is called; empty if it has none."""
        if self.groups is None:
            return ""
        return class_name(int(self.groups[sample]), self.group_names)

    def class_of(self, sample: int) -> int | None:
        """Return the class of a sample in the model's output; None where its answer is not judged."""
        number = -1 if self.classes is None else int(self.classes[sample])
        return None if number < 0 else number

    def target_of(self, sample: int) -> np.ndarray | None:
        """Return what the model is to answer to a sample, as in ``targets``; None if that is not known."""
        return None if self.targets is None else np.asarray(self.targets[sample])


def match_labels(
    labels: Any,
    output: ModelOutput | None = None,
    class_names: Sequence[str] = (),
    *,
    origin: str = "labels",
    role: LabelRole | None = None,
) -> Labels:
    """Set labels against what a model answers.

    Names are classes of the model where its own names are known and they are among them, whatever their case, blanks,
    hyphens and underscores; or where there are as many of them as the model has classes, by the alphabet, as
    ``keras.utils.image_dataset_from_directory`` numbers them. Whole numbers are classes where they are within the
    model's output. Numbers are what the model is to answer where it answers a single number, and where they have the
    shape of its answer: pictures, masks, series. Of an answer that tells classes apart at each place, such as a mask,
    they may be the number of the class, without the axis of the classes.

    Args:
        labels: Of each sample, shape ``(sample,)`` or ``(sample, …)`` of the output, numbers or names; None if there
            are none.
        output: What the model answers; None if that is not known, as of a dataset without a model.
        class_names: Name of each class of the model, fitting its output; empty if unknown.
        origin: What the labels are called in sentences, such as ``"folder names"``.
        role: What the labels are; None finds it out.
    """
    names = tuple(class_names)
    rule, position = _rule(output, is_named=bool(names), is_judged=False), output.position if output else 0
    nothing = Labels(class_names=names, rule=rule, output=position)
    if labels is None:
        return nothing
    values = np.asarray(labels)
    values = values.astype(np.int64) if values.dtype.kind == "b" else values
    if role == "unused":
        return replace(nothing, role="unused")
    if values.dtype.kind not in "iuf":
        return _named(nothing, values.astype(str), output, origin)
    if role is None:
        role = _likely_role(values, output, names)
    if role == "value" and _could_be_targets(values, output):
        return _targets(nothing, values, output, origin)
    return _numbered(nothing, values, output, origin)


def possible_roles(labels: Any, output: ModelOutput | None) -> tuple[LabelRole, ...]:
    """Return what labels could be taken for; empty where there is nothing to choose, as of names."""
    values = None if labels is None else np.asarray(labels)
    if values is None or values.dtype.kind not in "biuf" or output is None:
        return ()
    roles: list[LabelRole] = ["class"] if _whole(values) is not None else []
    if _could_be_targets(values, output):
        roles.append("value")
    return (*roles, "unused") if roles else ()


def answered_classes(
    answer: Any, rule: AnswerRule, class_names: Sequence[str] = (), output: int = 0
) -> np.ndarray | None:
    """Return the class that a model answers to each sample, shape ``(sample,)``; None if it tells no classes apart.

    An answer with NaN or infinity among its numbers is -1, no class, as is text that is none of the names; the logit
    of a class that a model rules out may be minus infinity.

    Args:
        answer: What the model returned, the sample axis first.
        rule: How an answer becomes a class.
        class_names: Name of each class, for answers that are text.
        output: Which of several outputs counts, in the order in which they are answered.
    """
    if isinstance(answer, np.ndarray):
        outputs = [answer]
    else:
        import keras

        outputs = keras.tree.flatten(answer)
    values: np.ndarray = np.asarray(outputs[output] if output < len(outputs) else 0)
    if rule == "text":
        return _classes_of_text(values, class_names)
    if values.ndim != 2 or values.dtype.kind not in "fiu" or not values.shape[1]:
        return None
    sound = are_sound(values)
    if values.shape[1] == 1:
        limit = {"half": 0.5, "zero": 0.0}.get(rule)
        return None if limit is None else np.where(sound, values[:, 0] > limit, -1).astype(np.int64)
    if rule == "probabilities" and not are_distributions(values, sound):
        return None
    return np.where(sound, values.argmax(axis=1), -1)


def probabilities_of_classes(output: np.ndarray, rule: AnswerRule, function: str = "") -> np.ndarray | None:
    """Return the probability of each class, shape ``(sample, class)``; None where the outputs do not tell it.

    Those of a sample with NaN or infinity among its numbers are NaN. Of logits it is their softmax, or their sigmoid
    where a single one tells two classes apart.

    Args:
        output: What the model answers, shape ``(sample, …)``.
        rule: How an answer becomes a class.
        function: Activation function of the layer that it comes from; empty if it has none.
    """
    if output.ndim != 2 or output.dtype.kind not in "fiu" or not output.size:
        return None
    values = output.astype(np.float64)
    sound = are_sound(values)
    values[~sound] = np.nan
    if values.shape[1] == 1:
        if rule not in ("half", "zero"):
            return None
        second = values if rule == "half" else _sigmoid(values)
        return np.concatenate([1 - second, second], axis=1)
    if are_distributions(values, sound):
        return values
    if rule != "largest" or function:
        return None
    with np.errstate(invalid="ignore", over="ignore"):
        powers = np.exp(values - values.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)


def _classes_of_text(output: np.ndarray, class_names: Sequence[str]) -> np.ndarray | None:
    if output.dtype.kind not in "SUO" or output.ndim == 0 or output.size != len(output):
        return None
    numbers = {name: number for number, name in enumerate(class_names)}
    texts = map(text_of, output.reshape(-1))
    return np.array([numbers.get(text, -1) for text in texts], np.int64)


def _rule(output: ModelOutput | None, *, is_named: bool, is_judged: bool) -> AnswerRule:
    if output is not None and output.is_text:
        return "text"
    if output is not None and output.count == 1:
        return "half" if output.is_one_probability else "zero" if is_named or is_judged else "probabilities"
    return (
        "largest" if is_named or is_judged or (output is not None and output.function == "softmax") else "probabilities"
    )


def _likely_role(values: np.ndarray, output: ModelOutput | None, names: tuple[str, ...]) -> LabelRole:
    whole = _whole(values)
    if output is None or whole is None:
        return "class" if output is None and whole is not None else "value"
    # A name for each side of a single number says that it tells classes apart.
    if output.is_one_number and not names:
        return "value"
    return "class"


def _could_be_targets(values: np.ndarray, output: ModelOutput | None) -> bool:
    if output is None or output.is_text:
        return False
    columns = 1 if values.ndim == 1 else values.shape[1] if values.ndim == 2 else 0
    answer = output.shape or ()
    return columns == output.count or _has_shape_of(values.shape[1:], answer) or _are_boxes(values.shape[1:], answer)


def _has_shape_of(shape: tuple[int, ...], answer: tuple[int | None, ...]) -> bool:
    """Return whether true values of a shape are of an answer's, or one number for each of its places."""
    if len(answer) < 2 or not shape:
        return False
    return any(fits(shape, each) for each in (answer, answer[:-1], (*answer[:-1], 1)))


def _are_boxes(shape: tuple[int, ...], answer: tuple[int | None, ...]) -> bool:
    """Return whether true values may be boxes of an answer that is rows of boxes: fewer of them, or a single one."""
    if len(answer) != 2 or not shape or (answer[1] or 0) < _NUMBERS_OF_A_BOX:
        return False
    return shape == (_NUMBERS_OF_A_BOX,) or (len(shape) == 2 and shape[1] in (_NUMBERS_OF_A_BOX, answer[1]))


def _whole(values: np.ndarray) -> np.ndarray | None:
    """Return whole numbers as int64; None where one of them is not whole, or they are not one for each sample."""
    if values.ndim != 1:
        return None
    if values.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            is_whole = (np.abs(values) < _EXACT_IN_FLOAT) & (values == np.rint(values))
        return values.astype(np.int64) if bool(is_whole.all()) else None
    return values.astype(np.int64) if bool((values <= np.iinfo(np.int64).max).all()) else None


def _targets(nothing: Labels, values: np.ndarray, output: ModelOutput | None, origin: str) -> Labels:
    rule = _rule(output, is_named=False, is_judged=False)
    if values.ndim > 2 or (output is not None and output.count is None):
        shape = format_shape(values.shape[1:])
        note = f"The {origin} are taken as what the model is to answer: an array of {shape} numbers for each sample."
        return replace(nothing, targets=values, rule=rule, role="value", note=note)
    columns = values.reshape(len(values), -1).astype(np.float64)  # (sample,) -> (sample, output)
    answers = "a single number" if columns.shape[1] == 1 else f"{columns.shape[1]:,} numbers"
    note = f"The {origin} are taken as true values, not as classes: the model answers {answers}."
    return replace(nothing, targets=columns, rule=rule, role="value", note=note)


def _numbered(nothing: Labels, values: np.ndarray, output: ModelOutput | None, origin: str) -> Labels:
    whole = _whole(values)
    if whole is None:
        what = "hold several numbers for each sample" if values.ndim > 1 else "are not whole numbers"
        note = f"The {origin} {what}, and the model answers {_told(output)}: they are not used."
        return replace(nothing, role="unused", note=note)
    count = None if output is None else output.class_count
    grouped = replace(nothing, groups=whole, group_names=nothing.class_names, role="class")
    if output is not None and count is None:
        return replace(_renumbered(grouped), note=f"{_only_groups(origin)}, as the model answers {_told(output)}.")
    if count is not None and len(whole) and whole.max() >= count:
        span = f"run from {whole.min():,} to {whole.max():,}, and the classes of the model from 0 to {count - 1:,}"
        hint = " They seem to be counted from 1." if whole.min() == 1 and whole.max() == count else ""
        return replace(_renumbered(grouped), note=f"The {origin} {span}: {_NOT_JUDGED}.{hint}")
    classes, unknown = np.where(whole < 0, -1, whole), int((whole < 0).sum())
    rule = _rule(output, is_named=False, is_judged=True)
    judged = replace(grouped, classes=classes, rule=rule, note=_how_judged(output, rule, origin))
    if unknown == len(whole):
        return replace(_renumbered(grouped), note=f"The {origin} are below 0: {_NOT_JUDGED}.")
    if unknown:
        note = f"{unknown:,} of {len(whole):,} {origin} are below 0, which is no class: these samples are not judged."
        return replace(_renumbered(judged), classes=classes, note=note)
    return judged


def _named(nothing: Labels, labels: np.ndarray, output: ModelOutput | None, origin: str) -> Labels:
    if labels.ndim != 1:
        return replace(nothing, role="unused", note=f"The {origin} are several for each sample: they are not used.")
    found, positions = np.unique(labels, return_inverse=True)
    if len(found) > _MOST_GROUPS:
        return replace(nothing, role="unused", note=f"There are {len(found):,} {origin}: too many for classes.")
    label_names = tuple(map(str, found))
    grouped = replace(nothing, groups=positions, group_names=label_names, role="class")
    count = None if output is None else output.class_count
    if nothing.class_names:
        matched = _matched(label_names, nothing.class_names)
        if (matched >= 0).any():
            return _with_classes(grouped, matched, output, origin)
    if (numbers := _as_numbers(label_names)) is not None:
        taken = _numbered(nothing, numbers[positions], output, origin)
        return replace(taken, note=taken.note or f"The {origin} are taken as numbers of classes.")
    if nothing.class_names:
        note = f"None of the {len(label_names):,} {origin} ({_some(label_names)}) is a class of the model, which knows "
        return replace(grouped, note=f"{note}{_some(nothing.class_names)}: {_NOT_JUDGED}.")
    if output is None or len(label_names) == count:
        note = (
            f"The {len(label_names):,} {origin} are taken for the classes of the model in alphabetical order, as Keras "
            f"numbers folders: {_some(label_names)}. Give the names of the classes if the order is another."
        )
        rule = _rule(output, is_named=True, is_judged=True)
        if output is None:
            return replace(grouped, classes=positions, class_names=label_names, rule=rule)
        return replace(grouped, classes=positions, class_names=label_names, rule=rule, note=note, is_order_assumed=True)
    if count is None:
        return replace(grouped, note=f"{_only_groups(origin)}, as the model answers {_told(output)}.")
    note = (
        f"There are {len(label_names):,} {origin} ({_some(label_names)}), and the model tells {count:,} classes apart "
    )
    return replace(grouped, note=f"{note}whose names are not known: {_NOT_JUDGED}. Give the names of the classes.")


def _with_classes(grouped: Labels, matched: np.ndarray, output: ModelOutput | None, origin: str) -> Labels:
    """Return labels of which the model knows some or all.

    Args:
        grouped: With the labels' names as groups.
        matched: Class of each of these names, shape ``(group,)``; -1 where it is none.
        output: What the model answers.
        origin: What the labels are called.
    """
    strange = np.flatnonzero(matched < 0)
    strange_names = tuple(grouped.group_names[number] for number in strange)
    places = matched.copy()
    places[strange] = len(grouped.class_names) + np.arange(len(strange))
    assert grouped.groups is not None
    note = ""
    if strange_names:
        which = "is no class" if len(strange_names) == 1 else "are no classes"
        note = (
            f"{len(strange_names):,} of {len(matched):,} {origin} {which} of the model: {_some(strange_names)}. "
            "Their samples are not judged."
        )
    return replace(
        grouped,
        groups=places[grouped.groups],
        group_names=(*grouped.class_names, *strange_names),
        classes=matched[grouped.groups],
        rule=_rule(output, is_named=True, is_judged=True),
        note=note,
    )


def _renumbered(labels: Labels) -> Labels:
    """Return labels that are numbers with groups from 0 on, which have the numbers as names."""
    assert labels.groups is not None
    found, positions = np.unique(labels.groups, return_inverse=True)
    if len(found) > _MOST_GROUPS:
        return replace(labels, groups=None, group_names=())
    names = tuple(class_name(int(number), labels.class_names) if number >= 0 else str(number) for number in found)
    return replace(labels, groups=positions, group_names=names)


def _matched(names: Sequence[str], class_names: Sequence[str]) -> np.ndarray:
    """Return the class that each name stands for, shape ``(name,)``; -1 where it is none, or could be several."""
    exact: dict[str, int] = {}
    loose: dict[str, int] = {}
    for number, name in enumerate(class_names):
        exact.setdefault(name, number)
        key = _letters(name)
        loose[key] = -1 if key in loose else number
    return np.array([exact.get(name, loose.get(_letters(name), -1)) for name in names], np.int64)


def _letters(name: str) -> str:
    return "".join(letter for letter in name.casefold() if not letter.isspace() and letter not in "_-")


def _as_numbers(names: Sequence[str]) -> np.ndarray | None:
    plain = all(name.strip().isascii() and name.strip().isdigit() and len(name.strip()) < 16 for name in names)
    return np.array([int(name) for name in names], np.int64) if plain and len(names) else None


def _how_judged(output: ModelOutput | None, rule: AnswerRule, origin: str) -> str:
    if output is None or output.function == "softmax":
        return ""
    how = {"half": "above 0.5 it says class 1", "zero": "above 0 it says class 1"}.get(
        rule, "its largest output counts"
    )
    return f"The {origin} are taken as numbers of classes, by which the model's answer is judged: {how}."


def _only_groups(origin: str) -> str:
    return f"The {origin} colour and group, and no answer is judged by them"


def _told(output: ModelOutput | None) -> str:
    if output is None:
        return "something else"
    if output.is_text:
        return "text"
    if output.count is None:
        return "no list of classes"
    return "a single number" if output.count == 1 else f"{output.count:,} numbers"


def _some(names: Sequence[str]) -> str:
    return ", ".join(map(safe_name, names[:_NAMES_TOLD])) + (", …" if len(names) > _NAMES_TOLD else "")


def _sigmoid(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-values))
