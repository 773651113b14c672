"""The meanings of outputs that were found: which one suits an output, what it says, how far off it is.

A meaning can fail at the same boundaries as a visualizer: import, registration and its hook are guarded in
:mod:`core.plugins.loading`, matching and drawing here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import Any, Final

import numpy as np

from core.analysis.layer_dataset import LayerDataset
from core.analysis.rulers import ruler_of
from core.analysis.timesteps import known_steps
from core.common.limits import get_limits
from core.errors import PluginFailed
from core.extraction.activation import Activation
from core.inputs.labels import match_labels
from core.inputs.structure import flat
from core.plugins.deadlines import Deadline
from core.plugins.drawing import drawing_failed, sound_pictures
from core.plugins.entries import unknown_name
from core.plugins.loading import LoadedPlugins
from core.plugins.meanings import (
    ANSWER_HEIGHT,
    MeaningAnswer,
    MeaningEntry,
    OutputContext,
    OutputMeaning,
    OutputSamples,
    described_of,
)

__all__ = ["DrawnAnswer", "MeaningCandidate", "MeaningRegistry", "activation_output"]

_SLACK: Final = 1
"""Screen pixels by which a chart may be higher than it was asked to be, as of halves that are rounded."""


@dataclass(frozen=True)
class MeaningCandidate:
    """A meaning and how likely an output has it; where it cannot, the score is 0 and the reason says why.

    ``package`` is the distribution or module that it came from.
    """

    meaning: OutputMeaning
    score: float
    reason: str = ""
    package: str = ""


@dataclass(frozen=True)
class DrawnAnswer:
    """What a meaning made of an output, found to be sound; the specification is empty without a chart."""

    answer: MeaningAnswer
    specification: dict[str, Any]


class MeaningRegistry:
    """Every meaning that was found.

    Args:
        loaded: What brought them.
    """

    def __init__(self, loaded: LoadedPlugins) -> None:
        self._loaded = loaded
        self._faults: dict[str, tuple[OutputMeaning, str]] = {}

    @property
    def all(self) -> tuple[OutputMeaning, ...]:
        """Every meaning, in the order in which they were found."""
        return tuple(entry.meaning for entry in self._loaded.meanings.values())

    def candidates(self, output: OutputContext) -> tuple[MeaningCandidate, ...]:
        """Return every meaning with its score or the reason why not: the likeliest first.

        One that raises cannot be asked; it is noted among the problems of its plugin.
        """
        entries = list(self._loaded.meanings.values())
        found = [(entry, self._match(entry, output)) for entry in entries]
        found.sort(key=lambda pair: (-pair[1].score, pair[0].origin.source == "built-in", pair[0].meaning.name))
        return tuple(candidate for _, candidate in found)

    def suited(self, output: OutputContext) -> tuple[OutputMeaning, ...]:
        """Return the meanings that an output can have, the likeliest first."""
        return tuple(each.meaning for each in self.candidates(output) if each.score > 0)

    def likeliest(self, output: OutputContext, asked: str = "") -> OutputMeaning | None:
        """Return the meaning that an output is taken for; None where none suits.

        Args:
            output: The output.
            asked: Name of the meaning that comes before all others, if it suits; empty for none.
        """
        suited = self.suited(output)
        return next((each for each in suited if each.name == asked), next(iter(suited), None))

    def answer(self, name: str, output: OutputContext, height: int = ANSWER_HEIGHT) -> DrawnAnswer:
        """Let a meaning say and draw an output, within the limits of time, rows and bytes.

        Raises:
            PluginFailed: If there is none of that name, or it raises, takes too long, or returns something else than a
                :class:`MeaningAnswer` with a sound chart that is no higher than asked for.
        """
        entry = self._entry(name)

        def draw(_: Deadline) -> DrawnAnswer:
            answer = entry.meaning.answer(output, height)
            if not isinstance(answer, MeaningAnswer):
                raise TypeError(f"answer() returned {type(answer).__name__}, a MeaningAnswer is needed")
            _check_fields(answer)
            if answer.chart is None:
                return DrawnAnswer(answer, {})
            pictures, _refusal = sound_pictures(lambda: answer.chart, get_limits())
            drawn = pictures[0].specification.get("height")
            if isinstance(drawn, (int, float)) and drawn > height + _SLACK:
                raise ValueError(f"its chart is {drawn:g} pixels high, and there is room for {height}")
            return DrawnAnswer(answer, pictures[0].specification)

        return self._guarded(entry, output, draw)

    def target(self, output: OutputContext) -> tuple[tuple[int, int | None] | None, str]:
        """Return what is explained of an output by itself, see :meth:`.OutputMeaning.target`, and what its rows are.

        By the likeliest meaning; where that fails, it is the mean of all rows.
        """
        meaning = self.likeliest(output)
        if meaning is None:
            return None, ""
        try:
            found = self._guarded(self._entry(meaning.name), output, lambda _: meaning.target(output))
        except PluginFailed:
            return None, meaning.places_name
        return found, meaning.places_name

    def losses(self, name: str, outputs: Iterable[OutputContext]) -> list[float | None]:
        """Return how far the answers to some samples are off, see :meth:`.OutputMeaning.loss`.

        Raises:
            PluginFailed: As :meth:`answer`.
        """
        entry = self._entry(name)

        def measure(deadline: Deadline) -> list[float | None]:
            found = []
            for output in outputs:
                value = entry.meaning.loss(output)
                found.append(None if value is None or not np.isfinite(value) else float(value))
                deadline.extend()
            return found

        return self._guarded(entry, None, measure)

    def get(self, name: str) -> OutputMeaning:
        """Return a meaning by name.

        Raises:
            PluginFailed: If there is none of that name; the message names near ones.
        """
        return self._entry(name).meaning

    def fault_of(self, name: str) -> str:
        """Return why a meaning could not be asked when it was last tried; empty if it could, or was loaded since."""
        meaning, fault = self._faults.get(name, (None, ""))
        return fault if meaning is self._entry(name).meaning else ""

    def output_of(self, activation: Activation, position: int, dataset: LayerDataset | None = None) -> OutputContext:
        """Return the output that an activation is, for one of its samples, see :func:`activation_output`."""
        return activation_output(activation, position, dataset)

    def _entry(self, name: str) -> MeaningEntry:
        entries = self._loaded.meanings
        if name not in entries:
            raise unknown_name("meaning", name, entries)
        return entries[name]

    def _match(self, entry: MeaningEntry, output: OutputContext) -> MeaningCandidate:
        meaning, package = entry.meaning, entry.origin.package
        found: list[Any] = []
        fault = self._loaded.note_problems(entry.origin, "hook", lambda: found.append(meaning.match(output)))
        said = found[0] if found else ""
        self._faults.pop(meaning.name, None)
        if not fault and isinstance(said, str):
            return MeaningCandidate(meaning, 0.0, said, package)
        if not fault and (isinstance(said, bool) or not isinstance(said, Real) or not 0 < float(said) <= 1):
            # Without the value: each sample would make a problem of its own.
            fault = f"match() of {meaning.name} returned no score above 0 and up to 1, and no reason"
            self._loaded.note_problems(entry.origin, "hook", partial(_raise, TypeError(fault)))
        if fault:
            self._faults[meaning.name] = (meaning, f"could not be asked: {fault}")
            return MeaningCandidate(meaning, 0.0, f"could not be asked: {fault}", package)
        return MeaningCandidate(meaning, float(said), "", package)

    def _guarded(self, entry: MeaningEntry, output: OutputContext | None, work: Any) -> Any:
        seconds = get_limits().chart_seconds
        # A plugin may raise anything; other BaseExceptions are left alone, since Streamlit stops a script with one.
        try:
            return self._loaded.isolated(
                entry.origin, "drawing", seconds, f"it took more than {seconds:g} seconds", work
            )
        except (Exception, SystemExit) as error:
            what = "" if output is None else f"{output.name or 'the output'} ({'×'.join(map(str, output.shape))})"
            instead = "Take the output for something else."
            raise drawing_failed(entry.meaning, entry.origin, what, error, instead) from error


def _check_fields(answer: MeaningAnswer) -> None:
    """Raise a TypeError for a field of an answer that has another type than it is declared with."""
    texts = {"words": answer.words, "note": answer.note, "alt": answer.alt}
    wrong = [name for name, value in texts.items() if not isinstance(value, str)]
    share = answer.probability
    if share is not None and (isinstance(share, bool) or not isinstance(share, Real)):
        wrong.append("probability")
    if answer.right is not None and not isinstance(answer.right, (bool, np.bool_)):
        wrong.append("right")
    if wrong:
        raise TypeError(f"the MeaningAnswer has another type than declared in {', '.join(wrong)}")


def activation_output(activation: Activation, position: int, dataset: LayerDataset | None = None) -> OutputContext:
    """Return the output that an activation is, for one of its samples.

    Args:
        activation: Of a layer that the model answers with; what is known of its outputs stands in its context.
        position: Which of its samples.
        dataset: All samples.
    """
    context = activation.context
    one = context.part(position, position + 1)
    recorded = activation.activations
    answered = [np.asarray(each) for each in flat(recorded.output)] if recorded is not None else []
    count = len(activation.values)
    whole = all(each.shape[:1] == (count,) for each in answered)
    described = described_of(context.outputs, max(len(answered), 1))
    own = next((each for each in described if each.layer == activation.layer.key), described[0])
    answers = answered if answered and whole else [activation.values]
    own_values = answers[own.position] if own.position < len(answers) else activation.values
    is_judged = own.position == context.judged_output
    judged = one if is_judged else context.part(0, 0)
    samples = None
    if dataset is not None:
        samples = OutputSamples(
            partial(_answers_of, own_values, dataset),
            dataset.drawable,
            dataset.number_of(position) - dataset.first,
            dataset.short_name,
        )
    steps = known_steps(activation) if activation.axes[1:2] == ("time",) else None
    return OutputContext(
        np.asarray(own_values[position]),
        own.name,
        layer=own.layer,
        function=own.function or activation.layer.activation_function,
        outputs={each.name: np.asarray(values[position]) for each, values in zip(described, answers, strict=False)},
        given=lambda: one.inputs,
        specs=context.specs,
        feature_names=context.feature_names,
        class_names=context.class_names if is_judged else (),
        rule=context.rule if is_judged else match_labels(None, own).rule,
        true_class=_first(judged.labels),
        true_value=None if judged.targets is None or not len(judged.targets) else judged.targets[0],
        samples=samples,
        ruler=ruler_of(activation),
        steps=None if steps is None or own.layer != activation.layer.key else steps[position],
    )


def _answers_of(values: np.ndarray, dataset: LayerDataset) -> np.ndarray:
    return values if dataset.is_whole or values.ndim != 2 else dataset.features("flatten")


def _first(labels: np.ndarray | None) -> int | None:
    return int(labels[0]) if labels is not None and len(labels) and labels[0] >= 0 else None


def _raise(error: Exception) -> None:
    raise error
