"""The numbers of a report for programs: by layer, of the whole, and findings. ``docs/report.md`` has the schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from pydantic_core import to_json

from core.analysis.health import FEWEST_SAMPLES
from core.errors import LayerscopeError
from core.report.asking import Asking
from core.report.chapters.answers import mean_loss
from core.report.versions import versions
from core.workspace.health_results import HealthReport
from core.workspace.interface import WorkspaceInterface
from core.workspace.results import LayerRow

__all__ = ["NAMES_OF_KINDS", "SCHEMA", "SHARES", "LayerNumbers", "ReportNumbers", "numbers_as_json", "numbers_of"]

SCHEMA: Final = 1
"""Version of the JSON; another one where a field goes or means something else. New fields may come at any time."""
SHARES: Final = ("not finite", "dead", "constant", "saturated", "alike", "always on")
"""Kinds of findings that are counted in units, so that a layer has a share of them."""
NAMES_OF_KINDS: Final[Mapping[str, str]] = {"not finite": "nan", "always on": "always-on"}
"""How those are called for programs that have a blank in their name."""


@dataclass(frozen=True)
class LayerNumbers:
    """The numbers of one layer; what was not checked is None.

    Attributes:
        layer: Key of the layer.
        type: Class of the layer.
        shape: Output shape without the sample axis.
        parameters: Weights, trainable or not.
        shares: Of each kind in :data:`SHARES`, the share of the layer's units that have it, counted where it arises.
        drift: Mean of what goes in minus that of training, in standard deviations of training, of the channel where
            that is largest.
        spread: Standard deviation of what goes in over that of training, of the channel where that is furthest from 1.
        change: How far its answers differ from the second model's, in units of its own.
    """

    layer: str
    type: str
    shape: str
    parameters: int | None
    shares: Mapping[str, float | None]
    drift: float | None = None
    spread: float | None = None
    change: float | None = None


@dataclass(frozen=True)
class ReportNumbers:
    """The numbers of a report; what is not known is None.

    Attributes:
        model: Name, layers, parameters, inputs and output of the model.
        compared: Name of the second model; empty where there is none.
        data: What the samples are called; empty where that is not known.
        sample_count: How many samples there are.
        judged_count: How many of them have a label that the answer is judged by.
        accuracy: Share of those that are answered correctly.
        loss: How far answers are off in the mean.
        loss_name: What that is, such as ``"mean cross-entropy"``.
        comparison_refusal: Why the models could not be compared; empty if they could, or there is one alone.
        layers: Of each layer.
        findings: What is wrong, the worst first.
        has_enough_samples: Whether anything is said of units: of too few samples, only that numbers are not finite.
        versions: Of what made the report, by name.
    """

    model: Mapping[str, Any]
    compared: str
    data: str
    sample_count: int
    judged_count: int
    accuracy: float | None
    loss: float | None
    loss_name: str
    comparison_refusal: str
    layers: Sequence[LayerNumbers]
    findings: Sequence[Mapping[str, Any]]
    has_enough_samples: bool
    versions: Mapping[str, str] = field(default_factory=versions)


def numbers_of(workspace: WorkspaceInterface, data: str = "") -> ReportNumbers:
    """Return the numbers of what is open; what was worked out for a report is not worked out again.

    Args:
        workspace: With a model open and samples for it, and a second model where both are to be compared.
        data: What the samples are called.

    Raises:
        ExtractionFailed: If the model raises.
    """
    asking = Asking(workspace)
    model, health = asking.model, asking.health
    loss = mean_loss(asking.rows)
    changes, refusal = _changes(asking)
    drifts = {row.layer: row for row in health.drifts}
    layers = []
    for row in asking.layers:
        drift = drifts.get(row.key)
        layers.append(
            LayerNumbers(
                row.key,
                row.type_name,
                row.shape,
                row.parameter_count,
                _shares(health, row),
                drift.shift if drift else None,
                drift.spread if drift else None,
                changes.get(row.key),
            )
        )
    compared = workspace.compared
    return ReportNumbers(
        {
            "name": model.name,
            "layers": model.layer_count,
            "parameters": model.parameter_count,
            "inputs": [
                {"name": each.name, "kind": each.kind, "shape": each.shape, "dtype": each.dtype}
                for each in model.inputs
            ],
            "output": model.output,
        },
        compared.name if compared else "",
        data,
        health.sample_count,
        health.judged_count,
        health.accuracy,
        loss[0] if loss else None,
        loss[1] if loss else "",
        refusal,
        layers,
        [
            {
                "layer": each.layer,
                "kind": each.kind,
                "units": each.found,
                "unit_count": each.unit_count,
                "sample": each.sample,
                "text": each.text,
            }
            for each in health.rows
        ],
        health.sample_count >= FEWEST_SAMPLES,
    )


def _changes(asking: Asking) -> tuple[dict[str, float], str]:
    """Return how far each layer differs from the second model's, and why that is not known."""
    try:
        comparison = asking.comparison
    except LayerscopeError as error:
        return {}, error.message
    if comparison is None:
        return {}, ""
    return dict(zip(comparison.layers, comparison.changes, strict=True)), ""


def _shares(health: HealthReport, row: LayerRow) -> dict[str, float | None]:
    found = {each.kind: each.found / each.unit_count for each in health.rows if each.layer == row.key}
    return {
        kind: found.get(kind, 0.0) if kind in found or row.key in health.checked.get(kind, ()) else None
        for kind in SHARES
    }


def numbers_as_json(numbers: ReportNumbers, verdicts: Sequence[Mapping[str, str]] = (), passed: bool = True) -> str:
    """Return numbers as JSON; one that is not finite is null.

    Args:
        numbers: The numbers.
        verdicts: What came of each condition.
        passed: Whether none failed.
    """
    told = asdict(numbers)
    layers = [
        {
            **{key: each[key] for key in each if key != "shares"},
            **{NAMES_OF_KINDS.get(kind, kind): share for kind, share in each["shares"].items()},
        }
        for each in told["layers"]
    ]
    samples = {"count": numbers.sample_count, "with_label": numbers.judged_count, "data": numbers.data}
    content = {
        "schema": SCHEMA,
        "versions": told["versions"],
        "model": told["model"],
        "compared": numbers.compared,
        "samples": samples,
        "accuracy": numbers.accuracy,
        "loss": numbers.loss,
        "loss_name": numbers.loss_name,
        "layers": layers,
        "findings": told["findings"],
        "conditions": list(verdicts),
        "passed": passed,
    }
    return to_json(content, indent=2, inf_nan_mode="null").decode()
