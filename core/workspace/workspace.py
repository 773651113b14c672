# ruff: noqa: D102 - what each method is and raises is said once, in core.workspace.interface
"""What one visitor has open, in this process: a model, samples for it, and what the layers answered."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from core.analysis.comparison import matched_by_values
from core.charts.export import ChartFormat
from core.common.progress import Progress
from core.errors import InputRejected
from core.examples.catalogue import get_example
from core.extraction.extractors import ModelSource
from core.extraction.memory_plan import MemoryPlan
from core.extraction.verified import Verification
from core.inputs.edits import Edit, Variant
from core.inputs.files import Preparation, Samples, read_files, read_text
from core.inputs.images import Fit
from core.inputs.spec import InputKind
from core.models.copies import files_together
from core.models.trust import NO_TRUST, Trust
from core.workspace import export, results, thumbnails, visualizer_list
from core.workspace.activation_results import ActivationSummary
from core.workspace.compared_layers import compared_layer, partner_of
from core.workspace.edit_results import EditedLayer, EditView
from core.workspace.file_report.looks import look_at_file, look_at_files
from core.workspace.health_results import HealthReport
from core.workspace.interface import WorkspaceInterface
from core.workspace.labelled_samples import names_by_person, names_in_files, role_by_person
from core.workspace.model_names import code_that_opens, code_that_opens_example
from core.workspace.noise_samples import noise_samples, noise_sizes
from core.workspace.open_model import open_model, summarize_labels
from core.workspace.pin_results import Pinned, SideBySide
from core.workspace.recorded_trainings import RecordedTrainings
from core.workspace.search_results import ExcitedReport, LayerSearchReport, SearchableLayer, SearchReport
from core.workspace.second_models import CODE_OF_SHOWN, code_that_names, example_source
from core.workspace.side_by_side import Side, side_by_side
from core.workspace.told_summaries import summarize_examples
from core.workspace.unit_results import UnitCard, UnitSearchReport

__all__ = ["Workspace"]


class Workspace(RecordedTrainings, WorkspaceInterface):
    """What one visitor has open, and what there is to ask of it.

    A model that is refused, or data that does not fit, leaves what was open before as it was. The arguments are those
    of :class:`core.workspace.what_is_open.WhatIsOpen`.
    """

    examples = staticmethod(summarize_examples)
    file_report = staticmethod(look_at_file)
    files_report = staticmethod(look_at_files)

    @property
    def model(self) -> results.ModelSummary | None:
        return self._model.summary if self._model else None

    @property
    def sample_names(self) -> tuple[str, ...]:
        return tuple(self._samples.dataset.names) if self._samples else ()

    @property
    def sample_labels(self) -> tuple[str, ...]:
        return self._samples.label_names if self._samples else ()

    @property
    def labelling(self) -> results.LabelSummary:
        return summarize_labels(self._model, self._samples)

    @property
    def compared(self) -> results.ModelSummary | None:
        return self._other.summary if self._other else None

    def open_example(self, name: str) -> results.ModelSummary:
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
    ) -> results.ModelSummary:
        file = self._file_source(source, name, member, weights, trust)
        with self._lock:
            opening = code_that_opens(file.name, member, file.trust)
            model = open_model(file, None, opening, self._models)
            self._start_with(model)
        return model.summary

    def open_files(
        self, files: Sequence[tuple[str, bytes]], member: str = "", trust: Trust = NO_TRUST
    ) -> results.ModelSummary:
        with files_together(files) as (source, name):
            return self.open_model(source, name, member, trust=trust)

    def shown_models(self) -> tuple[results.ShownSummary, ...]:
        return self._shown.summaries

    def open_shown(self, name: str) -> results.ModelSummary:
        entry = self._shown.get(name)
        with self._lock:
            self._start_with(entry.opened)
            self._shown_model = entry
            if entry.samples is not None:
                self._take(entry.samples)
        return entry.opened.summary

    def take_input_as(self, name: str, kind: InputKind) -> results.ModelSummary:
        with self._lock:
            self._model = self._require_model().with_input_as(name, kind)
            if self._noise:
                variants = self._variants
                self.take_noise(*self._noise)
                self.set_variants(variants)
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
            raise InputRejected("No samples came with this model.", remedy="Give it data, noise, or show it with some.")
        self._take(entry.samples)

    def take_files(
        self,
        files: Mapping[str, Sequence[tuple[str, bytes]]],
        *,
        scaling: str,
        fit: Fit,
        invert: bool,
        scale_arrays: bool = False,
        sampling_rate: int = 0,
        letters: str = "",
    ) -> None:
        preparation = Preparation(scaling, fit, invert, scale_arrays, sampling_rate, letters)
        class_names, data = names_in_files(files)
        model = self._require_model()
        others = (each for each in model.outputs if each.position != model.output.position)
        readers = self._registry.readers
        samples = read_files(data, model.specs, preparation, (model.output, *others), readers)
        self._take(samples, class_names or samples.class_names)

    def take_text(self, text: str) -> None:
        self._take(read_text(text, self._require_model().specs[0]))

    def noise_sizes(self, sizes: Mapping[str, Sequence[int]] | None = None) -> results.NoiseSizes:
        return noise_sizes(self._require_model(), sizes or {})

    def take_noise(self, count: int, seed: int, sizes: Mapping[str, Sequence[int]] | None = None) -> None:
        with self._lock:
            self._take(noise_samples(self._require_model(), count, seed, sizes or {}))
            self._noise = (count, seed, dict(sizes or {}))

    def set_variants(self, variants: Sequence[Variant]) -> None:
        self._require_samples()
        with self._lock:
            if self._samples_read is not None and tuple(variants) != self._variants:
                self._open_samples(self._samples_read, tuple(variants))

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

    def inputs(self, sample: int) -> tuple[results.InputView, ...]:
        return self._require_samples().previews.views(sample)

    def plan(self) -> MemoryPlan:
        return self._require_samples().blocks.plan

    def answer(
        self, sample: int, progress: Progress | None = None, output: str = "", meaning: str = ""
    ) -> results.Answer:
        described = self._require_model().output_called(output)
        return self._require_samples().sample_list.answer(sample, described, progress, meaning)

    def sample_rows(
        self, seconds: float = 0.0, progress: Progress | None = None, meaning: str = ""
    ) -> results.SampleRows:
        return self._require_samples().sample_list.rows(seconds, progress, meaning)

    def sample_strip(self, samples: Sequence[int], selected: int) -> results.ChartPicture:
        return self._require_samples().sample_list.strip(samples, selected)

    def layers(self, sample: int) -> tuple[results.LayerRow, ...]:
        return self._require_samples().layers.rows(sample)

    def activation_summary(self, layer: str, sample: int, unit_count: int = 5) -> ActivationSummary:
        return self._require_samples().layers.summarize(layer, sample, unit_count)

    def map(self, sample: int, selected: str, changes: Mapping[str, float] | None = None) -> dict[str, Any]:
        return self._require_samples().layers.map(sample, selected, changes or {})

    def describe(self, layer: str, sample: int) -> str:
        return self._require_samples().layers.describe(layer, sample)

    def parts(self, layer: str, sample: int) -> tuple[results.PartSummary, ...]:
        return self._require_samples().layers.parts(layer, sample)

    def visualizers(self, layer: str, sample: int) -> tuple[results.VisualizerSummary, ...]:
        return self._require_samples().layers.visualizers(layer, sample)

    def rejections(self, layer: str, sample: int) -> tuple[results.Rejection, ...]:
        return self._require_samples().layers.rejections(layer, sample)

    def meanings(self, sample: int, output: str = "") -> tuple[results.MeaningMatch, ...]:
        described = self._require_model().output_called(output)
        return self._require_samples().sample_list.meanings(sample, described)

    def plugins(self) -> tuple[results.PluginSummary, ...]:
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
    ) -> results.LayerView:
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
    ) -> results.ChartResult:
        return self._require_samples().charts.result(self._chart_request(layer, visualizer, options, sample), progress)

    def side_by_side(
        self,
        layer: str,
        visualizer: str,
        options: Mapping[str, Any],
        sample: int,
        pin: Pinned,
        progress: Progress | None = None,
    ) -> SideBySide:
        model, samples = self._require_model(), self._require_samples()
        first = Side(model, samples, layer, sample, options.get("@unit"), self._second_model())
        second = first.pinned(pin, *(self._other_side() if pin.is_other_model else (model, samples)))
        return side_by_side(self._registry, first, second, visualizer, options, progress)

    def chart_file(
        self, layer: str, visualizer: str, options: Mapping[str, Any], sample: int, kind: ChartFormat
    ) -> bytes:
        return self._require_samples().charts.file(self._chart_request(layer, visualizer, options, sample), kind)

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
        return charts.code(self._chart_request(layer, visualizer, options, sample), model.opening, model.taken_for)

    def health(self, progress: Progress | None = None) -> HealthReport:
        return self._require_samples().views.health(progress)

    def verify(self, progress: Progress | None = None) -> Verification:
        return self._require_samples().views.verify(progress)

    def class_means(self, layer: str, progress: Progress | None = None) -> dict[str, Any]:
        return self._require_samples().views.class_means(layer, progress)

    def compare_with_example(self, name: str, early: bool = False) -> results.ModelSummary:
        return self._compare_with(*example_source(name, early))

    def compare_with_model(
        self,
        source: str | os.PathLike[str] | bytes,
        name: str = "",
        member: str = "",
        weights: str = "",
        trust: Trust = NO_TRUST,
    ) -> results.ModelSummary:
        file = self._file_source(source, name, member, weights, trust)
        return self._compare_with(file, code_that_names(file.name))

    def compare_with_files(
        self, files: Sequence[tuple[str, bytes]], member: str = "", trust: Trust = NO_TRUST
    ) -> results.ModelSummary:
        with files_together(files) as (source, name):
            return self.compare_with_model(source, name, member, trust=trust)

    def compare_with_shown(self, name: str) -> results.ModelSummary:
        self._require_model()
        self._other = replace(self._shown.get(name).opened, opening=CODE_OF_SHOWN)
        return self._other.summary

    def comparison(self, progress: Progress | None = None) -> results.ComparisonReport:
        other = self._require_other_model()
        names = (self._require_model().summary.name, other.summary.name)
        return self._require_samples().views.comparison(other.key, other.extractor, names, progress)

    def compare_samples(self, first: int, second: int) -> results.ComparisonReport:
        return self._require_samples().views.compare_samples(first, second)

    def compared_layer(self, layer: str, sample: int, second: int | None, unit: int | None = None) -> dict[str, Any]:
        samples, other = self._require_samples(), self._require_other_model() if second is None else None
        model = self._require_model()
        is_renamed = other is not None and matched_by_values(model.extractor, other.extractor)
        partner = partner_of(layer, self.comparison()) if is_renamed else layer
        return compared_layer(model, other, samples.dataset, (layer, partner), (sample, second), unit)

    def edit_view(
        self, sample: int, edits: Sequence[Edit], output: str = "", meaning: str = "", progress: Progress | None = None
    ) -> EditView:
        described = self._require_model().output_called(output)
        return self._require_samples().edit_views.view(sample, edits, described, meaning, progress)

    def edited_layer(self, sample: int, edits: Sequence[Edit], layer: str, unit: int | None = None) -> EditedLayer:
        return self._require_samples().edit_views.layer(sample, edits, layer, unit)

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

    def answer_to_drag(
        self, layer: str, unit: int | None, settings: Mapping[str, Any], sample: int
    ) -> dict[str, Any] | None:
        return self._require_samples().maximizations.answer_to_drag(layer, unit, settings, sample)

    def excited(
        self, layer: str, unit: int | None, settings: Mapping[str, Any], progress: Progress | None = None
    ) -> ExcitedReport:
        return self._require_samples().maximizations.samples(layer, unit, settings, progress)

    def unit_card(self, layer: str, unit: int | None, sample: int) -> UnitCard:
        return self._require_samples().units.card(layer, unit, sample)

    def find_units(
        self, text: str, layer: str, unit: int | None, sample: int, progress: Progress | None = None
    ) -> UnitSearchReport:
        return self._require_samples().units.search(text, layer, unit, sample, progress)
