"""Parts of a model that nobody can open alone, and forms that no Keras reads: weights, architectures, graphs."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import keras
import tensorflow as tf
import yaml

from tests.support.model_files import keras2_files
from tests.support.model_files.archives import archive, model_file
from tests.support.model_files.builders import Failure, ModelFiles, refusal_of, trained, with_content
from tests.support.model_files.compiled import NUMBERS, TARGETS, dense_model, trained_dense
from tests.support.model_files.saved_models import exported, zipped_folder

__all__ = ["PARTS_OF_MODELS"]

SAVE = r"model\.save\("
LOAD_AND_SAVE = r"load_weights\([\s\S]*model\.save\("


def weights_alone(folder: Path) -> Path:
    model, _ = trained_dense()
    model.save_weights(folder / "model.weights.h5")
    return folder / "model.weights.h5"


def weights_of_model_checkpoint_with_save_weights_only(folder: Path) -> Path:
    model = trained(dense_model(), NUMBERS, TARGETS)
    path = folder / "best.weights.h5"
    callbacks = [keras.callbacks.ModelCheckpoint(path, monitor="loss", save_weights_only=True, save_best_only=True)]
    model.fit(NUMBERS, TARGETS, verbose=0, callbacks=callbacks)
    return path


def weights_alone_in_a_zip(folder: Path) -> Path:
    return archive(folder / "model.zip", [("model/model.weights.h5", weights_alone(folder).read_bytes())])


def weights_of_keras_2_alone(folder: Path) -> Path:
    model, _ = keras2_files.pictures_of_keras_2()
    model.save_weights(folder / "weights.h5")
    return folder / "weights.h5"


def weights_of_keras_2_in_tensorflows_format(folder: Path) -> Path:
    model, _ = keras2_files.dense_of_keras_2()
    (folder / "checkpoints").mkdir()
    model.save_weights(folder / "checkpoints" / "cp-0001.ckpt")
    return folder / "checkpoints"


def architecture_alone(folder: Path) -> Path:
    model, _ = trained_dense()
    return with_content("model.json", model.to_json().encode(), folder)


def architecture_of_keras_2_alone(folder: Path) -> Path:
    model, _ = keras2_files.dense_of_keras_2()
    return with_content("architecture.json", model.to_json().encode(), folder)


def architecture_as_yaml(folder: Path) -> Path:
    model, _ = keras2_files.dense_of_keras_2()
    # As Keras wrote it until 2.5.
    return with_content("model.yaml", yaml.dump(json.loads(model.to_json())).encode(), folder)


def configuration_of_an_unzipped_file_alone(folder: Path) -> Path:
    path = model_file(folder).paths[0]
    with zipfile.ZipFile(path) as source:
        return with_content("config.json", source.read("config.json"), folder)


def onnx(folder: Path) -> Path:
    def field(number: int, content: bytes | int) -> bytes:
        if isinstance(content, int):
            return bytes([number << 3, content])
        return bytes([number << 3 | 2, len(content)]) + content

    node = field(1, b"x") + field(2, b"y") + field(4, b"Relu") + field(3, b"relu")
    value = field(1, b"x")
    graph = field(1, node) + field(2, b"main_graph") + field(11, value) + field(12, field(1, b"y"))
    model = field(1, 8) + field(2, b"pytorch") + field(3, b"2.3.0") + field(7, graph) + field(8, field(2, 17))
    return with_content("model.onnx", model, folder)


def saved_model_pb_alone(folder: Path) -> Path:
    return exported(folder).paths[0] / "saved_model.pb"


def saved_model_without_its_variables(folder: Path) -> Path:
    (path,) = exported(folder).paths
    shutil.rmtree(path / "variables")
    return path


def zip_of_a_saved_model_without_its_variables(folder: Path) -> Path:
    return zipped_folder(saved_model_without_its_variables(folder), folder / "model.zip", around="model")


def checkpoint_folder(folder: Path) -> Path:
    model, _ = trained_dense()
    path = folder / "checkpoints"
    tf.train.Checkpoint(model=model).save(str(path / "ckpt"))
    assert {"checkpoint", "ckpt-1.index", "ckpt-1.data-00000-of-00001"} == {each.name for each in path.iterdir()}
    return path


def zip_of_a_checkpoint_folder(folder: Path) -> Path:
    return zipped_folder(checkpoint_folder(folder), folder / "checkpoints.zip", around="checkpoints")


def index_of_a_checkpoint_alone(folder: Path) -> Path:
    return checkpoint_folder(folder) / "ckpt-1.index"


def data_of_a_checkpoint_alone(folder: Path) -> Path:
    return checkpoint_folder(folder) / "ckpt-1.data-00000-of-00001"


def files_of_a_checkpoint_together(folder: Path) -> ModelFiles:
    return ModelFiles(tuple(sorted(checkpoint_folder(folder).iterdir())))


PARTS_OF_MODELS = [
    refusal_of(weights_alone, r"(?i)weights", LOAD_AND_SAVE),
    refusal_of(weights_of_model_checkpoint_with_save_weights_only, r"(?i)weights", LOAD_AND_SAVE),
    refusal_of(weights_alone_in_a_zip, r"(?i)weights", LOAD_AND_SAVE),
    refusal_of(weights_of_keras_2_alone, r"(?i)weights", LOAD_AND_SAVE),
    refusal_of(weights_of_keras_2_in_tensorflows_format, r"(?i)checkpoint", SAVE),
    refusal_of(
        architecture_alone, r"(?i)architecture|weights", r"(?i)weights[\s\S]*model\.save\(|model\.save\([\s\S]*weights"
    ),
    refusal_of(architecture_of_keras_2_alone, r"(?i)architecture|weights", SAVE),
    refusal_of(architecture_as_yaml, r"(?i)YAML", SAVE),
    refusal_of(
        configuration_of_an_unzipped_file_alone, r"(?i)architecture|configuration|weights", r"(?i)weights|model\.save\("
    ),
    refusal_of(onnx, r"ONNX", SAVE),
    refusal_of(saved_model_pb_alone, r"(?i)variables", r"(?i)folder|model\.(save|export)\("),
    refusal_of(saved_model_without_its_variables, r"(?i)variables", r"(?i)folder|model\.(save|export)\("),
    refusal_of(zip_of_a_saved_model_without_its_variables, r"(?i)variables", r"(?i)folder|model\.(save|export)\("),
    refusal_of(checkpoint_folder, r"(?i)checkpoint", r"restore\([\s\S]*model\.save\("),
    refusal_of(zip_of_a_checkpoint_folder, r"(?i)checkpoint", SAVE),
    refusal_of(index_of_a_checkpoint_alone, r"(?i)checkpoint", SAVE),
    refusal_of(data_of_a_checkpoint_alone, r"(?i)checkpoint", SAVE),
    Failure("files of a checkpoint together", files_of_a_checkpoint_together, r"(?i)checkpoint", SAVE),
]
