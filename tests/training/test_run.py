"""A run is read as it was written, while it is written, from an archive, and without trust."""

import io
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from core.errors import InputRejected
from core.training.run import open_run
from core.training.writer import RunWriter, text_as_bytes

from .conftest import SmallRun, description


def archive_of(folder):
    return shutil.make_archive(str(folder), "zip", folder.parent, folder.name)


@pytest.fixture
def written(small_run):
    for number in range(0, 1_500, 10):
        small_run.step(
            number, {"loss": 1 / (number + 1), "accuracy": 0.5}, units=number, weight_norm=[np.nan, 1, number]
        )
    small_run.writer.keep_weights(0, [np.arange(12, dtype=np.float32).reshape(3, 4), np.array(7)])
    small_run.writer.keep_weights(100, [np.ones((3, 4), np.float32), np.array(8)])
    for step in (0, 100):
        answers = np.random.default_rng(step).normal(size=(5, 4)).astype(np.float32)
        small_run.writer.keep_activations(step, {"first": (("sample", "unit"), answers)})
    small_run.writer.flush(is_complete=True)
    return small_run


@pytest.fixture(params=["folder", "archive", "content", "stream"])
def run(request, written):
    if request.param == "folder":
        return open_run(written.folder)
    archive = archive_of(written.folder)
    if request.param == "archive":
        return open_run(archive)
    with open(archive, "rb") as stream:
        content = stream.read()
    return open_run(content if request.param == "content" else io.BytesIO(content), "run.layerscope")


def test_what_was_written_is_read(run, written):
    assert run.name.startswith("run.layerscope")
    assert run.complete
    assert run.steps.tolist() == list(range(0, 1_500, 10))
    assert run.epochs.tolist()[-1] == 14
    assert run.layers == ("input:x", "first", "second")
    assert run.layer_types == ("Dense",) * 3
    assert run.unit_counts == (3, 4, 2)
    assert run.measures == ("mean", "weight_norm")
    assert run.measure("weight_norm").shape == (150, 3)
    assert np.isnan(run.measure("weight_norm")[:, 0]).all()
    assert run.measure("weight_norm")[-1, 2] == 1_490
    assert run.unit_values("mean", "second")[:, 0].tolist() == run.steps.tolist()
    assert run.logs.index.tolist() == run.steps.tolist()
    assert run.logs["loss"].tolist()[:2] == [1, 1 / 11]
    assert run.kept_steps == (0, 100)
    weights = run.weights(0)
    assert list(weights) == ["first/kernel", "count"]
    assert weights["first/kernel"].tolist() == np.arange(12).reshape(3, 4).tolist()
    assert weights["count"] == 7
    assert run.samples["x"].tolist() == written.samples.tolist()
    assert run.labels.tolist() == written.labels.tolist()
    assert run.class_names == ("a", "b")
    assert run.model_path is None
    assert run.alarms == ()


def test_whole_answers_of_a_layer_over_the_training(run):
    activation = run.activation("first")

    assert activation.axes == ("step", "sample", "unit")
    assert activation.shape == (2, 5, 4)
    assert activation.layer.key == "first"
    assert activation.context.labels.tolist() == [0, 1, 0, 1, 1]
    alike = run.similarity("first")
    assert alike.shape == (2, 2)
    assert alike.diagonal() == pytest.approx([1, 1])
    assert 0 < alike[0, 1] < 1


def test_other_layers_take_the_place_of_those_that_were_kept(written):
    values = np.ones((5, 2), np.float32)
    written.writer.keep_activations(200, {"second": (("sample", "unit"), values)})
    written.writer.flush()
    run = open_run(written.folder)

    assert run.activation_layers == ("second",)
    assert run.activation("second").shape == (1, 5, 2)
    assert [each.name for each in (written.folder / "activations").glob("[0-9]*")] == ["200"]


def test_text_among_the_samples(tmp_path):
    texts = np.array([["a", "größer"], ["", "b"]])
    coded = text_as_bytes(texts)
    entry = {"name": "x", "shape": coded.shape, "dtype": "text"}
    writer = RunWriter(tmp_path / "run", description(inputs=(entry,), labels=None), None, 1_000)
    writer.write_samples([coded], None)
    writer.flush()

    run = open_run(tmp_path / "run")
    assert run.samples["x"].tolist() == texts.tolist()
    assert run.labels is None


