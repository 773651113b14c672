import keras
import numpy as np
import pytest
import vl_convert

import core
from core.extraction.activation import Activation
from core.plugins.registry import Registry
from tests.support.chart_pictures import pictures_in

registry = Registry()
RANDOM = np.random.default_rng(0)
L = keras.layers


def drawn(activation, **options):
    specification = registry.draw("attention-heads", activation, options).specification
    assert len(vl_convert.vegalite_to_png(specification)) > 1_000
    return specification


def attended(layer, *, length=5, units=4, masked=False):
    given = keras.Input((length, units))
    kept = L.Masking(9.0)(given) if masked else given
    answer = (
        layer(kept, kept) if type(layer).__name__ not in ("Attention", "AdditiveAttention") else layer([kept, kept])
    )
    values = RANDOM.normal(size=(2, length, units)).astype(np.float32)
    values[0, 3:] = 9 if masked else values[0, 3:]
    return core.extract(keras.Model(given, answer), values, internals=True)[layer.name]


def of_scores(make_activation, scores, **about):
    """Return an activation whose scores are known exactly; scores of shape (sample, head, query, key)."""
    scores = np.asarray(scores, np.float32)
    bases = ("MultiHeadAttention", "Layer")
    inside = make_activation(scores, bases=bases, part="attention_scores", axes=("sample", "head", "query", "key"))
    outside = make_activation(
        np.zeros((len(scores), scores.shape[2], 3)), bases=bases, internals=("layer:attention_scores",), **about
    )
    return Activation(
        "layer",
        outside.values,
        outside.axes,
        outside.layer,
        mask=outside.mask,
        context=outside.context,
        internals={"attention_scores": inside},
    )


def cells(specification):
    rows = specification["datasets"][specification["hconcat"][0]["layer"][1]["data"]["name"]]
    return np.array([each["value"] for each in rows])


def heads(specification):
    return specification["datasets"][specification["hconcat"][1]["layer"][1]["data"]["name"]]


def heading(specification):
    return specification["hconcat"][0]["title"]["text"]


def axis_labels(specification, axis):
    return specification["hconcat"][0]["layer"][1]["encoding"][axis]["axis"]["labelExpr"]


@pytest.mark.parametrize(
    "layer",
    [
        L.MultiHeadAttention(3, 4, name="mha"),
        L.MultiHeadAttention(3, 4, flash_attention=False, name="plain_mha"),
        L.GroupQueryAttention(4, 4, 2, name="gqa"),
        L.Attention(name="attention"),
        L.AdditiveAttention(name="additive"),
    ],
    ids=lambda layer: layer.name,
)
def test_the_average_is_large_and_every_head_small(layer):
    activation = attended(layer)
    scores = activation.internals["attention_scores"].values[1]
    specification = drawn(activation, sample=1)

    np.testing.assert_allclose(cells(specification), scores.mean(axis=0).reshape(-1), rtol=1e-5)
    np.testing.assert_allclose([each["mean"] for each in heads(specification)], scores.mean(axis=(1, 2)), rtol=1e-3)
    assert [each["head"] for each in heads(specification)] == list(range(len(scores)))
    assert not any(each["chosen"] for each in heads(specification))
    assert heading(specification).startswith("Average over heads")
    assert pictures_in(specification)[0].size == (5, 5)


def test_a_head_of_its_own():
    activation = attended(L.MultiHeadAttention(3, 4, name="mha"))
    specification = drawn(activation, head=2)

    scores = activation.internals["attention_scores"].values[0, 2]
    np.testing.assert_allclose(cells(specification), scores.reshape(-1), rtol=1e-5)
    assert [each["chosen"] for each in heads(specification)] == [False, False, True]
    assert heading(specification).startswith("Head 2")
    assert "head" in [param["name"] for param in specification["params"]]


def test_a_head_that_is_not_there():
    specification = drawn(attended(L.MultiHeadAttention(2, 4, name="mha")), head=7)

    assert heading(specification).startswith("Head 1")
    assert "there is no head 7: the last one, 1, is shown" in specification["title"]["subtitle"]


