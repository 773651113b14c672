import keras
import numpy as np
import pytest

from core.extraction.dataset.survey import survey
from core.extraction.extractor import Extractor
from core.inputs.datasets import ArrayDataset
from core.workspace.workspace import Workspace


@pytest.fixture(scope="module")
def comparing():
    """A model that compares the samples of a batch with each other, beside layers that do not."""
    keras.utils.set_random_seed(0)
    numbers = keras.Input((4,), name="numbers")
    alike = keras.ops.matmul(numbers, keras.ops.transpose(numbers))
    answer = keras.layers.Dense(2, name="answer")(numbers) + keras.ops.mean(alike)
    return keras.Model(numbers, answer)


@pytest.mark.parametrize("count", [8, 9, 20])
def test_layers_whose_units_are_the_samples_of_a_batch_are_left_out(comparing, count):
    """Each batch has as many as it has samples, and the last one fewer."""
    samples = np.random.default_rng(0).normal(size=(count, 4)).astype("float32")
    surveyed = survey(Extractor(comparing), ArrayDataset({"numbers": samples}))

    assert surveyed.sample_count == count
    assert set(surveyed.layers) == set(surveyed.statistics)
    np.testing.assert_allclose(
        surveyed.statistics["answer"].mean, np.asarray(comparing.get_layer("answer")(samples)).mean(axis=0), rtol=1e-5
    )


def test_health_is_told_of_the_others(comparing, tmp_path):
    comparing.save(tmp_path / "comparing.keras")
    workspace = Workspace()
    workspace.open_model((tmp_path / "comparing.keras").read_bytes(), "comparing.keras")
    workspace.take_noise(20, 1)
    assert workspace.health() is not None
