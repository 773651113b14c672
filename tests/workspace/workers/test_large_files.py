"""Large model files: opened in little more than their weights take, or refused for what is the matter."""

import keras
import pytest
from pydantic import ByteSize

from core.errors import ModelTooLarge
from core.workspace.workers.remote import RemoteWorkspace

WEIGHTS = 7_000 * 10_000 * 4


@pytest.fixture(scope="module")
def large_file(tmp_path_factory):
    """Return the path of a compiled model whose weights take 280 MB, which one layer holds."""
    path = tmp_path_factory.mktemp("large") / "large.keras"
    layer = keras.layers.Dense(10_000, kernel_initializer="ones", use_bias=False, name="wide")
    model = keras.Sequential([keras.Input((7_000,)), layer, keras.layers.Dense(2, name="answer")])
    model.compile("sgd", "mse")
    model.save(path)
    yield path
    path.unlink()


@pytest.fixture
def small_file(tmp_path):
    path = tmp_path / "small.keras"
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(path)
    return path


def test_opening_takes_at_most_half_as_much_again_as_the_weights(large_file, make_pool):
    workspace = RemoteWorkspace(make_pool(worker_bytes=ByteSize(int(1.5 * WEIGHTS)), request_seconds=60))
    summary = workspace.open_model(large_file)
    assert summary.parameter_count > WEIGHTS // 4
    workspace.take_noise(1, 0)
    assert workspace.layers(0)


def test_too_little_memory_is_what_is_said_and_the_next_file_opens(large_file, small_file, make_pool):
    # Of one worker at a time none is made ready beforehand, which would have drawn an example out of so little memory.
    workspace = RemoteWorkspace(make_pool(worker_bytes=ByteSize(WEIGHTS // 2), request_seconds=60, workers=1))
    with pytest.raises(ModelTooLarge, match=r"large\.keras needs more memory than there is .* take 280 MB") as refusal:
        workspace.open_model(large_file)
    assert "LAYERSCOPE_WORKER_BYTES" in refusal.value.remedy
    assert workspace.open_model(small_file).name == "small.keras"
    workspace.take_noise(1, 0)
    assert workspace.answer(0)
