import dataclasses
import io
import threading
import warnings

import altair as alt
import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from core.charts.export import CHART_FORMATS
from core.common.cache import OnceCache
from core.errors import InputRejected, LayerscopeError, ModelRefused
from core.examples.catalogue import get_example, list_examples
from core.extraction.blocks import SampleBlocks
from core.plugins.handles import Handles
from core.plugins.registry import Registry
from core.plugins.visualizer import Visualizer
from core.workspace.workspace import Workspace

layers = keras.layers
EXAMPLES = [each.name for each in list_examples()]


@pytest.fixture(scope="module")
def opened():
    """Return a function that opens an example once for all tests that only look."""
    kept = {}

    def get(name):
        if name not in kept:
            kept[name] = Workspace()
            kept[name].open_example(name)
        return kept[name]

    return get


@pytest.fixture
def workspace():
    return Workspace(models=OnceCache(4))


def saved(model, tmp_path, name="model.keras"):
    with warnings.catch_warnings():
        # Keras writes weights in a way that NumPy 2 warns of.
        warnings.simplefilter("ignore", DeprecationWarning)
        model.save(tmp_path / name)
    return (tmp_path / name).read_bytes()


def dense(tmp_path, width=4):
    return saved(keras.Sequential([keras.Input((width,), name="x"), layers.Dense(3, name="d")]), tmp_path)


def keeps_an_order(chart):
    """Whether names stand in the order of the data: on a page that would be the order of the data before."""
    if isinstance(chart, list):
        return any(map(keeps_an_order, chart))
    if not isinstance(chart, dict):
        return False
    is_open = not (chart.get("scale") or {}).get("domain")
    if chart.get("type") in ("nominal", "ordinal") and "sort" in chart and chart["sort"] is None and is_open:
        return True
    return any(keeps_an_order(part) for key, part in chart.items() if key != "datasets")


def assert_plain(thing, path="result"):
    """Only what another process could be sent: no model, tensor, array or object of a library."""
    if thing is None or type(thing) in (str, bytes, int, float, bool):
        return
    if type(thing) in (list, tuple):
        for number, each in enumerate(thing):
            assert_plain(each, f"{path}[{number}]")
    elif type(thing) is dict:
        for key, each in thing.items():
            assert type(key) is str, f"{path} has the key {key!r}"
            assert_plain(each, f"{path}[{key!r}]")
    else:
        assert dataclasses.is_dataclass(thing), f"{path} is {type(thing)}"
        assert type(thing).__module__.startswith("core."), f"{path} is {type(thing)}"
        for field in dataclasses.fields(thing):
            assert_plain(getattr(thing, field.name), f"{path}.{field.name}")


