import keras
import numpy as np
import pytest
from keras import layers

from core.extraction.extractor import Extractor
from core.plugins.visualizer import Refusal
from vizplugins.answer_after_steps import AnswerAfterSteps, AnswerAfterStepsOptions

SERIES = np.random.default_rng(0).normal(size=(3, 6, 4)).astype(np.float32)


def drawn(*parts, shape=(None, 4), inputs=SERIES, names=(), **options):
    entry = x = keras.Input(shape)
    for part in parts:
        x = part(x)
    extractor = Extractor(keras.Model(entry, x))
    activation = list(extractor.extract(inputs, class_names=names).values())[-1]
    chosen = AnswerAfterStepsOptions(**options)
    return extractor.model, AnswerAfterSteps().chart(activation, chosen, lambda *told: None, extractor), activation


def test_a_line_for_each_class_over_the_steps():
    model, chart, _ = drawn(
        layers.LSTM(3), layers.Dense(3, activation="softmax"), names=("left", "right", "up"), sample=1
    )
    rows = chart.layer[0].data

    for steps in (1, 4, 6):
        told = rows[rows["steps"] == steps].set_index("class")["answer"]
        expected = model.predict(SERIES[1:2, :steps], verbose=0)[0]
        np.testing.assert_allclose(told[["left", "right", "up"]], expected, atol=1e-5)


def test_the_final_answer_is_marked_and_since_when():
    model, chart, _ = drawn(layers.GRU(3), layers.Dense(3, activation="softmax"), names=("left", "right", "up"))
    winners = [int(model.predict(SERIES[:1, :steps], verbose=0).argmax()) for steps in range(1, 7)]
    since = max([0, *(step for step, winner in enumerate(winners, 1) if winner != winners[-1])]) + 1

    name = ("left", "right", "up")[winners[-1]]
    assert chart.layer[2].data["class"].tolist() == [name]
    assert chart.title.text.startswith(f"The answer is {name} from")
    assert since == 1 or f"step {since} of 6" in chart.title.text


def test_a_model_of_one_length_says_why_not():
    flat = layers.LSTM(3, return_sequences=True), layers.Flatten(name="flat"), layers.Dense(2)
    _, refusal, _ = drawn(*flat, shape=(6, 4))
    assert isinstance(refusal, Refusal)
    assert "'flat' (Flatten) lays all timesteps side by side" in refusal.reason


def test_steps_of_an_answer_that_are_not_those_of_the_input_are_refused():
    parts = layers.LSTM(3), layers.RepeatVector(7), layers.LSTM(3, return_sequences=True), layers.Dense(2)
    _, refusal, _ = drawn(*parts)
    assert isinstance(refusal, Refusal)
    assert "steps of its own (7 to 6 steps" in refusal.reason


@pytest.mark.parametrize(
    ("parts", "shape", "inputs"),
    [
        ((layers.Conv2D(2, 3), layers.GlobalAveragePooling2D(), layers.Dense(2)), (8, 8, 1), np.zeros((2, 8, 8, 1))),
        ((layers.Dense(3), layers.Dense(2)), (4,), np.zeros((2, 4))),
    ],
    ids=["images", "vectors"],
)
def test_not_for_models_without_steps(parts, shape, inputs):
    entry = x = keras.Input(shape)
    for part in parts:
        x = part(x)
    activations = Extractor(keras.Model(entry, x)).extract(inputs.astype(np.float32))
    assert not AnswerAfterSteps.handles.match(list(activations.values())[-1]).handled


def test_only_for_what_the_model_answers():
    entry = keras.Input((None, 4))
    model = keras.Model(entry, layers.Dense(2)(layers.LSTM(3, name="lstm")(entry)))
    activations = Extractor(model).extract(SERIES)
    assert not AnswerAfterSteps.handles.match(activations["lstm"]).handled
