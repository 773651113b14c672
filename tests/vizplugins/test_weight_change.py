"""How far weights have moved, against NumPy and the layers themselves."""

import keras
import numpy as np
import pytest

import core
from core.analysis.other_model import other_model_of
from core.plugins.registry import get_registry
from vizplugins.weight_change import change_in_words, relative_change, weights_by_unit

layers = keras.layers
RANDOM = np.random.default_rng(6)
REGISTRY = get_registry()
VECTORS = RANDOM.normal(size=(3, 4)).astype(np.float32)
SERIES = RANDOM.normal(size=(3, 7, 4)).astype(np.float32)
IMAGES = RANDOM.normal(size=(3, 8, 8, 3)).astype(np.float32)


def moved(layer, inputs):
    """Return the activation of a layer, and a model that is the same but for its weights."""
    given = keras.Input(inputs.shape[1:])
    before = keras.Model(given, layer(given, given) if isinstance(layer, layers.MultiHeadAttention) else layer(given))
    now = keras.models.clone_model(before)
    for one, other in zip(now.weights, before.weights, strict=True):
        other.assign(RANDOM.normal(size=other.shape))
        one.assign(other + RANDOM.normal(size=other.shape))
    return core.extract(now, inputs)[layer.name], before


def drawn(activation, other=None, **options):
    other_model = None if other is None else (lambda: other_model_of(other))
    drawing = REGISTRY.draw("weight-change", activation, options, other_model=other_model)
    return {picture.caption: picture.specification for picture in drawing.pictures} or drawing.refusal


def rows_of(specification, column):
    return [row for rows in specification["datasets"].values() for row in rows if column in row]


LAYERS = {
    "dense": (lambda: layers.Dense(5, name="layer"), VECTORS),
    "conv2d": (lambda: layers.Conv2D(5, 3, name="layer"), IMAGES),
    "transposed": (lambda: layers.Conv2DTranspose(5, 3, name="layer"), IMAGES),
    "conv1d": (lambda: layers.Conv1D(5, 3, name="layer"), SERIES),
    "time distributed": (lambda: layers.TimeDistributed(layers.Dense(5), name="layer"), SERIES),
}


