"""A page's side and the model's side of a session, in one process."""

import time
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.errors import WorkerLost
from core.workspace.shown_models import ShownModels
from core.workspace.workers.remote import RemoteWorkspace
from core.workspace.workers.session_address import ADDRESS_VARIABLE, KEY_VARIABLE
from core.workspace.workers.sessions import Session, SessionPool
from core.workspace.workspace import Workspace
from tests.layerscope.models import Pictures, pictures


class Slow(keras.layers.Layer):
    """Takes its time, as a large model does."""

    def call(self, x):
        if isinstance(x, keras.KerasTensor):
            return x
        return tf.ensure_shape(tf.numpy_function(slowly, [x], tf.float32), x.shape)


def slowly(values):
    time.sleep(3)
    return values


@pytest.fixture
def models():
    return ShownModels()


@pytest.fixture
def session(models):
    session = Session(models)
    yield session
    session.close()


@pytest.fixture
def pool(session):
    return SessionPool(session.environment[ADDRESS_VARIABLE], session.environment[KEY_VARIABLE])


def test_a_page_gets_what_a_workspace_in_the_models_process_says(models, pool):
    models.add(Pictures(), pictures(), np.arange(12) % 3)
    page, here = RemoteWorkspace(pool), Workspace(shown=models)
    for workspace in (page, here):
        workspace.open_shown("pictures")

    assert page.model == here.model
    assert page.layers(3) == here.layers(3)
    assert page.answer(3) == here.answer(3)
    assert page.shown_models() == here.shown_models()
    assert page.open_example("digits-cnn") == here.open_example("digits-cnn")
    page.close()


def test_visitors_have_open_what_they_opened(models, pool):
    models.add(Pictures("one"), pictures())
    models.add(Pictures("two"), pictures(3))
    one, two = RemoteWorkspace(pool), RemoteWorkspace(pool)
    one.open_shown("one")
    two.open_shown("two")

    assert (one.model.name, two.model.name) == ("one", "two")
    assert (len(one.sample_names), len(two.sample_names)) == (12, 3)
    one.close()
    assert (one.model.name, len(one.layers(0))) == ("one", 4)


def test_a_file_of_a_visitor_is_opened_and_leaves_nothing_behind(pool, tmp_path):
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(tmp_path / "mine.keras")
    page = RemoteWorkspace(pool)
    page.open_files([("mine.keras", (tmp_path / "mine.keras").read_bytes())])
    page.take_noise(2, 0)
    assert len(page.layers(0)) == 1
    folder = page._connection.endpoint.uploads
    assert folder.exists()
    page.close()
    assert not folder.exists()


def test_who_stops_something_goes_on_at_once(models, pool):
    models.add(keras.Sequential([keras.Input((3,)), Slow(dtype="float32")], name="slow"))
    page = RemoteWorkspace(pool)
    page.open_shown("slow")
    page.take_noise(2, 0)
    started = time.monotonic()

    def stop(waiting):
        if waiting.seconds > 0.5:
            page.stop()

    page.tell = stop
    with pytest.raises(WorkerLost, match="stopped"):
        page.answer(0)
    assert time.monotonic() - started < 2.5
    assert page.model.name == "slow"


def test_nobody_comes_in_without_the_key(session, pool):
    address = session.environment[ADDRESS_VARIABLE]
    for key in (b"another", bytes(32)):
        with pytest.raises((AuthenticationError, EOFError, OSError)):
            Client(address, authkey=key).recv()
    assert RemoteWorkspace(pool).shown_models() == ()


def test_when_it_is_over_the_page_says_so(session, models, pool):
    models.add(Pictures(), pictures())
    page = RemoteWorkspace(pool)
    page.open_shown("pictures")
    session.close()
    with pytest.raises(WorkerLost) as lost:
        page.layers(0)
    assert "The Python process that shows the model is gone" in lost.value.message
    assert "layerscope.show(model)" in lost.value.remedy
