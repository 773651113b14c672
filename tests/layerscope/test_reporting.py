"""``layerscope.report``: a report of what is in memory, and of files."""

import keras
import numpy as np
import pytest

import layerscope
from core.errors import InputRejected


class Subclassed(keras.Model):
    """A model that says nothing of its inputs before it is run."""

    def __init__(self):
        super().__init__(name="subclassed")
        self.hidden = keras.layers.Dense(6, "relu", name="hidden")
        self.answer = keras.layers.Dense(2, "softmax", name="answer")

    def call(self, values):
        return self.answer(self.hidden(values))


@pytest.fixture
def samples():
    return np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32), np.arange(12) % 2


def test_a_model_in_memory_against_another(tmp_path, samples):
    path = tmp_path / "report.html"
    first, second = Subclassed(), Subclassed()
    written = layerscope.report(
        first,
        *samples,
        ["no", "yes"],
        path=path,
        compare=second,
        units=["hidden:2"],
        note="Mine.",
        fail_on=["accuracy<0", "change>0.01"],
    )
    page = path.read_text()

    assert written.path == path
    assert not written.passed
    assert len(written.failures) == 1
    assert written.failures[0].startswith("change>0.01: It differs from the second model, in ")
    assert written.json_path == tmp_path / "report.json"
    assert written.json_path.exists()
    assert written.numbers.sample_count == 12
    assert all(text in page for text in ("Unit 2 of hidden", "Mine.", "Against a second model", "yes"))


def test_files_and_what_a_generator_has_once(tmp_path, samples):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "softmax", name="answer")])
    model.save(tmp_path / "model.keras")
    path = tmp_path / "model.keras"
    batches = ((samples[0][at : at + 4], samples[1][at : at + 4]) for at in (0, 4, 8))
    written = layerscope.report(path, batches, path=tmp_path / "report.html", compare=str(path))

    assert written.passed
    assert written.json_path is None
    assert written.numbers.judged_count == 12
    assert {each.change for each in written.numbers.layers} == {0.0}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"fail_on": ["ded"]}, "did you mean 'dead'"),
        ({"path": "report.txt"}, r"end in \.html"),
        ({"units": ["hidden"]}, "conv_1:5"),
        ({"class_names": "ab"}, "list with a name"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_run(samples, settings, said):
    with pytest.raises(InputRejected, match=said):
        layerscope.report(None, *samples, **settings)


def test_without_samples():
    with pytest.raises(InputRejected, match="no samples"):
        layerscope.report(Subclassed(), None)
