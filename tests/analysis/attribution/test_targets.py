"""Targets that are more than a unit: against a GradientTape over a small segmentation and a small sequence model."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import core
from core.analysis.attribution import Target, attribute, importance_of_units, target_at, target_name
from core.analysis.attribution.gradient_pass import PassSpec, run_pass
from core.analysis.maximization.ascent import Ascent, AscentSettings
from core.analysis.maximization.domain import domain_of

random = np.random.default_rng(5)


@pytest.fixture(scope="module")
def segmentation():
    """A model whose softmax answers three classes at each of 6×5 pixels: the model, its logits, a sample."""
    keras.utils.set_random_seed(2)
    image = keras.Input((6, 5, 2), name="image")
    hidden = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="hidden")(image)
    logits = keras.layers.Conv2D(3, 1, name="logits")(hidden)
    model = keras.Model(image, keras.layers.Softmax(name="mask")(logits))
    return model, keras.Model(image, logits), random.normal(size=(1, 6, 5, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def steps():
    """A model whose softmax answers three classes at each step."""
    keras.utils.set_random_seed(3)
    series = keras.Input((7, 2), name="series")
    states = keras.layers.GRU(5, return_sequences=True, name="states")(series)
    logits = keras.layers.Dense(3, name="logits")(states)
    model = keras.Model(series, keras.layers.Softmax(name="steps")(logits))
    return model, keras.Model(series, logits), random.normal(size=(1, 7, 2)).astype(np.float32)


PIXELS = [
    (Target("mask", 1, region=((1, 4), (2, 5))), lambda y: tf.reduce_mean(y[0, 1:4, 2:5, 1])),
    (Target("mask", 1, place=(3, 2)), lambda y: y[0, 3, 2, 1]),
    (Target("mask", 2, sign=-1), lambda y: -tf.reduce_mean(y[0, :, :, 2])),
    (Target("mask", 2, versus=0), lambda y: tf.reduce_mean(y[0, :, :, 2] - y[0, :, :, 0])),
    (
        Target("mask", 0, region=((0, 2), (0, 5)), versus=1, sign=-1),
        lambda y: -tf.reduce_mean(y[0, 0:2, :, 0] - y[0, 0:2, :, 1]),
    ),
]
TIMES = [
    (Target("steps", 1, place=(4,)), lambda y: y[0, 4, 1]),
    (Target("steps", 0, region=((2, 6),), versus=2), lambda y: tf.reduce_mean(y[0, 2:6, 0] - y[0, 2:6, 2])),
]


@pytest.mark.parametrize(("kind", "target", "objective"), [("segmentation", *each) for each in PIXELS] + [
    ("steps", *each) for each in TIMES
])  # fmt: skip
def test_every_target_is_what_a_tape_derives(request, kind, target, objective):
    model, logits, x = request.getfixturevalue(kind)
    (found,) = attribute(core.Extractor(model), x, target, "gradient × input")
    given = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(given)
        amount = objective(logits(given))

    assert found.objective == pytest.approx(float(amount), abs=1e-5)
    np.testing.assert_allclose(found.values, (tape.gradient(amount, given) * given)[0], atol=1e-5)


def test_a_region_of_a_sequence_leaves_padding_out_and_a_step_of_padding_can_be_asked_for():
    model = keras.Sequential(
        [keras.Input((6, 2)), keras.layers.Masking(), keras.layers.LSTM(3, return_sequences=True, name="lstm")]
    )
    x = random.normal(size=(1, 6, 2)).astype(np.float32)
    x[:, 4:] = 0
    extractor, answer = core.Extractor(model), np.asarray(model(x))[0]

    def amount(**where):
        target = Target("lstm", 1, **where)
        return run_pass(extractor, x, PassSpec.of(target), target=target).objective[0]

    assert amount(region=((2, 6),)) == pytest.approx(answer[2:4, 1].mean(), abs=1e-6)
    assert amount(place=(5,)) == pytest.approx(answer[5, 1], abs=1e-6)


def test_a_region_of_other_axes_than_the_layer_has_is_refused(segmentation):
    model, _, x = segmentation
    with pytest.raises(core.InputRejected, match=r"positions on 1 axis, and its layer has 2.*suits the layer"):
        attribute(core.Extractor(model), x, Target("mask", 0, place=(3,)))


def test_a_unit_that_is_not_there_is_refused_in_words(segmentation):
    model, _, x = segmentation
    for target in (Target("mask", 3), Target("mask", 0, versus=7)):
        with pytest.raises(core.InputRejected, match=r"'mask' has no unit \d\. It has units 0 to 2\."):
            attribute(core.Extractor(model), x, target)


def test_units_are_needed_for_a_part_of_an_answer(segmentation):
    model, _, x = segmentation
    target = Target("mask", 1, region=((0, 3), (0, 2)), versus=2)
    falls = importance_of_units(core.Extractor(model), x, target, "hidden")
    hidden = np.asarray(model.get_layer("hidden")(x))
    last = model.get_layer("logits")

    def amount(values):
        answer = np.asarray(last(values))[0, 0:3, 0:2]
        return (answer[..., 1] - answer[..., 2]).mean()

    without = [amount(np.where(np.arange(4) == unit, 0, hidden).astype(np.float32)) for unit in range(4)]
    np.testing.assert_allclose(falls, amount(hidden) - np.array(without), atol=1e-5)


def test_a_search_drives_what_it_is_told_and_nothing_else():
    model = keras.Sequential([keras.Input((6, 1), name="x"), keras.layers.Conv1D(2, 1, name="answer")])
    model.get_layer("answer").set_weights([np.array([[[1.0, -1.0]]]), np.zeros(2)])
    samples = random.normal(size=(8, 6, 1)).astype(np.float32)
    settings = AscentSettings(smoothness=0.0, decay=0.0, by_frequency=False)

    def search(target):
        ascent = Ascent(core.Extractor(model), target, "x", domain_of(samples), {"x": samples[:1]}, settings)
        ascent.advance(80)
        return ascent.inputs[0, :, 0], ascent.objective()[0]

    apart, difference = search(Target("answer", 0, region=((2, 4),), versus=1))
    against, turned = search(Target("answer", 0, place=(1,), sign=-1))
    assert difference == pytest.approx(2 * apart[2:4].mean(), abs=1e-4)
    assert difference > 0
    assert turned == pytest.approx(-against[1], abs=1e-4)
    assert turned > 0


def test_what_a_person_chose_becomes_a_target_with_a_name(segmentation, steps):
    mask = core.extract(segmentation[0], segmentation[2])["mask"]
    series = core.extract(steps[0], steps[2])["steps"]
    # Dragged from the middle of column 1 to that of column 3, a little over the upper edge.
    dragged = target_at(mask, 1, region=(3.2, 1.1, -0.4, 2.3), against=True)
    # From the edge between columns 0 and 1 to that between 2 and 3.
    edges = target_at(mask, 1, region=(0.5, 2.5, 1.5, 3.5))
    step = target_at(series, 0, versus=2, position=99)

    assert dragged == Target("mask", 1, region=((0, 3), (1, 4)), sign=-1)
    assert target_name(mask, dragged) == "not channel 1 of mask, rows 0–2, columns 1–3"
    assert edges.region == ((2, 4), (1, 3))
    assert step == Target("steps", 0, place=(6,), versus=2)
    assert target_name(series, step) == "unit 0 of steps minus unit 2 of steps, position 6"
    # What lies beside the answer, as a region of another picture, and a unit that is not there, are none.
    assert target_at(mask, 1, versus=9, region=(40, 50, 40, 50), position=2) == Target("mask", 1)
