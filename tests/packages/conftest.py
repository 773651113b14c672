"""A fresh environment with the project's wheel, made beside the other tests where all are run: TensorFlow is large."""

import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmarks.serving import ROOT

MANY = 500
"""With so many tests before it, an environment is made while they run; with fewer, nobody would gain by it."""


class Environment:
    """A virtual environment of its own, outside of the checkout."""

    def __init__(self, folder):
        self.folder = folder
        self.run(sys.executable, "-m", "venv", folder / "environment")
        self.python = folder / "environment" / "bin" / "python"
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


def make_environment(folder):
    """Return an environment with the project's wheel, a package that was just made, and the example of a package."""
    environment = Environment(folder)
    wheels = environment.folder / "wheels"
    # Copies, since building leaves files behind.
    project, example = environment.folder / "project", environment.folder / "layerscope-power-spectrum"
    left_out = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "tests", "docs")
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


class _Ahead:
    """The environment that is being made; and how to be rid of it."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="layerscope-fresh-"))
        self.executor = ThreadPoolExecutor(1)
        self.made: Future[Environment] = self.executor.submit(make_environment, self.folder)

    def close(self):
        self.executor.shutdown()
        shutil.rmtree(self.folder, ignore_errors=True)


_AHEAD = pytest.StashKey[_Ahead]()


def pytest_collection_finish(session):
    here = Path(__file__).parent
    wanted = any(here in item.path.parents for item in session.items)
    if wanted and len(session.items) >= MANY and not session.config.option.collectonly:
        session.config.stash[_AHEAD] = ahead = _Ahead()
        session.config.add_cleanup(ahead.close)


@pytest.fixture(scope="module")
def fresh(request, tmp_path_factory):
    """An environment with the project's wheel, a package that was just made, and the example of a package."""
    ahead = request.config.stash.get(_AHEAD, None)
    return ahead.made.result() if ahead else make_environment(tmp_path_factory.mktemp("fresh"))
