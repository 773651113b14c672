"""``.keras`` files as people train them: each optimizer, loss, metric, callback and switch that a file then speaks of.

What is own of the person who trained (functions, classes) is of a module that is not on this machine.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tests.support.model_files.builders import CLASSES, Case, ModelFiles, case_of, random, saved, settled, trained

__all__ = ["COMPILED_FILES", "NUMBERS", "TARGETS", "dense_model", "registered", "trained_dense"]

layers, optimizers, schedules = keras.layers, keras.optimizers, keras.optimizers.schedules
NUMBERS, TARGETS = random(16, 8), random(16, CLASSES, seed=1)


def dense_model() -> Any:
    """Return the model of this room: eight numbers in, three out."""
    keras.utils.set_random_seed(3)
    hidden = layers.Dense(6, activation="relu", name="hidden")
    return keras.Sequential([keras.Input((8,), name="numbers"), hidden, layers.Dense(CLASSES, name="prices")])


@cache
def trained_dense() -> tuple[Any, Any]:
    """Return that model, trained, and what goes in; many files are of this one, so it is not to be changed."""
    return trained(dense_model(), NUMBERS, TARGETS, "mse"), NUMBERS


def weighted_squared_error(truth: Any, answer: Any) -> Any:
    """A loss of one's own."""
    return keras.ops.mean(keras.ops.square(truth - answer) * (1 + truth), axis=-1)


def share_within_a_tenth(truth: Any, answer: Any) -> Any:
    """A metric of one's own."""
    return keras.ops.mean(keras.ops.cast(keras.ops.abs(truth - answer) < 0.1, "float32"), axis=-1)


class Tilted(keras.losses.Loss):
    """A loss class of one's own."""

    def __init__(self, tilt: float = 0.3, **settings: Any) -> None:
        super().__init__(**settings)
        self.tilt = tilt

    def call(self, truth: Any, answer: Any) -> Any:
        error = truth - answer
        return keras.ops.mean(keras.ops.maximum(self.tilt * error, (self.tilt - 1) * error), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "tilt": self.tilt}


class MeanAnswer(keras.metrics.Metric):
    """A metric class of one's own."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.total = self.add_weight(name="total", initializer="zeros")

    def update_state(self, truth: Any, answer: Any, sample_weight: Any = None) -> None:
        self.total.assign_add(keras.ops.mean(answer))

    def result(self) -> Any:
        return self.total


class WarmUp(schedules.LearningRateSchedule):
    """The schedule of the Transformer tutorial."""

    def __init__(self, width: int = 16, steps: int = 40) -> None:
        super().__init__()
        self.width, self.steps = width, steps

    def __call__(self, step: Any) -> Any:
        step = keras.ops.cast(step, "float32") + 1
        return self.width**-0.5 * keras.ops.minimum(step**-0.5, step * self.steps**-1.5)

    def get_config(self) -> dict[str, Any]:
        return {"width": self.width, "steps": self.steps}


class SignDescent(optimizers.SGD):
    """An optimizer of one's own."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        super().update_step(keras.ops.sign(gradient), variable, learning_rate)


for _own in (weighted_squared_error, share_within_a_tenth, Tilted, MeanAnswer, WarmUp, SignDescent):
    _own.__module__ = "training"


@contextmanager
def registered(*classes: type) -> Iterator[None]:
    """Register classes as their author does; afterwards nobody knows them, as nobody does on another machine."""
    known = keras.saving.get_custom_objects()
    before = dict(known)
    for each in classes:
        keras.saving.register_keras_serializable("my_project")(each)
    yield
    known.clear()
    known.update(before)


def compiled(name: str, settings: Callable[[], dict[str, Any]], build: Callable[[], Any] = dense_model) -> Case:
    """Return the case of a model that is compiled with these settings, fit and saved."""

    def make(folder: Path) -> ModelFiles:
        return saved(trained(build(), NUMBERS, TARGETS, **settings()), NUMBERS, folder / "model.keras")

    return Case(name, make)


