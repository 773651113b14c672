"""What is said of model files that are not opened: their layers, their weights, and the class that is missing."""

import contextlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from core.errors import LayerscopeError, ModelRefused, SeveralModels
from core.examples.catalogue import list_examples
from core.models.inspection import inspect_model
from core.workspace.file_report.report import report_file
from core.workspace.workspace import Workspace
from tests.models.hostile.models import HOSTILE_MODELS, saved_models
from tests.models.hostile.parts import dense, functional, keras_file, node, sequential, within_bounds

# Never imported here, where its classes must not be known.
MODELS_OF_OTHERS = Path(__file__).parents[2] / "support" / "models_of_others.py"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder of models whose classes are not known in this process."""
    folder = tmp_path_factory.mktemp("others")
    subprocess.run([sys.executable, MODELS_OF_OTHERS, folder], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def facts(files):
    """What is true of them, as the models themselves say it."""
    return json.loads((files / "facts.json").read_text())


@pytest.fixture(scope="module")
def own(files):
    """What is said of the model with classes of its owner's."""
    return report_file(files / "own.keras")


def rows_of(report):
    return {row.key: row for row in report.rows}


def told_weights(layer):
    return np.concatenate([np.ravel(np.array(each, np.float32)) for each in layer["weights"]])


class TestLayers:
    def test_who_wrote_it_and_what_it_takes(self, own):
        assert (own.kind, own.type_name, own.keras_version) == ("keras", "Functional", keras.__version__)
        assert own.training == {"optimizer": "Adam", "loss": "mse"}
        assert own.date_saved.startswith("20")
        assert [(each.name, each.shape, each.dtype) for each in own.inputs] == [("signal", "10×3", "float32")]

    def test_types_shapes_and_parameters_are_those_of_the_model(self, own, facts):
        rows = rows_of(own)
        for name, layer in facts["own"]["layers"].items():
            row = rows[name]
            assert row.parameter_count == layer["parameters"], name
            assert row.type_name == layer["type"]
            assert row.shape == "×".join(map(str, layer["shape"])), name
        assert own.parameter_count == facts["own"]["parameters"]
        assert rows["shared#2"].parameter_count == rows["shared"].parameter_count

    def test_connections_follow_the_calls(self, own):
        rows = rows_of(own)
        assert rows["tcn"].inputs_from == ("input:signal",)
        assert rows["sum"].inputs_from == ("shared", "shared#2")
        assert rows["shared#2"].inputs_from == ("multiply",)
        assert rows["nest/narrow"].inputs_from == ("twice",)
        assert rows["flat"].inputs_from == ("nest",)
        drawn = json.dumps(own.map)
        assert all(f'"{name}"' in drawn for name in ("signal", "tcn", "narrow", "head"))

    def test_layers_inside_a_class_of_ones_own_are_told_by_the_weights(self, own):
        inner = {row.name: row for row in own.rows if row.parent == "tcn"}
        assert sorted(row.parameter_count for row in inner.values()) == [8, 40, 52]
        assert {row.type_name for row in inner.values()} == {"conv1d", ""}

    def test_a_lambda_says_that_it_holds_code_and_shows_none(self, own):
        row = rows_of(own)["twice"]
        assert row.type_name == "Lambda"
        assert row.notes[0].endswith("bytes of code, which are not shown or run")
        assert "4wEAAA" not in json.dumps(own.map) + repr(own.rows)

    def test_what_is_not_known_is_left_empty(self, files):
        alone = report_file(files / "own.json")
        rows = rows_of(alone)
        assert alone.weights == ()
        assert rows["tcn"].parameter_count is None
        assert rows["nest/inner"].shape == ""
        assert rows["head"].parameter_count == 18

    def test_a_file_of_the_other_format_says_the_same(self, files, own):
        other = rows_of(report_file(files / "own.h5"))
        for row in own.rows:
            assert other[row.key].parameter_count == row.parameter_count, row.key
            assert sorted(other[row.key].distribution) == sorted(row.distribution), row.key
            if row.shape:
                assert other[row.key].shape in (row.shape, ""), row.key

    def test_groups_are_found_by_count_where_no_name_is_written(self, files, own, tmp_path):
        path = tmp_path / "early.keras"
        with zipfile.ZipFile(files / "own.keras") as old, zipfile.ZipFile(path, "w") as new:
            for name in old.namelist():
                content = old.read(name)
                if name.endswith(".h5"):
                    stream = io.BytesIO(content)
                    with h5py.File(stream, "a") as weights:
                        weights.visititems(lambda _, thing: thing.attrs.pop("name", None) and None)
                    content = stream.getvalue()
                new.writestr(name, content)
        early = rows_of(report_file(path))
        for row in own.rows:
            if not row.key.startswith(("tcn/", "nest/inner/")):
                assert early[row.key].parameter_count == row.parameter_count, row.key

    def test_a_file_of_keras_2(self, files):
        report = report_file(files / "old.h5")
        rows = rows_of(report)
        assert report.keras_version.startswith("2.")
        assert "more" in report.refusal.message
        assert (rows["inner/deep"].parameter_count, rows["inner/deep"].shape) == (36, "6")
        assert (rows["inner#2"].parameter_count, rows["inner#2"].shape) == (36, "6")
        assert rows["more"].inputs_from == ("inner", "inner#2")
        assert {row.layer for row in report.weights} == {"inner/deep"}

    def test_a_backbone_of_keras_hub(self, files, facts):
        report = report_file(files / "bert.keras")
        assert report.type_name == "BertBackbone"
        assert [each.name for each in report.inputs] == ["token_ids", "segment_ids", "padding_mask"]
        assert sum(row.parameter_count for row in report.rows if not row.depth) == facts["bert"]["parameters"]
        assert rows_of(report)["transformer_layer_0/self_attention_layer/query"].parameter_count == 72
        assert report.map == {}

    def test_a_file_that_would_open(self):
        example = list_examples()[0]
        report = report_file(example.model_path)
        model = keras.saving.load_model(example.model_path)
        assert report.refusal is None
        assert report.missing_classes == ()
        assert {row.key: row.parameter_count for row in report.rows} == {
            layer.name: layer.count_params() for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)
        }


