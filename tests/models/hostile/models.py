"""Model files that must be refused: name, threat, how it is made, and what the refusal says."""

import io
import json
import stat
import struct
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from tests.models.hostile.parts import (
    HARMLESS,
    archive,
    call,
    dense,
    dense_weights,
    function,
    functional,
    h5_file,
    hdf5,
    keras_file,
    node,
    replaced,
    sequential,
)

__all__ = ["HOSTILE_MODELS", "Case"]


@dataclass(frozen=True)
class Case:
    """A file of the corpus.

    Attributes:
        name: What it is called, unique.
        threat: Which class of threats it belongs to.
        build: Makes its content.
        says: Regular expression that the refusal has to contain.
    """

    name: str
    threat: str
    build: Callable[[], bytes]
    says: str


LAMBDA = node("Lambda", name="twice", function={"class_name": "__lambda__", "config": {"code": "4wEAAA=="}})
BARE_LAMBDA = {"class_name": "__lambda__", "config": {"code": "4wEAAA=="}}


def wrapped(layer):
    """Return places in which a layer can hide."""
    return {
        "at the top": sequential(layer),
        "in a nested model": sequential(sequential(sequential(layer))),
        "in TimeDistributed": sequential(node("TimeDistributed", name="each", layer=layer)),
        "in Bidirectional": sequential(node("Bidirectional", name="both", layer=layer, backward_layer=layer)),
        "as a cell": sequential(node("RNN", name="rnn", cell=layer)),
        "in stacked cells": sequential(node("RNN", name="rnn", cell=node("StackedRNNCells", cells=[layer]))),
        "in a list of a list": sequential(node("Pipeline", name="pipeline", layers=[[layer]])),
        "in call arguments": functional([(dense(), [call("input", mask=layer)])]),
        "in build_config": sequential({**dense(), "build_config": {"input_shape": layer}}),
        "in a functional model": functional([(layer, [call("input")])]),
    }


def lambdas():
    for place, config in wrapped(LAMBDA).items():
        yield Case(f"a Lambda {place}", "lambda", lambda c=config: keras_file(c), "Python code")
    for place, config in list(wrapped(LAMBDA).items())[:3]:
        yield Case(f"a Lambda {place}, .h5", "lambda", lambda c=config: h5_file(c), "Python code")
    spellings = {
        "bytecode as an activation": sequential(dense(activation=BARE_LAMBDA)),
        "bytecode as an initializer": sequential(dense(kernel_initializer=BARE_LAMBDA)),
        "bytecode as a regularizer": sequential(dense(kernel_regularizer=BARE_LAMBDA)),
        "a Lambda without a module": sequential({"class_name": "Lambda", "config": {"name": "twice"}}),
        "a Lambda by its registered name": sequential(node("Dense", registered_name="Lambda", name="dense")),
        "a Lambda behind a package": sequential(node("Dense", registered_name="package>Lambda", name="dense")),
        "a Lambda by its inner module": sequential(node("Lambda", "keras.src.layers.core.lambda_layer", name="twice")),
    }
    for name, config in spellings.items():
        yield Case(name, "lambda", lambda c=config: keras_file(c), "Python code")
    yield Case(
        "a Lambda in a list of Keras 2",
        "lambda",
        lambda: h5_file(
            {"class_name": "Sequential", "config": [{"class_name": "Lambda", "config": {}}]}, version="2.2.4"
        ),
        "Python code",
    )