@pytest.mark.parametrize("name", EXAMPLES)
class TestEachExample:
    def test_every_picture_of_every_layer_is_drawn(self, opened, name):
        workspace = opened(name)
        drawn = set()
        for row in workspace.layers(1):
            assert not row.missing
            suited = workspace.visualizers(row.key, 1)
            assert suited, row.key
            for visualizer in suited:
                # Of several layers of one kind the first.
                kind = (row.type_name, row.shape.count("×"), visualizer.name)
                if kind in drawn:
                    continue
                drawn.add(kind)
                result = workspace.chart(row.key, visualizer.name, {}, 1)
                assert result.failure is None, result.failure
                assert result.notes == (), (row.key, visualizer.name)
                assert all(each.specification["$schema"] for each in result.pictures)
                assert not any(keeps_an_order(each.specification) for each in result.pictures), visualizer.name

    def test_only_plain_things_cross(self, opened, name):
        workspace = opened(name)
        featured = workspace.model.featured_layer
        best = workspace.visualizers(featured, 0)[0].name
        results = {
            "model": workspace.model,
            "sample_names": workspace.sample_names,
            "sample_labels": workspace.sample_labels,
            "examples": workspace.examples(),
            "inputs": workspace.inputs(0),
            "answer": workspace.answer(0),
            "sample_rows": workspace.sample_rows(),
            "sample_strip": workspace.sample_strip((0, 1), 1),
            "layers": workspace.layers(0),
            "describe": workspace.describe(featured, 0),
            "map": workspace.map(0, featured),
            "visualizers": workspace.visualizers(featured, 0),
            "rejections": workspace.rejections(featured, 0),
            "meanings": workspace.meanings(0),
            "plugins": workspace.plugins(),
            "chart": workspace.chart(featured, best, {}, 0),
            "activation_file": workspace.activation_file(featured, 0, "csv"),
            "inputs_file": workspace.inputs_file(),
            "code": workspace.code(featured, best, {}, 0),
        }
        for what, result in results.items():
            assert_plain(result, what)
        for above in (workspace.answer(0), *workspace.inputs(0), workspace.sample_strip((0, 1), 1)):
            assert not keeps_an_order(above.specification)

    def test_every_layer_is_on_the_map(self, opened, name):
        workspace = opened(name)
        for row in workspace.layers(0):
            boxes = [
                each["layer"]
                for rows in workspace.map(0, row.key)["datasets"].values()
                for each in rows
                if "layer" in each
            ]
            assert row.key in boxes or row.holds_layers
            assert len(boxes) == len(set(boxes))

    def test_is_described(self, opened, name):
        workspace = opened(name)
        model = workspace.model

        assert model.name == name
        assert model.featured_layer in [row.key for row in workspace.layers(0)]
        assert len(workspace.sample_names) > 10
        answer = workspace.answer(0)
        if model.output.endswith("classes"):
            assert len(workspace.sample_labels) == len(workspace.sample_names)
            assert answer.true_label == workspace.sample_labels[0]
            assert 0 < answer.probability <= 1
        else:
            taken_for = {
                "diabetes-regression": "numbers",
                "digits-autoencoder": "reconstruction",
                "shapes-segmentation": "mask",
                "tides-forecaster": "forecast",
            }
            assert answer.meaning == taken_for[name]
            assert answer.note

    def test_layers_answer_what_the_model_answers(self, opened, name):
        workspace = opened(name)
        example = get_example(name)
        model = keras.models.load_model(example.model_path, compile=False)
        arrays, _ = example.samples()
        (values,) = arrays.values()
        last = workspace.layers(5)[-1].key
        answers = np.load(io.BytesIO(workspace.activation_file(last, 5, "npy")))

        np.testing.assert_allclose(answers[5], model(tf.constant(values[5:6]))[0], rtol=1e-3, atol=1e-5)


class TestCharts:
    def test_the_sample_option_follows_the_sample(self, opened):
        workspace = opened("digits-dense")
        layer = workspace.layers(0)[-1].key
        drawn = [workspace.chart(layer, "activation-line", {}, sample).pictures for sample in (0, 1)]

        assert drawn[0] != drawn[1]

    def test_options_change_the_chart_and_misfits_are_told(self, opened):
        workspace = opened("digits-cnn")
        layer = workspace.model.featured_layer
        plain = workspace.chart(layer, "feature-maps", {}, 0)
        other = workspace.chart(layer, "feature-maps", {"colours": "greys", "channel": 9_999}, 0)

        assert plain.pictures != other.pictures
        assert len(other.notes) == 1
        assert [each.selections for each in plain.pictures] == [("channel",)]

    @pytest.mark.parametrize("visualizer", ["similar-units", "kernels"])
    def test_a_click_on_a_channel_is_heard_where_the_option_is_called_unit(self, workspace, visualizer):
        workspace.open_example("digits-cnn")

        assert workspace.chart("conv_2", visualizer, {}, 0).pictures[0].selections == ("channel",)

    def test_a_second_time_it_is_the_same_chart(self, opened):
        workspace = opened("digits-cnn")
        layer = workspace.model.featured_layer

        assert workspace.chart(layer, "feature-maps", {}, 0) is workspace.chart(layer, "feature-maps", {}, 0)

    def test_what_is_shown_is_not_drawn_again_to_be_saved(self, monkeypatch):
        class Counted(Visualizer):
            """Counted."""

            name = "counted"
            title = "Counted"
            handles = Handles(layer_types=("Layer",))
            drawn = 0

            def chart(self, activation, options):
                type(self).drawn += 1
                return alt.Chart(pd.DataFrame({"a": [1, 2]})).mark_point().encode(x="a:Q")

        registry = Registry()
        registry.register(Counted())
        workspace = Workspace(registry)
        workspace.open_example("digits-dense")
        layer = workspace.layers(0)[0].key
        resolved = []
        activation = SampleBlocks.activation
        monkeypatch.setattr(
            SampleBlocks, "activation", lambda *args, **options: resolved.append(1) or activation(*args, **options)
        )
        assert workspace.chart(layer, "counted", {}, 0).pictures
        assert len(resolved) == 1
        content = workspace.chart_file(layer, "counted", {}, 0, "json")

        assert b"mark" in content
        assert Counted.drawn == 1

    def test_a_visualizer_that_fails_is_a_failure_and_not_an_exception(self):
        class Broken(Visualizer):
            """Broken."""

            name = "broken"
            title = "Broken"
            handles = Handles(layer_types=("Layer",))

            def chart(self, activation, options):
                raise RuntimeError("out of ink")

        registry = Registry()
        registry.register(Broken(), package="some-package", version="2")
        workspace = Workspace(registry)
        workspace.open_example("digits-dense")
        layer = workspace.layers(0)[0].key
        result = workspace.chart(layer, "broken", {}, 0)

        assert result.pictures == ()
        assert "out of ink" in result.failure.message
        assert (result.failure.package, result.failure.version) == ("some-package", "2")
        assert "RuntimeError" in result.failure.traceback
        assert_plain(result)
        assert workspace.chart(layer, "activation-line", {}, 0).failure is None

    @pytest.mark.parametrize("kind", CHART_FORMATS)
    def test_files(self, opened, kind):
        workspace = opened("digits-cnn")
        layer = workspace.model.featured_layer
        content = workspace.chart_file(layer, "feature-maps", {}, 0, kind)

        assert content.startswith({"png": b"\x89PNG", "svg": b"<svg", "html": b"<!DOCTYPE", "json": b"{"}[kind])

    def test_a_layer_that_is_not_there(self, opened):
        with pytest.raises(InputRejected, match="no layer 'zzz'"):
            opened("digits-cnn").chart("zzz", "feature-maps", {}, 0)

    def test_rejections_say_why(self, opened):
        workspace = opened("digits-dense")
        reasons = {each.title: each.reason for each in workspace.rejections(workspace.layers(0)[0].key, 0)}

        assert reasons["Feature maps"].startswith("takes axes (sample, height, width, channel), these are")


