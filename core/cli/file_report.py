"""What ``layerscope inspect`` prints of a file besides the verdict: its layers, its weights, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from core.cli.tables import columns
from core.common.text import percent
from core.workspace.file_report.results import FileReport, MissingClass, WeightRow
from core.workspace.told_summaries import written_by

__all__ = ["report_as_json", "report_as_text"]

_INDENT: Final = "  "


def report_as_json(report: FileReport) -> dict[str, Any]:
    """Return a report as what JSON can hold, without its map and without what the verdict says already."""
    values = asdict(report)
    return {
        "model_class": values["type_name"],
        "date_saved": values["date_saved"],
        "parameter_count": values["parameter_count"],
        "inputs": values["inputs"],
        "rows": values["rows"],
        "weights": values["weights"],
        "missing_classes": values["missing_classes"],
        "notes": values["notes"],
    }


def report_as_text(report: FileReport, *, weights: bool) -> str:
    """Return a report as text: who wrote the file, what is missing, and tables.

    Args:
        report: The report.
        weights: Whether to list every array.
    """
    blocks = [_origin(report), *map(_missing_text, report.missing_classes)]
    if report.rows:
        blocks.append(_layers_table(report))
    if weights and report.weights:
        blocks.append(_weights_table(report.weights))
    return "\n\n".join(filter(None, [*blocks, *report.notes]))


def _origin(report: FileReport) -> str:
    date = f"saved {report.date_saved}" if report.date_saved else ""
    origin = ", ".join(filter(None, (written_by(report.keras_version, report.training), date)))
    return f"{report.type_name or 'Model'}: {origin}" if origin else ""


def _missing_text(missing: MissingClass) -> str:
    module = f" of {missing.module}" if missing.module else ""
    users = f", used by {', '.join(missing.layers)}," if missing.layers else ""
    code = "\n".join(f"{_INDENT}{line}" for line in missing.code.splitlines())
    how = f"; this registers it:\n{code}" if code else "."
    return f"{missing.name}{module}{users} did not come with Keras{how}"


def _layers_table(report: FileReport) -> str:
    table = [("layer", "type", "shape", "params", "from", "notes")]
    table += [(each.name, "Input", each.shape, "", "", each.dtype) for each in report.inputs]
    table += [
        (
            _INDENT * row.depth + row.name,
            row.type_name,
            row.shape,
            "unknown" if row.parameter_count is None else f"{row.parameter_count:,}",
            ", ".join(source.removeprefix("input:") for source in row.inputs_from),
            ", ".join(filter(None, (row.missing, *row.notes))),
        )
        for row in report.rows
    ]
    return columns(table, right={3})


def _weights_table(weights: tuple[WeightRow, ...]) -> str:
    table: list[tuple[str, ...]] = [("array", "shape", "type", "min", "max", "mean", "std", "zeros", "notes")]
    table += [
        (
            row.path,
            row.shape,
            row.dtype,
            *(f"{value:.4g}" if value is not None else "" for value in _numbers(row)),
            "" if row.zeros is None else percent(row.zeros),
            ", ".join(_weight_notes(row)),
        )
        for row in weights
    ]
    return columns(table, right={3, 4, 5, 6, 7})


def _numbers(row: WeightRow) -> tuple[float | None, ...]:
    return row.minimum, row.maximum, row.mean, row.deviation


def _weight_notes(row: WeightRow) -> Iterator[str]:
    if row.value_count < row.count:
        yield f"{row.value_count:,} of {row.count:,} looked at"
    if row.not_finite:
        yield f"{row.not_finite:,} NaN or infinite"