class TestWeights:
    def test_numbers_and_distributions_are_those_of_the_weights(self, own, facts):
        rows = rows_of(own)
        for name in ("shared", "neck", "head"):
            layer = facts["own"]["layers"][name]
            assert rows[name].distribution == tuple(np.histogram(told_weights(layer), 16)[0])
            kernel = np.array(layer["weights"][0], np.float32)
            row = next(each for each in own.weights if each.layer == name and each.count == kernel.size)
            assert (row.minimum, row.maximum) == (kernel.min(), kernel.max())
            assert (row.mean, row.deviation) == pytest.approx((kernel.mean(), kernel.std()), rel=1e-5)
            assert (row.shape, row.dtype) == ("×".join(map(str, kernel.shape)), "float32")
            assert row.distribution == tuple(np.histogram(kernel, 16)[0])
            assert row.value_count == row.count

    def test_every_array_is_listed_once(self, own, files):
        assert len({row.path for row in own.weights}) == len(own.weights)
        assert not [row.path for row in own.weights if not row.layer and "optimizer" in row.path]
        assert len(report_file(files / "own.h5").weights) == len(
            [row for row in own.weights if "seed_generator" not in row.path]
        )

    @pytest.mark.parametrize("name", ["own.weights.h5", "weights.zip", "folder"])
    def test_weights_alone(self, files, facts, tmp_path, name):
        content = (files / "own.weights.h5").read_bytes()
        path = tmp_path / name
        if name == "weights.zip":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("own.weights.h5", content)
        elif name == "folder":
            path.mkdir()
            (path / "own.weights.h5").write_bytes(content)
        else:
            path.write_bytes(content)

        report = report_file(path)

        assert report.kind == "weights"
        assert "weights only" in report.refusal.message
        assert rows_of(report)["head"].parameter_count == 18
        assert rows_of(report)["head"].distribution == tuple(
            np.histogram(told_weights(facts["own"]["layers"]["head"]), 16)[0]
        )

    def test_large_arrays_are_looked_at_in_part(self, tmp_path):
        path = tmp_path / "large.weights.h5"
        values = np.random.default_rng(0).normal(size=(3_000, 1_000)).astype(np.float32)
        values[0, 0] = np.nan
        with h5py.File(path, "w") as file:
            file.create_dataset("layers/dense/vars/0", data=values)
            file.create_dataset("layers/dense/vars/1", data=np.zeros(1_000, np.float32))

        report = report_file(path)

        kernel, bias = report.weights
        assert (kernel.count, bias.value_count) == (3_000_000, 1_000)
        assert 500_000 <= kernel.value_count <= 1_000_000
        assert kernel.deviation == pytest.approx(1, abs=0.01)
        assert kernel.not_finite == 1
        assert report.rows[0].notes == ("1 NaN or infinite",)
        assert sum(report.rows[0].distribution) == pytest.approx(3_001_000, rel=0.001)

    def test_an_architecture_with_its_weights(self, files):
        report = Workspace().file_report(files / "own.json", weights=str(files / "own.weights.h5"))
        assert report.name == "own.json + own.weights.h5"
        assert rows_of(report)["tcn"].parameter_count == 104
        files_together = [(name, (files / name).read_bytes()) for name in ("own.json", "own.weights.h5")]
        assert Workspace().files_report(files_together).weights == report.weights


