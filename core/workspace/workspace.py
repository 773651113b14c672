# ruff: noqa: D102 - what each method is and raises is said once, in core.workspace.interface
"""What one visitor has open, in this process: a model, samples for it, and what the layers answered."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from core.charts.export import ChartFormat
from core.common.cache import OnceCache
from core.common.progress import Progress
from core.errors import InputRejected
from core.examples.catalogue import get_example
from core.extraction.extractor import Extractor
from core.extraction.extractors import ModelSource, model_store
from core.extraction.memory_plan import MemoryPlan
from core.inputs.files import Preparation, Samples, read_files, read_text
from core.inputs.images import Fit
from core.inputs.labels import LabelRole
from core.inputs.spec import InputKind
from core.models.copies import files_together
from core.models.trust import NO_TRUST, Trust
from core.plugins.registry import Registry, get_registry
from core.workspace import export, thumbnails, visualizer_list
from core.workspace.compared_layers import compared_layer
from core.workspace.file_report.looks import look_at_file, look_at_files
from core.workspace.interface import WorkspaceInterface
from core.workspace.labelled_samples import NamesOfClasses, names_by_person, names_in_files, role_by_person
from core.workspace.layer_charts import ChartRequest
from core.workspace.model_names import code_that_opens, code_that_opens_example, file_name
from core.workspace.model_summary import summarize_examples
from core.workspace.noise_samples import noise_samples, noise_sizes
from core.workspace.open_model import OpenModel, OpenSamples, open_model, open_samples, summarize_labels
from core.workspace.results import (
    Answer,
    ChartPicture,
    ChartResult,
    ComparisonReport,
    HealthReport,
    InputView,
    LabelSummary,
    LayerRow,
    LayerView,
    ModelSummary,
    NoiseSizes,
    PartSummary,
    PluginSummary,
    Rejection,
    SampleRow,
    ShownSummary,
    VisualizerSummary,
)
from core.workspace.search_results import ExcitedReport, LayerSearchReport, SearchableLayer, SearchReport
from core.workspace.shown_models import ShownModel, ShownModels

__all__ = ["Workspace"]


class Workspace(WorkspaceInterface):
    """What one visitor has open.

    A model that is refused, or data that does not fit, leaves what was open before as it was.

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
        self._noise: tuple[int, int, Mapping[str, Sequence[int]]] | None = None
        self._other: OpenModel | None = None
        self._names = NamesOfClasses()
        self._role: LabelRole | None = None
        self._lock = threading.RLock()

    examples = staticmethod(summarize_examples)
    file_report = staticmethod(look_at_file)
    files_report = staticmethod(look_at_files)

    @property
    def model(self) -> ModelSummary | None:
        return self._model.summary if self._model else None

    @property
    def sample_names(self) -> tuple[str, ...]:
        return tuple(self._samples.dataset.names) if self._samples else ()

    @property
    def sample_labels(self) -> tuple[str, ...]:
        return self._samples.label_names if self._samples else ()

    @property
    def labelling(self) -> LabelSummary:
        return summarize_labels(self._model, self._samples)

    @property
    def compared(self) -> ModelSummary | None:
        return self._other.summary if self._other else None

    def open_example(self, name: str) -> ModelSummary:
        example = get_example(name)
        with self._lock:
            source = ModelSource(example.model_path, name)
            model = open_model(source, example, code_that_opens_example(name), self._models)
            self._start_with(model)
            self.take_example_samples()
        return model.summary

    def open_model(
        self,
        source: str | os.PathLike[str] | bytes,
        name: str = "",
        member: str = "",
        weights: str = "",
        trust: Trust = NO_TRUST,
    ) -> ModelSummary:
        file = self._file_source(source, name, member, weights, trust)
        with self._lock:
            opening = code_that_opens(file.name, member, file.trust)
            model = open_model(file, None, opening, self._models)
            self._start_with(model)
        return model.summary

    def open_files(self, files: Sequence[tuple[str, bytes]], member: str = "", trust: Trust = NO_TRUST) -> ModelSummary:
        with files_together(files) as (source, name):
            return self.open_model(source, name, member, trust=trust)

    def shown_models(self) -> tuple[ShownSummary, ...]:
        return self._shown.summaries

    def open_shown(self, name: str) -> ModelSummary:
        entry = self._shown.get(name)
        with self._lock:
            self._start_with(entry.opened)
            self._shown_model = entry
            if entry.samples is not None:
                self._take(entry.samples)
        return entry.opened.summary

    def take_input_as(self, name: str, kind: InputKind) -> ModelSummary:
        with self._lock:
            self._model = self._require_model().with_input_as(name, kind)
            if self._noise:
                self.take_noise(*self._noise)
            else:
                self._match_samples_again()
        return self._model.summary

    def take_example_samples(self) -> None:
        example = self._require_model().example
        if example is None:
            raise InputRejected("A file is open, not an example.", remedy="Give it data of your own, or noise.")
        arrays, labels = example.samples()
        self._take(Samples(arrays, labels, tuple(map(str, range(len(labels))))))

    def take_shown_samples(self) -> None:
        entry = self._shown_model
        if entry is None or entry.samples is None:
            raise InputRejected(
                "No samples came with this model.", remedy="Give it data, or noise; or show it with some."
            )
        self._take(entry.samples)

    def take_files(
        self,
        files: Mapping[str, Sequence[tuple[str, bytes]]],
        *,
        scaling: str,
        fit: Fit,
        invert: bool,
        scale_arrays: bool = False,
    ) -> None:
        class_names, data = names_in_files(files)
        preparation = Preparation(scaling, fit, invert, scale_arrays)
        self._take(read_files(data, self._require_model().specs, preparation), class_names)

    def take_text(self, text: str) -> None:
        self._take(read_text(text, self._require_model().specs[0]))

    def noise_sizes(self, sizes: Mapping[str, Sequence[int]] | None = None) -> NoiseSizes:
        return noise_sizes(self._require_model(), sizes or {})

    def take_noise(self, count: int, seed: int, sizes: Mapping[str, Sequence[int]] | None = None) -> None:
        with self._lock:
            self._take(noise_samples(self._require_model(), count, seed, sizes or {}))
            self._noise = (count, seed, dict(sizes or {}))

    def set_class_names(self, names: str | Sequence[str]) -> None:
        self._require_model()
        with self._lock:
            self._name_classes(replace(self._names, by_person=names_by_person(names)))
            self._match_samples_again()

    def set_label_role(self, role: str) -> None:
        self._require_model()
        with self._lock:
            self._role = role_by_person(role)
            self._match_samples_again()

    def inputs(self, sample: int) -> tuple[InputView, ...]:
        return self._require_samples().previews.views(sample)

    def plan(self) -> MemoryPlan:
        return self._require_samples().blocks.plan

    def answer(self, sample: int, progress: Progress | None = None, output: str = "") -> Answer:
        return self._require_samples().sample_list.answer(sample, self._require_model().output_called(output), progress)

    def sample_rows(self, seconds: float = 0.0, progress: Progress | None = None) -> tuple[SampleRow, ...]:
        return self._require_samples().sample_list.rows(seconds, progress)

    def sample_strip(self, samples: Sequence[int], selected: int) -> ChartPicture:
        return self._require_samples().sample_list.strip(samples, selected)

    def layers(self, sample: int) -> tuple[LayerRow, ...]:
        return self._require_samples().layers.rows(sample)

    def map(self, sample: int, selected: str) -> dict[str, Any]:
        return self._require_samples().layers.map(sample, selected)

    def describe(self, layer: str, sample: int) -> str:
        return self._require_samples().layers.describe(layer, sample)

    def parts(self, layer: str, sample: int) -> tuple[PartSummary, ...]:
        return self._require_samples().layers.parts(layer, sample)

    def visualizers(self, layer: str, sample: int) -> tuple[VisualizerSummary, ...]:
        return self._require_samples().layers.visualizers(layer, sample)

    def rejections(self, layer: str, sample: int) -> tuple[Rejection, ...]:
        return self._require_samples().layers.rejections(layer, sample)

    def plugins(self) -> tuple[PluginSummary, ...]:
        self._registry.refresh()
        return visualizer_list.plugins(self._registry)

    def thumbnail(self, visualizer: str) -> bytes:
        return thumbnails.thumbnail(self._registry, self._models, visualizer)

    def layer_view(
        self,
        layer: str,
        visualizer: str,
        options: Mapping[str, Any],
        sample: int,
        draw: bool = True,
        progress: Progress | None = None,
    ) -> LayerView:
        view = self._require_samples().layers.view(layer, sample)
        if (picture := view.picture(visualizer)) is None or not draw:
            return view
        return replace(view, chart=self.chart(layer, picture.name, picture.values_of(options), sample, progress))

    def chart(
        self,
        layer: str,
        visualizer: str,
        options: Mapping[str, Any],
        sample: int,
        progress: Progress | None = None,
    ) -> ChartResult:
        return self._require_samples().charts.result(ChartRequest(layer, visualizer, sample, options), progress)

    def chart_file(
        self, layer: str, visualizer: str, options: Mapping[str, Any], sample: int, kind: ChartFormat
    ) -> bytes:
        return self._require_samples().charts.file(ChartRequest(layer, visualizer, sample, options), kind)

    def activation_file(self, layer: str, sample: int, kind: Literal["npy", "csv"]) -> bytes:
        activation, position = self._require_samples().blocks.activation(layer, sample)
        return export.activation_file(activation.sample(position) if kind == "csv" else activation, kind)

    def activations_file(self, layers: Sequence[str] | None = None, internals: bool = False) -> bytes:
        return export.activations_file(self._require_samples().blocks.all_samples(layers, internals))

    def inputs_file(self) -> bytes:
        return export.inputs_file(self._require_samples().dataset.arrays)

    def code(self, layer: str, visualizer: str, options: Mapping[str, Any], sample: int) -> str:
        model = self._require_model()
        charts = self._require_samples().charts
        return charts.code(ChartRequest(layer, visualizer, sample, options), model.opening, model.taken_for)

    def health(self, progress: Progress | None = None) -> HealthReport:
        return self._require_samples().views.health(progress)

    def class_means(self, layer: str, progress: Progress | None = None) -> dict[str, Any]:
        return self._require_samples().views.class_means(layer, progress)

    def compare_with_example(self, name: str) -> ModelSummary:
        return self._compare_with(ModelSource(get_example(name).model_path, name))

    def compare_with_model(
        self,
        source: str | os.PathLike[str] | bytes,
        name: str = "",
        member: str = "",
        weights: str = "",
        trust: Trust = NO_TRUST,
    ) -> ModelSummary:
        return self._compare_with(self._file_source(source, name, member, weights, trust))

    def compare_with_files(
        self, files: Sequence[tuple[str, bytes]], member: str = "", trust: Trust = NO_TRUST
    ) -> ModelSummary:
        with files_together(files) as (source, name):
            return self.compare_with_model(source, name, member, trust=trust)

    def compare_with_shown(self, name: str) -> ModelSummary:
        self._require_model()
        self._other = self._shown.get(name).opened
        return self._other.summary

    def comparison(self, progress: Progress | None = None) -> ComparisonReport:
        other = self._require_other_model()
        names = (self._require_model().summary.name, other.summary.name)
        return self._require_samples().views.comparison(other.key, other.extractor, names, progress)

    def compare_samples(self, first: int, second: int) -> ComparisonReport:
        return self._require_samples().views.compare_samples(first, second)

    def compared_layer(self, layer: str, sample: int, second: int | None, unit: int | None = None) -> dict[str, Any]:
        samples, other = self._require_samples(), self._require_other_model() if second is None else None
        return compared_layer(self._require_model(), other, samples.dataset, layer, (sample, second), unit)

    def searchable_layers(self) -> tuple[SearchableLayer, ...]:
        return self._require_samples().maximizations.layers()

    def maximize(
        self, layer: str, unit: int | None, settings: Mapping[str, Any], sample: int, steps: int, seconds: float
    ) -> SearchReport:
        return self._require_samples().maximizations.search(layer, unit, settings, sample, steps, seconds)

    def maximize_layer(
        self, layer: str, settings: Mapping[str, Any], sample: int, steps: int, seconds: float
    ) -> LayerSearchReport:
        return self._require_samples().maximizations.whole_layer(layer, settings, sample, steps, seconds)

    def excited(
        self, layer: str, unit: int | None, settings: Mapping[str, Any], progress: Progress | None = None
    ) -> ExcitedReport:
        return self._require_samples().maximizations.samples(layer, unit, settings, progress)

    def _require_model(self) -> OpenModel:
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

    def _file_source(
        self, source: str | os.PathLike[str] | bytes, name: str, member: str, weights: str, trust: Trust
    ) -> ModelSource:
        name = name or file_name(source, weights)
        return ModelSource(source, name, weights or None, member, trust | self._trust)

    def _compare_with(self, source: ModelSource) -> ModelSummary:
        self._require_model()
        self._other = open_model(source, None, "", self._models)
        return self._other.summary

    def _start_with(self, model: OpenModel) -> None:
        self._model, self._samples, self._other, self._noise = model, None, None, None
        self._shown_model = None
        self._names, self._role = NamesOfClasses(own=model.class_names), None

    def _take(self, samples: Samples, class_names: tuple[str, ...] = ()) -> None:
        with self._lock:
            self._noise = None
            self._name_classes(replace(self._names, from_data=class_names))
            self._samples = self._open_samples(samples)

    def _name_classes(self, names: NamesOfClasses) -> None:
        self._names = names
        self._model = replace(self._require_model(), class_names=names.in_use)

    def _match_samples_again(self) -> None:
        if self._samples is not None:
            self._samples = self._open_samples(self._samples.source)

    def _open_samples(self, samples: Samples) -> OpenSamples:
        return open_samples(self._require_model(), samples, self._registry, self._budget, self._role)