def functions_and_modules():
    foreign = "did not come with Keras"
    for module in ("os", "builtins", "keras.ops", "keras.src.ops.numpy", "keras.utils", "numpy", "keras.saving"):
        yield Case(
            f"a function of {module} as an activation",
            "module as a function",
            lambda m=module: keras_file(sequential(dense(activation=function(HARMLESS, m)))),
            foreign,
        )
    for module in (
        "os",
        "subprocess",
        "keras.utils",
        "keras.saving",
        "keras.src.saving.saving_lib",
        "keras_evil.layers",
    ):
        yield Case(
            f"a class of {module}",
            "module as a function",
            lambda m=module: keras_file(sequential(node("Dense", m, name="dense", units=2))),
            foreign,
        )
    for key in ("activation", "recurrent_activation"):
        yield Case(
            f"a public name as {key}",
            "public name",
            lambda k=key: keras_file(sequential(node("LSTM", name="lstm", units=2, **{k: HARMLESS}))),
            "names no activation",
        )
    for key in ("kernel_initializer", "kernel_regularizer", "bias_constraint"):
        yield Case(
            f"a public name as {key}",
            "public name",
            lambda k=key: keras_file(sequential(dense(**{k: HARMLESS}))),
            "names nothing that Keras has",
        )
    yield Case(
        "a public name as a function of a merge",
        "public name",
        lambda: keras_file(sequential(node("Activation", name="act", activation=function(HARMLESS)))),
        foreign,
    )
    yield Case(
        "a public name in .h5",
        "public name",
        lambda: h5_file({"class_name": "Sequential", "config": {"layers": [dense(activation=HARMLESS)]}}),
        "names no activation",
    )
    for config, name in (
        ({"class_name": ["Dense"], "config": {}}, "a class name that is a list"),
        ({"module": ["keras.layers"], "class_name": "Dense", "config": {}}, "a module that is a list"),
        (node("function") | {"config": ["relu"]}, "a function that is a list"),
    ):
        yield Case(
            name,
            "module as a function",
            lambda c=config: keras_file(sequential(c)),
            "not described in a way that Keras",
        )
    yield Case(
        "a type to be imported",
        "module as a function",
        lambda: keras_file(
            sequential(dense(spec={"class_name": "__typespec__", "config": ["os.abs", [1], "float32"]}))
        ),
        foreign,
    )
    yield Case(
        "an operation around a function",
        "module as a function",
        lambda: keras_file(functional([(node("Map", "keras.src.ops.core", "Map", name="map"), [call("input")])])),
        foreign,
    )
    yield Case(
        "a custom class that nobody registered",
        "module as a function",
        lambda: keras_file(sequential(node("Mine", None, "package>Mine", name="mine"))),
        foreign,
    )


def foreign_programs():
    for class_name in ("TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"):
        yield Case(
            f"a {class_name}",
            "foreign program",
            lambda c=class_name: keras_file(sequential(node(c, name="foreign", filepath="marker"))),
            "another framework",
        )
        yield Case(
            f"a {class_name} as an activation",
            "foreign program",
            lambda c=class_name: keras_file(sequential(dense(activation=node(c, filepath="marker")))),
            "another framework",
        )
    yield Case(
        "weights as NumPy arrays",
        "pickle",
        lambda: archive(("config.json", json.dumps(sequential(dense()))), ("model.weights.npz", b"PK")),
        "pickles",
    )


def files_named_in_layers():
    for layer in ("StringLookup", "IntegerLookup", "TextVectorization"):
        for path in ("/marker.txt", "https://localhost/marker", "../marker.txt"):
            yield Case(
                f"a {layer} with a vocabulary at {path.partition('/')[0] or 'a path'}",
                "file in a layer",
                lambda c=layer, p=path: keras_file(sequential(node(c, name="lookup", vocabulary=p))),
                "names a file",
            )
    yield Case(
        "a TextVectorization with weights at a path",
        "file in a layer",
        lambda: keras_file(sequential(node("TextVectorization", name="text", idf_weights="/marker"))),
        "names a file",
    )


