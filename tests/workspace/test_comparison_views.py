"""What the compare page is told of two samples, two models, and which examples fit."""

import numpy as np
import pytest
import vl_convert

import core
from core.analysis.comparison import largest_change
from core.workspace.comparable import examples_that_take


@pytest.fixture(scope="module")
def workspace():
    workspace = core.Workspace()
    workspace.open_example("digits-cnn")
    return workspace


def rows_of(specification):
    return max(specification["datasets"].values(), key=len)


def test_the_largest_change_is_named_and_marked(workspace):
    report = workspace.compare_samples(0, 1)
    example = next(each for each in core.list_examples() if each.name == "digits-cnn")
    images = example.samples()[0]["image"][:2]
    activations = core.Extractor(core.load_model(example.model_path)).extract(images)
    expected = {
        key: np.linalg.norm(each.values[1] - each.values[0]) / np.linalg.norm(each.values[0])
        for key, each in activations.items()
    }
    largest = max(expected, key=expected.get)

    assert (report.largest, report.first) == (largest, "conv_1")
    assert report.distances["title"]["text"] == f"Largest change: {largest} ({expected[largest]:.3g}×)"
    assert [row["layer"] for row in rows_of(report.distances) if row["is"]] == [largest]
    assert {row["layer"]: row["distance"] for row in rows_of(report.distances)} == pytest.approx(expected, rel=1e-4)


def test_nothing_is_the_largest_change_where_nothing_differs(workspace):
    report = workspace.compare_samples(3, 3)

    assert (report.largest, report.first) == ("", "")
    assert report.distances["title"]["text"] == "No layer differs beyond rounding"
    assert largest_change({"a": 0.5, "b": float("inf"), "c": 0.7}) == "c"
    assert largest_change({"b": float("inf")}) == "b"


def test_the_channel_of_the_page_is_compared(workspace):
    chosen, strongest = workspace.compared_layer("conv_2", 0, 1, 5), workspace.compared_layer("conv_2", 0, 1, None)

    assert chosen["title"]["subtitle"] == ["channel 5 of 32"]
    assert strongest["title"]["subtitle"] == ["channel 3 of 32, the one that differs the most"]
    assert "Height" in str(chosen)
    assert "Width" in str(chosen)
    assert "channel 3 of 32" in str(workspace.compared_layer("conv_2", 0, 1, 99)["title"])


def test_the_unit_of_the_page_is_marked_where_all_are_drawn(workspace):
    chosen, all_alike = workspace.compared_layer("dense", 0, 1, 5), workspace.compared_layer("dense", 0, 1, None)
    beyond = workspace.compared_layer("dense", 0, 1, 9999)

    assert [{"unit": 5}] in chosen["datasets"].values()
    assert "the line marks unit 5: " in chosen["title"]["subtitle"][1]
    assert all(len(panel["layer"]) == 2 for panel in chosen["vconcat"])
    assert beyond["title"] == all_alike["title"]
    assert len(vl_convert.vegalite_to_png(chosen)) > 500


def test_the_unit_of_the_page_is_framed_in_a_sequence():
    workspace = core.Workspace()
    workspace.open_example("vowels-lstm")
    chosen, all_alike = workspace.compared_layer("lstm_1", 0, 1, 5), workspace.compared_layer("lstm_1", 0, 1, None)

    assert chosen["title"]["subtitle"][0].startswith("unit 5 of ")
    assert [len(panel["layer"]) for panel in chosen["concat"]] == [
        len(panel["layer"]) + 2 for panel in all_alike["concat"]
    ]
    assert [{"top": 4.5, "bottom": 5.5, "chosen row": "unit 5"}] in chosen["datasets"].values()
    assert len(vl_convert.vegalite_to_png(chosen)) > 500


def test_only_examples_that_take_the_same_inputs_are_offered(workspace):
    assert examples_that_take(workspace.model) == ("digits-cnn",)
    other = core.Workspace()
    assert examples_that_take(other.open_example("reviews-transformer")) == ("reviews-transformer",)
