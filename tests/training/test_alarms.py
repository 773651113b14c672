"""What went wrong is told at the step and layer at which it did."""

import time

import numpy as np

from core.training.run import open_run

NAN = np.nan


def alarms(small_run):
    small_run.writer.flush()
    return [(alarm.step, alarm.layer, alarm.kind) for alarm in open_run(small_run.folder).alarms]


def texts(small_run):
    return [alarm.text for alarm in open_run(small_run.folder).alarms]


def test_a_layer_that_dies(small_run):
    for number, dead in enumerate((0, 0, 0.5, 1, 1, 0.2, 1)):
        small_run.step(10 * number, units=1 + 4 * (number >= 3), dead=[NAN, 0, dead])

    assert alarms(small_run) == [(30, "second", "dead"), (60, "second", "dead")]
    assert texts(small_run)[0] == "second died at step 30; its input’s mean moved by 4 σ since step 20."
    assert texts(small_run)[1] == "second died at step 60; at step 50 20 % of its units were dead."


def test_a_layer_that_was_never_alive(small_run):
    small_run.step(0, dead=[NAN, 1, 0])
    small_run.step(10, dead=[NAN, 1, 0])

    assert alarms(small_run) == [(0, "first", "dead")]
    assert texts(small_run) == ["first is dead from step 0 on, the first that was recorded."]


def test_where_nan_arises(small_run):
    for number in range(5):
        small_run.step(
            number,
            {"loss": NAN if number >= 4 else 1.0},
            weights_not_finite=[NAN, 0, 3 * (number >= 3)],
            not_finite=[0, 0, number >= 3],
            dead=[NAN, 0, number >= 3],
        )

    assert alarms(small_run) == [(3, "second", "not finite"), (4, "", "loss not finite")]
    assert texts(small_run) == [
        "NaN or infinite first in second at step 3, in its weights; at step 2 all was finite.",
        "loss is not finite from step 4 on; at step 3 it was.",
    ]


def test_an_activation_that_is_not_finite_arises_where_it_first_is(small_run):
    small_run.step(0, weights_not_finite=0, not_finite=0)
    small_run.step(1, weights_not_finite=0, not_finite=[0, 1, 1])

    assert alarms(small_run) == [(1, "first", "not finite")]
    assert "in its activation" in texts(small_run)[0]


def test_a_gradient_comes_from_the_end(small_run):
    small_run.step(0, gradients_not_finite=[NAN, 1, 1], weights_not_finite=0, not_finite=0)

    assert alarms(small_run) == [(0, "second", "not finite")]


def test_all_weights_at_once_are_told_as_such(small_run):
    small_run.step(0, weights_not_finite=0)
    small_run.step(1, weights_not_finite=[NAN, 1, 1])

    assert alarms(small_run) == [(1, "first", "not finite")]
    assert "in those of 1 other layer at once: 'second'" in texts(small_run)[0]


def test_gradients_that_explode_and_vanish(small_run):
    for number in range(10):
        small_run.step(number, gradient_norm=[NAN, 1 if number < 6 else 1_000, 1 if number < 4 else 1e-9])

    assert alarms(small_run) == [(4, "second", "vanishing gradient"), (6, "first", "exploding gradient")]
    assert "1e-9 of the largest" in texts(small_run)[0]
    assert "1,000 times as large as it mostly was" in texts(small_run)[1]


def test_a_gradient_that_ends_where_a_layer_is_dead_is_told_once(small_run):
    for number in range(6):
        small_run.step(number, dead=[NAN, 0, number >= 3], gradient_norm=[NAN, number < 3, 1])

    assert alarms(small_run) == [(3, "second", "dead")]


def test_gradients_that_explode_together_are_one_alarm(small_run):
    for number in range(6):
        small_run.step(number, gradient_norm=[NAN, 500 if number == 5 else 1, 900 if number == 5 else 1])

    assert alarms(small_run) == [(5, "second", "exploding gradient")]
    assert texts(small_run)[0].endswith("before; likewise in 1 other layer: 'first'.")


def test_a_long_run_is_judged_in_a_moment(small_run):
    for number in range(5_000):
        small_run.step(number, dead=[NAN, 0, 0.1], gradient_norm=[NAN, 1 + 500 * (number == 4_000), 1])

    small_run.writer.flush()
    run = open_run(small_run.folder)

    # Of the processor, which other tests do not move. Medians of all that came before, one by one, take minutes.
    begin = time.process_time()
    assert [(alarm.step, alarm.layer) for alarm in run.alarms] == [(4_000, "first")]
    assert time.process_time() - begin < 5


def test_saturation(small_run):
    for number in range(4):
        # The last one, which no other takes from, answers the person: a sure answer is no fault.
        small_run.step(number, saturated=[NAN, 0.95 if number >= 2 else 0.1, 0.95])

    assert alarms(small_run) == [(2, "first", "saturated")]


def test_nothing_wrong(small_run):
    for number in range(20):
        small_run.step(
            number, {"loss": 1.0}, dead=0.1, not_finite=0, weights_not_finite=0, gradient_norm=1 / (number + 1)
        )

    assert alarms(small_run) == []
