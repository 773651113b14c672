"""The page for coding agents: its commands run, answer in JSON with the keys that it names, and its Python runs."""

import json
import re
import shlex

import keras
import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.serving import ROOT
from core.cli.main import main
from tests.support.documents import document_script, python_blocks, run_block

GUIDE = (ROOT / "docs" / "agents.md").read_text()
COMMANDS = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)[0].splitlines()
TABLE = re.findall(r"^\| `layerscope (.+?)` \| .* \| (.*) \|$", GUIDE, re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Conv2D(4, 3, activation="relu", name="conv_1"),
        keras.layers.GlobalAveragePooling2D(name="mean_over_places"),
        keras.layers.Dense(3, activation="softmax", name="probabilities"),
    ]
    path = tmp_path_factory.mktemp("agents")
    keras.Sequential([keras.Input((8, 8, 1), name="image"), *layers]).save(path / "model.keras")
    samples = np.random.default_rng(0).random((12, 8, 8, 1)).astype(np.float32)
    np.savez(path / "samples.npz", x=samples, y=np.arange(12) % 3)
    return path


@pytest.fixture
def answered(folder, monkeypatch):
    """Run a command in the folder of the model, and return what it wrote."""
    monkeypatch.chdir(folder)

    def run(command):
        done = CliRunner().invoke(main, shlex.split(command)[1:])
        assert done.exit_code == 0, f"{command}: {done.stderr}"
        return done.stdout

    return run


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_answers(command, answered, folder):
    written = answered(command)
    (expected,) = [keys for said, keys in TABLE if command.startswith(f"layerscope {_name(said)} ")] or [""]
    if "--json" in command:
        if "report.html" in command:
            written = (folder / "report.json").read_text()
        result = json.loads(written)
        first = result[0] if expected.startswith("a list") else result
        # A file that is accepted has nothing to say of why not.
        assert set(re.findall(r"`(\w+)`", expected)) - {"reason", "remedy"} <= first.keys()
    if command.endswith("channel=3"):
        assert "Channel 3" in json.loads((folder / "maps.json").read_text())["description"]


def test_its_table_has_every_command_that_answers_in_json():
    assert {_name(said) for said, _ in TABLE} == {name for name, command in commands(main) if takes_json(command)}


def _name(said):
    words = " ".join(word for word in said.split() if word.islower() and "." not in word)
    return re.sub(r" -.*", "", words)


def commands(group, prefix=""):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def takes_json(command):
    return any("--json" in option.opts for option in command.params)


def test_a_refused_file_says_why(folder, monkeypatch):
    monkeypatch.chdir(folder)
    done = CliRunner().invoke(main, ["inspect", "samples.npz", "--json"])
    assert done.exit_code == 1
    assert {"reason", "remedy", "missing_classes"} <= json.loads(done.stdout).keys()


def test_its_python_runs(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    (code,) = python_blocks(GUIDE)
    run_block(code, {})
    assert "conv_1 Conv2D ('sample', 'height', 'width', 'channel')" in capsys.readouterr().out


def test_the_list_of_documents_is_the_menu_of_the_site():
    assert document_script("llms").llms_text() == (ROOT / "docs" / "llms.txt").read_text(), "run: python docs/llms.py"