def hdf5_tricks():
    def external_link(file):
        file["layers/dense/vars/0"] = h5py.ExternalLink("/marker.h5", "/secret")

    def soft_link(file):
        file["layers/dense/vars/0"] = h5py.SoftLink("/somewhere")

    def cycle(file):
        group = file.create_group("layers/dense")
        group["again"] = file["layers"]

    def same_twice(file):
        dense_weights(file)
        file["layers/other"] = file["layers/dense"]

    def external_storage(file):
        space, kind = h5py.h5s.create_simple((64,)), h5py.h5t.IEEE_F32LE
        settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        settings.set_external(b"/marker.bin", 0, 256)
        h5py.h5d.create(file.id, b"kernel", kind, space, settings)

    def virtual(file):
        layout = h5py.VirtualLayout(shape=(4,), dtype="f4")
        layout[:] = h5py.VirtualSource("/marker.h5", "secret", shape=(4,))
        file.create_virtual_dataset("kernel", layout)

    def declares_gigabytes(file):
        file.create_dataset("kernel", shape=(1 << 30,), dtype="f4")

    def declares_chunked(file):
        file.create_dataset("kernel", shape=(1 << 30,), dtype="f4", chunks=(1 << 20,), compression="gzip")

    def references(file):
        file.create_dataset("kernel", shape=(2,), dtype=h5py.ref_dtype)

    def records(file):
        file.create_dataset("kernel", data=np.zeros(2, dtype=[("a", "f4"), ("b", "i4")]))

    def too_deep(file):
        file.create_group("/".join(["a"] * 100))

    def named_type(file):
        file["kernel"] = np.dtype("f4")

    tricks = {
        "a link to another file": (external_link, "link to another file"),
        "a link to elsewhere": (soft_link, "link to elsewhere"),
        "a group in itself": (cycle, "there before"),
        "a group that is there twice": (same_twice, "there before"),
        "a dataset stored in another file": (external_storage, "another file"),
        "a dataset put together from another file": (virtual, "other files"),
        "gigabytes that are declared and not there": (declares_gigabytes, "declares .* holds"),
        "gigabytes that are declared in chunks": (declares_chunked, "declares .* holds"),
        "references": (references, "references"),
        "records": (records, "no weights are"),
        "groups a hundred deep": (too_deep, "too deeply nested"),
        "a named type": (named_type, "neither group nor dataset"),
    }
    for name, (fill, says) in tricks.items():
        yield Case(f"{name}, in .keras", "hdf5", lambda f=fill: keras_file(sequential(dense()), hdf5(f)), says)
        yield Case(f"{name}, in .h5", "hdf5", lambda f=fill: h5_file(sequential(dense()), f), says)


