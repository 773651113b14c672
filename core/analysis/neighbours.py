"""Which samples lie nearest to each other: exact, so that the same samples have the same neighbours each time.

Of the numbers of samples that are placed all at once, all distances take less time than an index that guesses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

__all__ = ["Metric", "nearest_landmarks", "nearest_others"]

Metric = Literal["euclidean", "cosine", "manhattan"]


def nearest_others(features: np.ndarray, count: int, metric: Metric) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest others of each sample, the nearest first, and how far each is.

    Args:
        features: Shape ``(sample, feature)``.
        count: How many others of each.
        metric: How far apart samples are.

    Returns:
        Two arrays of shape ``(sample, count)``.
    """
    from sklearn.neighbors import NearestNeighbors

    distances, others = NearestNeighbors(n_neighbors=count, metric=metric, n_jobs=-1).fit(features).kneighbors()
    return others, distances


def nearest_landmarks(landmarks: np.ndarray, count: int, metric: Metric) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that says which landmarks lie nearest to each of some samples.

    Args:
        landmarks: Shape ``(landmark, feature)``.
        count: How many landmarks for each.
        metric: How far apart they are.

    Returns:
        Takes shape ``(sample, feature)`` and gives ``(sample, count)``.
    """
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(n_neighbors=count, metric=metric, n_jobs=-1).fit(landmarks)
    return lambda features: index.kneighbors(features, return_distance=False)
