import keras
import numpy as np
import pytest
import vl_convert

import core
from core.analysis.layer_dataset import LayerDataset
from core.inputs.datasets import ArrayDataset
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


def test_selectivity_is_claimed_only_of_what_answers(make_activation, make_context):
    """As a unit of the motions that is 0.0004 for one sample and 0 for all others, beside units that reach 15."""
    values = np.zeros((12, 2), np.float32)
    values[:, 1] = np.arange(12)
    values[3, 0] = 0.0004
    context = make_context(labels=np.arange(12) % 2, class_names=("cat", "dog"))
    weak = drawn(make_activation(values, context=context), unit=0).pictures
    values[3, 0] = 9
    strong = drawn(make_activation(values, context=context), unit=0).pictures
    values[:, 0] = 2
    same = drawn(make_activation(values, context=context), unit=0).pictures

    assert weak[2].caption == "All 12 samples: it hardly answers: its range is 0.0004, that of the layer 11"
    assert strong[2].caption == "All 12 samples: the most for dog, of which 1 is active: too few to be selective"
    assert same[2].caption == "All 12 samples: the same answer to all, 2"


def test_a_unit_that_answers_far_below_zero_is_not_called_selective(make_activation, make_context):
    values = np.zeros((12, 2), np.float32)
    values[:, 0] = [1, 5, 1, -5, 1, 0.1, 1, 0.1, 1, 0.1, 1, 0.1]
    context = make_context(labels=np.arange(12) % 2, class_names=("cat", "dog"))
    pictures = drawn(make_activation(values, context=context), unit=0).pictures

    assert pictures[2].caption == "All 12 samples: the most for cat, 1 in the mean, 0.0667 for all others"


def test_weakest_that_are_all_nothing_are_listed_without_an_empty_axis(make_activation):
    values = np.zeros((12, 2), np.float32)
    values[:3, 0] = 1, 2, 3
    most, least, _ = drawn(make_activation(values), unit=0).pictures

    assert least.caption == "Weakest: all 6 answer 0"
    assert least.specification["mark"]["type"] == "text"
    assert most.specification["encoding"]["y"]["axis"]["labelOverlap"] is False


def test_of_sequences_a_dense_layer_shows_the_sequence_of_each_sample():
    example = core.get_example("motions-conv1d")
    model = core.load_model(example.model_path)
    arrays, labels = example.samples()
    given = core.arrange(model, arrays)
    layer = core.extract(model, given, layers=["mean_over_time"], labels=labels, class_names=example.class_names)
    most, least, everything = drawn(layer["mean_over_time"], unit=0).pictures
    shown = max(most.specification["datasets"].values(), key=len)

    assert "it hardly answers: its range is 0.000449" in everything.caption
    assert least.caption == "Weakest: all 8 answer 0"
    assert len({row["image"] for row in shown}) == 8
    assert shown[0]["name"].startswith("0.000449 · ")


def test_a_legend_names_the_classes_that_are_there_below_the_lines(make_activation, make_context):
    values = np.random.default_rng(0).normal(size=(40, 6, 1)).astype(np.float32)
    context = make_context(labels=np.arange(40) % 10, class_names=tuple(f"speaker {n}" for n in range(10)))
    most, *_ = drawn(make_activation(values, bases=LSTM, context=context)).pictures
    legend = most.specification["layer"][0]["encoding"]["color"]["legend"]
    names = {row["class"] for row in max(most.specification["datasets"].values(), key=len)}
    alone, *_ = drawn(make_activation(values, bases=LSTM)).pictures

    assert (set(legend["values"]), legend["orient"]) == (names, "bottom")
    assert alone.specification["layer"][0]["encoding"]["color"]["legend"] is None


def test_without_classes_and_with_negative_answers(make_activation, make_context):
    assert "their classes are not known" in drawn(make_activation("sample=6 unit")).pictures[2].caption
    context = make_context(labels=np.array([0, 0, 1, 1]))
    caption = drawn(make_activation(np.array([[-1.0], [-2], [-3], [-4]]), context=context)).pictures[2].caption
    assert caption == "All 4 samples: the most for class 0, −1.5 in the mean, −3.5 for all others"


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


def test_a_layer_whose_units_are_the_samples_is_refused():
    inputs = keras.Input((4,))
    alike = keras.layers.Lambda(lambda x: keras.ops.matmul(x, keras.ops.transpose(x)), name="alike")(inputs)
    vectors = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    extractor = core.Extractor(keras.Model(inputs, alike))
    activation = extractor.extract(vectors)["alike"]
    dataset = LayerDataset(activation, ArrayDataset({inputs.name: vectors}), extractor)

    refusal = registry.draw("exciting-samples", activation, {"unit": 8}, dataset=dataset).refusal
    assert refusal == "How many numbers this layer answers depends on the samples beside: it has no units."