def compiled_settings() -> Iterator[Case]:
    """Yield a case for each way to compile the model."""
    yield compiled("adam and mse", lambda: {"optimizer": "adam", "loss": "mse"})
    yield compiled(
        "momentum and exponential decay",
        lambda: {"optimizer": optimizers.SGD(schedules.ExponentialDecay(0.1, 100, 0.9), momentum=0.9, nesterov=True)},
    )
    yield compiled(
        "cosine decay", lambda: {"optimizer": optimizers.SGD(schedules.CosineDecay(0.1, 100, warmup_steps=5))}
    )
    yield compiled(
        "piecewise decay", lambda: {"optimizer": optimizers.RMSprop(schedules.PiecewiseConstantDecay([5], [0.1, 0.01]))}
    )
    yield compiled(
        "AdamW with clipping and moving averages",
        lambda: {"optimizer": optimizers.AdamW(1e-3, weight_decay=1e-2, clipnorm=1.0, use_ema=True, ema_momentum=0.9)},
    )
    yield compiled("gradient accumulation", lambda: {"optimizer": optimizers.Adam(gradient_accumulation_steps=2)})
    yield compiled("Lion", lambda: {"optimizer": optimizers.Lion()})
    yield compiled("schedule of one's own", lambda: {"optimizer": optimizers.Adam(WarmUp(), beta_2=0.98)})
    yield compiled("optimizer of one's own", lambda: {"optimizer": SignDescent(0.01)})
    yield compiled("loss function of one's own", lambda: {"loss": weighted_squared_error})
    yield compiled("loss class of one's own", lambda: {"loss": Tilted(0.2)})
    yield compiled(
        "loss that is a lambda", lambda: {"loss": lambda truth, answer: keras.ops.mean((truth - answer) ** 2)}
    )
    yield compiled(
        "loss object", lambda: {"loss": keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1)}
    )
    yield compiled("metric function of one's own", lambda: {"metrics": [share_within_a_tenth, "mae"]})
    yield compiled("metric class of one's own", lambda: {"metrics": [MeanAnswer(name="mean_answer")]})
    yield compiled(
        "metrics by name and object",
        lambda: {
            "loss": "categorical_crossentropy",
            "metrics": ["accuracy", keras.metrics.AUC(from_logits=True), keras.metrics.TopKCategoricalAccuracy(2)],
            "weighted_metrics": [],
        },
    )
    yield compiled("compiled by XLA", lambda: {"jit_compile": True})
    yield compiled("run eagerly", lambda: {"run_eagerly": True})


def metric_class_registered_at_home(folder: Path) -> ModelFiles:
    with registered(MeanAnswer, Tilted):
        model = trained(dense_model(), NUMBERS, TARGETS, Tilted(), metrics=[MeanAnswer(name="mean_answer")])
        return saved(model, NUMBERS, folder / "model.keras")


def losses_by_output_with_weights(folder: Path) -> ModelFiles:
    keras.utils.set_random_seed(3)
    numbers = keras.Input((8,), name="numbers")
    shared = layers.Dense(6, "relu", name="shared")(numbers)
    label = layers.Dense(CLASSES, "softmax", name="label")(shared)
    age = layers.Dense(1, name="age")(shared)
    model = keras.Model(numbers, {"label": label, "age": age})
    losses = {"label": keras.losses.CategoricalCrossentropy(), "age": weighted_squared_error}
    targets = {"label": TARGETS, "age": TARGETS[:, :1]}
    metrics = {"label": ["accuracy"], "age": [share_within_a_tenth]}
    trained(model, NUMBERS, targets, losses, loss_weights={"label": 1.0, "age": 0.2}, metrics=metrics)
    return saved(model, NUMBERS, folder / "model.keras")


def best_of_modelcheckpoint(folder: Path) -> ModelFiles:
    path = folder / "best.keras"
    model = dense_model()
    model.compile("adam", "mse", metrics=["mae"])
    callbacks = [
        keras.callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("val_loss", patience=1),
        keras.callbacks.ModelCheckpoint(path, monitor="val_loss", save_best_only=True),
    ]
    model.fit(NUMBERS, TARGETS, validation_split=0.25, epochs=1, verbose=0, callbacks=callbacks)
    return settled(model, NUMBERS, path)


