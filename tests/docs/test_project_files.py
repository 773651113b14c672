"""What those read who install, cite or change the project says the same everywhere."""

import os
import re
import subprocess
import tomllib
from importlib.metadata import metadata

import pytest
import yaml

from benchmarks.serving import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_who_cites_it_cites_the_version_that_there_is():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert str(citation["version"]) == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert {"message", "title", "type", "authors"} <= citation.keys()


def test_the_changelog_has_the_version_and_what_comes_next():
    versions = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == "Unreleased"
    assert PROJECT["version"] in versions


def test_what_is_installed_says_under_which_licence():
    installed = metadata("layerscope")
    assert installed["License-Expression"] == "Apache-2.0"
    assert installed.get_all("License-File") == ["LICENSE"]
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    assert "Programming Language :: Python :: 3.11" in installed.get_all("Classifier")


def test_the_forms_for_issues_are_read():
    forms = [path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml"]
    assert len(forms) == 2
    for path in forms:
        form = yaml.safe_load(path.read_text())
        assert {"name", "description", "body"} <= form.keys()
        for part in form["body"]:
            assert part["attributes"]["label"]


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_calls_what_runs_here(path):
    workflow = yaml.safe_load(path.read_text())
    # YAML takes the word for a truth.
    assert workflow["name"]
    assert workflow[True]
    commands = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    assert commands
    scripts = re.findall(r"\.ci/[a-z]+", " ".join(commands))
    assert len(scripts) >= len(commands)
    for script in scripts:
        assert os.access(ROOT / script, os.X_OK), script


def test_the_lowest_versions_are_those_that_are_asked_for():
    lowest = subprocess.run([ROOT / ".ci" / "lowest"], capture_output=True, text=True, check=True).stdout.split()
    asked = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert len(lowest) == len(asked)
    for constraint, line in zip(lowest, asked, strict=True):
        assert line.startswith(constraint.replace("==", ">="))


def test_hooks_before_a_commit_are_the_looks_of_the_whole_run():
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    hooks = repository["hooks"]
    assert [hook["name"] for hook in hooks] == ["ruff check", "ruff format", "mypy"]
    whole = (ROOT / ".ci" / "run").read_text()
    for hook in hooks:
        assert hook["name"] in whole