def archives():
    model = ("config.json", json.dumps(sequential(dense())))
    zeros = bytes(120_000_000)

    def linked():
        link = zipfile.ZipInfo("assets/words.txt")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        return keras_file(sequential(dense()), extra=[(link, "/marker")])

    def device():
        special = zipfile.ZipInfo("assets/words.txt")
        special.external_attr = (stat.S_IFIFO | 0o600) << 16
        return keras_file(sequential(dense()), extra=[(special, "")])

    def lying():
        content = archive(model, ("model.weights.h5", bytes(3_000_000)), method=zipfile.ZIP_DEFLATED)
        return content.replace((3_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))

    def disagreeing():
        content = keras_file(sequential(dense()), extra=[("assets/a.txt", "one")])
        place = content.index(b"assets/a.txt")
        return content[:place] + b"assets/b.txt" + content[place + 12 :]

    def encrypted():
        content = bytearray(keras_file(sequential(dense())))
        for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
            content[content.index(mark) + offset] |= 1
        return bytes(content)

    def overlapping():
        content = bytearray(keras_file(sequential(dense()), extra=[("assets/a.txt", "one"), ("assets/b.txt", "one")]))
        first, second = (
            content.index(b"PK\3\4", content.index(name) - 30) for name in (b"assets/a.txt", b"assets/b.txt")
        )
        directory = content.rindex(b"assets/b.txt") - 46
        struct.pack_into("<L", content, directory + 42, first + 5)
        assert second > first
        return bytes(content)

    cases = {
        "a configuration of 33 MB": (lambda: keras_file(" " * (33 << 20)), "larger than"),
        "a configuration that is a bomb": (
            lambda: keras_file(b" " * (200 << 20), method=zipfile.ZIP_DEFLATED),
            "unpacks to|larger than",
        ),
        "assets that are a bomb": (
            lambda: archive(model, ("model.weights.h5", b"x"), ("assets/a", zeros), method=zipfile.ZIP_DEFLATED),
            "unpacks to",
        ),
        "a lying size": (lying, "described in two ways|another size|damaged"),
        "a path that climbs out": (lambda: keras_file(sequential(dense()), extra=[("../marker", b"")]), "leads out"),
        "a path from the root": (lambda: keras_file(sequential(dense()), extra=[("/marker", b"")]), "leads out"),
        "a path with a drive": (lambda: keras_file(sequential(dense()), extra=[("c:marker", b"")]), "leads out"),
        "a path that climbs inside": (
            lambda: keras_file(sequential(dense()), extra=[("assets/../../marker", b"")]),
            "leads out",
        ),
        "a symbolic link": (linked, "symbolic link"),
        "a pipe": (device, "is no file"),
        "a configuration that is there twice": (
            lambda: archive(model, model, ("model.weights.h5", b"x")),
            "there twice",
        ),
        "a name in two spellings": (
            lambda: keras_file(sequential(dense()), extra=[("assets/A", b""), ("assets/a", b"")]),
            "there twice",
        ),
        "an encrypted entry": (encrypted, "encrypted"),
        "entries over each other": (overlapping, "overlaps|described in two ways"),
        "60,000 entries": (
            lambda: archive(model, *((f"assets/{number}", b"") for number in range(60_000))),
            "holds 60,001 files",
        ),
        "a header that disagrees with the directory": (disagreeing, "described in two ways"),
        "a program among the assets": (
            lambda: keras_file(sequential(dense()), extra=[("assets/marker.py", b"")]),
            "is a program",
        ),
        "an entry that Keras does not write": (
            lambda: keras_file(sequential(dense()), extra=[("marker.txt", b"")]),
            "none that Keras writes",
        ),
        "an unusual packing": (
            lambda: keras_file(sequential(dense()), method=zipfile.ZIP_BZIP2),
            "packed in a way",
        ),
        "a program before the archive": (
            lambda: b"PK#!/bin/true\n" + keras_file(sequential(dense())),
            "before its first entry|damaged|described in two ways",
        ),
    }
    for name, (build, says) in cases.items():
        yield Case(name, "archive", build, says)


def sizes():
    huge = 10**12
    declares = "declares|would answer"

    def doubling():
        layers, source = [], "input"
        for number in range(45):
            name = f"double_{number}"
            layers.append((node("Concatenate", name=name, axis=-1), [call(source, source)]))
            source = name
        return functional(layers)

    cases = {
        "a Dense of 1e12 units": sequential(dense(huge)),
        "an Embedding of 1e12 words": sequential(
            node("Embedding", name="embedding", input_dim=huge, output_dim=2), shape=(3,)
        ),
        "a RepeatVector of 2e9": sequential(node("RepeatVector", name="repeat", n=2 * 10**9)),
        "an LSTM of 1e9 units": sequential(node("LSTM", name="lstm", units=10**9), shape=(3, 4)),
        "a GRU of 1e9 units": sequential(node("GRU", name="gru", units=10**9, reset_after=True), shape=(3, 4)),
        "a convolution of 1e12 filters": sequential(
            node("Conv2D", name="conv", filters=huge, kernel_size=[1, 1], strides=[1, 1], padding="same"),
            shape=(4, 4, 3),
        ),
        "a kernel of a million": sequential(
            node("Conv1D", name="conv", filters=8, kernel_size=[10**9], strides=[1], padding="same"), shape=(4, 3)
        ),
        "an upsampling by a million": sequential(node("UpSampling2D", name="up", size=[10**6, 10**6]), shape=(4, 4, 3)),
        "a padding of a million": sequential(
            node("ZeroPadding2D", name="pad", padding=[[10**6, 0], [10**6, 0]]), shape=(4, 4, 3)
        ),
        "an attention of 1e9 heads": functional(
            [(node("MultiHeadAttention", name="attention", num_heads=10**9, key_dim=64), [call("input", "input")])],
            shape=(3, 4),
        ),
        "a resizing to a million": sequential(
            node("Resizing", name="resize", height=10**6, width=10**6), shape=(4, 4, 3)
        ),
        "an input of 1e12": sequential(dense(1), shape=(huge,)),
        "a doubling 45 times": doubling(),
        "an encoding of 1e12 tokens": sequential(
            node("CategoryEncoding", name="encoding", num_tokens=huge, output_mode="multi_hot")
        ),
    }
    for name, config in cases.items():
        yield Case(name, "size", lambda c=config: keras_file(c), declares)
    yield Case("a Dense of 1e12 units, .h5", "size", lambda: h5_file(sequential(dense(huge))), declares)


