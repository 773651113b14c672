"""What is open in a workspace: a model, and samples for it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from core.common.cache import OnceCache
from core.common.text import list_names, safe_name
from core.errors import InputRejected
from core.examples.catalogue import Example
from core.extraction.blocks import SampleBlocks
from core.extraction.built_models import seen_layers, specs_of_build
from core.extraction.extractor import Extractor
from core.extraction.extractors import ModelSource
from core.extraction.known_layers import known_layers
from core.extraction.model_output import main_output, outputs_of
from core.inputs.class_names import class_names_of, fitting_names, parse_class_names
from core.inputs.datasets import ArrayDataset
from core.inputs.files import Samples
from core.inputs.labels import LabelRole, match_labels, possible_roles
from core.inputs.model_inputs import input_specs, specs_taken_for
from core.inputs.model_output import ModelOutput
from core.inputs.noise import noise
from core.inputs.sample_context import SampleContext
from core.inputs.scaling_check import ExpectedRange
from core.inputs.spec import InputKind, InputSpec
from core.plugins.registry import Registry
from core.workspace.dataset_views import DatasetViews
from core.workspace.edit_views import EditViews
from core.workspace.expected_ranges import expected_ranges
from core.workspace.layer_charts import LayerCharts
from core.workspace.layer_views import LayerViews
from core.workspace.model_summary import summarize_inputs, summarize_model, summarize_seen
from core.workspace.previews import InputPreviews, ValueRange, value_range
from core.workspace.results import LabelSummary, ModelSummary
from core.workspace.sample_list import SampleList
from core.workspace.search_views import Maximizations
from core.workspace.unit_views import UnitViews

__all__ = [
    "OpenModel",
    "OpenSamples",
    "open_model",
    "open_samples",
    "summarize_labels",
]

_MOST_NAMES: Final = 20


@dataclass(frozen=True)
class OpenModel:
    """A model that is open.

    Attributes:
        key: Tells its content from that of others.
        extractor: Holds the model.
        specs: What it expects, and what each input is taken for.
        summary: What a page shows of it.
        example: The example that it is from, or None.
        opening: Python that opens it and its samples in a notebook.
        outputs: What its outputs are, in the order in which they are answered.
        class_names: Name of each class, as a person or the file says them; empty if unknown. Whether they fit the
            output is not known here.
        specs_by_samples: What its inputs are by the samples that came with it, or the shapes that it was built for;
            empty where the model itself says it.
    """

    key: str
    extractor: Extractor
    specs: tuple[InputSpec, ...]
    summary: ModelSummary
    example: Example | None
    opening: str
    outputs: tuple[ModelOutput, ...] = (ModelOutput(),)
    class_names: tuple[str, ...] = ()
    specs_by_samples: tuple[InputSpec, ...] = ()

    @property
    def output(self) -> ModelOutput:
        """The output that labels are set against."""
        return main_output(self.outputs)

    def output_called(self, name: str) -> ModelOutput:
        """Return the output of a name, as the summary lists them; the one that labels are set against for no name.

        Raises:
            InputRejected: If there is none of that name.
        """
        if not name:
            return self.output
        names = self.summary.outputs
        if name not in names:
            raise InputRejected(
                f"The model has no output '{safe_name(name)}'.", remedy=f"Its outputs are: {list_names(names)}."
            )
        return self.outputs[names.index(name)]

    @property
    def likeliest(self) -> tuple[InputSpec, ...]:
        """What each input is by what the model says of it, or else by the samples that came with it."""
        return input_specs(self.extractor.model) or self.specs_by_samples

    @property
    def taken_for(self) -> dict[str, InputKind]:
        """What inputs are taken for by name, where that is not what their layers and their shape say."""
        likeliest = {spec.name: spec.kind for spec in self.likeliest}
        return {spec.name: spec.kind for spec in self.specs if spec.kind != likeliest[spec.name]}

    def with_input_as(self, name: str, kind: InputKind) -> OpenModel:
        """Return the same model with one input taken for something else.

        Raises:
            InputRejected: If there is no such input, or it cannot be that.
        """
        likeliest = {spec.name: spec.kind for spec in self.likeliest}
        specs = specs_taken_for(self.likeliest, {**self.taken_for, name: kind})
        return replace(self, specs=specs, summary=replace(self.summary, inputs=summarize_inputs(specs, likeliest)))


@dataclass(frozen=True)
class OpenSamples:
    """Samples for a model, with what was made of them.

    Attributes:
        dataset: The samples, what each is called, and their labels as they suit the model.
        source: The samples as they were read, to set their labels against other names.
        blocks: What layers answer to them, block by block.
        previews: What goes in.
        sample_list: The samples as a page lists them.
        layers: What a page asks about the layers.
        charts: The pictures of the layers.
        views: What a page asks about all of them at once.
        maximizations: Searches for inputs that the samples say the looks of.
        edit_views: One of them before and after it is edited.
        units: What a page asks about single units.
    """

    dataset: ArrayDataset
    source: Samples
    blocks: SampleBlocks
    previews: InputPreviews
    sample_list: SampleList
    layers: LayerViews
    charts: LayerCharts
    views: DatasetViews
    maximizations: Maximizations
    edit_views: EditViews
    units: UnitViews

    @property
    def label_names(self) -> tuple[str, ...]:
        """The label of each sample by name; empty if unknown."""
        if self.dataset.groups is None:
            return ()
        return tuple(self.dataset.matched_labels.group_of(sample) for sample in range(self.dataset.sample_count))


def open_model(source: ModelSource, example: Example | None, opening: str, models: OnceCache[Extractor]) -> OpenModel:
    """Open a model file, or take it from those that are open.

    Raises:
        ModelRefused: If it is damaged, of an unknown kind, or would run code.
        ExtractionFailed: If it cannot be called.
    """
    extractor = source.extractor_in(models)
    declared_specs = input_specs(extractor.model)
    specs = declared_specs or specs_of_build(extractor.model)
    layers = known_layers(extractor)
    outputs = outputs_of(extractor.model, layers)
    if specs and not declared_specs:
        layers, outputs = seen_layers(extractor, {spec.name: noise(spec, 1, 0) for spec in specs})
    class_names = example.class_names if example else _class_names(extractor, main_output(outputs))
    # A title of its own for each of several.
    title = f"{safe_name(source.member)} in {source.name}" if source.member else source.name
    summary = summarize_seen(summarize_model(title, extractor, specs, example), layers, outputs)
    by_samples = () if declared_specs else specs
    return OpenModel(source.key, extractor, specs, summary, example, opening, outputs, class_names, by_samples)


def _class_names(extractor: Extractor, output: ModelOutput) -> tuple[str, ...]:
    """Those in a list beside the model, if it has as many classes; else those that the model itself has."""
    name_lists = []
    for path, content in (extractor.file.label_lists if extractor.file else {}).items():
        # A table that is called so may be data.
        with contextlib.suppress(InputRejected):
            name_lists.append(parse_class_names(content, path))
    own = class_names_of(extractor.model, output)
    fitting = next((names for names in name_lists if fitting_names(names, output)[0]), ())
    # Of a list that does not fit the page says so.
    return fitting or own or next(iter(name_lists), ())


def summarize_labels(model: OpenModel | None, samples: OpenSamples | None) -> LabelSummary:
    """Return what a page says about labels and names of classes."""
    if model is None:
        return LabelSummary()
    names, names_note = fitting_names(model.class_names, model.output)
    if samples is not None:
        names = samples.dataset.class_names
    summary = LabelSummary(class_names=names[:_MOST_NAMES], class_count=len(names), names_note=names_note)
    if samples is None:
        return summary
    remarks = samples.source.remarks
    if samples.source.labels is None:
        return replace(summary, note=" ".join(remarks))
    return replace(
        summary,
        origin=samples.source.labels_origin,
        note=" ".join(filter(None, (*remarks, samples.dataset.matched_labels.note))),
        role=samples.dataset.matched_labels.role or "",
        is_order_assumed=samples.dataset.matched_labels.is_order_assumed,
        roles=possible_roles(samples.source.labels, model.output),
    )


def open_samples(
    model: OpenModel,
    samples: Samples,
    registry: Registry,
    budget: int | None,
    role: LabelRole | None = None,
) -> OpenSamples:
    """Take samples for a model; nothing is run yet.

    Args:
        model: The model.
        samples: As they were read.
        registry: Where the pictures come from.
        budget: Bytes of activations that may be kept at once; None takes the limit.
        role: What the labels are; None finds it out.
    """
    class_names, _ = fitting_names(model.class_names, model.output)
    # Pictures are drawn on one scale for all samples, wherever they are drawn.
    ranges = {spec.name: value_range(samples.arrays[spec.name]) for spec in model.specs if spec.kind == "image"}
    specs = _specs_of(model, samples, ranges)
    labels = match_labels(samples.labels, model.output, class_names, origin=samples.labels_origin, role=role)
    context = SampleContext(
        labels=labels.classes,
        class_names=labels.class_names,
        groups=labels.groups,
        group_names=labels.group_names,
        targets=labels.targets,
        feature_names=_feature_names(model, samples),
        class_layer=model.output.layer if labels.tells_classes else "",
        specs=specs,
        outputs=model.outputs,
        rule=labels.rule,
        judged_output=labels.output,
    )
    samples = replace(samples, feature_names=context.feature_names)
    blocks = SampleBlocks(model.extractor, samples.arrays, context, registry.announce, budget)
    dataset = ArrayDataset(samples.arrays, labels, names=samples.names)
    previews = InputPreviews(specs, samples, _expected_ranges(model, samples), ranges)
    sample_list = SampleList(
        blocks, dataset, specs, model.outputs, model.output, registry.meanings, context.feature_names, samples.truths
    )
    charts, views = LayerCharts(registry, blocks, dataset), DatasetViews(dataset, blocks)
    return OpenSamples(
        dataset,
        samples,
        blocks,
        previews,
        sample_list,
        LayerViews(registry, blocks, len(samples.names), tuple(spec.name for spec in specs)),
        charts,
        views,
        Maximizations(model.extractor, dataset, specs, context.class_layer, context.feature_names),
        EditViews(blocks, dataset, specs, sample_list, previews),
        UnitViews(registry, blocks, dataset, views, charts),
    )


def _specs_of(model: OpenModel, samples: Samples, ranges: Mapping[str, ValueRange]) -> tuple[InputSpec, ...]:
    """Return what each input is, with what is known of it by these samples."""
    return tuple(
        replace(
            spec,
            sampling_rate=samples.sampling_rates.get(spec.name, spec.sampling_rate),
            letters=samples.letters.get(spec.name, ""),
            value_range=ranges[spec.name].bounds if spec.name in ranges else None,
        )
        for spec in model.specs
    )


def _expected_ranges(model: OpenModel, samples: Samples) -> dict[str, ExpectedRange]:
    # Nobody's data are as they were made.
    return {} if samples.are_noise else expected_ranges(model.extractor.model, model.specs, model.example)


def _feature_names(model: OpenModel, samples: Samples) -> dict[str, tuple[str, ...]]:
    """Return the names of the last axis of each input that has some: those in the data, or the example's."""
    usual = model.example.feature_names if model.example else ()
    known = {**{name: tuple(letters) for name, letters in samples.letters.items()}, **samples.feature_names}
    names = {name: known.get(name, usual) for name in samples.arrays}
    extents = {name: array.shape[-1] for name, array in samples.arrays.items()}
    return {name: features for name, features in names.items() if len(features) == extents[name] > 0}
