import json
import os
import subprocess
import sys

import pytest

from benchmarks.serving import ROOT

DRAW = """
import json, sys
from altair.utils import schemapi
from core.charts.altair_shortcuts import take_shortcuts
from core.plugins.registry import Registry
from core.plugins.sources import PluginSettings
from core.plugins.testing.models import small_activations

registry = Registry(settings=PluginSettings(enabled=False))
activations = [small_activations(kind)["layer"] for kind in ("lstm", "conv2d", "softmax")]


def specifications():
    drawings = {
        f"{each.name} of {activation.layer.type_name}": registry.draw(each.name, activation)
        for activation in activations
        for each in registry.publish(activation)
        if not {"extractor"} & set(each.needs)
    }
    return {name: [each.specification for each in drawing.pictures] for name, drawing in drawings.items()}


before = specifications()
tables = []
make_table = schemapi._FromDict.__init__
schemapi._FromDict.__init__ = lambda table, classes: tables.append(1) or make_table(table, classes)
for _ in range(2):
    take_shortcuts()
after = specifications()
json.dump([before, after, len(tables)], sys.stdout, default=str)
"""


@pytest.fixture(scope="module")
def drawn():
    """The same charts before and after, in a process of its own, and how many tables of classes were made."""
    done = subprocess.run(
        [sys.executable, "-c", DRAW],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_charts_are_the_same_with_shortcuts(drawn):
    before, after, _ = drawn
    assert len(before) > 30
    assert after == before


def test_the_table_of_classes_is_made_once(drawn):
    assert drawn[2] == 1
