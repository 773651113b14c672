"""Attributions and activation maximization against tf-keras-vis: the same model, in one process, in turn.

``python -m benchmarks.attribution``. MobileNetV2 at 224×224 with random weights, one image. Each way is called once
before anything is measured; then both are measured in turn, and their medians are compared. The maps of both are as
large as the image in the end. Of Score-CAM it says how long the passes alone take that it cannot do without: one of the
plain model for each channel.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np

from benchmarks.turns import measure_in_turn

GOALS: Final = {"Activation maximization": 5.0, "Grad-CAM": 10.0, "Score-CAM": 4.0}
CLASS: Final = 3
STEPS: Final = 10
NOISY_COPIES: Final = 20
PLAIN_BATCH: Final = 16

Way = Callable[[], Any]


@dataclass(frozen=True)
class Case:
    """What both do, how often it counts (steps per call of activation maximization), and what no way can do without."""

    name: str
    ours: Way
    theirs: Way
    steps: int = 1
    floor: Way | None = None


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attribution", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each way is measured")
    parser.add_argument("--channels", type=int, default=128, help="how many channels Score-CAM takes")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    print(f"{'':26}{'tf-keras-vis':>14}{'Layerscope':>12}{'times':>8}   first call of ours")
    for case in cases(arguments.channels):
        started = time.perf_counter()
        case.ours()
        first = time.perf_counter() - started
        _quietly(case.theirs)
        ways = {name: partial(_quietly, way) for name, way in (("ours", case.ours), ("theirs", case.theirs))}
        durations = measure_in_turn(ways, 1 if case.name == "Score-CAM" else arguments.rounds, warm_ups=0)
        ours, theirs = durations["ours"].median, durations["theirs"].median
        goal = GOALS.get(case.name, 1.0)
        verdict = "" if theirs / ours >= goal else f"   under the goal of {goal:g}"
        unit = f", {case.steps / ours:.0f} against {case.steps / theirs:.1f} steps/s" if case.steps > 1 else ""
        if case.floor:
            unit += f", {ours / min(_seconds(case.floor) for _ in range(3)):.2f} times the plain passes"
        print(f"{case.name:26}{theirs:>12.3f} s{ours:>10.3f} s{theirs / ours:>8.1f}   {first:.1f} s{verdict}{unit}")


def cases(channels: int) -> list[Case]:
    """Build the model, and what both do with it."""
    import keras
    import tensorflow as tf
    from tf_keras_vis.activation_maximization import ActivationMaximization
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.saliency import Saliency
    from tf_keras_vis.scorecam import Scorecam
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    import core
    from core.analysis.attribution import Target, attribute, class_activation_map
    from core.analysis.maximization.ascent import Ascent, AscentSettings, entry_for
    from core.analysis.maximization.domain import domain_of

    keras.utils.set_random_seed(0)
    model = keras.applications.MobileNetV2(weights=None)
    image = np.random.default_rng(0).uniform(-1, 1, (1, 224, 224, 3)).astype(np.float32)
    extractor = core.Extractor(model)
    target, last = Target("predictions", CLASS), "out_relu"
    given = {model.inputs[0].name: image}
    ascent = Ascent(extractor, target, entry_for(extractor, given, target), domain_of(image), given, AscentSettings())
    score, linear = CategoricalScore(CLASS), ReplaceToLinear()
    maximizer, saliency = ActivationMaximization(model, linear), Saliency(model, linear)
    gradcam, scorecam = Gradcam(model, linear), Scorecam(model)

    def ours_cam(method: Any, **more: Any) -> Any:
        found = class_activation_map(extractor, given, target, last, method, **more)
        return tf.image.resize(found[..., None], (224, 224)).numpy()

    compiled = tf.function(lambda images: model(images, training=False))
    images = tf.constant(np.repeat(image, PLAIN_BATCH, axis=0))

    def plain_passes() -> None:
        for _ in range(0, channels, PLAIN_BATCH):
            compiled(images)

    return [
        Case(
            "Activation maximization",
            lambda: ascent.advance(STEPS),
            lambda: maximizer(score, steps=STEPS, input_range=(-1, 1)),
            STEPS,
        ),
        Case("Saliency", lambda: attribute(extractor, given, target, "saliency"), lambda: saliency(score, image)),
        Case(
            f"SmoothGrad, {NOISY_COPIES} copies",
            lambda: attribute(extractor, given, target, "SmoothGrad", samples=NOISY_COPIES),
            lambda: saliency(score, image, smooth_samples=NOISY_COPIES),
        ),
        Case(
            "Grad-CAM",
            lambda: ours_cam("Grad-CAM"),
            lambda: gradcam(score, image, penultimate_layer=last, seek_penultimate_conv_layer=False),
        ),
        Case(
            "Score-CAM",
            lambda: ours_cam("Score-CAM", most_channels=channels),
            lambda: scorecam(score, image, penultimate_layer=last, seek_penultimate_conv_layer=False, max_N=channels),
            floor=plain_passes,
        ),
    ]


def _seconds(way: Way) -> float:
    started = time.perf_counter()
    _quietly(way)
    return time.perf_counter() - started


def _quietly(way: Way) -> None:
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        way()


if __name__ == "__main__":
    main()
