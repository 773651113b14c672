"""The files of a person with layers of their own, made once."""

import os
import subprocess
import sys

import pytest

from benchmarks.serving import ROOT


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """A folder with own_layers.py, own_parts.py, and trained models that use them."""
    folder = tmp_path_factory.mktemp("project")
    script = ROOT / "tests" / "trusted" / "training.py"
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, str(script)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder
