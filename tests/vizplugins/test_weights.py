"""The pictures of weights, against the layers themselves and NumPy's own decomposition."""

import keras
import numpy as np
import pytest

import core
from core.plugins.registry import get_registry
from vizplugins.kernels import effective_kernels
from vizplugins.weight_matrices import singular_values

layers = keras.layers
RANDOM = np.random.default_rng(2)
REGISTRY = get_registry()


def published(activation):
    return [each.name for each in REGISTRY.publish(activation)]


def drawn(name, activation, **options):
    drawing = REGISTRY.draw(name, activation, options)
    return {picture.caption: picture.chart.to_dict() for picture in drawing.pictures} or drawing.refusal


def answers(layer, inputs):
    model = keras.Sequential([keras.Input(inputs.shape[1:]), layer])
    # What training changes: a bias of zero would hide that it is left out.
    for variable in layer.weights:
        variable.assign(RANDOM.normal(size=variable.shape))
    return core.extract(model, inputs)[layer.name]


IMAGES = RANDOM.normal(size=(2, 6, 5, 3)).astype(np.float32)
SERIES = RANDOM.normal(size=(2, 9, 4)).astype(np.float32)


class TestKernels:
    @pytest.mark.parametrize(
        ("layer", "inputs"),
        [
            (layers.Conv2D(4, (3, 2), use_bias=False), IMAGES),
            (layers.Conv2D(4, 3, use_bias=False, strides=2), IMAGES),
            (layers.SeparableConv2D(4, 3, depth_multiplier=2, use_bias=False), IMAGES),
            (layers.Conv1D(5, 3, use_bias=False), SERIES),
            (layers.SeparableConv1D(5, 3, use_bias=False), SERIES),
        ],
        ids=["conv2d", "strides", "separable", "conv1d", "separable1d"],
    )
    def test_what_is_drawn_is_what_a_channel_multiplies_by(self, layer, inputs):
        activation = answers(layer, inputs)
        kernels = effective_kernels(activation)

        height, width = kernels.shape[1:3]
        first = inputs[:, np.newaxis] if inputs.ndim == 3 else inputs
        under = first[:, :height, :width]
        expected = np.einsum("shwi,chwi->sc", under, kernels)
        place = (slice(None), *[0] * (activation.rank - 2))
        np.testing.assert_allclose(activation.values[place], expected, atol=1e-4)

    def test_a_depthwise_channel_has_its_own_input(self):
        activation = answers(layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False), IMAGES)
        kernels = effective_kernels(activation)

        assert kernels.shape == (6, 3, 3, 1)
        for channel in range(6):
            expected = (IMAGES[:, :3, :3, channel // 2] * kernels[channel, ..., 0]).sum(axis=(1, 2))
            np.testing.assert_allclose(activation.values[:, 0, 0, channel], expected, atol=1e-4)

    def test_a_transposed_kernel_is_what_one_pixel_becomes(self):
        one = np.zeros((1, 1, 1, 3), np.float32)
        one[..., 1] = 1
        activation = answers(layers.Conv2DTranspose(4, 3, use_bias=False), one)

        kernels = effective_kernels(activation)
        np.testing.assert_allclose(np.moveaxis(activation.values[0], -1, 0), kernels[..., 1], atol=1e-5)

    def test_over_an_image_they_are_in_its_colours(self):
        picture = drawn("kernels", answers(layers.Conv2D(4, 3, name="first"), IMAGES))[""]

        assert "red, green and blue as they are weighed" in str(picture["title"])
        assert "4 kernels of first, 3×3 over 3 channels" in str(picture["title"])

    def test_behind_other_layers_they_are_not(self):
        model = keras.Sequential([keras.Input((6, 5, 3)), layers.Conv2D(3, 3), layers.Conv2D(4, 3, name="second")])
        picture = drawn("kernels", core.extract(model, IMAGES)["second"], unit=2)[""]

        assert "norm over the channels that go in" in str(picture["title"])
        assert "Channel 2 by incoming channel: 3" in str(picture)

    def test_quantized_ones_are_refused_in_words(self):
        model = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="dense")])
        model.layers[-1].quantize("int8")
        assert "quantized" in drawn("weight-matrix", core.extract(model, SERIES[:, 0])["dense"])


