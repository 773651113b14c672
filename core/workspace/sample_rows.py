"""A row per sample: what it is, what the model answers to it, how sure it is and how far off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from core.common.text import NO_CLASS, answer_text, class_name, text_of
from core.inputs.labels import Labels, answered_classes, probabilities_of_classes
from core.inputs.model_output import LEAST_PROBABILITY, ModelOutput
from core.workspace.results import SampleRow

__all__ = ["sample_rows", "with_losses"]


def sample_rows(
    output: np.ndarray, names: Sequence[str], labels: Labels, described: ModelOutput, *, tells_classes: bool = True
) -> tuple[SampleRow, ...]:
    """Return a row per sample.

    Args:
        output: What the model answers to the first of the samples, shape ``(sample, …)``, numbers or text.
        names: What each sample is called.
        labels: What is known about the samples, and how an answer becomes a class.
        described: What the output is, as far as that is known.
        tells_classes: Whether an answer may be a class. What is none is neither right nor wrong, and of no probability.
    """
    count = min(len(output), len(names)) if output.ndim else 0
    output = output[:count]
    chosen = answered_classes(output, labels.rule, labels.class_names) if count and tells_classes else None
    answers = _answers(output, chosen, labels)
    probabilities = probabilities_of_classes(output, labels.rule, described.function) if tells_classes else None
    losses = _losses(output, probabilities, labels)
    rows = []
    for number, name in enumerate(names):
        is_answered = number < count
        best = int(chosen[number]) if is_answered and chosen is not None else None
        # Text that is none of the classes is wrong; numbers that are none are nothing.
        best = None if best is not None and best < 0 and output.dtype.kind in "fiu" else best
        true_class = labels.class_of(number)
        rows.append(
            SampleRow(
                number,
                str(name),
                true_label=_true_label(labels, number),
                answer=answers[number] if is_answered else "",
                right=None if best is None or true_class is None else best == true_class,
                confidence=_known(probabilities[number, best])
                if probabilities is not None and best is not None
                else None,
                loss=_known(losses[number]) if is_answered and losses is not None else None,
                is_run=is_answered,
            )
        )
    return tuple(rows)


def with_losses(rows: Sequence[SampleRow], losses: Sequence[float | None], name: str) -> tuple[SampleRow, ...]:
    """Return rows with what their answers are off by, of those that were run; the others stay as they are."""
    known = [*losses, *[None] * (len(rows) - len(losses))]
    return tuple(
        replace(row, loss=loss, loss_name=name if loss is not None else "")
        for row, loss in zip(rows, known, strict=True)
    )


def _answers(output: np.ndarray, chosen: np.ndarray | None, labels: Labels) -> list[str]:
    if output.dtype.kind not in "biuf":
        return [" ".join(map(text_of, np.reshape(each, -1))) for each in output]
    if chosen is not None:
        return [class_name(int(number), labels.class_names) if number >= 0 else NO_CLASS for number in chosen]
    is_number = len(output) and output[0].size == 1
    return [answer_text(float(value)) for value in output.reshape(-1)] if is_number else [""] * len(output)


def _true_label(labels: Labels, sample: int) -> str:
    target = labels.target_of(sample)
    return (
        answer_text(float(target.reshape(-1)[0]))
        if target is not None and target.size == 1
        else labels.group_of(sample)
    )


def _losses(output: np.ndarray, probabilities: np.ndarray | None, labels: Labels) -> np.ndarray | None:
    """Return the cross-entropy, or the mean absolute error, of each sample, shape ``(sample,)``; NaN where unknown."""
    count = len(output)
    if labels.targets is not None and output.dtype.kind in "biuf":
        if not output.size or output[0].size != labels.targets[0].size:
            return None
        targets = labels.targets[:count].reshape(count, -1)
        return np.abs(output.reshape(count, -1).astype(np.float64) - targets.astype(np.float64)).mean(axis=1)
    if probabilities is None or labels.classes is None:
        return None
    classes = np.asarray(labels.classes[:count])
    known = (classes >= 0) & (classes < probabilities.shape[1])
    true = probabilities[np.arange(count), np.where(known, classes, 0)]
    return np.where(known, -np.log(np.clip(true, LEAST_PROBABILITY, 1)), np.nan)


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
