"""What one visitor has open, and how something else is opened in its place."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.common.cache import OnceCache
from core.errors import InputRejected
from core.extraction.extractor import Extractor
from core.extraction.extractors import ModelSource, model_store
from core.inputs.edited_samples import with_variants
from core.inputs.edits import Variant
from core.inputs.files import Samples
from core.inputs.labels import LabelRole
from core.models.trust import NO_TRUST, Trust
from core.plugins.registry import Registry, get_registry
from core.training.run import Run
from core.workspace import results
from core.workspace.labelled_samples import NamesOfClasses
from core.workspace.layer_charts import ChartRequest, SecondModel
from core.workspace.model_names import file_name
from core.workspace.open_model import OpenModel, OpenSamples, open_model, open_samples
from core.workspace.open_run import OpenRun
from core.workspace.run_views import RunViews
from core.workspace.second_models import second_model
from core.workspace.shown_models import ShownModel, ShownModels
from core.workspace.side_by_side import samples_for

__all__ = ["WhatIsOpen"]


class WhatIsOpen:
    """The model of one visitor, samples for it with variants of some, and a second model.

    Args:
        registry: Where the pictures come from; the registry of the process by default.
        models: Where opened models are shared; the store of the process by default.
        memory_budget: Bytes of activations that may be kept at once; by default the limit ``kept_bytes``.
        trust: Whose code every model file may use beyond Keras.
        shown: The models of this process that are shown; by default there are none.
    """

    def __init__(
        self,
        registry: Registry | None = None,
        models: OnceCache[Extractor] | None = None,
        memory_budget: int | None = None,
        trust: Trust = NO_TRUST,
        shown: ShownModels | None = None,
    ) -> None:
        self._trust = trust
        self._registry = registry or get_registry()
        self._models = models or model_store
        self._budget = memory_budget
        self._shown = ShownModels() if shown is None else shown
        self._shown_model: ShownModel | None = None
        self._model: OpenModel | None = None
        self._samples: OpenSamples | None = None
        self._samples_read: Samples | None = None
        self._variants: tuple[Variant, ...] = ()
        self._noise: tuple[int, int, Mapping[str, Sequence[int]]] | None = None
        self._other: OpenModel | None = None
        self._others: tuple[OpenModel, OpenSamples, OpenSamples] | None = None
        self._names = NamesOfClasses()
        self._role: LabelRole | None = None
        self._run: OpenRun | None = None
        self._run_views: RunViews | None = None
        self._second_run: Run | None = None
        self._lock = threading.RLock()

    def _require_model(self) -> OpenModel:
        if self._model is None and self._run is not None:
            raise InputRejected(self._run.why_no_model, remedy="The page Training shows what was recorded.")
        if self._model is None:
            raise InputRejected("No model is open.", remedy="Open an example or a model file first.")
        return self._model

    def _require_samples(self) -> OpenSamples:
        if self._samples is None:
            self._require_model()
            raise InputRejected("There is no input yet.", remedy="Give the model data of yours, or noise.")
        return self._samples

    def _require_other_model(self) -> OpenModel:
        if self._other is None:
            raise InputRejected("There is no model to compare with.", remedy="Choose an example or a file.")
        return self._other

    def _other_side(self) -> tuple[OpenModel, OpenSamples]:
        """Return the other model, and the samples that are open taken for it."""
        with self._lock:
            other, samples = self._require_other_model(), self._require_samples()
            if self._others is None or self._others[0] is not other or self._others[1] is not samples:
                taken = samples_for(other, samples)
                opened = open_samples(other, taken, self._registry, self._budget, self._role)
                self._others = (other, samples, opened)
            return other, self._others[2]

    def _file_source(
        self, source: str | os.PathLike[str] | bytes, name: str, member: str, weights: str, trust: Trust
    ) -> ModelSource:
        name = name or file_name(source, weights)
        return ModelSource(source, name, weights or None, member, trust | self._trust)

    def _chart_request(self, layer: str, visualizer: str, options: Mapping[str, Any], sample: int) -> ChartRequest:
        return ChartRequest(layer, visualizer, sample, options, self._second_model())

    def _second_model(self) -> SecondModel | None:
        return second_model(self._require_model(), self._other, self._models)

    def _compare_with(self, source: ModelSource, opening: str) -> results.ModelSummary:
        self._require_model()
        self._other = open_model(source, None, opening, self._models)
        return self._other.summary

    def _start_with(self, model: OpenModel | None) -> None:
        self._model, self._samples, self._other, self._noise, self._shown_model = model, None, None, None, None
        self._samples_read, self._variants, self._others = None, (), None
        self._names, self._role = NamesOfClasses(own=model.class_names if model else ()), None
        self._run = self._run_views = self._second_run = None

    def _take(self, samples: Samples, class_names: tuple[str, ...] = ()) -> None:
        with self._lock:
            self._noise = None
            self._name_classes(replace(self._names, from_data=class_names))
            self._open_samples(samples, ())

    def _name_classes(self, names: NamesOfClasses) -> None:
        self._names = names
        self._model = replace(self._require_model(), class_names=names.in_use)

    def _match_samples_again(self) -> None:
        if self._samples_read is not None:
            self._open_samples(self._samples_read, self._variants)

    def _open_samples(self, samples: Samples, variants: tuple[Variant, ...]) -> None:
        model = self._require_model()
        all_samples = with_variants(samples, variants, model.specs)
        self._samples = open_samples(model, all_samples, self._registry, self._budget, self._role)
        self._samples_read, self._variants = samples, variants
