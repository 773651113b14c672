"""Class activation maps of every shape, over the input that they are of: against a tape and loops in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import core
from core.analysis.attribution import NoGradient, Target, class_activation_map, map_places, patch_grid

random = np.random.default_rng(7)
layers = keras.layers


def two_pictures():
    """Two images of different size through one shared convolution."""
    keras.utils.set_random_seed(4)
    conv = layers.Conv2D(3, 3, padding="same", activation="relu", name="conv")
    left, right = keras.Input((8, 8, 1), name="left"), keras.Input((6, 9, 1), name="right")
    pooled = [layers.GlobalAveragePooling2D()(conv(left)), layers.GlobalAveragePooling2D()(conv(right))]
    model = keras.Model(
        [left, right], layers.Dense(2, activation="sigmoid", name="answer")(layers.Concatenate()(pooled))
    )
    x = {"left": random.normal(size=(1, 8, 8, 1)), "right": random.normal(size=(1, 6, 9, 1))}
    return model, {name: array.astype(np.float32) for name, array in x.items()}


def test_each_call_of_a_shared_layer_lies_over_its_own_input():
    model, x = two_pictures()
    extractor = core.Extractor(model)
    found = core.extract(model, x)
    over = {key: map_places(extractor, x, key, found[key].shape[1:])[0].input for key in ("conv", "conv#2")}

    assert sorted(over.values()) == ["left", "right"]
    for key, name in over.items():
        assert found[key].shape[1:3] == x[name].shape[1:3]


def test_score_cam_of_a_shared_layer_covers_only_what_went_into_that_call():
    model, x = two_pictures()
    extractor, found = core.Extractor(model), core.extract(model, x)
    for key in ("conv", "conv#2"):
        (places,) = map_places(extractor, x, key, found[key].shape[1:])
        maps = found[key].values[0]
        blank = float(model({**x, places.input: np.zeros_like(x[places.input])})[0, 1])
        expected = np.zeros(maps.shape[:2])
        for channel in range(maps.shape[-1]):
            one = maps[..., channel]
            mask = (one - one.min()) / (one.max() - one.min())
            covered = {**x, places.input: x[places.input] * mask[None, ..., None]}
            expected += one * (float(model(covered)[0, 1]) - blank)

        score = class_activation_map(extractor, x, Target("answer", 1), key, "Score-CAM")
        np.testing.assert_allclose(score, np.maximum(expected, 0), atol=1e-5)


def shapes():
    """Models of a volume, a film, a series and tokens, with a layer whose answer has their places."""
    volume = keras.Input((4, 6, 6, 1), name="x")
    film = keras.Input((3, 5, 5, 1), name="x")
    series = keras.Input((9, 2), name="x")
    yield "volume", volume, layers.Conv3D(3, 2, activation="relu", name="maps")(volume)
    yield "volume", film, layers.ConvLSTM2D(3, 2, return_sequences=True, name="maps")(film)
    yield "image", film, layers.ConvLSTM2D(3, 2, name="maps")(film)
    yield "series", series, layers.Conv1D(3, 3, activation="relu", name="maps")(series)


@pytest.mark.parametrize(("kind", "given", "maps"), [*shapes()], ids=["conv3d", "convlstm", "last frame", "conv1d"])
def test_maps_of_any_shape_are_what_a_tape_derives(kind, given, maps):
    keras.utils.set_random_seed(5)
    answer = layers.Dense(2, name="answer")(layers.Dense(4, activation="relu")(layers.Flatten()(maps)))
    model = keras.Model(given, answer)
    for weight in model.weights:
        weight.assign(random.normal(size=weight.shape))
    x = random.normal(size=(1, *given.shape[1:])).astype(np.float32)
    inside, behind = keras.Model(given, maps)(x), model.layers[2:]
    with tf.GradientTape() as tape:
        tape.watch(inside)
        through = inside
        for layer in behind:
            through = layer(through)
        score = through[:, 1]
    gradients, values = np.asarray(tape.gradient(score, inside))[0], np.asarray(inside)[0]
    axes = tuple(range(values.ndim - 1))
    extractor, target = core.Extractor(model), Target("answer", 1)
    grad = class_activation_map(extractor, x, target, "maps")
    layer = class_activation_map(extractor, x, target, "maps", "LayerCAM")
    against = class_activation_map(extractor, x, Target("answer", 1, sign=-1), "maps")
    expected = (values * gradients.mean(axis=axes)).sum(axis=-1)

    np.testing.assert_allclose(grad, np.maximum(expected, 0), atol=1e-4)
    np.testing.assert_allclose(against, np.maximum(-expected, 0), atol=1e-4)
    np.testing.assert_allclose(layer, np.maximum((values * np.maximum(gradients, 0)).sum(axis=-1), 0), atol=1e-4)
    (places,) = map_places(extractor, x, "maps", values.shape)
    assert (places.kind, places.input, places.grid) == (kind, "x", values.shape[:-1])
    assert class_activation_map(extractor, x, target, "maps", "Score-CAM").shape == values.shape[:-1]


def test_score_cam_of_a_series_and_of_a_volume_is_that_of_a_loop():
    for extents, conv in (((9, 2), layers.Conv1D(2, 3, padding="same", name="maps")), (
        (3, 4, 5, 1), layers.Conv3D(2, 3, padding="same", name="maps")
    )):  # fmt: skip
        model = keras.Sequential(
            [keras.Input(extents, name="x"), conv, layers.Flatten(), layers.Dense(1, name="answer")]
        )
        x = random.normal(size=(1, *extents)).astype(np.float32)
        maps = np.asarray(conv(x))[0]
        blank = float(model(np.zeros_like(x))[0, 0])
        expected = np.zeros(maps.shape[:-1])
        for channel in range(2):
            one = maps[..., channel]
            mask = (one - one.min()) / (one.max() - one.min())
            expected += one * (float(model(x * mask[None, ..., None])[0, 0]) - blank)
        found = class_activation_map(core.Extractor(model), x, Target("answer", 0), "maps", "Score-CAM")
        np.testing.assert_allclose(found, np.maximum(expected, 0), atol=1e-4)


def test_score_cam_of_tokens_covers_their_vectors():
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    vectors = layers.Embedding(9, 4, name="embedding")(tokens)
    maps = layers.Conv1D(2, 1, name="maps")(vectors)
    model = keras.Model(tokens, layers.Dense(1, name="answer")(layers.Flatten()(maps)))
    x = np.array([[1, 5, 3, 2, 7, 8]], np.int32)
    embedded = np.asarray(model.get_layer("embedding")(x))
    values = np.asarray(model.get_layer("maps")(embedded))[0]

    def answer(vectors):
        flat = np.asarray(model.get_layer("maps")(vectors)).reshape(1, -1)
        return float(model.get_layer("answer")(flat)[0, 0])

    expected = np.zeros(6)
    for channel in range(2):
        one = values[:, channel]
        mask = (one - one.min()) / (one.max() - one.min())
        expected += one * (answer(embedded * mask[None, :, None].astype(np.float32)) - answer(np.zeros_like(embedded)))
    found = class_activation_map(core.Extractor(model), x, Target("answer", 0), "maps", "Score-CAM")
    np.testing.assert_allclose(found, np.maximum(expected, 0), atol=1e-4)


def patches(size, side, *, with_token):
    image = keras.Input((*size, 3), name="image")
    maps = layers.Conv2D(5, side, side, name="patches")(image)
    tokens = layers.Reshape((size[0] // side * (size[1] // side), 5), name="tokens")(maps)
    if with_token:
        token = layers.GlobalAveragePooling1D(keepdims=True)(tokens)
        tokens = layers.Concatenate(axis=1, name="with_token")([token, tokens])
    return keras.Model(image, tokens)


@pytest.mark.parametrize("with_token", [False, True])
def test_patches_are_the_grid_that_they_are(with_token):
    model = patches((12, 20), 4, with_token=with_token)
    x = random.normal(size=(1, 12, 20, 3)).astype(np.float32)
    found = core.extract(model, x)
    last = model.layers[-1].name
    (places,) = map_places(core.Extractor(model), x, last, found[last].shape[1:])

    assert (places.kind, places.grid, places.special_tokens) == ("patches", (3, 5), int(with_token))
    np.testing.assert_array_equal(places.laid_out(found[last].values[0]), found["patches"].values[0])
    assert "The 15 patches are taken for a grid of 3×5, row by row" in places.note
    assert ("The first position is taken for a class token" in places.note) == with_token


@pytest.mark.parametrize(
    ("count", "size", "grid"),
    [
        (197, (224, 224), ((14, 14), 1)),
        (196, (224, 224), ((14, 14), 0)),
        (201, (224, 224), ((14, 14), 5)),
        (18, (48, 96), ((3, 6), 0)),
        (31, (224, 224), None),
    ],
)
def test_a_grid_is_found_from_the_number_of_tokens_and_the_image(count, size, grid):
    assert patch_grid(count, *size) == grid


def test_score_cam_without_an_input_under_the_map_says_so():
    given = keras.Input((5,), name="x")
    maps = layers.Reshape((2, 3, 2), name="maps")(layers.Dense(12)(given))
    model = keras.Model(given, layers.Dense(1, name="answer")(layers.Flatten()(maps)))
    x = random.normal(size=(1, 5)).astype(np.float32)
    with pytest.raises(NoGradient, match=r"no input lies under this layer's places.*Choose Grad-CAM"):
        class_activation_map(core.Extractor(model), x, Target("answer", 0), "maps", "Score-CAM")