class TestOpening:
    def test_nothing_is_open_at_first(self, workspace):
        assert workspace.model is None
        assert workspace.sample_names == ()
        for ask in (lambda: workspace.layers(0), lambda: workspace.take_noise(1, 0), workspace.take_example_samples):
            with pytest.raises(InputRejected, match="No model is open"):
                ask()

    def test_a_file(self, workspace, tmp_path):
        summary = workspace.open_model(dense(tmp_path), "mine.keras")

        assert (summary.name, summary.layer_count, summary.parameter_count) == ("mine.keras", 1, 15)
        assert (summary.featured_layer, summary.inputs[0].name, summary.inputs[0].shape) == ("d", "x", "4")
        with pytest.raises(InputRejected, match="no input yet"):
            workspace.layers(0)

    def test_a_path(self, workspace, tmp_path):
        dense(tmp_path)

        assert workspace.open_model(tmp_path / "model.keras").name == "model.keras"
        assert "layerscope.load_model('model.keras')" in workspace._require_model().opening

    @pytest.mark.parametrize("content", [b"", b"no model", b"PK\x03\x04 broken"])
    def test_a_refused_model_keeps_the_old_one_open(self, workspace, content):
        workspace.open_example("digits-dense")
        before = (workspace.model, workspace.sample_names, workspace.layers(0))
        with pytest.raises(ModelRefused):
            workspace.open_model(content, "bad.keras")

        assert (workspace.model, workspace.sample_names, workspace.layers(0)) == before

    def test_an_unknown_example_keeps_the_old_one_open(self, workspace):
        workspace.open_example("digits-dense")
        with pytest.raises(InputRejected):
            workspace.open_example("digits-rnn")

        assert workspace.model.name == "digits-dense"

    def test_one_content_is_one_extractor(self, tmp_path):
        store, content = OnceCache(4), dense(tmp_path)
        one, two = Workspace(models=store), Workspace(models=store)
        one.open_model(content, "one.keras")
        two.open_model(content, "two.keras")

        assert one._require_model().extractor is two._require_model().extractor
        assert (one.model.name, two.model.name) == ("one.keras", "two.keras")

    def test_two_visitors_do_not_see_each_others_samples(self):
        one, two = Workspace(), Workspace()
        one.open_example("digits-dense")
        two.open_example("digits-dense")
        one.take_noise(2, seed=1)
        layer = one.layers(0)[-1].key

        assert one.sample_names == ("noise 0", "noise 1")
        assert len(two.sample_names) > 10
        assert one.chart(layer, "activation-line", {}, 0) != two.chart(layer, "activation-line", {}, 0)


