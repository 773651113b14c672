"""Samples as points of a plane or of space: near each other where the layer answers alike.

PCA by scikit-learn, t-SNE by openTSNE, UMAP by umap-learn. They are imported when they are asked for: umap-learn
compiles for up to half a minute when it is first used in a process.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final, Literal, get_args

import numpy as np

from core.common.choices import refuse_unknown
from core.extraction.activation import Activation

__all__ = [
    "FEWEST_SAMPLES",
    "Method",
    "Metric",
    "Pooling",
    "Projection",
    "features_of",
    "nearest",
    "project",
    "setting_apart",
    "why_no_place",
]

Method = Literal["PCA", "t-SNE", "UMAP"]
Metric = Literal["euclidean", "cosine", "manhattan"]
Pooling = Literal["flatten", "mean", "maximum"]

FEWEST_SAMPLES: Final = 5
_WIDE: Final = 20_000
_EXACT: Final = 1_000
_STEPS: Final = 750
_TOLD_EVERY: Final = 25
_RANKED: Final = 5_000
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
    """

    points: np.ndarray
    explained: tuple[float, ...] = ()
    trustworthiness: float | None = None
    perplexity: float | None = None


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
    values = activation.values.astype(np.float32)
    if pooling == "flatten" or values.ndim < 3:
        return values.reshape(len(values), -1)  # (sample, *extents) -> (sample, feature)
    shown = activation.shown[..., None]
    places = tuple(range(1, values.ndim - 1))
    if pooling == "maximum":
        return np.where(shown, values, -np.inf).max(axis=places)
    return (values * shown).sum(axis=places) / np.maximum(shown.sum(axis=places), 1)


