"""The plain things that cross from the Workspace to a page: names, numbers, texts, specifications as dicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pydantic import ConfigDict

from core.plugins.controls import Control, Group
from core.workspace.conversion_results import Conversion

__all__ = [
    "Answer",
    "ChartPicture",
    "ChartResult",
    "ComparableExample",
    "ComparisonReport",
    "ExampleSummary",
    "Failure",
    "InputSummary",
    "InputView",
    "InstalledMeaning",
    "InstalledVisualizer",
    "LabelSummary",
    "LayerRow",
    "LayerView",
    "MeaningMatch",
    "MeaningOption",
    "ModelSummary",
    "NoiseSizes",
    "PartSummary",
    "PluginSummary",
    "Rejection",
    "SampleRow",
    "SampleRows",
    "ShownSummary",
    "VisualizerSummary",
]


@dataclass(frozen=True)
class ExampleSummary:
    """An example as a list shows it; ``quality`` says what its answers to held-out samples are worth."""

    name: str
    title: str
    description: str
    quality: str
    source: str


@dataclass(frozen=True)
class InputSummary:
    """What one input of the model expects.

    Attributes:
        name: Its name.
        kind: What it is taken for, see :class:`core.inputs.spec.InputSpec`.
        shape: Its shape without the sample axis.
        dtype: Its type.
        kinds: What it could be taken for instead.
        likeliest: What it is taken for where nobody says otherwise.
        open_axes: Names of the axes that may be of any size, in their order.
        takes_sound: Whether it may be a waveform.
        sampling_rate: How many numbers a second it takes, as far as the model says so or its length is a usual one.
        takes_letters: Whether its steps may be letters, one-hot.
    """

    name: str
    kind: str
    shape: str
    dtype: str
    kinds: tuple[str, ...] = ()
    likeliest: str = ""
    open_axes: tuple[str, ...] = ()
    takes_sound: bool = False
    sampling_rate: int = 0
    takes_letters: bool = False


@dataclass(frozen=True)
class NoiseSizes:
    """How large noise is along the axes of inputs that may be of any size.

    Attributes:
        extents: By input, the extent along each of its open axes, in their order; inputs without one are left out.
        refusal: Why no size was found that the model takes; empty where ``extents`` fit, or somebody asked for them.
    """

    extents: dict[str, tuple[int, ...]] = field(default_factory=dict)
    refusal: str = ""


@dataclass(frozen=True)
class ModelSummary:
    """The model that is open.

    Attributes:
        name: What the person knows it by: the example's name or the file's.
        layer_count: Layers at the top.
        parameter_count: Weights, trainable or not.
        inputs: What it expects.
        output: Shape of its output, such as ``"10 classes"``.
        featured_layer: Key of the layer to look at first.
        suggested_scaling: Scaling of images that suits it.
        origin: What its file says of how it came to be, such as ``"Keras 3.15.1, compiled with Adam, loss mse"``.
        trusted: What it uses beyond Keras because somebody trusts it, such as ``"TCN of tcn"``.
        outputs: What each of its outputs is called, in the order in which they are answered.
        main_output: The one of them whose answer is shown where none was chosen.
    """

    name: str
    layer_count: int
    parameter_count: int
    inputs: tuple[InputSummary, ...]
    output: str
    featured_layer: str
    suggested_scaling: str
    origin: str = ""
    trusted: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    main_output: str = ""


@dataclass(frozen=True)
class ShownSummary:
    """A model that somebody has in memory and shows.

    Attributes:
        name: What it is called.
        version: Counts how often it was shown, from 1: it may have been trained on meanwhile.
        has_samples: Whether samples came with it.
        about_samples: What there is to say of them, such as ``"The first 1,000 of 60,000 samples"``.
        inputs: What it expects.
    """

    name: str
    version: int
    has_samples: bool
    about_samples: str
    inputs: tuple[InputSummary, ...] = ()


@dataclass(frozen=True)
class InputView:
    """One sample of one input, ready to be shown.

    Attributes:
        name: Name of the input.
        shape: Its shape without the sample axis.
        picture: PNG bytes, for images.
        text: The text, for strings.
        specification: Vega-Lite chart, for vectors, sequences and whatever else has numbers.
        minimum: Smallest number that the model sees, over all samples.
        maximum: Largest.
        not_finite: How many of all numbers are NaN or infinite.
        note: What is to be said of the picture, where it does not show everything.
        warning: What is said where the numbers obviously lie elsewhere than the model expects them, such as ``"Example
            samples lie in 0 to 1, yours in 0.46 to 254. Divide by 255?"``; empty otherwise.
        suggested_scaling: Key of :data:`core.inputs.images.SCALINGS` that would mend it when the files are taken again,
            those of arrays with ``scale_arrays``; empty where none would.
        letters: The first letters of a one-hot sequence, where they are known; empty otherwise.
        audio: WAV bytes of the waveform that the model sees, where its sampling rate is known.
        film: GIF bytes, for frames that play.
        slices: Vega-Lite chart of a volume's slices in three directions, each with a slider.
        value: The number or the text of an input that takes one alone; empty otherwise.
        alt: What a screen reader hears: what goes in, with its key numbers.
    """

    # How the picture crosses from a worker, see core.workspace.workers.wire.
    __pydantic_config__ = ConfigDict(val_json_bytes="base64")

    name: str
    shape: str
    picture: bytes | None = None
    text: str | None = None
    specification: dict[str, Any] | None = None
    minimum: float | None = None
    maximum: float | None = None
    not_finite: int = 0
    note: str = ""
    warning: str = ""
    suggested_scaling: str = ""
    letters: str = ""
    audio: bytes | None = None
    film: bytes | None = None
    slices: dict[str, Any] | None = None
    value: str = ""
    alt: str = ""


@dataclass(frozen=True)
class MeaningOption:
    """Something that an output can be taken for; ``description`` is a sentence about it."""

    name: str
    title: str
    description: str = ""


@dataclass(frozen=True)
class Answer:
    """What the model answers to one sample.

    Attributes:
        specification: Vega-Lite chart of it, at most 112 screen pixels high: bars of the strongest classes and the true
            one, all numbers in their order, a picture where it has the shape of one; empty for text and for one number.
        best: Name of the class that it answers; empty where the output is no classification.
        probability: Of that class, 0 to 1; None where the model answers no probabilities, such as logits.
        true_label: Label of the sample by name; empty if unknown.
        right: Whether both agree; None if either is unknown, or the label is no class of the model.
        text: The answer, where it is text.
        value: The answer in words, where it is a single number and no class; empty otherwise.
        value_name: What that number is called.
        note: What else is to be said, such as ``"true 22.5, error +0.7"``, ``"softmax of the logits: 91 %"`` or that
            the probabilities are practically uniform.
        alt: What a screen reader hears: what is answered, with its key numbers.
        meaning: Name of the meaning that the output is taken for.
        meanings: All that it can be taken for, the likeliest first.
        unsuited: Why another meaning was taken than was asked for; empty where it was not.
        failure: What went wrong where the meaning failed; nothing takes its place by itself.
    """

    specification: dict[str, Any]
    best: str = ""
    probability: float | None = None
    true_label: str = ""
    right: bool | None = None
    text: str = ""
    value: str = ""
    value_name: str = ""
    note: str = ""
    alt: str = ""
    meaning: str = ""
    meanings: tuple[MeaningOption, ...] = ()
    unsuited: str = ""
    failure: Failure | None = None


@dataclass(frozen=True)
class SampleRow:
    """One sample in the list of samples.

    Attributes:
        number: Its number, from 0.
        name: What it is called, such as its file.
        true_label: Its label by name, or its true value; empty if unknown.
        answer: The class that the model answers, or its number or text; empty where the answer is neither, or unknown.
        right: Whether the answer is the label; None if either is unknown, or the label is no class of the model.
        confidence: Probability of the class that is answered, 0 to 1, of logits by their softmax; None if unknown.
        loss: How far the answer is off, by what the output is taken for, such as the cross-entropy of the true class in
            nats, the mean absolute error, or one minus the mean IoU; None if unknown.
        loss_name: What it is called.
        is_run: Whether the model was run on it, so that the rest is known as far as it can be.
    """

    number: int
    name: str
    true_label: str = ""
    answer: str = ""
    right: bool | None = None
    confidence: float | None = None
    loss: float | None = None
    is_run: bool = False
    loss_name: str = ""


SampleRows: TypeAlias = tuple[SampleRow, ...]
"""A row for each sample."""


@dataclass(frozen=True)
class LabelSummary:
    """What the labels of the samples that are open are taken for, see :mod:`core.inputs.labels`.

    Attributes:
        origin: What they are called, such as ``"folder names"``; empty if there are none.
        note: How they were set against the model's answer, in sentences; empty where there is nothing to say.
        role: ``"class"``, ``"value"`` or ``"unused"``; empty if there are none.
        roles: What else a person may take them for; empty where there is nothing to choose.
        class_names: Names of the classes that are in use, the first of them.
        class_count: How many names there are.
        names_note: Why a list of names is not used; empty if it is, or there is none.
        is_order_assumed: Whether which class of the model is which is not known, and the alphabet was taken.
    """

    origin: str = ""
    note: str = ""
    role: str = ""
    roles: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    class_count: int = 0
    names_note: str = ""
    is_order_assumed: bool = False


@dataclass(frozen=True)
class LayerRow:
    """One row of the table of layers.

    Attributes:
        key: Key of the layer.
        name: What the row shows; nested layers without the path of their parent.
        number: Position in call order, from 1.
        depth: How many models or composite layers are around it.
        type_name: Class of the layer.
        kind: What it is coloured by.
        shape: Output shape without the sample axis, such as ``"8×8×16"``.
        parameter_count: Weights of the layer; None where a file that is only looked at does not say.
        distribution: Histogram counts of the answer to this sample; empty if there are no values.
        notes: What is worth a look: ``"62 % zeros"``, ``"NaN"``, ``"dead: 5 of 16 channels"``.
        holds_layers: Whether layers are nested in it.
        parent: Key of the model or layer around it; empty at the top.
        inputs_from: Keys of the layers that feed it.
        missing: Why there are no values; empty where there are.
        byte_count: What the layer answers to all samples, in bytes; None where that is not known before it ran.
        internals: Keys of what the layer keeps to itself, such as states and gates.
        is_helper: Whether it is an operation without weights that answers no real numbers, as what makes a mask.
    """

    key: str
    name: str
    number: int
    depth: int
    type_name: str
    kind: str
    shape: str
    parameter_count: int | None
    distribution: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    holds_layers: bool = False
    parent: str = ""
    inputs_from: tuple[str, ...] = ()
    missing: str = ""
    byte_count: int | None = None
    internals: tuple[str, ...] = ()
    is_helper: bool = False


@dataclass(frozen=True)
class PartSummary:
    """What can be looked at of a layer: its answer, or something that it keeps to itself; ``key`` selects it."""

    key: str
    title: str


@dataclass(frozen=True)
class VisualizerSummary:
    """A picture that suits a layer, with the controls of its options.

    ``changed_at`` is when its file was last loaded again, such as ``"12:03:05"``; empty if it was not. ``group`` is one
    of :data:`core.plugins.visualizer.GROUPS`; ``on_unit_card`` says how many of its pictures stand on the
    page of a unit.
    """

    name: str
    title: str
    description: str
    how_to_read: str
    limitations: str
    controls: tuple[Control, ...]
    package: str
    version: str
    changed_at: str = ""
    group: Group = "look"
    on_unit_card: int = 0

    def values_of(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return those option values that this picture has a control for; the sample is that of the page.

        Args:
            options: Values by option name, and what is selected on the page: ``@unit``, ``@class``, ``@region``
                and ``@meaning`` are for every option that follows that and has no value of its own.
        """
        values = {}
        for control in self.controls:
            followed = f"@{control.follows}"
            if control.name != "sample" and control.name in options:
                values[control.name] = options[control.name]
            elif control.follows and followed in options:
                values[control.name] = options[followed]
        return values


