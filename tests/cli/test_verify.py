"""``layerscope verify`` on real models: what it says, and its exit status."""

import json

import keras
import numpy as np
import pytest
from click.testing import CliRunner

from core.cli.main import main
from core.extraction.recorder import Recorder


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs the command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *command: CliRunner().invoke(main, ["verify", *map(str, command)])


def test_an_example_with_its_own_samples(run):
    done = run("digits-dense")

    assert done.exit_code == 0
    assert "layers reproduced exactly" in done.output
    assert "Without recording the model answers exactly the same." in done.output


def test_every_layer_can_be_listed(run):
    done = run("digits-dense", "noise", "--all")

    assert done.exit_code == 0
    assert [line.split()[0] for line in done.output.splitlines()[2:]][:2] == ["layer", "dense_1"]


def test_as_json(run):
    done = run("digits-dense", "--json")
    told = json.loads(done.output)

    assert told["clean"]
    assert told["samples"] == 4
    assert {layer["outcome"] for layer in told["layers"]} <= {"exact", "close"}
    assert told["model"]["outcome"] in ("exact", "close")


def test_what_differs_is_named_and_ends_with_status_1(run, monkeypatch):
    told_apart = Recorder._told_apart

    def changed(self, call, output):
        output = told_apart(self, call, output)
        return output + 0.01 if call.key == "dense" else output

    monkeypatch.setattr(Recorder, "_told_apart", changed)
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="dense")]).save("mine.keras")
    np.save("data.npy", np.eye(4, dtype=np.float32))
    done = run("mine.keras", "data.npy")

    assert done.exit_code == 1
    assert "1 differs (dense by " in done.output


def test_a_file_that_is_refused_ends_with_status_1_and_the_reason(run, tmp_path):
    (tmp_path / "broken.keras").write_bytes(b"no model")
    done = run("broken.keras")

    assert done.exit_code == 1
    assert "broken.keras" in done.output
    assert "Traceback" not in done.output
