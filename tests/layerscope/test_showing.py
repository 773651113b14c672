"""``layerscope.show``: the app on a model in memory, from scripts as people write them."""

import http.client
import os
import signal
import socket
import threading
import time

import pytest

import layerscope
from core.errors import InputRejected, LayerscopeError
from tests.layerscope.models import Pictures, pictures

PATIENCE = 90

SCRIPT = """
import numpy, keras, layerscope

model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, name="dense")], name="mine")
handle = layerscope.show(model, numpy.ones((4, 6)))
print("the end of the script", handle)
"""

NO_SERVER = """
import socket, sys, keras, layerscope

model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, name="dense")])
with socket.create_server(("127.0.0.1", 0)) as other:
    for port, python in ((other.getsockname()[1], sys.executable), (None, "/bin/false")):
        sys.executable = python
        try:
            layerscope.show(model, port=port)
        except layerscope.LayerscopeError as error:
            print("error:", error)
"""


def answers(port):
    """Return whether the server on a port answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/_stcore/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def port_of(url):
    return int(url.removeprefix("http://127.0.0.1:").partition("/")[0])


def wait_until(holds):
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def is_there(process_id):
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def shown():
    """A model that is shown by this process, and its handle."""
    model = Pictures("first")
    with layerscope.show(model, pictures(), browser=False) as handle:
        yield model, handle
    assert not handle.is_running
    assert not answers(port_of(handle.url))


def test_it_returns_when_the_server_answers(shown):
    _, handle = shown
    assert handle.is_running
    assert answers(port_of(handle.url))
    assert handle.url.endswith("/?shown=first")
    assert repr(handle) == f"<Layerscope shows 'first' at {handle.url}>"


def test_only_this_machine_reaches_it(shown):
    port = port_of(shown[1].url)
    others = {each[4][0] for each in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for address in others:
        with pytest.raises(OSError), socket.create_connection((address, port), timeout=2):
            pass


def test_another_time_and_another_model_take_the_same_server(shown):
    model, handle = shown
    again = layerscope.show(model, pictures(5), browser=False)
    assert again.url == handle.url
    other = layerscope.show(Pictures("second"), pictures(), browser=False)
    assert port_of(other.url) == port_of(handle.url)
    assert other.url.endswith("?shown=second")
    other.stop()
    other.stop()
    assert repr(other) == "<Layerscope shows 'second' no longer>"
    assert handle.is_running
    with pytest.raises(LayerscopeError, match="has its app on port"):
        layerscope.show(model, pictures(), port=1, browser=False)


def test_samples_that_do_not_fit_leave_what_is_shown(shown):
    with pytest.raises(InputRejected):
        layerscope.show(shown[0], [], browser=False)
    with pytest.raises(InputRejected, match="no Keras model"):
        layerscope.show("model.keras")
    assert shown[1].is_running


def test_wait_returns_when_it_is_stopped(shown):
    handle = layerscope.show(Pictures("third"), pictures(), browser=False)
    threading.Timer(0.3, handle.stop).start()
    started = time.monotonic()
    handle.wait()
    assert 0.2 < time.monotonic() - started < 5


def test_a_script_stays_alive_until_it_is_interrupted(run_script):
    script = run_script(SCRIPT)
    url = script.url
    script.wait_for("the end of the script")
    server = script.server()
    time.sleep(0.3)
    assert script.process.poll() is None
    assert answers(port_of(url))
    script.process.send_signal(signal.SIGINT)

    assert script.process.wait(PATIENCE) == 0
    assert "Traceback" not in script.said
    assert script.said.count("http://127.0.0.1") == 2
    wait_until(lambda: not is_there(server))


def test_the_server_ends_with_a_script_that_is_killed_and_the_key_is_nowhere_to_be_seen(run_script):
    script = run_script(SCRIPT)
    port, server = port_of(script.url), script.server()
    for place in ("cmdline", "environ"):
        with open(f"/proc/{server}/{place}", "rb") as file:
            assert b"LAYERSCOPE_SESSION" not in file.read()
    assert len(list(script.file.parent.glob("layerscope-app-*"))) == 1
    script.process.send_signal(signal.SIGKILL)

    wait_until(lambda: not list(script.file.parent.glob("layerscope-app-*")))
    wait_until(lambda: not is_there(server))
    assert not answers(port)


def test_a_browser_is_opened_where_there_is_one(run_script, tmp_path):
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path / "opened.txt"}\n')
    browser.chmod(0o700)
    script = run_script(f"{SCRIPT}\nhandle.stop()\n", BROWSER=str(browser))
    url = script.url

    assert script.process.wait(PATIENCE) == 0
    assert (tmp_path / "opened.txt").read_text().strip() == url


def test_a_port_that_is_taken_and_a_server_that_does_not_start_say_so(run_script):
    script = run_script(NO_SERVER)

    assert script.process.wait(2 * PATIENCE) == 0
    first, second = (line for line in script.said.splitlines() if line.startswith("error:"))
    assert "cannot be had: Address already in use. Choose another one" in first
    assert "The app's server ended at once, with status 1" in second
