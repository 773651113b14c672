"""The pages of many samples follow the one selection, and what is open."""

import keras
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.workspace.workspace import Workspace
from ui import keys
from ui.address import address_of
from ui.search_settings import FROM_SAMPLE

SECONDS = 120


def maximize():
    from ui.maximize import page

    page()


def compare():
    from ui.compare import page

    page()


def other_model():
    from ui.second_model import SecondModelChoice, choose_second_model
    from ui.session import get_session

    workspace, choice = get_session().workspace, get_session().choice
    models = {"shown:a_1": SecondModelChoice("shown:a_1", "a_1", ("shown",), lambda: workspace.model)}
    choose_second_model(workspace, models, choice)


@pytest.fixture
def visit(monkeypatch):
    """Return a function that runs a page on a workspace, with a layer and a unit chosen."""

    def run(page, workspace, layer, unit=0):
        monkeypatch.setattr("ui.engine.new_workspace", lambda: workspace)
        shown = AppTest.from_function(page, default_timeout=SECONDS)
        shown.query_params["layer"], shown.query_params["unit"] = layer, str(unit)
        shown.run()
        assert not shown.exception
        assert not shown.error
        return shown, shown.session_state["session"]

    return run


@pytest.fixture(scope="module")
def example():
    """Return a function that opens an example, once."""
    opened = {}

    def give(name):
        if name not in opened:
            opened[name] = Workspace()
            opened[name].open_example(name)
        return opened[name]

    return give


@pytest.fixture(scope="module")
def two_outputs(tmp_path_factory):
    """A model with an output that is a number and one that is a class, with two samples."""
    path = tmp_path_factory.mktemp("two") / "two.keras"
    given = keras.Input((4,), name="x")
    age = keras.layers.Dense(1, name="age")(given)
    keras.Model(given, [age, keras.layers.Dense(3, activation="softmax", name="label")(given)]).save(path)
    workspace = Workspace()
    workspace.open_model(path.read_bytes(), "two.keras")
    samples = np.array([[1, 2, 3, 4], [-4, 1, 0, 2]])
    table = "\n".join(["a,b,c,d", *(",".join(map(str, row)) for row in samples)]).encode()
    workspace.take_files({"x": [("x.csv", table)]}, scaling="none", fit="stretch", invert=False)
    return workspace


def chart_ids(page):
    return " ".join(each.proto.id for each in page.get("vega_lite_chart"))


@pytest.mark.parametrize("changed", ["samples", "classes", "kinds"])
def test_what_goes_in_is_part_of_what_is_looked_for(visit, example, changed):
    page, session = visit(maximize, example("digits-cnn"), "probabilities", 3)
    session.search.stop()
    page.run()
    before = session.search, session.gallery
    page.run()
    assert (session.search, session.gallery) == before

    if changed == "samples":
        session.samples_step.current = ("others",)
    elif changed == "classes":
        session.class_names_step.current = ("others",)
    else:
        session.choice.kinds = {"image": "array"}
    page.run()
    assert session.search.serial == before[0].serial + 1
    assert session.gallery.serial == before[1].serial + 1


def test_a_start_from_the_strongest_sample_is_set_in_a_new_field(visit, example):
    page, session = visit(maximize, example("vowels-lstm"), "lstm_2", 6)
    session.search.stop()
    page.run()
    key = keys.option(keys.search_settings("lstm_2", 0), FROM_SAMPLE)
    assert not page.toggle(key=key).value
    strongest = session.search.strongest.strongest
    page.button(key="maximize/from_strongest").click().run()

    assert session.choice.sample == strongest
    key = keys.option(keys.search_settings("lstm_2", 1), FROM_SAMPLE)
    assert page.toggle(key=key).value
    page.toggle(key=key).set_value(False).run()
    assert not session.choice.options


def test_how_a_search_goes_stands_in_the_address(visit, example):
    page, session = visit(maximize, example("digits-cnn"), "conv_1", 3)
    session.search.stop()
    scope = keys.search_settings("conv_1", 0)
    page.slider(key=keys.option(scope, "maximize.starts")).set_value(3).run()
    page.number_input(key=keys.option(scope, "versus")).set_value(5).run()
    session.choice.set_option("region", (0, 2, 1, 3), "region")
    page.run()

    settings = session.search.request[-1]
    assert "'starts': 3" in settings
    assert "'versus': 5" in settings
    assert "'region': (0.0, 2.0, 1.0, 3.0)" in settings
    address = address_of(session.choice)
    assert (address["o.maximize.starts"], address["o.versus"], address["region"]) == ("3", "5", "0,2,1,3")
    # Positions are those of a layer; how a search goes is not.
    session.choice.select_layer("conv_2")
    assert session.choice.options == {"maximize.starts": 3}


def test_positions_of_another_layer_are_none_here(visit, example):
    page, session = visit(maximize, example("digits-cnn"), "one that cannot be searched")
    session.search.stop()
    session.choice.options = {"versus": 3, "maximize.starts": 1}
    session.choice.region = (0.0, 2.0, 1.0, 3.0)
    page.run()
    settings = session.search.request[-1]
    assert "'versus': None" in settings
    assert "region" not in settings
    assert "'starts': 1" in settings

    scope = keys.search_settings("probabilities", 0)
    page.selectbox(key=keys.option(scope, "versus")).set_value(5).run()
    assert (session.choice.layer, session.choice.options["versus"]) == ("probabilities", 5)
    assert "'versus': 5" in session.search.request[-1]


