import keras
import numpy as np
import pytest
from keras import layers, ops

from core.analysis.prefixes import answers_after_steps, output_position
from core.errors import InputRejected
from core.extraction.extractor import Extractor

SERIES = np.random.default_rng(0).normal(size=(1, 7, 4)).astype(np.float32)
CLIP = np.random.default_rng(0).normal(size=(1, 5, 6, 6, 1)).astype(np.float32)
IDS = np.array([[3, 1, 4, 1, 5, 0, 0]])


class SeesPadding(layers.Layer):
    """Takes padding for a step, though there is a mask."""

    supports_masking = True

    def compute_mask(self, inputs, previous_mask):
        return None

    def call(self, x):
        return ops.max(x, axis=1)


def model(shape, *parts, dtype="float32"):
    inputs = x = keras.Input(shape, dtype=dtype, name="sequence")
    for part in parts:
        x = part(x)
    return keras.Model(inputs, x)


def told(a_model, sequence, **settings):
    return answers_after_steps(Extractor(a_model), {"sequence": sequence}, **settings)


def test_equal_to_predict_where_the_length_is_free():
    reader = model((None, 4), layers.LSTM(3), layers.Dense(2, activation="softmax"))
    after = told(reader, SERIES)

    assert after.steps.tolist() == list(range(1, 8))
    for steps, answer in zip(after.steps, after.answers, strict=True):
        np.testing.assert_allclose(answer, reader.predict(SERIES[:, :steps], verbose=0)[0], atol=1e-5)


def test_padding_behind_a_sequence_is_no_step():
    reader = model((None,), layers.Embedding(9, 4, mask_zero=True), layers.GRU(3), layers.Dense(2), dtype="int32")
    after = told(reader, IDS)

    assert (after.length, after.is_padded) == (5, True)
    for steps, answer in zip(after.steps, after.answers, strict=True):
        np.testing.assert_allclose(answer, reader.predict(IDS[:, :steps], verbose=0)[0], atol=1e-5)


def test_no_padding_where_it_would_be_seen():
    parts = layers.Embedding(9, 4, mask_zero=True), SeesPadding(), layers.Dense(2)
    reader = model((None,), *parts, dtype="int32")
    after = told(reader, IDS)

    assert not after.is_padded
    for steps, answer in zip(after.steps, after.answers, strict=True):
        np.testing.assert_allclose(answer, reader.predict(IDS[:, :steps], verbose=0)[0], atol=1e-5)


@pytest.mark.parametrize("offset", [0.0, 1e-3])
def test_small_answers_are_not_all_taken_for_the_same(offset):
    """Padding that is seen is seen in answers of any size."""
    parts = layers.Embedding(9, 4, mask_zero=True), SeesPadding(), layers.Dense(3)
    reader = model((None,), *parts, dtype="int32")
    kernel = np.random.default_rng(3).normal(size=(4, 3)) * 1e-6
    reader.layers[-1].set_weights([kernel, np.full(3, offset)])
    after = told(reader, IDS)

    for steps, answer in zip(after.steps, after.answers, strict=True):
        np.testing.assert_allclose(answer, reader.predict(IDS[:, :steps], verbose=0)[0], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("length", [5, None])
def test_frames_of_a_clip(length):
    """Whether the length is declared or not: of frames under TimeDistributed Keras knows it only in an eager pass."""
    cnn = keras.Sequential([keras.Input((6, 6, 1)), layers.Conv2D(2, 3), layers.GlobalAveragePooling2D()])
    parts = layers.TimeDistributed(cnn), layers.LSTM(3), layers.Dense(2)
    watcher, free = model((length, 6, 6, 1), *parts), model((None, 6, 6, 1), *parts)
    after = told(watcher, CLIP)

    assert after.beyond_declared == (length is not None)
    assert after.steps.tolist() == [1, 2, 3, 4, 5]
    for steps, answer in zip(after.steps, after.answers, strict=True):
        np.testing.assert_allclose(answer, np.asarray(free(CLIP[:, :steps]))[0], atol=1e-5)


def test_an_answer_at_each_step_is_told_at_the_last_one():
    tagger = model((None, 4), layers.Masking(), layers.Bidirectional(layers.GRU(3, return_sequences=True)))
    after = told(tagger, SERIES)

    assert after.at_last_step
    for steps, answer in zip(after.steps, after.answers, strict=True):
        np.testing.assert_allclose(answer, tagger.predict(SERIES[:, :steps], verbose=0)[0, -1], atol=1e-5)


def test_what_needs_some_steps_at_least():
    reader = model((None, 4), layers.Conv1D(3, 3), layers.GlobalAveragePooling1D())
    after = told(reader, SERIES)

    assert after.steps.tolist() == [3, 4, 5, 6, 7]
    assert "2" in after.refused


@pytest.mark.parametrize("parts", [(layers.Flatten(name="flat"), layers.Dense(2))], ids=["Flatten"])
def test_one_length_only(parts):
    with pytest.raises(InputRejected, match="'flat' \\(Flatten\\) lays all timesteps side by side"):
        told(model((7, 4), layers.LSTM(3, return_sequences=True), *parts), SERIES)


def test_positions_of_one_length_are_not_spread_over_fewer_steps():
    class Positions(layers.Layer):
        def build(self, shape):
            self.table = self.add_weight(shape=(7, 4), name="table")

        def call(self, x):
            return ops.cast(x, "float32") + self.table

    with pytest.raises(InputRejected, match="do not take 6 of the steps"):
        told(model((7, 4), layers.Dense(4), Positions(), layers.LSTM(3)), SERIES)


def test_images_are_no_sequence():
    images = model((None, None, 1), layers.Conv2D(2, 3), layers.GlobalAveragePooling2D())
    with pytest.raises(InputRejected, match="No input"):
        told(images, np.zeros((1, 8, 8, 1), np.float32))


def test_long_sequences_are_thinned():
    reader = model((None, 1), layers.GRU(2))
    after = told(reader, np.ones((1, 300, 1), np.float32), most=16)

    assert len(after.steps) == 16
    assert (after.steps[0], after.steps[-1]) == (1, 300)


def test_the_model_stays_as_it_was():
    reader = model((None, 4), layers.LSTM(3), layers.Dropout(0.5))
    before = [weight.copy() for weight in reader.get_weights()]
    extractor = Extractor(reader)
    first = answers_after_steps(extractor, {"sequence": SERIES})
    second = answers_after_steps(extractor, {"sequence": SERIES * 2})

    assert all(np.array_equal(a, b) for a, b in zip(before, reader.get_weights(), strict=True))
    assert not np.allclose(first.answers, second.answers)


def test_one_number_beside_a_sequence_is_not_cut():
    person, events = keras.Input((1,), dtype="int32", name="person"), keras.Input((None, 4), name="events")
    known = layers.Flatten()(layers.Embedding(9, 3)(person))
    reader = keras.Model([person, events], layers.Dense(2)(layers.Concatenate()([known, layers.GRU(3)(events)])))
    after = answers_after_steps(Extractor(reader), {"person": np.array([[4]]), "events": SERIES})

    assert (after.input_name, after.length) == ("events", 7)


def test_a_model_around_the_last_layer_answers_too():
    head = keras.Sequential([keras.Input((3,)), layers.Dense(5), layers.Dense(2, name="o")], name="head")
    extractor = Extractor(model((None, 4), layers.LSTM(3, name="lstm"), head))
    positions = [output_position(extractor, {"sequence": SERIES}, key) for key in ("head", "head/o", "lstm")]

    assert positions == [0, 0, None]