class TestMatrices:
    def test_a_dense_layer_has_its_kernel_norms_and_spectrum(self):
        activation = answers(layers.Dense(3, name="dense"), SERIES[:, 0])
        weights, norms, spectrum = drawn("weight-matrix", activation, unit=1).values()
        kernel = activation.weights["kernel"]

        cells = max(weights["datasets"].values(), key=len)
        assert [cell["value"] for cell in cells] == pytest.approx(kernel.reshape(-1), abs=1e-5)
        lengths = [row["norm"] for row in max(norms["datasets"].values(), key=len)]
        assert lengths == pytest.approx(np.sqrt((kernel**2).sum(axis=0)))
        values = [row["value"] for row in max(spectrum["datasets"].values(), key=len)]
        assert values == pytest.approx(np.linalg.svd(kernel, compute_uv=False), rel=1e-5)

    @pytest.mark.parametrize("shape", [(50, 7), (7, 50), (6, 6), (5, 1)])
    def test_singular_values_are_those_of_numpy(self, shape):
        matrix = RANDOM.normal(size=shape)
        np.testing.assert_allclose(singular_values(matrix), np.linalg.svd(matrix, compute_uv=False), rtol=1e-6)

    @pytest.mark.parametrize(
        ("layer", "gates"),
        [
            (layers.LSTM(3), ["input gate", "forget gate", "candidate", "output gate"]),
            (layers.GRU(3), ["update gate", "reset gate", "candidate"]),
            (layers.SimpleRNN(3), ["state"]),
        ],
        ids=["LSTM", "GRU", "SimpleRNN"],
    )
    @pytest.mark.parametrize(
        ("weighs", "name", "rows"), [("what goes in", "kernel", 4), ("the state before", "recurrent_kernel", 3)]
    )
    def test_a_recurrent_layer_has_a_matrix_per_gate(self, layer, gates, weighs, name, rows):
        layer = type(layer).from_config(layer.get_config())
        activation = answers(layer, SERIES)
        weights, norms, *_ = drawn("gate-weights", activation, weighs=weighs, unit=2).values()

        parts = weights.get("hconcat", [weights])
        assert [part["title"]["text"] for part in parts] == [f"{gate}, {rows}×3" for gate in gates]
        lengths = {(row["of"], row["unit"]): row["norm"] for row in max(norms["datasets"].values(), key=len)}
        kernel = activation.weights[name]
        for position, gate in enumerate(gates):
            expected = np.linalg.norm(kernel[:, 3 * position + 1])
            assert lengths[gate, 1] == pytest.approx(expected, rel=1e-5)

    def test_a_head_has_its_query_key_value_and_output(self):
        inputs = keras.Input((9, 4))
        model = keras.Model(inputs, layers.MultiHeadAttention(2, 3, name="attention")(inputs, inputs))
        activation = core.extract(model, SERIES)["attention"]
        weights, norms, _ = drawn("attention-weights", activation, head=1).values()

        assert [part["title"]["text"] for part in weights["hconcat"]] == [
            "query, 4×3",
            "key, 4×3",
            "value, 4×3",
            "output, 3×4",
        ]
        lengths = {(row["of"], row["unit"]): row["norm"] for row in max(norms["datasets"].values(), key=len)}
        assert lengths["key", 2] == pytest.approx(np.linalg.norm(activation.weights["key/kernel"][:, 1, 2]), rel=1e-5)
        assert next(iter(drawn("attention-weights", activation, head=9))) == "Weights of head 1 of 2"


class TestDistribution:
    def test_each_array_says_its_mean_its_spread_and_its_zeros(self):
        model = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="dense")])
        activation = core.extract(model, SERIES[:, 0])["dense"]
        picture = drawn("weight-distribution", activation)[""]

        titles = {part["title"]["text"]: part["title"]["subtitle"] for part in picture["concat"]}
        assert list(titles) == ["kernel, 4×3", "bias, 3"]
        assert titles["bias, 3"] == ["mean 0 ± 0", "100 % exactly zero"]
        counts = [sum(row["count"] for row in picture["datasets"][part["data"]["name"]]) for part in picture["concat"]]
        assert counts == [12, 3]

    def test_a_layer_without_weights_has_none(self):
        model = keras.Sequential([keras.Input((4,)), layers.ReLU(name="relu")])
        assert "weight-distribution" not in published(core.extract(model, SERIES[:, 0])["relu"])