class TestMissingClasses:
    def test_the_lines_register_the_class_under_the_name_that_the_file_asks_for(self, own):
        (missing,) = own.missing_classes
        assert (missing.name, missing.module, missing.registered_name) == ("TCN", "tcn", "tcn>TCN")
        assert missing.layers == ("tcn", "inner")
        assert rows_of(own)["tcn"].missing
        assert len(missing.code.splitlines()) == 3
        with keras.saving.custom_object_scope({}):
            exec(missing.code, {})
            assert keras.saving.get_custom_objects().pop("tcn>TCN").__name__ == "TCN"

    def test_a_model_that_was_never_registered(self, files):
        """The three lines, with the class written out, are all that loading it takes."""
        (missing,) = report_file(files / "twofold.keras").missing_classes
        assert (missing.registered_name, "class Twofold(keras.Model)" in missing.code) == ("Twofold", True)
        first, _, last = missing.code.splitlines()
        written = "\n".join([first, "from tests.support.models_of_others import Twofold", last])
        loads = f"{written}\nkeras.saving.load_model({str(files / 'twofold.keras')!r})"
        subprocess.run([sys.executable, "-c", loads], check=True, cwd=Path(__file__).parents[3], capture_output=True)

    def test_functions_and_options_that_are_no_layers(self):
        config = sequential(
            dense(activation="my_package>swish2"),
            dense(name="other", kernel_initializer=node("Mine", "mine", registered_name="mine>Mine", scale=1)),
        )
        codes = [each.code for each in report_file(keras_file(config)).missing_classes]
        assert "def swish2(x): ..." in codes[0]
        assert "class Mine(keras.initializers.Initializer): ..." in codes[1]

    def test_no_code_is_written_of_a_name_that_is_code(self):
        config = sequential(node("X:\n  import os", "mine", name="odd"), node("class", "mine", name="word"))
        assert [each.code for each in report_file(keras_file(config)).missing_classes] == ["", ""]


