"""Files of other programs, of other endings than they have, and of classes that are not on this machine."""

from __future__ import annotations

import io
import json
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import h5py
import joblib
import keras
import numpy as np
from PIL import Image

from tests.support.model_files import keras2_files
from tests.support.model_files.archives import archive, model_file
from tests.support.model_files.builders import random, refusal_of, trained, with_content
from tests.support.model_files.compiled import registered, trained_dense
from tests.support.model_files.saved_models import exported

__all__ = ["FOREIGN_FILES"]

SAVE = r"model\.save\("
DOWNLOAD = r"(?i)download"
CUT_OFF = r"(?i)damaged|cut off|incomplete|truncated"
UNPACK = r"(?i)unpack|extract|unzip"


def pickle_of_a_model(folder: Path) -> Path:
    return with_content("model.pkl", pickle.dumps(trained_dense()[0]), folder)


def pickle_of_a_model_named_keras(folder: Path) -> Path:
    return with_content("model.keras", pickle.dumps(trained_dense()[0]), folder)


def pickle_of_old_protocol(folder: Path) -> Path:
    return with_content("model.pickle", pickle.dumps(trained_dense()[0].get_weights(), protocol=2), folder)


def joblib_of_a_model(folder: Path) -> Path:
    joblib.dump(trained_dense()[0], folder / "model.joblib")
    return folder / "model.joblib"


def compressed_joblib_of_a_model(folder: Path) -> Path:
    joblib.dump(trained_dense()[0], folder / "model.joblib", compress=3)
    return folder / "model.joblib"


def pytorch(folder: Path) -> Path:
    # As torch.save writes state_dict(): a pickle and the numbers, in a zip.
    entries = [
        ("model/data.pkl", pickle.dumps({"fc.weight": [0.1, 0.2]}, protocol=2)),
        ("model/byteorder", b"little"),
        ("model/data/0", np.zeros(4, "float32").tobytes()),
        ("model/version", b"3\n"),
    ]
    return archive(folder / "model.pt", entries, method=zipfile.ZIP_STORED)


def pytorch_of_old(folder: Path) -> Path:
    magic, protocol = 0x1950A86A20F9469CFC6C, 1001
    content = pickle.dumps(magic, 2) + pickle.dumps(protocol, 2) + pickle.dumps({"little_endian": True}, 2)
    return with_content("model.pth", content, folder)


def weights_as_npz(folder: Path) -> Path:
    np.savez(folder / "weights.npz", *trained_dense()[0].get_weights())
    return folder / "weights.npz"


def weights_as_npy(folder: Path) -> Path:
    np.save(folder / "kernel.npy", trained_dense()[0].get_weights()[0])
    return folder / "kernel.npy"


def safetensors(folder: Path) -> Path:
    kernel = trained_dense()[0].get_weights()[0]
    entry = {"dtype": "F32", "shape": list(kernel.shape), "data_offsets": [0, kernel.nbytes]}
    header = json.dumps({"__metadata__": {"format": "pt"}, "dense.kernel": entry}).encode()
    return with_content("model.safetensors", struct.pack("<Q", len(header)) + header + kernel.tobytes(), folder)


def gguf(folder: Path) -> Path:
    return with_content("model.gguf", b"GGUF" + struct.pack("<IQQ", 3, 0, 0), folder)


def tensorflow_js(folder: Path) -> Path:
    manifest = [
        {"paths": ["group1-shard1of1.bin"], "weights": [{"name": "hidden/kernel", "shape": [8, 6], "dtype": "float32"}]}
    ]
    topology = {"keras_version": "2.15.0", "model_config": json.loads(keras2_files.dense_of_keras_2()[0].to_json())}
    content = {
        "format": "layers-model",
        "generatedBy": "keras v2.15.0",
        "modelTopology": topology,
        "weightsManifest": manifest,
    }
    return with_content("model.json", json.dumps(content).encode(), folder)


def hdf5_of_data(folder: Path) -> Path:
    with h5py.File(folder / "train_catvnoncat.h5", "w") as file:
        file["train_set_x"], file["train_set_y"] = random(4, 8, 8, 3), np.arange(4)
    return folder / "train_catvnoncat.h5"


def empty_file(folder: Path) -> Path:
    return with_content("model.keras", b"", folder)


def file_cut_off_while_it_was_downloaded(folder: Path) -> Path:
    (path,) = model_file(folder).paths
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def h5_cut_off_while_it_was_downloaded(folder: Path) -> Path:
    (path,) = model_file(folder, "model.h5").paths
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def error_page(folder: Path) -> Path:
    page = b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head><body>Not Found</body></html>\n"
    return with_content("model.keras", page, folder)


def pointer_of_git_lfs(folder: Path) -> Path:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d' * 32}\nsize 14214896\n"
    return with_content("model.h5", pointer.encode(), folder)


def empty_folder(folder: Path) -> Path:
    (folder / "model").mkdir()
    return folder / "model"


def folder_without_a_model(folder: Path) -> Path:
    (folder / "project").mkdir()
    (folder / "project" / "train.py").write_text("import keras\n")
    return folder / "project"


def empty_zip(folder: Path) -> Path:
    return archive(folder / "model.zip", [])


def zip_without_a_model(folder: Path) -> Path:
    return archive(folder / "photos.zip", [("photos/cat.png", png()), ("photos/notes.txt", b"one cat\n")])


def png() -> bytes:
    """Return a small picture."""
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 30, 30)).save(stream, "PNG")
    return stream.getvalue()


def picture_named_keras(folder: Path) -> Path:
    return with_content("model.keras", png(), folder)


