"""What a person is told of a model that does not take what it was given."""

import keras
import numpy as np
import pytest

from core.errors import ExtractionFailed
from core.extraction.extractor import Extractor, extract
from core.plugins.registry import get_registry
from tests.support.kinds_of_models import KINDS, OfOneName, numbers

LAYERS = keras.layers


def test_a_fixed_batch_size_is_told_with_the_number_that_it_takes():
    model = KINDS["stateful"].build()

    with pytest.raises(ExtractionFailed, match=r"is fixed: it takes 3 samples at a time and no other number, here 2"):
        extract(model, numbers(6, 4)(2))
    assert extract(model, numbers(6, 4)(3)).at(-1).shape == (3, 1)


def test_a_picture_that_runs_it_with_another_number_refuses_in_these_words():
    activations = extract(KINDS["stateful"].build(), numbers(6, 4)(3))
    drawing = get_registry().draw("input-attribution", activations.at(-1))

    assert not drawing.pictures
    assert "takes 3 samples at a time" in drawing.refusal


@pytest.mark.parametrize("kind", ["dict of vectors", "dict of one vector"])
def test_a_dict_with_other_keys(kind):
    extractor = Extractor(KINDS[kind].build())
    extractor.extract(KINDS[kind].inputs(2))

    told = r"raised KeyError: there is no '[az]'\. If that is an input, give a dict"
    with pytest.raises(ExtractionFailed, match=told):
        extractor.extract({"q": numbers(4)(2)})


def test_a_dict_of_one_is_given_as_a_dict_again():
    samples = {"a": numbers(4)(3)}
    extractor = Extractor(OfOneName())
    activation = extractor.extract(samples)["dense"]
    drawing = get_registry().draw("input-attribution", activation, {"unit": 1, "method": "saliency"})

    assert drawing.pictures, drawing.refusal
    kernel = extractor.model.dense.kernel.numpy()
    tables = drawing.specification["datasets"].values()
    drawn = [row["value"] for rows in tables for row in rows if "value" in row]
    np.testing.assert_allclose(drawn, np.abs(kernel[:, 1]), rtol=1e-4)
