"""The chosen layers and units, each with the pictures that tell the most of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from core.common.text import sentence
from core.report.asking import Asking, said_in
from core.report.contents import Chart, Figure, Item, Paragraph, Section
from core.report.selection import Selection
from core.workspace.health_results import CLASS_MEANS_READ
from core.workspace.results import LayerRow, VisualizerSummary

__all__ = ["layers_chapter", "pictures_of_unit", "units_chapter"]

_UNIT_PICTURES: Final = ("unit-map", "exciting-samples", "unit-weights")
"""Those of the page of a unit that stand in a report, the most telling first; all that plugins add to the page too."""
_BUILT_IN: Final = "vizplugins"
_MOST_OF_UNIT: Final = 2


def layers_chapter(asking: Asking, selection: Selection) -> Section:
    """Return the chapter, a part for each layer.

    Args:
        asking: Asks the workspace.
        selection: What is shown.
    """
    sample = selection.samples[0]
    parts = []
    for number, row in enumerate(selection.layers):
        asking.tell(0.3 + 0.25 * number / len(selection.layers), f"Layer {row.key}")
        parts.append(_layer(asking, row, sample, selection.pictures))
    how = "chosen as the most telling ones: where the answer is made, with findings, and one of each other kind"
    text = f"Drawn for sample {sample:,}. " + (f"The layers were {how}." if selection.is_automatic else "")
    return Section("Chosen layers", (Paragraph(text.strip()),), tuple(parts))


def units_chapter(asking: Asking, selection: Selection) -> Section:
    """Return the chapter, a part for each unit; empty where there are none.

    Args:
        asking: Asks the workspace.
        selection: What is shown.
    """
    parts = []
    for number, (layer, unit) in enumerate(selection.units):
        asking.tell(0.55 + 0.15 * number / len(selection.units), f"A unit of {layer}")
        part = _unit(asking, layer, unit, selection.samples[0])
        parts += [part] if part is not None else []
    return Section("Chosen units", sections=tuple(parts))


def pictures_of_unit(asking: Asking, layer: str, unit: int, sample: int) -> list[Item]:
    """Return the pictures that tell what a unit is.

    Args:
        asking: Asks the workspace.
        layer: Key of its layer.
        unit: Its number.
        sample: Which sample it answers to.
    """
    card = asking.workspace.unit_card(layer, unit, sample)
    by_name = {each.name: each for each in card.pictures}
    named = [by_name[name] for name in _UNIT_PICTURES if name in by_name][:_MOST_OF_UNIT]
    of_plugins = [each for each in card.pictures if each.package != _BUILT_IN]
    return [asking.picture(layer, each, sample, {"@unit": unit}) for each in (*named, *of_plugins)]


def _layer(asking: Asking, row: LayerRow, sample: int, wanted: Sequence[str]) -> Section:
    items: list[Item] = []
    if row.missing:
        return Section(row.key, (Paragraph(sentence(row.missing)),))
    with said_in(items):
        view = asking.view(row.key, sample)
        findings = [each.text for each in asking.health.rows if each.layer == row.key]
        items.append(Paragraph(sentence(view.description)))
        items += [Paragraph(sentence(text)) for text in findings]
        items += [asking.picture(row.key, each, sample) for each in _pictures(view.visualizers, wanted)]
        items += _class_means(asking, row.key)
    return Section(row.key, tuple(items))


def _pictures(suited: Sequence[VisualizerSummary], wanted: Sequence[str]) -> list[VisualizerSummary]:
    """Return the picture that suits a layer best, and those that were asked for by name."""
    chosen = [*suited[:1], *(each for each in suited if each.name in wanted)]
    return list({each.name: each for each in chosen}.values())


def _class_means(asking: Asking, layer: str) -> list[Item]:
    """Return what each unit answers to each class in the mean; nothing where no class is known."""
    if not asking.workspace.sample_labels or layer not in asking.health.layers:
        return []
    drawn = asking.workspace.class_means(layer)
    if not drawn:
        return []
    chart = Chart(drawn, f"What each unit of {layer} answers to each class in the mean.")
    return [
        Figure(
            (chart,),
            "Units by classes",
            how_to_read=CLASS_MEANS_READ,
            limitations="A mean hides that a unit answers to some samples of a class only.",
        )
    ]


def _unit(asking: Asking, layer: str, unit: int | None, sample: int) -> Section | None:
    card = asking.workspace.unit_card(layer, unit, sample)
    if card.reason:
        return None
    findings = [each for each in asking.health.rows if each.layer == layer and card.unit in each.units]
    items: list[Item] = [
        Paragraph(f"{sentence(card.description)} To sample {sample:,} it answers {card.answer}."),
        *(Paragraph(f"Among its layer's findings: {sentence(each.text)}") for each in findings),
    ]
    with said_in(items):
        items += pictures_of_unit(asking, layer, card.unit, sample)
    return Section(sentence(card.name).rstrip("."), tuple(items))
