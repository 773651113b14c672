"""Where positions lie, set against what a model does: a step of the input is changed, and who answers is looked at."""

import keras
import numpy as np
import pytest
from keras import layers

import core

LENGTH = 97


def model_of(*stack, length=LENGTH):
    model = keras.Sequential([keras.Input((length, 1)), *stack])
    for weight in model.weights:
        # Positive, so that nothing cancels out and no ReLU is silent.
        weight.assign(np.abs(weight.numpy()) + 0.1)
    return model


def seen_middles(model, key, last=False):
    """Return the middle of the input steps that each position answers to, NaN where it sees fewer than others do."""
    still = np.full((1, LENGTH, 1), 0.5, np.float32)
    changed = still + np.eye(LENGTH, dtype=np.float32)[..., np.newaxis]
    answers = core.extract(model, np.concatenate([still, changed]), layers=[key])[key].values
    does_see = (answers[1:] != answers[:1]).any(axis=-1)  # (input step, position)
    counts = does_see.sum(axis=0)
    ends = [np.flatnonzero(sees)[[0, -1]] for sees in does_see.T]
    middles = np.array([end[1] if last else end.mean() for end in ends])
    return np.where(counts == counts.max(), middles, np.nan)


STACKS = {
    "valid": [layers.Conv1D(2, 5)],
    "valid strided": [layers.Conv1D(2, 8, strides=3)],
    "same": [layers.Conv1D(2, 6, padding="same")],
    "same strided": [layers.Conv1D(2, 7, strides=4, padding="same")],
    "dilated": [layers.Conv1D(2, 4, dilation_rate=3, padding="same")],
    "pooled": [layers.Conv1D(2, 3), layers.AveragePooling1D(4), layers.ReLU(), layers.Conv1D(3, 3, padding="same")],
    "pooled same": [layers.MaxPooling1D(5, strides=2, padding="same"), layers.Conv1D(2, 3, strides=2)],
    "depthwise": [layers.SeparableConv1D(2, 5, strides=2, padding="same"), layers.DepthwiseConv1D(3)],
    "transposed": [layers.Conv1D(2, 5, strides=4, padding="same"), layers.Conv1DTranspose(2, 5, 2, padding="same")],
    "transposed valid": [layers.Conv1D(2, 5, strides=4), layers.Conv1DTranspose(2, 4, 2)],
    "larger": [layers.Conv1D(2, 5, strides=4), layers.UpSampling1D(2), layers.Conv1D(2, 2)],
    "cut": [layers.ZeroPadding1D((4, 1)), layers.Conv1D(2, 3), layers.Cropping1D((3, 2))],
    "per step": [layers.Conv1D(2, 3, strides=2), layers.LayerNormalization(), layers.Dense(3), layers.Dropout(0.5)],
    "frames": [layers.Cropping1D((0, 1)), layers.Reshape((12, 8)), layers.Dense(4)],
}


@pytest.mark.parametrize("kind", STACKS)
def test_each_position_lies_in_the_middle_of_what_it_answers_to(kind):
    model = model_of(*[type(layer).from_config(layer.get_config()) for layer in STACKS[kind]])
    key = model.layers[-1].name
    middles = seen_middles(model, key)
    activation = core.extract(model, np.zeros((1, LENGTH, 1), np.float32))[key]

    lies = activation.places("time").at(np.arange(len(middles)), rate=1)
    is_known = np.isfinite(middles)
    assert is_known.sum() >= 4
    if kind in ("larger", "transposed", "transposed valid"):
        # Which of the input steps a position sees changes from one to the next: in the mean they lie right.
        assert np.abs(np.mean(lies[is_known] - middles[is_known])) < 0.6
        assert np.abs(lies[is_known] - middles[is_known]).max() <= 2
    else:
        np.testing.assert_allclose(lies[is_known], middles[is_known], atol=1e-9)


def test_a_causal_convolution_lies_at_the_last_step_that_it_sees():
    model = model_of(layers.Conv1D(2, 3, strides=2), layers.Conv1D(2, 3, padding="causal", dilation_rate=2))
    key = model.layers[-1].name
    middles = seen_middles(model, key, last=True)
    lies = core.extract(model, np.zeros((1, LENGTH, 1), np.float32))[key].places("time").at(np.arange(len(middles)), 1)

    is_known = np.isfinite(middles)
    # The convolution before it sees three steps, and lies at the middle one.
    np.testing.assert_allclose(lies[is_known] + 1, middles[is_known])


class Backwards(layers.Layer):
    def call(self, inputs):
        return inputs[:, ::-1]


class OfSomebody(layers.Dense):
    def call(self, inputs):
        return super().call(inputs[:, ::-1])


