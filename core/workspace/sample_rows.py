"""A row per sample: what it is, what the model answers to it, how sure it is and how far off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from core.common.text import class_name, number_text, text_of
from core.inputs.labels import Labels, answered_classes
from core.inputs.model_output import ModelOutput, is_distribution
from core.workspace.results import SampleRow

__all__ = ["class_probabilities", "sample_rows"]

_LEAST_PROBABILITY: Final = 1e-7
"""What Keras' losses take for the logarithm of a probability of zero."""


def sample_rows(
    output: np.ndarray, names: Sequence[str], labels: Labels, described: ModelOutput
) -> tuple[SampleRow, ...]:
    """Return a row per sample.

    Args:
        output: What the model answers to the first of the samples, shape ``(sample, …)``, numbers or text.
        names: What each sample is called.
        labels: What is known about the samples, and how an answer becomes a class.
        described: What the output is, as far as that is known.
    """
    count = min(len(output), len(names)) if output.ndim else 0
    output = output[:count]
    chosen = answered_classes(output, labels.rule, labels.class_names) if count else None
    answers = _answers(output, chosen, labels)
    probabilities = class_probabilities(output, labels, described)
    losses = _losses(output, probabilities, labels)
    rows = []
    for number, name in enumerate(names):
        is_answered = number < count
        best = int(chosen[number]) if is_answered and chosen is not None else None
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


def class_probabilities(output: np.ndarray, labels: Labels, described: ModelOutput) -> np.ndarray | None:
    """Return the probability of each class, shape ``(sample, class)``; None where the outputs do not tell it.

    Of logits it is their softmax, or their sigmoid where a single one tells two classes apart.

    Args:
        output: What the model answers, shape ``(sample, …)``.
        labels: How an answer becomes a class.
        described: What the output is.
    """
    if output.ndim != 2 or output.dtype.kind not in "fiu" or not output.size:
        return None
    values = output.astype(np.float64)
    if values.shape[1] == 1:
        if labels.rule not in ("half", "zero"):
            return None
        second = values if labels.rule == "half" else _sigmoid(values)
        return np.concatenate([1 - second, second], axis=1)
    if is_distribution(values):
        return values
    if labels.rule != "largest" or described.function:
        return None
    with np.errstate(invalid="ignore", over="ignore"):
        powers = np.exp(values - values.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)


def _answers(output: np.ndarray, chosen: np.ndarray | None, labels: Labels) -> list[str]:
    if output.dtype.kind not in "biuf":
        return [" ".join(map(text_of, np.reshape(each, -1))) for each in output]
    if chosen is not None:
        return [class_name(int(number), labels.class_names) for number in chosen]
    is_number = len(output) and output[0].size == 1
    return [number_text(float(value)) for value in output.reshape(-1)] if is_number else [""] * len(output)


def _true_label(labels: Labels, sample: int) -> str:
    target = labels.target_of(sample)
    return number_text(float(target[0])) if target is not None and len(target) == 1 else labels.group_of(sample)


def _losses(output: np.ndarray, probabilities: np.ndarray | None, labels: Labels) -> np.ndarray | None:
    """Return the cross-entropy, or the mean absolute error, of each sample, shape ``(sample,)``; NaN where unknown."""
    count = len(output)
    if labels.targets is not None and output.dtype.kind in "biuf":
        targets = np.asarray(labels.targets[:count], np.float64).reshape(count, -1)
        flat = output.reshape(count, -1).astype(np.float64)
        return np.abs(flat - targets).mean(axis=1) if flat.shape == targets.shape and flat.size else None
    if probabilities is None or labels.classes is None:
        return None
    classes = np.asarray(labels.classes[:count])
    known = (classes >= 0) & (classes < probabilities.shape[1])
    true = probabilities[np.arange(count), np.where(known, classes, 0)]
    return np.where(known, -np.log(np.clip(true, _LEAST_PROBABILITY, 1)), np.nan)


def _sigmoid(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-values))


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
