"""SavedModels that people write are accepted, whoever wrote them; damaged ones are refused and nothing else."""

import time
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from core.common.limits import Limits
from core.errors import ModelRefused
from core.models.saved_model.check import check_saved_model

layers, old = keras.layers, tf_keras.layers


def members_of(folder):
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


def check(folder):
    return check_saved_model((folder / "saved_model.pb").read_bytes(), members_of(folder), folder.name, Limits())


def dense(path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, "gelu"), layers.Dropout(0.5), layers.Dense(2)])
    model.export(path, verbose=False)


def convolutional(path):
    before = [layers.RandomFlip(), layers.RandomRotation(0.1), layers.RandomZoom(0.1), layers.Rescaling(1 / 255)]
    parts = [layers.Conv2D(4, 3), layers.BatchNormalization(), layers.DepthwiseConv2D(3), layers.SeparableConv2D(4, 3)]
    after = [layers.Conv2DTranspose(3, 2), layers.MaxPooling2D(), layers.UpSampling2D(), layers.GroupNormalization(1)]
    keras.Sequential([keras.Input((16, 16, 3)), *before, *parts, *after]).export(path, verbose=False)


def recurrent(path):
    both = layers.Bidirectional(layers.LSTM(3, return_sequences=True))
    parts = [layers.Embedding(9, 4, mask_zero=True), both, layers.GRU(2, return_sequences=True), layers.SimpleRNN(2)]
    keras.Sequential([keras.Input((5,)), *parts]).export(path, verbose=False)


def transformer():
    inputs = keras.Input((6,), dtype="int32")
    x = layers.Embedding(10, 8)(inputs)
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4)(x, x))
    x = x + layers.GroupQueryAttention(4, 2, 1)(x, x)
    return keras.Model(inputs, layers.Dense(2)(layers.Attention()([x, x])))


def text(path):
    words = layers.TextVectorization(max_tokens=20, ngrams=2, output_sequence_length=5)
    words.adapt(["a b c", "b c d"])
    model = keras.Sequential([keras.Input((1,), dtype="string"), words, layers.Embedding(20, 3)])
    model.export(path, verbose=False)


def vocabulary_in(path):
    file = path.parent / "vocabulary.txt"
    file.write_text("red\ngreen\nblue\n")
    return str(file)


def lookup(path):
    colours = layers.StringLookup(vocabulary=vocabulary_in(path), output_mode="multi_hot")
    keras.Sequential([keras.Input((1,), dtype="string"), colours]).export(path, verbose=False)


def preprocessing(path):
    number, word, code = keras.Input((1,)), keras.Input((1,), dtype="string"), keras.Input((1,), dtype="int64")
    outputs = [
        layers.Normalization(mean=1.0, variance=2.0)(number),
        layers.CategoryEncoding(3, "one_hot")(layers.Discretization([0.0, 1.0])(number)),
        layers.HashedCrossing(5, output_mode="one_hot")((word, code)),
        layers.Hashing(4, output_mode="one_hot")(word),
        layers.IntegerLookup(vocabulary=[1, 2], output_mode="one_hot")(code),
    ]
    keras.Model([number, word, code], layers.Concatenate()(outputs)).export(path, verbose=False)


def keras_2(path):
    model = tf_keras.Sequential([old.Input((5,)), old.Embedding(9, 4), old.LSTM(3), old.Dense(2)])
    model.compile("adam", "mse")
    model.fit(np.ones((4, 5)), np.ones((4, 2)), verbose=0)
    model.save(path)


def keras_2_text(path):
    words = old.TextVectorization(max_tokens=20)
    words.adapt(["a b", "c d"])
    model = tf_keras.Sequential([old.Input((1,), dtype="string"), words, old.Embedding(20, 3)])
    model.save(path)


class Module(tf.Module):
    """Control flow, ragged and text operations, tables of both kinds, an asset, a gradient of its own."""

    def __init__(self, vocabulary):
        self.variable = tf.Variable([1.0, 2.0])
        words = tf.lookup.TextFileInitializer(
            vocabulary, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
        )
        self.table = tf.lookup.StaticHashTable(words, -1)
        self.mutable = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, 0)
        self.asset = tf.saved_model.Asset(vocabulary)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string), tf.TensorSpec([], tf.float32)])
    def __call__(self, words, start):
        rows = tf.strings.split(words, " ")
        found = self.table.lookup(rows.flat_values)
        total = start
        for step in tf.range(tf.size(found)):
            total = tf.cond(total > 5.0, lambda total=total: total - self.variable[0], lambda total=total: total + 1.0)
            tf.debugging.assert_greater(step, -1)
        total = tf.switch_case(tf.size(found), [lambda: total, lambda: total * 2.0])
        twice = tf.map_fn(lambda value: value * 2, tf.range(3.0))

        @tf.custom_gradient
        def doubled(value):
            return value * 2, lambda upstream: upstream

        lowered = tf.strings.regex_replace(tf.strings.lower(words), "a+", "b")
        return {
            "total": doubled(total) + tf.reduce_sum(twice),
            "words": lowered,
            "known": self.mutable.lookup(words),
            "lengths": rows.row_lengths(),
        }


