"""Every layer run again on what it was called with: what is reproduced, and what is found where something is wrong."""

import itertools
import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.extraction.extractor import Extractor, extract
from core.extraction.recorder import Recorder
from tests.support.kinds_of_models import KINDS, functional, numbers

layers, ops = keras.layers, keras.ops
VECTORS = numbers(4)(9)
TRAINING = [False, True]


def with_planted(planted):
    return functional((4,), layers.Dense(4, name="before"), planted, layers.Dense(2, name="after"))


def outcomes(found):
    return {layer.key: layer.outcome for layer in found.layers}


class CountsInAttribute(layers.Layer):
    def __init__(self, **settings):
        super().__init__(**settings)
        self.times = 0

    def call(self, x):
        self.times += 1
        return x * float(self.times)


class CountsInVariable(layers.Layer):
    def build(self, shape):
        self.times = self.add_weight(shape=(), initializer="zeros", trainable=False, name="times")

    def call(self, x):
        self.times.assign_add(1.0)
        return x * self.times


class CountsInList(layers.Layer):
    def __init__(self, **settings):
        super().__init__(**settings)
        self.times = [0]

    def call(self, x):
        self.times[0] += 1
        return x * float(self.times[0])


class RandomBySeed(layers.Layer):
    def __init__(self, **settings):
        super().__init__(**settings)
        self.generator = keras.random.SeedGenerator(3)

    def call(self, x):
        return x + keras.random.normal(ops.shape(x), seed=self.generator)


class RandomBySeedOfAll(layers.Layer):
    def call(self, x):
        return x + keras.random.normal(ops.shape(x))


class RandomWithoutSeed(layers.Layer):
    def call(self, x):
        return x + tf.random.normal(tf.shape(x))


class RandomInPython(layers.Layer):
    def call(self, x):
        return x + np.random.normal()


class TakesNumbers(keras.Model):
    """Calls layers by more than tensors that layers answered: by keyword, with numbers, lists, names and masks."""

    def __init__(self):
        super().__init__()
        self.pick = Picking(name="pick")
        self.attention = layers.MultiHeadAttention(2, 2, name="attention")

    def call(self, x):
        picked = self.pick({"x": x, "both": [x, -x]}, times=2, kind="sum")
        return self.attention(picked, value=x * 2, attention_mask=ops.ones((1, 3, 3), "bool"), use_causal_mask=True)


class Picking(layers.Layer):
    def call(self, inputs, times=1, kind="", training=None):
        assert kind == "sum"
        return times * inputs["x"] + inputs["both"][1] + (1.0 if training else 0.0)


@pytest.mark.parametrize("training", TRAINING, ids=["inference", "training"])
@pytest.mark.parametrize("name", list(KINDS))
def test_every_layer_of_a_kind_of_model_is_reproduced_or_said_not_to_be(name, training):
    kind = KINDS[name]
    found = extract(kind.build(), kind.inputs(max(kind.counts)), training=training).verify()

    expected = {"exact", "close", *({"stateful"} if name == "stateful" else ())}
    unexpected = {key: outcome for key, outcome in outcomes(found).items() if outcome not in expected}
    assert unexpected == NOT_CHECKED.get(name, {})
    assert found.model.outcome in ("exact", "close")
    assert found.is_clean


NOT_CHECKED = {
    name: dict.fromkeys(keys, "not checked")
    for name, keys in {
        "loop of the graph": ["loop/step"],
        "packed": ["dense"],
        "cell of layers": ["rnn/cell", "rnn/cell/given", "rnn/cell/recalled"],
        "crops": ["maps"],
    }.items()
}


@pytest.mark.parametrize("name", ["MobileNetV3Small", "EfficientNetB0"])
def test_every_layer_of_an_application(name):
    model = getattr(keras.applications, name)(weights=None, input_shape=(32, 32, 3), classes=10)
    found = extract(model, numbers(32, 32, 3)(2)).verify()

    assert all(layer.is_reproduced for layer in found.layers)
    assert len(found.layers) > 150
    assert found.model.is_reproduced


@pytest.mark.parametrize("planted", [CountsInAttribute, CountsInVariable, CountsInList])
def test_a_layer_that_counts_calls_is_named(planted):
    found = extract(with_planted(planted(name="planted")), VECTORS).verify()

    assert outcomes(found) == {"before": "exact", "planted": "stateful", "after": "exact"}
    assert "1 is stateful (planted)" in found.text


@pytest.mark.parametrize("planted", [RandomBySeed, RandomBySeedOfAll, RandomWithoutSeed, RandomInPython])
def test_a_layer_that_is_random_in_inference_is_named(planted):
    found = extract(with_planted(planted(name="planted")), VECTORS).verify()

    assert outcomes(found)["planted"] == "random"
    assert f"1 is random ({planted.__name__})" in found.text
    # What comes after got other numbers in each pass, or the same: it is never taken for wrong.
    assert outcomes(found)["after"] in ("exact", "not checked")
    assert found.model.outcome != "differs"


def test_dropout_in_training_is_random_and_the_rest_is_reproduced():
    model = with_planted(layers.Dropout(0.5, name="dropout"))
    in_training, in_inference = (extract(model, VECTORS, training=training).verify() for training in (True, False))

    assert outcomes(in_training) == {"before": "exact", "dropout": "random", "after": "exact"}
    assert in_training.text_of_layers == "2 of 3 layers reproduced exactly, 1 is random (Dropout)."
    assert in_training.layers[1].note == "by the same seed it answers the same"
    assert in_training.model.is_reproduced
    assert outcomes(in_inference)["dropout"] == "exact"


