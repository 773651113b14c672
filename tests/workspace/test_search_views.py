"""What a page asks about found inputs."""

import numpy as np
import pytest

import core
from core.workspace.search_charts import answers_chart, is_weaker


@pytest.fixture(scope="module")
def opened():
    """Return a function that opens an example in a workspace, once."""
    kept = {}

    def give(name):
        if name not in kept:
            kept[name] = core.Workspace()
            kept[name].open_example(name)
        return kept[name]

    return give


def test_a_search_goes_on_from_call_to_call(opened):
    workspace = opened("digits-cnn")
    settings = {"starts": 2, "run": 1}
    first = workspace.maximize("probabilities", 3, settings, 0, 12, 60)
    same = workspace.maximize("probabilities", 3, settings, 0, 12, 60)
    more = workspace.maximize("probabilities", 3, settings, 0, 200, 60)
    anew = workspace.maximize("probabilities", 3, {**settings, "run": 2}, 0, 12, 60)

    assert (first.name, first.steps, len(first.found)) == ("class 3", 12, 2)
    assert same.found == first.found
    assert more.steps == 200
    assert more.found[0].objective > first.found[0].objective
    assert more.found[0].answer == "3 (100 %)"
    assert anew.found == first.found
    assert more.found[0].picture.startswith(b"\x89PNG")


def test_it_comes_back_when_the_time_is_over(opened):
    report = opened("digits-cnn").maximize("conv_1", 2, {"run": 9}, 0, 1_000_000, 0.2)

    assert 0 < report.steps < 1_000_000


def test_samples_that_excite_a_class_come_in_the_order_of_its_logit(opened):
    workspace = opened("digits-cnn")
    report = workspace.excited("probabilities", 3, {})
    rows = max(report.specification["datasets"].values(), key=len)
    labels = workspace.sample_labels

    assert report.sample_count == 90
    assert report.largest == rows[0]["answer"]
    assert [row["answer"] for row in rows] == sorted((row["answer"] for row in rows), reverse=True)
    assert all(labels[row["sample"]] == "3" for row in rows[:6])


def test_a_found_input_that_is_weaker_than_a_sample_is_known_as_that(opened):
    workspace = opened("vowels-lstm")
    found = workspace.maximize("lstm_2", 6, {"starts": 2, "run": 20}, 0, 8, 60).found
    strongest = workspace.excited("lstm_2", 6, {})
    picture = answers_chart(found, strongest)
    rows = max(picture.specification["datasets"].values(), key=len)

    assert strongest.largest == pytest.approx(strongest.samples[0].answer) == pytest.approx(0.959, abs=1e-3)
    assert found[0].objective < 0.95
    assert is_weaker(found, strongest)
    assert [row["answer"] for row in rows] == [found[0].objective, strongest.largest]
    assert rows[1]["of"] == f"strongest sample, {strongest.strongest}: 0.959"
    assert "the strongest of 90 samples 0.959" in picture.alt


@pytest.mark.parametrize("from_sample", [False, True])
def test_a_channel_that_is_silent_at_most_places_is_driven_beyond_every_sample(opened, from_sample):
    # A way up for all silent places at once led away from the few at which it answers.
    workspace = opened("digits-cnn")
    strongest = workspace.excited("conv_2", 7, {})
    settings = {"starts": 1, "run": 21, "from_sample": from_sample}
    found = workspace.maximize("conv_2", 7, settings, strongest.strongest, 256, 60).found

    assert strongest.largest == pytest.approx(0.296, abs=1e-3)
    assert found[0].objective > 1.2 * strongest.largest
    assert not is_weaker(found, strongest)


def test_found_inputs_come_strongest_first_and_those_of_another_class_are_marked(opened):
    workspace = opened("digits-cnn")
    few = workspace.maximize("probabilities", 0, {"starts": 4, "run": 22, "diversity": 0.0}, 0, 4, 60).found
    unit = workspace.maximize("dense", 0, {"starts": 2, "run": 23}, 0, 8, 60).found

    assert [each.objective for each in few] == sorted((each.objective for each in few), reverse=True)
    assert [each.is_other_class for each in few] == [not each.answer.startswith("0 (") for each in few]
    assert any(each.is_other_class for each in few)
    assert not any(each.is_other_class for each in unit)


