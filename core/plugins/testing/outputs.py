"""Outputs that a meaning is tried on: of every shape and kind, with what is known of them and without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from core.inputs.spec import InputSpec
from core.plugins.meanings import OutputContext, OutputSamples

__all__ = ["OUTPUTS", "outputs"]

OUTPUTS: Final[Mapping[str, str]] = {
    "one number": "One number of a model that reads a row of seven.",
    "one number and the true one": "The same, with what it is to be.",
    "probabilities": "Probabilities of five classes by a softmax, their names, and the true class.",
    "logits": "Logits of a thousand classes of a model that sees an image.",
    "sigmoids": "Six numbers from 0 to 1 by a sigmoid, and which of them are true.",
    "two numbers": "Two numbers whose squares add up to one, beside the answers to other samples.",
    "as long as the input": "As many numbers as went in.",
    "steps after a series": "Twelve numbers of a model that reads a series of forty steps.",
    "a class at each step": "Probabilities of four classes at thirty steps, and the true classes.",
    "a picture": "A picture of the shape of the one that went in.",
    "a class at each pixel": "Probabilities of four classes at each pixel of an image, and the true classes.",
    "boxes": "Rows of four ends, a score and a class, of a model that sees an image.",
    "a volume": "Slices of a volume.",
    "mean and variance": "One of two outputs that are named so.",
    "text": "What the model writes.",
    "whole numbers": "Whole numbers.",
    "half precision": "Numbers of 16 bits.",
    "zeros": "Nothing but zeros.",
    "NaN": "Nothing but NaN, with an image as input.",
    "infinities": "Plus and minus infinity at each pixel of an image, which is not a number either.",
}
"""What each is, by name; the names are part of the API."""
_SIDE: Final = 16


def outputs() -> dict[str, OutputContext]:
    """Return the outputs that every meaning is tried on, by name; the same ones each time, all read-only."""
    random = np.random.default_rng(0)
    image, series = random.random((_SIDE, _SIDE, 3)), random.normal(size=(40, 2))
    row = random.normal(size=7)
    pixels, steps = random.normal(size=(_SIDE, _SIDE, 4)), random.normal(size=(30, 4))
    names = tuple("ABCDE")
    boxes = np.concatenate([np.sort(random.random((20, 4)), axis=1), random.random((20, 1)), np.ones((20, 1))], axis=1)
    pair = {"z_mean": random.normal(size=4), "z_log_var": random.normal(size=4)}
    others, photos = random.normal(size=(6, 2)), random.random((6, 8, 8, 1))
    samples = OutputSamples(lambda: others, lambda numbers: {"given": photos[list(numbers)]}, 0, str)
    infinite = np.where(random.random((_SIDE, _SIDE, 4)) < 0.5, np.inf, -np.inf)
    made = {
        "one number": _output([2.5], row),
        "one number and the true one": _output([2.5], row, true_value=np.array([3.0])),
        "probabilities": _output(_softmax(row[:5]), row, function="softmax", class_names=names, true_class=1),
        "logits": _output(random.normal(size=1000), image, rule="largest"),
        "sigmoids": _output(random.random(6), row, function="sigmoid", true_value=np.array([0, 1, 1, 0, 0, 1])),
        "two numbers": _output([0.6, 0.8], row, samples=samples),
        "as long as the input": _output(row[::-1], row),
        "steps after a series": _output(random.normal(size=12), series),
        "a class at each step": _output(
            _softmax(steps), random.normal(size=(30, 2)), function="softmax", true_value=np.arange(30) % 4
        ),
        "a picture": _output(image[::-1], image, function="sigmoid"),
        "a class at each pixel": _output(
            _softmax(pixels), image, function="softmax", true_value=random.integers(0, 4, (_SIDE, _SIDE))
        ),
        "boxes": _output(boxes, image),
        "a volume": _output(random.random((6, _SIDE, _SIDE, 1)), row),
        "mean and variance": _output(pair["z_mean"], image, name="z_mean", outputs=pair),
        "text": _output(np.asarray(b"hello"), row),
        "whole numbers": _output(np.arange(5), row),
        "half precision": _output(row.astype(np.float16), image),
        "zeros": _output(np.zeros((_SIDE, _SIDE, 1)), np.zeros((_SIDE, _SIDE, 1))),
        "NaN": _output(np.full((30, 4), np.nan), image),
        "infinities": _output(infinite, infinite[..., :3]),
    }
    return {name: made[name] for name in OUTPUTS}


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _output(values: Any, given: np.ndarray, name: str = "out", **known: Any) -> OutputContext:
    """Return an output for one sample of a model that reads one input."""
    values = np.array(values, np.float32 if isinstance(values, list) else None)
    inputs = {"given": given.astype(np.float32)[np.newaxis]}
    known.setdefault("outputs", {name: values})
    for array in (values, *inputs.values(), *known["outputs"].values()):
        array.flags.writeable = False
    specs = (InputSpec("given", given.shape, "float32"),)
    return OutputContext(values, name, given=lambda: inputs, specs=specs, **known)
