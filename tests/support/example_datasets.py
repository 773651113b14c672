"""Three of the examples, each as an extractor and its samples as a dataset."""

import pytest

import core


def opened(name):
    example = core.get_example(name)
    inputs, labels = example.samples()
    extractor = core.Extractor(core.load_model(example.model_path))
    return extractor, core.ArrayDataset(inputs, labels, example.class_names)


@pytest.fixture(scope="session")
def digits():
    """The extractor of the digits example, and its samples as a dataset."""
    return opened("digits-cnn")


@pytest.fixture(scope="session")
def reviews():
    """Text with padding, whose layers have masks."""
    return opened("reviews-transformer")


@pytest.fixture(scope="session")
def motions():
    """Sequences without padding."""
    return opened("motions-conv1d")