def test_the_scores_themselves_are_drawn_too():
    activation = attended(L.MultiHeadAttention(2, 4, name="mha"))
    scores = activation.internals["attention_scores"]

    assert registry.publish(scores)[0].name == "attention-heads"
    np.testing.assert_array_equal(cells(drawn(scores, head=1)), cells(drawn(activation, head=1)))


def test_says_how_many_keys_a_head_looks_at(make_activation):
    even, one, two = np.full((4, 4), 0.25), np.eye(4), np.array([[0.5, 0.5, 0, 0]] * 4)
    specification = drawn(of_scores(make_activation, [[even, one, two]]), head=1)

    np.testing.assert_allclose([each["keys at a time"] for each in heads(specification)], [4, 1, 2], rtol=1e-4)
    assert heading(specification) == "Head 1 · a query looks at 1 of 4 keys at a time"


def test_tokens_are_labels_and_padding_is_hidden(make_activation, make_context):
    tokens = np.array([["a", "terrible", "film", ""], ["what", "a", "wonderful", "evening"]])
    scores = np.zeros((2, 1, 4, 4))
    scores[:, :, :, 1], scores[:, :, :, 3] = 0.75, 0.25
    activation = of_scores(make_activation, scores, context=make_context(tokens=tokens))
    specification = drawn(activation)

    assert pictures_in(specification)[0].size == (3, 3)
    assert axis_labels(specification, "x") == '["a", "terrible", "film"][datum.value]'
    assert axis_labels(specification, "y") == axis_labels(specification, "x")
    assert "1 position of padding hidden; 25 % of the attention goes there" in specification["title"]["subtitle"]
    rows = specification["datasets"][specification["hconcat"][0]["layer"][1]["data"]["name"]]
    assert (rows[1]["query_label"], rows[1]["key_label"], rows[1]["value"]) == ("a", "terrible", 0.75)
    tooltip = specification["hconcat"][0]["layer"][1]["encoding"]["tooltip"]
    assert {"query_label", "key_label", "value"} <= {each["field"] for each in tooltip}
    assert pictures_in(drawn(activation, sample=1))[0].size == (4, 4)
    whole = drawn(activation, hide_padding=False)
    assert pictures_in(whole)[0].size == (4, 4)
    assert "(padding)" in axis_labels(whole, "x")


def test_long_and_strange_tokens(make_activation, make_context):
    tokens = np.array([["unbelievably-long-compound", "'\"]); alert(1) //", "日本"]])
    specification = drawn(of_scores(make_activation, np.ones((1, 1, 3, 3)) / 3, context=make_context(tokens=tokens)))

    assert '"unbeliev' not in axis_labels(specification, "x")
    assert "\\u2026" in axis_labels(specification, "x")


@pytest.mark.parametrize("tokens", [None, np.array([["a", "b", "c"]]), np.array([["", "", "", "", ""]])])
def test_tokens_that_do_not_fit_label_nothing_away(make_activation, make_context, tokens):
    activation = of_scores(make_activation, np.ones((1, 2, 5, 5)) / 5, context=make_context(tokens=tokens))

    assert pictures_in(drawn(activation))[0].size == (5, 5)


def test_queries_and_keys_of_different_length(make_activation, make_context):
    tokens = np.array([["x", "y", ""]])
    specification = drawn(of_scores(make_activation, np.ones((1, 2, 5, 3)) / 3, context=make_context(tokens=tokens)))

    assert pictures_in(specification)[0].size == (2, 5)
    assert axis_labels(specification, "x") == '["x", "y"][datum.value]'
    assert "labelExpr" not in specification["hconcat"][0]["layer"][1]["encoding"]["y"]["axis"]


