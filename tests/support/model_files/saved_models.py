"""SavedModels: by ``export``, by TensorFlow, by Keras 2; a folder, a zip of it, and what people leave beside it."""

from __future__ import annotations

import tempfile
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.support.model_files import keras2_files
from tests.support.model_files.architectures import trained_recipe
from tests.support.model_files.builders import Case, ModelFiles, arrays_of, case_of, random, settled
from tests.support.model_files.compiled import trained_dense

__all__ = ["SAVED_MODEL_FILES", "exported", "zipped_folder"]

README = "# My model\n\nTrained on photos. Licence: MIT.\n"


def exported(folder: Path, name: str = "model") -> ModelFiles:
    """Export a trained model as people do since Keras 3."""
    model, inputs = trained_dense()
    path = folder / name
    for place, content in _export().items():
        (path / place).parent.mkdir(parents=True, exist_ok=True)
        (path / place).write_bytes(content)
    (path / "assets").mkdir()
    return without_layers(settled(model, inputs, path))


@cache
def _export() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "model"
        trained_dense()[0].export(folder, verbose=False)
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def without_layers(files: ModelFiles) -> ModelFiles:
    """Return the same files, of whose layers nothing is known: a SavedModel keeps a graph only."""
    return ModelFiles(files.paths, files.inputs, files.output, (), files.member, files.tolerance)


def zipped_folder(source: Path, target: Path, *, around: str = "") -> Path:
    """Zip what is in a folder, within a folder of the archive if that has a name."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(source.rglob("*")):
            archive.write(path, f"{around}/{path.relative_to(source)}" if around else path.relative_to(source))
    return target


def exported_by_keras(folder: Path) -> ModelFiles:
    return exported(folder)


def exported_pictures(folder: Path) -> ModelFiles:
    path = folder / "1"
    model, photos = trained_recipe("convolutions and batch normalization")
    model.export(path, verbose=False)
    return without_layers(settled(model, photos, path))


def exported_with_several_inputs(folder: Path) -> ModelFiles:
    model, inputs = trained_recipe("inputs by name")
    path = folder / "model"
    model.export(path, verbose=False)
    return without_layers(settled(model, inputs, path))


def saved_by_tensorflow(folder: Path) -> ModelFiles:
    model, inputs = trained_dense()
    path = folder / "saved"
    tf.saved_model.save(model, path)
    return without_layers(settled(model, inputs, path))


def saved_by_keras_2_with_its_metadata(folder: Path) -> ModelFiles:
    model, inputs = keras2_files.dense_of_keras_2()
    path = folder / "saved_model" / "my_model"
    model.save(path)
    assert (path / "keras_metadata.pb").is_file()
    return without_layers(settled(model, inputs, path))


def pictures_saved_by_keras_2(folder: Path) -> ModelFiles:
    model, inputs = keras2_files.pictures_of_keras_2()
    model.save(folder / "model")
    return without_layers(settled(model, inputs, folder / "model"))


def series_saved_by_keras_2(folder: Path) -> ModelFiles:
    model, inputs = keras2_files.series()
    model.save(folder / "model")
    return without_layers(settled(model, inputs, folder / "model"))


class Embedder(tf.Module):
    """A module of TensorFlow with two things that it can be asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = tf.Variable(random(8, 4, seed=6), name="kernel")

    @tf.function(input_signature=[tf.TensorSpec((None, 8), tf.float32, name="numbers")])
    def embed(self, numbers: Any) -> Any:
        return {"embedding": tf.matmul(numbers, self.kernel)}

    @tf.function(input_signature=[tf.TensorSpec((None, 8), tf.float32, name="numbers")])
    def classify(self, numbers: Any) -> Any:
        return {"probabilities": tf.nn.softmax(tf.matmul(numbers, self.kernel))}


def two_signatures(folder: Path, default: str, other: str) -> tuple[Path, np.ndarray, Any]:
    """Save a module under two names; return the path, what goes in, and what its classification answers."""
    module, numbers, path = Embedder(), random(5, 8), folder / "module"
    tf.saved_model.save(module, path, signatures={default: module.classify, other: module.embed})
    return path, numbers, arrays_of(module.classify(tf.constant(numbers))["probabilities"])


def module_with_a_default_signature(folder: Path) -> ModelFiles:
    path, numbers, output = two_signatures(folder, "serving_default", "embed")
    return ModelFiles((path,), numbers, output)


