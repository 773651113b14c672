"""``layerscope report``: what it writes, its exit status, and what it says on stderr."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from core.cli.main import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory, request):
    """A folder with a small model with dead units, and samples with and without labels."""
    import keras

    keras.utils.set_random_seed(0)
    folder = tmp_path_factory.mktemp("report")
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6,), name="numbers"),
            layers.Dense(8, "relu", name="hidden"),
            layers.Dense(2, "softmax", name="answer"),
        ]
    )
    kernel, bias = model.get_layer("hidden").get_weights()
    kernel[:, :4], bias[:4] = 0, -1
    model.get_layer("hidden").set_weights([kernel, bias])
    model.save(folder / "model.keras")
    samples = np.random.default_rng(0).normal(size=(12, 6)).astype(np.float32)
    labels = np.argmax(model.predict(samples, verbose=0), axis=1)
    np.save(folder / "x.npy", samples)
    (folder / "y.txt").write_text("label\n" + "\n".join(map(str, labels)))
    np.savez(folder / "test.npz", x=samples, y=labels)
    return folder


@pytest.fixture
def run(folder, monkeypatch):
    """Return a function that runs the command in that folder."""
    monkeypatch.chdir(folder)
    return lambda *command: CliRunner().invoke(main, ["report", *map(str, command)])


def test_a_page_without_more(run, folder):
    done = run("model.keras", "x.npy", "-o", "plain.html", "--title", "Mine", "--note", "Trained on Monday.")

    assert done.exit_code == 0, done.stderr
    assert done.stdout == "plain.html\n"
    page = (folder / "plain.html").read_text()
    assert "<h1>Mine</h1>" in page
    assert "Trained on Monday." in page
    assert "12 samples of x.npy" in page
    assert not (folder / "plain.json").exists()


def test_what_fails_is_said_and_ends_with_status_1(run, folder):
    conditions = ("--fail-on", "dead>20%", "--fail-on", "nan", "--fail-on", "drift>3", "--fail-on", "accuracy<0.9")
    done = run("model.keras", "x.npy", "--labels", "y.txt", *conditions)

    assert done.exit_code == 1
    assert done.stdout == "report.html, report.json\n"
    assert done.stderr.splitlines() == [
        "dead>20%: Dead units in hidden (50 %).",
        "drift>3: could not be checked. No layer keeps statistics of training that the samples could be compared with: "
        "leave the condition out.",
    ]
    told = json.loads((folder / "report.json").read_text())
    assert told["passed"] is False
    assert [each["outcome"] for each in told["conditions"]] == ["failed", "held", "not checked", "held"]
    assert told["accuracy"] == 1
    assert "Dead units in hidden (50 %)." in (folder / "report.html").read_text()


def test_what_holds_ends_with_status_0(run, folder):
    done = run("model.keras", "test.npz", "-o", "good.html", "--fail-on", "dead>50%", "--fail-on", "accuracy<0.9")

    assert (done.exit_code, done.stderr) == (0, "")
    assert json.loads((folder / "good.json").read_text())["passed"] is True


def test_a_second_model(run, folder):
    done = run("model.keras", "test.npz", "--compare", "model.keras", "--json", "--fail-on", "change>0")

    assert done.exit_code == 0, done.stderr
    assert "No layer differs by more than rounding." in (folder / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--fail-on", "ded>1%"], 2, "There is no measure 'ded'; did you mean 'dead'? There are: nan, dead,"),
        (["--unit", "hidden"], 2, "conv_1:5"),
        (["-o", "report.pdf"], 1, "Let it end in .html."),
        (["-o", "nowhere/report.html"], 1, "in a folder that is there"),
        (["--layer", "hiden"], 1, "did you mean 'hidden'?"),
        (["--labels", "test.npz"], 1, "cannot be read"),
    ],
)
def test_what_is_wrong_is_said(run, arguments, status, said):
    done = run("model.keras", "x.npy", *arguments)

    assert done.exit_code == status
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_labels_without_data_are_refused(run):
    done = run("model.keras", "--labels", "y.txt")

    assert (done.exit_code, "no data that they are for" in done.stderr) == (1, True)