@dataclass(frozen=True)
class InstalledVisualizer:
    """A picture that is installed, whatever layer it suits; ``handles`` says which in words.

    ``group`` is one of :data:`core.plugins.visualizer.GROUPS`. ``is_panel`` says that it draws a page of its own.
    """

    name: str
    title: str
    description: str
    handles: str
    group: Group = "look"
    is_panel: bool = False


@dataclass(frozen=True)
class InstalledMeaning:
    """Something that an output can mean, whatever model is open; ``handles`` says of which outputs, in words.

    ``loss_name`` is what samples are then sorted by; empty where nothing is. ``failure`` says why it could not be
    asked; empty if it could.
    """

    name: str
    title: str
    description: str
    handles: str = ""
    loss_name: str = ""
    failure: str = ""


@dataclass(frozen=True)
class InstalledReader:
    """A kind of file that a plugin reads samples from, or opens as a model; ``handles`` says how they are known."""

    name: str
    title: str
    description: str
    handles: str = ""


@dataclass(frozen=True)
class ComparableExample:
    """An example that takes what the open model takes.

    Attributes:
        name: Name of the example.
        early: Whether it is meant as it was early in its training.
        title: What a list calls it, such as ``"This model, after 1 epoch"``.
        quality: What its answers to held-out samples are worth, in a sentence.
    """

    name: str
    early: bool
    title: str
    quality: str


