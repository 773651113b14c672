"""The guide for plugin authors: its code runs, and it leaves nothing out."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import layerscope
import vizplugins
import vizplugins.testing
from core.inputs.file_content import UploadedFile
from core.inputs.spec import InputSpec
from core.plugins import hookspecs
from core.plugins.declarations import CHART_ARGUMENTS
from core.plugins.handles import Handles
from core.plugins.meanings import OutputContext
from core.plugins.registry import Registry
from core.plugins.visualizer import API_VERSION, Visualizer
from vizplugins.testing import check_loader, check_reader, check_visualizer

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "plugins.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
PLUGINS = [block for block in BLOCKS if "def visualizers()" in block]
LOADERS = [block for block in BLOCKS if "def model_loaders()" in block]
PANELS = [block for block in BLOCKS if "def panels()" in block]
READERS = [block for block in BLOCKS if "def input_readers()" in block]
MEANINGS = [block for block in BLOCKS if "def output_meanings()" in block]
TESTS = [block for block in BLOCKS if "def test_" in block]


def test_all_of_its_python_is_tried_here():
    assert len(PLUGINS) == 3
    assert len(MEANINGS) == 1
    assert len(READERS) == 1
    assert len(PANELS) == 1
    assert len(LOADERS) == 1
    assert len(TESTS) == 2
    assert len(BLOCKS) == sum(map(len, (PLUGINS, MEANINGS, READERS, PANELS, LOADERS, TESTS)))


def test_the_first_is_some_twenty_lines():
    assert len([line for line in PLUGINS[0].splitlines() if line.strip()]) <= 22


@pytest.mark.parametrize("code", PLUGINS, ids=["spectrum", "unit-path", "pace"])
def test_its_pictures_are_sound(code, tmp_path):
    path = tmp_path / "plugin.py"
    path.write_text(code)
    registry = Registry(discover=False)

    assert registry.load_file(path), registry.problems
    (visualizer,) = registry.visualizers
    check_visualizer(visualizer)


def test_its_meaning_of_an_output_is_sound(tmp_path):
    path = tmp_path / "plugin.py"
    path.write_text(MEANINGS[0])
    registry = Registry(discover=False)
    turned = OutputContext(np.float32([1, 0]), true_value=np.array([0.5, -(0.75**0.5)]))

    assert registry.load_file(path), registry.problems
    assert registry.meanings.likeliest(turned).name == "angle"
    drawn = registry.meanings.answer("angle", turned)
    assert (drawn.answer.words, drawn.specification["height"]) == ("90°", 60)
    assert registry.meanings.losses("angle", [turned]) == [pytest.approx(60, abs=1e-3)]
    assert registry.meanings.candidates(OutputContext(np.float32([1, 1])))[0].reason == "needs a sine and a cosine"


def test_its_panel_is_sound(tmp_path):
    path = tmp_path / "plugin.py"
    path.write_text(PANELS[0])
    registry = Registry(discover=False)

    assert registry.load_file(path), registry.problems
    check_visualizer(*registry.panels)


def test_its_loader_of_model_files_is_sound(tmp_path):
    path = tmp_path / "plugin.py"
    path.write_text(LOADERS[0])
    (tmp_path / "model.lin").write_bytes(b"LIN1[[1, 2], [3, 4], [5, 6]]")
    registry = Registry(discover=False)

    assert registry.load_file(path), registry.problems
    check_loader(*registry.loaders.all, tmp_path / "model.lin")


def test_its_reader_of_files_is_sound(tmp_path):
    path = tmp_path / "plugin.py"
    path.write_text(READERS[0])
    registry = Registry(discover=False)
    file = UploadedFile("scan.pts", b"PTS1" + np.arange(12, dtype="<f4").tobytes())
    spec = InputSpec("points", (3, 3), "float32")

    assert registry.load_file(path), registry.problems
    check_reader(*registry.readers.all, (file, spec))
    content, _ = registry.readers(file, spec)
    assert content.values.tolist() == [[[0, 1, 2], [3, 4, 5], [6, 7, 8]]]
    assert content.notes == ("the first 3 of 4 points",)


def test_its_tests_pass(tmp_path):
    (tmp_path / "layerscope_unit_path.py").write_text(PLUGINS[1])
    for number, tests in enumerate(TESTS):
        (tmp_path / f"test_unit_path_{number}.py").write_text(tests)
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "core.plugins.pytest_plugin", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert "5 passed" in done.stdout, done.stdout + done.stderr


def test_it_names_every_hook_and_everything_that_can_be_declared_or_asked_for():
    hooks = [name for name in vars(hookspecs) if hasattr(getattr(hookspecs, name), "layerscope_spec")]
    declared = [name for name in vars(Visualizer) if not name.startswith("_") and name != "summary"]
    fields = list(inspect.signature(Handles).parameters)
    for name in (*hooks, *declared, *fields, *CHART_ARGUMENTS):
        assert re.search(rf"\b{name}\b", GUIDE), name
    assert f"| {API_VERSION} |" in GUIDE


def made_by(script, function):
    """Return the page that a script of the documents makes."""
    code = f"import {script}; print({script}.{function}(), end='')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "docs", capture_output=True, text=True, check=True)
    return done.stdout


class TestReference:
    def test_it_is_what_the_code_says(self):
        made = made_by("reference", "reference")
        assert made == (ROOT / "docs" / "reference.md").read_text(), "run: python docs/reference.py"

    def test_it_says_what_comes_back_and_what_may_be_chosen(self):
        """Return types, of properties too; the values of names such as Method; and that activations are a mapping."""
        sections = re.split(r"^### ", (ROOT / "docs" / "reference.md").read_text(), flags=re.MULTILINE)
        told = {section.split("`")[1]: section for section in sections if section.startswith("`")}
        assert "\n) -> Activations\n" in told["extract"]
        assert "- `layers: tuple[LayerInfo, ...]`" in told["Extractor"]
        assert re.search(r"- `sample\(self, index: int\) -> Activation`", told["Activation"])
        assert "- `Method` is one of `'saliency'`, `'gradient × input'`" in told["attribute"]
        assert "- `Pooling` is one of `'flatten'`, `'mean'`, `'maximum'`" in told["project"]
        assert "- `Metric` is one of `'euclidean'`" in told["project"]
        assert "`activations[key]`" in told["Activations"]
        assert told.keys() >= {"LayerInfo", "Registry"}
        for line in re.findall(r"^- `\w+\(.*", told["Registry"] + told["Extractor"], re.MULTILINE):
            assert " -> " in line

    def test_it_folds_what_functions_take_and_give_and_has_no_markup_of_docstrings(self):
        page = (ROOT / "docs" / "reference.md").read_text()
        prose = re.sub(r"^```python\n.*?^```\n", "", page, flags=re.DOTALL | re.MULTILINE)
        assert "``" not in prose
        assert not re.search(r":\w+:`|^(Args|Returns|Raises|Attributes):", prose, re.MULTILINE)
        assert page.count("<details") == page.count("</details>")
        extract = prose.partition("### `Extractor`")[2].partition("\n### ")[0]
        folded = extract.partition("<details markdown")[2]
        for told in ("**`extract`**", "- `internals`: Whether", "*Returns:* Activations", "- `ExtractionFailed`: "):
            assert told in folded

    def test_every_public_name_is_in_it_and_says_what_it_is(self):
        page = (ROOT / "docs" / "reference.md").read_text()
        names = [*layerscope.__all__, *vizplugins.__all__, *vizplugins.testing.__all__]
        for name in names:
            if name in ("CASES", "CHECKS", "LOADER_CHECKS", "OUTPUTS", "READER_CHECKS"):
                continue
            assert re.search(rf"^### `{name}\b", page, re.MULTILINE), name
        for heading, text in re.findall(r"^### (.*)\n\n(.*)", page, re.MULTILINE):
            assert text.strip(), heading


def test_the_page_of_the_directory_is_what_ships():
    made = made_by("plugin_directory", "directory_page")
    assert made == (ROOT / "docs" / "plugin-directory.md").read_text(), "run: python docs/plugin_directory.py"
