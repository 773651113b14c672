"""What went wrong in a training, and where first: read from what was recorded, so that all runs are judged alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal, Protocol

import numpy as np
import pandas as pd

from core.common.text import count_text, list_names, number_text, percent, safe_name
from core.extraction.layers import LayerInfo
from core.training.drift import drift_of, source_parts
from core.training.measures import SAMPLES_LOSS

__all__ = ["Alarm", "AlarmKind", "RecordedNumbers", "alarms_of"]

AlarmKind = Literal["not finite", "dead", "saturated", "exploding gradient", "vanishing gradient", "loss not finite"]

DEAD: Final = 0.9
"""Share of dead units from which on a layer counts as dead, and of values near a bound as saturated."""
ALIVE: Final = 0.5
"""Below this share it has come back, and may be told again."""
EXPLODING: Final = 100.0
"""A gradient so many times as large as it mostly was before explodes."""
VANISHING: Final = 1e-6
"""A gradient that is this share of the largest of any layer, or less, vanishes."""
_MOST: Final = 1_000
_FEWEST_BEFORE: Final = 3
_IN_A_ROW: Final = 3
_TOLD_DRIFT: Final = 1.0


@dataclass(frozen=True)
class Alarm:
    """Something that went wrong in a training.

    Attributes:
        step: The first recorded step that shows it.
        layer: Key of the layer in which it arises; empty for the loss.
        kind: What it is.
        text: A sentence.
    """

    step: int
    layer: str
    kind: AlarmKind
    text: str


class RecordedNumbers(Protocol):
    """What alarms are read from; :class:`core.training.run.Run` has it."""

    @property
    def steps(self) -> np.ndarray:
        """Shape ``(step,)``."""

    @property
    def layer_infos(self) -> tuple[LayerInfo, ...]:
        """In the order of the layers."""

    @property
    def logs(self) -> pd.DataFrame:
        """A row per step."""

    def measure(self, name: str) -> np.ndarray:
        """Return a number of each layer at each step, shape ``(step, layer)``."""

    @property
    def unit_counts(self) -> tuple[int, ...]:
        """In the order of the layers."""

    def unit_table(self, row: int) -> np.ndarray | None:
        """Return all numbers of all units at the step of a row, shape ``(unit, measure)``; None if that was let go."""


def alarms_of(run: RecordedNumbers) -> tuple[Alarm, ...]:
    """Return what went wrong in a run, in the order in which it did.

    Args:
        run: The run.
    """
    if not len(run.steps):
        return ()
    watched = _Watched(run)
    crossings = islice(_crossings(watched), _MOST)
    alarms = [*_not_finite(watched), *_losses(watched), *crossings, *_gradients(watched)]
    # What came of NaN, such as units that are never above zero, is no news.
    end = min((alarm.step for alarm in alarms if alarm.kind in ("not finite", "loss not finite")), default=None)
    told = [
        alarm for alarm in alarms if end is None or alarm.step < end or alarm.kind in ("not finite", "loss not finite")
    ]
    return tuple(sorted(told, key=lambda alarm: alarm.step))


class _Watched:
    """What was recorded of a run, as its alarms look at it.

    Attributes:
        names: Of the layers, as they may stand in a sentence: a run may be a stranger's.
    """

    def __init__(self, run: RecordedNumbers) -> None:
        self.run = run
        self.steps = run.steps
        self.infos = run.layer_infos
        self.names = [safe_name(info.key) for info in self.infos]
        self._sources = source_parts(self.infos, run.unit_counts)

    def table(self, measure: str) -> np.ndarray:
        """Return a measure, shape ``(step, layer)``; not a number where it does not apply."""
        return self.run.measure(measure)

    def since(self, row: int) -> str:
        """Return the end of a sentence: when it was otherwise."""
        return f"; at step {self.steps[row - 1]:,} it was not" if row else ""

    def input_drift(self, layer: int, before: int, row: int) -> float:
        """Return how far what goes into a layer moved between two rows, in standard deviations; NaN if unknown."""
        units, units_before = self.run.unit_table(row), self.run.unit_table(before)
        if units is None or units_before is None:
            return float("nan")
        return drift_of(units_before, units, self._sources[layer])


def _losses(watched: _Watched) -> Iterator[Alarm]:
    for name in watched.run.logs.columns.drop(SAMPLES_LOSS, errors="ignore"):
        values = watched.run.logs[name].to_numpy()
        # NaN also stands for a number that was not told at a step, so the ledger keeps infinity for what is not finite.
        rows = np.flatnonzero(np.isinf(values))
        if len(rows) and "loss" in str(name):
            row = int(rows[0])
            before = f"; at step {watched.steps[row - 1]:,} it was" if row else ""
            text = f"{safe_name(name)} is not finite from step {watched.steps[row]:,} on{before}."
            yield Alarm(int(watched.steps[row]), "", "loss not finite", text)


def _not_finite(watched: _Watched) -> Iterator[Alarm]:
    """Yield where numbers were first not finite: one alarm, since all that comes later comes of it."""
    broken = {
        place: watched.table(measure) > 0
        for place, measure in (
            ("weights", "weights_not_finite"),
            ("activation", "not_finite"),
            ("gradient", "gradients_not_finite"),
        )
    }
    rows = np.flatnonzero(np.any([each.any(axis=1) for each in broken.values()], axis=0))
    if not len(rows):
        return
    row = int(rows[0])
    place = next(place for place, marks in broken.items() if marks[row].any())
    layers = [int(layer) for layer in np.flatnonzero(broken[place][row])]
    own = [layer for layer in layers if not watched.infos[layer].holds_layers] or layers
    # A gradient goes from the end of the model to its beginning.
    first = own[-1] if place == "gradient" else own[0]
    key = watched.infos[first].key
    others = [watched.names[layer] for layer in own if layer != first]
    text = f"NaN or infinite first in {watched.names[first]} at step {watched.steps[row]:,}, in its {place}"
    if place == "weights" and others:
        text += f", and in those of {count_text(len(others), 'other layer')} at once: {list_names(others, 3)}"
    before = f"; at step {watched.steps[row - 1]:,} all was finite" if row else ""
    yield Alarm(int(watched.steps[row]), key, "not finite", f"{text}{before}.")


def _crossings(watched: _Watched) -> Iterator[Alarm]:
    dead, saturated = watched.table("dead"), watched.table("saturated")
    # What no other layer takes is an answer: there a value near a bound is a sure one.
    taken = {source for info in watched.infos for source in info.inputs_from}
    for layer, info in enumerate(watched.infos):
        for row, before in _rises(dead[:, layer]):
            yield Alarm(int(watched.steps[row]), info.key, "dead", _death(watched, layer, row, before))
        for row, _ in _rises(saturated[:, layer]) if info.key in taken else ():
            text = f"{percent(float(saturated[row, layer]))} of the values of {watched.names[layer]} lie at a bound of "
            text += f"{safe_name(info.activation_function)} at step {watched.steps[row]:,}{watched.since(row)}."
            yield Alarm(int(watched.steps[row]), info.key, "saturated", text)


def _rises(shares: np.ndarray) -> Iterator[tuple[int, int | None]]:
    """Yield where a share came to be large, and the last row at which it was small; None if it never was."""
    if not (shares >= DEAD).any():
        return
    is_up, before = False, None
    for row, share in enumerate(shares):
        if not is_up and share >= DEAD:
            is_up = True
            yield row, before
        elif share < DEAD:
            before = row
            is_up = is_up and share >= ALIVE


def _death(watched: _Watched, layer: int, row: int, before: int | None) -> str:
    name, share = watched.names[layer], float(watched.table("dead")[row, layer])
    which = name if share == 1 else f"{percent(share)} of {name}"
    if before is None:
        return f"{which} is dead from step {watched.steps[row]:,} on, the first that was recorded."
    text = f"{which} died at step {watched.steps[row]:,}"
    drift = watched.input_drift(layer, before, row)
    if drift >= _TOLD_DRIFT:
        text += f"; its input’s mean moved by {number_text(drift, 2)} σ since step {watched.steps[before]:,}"
    else:
        share_before = float(watched.table("dead")[before, layer])
        dead_before = f"{percent(share_before)} of its units were" if share_before else "none of its units was"
        text += f"; at step {watched.steps[before]:,} {dead_before} dead"
        moved = float(watched.table("update_ratio")[row, layer])
        if moved >= _TOLD_DRIFT:
            text += f", and its weights moved by {number_text(moved, 2)} times their norm since the step before"
    return f"{text}."


def _gradients(watched: _Watched) -> Iterator[Alarm]:
    norms = watched.table("gradient_norm")
    with np.errstate(invalid="ignore", divide="ignore"):
        largest = np.nanmax(np.where(np.isfinite(norms), norms, 0), axis=1, initial=0)
        shares = norms / np.where(largest > 0, largest, np.nan)[:, None]
    yield from _explosions(watched, norms)
    deaths = np.flatnonzero((watched.table("dead") == 1).any(axis=1))
    for layer, info in enumerate(watched.infos):
        row = _vanishing(shares[:, layer])
        # Nothing goes back through a layer that is dead: that it is dead is said already.
        if row is None or (norms[row, layer] == 0 and len(deaths) and deaths[0] <= row):
            continue
        is_zero = norms[row, layer] == 0
        told = "it is zero" if is_zero else f"it is {number_text(float(shares[row, layer]))} of the largest"
        text = f"No gradient reaches {watched.names[layer]} from step {watched.steps[row]:,} on: {told}."
        yield Alarm(int(watched.steps[row]), info.key, "vanishing gradient", text)


def _explosions(watched: _Watched, norms: np.ndarray) -> Iterator[Alarm]:
    """Yield where gradients exploded: one alarm for each step, of the layer in which it is worst."""
    rows: dict[int, list[tuple[float, int]]] = {}
    for layer, column in enumerate(norms.T):
        known = pd.Series(np.where(np.isfinite(column) & (column > 0), column, np.nan))
        # Nearly always nothing is that far from anything else, and medians of thousands of steps take their time.
        if not known.max() > EXPLODING * known.min():
            continue
        times = (known / known.expanding(_FEWEST_BEFORE).median().shift()).to_numpy()
        exploded = np.flatnonzero(times > EXPLODING)
        if len(exploded):
            rows.setdefault(int(exploded[0]), []).append((float(times[exploded[0]]), layer))
    for row, found in rows.items():
        times_as_large, layer = max(found)
        text = (
            f"The gradient by the weights of {watched.names[layer]} is {number_text(float(norms[row, layer]))} at step "
        )
        text += f"{watched.steps[row]:,}, {number_text(times_as_large, 2)} times as large as it mostly was before"
        others = [watched.names[other] for _, other in found if other != layer]
        text += f"; likewise in {count_text(len(others), 'other layer')}: {list_names(others, 3)}" if others else ""
        yield Alarm(int(watched.steps[row]), watched.infos[layer].key, "exploding gradient", f"{text}.")


def _vanishing(shares: np.ndarray) -> int | None:
    """Return the first row from which on a gradient is next to nothing, some times in a row; None if there is none."""
    with np.errstate(invalid="ignore"):
        small = shares <= VANISHING
    windows = [small[start : len(small) - _IN_A_ROW + 1 + start] for start in range(_IN_A_ROW)]
    rows = np.flatnonzero(np.all(windows, axis=0)) if len(small) >= _IN_A_ROW else np.empty(0, np.int64)
    return int(rows[0]) if len(rows) else None