def module(path):
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=True)
    tf.saved_model.save(Module(vocabulary_in(path)), path, options=options)


def saved_again(path):
    module(path.with_name("first"))
    tf.saved_model.save(tf.saved_model.load(path.with_name("first")), path)


def compiled(path):
    class Compiled(tf.Module):
        @tf.function(jit_compile=True, input_signature=[tf.TensorSpec([2], tf.float32)])
        def __call__(self, x):
            return tf.nn.softmax(x)

    tf.saved_model.save(Compiled(), path)


def backbone(path):
    import keras_hub

    sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16, "max_sequence_length": 12}
    keras_hub.models.BertBackbone(vocabulary_size=30, **sizes).export(path, verbose=False)


GENUINE = {
    "dense": dense,
    "convolutional": convolutional,
    "recurrent": recurrent,
    "transformer": lambda path: transformer().export(path, verbose=False),
    "transformer, saved by TensorFlow": lambda path: tf.saved_model.save(transformer(), path),
    "text": text,
    "lookup": lookup,
    "preprocessing": preprocessing,
    "keras 2": keras_2,
    "keras 2 with text": keras_2_text,
    "module": module,
    "module, saved again": saved_again,
    "compiled": compiled,
    "keras-hub": backbone,
}


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    """Return a function that gives the folder of a model, written when it is first asked for."""
    folders = {}

    def exported(name):
        if name not in folders:
            folders[name] = tmp_path_factory.mktemp("saved") / "model"
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                GENUINE[name](folders[name])
        return folders[name]

    return exported


@pytest.mark.parametrize("name", GENUINE)
def test_what_people_save_is_accepted(export, name):
    report = check(export(name))
    assert "serving_default" in report.signatures
    assert "__saved_model_init_op" not in report.signatures


@pytest.mark.parametrize("name", GENUINE)
def test_every_operation_that_tensorflow_reads_is_reported(export, name):
    (graph,) = SavedModel.FromString((export(name) / "saved_model.pb").read_bytes()).meta_graphs
    bodies = [graph.graph_def.node, *(function.node_def for function in graph.graph_def.library.function)]
    assert check(export(name)).operations == tuple(sorted({node.op for body in bodies for node in body}))


def test_assets_are_named_by_their_path(export):
    assert check(export("lookup")).assets == ("assets/vocabulary.txt",)
    assert check(export("dense")).assets == ()


def test_a_large_model_is_checked_in_less_than_the_blink_of_an_eye(tmp_path):
    keras.applications.MobileNetV2(weights=None).export(tmp_path / "model", verbose=False)
    check(tmp_path / "model")
    start = time.process_time()
    check(tmp_path / "model")
    # A quarter of a second where it was measured; another program may have half of the machine.
    assert time.process_time() - start < 1.5


def test_too_many_parameters_are_refused(export):
    graph = (export("dense") / "saved_model.pb").read_bytes()
    with pytest.raises(ModelRefused, match="has 23 parameters; the limit is 22"):
        check_saved_model(graph, members_of(export("dense")), "model.zip", Limits(parameters=22))
    check_saved_model(graph, members_of(export("dense")), "model.zip", Limits(parameters=23))


@pytest.mark.parametrize("graph", [b"", b"\x08", b"\x08\x01", b"\x12\x00", b"\x12\xff\xff\xff\xff\x0f", b"\x0b" * 50])
def test_what_is_no_graph_is_refused_in_words(graph):
    with pytest.raises(ModelRefused, match=r"model\.zip"):
        check_saved_model(graph, ["saved_model.pb"], "model.zip", Limits())


def test_a_cut_file_is_refused(export):
    graph = (export("dense") / "saved_model.pb").read_bytes()
    for length in range(0, len(graph), 997):
        with pytest.raises(ModelRefused):
            check_saved_model(graph[:length], ["saved_model.pb"], "model.zip", Limits())


edits = st.lists(
    st.tuples(st.integers(0, 10**9), st.sampled_from(["set", "insert", "remove", "copy"]), st.binary(max_size=12)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=300, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=edits, which=st.sampled_from(["dense", "compiled", "lookup"]))
def test_altered_bytes_are_refused_or_read_as_tensorflow_reads_them(export, edits, which):
    members = members_of(export(which))
    graph = bytearray((export(which) / "saved_model.pb").read_bytes())
    for place, how, content in edits:
        at = place % len(graph)
        if how == "set":
            graph[at : at + len(content)] = content
        elif how == "insert":
            graph[at:at] = content
        elif how == "remove":
            del graph[at : at + len(content)]
        else:
            graph[at:at] = graph[at : at + 50]
    try:
        report = check_saved_model(bytes(graph), members, "model.zip", Limits())
    except ModelRefused:
        return
    try:
        saved = SavedModel.FromString(bytes(graph))
    except Exception:
        # TensorFlow, too, refuses what is damaged in a part that the inspection passes over.
        return
    (meta,) = saved.meta_graphs
    bodies = [meta.graph_def.node, *(function.node_def for function in meta.graph_def.library.function)]
    assert {node.op for body in bodies for node in body} <= set(report.operations)
    assert {f"assets/{asset.filename}" for asset in meta.asset_file_def} == set(report.assets)