def test_token_numbers_with_a_mask():
    tokens = keras.Input((6,), dtype="int32")
    vectors = L.Embedding(9, 4, mask_zero=True)(tokens)
    model = keras.Model(tokens, L.MultiHeadAttention(2, 4, name="mha")(vectors, vectors))
    activation = core.extract(model, np.array([[3, 4, 5, 0, 0, 0]], np.int32), internals=True)["mha"]
    specification = drawn(activation)

    assert axis_labels(specification, "x") == '["3", "4", "5"][datum.value]'
    assert "3 positions of padding hidden" in specification["title"]["subtitle"]
    np.testing.assert_allclose(cells(specification).reshape(3, 3).sum(axis=1), 1, rtol=1e-5)


def test_text_that_the_model_reads_itself():
    words = L.TextVectorization(output_sequence_length=6)
    words.adapt(["the film was good", "the film was bad"])
    text = keras.Input((1,), dtype="string")
    vectors = L.Embedding(10, 4)(words(text))
    model = keras.Model(text, L.MultiHeadAttention(2, 4, name="mha")(vectors, vectors))
    activation = core.extract(model, np.array([["the film was good"]]), internals=True)["mha"]

    assert axis_labels(drawn(activation), "y") == '["the", "film", "was", "good"][datum.value]'
    assert any("of the attention goes there" in line for line in drawn(activation)["title"]["subtitle"])


def test_colours_start_at_zero_and_what_is_uniform_is_said(make_activation):
    def drawn_of(scores, **options):
        return drawn(of_scores(make_activation, [[scores]]), **options)

    def domain(scores, **options):
        return drawn_of(scores, **options)["hconcat"][0]["layer"][1]["encoding"]["color"]["scale"]["domain"]

    even, uneven = np.array([[0.5, 0.5], [0.48, 0.52]]), np.array([[0.25, 0.75], [0.5, 0.5]])
    assert domain(even) == [0, pytest.approx(0.52)]
    assert domain(uneven) == [0, 0.75]
    assert domain(uneven, colours="from the lowest") == [0.25, 0.75]
    assert "practically uniform: every score is within 5 % of 1/2 = 0.5" in drawn_of(even)["title"]["subtitle"]
    assert "practically uniform" not in str(drawn_of(uneven)["title"])


@pytest.mark.parametrize(
    "scores",
    [
        np.ones((1, 1, 1, 1)),
        np.zeros((1, 2, 3, 3)),
        np.full((1, 2, 3, 3), np.nan),
        np.ones((1, 40, 2, 3), np.float16) / 3,
        np.eye(700)[None, None],
    ],
    ids=["one position", "zeros", "nan", "many heads", "long"],
)
def test_few_many_and_broken_scores(make_activation, scores):
    assert pictures_in(drawn(of_scores(make_activation, scores)))


def test_values_that_are_not_finite(make_activation):
    scores = np.eye(3)[None, None].copy()
    scores[0, 0, 0] = np.nan
    specification = drawn(of_scores(make_activation, scores))

    assert "3 of 9 values are NaN or infinite" in specification["title"]["subtitle"]
    assert heading(specification).endswith("looks at 1 of 3 keys at a time")


def test_half_precision():
    assert pictures_in(drawn(attended(L.MultiHeadAttention(2, 4, dtype="float16", name="half"))))


def test_refusals(make_activation):
    handles = registry.get("attention-heads").handles
    images = make_activation(
        np.zeros((1, 2, 2, 3)), bases=("MultiHeadAttention", "Layer"), internals=("layer:attention_scores",)
    )
    bare = make_activation(np.zeros((1, 2, 3)), bases=("Attention", "Layer"))

    assert handles.match(images).reason == "takes attention along one axis of positions (rank 3), this is rank 4"
    assert handles.match(bare).reason == "no attention scores of this Attention can be recorded"
    assert handles.match(make_activation(np.zeros((1, 2)))).reason.startswith("takes MultiHeadAttention")


def test_comes_first_for_attention_layers():
    for layer in (L.MultiHeadAttention(2, 4, name="mha"), L.AdditiveAttention(name="additive")):
        assert registry.publish(attended(layer))[0].name == "attention-heads"
