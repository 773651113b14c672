"""What the tools answer, in plain values; numbers that are not known, or not finite, are None."""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.workspace.activation_results import ActivationSummary
from core.workspace.health_results import HealthRow

__all__ = [
    "AnswerToSample",
    "ChartEntry",
    "ChartList",
    "ChartOption",
    "ClosedModel",
    "Comparison",
    "Drift",
    "ExampleEntry",
    "Health",
    "InputDescription",
    "InputOfSample",
    "LayerChange",
    "LayerEntry",
    "LayerList",
    "LayerNumbers",
    "ModelList",
    "OpenedModel",
    "RunResult",
    "SampleEntry",
    "finite",
]


def finite(value: float | None) -> float | None:
    """Return a number; None where it is not finite, for which JSON has no word."""
    return value if value is not None and math.isfinite(value) else None


@dataclass(frozen=True)
class InputDescription:
    """What one input of a model expects; ``shape`` is without the axis of the samples."""

    name: str
    kind: str
    shape: str
    dtype: str


@dataclass(frozen=True)
class OpenedModel:
    """A model that was opened.

    Attributes:
        model: What it is asked for by.
        layer_count: Layers at the top.
        parameter_count: Weights, trainable or not.
        inputs: What it expects.
        output: Shape of its output, such as ``"10 classes"``.
        outputs: What each of its outputs is called.
        class_names: Names of its classes, the first of them.
        class_count: How many there are.
        look_first: Key of the layer to look at first.
        origin: What its file says of how it came to be.
        trusted: What it uses beyond Keras because whoever started the server trusts it.
        data: What it was given as input, in words; empty if nothing was yet.
        sample_count: How many samples that are.
        open_models: All models that are open.
    """

    model: str
    layer_count: int
    parameter_count: int
    inputs: tuple[InputDescription, ...]
    output: str
    outputs: tuple[str, ...]
    class_names: tuple[str, ...]
    class_count: int
    look_first: str
    origin: str
    trusted: tuple[str, ...]
    data: str
    sample_count: int
    open_models: tuple[str, ...]


@dataclass(frozen=True)
class ExampleEntry:
    """An example that ships with Layerscope, and opens by its name."""

    name: str
    description: str


@dataclass(frozen=True)
class ModelList:
    """The models that are open, the last one asked at the end; where files are read; the examples that there are."""

    open_models: tuple[str, ...]
    root: str
    examples: tuple[ExampleEntry, ...]


@dataclass(frozen=True)
class ClosedModel:
    """The model that was closed, and those that are open."""

    closed: str
    open_models: tuple[str, ...]


@dataclass(frozen=True)
class LayerEntry:
    """One layer.

    Attributes:
        layer: Its key.
        type: Its class.
        shape: Shape of what it answers, without the axis of the samples.
        parameters: Its weights.
        depth: How many models or composite layers are around it.
        inputs_from: Keys of the layers that feed it.
        notes: What is worth a look in what it answers.
        missing: Why it has no values; empty where it has.
    """

    layer: str
    type: str
    shape: str
    parameters: int | None
    depth: int
    inputs_from: tuple[str, ...]
    notes: tuple[str, ...]
    missing: str


@dataclass(frozen=True)
class LayerList:
    """Layers in the order in which they are called, from number ``first`` on; ``total`` is how many there are."""

    model: str
    data: str
    total: int
    first: int
    layers: tuple[LayerEntry, ...]


@dataclass(frozen=True)
class InputOfSample:
    """What went into one input.

    Attributes:
        name: Name of the input.
        shape: Its shape.
        described: What it is, in words.
        minimum: Smallest number that the model sees, over all samples.
        maximum: Largest.
        not_finite: How many numbers of all samples are NaN or infinite.
        warning: What is obviously wrong with the numbers, and how it is mended; empty otherwise.
        suggested_scaling: The ``scaling`` of the tool run that would mend it; empty where none would.
    """

    name: str
    shape: str
    described: str
    minimum: float | None
    maximum: float | None
    not_finite: int
    warning: str
    suggested_scaling: str


