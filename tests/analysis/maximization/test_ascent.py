"""Inputs that are found: where the best one is known it is found, and of a class it looks like one."""

from dataclasses import replace

import keras
import numpy as np
import pytest

import core
from core.analysis.attribution.targets import Target
from core.analysis.maximization.ascent import Ascent, AscentSettings, entry_for
from core.analysis.maximization.domain import domain_of
from core.analysis.maximization.parameters import distance_from, inputs_at, parameters_of
from tests.support.small_models import Chain

STILL = {"jitter": 0.0, "zoom": 0.0, "rotation": 0.0}
random = np.random.default_rng(0)


def search(extractor, target, samples, steps=256, units=None, **settings):
    first = core.input_specs(extractor.model)
    domain = domain_of(samples, first[0] if first else None)
    name = first[0].name if first else "input_0"
    given = {name: samples[:1]}
    entry = entry_for(extractor, given, target)
    found = Ascent(extractor, target, entry, domain, given, AscentSettings(**settings), units)
    found.advance(steps)
    return found


def cosine(first, second):
    first, second = first.reshape(-1), second.reshape(-1)
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


@pytest.fixture(scope="module")
def digits():
    example = core.get_example("digits-cnn")
    arrays, labels = example.samples()
    return core.Extractor(core.load_model(example.model_path)), arrays["image"], labels


def test_of_each_class_a_digit_is_found_that_is_taken_for_it_and_looks_like_it(digits):
    extractor, images, labels = digits
    found = search(extractor, Target("probabilities", 0), images, units=np.arange(10))

    assert np.diag(found.answers()).min() > 0.9
    rows, samples = found.inputs.reshape(10, -1), images.reshape(len(images), -1)
    for number, row in enumerate(rows):
        nearest = np.argsort([-np.corrcoef(row, sample)[0, 1] for sample in samples])[:5]
        assert np.bincount(labels[nearest]).argmax() == number
    assert found.inputs.min() >= images.min()
    assert found.inputs.max() <= images.max()


def planted_vector():
    model = keras.Sequential([keras.Input((20,), name="x"), keras.layers.Dense(3, activation="relu", name="planted")])
    best = random.normal(size=(20, 3)).astype(np.float32)
    model.get_layer("planted").set_weights([best, np.zeros(3)])
    return model, best.T, random.normal(size=(300, 20)).astype(np.float32), {}


def planted_image():
    model = keras.Sequential([keras.Input((12, 12, 1), name="x"), keras.layers.Conv2D(2, 12, name="planted")])
    cross = np.zeros((12, 12, 1), np.float32)
    cross[2:10, 5:7] = cross[5:7, 2:10] = 1
    best = np.stack([cross - cross.mean(), cross.mean() - cross])
    model.get_layer("planted").set_weights([np.moveaxis(best, 0, -1), np.zeros(2)])
    return model, best, random.uniform(size=(100, 12, 12, 1)).astype(np.float32), STILL


def planted_sequence():
    model = keras.Sequential([keras.Input((30, 3), name="x"), keras.layers.Conv1D(2, 30, name="planted")])
    time = np.arange(30)
    best = np.stack([np.outer(np.sin(time / 3), [1, 0, -1]), np.outer(np.cos(time / 5), [0, 1, 0.5])]).astype("f")
    model.get_layer("planted").set_weights([np.moveaxis(best, 0, -1), np.zeros(2)])
    return model, best, random.normal(size=(100, 30, 3)).astype(np.float32), {}


@pytest.mark.parametrize("planted", [planted_vector, planted_image, planted_sequence])
def test_the_best_input_is_found_where_it_is_known(planted):
    model, best, samples, settings = planted()
    found = search(core.Extractor(model), Target("planted", 0), samples, units=np.arange(len(best)), **settings)
    for given, wanted in zip(found.inputs, best, strict=True):
        middle = given.mean() if given.ndim == 3 else 0.0
        assert cosine(given - middle, wanted) > 0.95


def test_how_small_the_answers_are_does_not_matter():
    model, best, samples, _ = planted_vector()
    model.get_layer("planted").set_weights([1e-20 * best.T, np.zeros(3)])
    found = search(core.Extractor(model), Target("planted", 0), samples, units=np.arange(3))

    assert min(cosine(given, wanted) for given, wanted in zip(found.inputs, best, strict=True)) > 0.95


