"""An agent asks a model: the official client against the command, over standard input and output."""

import base64
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path

import keras
import numpy as np
import pytest
from anyio.from_thread import start_blocking_portal
from click.testing import CliRunner
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.shared.exceptions import MCPError
from PIL import Image

from benchmarks.serving import ROOT
from core.cli.main import main
from core.cli.mcp import mcp as mcp_command
from core.plugins.registry import Registry
from tests.workspace.workers.trouble import endless_saved_model

GUIDE = (ROOT / "docs" / "mcp.md").read_text()
SECONDS = 10
PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder as somebody has it who trains: two checkpoints of a compiled model, data with labels, and bad files."""
    folder = tmp_path_factory.mktemp("agent") / "project"
    folder.mkdir()
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1), name="image"),
            keras.layers.Conv2D(4, 3, activation="relu", name="conv"),
            keras.layers.Flatten(name="flat"),
            keras.layers.Dense(3, activation="softmax", name="answer"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    labels = np.arange(48) % 3
    samples = np.random.default_rng(0).random((48, 6, 6, 1), np.float32) / 4
    for sample, label in zip(samples, labels, strict=True):
        sample[2 * label : 2 * label + 2] += 0.7
    model.save(folder / "early.keras")
    model.fit(samples, labels, epochs=3, verbose=0)
    model.save(folder / "model.keras")
    np.savez(folder / "test.npz", x=samples, y=labels)
    np.save(folder / "nan.npy", np.full((9, 6, 6, 1), np.nan, np.float32))
    (folder / "damaged.keras").write_bytes((folder / "model.keras").read_bytes()[:900])
    (folder / "endless.zip").write_bytes(endless_saved_model())
    (folder.parent / "secret.keras").write_bytes((folder / "model.keras").read_bytes())
    return folder, model, samples, labels


def environment(**limits):
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": paths, **limits}


@asynccontextmanager
async def connected(folder):
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "layerscope", "mcp", "--root", "."],
        env=environment(LAYERSCOPE_REQUEST_SECONDS=str(SECONDS), LAYERSCOPE_WORKERS="2"),
        cwd=folder,
    )
    async with stdio_client(command) as streams, ClientSession(*streams) as session:
        await session.initialize()
        yield session


class Agent:
    """Calls tools, from any thread."""

    def __init__(self, portal, session):
        self.portal, self.session = portal, session

    def result(self, tool, seconds=120, **arguments):
        return self.portal.call(self.session.call_tool, tool, arguments, seconds)

    def ask(self, tool, **arguments):
        """Return the data that a tool answers, which stands in the text too."""
        result = self.result(tool, **arguments)
        (content,) = result.content
        assert not result.is_error, content.text
        assert json.loads(content.text) == result.structured_content
        return result.structured_content

    def refusal(self, tool, **arguments):
        """Return the sentence that a tool refuses with."""
        result = self.result(tool, **arguments)
        (content,) = result.content
        assert result.is_error, content.text
        assert "Traceback" not in content.text
        return content.text

    def draw(self, tool, **arguments):
        """Return the picture that a tool answers, and the text beside it."""
        result = self.result(tool, **arguments)
        assert not result.is_error, result.content[0].text
        picture, text = result.content
        content = base64.b64decode(picture.data)
        assert (picture.mime_type, content[:4]) == ("image/png", PNG)
        return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")), text.text


@pytest.fixture(scope="module")
def agent(project):
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(portal.call(lambda: _async(connected(project[0])))) as session,
    ):
        yield Agent(portal, session)


async def _async(value):
    return value


@pytest.fixture
def opened(agent):
    """The trained model, with its data."""
    agent.ask("open_model", path="model.keras")
    agent.ask("run", data="test.npz", model="model.keras")
    return agent


def test_a_model_is_opened_and_its_layers_are_listed(agent):
    told = agent.ask("open_model", path="model.keras")
    listed = agent.ask("list_layers")

    assert (told["model"], told["layer_count"], told["sample_count"]) == ("model.keras", 3, 0)
    assert told["inputs"] == [{"name": "image", "kind": "image", "shape": "6×6×1", "dtype": "float32"}]
    assert "compiled with Adam" in told["origin"]
    assert [(row["layer"], row["type"], row["parameters"]) for row in listed["layers"]] == [
        ("conv", "Conv2D", 40),
        ("flat", "Flatten", 0),
        ("answer", "Dense", 195),
    ]
    # It was given nothing, and what the notes rest on is said.
    assert "noise, random numbers that say nothing of real data" in listed["data"]
    assert [row["layer"] for row in agent.ask("list_layers", first=1, count=1)["layers"]] == ["flat"]


def test_what_is_told_of_data_is_what_keras_answers(opened, project):
    _, model, samples, labels = project
    answers = model.predict(samples, verbose=0)
    told = opened.ask("run", sample=5)

    assert told["data"] == "test.npz, 48 samples"
    assert (told["answered"], told["judged"]) == (48, 48)
    assert told["accuracy"] == pytest.approx((answers.argmax(axis=1) == labels).mean(), abs=1e-5)
    assert told["answer"]["probability"] == pytest.approx(answers[5].max(), rel=1e-4)
    assert told["answer"]["correct"] == (answers[5].argmax() == labels[5])
    assert [row["sample"] for row in told["samples"]] == list(range(5, 15))


def test_the_numbers_of_a_layer_are_those_that_it_answers(opened, project):
    _, model, samples, _ = project
    values = keras.Model(model.inputs, model.get_layer("conv").output).predict(samples[7:8], verbose=0)[0]
    told = opened.ask("layer", layer="conv", sample=7, units=2)["numbers"]

    assert (told["shape"], told["axes"], told["unit_count"]) == ([4, 4, 4], ["height", "width", "channel"], 4)
    assert told["mean"] == pytest.approx(values.mean(), rel=1e-4)
    assert told["deviation"] == pytest.approx(values.std(), rel=1e-4)
    assert told["zeros"] == (values == 0).sum()
    strongest = np.argsort(-values.mean(axis=(0, 1)))[:2]
    assert [unit["unit"] for unit in told["strongest_units"]] == strongest.tolist()


def test_health_finds_what_is_wrong_with_the_input(opened):
    fine = opened.ask("health")
    opened.ask("run", data="nan.npy")
    broken = opened.ask("health")

    assert (fine["sample_count"], fine["layer_count"]) == (48, 3)
    assert "No NaN" in fine["not_found"]
    assert "not finite" in [finding["kind"] for finding in broken["findings"]]
    # JSON has no word for NaN.
    assert opened.ask("run")["inputs"][0] | {"described": ""} == {
        **{"name": "image", "shape": "6×6×1", "described": "", "minimum": None, "maximum": None, "not_finite": 324},
        **{"warning": "", "suggested_scaling": ""},
    }


def test_a_class_is_explained_by_a_picture_and_its_text(opened, project):
    _, model, samples, _ = project
    answered = model.predict(samples[:1], verbose=0).argmax()
    picture, text = opened.draw("explain")
    other, of_other = opened.draw("explain", answer=f"class {(answered + 1) % 3}", method="occlusion")

    assert f"Attribution of class {answered} by integrated gradients" in text
    assert f"Attribution of class {(answered + 1) % 3} by occlusion" in of_other
    assert "An attribution is not a reason" in text
    assert np.ptp(picture) > 100
    assert picture.shape != other.shape or (picture != other).any()


def test_each_chart_that_is_listed_says_what_its_visualizer_says(opened):
    listed = opened.ask("list_charts", layer="conv")
    names = [chart["chart"] for chart in listed["charts"]]
    picture, text = opened.draw("chart", layer="conv", chart="feature-maps", options={"channel": 2}, sample=1)
    visualizer = Registry().get("feature-maps")

    assert names[0] == "feature-maps"
    assert "channel" in [option["name"] for option in listed["charts"][0]["options"]]
    assert np.ptp(picture) > 100
    assert "Channel 2" in text
    assert visualizer.how_to_read in text
    assert visualizer.limitations in text
    assert "test.npz, 48 samples" in text


def test_two_checkpoints_differ_as_far_as_their_answers_do(opened, project):
    folder, model, samples, _ = project
    early = keras.models.load_model(folder / "early.keras", compile=False)
    mine, theirs = (each.predict(samples, verbose=0) for each in (model, early))
    told = opened.ask("compare", other="early.keras")

    assert (told["names"], told["sample_count"]) == (["model.keras", "early.keras"], 48)
    change = {layer["layer"]: layer["change"] for layer in told["layers"]}["answer"]
    assert change == pytest.approx(np.linalg.norm(mine - theirs) / np.linalg.norm(mine), rel=1e-3)
    assert told["first_difference"] == "conv"
    assert opened.ask("compare_samples", first=0, second=1)["names"] == ["sample 0", "sample 1"]


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("open_model", {"path": "damaged.keras"}, "damaged.keras is a zip archive that is cut off or damaged"),
        ("open_model", {"path": "../secret.keras"}, "outside of the folder whose files may be read"),
        ("open_model", {"path": "model.kers"}, "did you mean 'model.keras'?"),
        ("open_model", {"path": "digits"}, "The examples are: digits-cnn"),
        ("open_model", {"path": "test.npz"}, "not a Keras model"),
        ("run", {"data": "../secret.keras"}, "outside of the folder whose files may be read"),
        ("run", {"data": "examples"}, "Give it data of your own, or noise"),
        ("run", {"data": "test.npz", "sample": 99}, "There are samples 0 to 47"),
        ("run", {"labels": "test.npz"}, "no data that they are for"),
        ("layer", {"layer": "con"}, "There is no layer 'con'; did you mean 'conv'?"),
        ("layer", {}, "layer: Field required"),
        ("run", {"input": "test.npz"}, "run has no argument 'input'"),
        ("layer", {"layer": "conv", "units": 1000}, "units: Input should be less than or equal to 50"),
        ("explain", {"answer": "cat"}, "They are numbered 0 to 2"),
        ("chart", {"layer": "answer", "chart": "feature-maps"}, "does not suit answer: it takes axes"),
        ("chart", {"layer": "conv", "options": {"chanel": 2}}, "did you mean 'channel'?"),
        ("health", {"model": "nothing"}, "Open are: "),
        ("compare", {"other": "digits-dense"}, "does not take the samples that are open"),
        ("layers", {}, "There is no tool 'layers'; did you mean 'layer'?"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(opened, tool, arguments, said):
    assert said in opened.refusal(tool, **arguments)
    # And the session goes on.
    assert opened.ask("run", data="test.npz", model="model.keras")["sample_count"] == 48


def test_a_model_that_loops_forever_ends_with_a_sentence_and_others_do_not_notice(opened):
    opened.ask("open_model", path="endless.zip")
    running = opened.portal.start_task_soon(opened.session.call_tool, "run", {"model": "endless.zip"})
    assert opened.ask("health", model="model.keras")["sample_count"] == 48
    assert not running.done()
    result = running.result(timeout=6 * SECONDS)

    assert result.is_error
    assert f"did not finish within the {SECONDS} seconds that one step may take" in result.content[0].text
    assert set(opened.ask("list_models")["open_models"]) == {"endless.zip", "model.keras"}
    assert "2 models can be open at once" in opened.refusal("open_model", path="digits-cnn")
    # An agent that waits for less is not waited for.
    with pytest.raises(MCPError, match="timed out"):
        opened.result("run", seconds=1, model="endless.zip")
    started = time.monotonic()
    assert opened.ask("open_model", path="endless.zip")["layer_count"] == 1
    assert time.monotonic() - started < SECONDS / 2
    assert opened.ask("close_model", model="endless.zip") == {"closed": "endless.zip", "open_models": ["model.keras"]}


def test_the_tools_say_of_themselves_that_they_only_read(agent, project):
    before = {path: path.stat().st_mtime_ns for path in project[0].rglob("*")}
    tools = agent.portal.call(agent.session.list_tools).tools
    agent.ask("open_model", path="model.keras")
    agent.draw("chart", layer="conv")

    assert all(tool.annotations.read_only_hint and tool.description for tool in tools)
    assert {path: path.stat().st_mtime_ns for path in project[0].rglob("*")} == before


class TestGuide:
    """``docs/mcp.md``: its session is one, and it names what there is."""

    def test_its_session_is_what_is_answered(self, agent):
        for model in agent.ask("list_models")["open_models"]:
            agent.ask("close_model", model=model)
        (session,) = re.findall(r"```text\n(.*?)```", GUIDE, re.DOTALL)
        steps = re.findall(r"^→ (\w+) (\{[^\n]*\})\n(.*?)(?=^→|\Z)", session, re.MULTILINE | re.DOTALL)
        assert len(steps) == session.count("→")
        for tool, arguments, told in steps:
            result = agent.result(tool, **json.loads(arguments))
            text = result.content[-1].text
            pictures = "PNG\n" if len(result.content) > 1 else ""
            place, whole = 0, f"{'Refused: ' if result.is_error else ''}{pictures}{text}"
            for part in (each.removeprefix("\n") for each in told.strip().split("…")):
                assert part in whole[place:], (tool, arguments, part)
                place = whole.index(part, place) + len(part)

    def test_it_names_every_tool(self, agent):
        tools = [tool.name for tool in agent.portal.call(agent.session.list_tools).tools]
        assert sorted(re.findall(r"^\| `(\w+)` \|", GUIDE, re.MULTILINE)) == sorted(tools)

    def test_its_configuration_and_its_command_are_ones(self, tmp_path):
        options = {name for parameter in mcp_command.params for name in parameter.opts}
        (text,) = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)
        (commands,) = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
        (server,) = json.loads(text)["mcpServers"].values()
        for line in ([server["command"], *server["args"]], shlex.split(commands.splitlines()[1])):
            assert line[:2] == ["layerscope", "mcp"]
            assert {word for word in line if word.startswith("-")} <= options


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_ends_it_does_not_wait_for_the_agent(project, number):
    command = [sys.executable, "-m", "layerscope", "mcp"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=project[0], env=environment(), **pipes) as server:
        parameters = {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        }
        message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": parameters}
        server.stdin.write(json.dumps(message).encode() + b"\n")
        server.stdin.flush()
        assert b'"id":1' in server.stdout.readline()
        server.send_signal(number)

        assert server.wait(10) == 128 + number
    assert list(Path(tempfile.gettempdir()).glob(f"layerscope-worker-{server.pid}-*")) == []


def test_without_the_package_it_says_how_to_install_it(monkeypatch):
    # As Python has it where a module cannot be imported.
    monkeypatch.setitem(sys.modules, "mcp", None)
    done = CliRunner().invoke(main, ["mcp"])

    assert done.exit_code == 1
    assert "pip install 'layerscope[mcp]'" in done.stderr


def test_a_folder_that_is_not_there(tmp_path):
    done = CliRunner().invoke(main, ["mcp", "--root", str(tmp_path / "nowhere")])
    assert done.exit_code == 2
    assert "does not exist" in done.stderr
