"""What else the kit brings: activations, models, and fixtures for other projects' tests."""

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from core.analysis.attribution import mismatch
from core.plugins.testing.cases import cases_of
from vizplugins import Handles, Visualizer
from vizplugins.testing import LAYER_KINDS, empty_registry, make_activation, small_activations, small_model

ROOT = Path(__file__).parents[3]


class TestMakeActivation:
    def test_axes_in_words(self):
        activation = make_activation("sample height width channel")

        assert activation.axes == ("sample", "height", "width", "channel")
        assert activation.values.dtype == np.float32
        assert min(activation.shape) > 1
        np.testing.assert_array_equal(activation.values, make_activation("sample height width channel").values)
        assert (activation.values != make_activation("sample height width channel", seed=1).values).any()

    def test_extents(self):
        assert make_activation("sample=2 time=50 unit").shape == (2, 50, 8)

    @pytest.mark.parametrize("axes", ["sample Unit", "sample unit=many", "sample, unit"])
    def test_what_is_no_axis(self, axes):
        with pytest.raises(ValueError, match="is no axis"):
            make_activation(axes)

    def test_values_of_your_own(self):
        activation = make_activation(np.zeros((2, 3, 4)), bases=("LSTM", "RNN", "Layer"), part="cell_state")

        assert activation.axes == ("sample", "time", "unit")
        assert (activation.layer.type_name, activation.part) == ("LSTM", "cell_state")


class TestSmallModels:
    @pytest.mark.parametrize("kind", LAYER_KINDS)
    def test_each_has_its_layer_recorded(self, kind):
        activations = small_activations(kind)

        assert "layer" in activations or f"layer[{0}]" in activations
        assert small_activations(kind) is activations
        assert activations["layer"].context.class_names

    def test_sizes(self):
        assert small_activations("lstm", width=3, steps=9, samples=2)["layer"].shape == (2, 9, 3)

    def test_internals_and_masks_are_there(self):
        assert "layer:forget_gate" in small_activations("lstm")
        assert not small_activations("embedding")["layer"].mask.all()

    def test_a_kind_that_there_is_not(self):
        with pytest.raises(KeyError, match="there is no kind 'lstn'"):
            small_model("lstn")

    def test_the_state_of_random_numbers_is_left_as_it_was(self):
        np.random.seed(5)
        expected = np.random.random()
        np.random.seed(5)
        small_model("dense")
        assert np.random.random() == expected


def test_a_registry_that_discovers_nothing():
    assert empty_registry().visualizers == ()


def test_another_projects_tests_find_the_fixtures(tmp_path):
    (tmp_path / "test_mine.py").write_text(
        textwrap.dedent(
            """
            import sys
            def test_nothing_was_imported_before_it_was_asked_for():
                assert not {"altair", "pandas", "tensorflow", "vizplugins"} & set(sys.modules)
            def test_fixtures(make_activation, empty_registry, small_activations):
                assert make_activation("sample unit").axes == ("sample", "unit")
                assert empty_registry.visualizers == ()
                assert small_activations("dense")["layer"].shape == (6, 8)
            def test_checks(check_visualizer):
                from vizplugins.strongest_units import StrongestUnits
                check_visualizer(StrongestUnits())
            """
        )
    )
    # As the entry point of the installed package does it.
    command = [sys.executable, "-m", "pytest", "-q", "-p", "core.plugins.pytest_plugin", "-p", "no:cacheprovider"]
    environment = {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


@pytest.mark.parametrize("kind", ["simple_rnn", "lstm", "gru", "bidirectional", "embedding"])
def test_the_last_third_of_the_first_sample_is_masked_where_it_is_said(kind):
    mask = small_activations(kind, steps=12)["layer"].mask

    assert mask is not None
    assert mask[0].tolist() == [True] * 8 + [False] * 4
    assert mask[1:].all()


def test_a_picture_that_runs_the_model_again_is_tried_on_the_model_of_its_layer():
    class Again(Visualizer):
        """Runs the model again."""

        name, title = "again", "Again"
        handles = Handles(axes=("sample", "unit"))

    cases = list(cases_of(Again()))
    assert {"one unit", "hundreds of channels"} <= {case.name for case in cases}
    assert not any(mismatch(case.extractor, case.activation) for case in cases)