@dataclass(frozen=True)
class AnswerToSample:
    """What the model answers to one sample.

    Attributes:
        sample: Its number.
        name: What it is called.
        answer: The answer in words.
        probability: Of the class that is answered; None where none is known.
        true_label: Its label; empty if unknown.
        correct: Whether both agree; None if unknown.
        described: The answer with its key numbers.
        note: What else is to be said.
    """

    sample: int
    name: str
    answer: str
    probability: float | None
    true_label: str
    correct: bool | None
    described: str
    note: str


@dataclass(frozen=True)
class SampleEntry:
    """One sample of many; ``loss`` says how far the answer is off, by what ``loss_name`` names."""

    sample: int
    name: str
    answer: str
    true_label: str
    correct: bool | None
    probability: float | None
    loss: float | None
    loss_name: str


@dataclass(frozen=True)
class RunResult:
    """What a model answers to its input.

    Attributes:
        model: The model.
        data: What it was given, in words.
        sample_count: How many samples there are.
        answered: On how many the model was run so far.
        judged: How many of these have a label that the answer is judged by.
        accuracy: Share of those that are answered correctly; None where that is not known.
        inputs: What went in, of the sample that was asked for.
        answer: What is answered to it.
        samples: That sample and those behind it.
        note: How labels were set against the answers, and how to go on where not all samples were run.
    """

    model: str
    data: str
    sample_count: int
    answered: int
    judged: int
    accuracy: float | None
    inputs: tuple[InputOfSample, ...]
    answer: AnswerToSample
    samples: tuple[SampleEntry, ...]
    note: str


@dataclass(frozen=True)
class LayerNumbers:
    """What a layer answers to one sample, in numbers."""

    model: str
    data: str
    sample: int
    numbers: ActivationSummary


@dataclass(frozen=True)
class Drift:
    """How far what goes into a layer lies from its statistics of training, in standard deviations of training."""

    layer: str
    shift: float | None
    spread: float | None


@dataclass(frozen=True)
class Health:
    """What is wrong with a model over its samples.

    Attributes:
        model: The model.
        data: What it was given, in words.
        sample_count: How many samples that rests on.
        layer_count: How many layers were looked at.
        finding_count: How many findings there are.
        findings: The first of them, the worst first.
        not_found: What was looked for and not found; empty if each kind was found somewhere.
        not_judged: What could not be judged, and why; empty if everything could.
        accuracy: Share of samples that are answered correctly; None where that is not known.
        judged: How many samples have a label that the answer is judged by.
        wrong: Samples that the model is wrong on, the first of them.
        wrong_count: How many in all.
        drifts: Of the layers that keep statistics of training.
    """

    model: str
    data: str
    sample_count: int
    layer_count: int
    finding_count: int
    findings: tuple[HealthRow, ...]
    not_found: str
    not_judged: str
    accuracy: float | None
    judged: int
    wrong: tuple[int, ...]
    wrong_count: int
    drifts: tuple[Drift, ...]


@dataclass(frozen=True)
class LayerChange:
    """How far a layer's answers differ: norm of the difference ÷ norm of the first one's answers."""

    layer: str
    change: float | None


@dataclass(frozen=True)
class Comparison:
    """Two models, or two samples, layer by layer.

    Attributes:
        names: What is compared.
        data: What was put in, in words.
        sample_count: How many samples that rests on.
        layer_count: How many layers both have.
        layers: Those that differ the most, in the order in which they are called.
        first_difference: The first that differs by more than rounding; empty if none does.
        largest_difference: The one that differs the most; empty if none does.
        note: What else is to be said.
    """

    names: tuple[str, str]
    data: str
    sample_count: int
    layer_count: int
    layers: tuple[LayerChange, ...]
    first_difference: str
    largest_difference: str
    note: str


@dataclass(frozen=True)
class ChartOption:
    """An option of a chart: which values it takes, and which it has where none is given."""

    name: str
    kind: str
    default: str
    description: str
    minimum: float | None
    maximum: float | None
    choices: tuple[str, ...]


@dataclass(frozen=True)
class ChartEntry:
    """A chart that suits a layer."""

    chart: str
    title: str
    description: str
    options: tuple[ChartOption, ...]


@dataclass(frozen=True)
class ChartList:
    """The charts that suit a layer, the best first; and those that would if something were given, with the reason."""

    model: str
    layer: str
    described: str
    parts: tuple[str, ...]
    charts: tuple[ChartEntry, ...]
    unavailable: tuple[str, ...]
