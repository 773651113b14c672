"""The commands that take a model and an input, on real files."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zarr
from click.testing import CliRunner
from PIL import Image

import core
from core.cli.main import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *command: CliRunner().invoke(main, list(map(str, command)))


@pytest.fixture(scope="module")
def digits():
    example = core.get_example("digits-dense")
    model = core.load_model(example.model_path)
    arrays, _ = example.samples()
    return example, model, arrays


class TestLayers:
    def test_as_a_table(self, run):
        done = run("layers", "digits-cnn")
        lines = done.output.splitlines()

        assert done.exit_code == 0
        assert lines[0].split() == ["layer", "type", "shape", "params", "notes"]
        assert lines[1].split()[:4] == ["conv_1", "Conv2D", "8×8×16", "160"]

    def test_as_json_from_a_file(self, run, digits):
        example, model, _ = digits
        done = run("layers", example.model_path, "--json")

        rows = json.loads(done.output)
        expected = core.extract(model, np.zeros((1, *model.inputs[0].shape[1:]), np.float32)).layers
        assert [row["key"] for row in rows] == [layer.key for layer in expected]
        assert sum(row["parameter_count"] for row in rows) == model.count_params()


class TestExtract:
    def test_equals_what_core_extracts(self, run, digits, tmp_path):
        example, model, arrays = digits
        np.savez(tmp_path / "given.npz", **{name: array[:7] for name, array in arrays.items()})
        done = run("extract", example.model_path, "given.npz", "-o", "out.npz")

        assert done.exit_code == 0, done.output
        assert "7 samples" in done.output
        expected = core.extract(model, core.arrange(model, {name: array[:7] for name, array in arrays.items()}))
        with np.load(tmp_path / "out.npz") as written:
            assert list(written) == list(expected)
            for key, values in written.items():
                np.testing.assert_allclose(values, expected[key].values, rtol=1e-5, atol=1e-6)

    def test_chosen_layers_with_what_they_keep_to_themselves(self, run, tmp_path):
        done = run("extract", "vowels-lstm", "examples", "-o", "out.npz", "--layer", "lstm_2", "--internals")

        assert done.exit_code == 0, done.output
        with np.load(tmp_path / "out.npz") as written:
            assert {key.partition(":")[0] for key in written} == {"lstm_2"}
            assert written["lstm_2:cell_state"].shape == (90, 29, 24)

    def test_several_layers(self, run, tmp_path):
        chosen = ("--layers", "lstm_1", "--layers", "lstm_2")
        assert run("extract", "vowels-lstm", "noise", "-o", "out.npz", *chosen).exit_code == 0
        with np.load(tmp_path / "out.npz") as written:
            assert list(written) == ["lstm_1", "lstm_2"]

    def test_noise(self, run, tmp_path):
        assert run("extract", "digits-dense", "noise", "-o", "out.npz").exit_code == 0
        with np.load(tmp_path / "out.npz") as written:
            assert all(len(values) == 1 for values in written.values())


class TestExtractDataset:
    def test_is_written_as_zarr_and_goes_on(self, run, digits, tmp_path):
        _, model, arrays = digits
        done = run("extract", "digits-dense", "examples", "-o", "out.zarr")

        assert done.exit_code == 0, done.output
        assert "out.zarr: 90 samples" in done.output
        written = zarr.open_group(tmp_path / "out.zarr", mode="r")
        for key, activation in core.extract(model, core.arrange(model, arrays)).items():
            np.testing.assert_allclose(written[core.array_name(key)][:], activation.values, rtol=1e-5, atol=1e-5)
        before = {file: file.stat().st_mtime_ns for file in (tmp_path / "out.zarr").rglob("c/*") if file.is_file()}
        assert before
        assert run("extract", "digits-dense", "examples", "-o", "out.zarr").exit_code == 0
        assert {file: file.stat().st_mtime_ns for file in before} == before

    def test_statistics_of_a_folder_of_pictures(self, run, digits, tmp_path):
        _, _, arrays = digits
        (images,) = arrays.values()
        for number, image in enumerate(images[:6]):
            folder = tmp_path / "pictures" / ["even", "odd"][number % 2]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray((image.reshape(8, 8) * 255).round().astype(np.uint8)).save(folder / f"{number}.png")
        done = run("extract", "digits-cnn", "pictures", "-o", "out.zarr", "--statistics", "--layer", "conv_1")

        assert done.exit_code == 0, done.output
        (statistics,) = core.read_statistics(tmp_path / "out.zarr").values()
        assert statistics.sample_count == 6
        assert statistics.mean.shape == (16,)

    def test_folders_are_matched_to_a_list_of_classes(self, run, tmp_path):
        for name in ("zero", "two", "none"):
            folder = tmp_path / "pictures" / name
            folder.mkdir(parents=True)
            Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "picture.png")
        words = ["Zero", "One", "Two", *map(str, range(3, 10))]
        (tmp_path / "classes.txt").write_text("\n".join(words))
        (tmp_path / "short.txt").write_text("Zero\nOne")
        chosen = ("--layer", "conv_1", "--statistics")
        extracted = run("extract", "digits-cnn", "pictures", "-o", "o.zarr", "--classes", "classes.txt", *chosen)
        refused = run("extract", "digits-cnn", "pictures", "-o", "p.zarr", "--classes", "short.txt", *chosen)

        assert extracted.exit_code == 0, extracted.output
        labels = zarr.open_group(tmp_path / "o.zarr", mode="r")["labels"]
        assert labels[:].tolist() == [-1, 2, 0]
        assert labels.attrs["names"] == words
        assert refused.exit_code != 0
        assert "The list has 2 names, the model answers 10 numbers" in refused.output

    def test_folders_that_are_no_classes_are_groups(self, run, tmp_path):
        for name in ("even", "odd"):
            folder = tmp_path / "pictures" / name
            folder.mkdir(parents=True)
            Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "picture.png")
        run("extract", core.get_example("digits-cnn").model_path, "pictures", "-o", "o.zarr", "--layer", "conv_1")

        written = zarr.open_group(tmp_path / "o.zarr", mode="r")
        assert "labels" not in written
        assert written["groups"][:].tolist() == [0, 1]
        assert written["groups"].attrs["names"] == ["even", "odd"]


class TestChart:
    @pytest.mark.parametrize(
        ("kind", "start"), [("png", b"\x89PNG"), ("svg", b"<svg"), ("html", b"<!DOCTYPE html>"), ("json", b"{")]
    )
    def test_each_kind_of_file(self, run, tmp_path, kind, start):
        done = run("chart", "digits-cnn", "examples", "conv_1", "feature-maps", "-o", f"chart.{kind}")

        assert done.exit_code == 0, done.output
        assert (tmp_path / f"chart.{kind}").read_bytes().startswith(start)

    def test_options_and_sample(self, run, tmp_path):
        chosen = ("--option", "channel=3", "--option", "colours=greys", "--sample", "2")
        assert run("chart", "digits-cnn", "examples", "conv_1", "feature-maps", "-o", "c.json", *chosen).exit_code == 0
        written = (tmp_path / "c.json").read_text()

        assert "Channel 3" in written
        assert "sample 2" in written

    def test_names_of_classes_from_a_file(self, run, tmp_path):
        (tmp_path / "c.json").write_text(json.dumps({f"the {number}": number for number in range(10)}))
        chosen = ("--classes", "c.json", "-o", "out.json")
        done = run("chart", "digits-cnn", "examples", "probabilities", "class-probabilities", *chosen)

        assert done.exit_code == 0, done.output
        assert '"the 8"' in (tmp_path / "out.json").read_text()

    def test_a_value_that_does_not_suit_is_said(self, run):
        done = run(
            "chart", "digits-cnn", "examples", "conv_1", "feature-maps", "-o", "c.json", "--option", "channel=999"
        )

        assert done.exit_code == 0
        assert "Channel: 999 does not suit this layer" in done.output


class TestErrors:
    @pytest.mark.parametrize(
        ("command", "words", "status"),
        [
            (("layers", "digits-cn"), "no example of that name; did you mean 'digits-cnn'?", 1),
            (("layers", "broken.keras"), "broken.keras", 1),
            (("extract", "digits-cnn", "nowhere.npy", "-o", "x.npz"), "There is no file 'nowhere.npy'.", 1),
            (("extract", "digits-cnn", "wrong.npy", "-o", "x.npz"), "wrong.npy", 1),
            (("extract", "digits-cnn", "examples", "-o", "x.npz", "--layer", "conv"), "no layer 'conv'", 1),
            (
                ("chart", "digits-cnn", "examples", "conv_1", "gates", "-o", "c.png"),
                "takes RNN layers, this is Conv2D",
                1,
            ),
            (("chart", "digits-cnn", "examples", "conv_1", "gate", "-o", "c.png"), "did you mean 'gates'?", 1),
            (("chart", "digits-cnn", "examples", "conv_1", "gates", "-o", "c.gif"), "it must end in .png, .svg", 2),
            (("chart", "digits-cnn", "examples", "conv_1", "gates", "-o", "c.png", "--option", "x"), "NAME=VALUE", 2),
            (("extract", "digits-cnn", "examples", "-o", "x.csv"), "it must end in .npz, or in .zarr", 2),
            (("extract", "digits-cnn", "examples", "-o", "x.npz", "--statistics"), "in .zarr for a dataset", 2),
            (("extract", "digits-cnn", "examples", "-o", "x.zarr", "--internals"), "written to .npz only", 2),
            (("extract", "digits-cnn", "examples", "-o", "x.zarr", "--layer", "conv"), "no layer 'conv'", 1),
            (("extract", "digits-cnn", "examples", "-o", "x.zarr", "--engine", "dask"), "--address", 1),
            (("extract", "digits-cnn", "nowhere", "-o", "x.zarr"), "nowhere", 1),
            (("extract", "digits-cnn"), "Missing argument 'DATA'", 2),
        ],
    )
    def test_one_clear_line_and_a_status(self, run, tmp_path, command, words, status):
        (tmp_path / "broken.keras").write_bytes(b"no model")
        np.save(tmp_path / "wrong.npy", np.zeros((2, 5)))
        done = run(*command)

        assert words in done.output
        assert done.exit_code == status
        assert "Traceback" not in done.output
        assert not list(tmp_path.glob("x.*")) + list(tmp_path.glob("c.*"))


@pytest.mark.parametrize(
    "command", [["--help"], ["chart", "--help"], ["plugins", "list"], ["plugins", "new", "x", "--help"]]
)
def test_what_needs_no_tensorflow_imports_none(command, tmp_path):
    code = (
        f"import sys; sys.argv[1:] = {command!r}\nfrom core.cli.main import main\n"
        "try: main()\nfinally: print(sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    assert "'core.cli.main'" in done.stdout
    assert "'tensorflow'" not in done.stdout


class TestWhichModel:
    @pytest.fixture
    def folder(self, tmp_path):
        import keras

        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="scores")])
        model.compile("adam", "mse")
        for name in ("first", "second"):
            model.save(tmp_path / f"{name}.keras")
        (tmp_path / "apart").mkdir()
        (tmp_path / "apart" / "net.json").write_text(model.to_json())
        model.save_weights(tmp_path / "apart" / "net.weights.h5")
        return tmp_path

    def test_several_in_a_folder_are_listed_and_one_is_taken(self, run, folder):
        listed = run("layers", str(folder))
        assert listed.exit_code == 1
        assert "first.keras, second.keras" in listed.output
        assert run("inspect", str(folder)).exit_code == 1
        assert "scores" in run("layers", str(folder), "--member", "second.keras").output
        told = run("inspect", str(folder), "--member", "second.keras")
        assert told.exit_code == 0
        assert "adam" in told.output.lower()

    def test_an_architecture_and_its_weights(self, run, folder):
        apart = folder / "apart"
        done = run("layers", str(apart / "net.json"), "--weights", str(apart / "net.weights.h5"))
        assert done.exit_code == 0
        assert "scores" in done.output
