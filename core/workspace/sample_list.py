"""The samples as a page lists them: a row each, and a strip of small pictures."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import repeat
from typing import Any, Final

import numpy as np
import pandas as pd

from core.analysis.rulers import Ruler, ruler_at
from core.analysis.timesteps import known_steps
from core.charts.sample_strip import sample_strip, tile_pictures
from core.charts.validation import specification_of
from core.common.progress import Progress
from core.common.text import number_text, percent, sample_with_class
from core.errors import PluginFailed
from core.extraction.activation import Activations
from core.extraction.blocks import SampleBlocks
from core.extraction.layers import LayerInfo
from core.inputs.checking import check_sample
from core.inputs.datasets import ArrayDataset
from core.inputs.labels import match_labels
from core.inputs.letters import letters_of
from core.inputs.model_output import ModelOutput
from core.inputs.spec import InputSpec, drawable
from core.inputs.structure import flat
from core.plugins.meaning_registry import MeaningRegistry
from core.plugins.meanings import OutputContext, OutputMeaning, OutputSamples, described_of
from core.workspace.answers import answer_of
from core.workspace.results import Answer, ChartPicture, MeaningMatch, SampleRow
from core.workspace.sample_rows import sample_rows, with_losses

__all__ = ["SampleList"]

_SECONDS: Final = 2.0
"""How long samples are run that a meaning compares with."""
_WITH_STEPS: Final = 3
"""Axes of answers that have steps: sample, time, and what stands at a step."""


class SampleList:
    """Samples for a model, in a list. They are run once, when the list is first asked for.

    Args:
        blocks: What the model answers to them.
        dataset: The samples.
        specs: What each input is taken for.
        outputs: What the model's outputs are, in the order in which they are answered.
        described: The one of them that labels are set against.
        meanings: What outputs can mean.
        feature_names: Names of the last axis of an input, by input name.
        truths: What outputs beside the one that labels are set against are to answer, by the output's name.
    """

    def __init__(
        self,
        blocks: SampleBlocks,
        dataset: ArrayDataset,
        specs: Sequence[InputSpec],
        outputs: Sequence[ModelOutput],
        described: ModelOutput,
        meanings: MeaningRegistry,
        feature_names: Mapping[str, tuple[str, ...]],
        truths: Mapping[str, np.ndarray],
    ) -> None:
        self._blocks = blocks
        self._dataset = dataset
        self._specs = specs
        self._outputs = outputs
        self._output_names = [each.name for each in described_of(outputs, len(outputs))]
        self._described = described
        self._meanings = meanings
        self._feature_names = feature_names
        self._labels_of = {
            each.position: match_labels(truths.get(each.key), each)
            for each in outputs
            if each.position != described.position
        } | {described.position: dataset.matched_labels}
        self._answers: np.ndarray | None = None
        self._answers_of_others: dict[int, np.ndarray] = {}
        self._rows: dict[str, tuple[SampleRow, ...]] = {}
        self._last_rows: tuple[SampleRow, ...] = ()
        self._lock = threading.RLock()

    def rows(self, seconds: float, progress: Progress | None = None, meaning: str = "") -> tuple[SampleRow, ...]:
        """Return a row per sample, see :meth:`.WorkspaceInterface.sample_rows`."""
        with self._lock:
            answers = self._known_answers(seconds, progress)
            if meaning not in self._rows:
                self._rows[meaning] = self._rows_of(answers, meaning)
            self._last_rows = self._rows[meaning]
            return self._last_rows

    def answer(
        self, sample: int, described: ModelOutput, progress: Progress | None = None, meaning: str = ""
    ) -> Answer:
        """Return what the model answers to a sample with one of its outputs, see :meth:`.WorkspaceInterface.answer`."""
        return answer_of(self._output(sample, described, progress), self._meanings, meaning)

    def edited_answer(
        self,
        sample: int,
        described: ModelOutput,
        activations: Activations,
        given: Mapping[str, np.ndarray],
        meaning: str = "",
    ) -> tuple[Answer, OutputContext]:
        """Return what the model answers to a sample that was edited, and the output that says it.

        Args:
            sample: Number of the sample as it was, whose label still counts.
            described: The output.
            activations: What the layers and the model answered to it alone.
            given: What went in, by input name, shape ``(1, …)``.
            meaning: What the output is taken for, see :meth:`answer`.
        """
        leaves = [np.asarray(leaf) for leaf in flat(activations.output)]
        answered = {at: leaf[0] if leaf.ndim and len(leaf) == 1 else leaf for at, leaf in enumerate(leaves)}
        known = self._with_values(sample, answered, described)
        layer = activations.get(described.layer)
        steps = known_steps(layer) if layer is not None and layer.axes[1:2] == ("time",) else None
        ruler = self._ruler(sample, described)
        output = replace(known, given=lambda: given, ruler=ruler, steps=None if steps is None else steps[0])
        return answer_of(output, self._meanings, meaning), output

    def meanings(self, sample: int, described: ModelOutput) -> tuple[MeaningMatch, ...]:
        """Return what one of the outputs can mean or cannot, see :meth:`.WorkspaceInterface.meanings`."""
        return tuple(
            MeaningMatch(each.meaning.name, each.meaning.title, each.score or None, each.reason, each.package)
            for each in self._meanings.candidates(self._output(sample, described, None))
        )

    def _known_answers(self, seconds: float = 0.0, progress: Progress | None = None) -> np.ndarray:
        """Return what the model answers to the first samples with the output that labels are set against."""
        with self._lock:
            if self._answers is None or (seconds > 0 and 0 < len(self._answers) < self._dataset.sample_count):
                position = self._described.position
                self._answers = self._blocks.answers(seconds, progress, position, self._answers)
                self._rows = {}
            return self._answers

    def _rows_of(self, answers: np.ndarray, meaning: str) -> tuple[SampleRow, ...]:
        labels, has_answers = self._dataset.matched_labels, bool(answers.ndim and len(answers))
        chosen = self._meaning_of_rows(answers[0], meaning) if has_answers else None
        if chosen is not None and chosen.tells_classes and labels.rule == "probabilities":
            labels = replace(labels, rule="largest")
        rows = sample_rows(
            answers,
            self._dataset.names,
            labels,
            self._described,
            tells_classes=chosen is None or chosen.tells_classes,
        )
        if chosen is None:
            return rows
        steps = self._steps_of_all(answers)
        # Of a hundred thousand samples at once, where that comes to the same as sample by sample.
        is_same = chosen.name == "classes" and labels.targets is None
        if is_same or chosen.name == "text" or (chosen.name == "numbers" and steps is None):
            return tuple(replace(row, loss_name="" if row.loss is None else chosen.loss_name) for row in rows)
        if not chosen.loss_name:
            return rows
        outputs = (
            replace(self._with_values(sample, {self._described.position: values}, self._described), steps=shown)
            for sample, (values, shown) in enumerate(zip(answers[: len(rows)], steps or repeat(None), strict=False))
        )
        # Where it fails, the answer in the strip says so.
        with contextlib.suppress(PluginFailed):
            return with_losses(rows, self._meanings.losses(chosen.name, outputs), chosen.loss_name)
        return rows

    def _meaning_of_rows(self, first: np.ndarray, meaning: str) -> OutputMeaning | None:
        """Return what the output is taken for in all rows: what is asked for if it suits, else the likeliest."""
        output = self._with_values(0, {self._described.position: first}, self._described)
        return self._meanings.likeliest(output, meaning)

    def _output(self, sample: int, described: ModelOutput, progress: Progress | None) -> OutputContext:
        values, position = self._blocks.answer(sample, progress, described.position)
        answered = {described.position: values[position]}
        for other in self._outputs:
            if other.position not in answered:
                values, position = self._blocks.answer(sample, None, other.position)
                answered[other.position] = values[position]
        known = self._with_values(sample, answered, described)
        return replace(known, ruler=self._ruler(sample, described), steps=self._steps(sample, described))

    def _steps(self, sample: int, described: ModelOutput) -> np.ndarray | None:
        """Return which steps of an output are no padding, shape ``(time,)``; None where nothing is known of that."""
        layer = self._layer_over_time(sample, described)
        if layer is None or layer.missing:
            return None
        activation, position = self._blocks.activation(layer.key, sample)
        known = known_steps(activation)
        return None if known is None else known[position]

    def _steps_of_all(self, answers: np.ndarray) -> list[np.ndarray | None] | None:
        """Return which steps are no padding in the answers to the first samples, each ``(time,)``; None if unknown."""
        if answers.ndim != _WITH_STEPS or self._steps(0, self._described) is None:
            return None
        found: list[np.ndarray | None] = []
        for activation in self._blocks.activations(self._described.layer, len(answers)):
            known = known_steps(activation)
            found += [None] * len(activation.values) if known is None else list(known)
        return found

    def _ruler(self, sample: int, described: ModelOutput) -> Ruler | None:
        """Return what the steps of an output are in seconds, by the strides of the layers before it."""
        layer = self._layer_over_time(sample, described)
        if layer is None or not layer.places:
            return None
        return ruler_at(layer.places[0], int(layer.output_shape[1] or 0), self._specs)

    def _layer_over_time(self, sample: int, described: ModelOutput) -> LayerInfo | None:
        """Return the layer behind an output, where it answers step by step; else None."""
        block, _ = self._blocks.block_of(sample)
        layer = next((each for each in block.layers if each.key == described.layer), None)
        return layer if layer is not None and layer.axes[1:2] == ("time",) else None

    def _with_values(self, sample: int, answered: Mapping[int, np.ndarray], described: ModelOutput) -> OutputContext:
        """Return an output of the model for a sample, with all that is known of it.

        Args:
            sample: Which of all samples.
            answered: What the model answers to it, by the position of the output.
            described: The output.
        """
        labels = self._labels_of[described.position]
        return OutputContext(
            np.asarray(answered[described.position]),
            described.name,
            layer=described.layer,
            function=described.function,
            outputs={self._output_names[position]: np.asarray(answered[position]) for position in sorted(answered)},
            given=lambda: self._dataset.take([sample]),
            specs=self._specs,
            feature_names=self._feature_names,
            class_names=labels.class_names,
            rule=labels.rule,
            true_class=labels.class_of(sample),
            true_value=labels.target_of(sample),
            true_label=labels.group_of(sample),
            samples=self._others(sample, described),
        )

    def _answers_beside(self, position: int) -> np.ndarray:
        """Return what is known of the answers to all samples with one output; where nothing is, the first are run."""
        with self._lock:
            if position == self._described.position:
                return self._known_answers(0.0 if self._answers is not None else _SECONDS)
            if position not in self._answers_of_others:
                self._answers_of_others[position] = self._blocks.answers(_SECONDS, None, position)
            return self._answers_of_others[position]

    def _others(self, sample: int, described: ModelOutput) -> OutputSamples:
        labels = self._dataset.matched_labels

        def answers() -> np.ndarray:
            return self._answers_beside(described.position)

        def drawn(samples: Sequence[int]) -> Mapping[str, np.ndarray]:
            return drawable(self._dataset.take(samples), self._specs)

        return OutputSamples(answers, drawn, sample, lambda number: sample_with_class(number, labels.group_of(number)))

    def strip(self, samples: Sequence[int], selected: int) -> ChartPicture:
        """Return some samples in one row, see :meth:`.WorkspaceInterface.sample_strip`."""
        for sample in samples:
            check_sample(sample, self._dataset.sample_count)
        if not samples:
            return ChartPicture({})
        rows = [self._row_of(sample) for sample in samples]
        pictures = tile_pictures(_as_told(drawable(self._dataset.take(samples), self._specs), self._specs))
        chart = sample_strip(_said_of(rows), pictures, selected=selected, right=[row.right for row in rows])
        return ChartPicture(specification_of(chart), selections=("sample",), alt=_in_words(rows, selected))

    def _row_of(self, sample: int) -> SampleRow:
        if self._last_rows:
            return self._last_rows[sample]
        return SampleRow(sample, str(self._dataset.names[sample]))


def _as_told(inputs: dict[str, np.ndarray], specs: Sequence[InputSpec]) -> dict[str, np.ndarray]:
    """Return inputs as a tile shows them: letters where steps are letters, and a waveform as a series over time."""
    written = {
        spec.name: words
        for spec in specs
        if spec.letters and (words := letters_of(inputs[spec.name], spec.letters)) is not None
    }
    sounds = {spec.name for spec in specs if spec.sampling_rate and inputs[spec.name].ndim == 2}
    told = {name: array[..., np.newaxis] if name in sounds else array for name, array in inputs.items()}
    return told | {name: np.array(words) for name, words in written.items()}


def _said_of(rows: Sequence[SampleRow]) -> pd.DataFrame:
    columns: dict[str, list[Any]] = {
        "sample": [row.number for row in rows],
        "name": ["" if row.name == str(row.number) else row.name for row in rows],
        "answer": [
            row.answer and (row.answer if row.confidence is None else f"{row.answer} ({percent(row.confidence)})")
            for row in rows
        ],
        "true": [row.true_label for row in rows],
        next((row.loss_name for row in rows if row.loss_name), "loss"): [
            "" if row.loss is None else number_text(row.loss) for row in rows
        ],
    }
    return pd.DataFrame({name: values for name, values in columns.items() if name == "sample" or any(values)})


def _in_words(rows: Sequence[SampleRow], selected: int) -> str:
    told = [f"{row.number}{', selected' if row.number == selected else ''}{_verdict(row)}" for row in rows]
    return f"{len(rows)} samples: {'; '.join(told)}."


def _verdict(row: SampleRow) -> str:
    if not row.answer:
        return ""
    wrong = f", wrong, true {row.true_label}" if row.right is False else ", correct" if row.right else ""
    return f", answer {row.answer}{wrong}"
