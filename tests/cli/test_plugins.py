"""The commands of plugin authors."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from PIL import Image

import core.plugins.registry
from core.cli.main import main
from core.plugins.directory_needs import needs_of
from core.plugins.package import LICENSES, new_package
from core.plugins.registry import Registry
from core.plugins.sources import PluginSettings
from tests.support.broken_plugins import write_plugins

ROOT = Path(__file__).parents[2]
MEANING = """
from vizplugins import MeaningAnswer, OutputMeaning, hookimpl


class Angle(OutputMeaning):
    "An angle."

    name, title, takes = "angle", "Angle", "two numbers, a sine and a cosine"

    def match(self, output):
        return 0.5

    def answer(self, output, height):
        return MeaningAnswer("90°")


@hookimpl
def output_meanings():
    return [Angle()]
"""

TALKATIVE = """
import altair as alt
from vizplugins import Handles, Visualizer, hookimpl

print("I was imported")


class Talks(Visualizer):
    "A dot."

    name = title = how_to_read = limitations = "talks"
    handles = Handles(layer_types=("Dense",), axes=("sample", "unit"), parts=("output",))

    has_told = False

    def chart(self, activation, options, extractor=None):
        print("I was asked")
        if not Talks.has_told:
            Talks.has_told = True
            extractor.model.summary()
        return alt.Chart(alt.Data(values=[{"a": 1}])).mark_point().encode(x="a:Q").properties(name="talks")


@hookimpl
def visualizers():
    return [Talks()]
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *command: CliRunner().invoke(main, ["plugins", *map(str, command)])


@pytest.fixture
def with_broken(tmp_path, monkeypatch):
    """The registry of the process, with three plugins that are broken and one that is not."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    write_plugins(folder, "import_error", "wrong_hook", "bad_handles")
    monkeypatch.setattr(core.plugins.registry, "_registry", Registry(settings=PluginSettings((folder,))))


@pytest.fixture
def in_a_folder(tmp_path, monkeypatch):
    """A folder with one plugin that works, in a process that has no registry yet."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    write_plugins(folder, "no such")
    monkeypatch.setenv("LAYERSCOPE_PLUGINS", "")
    monkeypatch.setattr(core.plugins.registry, "_registry", None)
    return folder


class TestList:
    def test_those_that_ship_with_layerscope(self, run, monkeypatch):
        monkeypatch.setattr(core.plugins.registry, "_registry", Registry(settings=PluginSettings(enabled=False)))
        done = run("list")

        assert done.exit_code == 0
        assert any(line.split()[:2] == ["ready", "feature_maps"] for line in done.output.splitlines())
        assert done.output.splitlines()[0].split() == ["status", "plugin", "import", "from", "brings"]
        assert "exciting-samples (units)" in done.output
        assert "classes (output meaning), text (output meaning)" in done.output

    def test_failures_are_told_and_are_a_status(self, run, with_broken):
        done = run("list")

        assert done.exit_code == 1
        assert any(line.split()[:2] == ["failed", "import_error.py"] for line in done.output.splitlines())
        assert "did you mean 'channel'?" in done.output
        assert "(bad_handles.py, line 3)" in done.output

    def test_as_json(self, run, with_broken):
        listed = {each["name"]: each for each in json.loads(run("list", "--json").stdout)}

        assert listed["good.py"]["status"] == "ready"
        assert listed["good.py"]["visualizers"][0]["name"] == "good"
        assert listed["wrong_hook.py"]["failures"][0]["traceback"]

    def test_what_one_prints_is_not_in_the_json(self, run, in_a_folder):
        (in_a_folder / "talks.py").write_text(TALKATIVE)
        done = run("list", "--plugins", in_a_folder, "--json")

        assert {"good.py", "talks.py"} <= {each["name"] for each in json.loads(done.stdout)}
        assert "printed by plugins:\n    I was imported\n" in done.stderr

    def test_those_of_a_folder_stand_first(self, run, in_a_folder):
        done = run("list", "--plugins", in_a_folder)

        assert done.exit_code == 0
        assert done.output.splitlines()[1].split()[:2] == ["ready", "good.py"]


