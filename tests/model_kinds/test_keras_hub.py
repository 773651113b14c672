"""Backbones of keras-hub, tiny and with random weights: layers against the same layers called one by one."""

import keras
import keras_hub
import numpy as np
import pytest

from core.extraction.extractor import Extractor, extract

models = keras_hub.models
RANDOM = np.random.default_rng(6)
IMAGES = RANDOM.normal(size=(2, 8, 8, 3)).astype(np.float32)
TOKENS = RANDOM.integers(1, 20, (2, 5)).astype(np.int32)
PADDING = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], np.int32)
TEXT = {"token_ids": TOKENS, "padding_mask": PADDING}
SIZE = {"vocabulary_size": 20, "num_layers": 2, "hidden_dim": 8, "intermediate_dim": 16}
GROUPED = {**SIZE, "num_query_heads": 2, "num_key_value_heads": 1}
HEADS = {**SIZE, "num_heads": 2}

BACKBONES = {
    "Bert": ({**HEADS, "max_sequence_length": 6}, {**TEXT, "segment_ids": np.zeros_like(TOKENS)}),
    "Roberta": ({**HEADS, "max_sequence_length": 6}, TEXT),
    "DistilBert": ({**HEADS, "max_sequence_length": 6}, TEXT),
    "GPT2": ({**HEADS, "max_sequence_length": 6}, TEXT),
    "OPT": ({**HEADS, "max_sequence_length": 6}, TEXT),
    "Llama": (GROUPED, TEXT),
    "Mistral": ({**GROUPED, "sliding_window": 3}, TEXT),
    "Qwen": ({**GROUPED, "tie_word_embeddings": True}, TEXT),
    "Gemma": ({**GROUPED, "head_dim": 4}, TEXT),
    "T5": (
        HEADS,
        {
            "encoder_token_ids": TOKENS,
            "encoder_padding_mask": PADDING,
            "decoder_token_ids": TOKENS[:, ::-1],
            "decoder_padding_mask": PADDING,
        },
    ),
    "Whisper": (
        {**HEADS, "num_mels": 4, "max_encoder_sequence_length": 8, "max_decoder_sequence_length": 6},
        {
            "encoder_features": RANDOM.normal(size=(2, 8, 4)).astype(np.float32),
            "decoder_token_ids": TOKENS,
            "decoder_padding_mask": PADDING,
        },
    ),
    "ViT": (
        {"image_shape": (8, 8, 3), "patch_size": 4, "num_layers": 2, "num_heads": 2, "hidden_dim": 8, "mlp_dim": 16},
        IMAGES,
    ),
}


def same(one, other, name=""):
    np.testing.assert_allclose(one, other, atol=1e-4, rtol=1e-3, err_msg=name)


def build(name):
    settings, inputs = BACKBONES[name]
    return getattr(models, f"{name}Backbone")(**settings), inputs


# What T5's own layers are warned of.
@pytest.mark.filterwarnings("ignore:.* looks like it has unbuilt state", "ignore:.* was passed an input with a mask")
@pytest.mark.parametrize("name", BACKBONES)
def test_every_layer_of(name):
    backbone, inputs = build(name)
    extractor = Extractor(backbone)
    activations = extractor.extract(inputs)

    assert [layer.key for layer in extractor.layers] == [layer.key for layer in activations.layers]
    assert not [layer.key for layer in activations.layers if layer.missing]
    reached = {activation.layer.name for activation in activations.values() if not activation.layer.parent}
    called = [operation for operation in backbone.operations if not isinstance(operation, keras.layers.InputLayer)]
    assert reached == {layer.name for layer in called}
    once = [layer for layer in called if len(layer._inbound_nodes) == 1]
    expected = keras.Model(backbone.input, [layer.output for layer in once])(inputs)
    for layer, values in zip(once, expected, strict=True):
        for number, part in enumerate(keras.tree.flatten(values)):
            key = layer.name if layer.name in activations else f"{layer.name}[{number}]"
            same(activations[key].values, part, key)
    answers = keras.tree.flatten(backbone(inputs))
    for values, wanted in zip(keras.tree.flatten(activations.output), answers, strict=True):
        same(values, wanted)


def test_inner_layers_of_a_transformer_block_called_by_hand():
    backbone, inputs = build("Bert")
    activations = extract(backbone, inputs)

    block = backbone.get_layer("transformer_layer_0")
    into = activations["embeddings_dropout"].values
    attention, attention_key = block._self_attention_layer, "transformer_layer_0/self_attention_layer"
    seen = attention(into, into, attention_mask=PADDING[:, None, :].astype(bool))
    same(activations[attention_key].values, seen)
    same(activations[f"{attention_key}/query"].values, attention.query_dense(into))
    normed = block._self_attention_layer_norm(into + seen)
    hidden = block._feedforward_intermediate_dense(normed)
    same(activations["transformer_layer_0"].values, block(into, padding_mask=PADDING))
    same(activations["transformer_layer_0/feedforward_intermediate_dense"].values, hidden)


def test_a_token_embedding_that_is_shared_with_the_way_back():
    backbone, inputs = build("GPT2")
    embedding = backbone.token_embedding
    logits = embedding(backbone.output, reverse=True)
    activations = extract(keras.Model(backbone.input, logits), inputs)

    table = embedding.embeddings.numpy()
    same(activations["token_embedding"].values, table[TOKENS])
    assert activations["token_embedding#2"].shape == (2, 5, 20)
    same(activations["token_embedding#2"].values, np.asarray(backbone(inputs)) @ table.T)
