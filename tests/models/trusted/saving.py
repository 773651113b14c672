"""Makes what a person has who wrote layers: a project, or an installed package, and models saved with it."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from benchmarks.serving import ROOT

__all__ = ["install_package", "run_python", "save_project"]

BLOCKS = """
import keras


class Gate(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.inner = keras.layers.Dense(units, activation="sigmoid", name="inner")

    def build(self, shape):
        self.inner.build(shape)

    def call(self, x):
        return self.inner(x)

    def get_config(self):
        return {**super().get_config(), "units": self.units}
"""
TRAINING = """
import keras
import numpy as np
from own_package import Gate

model = keras.Sequential([keras.Input((6,)), Gate(5, name="gate"), keras.layers.Dense(3, "softmax", name="head")])
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(np.ones((8, 6)), np.zeros(8), verbose=0)
model.save("packaged.keras")
"""


def run_python(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, as its owner does."""
    variables = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=variables, capture_output=True, text=True, check=False
    )


def save_project(folder: Path) -> Path:
    """Train and save the models of ``training.py`` in an empty folder; return it."""
    done = run_python(str(ROOT / "tests" / "models" / "trusted" / "training.py"), folder=folder)
    assert done.returncode == 0, done.stderr
    return folder


def install_package(folder: Path) -> Path:
    """Install own_package with pip, and save a model that uses it beside; return the folder that it is installed in."""
    wheel = folder / "own_package-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("own_package/__init__.py", "from own_package.blocks import Gate\n")
        archive.writestr("own_package/blocks.py", BLOCKS)
        about = "own_package-1.0.dist-info"
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: own-package\nVersion: 1.0\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    site = folder / "site-packages"
    done = run_python("-m", "pip", "install", "-q", "--no-deps", "--target", str(site), str(wheel), folder=folder)
    assert done.returncode == 0, done.stderr
    done = run_python("-c", TRAINING, folder=folder, PYTHONPATH=str(site))
    assert done.returncode == 0, done.stderr
    return site
