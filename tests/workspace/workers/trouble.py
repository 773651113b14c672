"""Installs the plugin that misbehaves, and makes model files that do: as bytes, none of it run here."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
import zipfile
from pathlib import Path

__all__ = ["endless_saved_model", "install", "keras_file", "large_saved_model", "small_keras_file"]

_PLUGIN = Path(__file__).with_name("layerscope_trouble.py")


def install(folder: Path) -> None:
    """Put the plugin into a folder as pip would: a module, and a distribution with an entry point."""
    shutil.copy(_PLUGIN, folder)
    distribution = folder / "layerscope_trouble-1.2.dist-info"
    distribution.mkdir()
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: layerscope-trouble\nVersion: 1.2\n")
    (distribution / "entry_points.txt").write_text("[layerscope]\ntrouble = layerscope_trouble\n")


def keras_file(*class_names: str, width: int = 4) -> bytes:
    """Return a ``.keras`` file of a dense layer and one layer of each class of the plugin, named in small letters."""
    import keras

    stand_ins = [keras.layers.Identity(name=name.lower()) for name in class_names]
    model = keras.Sequential([keras.Input((width,), name="x"), keras.layers.Dense(3, name="first"), *stand_ins])
    saved = small_keras_file(model)
    new = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved)) as old, zipfile.ZipFile(new, "w") as archive:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename == "config.json":
                content = _with_classes(content, class_names)
            archive.writestr(entry.filename, content)
    return new.getvalue()


def small_keras_file(model) -> bytes:
    """Return a model as a ``.keras`` file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return path.read_bytes()


def endless_saved_model() -> bytes:
    """Return a zipped SavedModel whose graph loops without end."""
    import tensorflow as tf

    class Endless(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32, name="x")])
        def serve(self, x):
            turned = tf.while_loop(lambda value: tf.reduce_all(value >= value), lambda value: [tf.abs(value)], [x])
            return {"y": turned[0]}

    return _zipped(Endless())


def large_saved_model() -> bytes:
    """Return a zipped SavedModel that works out at run time, from its input, that it needs 40 GB."""
    import tensorflow as tf

    class Large(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32, name="x")])
        def serve(self, x):
            nothing = tf.cast(tf.reduce_sum(x - x), tf.int64)
            large = tf.fill([nothing + 100_000, nothing + 100_000], tf.reduce_sum(x))
            return {"y": x + tf.reduce_sum(large, axis=0)[:4]}

    return _zipped(Large())


def _with_classes(content: bytes, class_names: tuple[str, ...]) -> bytes:
    config = json.loads(content)
    by_name = {name.lower(): name for name in class_names}
    for layer in config["config"]["layers"]:
        if layer["config"]["name"] in by_name:
            class_name = by_name[layer["config"]["name"]]
            layer |= {
                "module": "layerscope_trouble",
                "class_name": class_name,
                "registered_name": f"trouble>{class_name}",
            }
    return json.dumps(config).encode()


def _zipped(module) -> bytes:
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "saved"
        tf.saved_model.save(module, str(root), signatures={"serving_default": module.serve})
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            for path in sorted(root.rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(root).as_posix())
        return content.getvalue()
