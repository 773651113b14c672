import keras
import numpy as np
import pytest
import tensorflow as tf

import core
from core.extraction.dataset.survey import survey
from core.extraction.extractor import Extractor
from core.extraction.one_reading import reduce_rows
from core.inputs.datasets import ArrayDataset


@pytest.mark.parametrize("places", [1, 3, 4, 63, 64, 65, 130])
def test_all_places_go_in_once(places):
    rows = np.random.default_rng(places).normal(size=(2, places, 5)).astype("float32")

    total, norm, maximum, minimum = map(np.asarray, reduce_rows(tf.constant(rows)))

    np.testing.assert_allclose(total, rows.sum(axis=1, dtype="float64"), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(norm, np.linalg.norm(rows.astype("float64"), axis=1), rtol=1e-6)
    np.testing.assert_array_equal(maximum, rows.max(axis=1))
    np.testing.assert_array_equal(minimum, rows.min(axis=1))


def test_sums_are_at_least_as_true_as_those_of_tensorflow():
    rows = (1000 + np.random.default_rng(0).normal(size=(2, 50_000, 3))).astype("float32")
    true_total, true_norm = rows.sum(axis=1, dtype="float64"), np.linalg.norm(rows.astype("float64"), axis=1)

    total, norm, _, _ = map(np.asarray, reduce_rows(tf.constant(rows)))

    theirs = np.asarray(tf.reduce_sum(rows, axis=1)), np.asarray(tf.raw_ops.EuclideanNorm(input=rows, axis=[1]))
    assert np.abs(total - true_total).max() <= np.abs(theirs[0] - true_total).max()
    assert np.abs(norm - true_norm).max() <= np.abs(theirs[1] - true_norm).max()


@pytest.mark.parametrize("place", [0, 5, 64])
def test_what_is_not_finite_shows_in_the_sum_or_at_an_end(place):
    rows = np.ones((1, 65, 3), "float32")
    rows[0, place] = [np.nan, np.inf, -np.inf]

    total, _, maximum, minimum = map(np.asarray, reduce_rows(tf.constant(rows)))

    assert np.isnan(total[0, 0])
    assert (total[0, 1], maximum[0, 1]) == (np.inf, np.inf)
    assert (total[0, 2], minimum[0, 2]) == (-np.inf, -np.inf)


def test_a_survey_of_large_layers_is_that_of_their_values():
    inputs = keras.Input((256, 256, 3), name="image")
    maps = keras.layers.Conv2D(48, 3, padding="same", name="maps")(inputs)
    maps = keras.layers.BatchNormalization(name="normalized")(keras.layers.ReLU(name="positive")(maps))
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D(name="pooled")(maps))
    samples = np.random.default_rng(0).normal(size=(3, 256, 256, 3)).astype("float32")
    extractor = Extractor(model)

    surveyed = survey(extractor, ArrayDataset({"image": samples})).statistics

    for key, activation in core.extract(model, samples).items():
        values = activation.values.reshape(-1, 48).astype("float64")
        np.testing.assert_allclose(surveyed[key].mean, values.mean(axis=0), rtol=1e-4, atol=1e-6, err_msg=key)
        np.testing.assert_allclose(surveyed[key].variance, values.var(axis=0), rtol=1e-3, atol=1e-9, err_msg=key)
        np.testing.assert_allclose(surveyed[key].maximum, values.max(axis=0), rtol=1e-5, err_msg=key)
        np.testing.assert_allclose(surveyed[key].minimum, values.min(axis=0), rtol=1e-5, atol=1e-9, err_msg=key)