def test_a_run_is_read_while_it_is_written(small_run):
    small_run.writer.flush()
    run = open_run(small_run.folder)
    assert (len(run.steps), run.complete, run.alarms) == (0, False, ())

    small_run.step(0)
    small_run.step(10, {"loss": 2.0})
    assert not run.refresh()
    small_run.writer.flush()
    assert run.refresh()
    assert run.steps.tolist() == [0, 10]
    assert run.measure("mean").tolist() == [[1, 1, 1]] * 2

    # Numbers that are on the disk before the ledger says so are not there yet.
    small_run.step(20)
    for table in small_run.writer._tables:
        table.flush()
    assert not run.refresh()
    assert run.steps.tolist() == [0, 10]
    small_run.writer.flush(is_complete=True)
    assert run.refresh()
    assert run.complete
    assert run.steps.tolist() == [0, 10, 20]


def test_a_run_is_gone_on_with(small_run):
    for number in range(100):
        small_run.step(number, {"loss": number})
    small_run.writer.flush()
    writer = RunWriter(small_run.folder, description(), small_run.writer.progress, 1_000_000)
    writer.note_resumed(99)
    small_run.writer = writer
    for number in range(100, 200):
        small_run.step(number, {"loss": number})
    writer.flush(is_complete=True)

    run = open_run(small_run.folder)
    assert run.steps.tolist() == list(range(200))
    assert run.logs["loss"].tolist() == list(range(200))
    assert run.resumed == (99,)


def test_what_was_written_and_never_told_is_not_taken_for_a_later_step(small_run):
    small_run.step(0, units=1)
    small_run.writer.flush()
    told = small_run.writer.progress
    small_run.step(10, units=2)
    small_run.writer._units.flush(2)  # killed here
    small_run.writer = RunWriter(small_run.folder, description(), told, 1_000_000)
    small_run.writer._units.thinning.stride = 2
    small_run.step(20, units=3)
    small_run.writer.flush()

    assert np.isnan(open_run(small_run.folder).unit_values("mean", "first")[1]).all()


def test_single_units_of_a_long_run_are_thinned_out_evenly(small_run, monkeypatch):
    small_run.writer._units.thinning.most = 16
    for number in range(100):
        small_run.step(number, units=number)
    small_run.writer.flush()

    run = open_run(small_run.folder)
    assert len(run.steps) == 100
    values = run.unit_values("mean", "first")[:, 0]
    kept = np.flatnonzero(np.isfinite(values))
    assert values[kept].tolist() == kept.tolist()
    assert 8 <= len(kept) <= 16
    assert kept[0] == 0
    assert set(np.diff(kept)[:-1]) == {8}
    assert len(list((small_run.folder / "units" / "c").iterdir())) == len(kept)


