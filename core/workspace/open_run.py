"""A recorded training that is open: its model, moved to the weights of one step or another, and what went into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from core.common.cache import OnceCache
from core.common.text import safe_name
from core.errors import InputRejected, LayerscopeError
from core.extraction.extractor import Extractor
from core.extraction.extractors import ModelSource
from core.inputs.files import Samples
from core.models.trust import Trust
from core.training.measures import MEASURES
from core.training.places import MODEL
from core.training.run import Run
from core.workspace.open_model import OpenModel, open_model
from core.workspace.run_results import AlarmRow, MeasureSummary, RunSummary

__all__ = ["OpenRun"]

_CODE: Final = """\
import layerscope

run = layerscope.open_run({name!r})
model = layerscope.load_model(run.model_path)
model.set_weights(list(run.weights({step}).values()))
inputs = {inputs}"""


class OpenRun:
    """A recorded training that is open.

    Its model is nobody else's: the weights of another step are put into it, and what was compiled for it stays.

    Args:
        run: The training.
        trust: Whose code its model may use beyond Keras.
    """

    def __init__(self, run: Run, trust: Trust) -> None:
        self.run = run
        self.step: int | None = None
        self.why_no_model = ""
        self._trust = trust
        self._at_first: OpenModel | None = None

    def open_model(self) -> OpenModel | None:
        """Return the run's model with the weights of the last step that kept them; None where there is none.

        Why there is none is in :attr:`why_no_model`.
        """
        try:
            self._at_first = self._opened()
            if self._at_first is None:
                return None
            if not self.run.kept_steps:
                self.why_no_model = "The run kept no weights, so the model cannot be shown at any step."
                return None
            return self.at_step(self.run.kept_steps[-1])
        except LayerscopeError as error:
            self.why_no_model = f"The run's model cannot be opened. {error.message} {error.remedy}".strip()
            return None

    def at_step(self, step: int, current: OpenModel | None = None) -> OpenModel:
        """Return the model as it was at a step; what was compiled stays, what was worked out of its weights goes.

        Args:
            step: One of the run's kept steps.
            current: It, as it is open: what a person takes its inputs and classes for stays.

        Raises:
            InputRejected: If the weights are not kept, or are not those of the model.
        """
        if self._at_first is None:
            raise InputRejected(self.why_no_model or "The run has no model.", remedy="Look at what was recorded.")
        model = current or self._at_first
        extractor = self.moved(model.extractor, step)
        self.step = step
        name = f"{safe_name(self.run.name)} · step {step:,}"
        return replace(
            model,
            key=f"{self._at_first.key}@{step}",
            extractor=extractor,
            summary=replace(model.summary, name=name),
            opening=_CODE.format(name=self.run.name, step=step, inputs=self._inputs_as_code(model)),
        )

    def moved(self, extractor: Extractor, step: int) -> Extractor:
        """Put the weights of a step into a model, and return what runs it from then on: the same in nearly all cases.

        Args:
            extractor: Holds a copy of the run's model.
            step: One of the run's kept steps.

        Raises:
            InputRejected: If the weights are not kept, or are not those of the model.
        """
        return _with_weights(extractor, list(self.run.weights(step).values()))

    def samples(self) -> Samples:
        """Return what was watched, as samples of the model, with their labels.

        Raises:
            InputRejected: If they are damaged.
        """
        model = self._at_first
        return Samples(
            dict(self.run.samples) if model is None else self.arrays_for(model),
            self.run.labels,
            tuple(map(str, range(self.run.sample_count))),
            class_names=tuple(self.run.class_names),
        )

    def arrays_for(self, model: OpenModel) -> dict[str, np.ndarray]:
        """Return what was watched, by the names that the inputs of the model have now that it was read from its file.

        Keras calls the input of a Sequential otherwise before it is saved than afterwards; the order stays.

        Args:
            model: The run's model.

        Raises:
            InputRejected: If the samples are damaged.
        """
        arrays = dict(self.run.samples)
        names = [spec.name for spec in model.specs]
        if len(names) != len(arrays) or set(names) == set(arrays):
            return arrays
        return dict(zip(names, arrays.values(), strict=True))

    def _inputs_as_code(self, model: OpenModel) -> str:
        names = list(self.arrays_for(model))
        return "dict(run.samples)" if names == list(self.run.samples) else f"dict(zip({names}, run.samples.values()))"

    def summary(self) -> RunSummary:
        """Return what a page shows of it."""
        run = self.run
        steps = run.steps
        return RunSummary(
            name=run.name,
            model_name=run.model_name,
            layers=run.layers,
            measures=tuple(
                MeasureSummary(name, MEASURES[name].title, MEASURES[name].description) for name in run.measures
            ),
            step_count=len(steps),
            first_step=int(steps[0]) if len(steps) else 0,
            last_step=int(steps[-1]) if len(steps) else 0,
            epochs=int(run.epochs[-1]) if len(steps) else 0,
            kept_steps=tuple(map(int, run.kept_steps)),
            is_complete=run.complete,
            alarms=tuple(AlarmRow(alarm.step, alarm.layer, alarm.kind, alarm.text) for alarm in run.alarms),
            notes=run.notes,
            step=self.step,
            why_no_model=self.why_no_model,
            sample_count=run.sample_count,
        )

    def own_copy(self) -> OpenModel | None:
        """Return another copy of the model, which may be moved while the first one stays; None where there is none.

        Raises:
            LayerscopeError: If it cannot be opened.
        """
        return self._opened() if self._at_first is not None else None

    def _opened(self) -> OpenModel | None:
        content = self.run.model_path or self.run.model_content()
        if content is None:
            self.why_no_model = "The run holds no model: it could not be saved when the training began."
            return None
        source = ModelSource(content, MODEL, trust=self._trust)
        # A cache of its own: nobody else is to find a model there whose weights change.
        return open_model(source, None, "", OnceCache[Extractor](1))


def _with_weights(extractor: Extractor, weights: Sequence[np.ndarray]) -> Extractor:
    model = extractor.model
    own = model.weights
    shapes = [tuple(array.shape) for array in weights]
    if shapes != [tuple(each.shape) for each in own]:
        raise InputRejected(
            "The weights that were kept are not those of the run's model.",
            remedy="The run is damaged, or its model was replaced; record it again.",
        )
    holders = [layer for layer in model._flatten_layers() if callable(getattr(layer, "finalize_state", None))]
    before = [_numbers(layer) for layer in holders]
    model.set_weights(list(weights))
    # Compiled passes compute with them from now on; what was derived may rest on the values of before.
    extractor.derived.clear()
    after = [_numbers(layer) for layer in holders]
    is_same = all(map(_are_equal, before, after))
    if is_same:
        return extractor
    # Keras' Normalization works out constants of its weights, which what was compiled has taken in.
    for layer in holders:
        layer.finalize_state()
    return Extractor(model, file=extractor.file, trusted=extractor.trusted)


def _numbers(layer: Any) -> list[np.ndarray]:
    return [np.array(variable) for variable in layer.weights]


def _are_equal(first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> bool:
    return all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))
