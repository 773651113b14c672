"""Axes in seconds and hertz, against strides worked out by hand and the frequencies of NumPy."""

import json
import re
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

import core
from core import charts
from core.analysis.rulers import Ruler
from core.charts import gallery
from core.charts.descriptions import description_of
from core.charts.rulers import ticks
from core.inputs.model_inputs import input_specs
from core.inputs.sample_context import SampleContext
from core.plugins.registry import Registry
from tests.support.chart_pictures import pictures_in

RATE = 8_000
LENGTH = 2_000
LABELS = re.compile(r"(\[.*\])\[indexof\((\[.*\]), datum.value\)\]")
registry = Registry()
RANDOM = np.random.default_rng(0)


def tone(hertz):
    return np.sin(2 * np.pi * hertz * np.arange(LENGTH) / RATE).astype(np.float32)


def heard(model, waves, rate=RATE):
    """Return what layers answer to waveforms of a rate."""
    specs = tuple(replace(spec, sampling_rate=rate) for spec in input_specs(model))
    return core.Extractor(model).extract(waves, known=SampleContext(specs=specs), internals=True)


@pytest.fixture(scope="module")
def model():
    given = keras.Input((LENGTH, 1), name="waveform")
    conv = layers.Conv1D(3, 20, strides=10, name="conv")(given)
    pool = layers.MaxPooling1D(2, name="pool")(conv)
    lstm = layers.LSTM(4, return_sequences=True, name="lstm")(pool)
    looked = layers.MultiHeadAttention(2, 3, name="attention")(lstm, lstm)
    return keras.Model(given, layers.Dense(3, "softmax", name="tags")(looked))


