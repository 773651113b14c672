"""What a notebook shows of an activation: its best picture, and never an exception; and a picture by its name."""

import gc
import json
import pickle
import weakref
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest

from core.errors import PluginFailed
from core.extraction.extractor import Extractor, extract
from core.plugins.registry import get_registry

LAYERS = keras.layers


def lstm(x):
    return LAYERS.LSTM(4, name="layer")(x)


def gru(x):
    return LAYERS.GRU(4, return_sequences=True, name="layer")(x)


def attention(x):
    return LAYERS.MultiHeadAttention(2, 3, name="layer")(x, x)


def convolution(x):
    return LAYERS.Conv2D(5, 2, name="layer")(LAYERS.Reshape((6, 3, 1))(x))


class Nothing(LAYERS.Layer):
    def call(self, x):
        return x[..., :0]


class OneNumber(LAYERS.Layer):
    def call(self, x):
        return keras.ops.sum(x, axis=(1, 2))


class NotANumber(LAYERS.Layer):
    def call(self, x):
        return x / 0.0 * 0.0


KINDS = {
    "LSTM": lstm,
    "GRU": gru,
    "attention": attention,
    "convolution": convolution,
    "empty": lambda x: Nothing(name="layer")(x),
    "scalar": lambda x: OneNumber(name="layer")(x),
    "NaN": lambda x: NotANumber(name="layer")(x),
}


def recorded(kind, **settings):
    given = keras.Input((6, 3))
    inputs = np.random.default_rng(0).random((2, 6, 3)).astype(np.float32)
    return extract(keras.Model(given, KINDS[kind](given)), inputs, **settings)["layer"]


def text():
    words = keras.Input((1,), dtype="string")
    numbers = LAYERS.StringLookup(vocabulary=["a", "b"])(words)
    back = LAYERS.StringLookup(vocabulary=["a", "b"], invert=True, name="layer")(numbers)
    return extract(keras.Model(words, back), np.array([["a"], ["c"]]))["layer"]


def shown(activation):
    bundle = activation._repr_mimebundle_()
    return bundle[0] if isinstance(bundle, tuple) else bundle


def is_chart(bundle):
    return any("vega" in kind or kind == "text/html" for kind in bundle)


@pytest.mark.parametrize("kind", [each for each in KINDS if each != "empty"])
@pytest.mark.parametrize("is_sample", [False, True])
@pytest.mark.parametrize("internals", [False, True])
def test_what_was_recorded_is_drawn(kind, is_sample, internals):
    activation = recorded(kind, internals=internals)

    assert is_chart(shown(activation.sample(1) if is_sample else activation))


def test_what_was_recorded_inside_comes_first(monkeypatch):
    registry, drawn, draw = get_registry(), [], get_registry().draw
    monkeypatch.setattr(registry, "draw", lambda name, *given: drawn.append(name) or draw(name, *given))
    shown(recorded("LSTM", internals=True))
    shown(recorded("LSTM"))

    assert drawn[0] == "gates"
    assert not {"gates", "gate-heatmaps"} & set(drawn[1:])


def test_the_page_which_can_record_again_offers_all_of_them():
    assert get_registry().publish(recorded("LSTM"))[0].name == "gates"


def test_text_is_shown():
    assert is_chart(shown(text()))


def test_where_nothing_can_be_drawn_there_is_a_line():
    activation = recorded("empty")

    assert shown(activation) == {"text/plain": repr(activation)}


def test_a_picture_that_fails_gives_way_to_the_next(monkeypatch):
    activation = recorded("convolution")
    best = get_registry().publish(activation)[0]
    monkeypatch.setattr(type(best), "chart", lambda self, activation, options: 1 / 0)

    assert is_chart(shown(activation))


def test_more_rows_than_altair_takes_by_itself(make_activation):
    activation = make_activation(np.random.default_rng(0).random((1, 6_000, 1)).astype(np.float32))

    assert len(json.dumps(shown(activation))) > 1_000


class TestByName:
    """``activation.chart("attribution")``: in one call, with what it was extracted by."""

    IMAGES = np.random.default_rng(1).random((3, 8, 8, 1)).astype(np.float32)

    @staticmethod
    def model():
        images = keras.Input((8, 8, 1))
        maps = LAYERS.Conv2D(3, 3, activation="relu", name="maps")(images)
        return keras.Model(images, LAYERS.Dense(2, "softmax", name="classes")(LAYERS.Flatten()(maps)))

    @pytest.mark.parametrize("name", ["input-attribution", "attribution", "Attribution"])
    def test_what_runs_the_model_again_needs_no_extractor(self, name):
        model = self.model()
        wanted = get_registry().chart(
            "input-attribution", extract(model, self.IMAGES)["classes"], sample=2, extractor=Extractor(model)
        )
        drawn = extract(model, self.IMAGES)["classes"].chart(name, sample=2)

        assert drawn.to_dict() == wanted.to_dict()

    def test_another_extractor_may_be_meant(self):
        activation = extract(self.model(), self.IMAGES)["classes"]
        other = self.model()
        wider = keras.Model(other.inputs, LAYERS.Dense(9, name="classes")(other.layers[-2].output))

        with pytest.raises(PluginFailed, match=r"Attribution does not draw classes: The model takes 'keras_tensor_"):
            activation.chart("attribution", extractor=Extractor(wider))

    def test_of_one_sample(self):
        activation = extract(self.model(), self.IMAGES)["maps"]

        wanted = activation.chart("class-activation-map", sample=1)
        alone = activation.sample(1).chart("class-activation-map")
        assert drawn_data(alone) == drawn_data(wanted)

    def test_what_is_not_there_is_said(self):
        activation = extract(self.model(), self.IMAGES)["classes"]

        with pytest.raises(PluginFailed, match="There is no visualizer 'atribution'; did you mean"):
            activation.chart("atribution")
        with pytest.raises(PluginFailed, match="no option 'simple'; did you mean 'sample'"):
            activation.chart("attribution", simple=2)

    def test_without_a_model_it_says_so(self):
        activation = pickle.loads(pickle.dumps(extract(self.model(), self.IMAGES)["classes"]))

        with pytest.raises(PluginFailed, match="runs the model again"):
            activation.chart("attribution")
        assert activation.chart("histogram").to_dict()

    def test_a_model_is_let_go_with_what_it_answered(self):
        model = self.model()
        activations = extract(model, self.IMAGES)
        activations["classes"].chart("attribution")
        activations["maps"].chart("class-activation-map")
        freed = weakref.ref(model), weakref.ref(activations["maps"].extractor)
        del model
        gc.collect()
        assert all(each() is not None for each in freed)
        del activations
        gc.collect()

        assert [each() for each in freed] == [None, None]

    def test_threads_draw_at_the_same_time(self):
        activations = extract(self.model(), self.IMAGES)
        wanted = [activations["classes"].chart("attribution", sample=sample).to_dict() for sample in range(3)]
        again = extract(activations["maps"].extractor.model, self.IMAGES)["classes"]
        with ThreadPoolExecutor(3) as threads:
            drawn = list(threads.map(lambda sample: again.chart("attribution", sample=sample), range(3)))

        assert [each.to_dict() for each in drawn] == wanted


def drawn_data(chart):
    """Return a chart without what says which sample it is of."""
    return sorted(json.dumps(table) for table in chart.to_dict()["datasets"].values())
