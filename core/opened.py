"""What is open in a workspace: a model, and samples for it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import numpy as np

from core.dataset.source import ArrayDataset
from core.dataset.views import DatasetViews
from core.examples import Example
from core.extractor import Extractor
from core.input_kinds import InputKind, InputSpec
from core.inputs import input_specs
from core.layer_charts import LayerCharts
from core.loading import Source, content_key, load_model_file
from core.maximization.views import Maximizations
from core.model_summary import summarize_inputs, summarize_model
from core.passes import Passes
from core.reading import Samples, number_labels
from core.registry import Registry
from core.store import ContentStore
from core.summaries import ModelSummary

__all__ = ["ModelSource", "OpenModel", "OpenSamples", "file_name", "open_model", "open_samples"]


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
    """

    key: str
    extractor: Extractor
    specs: tuple[InputSpec, ...]
    summary: ModelSummary
    example: Example | None
    opening: str

    @property
    def taken_for(self) -> dict[str, InputKind]:
        """What inputs are taken for by name, where that is not what their layers and their shape say."""
        likeliest = {spec.name: spec.kind for spec in input_specs(self.extractor.model)}
        return {spec.name: spec.kind for spec in self.specs if spec.kind != likeliest[spec.name]}

    def with_input_as(self, name: str, kind: InputKind) -> OpenModel:
        """Return the same model with one input taken for something else.

        Raises:
            InputRejected: If there is no such input, or it cannot be that.
        """
        likeliest = {spec.name: spec.kind for spec in input_specs(self.extractor.model)}
        specs = input_specs(self.extractor.model, {**self.taken_for, name: kind})
        return replace(self, specs=specs, summary=replace(self.summary, inputs=summarize_inputs(specs, likeliest)))


@dataclass(frozen=True)
class OpenSamples:
    """Samples for a model, with what was made of them.

    Attributes:
        arrays: By input name, the sample axis first.
        labels: Class number of each sample, or None.
        names: What each sample is called.
        class_names: Name of each class.
        serial: Tells these samples from those before.
        passes: What layers answer to them.
        charts: The pictures of that.
        views: What a page asks about all of them at once.
        maximizations: Searches for inputs that the samples say the looks of.
    """

    arrays: dict[str, np.ndarray]
    labels: np.ndarray | None
    names: tuple[str, ...]
    class_names: tuple[str, ...]
    serial: int
    passes: Passes
    charts: LayerCharts
    views: DatasetViews
    maximizations: Maximizations

    def class_of(self, sample: int) -> str:
        """Return the name of a sample's true class; empty if it is unknown."""
        if self.labels is None:
            return ""
        label = int(self.labels[sample])
        return self.class_names[label] if 0 <= label < len(self.class_names) else str(label)


def file_name(source: str | os.PathLike[str] | bytes) -> str:
    """Return what a model file is called where nothing else is said: a path's last part."""
    return "model.keras" if isinstance(source, bytes) else os.path.basename(os.fspath(source))


@dataclass(frozen=True)
class ModelSource:
    """A model that is to be opened.

    Attributes:
        source: A path, or the content of a file.
        name: What to call it.
        weights: Path of the weights, where the source is an architecture alone.
        member: Path of the model that is meant, where the source holds several.
    """

    source: Source
    name: str
    weights: str | os.PathLike[str] | None = None
    member: str = ""

    @property
    def key(self) -> str:
        """What tells its content from that of others."""
        return content_key(self.source, weights=self.weights, member=self.member)

    def extractor(self) -> Extractor:
        """Load the model, and return what records its layers."""
        loaded = load_model_file(self.source, name=self.name, weights=self.weights, member=self.member)
        return Extractor(loaded.model, file=loaded.file)


def open_model(
    source: ModelSource, example: Example | None, opening: str, models: ContentStore[Extractor]
) -> OpenModel:
    """Open a model file, or take it from those that are open.

    Raises:
        ModelRefused: If it is damaged, of an unknown kind, or would run code.
        ExtractionFailed: If it cannot be called.
    """
    key = source.key
    extractor = models.get(key, source.extractor)
    specs = input_specs(extractor.model)
    # A title of its own for each of several.
    title = f"{shown(source.member)} in {source.name}" if source.member else source.name
    return OpenModel(key, extractor, specs, summarize_model(title, extractor, specs, example), example, opening)


def open_samples(
    model: OpenModel, samples: Samples, serial: int, registry: Registry, budget: int | None
) -> OpenSamples:
    """Take samples for a model; nothing is run yet."""
    class_names = model.example.class_names if model.example else ()
    labels, class_names = number_labels(samples.labels, class_names)
    passes = Passes(model.extractor, samples.arrays, labels, class_names, registry.announce, budget, model.specs)
    dataset = ArrayDataset(samples.arrays, labels, class_names, samples.names)
    return OpenSamples(
        samples.arrays,
        labels,
        samples.names,
        class_names,
        serial,
        passes,
        LayerCharts(registry, passes, dataset),
        DatasetViews(model.extractor, dataset),
        Maximizations(model.extractor, dataset, model.specs),
    )
