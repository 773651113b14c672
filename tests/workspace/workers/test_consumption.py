"""Processor time and threads: who takes more than one visitor has is ended and told so, and nobody else is."""

import time

import pytest

from core.errors import WorkerLost
from core.workspace.workers.consumption import Consumption, consumption_of
from tests.workspace.workers.conftest import wait_until
from tests.workspace.workers.trouble import keras_file


@pytest.fixture(scope="module")
def harmless(fork_server):
    return keras_file("Harmless")


@pytest.fixture
def opened(visitor, harmless):
    """Return a function that lets a visitor in who opens a model and gives it noise."""

    def enter(**limits):
        workspace = visitor(**limits)
        workspace.open_model(harmless, "mine.keras")
        workspace.take_noise(2, 0)
        return workspace

    return enter


def process_of(workspace):
    return workspace._connection.endpoint.process_id


@pytest.mark.parametrize(
    ("picture", "limits", "what"),
    [
        ("works-hard", {"processor_seconds": 1.5}, "took more than the 1.5 seconds of a processor that one step has"),
        ("starts-threads", {"threads": 200}, "started more than the 200 threads that one visitor has"),
    ],
)
def test_a_picture_that_takes_too_much_is_a_failure_and_the_visitor_goes_on(opened, picture, limits, what):
    workspace = opened(request_seconds=60, **limits)
    before = workspace.layers(1)
    started = time.monotonic()
    failure = workspace.chart("harmless", picture, {}, 0).failure

    assert f"“{picture}” of harmless {what}, so it was ended." in failure.message
    assert "opened again in a new process" in failure.remedy
    assert time.monotonic() - started < 20
    assert workspace.layers(1) == before
    assert workspace.chart("harmless", "quiet", {}, 0).failure is None


def test_what_a_picture_leaves_running_is_ended_and_said_once(opened):
    workspace = opened(background_seconds=1)
    before = workspace.layers(1)
    assert workspace.chart("harmless", "works-on", {}, 0).failure is None
    worker = workspace._connection.endpoint
    assert wait_until(lambda: worker.excess, 20)
    assert wait_until(lambda: not worker.is_alive)

    with pytest.raises(WorkerLost) as caught:
        workspace.layers(0)
    assert "kept a processor busy for 1 seconds while nothing was asked of it, so it was ended" in caught.value.message
    assert "try again" in caught.value.remedy
    assert workspace.layers(1) == before
    assert workspace.model.name == "mine.keras"


def test_who_does_what_visitors_do_is_left_alone(visitor):
    # All of it together takes more than each step has.
    workspace = visitor(processor_seconds=2, background_seconds=1, threads=200)
    workspace.open_example("digits-cnn")
    process = process_of(workspace)
    before = consumption_of(process)
    end = time.monotonic() + 60
    sample = 0
    while consumption_of(process).seconds - before.seconds < 2.5 and time.monotonic() < end:
        workspace.answer(sample)
        for layer in ("conv_1", "conv_2", "dense"):
            workspace.layer_view(layer, "", {}, sample)
        sample = (sample + 1) % 90

    assert consumption_of(process).seconds - before.seconds >= 2.5
    assert process_of(workspace) == process


def test_a_process_that_is_gone_takes_nothing(visitor):
    assert consumption_of(2**22 + 1) is None
    assert Consumption(3.0, 5).beyond(Consumption(0.0, 5), visitor()._pool.limits, is_busy=True) == ""
