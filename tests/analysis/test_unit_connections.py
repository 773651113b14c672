"""What a unit weighs and what weighs it, against the kernels by hand."""

import keras
import numpy as np
import pytest

from core.analysis.unit_connections import incoming, outgoing
from core.extraction.extractors import extractor_of

layers = keras.layers


def connections_of(model, key, unit):
    extractor = extractor_of(model)
    inputs = [np.zeros((1, *each.shape[1:]), np.float32) for each in model.inputs]
    activations = extractor.extract(inputs if len(inputs) > 1 else inputs[0])
    known = {layer.key: layer for layer in activations.layers}

    def weights_of(layer):
        return activations[layer].weights

    return incoming(known, weights_of, key, unit), outgoing(known, weights_of, key, unit)


def as_dict(connections):
    return {(layer, unit): weight for layer, unit, weight in connections.units}


def test_of_dense_layers_each_weight_stands_with_its_sign():
    model = keras.Sequential(
        [keras.Input((3,), name="features"), layers.Dense(4, name="a"), layers.Dropout(0.5), layers.Dense(2, name="b")]
    )
    into, out = connections_of(model, "a", 1)

    assert into.is_signed
    assert out.is_signed
    weights = model.get_layer("a").kernel.numpy()[:, 1]
    assert as_dict(into) == pytest.approx({("input:features", at): weight for at, weight in enumerate(weights)})
    behind = model.get_layer("b").kernel.numpy()[1]
    assert as_dict(out) == pytest.approx({("b", at): weight for at, weight in enumerate(behind)})
    assert [abs(each.weight) for each in out.units] == sorted((abs(each.weight) for each in out.units), reverse=True)


def test_a_channel_is_told_through_pooling_and_flattening():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 2), name="image"),
            layers.Conv2D(3, 3, name="conv"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(2),
            layers.Flatten(name="flatten"),
            layers.Dense(4, name="dense"),
        ]
    )
    into, out = connections_of(model, "conv", 2)
    kernel = model.get_layer("conv").kernel.numpy()
    by_channel = model.get_layer("dense").kernel.numpy().reshape(3, 3, 3, 4)

    expected = np.sqrt((kernel[..., 2] ** 2).sum(axis=(0, 1)))
    assert as_dict(into) == pytest.approx({("input:image", at): norm for at, norm in enumerate(expected)})
    expected = np.sqrt((by_channel[:, :, 2] ** 2).sum(axis=(0, 1)))
    assert as_dict(out) == pytest.approx({("dense", at): norm for at, norm in enumerate(expected)})
    assert not out.is_signed
    _, out = connections_of(model, "flatten", 7)
    assert as_dict(out) == pytest.approx({("dense", at): each for at, each in enumerate(by_channel[0, 2, 1])})
    back, _ = connections_of(model, "dense", 1)
    expected = np.sqrt((by_channel[..., 1] ** 2).sum(axis=(0, 1)))
    assert as_dict(back) == pytest.approx({("conv", at): norm for at, norm in enumerate(expected)})


def test_what_is_concatenated_keeps_its_number_and_what_is_added_is_fed_by_both():
    given = keras.Input((5,), name="given")
    a, b = layers.Dense(3, name="a")(given), layers.Dense(2, name="b")(given)
    joined = layers.Concatenate(name="joined")([a, b])
    c = layers.Dense(2, name="c")(joined)
    total = layers.Add(name="total")([b, c])
    model = keras.Model(given, layers.Dense(4, name="d")(total))

    _, out = connections_of(model, "b", 1)
    c_kernel, d_kernel = (model.get_layer(name).kernel.numpy() for name in "cd")

    assert as_dict(out) == pytest.approx(
        {("c", 0): c_kernel[4, 0], ("c", 1): c_kernel[4, 1]} | {("d", at): d_kernel[1, at] for at in range(4)}
    )
    into, _ = connections_of(model, "d", 3)
    assert as_dict(into) == pytest.approx({("total", at): d_kernel[at, 3] for at in range(2)})


def test_kernels_of_other_convolutions_and_gates():
    given = keras.Input((6, 6, 4), name="image")
    x = layers.Conv2D(6, 3, groups=2, padding="same", name="groups")(given)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(x)
    x = layers.Conv2DTranspose(3, 2, name="transposed")(x)
    x = layers.Reshape((25, 3))(x)
    model = keras.Model(given, layers.LSTM(5, name="lstm")(x))

    into, _ = connections_of(model, "groups", 4)
    norms = np.sqrt((model.get_layer("groups").kernel.numpy()[..., 4] ** 2).sum(axis=(0, 1)))
    assert as_dict(into) == pytest.approx(
        {("input:image", 0): 0, ("input:image", 1): 0, ("input:image", 2): norms[0], ("input:image", 3): norms[1]}
    )
    into, out = connections_of(model, "depthwise", 5)
    norm = np.sqrt((model.get_layer("depthwise").kernel.numpy()[..., 2, 1] ** 2).sum())
    assert into.units[0] == ("groups", 2, pytest.approx(norm))
    assert {each.weight for each in into.units[1:]} == {0}
    norms = np.sqrt((model.get_layer("transposed").kernel.numpy()[..., 5] ** 2).sum(axis=(0, 1)))
    assert as_dict(out) == pytest.approx({("transposed", at): each for at, each in enumerate(norms)})
    into, _ = connections_of(model, "lstm", 3)
    gates = model.get_layer("lstm").cell.kernel.numpy().reshape(3, 4, 5)[:, :, 3]
    assert sorted(each.weight for each in into.units) == pytest.approx(sorted(np.linalg.norm(gates, axis=1)))


def test_what_is_not_known_is_said():
    model = keras.Sequential(
        [keras.Input((4, 6), name="steps"), layers.Dense(6, name="a"), layers.Permute((2, 1), name="permute")]
    )
    model.add(layers.Dense(2, name="b"))

    into, _ = connections_of(model, "permute", 0)
    assert "keep no kernel" in into.note
    assert into.units == ()
    _, out = connections_of(model, "a", 0)
    assert out.units == ()
    assert "permute" in out.note


def test_many_skips_take_no_time():
    given = keras.Input((4,), name="given")
    x = layers.Dense(4, name="first")(given)
    for _ in range(60):
        x = layers.Add()([x, layers.Dropout(0.1)(x)])
    model = keras.Model(given, layers.Dense(2, name="last")(x))

    _, out = connections_of(model, "first", 2)

    assert {each.layer for each in out.units} == {"last"}


@pytest.mark.parametrize(("equation", "is_known"), [("abc,cd->abd", True), ("abc,dc->abd", False)])
def test_a_matrix_of_einsum_is_read_the_way_it_is_multiplied(equation, is_known):
    model = keras.Sequential(
        [keras.Input((3, 4), name="steps"), layers.EinsumDense(equation, output_shape=(None, 4), name="dense")]
    )
    into, _ = connections_of(model, "dense", 1)

    if is_known:
        kernel = model.get_layer("dense").kernel.numpy()
        assert as_dict(into) == pytest.approx({("input:steps", at): kernel[at, 1] for at in range(4)})
    else:
        assert not into.units
        assert "is not read off" in into.note
