"""Models whose layers are met on very many paths: a shortcut doubles them with every block."""

import gc
import threading
import time
import weakref

import keras
import numpy as np
import pytest

from core.extraction.extractor import Extractor, extract
from core.plugins.registry import get_registry


@pytest.fixture(scope="module")
def shortcuts():
    """64 blocks: 2^64 paths from the last layer to the input."""
    given = x = keras.Input((4,))
    for _ in range(64):
        x = keras.layers.Add()([x, keras.layers.Dense(4)(x)])
    return extract(keras.Model(given, x), np.random.default_rng(0).random((3, 4)).astype(np.float32))


def last(activations):
    return list(activations.values())[-1]


def depth_of(activation):
    depth = 0
    while activation.inputs:
        activation, depth = activation.inputs[0], depth + 1
    return depth, activation


def within(seconds, work):
    started = time.perf_counter()
    result = work()
    assert time.perf_counter() - started < seconds
    return result


def test_one_sample_of_the_last_layer_costs_nothing(shortcuts):
    sample = within(0.5, lambda: last(shortcuts).sample(1))

    assert sample.axes == ("unit",)
    np.testing.assert_array_equal(sample.values, last(shortcuts).values[1])


def test_what_went_in_is_of_the_same_sample_down_to_the_input(shortcuts):
    depth, first = within(1, lambda: depth_of(last(shortcuts).sample(2)))

    assert depth == 64
    np.testing.assert_array_equal(first.values, depth_of(last(shortcuts))[1].values[2])


def test_a_layer_that_is_met_on_two_paths_is_one_object(shortcuts):
    for derived in (last(shortcuts).sample(0), last(shortcuts).mapped(lambda values: values + 1)):
        shortcut, dense = derived.inputs

        assert dense.inputs[0] is shortcut
        assert derived.inputs[0] is shortcut


def test_other_values_go_on_through_what_went_in(shortcuts):
    changed = within(0.5, lambda: last(shortcuts).mapped(lambda values: values * 0))

    assert not changed.inputs[1].inputs[0].inputs[0].values.any()


def test_threads_that_read_at_once_get_the_same_objects(shortcuts):
    for _ in range(20):
        sample, found, ready = last(shortcuts).sample(0), [], threading.Barrier(8)

        def read(sample=sample, found=found, ready=ready):
            ready.wait()
            found.append((sample.inputs[0], sample.inputs[1].inputs[0]))

        threads = [threading.Thread(target=read) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({id(each) for pair in found for each in pair}) == 1


def test_a_sample_is_gone_as_soon_as_nobody_looks_at_it(shortcuts):
    gc.disable()
    try:
        sample = last(shortcuts).sample(0)
        seen = [weakref.ref(each) for each in (sample, *sample.inputs, *sample.inputs[1].inputs)]
        del sample
        assert [each() for each in seen] == [None] * len(seen)
    finally:
        gc.enable()


@pytest.mark.parametrize(("name", "every"), [("ResNet50", 1), ("DenseNet121", 7)])
def test_layers_are_drawn_with_the_picture_that_suits_them_best(name, every):
    """The later a layer, the more ways lead to it: the last ones are always among them."""
    model = getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3))
    extractor, registry = Extractor(model), get_registry()
    inputs = np.random.default_rng(0).random((1, 64, 64, 3)).astype(np.float32)

    for activation in list(extractor.extract(inputs).values())[::-every]:
        best = registry.publish(activation)[0]
        assert registry.draw(best.name, activation, extractor=extractor).pictures, activation