class TestSamples:
    def test_new_samples_give_new_answers(self, workspace):
        workspace.open_example("digits-dense")
        before = (workspace.layers(0), workspace.answer(0), workspace.inputs(0))
        workspace.take_noise(3, seed=5)
        after = (workspace.layers(0), workspace.answer(0), workspace.inputs(0))

        assert before[0] != after[0]
        assert before[1].specification != after[1].specification
        assert before[2] != after[2]
        assert workspace.sample_labels == ()
        workspace.take_example_samples()
        assert (workspace.layers(0), workspace.answer(0), workspace.inputs(0)) == before

    def test_the_same_seed_is_the_same_noise(self, workspace, tmp_path):
        workspace.open_model(dense(tmp_path))
        files = []
        for seed in (1, 1, 2):
            workspace.take_noise(3, seed)
            files.append(workspace.inputs(0))

        assert files[0] == files[1] != files[2]

    def test_files(self, workspace, tmp_path):
        workspace.open_model(dense(tmp_path))
        table = b"a,b,c,d\n1,2,3,4\n5,6,7,8\n"
        workspace.take_files({"x": [("table.csv", table)]}, scaling="none", fit="stretch", invert=False)

        assert len(workspace.sample_names) == 2
        assert workspace.inputs(1)[0].maximum == 8

    @pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"", b"\x00\x01\x02"])
    def test_rejected_input_keeps_the_old_samples(self, workspace, tmp_path, content):
        workspace.open_model(dense(tmp_path))
        workspace.take_noise(3, 0)
        before = (workspace.sample_names, workspace.layers(0))
        with pytest.raises(InputRejected):
            workspace.take_files({"x": [("t.csv", content)]}, scaling="none", fit="stretch", invert=False)

        assert (workspace.sample_names, workspace.layers(0)) == before

    def test_text(self, workspace):
        workspace.open_example("reviews-transformer")
        workspace.take_text("a great film\nterrible")

        assert len(workspace.sample_names) == 2
        assert workspace.inputs(0)[0].text == "a great film"
        assert workspace.answer(1).best

    def test_text_for_a_model_that_takes_numbers(self, workspace, tmp_path):
        workspace.open_model(dense(tmp_path))
        with pytest.raises(LayerscopeError):
            workspace.take_text("a great film")

    def test_several_inputs_by_name(self, workspace, tmp_path):
        one, two = keras.Input((4,), name="one"), keras.Input((4,), name="two")
        model = keras.Model([one, two], layers.Subtract(name="minus")([one, two]))
        workspace.open_model(saved(model, tmp_path))
        rows = {"one": b"9,9,9,9\n8,8,8,8\n", "two": b"1,1,1,1\n2,2,2,2\n"}
        files = {name: [(f"{name}.csv", rows[name])] for name in rows}
        workspace.take_files(files, scaling="none", fit="stretch", invert=False)

        assert [view.name for view in workspace.inputs(0)] == ["one", "two"]
        answers = np.load(io.BytesIO(workspace.activation_file("minus", 0, "npy")))
        np.testing.assert_array_equal(answers, [[8] * 4, [6] * 4])

    @pytest.mark.parametrize("sample", [-1, 3])
    def test_a_sample_that_is_not_there(self, workspace, tmp_path, sample):
        workspace.open_model(dense(tmp_path))
        workspace.take_noise(3, 0)
        with pytest.raises(InputRejected, match="samples 0 to 2"):
            workspace.layers(sample)


