"""The guide to reports: its commands and its Python run, its workflow is one, and it names what there is."""

import re
import shlex
from pathlib import Path

import keras
import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from core.cli.main import main
from core.cli.report import report
from core.report.conditions import MEASURES, parse_condition

GUIDE = (Path(__file__).parents[2] / "docs" / "report.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
(WORKFLOW,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
(COMMANDS,) = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder as the workflow finds one: a model, and data with labels."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Dense(8, "relu", name="hidden"),
            keras.layers.Dense(2, "softmax", name="answer"),
        ]
    )
    samples = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
    gamma, beta, mean, variance = model.get_layer("norm").get_weights()
    model.get_layer("norm").set_weights([gamma, beta, mean + 0.1, variance])
    labels = model.predict(samples, verbose=0).argmax(axis=1)
    for folder in ("models", "data"):
        (tmp_path / folder).mkdir()
    model.save(tmp_path / "models" / "model.keras")
    np.savez(tmp_path / "data" / "test.npz", x=samples, y=labels)
    monkeypatch.chdir(tmp_path)
    return model, samples, labels


def test_its_workflow_is_one_and_its_command_runs(project):
    steps = yaml.safe_load(WORKFLOW)["jobs"]["report"]["steps"]
    (command,) = [step["run"] for step in steps if step.get("run", "").startswith("layerscope report")]
    done = CliRunner().invoke(main, shlex.split(command)[1:])

    assert done.exit_code == 0, done.stderr
    (kept,) = [step["with"]["path"].split() for step in steps if step.get("if") == "always()"]
    assert all(Path(name).exists() for name in kept)


def test_its_python_runs(project, capsys):
    model, samples, labels = project
    for code in PYTHON:
        exec(code, {"model": model, "x_test": samples, "y_test": labels, **_imports()})
    assert capsys.readouterr().out == ""


def _imports():
    import layerscope

    return {"layerscope": layerscope}


def test_its_commands_have_only_options_that_there_are():
    options = {name for parameter in report.params for name in parameter.opts}
    for line in COMMANDS.splitlines():
        named = [word for word in shlex.split(line, comments=True) if word.startswith("-")]
        assert set(named) <= options, line


def test_it_names_every_measure():
    told = re.findall(r"^\| `([a-z-]+)` \| (.*?) \| (any|–) \|$", GUIDE, re.MULTILINE)

    assert [name for name, _, _ in told] == list(MEASURES)
    for name, _, without_limit in told:
        if without_limit == "any":
            assert parse_condition(name).limit == 0
