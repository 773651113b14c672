"""Graphs that TensorFlow 1 froze: what is inside, and what is refused by the walls of SavedModels."""

import zipfile

import numpy as np
import pytest
import tensorflow as tf

import layerscope
from core.errors import ModelRefused
from core.models.graph_model import flat_graph

tf1 = tf.compat.v1


def pictures():
    return np.random.default_rng(0).random((3, 8, 8, 1)).astype("float32")


def frozen(path, after=lambda answer: answer):
    """Train nothing, freeze a small network as tutorials of TensorFlow 1 do, and return what it answers."""
    with tf1.Graph().as_default() as graph, tf1.Session() as session:
        tf1.set_random_seed(1)
        x = tf1.placeholder(tf.float32, (None, 8, 8, 1), name="image")
        with tf1.variable_scope("conv1"):
            kernel, bias = tf1.get_variable("weights", (3, 3, 1, 4)), tf1.get_variable("biases", (4,))
            y = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "SAME"), bias))
        y = tf.reshape(tf.nn.max_pool2d(y, 2, 2, "VALID", name="pool1"), (-1, 64), name="flat")
        with tf1.variable_scope("fc"):
            y = tf.matmul(y, tf1.get_variable("weights", (64, 3))) + tf1.get_variable("biases", (3,))
        y = tf.nn.softmax(after(y), name="probs")
        session.run(tf1.global_variables_initializer())
        definition = tf1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), [y.op.name])
        path.write_bytes(definition.SerializeToString())
        inner = session.run([graph.get_tensor_by_name("conv1/Relu:0"), y, kernel], {x: pictures()})
    return dict(zip(("conv1", "answer", "kernel"), inner, strict=True))


