import re
import tomllib

import pytest

from benchmarks.serving import ROOT
from core.errors import InputRejected
from core.plugins.directory import KEYWORD, list_directory, parse_directory, same_package
from core.plugins.directory_needs import needs_of

ENTRY = """
[[entry]]
package = "layerscope-unit-path"
description = "How one unit answers over time."
titles = ["Unit path"]
license = "MIT"
url = "https://example.org/unit-path"
"""
PROJECT = """
[project]
name = "layerscope-unit-path"
description = "How one unit answers over time."
readme = "README.md"
keywords = ["layerscope-plugin"]
license = "MIT"
[project.urls]
Source = "https://example.org/unit-path"
"""


class TestWhatShips:
    def test_every_entry_is_as_it_should_be_and_what_is_said_to_ship_does(self):
        for entry in list_directory():
            if not entry.folder:
                continue
            project = tomllib.loads((ROOT / entry.folder / "pyproject.toml").read_text())["project"]
            assert (project["name"], project["license"]) == (entry.package, entry.license)
            assert KEYWORD in project["keywords"]
            code = "".join(path.read_text() for path in (ROOT / entry.folder).glob("*.py"))
            for title in entry.titles:
                assert re.search(rf'title\b.*"{title}"', code), title

    def test_every_example_is_listed(self):
        listed = {entry.folder for entry in list_directory()}
        assert {f"examples/{path.parent.name}" for path in ROOT.glob("examples/*/pyproject.toml")} <= listed


class TestParsing:
    def test_an_entry(self):
        (entry,) = parse_directory(ENTRY)

        assert entry.installed_by == "pip install layerscope-unit-path"
        assert parse_directory("") == ()

    @pytest.mark.parametrize(
        ("old", "new", "words"),
        [
            ('"layerscope-unit-path"', '"unit-path"', "package: 'unit-path' is not small letters"),
            (
                '"layerscope-unit-path"',
                '"layerscope-Unit_path"',
                "package: 'layerscope-Unit_path' is not small letters",
            ),
            ('"MIT"', '"MIT License"', "license: 'MIT License' is no licence of SPDX"),
            ('"MIT"', '"mit"', "'mit' is written 'MIT' by SPDX"),
            ("https://", "http://", "url: 'http://example.org/unit-path' is no address that begins with https://"),
            ("https://", "https://a@", "is no address"),
            ("org/unit-path", "org/unit-path) [x](javascript:y", "is no address"),
            ('url = "https://example.org/unit-path"', "", "either url, the page of its source, or folder"),
            ("url = ", 'folder = "examples/x"\nurl = ', "either url, the page of its source, or folder"),
            ('["Unit path"]', "[]", "titles: Tuple should have at least 1 item"),
            ('time."', 'time.\\nMore."', "description: 'How one unit answers over time.\\nMore.' is not one line"),
            ("titles", "title", "titles: Field required"),
            ("license", "stars = 5\nlicense", "stars: Extra inputs are not permitted"),
        ],
    )
    def test_what_is_wrong_is_said_with_the_entry(self, old, new, words):
        assert old in ENTRY
        with pytest.raises(InputRejected, match=r"Entry 1 of the directory") as caught:
            parse_directory(ENTRY.replace(old, new))
        assert words in caught.value.message

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (ENTRY + ENTRY, "'layerscope-unit-path' is listed twice"),
            (ENTRY + ENTRY.replace("unit-path", "a"), "'layerscope-a' stands behind 'layerscope-unit-path'"),
            ("[[entries]]", "something else than entries"),
            ("[[entry", "cannot be read: "),
        ],
    )
    def test_what_is_wrong_with_the_whole(self, text, words):
        with pytest.raises(InputRejected) as caught:
            parse_directory(text)
        assert words in caught.value.message


def test_names_that_pip_takes_for_one():
    assert same_package("Layerscope_Unit.path", "layerscope-unit-path")
    assert not same_package("layerscope-unit", "layerscope-unit-path")


class TestNeeds:
    def test_a_project_that_has_everything(self, tmp_path):
        (tmp_path / "pyproject.toml").write_text(PROJECT)
        (tmp_path / "README.md").write_text("![A line](line.png)")
        (tmp_path / "layerscope_unit_path.py").touch()

        for what in (tmp_path, tmp_path / "layerscope_unit_path.py"):
            needs = needs_of(str(what))
            assert [need.name for need in needs] == ["name", "keyword", "licence", "description", "README", "URL"]
            assert all(need.is_there for need in needs)

    @pytest.mark.parametrize(
        ("old", "new", "missing", "words"),
        [
            ("layerscope-unit", "unit", "name", "behind 'layerscope-'"),
            ('"layerscope-plugin"', "", "keyword", 'add "layerscope-plugin" to keywords'),
            ('license = "MIT"', 'license = {text = "MIT"}', "licence", "as SPDX writes it"),
            ('"MIT"', '"Mine"', "licence", "no licence of SPDX"),
            ("How one unit answers over time.", "", "description", "in one line of 10 to 200 characters"),
            ('readme = "README.md"', "", "README", "write one"),
            ("https", "http", "URL", "where its source is"),
        ],
    )
    def test_what_is_missing_is_said_with_what_to_do(self, tmp_path, old, new, missing, words):
        assert old in PROJECT
        (tmp_path / "pyproject.toml").write_text(PROJECT.replace(old, new))
        (tmp_path / "README.md").write_text('<img src="line.png">')

        (need,) = [need for need in needs_of(str(tmp_path)) if not need.is_there]
        assert need.name == missing
        assert words in need.words

    def test_a_readme_without_a_picture(self, tmp_path):
        (tmp_path / "pyproject.toml").write_text(PROJECT)
        (tmp_path / "README.md").write_text("A line.")

        (need,) = [need for need in needs_of(str(tmp_path)) if not need.is_there]
        assert "show the picture in it" in need.words

    def test_an_installed_package(self):
        needs = {need.name: need for need in needs_of("pluggy")}

        assert not needs["name"].is_there
        assert not needs["keyword"].is_there
        assert needs["URL"].is_there

    def test_what_is_no_package(self, tmp_path):
        (tmp_path / "pyproject.toml").write_text("[project")

        assert needs_of(str(tmp_path)) == needs_of("no-such-package-anywhere") == needs_of(str(tmp_path / "x.py")) == ()
