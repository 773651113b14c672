"""What the model answers, large: as what it means, see the files beside this one that are called so."""

import textwrap
from typing import Any

import altair as alt
import pandas as pd

from vizplugins import (
    Activation,
    Handles,
    LayerDataset,
    MeaningAnswer,
    MeaningName,
    MeaningRegistry,
    Options,
    Refusal,
    SampleIndex,
    Visualizer,
    charts,
    hookimpl,
)

_HEIGHT = 400
_LARGE, _SMALL, _LABEL = 34, 16, 14
_SPACING, _GAP = 1.3, 8
_LINE, _SHORT, _MOST_LINES = 80, 30, 20


class AnswerOptions(Options):
    """Which sample, and what its answer is taken for."""

    sample: SampleIndex = 0
    meaning: MeaningName = ""


def _is_output(activation: Activation) -> str:
    behind = [each.layer for each in activation.context.outputs]
    if activation.part != "output" or activation.layer.key not in behind:
        return "draws what the model answers, this layer is inside of it"
    return ""


class Answer(Visualizer):
    """What the model answers to the sample, as what it means: classes, a mask, a forecast, a reconstruction."""

    name = "answer"
    title = "Answer"
    group = "look"
    handles = Handles(layer_types=("Layer",), when=_is_output)
    Options = AnswerOptions
    how_to_read = (
        "The answer of the whole model, drawn by what it is taken for. That is guessed from its shape, the activation "
        "function, its name and what went in; the menu beside the answer above changes it."
    )
    limitations = "What the output was trained to be stands nowhere in the model: look whether the guess is right."

    def chart(
        self, activation: Activation, options: AnswerOptions, meanings: MeaningRegistry, dataset: LayerDataset
    ) -> Any:
        """Draw the answer as the page takes it, or else as the likeliest."""
        output = meanings.output_of(activation, options.sample, dataset)
        meaning = meanings.likeliest(output, options.meaning)
        if meaning is None:
            return Refusal("No meaning is known for an output like this.")
        drawn = meanings.answer(meaning.name, output, _HEIGHT).answer
        if drawn.chart is None:
            return {meaning.title: _written(output.name, drawn)} if drawn.words else Refusal(drawn.note or drawn.alt)
        caption = "; ".join(filter(None, (meaning.title, drawn.words, drawn.note)))
        return {caption: drawn.chart}


def _written(name: str, said: MeaningAnswer) -> alt.LayerChart:
    """Write an answer that words are enough for: a number with its true value and the error, or a text."""
    lines = [line for part in said.words.splitlines() for line in textwrap.wrap(part, _LINE) or [""]][:_MOST_LINES]
    size = _LARGE if len(lines) == 1 and len(lines[0]) <= _SHORT else _SMALL
    top = _LABEL + _GAP
    foot = top + len(lines) * size * _SPACING
    base = alt.Chart(pd.DataFrame({"name": [name], "answer": ["\n".join(lines)], "note": [said.note]}))
    words: dict[str, Any] = {"align": "left", "baseline": "top", "x": 2, "limit": 0, "lineBreak": "\n"}
    layers = [base.mark_text(**words, y=top, fontSize=size, lineHeight=size * _SPACING, color=charts.MARK_COLOUR)]
    layers[0] = layers[0].encode(text="answer:N", tooltip=[alt.Tooltip("answer:N")])
    for field, y in (("name", 0), ("note", foot + _GAP)):
        text = base.mark_text(**words, y=y, fontSize=_LABEL, color=charts.MUTED_TEXT)
        layers.append(text.encode(text=f"{field}:N"))
    return alt.LayerChart(layer=layers, height=foot + 2 * _GAP + _LABEL, view=charts.FRAMELESS)


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [Answer()]
