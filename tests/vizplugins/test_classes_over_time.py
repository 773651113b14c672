import keras
import numpy as np
import pytest
from keras import layers

from core.extraction.extractor import extract
from vizplugins.classes_over_time import ClassesOverTime, ClassesOverTimeOptions

SERIES = np.random.default_rng(0).normal(size=(2, 8, 4)).astype(np.float32)
SERIES[1, 5:] = 0
NAMES = ("noun", "verb", "other")


def recorded(*parts, names=NAMES):
    series = x = keras.Input((None, 4))
    for part in parts:
        x = part(x)
    return list(extract(keras.Model(series, x), SERIES, class_names=names).values())[-1]


@pytest.fixture(scope="module")
def tagger():
    inside = layers.Dense(3, activation="softmax")
    return recorded(layers.Masking(), layers.GRU(5, return_sequences=True), layers.TimeDistributed(inside))


def drawn(activation, **options):
    return ClassesOverTime().chart(activation, ClassesOverTimeOptions(**options))


def test_a_line_for_each_class(tagger):
    rows = drawn(tagger).layer[0].data
    for number, name in enumerate(NAMES):
        line = rows[rows["class"] == name].sort_values("time")
        np.testing.assert_allclose(line["probability"], tagger.values[0, :, number], atol=1e-6)


def test_the_band_says_which_class_wins_at_each_step(tagger):
    runs = drawn(tagger).layer[2].data
    told = [
        name for *_, first, last, name in runs[["from", "to", "class"]].itertuples() for _ in range(first, last + 1)
    ]
    assert told == [NAMES[winner] for winner in tagger.values[0].argmax(axis=-1)]


def test_padding_is_grey_and_has_no_line(tagger):
    chart = drawn(tagger, sample=1)
    rows, grey = chart.layer[0].data, chart.layer[-1].data

    assert rows.loc[rows["time"] >= 5, "probability"].isna().all()
    assert grey[["left", "right"]].to_numpy().tolist() == [[4.5, 7.5]]
    assert "3 steps of padding are grey" in " ".join(chart.title.subtitle)
    assert chart.layer[2].data["to"].max() == 4


def test_for_what_tells_classes_only(tagger):
    assert ClassesOverTime.handles.match(tagger).handled
    assert not ClassesOverTime.handles.match(recorded(layers.LSTM(3, return_sequences=True))).handled


def test_one_probability_at_each_step():
    chart = drawn(recorded(layers.Dense(1, activation="sigmoid"), names=()))
    assert chart.title.text.startswith("The probability at 8 steps")
