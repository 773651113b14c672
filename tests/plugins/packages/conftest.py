"""A fresh environment with the project's wheel, made once; what the wheel asks for is that of these tests."""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from benchmarks.serving import ROOT


class Environment:
    """A virtual environment of its own, outside of the checkout."""

    def __init__(self, folder):
        self.folder = folder
        self.run(sys.executable, "-m", "venv", folder / "environment")
        self.python = folder / "environment" / "bin" / "python"
        # To install TensorFlow again, as .ci/run does, would take minutes. An editable project is not found by this.
        own = self.run(self.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
        Path(own, "installed.pth").write_text(sysconfig.get_path("purelib"))
        self.layerscope = folder / "environment" / "bin" / "layerscope"

    def run(self, *command, succeeds=True, folder=None):
        done = subprocess.run(
            list(map(str, command)), cwd=folder or self.folder, capture_output=True, text=True, check=False
        )
        assert not succeeds or done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def install(self, *what):
        self.run(self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what)

    def tests_of(self, package):
        return self.run(self.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder=package)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """An environment with the project's wheel, a package that was just made, and the example of a package."""
    environment = Environment(tmp_path_factory.mktemp("fresh"))
    wheels = environment.folder / "wheels"
    # Copies, since building leaves files behind.
    project, example = environment.folder / "project", environment.folder / "layerscope-power-spectrum"
    left_out = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "tests", "images")
    shutil.copytree(ROOT, project, ignore=lambda path, names: left_out(path, names) - {".streamlit"})
    shutil.copytree(
        ROOT / "examples" / example.name, example, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )
    environment.run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", wheels, project)
    (wheel,) = wheels.glob("layerscope-*.whl")
    environment.install(wheel)
    environment.run(environment.layerscope, "plugins", "new", "demo")
    environment.install("./layerscope-demo[test]", "./layerscope-power-spectrum")
    return environment
