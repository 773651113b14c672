"""Architecture and weights apart: two files, as many courses and repositories keep a model."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tf_keras

from tests.support.model_files import keras2_files
from tests.support.model_files.architectures import trained_recipe
from tests.support.model_files.archives import archive, mac_zip_of, model_file
from tests.support.model_files.builders import Case, Failure, ModelFiles, case_of, settled
from tests.support.model_files.compiled import trained_dense

__all__ = ["MISMATCHED_FILES", "SEPARATE_FILES", "apart"]


def apart(model: Any, inputs: Any, folder: Path, weights: str = "model.weights.h5") -> ModelFiles:
    """Save a model's architecture and its weights in a file each."""
    architecture = folder / "model.json"
    architecture.write_text(model.to_json(), encoding="utf-8")
    model.save_weights(folder / weights)
    return settled(model, inputs, architecture, folder / weights)


def two_files(recipe: Callable[[], tuple[Any, Any]], weights: str = "model.weights.h5") -> Callable[[Path], ModelFiles]:
    """Return the builder of the two files of a model."""
    return lambda folder: apart(*recipe(), folder, weights)


def zip_of_both(folder: Path) -> ModelFiles:
    files = apart(*trained_dense(), folder)
    entries = [(path.name, path.read_bytes()) for path in files.paths]
    return files.at(archive(folder / "model.zip", entries))


def zip_of_both_by_a_mac(folder: Path) -> ModelFiles:
    files = apart(*keras2_files.pictures_of_keras_2(), folder, "weights.h5")
    entries = [(f"model/{path.name}", path.read_bytes()) for path in files.paths]
    return files.at(mac_zip_of(folder / "model.zip", entries))


def folder_of_both(folder: Path) -> ModelFiles:
    root = folder / "model"
    root.mkdir()
    files = apart(*trained_dense(), root)
    (root / "README.md").write_text("The weights are of epoch 12.\n")
    return files.at(root)


def weights_first(folder: Path) -> ModelFiles:
    files = apart(*trained_dense(), folder)
    return files.at(*reversed(files.paths))


def pretty_printed(folder: Path) -> ModelFiles:
    model, inputs = trained_dense()
    files = apart(model, inputs, folder)
    files.paths[0].write_text(model.to_json(indent=2), encoding="utf-8-sig")
    return files


def dropped_with_its_labels(folder: Path) -> ModelFiles:
    files = model_file(folder)
    labels = folder / "labels.txt"
    labels.write_text("low\nmiddle\nhigh\n")
    return files.at(*files.paths, labels)


def separate_and_labels(folder: Path) -> ModelFiles:
    files = apart(*trained_dense(), folder)
    names = folder / "class_names.json"
    names.write_text('["low", "middle", "high"]')
    return files.at(*files.paths, names)


def another_width(folder: Path) -> ModelFiles:
    model, inputs = trained_dense()
    files = apart(model, inputs, folder, "narrow.weights.h5")
    files.paths[0].write_text(model.to_json().replace('"units": 6', '"units": 7'))
    return files


def another_model(folder: Path) -> ModelFiles:
    files = apart(*trained_dense(), folder)
    other, _ = trained_recipe("LSTM, GRU and SimpleRNN")
    path = folder / "other.weights.h5"
    other.save_weights(path)
    return files.at(files.paths[0], path)


def another_model_of_keras_2(folder: Path) -> ModelFiles:
    files = apart(*keras2_files.dense_of_keras_2(), folder, "dense.h5")
    other, _ = keras2_files.RECIPES["recurrent"]()
    path = folder / "other.h5"
    other.save_weights(path)
    return files.at(files.paths[0], path)


def another_width_of_keras_2(folder: Path) -> ModelFiles:
    files = apart(*keras2_files.dense_of_keras_2(), folder, "narrow.h5")
    parts = [tf_keras.layers.Dense(7, "relu", input_shape=(8,), name="hidden"), tf_keras.layers.Dense(1, name="price")]
    files.paths[0].write_text(tf_keras.Sequential(parts).to_json())
    return files


SEPARATE_FILES = [
    Case("architecture and weights", two_files(trained_dense)),
    Case("architecture and weights, recurrent", two_files(lambda: trained_recipe("LSTM, GRU and SimpleRNN"))),
    Case("architecture and weights, U-Net", two_files(lambda: trained_recipe("a U-Net"))),
    Case("architecture and weights of Keras 2", two_files(keras2_files.dense_of_keras_2, "model.h5")),
    Case("architecture and weights of Keras 2, pictures", two_files(keras2_files.pictures_of_keras_2, "weights.hdf5")),
    Case("architecture and weights of Keras 2, recurrent", two_files(keras2_files.RECIPES["recurrent"], "weights.h5")),
    Case("architecture and weights of Keras 2, nested", two_files(keras2_files.RECIPES["nested"], "weights.h5")),
    Case("architecture and weights of Keras 2, .weights.h5", two_files(keras2_files.dense_of_keras_2)),
    case_of(zip_of_both),
    case_of(zip_of_both_by_a_mac),
    case_of(folder_of_both),
    case_of(weights_first),
    case_of(pretty_printed),
    case_of(dropped_with_its_labels),
    case_of(separate_and_labels),
]


def pair(weights: str, *others: str) -> str:
    """Return the expression for a sentence that names the weights, and the architecture or a layer of it."""
    other = "|".join([r"model\.json", *others])
    return rf"{re.escape(weights)}[\s\S]*({other})|({other})[\s\S]*{re.escape(weights)}"


AGAIN = r"(?i)save|together|belong|same model"
MISMATCHED_FILES = [
    Failure("weights of another width", another_width, pair("narrow.weights.h5", "hidden"), AGAIN),
    Failure("weights of another model", another_model, pair("other.weights.h5"), AGAIN),
    Failure("Keras 2 weights of another model", another_model_of_keras_2, pair("other.h5"), AGAIN),
    Failure("Keras 2 weights of another width", another_width_of_keras_2, pair("narrow.h5", "hidden"), AGAIN),
]
