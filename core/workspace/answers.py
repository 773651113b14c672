"""What a model answers to one sample, as what it means: the likeliest meaning, or the one that is asked for."""

from __future__ import annotations

from dataclasses import replace

from core.common.text import safe_name, sentence
from core.errors import PluginFailed
from core.plugins.declarations import summary_of
from core.plugins.meaning_registry import MeaningRegistry
from core.plugins.meanings import ANSWER_HEIGHT, MeaningAnswer, OutputContext
from core.workspace.results import Answer, Failure, MeaningOption

__all__ = ["ANSWER_HEIGHT", "answer_of"]


def answer_of(output: OutputContext, meanings: MeaningRegistry, meaning: str = "") -> Answer:
    """Say and draw what the model answers to one sample, no higher than :data:`ANSWER_HEIGHT`.

    Args:
        output: One output of the model for the sample.
        meanings: What outputs can mean.
        meaning: Name of the meaning that it is taken for; where there is none of that name, or it does not suit, the
            likeliest is taken and the answer says so.
    """
    suited = meanings.suited(output)
    if not suited:
        return Answer({}, true_label=output.true_label, note="no meaning is known for an output like this")
    chosen = next((each for each in suited if each.name == meaning), suited[0])
    unsuited = ""
    if meaning and chosen.name != meaning:
        known = next((each for each in meanings.all if each.name == meaning), None)
        why = (
            f"The output cannot be taken for {known.title}" if known else f"There is no meaning '{safe_name(meaning)}'"
        )
        unsuited = f"{why}; it is shown as: {chosen.title}."
    options = tuple(MeaningOption(each.name, each.title, summary_of(each)) for each in suited)
    answer = Answer({}, true_label=output.true_label, meaning=chosen.name, meanings=options, unsuited=unsuited)
    try:
        drawn = meanings.answer(chosen.name, output)
    except PluginFailed as error:
        failure = Failure(error.message, error.remedy, error.traceback, error.package, error.version)
        return replace(answer, failure=failure, alt=error.message)
    said = drawn.answer
    return replace(
        answer,
        specification=drawn.specification,
        best=said.words if said.is_class else "",
        probability=said.probability,
        right=said.right,
        text=said.words if said.is_text else "",
        value="" if said.is_class or said.is_text else said.words,
        value_name=output.name,
        note=said.note,
        alt=_spoken(said, output.true_label),
    )


def _spoken(said: MeaningAnswer, true_label: str) -> str:
    return " ".join(filter(None, [said.alt, _verdict(said.right, true_label), sentence(said.note)]))


def _verdict(right: bool | None, true_label: str) -> str:
    if right is None:
        return f"Label: {true_label}." if true_label else ""
    return f"{'Correct' if right else 'Wrong'}, the true label is {true_label}."