class TestAgainstASecondModel:
    @pytest.mark.parametrize(("layer", "inputs"), LAYERS.values(), ids=LAYERS)
    def test_the_change_of_a_unit_is_that_of_all_its_weights(self, layer, inputs):
        activation, other = moved(layer(), inputs)
        first, *_ = drawn(activation, other).values()

        now, before = (
            dict(core.extract(model, inputs)["layer"].weights) for model in (activation.extractor.model, other)
        )
        away = now["kernel"] - before["kernel"]
        unit_axis = away.ndim - 2 if "Conv2DTranspose" in activation.layer.type_names else away.ndim - 1
        rest = tuple(axis for axis in range(away.ndim) if axis != unit_axis)
        rows = rows_of(first, "change")
        assert [row["unit"] for row in rows] == list(range(5))
        assert [row["change"] for row in rows] == pytest.approx(np.sqrt((away**2).sum(axis=rest)), rel=1e-4)
        norms = np.sqrt((before["kernel"] ** 2).sum(axis=rest))
        assert [row["relative"] for row in rows] == pytest.approx(np.sqrt((away**2).sum(axis=rest)) / norms, rel=1e-4)

    @pytest.mark.parametrize(("layer", "gates"), [(layers.LSTM, 4), (layers.GRU, 3), (layers.SimpleRNN, 1)])
    def test_all_gates_of_a_recurrent_unit_are_its_own(self, layer, gates):
        activation, other = moved(layer(3, name="layer"), SERIES)
        first, *_ = drawn(activation, other).values()

        before = core.extract(other, SERIES)["layer"].weights
        rows = rows_of(first, "change")
        for name in ("kernel", "recurrent_kernel"):
            away = (activation.weights[name] - before[name]).reshape(-1, gates, 3)
            expected = np.sqrt((away**2).sum(axis=(0, 1)))
            assert [row["change"] for row in rows if row["of"] == name] == pytest.approx(expected, rel=1e-4)

    def test_of_a_depthwise_layer_a_channel_is_an_input_and_its_number(self):
        activation, other = moved(layers.DepthwiseConv2D(3, depth_multiplier=2, name="layer"), IMAGES)
        what, owner = weights_by_unit(activation, "kernel", (3, 3, 3, 2))

        assert what == "channel"
        assert owner[0, 0].tolist() == [[0, 1], [2, 3], [4, 5]]
        assert "How far the weights of each channel moved" in drawn(activation, other)

    def test_of_a_separable_layer_the_pointwise_part_is_that_of_the_channels(self):
        activation, other = moved(layers.SeparableConv2D(5, 3, name="layer"), IMAGES)
        rows = rows_of(next(iter(drawn(activation, other).values())), "change")

        away = activation.weights["pointwise_kernel"] - core.extract(other, IMAGES)["layer"].weights["pointwise_kernel"]
        assert [row["change"] for row in rows] == pytest.approx(np.linalg.norm(away.reshape(-1, 5), axis=0), rel=1e-4)

    def test_of_a_table_the_tokens_and_of_attention_the_heads_are_told(self):
        activation, other = moved(layers.Embedding(6, 4, name="layer"), np.ones((2, 3), np.int32))
        rows = rows_of(drawn(activation, other)["How far the weights of each token moved"], "change")
        away = activation.weights["embeddings"] - np.array(other.layers[-1].embeddings)
        assert [row["change"] for row in rows] == pytest.approx(np.linalg.norm(away, axis=1), rel=1e-4)

        activation, other = moved(layers.MultiHeadAttention(2, 3, name="layer"), SERIES)
        rows = rows_of(drawn(activation, other)["How far the weights of each head moved"], "change")
        before = core.extract(other, SERIES)["layer"].weights
        for name, rest in (("key/kernel", (0, 2)), ("attention_output/kernel", (1, 2))):
            away = activation.weights[name] - before[name]
            expected = np.sqrt((away**2).sum(axis=rest))
            assert [row["change"] for row in rows if row["of"] == name] == pytest.approx(expected, rel=1e-4)

    def test_each_weight_is_a_point_at_both_values(self):
        activation, other = moved(layers.Dense(5, name="layer"), VECTORS)
        pictures = drawn(activation, other, unit=2)
        points = rows_of(next(spec for caption, spec in pictures.items() if caption.startswith("Each")), "place")

        before = core.extract(other, VECTORS)["layer"].weights["kernel"]
        of_kernel = {row["place"]: row for row in points if ", " in row["place"]}
        assert len(of_kernel) == 20
        for (row, column), now in np.ndenumerate(activation.weights["kernel"]):
            point = of_kernel[f"{row}, {column}"]
            assert (point["now"], point["other"]) == pytest.approx((now, before[row, column]), rel=1e-5)
            assert (point["of"] == "the unit") == (column == 2)

    def test_of_many_weights_some_are_drawn_and_the_furthest_among_them(self):
        activation, other = moved(layers.Dense(900, name="layer"), VECTORS)
        pictures = drawn(activation, other)
        specification = next(spec for caption, spec in pictures.items() if caption.startswith("Each"))
        points = [row for row in rows_of(specification, "place") if ", " in row["place"]]

        away = np.abs(activation.weights["kernel"] - core.extract(other, VECTORS)["layer"].weights["kernel"])
        assert len(points) <= 1_200
        assert max(abs(row["now"] - row["other"]) for row in points) == pytest.approx(away.max(), rel=1e-5)
        assert f"{len(points):,} of 3,600 weights" in str(specification)

    def test_both_distributions_have_all_weights_in_the_same_bins(self):
        activation, other = moved(layers.Dense(5, name="layer"), VECTORS)
        rows = rows_of(drawn(activation, other, bins=10)["Distribution"], "count")
        before = core.extract(other, VECTORS)["layer"].weights["kernel"]
        both = np.concatenate([activation.weights["kernel"].ravel(), before.ravel()])
        edges = np.linspace(both.min(), both.max(), 11)

        for name, values in (("this model", activation.weights["kernel"]), (other.name, before)):
            counts = [row["count"] for row in rows if row["of"] == name][:10]
            assert sum(counts) == 20
            np.testing.assert_array_equal(counts, np.histogram(values, edges)[0])

    def test_a_layer_that_the_other_lacks_or_has_in_another_shape_is_a_sentence(self):
        activation, _ = moved(layers.Dense(5, name="layer"), VECTORS)
        other = keras.Sequential([keras.Input((4,)), layers.Dense(5, name="elsewhere")], name="two")
        assert drawn(activation, other).startswith("two has no layer 'layer'.")
        wider = keras.Sequential([keras.Input((4,)), layers.Dense(6, name="layer")], name="wider")
        assert drawn(activation, wider) == "The weights of layer have other shapes in wider."

    def test_a_notebook_names_the_other_model(self):
        activation, other = moved(layers.Dense(5, name="layer"), VECTORS)
        chart = REGISTRY.chart("weight-change", activation, other_model=other).to_dict()
        assert len(rows_of(chart, "change")) == 5


