"""Single samples: what goes in, what is answered, and which parts of the input count for that."""

from __future__ import annotations

from typing import Final

from core.common.text import percent, safe_name
from core.report.asking import Asking, said_in
from core.report.contents import Chart, Figure, Item, Picture, Section
from core.workspace.results import Answer, InputView

__all__ = ["answer_in_words", "sample_figures", "samples_chapter", "title_of_sample"]

_ATTRIBUTION: Final = "input-attribution"
_MOST_INPUTS: Final = 4
_LONGEST_TEXT: Final = 1_000


def samples_chapter(asking: Asking, samples: list[int]) -> Section:
    """Return the chapter, a part for each sample.

    Args:
        asking: Asks the workspace.
        samples: Their numbers.
    """
    parts = []
    for sample in samples:
        items = list(sample_figures(asking, sample))
        attribution = _attribution(asking, sample)
        parts.append(Section(title_of_sample(asking, sample), (*items, *attribution)))
    return Section("Single samples", sections=tuple(parts))


def title_of_sample(asking: Asking, sample: int) -> str:
    """Return what a sample is called: its number, its name where it has one, and whether its answer is right."""
    row = asking.rows[sample]
    name = "" if row.name == str(sample) else f" · {safe_name(row.name)}"
    verdict = "" if row.right is None else " · correct" if row.right else " · wrong"
    return f"Sample {sample:,}{name}{verdict}"


def sample_figures(asking: Asking, sample: int) -> list[Item]:
    """Return what goes in, and what is answered to it."""
    items: list[Item] = []
    with said_in(items):
        items += map(_input, asking.workspace.inputs(sample)[:_MOST_INPUTS])
        items.append(_answer(asking.answer(sample)))
    return items


def answer_in_words(answer: Answer) -> str:
    """Return what is answered, and the truth beside it, in a line."""
    share = "" if answer.probability is None else f" {percent(answer.probability)}"
    parts = [f"Answer: {answer.best}{share}"] if answer.best else []
    if answer.value:
        parts = [f"{answer.value_name or 'Answer'}: {answer.value}"]
    if answer.text:
        parts = [f"Answer: {answer.text[:_LONGEST_TEXT]}"]
    if answer.true_label:
        parts.append(f"{'true' if answer.right is not None else 'label'}: {answer.true_label}")
    return " · ".join(parts)


def _input(view: InputView) -> Figure:
    title = f"Input {safe_name(view.name)}"
    seen = [view.shape]
    if view.minimum is not None and view.maximum is not None:
        seen.append(f"the model sees {view.minimum:.3g} to {view.maximum:.3g} over all samples")
    if view.not_finite:
        seen.append(f"{view.not_finite:,} numbers are NaN or infinite")
    notes = [each for each in (view.note, view.warning) if each]
    text = " · ".join(filter(None, seen))
    charts = (Chart(view.specification, view.alt),) if view.specification is not None else ()
    pictures = tuple(
        Picture(data, view.alt or title, is_pixelated=data is view.picture)
        for data in (view.film or view.picture,)
        if data is not None
    )
    words = next((each for each in (view.text, view.letters, view.value) if each), "")
    if words:
        text = f"{words[:_LONGEST_TEXT]}{'…' if len(words) > _LONGEST_TEXT else ''}"
    return Figure(charts, title, pictures, text, notes=notes, is_narrow=True)


def _answer(answer: Answer) -> Figure:
    said = answer_in_words(answer)
    notes = [answer.note] if answer.note else []
    if answer.failure is not None:
        notes.append(f"{answer.failure.message} {answer.failure.remedy}".rstrip())
    charts = (Chart(answer.specification, answer.alt),) if answer.specification else ()
    return Figure(charts, "What is answered", text=said, notes=notes, is_narrow=True)


def _attribution(asking: Asking, sample: int) -> list[Item]:
    """Return which parts of the input count for the answer; nothing where no picture tells that."""
    items: list[Item] = []
    with said_in(items):
        layer = asking.answering_layer
        picture = next((each for each in asking.view(layer, sample).visualizers if each.name == _ATTRIBUTION), None)
        if picture is not None:
            items.append(asking.picture(layer, picture, sample))
    return items
