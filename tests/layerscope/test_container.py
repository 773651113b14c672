"""The container: what its file copies is all that the app needs, and what is put together holds its limits."""

import json
import re
import shlex
import shutil

import pytest
import yaml

from benchmarks.serving import ROOT
from core.common.limits import Limits
from tests.plugins.packages.conftest import Environment


def instructions():
    """Return the instructions of the Dockerfile with what follows each."""
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [tuple(line.split(" ", 1)) for line in lines]


def of(name):
    return [rest for instruction, rest in instructions() if instruction == name]


def test_it_runs_as_nobody_special_and_says_whether_it_is_well():
    names = [name for name, _ in instructions()]
    assert names[0] == "FROM"
    assert of("USER") == ["layerscope"]
    assert max(at for at, name in enumerate(names) if name == "RUN") < names.index("USER")
    (check,) = of("HEALTHCHECK")
    compile(json.loads(check[check.index("[") :])[-1], "HEALTHCHECK", "exec")
    assert json.loads(of("ENTRYPOINT")[0])[:2] == ["layerscope", "run"]


def test_what_is_copied_is_not_left_out():
    copied = {name.removeprefix("./") for rest in of("COPY") for name in shlex.split(rest)[:-1]}
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == let_in
    assert all((ROOT / name).exists() for name in copied)


def test_for_a_team_there_are_limits_and_no_network():
    composed = yaml.safe_load((ROOT / "compose.yaml").read_text())
    app = composed["services"]["layerscope"]
    assert composed["networks"]["inside"]["internal"] is True
    assert app["networks"] == ["inside"]
    assert "ports" not in app
    environment = {name.removeprefix("LAYERSCOPE_").lower(): value for name, value in app["environment"].items()}
    known = {name: value for name, value in environment.items() if name in Limits.model_fields}
    assert {"workers", "worker_bytes", "request_seconds"} <= known.keys()
    assert Limits.model_validate(known).workers == 8


@pytest.mark.fresh_environment
def test_what_is_copied_is_all_that_it_takes(tmp_path):
    environment = Environment(tmp_path)
    project = tmp_path / "project"
    project.mkdir()
    for rest in of("COPY"):
        *sources, target = shlex.split(rest)
        for source in sources:
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, project / target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, project / target)
    environment.install("--no-deps", project)
    shutil.rmtree(project)
    assert "conv_2" in environment.run(environment.layerscope, "layers", "digits-cnn")
    asked = environment.run(environment.layerscope, "run", "--help")
    assert all(option in asked for option in ("--headless", "--address"))
