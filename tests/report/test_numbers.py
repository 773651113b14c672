"""The numbers of a report: those of the health of a real model, and as JSON."""

import json

import numpy as np
import pytest

from core.report.numbers import numbers_as_json, numbers_of
from tests.report.conftest import LAYER


@pytest.fixture(scope="module")
def reported(workspace):
    return numbers_of(workspace, "test.npz")


def by_layer(numbers):
    return {each.layer: each for each in numbers.layers}


def test_shares_are_those_that_health_finds_where_they_arise(reported, workspace):
    layers = by_layer(reported)
    found = next(each for each in workspace.health().rows if (each.layer, each.kind) == ("hidden", "dead"))

    assert layers["hidden"].shares["dead"] == found.found / found.unit_count >= 0.5
    # Behind a dead unit its normalization is constant, which is no fault of that.
    assert layers["norm"].shares["constant"] == 0
    assert layers["norm"].shares["dead"] is None
    assert layers["hidden"].shares["saturated"] is None
    assert layers[LAYER].shares["saturated"] is not None


def test_drift_is_told_in_standard_deviations_of_training(reported, reported_samples):
    layers = by_layer(reported)
    hidden = np.maximum(0, -1)  # what a dead unit answers: five below the mean of training, whose variance is one
    expected = (hidden - 5) / np.sqrt(1 + 1e-3)

    assert layers["norm"].drift == pytest.approx(expected, rel=1e-3)
    assert layers["norm"].spread == pytest.approx(np.sqrt(1e-3) / np.sqrt(1 + 1e-3), rel=0.05)
    assert layers["hidden"].drift is None


def test_how_far_each_layer_is_from_the_second_model(reported, workspace):
    report = workspace.comparison()

    assert reported.compared == "other"
    assert {each.layer: each.change for each in reported.layers if each.change is not None} == dict(
        zip(report.layers, report.changes, strict=True)
    )
    assert by_layer(reported)["hidden"].change > 0.1


def test_as_json(reported):
    told = json.loads(numbers_as_json(reported, [{"condition": "nan", "outcome": "held", "text": "None."}], True))

    assert told["schema"] == 1
    assert set(told["versions"]) == {"layerscope", "keras", "tensorflow", "python"}
    assert told["samples"] == {"count": 40, "with_label": 40, "data": "test.npz"}
    assert told["accuracy"] == reported.accuracy
    assert told["loss_name"] == "mean cross-entropy"
    hidden = next(each for each in told["layers"] if each["layer"] == "hidden")
    assert hidden["dead"] == 0.5
    assert {"nan", "always-on", "drift", "spread", "change", "type", "shape", "parameters"} <= set(hidden)
    assert told["findings"][0]["text"]
    assert told["conditions"][0]["outcome"] == "held"
    assert told["passed"] is True


def test_what_is_not_finite_is_null(reported):
    from dataclasses import replace

    layers = [replace(each, change=float("inf")) for each in reported.layers]
    told = json.loads(numbers_as_json(replace(reported, loss=float("nan"), layers=layers)))

    assert told["loss"] is None
    assert {each["change"] for each in told["layers"]} == {None}
