"""Inputs of any size: noise gets a size that the model takes, and inspect counts the same one."""

import json

import keras
import numpy as np
import pytest
from keras import layers, ops

from core.errors import InputRejected
from core.extraction.extractor import Extractor
from core.extraction.fitting_sizes import shapes_that_fit
from core.inputs.model_inputs import input_specs
from core.models.sizes import sizes_of
from core.workspace.workspace import Workspace


def spliced():
    """Residual, dilated convolutions over DNA that need 5,000 bases of context at either side, as SpliceAI has them."""
    given = keras.Input((None, 4), name="bases")
    x = layers.Conv1D(4, 1)(given)
    for width, dilation in ((11, 1), (21, 10)):
        y = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.Add()([x, layers.Conv1D(4, width, dilation_rate=dilation, padding="same")(y)])
    x = layers.Cropping1D((5000, 5000))(x)
    return keras.Model(given, layers.Conv1D(3, 1, activation="softmax")(x))


def transformer():
    """Token and position vectors and attention, as BERT has them, for at most 12 tokens."""
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    places = layers.Embedding(12, 8)(ops.cumsum(ops.ones_like(tokens), axis=1) - 1)
    x = layers.Add()([layers.Embedding(50, 8)(tokens), places])
    x = layers.MultiHeadAttention(2, 4)(x, x)
    return keras.Model(tokens, layers.Dense(2, activation="softmax")(layers.GlobalAveragePooling1D()(x)))


def u_net(*pools):
    given = x = keras.Input((None, None, 3), name="photo")
    skips = []
    for pool in pools:
        x = layers.Conv2D(2, 3, padding="same", activation="relu")(x)
        skips.append((pool, x))
        x = layers.MaxPooling2D(pool)(x)
    for pool, skip in reversed(skips):
        x = layers.Concatenate()([layers.UpSampling2D(pool)(x), skip])
        x = layers.Conv2D(2, 3, padding="same", activation="relu")(x)
    return keras.Model(given, x)


def fully_convolutional():
    steps = [layers.Conv2D(2, 12), layers.MaxPooling2D(2), layers.Conv2D(2, 12), layers.MaxPooling2D(2)]
    last = [layers.Conv2D(2, 10), layers.GlobalMaxPooling2D(), layers.Dense(3)]
    return keras.Sequential([keras.Input((None, None, 3), name="photo"), *steps, *last])


def two_that_agree():
    left, right = keras.Input((None, 3), name="left"), keras.Input((None, 2), name="right")
    return keras.Model([left, right], layers.LSTM(3)(layers.Concatenate()([left, right])))


def one_as_long_as_the_other():
    left, right = keras.Input((12, 3), name="left"), keras.Input((None, 3), name="right")
    return keras.Model([left, right], layers.Add()([left, right]))


def flattened():
    steps = [layers.Flatten(), layers.Dense(16, activation="relu"), layers.Dense(10, activation="softmax")]
    return keras.Sequential([keras.Input((28, 28), name="image"), *steps])


def rows():
    return keras.Sequential([keras.Input((28, 28), name="rows"), layers.LSTM(6), layers.Dense(10)])


def signal():
    return keras.Sequential([keras.Input((100, 1), name="signal"), layers.Conv1D(4, 5), layers.Flatten()])


def pixels():
    steps = [layers.Reshape((28, 28, 1)), layers.Conv2D(4, 3, activation="relu"), layers.Flatten(), layers.Dense(3)]
    return keras.Sequential([keras.Input((784,), name="pixels"), *steps])


def volume():
    given = keras.Input((None, None, None, 1), name="scan")
    return keras.Model(given, layers.GlobalAveragePooling3D()(layers.MaxPooling3D(4)(layers.Conv3D(2, 3)(given))))


