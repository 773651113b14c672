"""What a file says without being opened, against what Keras makes of it when it is."""

import json
import re
import warnings

import keras
import numpy as np
import pytest
import tf_keras

from benchmarks.serving import ROOT
from core.file_report import FileReport, report_file
from core.workers.wire import decode, encode_value
from tests.hostile.models import HOSTILE_MODELS
from tests.trusted.saving import run_python, save_project

layers = keras.layers


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Models that use layers of their owner's, which nobody knows here."""
    return save_project(tmp_path_factory.mktemp("project"))


def trained(model):
    model.compile("adam", "mse")
    inputs = np.random.default_rng(0).normal(size=(8, *model.input_shape[1:])).astype(np.float32)
    model.fit(inputs, np.zeros((8, *model.output_shape[1:])), verbose=0)
    return model


def convolutional():
    inputs = keras.Input((12, 12, 1), name="picture")
    left = layers.Conv2D(4, 3, padding="same", name="left")(inputs)
    right = layers.Conv2D(4, 1, name="right")(inputs)
    both = layers.BatchNormalization(name="norm")(layers.Add(name="both")([left, right]))
    return keras.Model(inputs, layers.Dense(2, name="head")(layers.Flatten(name="flat")(both)))


def recurrent():
    stack = [
        keras.Input((7, 3)),
        layers.Bidirectional(layers.LSTM(4, return_sequences=True), name="both_ways"),
        layers.TimeDistributed(layers.Dense(5), name="steps"),
        layers.GRU(6, name="memory"),
        layers.Dense(2, name="head"),
    ]
    return keras.Sequential(stack)


def nested():
    stack = [keras.Input((6,)), layers.Dense(5, name="inner"), layers.Dense(4, name="outer")]
    block = keras.Sequential(stack, name="block")
    inputs = keras.Input((6,))
    return keras.Model(inputs, layers.Dense(2, name="head")(block(inputs)))


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("make", [convolutional, recurrent, nested])
def test_layers_and_weights_are_those_of_the_model(tmp_path, make, suffix):
    model = trained(make())
    model.save(tmp_path / f"model{suffix}")
    report = report_file(tmp_path / f"model{suffix}")
    assert (report.refusal, report.missing) == ("", ())
    assert report.keras_version == keras.__version__
    assert report.training == {"optimizer": "Adam", "loss": "mse"}

    rows = {row.key: row for row in report.rows}
    told = [layer for layer in model.layers if not isinstance(layer, layers.InputLayer)]
    assert [key for key, row in rows.items() if not row.parent] == [layer.name for layer in told]
    for layer in told:
        row = rows[layer.name]
        assert row.type_name == type(layer).__name__
        assert row.shape == "×".join(str(extent) for extent in layer.output.shape[1:])
        assert row.parameter_count == layer.count_params()
    # The optimizer's slots are none of the model's.
    assert len(report.weights) == len(model.weights)
    assert sum(row.count for row in report.weights) == model.count_params()
    stored = [each.numpy() for each in model.weights]
    expected = [(each.min(), each.max(), each.mean()) for each in stored]
    told = [(row.minimum, row.maximum, row.mean) for row in report.weights]
    np.testing.assert_allclose(sorted(told), sorted(expected), atol=1e-6)


def test_the_distribution_is_that_of_the_weights(tmp_path):
    model = trained(convolutional())
    model.save(tmp_path / "model.keras")
    kernel = model.get_layer("left").kernel.numpy()
    kernel[0, 0, 0] = np.nan
    model.get_layer("left").kernel.assign(kernel)
    model.save(tmp_path / "broken.keras")
    row = next(row for row in report_file(tmp_path / "model.keras").weights if row.layer == "left")
    assert (row.name, row.shape, row.dtype) == ("kernel", "3×3×1×4", "float32")
    row = next(row for row in report_file(tmp_path / "broken.keras").weights if row.layer == "left")
    finite = kernel[np.isfinite(kernel)]
    assert row.distribution == tuple(np.histogram(finite.astype(np.float64), bins=16)[0])
    assert (row.not_finite, row.deviation) == (4, pytest.approx(finite.std(), rel=1e-5))
    rows = {row.key: row for row in report_file(tmp_path / "broken.keras").rows}
    assert rows["left"].notes == ("NaN or Inf",)