def test_the_layers_of_a_frozen_graph_have_the_values_of_a_session(tmp_path):
    expected = frozen(tmp_path / "model.pb")

    activations = layerscope.extract(layerscope.load_model(tmp_path / "model.pb"), pictures())

    types = {key: activation.layer.type_name for key, activation in activations.items()}
    assert types == {"conv1": "Conv2D", "pool1": "MaxPooling2D", "flat": "Flatten", "fc": "Dense", "probs": "Softmax"}
    np.testing.assert_allclose(activations["conv1"].values, expected["conv1"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(activations.output, expected["answer"], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(activations["conv1"].weights["kernel"], expected["kernel"])
    assert activations["fc"].weights["kernel"].shape == (64, 3)
    assert activations["probs"].layer.has_logits


def test_a_frozen_graph_opens_in_an_archive(tmp_path):
    expected = frozen(tmp_path / "model.pb")
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        archive.write(tmp_path / "model.pb", "exported/model.pb")

    activations = layerscope.extract(layerscope.load_model(tmp_path / "model.zip"), pictures())

    np.testing.assert_allclose(activations.output, expected["answer"], rtol=1e-5, atol=1e-6)


def test_a_graph_that_reads_a_file_is_refused(tmp_path):
    def reading(answer):
        return answer + tf.cast(tf.strings.length(tf.io.read_file("/etc/hostname")), tf.float32)

    frozen(tmp_path / "model.pb", reading)

    with pytest.raises(ModelRefused, match="its operation ReadFile"):
        layerscope.load_model(tmp_path / "model.pb")


def test_a_loop_of_tensorflow_1_is_refused_with_a_way_on(tmp_path):
    def looped(answer):
        tf1.disable_control_flow_v2()
        try:
            return tf1.while_loop(lambda number, _: number < 3, lambda number, y: (number + 1, y * 2.0), (0, answer))[1]
        finally:
            tf1.enable_control_flow_v2()

    frozen(tmp_path / "model.pb", looped)

    with pytest.raises(ModelRefused, match="loop in the form that TensorFlow 1 wrote") as refusal:
        layerscope.load_model(tmp_path / "model.pb")
    assert "SavedModel" in refusal.value.remedy


def in_the_form_of_tensorflow_1(make):
    tf1.disable_control_flow_v2()
    try:
        return make()
    finally:
        tf1.enable_control_flow_v2()


def test_a_condition_of_tensorflow_1_answers_what_a_session_does(tmp_path):
    def conditional(answer):
        is_large = tf.reduce_sum(answer) > 1e6
        return in_the_form_of_tensorflow_1(lambda: tf1.cond(is_large, lambda: answer * 7.0, lambda: tf.tanh(answer)))

    expected = frozen(tmp_path / "model.pb", conditional)

    activations = layerscope.extract(layerscope.load_model(tmp_path / "model.pb"), pictures())

    np.testing.assert_allclose(activations.output, expected["answer"], rtol=1e-5, atol=1e-6)


def test_a_condition_of_tensorflow_1_between_constants_is_refused(tmp_path):
    def conditional(answer):
        is_large = tf.reduce_sum(answer) > -1e6
        return answer * in_the_form_of_tensorflow_1(
            lambda: tf1.cond(is_large, lambda: tf.constant(7.0), lambda: tf.constant(2.0))
        )

    frozen(tmp_path / "model.pb", conditional)

    with pytest.raises(ModelRefused, match="condition in the form that TensorFlow 1 wrote"):
        layerscope.load_model(tmp_path / "model.pb")


def add(nodes, name, op, *inputs, function=""):
    node = nodes.add(name=name, op=op, input=inputs)
    if function:
        node.attr["f"].func.name = function
        node.attr["Tin"].list.type.append(1)
        node.attr["Tout"].list.type.append(1)
    else:
        node.attr["dtype" if op == "Placeholder" else "T"].type = 1
    if op == "Placeholder":
        node.attr["shape"].shape.CopyFrom(tf.TensorShape((None, 3)).as_proto())


def with_calls(depth, calls, is_empty=False):
    """Return a graph that calls a function, which calls another one, and so on, each so many times."""
    graph = tf1.GraphDef(versions={"producer": tf.version.GRAPH_DEF_VERSION})
    for level in range(depth + 1):
        function = graph.library.function.add()
        function.signature.name = f"level_{level}"
        function.signature.input_arg.add(name="argument", type=1)
        function.signature.output_arg.add(name="result", type=1)
        source = "argument"
        for number in range(calls if level else 1):
            if level:
                add(function.node_def, f"call_{number}", "PartitionedCall", source, function=f"level_{level - 1}")
                source = f"call_{number}:output:0"
            elif not is_empty:
                add(function.node_def, "other", "Tanh", source)
                source = "other:y:0"
        function.ret["result"] = source
    add(graph.node, "image", "Placeholder")
    add(graph.node, "PartitionedCall", "PartitionedCall", "image", function=f"level_{depth}")
    # Bears the name of an operation that is called before.
    add(graph.node, "other", "Placeholder")
    add(graph.node, "answer", "Sub", "PartitionedCall", "other")
    return graph


def test_functions_that_call_others_stand_where_they_are_called(tmp_path):
    (tmp_path / "model.pb").write_bytes(with_calls(2, 2).SerializeToString())
    image, other = np.random.default_rng(0).random((2, 4, 3)).astype("float32")

    activations = layerscope.extract(layerscope.load_model(tmp_path / "model.pb"), {"image": image, "other": other})

    np.testing.assert_allclose(activations.output, np.tanh(np.tanh(np.tanh(np.tanh(image)))) - other, rtol=1e-5)


def test_an_input_may_bear_the_name_of_a_layer(tmp_path):
    graph = tf1.GraphDef(versions={"producer": tf.version.GRAPH_DEF_VERSION})
    add(graph.node, "input/image", "Placeholder")
    add(graph.node, "image", "Tanh", "input/image")
    add(graph.node, "answer", "Neg", "image")
    (tmp_path / "model.pb").write_bytes(graph.SerializeToString())

    activations = layerscope.extract(layerscope.load_model(tmp_path / "model.pb"), np.ones((2, 3), "float32"))

    assert list(activations) == ["image_2", "answer"]


def test_a_thousand_layers_stand_one_behind_the_other(tmp_path):
    graph = tf1.GraphDef(versions={"producer": tf.version.GRAPH_DEF_VERSION})
    add(graph.node, "image", "Placeholder")
    for number in range(1200):
        add(graph.node, f"step_{number}", "Neg", f"step_{number - 1}" if number else "image")
    (tmp_path / "model.pb").write_bytes(graph.SerializeToString())

    model = layerscope.load_model(tmp_path / "model.pb")

    assert len(model.layers) == 1201


def test_calls_that_multiply_are_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(flat_graph, "MAX_OPERATIONS", 500)
    (tmp_path / "model.pb").write_bytes(with_calls(12, 2, is_empty=True).SerializeToString())

    with pytest.raises(ModelRefused, match="more than 500 operations"):
        layerscope.load_model(tmp_path / "model.pb")


@pytest.mark.parametrize("cut", [1, 40, 2000])
def test_a_damaged_graph_is_refused_in_a_sentence(cut, tmp_path):
    frozen(tmp_path / "model.pb")
    content = (tmp_path / "model.pb").read_bytes()
    (tmp_path / "model.pb").write_bytes(content[:-cut])

    with pytest.raises(ModelRefused, match=r"model\.pb"):
        layerscope.load_model(tmp_path / "model.pb")


def test_whatever_comes_out_is_answered_and_a_setting_is_no_input(tmp_path):
    with tf1.Graph().as_default() as graph:
        x = tf1.placeholder(tf.float32, name="x")
        tf.math.top_k(tf.matmul(x, tf.constant(np.eye(4, dtype=np.float32))), 2, name="best")
        (tmp_path / "model.pb").write_bytes(graph.as_graph_def().SerializeToString())
        tf.multiply(x, tf1.placeholder(tf.float32, (), name="keep"), name="kept")
        (tmp_path / "setting.pb").write_bytes(graph.as_graph_def().SerializeToString())
    inputs = np.array([[3.0, 1.0, 2.0, 0.0]], np.float32)

    output = layerscope.extract(layerscope.load_model(tmp_path / "model.pb"), inputs).output

    np.testing.assert_array_equal(output["best"], [[3.0, 2.0]])
    np.testing.assert_array_equal(output["best_1"], [[0, 2]])
    with pytest.raises(ModelRefused, match="'keep' of the graph"):
        layerscope.load_model(tmp_path / "setting.pb")
