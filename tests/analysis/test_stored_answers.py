import numpy as np
import pytest
import zarr

import core
from core.errors import InputRejected


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder with what two layers of the digits example answered to its samples, and the same in memory."""
    folder = tmp_path_factory.mktemp("written") / "answers.zarr"
    example = core.get_example("digits-cnn")
    model = core.load_model(example.model_path)
    arrays, labels = example.samples()
    dataset = core.ArrayDataset(arrays, labels, example.class_names)
    core.extract_dataset(model, dataset, folder, layers=["conv_1", "dense"])
    return folder, model, core.arrange(model, arrays)


@pytest.mark.parametrize(("layer", "pooling"), [("dense", "flatten"), ("conv_1", "mean")])
def test_points_are_those_of_the_samples_in_memory(written, layer, pooling):
    folder, model, inputs = written
    stored = core.project_dataset(folder, layer, pooling=pooling)
    held = core.project(model, inputs, layer=layer, pooling=pooling)

    np.testing.assert_allclose(np.abs(stored.points), np.abs(held.points), rtol=1e-4, atol=1e-3)


def test_the_others_lie_among_landmarks(written):
    told = []
    placed = core.project_dataset(
        written[0], "dense", method="UMAP", landmarks=40, progress=lambda fraction, text: told.append(fraction)
    )
    assert placed.points.shape == (90, 2)
    assert placed.landmarks == 40
    assert told == sorted(told)


@pytest.mark.parametrize(
    ("layer", "options", "told"),
    [
        ("flatten", {}, "answers.zarr holds no values of flatten"),
        ("labels", {}, "answers.zarr holds no values of labels"),
        ("dense", {"pooling": "max"}, "no pooling 'max'"),
        ("dense", {"method": "pca"}, "no method 'pca'; did you mean 'PCA'"),
    ],
)
def test_what_cannot_be_placed_is_said(written, layer, options, told):
    with pytest.raises(InputRejected, match=told):
        core.project_dataset(written[0], layer, **options)


def test_a_run_that_was_ended_half_way_is_said(written, tmp_path):
    source = zarr.open_group(written[0], mode="r")
    begun = zarr.open_group(tmp_path / "begun.zarr", mode="w")
    begun.create_array("dense", data=source["dense"][...], attributes={"key": "dense"})
    begun.attrs["layerscope"] = {**source.attrs["layerscope"], "done": 0}

    with pytest.raises(InputRejected, match=r"begun\.zarr does not hold all samples yet"):
        core.project_dataset(tmp_path / "begun.zarr", "dense")
    with pytest.raises(InputRejected, match=r"nowhere\.zarr holds no values of dense"):
        core.project_dataset(tmp_path / "nowhere.zarr", "dense")