def structures():
    loop = functional([(dense(name="a"), [call("b")]), (dense(name="b"), [call("a")])], outputs=["b"])
    itself = functional([(dense(name="a"), [call("a")])])
    missing = functional([(dense(name="a"), [call("nowhere")])])
    twice = functional([(dense(name="a"), [call("input")]), (dense(name="a"), [call("input")])])
    deep = sequential(dense())
    for _ in range(100):
        deep = sequential(deep)
    cases = {
        "20,000 layers": (
            sequential(*(dense(name=f"d{number}") for number in range(20_000))),
            "more than 5,000 layers",
        ),
        "layers that wait for each other": (loop, "waits for its own answer"),
        "a layer that waits for itself": (itself, "waits for its own answer"),
        "a layer that is not there": (missing, "not there"),
        "two layers of one name": (twice, "Two layers"),
        "models nested 100 deep": (deep, "deeply nested"),
        "no configuration at all": ({}, "describes no model"),
    }
    for name, (config, says) in cases.items():
        yield Case(name, "structure", lambda c=config: keras_file(c), says)
    text = json.dumps(sequential(dense()))
    texts = {
        "JSON nested 200,000 deep": ("[" * 200_000, "deeply nested"),
        "JSON nested deep in a key": (text.replace('"linear"', "[" * 100_000 + "]" * 100_000), "deeply nested"),
        "JSON in UTF-16": (text.encode("utf-16"), "not readable as JSON|damaged"),
        "a key that is there twice": (text.replace('"units": 2', '"units": 2, "units": 3'), "a key twice"),
        "JSON that is a list": ("[]", "not a JSON object"),
        "JSON that is cut off": (text[:-10], "not readable as JSON"),
        "a number of 10,000 digits": (text.replace('"units": 2', f'"units": {"9" * 10_000}'), "not readable as JSON"),
    }
    for name, (content, says) in texts.items():
        yield Case(name, "structure", lambda c=content: keras_file(c), says)


