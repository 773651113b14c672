"""Which answers of a model labels judge, and how many of them are right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.inputs.datasets import Dataset

__all__ = ["JudgedAnswers", "judged_answers"]


@dataclass(frozen=True, eq=False)
class JudgedAnswers:
    """Answers that labels judge.

    Attributes:
        samples: Numbers of the samples whose label is a class of the model, shape ``(judged,)``.
        true: Their classes, likewise.
        answered: The classes that the model answers, likewise.
        class_names: Name of each class; empty if unknown.
    """

    samples: np.ndarray
    true: np.ndarray
    answered: np.ndarray
    class_names: Sequence[str]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.samples)

    @property
    def wrong_count(self) -> int:
        """How many are wrong."""
        return int((self.true != self.answered).sum())

    @property
    def accuracy(self) -> float | None:
        """Share of those that are correct; None if there are none."""
        return 1 - self.wrong_count / self.count if self.count else None


def judged_answers(dataset: Dataset, predictions: np.ndarray) -> JudgedAnswers:
    """Return the answers of a model that the labels of a dataset judge; none where the labels are no classes of it.

    Args:
        dataset: The samples.
        predictions: The class that the model answers to each, shape ``(sample,)``; empty if it answers no classes.
    """
    labels = dataset.labels
    if labels is None or len(predictions) != len(labels):
        nothing = np.empty(0, np.int64)
        return JudgedAnswers(nothing, nothing, nothing, ())
    # Numbers that are NaN or infinite are no answer that is right or wrong; text that is none of the classes is wrong.
    judged = np.flatnonzero((labels >= 0) & ((predictions >= 0) | (dataset.answer_rule == "text")))
    return JudgedAnswers(judged, labels[judged], predictions[judged], dataset.class_names)
