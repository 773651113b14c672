"""The pages of many samples follow the one selection, and what is open."""

import keras
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.workspace.workspace import Workspace

SECONDS = 120


def maximize():
    from ui.maximize import page

    page()


def compare():
    from ui.compare import page

    page()


def other_model():
    import streamlit as st

    from ui.compare import _other_in_memory
    from ui.session import get_session

    _other_in_memory(get_session().workspace, {"a_1": 1}, st)


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
    assert not page.toggle(key="maximize/from_sample").value
    strongest = session.search.strongest.strongest
    page.button(key="maximize/from_strongest").click().run()

    assert session.choice.sample == strongest
    assert page.toggle(key="maximize/from_sample/1").value
    page.toggle(key="maximize/from_sample/1").set_value(False).run()
    assert not session.search_from_sample


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

    assert page.selectbox(key="compared_shown").options == ["a_1"]
