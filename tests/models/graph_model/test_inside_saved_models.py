"""Inside a SavedModel stands what stands inside the model that it was exported from: the same layers, values, kinds."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

import layerscope
from core.analysis.attribution import Target, attribute, class_activation_map
from core.analysis.unit_connections import weighing_matrix
from core.errors import ExtractionFailed

layers, old = keras.layers, tf_keras.layers


def pictures(count=5, size=8):
    return np.random.default_rng(0).random((count, size, size, 1)).astype("float32")


def words(count=5, length=7, most=20):
    return np.random.default_rng(0).integers(0, most, (count, length)).astype("int32")


def trained(model, inputs, classes):
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(inputs, np.arange(len(inputs)) % classes, epochs=1, verbose=0)
    return model, inputs


def convolutional():
    parts = [
        layers.Conv2D(4, 3, padding="same", activation="relu", name="conv"),
        layers.BatchNormalization(name="norm"),
        layers.DepthwiseConv2D(3, name="depthwise"),
        layers.MaxPooling2D(name="pool"),
        layers.Flatten(name="flat"),
        layers.Dense(6, activation="gelu", name="dense"),
        layers.Dense(3, activation="softmax", name="answer"),
    ]
    return trained(keras.Sequential([keras.Input((8, 8, 1), name="image"), *parts]), pictures(), 3)


def recurrent():
    parts = [
        layers.Embedding(20, 4, name="embed"),
        layers.LSTM(5, return_sequences=True, name="lstm"),
        layers.GRU(3, return_sequences=True, name="gru"),
        layers.SimpleRNN(4, name="simple"),
        layers.Dense(3, activation="softmax", name="answer"),
    ]
    return trained(keras.Sequential([keras.Input((7,), dtype="int32", name="words"), *parts]), words(), 3)


def transformer():
    tokens = keras.Input((7,), dtype="int32", name="words")
    embedded = layers.Embedding(20, 8, name="embed")(tokens)
    attended = layers.MultiHeadAttention(2, 4, name="attention")(embedded, embedded)
    normed = layers.LayerNormalization(name="norm")(embedded + attended)
    wide = layers.Dense(6, activation="relu", name="wide")(normed)
    pooled = layers.GlobalAveragePooling1D(name="mean")(wide)
    return trained(keras.Model(tokens, layers.Dense(3, activation="softmax", name="answer")(pooled)), words(), 3)


def nested():
    base = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(4, 3, name="conv"), layers.ReLU(name="relu")], name="base"
    )
    image = keras.Input((8, 8, 1), name="image")
    pooled = layers.GlobalAveragePooling2D(name="mean")(base(layers.Rescaling(2.0, -1.0, name="scale")(image)))
    return trained(keras.Model(image, layers.Dense(3, activation="softmax", name="answer")(pooled)), pictures(), 3)


def two_exits():
    image = keras.Input((8, 8, 1), name="image")
    conv = layers.Conv2D(4, 3, strides=2, name="conv")(image)
    flat = layers.Flatten(name="flat")(conv)
    outputs = {
        "number": layers.Dense(1, name="number")(flat),
        "kind": layers.Dense(3, activation="softmax", name="kind")(flat),
    }
    return keras.Model(image, outputs), pictures()


@pytest.mark.parametrize("make", [convolutional, recurrent, transformer, nested, two_exits])
def test_layers_have_the_values_types_and_axes_that_they_have_in_the_model(make, tmp_path):
    model, inputs = make()
    model.export(tmp_path / "model", verbose=False)
    exported = layerscope.extract(layerscope.load_model(tmp_path / "model"), inputs)

    activations = layerscope.extract(model, inputs)

    compared = [key for key in activations if not activations[key].layer.name.startswith("add")]
    assert set(compared) <= set(exported)
    for key in compared:
        inside, outside = exported[key], activations[key]
        np.testing.assert_allclose(inside.values, outside.values, rtol=1e-5, atol=1e-6, err_msg=key)
        assert inside.axes == outside.axes
        if not inside.layer.holds_layers:
            assert inside.layer.type_name == outside.layer.type_name
            assert inside.layer.kind == outside.layer.kind
            # A loop does not say by which function it was made.
            is_loop = inside.layer.kind == "recurrent"
            assert inside.layer.activation_function == ("" if is_loop else outside.layer.activation_function)
        assert {name: weight.shape for name, weight in inside.weights.items()} == {
            name: weight.shape for name, weight in outside.weights.items()
        }
        for name, weight in outside.weights.items():
            np.testing.assert_array_equal(inside.weights[name], weight)


def test_shapes_are_known_before_anything_runs(tmp_path):
    model, _ = transformer()
    model.export(tmp_path / "model", verbose=False)

    shapes = {
        layer.key: layer.output_shape
        for layer in layerscope.Extractor(layerscope.load_model(tmp_path / "model")).layers
    }

    assert shapes["attention/query"] == (None, 7, 2, 4)
    assert shapes["wide"] == (None, 7, 6)
    assert shapes["answer"] == (None, 3)


def test_layers_keep_their_names_where_one_is_called_twice(tmp_path):
    shared = layers.Dense(8, name="shared")
    tokens = keras.Input((7,), dtype="int32", name="words")
    twice = shared(shared(layers.Embedding(20, 8, name="embed")(tokens)))
    model = keras.Model(tokens, layers.Dense(3, name="answer")(twice))
    model.export(tmp_path / "model", verbose=False)

    exported = layerscope.load_model(tmp_path / "model")

    keys = [layer.key for layer in layerscope.Extractor(exported).layers]
    assert [keys[0], keys[1], keys[3]] == ["embed", "shared", "answer"]
    assert keys[2].startswith("shared_")
    assert exported.count_params() == model.count_params()


def test_what_attends_to_what_is_known_as_attention(tmp_path):
    model, inputs = transformer()
    model.export(tmp_path / "model", verbose=False)

    exported = layerscope.extract(layerscope.load_model(tmp_path / "model"), inputs)

    scores = layerscope.extract(model, inputs, internals=True)["attention:attention_scores"]
    assert exported["attention"].layer.type_name == "MultiHeadAttention"
    assert exported["attention/Softmax"].axes == ("sample", "head", "query", "key")
    np.testing.assert_allclose(exported["attention/Softmax"].values, scores.values, rtol=1e-5, atol=1e-6)
    suited = [visualizer.name for visualizer in layerscope.get_registry().publish(exported["attention/Softmax"])]
    assert suited[0] == "attention-heads"
    layerscope.get_registry().chart("attention-heads", exported["attention/Softmax"])


def test_one_of_several_signatures_is_chosen(tmp_path):
    model, inputs = convolutional()
    features = keras.Model(model.inputs, model.get_layer("dense").output)
    archive = keras.export.ExportArchive()
    archive.track(model)
    signature = [tf.TensorSpec((None, 8, 8, 1), tf.float32, name="image")]
    archive.add_endpoint("classes", lambda image: model(image), input_signature=signature)
    archive.add_endpoint("features", lambda image: features(image), input_signature=signature)
    archive.write_out(tmp_path / "model", verbose=False)

    exported = layerscope.extract(layerscope.load_model(tmp_path / "model", member="features"), inputs)

    assert list(exported)[-1] == "dense"
    np.testing.assert_allclose(exported.output, features.predict(inputs, verbose=0), rtol=1e-5, atol=1e-6)


@pytest.fixture(autouse=True)
def _same_weights():
    keras.utils.set_random_seed(1)


def opened_with_export(make, folder):
    model, inputs = make()
    model.export(folder / "model", verbose=False)
    return [layerscope.Extractor(each) for each in (model, layerscope.load_model(folder / "model"))], inputs


@pytest.mark.parametrize("method", ["saliency", "integrated gradients"])
def test_an_answer_rests_on_what_it_rests_on_in_the_model(method, tmp_path):
    extractors, inputs = opened_with_export(convolutional, tmp_path)

    outside, inside = (attribute(each, inputs[:1], Target("answer", 1), method=method) for each in extractors)

    assert np.abs(outside[0].values).max() > 0
    np.testing.assert_allclose(inside[0].values, outside[0].values, rtol=1e-4, atol=1e-6)
    # Of a softmax the logit is explained, inside a graph too.
    assert inside[0].objective == pytest.approx(outside[0].objective, rel=1e-4)


def test_class_activation_maps_and_ablations_are_those_of_the_model(tmp_path):
    extractors, inputs = opened_with_export(convolutional, tmp_path)

    outside, inside = (class_activation_map(each, inputs[:1], Target("answer", 1), "conv") for each in extractors)
    assert np.abs(outside).max() > 0
    np.testing.assert_allclose(inside, outside, rtol=1e-4, atol=1e-6)

    clamped = [each.extract(inputs, clamp={"conv": {2: 0.0}}) for each in extractors]
    assert (clamped[1]["conv"].values[..., 2] == 0).all()
    np.testing.assert_allclose(clamped[1].output, clamped[0].output, rtol=1e-4, atol=1e-6)


def test_words_become_numbers_inside(tmp_path):
    vectorization = layers.TextVectorization(output_sequence_length=4, name="vectorize")
    vectorization.adapt(["a good film", "a bad film"])
    model = keras.Sequential(
        [keras.Input((), dtype="string", name="text"), vectorization, layers.Embedding(10, 3, name="embed")]
    )
    model.export(tmp_path / "model", verbose=False)
    texts = np.array(["good film", "bad a film"])

    exported = layerscope.extract(layerscope.load_model(tmp_path / "model"), texts)

    np.testing.assert_array_equal(exported["vectorize"].values, vectorization(texts))
    np.testing.assert_allclose(exported["embed"].values, model(texts))


def test_names_and_classes_that_keras_2_noted_are_used(tmp_path):
    class Doubled(old.Layer):
        def call(self, inputs):
            return tf.nn.tanh(inputs) * 2.0

    parts = [
        old.Input((7,), dtype="int32", name="words"),
        old.Embedding(20, 4, mask_zero=True, name="embed"),
        old.Bidirectional(old.LSTM(3, return_sequences=True, name="lstm"), name="both"),
        old.GRU(5, name="gru"),
        Doubled(name="doubled"),
        old.Dropout(0.3, name="drop"),
        old.Dense(3, activation="softmax", name="answer"),
    ]
    model = tf_keras.Sequential(parts)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(words(), np.arange(5) % 3, verbose=0)
    model.save(tmp_path / "model", save_format="tf")

    activations = layerscope.extract(layerscope.load_model(tmp_path / "model"), words())

    types = {key: activation.layer.type_name for key, activation in activations.items()}
    expected = {"embed": "Embedding", "both": "Bidirectional", "both/forward_lstm": "LSTM", "gru": "GRU"}
    assert expected | {"doubled": "Doubled", "drop": "Dropout", "answer": "Dense"} == {
        key: types.get(key) for key in (*expected, "doubled", "drop", "answer")
    }
    np.testing.assert_allclose(
        activations["gru"].values,
        tf_keras.Model(model.inputs, model.get_layer("gru").output)(words()),
        rtol=1e-5,
        atol=1e-6,
    )
    np.testing.assert_allclose(activations.output, model(words()), rtol=1e-5, atol=1e-6)


class Program(tf.Module):
    def __init__(self):
        super().__init__()
        self.weight = tf.Variable(np.arange(6.0, dtype=np.float32).reshape(3, 2), name="weight")
        self.calls = tf.Variable(0.0, name="calls")

    @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32, name="x")])
    def scoped(self, x):
        with tf.name_scope("first"):
            y = tf.nn.relu(x @ self.weight)
        with tf.name_scope("second"):
            y = self.inner(y)
        return {"y": y, "same": x, "fixed": tf.constant([1.0, 2.0])}

    @tf.function
    def inner(self, x):
        with tf.name_scope("product"):
            z = x @ tf.constant([[1.0, 2.0], [3.0, 4.0]])
        return z + tf.reduce_sum(x, axis=1, keepdims=True)

    @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32, name="x")])
    def counting(self, x):
        self.calls.assign_add(1.0)
        return {"y": x @ self.weight}

    @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32, name="x")])
    def counting_in_a_branch(self, x):
        tf.cond(tf.reduce_sum(x) > 0, lambda: self.calls.assign(2.0), lambda: self.calls.assign(3.0))
        return {"y": x @ self.weight * self.calls}

    @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32, name="x")])
    def changing_a_slice(self, x):
        self.weight[0:1].assign([[5.0, 5.0]])
        return {"y": x @ self.weight}


def test_a_program_of_tensorflow_is_shown_by_its_scopes_and_what_it_calls(tmp_path):
    program = Program()
    tf.saved_model.save(program, str(tmp_path / "model"), signatures=program.scoped)
    inputs = np.random.default_rng(0).random((4, 3)).astype("float32")

    activations = layerscope.extract(layerscope.load_model(tmp_path / "model"), inputs)

    first = np.maximum(inputs @ program.weight.numpy(), 0)
    product = first @ np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    np.testing.assert_allclose(activations["first"].values, first, rtol=1e-6)
    np.testing.assert_allclose(activations["second/product"].values, product, rtol=1e-6)
    np.testing.assert_array_equal(activations["second/product"].weights["kernel"], [[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_allclose(activations.output["y"], product + first.sum(axis=1, keepdims=True), rtol=1e-6)
    np.testing.assert_array_equal(activations.output["fixed"], [1.0, 2.0])


@pytest.mark.parametrize("name", ["counting", "counting_in_a_branch", "changing_a_slice"])
def test_a_program_that_changes_itself_is_one_layer_that_says_why(name, tmp_path):
    program = Program()
    function = getattr(program, name)
    tf.saved_model.save(program, str(tmp_path / "model"), signatures=function)

    activations = layerscope.extract(layerscope.load_model(tmp_path / "model"), np.ones((2, 3), "float32"))

    (layer,) = activations.layers
    assert dict(layer.settings)["inside"] == "not shown: it changes its variables while it answers"
    np.testing.assert_allclose(activations.output, function(tf.ones((2, 3)))["y"])


def test_what_a_layer_inside_raises_is_told(tmp_path):
    model, _ = recurrent()
    model.export(tmp_path / "model", verbose=False)

    with pytest.raises(ExtractionFailed, match=r"'embed' .* = 99 is not in \[0, 20\)"):
        layerscope.extract(layerscope.load_model(tmp_path / "model"), np.full((2, 7), 99, "int32"))


def test_loops_and_conditions_are_one_layer_each(tmp_path):
    class Refining(keras.Model):
        def __init__(self):
            super().__init__()
            self.step = layers.Dense(3, name="step")

        def call(self, x):
            x = tf.map_fn(lambda row: self.step(row[None])[0], x)
            _, x = tf.while_loop(lambda number, _: number < 3, lambda number, y: (number + 1, self.step(y)), (0, x))
            return tf.cond(tf.reduce_sum(x) > 0, lambda: x, lambda: -x)

    model = Refining()
    inputs = np.random.default_rng(0).random((4, 3)).astype("float32")
    answer = model(inputs)
    model.export(tmp_path / "model", verbose=False)

    activations = layerscope.extract(layerscope.load_model(tmp_path / "model"), inputs)

    np.testing.assert_allclose(activations.output, answer, rtol=1e-5)
    assert {"map", "while", "cond"} <= set(activations)
    np.testing.assert_allclose(activations["map"].values, model.step(inputs), rtol=1e-5)


def test_a_scope_that_is_left_and_entered_again_stands_there_twice(tmp_path):
    class Twice(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32, name="x")])
        def serve(self, x):
            with tf.name_scope("shared/"):
                a, b = tf.exp(x), tf.sin(x)
            c = tf.reduce_sum(a, axis=1, keepdims=True)
            with tf.name_scope("shared/"):
                return {"y": tf.cos(c * b), "z": tf.abs(c - b)}

    program = Twice()
    tf.saved_model.save(program, str(tmp_path / "model"), signatures=program.serve)
    inputs = np.random.default_rng(0).random((4, 3)).astype("float32")

    activations = layerscope.extract(layerscope.load_model(tmp_path / "model"), inputs)

    summed = np.exp(inputs).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(activations.output["y"], np.cos(summed * np.sin(inputs)), atol=1e-5)
    np.testing.assert_allclose(activations["Sum"].values, summed, rtol=1e-5)
    assert {layer.parent for layer in activations.layers if layer.depth} == {"shared", "shared_2"}


def test_what_runs_inside_of_a_layer_is_not_taken_for_its_activation(tmp_path):
    class Around(tf.Module):
        def __init__(self):
            super().__init__()
            self.weight, self.bias = tf.Variable(tf.eye(3)), tf.Variable([1.0, 2.0, 3.0])

        @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32, name="x")])
        def serve(self, x):
            with tf.name_scope("around/"):
                inner = x @ self.weight
            inner = tf.tanh(inner, name="squashed")
            with tf.name_scope("around/"):
                return {"y": inner + self.bias}

    program = Around()
    tf.saved_model.save(program, str(tmp_path / "model"), signatures=program.serve)

    activations = layerscope.extract(layerscope.load_model(tmp_path / "model"), np.ones((2, 3), "float32"))

    np.testing.assert_allclose(activations.output, np.tanh(1.0) + np.array([[1.0, 2.0, 3.0]] * 2), rtol=1e-6)
    assert {layer.key for layer in activations.layers if layer.activation_function} == {"squashed"}


class Products(tf.Module):
    def __init__(self):
        super().__init__()
        self.weight = tf.Variable(np.arange(9.0, dtype=np.float32).reshape(3, 3), name="weight")

    @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32, name="x")])
    def serve(self, x):
        with tf.name_scope("plain"):
            plain = tf.tanh(x @ self.weight)
        with tf.name_scope("residual"):
            residual = plain + 0.1 * tf.tanh(plain @ self.weight)
        with tf.name_scope("gated"):
            return {"y": tf.sigmoid(residual) * (plain @ self.weight)}


def test_only_what_answers_what_a_dense_layer_does_is_called_one(tmp_path):
    program = Products()
    tf.saved_model.save(program, str(tmp_path / "model"), signatures=program.serve)
    inputs = np.random.default_rng(0).random((4, 3)).astype("float32")

    activations = layerscope.extract(layerscope.load_model(tmp_path / "model"), inputs)

    types = {key: activation.layer.type_name for key, activation in activations.items()}
    assert (types["plain"], types["residual"], types["gated"]) == ("Dense", "Scope", "Scope")
    np.testing.assert_allclose(activations.output, program.serve(inputs)["y"], rtol=1e-5)


def test_axes_are_named_like_those_of_pictures_only_where_pictures_are(tmp_path):
    tokens = keras.Input((7, 8), name="x")
    attended = layers.GroupQueryAttention(4, 2, 1, name="grouped")(tokens, tokens)
    wide = layers.Reshape((7, 4, 2), name="grid")(attended)
    model = keras.Model(tokens, layers.Conv2D(3, 2, name="conv")(wide))
    model.export(tmp_path / "model", verbose=False)

    shown = layerscope.Extractor(layerscope.load_model(tmp_path / "model")).layers

    pictures = {layer.key for layer in shown if layer.axes == ("sample", "height", "width", "channel")}
    assert pictures == {"grid", "conv"}


def test_a_name_alone_makes_no_activation(tmp_path):
    parts = [
        layers.Dense(4, activation="gelu", name="first"),
        layers.Rescaling(2.0, 1.0, name="scale"),
        layers.Dense(3, name="softmax"),
    ]
    model = keras.Sequential([keras.Input((3,), name="x"), *parts], name="swish")
    model.export(tmp_path / "model", verbose=False)

    extractor = layerscope.Extractor(layerscope.load_model(tmp_path / "model"))

    functions = {layer.key: layer.activation_function for layer in extractor.layers}
    assert functions == {"first": "gelu", "scale": "", "softmax": ""}


def test_a_spread_is_no_normalization(tmp_path):
    class Spread(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32, name="x")])
        def serve(self, x):
            with tf.name_scope("spread"):
                spread = tf.math.reduce_std(x, axis=-1, keepdims=True)
            with tf.name_scope("scaled"):
                return {"y": x / tf.sqrt(tf.reduce_mean(tf.square(x), axis=-1, keepdims=True)), "spread": spread}

    program = Spread()
    tf.saved_model.save(program, str(tmp_path / "model"), signatures=program.serve)

    extractor = layerscope.Extractor(layerscope.load_model(tmp_path / "model"))

    types = {layer.key: layer.type_name for layer in extractor.layers}
    assert types["scaled"] == "RMSNormalization"
    assert types["spread"] == "Operations"


def test_a_kernel_that_is_turned_is_called_so(tmp_path):
    class Turned(tf.Module):
        def __init__(self):
            super().__init__()
            self.weight = tf.Variable(np.arange(9.0, dtype=np.float32).reshape(3, 3), name="kernel")

        @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32, name="x")])
        def serve(self, x):
            with tf.name_scope("one"):
                y = tf.tanh(tf.matmul(x, self.weight, transpose_b=True))
            with tf.name_scope("two"):
                return {"y": tf.nn.relu(tf.matmul(y, tf.eye(3) * 2.0) + 1.0)}

    program = Turned()
    tf.saved_model.save(program, str(tmp_path / "model"), signatures=program.serve)

    activations = layerscope.extract(layerscope.load_model(tmp_path / "model"), np.ones((2, 3), "float32"))

    assert list(activations["one"].weights) == ["transposed_kernel"]
    # Who reads "kernel" takes a column for a unit.
    assert isinstance(weighing_matrix(activations["one"].layer, activations["one"].weights), str)
