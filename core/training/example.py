"""Record the training that ships with Layerscope again: ``python -m core.training.example``.

It takes half a minute. The same numbers come again on the same machine and versions; on others they differ in what
rounding makes of them, and in the steps at which layers die.
"""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from typing import Any, Final

from core.examples.recorded_training import EXAMPLE_RUN

__all__ = ["main", "record_example"]

EPOCHS: Final = 12
EVERY: Final = 20
SAMPLES: Final = 32
BATCH_SIZE: Final = 32
LEARNING_RATE: Final = 0.005
SLIP: Final = 30
"""How many times too high the learning rate is, for a while."""
SLIP_STEPS: Final = range(410, 418)
_TIME: Final = (2026, 1, 1, 0, 0, 0)


def record_example(folder: Path) -> None:
    """Train a small network on digits, with a slip in its learning rate, and record it.

    Args:
        folder: Of the run.
    """
    import keras

    from core.examples.datasets import SEED, read_digit_images
    from core.training.record import Record

    keras.utils.set_random_seed(SEED)
    digits = read_digit_images()
    model = _network(len(digits.class_names))
    model.compile(keras.optimizers.Adam(LEARNING_RATE), "sparse_categorical_crossentropy", metrics=["accuracy"])

    def at_batch(batch: int, logs: Any = None) -> None:
        is_slip = int(model.optimizer.iterations) in SLIP_STEPS
        model.optimizer.learning_rate = LEARNING_RATE * (SLIP if is_slip else 1)

    record = Record(
        digits.held_out_inputs[:SAMPLES],
        digits.held_out_labels[:SAMPLES],
        folder,
        EVERY,
        activations=["mean_over_places", "dense"],
        class_names=digits.class_names,
    )
    model.fit(
        digits.train_inputs,
        digits.train_labels,
        batch_size=BATCH_SIZE,
        epochs=EPOCHS,
        validation_data=(digits.held_out_inputs, digits.held_out_labels),
        callbacks=[keras.callbacks.LambdaCallback(on_train_batch_begin=at_batch), record],
        verbose=0,
    )


def main() -> None:
    """Record it, and pack it into the file that ships."""
    from core.training.run import open_run

    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / EXAMPLE_RUN.stem
        record_example(run)
        with zipfile.ZipFile(EXAMPLE_RUN, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for path in sorted(path for path in run.rglob("*") if path.is_file()):
                entry = zipfile.ZipInfo(f"{run.name}/{path.relative_to(run).as_posix()}", _TIME)
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    recorded = open_run(EXAMPLE_RUN)
    print(f"{recorded}, {EXAMPLE_RUN.stat().st_size:,} bytes", *(alarm.text for alarm in recorded.alarms), sep="\n")


def _network(class_count: int) -> Any:
    import keras
    from keras import layers

    image = keras.Input((8, 8, 1), name="image")
    maps = layers.Conv2D(8, 3, padding="same", activation="relu", name="conv_1")(image)
    maps = layers.Conv2D(16, 3, padding="same", activation="relu", name="conv_2")(maps)
    maps = layers.MaxPooling2D(name="pool")(maps)
    maps = layers.Conv2D(24, 3, padding="same", activation="relu", name="conv_3")(maps)
    units = layers.GlobalAveragePooling2D(name="mean_over_places")(maps)
    units = layers.Dense(24, activation="relu", name="dense")(units)
    probabilities = layers.Dense(class_count, activation="softmax", name="probabilities")(units)
    return keras.Model(image, probabilities, name="digits_training")


if __name__ == "__main__":
    main()
