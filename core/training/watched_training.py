"""A training as it is recorded: what is looked at, when more of it is kept, and the run that it is written to."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.common.text import did_you_mean, first_line, list_names, safe_name
from core.errors import InputRejected
from core.extraction.extractor import Extractor
from core.inputs.structures import misfits_told
from core.training.fixed_samples import FixedSamples, array_entry
from core.training.ledger import LayerEntry, RunDescription
from core.training.measures import SAMPLES_LOSS, UNIT_MEASURES
from core.training.measuring import LayerNumbers
from core.training.model_file import write_model_file
from core.training.places import MODEL
from core.training.run import Run
from core.training.run_start import start_of_run
from core.training.watched_pass import AnswerNumbers, WatchedPass
from core.training.weight_watch import WeightWatch
from core.training.writer import RunWriter

__all__ = ["RecordSettings", "WatchedTraining"]

_log = logging.getLogger("layerscope")


@dataclass(frozen=True)
class RecordSettings:
    """What is to be recorded; see :class:`core.training.record.Record`, which takes these."""

    samples: Any
    labels: Any
    folder: Path
    every: int
    activations: tuple[str, ...]
    class_names: tuple[str, ...]
    loss: Callable[[Any, Any], Any] | None
    kept_bytes: int
    overwrite: bool


class WatchedTraining:
    """The training of one model into one run.

    Args:
        model: The model, built.
        settings: What is recorded.

    Attributes:
        first_step: The step that it goes on from; 0 where a run is begun.
        last_step: The newest step that was recorded; -1 before the first.

    Raises:
        InputRejected: If the samples do not fit the model, a layer is not there, or the path holds something else.
    """

    def __init__(self, model: Any, settings: RecordSettings) -> None:
        self.model = model
        self._settings = settings
        self._warned: set[str] = set()
        self._samples = FixedSamples(model, settings.samples, settings.labels)
        with misfits_told(model, self._samples.inputs):
            self._pass = self._new_pass()
        self._refuse_unknown_layers()
        self._weight_watch = WeightWatch(_floats(model.weights))
        self._numbers = LayerNumbers(
            self._pass.layers, self._weight_watch.weights, self._pass.trainable, self._samples.count
        )
        start = start_of_run(settings.folder, self._described(), overwrite=settings.overwrite, goes_on=self._goes_on)
        self._begun_at, self.first_step, self.last_step, self.first_epoch = time.monotonic(), 0, -1, 0
        has_model = self._has_model_file(is_new=start.earlier is None)
        self._writer = RunWriter(
            settings.folder,
            start.description.model_copy(update={"has_model": has_model}),
            start.earlier.progress if start.earlier else None,
            settings.kept_bytes,
        )
        if start.earlier:
            self._go_on_from(start.earlier)
        else:
            self._writer.write_samples(self._samples.kept_inputs, self._samples.kept_labels)
        self._extractor = Extractor(model) if settings.activations else None

    def take_what_is_compiled(self) -> None:
        """Take the loss and the weights that are trained by now, where the model was compiled anew."""
        if not self._pass.is_current:
            self._pass = self._new_pass()
            self._numbers.take_gradients_by(self._pass.trainable)

    def record(self, step: int, epoch: int, logs: Mapping[str, Any] | None) -> None:
        """Look at the model as it is, and put it into the run.

        Args:
            step: How many batches were trained.
            epoch: How many epochs are complete.
            logs: The training's own numbers.
        """
        if step <= self.last_step:
            if step == self.last_step and self._writer.rows:
                self._writer.amend(epoch, _numbers(logs))
            return
        answers = self._answers()
        rows = self._numbers.rows(answers, self._weight_watch.look())
        numbers = _numbers(logs)
        if answers is not None and len(answers.gradients):
            numbers[SAMPLES_LOSS] = answers.loss
        unknown = np.full((self._writer.description.unit_count, len(UNIT_MEASURES)), np.nan, np.float32)
        seconds = time.monotonic() - self._begun_at
        self._writer.append((step, epoch, seconds), rows, unknown if answers is None else answers.units, numbers)
        self.last_step = step

    def keep_weights(self, *, is_last: bool = False) -> None:
        """Keep the weights at the newest step, unless steps are thinned out by now and this is none that stays.

        Args:
            is_last: Whether this is the end of the training, which is kept in any case.
        """
        thinning, step = self._writer.weights, self.last_step
        if step < 0 or not self.model.weights or (thinning.numbers and thinning.numbers[-1] >= step):
            return
        arrays = [_plain_values(weight) for weight in self.model.weights]
        size = sum(array.nbytes for array in arrays)
        if size > self._settings.kept_bytes:
            self._warn(
                "weights",
                f"The weights take {size:,} bytes, more than kept_bytes={self._settings.kept_bytes:,}: not kept",
            )
        elif thinning.admits(size) or is_last:
            self._writer.keep_weights(step, arrays)

    def keep_activations(self) -> None:
        """Keep what the chosen layers answer at the newest step, likewise."""
        thinning, step = self._writer.activations, self.last_step
        if self._extractor is None or step < 0 or (thinning.numbers and thinning.numbers[-1] >= step):
            return
        activations = self._extractor.extract(self._samples.inputs, layers=self._settings.activations)
        answers = {
            key: (activation.axes, np.ascontiguousarray(activation.values))
            for key, activation in activations.items()
            if activation.is_numeric
        }
        if thinning.admits(sum(values.nbytes for _, values in answers.values())):
            self._writer.keep_activations(step, answers)

    def flush_if_due(self) -> None:
        """Write what was gathered, if the last time was some seconds ago."""
        self._writer.flush_if_due()

    def flush(self, *, is_complete: bool) -> None:
        """Write what was gathered, and whether the training came to its end."""
        self._writer.flush(is_complete=is_complete)

    @property
    def write_rest(self) -> Callable[[], None]:
        """Writes what was gathered, if there is anything: for a process that ends. Holds neither this nor the model."""
        return self._writer.flush_rest

    def _new_pass(self) -> WatchedPass:
        return WatchedPass(self.model, self._samples.inputs, self._samples.labels, self._settings.loss)

    def _described(self) -> RunDescription:
        samples, weights = self._samples, self.model.weights
        return RunDescription(
            model_name=str(self.model.name),
            layers=tuple(LayerEntry.of(layer.info, layer.unit_count) for layer in self._pass.layers),
            weights=tuple(array_entry(weight.path, _plain_values(weight)) for weight in weights),
            inputs=samples.entries,
            labels=None if samples.kept_labels is None else array_entry("labels", samples.kept_labels),
            class_names=self._settings.class_names,
            sample_count=samples.count,
            samples_digest=samples.digest,
            every=self._settings.every,
            notes=self._notes(),
        )

    def _answers(self) -> AnswerNumbers | None:
        try:
            return self._pass.run()
        except Exception as error:
            self._warn("pass", f"The samples could not be run through {self.model.name} ({_reason(error)})")
            return None

    def _warn(self, kind: str, text: str) -> None:
        if kind not in self._warned:
            self._warned.add(kind)
            _log.warning("%s. The training goes on; the run lacks this.", text)

    def _notes(self) -> tuple[str, ...]:
        why = self._pass.why_no_gradients
        return (f"Gradients are not recorded: {why}.",) if why else ()

    def _refuse_unknown_layers(self) -> None:
        infos = [layer.info for layer in self._pass.layers]
        known = [key for info in infos for key in (info.key, *info.internals)]
        for key in self._settings.activations:
            if key not in known:
                raise InputRejected(
                    f"The model has no layer {safe_name(key)}{did_you_mean(key, known)}",
                    remedy=f"activations= takes keys of layers: {list_names(known)}.",
                )

    def _goes_on(self, run: Run) -> bool:
        """Return whether the model comes from the training of a run: it was trained on, or has its last weights."""
        iterations = _iterations(self.model)
        if iterations or not run.kept_steps:
            return iterations is not None and iterations > 0
        kept = run.weights(run.kept_steps[-1])
        return all(
            np.array_equal(_plain_values(weight), values, equal_nan=values.dtype.kind == "f")
            for weight, values in zip(self.model.weights, kept.values(), strict=True)
        )

    def _go_on_from(self, run: Run) -> None:
        self.last_step = self.first_step = int(run.steps[-1])
        self.first_epoch = int(run.epochs[-1])
        self._begun_at -= float(run.seconds[-1])
        # What was trained behind the last step that was recorded, only the optimizer may have counted.
        self.first_step = max(self.first_step, _iterations(self.model) or 0)
        self._writer.note_resumed(self.first_step)
        first = run.unit_table(0)
        if first is not None:
            self._numbers.begin_at(first)
        if self.first_step == self.last_step:
            # To tell from next time how far weights moved.
            self._weight_watch.look()

    def _has_model_file(self, *, is_new: bool) -> bool:
        target = self._settings.folder / MODEL
        if not is_new and target.is_file():
            return True
        try:
            self._settings.folder.mkdir(parents=True, exist_ok=True)
            write_model_file(self.model, target)
        except OSError:
            raise
        except Exception as error:
            self._warn("model", f"{self.model.name} could not be saved beside its recording ({_reason(error)})")
            return False
        return True


def _iterations(model: Any) -> int | None:
    optimizer = getattr(model, "optimizer", None)
    iterations = getattr(optimizer, "iterations", None)
    return None if iterations is None else int(np.asarray(iterations))


def _floats(weights: Sequence[Any]) -> list[Any]:
    unique = {id(weight): weight for weight in weights}
    return [weight for weight in unique.values() if "float" in str(weight.dtype)]


def _plain_values(weight: Any) -> np.ndarray:
    """Return what a weight is, in a type that NumPy has."""
    values = np.asarray(weight)
    return values.astype(np.float32) if values.dtype.kind not in "biuf" else values


def _numbers(logs: Mapping[str, Any] | None) -> dict[str, float]:
    numbers = {}
    for name, value in (logs or {}).items():
        try:
            numbers[str(name)] = float(value)
        except (TypeError, ValueError):
            # Something of the training's own that is no number.
            continue
    return numbers


def _reason(error: BaseException) -> str:
    return safe_name(first_line(error))
