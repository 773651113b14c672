import numpy as np
import pytest

from core.training.ledger import ArrayEntry, LayerEntry, RunDescription
from core.training.measures import LAYER_MEASURES
from core.training.writer import RunWriter

LAYERS = (("input:x", 3), ("first", 4), ("second", 2))


def layer_entry(key, units, source):
    return LayerEntry(
        key=key,
        name=key,
        type_name="Dense",
        type_names=("Dense", "Layer"),
        output_shape=(None, units),
        activation_function="relu",
        inputs_from=(source,) if source else (),
        unit_count=units,
    )


def description(**changes):
    sources = (None, *(key for key, _ in LAYERS))
    known = {
        "model_name": "small",
        "layers": tuple(layer_entry(key, units, source) for (key, units), source in zip(LAYERS, sources, strict=False)),
        "weights": (
            ArrayEntry(name="first/kernel", shape=(3, 4), dtype="float32"),
            ArrayEntry(name="count", shape=(), dtype="int64"),
        ),
        "inputs": (ArrayEntry(name="x", shape=(5, 3), dtype="float32"),),
        "labels": ArrayEntry(name="labels", shape=(5,), dtype="int64"),
        "class_names": ("a", "b"),
        "sample_count": 5,
        "every": 10,
    }
    return RunDescription(**(known | changes))


def layer_rows(**measures):
    """Return a row of numbers of each layer; by measure one number for all layers, or one for each."""
    row = np.full((len(LAYERS), len(LAYER_MEASURES)), np.nan, np.float32)
    for name, value in measures.items():
        row[:, LAYER_MEASURES.index(name)] = value
    return row


def unit_rows(value):
    return np.full((sum(units for _, units in LAYERS), 6), value, np.float32)


class SmallRun:
    """A run that is written by hand."""

    samples = np.arange(15, dtype=np.float32).reshape(5, 3)
    labels = np.array([0, 1, 0, 1, 1])

    def __init__(self, folder, **changes):
        self.folder = folder
        self.writer = RunWriter(folder, description(**changes), None, 1_000_000)
        self.writer.write_samples([self.samples], self.labels)

    def step(self, number, logs=None, units=0.0, **measures):
        rows = layer_rows(**({"mean": 1.0} | measures))
        self.writer.append((number, number // 100, number / 10), rows, unit_rows(units), logs or {})


@pytest.fixture
def small_run(tmp_path):
    return SmallRun(tmp_path / "run.layerscope")