@dataclass(frozen=True)
class ComparisonReport:
    """Two models, or two samples, layer by layer.

    Attributes:
        names: What each is called.
        distances: A bar per layer as a Vega-Lite chart; the selection ``layer`` holds the one that is clicked.
        similarity: Linear CKA of all layers with all as a Vega-Lite chart; empty for two samples.
        layers: Keys of the layers that both have, in call order.
        first: The first that differs by more than rounding; empty if none does.
        largest: The one that differs the most; empty if none does.
        conversion: What is to be said besides where one of the two models is a converted one.
        changes: How far each of the layers differs, in units of the first one's answers.
    """

    names: tuple[str, str]
    distances: dict[str, Any]
    similarity: dict[str, Any]
    layers: tuple[str, ...]
    first: str
    largest: str = ""
    conversion: Conversion | None = None
    changes: tuple[float, ...] = ()


@dataclass(frozen=True)
class PluginSummary:
    """A plugin, whether it can be used or not; see :class:`core.plugins.plugin.Plugin`.

    ``failures`` say what went wrong, ``notices`` what its author should know.
    """

    name: str
    source: str
    package: str
    version: str
    path: str
    status: str
    visualizers: tuple[InstalledVisualizer, ...]
    failures: tuple[Failure, ...] = ()
    notices: tuple[str, ...] = ()
    import_seconds: float = field(default=0.0, compare=False)
    changed_at: str = ""
    report_to: str = ""
    meanings: tuple[InstalledMeaning, ...] = ()
    readers: tuple[InstalledReader, ...] = ()
    loaders: tuple[InstalledReader, ...] = ()


