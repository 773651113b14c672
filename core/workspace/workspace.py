"""What one visitor has open: a model, samples for it, and what the layers answered. A page talks to this alone.

What crosses this line is small and plain: names, option values, chart specifications as dicts, errors of ours. Never
a model, a tensor or an exception of a library. So a page stays thin, and another process can stand behind the line.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

from core.charts import export as chart_export
from core.common.cache import OnceCache
from core.common.progress import Progress
from core.common.text import safe_name
from core.errors import InputRejected, PluginFailed
from core.examples.catalogue import Example, get_example, list_examples
from core.extraction.activation import Activation
from core.extraction.extractor import Extractor
from core.extraction.extractors import model_store
from core.extraction.layers import owner_of
from core.extraction.memory_plan import MemoryPlan
from core.inputs.class_names import parse_class_names
from core.inputs.files import Preparation, Samples, UploadedFile, read_files, read_text
from core.inputs.images import Fit
from core.inputs.labels import LabelRole
from core.inputs.spec import InputKind
from core.models.copies import files_together
from core.models.trust import NO_TRUST, Trust
from core.plugins.registry import Registry, get_registry
from core.workspace import export, model_map, previews, thumbnails, visualizer_list
from core.workspace.file_report.looks import FileLooks
from core.workspace.labelled_samples import LabelledSamples, NamesOfClasses, lists_of_names
from core.workspace.layer_table import describe_activation, layer_row, opened_layers
from core.workspace.many_samples import ManySamples
from core.workspace.models_in_memory import ModelsInMemory
from core.workspace.noise_samples import noise_samples, noise_sizes
from core.workspace.open_model import (
    ModelSource,
    OpenModel,
    OpenSamples,
    code_that_opens,
    file_name,
    open_model,
    open_samples,
)
from core.workspace.results import (
    Answer,
    ChartResult,
    ExampleSummary,
    InputView,
    LayerRow,
    ModelSummary,
    NoiseSizes,
    PartSummary,
    PluginSummary,
    Rejection,
    VisualizerSummary,
)
from core.workspace.shown_models import ShownModel, ShownModels

__all__ = ["Workspace"]

_TABLES_KEPT: Final = 64


class Workspace(ManySamples, LabelledSamples, ModelsInMemory, FileLooks):
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
        self._serial = 0
        self._rows: OnceCache[tuple[LayerRow, ...]] = OnceCache(_TABLES_KEPT)
        self._lock = threading.RLock()

    @staticmethod
    def examples() -> tuple[ExampleSummary, ...]:
        """Return the examples that ship with Layerscope."""
        return tuple(
            ExampleSummary(each.name, each.title, each.description, each.accuracy, each.held_out_count, each.source)
            for each in list_examples()
        )

    @property
    def model(self) -> ModelSummary | None:
        """The model that is open, or None."""
        return self._model.summary if self._model else None

    @property
    def sample_names(self) -> tuple[str, ...]:
        """What each sample is called; empty if there are none yet."""
        return self._samples.names if self._samples else ()

    @property
    def sample_labels(self) -> tuple[str, ...]:
        """The label of each sample by name; empty if unknown, or if the labels are true values."""
        if not self._samples or self._samples.labels.groups is None:
            return ()
        return tuple(self._samples.labels.group_of(sample) for sample in range(len(self._samples.names)))

    def open_example(self, name: str) -> ModelSummary:
        """Open an example with its own samples.

        Raises:
            InputRejected: If there is no such example.
        """
        example = get_example(name)
        opening = (
            f"example = layerscope.get_example({name!r})\n"
            "model = layerscope.load_model(example.model_path)\n"
            "inputs, labels = example.samples()"
        )
        with self._lock:
            opened = self._open(ModelSource(example.model_path, name), example, opening)
            self._start_with(opened)
            self.take_example_samples()
        return opened.summary

    def open_model(
        self,
        source: str | os.PathLike[str] | bytes,
        name: str = "",
        member: str = "",
        weights: str = "",
        trust: Trust = NO_TRUST,
    ) -> ModelSummary:
        """Open a model file.

        Args:
            source: The path of a file or folder, or the content of a file, as :func:`core.load_model` takes it.
            name: The file's name, for messages and code.
            member: Path of the model that is meant, where the source holds several.
            weights: Path of the weights, where the source is an architecture alone.
            trust: Whose code it may use beyond Keras.

        Raises:
            SeveralModels: If the source holds several models and none was named.
            CodeNeeded: If it needs code that is not trusted.
            ModelRefused: If it is damaged, of an unknown kind, or would run code.
            ExtractionFailed: If it cannot be called.
        """
        name, trust = name or file_name(source, weights), trust | self._trust
        with self._lock:
            opening = code_that_opens(name, member, trust)
            opened = self._open(ModelSource(source, name, weights or None, member, trust), None, opening)
            self._start_with(opened)
        return opened.summary

    def open_files(self, files: Sequence[tuple[str, bytes]], member: str = "", trust: Trust = NO_TRUST) -> ModelSummary:
        """Open a model from files that were given together, such as an architecture and its weights.

        Args:
            files: Name and content of each.
            member: Name of the model that is meant, where there are several.
            trust: Whose code it may use beyond Keras.

        Raises:
            SeveralModels: If they are several models and none was named.
            CodeNeeded: If the model needs code that is not trusted.
            ModelRefused: If they hold no model, or one that cannot be opened.
            ExtractionFailed: If it cannot be called.
        """
        with files_together(files) as (source, name):
            return self.open_model(source, name, member, trust=trust)

    def take_input_as(self, name: str, kind: InputKind) -> ModelSummary:
        """Take an input of the model for something else: an image, a sequence, … It is drawn and explained as that.

        Samples stay as they are, but for noise, which is made again as suits what it is taken for now.

        Args:
            name: Name of the input.
            kind: One of the ``kinds`` that the model's summary has for it.

        Raises:
            InputRejected: If there is no such input, or it cannot be that.
        """
        with self._lock:
            self._model = self._require_model().with_input_as(name, kind)
            if self._noise:
                self.take_noise(*self._noise)
            elif self._samples:
                self._serial += 1
                self._samples = self._matched(self._samples.given, self._serial)
        return self._model.summary

    def take_example_samples(self) -> None:
        """Use the held-out samples of the example that is open.

        Raises:
            InputRejected: If no example is open.
        """
        example = self._require_model().example
        if example is None:
            raise InputRejected("A file is open, not an example.", remedy="Give it data of your own, or noise.")
        arrays, labels = example.samples()
        names = tuple(str(number) for number in range(len(labels)))
        self._take(Samples(arrays, labels, names))

    def take_files(
        self, files: Mapping[str, Sequence[tuple[str, bytes]]], *, scaling: str, fit: Fit, invert: bool
    ) -> None:
        """Use data from files.

        Args:
            files: Name and content of each file, by the name of the input they are for.
            scaling: How image pixels become numbers, a key of :data:`core.inputs.images.SCALINGS`.
            fit: How an image is brought to size: ``"stretch"``, ``"crop"`` or ``"pad"``.
            invert: Whether dark and light change places.

        Raises:
            InputRejected: If the data does not fit; what was there before stays.

        A file among them that lists names of classes, such as ``labels.txt``, is no data: it names the model's classes.
        """
        given = {name: [UploadedFile(file, data) for file, data in each] for name, each in files.items()}
        lists, data = lists_of_names(given)
        if lists and not any(data.values()):
            raise InputRejected(
                f"{safe_name(lists[0].name)} lists names of classes, and there is no data beside it.",
                remedy="Add the data, then the names are used for it.",
            )
        names = parse_class_names(lists[-1].data, lists[-1].name) if lists else ()
        self._take(read_files(data, self._require_model().specs, Preparation(scaling, fit, invert)), names)

    def take_text(self, text: str) -> None:
        """Use text, one sample a line, for a model that takes strings.

        Raises:
            InputRejected: If the model takes something else, or there is no text.
        """
        self._take(read_text(text, self._require_model().specs[0]))

    def noise_sizes(self, sizes: Mapping[str, Sequence[int]] | None = None) -> NoiseSizes:
        """Return how large noise is along axes of any size: sizes that the model takes, which are looked for once.

        Args:
            sizes: By input, extents that somebody asks for along each of its open axes; the others are made to fit.
        """
        return noise_sizes(self._require_model(), sizes or {})

    def take_noise(self, count: int, seed: int, sizes: Mapping[str, Sequence[int]] | None = None) -> None:
        """Use random numbers that fit every input, always the same for the same seed.

        Args:
            count: Number of samples.
            seed: Seed of the random numbers.
            sizes: By input, the extents along its axes of any size; see :meth:`noise_sizes`.

        Raises:
            InputRejected: If no size was found that the model takes; it says which were tried.
        """
        with self._lock:
            self._take(noise_samples(self._require_model(), count, seed, sizes or {}))
            self._noise = (count, seed, dict(sizes or {}))

    def inputs(self, sample: int) -> tuple[InputView, ...]:
        """Show what goes in: one view per input."""
        samples = self._require_samples()
        names = samples.given.feature_names
        return tuple(
            previews.input_view(spec, samples.arrays[spec.name], sample, names.get(spec.name, ()))
            for spec in self._require_model().specs
        )

    def plan(self) -> MemoryPlan:
        """Say what recording all layers for these samples takes, and how it is done, before anything is run.

        Raises:
            ExtractionFailed: If the model raises on this input.
        """
        return self._require_samples().blocks.plan

    def answer(self, sample: int, progress: Progress | None = None) -> Answer:
        """Show what the model answers, see :func:`core.workspace.previews.answer_of`.

        Args:
            sample: Which of all samples.
            progress: Called with how much is done where samples have to be run first.

        Raises:
            ExtractionFailed: If the model raises on this input.
        """
        output, position = self._require_samples().blocks.answer(sample, progress)
        return previews.answer_of(
            output, position, self._require_samples().labels, self._require_model().output, sample
        )

    def layers(self, sample: int) -> tuple[LayerRow, ...]:
        """Return a row per layer, in call order, nested ones after what they are nested in.

        Raises:
            ExtractionFailed: If the model raises on this input.
        """
        blocks, count = self._require_samples().blocks, len(self._require_samples().names)
        block, position = blocks.block_of(sample)

        def make() -> tuple[LayerRow, ...]:
            sizes = [blocks.cost(layer.key) for layer in block.layers]
            return tuple(
                layer_row(layer, number, block.get(layer.key), position, None if size is None else size * count)
                for number, (layer, size) in enumerate(zip(block.layers, sizes, strict=True), start=1)
            )

        return self._rows.get((self._require_samples().serial, sample), make)

    def describe(self, layer: str, sample: int) -> str:
        """Return a layer's line: key, type, axes and shape, bytes."""
        return describe_activation(self._activation(layer, sample)[0])

    def map(self, sample: int, selected: str) -> dict[str, Any]:
        """Return the graph of layers as a Vega-Lite chart; the selection ``layer`` holds the key that is clicked."""
        rows = self.layers(sample)
        opened = opened_layers(rows, selected)
        names = [spec.name for spec in self._require_model().specs]
        return model_map.model_map(rows, names, selected, opened).to_dict()

    def visualizers(self, layer: str, sample: int) -> tuple[VisualizerSummary, ...]:
        """Return the pictures that suit a layer, the best first."""
        self._registry.refresh()
        return visualizer_list.suited(self._registry, self._activation(layer, sample)[0])

    def rejections(self, layer: str, sample: int) -> tuple[Rejection, ...]:
        """Return the pictures that do not suit a layer, each with the reason."""
        return visualizer_list.rejected(self._registry, self._activation(layer, sample)[0])

    def plugins(self) -> tuple[PluginSummary, ...]:
        """Return every plugin, with what it brings and what went wrong."""
        self._registry.refresh()
        return visualizer_list.plugins(self._registry)

    def thumbnail(self, visualizer: str) -> bytes:
        """Return a small PNG of a picture, drawn of the first example that it suits; empty if it suits none."""
        return thumbnails.thumbnail(self._registry, self._models, visualizer)

    def chart(
        self,
        layer: str,
        visualizer: str,
        options: Mapping[str, Any],
        sample: int,
        progress: Progress | None = None,
    ) -> ChartResult:
        """Draw a layer; a visualizer that fails comes back as a failure, not as an exception.

        Args:
            layer: Key of the layer.
            visualizer: Name of the visualizer.
            options: Option values by name; a ``sample`` option always follows ``sample``.
            sample: Which of all samples.
            progress: Called by a visualizer that says how far it is.
        """
        return self._require_samples().charts.result(layer, visualizer, options, sample, progress)

    def chart_file(
        self, layer: str, visualizer: str, options: Mapping[str, Any], sample: int, kind: chart_export.ChartFormat
    ) -> bytes:
        """Return a chart as PNG, SVG, HTML or JSON; several stand under one another.

        Raises:
            PluginFailed: If the visualizer fails, or has nothing to draw.
        """
        drawing = self._require_samples().charts.draw(layer, visualizer, options, sample)
        if drawing.refusal:
            raise PluginFailed(drawing.refusal, plugin=visualizer)
        return chart_export.chart_file(drawing.specification, kind)

    def activation_file(self, layer: str, sample: int, kind: Literal["npy", "csv"]) -> bytes:
        """Return what a layer answered to the samples that are held as ``.npy``, or to one sample as CSV.

        Raises:
            InputRejected: If it is too large for CSV.
        """
        activation, position = self._activation(layer, sample)
        if kind == "csv":
            activation = activation.sample(position)
        return export.activation_file(activation, kind)

    def activations_file(self, layers: Sequence[str] | None = None, internals: bool = False) -> bytes:
        """Return what layers answer to all samples as ``.npz``, an array per key.

        Args:
            layers: Keys of layers; None takes all.
            internals: Whether to take what they keep to themselves too.

        Raises:
            InputRejected: If there is no such layer.
            ExtractionFailed: If the model raises.
        """
        return export.activations_file(self._require_samples().blocks.all_samples(layers, internals))

    def inputs_file(self) -> bytes:
        """Return the samples as ``.npz``, for the code that draws a chart again."""
        return export.inputs_file(self._require_samples().arrays)

    def code(self, layer: str, visualizer: str, options: Mapping[str, Any], sample: int) -> str:
        """Return Python that draws the same chart in a notebook."""
        opened = self._require_model()
        return self._require_samples().charts.code(opened.opening, layer, visualizer, options, sample, opened.taken_for)

    def parts(self, layer: str, sample: int) -> tuple[PartSummary, ...]:
        """Return what can be looked at of a layer: its answer, and what it keeps to itself such as states and gates."""
        block, _ = self._require_samples().blocks.block_of(sample)
        return visualizer_list.parts_of(owner_of(layer, block.layers))

    def _require_model(self) -> OpenModel:
        if self._model is None:
            raise InputRejected("No model is open.", remedy="Open an example or a model file first.")
        return self._model

    def _require_samples(self) -> OpenSamples:
        if self._samples is None:
            self._require_model()
            raise InputRejected("There is no input yet.", remedy="Give the model data of yours, or noise.")
        return self._samples

    def _open(self, source: ModelSource, example: Example | None, opening: str) -> OpenModel:
        return open_model(source, example, opening, self._models)

    def _start_with(self, opened: OpenModel) -> None:
        self._model, self._samples, self._other, self._noise = opened, None, None, None
        self._shown_model = None
        self._names, self._role = NamesOfClasses(own=opened.class_names), None

    def _take(self, samples: Samples, class_names: tuple[str, ...] = ()) -> None:
        with self._lock:
            self._serial += 1
            self._noise = None
            self._names = replace(self._names, from_data=class_names)
            self._model = replace(self._require_model(), class_names=self._names.in_use)
            self._samples = self._matched(samples, self._serial)

    def _matched(self, samples: Samples, serial: int) -> OpenSamples:
        return open_samples(self._require_model(), samples, serial, self._registry, self._budget, self._role)

    def _activation(self, layer: str, sample: int) -> tuple[Activation, int]:
        return self._require_samples().blocks.activation(layer, sample)