def test_what_training_does_to_a_batch_is_verified_with_that_batch():
    model = functional((4,), layers.BatchNormalization(name="normalized"), layers.Dropout(0.5), layers.Dense(2))
    before = [weight.copy() for weight in model.get_weights()]
    found = extract(model, VECTORS, training=True, batch_size=5).verify()

    assert found.sample_count == 5
    assert outcomes(found)["normalized"] == "exact"
    assert all(map(np.array_equal, before, model.get_weights()))


def test_a_recorder_that_changes_a_value_is_found(monkeypatch):
    told_apart = Recorder._told_apart

    def changed(self, call, output):
        output = told_apart(self, call, output)
        return output + 0.01 if call.key == "planted" else output

    monkeypatch.setattr(Recorder, "_told_apart", changed)
    found = extract(with_planted(layers.Dense(3, name="planted")), VECTORS).verify()

    assert [each.key for each in found.differing][:1] == ["planted"]
    assert outcomes(found) == {"before": "exact", "planted": "differs", "after": "exact"}
    assert found.model.outcome == "differs"
    assert "planted by" in found.text
    assert not found.is_clean


def test_activations_that_hold_something_else_are_found():
    activations = extract(with_planted(layers.Dense(3, name="planted")), VECTORS[:4])
    held = activations["planted"]
    held._values = held.values + np.float32(0.5)
    found = activations.verify()

    assert outcomes(found) == {"before": "exact", "planted": "differs", "after": "exact"}
    assert found.model.is_reproduced


def test_what_depends_on_the_other_samples_is_run_with_all_of_them():
    activations = extract(with_planted(layers.Lambda(lambda x: x - ops.mean(x), name="planted")), VECTORS)
    found = activations.verify(samples=2)
    assert all(layer.is_reproduced for layer in found.layers)

    held = activations["planted"]
    held._values = held.values + np.float32(0.5)
    assert outcomes(activations.verify(samples=2))["planted"] == "differs"


def test_a_clamped_layer_differs_and_says_why():
    found = extract(with_planted(layers.Dense(3, name="planted")), VECTORS, clamp={"planted": {1: 3.0}}).verify()

    assert outcomes(found) == {"before": "exact", "planted": "differs", "after": "exact"}
    assert found.layers[1].note == "units of it were set to values"


@pytest.mark.parametrize("training", TRAINING, ids=["inference", "training"])
def test_calls_by_keyword_with_numbers_lists_and_masks(training):
    model = TakesNumbers()
    found = extract(model, numbers(3, 4)(2), training=training).verify()

    assert outcomes(found)["pick"] == "exact"
    assert outcomes(found)["attention"] == "exact"
    assert set(outcomes(found).values()) <= {"exact", "close"}


def test_padding_is_left_out_again():
    model = functional((5,), layers.Embedding(7, 3, mask_zero=True, name="rows"), layers.LSTM(2, name="lstm"))
    ids = np.array([[1, 2, 3, 0, 0], [4, 0, 0, 0, 0]], np.int32)
    found = extract(model, ids, internals=True).verify()

    assert outcomes(found)["lstm"] in ("exact", "close")
    # A layer that ignored the mask would answer something else.
    assert "lstm:hidden_state" in found.parts
    assert "What layers keep to themselves (lstm:hidden_state" in found.text


def test_only_layers_that_are_kept_are_spoken_of():
    found = extract(with_planted(layers.Dense(3, name="planted")), VECTORS, layers=["planted"]).verify()

    assert outcomes(found) == {"planted": "exact"}
    assert found.text == "1 of 1 layer reproduced exactly. Without recording the model answers exactly the same."


def test_layers_are_taken_in_groups_that_fit_in_memory(monkeypatch):
    activations = extract(with_planted(layers.Dense(3, name="planted")), VECTORS)
    whole = activations.verify()
    sizes = []
    recorded_calls = Extractor.recorded_calls

    def noted(self, tensors, kind, numbers):
        sizes.append(len(kind.selection.layers))
        return recorded_calls(self, tensors, kind, numbers)

    monkeypatch.setattr("core.extraction.verification._BUDGET", 1)
    monkeypatch.setattr(Extractor, "recorded_calls", noted)
    assert activations.verify() == whole
    assert sizes == [1, 1, 1]


def test_progress_and_a_table():
    steps = []
    activations = extract(with_planted(layers.Dense(3, name="planted")), VECTORS)
    frame = activations.verify(progress=lambda done, total: steps.append((done, total))).to_frame()

    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert list(frame.columns) == ["layer", "type", "outcome", "difference", "tolerance", "note"]
    assert list(frame["layer"])[:3] == ["before", "planted", "after"]


def test_without_a_model_nothing_is_verified():
    activations = extract(with_planted(layers.Dense(3, name="planted")), VECTORS)

    with pytest.raises(ValueError, match="no model is at hand"):
        pickle.loads(pickle.dumps(activations)).verify()
    with pytest.raises(ValueError, match="at least 1"):
        activations.verify(samples=0)


def test_a_layer_that_cannot_be_called_alone_is_not_checked():
    once = itertools.count()

    class OnlyTwice(layers.Layer):
        def call(self, x):
            # Traced for what it answers, then recorded, then recorded with its arguments.
            if next(once) > 2:
                raise RuntimeError("it was called too often")
            return x + 1.0

        def compute_output_spec(self, x):
            return keras.KerasTensor(x.shape, x.dtype)

    found = extract(with_planted(OnlyTwice(name="planted")), VECTORS).verify()

    assert outcomes(found)["planted"] == "not checked"
    assert "called alone it raised RuntimeError" in found.layers[1].note