class TestWhatIsNotPlain:
    def test_behind_a_layer_of_the_images_own_shape_kernels_are_not_in_its_colours(self):
        model = keras.Sequential(
            [
                keras.Input((6, 5, 3)),
                layers.Rescaling(1 / 255),
                layers.Conv2D(3, 3, padding="same", name="first"),
                layers.Conv2D(3, 3, padding="same", name="second"),
            ]
        )
        activations = core.extract(model, IMAGES)

        assert "as they are weighed" in str(drawn("kernels", activations["first"])[""]["title"])
        assert "norm over the channels" in str(drawn("kernels", activations["second"])[""]["title"])

    def test_channels_of_a_group_have_their_own_numbers(self):
        inputs = RANDOM.normal(size=(2, 5, 5, 8)).astype(np.float32)
        model = keras.Sequential([keras.Input((5, 5, 8)), layers.DepthwiseConv2D(3), layers.Conv2D(4, 1, name="a")])
        assert "incoming" in str(drawn("kernels", core.extract(model, inputs)["a"], unit=3)[""])
        grouped = keras.Sequential([keras.Input((9, 8)), layers.Conv1D(4, 3, groups=2, name="grouped")])
        series = RANDOM.normal(size=(2, 9, 8)).astype(np.float32)
        picture = drawn("kernels", core.extract(grouped, series)["grouped"], unit=3)[""]

        rows = [rows for rows in picture["datasets"].values() if "incoming" in rows[0]]
        assert [row["incoming"] for row in rows[0]] == [4, 5, 6, 7]

    def test_a_weight_that_is_no_number_is_neither_the_largest_nor_grey(self):
        model = keras.Sequential([keras.Input((6, 5, 3)), layers.Conv2D(4, 3, name="broken")])
        kernel, bias = model.layers[0].get_weights()
        kernel[0, 0, 0, 2], kernel[..., 1] = np.nan, kernel[..., 1] * 9
        model.layers[0].set_weights([kernel, bias])
        activation = core.extract(model, IMAGES)["broken"]

        assert "Channel 1, the largest norm" in str(drawn("kernels", activation)[""])
        weights = drawn("weight-matrix", core.extract(dense_with_nan(), SERIES[:, 0])["dense"])
        assert next(iter(weights)) == "Weights (1 of 12 values are NaN or infinite)"

    def test_heads_are_kept_apart_in_a_kernel_of_several_outgoing_axes(self):
        given = keras.Input((7, 5))
        model = keras.Model(given, layers.EinsumDense("abc,cde->abde", (None, 2, 3), name="heads")(given))
        activation = core.extract(model, RANDOM.normal(size=(2, 7, 5)).astype(np.float32))["heads"]
        norms = list(drawn("weight-matrix", activation).values())[1]

        lengths = [row["norm"] for row in max(norms["datasets"].values(), key=len)]
        assert lengths == pytest.approx(np.linalg.norm(activation.weights["kernel"], axis=0).reshape(-1))

    def test_lora_is_not_left_out_in_silence(self):
        model = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="dense")])
        model.layers[0].enable_lora(2)
        assert "LoRA" in drawn("weight-matrix", core.extract(model, SERIES[:, 0])["dense"])

    def test_a_layer_inside_time_distributed_has_its_matrix(self):
        model = keras.Sequential([keras.Input((9, 4)), layers.TimeDistributed(layers.Dense(3), name="each")])
        assert len(drawn("weight-matrix", core.extract(model, SERIES)["each"])) == 3

    def test_a_large_matrix_is_chosen_from_by_its_norms(self):
        model = keras.Sequential([keras.Input((100,)), layers.Dense(90, name="dense")])
        drawing = REGISTRY.draw("weight-matrix", core.extract(model, np.ones((1, 100), np.float32))["dense"], {})

        assert [picture.selections for picture in drawing.pictures] == [(), ("unit",), ()]

    def test_numbers_of_other_halves_are_numbers_and_quantized_ones_are_none(self):
        half = layers.Dense(3, name="dense", dtype="bfloat16")
        picture = drawn(
            "weight-distribution", core.extract(keras.Sequential([keras.Input((4,)), half]), SERIES[:, 0])["dense"]
        )
        assert "15 weights of dense" in str(picture[""]["title"])
        model = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="dense")])
        model.layers[-1].quantize("int8")
        assert "of whole numbers left out" in str(
            drawn("weight-distribution", core.extract(model, SERIES[:, 0])["dense"])[""]
        )


def dense_with_nan():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="dense")])
    kernel, bias = model.layers[0].get_weights()
    kernel[1, 1] = np.nan
    model.layers[0].set_weights([kernel, bias])
    return model
