"""What the model is: what goes in and comes out, its layers, and how they are connected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from core.common.text import format_bytes, safe_name
from core.report.asking import Asking, said_in
from core.report.contents import Chart, Figure, Item, Paragraph, Row, Section, Table
from core.workspace.results import InputSummary, LayerRow

__all__ = ["model_chapter"]

_MOST_ROWS: Final = 400
_MOST_ON_MAP: Final = 150
_INDENT: Final = "\u2003"


def model_chapter(asking: Asking) -> Section:
    """Return the chapter.

    Args:
        asking: Asks the workspace.
    """
    model = asking.model
    takes = "; ".join(map(_input_in_words, model.inputs)) or "what it takes is not said"
    items: list[Item] = [
        Paragraph(f"{safe_name(model.name)} takes {takes}. Its output: {model.output}."),
        *([Paragraph(f"Its file says: {model.origin}.")] if model.origin else []),
        *(
            [Paragraph(f"It uses code beyond Keras that was trusted: {', '.join(model.trusted)}.")]
            * bool(model.trusted)
        ),
    ]
    rows = asking.layers
    items.append(_table_of_layers(rows[:_MOST_ROWS]))
    if len(rows) > _MOST_ROWS:
        items.append(Paragraph(f"The first {_MOST_ROWS} of {len(rows):,} layers."))
    if len(rows) <= _MOST_ON_MAP:
        with said_in(items):
            drawn = asking.workspace.map(0, "")
            items.append(
                Figure(
                    (Chart(drawn, f"The graph of {len(rows):,} layers, from the inputs down to the output."),),
                    "How the layers are connected",
                    how_to_read="Each box is a layer, coloured by its kind; lines show what is handed on, downwards.",
                    limitations="What a layer computes inside, and what is computed between layers, is not drawn.",
                )
            )
    return Section("The model", tuple(items))


def _input_in_words(summary: InputSummary) -> str:
    return f"{safe_name(summary.name)} ({summary.kind}, {summary.shape or 'one value'}, {summary.dtype})"


def _table_of_layers(rows: Sequence[LayerRow]) -> Table:
    cells: list[Row] = [
        (
            f"{_INDENT * row.depth}{row.key}",
            row.type_name,
            row.shape,
            "" if row.parameter_count is None else f"{row.parameter_count:,}",
            "" if row.byte_count is None else format_bytes(row.byte_count),
            ", ".join(row.notes) or row.missing,
        )
        for row in rows
    ]
    columns = ("layer", "type", "shape", "parameters", "size of answers", "worth a look")
    return Table(columns, cells, frozenset({3, 4}), "The layers in the order in which they are called.")
