"""What the page opens on where the server was started with a model, or with data for it."""

import keras
import numpy as np
import pytest

from tests.ui.conftest import opened


@pytest.fixture
def visit(monkeypatch):
    """Return a function that opens the page of a server that was started with a model and data."""

    def visit(model, data="", **query):
        monkeypatch.setenv("LAYERSCOPE_MODEL", str(model))
        monkeypatch.setenv("LAYERSCOPE_DATA", str(data))
        return opened(query)

    return visit


@pytest.fixture
def model(tmp_path):
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="dense")]).save(tmp_path / "mine.keras")
    return tmp_path / "mine.keras"


def texts(elements):
    """Return what elements say, without what keeps Markdown from acting."""
    return " ".join(str(each.value) for each in elements).replace("\\", "")


def test_a_model_and_its_data(visit, model, tmp_path):
    np.save(tmp_path / "rows.npy", np.ones((4, 3), "float32"))
    page = visit(model, tmp_path / "rows.npy")

    assert not page.error, texts(page.error)
    assert texts(page.subheader) == "mine.keras"
    assert "rows.npy[0]" in texts(page.caption)
    assert not page.error


@pytest.mark.parametrize("paths", ["true", "false"])
def test_a_model_alone_opens_even_where_visitors_may_give_no_paths(visit, model, monkeypatch, paths):
    monkeypatch.setenv("LAYERSCOPE_PATHS", paths)

    assert texts(visit(model).subheader) == "mine.keras"


def test_an_example_and_a_link_that_names_something_else(visit):
    assert texts(visit("digits-cnn").subheader) == "digits-cnn"
    other = visit("nowhere.keras", example="digits-cnn")
    assert texts(other.subheader) == "digits-cnn"
    assert not other.error


def test_what_is_not_there_is_said_in_the_page(visit, model, tmp_path):
    assert "nowhere.keras" in texts(visit(tmp_path / "nowhere.keras").error)
    page = visit(model, tmp_path / "nowhere.npy")
    assert "nowhere.npy cannot be read: No such file" in texts(page.error)
    assert texts(page.subheader) == "mine.keras"


def test_data_that_is_no_picture_in_a_folder_is_refused_in_words(visit, model, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "notes.txt").write_text("nothing")

    assert "holds no image" in texts(visit(model, folder).error)
