"""A model in one line: how large it is, what it takes, what it answers, and which layer to look at first."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.common.text import format_shape, safe_name
from core.examples.catalogue import Example
from core.extraction.extractor import Extractor
from core.extraction.known_layers import known_layers
from core.extraction.layers import LayerInfo
from core.extraction.model_output import main_output
from core.inputs.images import suggest_scaling
from core.inputs.letters import takes_letters
from core.inputs.model_output import ModelOutput
from core.inputs.sounds import guessed_rate, may_be_sound
from core.inputs.spec import InputSpec
from core.models.inspection import ModelFile
from core.workspace.results import InputSummary, ModelSummary
from core.workspace.told_summaries import written_by

__all__ = [
    "origin_of",
    "output_names",
    "summarize_inputs",
    "summarize_model",
    "summarize_seen",
]


def summarize_model(
    name: str, extractor: Extractor, specs: tuple[InputSpec, ...], example: Example | None
) -> ModelSummary:
    """Return what a page says about a model.

    Args:
        name: What to call it.
        extractor: Holds the model and its layers.
        specs: What it takes.
        example: Where it is from, which says what to look at first; None for a file.
    """
    layers = known_layers(extractor)
    top = [layer for layer in layers if layer.depth == 0]
    return ModelSummary(
        name=name,
        layer_count=len(top or extractor.model.layers),
        # Keras counts those of a model only once it is built.
        parameter_count=sum(math.prod(weight.shape) for weight in extractor.model.weights),
        inputs=summarize_inputs(specs, {spec.name: spec.kind for spec in specs}),
        output=_output_text(extractor.model, layers[-1].activation_function if layers else ""),
        featured_layer=example.featured_layer if example else _most_telling(layers),
        suggested_scaling=suggest_scaling(extractor.model),
        origin=origin_of(extractor.file),
        trusted=extractor.trusted,
    )


def summarize_seen(summary: ModelSummary, layers: Sequence[LayerInfo], outputs: Sequence[ModelOutput]) -> ModelSummary:
    """Return what a page says about a model of which only a pass told what it answers.

    Args:
        summary: What is known without that.
        layers: Its layers, from the pass.
        outputs: What its outputs are.
    """
    output = main_output(outputs)
    names = output_names(outputs)
    summary = replace(summary, outputs=names, main_output=names[output.position] if names else "")
    if not summary.output and output.count:
        are_classes = output.function == "softmax"
        summary = replace(summary, output=f"{output.count:,} classes" if are_classes else format_shape((output.count,)))
    return summary if summary.featured_layer else replace(summary, featured_layer=_most_telling(layers))


def output_names(outputs: Sequence[ModelOutput]) -> tuple[str, ...]:
    """Return what each output of a model is called, no two alike: those without a name by their number."""
    names: list[str] = []
    for number, output in enumerate(outputs):
        name = safe_name(output.name) or f"output {number}"
        names.append(name if name not in names else f"{name} ({number})")
    return tuple(names)


def origin_of(file: ModelFile | None) -> str:
    """Return who wrote a model's file, and how the model was compiled, as far as the file says; empty otherwise."""
    if file is None:
        return ""
    return written_by(file.keras_version, file.training)


def summarize_inputs(specs: Sequence[InputSpec], likeliest: Mapping[str, str]) -> tuple[InputSummary, ...]:
    """Return what a page says about the inputs of a model.

    Args:
        specs: What they are taken for.
        likeliest: By name, what they are taken for where nobody says otherwise.
    """
    return tuple(
        InputSummary(
            spec.name,
            spec.kind,
            format_shape(spec.shape),
            spec.dtype,
            spec.kinds,
            likeliest[spec.name],
            tuple(spec.axis_names[position] for position in spec.open_axes),
            may_be_sound(spec),
            spec.sampling_rate or guessed_rate(spec) if may_be_sound(spec) else 0,
            takes_letters(spec),
        )
        for spec in specs
    )


def _output_text(model: Any, activation_function: str) -> str:
    shapes = [tuple(output.shape)[1:] for output in getattr(model, "outputs", None) or ()]
    if len(shapes) == 1 and len(shapes[0]) == 1 and activation_function == "softmax":
        return f"{shapes[0][0]:,} classes"
    return ", ".join(format_shape(shape) or "one value" for shape in shapes)


def _most_telling(layers: Sequence[Any]) -> str:
    wanted: tuple[Callable[[Any], bool], ...] = (
        lambda layer: layer.kind == "convolution",
        lambda layer: layer.kind == "recurrent",
        lambda layer: layer.kind == "attention",
        lambda layer: layer.kind == "dense",
        lambda layer: True,
    )
    for suits in wanted:
        for layer in layers:
            if suits(layer) and not layer.missing:
                return layer.key
    return ""
