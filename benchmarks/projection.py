"""Projections of many samples: t-SNE and UMAP against scikit-learn's t-SNE, and many points in a browser, in one run.

``python -m benchmarks.projection``. What is measured against is scikit-learn's t-SNE of the same samples in the same
run. The libraries as they are by default stand beside: openTSNE, and umap-learn where it is installed (``pip install
umap-learn``). ``--data sheets`` takes curved sheets of five dimensions, in which neighbours mean something; the default
is classes of points around centres, whose neighbours are chance. ``--large`` places 50,000 samples too; ``--browser``
leaves the placing away.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from playwright.sync_api import Page

from benchmarks.serving import ROOT, browser_page, server, wait_until_painted

SAMPLES: Final = 10_000
LARGE: Final = 50_000
FIRST: Final = 5_000
FEATURES: Final = 128
CLASSES: Final = 10
SHEET: Final = 5
KEPT_NEIGHBOURS: Final = 15
ROUNDS: Final = 5
GOALS: Final = {50_000: 0.6, 1_000_000: 1.5}
FASTER: Final = {"t-SNE": 4, "UMAP": 6}
HAS_UMAP_LEARN: Final = importlib.util.find_spec("umap") is not None


def clustered(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return points around centres, shape ``(sample, feature)``, and which centre each belongs to."""
    random = np.random.default_rng(0)
    centres = 3 * random.standard_normal((CLASSES, FEATURES))
    labels = random.integers(0, CLASSES, count)
    return (centres[labels] + random.standard_normal((count, FEATURES))).astype(np.float32), labels


def sheets(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return points on curved sheets, shape ``(sample, feature)``, and which sheet each belongs to."""
    random = np.random.default_rng(1)
    labels = random.integers(0, CLASSES, count)
    features = 0.05 * random.standard_normal((count, FEATURES))
    for sheet in range(CLASSES):
        inside = labels == sheet
        across = random.standard_normal((inside.sum(), SHEET)) @ random.standard_normal((SHEET, 64))
        bent = np.tanh(0.7 * across + 0.5 * random.standard_normal(64))
        features[inside] += bent @ random.standard_normal((64, FEATURES)) / 8 + 0.6 * random.standard_normal(FEATURES)
    return features.astype(np.float32), labels


DATA: Final = {"classes": clustered, "sheets": sheets}


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--browser", action="store_true")
    parser.add_argument("--data", choices=list(DATA), default="classes")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    if not arguments.browser:
        _first_calls()
        _placing(DATA[arguments.data](SAMPLES)[0])
        if arguments.large:
            _placing(DATA[arguments.data](LARGE)[0], reference=False)
    _painting()


def _first_calls() -> None:
    """Print what the first picture of a process waits for, its imports included."""
    features = f"features = clustered({FIRST})[0]"
    ways = {
        "UMAP": f"from core.analysis.projection import project; {features}; start(); project(features, 'UMAP')",
        "t-SNE": f"from core.analysis.projection import project; {features}; start(); project(features, 't-SNE')",
    }
    if HAS_UMAP_LEARN:
        ways["umap-learn"] = f"{features}; start(); import umap; umap.UMAP(random_state=0).fit_transform(features)"
    print(f"| first call of a process, {FIRST:,} × {FEATURES} | seconds | of a core |\n|---|---|---|")
    for name, code in ways.items():
        script = (
            "import time\nfrom benchmarks.projection import clustered\n"
            "def start():\n    global at\n    at = time.perf_counter(), time.process_time()\n"
            f"{code}\nprint(time.perf_counter() - at[0], time.process_time() - at[1])"
        )
        ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)
        seconds, of_core = map(float, ran.stdout.split())
        print(f"| {name} | {seconds:.1f} | {of_core:.1f} |", flush=True)
    print()


def _placing(features: np.ndarray, reference: bool = True) -> None:
    from core.analysis.projection import project

    project(features[:1_000], "t-SNE")
    ways: dict[str, Callable[[], np.ndarray]] = {
        method: lambda method=method: project(features, method).points for method in ("PCA", "t-SNE", "UMAP")
    }
    if reference:
        ways = {"scikit-learn's t-SNE": _tsne_of_scikit_learn(features), **ways}
        ways["openTSNE by default"] = _tsne_by_default(features)
        if HAS_UMAP_LEARN:
            ways["umap-learn by default"] = _umap_by_default(features)
    print(
        f"| {len(features):,} × {FEATURES} | seconds | of a core | times faster | the same, of a core | goal "
        "| trustworthiness | neighbours kept |\n|---|---|---|---|---|---|---|---|"
    )
    slowest = None
    for name, place in ways.items():
        started, of_core = time.perf_counter(), time.process_time()
        points = place()
        took = time.perf_counter() - started, time.process_time() - of_core
        slowest = slowest or (took if reference else None)
        faster = " | ".join(f"{than / own:.1f}" for than, own in zip(slowest, took, strict=True)) if slowest else " | "
        goal = FASTER.get(name, "") if reference else ""
        trust, neighbours = quality(features, points)
        print(
            f"| {name} | {took[0]:.1f} | {took[1]:.1f} | {faster} | {goal} | {trust:.3f} | {neighbours:.3f} |",
            flush=True,
        )
    print()


def _tsne_of_scikit_learn(features: np.ndarray) -> Callable[[], np.ndarray]:
    from sklearn.manifold import TSNE

    return lambda: TSNE(random_state=0, n_jobs=-1).fit_transform(features)


def _tsne_by_default(features: np.ndarray) -> Callable[[], np.ndarray]:
    from openTSNE import TSNE

    placing = TSNE(random_state=0)
    placing.fit(features[:2_000])
    return lambda: np.asarray(placing.fit(features))


def _umap_by_default(features: np.ndarray) -> Callable[[], np.ndarray]:
    import umap

    placing = umap.UMAP(random_state=0)
    # Above 4,096 samples it looks for neighbours in another way, which is compiled by itself.
    placing.fit_transform(features[:FIRST])
    return lambda: placing.fit_transform(features)


def quality(features: np.ndarray, points: np.ndarray) -> tuple[float, float]:
    """Return how trustworthy 5 neighbours are, of 3,000 samples, and the share of the 15 nearest that are kept."""
    from sklearn.manifold import trustworthiness
    from sklearn.neighbors import NearestNeighbors

    random = np.random.default_rng(0)
    few = random.choice(len(points), min(len(points), 3_000), replace=False)
    trust = float(trustworthiness(features[few], points[few], n_neighbors=5))
    there, here = (
        NearestNeighbors(n_neighbors=KEPT_NEIGHBOURS + 1).fit(each).kneighbors(each[few], return_distance=False)[:, 1:]
        for each in (features, points)
    )
    return trust, float(np.mean([np.isin(*both).mean() for both in zip(there, here, strict=True)]))


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
