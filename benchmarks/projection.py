"""Projections of many samples: t-SNE and UMAP against scikit-learn's t-SNE, and many points in a browser, in one run.

``python -m benchmarks.projection``. The data are classes of points around centres, 128 numbers each. What is drawn is
what the app draws: the projection of a layer that answers these numbers, with their labels. ``--large`` places 50,000
samples too, which takes minutes; ``--browser`` leaves the placing away.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any, Final

import numpy as np
from playwright.sync_api import Page

from benchmarks.serving import ROOT, browser_page, server, wait_until_painted

SAMPLES: Final = 10_000
LARGE: Final = 50_000
WARMING: Final = 5_000
"""Above 4,096 samples UMAP looks for neighbours in another way, which is compiled by itself."""
FEATURES: Final = 128
CLASSES: Final = 10
ROUNDS: Final = 5
GOALS: Final = {50_000: 0.6, 1_000_000: 1.5}


def clustered(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return points around centres, shape ``(sample, feature)``, and which centre each belongs to."""
    random = np.random.default_rng(0)
    centres = 3 * random.standard_normal((CLASSES, FEATURES))
    labels = random.integers(0, CLASSES, count)
    return (centres[labels] + random.standard_normal((count, FEATURES))).astype(np.float32), labels


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--browser", action="store_true")
    given = parser.parse_args()
    if not given.browser:
        _placing(SAMPLES)
        if given.large:
            _placing(LARGE, reference=False)
    _painting()


def _placing(count: int, reference: bool = True) -> None:
    from sklearn.manifold import TSNE

    from core.analysis.projection import project

    features, labels = clustered(count)
    started = time.perf_counter()
    project(features[:WARMING], "UMAP")
    print(
        f"UMAP's first call, of {WARMING:,} samples, compiled in it: {time.perf_counter() - started:.1f} s\n",
        flush=True,
    )
    project(features[:2_000], "t-SNE")
    print(f"| {count:,} × {FEATURES} | seconds | times faster | trustworthiness | neighbours of the same class |")
    print("|---|---|---|---|---|")
    slowest = 0.0
    if reference:
        started = time.perf_counter()
        points = TSNE(random_state=0, n_jobs=-1).fit_transform(features)
        slowest = time.perf_counter() - started
        print(f"| scikit-learn's t-SNE | {slowest:.1f} | 1 | | {purity(points, labels):.3f} |", flush=True)
    for method in ("PCA", "t-SNE", "UMAP"):
        started = time.perf_counter()
        placed = project(features, method, progress=lambda fraction, text: None)
        seconds = time.perf_counter() - started
        faster = f"{slowest / seconds:.1f}" if slowest else ""
        trust = "" if placed.trustworthiness is None else f"{placed.trustworthiness:.3f}"
        print(f"| {method} | {seconds:.1f} | {faster} | {trust} | {purity(placed.points, labels):.3f} |", flush=True)
    print()


def purity(points: np.ndarray, labels: np.ndarray, neighbours: int = 10) -> float:
    """Return the share of each point's neighbours that are of its class, the mean over points."""
    from sklearn.neighbors import NearestNeighbors

    chosen = np.random.default_rng(0).choice(len(points), min(len(points), 2_000), replace=False)
    _, near = NearestNeighbors(n_neighbors=neighbours + 1).fit(points).kneighbors(points[chosen])
    return float((labels[near[:, 1:]] == labels[chosen, None]).mean())


def _painting() -> None:
    print("| points | build (s) | sent (MB) | click to painted (s) | goal |\n|---|---|---|---|---|")
    with server(ROOT / "benchmarks" / "projection_page.py") as address, browser_page() as page:
        page.goto(address)
        page.get_by_text("ready").wait_for(timeout=120_000)
        for count, goal in GOALS.items():
            page.get_by_text(f"{count:,}", exact=True).click()
            page.get_by_text("ready").wait_for(timeout=120_000)
            drawn = [_draw(page) for _ in range(ROUNDS + 1)][1:]
            seconds, built, size = (statistics.median(each) for each in zip(*drawn, strict=True))
            print(f"| {count:,} | {built:.2f} | {size / 1e6:.2f} | {seconds:.2f} | {goal}, at most 1 MB |", flush=True)


def _draw(page: Page) -> tuple[float, float, int]:
    page.get_by_role("button", name="Clear").click()
    page.get_by_text("ready").wait_for()
    page.wait_for_timeout(500)
    page.evaluate(
        "addEventListener('pointerdown', () => { window.clicked = performance.now() }, {capture: true, once: true})"
    )
    page.get_by_role("button", name="Draw").click()
    done: Any = wait_until_painted(page)
    seconds = (done["at"] - page.evaluate("window.clicked")) / 1000
    told = json.loads(page.get_by_test_id("stText").last.inner_text())
    return seconds, told["built"], told["bytes"]


if __name__ == "__main__":
    main()
