import numpy as np
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


@pytest.fixture
def planted_model():
    """Return a function that makes a model with faults: a dead unit, two alike, one that answers NaN."""
    import keras

    def make(faults):
        keras.utils.set_random_seed(5)
        given = keras.Input((10,), name="numbers")
        hidden = keras.layers.Dense(16, activation="relu", name="first")(given)
        hidden = keras.layers.Dense(12, activation="tanh", name="second")(hidden)
        answer = keras.layers.Dense(3, activation="softmax", name="answer")(hidden)
        model = keras.Model(given, answer)
        kernel, bias = (np.array(each) for each in model.get_layer("first").get_weights())
        if "dead" in faults:
            kernel[:, 3], bias[3] = 0, -1
        if "alike" in faults:
            kernel[:, 7], bias[7] = 2 * kernel[:, 5], 2 * bias[5]
        model.get_layer("first").set_weights([kernel, bias])
        kernel, bias = (np.array(each) for each in model.get_layer("second").get_weights())
        if "nan" in faults:
            bias[2] = np.nan
        if "saturated" in faults:
            bias[4] = 5
        model.get_layer("second").set_weights([kernel, bias])
        return model

    return make


@pytest.fixture
def numbers():
    """Samples for the planted models."""
    random = np.random.default_rng(0)
    return core.ArrayDataset({"numbers": random.normal(size=(300, 10)).astype(np.float32)}, np.arange(300) % 3)
