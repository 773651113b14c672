"""Outputs of models that there is no example of, for the gallery: what each would answer to a picture of shapes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

import layerscope
from core.inputs.spec import InputSpec
from core.plugins.meanings import OutputContext, OutputSamples

__all__ = ["MADE_UP_ANSWERS"]

_SAMPLE: Final = 3
_SIDE: Final = 32
_SPREAD: Final = 3.0


def _boxes(order: str) -> OutputContext:
    """Two boxes that were found and one that is hardly one, with score and class behind the four numbers."""
    corners = np.array([[3, 9, 18, 22], [18, 11, 30, 25], [1, 1, 6, 5]]) / _SIDE
    true = np.array([[3, 8, 17, 22], [18, 11, 31, 24]]) / _SIDE
    behind = np.array([[0.94, 0], [0.88, 1], [0.06, 2]])
    values = np.concatenate([_in_order(corners, order), behind], axis=1)
    return _output(values, "boxes", true_value=_in_order(true, order), class_names=("square", "circle", "triangle"))


def _in_order(corners: np.ndarray, order: str) -> np.ndarray:
    if order == "centre":
        return np.concatenate([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], axis=1)
    return corners[:, [1, 0, 3, 2]] if order == "down first" else corners


def _keypoints() -> OutputContext:
    true = _corners_of_the_square() / _SIDE
    return _output(
        true + np.array([[0.02, 0.01], [-0.03, 0.02], [0.01, -0.02], [0.0, 0.05]]), "points", true_value=true
    )


def _corners_of_the_square() -> np.ndarray:
    return np.array([[3, 8], [17, 8], [17, 22], [3, 22]], float)


def _heatmaps() -> OutputContext:
    down, across = np.mgrid[:_SIDE, :_SIDE]
    maps = [
        np.exp(-((across - left) ** 2 + (down - top) ** 2) / (2 * _SPREAD**2)) for left, top in _corners_of_the_square()
    ]
    return _output(np.stack(maps, axis=-1), "heatmaps")


def _several_labels() -> OutputContext:
    names = ("square", "circle", "triangle", "touching", "dark")
    values, true = np.array([0.97, 0.91, 0.08, 0.42, 0.71]), np.array([1, 1, 0, 1, 1])
    return _output(values, "labels", function="sigmoid", class_names=names, true_value=true)


def _latent_pair() -> OutputContext:
    random = np.random.default_rng(0)
    pair = {"z_mean": random.normal(size=8), "z_log_var": random.normal(-1.5, 0.5, 8)}
    return _output(pair["z_mean"], "z_mean", outputs=pair)


def _embedding() -> OutputContext:
    """What the digits example answers in its second to last layer, taken for an embedding."""
    example = layerscope.get_example("digits-cnn")
    images, labels = example.samples()[0]["image"], example.samples()[1]
    rows = layerscope.extract(layerscope.load_model(example.model_path), images, layers=["dense"])["dense"].values
    samples = OutputSamples(
        lambda: rows, lambda numbers: {"image": images[list(numbers)]}, 0, lambda number: f"{number} ({labels[number]})"
    )
    spec = InputSpec("image", images.shape[1:], "float32", taken_for="image")
    return OutputContext(rows[0], "embedding", given=lambda: {"image": images[:1]}, specs=(spec,), samples=samples)


def _output(values: np.ndarray, name: str, **known: Any) -> OutputContext:
    image = _image()
    known.setdefault("outputs", {name: values})
    spec = InputSpec("image", image.shape, "float32", taken_for="image")
    return OutputContext(
        values.astype(np.float32), name, given=lambda: {"image": image[np.newaxis]}, specs=(spec,), **known
    )


@cache
def _image() -> np.ndarray:
    arrays, _ = layerscope.get_example("shapes-segmentation").samples()
    return np.asarray(next(iter(arrays.values()))[_SAMPLE])


MADE_UP_ANSWERS: Final[Mapping[str, Callable[[], OutputContext]]] = {
    "boxes": partial(_boxes, "corners"),
    "boxes-by-centre": partial(_boxes, "centre"),
    "boxes-down-first": partial(_boxes, "down first"),
    "embedding": _embedding,
    "heatmaps": _heatmaps,
    "keypoints": _keypoints,
    "latent-pair": _latent_pair,
    "several-labels": _several_labels,
}
"""By name of the meaning."""