class TestWhatIsHostile:
    @pytest.mark.parametrize("case", HOSTILE_MODELS, ids=lambda case: case.name)
    def test_a_hostile_file_is_reported_within_bounds(self, case, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        path = tmp_path / "model"
        path.write_bytes(case.build())
        with within_bounds():
            try:
                report = report_file(path, name="model.bin")
            except SeveralModels:
                return
        assert report.refusal
        assert len(report.rows) <= 5_000
        assert [each.name for each in tmp_path.iterdir()] == ["model"]

    def test_hostile_saved_models(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        for case in saved_models():
            (tmp_path / "model").write_bytes(case.build())
            with within_bounds():
                assert report_file(tmp_path / "model").refusal

    @pytest.mark.parametrize("units", [10**4000, float("inf"), float("nan"), -4, "4", [4], None, True])
    def test_sizes_that_no_layer_has(self, units):
        content = keras_file(sequential(dense(units=units)))
        report = report_file(content)
        with contextlib.suppress(ModelRefused):
            inspect_model(content)
            assert report.refusal is None
        assert report.rows[0].shape in ("", "1", "4")

    @pytest.mark.parametrize("layers", [[1], [None], ["x"], [{}], [{"class_name": []}], [{"class_name": "Dense"}]])
    @pytest.mark.parametrize("ends", [{}, {"input_layers": 5, "output_layers": {}}])
    def test_lists_that_hold_no_layers(self, layers, ends):
        report_file(keras_file(node("Functional", "keras", layers=layers, **ends)))

    def test_layers_that_wait_for_each_other(self):
        config = functional([(dense(name="a"), [])])
        layers = config["config"]["layers"]
        layers[-1]["inbound_nodes"] = [[["a", 0, 0, {}], ["b", -7, 99, {}]]]
        assert report_file(keras_file(config)).rows[-1].name == "a"

    def test_an_external_link_is_not_followed(self, tmp_path):
        secret, path = tmp_path / "secret.h5", tmp_path / "model.weights.h5"
        with h5py.File(secret, "w") as file:
            file["numbers"] = np.arange(3.0)
        with h5py.File(path, "w") as file:
            file["layers/dense/vars/0"] = h5py.ExternalLink(secret, "numbers")
        report = report_file(path)
        assert report.weights == ()
        assert "link to another file" in " ".join(report.notes)

    def test_a_chunk_that_unpacks_to_far_more_than_its_array_is_not_read(self, tmp_path):
        path = tmp_path / "model.weights.h5"
        with h5py.File(path, "w") as file:
            one = {"shape": (1,), "maxshape": (None,), "dtype": "float32", "compression": "gzip"}
            file.create_dataset("layers/dense/vars/0", chunks=(80_000_000,), **one)[:] = 1
            file.create_dataset("layers/dense/vars/1", chunks=(10,), **one)[:] = 1
        report = report_file(path)
        assert [(row.count, row.value_count) for row in report.weights] == [(1, 0), (1, 1)]
        assert report.rows[0].parameter_count == 2

    def test_several_models_are_asked_about(self, files):
        with pytest.raises(SeveralModels):
            report_file(files)
        assert report_file(files, member="own.keras").type_name == "Functional"

    def test_nothing_is_imported_that_could_run_a_model(self, files):
        code = (
            "import sys, pathlib; from core.workspace.file_report.report import report_file; "
            f"assert report_file(pathlib.Path({str(files / 'own.keras')!r})).rows; "
            "print({'keras', 'tensorflow', 'keras_hub'} & set(sys.modules))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]
        )
        assert done.stdout.strip() == "set()"

    def test_what_is_open_stays_open(self, files):
        workspace = Workspace()
        workspace.open_example("digits-dense")
        with pytest.raises(LayerscopeError):
            workspace.open_model(files / "own.keras")
        assert workspace.file_report(files / "own.keras").rows
        assert workspace.model.name == "digits-dense"


def test_the_states_of_recurrent_layers_are_told(tmp_path):
    series = keras.Input((7, 3))
    cells = keras.layers.RNN([keras.layers.LSTMCell(4), keras.layers.GRUCell(5)], return_state=True, name="cells")
    outputs = keras.layers.LSTM(6, return_sequences=True, return_state=True, name="lstm")(series)
    model = keras.Model(series, [*outputs, *keras.tree.flatten(cells(series))])
    model.save(tmp_path / "model.keras")

    rows = rows_of(report_file(tmp_path / "model.keras"))

    assert rows["lstm"].shape == "7×6, 6, 6"
    assert rows["cells"].shape == ", ".join(str(each.shape[-1]) for each in keras.tree.flatten(cells.output))


def test_the_optimizer_of_a_nested_model_is_none_of_its_weights(tmp_path):
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="dense")], name="inner")
    inner.compile("adam", "mse")
    inner.fit(np.zeros((2, 3)), np.zeros((2, 2)), verbose=0)
    model = keras.Sequential([keras.Input((3,)), inner])
    model.save(tmp_path / "model.keras")

    report = report_file(tmp_path / "model.keras")

    assert report.parameter_count == model.count_params() == 8
    assert {row.layer for row in report.weights} == {"inner/dense"}
