"""Trainings as people record them, with inputs that nobody gave a name: opened, moved to another step, and drawn."""

import keras
import numpy as np
import pytest

import layerscope
from core.plugins.registry import Registry
from core.workspace.workspace import Workspace

RANDOM = np.random.default_rng(0)
PICTURES = RANDOM.normal(size=(24, 6, 6, 1)).astype("float32")
NUMBERS = RANDOM.normal(size=(24, 4)).astype("float32")
LABELS = np.arange(24) % 3


def sequential():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.Conv2D(3, 3, activation="relu", name="conv"),
            layers.Flatten(name="flat"),
            layers.Dense(3, activation="softmax", name="answer"),
        ]
    )


def built_by_its_first_batch():
    return keras.Sequential(sequential().layers)


def two_inputs():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    pictures, numbers = keras.Input((6, 6, 1)), keras.Input((4,))
    flat = layers.Flatten(name="flat")(layers.Conv2D(3, 3, activation="relu", name="conv")(pictures))
    joined = layers.Concatenate(name="joined")([flat, numbers])
    return keras.Model([pictures, numbers], layers.Dense(3, activation="softmax", name="answer")(joined))


def inputs_of_a_dict():
    layers = keras.layers
    inputs = {"numbers": keras.Input((4,), name="numbers"), "pictures": keras.Input((6, 6, 1), name="pictures")}
    joined = layers.Concatenate(name="joined")([layers.Flatten(name="conv")(inputs["pictures"]), inputs["numbers"]])
    return keras.Model(inputs, layers.Dense(3, activation="softmax", name="answer")(joined))


CASES = {
    "sequential": (sequential, PICTURES),
    "built by its first batch": (built_by_its_first_batch, PICTURES),
    "two inputs": (two_inputs, [PICTURES, NUMBERS]),
    "inputs of a dict": (inputs_of_a_dict, {"numbers": NUMBERS, "pictures": PICTURES}),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_run_is_opened_and_every_kept_step_is_the_model_as_it_was(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    make, inputs = CASES[name]
    model = make()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    answers = []
    remember = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: answers.append(np.array(model(inputs, training=False)))
    )
    recorder = layerscope.Record(inputs, LABELS, "run.layerscope", 1)
    model.fit(inputs, LABELS, batch_size=12, epochs=2, verbose=0, callbacks=[recorder, remember])

    workspace = Workspace(Registry())
    workspace.open_run(tmp_path / "run.layerscope")
    assert workspace.run.why_no_model == ""
    assert len(workspace.sample_names) == 24
    for step, expected in zip((2, 4), answers, strict=True):
        workspace.go_to_step(step)
        drawn = workspace.chart("conv", workspace.visualizers("conv", 1)[0].name, {}, 1)
        assert drawn.failure is None
        code = workspace.code("answer", "statistics", {}, 1)
        scope: dict[str, object] = {}
        exec(code, scope)
        np.testing.assert_allclose(scope["activations"]["answer"].values, expected, atol=1e-5)
    # By a copy of the model that goes from step to step.
    over_the_steps = workspace.run_layer("conv", "answers", "", {}, 0).chart
    assert over_the_steps is not None
    assert over_the_steps.failure is None
