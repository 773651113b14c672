"""How a model takes its inputs: names, signatures, and tensors of a graph among them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.errors import InputRejected
from core.inputs import structure


def two_inputs(of):
    """Return a model whose inputs are in a structure of some kind."""
    inputs = {"b": keras.Input((3,), name="b"), "a": keras.Input((2,), name="a", dtype="int32")}
    return keras.Model(of(inputs), keras.layers.Dense(1)(inputs["b"]))


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (dict, {"a": (None, 2), "b": (None, 3)}),
        (lambda inputs: list(inputs.values()), [(None, 3), (None, 2)]),
    ],
    ids=["dict", "list"],
)
def test_tensors_of_a_graph_are_put_where_arrays_are(of, expected):
    model = two_inputs(of)
    shapes = []

    @tf.function(input_signature=[tf.TensorSpec((None, 2), tf.int32), tf.TensorSpec((None, 3))], autograph=False)
    def run(a, b):
        arranged = structure.arrange(model, {"a": a, "b": b})
        shapes.append(keras.tree.map_structure(lambda tensor: tuple(tensor.shape), arranged))
        return arranged

    arrays = {"a": np.ones((4, 2), np.int32), "b": np.ones((4, 3), np.float32)}
    keras.tree.map_structure(
        np.testing.assert_array_equal, run(arrays["a"], arrays["b"]), structure.arrange(model, arrays)
    )
    assert shapes == [expected]


def test_what_is_told_by_name_is_put_in_the_structure_and_what_is_not_stays():
    model = two_inputs(dict)
    array = np.ones((1, 2))

    assert structure.in_structure(model, array) is array
    with pytest.raises(InputRejected, match="The model takes"):
        structure.in_structure(model, {"a": array})


def test_a_signature_by_what_a_model_declares():
    signature = structure.declared_signature(two_inputs(dict))

    assert signature == {"a": tf.TensorSpec((None, 2), tf.int32), "b": tf.TensorSpec((None, 3), tf.float32)}
    assert structure.declared_signature(keras.Sequential([keras.layers.Dense(1)])) is None


def test_inputs_without_names_are_counted_and_those_of_a_dict_sorted():
    assert structure.part_names([1, 2]) == ["input_0", "input_1"]
    assert structure.part_names({"b": 1, "a": 2}) == ["a", "b"]


def test_names_and_copies_of_what_is_there():
    model = keras.Sequential([keras.layers.Dense(1)])
    inputs = {"b": np.array([[1], [2]]), "a": None}

    assert list(structure.named_tensors(model, inputs)) == ["b"]
    repeated = structure.repeated(inputs, 2)
    np.testing.assert_array_equal(repeated["b"], [[1], [1], [2], [2]])
    assert repeated["a"] is None