class TestAgainstFreshWeights:
    def test_only_the_spread_is_told_where_no_seed_is_known(self):
        activation, _ = moved(layers.Dense(50, name="layer"), VECTORS)
        pictures = drawn(activation)

        assert list(pictures) == ["Distribution"]
        told = " ".join(pictures["Distribution"]["title"]["subtitle"])
        assert "one draw of GlorotUniform" in told
        assert "bias: exactly what the initializer gives each time" in told
        assert "Choose a second model on Compare" in told

    def test_what_began_with_a_seed_is_told_weight_by_weight(self):
        layer = layers.Dense(5, name="layer", kernel_initializer=keras.initializers.GlorotUniform(seed=1))
        model = keras.Sequential([keras.Input((4,)), layer])
        began = np.array(layer.kernel)
        layer.kernel.assign_add(RANDOM.normal(size=began.shape))
        rows = rows_of(next(iter(drawn(core.extract(model, VECTORS)["layer"]).values())), "change")

        expected = np.linalg.norm(np.array(layer.kernel) - began, axis=0)
        assert [row["change"] for row in rows] == pytest.approx(expected, rel=1e-4)

    def test_they_can_be_asked_for_though_there_is_a_second_model(self):
        activation, other = moved(layers.Dense(5, name="layer"), VECTORS)
        told = str(drawn(activation, other, against="fresh weights"))
        assert "against fresh weights" in told
        assert "Choose a second model" not in told

    def test_a_layer_without_weights_or_initializers_has_a_reason(self):
        model = keras.Sequential([keras.Input((4,)), layers.ReLU(name="relu")])
        activation = core.extract(model, VECTORS)["relu"]
        assert "weight-change" not in [each.name for each in REGISTRY.publish(activation)]


def test_the_change_in_words_is_that_of_numpy():
    now, other = RANDOM.normal(size=(2, 30))
    share = np.linalg.norm(now - other) / np.linalg.norm(other)
    cosine = now @ other / np.linalg.norm(now) / np.linalg.norm(other)

    said = change_in_words(now, other)
    assert float(said[0].split()[2]) == pytest.approx(100 * share, abs=1)
    assert float(said[1].removeprefix("cosine ").replace("−", "-")) == pytest.approx(cosine, abs=1e-3)
    assert change_in_words(other, other) == ["the same in both"]
    assert change_in_words(other, np.zeros(30))[0].startswith("from zero to a norm of ")
    assert change_in_words(np.array([np.nan, 1.0]), np.array([1.0, 1.0])) == ["the same in both"]


def test_the_change_of_a_unit_that_had_no_weights_has_no_share():
    frame = relative_change(np.array([[1.0, 2.0]]), np.array([[0.0, 1.0]]), np.array([[0, 1]]))
    assert frame["change"].tolist() == [1, 1]
    assert np.isnan(frame["relative"][0])
    assert frame["relative"][1] == 1
