"""What a page may ask of a visitor's model: one protocol, whoever stands behind it.

What crosses this line is small and plain: names, option values, chart specifications as dicts, errors of ours. Never
a model, a tensor or an exception of a library. So a page stays thin, and another process can stand behind the line.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, Protocol

from core.charts.export import ChartFormat
from core.common.progress import Progress
from core.common.text import safe_name
from core.extraction.memory_plan import MemoryPlan
from core.extraction.verified import Verification
from core.inputs.edits import Edit, Variant
from core.inputs.images import Fit
from core.inputs.spec import InputKind
from core.models.file_names import files_name
from core.models.trust import NO_TRUST, Trust
from core.workspace.activation_results import ActivationSummary
from core.workspace.edit_results import EditedLayer, EditView
from core.workspace.file_report.results import FileReport
from core.workspace.health_results import HealthReport
from core.workspace.marks import Change, Declaration, RunPart, asks
from core.workspace.model_names import file_name
from core.workspace.pin_results import Pinned, SideBySide
from core.workspace.results import (
    Answer,
    ChartPicture,
    ChartResult,
    ComparisonReport,
    ExampleSummary,
    InputView,
    LabelSummary,
    LayerRow,
    LayerView,
    MeaningMatch,
    ModelSummary,
    NoiseSizes,
    PartSummary,
    PluginSummary,
    Rejection,
    SampleRow,
    ShownSummary,
    VisualizerSummary,
)
from core.workspace.run_results import RunCharts, RunSummary
from core.workspace.search_results import ExcitedReport, LayerSearchReport, SearchableLayer, SearchReport
from core.workspace.unit_results import UnitCard, UnitSearchReport

__all__ = ["WorkspaceInterface", "declared"]

_SEARCH: Final = "Searching for an input"


def _opening(arguments: Mapping[str, Any]) -> str:
    if "files" in arguments:
        return f"Opening {safe_name(files_name(arguments['files']))}"
    return f"Opening {safe_name(arguments.get('name') or file_name(arguments['source']))}"


def _picture(arguments: Mapping[str, Any]) -> str:
    return f"The picture “{safe_name(arguments['visualizer'])}” of {safe_name(arguments['layer'])}"


class WorkspaceInterface(Protocol):
    """What one visitor has open: a model, samples for it, and what the layers answered. A page talks to this alone.

    A model that is refused, or data that does not fit, leaves what was open before as it was.
    """

    @asks(stands_alone=True)
    def examples(self) -> tuple[ExampleSummary, ...]:
        """Return the examples that ship with Layerscope."""

    @property
    @asks(stays=True)
    def model(self) -> ModelSummary | None:
        """The model that is open, or None."""

    @property
    @asks(stays=True)
    def sample_names(self) -> tuple[str, ...]:
        """What each sample is called; empty if there are none yet."""

    @property
    @asks(stays=True)
    def sample_labels(self) -> tuple[str, ...]:
        """The label of each sample by name; empty if unknown, or if the labels are true values."""

    @asks(_opening, change=Change.MODEL)
    def open_example(self, name: str) -> ModelSummary:
        """Open an example with its own samples.

        Raises:
            InputRejected: If there is no such example.
        """

    @asks(_opening, change=Change.MODEL, reads_files=True)
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

    @asks(_opening, change=Change.MODEL, reads_files=True, by_path=open_model)
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

    @asks("Reading the input", change=Change.INPUT_KIND)
    def take_input_as(self, name: str, kind: InputKind) -> ModelSummary:
        """Take an input of the model for something else: an image, a sequence, … It is drawn and explained as that.

        Samples stay as they are, but for noise, which is made again as suits what it is taken for now.

        Args:
            name: Name of the input.
            kind: One of the ``kinds`` that the model's summary has for it.

        Raises:
            InputRejected: If there is no such input, or it cannot be that.
        """

    @asks("Reading the input", change=Change.SAMPLES)
    def take_example_samples(self) -> None:
        """Use the held-out samples of the example that is open.

        Raises:
            InputRejected: If no example is open.
        """

    @asks("Reading the input", change=Change.SAMPLES)
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
        """Use data from files.

        Args:
            files: Name and content of each file, by the name of the input they are for.
            scaling: How image pixels become numbers, a key of :data:`core.inputs.images.SCALINGS`.
            fit: How an image is brought to size: ``"stretch"``, ``"crop"`` or ``"pad"``.
            invert: Whether dark and light change places.
            scale_arrays: Whether the numbers in arrays and tables for images are pixels 0 to 255 too, and scaled.
            sampling_rate: How many numbers a second of sound the model takes; 0 for what it says itself, if it does.
            letters: What the places of a one-hot input stand for, such as ``"ACGT"``.

        Raises:
            InputRejected: If the data does not fit; what was there before stays.

        A file among them that lists names of classes, such as ``labels.txt``, is no data: it names the model's classes.
        """

    @asks("Reading the input", change=Change.SAMPLES)
    def take_text(self, text: str) -> None:
        """Use text, one sample a line, for a model that takes strings.

        Raises:
            InputRejected: If the model takes something else, or there is no text.
        """

    @asks("Keeping a variant", change=Change.VARIANTS)
    def set_variants(self, variants: Sequence[Variant]) -> None:
        """Keep edited samples beside the others: they get the numbers behind them, and the label of their original.

        Args:
            variants: All that there are to be, in the place of those before; none takes all away.

        Raises:
            InputRejected: If there are no samples, an original is not there, or an edit does not fit; those that were
                there before stay.
        """

    @asks("Looking for a size that the model takes")
    def noise_sizes(self, sizes: Mapping[str, Sequence[int]] | None = None) -> NoiseSizes:
        """Return how large noise is along axes of any size: sizes that the model takes, which are looked for once.

        Args:
            sizes: By input, extents that somebody asks for along each of its open axes; the others are made to fit.
        """

    @asks("Reading the input", change=Change.SAMPLES)
    def take_noise(self, count: int, seed: int, sizes: Mapping[str, Sequence[int]] | None = None) -> None:
        """Use random numbers that fit every input, always the same for the same seed.

        Args:
            count: Number of samples.
            seed: Seed of the random numbers.
            sizes: By input, the extents along its axes of any size; see :meth:`noise_sizes`.

        Raises:
            InputRejected: If no size was found that the model takes; it says which were tried.
        """

    def inputs(self, sample: int) -> tuple[InputView, ...]:
        """Show what goes in: one view per input."""

    @asks("The model", stays=True)
    def plan(self) -> MemoryPlan:
        """Say what recording all layers for these samples takes, and how it is done, before anything is run.

        Raises:
            ExtractionFailed: If the model raises on this input.
        """

    @asks("The model")
    def answer(self, sample: int, progress: Progress | None = None, output: str = "", meaning: str = "") -> Answer:
        """Show what the model answers, see :func:`core.workspace.answers.answer_of`.

        Args:
            sample: Which of all samples.
            progress: Called with how much is done where samples have to be run first.
            output: Which output, as the ``outputs`` of the model's summary are called; by default the one that tells
                classes apart, or else the first.
            meaning: What the output is taken for, see ``meanings`` of the answer; by default the likeliest.

        Raises:
            InputRejected: If there is no such output.
            ExtractionFailed: If the model raises on this input.
        """

    @asks("The model")
    def sample_rows(
        self, seconds: float = 0.0, progress: Progress | None = None, meaning: str = ""
    ) -> tuple[SampleRow, ...]:
        """Return a row per sample: its label, what the model answers, how sure it is and how far off.

        All samples are run where one block holds them, which the page runs anyway; else as many as are answered in
        time, at least one batch, and another call goes on from there. The rows of the others have a number, a name and
        a label, and nothing else.

        Args:
            seconds: After how long no more are run; 0 runs no more than the first batch.
            progress: Called with how much is done.
            meaning: What the output is taken for, which decides what its error is; by default the likeliest.

        Raises:
            ExtractionFailed: If the model raises.
        """

    def sample_strip(self, samples: Sequence[int], selected: int) -> ChartPicture:
        """Draw some samples small, in one row: a click on one is the selection ``sample``.

        The selected one has a frame; under each is a mark, green and thin where the model is right, red and thick where
        it is wrong, grey where that is not known. A sample whose row is not worked out yet has no mark.

        Args:
            samples: Numbers of the samples, in the order in which they are drawn.
            selected: The one that has the frame.

        Raises:
            InputRejected: If there is no such sample.
        """

    @asks("The model")
    def layers(self, sample: int) -> tuple[LayerRow, ...]:
        """Return a row per layer, in call order, nested ones after what they are nested in.

        Raises:
            ExtractionFailed: If the model raises on this input.
        """

    def describe(self, layer: str, sample: int) -> str:
        """Return a layer's line: key, type, axes and shape, bytes."""

    def activation_summary(self, layer: str, sample: int, unit_count: int = 5) -> ActivationSummary:
        """Return what a layer answers to a sample in numbers: shape, mean, spread, and its strongest units.

        Args:
            layer: Key of the layer, or of a part of it.
            sample: Which of all samples.
            unit_count: How many units are told.

        Raises:
            InputRejected: If there is no such layer or sample.
            ExtractionFailed: If the model raises.
        """

    def map(self, sample: int, selected: str, changes: Mapping[str, float] | None = None) -> dict[str, Any]:
        """Return the graph of layers as a Vega-Lite chart; the selection ``layer`` holds the key that is clicked.

        Args:
            sample: Number of the sample.
            selected: Key of the layer that gets a frame.
            changes: How far each layer moves by an edit, by key, which is drawn into its box; none draws nothing.
        """

    def visualizers(self, layer: str, sample: int) -> tuple[VisualizerSummary, ...]:
        """Return the pictures that suit a layer, the best first."""

    def rejections(self, layer: str, sample: int) -> tuple[Rejection, ...]:
        """Return the pictures that do not suit a layer, each with the reason."""

    @asks("The model")
    def meanings(self, sample: int, output: str = "") -> tuple[MeaningMatch, ...]:
        """Return everything that an output can mean or cannot, the likeliest first, each with its score or the reason.

        Args:
            sample: Which of all samples.
            output: Which output, see :meth:`answer`.

        Raises:
            InputRejected: If there is no such output.
            ExtractionFailed: If the model raises on this input.
        """

    def plugins(self) -> tuple[PluginSummary, ...]:
        """Return every plugin, with what it brings and what went wrong."""

    def thumbnail(self, visualizer: str) -> bytes:
        """Return a small PNG of a picture, drawn of the first example that it suits; empty if it suits none."""

    def layer_view(
        self,
        layer: str,
        visualizer: str,
        options: Mapping[str, Any],
        sample: int,
        draw: bool = True,
        progress: Progress | None = None,
    ) -> LayerView:
        """Return everything that is shown of one layer, its chart included, as :meth:`chart` draws it.

        Args:
            layer: Key of the layer, or of a part of it.
            visualizer: Name of the picture; where it does not suit, the one that suits best is drawn.
            options: Option values by name, those of other pictures among them.
            sample: Which of all samples.
            draw: Whether to draw the chart.
            progress: Called by a visualizer that says how far it is.

        Raises:
            InputRejected: If there is no such layer or sample.
            ExtractionFailed: If the model raises.
        """

    @asks(_picture)
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

    @asks(_picture)
    def side_by_side(
        self,
        layer: str,
        visualizer: str,
        options: Mapping[str, Any],
        sample: int,
        pin: Pinned,
        progress: Progress | None = None,
    ) -> SideBySide:
        """Draw a layer and what is pinned on one scale, and their difference; it is the same for every visualizer.

        Where a unit is left open, both show the one whose answers are furthest apart. A difference is that of what the
        layers answer, drawn by the same visualizer; there is none where that runs the model or looks at other samples,
        or where the two answer in different shapes: the reason says so.

        Args:
            layer: Key of the layer.
            visualizer: Name of the visualizer.
            options: Option values by name, those of other pictures among them, and what is selected, see
                :meth:`.VisualizerSummary.values_of`.
            sample: Which of all samples.
            pin: What it is set beside.
            progress: Called by a visualizer that says how far it is.

        Raises:
            InputRejected: If there is no such layer or sample, or no other model where the pin is of that.
            ExtractionFailed: If a model raises.
            PluginFailed: If there is no such visualizer.
        """

    @asks(_picture)
    def chart_file(
        self, layer: str, visualizer: str, options: Mapping[str, Any], sample: int, kind: ChartFormat
    ) -> bytes:
        """Return a chart as PNG, SVG, HTML or JSON; several stand under one another.

        Raises:
            PluginFailed: If the visualizer fails, or has nothing to draw.
        """

    def activation_file(self, layer: str, sample: int, kind: Literal["npy", "csv"]) -> bytes:
        """Return what a layer answered to the samples that are held as ``.npy``, or to one sample as CSV.

        Raises:
            InputRejected: If it is too large for CSV.
        """

    def activations_file(self, layers: Sequence[str] | None = None, internals: bool = False) -> bytes:
        """Return what layers answer to all samples as ``.npz``, an array per key.

        Args:
            layers: Keys of layers; None takes all.
            internals: Whether to take what they keep to themselves too.

        Raises:
            InputRejected: If there is no such layer.
            ExtractionFailed: If the model raises.
        """

    def inputs_file(self) -> bytes:
        """Return the samples as ``.npz``, for the code that draws a chart again."""

    def code(self, layer: str, visualizer: str, options: Mapping[str, Any], sample: int) -> str:
        """Return Python that draws the same chart in a notebook."""

    def parts(self, layer: str, sample: int) -> tuple[PartSummary, ...]:
        """Return what can be looked at of a layer: its answer, and what it keeps to itself such as states and gates."""

    @property
    @asks(stays=True)
    def labelling(self) -> LabelSummary:
        """What the labels of the samples are taken for, and which names the classes have."""

    @asks("Reading the names of the classes", change=Change.CLASS_NAMES)
    def set_class_names(self, names: str | Sequence[str]) -> None:
        """Say what the classes of the open model are called; the samples that are open are set against them.

        Args:
            names: By number of the output; as text one a line or JSON, see
                :func:`core.inputs.class_names.parse_class_names`. Nothing takes the names that the model itself or its
                data brought.

        Raises:
            InputRejected: If no model is open, or the text is no list of names.
        """

    @asks(change=Change.LABEL_ROLE)
    def set_label_role(self, role: str) -> None:
        """Say what the labels of the samples are, now and of those to come for the same model.

        Args:
            role: ``"class"``, ``"value"`` (what the model is to answer) or ``"unused"``; empty finds it out.

        Raises:
            InputRejected: If no model is open, or there is no such role.
        """

    @property
    @asks(stays=True)
    def compared(self) -> ModelSummary | None:
        """The model that was chosen to compare the open one with, or None.

        Pictures of an example compare it with what it was early in its training where none was chosen.
        """

    @asks("The model")
    def health(self, progress: Progress | None = None) -> HealthReport:
        """Run all samples through every layer and say what is wrong with the layers, the worst first.

        Args:
            progress: Called with how much is done.

        Raises:
            ExtractionFailed: If the model raises.
        """

    @asks("The model", stays=True)
    def verify(self, progress: Progress | None = None) -> Verification:
        """Run each layer again, alone, on what the first samples gave it, and compare that with what is shown of it.

        And the model, compiled, without recording. See :meth:`core.extraction.activation.Activations.verify`.

        Args:
            progress: Called with how much is done.

        Raises:
            ExtractionFailed: If the model raises.
        """

    @asks("The model")
    def class_means(self, layer: str, progress: Progress | None = None) -> dict[str, Any]:
        """Return how each unit of a layer answers to each class as a Vega-Lite chart; empty where no class is known.

        Args:
            layer: Key of the layer.
            progress: Called with how much is done, where all samples have to be run first.

        Raises:
            InputRejected: If there is no such layer.
            ExtractionFailed: If the model raises.
        """

    @asks(_opening, change=Change.OTHER_MODEL)
    def compare_with_example(self, name: str, early: bool = False) -> ModelSummary:
        """Take the model of an example to compare the open one with.

        Args:
            name: Name of the example.
            early: Whether to take it as it was early in its training.

        Raises:
            InputRejected: If there is no such example.
        """

    @asks(_opening, change=Change.OTHER_MODEL, reads_files=True)
    def compare_with_model(
        self,
        source: str | os.PathLike[str] | bytes,
        name: str = "",
        member: str = "",
        weights: str = "",
        trust: Trust = NO_TRUST,
    ) -> ModelSummary:
        """Take a model file to compare the open one with, such as another checkpoint.

        Args:
            source: A path, or the content of a file.
            name: The file's name.
            member: Path of the model that is meant, where the source holds several.
            weights: Path of the weights, where the source is an architecture alone.
            trust: Whose code it may use beyond Keras.

        Raises:
            SeveralModels: If the source holds several models and none was named.
            CodeNeeded: If it needs code that is not trusted.
            ModelRefused: If it cannot be opened; the one before stays.
        """

    @asks(_opening, change=Change.OTHER_MODEL, reads_files=True, by_path=compare_with_model)
    def compare_with_files(
        self, files: Sequence[tuple[str, bytes]], member: str = "", trust: Trust = NO_TRUST
    ) -> ModelSummary:
        """Take a model from files that were given together, see :meth:`.WorkspaceInterface.open_files`."""

    @asks("The model")
    def comparison(self, progress: Progress | None = None) -> ComparisonReport:
        """Run all samples through both models and compare their layers.

        Args:
            progress: Called with how much is done.

        Raises:
            InputRejected: If there is no other model, or it does not take these samples.
            ExtractionFailed: If a model raises.
        """

    def compare_samples(self, first: int, second: int) -> ComparisonReport:
        """Compare what the layers answer to two samples.

        Raises:
            InputRejected: If there is no such sample.
            ExtractionFailed: If the model raises.
        """

    def compared_layer(self, layer: str, sample: int, second: int | None, unit: int | None = None) -> dict[str, Any]:
        """Return one layer side by side with its difference as a Vega-Lite chart.

        Args:
            layer: Key of the layer.
            sample: Which sample.
            second: Another sample for the same model; None takes the same sample and the other model.
            unit: Which channel of images is drawn; None takes the one that differs the most.

        Raises:
            InputRejected: If one of both has no such layer, or its answer has another shape.
            ExtractionFailed: If a model raises.
        """

    @asks("The edited sample")
    def edit_view(
        self, sample: int, edits: Sequence[Edit], output: str = "", meaning: str = "", progress: Progress | None = None
    ) -> EditView:
        """Return a sample before and after it is edited: what goes in, the answers, and how far each layer moves.

        Args:
            sample: Number of the sample.
            edits: What is changed of its inputs, and the units that are clamped.
            output: Which output is looked at, see :meth:`answer`.
            meaning: What it is taken for, likewise.
            progress: Called with how much is done.

        Raises:
            InputRejected: If there is no such sample, or an edit does not fit.
            ExtractionFailed: If the model raises.
        """

    @asks("The edited sample")
    def edited_layer(self, sample: int, edits: Sequence[Edit], layer: str, unit: int | None = None) -> EditedLayer:
        """Return one layer before and after an edit with the difference, and what its units answer.

        Args:
            sample: Number of the sample.
            edits: As for :meth:`edit_view`.
            layer: Key of the layer.
            unit: Which channel of images is drawn; None takes the one that differs the most. Of other layers it is
                marked.

        Raises:
            InputRejected: If there is no such layer or sample, or an edit does not fit.
            ExtractionFailed: If the model raises.
        """

    @asks(_SEARCH)
    def searchable_layers(self) -> tuple[SearchableLayer, ...]:
        """Return the layers whose units inputs can be looked for, in call order.

        Raises:
            ExtractionFailed: If the model raises.
        """

    @asks(_SEARCH)
    def maximize(
        self,
        layer: str,
        unit: int | None,
        settings: Mapping[str, Any],
        sample: int,
        steps: int,
        seconds: float,
    ) -> SearchReport:
        """Look for the input that drives a unit, or a whole layer, the most; go on from where the last call stopped.

        Args:
            layer: Key of the layer.
            unit: Which unit or channel; None drives the whole layer.
            settings: Of :class:`core.analysis.maximization.ascent.AscentSettings`, by name. Instead of everywhere,
                ``one_place`` takes a channel in the middle, ``position`` at one of several steps and ``region`` (left,
                right, top and bottom) in a part of the rows and columns; ``versus`` subtracts another unit, and
                ``against`` turns it round. Another ``run`` starts anew.
            sample: Where it starts, if it is to start from a sample, and what other inputs are held at.
            steps: How many steps to make in all.
            seconds: After how long to come back, though there are more steps to make.

        Raises:
            NoGradient: If there is no way up to be seen; the message says what stops it.
            InputRejected: If there is no such layer or unit.
            ExtractionFailed: If the model raises.
        """

    @asks(_SEARCH)
    def maximize_layer(
        self, layer: str, settings: Mapping[str, Any], sample: int, steps: int, seconds: float
    ) -> LayerSearchReport:
        """Look for the inputs of all units of a layer, some at a time; see :meth:`maximize`.

        Args:
            layer: Key of the layer.
            settings: As for one unit.
            sample: What other inputs are held at.
            steps: How many steps to make for each.
            seconds: After how long to come back.

        Raises:
            NoGradient: If there is no way up to be seen.
            InputRejected: If there is no such layer.
            ExtractionFailed: If the model raises.
        """

    @asks("Looking at the answer")
    def answer_to_drag(
        self, layer: str, unit: int | None, settings: Mapping[str, Any], sample: int
    ) -> dict[str, Any] | None:
        """Return what a layer answers to a sample as a Vega-Lite chart; None where it has no rows and columns.

        The selection ``region`` is what is dragged over it, the same as the setting, which is framed.

        Args:
            layer: Key of the layer.
            unit: Which unit or channel is drawn; None draws the first.
            settings: As for :meth:`maximize`.
            sample: Number of the sample.

        Raises:
            InputRejected: If there is no such layer or unit.
            ExtractionFailed: If the model raises.
        """

    @asks(_SEARCH)
    def excited(
        self, layer: str, unit: int | None, settings: Mapping[str, Any], progress: Progress | None = None
    ) -> ExcitedReport:
        """Return the samples that a unit, or a whole layer, answers to the most; see :meth:`maximize`.

        Args:
            layer: Key of the layer.
            unit: Which unit or channel; None takes the whole layer.
            settings: As there.
            progress: Called with how much is done.

        Raises:
            InputRejected: If there is no such layer or unit.
            ExtractionFailed: If the model raises.
        """

    @asks("Looking at the unit")
    def unit_card(self, layer: str, unit: int | None, sample: int) -> UnitCard:
        """Return what a unit is, and the pictures that tell it; :meth:`chart` draws each, with the unit as an option.

        Args:
            layer: Key of the layer.
            unit: Which unit or channel; None takes the one that answers the most to the sample.
            sample: Which of all samples.

        Raises:
            InputRejected: If there is no such layer or sample.
            ExtractionFailed: If the model raises.
        """

    @asks("Looking for units")
    def find_units(
        self, text: str, layer: str, unit: int | None, sample: int, progress: Progress | None = None
    ) -> UnitSearchReport:
        """Return the units of all layers that are what a text asks for.

        Args:
            text: Such as ``"answers to 8 and not to 3"``, ``"dead"`` or ``"like this one"``, see
                :func:`core.analysis.unit_search.parse_unit_query`.
            layer: Key of the layer whose unit is "this one".
            unit: That unit; None takes the one that answers the most to the sample.
            sample: Which of all samples.
            progress: Called with how much is done, where all samples have to be run first.

        Raises:
            InputRejected: If it asks for nothing that is known; the message says what can be written.
            ExtractionFailed: If the model raises.
        """

    @asks(stands_alone=True)
    def shown_models(self) -> tuple[ShownSummary, ...]:
        """Return the models that are shown; none where nobody called :func:`layerscope.show`."""

    @asks(_opening, change=Change.MODEL)
    def open_shown(self, name: str) -> ModelSummary:
        """Open a model that is shown, with the samples that came with it.

        Raises:
            InputRejected: If none is shown under that name.
        """

    @asks("Reading the input", change=Change.SAMPLES)
    def take_shown_samples(self) -> None:
        """Use the samples that came with the model that is open.

        Raises:
            InputRejected: If none did.
        """

    @asks(_opening, change=Change.OTHER_MODEL)
    def compare_with_shown(self, name: str) -> ModelSummary:
        """Take another model that is shown to compare the open one with.

        Raises:
            InputRejected: If none is shown under that name.
        """

    @property
    @asks("The recorded training")
    def run(self) -> RunSummary | None:
        """The recorded training that is open, or None; its model, if it has one, is the open model."""

    @property
    @asks("The second training")
    def second_run(self) -> RunSummary | None:
        """The recorded training that the open one is set beside, or None."""

    @asks(_opening, change=Change.MODEL, reads_files=True)
    def open_run(self, source: str | os.PathLike[str] | bytes, name: str = "", trust: Trust = NO_TRUST) -> RunSummary:
        """Open a recorded training, also while it is still written: its model at the last step, with its samples.

        A run without a model, or with one that cannot be opened, is open all the same: the summary says why.

        Args:
            source: The folder that :class:`layerscope.Record` writes, or a zip archive of it: a path, or its content.
            name: What to call it.
            trust: Whose code its model may use beyond Keras.

        Raises:
            InputRejected: If it holds no run, or is damaged.
        """

    @asks("Opening the recorded training", change=Change.MODEL)
    def open_example_run(self) -> RunSummary:
        """Open the recorded training that ships with Layerscope, see :meth:`open_run`."""

    @asks("Reading on in the recorded training", reads_run=RunPart.NUMBERS)
    def refresh_run(self) -> RunSummary:
        """Read what was recorded since, in the second run too; what is open stays.

        Raises:
            InputRejected: If no run is open, or it is damaged.
        """

    @asks("Going to another step", change=Change.STEP, reads_run=RunPart.WEIGHTS_OF_STEP)
    def go_to_step(self, step: int) -> ModelSummary:
        """Put the weights of another step into the open model; the samples stay, and all that they answered goes.

        Args:
            step: One of the steps whose weights are kept.

        Raises:
            InputRejected: If no run is open, it has no model, or the weights of that step are not kept.
        """

    @asks("Reading the input", change=Change.SAMPLES)
    def take_run_samples(self) -> None:
        """Use the samples that were watched while the model was trained.

        Raises:
            InputRejected: If no run is open.
        """

    @asks("Opening the second training", change=Change.SECOND_RUN, reads_files=True)
    def set_second_run(self, source: str | bytes, name: str = "") -> RunSummary | None:
        """Set another recorded training beside the open one.

        Args:
            source: As for :meth:`open_run`; empty takes the second run away.
            name: What to call it.

        Raises:
            InputRejected: If no run is open, or the second one cannot be read; the one before stays.
        """

    @asks("The recorded training", reads_run=RunPart.NUMBERS)
    def run_charts(self, measure: str, layer: str = "") -> RunCharts:
        """Draw a measure of all layers over the steps, and loss and metrics on the same axis.

        Args:
            measure: Name of one of the ``measures`` of the summary.
            layer: Key of the layer that gets a frame; empty for none.

        Raises:
            InputRejected: If no run is open, or there is no such measure.
        """

    @asks("The layer over the steps", reads_run=RunPart.ANSWERS)
    def run_layer(
        self,
        layer: str,
        part: str,
        visualizer: str,
        options: Mapping[str, Any],
        sample: int,
        progress: Progress | None = None,
    ) -> LayerView:
        """Return everything that is shown of one layer over the steps of the training, its chart included.

        The first of its ``parts`` is the one that is shown. An option ``step`` always follows the open step, and
        ``sample`` the sample.

        Args:
            layer: Key of the layer.
            part: ``"answers"``, or what was recorded of its units, such as ``"mean"``; what there is not is the first
                that there is.
            visualizer: Name of the picture; where it does not suit, the one that suits best is drawn.
            options: Option values by name, those of other pictures among them.
            sample: Which of the samples that were watched.
            progress: Called with how much is done, where the model is run again at each step.

        Raises:
            InputRejected: If no run is open, or nothing was recorded of the layer.
            ExtractionFailed: If the model raises.
        """

    @asks("Looking at the file", stands_alone=True, reads_files=True)
    def file_report(
        self, source: str | os.PathLike[str] | bytes, name: str = "", member: str = "", weights: str = ""
    ) -> FileReport:
        """Say what a model file holds without making anything of it, refused or not.

        Args:
            source: The path of a file or folder, or the content of a file, as :func:`core.load_model` takes it.
            name: The file's name.
            member: Path of the model that is meant, where the source holds several.
            weights: Path of the weights, where the source is an architecture alone.

        Raises:
            SeveralModels: If the source holds several models and none was named.
            ModelRefused: If the files cannot be read at all.
        """

    @asks("Looking at the file", stands_alone=True, reads_files=True, by_path=file_report)
    def files_report(self, files: Sequence[tuple[str, bytes]], member: str = "") -> FileReport:
        """Say what files that were given together hold, see :meth:`file_report`.

        Args:
            files: Name and content of each.
            member: Name of the model that is meant, where there are several.

        Raises:
            SeveralModels: If they are several models and none was named.
            ModelRefused: If they cannot be read at all.
        """


def declared(name: str) -> Declaration:
    """Return the declaration of a method or property.

    Raises:
        KeyError: If there is none of that name.
    """
    return vars(WorkspaceInterface)[name]
