"""Trusted code runs under the walls of a worker: what it tries beyond computing gets it nothing."""

import io
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.errors import CodeNeeded, ModelRefused
from core.models.trust import Trust

README = Path(__file__).parents[3] / "README.md"

ATTEMPTS = '''
import os
import signal
import socket
import subprocess
import sys
import tempfile

import keras
from keras import ops

README, PORT, PARENT = {readme!r}, {port}, {parent}


def in_files():
    return open(README).read()


def in_home():
    return os.listdir(os.path.dirname(README))


def in_the_page():
    return open(f"/proc/{{PARENT}}/environ", "rb").read()


def write():
    return open(os.path.join(os.path.dirname(README), "written-by-a-model"), "w")


def connect():
    return socket.create_connection(("127.0.0.1", PORT), timeout=2)


def listen():
    return socket.socket().bind(("127.0.0.1", 0))


def run():
    return subprocess.run([sys.executable, "-c", "open(%r)" % README], check=True, capture_output=True)


def fork_and_read():
    child = os.fork()
    if not child:
        try:
            in_files()
        except BaseException:
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def fork():
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)


def stop_the_page():
    return os.kill(PARENT, signal.SIGSTOP)


def secret():
    return os.environ["SECRET"]


def own_files():
    # What it may do: a folder of its own.
    with tempfile.TemporaryFile() as file:
        return file.write(b"x")


FILES = (in_files, in_home, in_the_page, write)
PROCESSES = (run, fork, fork_and_read, stop_the_page)
TRIES = (*FILES, connect, listen, *PROCESSES, secret, own_files)


def succeeds(attempt):
    try:
        attempt()
    except BaseException:
        return 0.0
    return 1.0


class Spy(keras.layers.Layer):
    """Answers which of its attempts succeeded."""

    def call(self, x):
        return ops.zeros_like(x[:, :1]) + ops.convert_to_tensor([[succeeds(attempt) for attempt in TRIES]])
'''
NAMES = (
    "in_files",
    "in_home",
    "in_the_page",
    "write",
    "connect",
    "listen",
    "run",
    "fork",
    "fork_and_read",
    "stop_the_page",
    "secret",
    "own_files",
)
SAVE = """
import keras
from spying import Spy

model = keras.Sequential([keras.Input((3,)), Spy(name="spy")])
model.compile("sgd", "mse")
model.save("spy.keras")
# Keras calls each as it builds a model, and what it would do in the owner's own process is no concern here.
for name, function in {
    "reads": lambda x: x * len(open(README).read()) if "core" in __import__("sys").modules else x,
    "connects": lambda x: (
        x * bool(__import__("socket").create_connection(("127.0.0.1", PORT), timeout=2))
        if "core" in __import__("sys").modules
        else x
    ),
    "runs": lambda x: (
        x * __import__("os").system("true > " + README + ".ran") if "core" in __import__("sys").modules else x
    ),
}.items():
    keras.Sequential([keras.Input((3,)), keras.layers.Lambda(function, name=name)]).save(name + ".keras")
"""


@pytest.fixture(scope="module")
def listener():
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture(scope="module")
def spying(tmp_path_factory, listener):
    """A project whose layer, and whose lambdas, try what they must not."""
    folder = tmp_path_factory.mktemp("spying")
    code = ATTEMPTS.format(readme=str(README), port=listener, parent=os.getpid())
    (folder / "spying.py").write_text(code)
    script = SAVE.replace("README", repr(str(README))).replace("PORT", str(listener))
    harmless = script.replace("from spying import Spy", "import spying\nspying.TRIES = (len,)\nfrom spying import Spy")
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([sys.executable, "-c", harmless], cwd=folder, env=environment, check=True, capture_output=True)
    return folder


def test_a_trusted_layer_gets_nothing_but_its_own_folder(visitor, spying):
    explorer = visitor()
    with pytest.raises(CodeNeeded):
        explorer.open_model(str(spying / "spy.keras"))
    explorer.open_model(str(spying / "spy.keras"), trust=Trust.of([spying / "spying.py"]))
    explorer.take_noise(1, 0)
    content = explorer.activations_file(["spy"], False)
    with np.load(io.BytesIO(content)) as arrays:
        answer = dict(zip(NAMES, arrays["spy"][0], strict=True))

    assert answer == {**dict.fromkeys(NAMES, 0.0), "own_files": 1.0}
    assert not list(README.parent.glob("written-by-a-model*"))


@pytest.mark.parametrize("name", ["reads", "connects", "runs"])
def test_a_lambda_runs_where_it_is_trusted_and_nowhere_else(visitor, spying, name):
    with pytest.raises(CodeNeeded) as refused:
        visitor().open_model(str(spying / f"{name}.keras"), trust=Trust.of([spying / "spying.py"]))
    assert refused.value.lambdas == (name,)


@pytest.mark.parametrize("name", ["reads", "connects"])
def test_a_trusted_lambda_gets_no_file_and_no_socket(visitor, spying, name):
    with pytest.raises(ModelRefused, match=f"The layer '{name}' .* fails: PermissionError"):
        visitor().open_model(str(spying / f"{name}.keras"), trust=Trust.of(["lambda"]))


def test_a_trusted_lambda_starts_no_program(visitor, spying):
    explorer = visitor()
    # A shell that cannot be started is a status for whoever asked for it, and no error.
    explorer.open_model(str(spying / "runs.keras"), trust=Trust.of(["lambda"]))
    explorer.take_noise(1, 0)
    explorer.layers(0)
    assert not README.with_name("README.md.ran").exists()
