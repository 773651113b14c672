import numpy as np
import pytest

import core
from core.analysis.units import shown_unit, strongest_unit

CONV = ("Conv2D", "BaseConv", "Layer")
LSTM = ("LSTM", "RNN", "Layer")


@pytest.fixture(scope="module")
def digits_pass():
    example = core.get_example("digits-cnn")
    model = core.load_model(example.model_path)
    arrays, _ = example.samples()
    return core.extract(model, core.arrange(model, arrays))


def test_inside_a_model_it_is_the_one_with_the_largest_mean_of_the_absolute_values(digits_pass):
    for key in ("conv_1", "conv_2", "dense"):
        values = np.abs(digits_pass[key].values[3]).reshape(-1, digits_pass[key].shape[-1])
        assert strongest_unit(digits_pass[key], 3) == values.mean(axis=0).argmax()


def test_of_the_answer_it_is_the_class_that_the_model_says(digits_pass):
    answers = digits_pass["probabilities"]
    assert [strongest_unit(answers, sample) for sample in range(90)] == answers.values.argmax(axis=1).tolist()


def test_of_a_last_layer_what_is_far_below_zero_is_the_least(make_activation):
    assert strongest_unit(make_activation(np.array([[-9.0, 1, 2]])), 0) == 2


def test_padding_does_not_count(make_activation):
    values = np.zeros((1, 4, 2), np.float32)
    values[0, 3, 0], values[0, 0, 1] = 9, 1
    mask = np.array([[True, True, True, False]])

    assert strongest_unit(make_activation(values, bases=LSTM, mask=mask), 0) == 1
    assert strongest_unit(make_activation(values, bases=LSTM), 0) == 0


def test_what_is_no_number_is_not_the_strongest(make_activation):
    assert strongest_unit(make_activation(np.array([[np.nan, 1, np.inf, 2]])), 0) == 3


def test_a_chosen_one_is_taken_and_one_of_a_wider_layer_fitted(digits_pass):
    assert shown_unit(digits_pass["conv_1"], 0, 5) == 5
    assert shown_unit(digits_pass["conv_1"], 0, 99) == digits_pass["conv_1"].shape[-1] - 1
    assert shown_unit(digits_pass["conv_1"], 0, None) == strongest_unit(digits_pass["conv_1"], 0)
