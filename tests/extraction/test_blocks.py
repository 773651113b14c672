import keras
import numpy as np
import pytest
from keras import layers

from core.errors import InputRejected
from core.extraction.blocks import SampleBlocks
from core.extraction.extractor import Extractor
from core.inputs.sample_context import SampleContext
from tests.support.kinds_of_models import TimeFirst, numbers

SAMPLES = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def extractor():
    return Extractor(keras.Sequential([keras.Input((4,), name="x"), layers.Dense(3, name="d")]))


def passes(extractor, budget, announce=lambda activations: None):
    return SampleBlocks(extractor, {"x": SAMPLES}, SampleContext(), announce, budget)


@pytest.mark.parametrize("at_once", [1, 2, 3, 7])
def test_a_block_holds_as_many_samples_as_fit(extractor, at_once):
    expected = extractor.extract(SAMPLES)["d"].values
    # Two blocks of so many samples, three float32 each.
    made = passes(extractor, 2 * at_once * 3 * 4)
    for sample in (6, 0, 3, 5, 1, 4, 2):
        activation, position = made.activation("d", sample)

        assert activation.context.first == sample // at_once * at_once
        assert activation.context.first + position == sample
        assert len(activation.values) == min(at_once, 7 - activation.context.first)
        np.testing.assert_allclose(activation.values[position], expected[sample], rtol=1e-5, atol=1e-6)


def test_a_block_is_run_once(extractor):
    heard = []
    made = passes(extractor, 1_000_000, heard.append)
    for sample in (0, 6, 0):
        made.activation("d", sample)

    assert len(heard) == 1


def test_over_the_budget_only_the_layer_that_is_looked_at_is_kept(extractor):
    heard = []
    made = passes(extractor, 1, heard.append)

    assert not made.plan.all_layers
    np.testing.assert_allclose(made.activation("d", 5)[0].values, extractor.extract(SAMPLES[5:6])["d"].values)
    assert len(heard[0]) == 0
    assert [layer.key for layer in heard[0].layers] == ["d"]


def test_a_model_that_only_a_real_pass_can_follow_is_planned_by_its_first_sample():
    class Deciding(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3, name="d")

        def call(self, inputs):
            return self.dense(inputs) if float(keras.ops.sum(inputs)) > -1e9 else inputs

    model = Deciding()
    model(SAMPLES)
    made = SampleBlocks(Extractor(model), {"input_0": SAMPLES}, SampleContext(), lambda activations: None)

    assert made.plan.bytes_per_sample == 3 * 4
    assert made.plan.samples_at_once == 7


def test_a_layer_whose_size_only_a_pass_tells_is_planned_by_its_first_sample():
    # Time and samples are turned round, and nothing says beforehand which of the two an open axis is.
    extractor, series = Extractor(TimeFirst()), numbers(7, 6)(9)
    extractor.extract(series[:1])
    made = SampleBlocks(extractor, {"input_0": series}, SampleContext(), lambda activations: None)

    assert made.plan.samples_at_once == 9
    assert made.activation("turned", 8)[0].shape == (9, 7, 3)


def test_an_unknown_layer_is_named_with_those_there_are(extractor):
    with pytest.raises(InputRejected, match="no layer 'e'; there are: d"):
        passes(extractor, 1_000).activation("e", 0)


@pytest.mark.parametrize("budget", [1, 1_000_000], ids=["some layers at a time", "all at once"])
def test_layers_are_run_again_in_bounded_memory(budget):
    extractor = Extractor(keras.Sequential([keras.Input((4,), name="x"), *(layers.Dense(3, name=n) for n in "abc")]))
    told = []
    found = passes(extractor, budget).verify(lambda fraction, text: told.append(fraction))

    assert [(layer.key, layer.outcome) for layer in found.layers] == [(name, "exact") for name in "abc"]
    assert found.model.is_reproduced
    assert found.sample_count == (1 if budget == 1 else 4)
    assert told[-1] == 1.0