def test_an_image_for_a_model_that_takes_the_channels_first():
    given = keras.Input((3, 8, 8), name="x")
    model = keras.Model(given, keras.layers.Dense(1, name="answer")(keras.layers.Flatten()(given)))
    samples = random.uniform(size=(50, 3, 8, 8)).astype(np.float32)
    found = search(core.Extractor(model), Target("answer", 0), samples, **STILL)
    kernel = np.asarray(model.get_layer("answer").kernel).reshape(3, 8, 8)

    assert found.inputs.shape == (1, 3, 8, 8)
    assert found.objective()[0] > max(float((sample * kernel).sum()) for sample in samples)


def test_a_relu_that_answers_nothing_at_first_is_driven_all_the_same():
    model = keras.Sequential([keras.Input((8,), name="x"), keras.layers.Dense(2, activation="relu", name="shy")])
    model.get_layer("shy").set_weights([random.normal(size=(8, 2)), np.full(2, -2.0)])
    found = search(core.Extractor(model), Target("shy", 1), random.normal(size=(200, 8)).astype(np.float32))

    assert found.history[0] == 0
    assert found.objective()[0] > 1


def test_a_model_that_cannot_be_compiled():
    keras.utils.set_random_seed(0)
    model = Chain(keras.layers.Dense(4, name="answer"), decides=True)
    samples = random.normal(size=(50, 6)).astype(np.float32)
    model(samples)
    found = search(core.Extractor(model), Target("answer", 1), samples, steps=40)

    assert found.steps == 40
    assert found.history[-1] > found.history[0] + 1


def test_it_goes_on_where_it_stopped_and_a_seed_says_where_to(digits):
    extractor, images, _ = digits
    target = Target("conv_2", 3)
    once = search(extractor, target, images, steps=24, starts=2)
    again = search(extractor, target, images, steps=9, starts=2)
    again.advance(15)
    other = search(extractor, target, images, steps=24, starts=2, seed=5)

    np.testing.assert_allclose(again.inputs, once.inputs, atol=1e-5)
    np.testing.assert_allclose(again.history, once.history, atol=1e-5)
    assert np.abs(other.inputs - once.inputs).max() > 0.01


def test_several_starts_can_be_kept_unlike_each_other(digits):
    extractor, images, _ = digits

    def likeness(diversity):
        rows = search(extractor, Target("dense", 17), images, starts=3, diversity=diversity).inputs.reshape(3, -1)
        return np.corrcoef(rows)[np.triu_indices(3, 1)].mean()

    assert likeness(1.0) < likeness(0.0) - 0.1


def test_smoothness_and_decay_do_what_they_say(digits):
    extractor, images, _ = digits
    target = Target("probabilities", 4)
    weights = [(0.0, 0.0), (0.8, 0.0), (0.0, 1.5)]
    plain, smooth, plainer = (
        search(extractor, target, images, smoothness=smoothness, decay=decay).inputs[0, ..., 0]
        for smoothness, decay in weights
    )

    assert np.abs(np.diff(smooth)).mean() < 0.7 * np.abs(np.diff(plain)).mean()
    assert plainer.mean() < 0.7 * plain.mean()


def test_a_whole_layer_is_driven_from_a_sample(digits):
    extractor, images, _ = digits
    settings = {"from_sample": True, "decay": 0.0, **STILL}
    begun = search(extractor, Target("conv_2"), images, steps=0, **settings)
    found = search(extractor, Target("conv_2"), images, steps=64, **settings)

    assert np.abs(begun.inputs[0] - images[0]).mean() < 0.05
    assert found.objective()[0] > 1.5 * begun.objective()[0]


@pytest.mark.parametrize("by_frequency", [True, False])
@pytest.mark.parametrize("shape", [(9, 8, 3), (8, 9, 1), (11, 4), (7,)])
def test_a_sample_has_parameters_that_give_it_back(shape, by_frequency):
    samples = random.uniform(0.1, 0.9, size=(40, *shape)).astype(np.float32)
    samples[:2] = np.stack([np.zeros(shape), np.ones(shape)])
    domain, coloured = domain_of(samples), shape[-1] == 3
    made = parameters_of(samples[5], domain, by_frequency=by_frequency, is_coloured=coloured)
    back = inputs_at(distance_from(made, domain, by_frequency=by_frequency, is_coloured=coloured), domain)

    np.testing.assert_allclose(np.asarray(back)[0], samples[5], atol=1e-3)


def test_a_feature_that_never_changes_is_left_alone():
    samples = random.normal(size=(100, 4)).astype(np.float32)
    samples[:, 2] = 7
    model = keras.Sequential([keras.Input((4,), name="x"), keras.layers.Dense(1, name="answer")])
    found = search(core.Extractor(model), Target("answer", 0), samples)

    assert found.inputs[0, 2] == pytest.approx(7)


