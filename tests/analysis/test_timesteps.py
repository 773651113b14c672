"""Where there is padding, and which word stands at a timestep."""

import keras
import numpy as np
import pytest

import core
from core.analysis.timesteps import shown_steps, step_words

L = keras.layers
TEXTS = np.array([["the film was good"], ["bad"]])


@pytest.fixture(scope="module")
def activations():
    """A model that masks its words, and loses the mask on the way."""
    words = L.TextVectorization(output_sequence_length=6, name="words")
    words.adapt(["the film was good", "the film was bad"])
    text = keras.Input((1,), dtype="string")
    vectors = L.Embedding(10, 4, mask_zero=True, name="vectors")(words(text))
    plain = keras.ops.multiply(vectors, 2.0)
    normal = L.Dense(3, name="dense")(L.LayerNormalization(name="normal")(plain))
    backwards = L.LSTM(3, return_sequences=True, go_backwards=True, name="backwards")(vectors)
    once = L.LSTM(3, name="once")(plain)
    return core.extract(keras.Model(text, [normal, backwards, once]), TEXTS, internals=True)


@pytest.mark.parametrize("key", ["vectors", "normal", "dense"])
def test_padding_is_known_behind_a_layer_that_loses_the_mask(activations, key):
    expected = np.array([[1, 1, 1, 1, 0, 0], [1, 0, 0, 0, 0, 0]], bool)

    np.testing.assert_array_equal(shown_steps(activations[key]), expected)
    np.testing.assert_array_equal(shown_steps(activations[key].sample(1)), expected[1])


def test_words_of_a_layer_without_a_mask(activations):
    assert activations["dense"].mask is None
    assert step_words(activations["dense"].sample(0)) == ("the", "film", "was", "good", "", "")


def test_a_layer_that_goes_backwards_reads_the_last_word_first(activations):
    assert step_words(activations["backwards"].sample(0)) == ("", "", "good", "was", "film", "the")


def test_of_a_layer_that_answers_once_the_states_have_words(activations):
    state = activations["once"].sample(0).internals["hidden_state"]

    assert step_words(state) == ("the", "film", "was", "good", "", "")
    assert step_words(activations["once"].sample(0)) is None


def test_words_of_another_number_say_nothing(make_activation, make_context):
    activation = make_activation("sample=1 time=5 unit=2", context=make_context(tokens=np.array([["a", "b", ""]])))

    assert shown_steps(activation).all()
    assert step_words(activation.sample(0)) is None


def test_without_time_everything_is_shown(make_activation):
    assert shown_steps(make_activation("sample=2 unit=3")).shape == (2,)
    assert shown_steps(make_activation("sample=2 height=3 width=4 channel=1")).all()


def test_frames_behind_frequencies_are_all_shown_of_one_sample_too(make_activation):
    activation = make_activation("sample=2 frequency=3 time=4")

    assert shown_steps(activation).shape == (2, 3)
    assert shown_steps(activation.sample(0)).shape == (3,)


def test_a_mask_of_an_earlier_layer_is_taken_without_text():
    given = keras.Input((5, 2))
    masked = L.Masking(9.0, name="masking")(given)
    model = keras.Model(given, L.Dense(2, name="dense")(keras.ops.add(masked, 1.0)))
    values = np.zeros((1, 5, 2), np.float32)
    values[0, 3:] = 9

    assert shown_steps(core.extract(model, values)["dense"])[0].tolist() == [True, True, True, False, False]