class Sparse(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.second = layers.Conv1D(2, 3), layers.LSTM(2)

    def call(self, inputs):
        return self.second(self.first(inputs)[:, ::4])


@keras.saving.register_keras_serializable("tests of places")
class LastFirst(layers.GRU):
    def call(self, sequences, initial_state=None, mask=None, training=False):
        return super().call(sequences[:, ::-1], initial_state=initial_state, mask=mask, training=training)


class Turning(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.second = layers.Conv1D(2, 3), layers.Conv1D(2, 3)

    def call(self, inputs):
        return self.second(self.first(inputs)[:, ::-1])


@pytest.mark.parametrize(
    "layer",
    [
        Backwards,
        lambda: OfSomebody(3),
        lambda: layers.GRU(2, return_sequences=True, go_backwards=True),
        layers.GlobalAveragePooling1D,
        lambda: layers.GRU(2),
        lambda: layers.Lambda(lambda inputs: inputs[:, ::-1]),
        lambda: layers.Activation(lambda inputs: inputs[:, ::-1]),
        lambda: layers.Activation(keras.ops.flip),
        lambda: layers.Dense(2, activation=lambda inputs: inputs[:, ::-1]),
        lambda: layers.Bidirectional(LastFirst(2, return_sequences=True)),
    ],
)
def test_what_is_not_known_has_no_places(layer):
    model = keras.Sequential([keras.Input((LENGTH, 1)), layers.Conv1D(2, 3), layer(), layers.Activation("relu")])
    first, *behind = core.extract(model, np.zeros((1, LENGTH, 1), np.float32)).values()

    assert first.layer.places
    assert not any(each.layer.places for each in behind)


def test_what_a_model_does_between_its_layers_is_not_guessed():
    first, second = core.extract(Turning(), np.zeros((1, LENGTH, 1), np.float32)).values()

    assert first.layer.places[0].step == 1
    assert not second.layer.places


def test_what_a_layer_keeps_to_itself_is_not_guessed_where_a_model_computes_before_it():
    activations = core.extract(Sparse(), np.zeros((1, LENGTH, 1), np.float32), internals=True)
    gates = {key: each for key, each in activations.items() if each.part != "output"}

    assert gates
    assert not any(each.places("time") for each in gates.values())


def test_a_recurrent_layer_of_somebodys_own_may_turn_its_steps():
    model = keras.Sequential([keras.Input((LENGTH, 1)), layers.Conv1D(2, 3), LastFirst(2, name="own")])
    activations = core.extract(model, np.zeros((1, LENGTH, 1), np.float32), internals=True)

    assert "own:hidden_state" in activations
    assert activations["own:hidden_state"].places("time") is None


@pytest.mark.parametrize("extents", [(LENGTH, 1), (5, 4, 1)])
def test_hundreds_of_layers_in_an_inner_model_are_followed(extents):
    answer = given = keras.Input(extents)
    for _ in range(450):
        answer = layers.ReLU()(answer)
    outer = keras.Input(extents)
    model = keras.Model(outer, layers.ReLU(name="last")(keras.Model(given, answer, name="inner")(outer)))
    activations = core.extract(model, np.zeros((1, *extents), np.float32), layers=["inner", "last"])

    for each in activations.values():
        assert (each.places(each.axes[1]) is not None) == (len(extents) == 2)


def test_a_layer_that_says_nothing_of_itself_fails_no_pass():
    def no_word(layer):
        raise RuntimeError

    odd = type("UpSampling1D", (layers.UpSampling1D,), {"__module__": "keras.odd", "antialias": property(no_word)})
    model = keras.Sequential([keras.Input((LENGTH, 1)), layers.Conv1D(2, 3), odd(name="odd")])
    first, second = core.extract(model, np.zeros((1, LENGTH, 1), np.float32)).values()

    assert first.layer.places
    assert not second.layer.places


def test_attention_inside_of_each_frame_does_not_lie_at_the_frames():
    given = keras.Input((8, 2))
    inner = keras.Model(given, layers.MultiHeadAttention(1, 2, name="look")(given, given), name="inner")
    stack = [keras.Input((96,)), layers.Reshape((6, 8, 2)), layers.TimeDistributed(inner, name="frames")]
    activations = core.extract(keras.Sequential(stack), np.zeros((1, 96), np.float32), internals=True)
    (scores,) = [each for each in activations.values() if each.part == "attention_scores"]

    assert scores.axes == ("sample", "time", "head", "query", "key")
    assert scores.places("query") is None
    assert scores.places("key") is None


def test_branches_that_agree_are_known_and_others_are_not():
    given = keras.Input((LENGTH, 1))
    one = layers.Conv1D(2, 3, padding="same")(given)
    gate = layers.GlobalAveragePooling1D(keepdims=True)(one)
    agreed = layers.Multiply(name="agreed")([layers.Add()([one, layers.Conv1D(2, 5, padding="same")(given)]), gate])
    shifted = layers.ZeroPadding1D((2, 0))(layers.Conv1D(2, 3)(given))
    apart = layers.Add(name="apart")([one, shifted])
    activations = core.extract(keras.Model(given, [agreed, apart]), np.zeros((1, LENGTH, 1), np.float32))

    assert activations["agreed"].places("time").step == 1
    assert activations["apart"].places("time") is None


def test_a_model_inside_a_model_and_recurrent_states_are_followed():
    inner = keras.Sequential([keras.Input((None, 1)), layers.Conv1D(3, 4, strides=4), layers.ReLU()], name="inner")
    model = keras.Sequential([keras.Input((None, 1)), inner, layers.LSTM(2, name="lstm"), layers.Dense(2)])
    activations = core.extract(model, np.zeros((1, LENGTH, 1), np.float32), internals=True)

    assert activations["inner"].places("time").step == 4
    assert activations["inner"].places("time").first == 1.5
    assert activations["lstm"].places("time") is None
    assert activations["lstm:cell_state"].places("time").step == 4


def test_frames_are_followed_through_layers_that_work_on_each_alone():
    stack = [
        layers.Reshape((12, 8, 1)),
        layers.TimeDistributed(layers.Conv1D(2, 3)),
        layers.TimeDistributed(layers.GlobalMaxPooling1D()),
        layers.Bidirectional(layers.GRU(2, return_sequences=True), name="both"),
    ]
    model = keras.Sequential([keras.Input((96,)), *stack])
    time = core.extract(model, np.zeros((1, 96), np.float32))["both"].places("time")

    assert (time.first, time.step) == (3.5, 8)


def test_whole_numbers_and_lower_precision_change_no_place():
    given = keras.Input((LENGTH, 1), dtype="int16")
    scaled = layers.Rescaling(1 / 32_768)(given)
    heard = layers.Conv1D(2, 4, strides=2, dtype="mixed_bfloat16", name="heard")(scaled)
    time = core.extract(keras.Model(given, heard), np.zeros((1, LENGTH, 1), np.int16))["heard"].places("time")

    assert (time.first, time.step) == (1.5, 2)


class TestSpectrograms:
    RATE = 8_000

    def tone(self, hertz, length=4_000):
        return np.sin(2 * np.pi * hertz * np.arange(length) / self.RATE).astype(np.float32)

    def test_the_bins_of_a_short_time_spectrum_are_those_of_numpy(self):
        layer = layers.STFTSpectrogram(mode="magnitude", frame_length=200, frame_step=50, fft_length=256)
        model = keras.Sequential([keras.Input((4_000, 1)), layer])
        (answer,) = core.extract(model, self.tone(1_234)[np.newaxis, :, np.newaxis]).values()
        hertz = answer.places("unit").at(np.arange(129), self.RATE)

        np.testing.assert_allclose(hertz, np.fft.rfftfreq(256, 1 / self.RATE))
        assert abs(hertz[answer.values[0].mean(axis=0).argmax()] - 1_234) <= self.RATE / 256 / 2

    @pytest.mark.filterwarnings("ignore:.*power of two")
    def test_an_odd_length_of_the_spectrum_has_the_bins_that_a_tone_is_found_in(self):
        # Of so short a spectrum the last bin would be off by a whole one at the other measure.
        layer = layers.STFTSpectrogram(mode="magnitude", frame_length=5, frame_step=5, fft_length=5, window=None)
        model = keras.Sequential([keras.Input((4_000, 1)), layer])
        (answer,) = core.extract(model, np.zeros((1, 4_000, 1), np.float32)).values()
        hertz = answer.places("unit").at(np.arange(3), self.RATE)

        kernels = layer.real_kernel.numpy()[:, 0], layer.imag_kernel.numpy()[:, 0]  # each (step, bin)
        wave = kernels[0] + 1j * kernels[1]
        turns = np.abs(np.angle(wave[1:] / wave[:-1])).mean(axis=0) / 2 / np.pi
        np.testing.assert_allclose(hertz, turns * self.RATE, rtol=1e-4)

    @pytest.mark.parametrize("at", [800, 1_500, 3_000])
    @pytest.mark.parametrize("padding", ["valid", "same"])
    def test_a_click_is_loudest_in_the_frame_that_lies_at_it(self, at, padding):
        click = np.zeros((1, 4_000, 1), np.float32)
        click[0, at] = 1
        layer = layers.STFTSpectrogram(mode="magnitude", frame_length=200, frame_step=40, padding=padding)
        (answer,) = core.extract(keras.Sequential([keras.Input((4_000, 1)), layer]), click).values()
        seconds = answer.places("time").at(np.arange(answer.shape[1]), self.RATE)

        assert abs(seconds[answer.values[0].mean(axis=1).argmax()] - at / self.RATE) <= 20.5 / self.RATE

    def test_maps_behind_it_lie_at_seconds_and_hertz(self):
        model = keras.Sequential(
            [
                keras.Input((4_000, 1)),
                layers.STFTSpectrogram(frame_length=256, frame_step=64, expand_dims=True),
                layers.Conv2D(2, 3, strides=2, padding="same"),
                layers.MaxPooling2D(2),
            ]
        )
        *_, pooled = core.extract(model, np.zeros((1, 4_000, 1), np.float32)).values()
        time, frequency = pooled.places("height"), pooled.places("width")

        # Of 59 frames and 129 bins the convolution pads one before: its windows have their middles at 0, 2, 4, …
        frames = ((np.arange(59) * 64 + 127.5) / self.RATE)[[0, 2, 4, 6]]
        np.testing.assert_allclose(time.at(np.arange(2), self.RATE), frames.reshape(2, 2).mean(axis=1))
        bins = np.fft.rfftfreq(256, 1 / self.RATE)[[0, 2, 4, 6]]
        np.testing.assert_allclose(frequency.at(np.arange(2), self.RATE), bins.reshape(2, 2).mean(axis=1))

    def test_mel_bands_are_those_of_the_layers_own_filters(self):
        layer = layers.MelSpectrogram(2_048, 256, sampling_rate=self.RATE, num_mel_bins=24, min_freq=80, max_freq=3_600)
        model = keras.Sequential([keras.Input((4_000,)), layer])
        (answer,) = core.extract(model, self.tone(700)[np.newaxis]).values()
        hertz = answer.places("frequency").at(np.arange(24), self.RATE)
        filters = np.asarray(layer.linear_to_mel_weight_matrix(24, 1_025, self.RATE, 80.0, 3_600.0))

        assert answer.axes == ("sample", "frequency", "time")
        np.testing.assert_allclose(hertz, filters.argmax(axis=0) * self.RATE / 2_048, atol=self.RATE / 2_048)
        # By hand, HTK: mel = 2595 log10(1 + f / 700).
        edges = np.linspace(2_595 * np.log10(1 + 80 / 700), 2_595 * np.log10(1 + 3_600 / 700), 26)
        np.testing.assert_allclose(hertz, 700 * (10 ** (edges[1:-1] / 2_595) - 1), rtol=1e-3)
        loudest = answer.values[0].mean(axis=1).argmax()
        assert abs(hertz[loudest] - 700) <= np.diff(hertz)[loudest]

    def test_a_mel_spectrum_behind_a_stride_says_the_rate_of_the_input(self):
        layer = layers.MelSpectrogram(256, 50, sampling_rate=2_000, num_mel_bins=8, min_freq=80, max_freq=900)
        stack = [keras.Input((4_000, 1)), layers.AveragePooling1D(4), layers.Flatten(), layer]
        *_, answer = core.extract(keras.Sequential(stack), np.zeros((1, 4_000, 1), np.float32)).values()
        time = answer.places("time")

        assert time.sampling_rate == answer.places("frequency").sampling_rate == 8_000
        assert time.at(np.arange(3), time.sampling_rate)[2] - time.at(np.arange(3), 8_000)[0] == pytest.approx(0.05)

    def test_a_click_is_loudest_in_the_mel_frame_that_lies_at_it(self):
        click = np.zeros((1, 4_000), np.float32)
        click[0, 1_600] = 1
        layer = layers.MelSpectrogram(512, 100, sampling_rate=self.RATE, num_mel_bins=8)
        (answer,) = core.extract(keras.Sequential([keras.Input((4_000,)), layer]), click).values()
        seconds = answer.places("time").at(np.arange(answer.shape[2]), self.RATE)

        assert seconds[answer.values[0].mean(axis=0).argmax()] == pytest.approx(0.2)

    def test_bands_of_several_channels_beside_each_other_are_no_frequencies(self):
        model = keras.Sequential([keras.Input((4_000, 2)), layers.STFTSpectrogram(frame_length=256, frame_step=64)])
        (answer,) = core.extract(model, np.zeros((1, 4_000, 2), np.float32)).values()

        assert answer.places("unit") is None
        assert answer.places("time").step == 64
