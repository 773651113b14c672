"""Several visitors at once: eight threads, each with its own and correct activations."""

import threading

import keras
import numpy as np
import pytest

from core.errors import ExtractionFailed
from core.extraction.extractor import Extractor, extract
from tests.support.small_models import Chain

layers, ops = keras.layers, keras.ops
VISITORS = 8
RANDOM = np.random.default_rng(9)
VECTORS = RANDOM.normal(size=(VISITORS, 3, 4)).astype(np.float32)
SERIES = RANDOM.normal(size=(VISITORS, 3, 5, 4)).astype(np.float32)
IMAGES = RANDOM.normal(size=(VISITORS, 2, 8, 8, 3)).astype(np.float32)


def together(work):
    """Run ``work(visitor)`` in eight threads that start at the same moment, and raise what any of them raised."""
    barrier, failures = threading.Barrier(VISITORS), []

    def visit(visitor):
        try:
            barrier.wait()
            work(visitor)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=visit, args=(visitor,)) for visitor in range(VISITORS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def same(one, other):
    np.testing.assert_allclose(one, other, atol=1e-5, rtol=1e-4)


def assert_equal(activations, expected):
    assert list(activations) == list(expected)
    for key, values in expected.items():
        same(activations[key].values, values)


def one_by_one(parts, x):
    """What each layer answers, by calling them in turn."""
    answers = {}
    for part in parts:
        answers[part.name] = x = np.asarray(part(x))
    return answers


def vectors(seed=0, **settings):
    parts = [
        layers.Dense(5 + seed, "relu", name="a"),
        layers.LayerNormalization(name="norm"),
        layers.Dense(2, name="b"),
    ]
    return Chain(*parts, **settings), VECTORS


def images(seed=0):
    parts = [layers.Conv2D(3 + seed, 3, name="conv"), layers.MaxPooling2D(name="pool"), layers.Flatten(name="flat")]
    return keras.Sequential([keras.Input((8, 8, 3)), *parts]), IMAGES


def series(seed=0):
    lstm = layers.LSTM(2 + seed, return_sequences=True, name="lstm")
    return keras.Sequential([keras.Input((5, 4)), lstm, layers.GRU(2, name="gru"), layers.Dense(1, name="out")]), SERIES


def parts_of(model):
    return getattr(model, "parts", None) or model.layers


@pytest.mark.parametrize("build", [vectors, images, series, lambda: vectors(decides=True)])
@pytest.mark.parametrize("shared", [True, False], ids=["one extractor", "an extractor each"])
def test_the_same_model(build, shared):
    model, inputs = build()
    model(inputs[0])
    expected = [one_by_one(parts_of(model), inputs[visitor]) for visitor in range(VISITORS)]
    extractor = Extractor(model)

    def work(visitor):
        mine = extractor if shared else Extractor(model)
        for _ in range(3):
            assert_equal(mine.extract(inputs[visitor]), expected[visitor])

    together(work)


def test_a_model_that_nobody_has_built():
    model = Chain(layers.Dense(5, "relu", name="a"), layers.Dense(2, name="b"))
    extractor, seen = Extractor(model), {}

    def work(visitor):
        seen[visitor] = extractor.extract(VECTORS[visitor])

    together(work)
    assert len(model.variables) == 4
    for visitor, activations in seen.items():
        assert_equal(activations, one_by_one(model.chain, VECTORS[visitor]))


def test_a_model_that_nobody_has_built_and_an_extractor_each():
    model = Chain(layers.Dense(5, "relu", name="a"), layers.Dense(2, name="b"))
    seen = {}

    def work(visitor):
        seen[visitor] = extract(model, VECTORS[visitor])

    together(work)
    assert len(model.variables) == 4
    for visitor, activations in seen.items():
        assert_equal(activations, one_by_one(model.chain, VECTORS[visitor]))


def test_different_models_of_different_kinds():
    builds = (vectors, images, series, lambda seed: vectors(seed, decides=True))
    models = [builds[visitor % 4](visitor) for visitor in range(VISITORS)]
    expected = []
    for visitor, (model, inputs) in enumerate(models):
        model(inputs[visitor])
        expected.append(one_by_one(parts_of(model), inputs[visitor]))

    def work(visitor):
        model, inputs = models[visitor]
        for _ in range(3):
            assert_equal(extract(model, inputs[visitor]), expected[visitor])

    together(work)


def test_models_that_share_a_layer():
    shared = layers.Dense(4, name="shared")
    models = [Chain(shared, layers.Dense(visitor + 1, name="own")) for visitor in range(VISITORS)]
    expected = [one_by_one(model.chain, VECTORS[visitor]) for visitor, model in enumerate(models)]

    together(lambda visitor: assert_equal(extract(models[visitor], VECTORS[visitor]), expected[visitor]))


def test_different_layers_training_and_batch_sizes_of_one_extractor():
    parts = [layers.Dense(5, name="a"), layers.Dropout(0.5, name="drop"), layers.Dense(2, name="b")]
    model = Chain(*parts)
    model(VECTORS[0])
    extractor = Extractor(model)

    def work(visitor):
        count, training = 1 + visitor % 3, visitor % 2 == 0
        inputs, chosen = VECTORS[visitor][:count], ["drop", "b"] if visitor < 4 else ["a", "drop"]
        for _ in range(3):
            activations = extractor.extract(inputs, layers=chosen, training=training)
            assert list(activations) == chosen
            dense = np.asarray(parts[0](inputs))
            dropped = activations["drop"].values
            assert dropped.shape == (count, 5)
            same(dropped, np.where(dropped == 0, 0, 2 * dense) if training else dense)

    together(work)


def test_one_that_fails_does_not_disturb_the_others():
    model, inputs = vectors()
    model(inputs[0])
    expected = [one_by_one(model.chain, inputs[visitor]) for visitor in range(VISITORS)]
    extractor = Extractor(model)

    def work(visitor):
        for _ in range(3):
            if visitor % 2:
                with pytest.raises(ExtractionFailed):
                    extractor.extract(inputs[visitor][:, :3])
            else:
                assert_equal(extractor.extract(inputs[visitor]), expected[visitor])

    together(work)


def test_others_that_only_predict_are_not_recorded():
    model, inputs = images()
    expected = [one_by_one(model.layers, inputs[visitor]) for visitor in range(VISITORS)]

    def work(visitor):
        for _ in range(3):
            if visitor % 2:
                same(model(inputs[visitor]), expected[visitor]["flat"])
            else:
                assert_equal(extract(model, inputs[visitor]), expected[visitor])

    together(work)


def test_stateful_and_random_layers_keep_their_states():
    parts = [layers.LSTM(2, stateful=True, name="lstm"), layers.Dropout(0.5, seed=1, name="drop")]
    model = keras.Sequential([keras.Input((5, 4), batch_size=3), *parts])
    model(SERIES[0])
    before = [variable.numpy().copy() for variable in model.variables]
    alone = [extract(model, SERIES[visitor])["lstm"].values.copy() for visitor in range(VISITORS)]
    extractor = Extractor(model)

    def work(visitor):
        for training in (True, False):
            same(extractor.extract(SERIES[visitor], training=training)["lstm"].values, alone[visitor])

    together(work)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value, err_msg=variable.path)


def test_internals_of_one_extractor():
    model, inputs = series()
    extractor = Extractor(model)
    over_time = [np.asarray(model.layers[0](inputs[visitor])) for visitor in range(VISITORS)]

    def work(visitor):
        activations = extractor.extract(inputs[visitor], internals=True)
        same(activations["lstm"].values, over_time[visitor])
        same(activations["lstm:hidden_state"].values, over_time[visitor])

    together(work)
