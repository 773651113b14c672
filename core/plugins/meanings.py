"""What a plugin author writes against to say what the outputs of a model mean: OutputMeaning and what it is given.

A meaning is one class with no state, as a visualizer is: an output of a model for one sample in, words and an Altair
chart out. Which of the meanings suits an output is guessed by their scores; a person may choose another one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Final

import numpy as np

from core.analysis.rulers import Ruler
from core.common.text import class_name, count_text
from core.inputs.labels import AnswerRule
from core.inputs.model_output import BETWEEN_0_AND_1, ModelOutput
from core.inputs.spec import InputSpec, drawable
from core.plugins.plugin import Origin, first_line

__all__ = [
    "ANSWER_HEIGHT",
    "CERTAIN",
    "LIKELY",
    "MODEST",
    "POSSIBLE",
    "MeaningAnswer",
    "MeaningEntry",
    "OutputContext",
    "OutputMeaning",
    "OutputSamples",
    "described_of",
]

ANSWER_HEIGHT: Final = 112
"""Screen pixels that a chart of an answer takes at most in the strip above the layers."""

CERTAIN: Final = 0.9
"""A score: shape and activation function, or a name, or true values say so."""
LIKELY: Final = 0.6
"""A score: the shape says so, and nothing speaks for something else."""
MODEST: Final = 0.3
"""The score of plain numbers: what is not likelier than this is offered, and not taken by itself."""
POSSIBLE: Final = 0.1
"""A score: it can be drawn so, if a person says so."""

_RUN: Final = re.compile(r"[^\W\d_]+|\d+")
"""Letters or digits that stand together."""
_HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
"""Where a word begins within letters: between ``log`` and ``Var``, ``B`` and ``Box``."""


@dataclass(frozen=True, eq=False)
class OutputSamples:
    """The other samples that are open, for a meaning that compares with them.

    Attributes:
        answers: Returns what the model answers to them with the same output, shape ``(sample, …)``; of a model that
            takes long, to the first of them.
        drawable: Returns what goes in for some of them, by input name, images with their channels last.
        position: Which of them the sample is.
        name_of: Returns what a person knows one of them by, such as ``"12 (cat)"``.
    """

    answers: Callable[[], np.ndarray]
    drawable: Callable[[Sequence[int]], Mapping[str, np.ndarray]]
    position: int
    name_of: Callable[[int], str]


@dataclass(frozen=True, eq=False)
class OutputContext:
    """One output of a model for one sample, and what is known of it. No array has a sample axis; all are read-only.

    Attributes:
        values: What the model answers, numbers or text, of any shape.
        name: What the output is called; empty if that is not known.
        layer: Key of the layer that it comes from; empty if that is not known.
        function: Activation function of that layer; empty if it has none, or that is not known.
        outputs: What the model answers with all its outputs, by name, in their order.
        given: Returns what went in by input name, shape ``(1, …)``; asked for once.
        specs: What each input is taken for.
        feature_names: Names of the last axis of an input, by input name.
        class_names: Name of each class; empty if unknown.
        rule: How an answer becomes a class, see :func:`core.inputs.labels.answered_classes`.
        true_class: Class of the sample, where labels are classes of the model; else None.
        true_value: What the model is to answer, of the shape of ``values``, or the numbers of classes without the axis
            of the classes; None if that is not known.
        true_label: What the sample's label is called; empty if it has none.
        samples: The samples that are open; None where they are not known.
        ruler: What the steps of an answer over time are in seconds; None where that is not known.
        steps: Which steps of the answer are no padding, boolean, shape ``(time,)``; None where it has no steps, or
            nothing is known of padding.
    """

    values: np.ndarray
    name: str = ""
    layer: str = ""
    function: str = ""
    outputs: Mapping[str, np.ndarray] = field(default_factory=dict)
    given: Callable[[], Mapping[str, np.ndarray]] = dict
    specs: Sequence[InputSpec] = ()
    feature_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    class_names: tuple[str, ...] = ()
    rule: AnswerRule = "probabilities"
    true_class: int | None = None
    true_value: np.ndarray | None = None
    true_label: str = ""
    samples: OutputSamples | None = None
    ruler: Ruler | None = None
    steps: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the values."""
        return self.values.shape

    @property
    def is_numeric(self) -> bool:
        """Whether the values are numbers."""
        return self.values.dtype.kind in "biuf"

    @property
    def is_sigmoid(self) -> bool:
        """Whether the activation function makes each number a probability of its own, as a sigmoid does."""
        return self.function in BETWEEN_0_AND_1

    @cached_property
    def truth(self) -> np.ndarray | None:
        """The true value in the shape of ``values``, float64; None where it is not known, or not of so many numbers."""
        true = self.true_value
        if true is None or true.size != self.values.size or not self.is_numeric:
            return None
        return true.reshape(self.shape).astype(np.float64)

    @cached_property
    def shown_steps(self) -> np.ndarray:
        """Which steps of the answer are no padding, boolean, shape ``(time,)``: all where nothing is known of that.

        What stands at a step of padding was neither trained nor is it judged.
        """
        count = self.shape[0] if self.shape else 0
        known = self.steps
        return np.ones(count, bool) if known is None or known.shape != (count,) else np.asarray(known, bool)

    def without_padding(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows of an array, one for each step of the answer, that are no padding."""
        return rows if self.shown_steps.all() else rows[self.shown_steps]

    @property
    def padding_note(self) -> str:
        """What is to be said of padding: ``"5 steps of padding are grey"``; empty if there is none."""
        count = int((~self.shown_steps).sum())
        return f"{count_text(count, 'step')} of padding {'is' if count == 1 else 'are'} grey" if count else ""

    @cached_property
    def is_to_answer_what_went_in(self) -> bool:
        """Whether the true value is an input, as it is or divided by 255: the model is an autoencoder."""
        if self.true_value is None or self.true_value.dtype.kind not in "biuf":
            return False
        true = self.true_value.reshape(-1)
        numbers = [each.reshape(-1) for each in self.inputs.values() if each.dtype.kind in "biuf"]
        same = [each for each in numbers if each.size == true.size]
        return any(np.allclose(each, true) or np.allclose(each / 255, true) for each in same)

    @cached_property
    def _given(self) -> Mapping[str, np.ndarray]:
        return self.given()

    @cached_property
    def inputs(self) -> dict[str, np.ndarray]:
        """What went in by input name, as the model takes it."""
        return {name: array[0] for name, array in self._given.items()}

    @cached_property
    def drawable(self) -> dict[str, np.ndarray]:
        """What went in by input name, as it is drawn: images as ``(height, width, 1)`` or ``(height, width, 3)``."""
        return {name: array[0] for name, array in drawable(self._given, self.specs).items()}

    @cached_property
    def image(self) -> tuple[str, np.ndarray] | None:
        """Name and pixels ``(height, width, channel)`` of the first input that is an image; None if there is none."""
        kinds = {spec.name: spec.kind for spec in self.specs}
        for name, array in self.drawable.items():
            if array.ndim == 3 and array.shape[-1] in (1, 3) and kinds.get(name, "image") == "image":
                return name, array
        return None

    @cached_property
    def series(self) -> tuple[str, np.ndarray] | None:
        """Name and values ``(time, feature)`` of the first input that is a series of numbers; None if there is none."""
        known = {spec.name: spec for spec in self.specs}
        for name, given in self._given.items():
            spec = known.get(name)
            array = spec.laid_out(given)[0] if spec and given.ndim == len(spec.shape) + 1 else given[0]
            is_series = spec is None or spec.kind == "sequence"
            if is_series and array.dtype.kind in "iuf" and array.ndim in (1 if spec else 2, 2) and len(array) > 1:
                return name, array.reshape(len(array), -1)
        return None

    def class_called(self, number: int) -> str:
        """Return what a class is called."""
        return class_name(number, self.class_names)

    def sounds_like(self, *words: str) -> bool:
        """Return whether one of some words stands in the name of the output or of its layer.

        Whole words are compared, in any case: ``conv2d_transpose`` does not sound like ``pose``, ``zLogVar`` sounds
        like ``log_var``. A plural or another ending is a word of its own, to be named too.
        """
        names = [_spaced(self.name), _spaced(self.layer)]
        return any(said.strip() and said in name for said in map(_spaced, words) for name in names)


@dataclass(frozen=True, eq=False)
class MeaningAnswer:
    """An output for one sample, as what it means.

    Attributes:
        words: The answer in a few words: the name of a class, a number with its unit, ``"4 boxes"``.
        chart: An Altair chart, no higher than was asked for; None where words are enough.
        note: What else is to be said, such as ``"mean squared error 0.0021"``.
        alt: What a screen reader says: what is answered, with its key numbers.
        is_class: Whether the words are the class that the model answers.
        probability: Of that class, 0 to 1; None where the model answers no probabilities.
        right: Whether the answer is the true one; None where that is not known or not to be said with yes or no.
        is_text: Whether the words are text that the model wrote, to be shown as it stands.
    """

    words: str = ""
    chart: Any = None
    note: str = ""
    alt: str = ""
    is_class: bool = False
    probability: float | None = None
    right: bool | None = None
    is_text: bool = False


class OutputMeaning:
    """One thing that an output of a model can be. Subclass it, declare, and write :meth:`match` and :meth:`answer`.

    The first line of the subclass's docstring is what a person reads who chooses among meanings.

    Attributes:
        name: Identifier in links: lower case, words joined by hyphens.
        title: What the output is then called, in the field's words: ``"Class probabilities"``, ``"Mask"``.
        takes: Of which outputs it is, for who reads what there is: ``"a row of numbers from 0 to 1"``.
        tells_classes: Whether the answer is a class, by which labels say whether it is right.
        loss_name: What :meth:`loss` is, such as ``"mean squared error"``; empty without one.
        places_name: What the rows of an answer are, several of them: ``"boxes"``; empty where they are steps or pixels.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    takes: ClassVar[str] = ""
    tells_classes: ClassVar[bool] = False
    loss_name: ClassVar[str] = ""
    places_name: ClassVar[str] = ""

    def match(self, output: OutputContext) -> float | str:
        """Return how likely an output has this meaning, or why it cannot have it.

        Args:
            output: The output. What went in is read only when asked for; look at the shape first.

        Returns:
            A score above 0 and up to 1, see :data:`CERTAIN`, :data:`LIKELY`, :data:`MODEST` (plain numbers) and
            :data:`POSSIBLE`; or the reason why not, such as ``"needs three axes"``.
        """
        raise TypeError(f"{type(self).__name__} has no match(self, output) method")

    def answer(self, output: OutputContext, height: int) -> MeaningAnswer:
        """Say and draw an output that it matched.

        Args:
            output: The output.
            height: Screen pixels that the chart may take: :data:`ANSWER_HEIGHT` in the strip, some 400 where it is
                looked at large. A chart with a width of its own has room for three times that.
        """
        raise TypeError(f"{type(self).__name__} has no answer(self, output, height) method")

    def loss(self, output: OutputContext) -> float | None:
        """Return how far the answer is off, the larger the worse; None where nothing is known to compare with."""
        return None

    def target(self, output: OutputContext) -> tuple[int, int | None] | None:
        """Return the row of an answer, such as a box, that is explained unless another is asked for, and its unit.

        None takes the mean over all rows; a unit of None the one that answers the most there.
        """
        return None

    def summary(self) -> str:
        """Return the first line of the docstring of its class, or of the one that it derives from."""
        return first_line(self, OutputMeaning)


@dataclass(frozen=True)
class MeaningEntry:
    """A meaning, and the plugin that brought it."""

    meaning: OutputMeaning
    origin: Origin


def _spaced(name: str) -> str:
    """Return the words and numbers of a name in lower case, a space before and after each: ``" z log var "``."""
    parts = (_HUMP.split(run) for run in _RUN.findall(name))
    return f" {' '.join(part.lower() for run in parts for part in run)} "


def described_of(outputs: Sequence[ModelOutput], count: int) -> tuple[ModelOutput, ...]:
    """Return what is known of each of so many outputs, each with a name of its own."""
    described = [outputs[number] if number < len(outputs) else ModelOutput(position=number) for number in range(count)]
    names = [each.name or f"output {number}" for number, each in enumerate(described)]
    return tuple(
        replace(each, name=name if names.count(name) == 1 else f"{name} ({number})", position=number)
        for number, (each, name) in enumerate(zip(described, names, strict=True))
    )