def checkpoint_named_by_epoch_with_blanks_and_umlauts(folder: Path) -> ModelFiles:
    model = dense_model()
    model.compile("adam", "mse")
    pattern = folder / "Müllers Modell – {epoch:02d}-{val_loss:.2f}.keras"
    callbacks = [keras.callbacks.ModelCheckpoint(str(pattern))]
    model.fit(NUMBERS, TARGETS, validation_split=0.25, epochs=1, verbose=0, callbacks=callbacks)
    (path,) = folder.glob("*.keras")
    return settled(model, NUMBERS, path)


def mixed_precision_with_a_scaled_loss(folder: Path) -> ModelFiles:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = trained(dense_model(), NUMBERS, TARGETS, "mse")
        assert type(model.optimizer).__name__ == "LossScaleOptimizer"
        return saved(model, NUMBERS, folder / "model.keras", tolerance=2e-3)
    finally:
        keras.config.set_dtype_policy(before)


def mixed_bfloat16(folder: Path) -> ModelFiles:
    model = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(6, "relu", dtype="mixed_bfloat16"),
            layers.Dense(CLASSES, dtype="float32"),
        ]
    )
    return saved(trained(model, NUMBERS, TARGETS), NUMBERS, folder / "model.keras", tolerance=2e-2)


def quantized(mode: str) -> Callable[[Path], ModelFiles]:
    """Return the builder of a model that is trained, then quantized."""

    def make(folder: Path) -> ModelFiles:
        model = trained(dense_model(), NUMBERS, TARGETS)
        model.quantize(mode)
        return saved(model, NUMBERS, folder / "model.keras")

    return make


def low_rank_adaptation(folder: Path) -> ModelFiles:
    model = trained(dense_model(), NUMBERS, TARGETS)
    model.get_layer("hidden").enable_lora(2)
    return saved(trained(model, NUMBERS, TARGETS), NUMBERS, folder / "tuned.keras")


def folder_without_zip(folder: Path) -> ModelFiles:
    model, inputs = trained_dense()
    return saved(model, inputs, folder / "model", zipped=False)


def unzipped_by_hand(folder: Path) -> ModelFiles:
    model, inputs = trained_dense()
    files = saved(model, inputs, folder / "model.keras")
    target = folder / "model"
    with zipfile.ZipFile(folder / "model.keras") as archive:
        archive.extractall(target)
    return files.at(target)


def without_the_optimizer(folder: Path) -> ModelFiles:
    model, inputs = trained_dense()
    return saved(model, inputs, folder / "model.keras", include_optimizer=False)


def compiled_and_never_fit(folder: Path) -> ModelFiles:
    model = dense_model()
    model.compile(keras.optimizers.Adam(), keras.losses.MeanSquaredError(), metrics=[keras.metrics.MeanAbsoluteError()])
    return saved(model, NUMBERS, folder / "model.keras")


def never_compiled(folder: Path) -> ModelFiles:
    return saved(dense_model(), NUMBERS, folder / "model.keras")


def opened_and_saved_again(folder: Path) -> ModelFiles:
    model, inputs = trained_dense()
    model.save(folder / "first.keras")
    again = keras.models.load_model(folder / "first.keras")
    return saved(trained(again, inputs, TARGETS), inputs, folder / "second.keras")


def trained_on_a_tf_dataset(folder: Path) -> ModelFiles:
    model = dense_model()
    model.compile("adam", "mse", steps_per_execution=2)
    batches = tf.data.Dataset.from_tensor_slices((NUMBERS, TARGETS)).shuffle(16).batch(4).prefetch(1)
    model.fit(batches, shuffle=False, epochs=1, verbose=0)
    return saved(model, NUMBERS, folder / "model.keras")


COMPILED_FILES = [
    *compiled_settings(),
    case_of(metric_class_registered_at_home),
    case_of(losses_by_output_with_weights),
    case_of(best_of_modelcheckpoint),
    case_of(checkpoint_named_by_epoch_with_blanks_and_umlauts),
    case_of(mixed_precision_with_a_scaled_loss),
    case_of(mixed_bfloat16),
    *(Case(f"quantized to {mode}", quantized(mode)) for mode in ("int8", "int4", "float8")),
    case_of(low_rank_adaptation),
    case_of(folder_without_zip),
    case_of(unzipped_by_hand),
    case_of(without_the_optimizer),
    case_of(compiled_and_never_fit),
    case_of(never_compiled),
    case_of(opened_and_saved_again),
    case_of(trained_on_a_tf_dataset),
]