class TestCheck:
    def test_a_file_that_is_sound(self, run):
        done = run("check", ROOT / "examples" / "layerscope-power-spectrum" / "layerscope_power_spectrum.py")

        assert done.exit_code == 0, done.output
        assert "passed  power-spectrum: declaration, " in done.output
        assert "not reached" not in done.output
        assert "6 of 6 are there:" in done.output
        assert "there   licence: MIT" in done.output
        assert done.output.splitlines()[-1] == "1 picture passed"

    def test_a_file_that_says_what_outputs_mean_and_no_more(self, run, tmp_path):
        (tmp_path / "angle.py").write_text(MEANING)
        (tmp_path / "broken.py").write_text(MEANING.replace("return 0.5", "return 1 / 0").replace("angle", "broken"))
        done = run("check", tmp_path)

        assert done.exit_code == 1
        assert "passed  angle: declaration, explains itself, " in done.output
        (line,) = (line for line in done.output.splitlines() if line.startswith("FAILED"))
        assert line == (
            "FAILED  broken: [draws] could not be asked: ZeroDivisionError: division by zero (broken.py:11) "
            "in 20 of 20 cases, e.g. one number of 1"
        )
        assert "not reached  broken: valid, " in done.output
        assert done.output.splitlines()[-1] == "1 of 2 meanings failed"
        alone = run("check", tmp_path / "angle.py")
        assert alone.exit_code == 0
        assert "only a package can be listed in the directory" in alone.output

    def test_a_folder_of_broken_ones(self, run, tmp_path):
        write_plugins(tmp_path, "import_error", "raises")
        done = run("check", tmp_path)

        assert done.exit_code == 1
        assert "FAILED  import_error.py: ModuleNotFoundError: No module named 'nowhere_to_be_found'" in done.output
        assert "FAILED  raises: [draws] ZeroDivisionError: division by zero (raises.py:18) in " in done.output
        assert " cases, e.g. as recorded of Dense (6×8)\n" in done.output
        assert done.output.count("ZeroDivisionError") == 1
        assert "passed  raises: declaration, no Streamlit, handles\n" in done.output
        assert "not reached  raises: valid, budget, " in done.output
        assert done.output.splitlines()[-1] == "1 of 3 plugins could not be used as it is, 2 of 2 pictures failed"

    def test_one_of_a_folder_by_its_name_with_all_of_what_it_raised(self, run, tmp_path, monkeypatch):
        monkeypatch.setenv("LAYERSCOPE_PLUGINS", "")
        write_plugins(tmp_path, "raises")
        done = run("check", "--plugins", tmp_path, "--traceback", "raises")

        assert "        Traceback (most recent call last):\n" in done.output
        assert "return 1 / 0\n" in done.output
        assert done.output.splitlines()[-1] == "1 of 1 picture failed"

    def test_nothing_is_asked_for(self, run):
        assert "Say what is to be checked" in run("check").output

    def test_one_that_keeps_what_it_drew(self, run, tmp_path):
        kept = TALKATIVE.replace('        print("I was asked")', "        KEPT.append(activation)")
        (tmp_path / "keeps.py").write_text(f"KEPT = []\n{kept}")
        done = run("check", tmp_path / "keeps.py")

        assert done.exit_code == 1
        assert re.search(
            r"FAILED  talks: \[memory\] it keeps [\d.]+ (KB|bytes) of each drawing: memory grew by", done.output
        )
        assert done.output.splitlines()[-1] == "1 of 1 picture failed"

    def test_what_is_printed_stands_apart_by_who_prints_it(self, run, tmp_path):
        (tmp_path / "talks.py").write_text(TALKATIVE)
        done = run("check", tmp_path / "talks.py")

        assert done.exit_code == 0, done.output
        assert not any("I was" in line or "Model:" in line for line in done.stdout.splitlines())
        told = done.stderr.splitlines()
        assert told[:2] == ["printed by talks.py:", "    I was imported"]
        assert any(re.fullmatch(r"    I was asked  \(\d+ times\)", line) for line in told)
        assert "printed by Keras:" in told
        assert any("Total params" in line for line in told)

    def test_a_package_that_is_not_there_and_a_folder_without_plugins(self, run, tmp_path):
        (tmp_path / "empty").mkdir()

        assert "No module named 'no_such_package'" in run("check", "no_such_package").output
        assert "there is no plugin in it" in run("check", tmp_path / "empty").output
        assert run("check", "no_such_package").exit_code == run("check", tmp_path / "empty").exit_code == 1