def project(  # noqa: PLR0913 - public: what each of the methods can be told
    features: np.ndarray,
    method: Method,
    dimensions: int = 2,
    perplexity: float = 30.0,
    neighbours: int = 15,
    minimum_distance: float = 0.1,
    metric: Metric = "euclidean",
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> Projection:
    """Place samples in a plane or in space.

    Args:
        features: Shape ``(sample, feature)``, finite.
        method: PCA (Pearson 1901), t-SNE (van der Maaten and Hinton 2008; Poličar et al. 2024) or UMAP (McInnes et al.
            2018).
        dimensions: 2 or 3.
        perplexity: For t-SNE, roughly how many neighbours count.
        neighbours: For UMAP, how many neighbours count.
        minimum_distance: For UMAP, how close points may lie.
        metric: How far apart samples are in the layer; PCA knows the Euclidean one only.
        seed: Of the random numbers; the same seed gives the same picture.
        progress: Called with how far it is.

    Raises:
        ValueError: If there are fewer than :data:`FEWEST_SAMPLES` samples, or :func:`why_no_place` says why not.
        InputRejected: If there is no such method or metric.
    """
    refuse_unknown(method, get_args(Method), "method")
    refuse_unknown(metric, get_args(Metric), "metric")
    if len(features) < FEWEST_SAMPLES:
        raise ValueError(f"{len(features)} samples are too few to be placed; it takes {FEWEST_SAMPLES} or more")
    if why := why_no_place(features):
        raise ValueError(why)
    tell = progress or (lambda fraction, text: None)
    if method == "PCA":
        return _pca(features, dimensions)
    if method == "t-SNE":
        fitting = min(perplexity, (len(features) - 1) / 3)
        points = _tsne(features, dimensions, fitting, metric, seed, tell)
    else:
        fitting = None
        points = _umap(features, dimensions, neighbours, minimum_distance, metric, seed, tell)
    tell(0.97, "comparing neighbours")
    return Projection(points, (), _trustworthiness(features, points, metric, seed), fitting)


def why_no_place(features: np.ndarray) -> str:
    """Return why samples cannot be placed, as a sentence; empty if they can."""
    if not np.isfinite(features).all():
        return "Some values are NaN or infinite, and what holds them has no place."
    if len(features) and (features == features[0]).all():
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


def _pca(features: np.ndarray, dimensions: int) -> Projection:
    from sklearn.decomposition import PCA, KernelPCA

    possible = min(dimensions, *features.shape)
    if features.shape[1] > _WIDE:
        # The same points, from the products of samples with each other instead of features with each other.
        wide = KernelPCA(n_components=possible, kernel="linear", eigen_solver="dense")
        points = wide.fit_transform(features)
        spread = ((features - features.mean(axis=0)).astype(np.float64) ** 2).sum()
        shares = wide.eigenvalues_ / spread
    else:
        # The full decomposition gives the same picture each time, without a seed.
        fitted = PCA(n_components=possible, svd_solver="full")
        points, shares = fitted.fit_transform(features.astype(np.float64)), fitted.explained_variance_ratio_
    # A layer of one unit has one dimension; the others are zero.
    missing = dimensions - points.shape[1]
    return Projection(np.pad(points, ((0, 0), (0, missing))), (*map(float, shares), *[0.0] * missing))


def _tsne(
    features: np.ndarray,
    dimensions: int,
    perplexity: float,
    metric: Metric,
    seed: int,
    tell: Callable[[float, str], None],
) -> np.ndarray:
    from openTSNE import TSNE, initialization
    from sklearn.metrics import pairwise_distances

    done = 0

    def told(iteration: int, error: float, embedding: Any) -> bool:
        nonlocal done
        done += _TOLD_EVERY
        tell(min(0.95, done / _STEPS), f"step {done:,} of {_STEPS:,}")
        return False

    tell(0.0, "looking for neighbours")
    # Where openTSNE would take exact neighbours anyway, it is given the distances: else it looks whether pynndescent is
    # there by importing it, which compiles for some fifteen seconds in each new process.
    few = len(features) < _EXACT
    started = (
        initialization.pca(features, n_components=dimensions, random_state=seed)
        if features.shape[1] >= dimensions
        else "random"
    )
    fitted = TSNE(
        n_components=dimensions,
        perplexity=perplexity,
        metric="precomputed" if few else metric,
        initialization=started,
        # Interpolation, which is faster for many points, knows a plane only.
        negative_gradient_method="auto" if dimensions < 3 else "bh",
        random_state=seed,
        callbacks=told,
        callbacks_every_iters=_TOLD_EVERY,
    ).fit(pairwise_distances(features, metric=metric) if few else features)
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
    starting = partial(tell, 0.05, "starting UMAP, which compiles for up to half a minute the first time")
    starting()
    _while_telling(_compile_umap, starting)
    import umap

    placing = umap.UMAP(
        n_components=dimensions,
        n_neighbors=min(neighbours, len(features) - 1),
        min_dist=minimum_distance,
        metric=metric,
        random_state=seed,
        # Of few samples the eigenvectors that it starts from do not exist.
        init="spectral" if len(features) > 5 * dimensions else "random",
        n_jobs=1,
    )
    # Another metric, or a third dimension, is compiled anew.
    fitting = partial(tell, 0.2, "placing the samples")
    fitting()
    fitted = _while_telling(partial(placing.fit_transform, features), fitting)
    return np.asarray(fitted, dtype=np.float64)


def _while_telling(work: Callable[[], Any], tell: Callable[[], None]) -> Any:
    """Return what some work comes to that says nothing itself, and give a sign of life every second meanwhile."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        future = executor.submit(work)
        while not wait([future], timeout=1.0).done:
            tell()
        return future.result()


@cache
def _compile_umap() -> None:
    # Of a few points: the first use alone takes as long as a picture may.
    import umap

    few = np.random.default_rng(0).random((40, 4), dtype=np.float32)
    umap.UMAP(n_neighbors=5, random_state=0, n_epochs=1, n_jobs=1).fit_transform(few)


def _trustworthiness(features: np.ndarray, points: np.ndarray, metric: Metric, seed: int) -> float:
    from sklearn.manifold import trustworthiness

    if len(features) > _RANKED:
        chosen = np.random.default_rng(seed).choice(len(features), _RANKED, replace=False)
        features, points = features[chosen], points[chosen]
    neighbours = min(5, (len(features) - 1) // 2)
    return float(trustworthiness(features, points, n_neighbors=neighbours, metric=metric))
