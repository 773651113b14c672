"""What nearly everybody brings first: a model that was trained and saved, as it is, in a zip, or in two files."""

import zipfile

import pytest
from playwright.sync_api import expect

from tests.support.model_files.architectures import trained_recipe
from tests.support.model_files.archives import mac_archive
from tests.support.model_files.builders import quiet

LAYERS = ("stem", "norm", "body", "head")


@pytest.fixture(scope="module")
def model():
    """A classifier of pictures, compiled and fit."""
    with quiet():
        return trained_recipe("convolutions and batch normalization")[0]


@pytest.fixture(scope="module")
def trained_file(model, tmp_path_factory):
    """The file that its ``save`` writes, optimizer and all."""
    path = tmp_path_factory.mktemp("trained") / "my model.keras"
    model.save(path)
    return path


def dropped(explorer, *paths):
    """Drop files on the page together, and wait until it has come to rest."""
    explorer.give_model_files(list(paths))


def shows_every_layer(explorer):
    """Click on layers of the table; each gets a picture, and nothing on the page says that anything is wrong."""
    expect(explorer.sidebar).to_contain_text("16×16×3")
    for name in LAYERS:
        explorer.pick_layer(name)
        explorer.painted(colours=8)
    expect(explorer.page.get_by_test_id("stAlert").filter(has_text="refused")).to_have_count(0)
    expect(explorer.sidebar.get_by_test_id("stAlert")).to_have_count(0)
    expect(explorer.main.get_by_test_id("stAlert")).to_have_count(0)


def test_a_trained_model_is_uploaded_and_its_layers_are_seen(explorer, trained_file):
    explorer.open()
    dropped(explorer, trained_file)
    expect(explorer.page.get_by_role("heading", name="my model.keras")).to_be_visible()
    shows_every_layer(explorer)


def test_a_zip_from_a_mac_is_uploaded(explorer, trained_file, tmp_path):
    archive = mac_archive(tmp_path / "Archive.zip", "my model.keras", trained_file.read_bytes())
    explorer.open()
    dropped(explorer, archive)
    shows_every_layer(explorer)


def test_architecture_and_weights_are_dropped_together(explorer, model, tmp_path):
    architecture, weights = tmp_path / "model.json", tmp_path / "model.weights.h5"
    architecture.write_text(model.to_json())
    model.save_weights(weights)
    explorer.open()
    dropped(explorer, weights, architecture)
    shows_every_layer(explorer)


def test_of_several_models_in_a_zip_one_is_chosen_and_a_path_typed_later_counts(explorer, trained_file, tmp_path):
    archive = tmp_path / "runs.zip"
    with zipfile.ZipFile(archive, "w") as runs:
        for name in ("first", "last"):
            runs.write(trained_file, f"{name}/model.keras")
    explorer.open()
    dropped(explorer, archive)
    expect(explorer.sidebar.get_by_test_id("stAlert")).to_contain_text("There are several models in runs.zip")
    explorer.model_panel().get_by_role("combobox", name="Which of the 2 models").click()
    explorer.page.get_by_role("option", name="last/model.keras").click()
    expect(explorer.page.get_by_role("heading", name="last/model.keras in runs.zip")).to_be_visible()
    shows_every_layer(explorer)

    explorer.give_path(f'"{trained_file}"')
    expect(explorer.page.get_by_role("heading", name="my model.keras")).to_be_visible()


def test_a_reload_says_that_an_upload_is_gone(explorer, trained_file):
    explorer.open()
    dropped(explorer, trained_file)
    shows_every_layer(explorer)
    explorer.reload()
    expect(explorer.sidebar.get_by_test_id("stAlert")).to_contain_text("a reload forgets uploads")


def test_a_file_of_another_program_is_answered_in_our_words(explorer, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x08\x08\x12\x07pytorch" + b"\0" * 64)
    explorer.open()
    before = explorer.painted()
    dropped(explorer, path)
    refusal = explorer.sidebar.get_by_test_id("stAlert")
    expect(refusal).to_contain_text("model.onnx")
    expect(explorer.sidebar).to_contain_text("model.save(")
    expect(explorer.page.get_by_text("files are not allowed")).to_have_count(0)
    assert explorer.painted() == before
