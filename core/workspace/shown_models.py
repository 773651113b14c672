"""Models that are in this process's memory and shown in the app, each with the samples that came with it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from core.common.text import count_text, did_you_mean, safe_name
from core.errors import InputRejected
from core.extraction.built_models import seen_layers, specs_of_build
from core.extraction.extractor import Extractor
from core.extraction.known_layers import known_layers
from core.extraction.model_output import outputs_of
from core.inputs.files import Samples
from core.inputs.model_inputs import input_specs
from core.inputs.noise import noise
from core.inputs.sources import SampleSource, read_samples
from core.inputs.spec import InputSpec
from core.workspace.model_summary import summarize_model, summarize_seen
from core.workspace.open_model import OpenModel
from core.workspace.results import ShownSummary

__all__ = ["ShownModel", "ShownModels"]

_CODE: Final = """\
import numpy

# model is the one that you gave to layerscope.show()
inputs = dict(numpy.load('inputs.npz'))  # saved beside the chart"""
_NAME_LENGTH: Final = 60
_HOLDERS: Final = {
    "DatasetV2": "tf.data.Dataset",
    "PyDataset": "keras.utils.PyDataset",
    "DataFrame": "table",
    "generator": "generator",
}
"""What people call what holds samples, by its class or a base of that."""


@dataclass(frozen=True, eq=False)
class ShownModel:
    """A model that is shown.

    Attributes:
        model: The model itself.
        opened: It, as a workspace has it open.
        samples: The samples that came with it; None if there were none.
        about_samples: What there is to say of them, such as ``"The first 1,000 of 60,000 samples"``.
        version: Counts how often it was shown, from 1.
    """

    model: Any
    opened: OpenModel
    samples: Samples | None
    about_samples: str
    version: int

    @property
    def summary(self) -> ShownSummary:
        """What a page is told of it."""
        opened = self.opened.summary
        about = self.about_samples or "No samples"
        return ShownSummary(opened.name, self.version, self.samples is not None, about, opened.inputs)


class ShownModels:
    """The models that a process shows, by name. Safe to share between threads."""

    def __init__(self) -> None:
        self._models: dict[str, ShownModel] = {}
        self._lock = threading.Lock()

    def add(
        self,
        model: Any,
        inputs: Any = None,
        labels: Any = None,
        class_names: Sequence[str] = (),
        *,
        name: str = "",
        most: int | None = None,
    ) -> ShownModel:
        """Show a model; one that is shown already is replaced, with its samples.

        One sample is run through it, so that what is wrong with it or its samples is said here.

        Args:
            model: A Keras model.
            inputs: As :func:`core.inputs.sources.read_samples` takes them; None leaves it to the page to make noise.
            labels: Label of each sample, likewise.
            class_names: Name of each class, by number of the output.
            name: What to call it; by default the model's own name, with a number where another bears that.
            most: How many samples to take, the first ones; None takes all.

        Raises:
            InputRejected: If it is no Keras model, if the samples do not fit, or if there are none and nothing else
                says what the model takes.
            ExtractionFailed: If the model raises.
        """
        _check_is_model(model)
        source = None if inputs is None else read_samples(model, inputs, labels, most=most)
        opened = _opened(model, source, tuple(map(str, class_names)))
        with self._lock:
            earlier = next((each for each in self._models.values() if each.model is model), None)
            wanted = safe_name(name or getattr(model, "name", "") or "model")[:_NAME_LENGTH]
            own = earlier.opened.summary.name if earlier else ""
            if name or not earlier:
                own = self._free_name(wanted, model)
            entry = ShownModel(
                model,
                replace(opened, summary=replace(opened.summary, name=own)),
                source.samples if source else None,
                _about(source, inputs),
                earlier.version + 1 if earlier else 1,
            )
            entries = [entry if each is earlier else each for each in self._models.values()]
            entries += [] if earlier else [entry]
            self._models = {each.opened.summary.name: each for each in entries}
        return entry

    def remove(self, model: Any) -> None:
        """Show a model no longer; does nothing if it is not shown."""
        with self._lock:
            self._models = {name: each for name, each in self._models.items() if each.model is not model}

    def has(self, model: Any) -> bool:
        """Return whether a model is shown."""
        with self._lock:
            return any(each.model is model for each in self._models.values())

    def get(self, name: str) -> ShownModel:
        """Return the model of a name.

        Raises:
            InputRejected: If none is shown under that name.
        """
        with self._lock:
            if name in self._models:
                return self._models[name]
            names = list(self._models)
        raise InputRejected(
            f"No model is shown under the name '{safe_name(name)}'{did_you_mean(name, names)}",
            remedy="Call layerscope.show(model) again.",
        )

    @property
    def summaries(self) -> tuple[ShownSummary, ...]:
        """What a page is told of each, in the order in which they were shown first."""
        with self._lock:
            return tuple(each.summary for each in self._models.values())

    def __len__(self) -> int:
        with self._lock:
            return len(self._models)

    def _free_name(self, wanted: str, model: Any) -> str:
        taken = {name for name, each in self._models.items() if each.model is not model}
        candidates = (wanted if number == 1 else f"{wanted} ({number})" for number in range(1, len(taken) + 2))
        return next(each for each in candidates if each not in taken)


def _check_is_model(model: Any) -> None:
    import keras

    if not isinstance(model, keras.Model):
        raise InputRejected(
            f"This is no Keras model, but {type(model).__name__}.",
            remedy="Give a model, such as layerscope.load_model(path) returns; layerscope run opens a file.",
        )


def _opened(model: Any, source: SampleSource | None, class_names: tuple[str, ...]) -> OpenModel:
    # Compiled anew each time it is shown: layers may have been added or frozen meanwhile.
    extractor = Extractor(model)
    declared = input_specs(model)
    specs = declared or _specs_of(source) or specs_of_build(model)
    if not specs:
        raise InputRejected(
            f"The model '{safe_name(getattr(model, 'name', ''))}' does not say what it takes, as subclassed models do.",
            remedy="Give it samples: layerscope.show(model, inputs).",
        )
    arrays = source.samples.arrays if source else {spec.name: noise(spec, 1, 0) for spec in specs}
    if declared:
        # By its graph, which also says what becomes of its own names.
        layers = seen_layers(extractor, arrays)[0] if source else known_layers(extractor)
        outputs = outputs_of(model, layers)
    else:
        layers, outputs = seen_layers(extractor, arrays)
    summary = summarize_seen(summarize_model("", extractor, specs, None), layers, outputs)
    return OpenModel(
        key=uuid.uuid4().hex,
        extractor=extractor,
        specs=specs,
        summary=summary,
        example=None,
        opening=_CODE,
        outputs=outputs,
        class_names=class_names,
        specs_by_samples=() if declared else specs,
    )


def _specs_of(source: SampleSource | None) -> tuple[InputSpec, ...]:
    arrays = source.samples.arrays if source else {}
    return tuple(
        InputSpec(name, tuple(array.shape[1:]), "string" if array.dtype.kind in "US" else str(array.dtype))
        for name, array in arrays.items()
    )


def _about(source: SampleSource | None, inputs: Any) -> str:
    if source is None:
        return ""
    count = len(source.samples.names)
    bases = {base.__name__ for base in type(inputs).__mro__}
    holder = next((f" of the {called}" for name, called in _HOLDERS.items() if name in bases), "")
    if source.is_cut:
        whole = f" of {source.count:,}" if source.count else ""
        return f"The first {count:,}{whole} samples{holder}"
    return f"{count_text(count, 'sample')}{holder}"
