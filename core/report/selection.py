"""What a report shows where nobody says: the layers, units and samples that tell the most."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from core.common.text import did_you_mean, list_names, safe_name
from core.errors import InputRejected
from core.extraction.layers import is_input
from core.report.asking import Asking, distance_of
from core.report.choices import ReportChoices, UnitOfLayer
from core.workspace.health_results import HealthRow
from core.workspace.layer_rows import row_of
from core.workspace.results import LayerRow, SampleRow

__all__ = ["Selection", "require_row", "select"]

_Value = TypeVar("_Value")
_LAYERS: Final = 5
_FAULTY: Final = 2
_UNITS: Final = 4
_SAMPLES: Final = 4
_WRONG: Final = 2
_ATTENTION: Final = "attention"
_NOT_FINITE: Final = "not finite"


@dataclass(frozen=True)
class Selection:
    """What a report shows.

    Attributes:
        layers: Rows of the layers, in call order.
        units: Units, by layer in call order; a unit of None is the one that answers the most to the first sample.
        samples: Numbers of the samples.
        is_automatic: Whether nobody said which layers.
        pictures: Names of visualizers that somebody asked for.
    """

    layers: Sequence[LayerRow]
    units: Sequence[tuple[str, int | None]]
    samples: Sequence[int]
    is_automatic: bool
    pictures: Sequence[str]


def select(asking: Asking, choices: ReportChoices) -> Selection:
    """Return what a report shows: what somebody chose, and where they did not, what tells the most.

    Layers: the one that the page opens with, the one that answers, those with findings, the worst first, and one of
    each other kind. Units: the first with each finding, and the strongest of the first layer. Samples: the wrong ones
    with the largest loss, the right one that the model is least sure of, and the first.

    Args:
        asking: Asks the workspace.
        choices: What somebody chose.

    Raises:
        InputRejected: If there is no such layer, sample, unit or picture.
    """
    samples = _chosen_samples(asking, choices) or _telling_samples(asking.rows)
    chosen = [require_row(asking.layers, key) for key in choices.layers]
    layers = chosen or _telling_layers(asking)
    units = [_checked_unit(asking, unit) for unit in choices.units] or _telling_units(asking, layers)
    _check_pictures(asking, choices.pictures)
    return Selection(layers, units, samples, not chosen, tuple(choices.pictures))


def require_row(layers: Sequence[LayerRow], key: str) -> LayerRow:
    """Return the row of a layer, or of the layer that keeps what bears the key to itself.

    Args:
        layers: The rows of all layers.
        key: Key of the layer, or of a part of it.

    Raises:
        InputRejected: If there is none.
    """
    row = row_of(layers, key)
    if row is None:
        keys = [each.key for each in layers]
        raise InputRejected(
            f"There is no layer '{safe_name(key)}'{did_you_mean(key, keys)}", remedy=f"There are: {list_names(keys)}."
        )
    return row


def _checked_unit(asking: Asking, unit: UnitOfLayer) -> UnitOfLayer:
    require_row(asking.layers, unit[0])
    card = asking.workspace.unit_card(unit[0], None, 0)
    if card.reason:
        raise InputRejected(card.reason)
    if unit[1] >= card.unit_count:
        raise InputRejected(
            f"{safe_name(unit[0])} has no unit {unit[1]:,}.", remedy=f"Its units are 0 to {card.unit_count - 1:,}."
        )
    return unit


def _check_pictures(asking: Asking, names: Sequence[str]) -> None:
    known = [picture.name for plugin in asking.workspace.plugins() for picture in plugin.visualizers] if names else ()
    for name in names:
        if name not in known:
            raise InputRejected(
                f"There is no picture '{safe_name(name)}'{did_you_mean(name, known)}",
                remedy=f"There are: {list_names(known, 60)}.",
            )


def _chosen_samples(asking: Asking, choices: ReportChoices) -> Sequence[int]:
    count = len(asking.workspace.sample_names)
    for sample in choices.samples:
        if not 0 <= sample < count:
            raise InputRejected(f"There is no sample {sample:,}.", remedy=f"They are numbered 0 to {count - 1:,}.")
    return tuple(choices.samples)


def _telling_samples(rows: Sequence[SampleRow]) -> Sequence[int]:
    known = [row for row in rows if row.is_run]
    by_loss = sorted(known, key=distance_of, reverse=True)
    wrong = [row.number for row in by_loss if row.right is False][:_WRONG]
    unsure = sorted((row for row in known if row.confidence is not None and row.right is not False), key=_confidence)
    # Of answers that are neither right nor wrong, such as numbers, the one that is furthest off.
    far = [row.number for row in by_loss if row.right is None and row.loss is not None][:_WRONG]
    numbers = [*wrong, *(row.number for row in unsure[:1]), *far, *(row.number for row in rows)]
    return _first_of(numbers, _SAMPLES)


def _confidence(row: SampleRow) -> float:
    return 1.0 if row.confidence is None else row.confidence


def _telling_layers(asking: Asking) -> Sequence[LayerRow]:
    rows = [row for row in asking.layers if not (row.missing or row.is_helper or is_input(row.key))]
    keys = [row.key for row in rows]
    by_finding = [finding.layer for finding in asking.health.rows]
    kinds = {row.kind: row.key for row in reversed(rows) if row.parameter_count and _stands_for_its_kind(row, asking)}
    # In a deep model many layers may have the same fault: others are to be seen, too.
    wanted = [asking.model.featured_layer, *keys[-1:], *_first_of(by_finding, _FAULTY), *kinds.values(), *by_finding]
    chosen = set(_first_of([key for key in wanted if key in keys], _LAYERS))
    return [row for row in rows if row.key in chosen]


def _stands_for_its_kind(row: LayerRow, asking: Asking) -> bool:
    """Return whether a layer is one of its own: no part of attention, and no model or layer around others but that."""
    parent = row_of(asking.layers, row.parent)
    is_part = parent is not None and parent.kind == _ATTENTION
    return not is_part and (row.kind == _ATTENTION or not row.holds_layers)


def _telling_units(asking: Asking, layers: Sequence[LayerRow]) -> Sequence[tuple[str, int | None]]:
    order = [row.key for row in asking.layers]
    findings = [each for each in asking.health.rows if each.units and _shows_a_unit(each) and each.layer in order]
    units: list[tuple[str, int | None]] = [(each.layer, each.units[0]) for each in findings[: _UNITS - 1]]
    strongest: list[tuple[str, int | None]] = [(row.key, None) for row in layers[:1]]
    return sorted(_first_of([*units, *strongest], _UNITS), key=lambda unit: order.index(unit[0]))


def _shows_a_unit(finding: HealthRow) -> bool:
    return not is_input(finding.layer) and finding.kind != _NOT_FINITE


def _first_of(values: Iterable[_Value], count: int) -> list[_Value]:
    return list(dict.fromkeys(values))[:count]
