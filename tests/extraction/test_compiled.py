"""A pass is compiled for any number of samples, else for exactly so many, else run eagerly."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.errors import ExtractionFailed, InputRejected
from core.extraction.compiled import CompiledPass, compile_function
from core.inputs import structure

MODEL = keras.Sequential([keras.Input((2,), name="x"), keras.layers.Dense(1)], name="model")
TENSORS = tf.ones((3, 2))


def compiled_pass(forward):
    """Return a pass, and what it compiled so far by the extent of the sample axis."""
    kept = {}

    def cached(signature, compile_now):
        count = signature.shape[0]
        if count not in kept:
            kept[count] = compile_now()
        return kept[count]

    return CompiledPass(MODEL, forward, cached), kept


def test_a_graph_for_any_number_of_samples_comes_first():
    calls = []

    def forward(inputs, factor):
        calls.append((inputs.shape[0], tf.executing_eagerly()))
        return inputs * factor, "doubled"

    twice, kept = compiled_pass(forward)
    for count in (3, 5):
        outputs, description = twice.run(tf.ones((count, 2)), tf.constant(2.0))
        np.testing.assert_array_equal(outputs, np.full((count, 2), 2))
        assert description == "doubled"
    assert calls == [(None, False)]
    assert list(kept) == [None]


def test_one_for_exactly_so_many_comes_next():
    def forward(inputs):
        return tf.ones(range(inputs.shape[0])), inputs.shape[0]

    exact, kept = compiled_pass(forward)
    _, description = exact.run(TENSORS)

    assert description == 3
    assert [count for count, compiled in kept.items() if compiled] == [3]


def test_python_that_looks_at_values_is_run_eagerly_and_not_traced_again():
    calls = []

    def forward(inputs):
        calls.append(tf.executing_eagerly())
        return float(inputs[0, 0]), "eager"

    eager, kept = compiled_pass(forward)
    assert eager.run(TENSORS) == (1.0, "eager")
    assert eager.run(TENSORS) == (1.0, "eager")
    assert calls == [False, False, True, True]
    assert kept == {None: None, 3: None}


def test_what_fails_as_it_is_run_is_told_by_the_eager_pass():
    def forward(inputs):
        if tf.executing_eagerly():
            raise ExtractionFailed("the third layer", remedy="")
        return tf.linalg.inv(inputs[:2] * 0), None

    failing, kept = compiled_pass(forward)
    with pytest.raises(ExtractionFailed, match="the third layer"):
        failing.run(TENSORS)
    assert all(kept.values())


def test_no_other_pass_is_made_where_memory_is_short():
    def forward(inputs):
        assert not tf.executing_eagerly()

        def no_memory(values):
            raise MemoryError

        return tf.numpy_function(no_memory, [inputs], tf.float32), None

    large, kept = compiled_pass(forward)
    with pytest.raises(ExtractionFailed, match="needs more memory than there is"):
        large.run(TENSORS)
    assert list(kept) == [None]


def test_what_is_asked_for_in_vain_is_no_reason_to_run_it_eagerly():
    def forward(inputs):
        raise InputRejected("There is no such layer.", remedy="")

    vain, kept = compiled_pass(forward)
    with pytest.raises(InputRejected):
        vain.run(TENSORS)
    assert kept == {}


def test_inputs_that_are_left_out_are_left_out_of_the_graph():
    def forward(inputs):
        return inputs["first"] + (0 if inputs["second"] is None else 1), None

    given = {"first": TENSORS, "second": None}
    optional = CompiledPass(MODEL, forward, lambda signature, compile_now: compile_now())
    outputs, _ = optional.run(given)

    np.testing.assert_array_equal(outputs, np.ones((3, 2)))
    assert optional.compiled_for(structure.open_signature(given)) is not None


def test_a_function_is_compiled_with_what_is_said_of_its_outputs():
    compiled = compile_function(lambda x, y: (x + y, ("sum", x.shape)), [tf.TensorSpec([2]), tf.TensorSpec([])])

    np.testing.assert_array_equal(compiled.function(tf.ones(2), tf.constant(1.0)), [2, 2])
    assert compiled.description == ("sum", (2,))
