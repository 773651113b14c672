"""The model against a second one: which layers differ, how alike they are, and the first of them side by side."""

from __future__ import annotations

from core.common.text import count_text, percent, safe_name
from core.report.asking import Asking, figure_of, said_in
from core.report.contents import Chart, Figure, Item, Paragraph, Row, Section, Table
from core.report.selection import Selection
from core.workspace.conversion_results import Conversion
from core.workspace.pin_results import Pinned, SideBySide
from core.workspace.results import ComparisonReport, VisualizerSummary

__all__ = ["beside", "comparison_chapter"]


def comparison_chapter(asking: Asking, selection: Selection) -> Section:
    """Return the chapter; empty where there is no second model.

    Args:
        asking: Asks the workspace.
        selection: What is shown.
    """
    items: list[Item] = []
    parts: list[Section] = []
    with said_in(items):
        report = asking.comparison
        if report is None:
            return Section("")
        items += _sentences(report)
        items += _figures(report)
        if report.conversion is not None:
            parts.append(_conversion(report.conversion))
        layer = report.largest or report.first
        if layer:
            parts.append(Section(f"{layer}, side by side", beside(asking, layer, selection.samples[0])))
    return Section("Against a second model", tuple(items), tuple(parts))


def beside(asking: Asking, layer: str, sample: int, unit: int | None = None, visualizer: str = "") -> tuple[Item, ...]:
    """Return a layer of both models as the same picture on one scale, and the difference.

    Args:
        asking: Asks the workspace.
        layer: Key of the layer.
        sample: Number of the sample.
        unit: Unit or channel; None shows the one that differs the most.
        visualizer: Name of the picture; empty for the one that suits best.
    """
    items: list[Item] = []
    with said_in(items):
        picture = asking.view(layer, sample).picture(visualizer)
        if picture is not None:
            options = {} if unit is None else {"@unit": unit}
            asked = asking.workspace.side_by_side(
                layer, picture.name, options, sample, Pinned(is_other_model=True), asking.within
            )
            items += _both(asked, picture)
    return tuple(items)


def _both(pair: SideBySide, picture: VisualizerSummary) -> list[Item]:
    titles = (*pair.titles, "Difference")
    drawn = [
        figure_of(result, picture, f"{picture.title}: {safe_name(title)}")
        for result, title in zip((pair.first, pair.second, pair.difference), titles, strict=True)
        if result is not None
    ]
    notes = [*pair.notes, *([pair.reason] if pair.reason else [])]
    return [*drawn, *map(Paragraph, notes)]


def _sentences(report: ComparisonReport) -> list[Item]:
    first, second = map(safe_name, report.names)
    said = [f"{first} against {second}, over the same samples."]
    if report.first:
        said.append(f"The first layer that differs by more than rounding is {report.first}.")
        said.append(f"The one that differs the most is {report.largest}." if report.largest else "")
    else:
        said.append("No layer differs by more than rounding.")
    return [Paragraph(" ".join(filter(None, said)))]


def _figures(report: ComparisonReport) -> list[Item]:
    figures: list[Item] = []
    if report.distances:
        figures.append(
            Figure(
                (Chart(report.distances, "How far each layer's answers differ between the two models."),),
                "How far each layer differs",
                how_to_read="The length of a bar is the norm of the difference over all samples, in units of the norm "
                "of the first model's answers: 1 is as much as the answer itself.",
                limitations="Two models that were trained apart can do the same with units in another order, which "
                "makes every layer differ: see the similarity.",
            )
        )
    if report.similarity:
        figures.append(
            Figure(
                (Chart(report.similarity, "How alike the layers of both models are, by linear CKA."),),
                "How alike the layers are",
                how_to_read="Linear CKA of each layer of the first model with each of the second: 1 where both tell "
                "samples apart in the same way, whatever the order of their units.",
                limitations="With few samples and many units CKA comes out too high.",
            )
        )
    return figures


def _conversion(conversion: Conversion) -> Section:
    if conversion.flip_count is None:
        return Section("Answers that turn", (Paragraph("The models answer no classes."),))
    share = percent(conversion.flip_count / conversion.sample_count) if conversion.sample_count else ""
    text = f"{count_text(conversion.flip_count, 'sample')} of {conversion.sample_count:,} get another class ({share})."
    rows: list[Row] = [(f"{sample:,}", one, other) for sample, one, other in conversion.flips]
    table = Table(("sample", "first model", "second model"), rows, frozenset({0}), "Samples that get another class.")
    return Section("Answers that turn", (Paragraph(text), *([table] if rows else [])))
