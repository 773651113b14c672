"""What those read who install, cite or change the project says the same everywhere."""

import re
import tomllib
from importlib.metadata import metadata

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