def test_samples_of_text_come_with_it(opened):
    report = opened("reviews-transformer").excited("dropout_2", 0, {})

    assert report.samples[0].text.startswith("this player is not worth any price")
    assert report.samples[0].answer == report.largest


@pytest.mark.parametrize(
    ("name", "layer", "kind", "count"),
    [
        ("digits-cnn", "conv_2", "channel", 32),
        ("digits-dense", "dense_2", "unit", 24),
        ("vowels-lstm", "probabilities", "unit", 9),
    ],
)
def test_all_units_of_a_layer_are_found_bit_by_bit(opened, name, layer, kind, count):
    workspace = opened(name)
    done = [workspace.maximize_layer(layer, {}, 0, 8, seconds).done for seconds in (0.0, 0.01)]
    report = workspace.maximize_layer(layer, {}, 0, 8, 120)

    assert done == sorted(done)
    assert (report.done, report.wanted, report.unit_count, report.kind) == (count, count, count, kind)
    assert report.specification["$schema"].startswith("https://vega.github.io")


def test_layers_that_can_be_searched(opened):
    layers = {each.key: each for each in opened("reviews-transformer").searchable_layers()}

    assert "words" not in layers  # answers whole numbers
    assert layers["encoded_words"].has_places
    assert layers["probabilities"].class_names == ("negative", "positive")
    assert (layers["encoded_words"].unit_count, layers["encoded_words"].class_names) == (16, ())


def test_what_stops_a_search_is_said(opened):
    workspace = opened("reviews-transformer")
    with pytest.raises(core.NoGradient, match=r"Input 'text' is text.*Attribution"):
        workspace.maximize("probabilities", 0, {}, 0, 8, 1)
    assert workspace.excited("probabilities", 0, {}).sample_count == 80
    with pytest.raises(core.InputRejected, match="has no unit 99"):
        workspace.excited("dropout_2", 99, {})
    with pytest.raises(core.InputRejected, match="no layer 'nowhere'"):
        workspace.maximize("nowhere", 0, {}, 0, 8, 1)


def test_one_place_answers_more_than_the_mean_over_all(opened):
    workspace = opened("digits-cnn")
    mean, middle = (
        workspace.maximize("conv_2", 4, {"one_place": one_place}, 0, 128, 60).found[0].objective
        for one_place in (False, True)
    )

    assert middle > mean
    assert np.isfinite(middle)


def test_classes_without_names_are_classes_all_the_same(tmp_path):
    import keras

    keras.utils.set_random_seed(0)
    given = keras.Input((4,), name="numbers")
    hidden = keras.layers.Dense(8, activation="tanh", name="hidden")(given)
    keras.Model(given, keras.layers.Dense(5, activation="softmax", name="answer")(hidden)).save(tmp_path / "m.keras")
    workspace = core.Workspace()
    workspace.open_model(str(tmp_path / "m.keras"))
    workspace.take_noise(8, 0)

    assert {each.key: each.kind for each in workspace.searchable_layers()} == {"hidden": "unit", "answer": "class"}
    report = workspace.maximize("answer", 2, {"run": 1}, 0, 60, 60)
    assert report.name == "class 2"
    assert report.found[0].answer.startswith("class 2 (")
    assert workspace.maximize("hidden", 2, {"run": 1}, 0, 1, 60).name == "unit 2 of hidden"


def test_a_single_answer_is_no_class_however_sure_it_is(tmp_path):
    import keras

    answer = keras.layers.Dense(
        1, activation="sigmoid", bias_initializer=keras.initializers.Constant(50), name="answer"
    )
    keras.Sequential([keras.Input((4,), name="numbers"), answer]).save(tmp_path / "m.keras")
    workspace = core.Workspace()
    workspace.open_model(str(tmp_path / "m.keras"))
    workspace.take_noise(8, 0)

    assert workspace.maximize("answer", 0, {"run": 1}, 0, 1, 60).found[0].answer == ""
