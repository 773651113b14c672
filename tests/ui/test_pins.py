"""Pins in the address, and what becomes of them when they are named, removed, too many, or when others were opened."""

from urllib.parse import urlencode

import pytest

from ui import address
from ui.choice import MOST_PINS, Choice, Pin


@pytest.fixture
def again(monkeypatch):
    """Return a function that gives what is read from the address that a choice is written to."""

    def read(choice):
        from urllib.parse import parse_qsl

        class Parameters(dict):
            to_dict = dict.copy

        written = Parameters(parse_qsl(urlencode(address.address_of(choice))))
        monkeypatch.setattr(address.st, "query_params", written)
        return address.read_address()

    return read


def test_pins_come_back_from_the_address(again):
    pins = [
        Pin("sample 3 · conv_2", "digits-cnn", 3, "outer/conv~2", 5),
        Pin("100 % ; ~ strange", sample=0),
        Pin("other", model="checkpoint;2.keras", note="Why; ~ not? 100 %\nyes", visualizer="feature-maps"),
    ]
    found = again(Choice(pins=pins, beside="other", note="Of Monday"))

    assert found.pins == pins
    assert found.beside == "other"
    assert found.pin_beside == pins[2]
    assert found.note == "Of Monday"


def test_a_long_note_stays_out_of_the_address(again):
    found = again(Choice(pins=[Pin("a", sample=1, note="x" * 161)], note="y" * 161))

    assert (found.pins, found.note) == ([Pin("a", sample=1)], "")


@pytest.mark.parametrize(
    "text", ["", ";;~", "name", "name~s:x", "~s:3", "name~s:-1", "name~u:4", "a~s:99999999999", "%ZZ~", "a~:~::s"]
)
def test_what_is_no_pin_is_left_out(text):
    assert address._pins(text) == []


def test_of_too_many_pins_in_a_link_the_first_are_taken():
    assert [pin.sample for pin in address._pins(";".join(f"p{n}~s:{n}" for n in range(50)))] == list(range(MOST_PINS))


def test_no_two_pins_are_called_the_same():
    choice = Choice()
    for sample in range(3):
        choice.add_pin(Pin("strong", sample=sample))
    choice.rename_pin("strong", "strong (2)")

    assert [pin.name for pin in choice.pins] == ["strong", "strong (2)", "strong (3)"]
    choice.beside = "strong"
    choice.rename_pin("strong", "first")
    choice.rename_pin("first", "")
    assert [pin.name for pin in choice.pins] == ["first", "strong (2)", "strong (3)"]
    assert choice.beside == "first"


def test_of_too_many_pins_the_oldest_goes():
    choice = Choice()
    for sample in range(MOST_PINS + 2):
        choice.add_pin(Pin(f"sample {sample}", sample=sample))

    assert [pin.sample for pin in choice.pins] == list(range(2, MOST_PINS + 2))


def test_who_removes_what_is_beside_ends_that():
    choice = Choice(pins=[Pin("a", sample=1), Pin("b", sample=2)], beside="a")
    choice.remove_pin("b")
    assert choice.beside == "a"
    choice.remove_pin("a")
    assert (choice.pins, choice.beside, choice.pin_beside) == ([], "", None)


def test_a_pin_is_gone_to():
    choice = Choice(layer="dense", unit=3, sample=0)
    choice.go_to_pin(Pin("a", sample=4))
    assert (choice.layer, choice.unit, choice.sample) == ("dense", 3, 4)
    choice.go_to_pin(Pin("b", layer="conv", unit=7))
    assert (choice.layer, choice.unit, choice.sample) == ("conv", 7, 4)
    choice.go_to_pin(Pin("c", layer="conv", visualizer="histogram"))
    assert choice.visualizer == "histogram"


def test_a_note_is_kept_with_its_pin_and_with_the_whole():
    choice = Choice(pins=[Pin("a", sample=1), Pin("b", sample=2)], note="Mine")
    choice.note_pin("b", " Look here ")
    later = Choice()
    later.succeed(choice)

    assert [pin.note for pin in later.pins] == ["", "Look here"]
    assert later.note == "Mine"


def test_pins_outlive_another_model_and_a_step_back():
    choice = Choice(pins=[Pin("a", sample=1)], beside="a")
    choice.start_over()
    assert (len(choice.pins), choice.beside) == (1, "")

    earlier = Choice(sample=2)
    earlier.succeed(choice)
    assert earlier.pins == choice.pins
