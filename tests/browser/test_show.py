"""A model in memory and a file from the command line in a real browser, and a notebook that shows all of it."""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import keras
import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image
from playwright.sync_api import Browser, expect

from benchmarks.serving import ROOT, free_port, stop_server, wait_until_it_answers
from tests.browser.conftest import STARTING_SECONDS, App, Explorer, visitors

SCRIPT = """
import sys
import numpy as np
import layerscope
from tests.layerscope.models import Pictures, pictures

model, labels, names = Pictures(), np.arange(12) % 3, ["round", "square", "else"]
layerscope.show(model, pictures(), labels, names, browser=False, samples=10)
for line in sys.stdin:
    if line == "train\\n":
        model.scores.bias.assign([0.0, 9.0, 0.0])
        layerscope.show(model, pictures(), labels, names, browser=False)
    else:
        layerscope.show(Pictures("second"), pictures(), browser=False)
    print("done", flush=True)
"""

KINDS = ["embedding", "lstm", "attention", "convolution", "normalization", "pooling", "scores"]

PREPARATION = """
import keras, numpy as np, layerscope
from tests.layerscope.models import Pictures, pictures

words = keras.Input((6,))
y = keras.layers.Embedding(9, 4, name="embedding")(words)
y = keras.layers.LSTM(4, return_sequences=True, name="lstm")(y)
y = keras.layers.MultiHeadAttention(2, 3, name="attention")(y, y)
y = keras.layers.Conv1D(3, 2, name="convolution")(y)
y = keras.layers.BatchNormalization(name="normalization")(y)
y = keras.layers.GlobalAveragePooling1D(name="pooling")(y)
y = keras.layers.Dense(3, activation="softmax", name="scores")(y)
activations = layerscope.extract(keras.Model(words, y), np.ones((3, 6), "int32"))
of_pictures = layerscope.extract(Pictures(), pictures())
"""