class TestExplain:
    def test_yes_and_no_with_reasons(self, run):
        done = run("explain", "vowels-lstm", "lstm_2")
        lines = done.output.splitlines()

        assert done.exit_code == 0
        assert lines[0].startswith("LSTM · 24 · ")
        assert any(line.startswith("yes  Gates (gates): ") for line in lines)
        assert "no   Feature maps takes axes (sample, height, width, channel), these are (sample, unit)" in lines

    def test_without_a_layer_what_the_output_can_mean_and_why_nothing_else(self, run):
        done = run("explain", "vowels-lstm")
        lines = done.output.splitlines()

        assert lines[:2] == ["probabilities", "0.90  Class probabilities (classes)"]
        assert "0.30  Numbers (numbers)" in lines
        assert "no    Keypoints needs an image as input" in lines

    def test_what_failed_is_named_too(self, run, with_broken):
        assert "failed: import_error.py: ModuleNotFoundError" in run("explain", "digits-dense", "probabilities").output

    def test_with_noise_there_are_samples_enough_to_compare(self, run):
        done = run("explain", "vowels-lstm", "lstm_2", "--input", "noise")

        assert any(line.startswith("yes  Projection (projection): ") for line in done.output.splitlines())
        assert "at least" not in done.output

    def test_as_json_with_a_plugin_of_a_folder(self, run, in_a_folder):
        explained = json.loads(run("explain", "vowels-lstm", "lstm_2", "--plugins", in_a_folder, "--json").stdout)

        assert explained["description"].startswith("LSTM · 24 · ")
        assert {"good", "gates"} <= {each["name"] for each in explained["suits"]}
        (rejected,) = (each for each in explained["does_not_suit"] if each["name"] == "feature-maps")
        assert rejected["reason"].startswith("takes axes (sample, height, width, channel)")
        assert explained["plugins"] == []
        (output,) = json.loads(run("explain", "vowels-lstm", "--json").stdout)["outputs"]
        assert output["output"] == "probabilities"
        assert output["meanings"][0] == {"name": "classes", "title": "Class probabilities", "score": 0.9, "reason": ""}

    def test_a_picture_of_a_folder_is_drawn(self, run, in_a_folder, tmp_path):
        file = tmp_path / "good.json"
        command = ["chart", "vowels-lstm", "noise", "lstm_2", "good", "-o", str(file), "--plugins", str(in_a_folder)]
        done = CliRunner().invoke(main, command)

        assert done.exit_code == 0, done.output
        assert json.loads(file.read_text())["title"] == "A dot"

    def test_a_layer_that_there_is_not(self, run):
        done = run("explain", "vowels-lstm", "lstm")

        assert done.exit_code == 1
        assert "no layer 'lstm'; there are: " in done.output