@pytest.fixture(scope="module")
def waves():
    return RANDOM.normal(size=(4, LENGTH, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def answers(model, waves):
    return heard(model, waves)


def drawn(activations, picture, layer, **options):
    drawing = registry.draw(picture, activations[layer], options)
    assert not drawing.refusal, drawing.refusal
    return [each.specification for each in drawing.pictures]


def axes_in(part, channel="x"):
    """Return every axis with a title: the title, and its labels by position where they are said one by one."""
    if isinstance(part, list):
        return [found for each in part for found in axes_in(each, channel)]
    if not isinstance(part, dict):
        return []
    encoded = (part.get("encoding") or {}).get(channel) or {}
    found = [each for name, value in part.items() if name != "datasets" for each in axes_in(value, channel)]
    if not encoded.get("title"):
        return found
    labels = LABELS.match((encoded.get("axis") or {}).get("labelExpr", ""))
    by_position = dict(zip(json.loads(labels[2]), json.loads(labels[1]), strict=True)) if labels else {}
    return [*found, (encoded["title"], by_position)]


def number(label):
    return float(label.replace(",", ""))


# By hand: a window of 20 at every 10th number has its middle at 9.5 behind its first one; two of them at 14.5.
PLACES = {"conv": (9.5, 10), "pool": (14.5, 20), "input": (0, 1)}
PICTURES = [
    ("unit-heatmap", "conv", "conv"),
    ("unit-lines", "conv", "conv"),
    ("trajectories", "lstm", None),
    ("before-and-after", "pool", "pool"),
    ("unit-lines", "lstm", "pool"),
    ("gates", "lstm", "pool"),
    ("gate-heatmaps", "lstm", "pool"),
    ("exciting-samples", "lstm", "pool"),
    ("classes-over-time", "tags", "pool"),
    ("attention-heads", "attention", "pool"),
    ("attention-rollout", "attention", "pool"),
    ("class-activation-map", "conv", "input"),
    ("input-attribution", "conv", "input"),
]


@pytest.mark.parametrize(("picture", "layer", "places"), PICTURES)
def test_every_picture_over_time_says_seconds(answers, picture, layer, places):
    specifications = drawn(answers, picture, layer)
    if places is None:
        assert "time in s" in json.dumps(specifications)
        return

    labelled = [labels for title, labels in axes_in(specifications) if title == "Time (s)" and labels]
    assert labelled
    first, step = PLACES[places]
    for position, label in labelled[-1].items():
        assert number(label) == pytest.approx((first + step * position) / RATE, abs=1e-6)
    assert len(labelled[-1]) >= 4
    assert "Timestep" not in {title for title, _ in axes_in(specifications)}


@pytest.mark.parametrize(("picture", "layer", "places"), PICTURES)
def test_without_a_rate_steps_stay_steps(model, waves, picture, layer, places):
    specifications = drawn(heard(model, waves, 0), picture, layer)

    assert "Time (s)" not in json.dumps(specifications)
    assert "time in s" not in json.dumps(specifications)


def test_bars_of_a_class_activation_map_lie_over_what_the_layer_sees(answers):
    (specification, *_) = drawn(answers, "class-activation-map", "conv")
    (rows,) = (rows for rows in specification["datasets"].values() if "start" in rows[0])

    assert len(rows) == answers["conv"].shape[1]
    middles = [(row["start"] + row["end"]) / 2 for row in rows]
    np.testing.assert_allclose(middles, 9.5 + 10 * np.arange(len(rows)))
    np.testing.assert_allclose([row["seconds"] for row in rows], (9.5 + 10 * np.arange(len(rows))) / RATE)


def test_what_covering_a_waveform_changes_is_along_seconds(answers):
    specifications = drawn(answers, "input-attribution", "conv", method="occlusion")

    titles = {title for title, _ in axes_in(specifications)}
    assert "Time (s)" in titles
    assert "Timestep" not in titles


@pytest.mark.parametrize("rate", [0, RATE])
def test_bars_of_frequencies_are_not_laid_over_moments_of_the_input(rate):
    stack = [
        layers.STFTSpectrogram(frame_length=128, frame_step=64),
        layers.Permute((2, 1)),
        layers.Conv1D(2, 3, name="across"),
        layers.GlobalAveragePooling1D(),
        layers.Dense(2, "softmax", name="classes"),
    ]
    model = keras.Sequential([keras.Input((LENGTH, 1), name="waveform"), *stack])
    activations = heard(model, tone(900).reshape(1, -1, 1), rate)
    (specification, *_) = drawn(activations, "class-activation-map", "across")
    (rows,) = (rows for rows in specification["datasets"].values() if "start" in rows[0])

    assert activations["across"].places("time").quantity == "frequency"
    # By a band each; over the waveform they would stand beside what they have nothing to do with.
    assert max(row["end"] for row in rows) < 63
    assert {title for title, _ in axes_in(specification)} & {"Time (s)", "Frequency (Hz)"} == (
        {"Frequency (Hz)"} if rate else set()
    )


def test_of_more_moments_than_pixels_the_strongest_of_each_few_is_drawn(answers):
    (specification, *_) = drawn(answers, "input-attribution", "conv")
    (rows,) = (rows for rows in specification["datasets"].values() if "start" in rows[0])

    assert len(rows) == LENGTH / 4
    assert "strongest of every 4 steps" in json.dumps(specification)


def test_the_answer_per_step_is_along_seconds(answers):
    (specification, *_) = drawn(answers, "answer", "tags", meaning="classes-per-step")

    labels = next(labels for title, labels in axes_in(specification) if title == "Time (s)")
    assert all(number(label) == pytest.approx((14.5 + 20 * at) / RATE, abs=1e-6) for at, label in labels.items())


def test_who_hears_a_picture_hears_seconds(answers):
    (specification, *_) = drawn(answers, "unit-lines", "conv", unit=0, units=(0,))
    values = answers["conv"].values[0, :, 0]
    strongest = int(np.abs(values).argmax())

    assert f"Time (s) {(9.5 + 10 * strongest) / RATE:.6g}" in description_of(specification)


class TestSpectrograms:
    def heard_by(self, *stack, hertz=1_500, shape=(LENGTH, 1)):
        model = keras.Sequential([keras.Input(shape, name="waveform"), *stack])
        return heard(model, tone(hertz).reshape(1, *shape))

    @pytest.mark.parametrize("hertz", [500, 1_500, 3_250])
    @pytest.mark.parametrize(
        "layer",
        [
            layers.STFTSpectrogram(frame_length=128, frame_step=64, expand_dims=True, name="spectrum"),
            layers.STFTSpectrogram(frame_length=128, frame_step=64, name="spectrum"),
            layers.MelSpectrogram(256, 64, num_mel_bins=40, sampling_rate=RATE, name="spectrum"),
        ],
        ids=["image", "sequence", "mel"],
    )
    def test_a_tone_is_a_stripe_at_its_frequency_low_ones_at_the_bottom(self, layer, hertz):
        layer = type(layer).from_config(layer.get_config())
        is_mel = isinstance(layer, layers.MelSpectrogram)
        activations = self.heard_by(layer, hertz=hertz, shape=(LENGTH,) if is_mel else (LENGTH, 1))
        (specification,) = drawn(activations, "time-frequency", "spectrum")
        (title, labels), *_ = axes_in(specification, "y")

        bright = np.asarray(pictures_in(specification)[0].convert("RGB")).astype(int).sum(axis=-1)
        from_below = bright.shape[0] - 1 - bright[:, 4:-4].mean(axis=1).argmax()
        assert title == "Frequency (Hz)"
        # What the axis says beside that row: between the labels below and above it.
        said = np.interp(from_below, list(labels), [number(label) for label in labels.values()])
        apart = 0.12 * hertz if is_mel else RATE / 128
        assert abs(said - hertz) <= apart

    def test_the_frequencies_of_a_map_behind_strides_are_those_of_numpy(self):
        activations = self.heard_by(
            layers.STFTSpectrogram(frame_length=128, frame_step=64, expand_dims=True),
            layers.Conv2D(2, 3, name="seen"),
            layers.MaxPooling2D(2, name="pooled"),
        )
        hertz = charts.ruler_of(activations["pooled"], "width").values
        seconds = charts.ruler_of(activations["pooled"], "height").values

        bins = np.fft.rfftfreq(128, 1 / RATE)
        np.testing.assert_allclose(hertz, (bins[1:-1][:-1:2] + bins[1:-1][1::2]) / 2)
        frames = (np.arange((LENGTH - 128) // 64 + 1) * 64 + 63.5) / RATE
        pairs = frames[1:-1][: 2 * len(seconds)].reshape(-1, 2)
        np.testing.assert_allclose(seconds, pairs.mean(axis=1))

    def test_feature_maps_are_turned_as_a_spectrogram_is_drawn(self):
        values = np.zeros((6, 4), np.float32)
        values[5, 3] = 1  # late, and high
        rulers = (Ruler("time", np.arange(6) / 10), Ruler("frequency", np.arange(4) * 100.0))
        chart = gallery.large_map(values, charts.colour_scale(values), rulers=rulers).to_dict()
        bright = np.asarray(pictures_in(chart)[0].convert("RGB")).astype(int).sum(axis=-1)

        assert np.unravel_index(bright.argmax(), bright.shape) == (0, bright.shape[1] - 1)
        assert [title for title, _ in axes_in(chart)] == ["Time (s)"]
        assert [title for title, _ in axes_in(chart, "y")] == ["Frequency (Hz)"]
        np.testing.assert_array_equal(charts.upright(values[np.newaxis], rulers)[0, 0], [0, 0, 0, 0, 0, 1])

    def test_bands_without_a_rate_are_numbered_and_the_picture_says_why(self):
        model = keras.Sequential([keras.Input((LENGTH, 1)), layers.STFTSpectrogram(frame_length=128, name="spectrum")])
        (specification,) = drawn(heard(model, tone(900).reshape(1, -1, 1), 0), "time-frequency", "spectrum")

        assert [title for title, _ in axes_in(specification, "y")] == ["Band"]
        assert "the sampling rate is not known" in json.dumps(specification)


@pytest.mark.parametrize(
    "values",
    [
        np.arange(40) * 0.008 + 0.002,
        np.fft.rfftfreq(256, 1 / RATE),
        700 * (10 ** (np.linspace(60, 2_100, 40) / 2_595) - 1),
        np.array([0.1, 0.2]),
    ],
)
def test_labels_stand_where_their_numbers_lie_and_are_round(values):
    positions, labels = ticks(Ruler("frequency", values))

    numbers = [number(label) for label in labels]
    inside = [0 <= position <= len(values) - 1 for position in positions]
    expected = np.interp(positions, np.arange(len(values)), values)
    np.testing.assert_allclose(np.array(numbers)[inside], expected[inside], rtol=1e-3, atol=1e-5)
    assert 2 <= len(labels) <= 12
    assert all(len(f"{each:.6g}".replace(".", "").strip("0")) <= 2 for each in numbers)
