"""Samples as points of a plane or of space: near each other where the layer answers alike.

PCA by scikit-learn, t-SNE by openTSNE, both imported when they are asked for; UMAP by a module of ours. Of very many
samples some are placed as landmarks, and the others among them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import numpy as np

from core.analysis.landmarks import Rows, blocks_of_rows, drawn_rows, placed_among, rows_at
from core.analysis.neighbours import Metric, nearest_others
from core.analysis.uniform_manifold import uniform_manifold
from core.common.choices import refuse_unknown
from core.extraction.activation import Activation

__all__ = [
    "FEWEST_SAMPLES",
    "LANDMARKS",
    "Method",
    "Metric",
    "Pooling",
    "Projection",
    "features_of",
    "nearest",
    "pooled",
    "project",
    "setting_apart",
    "why_no_place",
]

Method = Literal["PCA", "t-SNE", "UMAP"]
Pooling = Literal["flatten", "mean", "maximum"]

FEWEST_SAMPLES: Final = 5
LANDMARKS: Final = 20_000
"""Of more samples than these, t-SNE and UMAP place as many, and the others among them."""
_WIDE: Final = 20_000
_EARLY_STEPS: Final = 100
_STEPS: Final = 400
_TOLD_EVERY: Final = 25
_INTERPOLATED: Final = 3_000
"""From how many samples on interpolation takes less time than a tree."""
_GRID: Final = 1.5
"""Squares of the interpolation, in units of the picture: with 1, the last steps take four times as long, for the same
neighbours."""
_SPREAD: Final = 1e5
"""What t-SNE begins with is 1e-4 wide, and UMAP with ten."""
_RANKED: Final = 2_000
"""Trustworthiness compares all pairs, so of more samples it is estimated from this many."""


@dataclass(frozen=True)
class Projection:
    """Where each sample lies.

    Attributes:
        points: Shape ``(sample, dimension)``.
        explained: Share of the variance along each dimension, for PCA; else empty.
        trustworthiness: From 0 to 1, how far a sample's neighbours in the picture are its neighbours in the layer:
            Venna and Kaski 2001; None for PCA.
        perplexity: That was used, for t-SNE: it must be below a third of the samples.
        landmarks: Samples that were placed by the method itself, where the others were placed among them; else None.
    """

    points: np.ndarray
    explained: tuple[float, ...] = ()
    trustworthiness: float | None = None
    perplexity: float | None = None
    landmarks: int | None = None


def features_of(activation: Activation, pooling: Pooling) -> np.ndarray:
    """Return one row of numbers per sample, float32, shape ``(sample, feature)``.

    Args:
        activation: What the layer answered, the sample axis first.
        pooling: Every number as it is, or one per unit or channel: its mean or maximum over space or time. Padding is
            left out where the layer has a mask.

    Raises:
        InputRejected: If there is no such pooling.
    """
    refuse_unknown(pooling, get_args(Pooling), "pooling")
    return pooled(activation.values.astype(np.float32), activation.shown, pooling)


def pooled(values: np.ndarray, shown: np.ndarray, pooling: Pooling) -> np.ndarray:
    """Return one row of numbers per sample, shape ``(sample, feature)``.

    Args:
        values: The sample axis first, units or channels last.
        shown: What is no padding, boolean, of the shape of the values without the last axis.
        pooling: As for :func:`features_of`.
    """
    if pooling == "flatten" or values.ndim < 3:
        return values.reshape(len(values), -1)  # (sample, *extents) -> (sample, feature)
    shown = shown[..., None]
    places = tuple(range(1, values.ndim - 1))
    if pooling == "maximum":
        return np.where(shown, values, -np.inf).max(axis=places)
    return (values * shown).sum(axis=places) / np.maximum(shown.sum(axis=places), 1)


def project(  # noqa: PLR0913 - public: what each of the methods can be told
    features: Rows,
    method: Method,
    dimensions: int = 2,
    perplexity: float = 30.0,
    neighbours: int = 15,
    minimum_distance: float = 0.1,
    metric: Metric = "euclidean",
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
    landmarks: int = LANDMARKS,
) -> Projection:
    """Place samples in a plane or in space.

    Args:
        features: Shape ``(sample, feature)``, finite: an array, or what reads one from a disk block by block.
        method: PCA (Pearson 1901), t-SNE (van der Maaten and Hinton 2008; Poličar et al. 2024) or UMAP (McInnes et al.
            2018); the latter two begin with PCA (Kobak and Linderman 2021).
        dimensions: 2 or 3.
        perplexity: For t-SNE, roughly how many neighbours count.
        neighbours: For UMAP, how many neighbours count.
        minimum_distance: For UMAP, how close points may lie.
        metric: How far apart samples are in the layer; PCA knows the Euclidean one only.
        seed: Of the random numbers; the same seed gives the same picture.
        progress: Called with how far it is.
        landmarks: Of more samples, t-SNE and UMAP place so many, drawn by chance, and each of the others at the median
            of its nearest ten (Kobak and Berens 2019).

    Raises:
        ValueError: If there are fewer than :data:`FEWEST_SAMPLES` samples, or :func:`why_no_place` says why not.
        InputRejected: If there is no such method or metric.
    """
    refuse_unknown(method, get_args(Method), "method")
    refuse_unknown(metric, get_args(Metric), "metric")
    count = features.shape[0]
    if count < FEWEST_SAMPLES:
        raise ValueError(f"{count} samples are too few to be placed; it takes {FEWEST_SAMPLES} or more")
    if why := why_no_place(features):
        raise ValueError(why)
    tell = progress or (lambda fraction, text: None)
    if method == "PCA":
        return _pca(features, dimensions)
    chosen = drawn_rows(count, max(landmarks, FEWEST_SAMPLES), seed)
    those = rows_at(features, chosen)
    share = 0.95 if len(chosen) == count else 0.3

    def tell_share(fraction: float, text: str) -> None:
        tell(share * fraction, text)

    fitting = min(perplexity, (len(those) - 1) / 3) if method == "t-SNE" else None
    if fitting is not None:
        points = _tsne(those, dimensions, fitting, metric, seed, tell_share)
    else:
        points = _umap(those, dimensions, neighbours, minimum_distance, metric, seed, tell_share)
    if len(chosen) < count:

        def tell_placed(done: int, all_of_them: int) -> None:
            tell(0.3 + 0.65 * done / all_of_them, f"{done:,} of {all_of_them:,} samples placed")

        places, points = points, placed_among(features, those, points, metric, tell_placed)
        points[chosen] = places
    tell(0.97, "comparing neighbours")
    trust = _trustworthiness(features, points, metric, seed)
    return Projection(points, (), trust, fitting, len(chosen) if len(chosen) < count else None)


def why_no_place(features: Rows) -> str:
    """Return why samples cannot be placed, as a sentence; empty if they can."""
    first, differs = None, False
    for _, block in blocks_of_rows(features):
        if not np.isfinite(block).all():
            return "Some values are NaN or infinite, and what holds them has no place."
        first = block[0] if first is None else first
        differs = differs or bool((block != first).any())
    if first is not None and not differs:
        return "The layer answers the same to all of them, so there is nothing to be told apart."
    return ""


def nearest(features: np.ndarray, sample: int, count: int, metric: Metric) -> tuple[np.ndarray, np.ndarray]:
    """Return the samples that the layer answers to most alike, the nearest first, and how far each is.

    Args:
        features: Shape ``(sample, feature)``.
        sample: Which one's neighbours.
        count: How many.
        metric: How far apart samples are.
    """
    from sklearn.metrics import pairwise_distances

    distances = pairwise_distances(features[sample : sample + 1], features, metric=metric)[0]
    distances[sample] = np.inf
    few = np.sort(np.argpartition(distances, min(count, len(distances) - 1))[:count])
    order = few[np.argsort(distances[few], kind="stable")]
    order = order[order != sample]
    return order, distances[order]


def setting_apart(features: np.ndarray, inside: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the features whose mean over some samples lies farthest from that over all others.

    Args:
        features: Shape ``(sample, feature)``.
        inside: Which samples, boolean; neither none nor all.
        count: How many features.

    Returns:
        The features, and for each mean inside minus mean outside, in standard deviations over all samples.
    """
    deviation = features.std(axis=0)
    difference = features[inside].mean(axis=0) - features[~inside].mean(axis=0)
    apart = difference / np.where(deviation > 0, deviation, np.inf)
    strongest = np.argsort(-np.abs(apart), kind="stable")[:count]
    return strongest, apart[strongest].astype(np.float64)