class Owner:
    """The script whose model is shown: it trains, or shows another one, when it is told to."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.url = self.read("http://127.0.0.1:").split()[4]

    def read(self, text: str) -> str:
        """Return the next line that holds a text."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if text in line:
                return line
        raise AssertionError("The script has ended")

    def tell(self, what: str) -> None:
        """Let it do something, and return when it is done."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        self.read("done")


@pytest.fixture
def owner(tmp_path) -> Iterator[Owner]:
    """A script that shows a subclassed model."""
    file = tmp_path / "script.py"
    file.write_text(SCRIPT)
    with subprocess.Popen(
        [sys.executable, str(file)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Owner(process)
        finally:
            process.kill()


@contextlib.contextmanager
def visited(url: str, log, chromium: Browser) -> Iterator[Callable[..., Explorer]]:
    log.touch()
    with visitors(App(url.partition("/?")[0], log), chromium) as enter:
        yield enter


def test_a_subclassed_model_in_memory_is_explored_trained_on_and_joined_by_another(owner, tmp_path, chromium):
    with visited(owner.url, tmp_path / "log.txt", chromium) as enter:
        explorer = enter()
        explorer.page.goto(owner.url)
        explorer.painted()
        expect(explorer.sidebar.get_by_role("heading", name="pictures", exact=True)).to_be_visible()
        expect(explorer.sidebar.get_by_text("The first 10 of 12 samples")).to_be_visible()
        expect(explorer.strip_part("answer")).to_contain_text("true: round")
        explorer.painted(explorer.answer, colours=3)
        explorer.pick_layer("scores")

        owner.tell("train")
        explorer.page.reload()
        expect(explorer.sidebar.get_by_text("12 samples", exact=True)).to_be_visible()
        expect(explorer.strip_part("answer")).to_contain_text("Answer: square")
        explorer.shows_layer("scores")

        owner.tell("show another")
        explorer.page.reload()
        explorer.model_panel()
        explorer.select("Model", "second")
        explorer.close_panels()
        expect(explorer.sidebar.get_by_role("heading", name="second", exact=True)).to_be_visible()
        explorer.painted()

        # An example stays at hand, and is answered by the same process.
        explorer.model_panel().get_by_role("radio", name="Example", exact=True).click()
        explorer.close_panels()
        expect(explorer.sidebar.get_by_role("heading", name="digits-cnn", exact=True)).to_be_visible()
        explorer.painted()

        # A file is read by that process too, which has no walls: code in it is not offered to be run.
        code = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x + 1, name="own")])
        code.save(tmp_path / "code.keras")
        explorer.give_model("code.keras", (tmp_path / "code.keras").read_bytes())
        expect(explorer.sidebar.get_by_text("Nobody can allow it from the page here.")).to_be_visible()
        expect(explorer.sidebar.get_by_role("button", name="Run it")).to_have_count(0)


def test_a_tab_that_is_open_shows_the_new_weights_at_its_next_run_where_it_was(owner, tmp_path, chromium):
    with visited(owner.url, tmp_path / "log.txt", chromium) as enter:
        explorer = enter()
        explorer.page.goto(owner.url)
        explorer.painted()
        explorer.pick_layer("pooling")
        owner.tell("train")
        explorer.has_samples(10)
        explorer.go_to_sample(3)

        expect(explorer.strip_part("answer")).to_contain_text("Answer: square")
        explorer.has_samples(12)
        expect(explorer.sample).to_have_value("3")
        explorer.shows_layer("pooling")


@contextlib.contextmanager
def started(folder, *arguments: str) -> Iterator[App]:
    """``layerscope run`` in a folder."""
    port = free_port()
    log = folder / "log.txt"
    command = [sys.executable, "-m", "layerscope", "run", "--headless", "--port", str(port), *arguments]
    with (
        log.open("w") as output,
        subprocess.Popen(
            command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=output, stderr=output
        ) as server,
    ):
        try:
            wait_until_it_answers(port, STARTING_SECONDS)
            yield App(f"http://127.0.0.1:{port}", log, server.pid)
        finally:
            stop_server(server)


def test_the_command_opens_a_model_on_a_folder_of_pictures(tmp_path, chromium):
    given = keras.Input((12, 12, 1))
    y = keras.layers.Conv2D(4, 3, name="convolution")(given)
    y = keras.layers.GlobalAveragePooling2D(name="pooling")(y)
    keras.Model(given, keras.layers.Dense(2, activation="softmax", name="scores")(y)).save(tmp_path / "mine.keras")
    random = np.random.default_rng(0)
    for kind in ("cats", "dogs"):
        (tmp_path / "photographs" / kind).mkdir(parents=True)
        for number in range(3):
            pixels = random.integers(0, 255, (12, 12), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photographs" / kind / f"{number}.png")
    with started(tmp_path, "mine.keras", "photographs") as app, visitors(app, chromium) as enter:
        explorer = enter()
        explorer.visit()
        expect(explorer.sidebar.get_by_role("heading", name="mine.keras", exact=True)).to_be_visible(timeout=60_000)
        explorer.painted()
        explorer.has_samples(6)
        expect(explorer.page.locator(".st-key-strip")).to_contain_text("cats/0.png")
        expect(explorer.samples_panel().get_by_role("radio", name="photographs", exact=True)).to_be_checked()


@pytest.mark.parametrize("arguments", [["nowhere.keras"], ["digits-cnn", "nowhere.npy"]])
def test_the_command_says_which_file_is_not_there(tmp_path, arguments):
    done = subprocess.run(
        [sys.executable, "-m", "layerscope", "run", *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert f"There is no file '{arguments[-1]}'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_notebook_shows_the_page_and_a_picture_of_every_kind_of_layer(tmp_path, chromium):
    code = [PREPARATION, "handle = layerscope.show(Pictures(), pictures())", "handle"]
    code += [f"activations[{kind!r}]" for kind in KINDS]
    code += ["of_pictures['convolution']"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in code])
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}})
    with client.setup_kernel(env=environment):
        for number, cell in enumerate(notebook.cells):
            client.execute_cell(cell, number)
        frame = notebook.cells[1].outputs[0].data["text/html"]
        url = re.search(r'src="(http://127.0.0.1:\d+/\?shown=pictures)"', frame)
        assert url
        assert notebook.cells[2].outputs[0].data["text/plain"] == f"<Layerscope shows 'pictures' at {url[1]}>"
        with visited(url[1], tmp_path / "log.txt", chromium) as enter:
            # Somebody who was never here: Chromium puts no page into a frame of a tab that had one of its own before.
            explorer = enter(locale="en-US")
            explorer.page.set_content(frame)
            page = explorer.page.frame_locator("iframe")
            expect(page.get_by_role("heading", name="pictures", exact=True)).to_be_visible(timeout=30_000)
            expect(page.get_by_text("How to read it")).to_be_visible(timeout=30_000)
    for cell in notebook.cells[3:]:
        (output,) = (each for each in cell.outputs if each.output_type == "execute_result")
        assert "vegaEmbed" in output.data["text/html"], cell.source
