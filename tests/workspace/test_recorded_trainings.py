"""A recorded training in the workspace: its model at any kept step, its charts, and its layers over the steps."""

import json

import keras
import numpy as np
import pytest

from core.errors import InputRejected
from core.extraction.extractor import extract
from core.plugins.registry import Registry
from core.workspace.workspace import Workspace
from tests.support.recorded_runs import CLASSES, KEPT, STEPS, RecordedRun, samples
from vizplugins import Handles, Visualizer

HIDDEN = "hidden_layer_with_a_long_name"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return RecordedRun(tmp_path_factory.mktemp("runs") / "shapes.layerscope").add(*STEPS, is_complete=True)


@pytest.fixture
def opened(recorded):
    workspace = Workspace(Registry())
    workspace.open_run(recorded.folder)
    return workspace


def rows_of(specification, column):
    tables = specification["datasets"].values()
    return [row for table in tables if table and column in table[0] for row in table]


def said(workspace):
    """Return what a page shows of an open model: whatever of it rests on weights."""
    drawn = [
        workspace.chart("conv", name, {}, 1).pictures
        for name in ("feature-maps", "kernels", "input-attribution", "statistics")
    ]
    assert all(drawn)
    return {
        "answer": workspace.answer(1).specification["datasets"],
        "rows": [(row.key, row.distribution, row.notes) for row in workspace.layers(1)],
        "samples": workspace.sample_rows(),
        "health": workspace.health(),
        "pictures": [[picture.specification.get("datasets") for picture in pictures] for pictures in drawn],
        "class means": workspace.class_means(HIDDEN),
        "unit": workspace.unit_card(HIDDEN, 1, 1),
    }


class TestTheModelAtAStep:
    def test_a_run_opens_at_its_last_step_with_the_samples_that_were_watched(self, opened):
        run = opened.run

        assert (run.name, run.step, run.kept_steps, run.is_complete) == ("shapes.layerscope", 40, KEPT, True)
        assert opened.model.name == "shapes.layerscope · step 40"
        assert len(opened.sample_names) == 12
        assert opened.sample_labels[:3] == CLASSES

    def test_all_that_is_said_at_a_step_is_what_is_said_of_a_model_with_those_weights(self, recorded, opened):
        fresh = {}
        for step in KEPT:
            fresh[step] = Workspace(Registry())
            fresh[step].open_run(recorded.folder)
            fresh[step].open_model(recorded.model_at(step))
            pictures, labels = samples()
            arrays = [("picture.npz", _archive(pictures, labels))]
            fresh[step].take_files({"": arrays}, scaling="none", fit="stretch", invert=False)
            fresh[step].set_class_names(CLASSES)

        # There and back: what was worked out at one step is to be gone at the next.
        for step in (0, 40, 20, 0, 20):
            opened.go_to_step(step)
            mine, theirs = said(opened), said(fresh[step])
            assert {name for name in mine if _plain(mine[name]) != _plain(theirs[name])} == set(), step

    def test_each_layer_reproduces_itself_after_a_step(self, opened):
        opened.go_to_step(20)
        assert opened.verify().is_clean

    def test_constants_that_a_layer_works_out_of_its_weights_follow_them(self, tmp_path):
        recorded = RecordedRun(tmp_path / "run", is_normalized=True).add(0, 20)
        workspace = Workspace(Registry())
        workspace.open_run(recorded.folder)
        for step in (20, 0, 20):
            model, arrays = keras.models.load_model(recorded.model_at(step)), samples()[0]
            workspace.go_to_step(step)
            values = np.load(_stream(workspace.activation_file("normal", 0, "npy")))

            np.testing.assert_allclose(values, extract(model, arrays)["normal"].values, rtol=1e-5)

    def test_other_samples_and_what_they_were_taken_for_stay(self, opened):
        opened.take_noise(3, 1)
        opened.set_class_names(("a", "b", "c"))
        opened.go_to_step(0)

        assert len(opened.sample_names) == 3
        assert opened.labelling.class_names == ("a", "b", "c")

    def test_a_step_without_weights_is_refused_and_what_was_open_stays(self, opened):
        opened.go_to_step(20)
        with pytest.raises(InputRejected, match="weights of step 10 are not kept"):
            opened.go_to_step(10)
        assert opened.model.name.endswith("step 20")

    def test_nobody_else_has_that_model(self, recorded):
        first, second = Workspace(Registry()), Workspace(Registry())
        for workspace in (first, second):
            workspace.open_run(recorded.folder)
        first.go_to_step(0)
        model = keras.models.load_model(recorded.model_at(40))

        # Run only now.
        values = np.load(_stream(second.activation_file("conv", 0, "npy")))
        np.testing.assert_allclose(values, extract(model, samples()[0])["conv"].values, rtol=1e-5, atol=1e-6)

    def test_another_model_closes_the_run(self, opened):
        opened.open_example("digits-cnn")
        assert opened.run is None
        with pytest.raises(InputRejected, match="No recorded training is open"):
            opened.go_to_step(0)


