"""A TensorFlow Lite file in the workspace: opened, explained as far as can be, compared with what it was made from."""

import numpy as np
import pytest

import core
from tests.support.lite_files import digits_lite


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """The digits example, with a bad conversion of it as the second model."""
    path = tmp_path_factory.mktemp("converted") / "dark.tflite"
    path.write_bytes(digits_lite("int8 of dark samples"))
    workspace = core.Workspace()
    workspace.open_example("digits-cnn")
    workspace.compare_with_model(path)
    return workspace


def test_a_conversion_is_told_by_errors_and_by_answers_that_flip(workspace):
    report = workspace.comparison()
    conversion = report.conversion

    assert report.layers == ("conv_1", "conv_2", "pool", "flatten", "dense", "probabilities")
    assert conversion.partners == ("conv_1", "conv_2", "pool", "flatten", "dense", "softmax")
    assert conversion.errors[0] > 0.05
    assert conversion.sample_count == 90
    assert conversion.flip_count == len(conversion.flips) > 0
    arrays, _ = core.get_example("digits-cnn").samples()
    number, one, _ = conversion.flips[0]
    original = core.extract(
        core.load_model(core.get_example("digits-cnn").model_path), arrays["image"][number : number + 1]
    )
    assert one == str(original.output.argmax())
    assert all(first != second for _, first, second in conversion.flips)


def test_a_layer_is_drawn_beside_the_one_that_answers_alike(workspace):
    specification = workspace.compared_layer("probabilities", 6, None)
    rows = [row for rows in specification["datasets"].values() for row in rows if row.get("of") == "dark.tflite"]
    lite = core.load_model(digits_lite("int8 of dark samples"))
    images = core.get_example("digits-cnn").samples()[0]["image"][6:7]
    np.testing.assert_allclose([row["answer"] for row in rows], core.extract(lite, images).output[0], atol=1e-6)


def test_of_two_keras_models_nothing_is_said_of_a_conversion():
    workspace = core.Workspace()
    workspace.open_example("digits-cnn")
    workspace.compare_with_example("digits-cnn", early=True)
    assert workspace.comparison().conversion is None


def test_a_file_opens_and_says_what_it_is(tmp_path):
    path = tmp_path / "digits.tflite"
    path.write_bytes(digits_lite("int8"))
    workspace = core.Workspace()
    summary = workspace.open_model(path)

    assert summary.name == "digits.tflite"
    assert [each.kind for each in summary.inputs] == ["image"]
    assert summary.parameter_count == core.Extractor(core.load_model(path)).model.count_params()