def _pca(features: Rows, dimensions: int) -> Projection:
    count, width = features.shape
    possible = min(dimensions, count, width)
    if width > _WIDE:
        points, shares = _pca_of_wide(rows_at(features, np.arange(count)), possible)
    elif count >= 10 * width:
        points, shares = _pca_of_many(features, possible)
    else:
        from sklearn.decomposition import PCA

        # The full decomposition gives the same picture each time, without a seed.
        fitted = PCA(n_components=possible, svd_solver="full")
        points = fitted.fit_transform(rows_at(features, np.arange(count)).astype(np.float64))
        shares = fitted.explained_variance_ratio_
    # A layer of one unit has one dimension; the others are zero.
    missing = dimensions - points.shape[1]
    return Projection(np.pad(points, ((0, 0), (0, missing))), (*map(float, shares), *[0.0] * missing))


def _pca_of_wide(features: np.ndarray, possible: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the same points, from the products of samples with each other instead of features with each other."""
    from sklearn.decomposition import KernelPCA

    wide = KernelPCA(n_components=possible, kernel="linear", eigen_solver="dense")
    points = wide.fit_transform(features)
    return points, wide.eigenvalues_ / ((features - features.mean(axis=0)).astype(np.float64) ** 2).sum()


def _pca_of_many(features: Rows, possible: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the same points, from the products of features with each other, which are added up block by block."""
    count, width = features.shape
    mean = sum(block.sum(axis=0, dtype=np.float64) for _, block in blocks_of_rows(features)) / count
    products = np.zeros((width, width))
    for _, block in blocks_of_rows(features):
        centred = block - mean
        products += centred.T @ centred
    variances, directions = np.linalg.eigh(products)
    directions = directions[:, ::-1][:, :possible]
    # Which of two opposite directions is found is left to chance otherwise.
    directions = directions * np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(possible)])
    points = np.concatenate([(block - mean) @ directions for _, block in blocks_of_rows(features)])
    return points, variances[::-1][:possible] / variances.sum()