def test_connections_are_those_of_the_graph(tmp_path):
    model = convolutional()
    model.save(tmp_path / "model.keras")
    report = report_file(tmp_path / "model.keras")
    sources = {row.key: row.inputs_from for row in report.rows}
    assert sources["left"] == sources["right"] == ("input:picture",)
    assert sources["both"] == ("left", "right")
    boxes = {row["layer"] for data in report.map["datasets"].values() for row in data if "layer" in row}
    assert {"left", "right", "both", "norm", "flat", "head"} <= boxes


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_class_that_is_missing_is_named_with_the_lines_that_register_it(project, suffix):
    report = report_file(project / f"registered{suffix}")
    (missing,) = report.missing
    assert (missing.name, missing.registered_name, missing.layers) == ("Mixed", "own>Mixed", ("mixed",))
    assert len(missing.code.splitlines()) == 3
    rows = {row.key: row for row in report.rows}
    # An .h5 file says nothing of what a class that is not Keras' answers, and nothing is guessed.
    assert (rows["mixed"].shape, rows["mixed"].parameter_count) == ("4" if suffix == ".keras" else "", 28)
    # What is inside is told by the weights alone: its type is not known.
    assert (rows["mixed/inner"].type_name, rows["mixed/inner"].parameter_count) == ("", 28)
    assert (rows["head"].type_name, rows["head"].inputs_from) == ("Dense", ("mixed",))


def test_the_lines_register_the_class(project, monkeypatch):
    report = report_file(project / "registered.keras")
    monkeypatch.syspath_prepend(project)
    registered = keras.saving.get_custom_objects()
    before = dict(registered)
    exec(report.missing[0].code, {})
    try:
        model = keras.saving.load_model(project / "registered.keras", compile=False)
    finally:
        registered.clear()
        registered.update(before)
    expected = np.load(project / "registered.npy")
    np.testing.assert_allclose(model.predict(np.load(project / "inputs.npy"), verbose=0), expected, rtol=1e-5)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_code_in_a_file_is_said_to_be_there_and_not_shown(project, suffix):
    report = report_file(project / f"lambda{suffix}")
    rows = {row.key: row for row in report.rows}
    assert rows["positive"].notes == ("holds Python code, which is not shown and was not run",)
    assert "4wEAAAA" not in repr(report)


def test_weights_alone(tmp_path):
    model = trained(convolutional())
    model.save_weights(tmp_path / "only.weights.h5")
    report = report_file(tmp_path / "only.weights.h5")
    assert "weights only" in report.refusal
    rows = {row.key: row for row in report.rows}
    assert rows["left"].parameter_count == 40
    assert rows["left"].type_name == rows["left"].shape == ""
    assert sum(row.count for row in report.weights) == model.count_params()


def test_an_architecture_with_its_weights(tmp_path):
    model = trained(nested())
    (tmp_path / "model.json").write_text(model.to_json())
    model.save_weights(tmp_path / "model.weights.h5")
    report = report_file(tmp_path)
    assert report.refusal == ""
    rows = {row.key: row for row in report.rows}
    assert rows["block/inner"].parameter_count == 35
    assert rows["block"].parameter_count == 35 + 24


def test_a_file_of_keras_2(tmp_path):
    stack = [
        tf_keras.layers.Dense(4, input_shape=(3,), name="first"),
        tf_keras.layers.Lambda(lambda x: x * 2, name="twice"),
    ]
    model = tf_keras.Sequential(stack)
    model.compile("adam", "mse")
    with warnings.catch_warnings():
        # It advises against the format that most people used.
        warnings.simplefilter("ignore", UserWarning)
        model.save(tmp_path / "model.h5")
    report = report_file(tmp_path / "model.h5")
    assert report.keras_version.startswith("2.")
    rows = {row.key: row for row in report.rows}
    assert (rows["first"].shape, rows["first"].parameter_count) == ("4", 16)
    assert [row.name for row in report.weights] == ["bias", "kernel"]


def test_large_weights_are_looked_at_in_part(tmp_path):
    model = keras.Sequential([keras.Input((900,)), layers.Dense(900, name="large")])
    model.save(tmp_path / "model.keras")
    row = report_file(tmp_path / "model.keras").weights[0]
    assert row.count == 810_000
    assert 100_000 < row.looked_at <= 200_000
    assert row.mean == pytest.approx(0, abs=0.001)


def test_what_crosses_from_a_worker_is_what_was_said(project):
    report = report_file(project / "both.keras")
    assert decode(encode_value(report), "file_report").value == report


@pytest.mark.parametrize("case", HOSTILE_MODELS, ids=lambda case: case.name)
def test_a_hostile_file_is_reported_or_not_and_nothing_else(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model"
    path.write_bytes(case.build())
    report = report_file(path, name="model.bin")
    assert isinstance(report, FileReport)
    assert re.search(case.says, f"{report.refusal} {report.remedy}")
    assert json.dumps(report.map)
    assert [each.name for each in tmp_path.iterdir()] == ["model"]


def test_neither_keras_nor_tensorflow_is_imported(project):
    code = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[1]); from core.file_report import report_file; "
        "report_file(pathlib.Path('both.keras')); assert not {'keras', 'tensorflow'} & set(sys.modules)"
    )
    done = run_python("-c", code, str(ROOT), folder=project)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("content", [b"", b"no model", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"])
def test_what_is_no_model_says_so(content):
    report = report_file(content, name="strange")
    assert report.refusal
    assert report.rows == ()
