import keras
import numpy as np
import pytest
import vl_convert

import core
from core.plugins.registry import Registry
from tests.support.chart_pictures import pictures_in

registry = Registry()
L = keras.layers


def drawn(activation, **options):
    specification = registry.draw("embedding-rows", activation, options).specification
    assert len(vl_convert.vegalite_to_png(specification)) > 1_000
    return specification


def embedded(numbers, *, size=9, units=4, **settings):
    numbers = np.asarray(numbers, np.int32)
    layer = L.Embedding(size, units, name="rows", **settings)
    model = keras.Sequential([keras.Input(numbers.shape[1:], dtype="int32"), layer])
    return core.extract(model, numbers)["rows"]


def rows(specification):
    return specification["datasets"][specification["hconcat"][0]["layer"][1]["data"]["name"]]


def bars(specification):
    panel = specification["hconcat"][1]
    return specification["datasets"][panel.get("data", panel["layer"][0].get("data"))["name"]]


def labels(specification):
    return specification["hconcat"][0]["layer"][1]["encoding"]["y"]["axis"]["labelExpr"]


def test_a_row_per_token_and_its_norm_beside_it():
    activation = embedded([[1, 2, 3], [7, 7, 8]])
    specification = drawn(activation, sample=1)
    table = activation.weights["embeddings"]

    np.testing.assert_allclose([each["value"] for each in rows(specification)], table[[7, 7, 8]].reshape(-1), rtol=1e-6)
    np.testing.assert_allclose(
        [each["norm"] for each in bars(specification)], np.linalg.norm(table[[7, 7, 8]], axis=1), rtol=1e-6
    )
    assert [each["token"] for each in bars(specification)] == ["7", "7", "8"]
    assert labels(specification) == '["7", "7", "8"][datum.value]'
    assert pictures_in(specification)[0].size == (4, 3)


def test_bars_are_aligned_with_the_rows():
    left, right = drawn(embedded([[1, 2, 3, 4, 5]]))["hconcat"]

    assert left["height"] == right["height"]
    assert (
        left["layer"][1]["encoding"]["y"]["scale"]["domain"]
        == right["layer"][0]["encoding"]["y"]["scale"]["domain"]
        == [-0.5, 4.5]
    )


def test_compares_with_the_whole_table():
    activation = embedded([[1, 2]])
    specification = drawn(activation)
    norms = np.linalg.norm(activation.weights["embeddings"], axis=1)
    rule = specification["datasets"][specification["hconcat"][1]["layer"][1]["data"]["name"]]

    assert rule[0]["norm"] == pytest.approx(float(np.median(norms)), rel=1e-6)
    assert (
        f"the 9 vectors of the table have a median norm of {np.median(norms):.3g}" in specification["title"]["subtitle"]
    )
    assert bars(specification)[0]["longer"] == pytest.approx(float((norms < norms[1]).mean()))


def test_padding_is_hidden_where_it_is_known():
    activation = embedded([[3, 4, 0, 0], [1, 2, 3, 4]], mask_zero=True)
    specification = drawn(activation)

    assert labels(specification) == '["3", "4"][datum.value]'
    assert specification["title"]["subtitle"][0] == "sample 0; 2 positions of padding hidden"
    assert labels(drawn(activation, hide_padding=False)) == '["3", "4", "0", "0"][datum.value]'
    assert len(bars(drawn(activation, sample=1))) == 4


def test_text_and_a_table_of_positions():
    words = L.TextVectorization(output_sequence_length=4)
    words.adapt(["a good film", "a bad film"])
    text = keras.Input((1,), dtype="string")
    numbers = words(text)
    place = keras.ops.cumsum(keras.ops.ones_like(numbers), axis=1)
    answer = L.Embedding(8, 3, name="words")(numbers) + L.Embedding(6, 3, name="places")(place)
    activations = core.extract(keras.Model(text, answer), np.array([["a good film"], ["film a bad"]]))

    assert labels(drawn(activations["words"])) == '["a", "good", "film"][datum.value]'
    assert labels(drawn(activations["places"])) == '["1", "2", "3", "4"][datum.value]'


def test_without_a_table_there_is_no_rule(make_activation):
    specification = drawn(make_activation(np.ones((1, 3, 2)), bases=("Embedding", "Layer")))

    assert len(specification["hconcat"][1]["layer"]) == 1
    assert labels(specification) == '["0", "1", "2"][datum.value]'
    assert [each["norm"] for each in bars(specification)] == [2**0.5] * 3


@pytest.mark.parametrize(
    "values",
    [np.ones((1, 1, 1)), np.zeros((1, 3, 2)), np.full((1, 3, 2), np.nan), np.ones((1, 900, 64), np.float16)],
    ids=["one value", "zeros", "nan", "long"],
)
def test_few_many_and_broken_values(make_activation, values):
    assert pictures_in(drawn(make_activation(values, bases=("Embedding", "Layer"))))


def test_values_that_are_not_finite(make_activation):
    values = np.array([[[1, np.nan], [3, 4]]])
    specification = drawn(make_activation(values, bases=("Embedding", "Layer")))

    assert "1 of 4 values are NaN or infinite" in specification["title"]["subtitle"]
    assert [each["norm"] for each in bars(specification)] == [None, 5]


def test_half_precision_and_a_quantized_table():
    half = embedded([[1, 2, 3]], dtype="mixed_float16")
    assert len(drawn(half)["hconcat"][1]["layer"]) == 2

    model = keras.Sequential([keras.Input((3,), dtype="int32"), L.Embedding(9, 4, name="rows")])
    model.layers[0].quantize("int8")
    assert len(drawn(core.extract(model, np.array([[1, 2, 3]], np.int32))["rows"])["hconcat"][1]["layer"]) == 1


def test_matching(make_activation):
    assert registry.publish(embedded([[1, 2]]))[0].name == "embedding-rows"
    dense = make_activation(np.ones((1, 3, 2)))
    assert registry.get("embedding-rows").handles.match(dense).reason == "takes Embedding layers, this is Dense"