class TestInternals:
    def test_a_recurrent_layer_has_parts(self, opened):
        workspace = opened("vowels-lstm")

        parts = {part.key: part.title for part in workspace.parts("lstm_1", 0)}
        assert parts["lstm_1"] == "output"
        assert parts["lstm_1:cell_state"] == "cell state"
        assert [part.key for part in workspace.parts("lstm_1:cell_state", 0)] == list(parts)
        assert [part.key for part in workspace.parts("dropout", 0)] == ["dropout"]
        assert "cell state of LSTM" in workspace.describe("lstm_1:cell_state", 0)

    def test_a_part_is_drawn_and_its_code_draws_it_again(self, opened):
        workspace = opened("vowels-lstm")
        names = [each.name for each in workspace.visualizers("lstm_1:forget_gate", 3)]
        drawn = workspace.chart("lstm_1:forget_gate", "unit-heatmap", {}, 3)

        assert "unit-heatmap" in names
        assert "lstm_1:forget_gate" in str(drawn.pictures[0].specification["title"])
        code = workspace.code("lstm_1:forget_gate", "unit-heatmap", {}, 3)
        assert "internals=True" in code
        scope = {}
        exec(code, scope)
        assert scope["activations"]["lstm_1:forget_gate"].shape == (90, 29, 32)


class TestMemory:
    def test_what_it_takes_is_known_before_anything_is_run(self, tmp_path):
        registry = Listening()
        workspace = Workspace(registry)
        workspace.open_model(dense(tmp_path))
        workspace.take_noise(6, 0)
        plan = workspace.plan()

        assert (plan.sample_count, plan.bytes_per_sample, plan.total_bytes) == (6, 3 * 4, 6 * 3 * 4)
        assert plan.all_layers
        assert registry.heard == []

    def test_a_model_over_the_budget_is_looked_at_a_layer_at_a_time(self):
        whole, small = Workspace(), Workspace(memory_budget=100)
        for workspace in (whole, small):
            workspace.open_example("digits-cnn")

        assert not small.plan().all_layers
        assert [row.key for row in small.layers(3)] == [row.key for row in whole.layers(3)]
        assert small.answer(3).best == whole.answer(3).best
        assert not any(row.distribution for row in small.layers(3))
        assert [row.byte_count for row in small.layers(3)] == [row.byte_count for row in whole.layers(3)]
        alone = np.load(io.BytesIO(small.activation_file("conv_2", 3, "npy")))
        among_all = np.load(io.BytesIO(whole.activation_file("conv_2", 3, "npy")))
        np.testing.assert_allclose(alone[0], among_all[3], atol=1e-5)

    def test_progress_is_told_in_batches(self):
        workspace = Workspace()
        workspace.open_example("digits-cnn")
        told = []
        workspace.answer(0, progress=lambda fraction, text: told.append((fraction, text)))

        assert told == [(done / 90, f"{done} of 90 samples") for done in (16, 32, 48, 64, 80, 90)]


class Listening(Registry):
    def __init__(self):
        super().__init__()
        self.heard = []

    def announce(self, activations):
        self.heard.append(activations)
        super().announce(activations)


class TestBlocks:
    def test_charts_of_different_blocks_are_told_apart(self):
        # The four layers answer 64, 64, 32 and 10 numbers: two samples at once.
        workspace = Workspace(memory_budget=2 * 2 * 4 * 200)
        workspace.open_example("digits-dense")
        layer = workspace.layers(0)[-1].key

        charts = [workspace.chart(layer, "activation-line", {}, sample).pictures for sample in range(3)]
        assert charts[0] != charts[1] != charts[2]
        assert [workspace.answer(sample).true_label for sample in range(4)] == list(workspace.sample_labels[:4])

    def test_every_pass_is_announced_once(self):
        registry = Listening()
        workspace = Workspace(registry)
        workspace.open_example("digits-dense")
        for _ in range(2):
            workspace.layers(0)
            workspace.answer(0)

        assert len(registry.heard) == 1


def test_many_threads_may_ask_one_workspace(workspace):
    workspace.open_example("digits-dense")
    rows = workspace.layers(0)
    failures, together = [], threading.Barrier(4)

    def ask(number):
        try:
            together.wait()
            for row in rows:
                for visualizer in workspace.visualizers(row.key, number):
                    result = workspace.chart(row.key, visualizer.name, {}, number)
                    assert result.failure is None
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


def test_a_model_that_only_a_real_pass_can_follow_is_open(tmp_path):
    # TensorFlow builds no graph with this name in it.
    layers = [keras.layers.Dense(3, name="*not a scope*"), keras.layers.Dense(2, name="last")]
    path = tmp_path / "odd.keras"
    keras.Sequential([keras.Input((4,)), *layers]).save(path)
    workspace = Workspace()
    assert workspace.open_model(path).layer_count == 2
    workspace.take_noise(3, seed=0)
    assert [row.name for row in workspace.layers(0)] == ["*not a scope*", "last"]
