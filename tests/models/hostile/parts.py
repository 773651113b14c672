"""What hostile files are put together from: configurations, archives and HDF5 files, as bytes."""

import io
import json
import resource
import struct
import time
import warnings
import zipfile
from contextlib import contextmanager

import h5py
import numpy as np

MOST_SECONDS = 10
MOST_KILOBYTES = 600_000
# A public function of Keras that does no harm, where an attack would name one that does.
HARMLESS = "abs"


@contextmanager
def within_bounds(most_kilobytes=MOST_KILOBYTES):
    """Assert that a block neither takes long nor lets this process grow much."""
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    yield
    assert time.monotonic() - started < MOST_SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < most_kilobytes


def node(class_name, module="keras.layers", registered_name=None, **config):
    """Return the configuration of a layer or of anything else that Keras makes by name."""
    return {"module": module, "class_name": class_name, "config": config, "registered_name": registered_name}


def function(name, module="builtins"):
    """Return how Keras writes a function."""
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def sequential(*layers, shape=(4,)):
    """Return the configuration of a Sequential with an input and these layers."""
    opening = node("InputLayer", batch_shape=[None, *shape], dtype="float32", name="input")
    return node("Sequential", "keras", name="sequential", layers=[opening, *layers])


def dense(units=2, name="dense", **options):
    """Return the configuration of a Dense layer."""
    return node("Dense", name=name, units=units, activation=options.pop("activation", "linear"), **options)


def tensor(layer, shape=(None, 4), call=0):
    """Return how Keras writes the tensor that a layer answered."""
    history = [layer, call, 0]
    return {
        "class_name": "__keras_tensor__",
        "config": {"shape": list(shape), "dtype": "float32", "keras_history": history},
    }


def call(*sources, shape=(None, 4), **keywords):
    """Return one call of a layer on what others answered."""
    given = [tensor(source, shape) for source in sources]
    return {"args": given if len(given) == 1 else [given], "kwargs": keywords}


def functional(layers, inputs=("input",), outputs=None, shape=(4,)):
    """Return the configuration of a functional model; ``layers`` are pairs of a layer and its calls."""
    opening = [
        {
            **node("InputLayer", batch_shape=[None, *shape], dtype="float32", name=name),
            "name": name,
            "inbound_nodes": [],
        }
        for name in inputs
    ]
    listed = [{**layer, "name": layer["config"]["name"], "inbound_nodes": calls} for layer, calls in layers]
    last = outputs or [listed[-1]["name"]]
    config = {
        "name": "functional",
        "trainable": True,
        "layers": opening + listed,
        "input_layers": [[name, 0, 0] for name in inputs],
        "output_layers": [[name, 0, 0] for name in last],
    }
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": config,
        "registered_name": "Functional",
    }


def hdf5(fill=None, **attributes):
    """Return an HDF5 file, filled by a function."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        for name, value in attributes.items():
            file.attrs[name] = value
        if fill:
            fill(file)
    return stream.getvalue()


def dense_weights(file, features=4, units=2):
    """Store what a Dense layer has, as Keras 3 does."""
    group = file.create_group("layers/dense/vars")
    group["0"] = np.zeros((features, units), "float32")
    group["1"] = np.zeros(units, "float32")


def archive(*entries, method=zipfile.ZIP_STORED):
    """Return a zip archive of pairs of name and content."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as made, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a name that is there twice
        for name, content in entries:
            made.writestr(name, content)
    return stream.getvalue()


def keras_file(config, weights=None, extra=(), metadata='{"keras_version": "3.15.1"}', method=zipfile.ZIP_STORED):
    """Return a .keras archive."""
    text = config if isinstance(config, str | bytes) else json.dumps(config)
    stored = hdf5(dense_weights) if weights is None else weights
    return archive(
        ("metadata.json", metadata), ("config.json", text), ("model.weights.h5", stored), *extra, method=method
    )


def h5_file(config, fill=None, version="3.15.1"):
    """Return an .h5 file of a whole model."""

    def all_of_it(file):
        file.create_group("model_weights")
        if fill:
            fill(file)

    return hdf5(all_of_it, model_config=json.dumps(config), keras_version=version)


def npy(header, payload=b"", version=(1, 0)):
    """Return an .npy file with a header of one's own."""
    text = header.encode() + b"\n"
    length = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text + payload


def replaced(content, old, new):
    """Return bytes with one piece replaced by another of the same length, which must be there."""
    assert old in content
    assert len(old) == len(new)
    return content.replace(old, new)
