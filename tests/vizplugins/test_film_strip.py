import base64
import io

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from core.charts.colours import colour_scale
from core.extraction.extractor import extract
from vizplugins.film_strip import FilmStrip, FilmStripOptions

CLIPS = np.random.default_rng(0).normal(size=(2, 20, 6, 6, 1)).astype(np.float32)


def recorded(clips=CLIPS, *before):
    frames = x = keras.Input((None, 6, 6, 1))
    for layer in before:
        x = layer(x)
    conv = layers.Conv2D(3, 3, activation="relu", name="conv")
    conv.supports_masking = True
    cnn = keras.Sequential([conv])
    return extract(keras.Model(frames, layers.TimeDistributed(cnn, name="each")(x)), clips)["each/conv"]


def drawn(activation, **options):
    return FilmStrip().chart(activation, FilmStripOptions(**options))


def row(chart, name):
    """The pictures of a row, and which frames they are of."""
    strip = chart.vconcat[0]
    tops = strip.layer[2].data.set_index("name")["top"]
    top = next(tops[each] for each in tops.index if each.startswith(name))
    pictures = strip.layer[0].data
    return pictures[pictures["top"] == top + 6]


def pixels(url):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB"))


@pytest.fixture(scope="module")
def activation():
    return recorded()


def test_the_channel_frame_by_frame_on_one_scale(activation):
    strip = row(drawn(activation, sample=1, channel=2), "Channel 2")
    film = activation.values[1, ..., 2]
    scale = colour_scale(film)

    for url, step in zip(strip["image"], strip["step"], strict=True):
        np.testing.assert_array_equal(pixels(url), scale.palette()[scale.levels(film[step])])


def test_the_frames_that_went_in_stand_above(activation):
    strip = row(drawn(activation, sample=1), "Input")
    low, high = CLIPS[1][strip["step"]].min(), CLIPS[1][strip["step"]].max()

    for url, step in zip(strip["image"], strip["step"], strict=True):
        expected = np.rint((CLIPS[1, step, ..., 0] - low) / (high - low) * 255)
        np.testing.assert_allclose(pixels(url)[..., 0], expected, atol=1)


@pytest.mark.parametrize("step", [None, 0, 7, 19])
def test_as_many_frames_as_fit_the_chosen_one_among_them(activation, step):
    chart = drawn(activation, step=step)
    strip = row(chart, "Channel")
    strengths = np.abs(activation.values[0][..., int(chart.title.text.split()[1])]).mean(axis=(1, 2))

    assert len(strip) == 16
    assert strip["step"].is_monotonic_increasing
    assert strip.loc[strip["chosen"], "step"].tolist() == [strengths.argmax() if step is None else step]


def test_padding_is_grey():
    clips = CLIPS[:, :5].copy()
    clips[0, 3:] = 0

    class FrameMask(layers.Layer):
        def compute_mask(self, inputs, previous_mask=None):
            return keras.ops.any(keras.ops.not_equal(inputs, 0), axis=(2, 3, 4))

        def call(self, x):
            return x

    strip = drawn(recorded(clips, FrameMask())).vconcat[0].layer[1]
    assert strip.data["padding"].tolist() == [False, False, False, True, True]
    assert strip.transform[0].filter == "datum.padding"


def test_it_plays_so_many_frames_a_second(activation):
    chart = next(iter(drawn(activation, play=True, speed=5).values())).to_dict()
    assert chart["encoding"]["time"]["scale"]["range"] == [0, 20 * 200]
    assert chart["params"][0]["select"]["on"] == "timer"


def test_only_for_frames():
    series = keras.Input((5, 4))
    dense = extract(keras.Model(series, layers.Dense(2, name="d")(series)), np.ones((1, 5, 4), np.float32))["d"]
    assert not FilmStrip.handles.match(dense).handled