def test_of_one_sample_the_reach_is_a_guess():
    alone = domain_of(np.ones((1, 5), np.float32))
    assert alone.radius > 0
    assert (alone.high > alone.low).all()
    assert replace(alone, radius=1.0).kind == "vector"


def test_in_a_sound_of_thousands_of_steps_a_tone_is_found_that_answers_more_than_any_sample():
    steps = np.arange(2000)
    frequencies = random.uniform(0.02, 0.2, size=(24, 1))
    # A quiet sound: how far a search goes is told in its own deviations.
    sounds = (0.05 * np.sin(2 * np.pi * frequencies * steps))[..., None].astype(np.float32)
    model = keras.Sequential(
        [
            keras.Input((2000, 1), name="x"),
            keras.layers.Conv1D(2, 16, strides=4, activation="relu", name="filters"),
        ]
    )
    tone = np.cos(2 * np.pi * 0.11 * np.arange(16))
    model.get_layer("filters").set_weights([np.stack([tone, -tone], axis=-1)[:, None], np.full(2, -0.02)])
    extractor = core.Extractor(model)
    strongest = np.asarray(model(sounds))[..., 0].mean(axis=1).max()

    found = search(extractor, Target("filters", 0), sounds, steps=128)

    assert found.objective()[0] > strongest
    assert found.objective()[0] == pytest.approx(np.asarray(model(found.inputs))[0, :, 0].mean(), rel=1e-4)


@pytest.mark.parametrize("top", [1.0, 255.0])
def test_pixels_of_any_range_are_held_back_alike(top):
    model = keras.Sequential(
        [keras.Input((12, 12, 1), name="x"), keras.layers.Rescaling(1 / top), keras.layers.Conv2D(1, 5, name="edge")]
    )
    kernel = np.ones((5, 5, 1, 1), np.float32)
    kernel[:, :2] = -1
    model.get_layer("edge").set_weights([kernel, np.zeros(1)])
    images = np.random.default_rng(1).uniform(size=(60, 12, 12, 1)).astype(np.float32)
    found = search(core.Extractor(model), Target("edge", 0), images * top, steps=64, **STILL)
    alone = keras.Sequential([keras.Input((12, 12, 1), name="x"), keras.layers.Conv2D(1, 5, name="edge")])
    alone.get_layer("edge").set_weights([kernel, np.zeros(1)])
    expected = search(core.Extractor(alone), Target("edge", 0), images, steps=64, **STILL)

    np.testing.assert_allclose(found.inputs / top, expected.inputs, atol=0.02)


def test_a_silent_relu_under_time_distributed_and_behind_a_pooling_is_left():
    model = keras.Sequential(
        [
            keras.Input((3, 6, 6, 1), name="film"),
            keras.layers.TimeDistributed(keras.layers.Conv2D(2, 3, activation="relu"), name="frames"),
            keras.layers.TimeDistributed(keras.layers.GlobalAveragePooling2D(), name="means"),
        ]
    )
    kernel = np.full((3, 3, 1, 2), 0.1, np.float32)
    model.get_layer("frames").set_weights([kernel, np.full(2, -1.0)])  # silent around the mean
    films = np.random.default_rng(2).uniform(size=(40, 3, 6, 6, 1)).astype(np.float32)
    films[0] = 2.0
    extractor = core.Extractor(model)
    for layer in ("frames", "means"):
        found = search(extractor, Target(layer, 0), films, steps=64)
        pooled = np.asarray(model(found.inputs))[0, :, 0].mean()
        assert pooled > 0
        assert found.objective()[0] == pytest.approx(pooled, rel=1e-4)


def test_of_several_inputs_the_one_that_is_named_is_searched():
    first, second = keras.Input((1,), name="rooms"), keras.Input((1,), name="area")
    model = keras.Model(
        [first, second], keras.layers.Dense(1, name="price")(keras.layers.Concatenate()([first, second]))
    )
    model.get_layer("price").set_weights([np.array([[1.0], [-2.0]]), np.zeros(1)])
    extractor, given = core.Extractor(model), {"rooms": np.ones((1, 1), "f"), "area": np.ones((1, 1), "f")}

    assert entry_for(extractor, given, Target("price", 0)) == "rooms"
    assert entry_for(extractor, given, Target("price", 0), "area") == "area"
    with pytest.raises(core.InputRejected, match="no input 'age'"):
        entry_for(extractor, given, Target("price", 0), "age")