class TestWithoutAModel:
    @pytest.fixture
    def numbers_only(self, tmp_path):
        recorded = RecordedRun(tmp_path / "run", has_model=False, keeps_answers=True).add(*STEPS)
        workspace = Workspace(Registry())
        workspace.open_run(recorded.folder)
        return workspace

    def test_what_was_recorded_is_shown_and_the_reason_stands_where_a_model_is_asked_for(self, numbers_only):
        assert numbers_only.model is None
        assert "could not be saved" in numbers_only.run.why_no_model
        assert numbers_only.run_charts("mean").layers[0].specification
        with pytest.raises(InputRejected, match="could not be saved"):
            numbers_only.answer(0)

    def test_answers_that_were_kept_are_drawn_and_others_are_not_offered(self, numbers_only):
        kept = numbers_only.run_layer(HIDDEN, "answers", "similarity-over-training", {}, 0)
        parts = [part.key for part in numbers_only.run_layer("conv", "", "", {}, 0).parts]

        assert kept.chart.pictures
        assert "as recorded" in kept.description
        assert "answers" not in parts
        assert "mean" in parts


class TestCharts:
    def test_a_cell_is_the_number_of_a_layer_at_a_step(self, opened):
        cells = rows_of(opened.run_charts("update_ratio").layers[0].specification, "said")
        told = {(cell["layer"], cell["step"]): cell["said"] for cell in cells}

        assert told["conv", 0] == "0.1"
        assert told["answer", 30] == "0.0001"
        assert {layer for layer, _ in told} == {"conv", HIDDEN, "answer"}

    def test_what_spans_decades_is_coloured_by_them_and_names_are_whole(self, opened):
        text = json.dumps(opened.run_charts("update_ratio").layers[0].specification)

        assert '"type": "log"' in text
        assert HIDDEN in text
        assert "Of 1 layer it says nothing" in opened.run_charts("update_ratio").layers[0].caption

    def test_nan_is_shown_as_that(self, tmp_path):
        recorded = RecordedRun(tmp_path / "run", nan_from=20).add(*STEPS)
        workspace = Workspace(Registry())
        workspace.open_run(recorded.folder)
        drawn = workspace.run_charts("mean").layers[0]
        odd = {(cell["layer"], cell["step"]) for cell in rows_of(drawn.specification, "said") if "not" in cell["said"]}

        assert odd == {("conv", 20), ("conv", 30), ("conv", 40)}
        assert "Not a number: conv" in drawn.alt
        (alarm,) = workspace.run.alarms
        assert (alarm.layer, alarm.step) == ("conv", 20)

    def test_of_many_steps_a_column_stands_for_several_and_says_so(self, tmp_path):
        recorded = RecordedRun(tmp_path / "run").add(*range(0, 1000, 2))
        workspace = Workspace(Registry())
        workspace.open_run(recorded.folder)
        drawn = workspace.run_charts("zeros").layers[0]
        cells = rows_of(drawn.specification, "said")

        assert len({cell["start"] for cell in cells}) <= 240
        assert "stands for several steps" in drawn.caption
        assert "0 to 5" in {cell["steps"] for cell in cells}

    def test_loss_and_metrics_stand_on_the_axis_of_the_layers(self, opened):
        drawn = opened.run_charts("mean")
        domains = {json.dumps(_domains(each.specification)[0]) for each in (*drawn.logs, *drawn.layers)}

        assert len(drawn.logs) == 2
        assert domains == {"[0, 50]"}
        assert "loss from 0.182 to 0.0488" in drawn.logs[0].alt

    def test_two_runs_share_colours_and_their_difference_is_that_of_the_numbers(self, opened, tmp_path):
        other = RecordedRun(tmp_path / "other.layerscope", sign=-1.0).add(*STEPS[:3])
        opened.set_second_run(str(other.folder))
        drawn = opened.run_charts("mean")
        colours = [_colour_domain(each.specification) for each in drawn.layers]
        first, second = (
            {(cell["layer"], cell["step"]): float(cell["said"]) for cell in rows_of(each.specification, "said")}
            for each in drawn.layers
        )
        apart = {
            (cell["layer"], cell["start"]): cell["difference"]
            for cell in rows_of(drawn.difference.specification, "difference")
        }

        assert drawn.names == ("shapes.layerscope", "other.layerscope")
        assert colours[0] == colours[1]
        assert {step for _, step in apart} == set(STEPS[:3])
        assert apart["conv", 20] == pytest.approx(second["conv", 20] - first["conv", 20], rel=2e-3)
        assert len({row["run"] for row in rows_of(drawn.logs[0].specification, "metric")}) == 2
        assert opened.set_second_run("") is None
        assert len(opened.run_charts("mean").layers) == 1

    def test_what_there_is_not_is_named(self, opened):
        with pytest.raises(InputRejected, match="did you mean 'mean'"):
            opened.run_charts("maen")


