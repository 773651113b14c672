"""What a page asks about found inputs."""

import keras
import numpy as np
import pytest

import core
from core.workspace.search_charts import answers_chart, is_weaker

PREPARED = {"scaling": "none", "fit": "stretch", "invert": False}


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
    found = workspace.maximize("lstm_2", 6, {"starts": 2, "run": 20}, 0, 3, 60).found
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
    assert (layers["encoded_words"].axes, layers["encoded_words"].has_region) == (("time",), False)
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


@pytest.mark.parametrize(
    ("layer", "unit", "settings", "objective", "name"),
    [
        (
            "conv_2",
            4,
            {"region": (0.6, 2.2, -3, 0.4)},
            lambda answer: answer[:, 0:1, 1:3, 4].mean((1, 2)),
            "channel 4 of conv_2, row 0, columns 1–2",
        ),
        (
            "conv_2",
            4,
            {"region": (0, 1, 0, 1), "versus": 2, "against": True},
            lambda answer: (answer[..., 2] - answer[..., 4])[:, :2, :2].mean((1, 2)),
            "not (channel 4 of conv_2 minus channel 2 of conv_2), rows 0–1, columns 0–1",
        ),
        ("conv_2", None, {"one_place": True}, None, "all of conv_2, row 4, column 4"),
        # What lies beside the layer is everywhere, and a layer without rows has no region.
        ("conv_2", 4, {"region": (50, 60, 50, 60)}, lambda answer: answer[..., 4].mean((1, 2)), "channel 4 of conv_2"),
        ("dense", 4, {"region": (0, 1, 0, 1)}, lambda answer: answer[:, 4], "unit 4 of dense"),
    ],
)
def test_a_part_of_the_places_is_what_is_looked_for(opened, layer, unit, settings, objective, name):
    import keras

    workspace = opened("digits-cnn")
    settings = {"starts": 1, "run": 31, **settings}
    report = workspace.maximize(layer, unit, settings, 0, 4, 60)
    excited = workspace.excited(layer, unit, settings)

    example = core.get_example("digits-cnn")
    model = keras.saving.load_model(example.model_path)
    answer = core.extract(model, example.samples()[0], layers=[layer])[layer].values
    expected = np.square(answer[:, 4, 4]).mean(axis=-1) if objective is None else objective(answer)
    assert report.name == name
    assert excited.largest == pytest.approx(float(expected.max()), rel=1e-4)
    assert excited.strongest == int(expected.argmax())


def test_a_step_of_several_is_looked_for(opened):
    workspace = opened("vowels-lstm")
    settings = {"starts": 1, "run": 32, "position": 3}

    assert workspace.maximize("lstm_1", 2, settings, 0, 4, 60).name == "unit 2 of lstm_1, position 3"


def test_an_answer_in_rows_and_columns_can_be_dragged_over(opened):
    workspace = opened("shapes-segmentation")
    layers = {each.key: each for each in workspace.searchable_layers()}
    chart = workspace.answer_to_drag("mask", 1, {"region": (2, 5, 3, 8)}, 3)

    assert layers["mask"].has_region
    assert any(parameter["name"] == "region" for parameter in chart["params"])
    frame = {"left": 1.5, "right": 5.5, "top": 2.5, "bottom": 8.5}
    assert any(rows == [frame] for rows in chart["datasets"].values())
    assert opened("digits-cnn").answer_to_drag("dense", 1, {}, 0) is None


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


def test_what_answers_to_one_class_and_not_to_another(opened):
    workspace = opened("digits-cnn")
    settings = {"starts": 1, "run": 41}
    alone = workspace.maximize("probabilities", 3, settings, 0, 40, 60)
    versus = workspace.maximize("probabilities", 3, {**settings, "versus": 8}, 0, 40, 60)
    against = workspace.maximize("probabilities", 3, {**settings, "against": True}, 0, 40, 60)

    assert (alone.name, versus.name, against.name) == ("class 3", "class 3 minus class 8", "not class 3")
    # The same found input, each as its target amounts to: the logits' difference, and the logit with its sign turned.
    samples = workspace.excited("probabilities", 3, {**settings, "versus": 8})
    threes = workspace.excited("probabilities", 3, settings)
    eights = workspace.excited("probabilities", 8, settings)
    assert samples.largest != pytest.approx(threes.largest)
    by_number = {each.number: each.answer for each in threes.samples}, {e.number: e.answer for e in eights.samples}
    for sample in samples.samples:
        if sample.number in by_number[0] and sample.number in by_number[1]:
            assert sample.answer == pytest.approx(by_number[0][sample.number] - by_number[1][sample.number], abs=1e-3)
    assert against.found[0].objective > -threes.samples[0].answer
    assert not against.found[0].is_other_class


def opened_file(model, tmp_path, **arrays):
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "samples.npz", **arrays)
    workspace = core.Workspace()
    workspace.open_model((tmp_path / "model.keras").read_bytes(), "model.keras")
    workspace.take_files({"": [("samples.npz", (tmp_path / "samples.npz").read_bytes())]}, **PREPARED)
    return workspace


def test_of_several_inputs_it_is_said_which_is_searched_and_what_the_others_are_held_at(tmp_path):
    rooms, area = keras.Input((1,), name="rooms"), keras.Input((1,), name="area")
    joined = keras.layers.Concatenate()([rooms, area])
    model = keras.Model([rooms, area], keras.layers.Dense(1, name="price")(joined))
    model.get_layer("price").set_weights([np.array([[20.0], [8.0]]), np.zeros(1)])
    given = {"rooms": np.array([[1.0], [4.0], [6.0]], "f"), "area": np.array([[50.0], [90.0], [70.0]], "f")}
    workspace = opened_file(model, tmp_path, **given)

    first = workspace.maximize("price", 0, {"starts": 1}, 1, 64, 60)
    other = workspace.maximize("price", 0, {"starts": 1, "entry": "area"}, 2, 64, 60)
    layer = next(each for each in workspace.searchable_layers() if each.key == "price")
    rows = max(first.found[0].specification["datasets"].values(), key=len)

    assert (first.entry, first.held_at) == ("rooms", "sample 1: area 90")
    assert (other.entry, other.held_at) == ("area", "sample 2: rooms 6")
    # The rest at that sample's numbers, and the one that is searched near its largest.
    assert first.found[0].objective == pytest.approx(20 * 6 + 8 * 90, rel=0.01)
    assert other.found[0].objective == pytest.approx(20 * 6 + 8 * 90, rel=0.01)
    assert [row["feature"] for row in rows] == ["rooms"]
    assert rows[0]["value"] == pytest.approx(6, abs=0.2)
    assert (layer.inputs, layer.images, layer.has_other_inputs) == (("rooms", "area"), (), True)


def test_a_found_film_and_the_top_films_are_drawn_as_their_frames(tmp_path):
    frames = keras.layers.TimeDistributed(keras.layers.Conv2D(2, 3, activation="relu"), name="frames")
    model = keras.Sequential([keras.Input((4, 10, 10, 3)), frames])
    films = np.random.default_rng(0).uniform(size=(6, 4, 10, 10, 3)).astype(np.float32)
    workspace = opened_file(model, tmp_path, x=films)

    found = workspace.maximize("frames", 0, {"starts": 1}, 0, 8, 60).found[0]
    top = workspace.excited("frames", 0, {})
    rows = max(top.specification["datasets"].values(), key=len)

    assert found.picture.startswith(b"\x89PNG")
    assert found.is_wide
    assert found.specification is None
    assert all(row["image"].startswith("data:image/png") for row in rows)