class TestNew:
    def test_its_own_tests_pass_and_it_keeps_the_rules_of_style(self, run, tmp_path):
        done = run("new", "spike-raster")
        package = tmp_path / "layerscope-spike-raster"

        assert done.exit_code == 0
        assert "is ready" in done.output
        command = [sys.executable, "-m", "pytest", "-q", "-p", "core.plugins.pytest_plugin", "-p", "no:cacheprovider"]
        environment = {
            "PYTHONPATH": f"{package}:{ROOT}",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "TF_CPP_MIN_LOG_LEVEL": "2",
        }
        tested = subprocess.run(command, cwd=package, capture_output=True, text=True, env=environment, check=False)
        assert "5 passed" in tested.stdout, tested.stdout + tested.stderr
        ruff = [sys.executable, "-m", "ruff", "check", "--config", ROOT / "pyproject.toml", package]
        assert subprocess.run(ruff, capture_output=True, check=False).returncode == 0

    def test_all_but_the_address_of_its_source_is_there_to_be_listed(self, run, tmp_path):
        run("new", "spike-raster", "--license", "bsd-3-clause", "--author", 'Ada "A" Ä')
        needs = {need.name: need for need in needs_of(str(tmp_path / "layerscope-spike-raster"))}

        assert [name for name, need in needs.items() if not need.is_there] == ["URL"]
        assert needs["licence"].words == "BSD-3-Clause"

    @pytest.mark.parametrize("license_id", LICENSES)
    def test_the_licence_is_the_one_that_was_chosen(self, tmp_path, license_id):
        package = new_package("demo", tmp_path, license_id, 'Ada "A" Ä')
        project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
        text = (package / "LICENSE").read_text()

        assert project["license"] == license_id
        assert project["authors"] == [{"name": 'Ada "A" Ä'}]
        if license_id == "Apache-2.0":
            assert text == (ROOT / "LICENSE").read_text()
        else:
            assert 'Ada "A" Ä' in text
            assert "$" not in text

    def test_a_licence_without_a_text_is_refused_with_those_that_have_one(self, run, tmp_path):
        refused = run("new", "demo", "--license", "GPL-3.0-only")

        assert refused.exit_code == 1
        assert "There is no text of the licence 'GPL-3.0-only' here." in refused.output
        assert "Take MIT, Apache-2.0, BSD-3-Clause, and change LICENSE" in refused.output
        assert list(tmp_path.iterdir()) == []

    def test_its_readme_has_the_picture_and_its_workflow_runs_the_tests(self, tmp_path):
        package = new_package("demo", tmp_path)

        assert "](picture.png)" in (package / "README.md").read_text()
        with Image.open(package / "picture.png") as image:
            assert image.width > 400
        (job,) = yaml.safe_load((package / ".github" / "workflows" / "tests.yml").read_text())["jobs"].values()
        assert [step["run"] for step in job["steps"] if "run" in step] == [
            'pip install -e ".[test]"',
            "python -m pytest",
        ]

    @pytest.mark.parametrize("name", ["Spike", "spike raster", "1st", "spike--raster", "../spike", "class", "", "-x"])
    def test_what_is_no_name_for_a_package(self, run, tmp_path, name):
        done = run("new", "--", name)

        assert done.exit_code == 1
        assert "is no name for a package." in done.output
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("feature-maps", "The picture Feature maps (feature-maps) ships with Layerscope."),
            ("attribution", "The picture Attribution (input-attribution) ships with Layerscope."),
            ("good", "The picture good (good) is of good.py."),
        ],
    )
    def test_a_name_that_is_taken(self, run, tmp_path, with_broken, name, words):
        done = run("new", name)

        assert done.exit_code == 1
        assert words in done.output
        assert "Take another name: the first one of a name stays" in done.output
        assert not (tmp_path / f"layerscope-{name}").exists()

    def test_a_package_that_is_installed(self, run, tmp_path, monkeypatch):
        about = tmp_path / "site" / "layerscope_spike-1.0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: layerscope-spike\nVersion: 1.0\n")
        monkeypatch.syspath_prepend(about.parent)

        assert "layerscope-spike is installed already." in run("new", "spike").output

    def test_what_is_there_is_not_touched(self, run, tmp_path):
        run("new", "demo")
        file = tmp_path / "layerscope-demo" / "pyproject.toml"
        file.write_text("mine")
        done = run("new", "layerscope-demo")

        assert done.exit_code == 1
        assert "There is already something at" in done.output
        assert file.read_text() == "mine"

    def test_elsewhere(self, tmp_path):
        made = new_package("two_words", tmp_path / "packages")

        assert made == tmp_path / "packages" / "layerscope-two-words"
        assert (made / "layerscope_two_words.py").is_file()
        shutil.rmtree(made)