class TestOverTheSteps:
    def test_answers_are_those_of_the_model_with_the_weights_of_each_step(self, recorded, opened):
        registry = Registry(discover=False)
        seen = []

        class Seen(Visualizer):
            """What a stranger's picture gets."""

            name, title = "seen", "Seen"
            handles = Handles(axes=("step", "sample", ...))

            def chart(self, activation, options):
                import altair as alt
                import pandas as pd

                seen.append(activation)
                return alt.Chart(pd.DataFrame({"x": [1]})).mark_point().encode(x="x:Q")

        registry.register(Seen())
        workspace = Workspace(registry)
        workspace.open_run(recorded.folder)
        before = workspace.activation_file("conv", 0, "npy")
        view = workspace.run_layer("conv", "answers", "", {}, 0)
        (activation,) = seen

        assert [each.name for each in view.visualizers] == ["seen"]
        assert (activation.axes[:2], activation.steps) == (("step", "sample"), KEPT)
        for position, step in enumerate(KEPT):
            model = keras.models.load_model(recorded.model_at(step))
            expected = extract(model, samples()[0])["conv"].values
            np.testing.assert_allclose(activation.values[position], expected, rtol=1e-5, atol=1e-6)
        assert workspace.activation_file("conv", 0, "npy") == before

    def test_numbers_of_units_are_those_recorded_and_the_open_step_is_marked(self, opened):
        opened.go_to_step(20)
        view = opened.run_layer(HIDDEN, "zeros", "units-over-training", {}, 0)
        (picture,) = view.chart.pictures

        assert view.parts[0].key == "zeros"
        assert rows_of(picture.specification, "chosen column")[0]["chosen column"] == "step 20"
        assert "4 at 5 steps, as recorded" in view.description

    def test_no_picture_of_one_moment_is_offered(self, opened):
        names = {each.name for each in opened.run_layer("conv", "answers", "", {}, 0).visualizers}
        assert names == {"map-over-training", "similarity-over-training", "units-over-training"}

    def test_a_layer_that_was_not_recorded_is_refused(self, opened):
        with pytest.raises(InputRejected, match="nothing was recorded"):
            opened.run_layer("nowhere", "", "", {}, 0)


def test_what_is_written_meanwhile_is_read_on(tmp_path):
    recorded = RecordedRun(tmp_path / "run").add(0, 10)
    workspace = Workspace(Registry())
    workspace.open_run(recorded.folder)
    recorded.add(20, 30, is_complete=True)

    assert workspace.run.step_count == 2
    now = workspace.refresh_run()
    assert (now.step_count, now.last_step, now.kept_steps, now.is_complete, now.step) == (4, 30, (0, 20), True, 0)
    assert workspace.go_to_step(20).name == "run · step 20"


def test_a_zip_of_the_folder_opens_as_the_folder_does(recorded, opened, tmp_path):
    import shutil

    archive = shutil.make_archive(str(tmp_path / "shapes"), "zip", recorded.folder.parent, recorded.folder.name)
    workspace = Workspace(Registry())
    with open(archive, "rb") as stream:
        summary = workspace.open_run(stream.read(), "shapes.zip")

    assert (summary.step, summary.kept_steps) == (40, KEPT)
    assert _plain(workspace.answer(0).specification["datasets"]) == _plain(opened.answer(0).specification["datasets"])


def _plain(told):
    """Return what is told without what differs by rounding in the last digits of single precision."""
    return json.loads(
        json.dumps(_rounded(told), default=lambda other: _rounded(getattr(other, "__dict__", str(other))))
    )


def _rounded(told):
    if isinstance(told, float):
        return float(f"{told:.4g}")
    if isinstance(told, dict):
        return [_rounded(value) for key, value in told.items() if key not in ("name", "seconds")]
    if isinstance(told, (list, tuple)):
        return [_rounded(each) for each in told]
    if hasattr(told, "__dataclass_fields__"):
        return _rounded(vars(told))
    return told


def _archive(pictures, labels):
    import io

    stream = io.BytesIO()
    np.savez(stream, picture=pictures, labels=labels)
    return stream.getvalue()


def _stream(content):
    import io

    return io.BytesIO(content)


def _domains(part):
    """Return the domains of all scales along x, in the order of the layers."""
    if isinstance(part, list):
        return [domain for each in part for domain in _domains(each)]
    if not isinstance(part, dict):
        return []
    own = part.get("x", {}).get("scale", {}).get("domain") if isinstance(part.get("x"), dict) else None
    rest = [domain for name, each in part.items() if name != "datasets" for domain in _domains(each)]
    return ([own] if own else []) + rest


def _colour_domain(part):
    colour = part["layer"][0]["encoding"]["color"]["scale"]
    return colour["domain"], colour["scheme"]