def test_a_unit_stays_with_its_layer(visit, example):
    page, session = visit(maximize, example("digits-cnn"), "probabilities", 3)
    assert session.search.request[-2] == 3
    session.choice.layer = "one that cannot be searched"
    page.run()

    assert page.selectbox(key="maximize/unit").value == 0
    page.selectbox(key="maximize/unit").set_value(5).run()
    assert (session.choice.layer, session.choice.unit) == ("probabilities", 5)


def test_charts_begin_afresh_with_what_is_selected(visit, example):
    page, session = visit(maximize, example("digits-cnn"), "probabilities", 3)
    before = chart_ids(page)
    session.choice.sample = 7
    page.run()
    assert "excited/probabilities/3/0" in before
    assert "excited/probabilities/3/7" in chart_ids(page)

    page, session = visit(compare, example("digits-cnn"), "conv_1")
    before = chart_ids(page)
    session.choice.select_layer("dense")
    page.run()
    assert "distances/conv_1" in before
    assert "distances/dense" in chart_ids(page)


def test_both_samples_answer_with_the_output_of_the_page(visit, two_outputs):
    page, session = visit(compare, two_outputs, "age")
    session.choice.output = "age"
    page.run()
    said = " ".join(each.value for each in page.markdown)

    for sample in range(2):
        assert f"Answer: **{two_outputs.answer(sample, output='age').value}".replace(".", "\\.") in said


def test_names_of_models_in_a_list_are_not_markdown(visit, example):
    page, _ = visit(other_model, example("digits-cnn"), "conv_1")

    assert page.selectbox(key="compared_model").options == ["a_1"]


class TestTheSecondModel:
    """Which second model is there at first, which can be chosen, and what the address says of it."""

    @staticmethod
    def visited(monkeypatch, workspace, **parameters):
        monkeypatch.setattr("ui.engine.new_workspace", lambda: workspace)
        page = AppTest.from_function(compare, default_timeout=SECONDS)
        for name, value in parameters.items():
            page.query_params[name] = value
        page.run()
        assert not page.exception
        assert not page.error
        return page, page.session_state["session"]

    def test_of_an_example_it_is_that_model_after_its_first_epoch(self, monkeypatch, example):
        workspace = example("digits-dense")
        page, session = self.visited(monkeypatch, workspace, example="digits-dense", layer="dense_1")

        chosen = page.selectbox(key="compared_model")
        assert chosen.value == "early:digits-dense"
        # What other example takes 64 numbers?
        assert chosen.options == ["This model, after 1 epoch", "A file of yours"]
        assert workspace.compared.name == "digits-dense after 1 epoch"
        assert any("Right on 60.4 % of 450 held-out samples" in each.value.replace("\\", "") for each in page.caption)
        assert "against" not in address_of(session.choice)
        assert "distances/dense_1" in chart_ids(page)

    def test_another_one_stands_in_the_address_and_comes_back_from_it(self, monkeypatch, example):
        workspace = example("digits-cnn")
        page, session = self.visited(monkeypatch, workspace, example="digits-cnn", layer="conv_1")
        page.selectbox(key="compared_model").set_value("early:digits-autoencoder").run()
        assert workspace.compared.name == "digits-autoencoder after 1 epoch"
        address = address_of(session.choice)
        assert address["against"] == "early:digits-autoencoder"

        workspace.open_example("digits-cnn")
        page, _ = self.visited(monkeypatch, workspace, **address)
        assert page.selectbox(key="compared_model").value == "early:digits-autoencoder"
        assert workspace.compared.name == "digits-autoencoder after 1 epoch"

    def test_two_samples_are_one_click_away_and_in_the_address_too(self, monkeypatch, example):
        page, session = self.visited(monkeypatch, example("digits-dense"), example="digits-dense", layer="dense_1")
        page.segmented_control(key="compare_kind").set_value("Another sample").run()
        assert address_of(session.choice)["against"] == "sample"
        assert page.number_input(key="compared_second").value == 1
        page.segmented_control(key="compare_kind").set_value("Another model").run()
        assert page.selectbox(key="compared_model").value == "early:digits-dense"

    def test_a_link_to_a_second_sample_of_before_still_shows_samples(self, monkeypatch, example):
        page, _ = self.visited(
            monkeypatch, example("digits-dense"), example="digits-dense", layer="dense_1", **{"with": "4"}
        )
        assert page.number_input(key="compared_second").value == 4

    def test_one_that_does_not_fit_is_said_and_the_first_is_there(self, monkeypatch, example):
        page, session = self.visited(
            monkeypatch, example("digits-dense"), example="digits-dense", layer="dense_1", against="example:vowels-lstm"
        )
        assert any("does not fit" in each.value for each in page.info)
        assert page.selectbox(key="compared_model").value == "early:digits-dense"
        assert session.choice.against == ""

    def test_who_has_a_model_of_their_own_begins_with_two_samples_and_may_drop_a_checkpoint(
        self, monkeypatch, tmp_path
    ):
        keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]).save(
            tmp_path / "own.keras"
        )
        workspace = Workspace()
        workspace.open_model(tmp_path / "own.keras")
        workspace.take_noise(6, 0)
        page, _ = self.visited(monkeypatch, workspace, path=str(tmp_path / "own.keras"), layer="flatten")
        assert page.number_input(key="compared_second").value == 1
        page.segmented_control(key="compare_kind").set_value("Another model").run()
        chosen = page.selectbox(key="compared_model")
        assert chosen.value == "file"
        assert len(chosen.options) == 5
        assert any("Drop the other model" in each.value for each in page.info)
