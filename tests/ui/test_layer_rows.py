"""What the list of layers is given, and what it does with what the browser tells."""

import json

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetStates

from tests.ui.conftest import opened
from ui import keys


class Listed:
    """The page of an example with its list of layers."""

    def __init__(self, example):
        self.page = opened({"example": example})

    @property
    def choice(self):
        return self.page.session_state["session"].choice

    @property
    def component(self):
        return next(each.proto for each in self.page.get("bidi_component") if each.key == keys.LAYER_ROWS)

    @property
    def data(self):
        return json.loads(self.component.json)

    def entry(self, key):
        return next((entry for entry in self.data["entries"] if entry["key"] == key), None)

    def click(self, event, key):
        """Run the page as it does when an entry is clicked."""
        self.tell(event, {"key": key, "number": self.data["heard"] + 1})

    def tell(self, event, value):
        """Run the page as it does when the browser tells of an event in the list."""
        states = WidgetStates()
        states.CopyFrom(self.page._tree.get_widget_states())
        told = states.widgets.add(id=f"$$STREAMLIT_INTERNAL_KEY_{self.component.id}__events")
        told.json_trigger_value = json.dumps([{"event": event, "value": value}])
        self.page._run(states)
        assert not self.page.exception
        assert not self.page.error


@pytest.fixture
def digits():
    """The list of the first example."""
    return Listed("digits-cnn")


@pytest.fixture
def reviews():
    """The list of a model with entries that others are folded into."""
    return Listed("reviews-transformer")


def test_a_row_has_what_is_seen_and_what_is_said(digits):
    row = digits.entry("conv_2")

    assert row["title"] == "conv_2"
    assert row["hint"] == "conv_2 · 8×8×32"
    assert row["notes"]
    assert row["spoken"] == f"conv_2, 8×8×32, {row['notes']}"
    assert len(row["bars"]) == 16
    assert digits.data["selected"] == "conv_1"
    assert not digits.entry("conv_1")["notes"]


def test_what_is_folded_says_how_much_it_holds(reviews):
    folded = next(entry for entry in reviews.data["entries"] if entry["holds"] and not entry["selects"])

    assert folded["spoken"] == folded["title"] == "9 helper operations"
    assert not folded["open"]


def test_a_chosen_row_is_the_layer_that_is_looked_at(digits):
    digits.choice.select_unit(3)
    digits.click("chosen", "dense")

    assert digits.choice.layer == digits.data["selected"] == "dense"
    assert digits.choice.unit is None


def test_the_list_stays_the_same_component(digits):
    before = digits.component.id
    digits.click("chosen", "dense")

    assert digits.component.id == before


def test_an_entry_opens_and_closes(reviews):
    shown = reviews.choice.layer
    count = len(reviews.data["entries"])
    reviews.click("opened", "helpers")
    assert reviews.entry("helpers")["open"]
    assert len(reviews.data["entries"]) == count + 9
    # Told twice, as by a second click before the answer: it is open.
    reviews.click("opened", "helpers")
    assert reviews.entry("helpers")["open"]
    reviews.click("closed", "helpers")
    assert not reviews.entry("helpers")["open"]
    assert reviews.choice.layer == shown


def test_what_was_said_before_a_click_is_told_from_the_answer(digits):
    assert digits.data["heard"] == 0
    digits.tell("chosen", {"key": "dense", "number": 7})
    assert digits.data["heard"] == 7
    digits.page.run()
    assert digits.data["heard"] == 7


@pytest.mark.parametrize(("event", "key"), [("chosen", "no such layer"), ("chosen", "helpers"), ("opened", "words")])
def test_what_is_not_in_the_list_is_not_chosen(reviews, event, key):
    before = reviews.data
    reviews.click(event, key)

    assert reviews.data == {**before, "heard": 1}


@pytest.mark.parametrize("value", [None, "words", ["words"], {"key": "words"}, {"key": ["words"], "number": 1}])
def test_what_no_list_would_say_is_passed_over(reviews, value):
    before = reviews.data
    reviews.tell("chosen", value)

    assert reviews.data == before
