"""All samples, as a visualizer asks for them."""

import numpy as np
import pytest

import core
from core.analysis.layer_dataset import LayerDataset


@pytest.fixture(scope="module")
def both():
    """The last thirty of ninety samples as an activation, and all ninety as the dataset that it is from."""
    example = core.get_example("digits-cnn")
    inputs, labels = example.samples()
    extractor = core.Extractor(core.load_model(example.model_path))
    part = core.arrange(extractor.model, {name: array[60:] for name, array in inputs.items()})
    block = extractor.extract(part, labels=labels[60:], class_names=example.class_names, first=60)
    whole = extractor.extract(core.arrange(extractor.model, inputs))
    return block, core.ArrayDataset(inputs, labels, example.class_names), extractor, whole


def test_features_are_of_all_samples(both):
    block, dataset, extractor, whole = both
    found = LayerDataset(block["conv_1"], dataset, extractor)
    told = []

    np.testing.assert_allclose(
        found.features("mean", lambda *said: told.append(said)), whole["conv_1"].values.mean(axis=(1, 2)), atol=1e-5
    )
    assert told[-1][1] == "90 of 90 samples"
    assert (found.sample_count, found.first, found.number_of(3), found.is_whole) == (90, 0, 63, False)
    np.testing.assert_array_equal(found.predictions(), whole.output.argmax(axis=1))
    assert found.classes_named(found.labels)[:2].tolist() == [dataset.class_names[each] for each in dataset.labels[:2]]


def test_any_samples_can_be_asked_for(both):
    block, dataset, extractor, whole = both
    found = LayerDataset(block["conv_1"], dataset, extractor)

    np.testing.assert_allclose(found.activation([80, 2]).values, whole["conv_1"].values[[80, 2]], atol=1e-5)
    np.testing.assert_array_equal(found.inputs([80, 2])["image"], dataset.arrays["image"][[80, 2]])


def test_in_a_notebook_the_samples_are_those_of_the_activation(both):
    block = both[0]
    found = LayerDataset(block["dense"])

    assert (found.sample_count, found.first, found.number_of(3), found.is_whole) == (30, 60, 3, True)
    np.testing.assert_array_equal(found.features("flatten"), block["dense"].values)
    np.testing.assert_array_equal(found.activation([4, 1]).values, block["dense"].values[[4, 1]])
    np.testing.assert_array_equal(found.predictions(), block.output.argmax(axis=1))


def test_more_than_is_kept_is_refused(both, monkeypatch):
    block, dataset, extractor, _ = both
    monkeypatch.setenv("LAYERSCOPE_KEPT_BYTES", "100KB")

    with pytest.raises(ValueError, match="need more than 100 KB of memory"):
        LayerDataset(block["conv_1"], dataset, extractor).features("flatten")
    assert LayerDataset(block["conv_1"], dataset, extractor).features("mean").shape == (90, 16)
