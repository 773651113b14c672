"""The name under which people import Layerscope."""

import os
import subprocess
import sys
import tomllib

import pytest

import core
import layerscope
from benchmarks.serving import ROOT


def run_python(*arguments, folder):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_all_that_core_has_and_what_is_its_own():
    assert set(layerscope.__all__) == {*core.__all__, "report", "show"}
    assert dir(layerscope) == sorted(layerscope.__all__)
    for name in core.__all__:
        assert getattr(layerscope, name) is getattr(core, name)
    assert callable(layerscope.show)
    assert callable(layerscope.report)


def test_an_unknown_name():
    with pytest.raises(AttributeError, match="module 'layerscope' has no attribute 'nothing'"):
        layerscope.nothing  # noqa: B018


def test_importing_costs_nothing(tmp_path):
    heavy = {"tensorflow", "keras", "numpy", "streamlit", "ui"}
    check = f"import layerscope, sys; sys.exit(bool({heavy} & set(sys.modules)))"

    assert run_python("-W", "error", "-c", check, folder=tmp_path).returncode == 0


def test_what_the_page_reads_beside_its_code_is_in_the_wheel():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["ui"]
    beside = {path.name for path in (ROOT / "ui").iterdir() if path.is_file() and path.suffix != ".py"}

    assert set(declared) == beside


def test_it_is_the_command(tmp_path):
    done = run_python("-m", "layerscope", "--help", folder=tmp_path)

    assert done.returncode == 0
    assert done.stdout.startswith("Usage: layerscope ")
    assert {"run", "layers", "chart", "extract"} <= set(done.stdout.split())


def test_the_template_of_reports_is_in_the_wheel():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["core.report"]
    found = {path for pattern in declared for path in (ROOT / "core" / "report").glob(pattern)}

    assert found == set((ROOT / "core" / "report" / "template").iterdir())


@pytest.mark.parametrize("place", ["core/__init__.py", "core.py"])
def test_a_strangers_core_is_named_and_not_run(tmp_path, place):
    stranger = tmp_path / place
    stranger.parent.mkdir(exist_ok=True)
    stranger.write_text("open('ran', 'w').close()")

    done = run_python("-c", "import layerscope", folder=tmp_path)

    assert "ImportError: Layerscope needs its own package 'core'" in done.stderr
    assert str(stranger) in done.stderr
    assert "Rename that" in done.stderr
    assert not (tmp_path / "ran").exists()


def test_a_strangers_ui_is_named_when_the_page_is_needed(tmp_path):
    stranger = tmp_path / "ui" / "__init__.py"
    stranger.parent.mkdir()
    stranger.write_text("open('ran', 'w').close()")

    done = run_python("-c", "import layerscope; layerscope.list_examples(); layerscope.show(None)", folder=tmp_path)

    assert "ImportError: Layerscope needs its own package 'ui'" in done.stderr
    assert str(stranger) in done.stderr
    assert not (tmp_path / "ran").exists()


def test_a_folder_of_the_same_name_that_is_no_package_is_in_nobodys_way(tmp_path):
    (tmp_path / "core").mkdir()

    assert run_python("-c", "import layerscope; layerscope.list_examples()", folder=tmp_path).returncode == 0
