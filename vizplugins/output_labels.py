"""An output of which each number is a label of its own: sigmoids that do not add up to one."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from vizplugins import (
    CERTAIN,
    LEAST_PROBABILITY,
    POSSIBLE,
    MeaningAnswer,
    OutputContext,
    OutputMeaning,
    charts,
    hookimpl,
)

_THRESHOLD = 0.5
_TOLD = 4


class SeveralLabels(OutputMeaning):
    """None, one or several labels: each has a probability of its own, and counts from 0.5 on."""

    name = "several-labels"
    title = "Several labels"
    takes = "a row of numbers from 0 to 1, as of sigmoids"
    loss_name = "binary cross-entropy"

    def match(self, output: OutputContext) -> float | str:
        """Take a row of sigmoids, unless each sample is known to be of one class."""
        if not output.is_numeric or output.values.ndim != 1 or output.values.size < 2:
            return "needs a row of numbers"
        values = output.values
        if not (np.isfinite(values).all() and (values >= 0).all() and (values <= 1).all()):
            return "needs numbers from 0 to 1"
        if not output.is_sigmoid or output.true_class is not None:
            return POSSIBLE
        # Sigmoids of an autoencoder are pixels: what is as long as an input is that sooner.
        return CERTAIN - 0.1

    def answer(self, output: OutputContext, height: int) -> MeaningAnswer:
        """Draw the most probable labels and the true ones, and where they begin to count."""
        values, true = output.values.astype(np.float64), _truth(output)
        rows = charts.bar_rows(height)
        order = np.argsort(-values, kind="stable")
        shown = list(order[:rows])
        if true is not None:
            missing = [number for number in np.flatnonzero(true) if number not in shown][: rows - 1]
            shown = [*shown[: rows - len(missing)], *missing]
        frame = pd.DataFrame({"name": _told_apart(output, shown), "value": values[shown]})
        frame["label"] = [charts.percent(value) for value in frame["value"]]
        frame["true"] = False if true is None else true[shown]
        counted = int((values > _THRESHOLD).sum())
        words = ", ".join(_told_apart(output, order[: min(counted, _TOLD)])) + (", …" if counted > _TOLD else "")
        said = f"{counted:,} of {len(values):,} labels {'is' if counted == 1 else 'are'} over {_THRESHOLD}"
        note = said if true is None else _set_against(np.array(values > _THRESHOLD), true)
        most = "; ".join(f"{row.name} {row.label}" for row in frame.head(_TOLD).itertuples(index=False))
        return MeaningAnswer(
            words or "no label",
            charts.answer_bars(
                frame,
                "Probability",
                height,
                reach=charts.PROBABILITIES,
                threshold=_THRESHOLD,
                rows_are="label",
            ),
            note,
            f"{said}: {words or 'none'}. The most probable: {most}.",
        )

    def loss(self, output: OutputContext) -> float | None:
        """Return the mean binary cross-entropy of the labels."""
        true = _truth(output)
        if true is None:
            return None
        shares = np.clip(output.values.astype(np.float64), LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
        return float(-np.where(true, np.log(shares), np.log1p(-shares)).mean())


def _truth(output: OutputContext) -> np.ndarray | None:
    """Return which labels are true, boolean, shape ``(label,)``; None where that is not known."""
    true = output.truth
    return true.astype(bool) if true is not None and np.isin(true, (0, 1)).all() else None


def _told_apart(output: OutputContext, numbers: Sequence[int] | np.ndarray) -> list[str]:
    """Return what some labels are called, those of one name with their number: as bars they would be drawn as one."""
    names = output.class_names
    if len(names) != output.values.size:
        return [f"label {number}" for number in numbers]
    times = Counter(names)
    return [names[number] if times[names[number]] == 1 else f"{names[number]} ({number})" for number in numbers]


def _set_against(counted: np.ndarray, true: np.ndarray) -> str:
    hit, surplus = int((counted & true).sum()), int((counted & ~true).sum())
    if not true.any():
        # None of none would be said of a sample that has no label.
        are = "is" if surplus == 1 else "are"
        return f"no label is true, and {surplus:,} {are} over {_THRESHOLD}" if surplus else ""
    told = f"{hit:,} of {int(true.sum()):,} true labels (green) {'is' if hit == 1 else 'are'} over {_THRESHOLD}"
    return f"{told}, and {surplus:,} that {'is' if surplus == 1 else 'are'} not true" if surplus else told


@hookimpl
def output_meanings() -> list[OutputMeaning]:
    """Return what this file brings."""
    return [SeveralLabels()]
