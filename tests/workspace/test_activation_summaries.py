"""What a layer answers in numbers: those that NumPy works out of the same answer."""

import keras
import numpy as np
import pytest

import core
from core.errors import InputRejected
from core.plugins.registry import Registry
from core.workspace.workspace import Workspace
from tests.workspace.workers.trouble import small_keras_file


@pytest.fixture(scope="module")
def digits():
    workspace = Workspace(Registry())
    workspace.open_example("digits-cnn")
    return workspace


def test_are_those_of_the_answer(digits):
    example = next(each for each in core.list_examples() if each.name == "digits-cnn")
    arrays, _ = example.samples()
    model = core.load_model(example.model_path)
    values = core.extract(model, core.arrange(model, {name: array[:4] for name, array in arrays.items()}))[
        "conv_1"
    ].values[3]
    summary = digits.activation_summary("conv_1", 3, 2)

    assert (summary.axes, summary.shape, summary.value_count) == (("height", "width", "channel"), (8, 8, 16), 1024)
    told = (summary.minimum, summary.maximum, summary.mean, summary.deviation)
    assert told == pytest.approx((values.min(), values.max(), values.mean(), values.std()), rel=1e-4)
    assert summary.zeros == (values == 0).sum()
    order = np.argsort(-np.abs(values).mean(axis=(0, 1)))[:2]
    assert [unit.unit for unit in summary.strongest_units] == order.tolist()
    assert summary.strongest_units[0].mean == pytest.approx(values[..., order[0]].mean(), rel=1e-4)
    assert summary.strongest_units[0].name == f"channel {order[0]} of conv_1"


def test_of_the_last_layer_the_strongest_is_what_it_answers(digits):
    first, *_ = digits.activation_summary("probabilities", 0).strongest_units
    assert first.name == f"class {digits.answer(0).best}"
    assert first.mean == pytest.approx(digits.answer(0).probability)


def test_a_layer_that_there_is_not(digits):
    with pytest.raises(InputRejected, match="nowhere"):
        digits.activation_summary("nowhere", 0)


def test_numbers_that_are_not_finite_are_counted_and_in_no_mean():
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, keras.layers.Rescaling(2.0, name="twice")(inputs))
    workspace = Workspace(Registry())
    workspace.open_model(small_keras_file(model), "twice.keras")
    content = _array([[np.nan, 1, np.inf, 2], [np.nan] * 4])
    workspace.take_files({"x": [("x.npy", content)]}, scaling="none", fit="stretch", invert=False)

    first, second = (workspace.activation_summary("twice", sample) for sample in (0, 1))
    assert (first.nans, first.infinities, first.minimum, first.maximum, first.mean) == (1, 1, 2.0, 4.0, 3.0)
    assert (second.nans, second.mean, second.minimum) == (4, None, None)
    assert all(unit.mean is None for unit in second.strongest_units)


def _array(rows):
    import io

    content = io.BytesIO()
    np.save(content, np.float32(rows))
    return content.getvalue()