def text(folder: Path) -> Path:
    return with_content("model.txt", b"Model: sequential\nhidden (Dense) (None, 6) 54\n", folder)


def program_that_makes_a_model(folder: Path) -> Path:
    return with_content("train.py", b"import keras\nmodel = keras.Sequential()\n", folder)


def gzipped_tar(folder: Path) -> Path:
    (path,) = exported(folder).paths
    with tarfile.open(folder / "model.tar.gz", "w:gz") as tar:
        tar.add(path, "model")
    return folder / "model.tar.gz"


def plain_tar(folder: Path) -> Path:
    with tarfile.open(folder / "model.tar", "w") as tar:
        tar.add(model_file(folder).paths[0], "model.keras")
    return folder / "model.tar"


def archive_of_7_zip(folder: Path) -> Path:
    return with_content("model.7z", b"7z\xbc\xaf\x27\x1c\0\4" + b"\0" * 120, folder)


def rar(folder: Path) -> Path:
    return with_content("model.rar", b"Rar!\x1a\7\1\0" + b"\0" * 60, folder)


def zip_with_a_password(folder: Path) -> Path:
    path = archive(folder / "model.zip", [("model.keras", model_file(folder).paths[0].read_bytes())])
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.rindex(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    return path


class Scaled(keras.layers.Layer):
    """A layer of one's own."""

    def call(self, inputs: Any) -> Any:
        return inputs * 2


class Regressor(keras.Model):
    """A model of one's own."""

    def __init__(self, units: int = 4, **settings: Any) -> None:
        super().__init__(**settings)
        self.units = units
        self.hidden, self.answer = keras.layers.Dense(units, "relu"), keras.layers.Dense(1)

    def call(self, inputs: Any) -> Any:
        return self.answer(self.hidden(inputs))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


for _own in (Scaled, Regressor):
    _own.__module__ = "training"


def layer_of_ones_own(folder: Path) -> Path:
    with registered(Scaled):
        parts = [keras.layers.Dense(4), Scaled(name="scaled"), keras.layers.Dense(1)]
        model = trained(keras.Sequential([keras.Input((8,)), *parts]), random(16, 8), random(16, 1))
        model.save(folder / "model.keras")
    return folder / "model.keras"


def registered_model_class_of_ones_own(folder: Path) -> Path:
    with registered(Regressor):
        trained(Regressor(), random(16, 8), random(16, 1)).save(folder / "model.keras")
    return folder / "model.keras"


def model_class_of_ones_own(folder: Path) -> Path:
    trained(Regressor(), random(16, 8), random(16, 1)).save(folder / "model.keras")
    return folder / "model.keras"


FOREIGN_FILES = [
    refusal_of(pickle_of_a_model, r"(?i)pickle", r"pickle\.load\([\s\S]*model\.save\("),
    refusal_of(pickle_of_a_model_named_keras, r"(?i)pickle", SAVE),
    refusal_of(pickle_of_old_protocol, r"(?i)pickle", SAVE),
    refusal_of(joblib_of_a_model, r"(?i)pickle|joblib", SAVE),
    refusal_of(compressed_joblib_of_a_model, r"(?i)joblib|zlib|compressed", r"(?i)model\.save\(|unpack"),
    refusal_of(pytorch, r"PyTorch", r"."),
    refusal_of(pytorch_of_old, r"(?i)PyTorch|pickle", r"."),
    refusal_of(weights_as_npz, r"(?i)NumPy|npz|arrays", r"model\.save\("),
    refusal_of(weights_as_npy, r"(?i)NumPy|npy|array", r"(?i)model\.save\(|data"),
    refusal_of(safetensors, r"(?i)safetensors", SAVE),
    refusal_of(gguf, r"GGUF", r"."),
    refusal_of(tensorflow_js, r"(?i)TensorFlow\.?js", SAVE),
    refusal_of(hdf5_of_data, r"(?i)HDF5|\.h5", SAVE),
    refusal_of(empty_file, r"(?i)empty", r"(?i)download|save|again"),
    refusal_of(file_cut_off_while_it_was_downloaded, CUT_OFF, r"(?i)download|again|upload"),
    refusal_of(h5_cut_off_while_it_was_downloaded, CUT_OFF, r"(?i)download|again|upload"),
    refusal_of(error_page, r"(?i)HTML|web page", DOWNLOAD),
    refusal_of(pointer_of_git_lfs, r"(?i)LFS", r"git lfs pull"),
    refusal_of(empty_folder, r"(?i)empty|no model|holds no", r"."),
    refusal_of(folder_without_a_model, r"(?i)no model|holds no", SAVE),
    refusal_of(empty_zip, r"(?i)empty|no model|holds no", r"."),
    refusal_of(zip_without_a_model, r"(?i)no model|holds no", r"."),
    refusal_of(picture_named_keras, r"(?i)PNG|image|picture", r"."),
    refusal_of(text, r"(?i)text", r"."),
    refusal_of(program_that_makes_a_model, r"(?i)text|Python|program", SAVE),
    refusal_of(gzipped_tar, r"(?i)gzip|tar", UNPACK),
    refusal_of(plain_tar, r"(?i)tar\b", UNPACK),
    refusal_of(archive_of_7_zip, r"(?i)7-?zip|archive", UNPACK),
    refusal_of(rar, r"RAR|archive", UNPACK),
    refusal_of(zip_with_a_password, r"(?i)password|encrypted", r"."),
    refusal_of(layer_of_ones_own, r"Scaled", r"."),
    refusal_of(registered_model_class_of_ones_own, r"Regressor", r"."),
    refusal_of(model_class_of_ones_own, r"Regressor", r"."),
]