def _start(features: np.ndarray, dimensions: int, seed: int) -> np.ndarray:
    from openTSNE import initialization

    if features.shape[1] < dimensions:
        return initialization.random(len(features), n_components=dimensions, random_state=seed)
    return initialization.pca(features, n_components=dimensions, random_state=seed)


def _tsne(
    features: np.ndarray,
    dimensions: int,
    perplexity: float,
    metric: Metric,
    seed: int,
    tell: Callable[[float, str], None],
) -> np.ndarray:
    from openTSNE import TSNE, affinity, nearest_neighbors

    done, steps = 0, _EARLY_STEPS + _STEPS

    def told(iteration: int, error: float, embedding: Any) -> bool:
        nonlocal done
        done += _TOLD_EVERY
        tell(done / steps, f"step {done:,} of {steps:,}")
        return False

    tell(0.0, "looking for neighbours")
    # Given the neighbours, openTSNE does not look whether pynndescent is there, which compiles as it is imported.
    others, distances = nearest_others(features, min(len(features) - 1, int(3 * perplexity)), metric)
    neighbours = nearest_neighbors.PrecomputedNeighbors(others, distances.astype(np.float64))
    # Interpolation knows a plane only.
    interpolates = dimensions < 3 and len(features) >= _INTERPOLATED
    fitted = TSNE(
        n_components=dimensions,
        perplexity=perplexity,
        initialization=_start(features, dimensions, seed),
        early_exaggeration_iter=_EARLY_STEPS,
        n_iter=_STEPS,
        # Of a start by PCA, the early steps have little to find; at full speed they find it in fewer.
        initial_momentum=0.8,
        negative_gradient_method="fft" if interpolates else "bh",
        ints_in_interval=_GRID,
        random_state=seed,
        callbacks=told,
        callbacks_every_iters=_TOLD_EVERY,
    ).fit(affinities=affinity.PerplexityBasedNN(perplexity=perplexity, knn_index=neighbours))
    return np.asarray(fitted, dtype=np.float64)


def _umap(
    features: np.ndarray,
    dimensions: int,
    neighbours: int,
    minimum_distance: float,
    metric: Metric,
    seed: int,
    tell: Callable[[float, str], None],
) -> np.ndarray:
    tell(0.0, "looking for neighbours")
    # It counts the sample itself among its neighbours.
    others, distances = nearest_others(features, max(1, min(neighbours, len(features)) - 1), metric)
    points = uniform_manifold(
        others,
        distances.astype(np.float64),
        _SPREAD * _start(features, dimensions, seed),
        minimum_distance,
        seed,
        lambda done, steps: tell(0.2 + 0.8 * done / steps, f"step {done:,} of {steps:,}"),
    )
    return points.astype(np.float64)


def _trustworthiness(features: Rows, points: np.ndarray, metric: Metric, seed: int) -> float:
    from sklearn.manifold import trustworthiness

    chosen = drawn_rows(len(points), _RANKED, seed)
    neighbours = min(5, (len(chosen) - 1) // 2)
    there = rows_at(features, chosen)
    return float(trustworthiness(there, points[chosen], n_neighbors=neighbours, metric=metric))
