"""What is wrong is found, and nothing else is."""

import keras
import numpy as np
import pytest

import core
from core.analysis.health import alike_units, checked_layers, findings_of, weights_of_normalization


def found(model, dataset):
    extractor = core.Extractor(model)
    given = core.arrange(model, dataset.batch(0, 1))
    return findings_of(core.survey(extractor, dataset), weights_of_normalization(extractor, given))


class OfValues(keras.layers.Layer):
    """Looks at values, so that it cannot be followed without any."""

    def compute_output_spec(self, values):
        return keras.KerasTensor(values.shape, values.dtype)

    def call(self, values):
        return values + 1.0 if float(keras.ops.sum(values)) > 0 else values - 1.0


def told(findings):
    return [(each.layer, each.kind, each.units) for each in findings]


def test_a_model_without_faults_has_no_findings(planted_model, numbers):
    assert told(found(planted_model(set()), numbers)) == []


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("dead", ("first", "dead", (3,))),
        ("alike", ("first", "alike", (5, 7))),
        ("saturated", ("second", "saturated", (4,))),
    ],
)
def test_a_planted_fault_is_found_and_nothing_else(planted_model, numbers, fault, expected):
    (finding,) = found(planted_model({fault}), numbers)

    assert (finding.layer, finding.kind, finding.units) == expected
    assert 0 <= finding.sample < 300


def test_nan_is_traced_to_where_it_arises(planted_model, numbers):
    first, *others = found(planted_model({"nan", "dead"}), numbers)

    assert (first.layer, first.kind, first.units, first.sample) == ("second", "not finite", (2,), 0)
    assert first.is_first
    assert "it arises here" in first.text
    assert told(others) == [("answer", "not finite", (0, 1, 2)), ("first", "dead", (3,))]
    assert "handed on" in others[0].text


def test_nan_that_one_sample_brings_names_that_sample(planted_model, numbers):
    arrays = {"numbers": numbers.arrays["numbers"].copy()}
    arrays["numbers"][117, 4] = np.inf
    first = found(planted_model(set()), core.ArrayDataset(arrays, numbers.labels))[0]

    assert (first.layer, first.kind, first.units, first.sample) == ("input:numbers", "not finite", (4,), 117)


def test_all_at_once(planted_model, numbers):
    kinds = {
        (each.layer, each.kind, each.units) for each in found(planted_model({"dead", "alike", "saturated"}), numbers)
    }

    assert kinds == {("first", "dead", (3,)), ("first", "alike", (5, 7)), ("second", "saturated", (4,))}


def test_a_fault_is_not_told_again_by_what_hands_it_on(numbers):
    import keras

    keras.utils.set_random_seed(3)
    given = keras.Input((10,), name="numbers")
    hidden = keras.layers.Dense(8, activation="relu", name="first")(given)
    hidden = keras.layers.BatchNormalization(name="norm")(hidden)
    hidden = keras.layers.Activation("tanh", name="act")(hidden)
    hidden = keras.layers.Dropout(0.5, name="drop")(hidden)
    model = keras.Model(given, keras.layers.Dense(2, name="answer")(hidden))
    kernel, bias = model.get_layer("first").get_weights()
    kernel[:, 1], bias[1] = 0, -1
    model.get_layer("first").set_weights([kernel, bias])

    assert told(found(model, numbers)) == [("first", "dead", (1,))]


def test_wrong_preprocessing_shows_as_drift(numbers):
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((10,), name="numbers"), keras.layers.BatchNormalization(name="norm"), keras.layers.Dense(2)]
    )
    model.compile("sgd", "mse")
    values = numbers.arrays["numbers"]
    model.fit(values, np.zeros((300, 2)), epochs=60, batch_size=100, verbose=0)

    assert told(found(model, numbers)) == []
    (finding,) = found(model, core.ArrayDataset({"numbers": 255 * values + 127}))
    assert (finding.layer, finding.kind, finding.units) == ("norm", "drift", tuple(range(10)))


def test_of_few_samples_only_nan_is_told(planted_model, numbers):
    few = core.ArrayDataset({"numbers": numbers.arrays["numbers"][:5]})

    assert told(found(planted_model({"dead"}), few)) == []
    assert found(planted_model({"nan"}), few)[0].layer == "second"


def checked(model, dataset):
    return checked_layers(core.survey(core.Extractor(model), dataset), {})


def test_each_kind_is_looked_for_where_it_can_be(planted_model, numbers):
    assert checked(planted_model(set()), numbers) == {
        "not finite": ("input:numbers", "first", "second", "answer"),
        "dead": ("first",),
        "constant": ("first", "second", "answer"),
        "saturated": ("second",),
        "alike": ("first", "second", "answer"),
        "always on": ("first",),
        "drift": (),
    }


def test_of_few_samples_nothing_but_nan_counts_as_looked_for(planted_model, numbers):
    few = core.ArrayDataset({"numbers": numbers.arrays["numbers"][:7]})

    assert {kind for kind, layers in checked(planted_model(set()), few).items() if layers} == {"not finite"}


def test_too_few_values_for_a_correlation_are_not_said_to_be_no_copies(planted_model, numbers):
    some = core.ArrayDataset({"numbers": numbers.arrays["numbers"][:10]})

    assert checked(planted_model({"alike"}), some)["alike"] == ()
    assert checked(planted_model({"alike"}), some)["constant"] == ("first", "second", "answer")


def test_units_alike_are_those_that_numpy_says_correlate(digits):
    extractor, dataset = digits
    key = "dense"
    statistics = core.survey(extractor, dataset).statistics[key]
    values = extractor.extract(core.arrange(extractor.model, dataset.arrays), layers=[key])[key].values
    some = np.flatnonzero(values.std(axis=0) > 0)
    correlations = np.corrcoef(values[:, some].T) - np.eye(len(some))

    assert bool(alike_units(statistics)) == bool((correlations > 0.99).any())


def test_input_drift_of_a_model_that_runs_eagerly():
    given = keras.Input((3,), name="values")
    model = keras.Model(given, keras.layers.BatchNormalization(name="norm")(OfValues(name="branch")(given)))
    gamma, beta, mean, variance = model.get_layer("norm").get_weights()
    model.get_layer("norm").set_weights([gamma, beta, mean + 9, variance])
    values = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)

    assert ("norm", "drift", (0, 1, 2)) in told(found(model, core.ArrayDataset({"values": values})))