@dataclass(frozen=True)
class MeaningMatch:
    """A meaning, and how likely an output has it: ``score`` from 0 to 1, or None and the reason why it cannot."""

    name: str
    title: str
    score: float | None
    reason: str
    package: str


@dataclass(frozen=True)
class Rejection:
    """A picture that does not suit a layer, and why; ``group`` is the group that it stands in."""

    title: str
    reason: str
    package: str
    name: str = ""
    group: Group = "look"


@dataclass(frozen=True)
class Failure:
    """What went wrong, for a person: what happened, what to do next, and the traceback for a plugin's author.

    ``can_be_tried_again`` is true where a worker had to be ended, which another attempt may not need.
    """

    message: str
    remedy: str = ""
    traceback: str = ""
    package: str = ""
    version: str = ""
    can_be_tried_again: bool = False


@dataclass(frozen=True)
class ChartPicture:
    """One chart of a picture.

    Attributes:
        specification: Vega-Lite.
        caption: What stands above it; empty where it is alone.
        selections: Names of the selection parameters in it that are options too, or lead to a unit.
        alt: What a screen reader hears: what the chart shows, and its key numbers.
    """

    specification: dict[str, Any]
    caption: str = ""
    selections: tuple[str, ...] = ()
    alt: str = ""


@dataclass(frozen=True)
class PanelPicture:
    """The page of a panel, as its plugin drew it: to be shown in a frame of its own, see :mod:`core.plugins.panels`.

    Attributes:
        html: What stands in its body.
        description: What a screen reader hears.
        height: Screen pixels that it takes.
    """

    html: str
    description: str
    height: int


@dataclass(frozen=True)
class ChartResult:
    """The charts of a picture, or why there are none.

    Attributes:
        pictures: One chart or several; none if it was refused or failed.
        notes: A sentence per option value that had to be fitted.
        faults: By option, why its value was refused and the default taken; under ``""`` why values do not go together.
        refusal: Why the visualizer has nothing to draw; empty if it has.
        failure: What went wrong; None if nothing did.
        panel: The page of a panel, which has no charts; else None.
        printed: What a stranger's plugin printed while it drew.
    """

    pictures: tuple[ChartPicture, ...] = ()
    notes: tuple[str, ...] = ()
    faults: dict[str, str] = field(default_factory=dict)
    refusal: str = ""
    failure: Failure | None = None
    seconds: float = field(default=0.0, compare=False)
    panel: PanelPicture | None = None
    printed: str = field(default="", compare=False)


@dataclass(frozen=True)
class LayerView:
    """Everything that is shown of one layer.

    Attributes:
        description: The layer's line: type, axes and shape, bytes.
        parts: What can be looked at of it.
        visualizers: The pictures that suit it, the best first.
        chart: The picture that :meth:`picture` chooses; None where none suits, or none was to be drawn.
        unavailable: The pictures that would suit it if the person gave what they need, such as more samples.
    """

    description: str
    parts: tuple[PartSummary, ...]
    visualizers: tuple[VisualizerSummary, ...]
    chart: ChartResult | None = None
    unavailable: tuple[Rejection, ...] = ()

    def picture(self, name: str) -> VisualizerSummary | None:
        """Return the picture of a name, or the one that suits best where that does not; None where none does."""
        best = next(iter(self.visualizers), None)
        return next((visualizer for visualizer in self.visualizers if visualizer.name == name), best)
