import numpy as np
import pytest
import vl_convert

import core
from core.plugins.registry import Registry

registry = Registry()
LSTM = ("LSTM", "RNN", "Layer")
CONV = ("Conv2D", "BaseConv", "Layer")


def drawn(activation, **options):
    drawing = registry.draw("exciting-samples", activation, options)
    for picture in drawing.pictures:
        assert vl_convert.vegalite_to_svg(picture.specification).startswith("<svg")
    return drawing


def samples(picture):
    """Return the samples of a picture in order, each once."""
    rows = max(picture.specification["datasets"].values(), key=len)
    return list(dict.fromkeys(row["sample"] for row in rows))


@pytest.fixture
def planted(make_activation, make_context):
    """Unit 1 answers 10 to class "cat", 0 to "dog", and to sample 4 the most of all."""
    labels = np.arange(12) % 2
    values = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
    values[:, 1] = 10 * (labels == 0)
    values[4, 1] = 12
    return make_activation(values, context=make_context(labels=labels, class_names=("cat", "dog"), first=20))


def test_what_a_planted_unit_answers_to_is_found(planted):
    most, least, everything = drawn(planted, unit=1, sample=3).pictures

    assert samples(most)[0] == 24
    assert all((sample - 20) % 2 == 0 for sample in samples(most))
    assert all((sample - 20) % 2 == 1 for sample in samples(least))
    assert most.caption == "Strongest samples for unit 1 of layer"
    assert everything.caption == "All 12 samples: the most for cat, selectivity 1.00 of 1"
    assert len(samples(everything)) == 12
    assert most.selections == least.selections == everything.selections == ("sample",)


def test_on_images_it_shows_where(make_activation, make_context):
    images = np.zeros((6, 8, 8, 1), np.float32)
    values = np.zeros((6, 4, 4, 2), np.float32)
    values[2, 1, 3, 0] = 5  # row 1, column 3 of 4
    context = make_context(inputs={"image": images})
    most, *_ = drawn(make_activation(values, bases=CONV, context=context)).pictures

    assert samples(most)[0] == 2
    assert most.specification["layer"][0]["mark"]["type"] == "image"
    urls = {row["sample"]: row["image"] for row in max(most.specification["datasets"].values(), key=len)}
    assert urls[2] != urls[0]


def test_padding_excites_nothing(make_activation):
    values = np.zeros((6, 5, 2), np.float32)
    values[1, 4, 0] = 99
    values[3, 1, 0] = 1
    mask = np.ones((6, 5), bool)
    mask[1, 3:] = False
    most, *_ = drawn(make_activation(values, bases=LSTM, mask=mask)).pictures
    rows = max(most.specification["datasets"].values(), key=len)

    assert samples(most)[0] == 3
    assert max(row["value"] for row in rows) == 1


def test_mean_and_largest_differ(make_activation):
    values = np.zeros((4, 10, 1), np.float32)
    values[0, 0] = 9
    values[1] = 2
    activation = make_activation(values, bases=LSTM)

    assert samples(drawn(activation).pictures[0])[0] == 0
    assert samples(drawn(activation, by="mean").pictures[0])[0] == 1


def test_without_classes_and_with_negative_answers(make_activation, make_context):
    assert "their classes are not known" in drawn(make_activation("sample=6 unit")).pictures[2].caption
    context = make_context(labels=np.array([0, 0, 1, 1]))
    caption = drawn(make_activation(np.array([[-1.0], [-2], [-3], [-4]]), context=context)).pictures[2].caption
    assert caption == "All 4 samples: the most for class 0, -1.5 in the mean, -3.5 for all others"


def test_what_is_refused(make_activation):
    assert "finite" in drawn(make_activation(np.full((4, 2), np.nan))).refusal
    handles = registry.get("exciting-samples").handles
    assert handles.match(make_activation("sample=2 unit")).reason == "needs at least 3 samples"
    assert "last axis" in handles.match(make_activation("sample=4 head query key")).reason


def test_on_the_digits_a_class_has_units_of_its_own():
    example = core.get_example("digits-cnn")
    model = core.load_model(example.model_path)
    arrays, labels = example.samples()
    given = core.arrange(model, arrays)
    layer = core.extract(model, given, layers=["probabilities"], labels=labels, class_names=example.class_names)
    most, _, everything = drawn(layer["probabilities"], unit=7).pictures

    assert {int(labels[sample]) for sample in samples(most)[:4]} == {7}
    assert "the most for 7, selectivity 1.00 of 1" in everything.caption
