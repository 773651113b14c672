"""How alike what a layer answers to the same samples is at two steps of a training: linear CKA."""

from __future__ import annotations

import numpy as np

__all__ = ["alikeness_of_steps"]


def alikeness_of_steps(answers: np.ndarray) -> np.ndarray:
    """Return the linear CKA (Kornblith et al. 2019) between each two steps, from 0 to 1.

    It does not change where units are turned, mirrored or scaled together, so layers that learned the same in other
    units are alike. Of few samples it is too high for layers of many units, as any such measure is.

    Args:
        answers: Shape ``(step, sample, …)``.

    Returns:
        Shape ``(step, step)``; NaN where an answer is not finite, or the same to all samples.
    """
    rows = np.asarray(answers, np.float64).reshape(*answers.shape[:2], -1)  # (step, sample, feature)
    centred = rows - rows.mean(axis=1, keepdims=True)
    # What samples have to do with each other is as much as CKA needs: (step, sample × sample)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        products = np.stack([step @ step.T for step in centred]).reshape(len(rows), -1)
        norms = np.linalg.norm(products, axis=1)
        scaled = products / np.where(norms > 0, norms, np.nan)[:, None]
        alike: np.ndarray = np.clip(scaled @ scaled.T, 0, 1)
    return alike