def other_files():
    whole = keras_file(sequential(dense()))
    yield Case("an archive that is cut off", "damaged", lambda: whole[: len(whole) // 2], "damaged")
    stored = h5_file(sequential(dense()))
    yield Case("an .h5 file that is cut off", "damaged", lambda: stored[: len(stored) // 3], "damaged")
    yield Case("a pickle", "pickle", lambda: b"\x80\x04\x95\x0c\x00\x00\x00\x00\x00\x00\x00.", "pickle")
    yield Case("weights that are no HDF5", "damaged", lambda: keras_file(sequential(dense()), b"weights"), "damaged")
    yield Case("nothing", "damaged", lambda: b"", "empty")


def saved_models():
    """SavedModels need TensorFlow to be made, so they are made together, once."""
    import tensorflow as tf

    specification = [tf.TensorSpec([None, 2], tf.float32, name="x")]

    class Reads(tf.Module):
        @tf.function(input_signature=specification)
        def serve(self, x):
            return {"y": x + tf.cast(tf.strings.length(tf.io.read_file("marker.txt")), tf.float32)}

    class Writes(tf.Module):
        @tf.function(input_signature=specification)
        def serve(self, x):
            with tf.control_dependencies([tf.io.write_file("marker.txt", "marker")]):
                return {"y": tf.identity(x)}

    class WritesInside(tf.Module):
        @tf.function(input_signature=specification)
        def serve(self, x):
            def body(number, value):
                with tf.control_dependencies([tf.io.write_file("marker.txt", "marker")]):
                    return number + 1, tf.identity(value)

            return {"y": tf.while_loop(lambda number, value: number < 2, body, [0, x])[1]}

    class InDataset(tf.Module):
        @tf.function(input_signature=specification)
        def serve(self, x):
            read = tf.data.Dataset.from_tensors("marker.txt").map(tf.io.read_file)
            return {"y": x + read.reduce(0.0, lambda total, text: total + tf.cast(tf.strings.length(text), tf.float32))}

    class Lists(tf.Module):
        @tf.function(input_signature=specification)
        def serve(self, x):
            return {"y": x + tf.cast(tf.size(tf.io.matching_files("/marker*")), tf.float32)}

    class CallsPython(tf.Module):
        @tf.function(input_signature=specification)
        def serve(self, x):
            return {"y": tf.numpy_function(np.abs, [x], tf.float32)}

    class Saves(tf.Module):
        @tf.function(input_signature=specification)
        def serve(self, x):
            with tf.control_dependencies(
                [tf.raw_ops.SaveV2(prefix="marker", tensor_names=["x"], shape_and_slices=[""], tensors=[x])]
            ):
                return {"y": tf.identity(x)}

    class Restores(tf.Module):
        @tf.function(input_signature=specification)
        def serve(self, x):
            given = tf.raw_ops.RestoreV2(
                prefix="marker", tensor_names=["x"], shape_and_slices=[""], dtypes=[tf.float32]
            )
            return {"y": x + tf.reduce_sum(given[0])}

    class Harmless(tf.Module):
        @tf.function(input_signature=specification)
        def serve(self, x):
            return {"y": tf.abs(x)}

    def exported(kind, *extra):
        with tempfile.TemporaryDirectory() as folder:
            module = kind()
            tf.saved_model.save(module, folder, signatures={"serving_default": module.serve})
            entries = [
                (path.relative_to(folder).as_posix(), path.read_bytes())
                for path in sorted(Path(folder).rglob("*"))
                if path.is_file()
            ]
        return archive(*entries, *extra)

    for kind, operation in (
        (Reads, "ReadFile"),
        (Writes, "WriteFile"),
        (WritesInside, "WriteFile"),
        (InDataset, "Dataset"),
        (Lists, "MatchingFiles"),
        (CallsPython, "PyFunc"),
        (Saves, "SaveV2"),
        (Restores, "RestoreV2"),
    ):
        yield Case(f"a SavedModel that {kind.__name__}", "saved model", lambda k=kind: exported(k), operation)
    yield Case(
        "a SavedModel with a program beside it",
        "saved model",
        lambda: exported(Harmless, ("marker.py", b"")),
        "program",
    )
    yield Case(
        "a SavedModel with an operation that nobody knows",
        "saved model",
        lambda: replaced(exported(Harmless), b"\x03Abs", b"\x03Axs"),
        "Axs|damaged",
    )
    yield Case(
        "a SavedModel that is cut off",
        "saved model",
        lambda: archive(
            ("saved_model.pb", zipfile.ZipFile(io.BytesIO(exported(Harmless))).read("saved_model.pb")[:-40])
        ),
        "damaged",
    )


HOSTILE_MODELS = [
    *lambdas(),
    *functions_and_modules(),
    *foreign_programs(),
    *files_named_in_layers(),
    *hdf5_tricks(),
    *archives(),
    *sizes(),
    *structures(),
    *other_files(),
]
