"""UMAP (McInnes et al. 2018) in NumPy: nothing is compiled, so the first picture comes as soon as any other.

The graph and the curve are those of the paper. The layout goes down the same forces, but for all samples at once
instead of one edge after the other, which needs a compiler: attraction by every edge, repulsion from samples that are
drawn anew in each step. Attraction is taken at where a step leads, not at where it begins (a semi-implicit step), since
the edges of a sample together would else throw it past all of its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["uniform_manifold"]

_STEPS_OF_FEW: Final = 500
_STEPS: Final = 200
_FEW: Final = 5_000
_DRAWN: Final = 20
"""From how many samples one is pushed away in each step: about as many as it meets in the paper's."""
_REPULSION: Final = 5
"""In the paper, samples drawn for each edge that is gone along."""
_LARGEST_PUSH: Final = 4
_BISECTIONS: Final = 64
_TOLD_EVERY: Final = 20


def uniform_manifold(
    others: np.ndarray,
    distances: np.ndarray,
    start: np.ndarray,
    minimum_distance: float,
    seed: int,
    tell: Callable[[int, int], None],
) -> np.ndarray:
    """Return where UMAP places samples, shape ``(sample, dimension)``.

    Args:
        others: The nearest others of each sample, shape ``(sample, neighbour)``.
        distances: How far each of them is, of the same shape, the nearest first.
        start: Where the samples begin, shape ``(sample, dimension)``; some tens from end to end.
        minimum_distance: How close points may lie.
        seed: Of what is drawn.
        tell: Called with how many steps are made, and of how many.
    """
    graph = _fuzzy_graph(others, distances)
    steps = _STEPS_OF_FEW if len(others) <= _FEW else _STEPS
    # An edge that the paper's way would never go along in so many steps.
    graph.data[graph.data < graph.data.max() / steps] = 0
    graph.eliminate_zeros()
    curve = _curve(minimum_distance)
    random = np.random.default_rng(seed)
    points = start.astype(np.float32)
    for step, moved in enumerate(_steps(graph, points, curve, steps, random)):
        points = moved
        if step % _TOLD_EVERY == 0:
            tell(step, steps)
    return points


def _fuzzy_graph(others: np.ndarray, distances: np.ndarray) -> csr_array:
    """Return how far two samples belong together, from 0 to 1, where either is among the other's nearest."""
    from scipy.sparse import csr_array

    count, near = others.shape
    belongs = _memberships(distances)
    one_way = csr_array((belongs.ravel(), others.ravel(), np.arange(0, count * near + 1, near)), shape=(count, count))
    other_way = one_way.T.tocsr()
    return (one_way + other_way - one_way.multiply(other_way)).tocsr()


def _memberships(distances: np.ndarray) -> np.ndarray:
    """Return how far the nearest others belong to each sample: 1 for the nearest, and in sum as the paper has it."""
    apart = np.where(distances > 0, distances, np.inf).min(axis=1, keepdims=True)
    beyond = np.maximum(distances - np.where(np.isfinite(apart), apart, 0), 0)
    # The paper counts the sample itself among its neighbours.
    wanted = np.log2(distances.shape[1] + 1)
    low, high = np.zeros_like(apart), np.full_like(apart, np.inf)
    width = np.ones_like(apart)
    for _ in range(_BISECTIONS):
        is_wide = np.exp(-beyond / width).sum(axis=1, keepdims=True) > wanted
        low, high = np.where(is_wide, low, width), np.where(is_wide, width, high)
        width = np.where(np.isinf(high), 2 * width, (low + high) / 2)
    # Of samples that are all the same no width is small enough.
    narrowest = 1e-3 * np.where(np.isfinite(apart), distances.mean(axis=1, keepdims=True), distances.mean())
    return np.exp(-beyond / np.maximum(width, np.maximum(narrowest, np.finfo(np.float64).tiny)))


def _curve(minimum_distance: float) -> tuple[np.float32, np.float32]:
    """Return a and b of 1 / (1 + a d^2b), which is near 1 up to the minimum distance and falls behind it."""
    from scipy.optimize import curve_fit

    apart = np.linspace(0, 3, 300)
    wanted = np.where(apart < minimum_distance, 1.0, np.exp(minimum_distance - apart))
    (steepness, exponent), _ = curve_fit(lambda d, a, b: 1 / (1 + a * d ** (2 * b)), apart, wanted)
    return np.float32(steepness), np.float32(exponent)


def _steps(
    graph: csr_array, points: np.ndarray, curve: tuple[np.float32, np.float32], steps: int, random: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield where the samples are after each step."""
    graph, (steepness, exponent) = graph.astype(np.float32), curve
    ends = np.repeat(np.arange(len(points)), np.diff(graph.indptr)), graph.indices
    weights = graph.data.copy()
    share = (_REPULSION / _DRAWN) * graph.sum(axis=1, dtype=np.float32)[:, None]
    for step in range(steps):
        rate = np.float32(1 - step / steps)
        squared, powered = _distances(points[ends[0]] - points[ends[1]], exponent)
        # Each edge is met from both of its ends, and moves both.
        graph.data = weights * (4 * steepness * exponent) * powered / (squared * (1 + steepness * powered))
        stiffness = graph.sum(axis=1, dtype=np.float32)[:, None]
        away = points[:, None] - points[random.integers(0, len(points), (len(points), _DRAWN), dtype=np.int32)]
        squared, powered = _distances(away, exponent)
        strength = 2 * exponent / ((np.float32(1e-3) + squared) * (1 + steepness * powered))
        push = np.clip(strength[..., None] * away, -_LARGEST_PUSH, _LARGEST_PUSH).sum(axis=1) * share
        points = (points + rate * (graph @ points + push)) / (1 + rate * stiffness)
        yield points


def _distances(differences: np.ndarray, exponent: np.float32) -> tuple[np.ndarray, np.ndarray]:
    """Return squared distances, none of them zero, and their powers."""
    squared = np.einsum("...d,...d->...", differences, differences) + np.float32(1e-12)
    return squared, np.exp(exponent * np.log(squared))
