"""What a layer answered to a dataset, where :func:`extract_dataset` wrote it: placed without being held in memory."""

from __future__ import annotations

import os
from typing import Any, Literal

import numpy as np

from core.analysis.neighbours import Metric
from core.analysis.projection import LANDMARKS, Method, Pooling, Projection, pooled, project
from core.common.choices import refuse_unknown
from core.common.progress import Progress
from core.errors import InputRejected
from core.extraction.dataset.stored_results import stored_answers

__all__ = ["StoredAnswers", "project_dataset"]


class StoredAnswers:
    """The answers of one layer as rows of numbers, read from a disk when they are asked for.

    Args:
        array: The Zarr array of a layer, the sample axis first.
        pooling: Every number as it is, or one per unit or channel.
    """

    def __init__(self, array: Any, pooling: Pooling) -> None:
        self._array = array
        self._pooling = pooling
        self._shape = (array.shape[0], self[:1].shape[1])

    @property
    def shape(self) -> tuple[int, ...]:
        """How many samples, and how many numbers each."""
        return self._shape

    def __getitem__(self, samples: slice, /) -> np.ndarray:
        """Return the numbers of some samples, one after another, float32, shape ``(sample, feature)``."""
        values = self._array[samples].astype(np.float32)
        return pooled(values, np.ones(values.shape[:-1], bool), self._pooling)


def project_dataset(  # noqa: PLR0913 - public: what each of the methods can be told
    output: str | os.PathLike[str],
    layer: str,
    *,
    method: Method = "PCA",
    dimensions: Literal[2, 3] = 2,
    pooling: Pooling = "flatten",
    metric: Metric = "euclidean",
    perplexity: float = 30.0,
    neighbours: int = 15,
    minimum_distance: float = 0.1,
    seed: int = 0,
    landmarks: int = LANDMARKS,
    progress: Progress | None = None,
) -> Projection:
    """Place the samples of a dataset by what :func:`extract_dataset` wrote of a layer, in memory that does not grow.

    Held are the landmarks, 32 MB of the others at a time, and where each sample lies. The methods and their sources are
    those of :func:`project`.

    Args:
        output: Folder of the Zarr group.
        layer: Key of the layer.
        method: ``"PCA"``, ``"t-SNE"`` or ``"UMAP"``.
        dimensions: 2 or 3.
        pooling: ``"flatten"`` takes every number, ``"mean"`` and ``"maximum"`` one per unit or channel, over padding
            too, as no mask is written.
        metric: How far apart samples are in the layer; PCA knows the Euclidean one only.
        perplexity: For t-SNE, roughly how many neighbours count.
        neighbours: For UMAP, how many neighbours count.
        minimum_distance: For UMAP, how close points may lie.
        seed: Of t-SNE, UMAP, and which samples are landmarks.
        landmarks: Of more samples, t-SNE and UMAP place so many, and each of the others at the median of its nearest
            ten.
        progress: Called with how far it is.

    Returns:
        ``points`` of shape ``(sample, dimension)``, in the order of the dataset.

    Raises:
        InputRejected: If the folder has no values of the layer, not all of them yet, there is no such method, pooling
            or metric, there are too few samples, or they cannot be told apart.
    """
    refuse_unknown(pooling, ("flatten", "mean", "maximum"), "pooling")
    rows = StoredAnswers(stored_answers(output, layer), pooling)
    try:
        return project(
            rows, method, dimensions, perplexity, neighbours, minimum_distance, metric, seed, progress, landmarks
        )
    except ValueError as error:
        raise InputRejected(f"The samples cannot be placed by {layer}: {error}.") from error
