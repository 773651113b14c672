"""What workers are forked from: it has what all of them need, ran no model, and nothing of anybody else."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.workspace.workers.trouble import install

ROOT = Path(__file__).parents[3]
LOOK = """
import json, sys, threading
import core.workspace.workers.preload
from tensorflow.python.eager import context

visualizers = core.plugins.registry._registry
print(json.dumps({
    "pictures": "narwhals._pandas_like" in sys.modules,
    "finds": visualizers is not None,
    "others": "layerscope_trouble" in sys.modules,
    "operations": context.context()._context_handle is not None,
    "threads": threading.active_count(),
}))
"""


def looked(path: str) -> dict[str, object]:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{path}", "TF_CPP_MIN_LOG_LEVEL": "3"}
    told = subprocess.run([sys.executable, "-c", LOOK], env=environment, capture_output=True, text=True, check=True)
    return json.loads(told.stdout)


def test_pictures_are_drawn_without_an_operation_of_tensorflow():
    assert looked("") == {"pictures": True, "finds": True, "others": False, "operations": False, "threads": 1}


def test_the_code_of_others_runs_in_workers_alone(tmp_path):
    install(tmp_path)
    assert looked(str(tmp_path)) == {
        "pictures": True,
        "finds": False,
        "others": False,
        "operations": False,
        "threads": 1,
    }