CHOSEN = [
    pytest.param(spliced, {"bases": (10_001,)}, id="cropped at both ends"),
    pytest.param(transformer, {"tokens": (12,)}, id="positions are counted"),
    pytest.param(lambda: u_net(4, 8), {"photo": (64, 64)}, id="multiples of 32"),
    pytest.param(lambda: u_net(8, 16), {"photo": (128, 128)}, id="multiples of 128"),
    pytest.param(fully_convolutional, {"photo": (96, 96)}, id="at least 70 pixels"),
    pytest.param(two_that_agree, {"left": (32,), "right": (32,)}, id="two inputs that agree"),
    pytest.param(one_as_long_as_the_other, {"right": (12,)}, id="as long as the other"),
    pytest.param(volume, {"scan": (16, 32, 32)}, id="a volume"),
    pytest.param(flattened, {}, id="flattened"),
    pytest.param(rows, {}, id="rows"),
    pytest.param(signal, {}, id="a signal"),
    pytest.param(pixels, {}, id="pixels in a row"),
]


@pytest.mark.parametrize(("make", "extents"), CHOSEN)
def test_noise_is_of_a_size_that_the_model_takes_and_every_layer_draws(make, extents, tmp_path):
    make().save(tmp_path / "model.keras")
    workspace = Workspace()
    workspace.open_model(tmp_path / "model.keras")
    sizes = workspace.noise_sizes()
    workspace.take_noise(2, 0)

    assert (sizes.extents, sizes.refusal) == (extents, "")
    assert workspace.answer(0).specification
    rows = workspace.layers(0)
    assert rows
    for row in rows:
        best = workspace.visualizers(row.key, 0)[0]
        result = workspace.chart(row.key, best.name, {}, 0)
        assert not result.failure, (row.key, best.name, result.failure)


@pytest.mark.parametrize(
    ("make", "counted"),
    [
        (spliced, {"bases": "10,001"}),
        (lambda: u_net(8, 16), {"photo": "128×128"}),
        (two_that_agree, {"left": "32", "right": "32"}),
        (rows, {}),
        (transformer, {"tokens": ""}),
    ],
)
def test_inspect_counts_the_same_size_or_says_that_it_is_not_known(make, counted):
    sizes = sizes_of(json.loads(make().to_json()))

    assert sizes.input_sizes == counted


def test_the_estimate_is_that_of_a_sample_of_this_size():
    model = spliced()
    sizes = sizes_of(json.loads(model.to_json()))
    answered = Extractor(model).cost(np.zeros((1, 10_001, 4), np.float32))

    # The input counts as a layer that answers it.
    assert sizes.activation_bytes == sum(answered.values()) + 4 * 4 * 10_001


def test_a_size_that_is_asked_for_is_taken_and_the_others_are_made_to_fit(tmp_path):
    two_that_agree().save(tmp_path / "model.keras")
    workspace = Workspace()
    workspace.open_model(tmp_path / "model.keras")
    workspace.take_noise(2, 0, {"left": (7,)})

    assert workspace.noise_sizes({"left": (7,)}).extents == {"left": (7,), "right": (7,)}
    assert [view.shape for view in workspace.inputs(0)] == ["7×3", "7×2"]
    assert workspace.answer(0).specification


def test_where_no_size_fits_it_says_which_were_tried(tmp_path):
    given = keras.Input((None, 4), name="bases")
    keras.Model(given, layers.Cropping1D(20_000)(given), name="hungry").save(tmp_path / "model.keras")
    workspace = Workspace()
    workspace.open_model(tmp_path / "model.keras")

    with pytest.raises(InputRejected, match="Tried were 32, 64, 128") as caught:
        workspace.take_noise(2, 0)
    assert "nothing would be left" in caught.value.message
    assert "say the size" in caught.value.remedy
    assert workspace.noise_sizes().refusal == caught.value.message
    workspace.take_noise(1, 0, {"bases": (40_001,)})
    assert workspace.inputs(0)[0].shape == "40,001×4"


class Sometimes(keras.layers.Layer):
    """Takes a few steps, which it only says when it is run."""

    def __init__(self, most):
        super().__init__()
        self.most = most

    def call(self, x):
        if x.shape[1] is not None and x.shape[1] > self.most:
            raise ValueError(f"at most {self.most} steps")
        return x

    def compute_output_shape(self, shape):
        return shape


def test_what_only_the_model_itself_can_say_is_tried():
    given = keras.Input((None, 4), name="x")
    model = keras.Model(given, Sometimes(5)(given))

    assert shapes_that_fit(Extractor(model), input_specs(model)) == {"x": (4, 4)}
