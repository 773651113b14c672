"""What the page says of limits, and of a step that had to be ended."""

import pytest

from core.common.limits import Limits
from core.errors import ModelRefused, WorkerLost
from core.workspace.results import ChartResult, Failure
from core.workspace.workspace import Workspace
from tests.ui.conftest import opened

LOST = WorkerLost("The model did not finish within the 3 seconds that one step may take.", remedy="Try something else.")


def texts(elements):
    return " ".join(str(element.value) for element in elements)


def button(page, label):
    return next(each for each in page.button if each.label == label)


@pytest.fixture
def page():
    """The page with the first example open."""
    return opened()


def fails(error):
    def method(*_, **__):
        raise error

    return method


def test_the_limits_are_said_with_what_sets_them(page, monkeypatch):
    monkeypatch.setenv("LAYERSCOPE_IMAGE_PIXELS", "12,345")
    monkeypatch.setenv("LAYERSCOPE_SAVED_MODELS", "0")
    button(page, "Limits").click().run()
    assert not page.exception
    table = page.dataframe[-1].value
    found = dict(zip(table["variable"], table["at most"], strict=True))

    assert list(found) == [f"LAYERSCOPE_{name.upper()}" for name in Limits.model_fields]
    assert found["LAYERSCOPE_IMAGE_PIXELS"] == "12,345"
    assert found["LAYERSCOPE_UPLOAD_BYTES"] == "500 MB"
    assert found["LAYERSCOPE_SAVED_MODELS"] == "no"
    assert found["LAYERSCOPE_WORKERS"] == "what fits"


def test_what_a_model_file_may_be_is_said_where_it_is_given(page, monkeypatch):
    monkeypatch.setenv("LAYERSCOPE_PARAMETERS", "1,234,567")
    monkeypatch.setenv("LAYERSCOPE_SAVED_MODELS", "0")
    page.button_group(key="model_kind").set_value("Your file").run()

    assert "1,234,567 parameters" in texts(page.caption)
    assert "SavedModel" not in page.get("file_uploader")[0].label
    assert page.text_input(key="model_path")


def test_a_server_that_opens_no_paths_asks_for_none(page, monkeypatch):
    monkeypatch.setenv("LAYERSCOPE_PATHS", "0")
    page.button_group(key="model_kind").set_value("Your file").run()

    assert not page.exception
    assert "model_path" not in [each.key for each in page.text_input]


def test_a_step_that_had_to_be_ended_can_be_tried_again(page, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Workspace, "answer", fails(LOST))
        button(page, "▶").click().run()
        assert "within the 3 seconds" in texts(page.error)
        assert "Try something else" in texts(page.error)
        assert "Answer" not in texts(page.markdown)
    button(page, "Try again").click().run()

    assert not page.exception
    assert not page.error
    assert "Answer" in texts(page.markdown)


def test_a_model_whose_opening_was_ended_is_not_opened_in_every_run_but_when_asked(page, monkeypatch):
    with monkeypatch.context() as patch:
        opened = []
        patch.setattr(Workspace, "open_example", lambda *_: opened.append(1) or fails(LOST)())
        page.selectbox(key="example").set_value("vowels-lstm").run()
        page.run()
        assert "within the 3 seconds" in texts(page.error)
        assert page.subheader[0].value == "digits\\-cnn"
        assert len(opened) == 1
    button(page, "Try again").click().run()

    assert not page.exception
    assert not page.error
    assert page.subheader[0].value == "vowels\\-lstm"


def test_what_was_refused_is_not_offered_again(page, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Workspace, "open_example", fails(ModelRefused("It holds code.", remedy="Load it yourself.")))
        page.selectbox(key="example").set_value("vowels-lstm").run()

    assert "It holds code" in texts(page.error)
    assert "Try again" not in [each.label for each in page.button]


def test_a_picture_that_had_to_be_ended_is_a_message_in_its_place(page, monkeypatch):
    with monkeypatch.context() as patch:
        lost = ChartResult(failure=Failure(LOST.message, LOST.remedy, can_be_tried_again=True))
        patch.setattr(Workspace, "chart", lambda *_: lost)
        page.run()
        assert "within the 3 seconds" in texts(page.error)
        assert "Answer" in texts(page.markdown)
    button(page, "Try again").click().run()

    assert not page.exception
    assert not page.error


def test_an_error_is_shown_as_it_is_written(page, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Workspace, "answer", fails(WorkerLost("*layer* <b>x</b> :red[y] $z$ [a](b)", remedy="`c`")))
        button(page, "▶").click().run()
        shown = texts(page.error)

    assert "\\*layer\\* \\<b\\>x\\</b\\> \\:red\\[y\\] \\$z\\$ \\[a\\]\\(b\\)" in shown
    assert "\\`c\\`" in shown


def test_a_variable_that_is_no_limit_is_said_and_named(monkeypatch):
    monkeypatch.setenv("LAYERSCOPE_ROWS", "many")
    page = opened()
    page.button_group(key="model_kind").set_value("Your file").run()

    assert not page.exception
    assert "LAYERSCOPE_ROWS" in texts(page.error).replace("\\", "")
