"""Datasets on disk: the same numbers, from one process or from a cluster, ended half way or not."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import zarr
from distributed import Client, LocalCluster

import core
from core.errors import ExtractionFailed, InputRejected
from core.extraction.dataset.engines import engine_at

DIGITS = core.get_example("digits-cnn").model_path


def same_statistics(one, other):
    assert list(one) == list(other)
    for key, statistics in one.items():
        for name, values in statistics.to_arrays().items():
            np.testing.assert_array_equal(other[key].to_arrays()[name], values, err_msg=f"{key} {name}")


@pytest.fixture(scope="module")
def many():
    """Some thousands of samples, which take a while."""
    inputs, labels = core.get_example("digits-cnn").samples()
    chosen = np.arange(6_000) % len(labels)
    noise = np.random.default_rng(0).normal(scale=0.1, size=(6_000, 8, 8, 1)).astype(np.float32)
    return core.ArrayDataset({"image": inputs["image"][chosen] + noise}, labels[chosen])


@pytest.fixture(scope="module")
def cluster():
    """A Dask scheduler and two worker processes on this machine; gives the scheduler's address."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as running:
        yield running.scheduler_address


def test_what_is_written_is_what_the_layers_answer(tmp_path, digits):
    extractor, dataset = digits
    seen = []
    core.extract_dataset(
        extractor, dataset, tmp_path / "out.zarr", progress=lambda done, count: seen.append((done, count))
    )
    group = zarr.open_group(tmp_path / "out.zarr", mode="r")
    answers = extractor.extract(core.arrange(extractor.model, dataset.arrays))

    assert seen[-1] == (90, 90)
    for key, activation in answers.items():
        array = group[core.array_name(key)]
        assert array.metadata.dimension_names == activation.axes
        np.testing.assert_allclose(array[...], activation.values, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(group["labels"][...], dataset.labels)


def test_nested_keys_and_a_choice_of_layers(tmp_path, reviews):
    extractor, dataset = reviews
    key = next(layer.key for layer in extractor.layers if "/" in layer.key and not layer.missing)
    core.extract_dataset(extractor, dataset, tmp_path / "out.zarr", layers=[key])
    group = zarr.open_group(tmp_path / "out.zarr", mode="r")

    assert {name for name, _ in group.arrays()} == {core.array_name(key), "labels"}
    assert group[core.array_name(key)].attrs["key"] == key
    with pytest.raises(KeyError, match="nowhere"):
        core.extract_dataset(extractor, dataset, tmp_path / "other.zarr", layers=["nowhere"])


def test_statistics_are_those_of_a_survey(tmp_path, digits):
    extractor, dataset = digits
    core.extract_dataset(extractor, dataset, tmp_path / "out.zarr", statistics=True)
    survey = core.survey(extractor, dataset)

    same_statistics(core.read_statistics(tmp_path / "out.zarr"), survey.statistics)
    group = zarr.open_group(tmp_path / "out.zarr", mode="r")
    np.testing.assert_array_equal(group["predictions"][...], survey.predictions)


@pytest.mark.parametrize("statistics", [True, False])
def test_a_cluster_gives_the_same_numbers(tmp_path, cluster, many, statistics):
    for name, engine in (("here", None), ("there", engine_at("dask", cluster))):
        core.extract_dataset(
            DIGITS, many, tmp_path / name, layers=["conv_2", "dense"], statistics=statistics, engine=engine
        )
    if statistics:
        same_statistics(*(core.read_statistics(tmp_path / name) for name in ("here", "there")))
    else:
        here, there = (zarr.open_group(tmp_path / name, mode="r") for name in ("here", "there"))
        for key in ("conv_2", "dense"):
            np.testing.assert_array_equal(there[key][...], here[key][...])


@pytest.mark.parametrize("statistics", [True, False])
def test_workers_that_are_killed_half_way_lose_nothing(tmp_path, cluster, many, statistics):
    with Client(cluster, set_as_default=False) as client:
        processes = list(client.run(os.getpid).values())
    killed = []

    def kill_one(done, count):
        if len(killed) < len(processes) and done >= (len(killed) + 1) * count // 4:
            os.kill(processes[len(killed)], signal.SIGKILL)
            killed.append(processes[len(killed)])

    engine = engine_at("dask", cluster)
    for name, options in (("here", {}), ("there", {"engine": engine, "progress": kill_one})):
        core.extract_dataset(
            DIGITS, many, tmp_path / name, layers=["conv_2", "dense"], statistics=statistics, batch_size=8, **options
        )
    assert killed == processes
    with Client(cluster, set_as_default=False) as client:
        # Their nannies start others.
        assert not {*killed} & {*client.run(os.getpid).values()}
    if statistics:
        same_statistics(*(core.read_statistics(tmp_path / name) for name in ("here", "there")))
        return
    here, there = (zarr.open_group(tmp_path / name, mode="r") for name in ("here", "there"))
    assert there.attrs["layerscope"]["done"] == here.attrs["layerscope"]["done"] > 8
    for key in ("conv_2", "dense"):
        np.testing.assert_array_equal(there[key][...], here[key][...])


def end_the_process(_extractor):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_part_that_ends_every_worker_is_said(cluster):
    with pytest.raises(ExtractionFailed, match="ended the workers that it was given to, one after another") as caught:
        list(engine_at("dask", cluster).map(end_the_process, DIGITS, [()]))
    assert "goes on" in caught.value.remedy


ENDED_HALF_WAY = """
import os, signal, sys, time
from pathlib import Path
import numpy as np
import core

model, data, target, statistics = sys.argv[1:]
checkpoint = Path(f"{target}.checkpoint.npz")

def progress(done, count):
    assert done < count, "it was done before it could be ended"
    if statistics:
        time.sleep(0.3)
    if checkpoint.is_file() if statistics else done > count // 4:
        os.kill(os.getpid(), signal.SIGKILL)

with np.load(data) as arrays:
    dataset = core.ArrayDataset({"image": arrays["x"]}, arrays["y"])
core.extract_dataset(model, dataset, target, statistics=bool(statistics), progress=progress)
"""


@pytest.mark.parametrize("statistics", [True, False])
def test_ended_half_way_it_goes_on(tmp_path, many, statistics):
    np.savez(tmp_path / "many.npz", x=many.arrays["image"], y=many.labels)
    target, whole = tmp_path / "out.zarr", tmp_path / "whole.zarr"
    command = [sys.executable, "-c", ENDED_HALF_WAY, DIGITS, tmp_path / "many.npz", target, "yes" if statistics else ""]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    if not statistics:
        ledger = dict(zarr.open_group(target, mode="r").attrs["layerscope"])
        assert 0 < ledger["done"] < -(-6_000 // ledger["chunk"])
        untouched = (target / "dense" / "c" / "0" / "0").stat().st_mtime_ns
    seen = []
    core.extract_dataset(
        DIGITS, many, target, statistics=statistics, progress=lambda done, count: seen.append(done / count)
    )
    core.extract_dataset(DIGITS, many, whole, statistics=statistics)

    # From the start, the first chunk would be told first, which is less than a tenth.
    assert min(seen) > 0.1
    assert not target.with_name("out.zarr.checkpoint.npz").exists()
    if statistics:
        same_statistics(*(core.read_statistics(path) for path in (target, whole)))
    else:
        assert (target / "dense" / "c" / "0" / "0").stat().st_mtime_ns == untouched
        one, other = (zarr.open_group(path, mode="r") for path in (target, whole))
        np.testing.assert_array_equal(one["dense"][...], other["dense"][...])


def test_what_was_begun_with_something_else_is_refused(tmp_path, digits):
    extractor, dataset = digits
    core.extract_dataset(extractor, dataset, tmp_path / "out.zarr", layers=["dense"])
    other = core.load_model(DIGITS)
    other.get_layer("dense").set_weights([2 * each for each in other.get_layer("dense").get_weights()])

    with pytest.raises(InputRejected, match="begun with another model"):
        core.extract_dataset(other, dataset, tmp_path / "out.zarr", layers=["dense"])
    with pytest.raises(InputRejected, match="begun with another choice of layers"):
        core.extract_dataset(extractor, dataset, tmp_path / "out.zarr", layers=["conv_1"])
    with pytest.raises(InputRejected, match="holds no statistics"):
        core.read_statistics(tmp_path / "out.zarr")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(InputRejected, match="was not written by this command"):
        core.extract_dataset(extractor, dataset, tmp_path / "mine")


def test_an_engine_that_is_not_there():
    with pytest.raises(InputRejected, match="needs an address"):
        engine_at("dask")
    with pytest.raises(InputRejected, match="No Dask scheduler answers"):
        engine_at("dask", "tcp://127.0.0.1:9")
