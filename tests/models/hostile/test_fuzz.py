"""Real model files with something broken in them: only our own errors ever come out, within time and memory."""

import contextlib
import io
import json
import tempfile
import zipfile
from pathlib import Path

import h5py
import keras
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import LayerscopeError
from core.models.inspection import inspect_model
from tests.models.hostile.parts import within_bounds
from tests.models.hostile.test_harmless import zip_of_folder
from tests.support.small_lite import small_lite

MOST_KILOBYTES = 800_000
# The same files in every run: a file may keep HDF5 itself busy for ever, where nothing in Python can end it.
SETTINGS = settings(
    max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True
)


@pytest.fixture(scope="module")
def files():
    """Return a real file of each format."""
    x = keras.Input((8,), name="x")
    y = keras.layers.Dense(4, activation="relu")(x)
    model = keras.Model(x, keras.layers.Concatenate()([y, x]) + 1)
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.keras")
        keras.Sequential([keras.Input((6, 4)), keras.layers.LSTM(3), keras.layers.Dense(2)]).save(
            f"{folder}/lstm.keras"
        )
        model.export(f"{folder}/exported", verbose=False)
        stream = io.BytesIO()
        with h5py.File(stream, "w") as file:
            file.attrs["model_config"] = model.to_json()
            file.attrs["keras_version"] = "3.15.1"
            file.create_dataset("model_weights/dense/kernel", data=[[1.0] * 4] * 8)
        return {
            ".keras": Path(folder, "model.keras").read_bytes(),
            "recurrent": Path(folder, "lstm.keras").read_bytes(),
            ".h5": stream.getvalue(),
            ".tflite": small_lite(),
            "SavedModel": zip_of_folder(Path(folder, "exported")),
        }


def survives(content):
    with within_bounds(MOST_KILOBYTES), contextlib.suppress(LayerscopeError):
        assert inspect_model(content, name="model.bin").kind in {"keras", "hdf5", "saved_model", "tflite"}


@pytest.mark.parametrize("kind", [".keras", "recurrent", ".h5", ".tflite", "SavedModel"])
def test_bytes_that_are_changed(kind, files):
    whole = files[kind]

    @SETTINGS
    @given(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.binary(min_size=1, max_size=8)), max_size=6))
    def check(changes):
        content = bytearray(whole)
        for place, new in changes:
            content[place : place + len(new)] = new
        survives(bytes(content))

    check()


@pytest.mark.parametrize("kind", [".keras", ".h5", ".tflite", "SavedModel"])
def test_pieces_that_are_missing_twice_or_elsewhere(kind, files):
    whole = files[kind]
    places = st.integers(0, len(whole))

    @SETTINGS
    @given(places, places, places, st.booleans())
    def check(start, end, target, keep):
        start, end = sorted((start, end))
        rest = whole if keep else whole[:start] + whole[end:]
        survives(rest[:target] + whole[start:end] + rest[target:])
        survives(whole[:end])

    check()


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([10**12, -1, "Lambda"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["class_name", "config", "x"]), inner),
    max_leaves=6,
)


@pytest.mark.parametrize("kind", [".keras", "recurrent"])
def test_values_of_the_configuration(kind, files):
    with zipfile.ZipFile(io.BytesIO(files[kind])) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    places = list(places_in(json.loads(parts["config.json"])))

    @SETTINGS
    @given(st.lists(st.tuples(st.sampled_from(places), VALUES), min_size=1, max_size=3))
    def check(changes):
        config = json.loads(parts["config.json"])
        for path, value in changes:
            put(config, path, value)
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for name, content in parts.items():
                archive.writestr(name, json.dumps(config) if name == "config.json" else content)
        survives(stream.getvalue())

    check()


def test_attributes_of_an_h5_file(files):
    @SETTINGS
    @given(
        st.sampled_from(["model_config", "keras_version", "layer_names"]), st.binary(max_size=40) | st.text(max_size=40)
    )
    def check(name, value):
        stream = io.BytesIO(files[".h5"])
        with h5py.File(stream, "r+") as file:
            try:
                file.attrs[name] = value
            except ValueError:
                return  # HDF5 itself has no text with zeros in it
        survives(stream.getvalue())

    check()


def places_in(value, path=()):
    """Yield the path of every value in a configuration."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places_in(inner, (*path, key))


def put(config, path, value):
    """Put a value at a path, where that is still there."""
    for key in path[:-1]:
        try:
            config = config[key]
        except (KeyError, IndexError, TypeError):
            return
    if path and isinstance(config, dict | list):
        try:
            config[path[-1]] = value
        except (IndexError, TypeError):
            return