def test_kept_weights_stay_within_their_budget(small_run):
    weights = [np.zeros((3, 4), np.float32), np.array(0)]
    thinning = small_run.writer.weights
    thinning.most_bytes = 10 * 56
    for step in range(100):
        if thinning.admits(56):
            small_run.writer.keep_weights(step, weights)
    small_run.writer.flush()

    run = open_run(small_run.folder)
    assert 5 <= len(run.kept_steps) <= 10
    assert run.kept_steps[0] == 0
    assert sorted(int(each.name) for each in (small_run.folder / "weights").glob("[0-9]*")) == list(run.kept_steps)
    assert len(set(np.diff(run.kept_steps)[:-1])) == 1
    with pytest.raises(InputRejected, match="The weights of step 3 are not kept"):
        run.weights(3)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda run: run.measure("gradient"), "no measure gradient; did you mean 'gradient_norm'"),
        (lambda run: run.unit_values("mean", "secnd"), "no layer secnd"),
        (lambda run: run.activation("second"), "What second answered was not kept"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(run, ask, message):
    with pytest.raises(InputRejected, match=message):
        ask(run)


def test_no_run(tmp_path):
    with pytest.raises(InputRejected, match="There is no run at nothing"):
        open_run(tmp_path / "nothing")
    with pytest.raises(InputRejected, match="holds no recorded training"):
        open_run(tmp_path)
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(InputRejected, match="holds no recorded training"):
        open_run(tmp_path / "a.txt")
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(InputRejected, match="cut off or damaged"):
        open_run(tmp_path / "a.zip")


def changed(path, **changes):
    metadata = json.loads(path.read_text())
    metadata.update(changes)
    path.write_text(json.dumps(metadata))


def ledger_changed(path, **changes):
    metadata = json.loads(path.read_text())
    metadata["attributes"]["layerscope run"].update(changes)
    path.write_text(json.dumps(metadata))


HOSTILE = {
    "a codec": lambda folder: changed(
        folder / "moments" / "zarr.json", codecs=[{"name": "zstd", "configuration": {"level": 0}}]
    ),
    "another type": lambda folder: changed(folder / "moments" / "zarr.json", data_type="float32"),
    "a version with pickles": lambda folder: changed(folder / "moments" / "zarr.json", zarr_format=2),
    "a chunk of any size": lambda folder: changed(
        folder / "moments" / "zarr.json",
        chunk_grid={"name": "regular", "configuration": {"chunk_shape": [10**12, 3]}},
    ),
    "many rows": lambda folder: ledger_changed(folder / "progress" / "zarr.json", rows=9_999_999),
    "too many rows": lambda folder: ledger_changed(folder / "progress" / "zarr.json", rows=10**15),
    "a long file": lambda folder: (folder / "moments" / "c" / "0" / "0").write_bytes(bytes(10_000)),
    "a short file": lambda folder: (folder / "moments" / "c" / "0" / "0").write_bytes(b""),
    "steps that go back": lambda folder: (folder / "moments" / "c" / "0" / "0").write_bytes(bytes(64 * 24)),
    "no JSON": lambda folder: (folder / "progress" / "zarr.json").write_text("{"),
    "JSON without end": lambda folder: (folder / "progress" / "zarr.json").write_text("[" * 200_000),
}


@pytest.mark.parametrize("harm", HOSTILE)
def test_a_run_that_lies_is_refused(written, harm):
    HOSTILE[harm](written.folder)

    with pytest.raises(InputRejected, match=r"damaged|takes more than"):
        _ = open_run(written.folder).steps


def test_a_link_out_of_a_run_is_not_followed(written, tmp_path):
    chunk = written.folder / "moments" / "c" / "0" / "0"
    chunk.rename(tmp_path / "elsewhere")
    chunk.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(InputRejected, match="damaged"):
        _ = open_run(written.folder).steps


def test_a_ledger_that_asks_for_terabytes(written):
    entry = {"name": "x", "shape": [10**6, 10**6], "dtype": "float32"}
    ledger_changed(written.folder / "zarr.json", inputs=[entry], weights=[entry])
    run = open_run(written.folder)

    for ask in (lambda: run.samples, lambda: run.weights(0)):
        with pytest.raises(InputRejected, match="takes more than 1 GB"):
            ask()


def test_weights_that_are_text(written):
    ledger_changed(written.folder / "zarr.json", weights=[{"name": "x", "shape": [56], "dtype": "text"}])

    with pytest.raises(InputRejected, match="list of weights is damaged"):
        open_run(written.folder).weights(0)


def test_answers_without_a_name_for_each_axis(written):
    entry = {"key": "first", "axes": ["sample"], "shape": [5, 4], "dtype": "float32"}
    ledger_changed(written.folder / "progress" / "zarr.json", activations=[entry])

    with pytest.raises(InputRejected, match="ledger is damaged"):
        open_run(written.folder)


def test_a_key_that_climbs_out(written):
    (written.folder.parent / "zarr.json").write_text("{}")
    entry = {"key": "../..", "axes": ["sample"], "shape": [5], "dtype": "float32"}
    ledger_changed(written.folder / "progress" / "zarr.json", activations=[entry | {"key": ".."}, entry])
    run = open_run(written.folder)

    for key in ("..", "../.."):
        with pytest.raises(InputRejected, match="damaged"):
            run.similarity(key)


def test_a_run_of_a_later_version(written):
    ledger_changed(written.folder / "zarr.json", format=2)

    with pytest.raises(InputRejected, match="later version"):
        open_run(written.folder)


def test_reading_brings_no_tensorflow(written):
    code = (
        f"import layerscope, sys; run = layerscope.open_run({str(written.folder)!r}); "
        "run.measure('mean'), run.alarms, run.logs, run.weights(0), run.similarity('first'); "
        "sys.exit(bool({'tensorflow', 'keras', 'streamlit'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_two_runs_do_not_share_anything(tmp_path):
    first, second = SmallRun(tmp_path / "a"), SmallRun(tmp_path / "b")
    first.step(0)
    first.writer.flush()
    second.writer.flush()

    assert (len(open_run(tmp_path / "a").steps), len(open_run(tmp_path / "b").steps)) == (1, 0)
