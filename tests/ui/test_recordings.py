"""What was looked at is kept from the page, and looked at again there."""

import pytest

from core.workspace.recordings.recording_file import RecordingFile
from tests.ui.conftest import opened


def texts(elements):
    """Return what elements say, without what keeps Markdown from acting."""
    return " ".join(str(each.value) for each in elements).replace("\\", "")


def session_of(page):
    return page.session_state["session"]


@pytest.fixture
def page():
    """The page with the second sample of the first example looked at."""
    return opened({"layer": "dense", "sample": 1})


@pytest.fixture
def path(page, tmp_path):
    """A file with what was looked at; its name says nothing."""
    path = tmp_path / "kept.bin"
    path.write_bytes(session_of(page).workspace.recording())
    return path


def test_what_the_page_showed_is_in_the_file(path):
    about = RecordingFile(path).about

    assert (about.model, about.samples, about.layers) == ("digits-cnn", (1,), ("dense",))


def test_it_is_opened_by_its_path_and_closed_again(page, path):
    answer = texts(page.markdown)
    page.button_group(key="model_kind").set_value("Your file").run()
    page.text_input(key="model_path").set_value(str(path)).run()
    assert not page.exception
    assert not page.error
    assert session_of(page).workspace.about.samples == (1,)
    # Nobody can have asked for more than is there.
    assert session_of(page).choice.sample == 1
    assert "A recording" not in answer
    assert "nothing is run" in texts(page.markdown)
    assert "Sample 0 is not" not in texts(page.info)
    assert not [each for each in page.selectbox if each.key == "example"]
    next(each for each in page.button if each.label == "Close the recording").click().run()

    assert not page.exception
    assert session_of(page).workspace.model.name == "digits-cnn"
    assert session_of(page).workspace.recording()
    assert session_of(page).choice.sample == 0


def test_a_layer_that_is_not_in_it_says_so_and_the_way_back_is_there(page, path):
    page.button_group(key="model_kind").set_value("Your file").run()
    page.text_input(key="model_path").set_value(str(path)).run()
    session_of(page).choice.layer = "conv_1"
    page.run()
    assert not page.exception
    assert "not in this recording" in texts(page.info)
    session_of(page).choice.layer = "dense"
    page.run()

    assert "not in this recording" not in texts(page.info)


def test_one_that_is_damaged_is_refused_and_what_is_open_stays(page, path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    page.button_group(key="model_kind").set_value("Your file").run()
    page.text_input(key="model_path").set_value(str(path)).run()

    assert not page.exception
    assert "is damaged" in texts(page.error)
    assert session_of(page).workspace.model.name == "digits-cnn"