def module_with_two_signatures_of_which_one_is_chosen(folder: Path) -> ModelFiles:
    path, numbers, output = two_signatures(folder, "classify", "embed")
    return ModelFiles((path,), numbers, output, member="classify")


def export_archive_with_two_endpoints(folder: Path) -> ModelFiles:
    model, inputs = trained_dense()
    hidden = keras.Model(model.inputs, model.get_layer("hidden").output)
    signature = [keras.InputSpec(shape=(None, 8), dtype="float32")]
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.track(hidden)
    archive.add_endpoint("serve", model.call, input_signature=signature)
    archive.add_endpoint("embed", hidden.call, input_signature=signature)
    path = folder / "archive"
    archive.write_out(path, verbose=False)
    return without_layers(settled(model, inputs, path))


def zipped_without_a_folder(folder: Path) -> ModelFiles:
    files = exported(folder)
    return files.at(zipped_folder(files.paths[0], folder / "model.zip"))


def zipped_with_a_folder_around(folder: Path) -> ModelFiles:
    files = exported(folder)
    return files.at(zipped_folder(files.paths[0], folder / "model.zip", around="my_model"))


def zipped_three_folders_deep(folder: Path) -> ModelFiles:
    files = exported(folder)
    return files.at(zipped_folder(files.paths[0], folder / "model.zip", around="project/models/prices/1"))


def with_notes_beside_it(folder: Path) -> ModelFiles:
    files = exported(folder)
    (path,) = files.paths
    (path / "README.md").write_text(README)
    (path / "LICENSE").write_text("MIT License\n")
    (path / "notes.txt").write_text("epoch 12 was the best\n")
    (path / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (path / ".gitattributes").write_text("*.pb filter=lfs\n")
    return files


def zipped_with_notes_beside_it(folder: Path) -> ModelFiles:
    files = with_notes_beside_it(folder)
    return files.at(zipped_folder(files.paths[0], folder / "model.zip", around="model"))


def folder_of_a_version_within_the_folder(folder: Path) -> ModelFiles:
    files = exported(folder / "serving", "1")
    (folder / "serving" / "README.md").write_text(README)
    return files.at(folder / "serving")


def folder_from_a_model_hub(folder: Path) -> ModelFiles:
    files = exported(folder)
    (path,) = files.paths
    (path / "labels.txt").write_text("low\nmiddle\nhigh\n")
    (path / "config.json").write_text('{"architecture": "dense"}')
    (path / "model_card.md").write_text(README)
    return files


def converted_to_tensorflow_lite(folder: Path) -> ModelFiles:
    files = exported(folder)
    path = folder / "model.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(files.paths[0])).convert())
    return without_layers(ModelFiles((path,), files.inputs, files.output, (), "", files.tolerance))


def frozen_by_tensorflow_2(folder: Path) -> ModelFiles:
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    model, inputs = trained_dense()
    function = tf.function(model).get_concrete_function(tf.TensorSpec((None, inputs.shape[1]), tf.float32))
    graph = convert_variables_to_constants_v2(function).graph.as_graph_def()
    tf.io.write_graph(graph, str(folder), "frozen_graph.pb", as_text=False)
    return without_layers(settled(model, inputs, folder / "frozen_graph.pb"))


SAVED_MODEL_FILES = [
    case_of(converted_to_tensorflow_lite),
    case_of(frozen_by_tensorflow_2),
    case_of(exported_by_keras),
    case_of(exported_pictures),
    case_of(exported_with_several_inputs),
    case_of(saved_by_tensorflow),
    case_of(saved_by_keras_2_with_its_metadata),
    case_of(pictures_saved_by_keras_2),
    case_of(series_saved_by_keras_2),
    case_of(module_with_a_default_signature),
    case_of(module_with_two_signatures_of_which_one_is_chosen, choices=("classify", "embed")),
    case_of(export_archive_with_two_endpoints),
    Case("SavedModel zipped without a folder", zipped_without_a_folder),
    Case("SavedModel zipped with a folder around", zipped_with_a_folder_around),
    Case("SavedModel zipped three folders deep", zipped_three_folders_deep),
    Case("SavedModel with notes beside it", with_notes_beside_it),
    Case("SavedModel zipped with notes beside it", zipped_with_notes_beside_it),
    Case("SavedModel in a folder of versions", folder_of_a_version_within_the_folder),
    Case("SavedModel from a model hub", folder_from_a_model_hub),
]
