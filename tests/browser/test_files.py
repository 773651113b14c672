"""Models and data that a visitor brings: what is opened, what is refused, and what stays as it was."""

import io
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

MODELS_OF_OTHERS = Path(__file__).parents[1] / "support" / "models_of_others.py"


def saved(model, folder, name="model.keras"):
    path = folder / name
    model.save(path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def coloured(tmp_path_factory):
    """A model file that takes pictures of 16×16×3."""
    keras.utils.set_random_seed(3)
    layers = [
        keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="stem"),
        keras.layers.Conv2D(6, 3, strides=2, name="body"),
        keras.layers.GlobalAveragePooling2D(name="pool"),
        keras.layers.Dense(3, activation="softmax", name="head"),
    ]
    return saved(keras.Sequential([keras.Input((16, 16, 3), name="photo"), *layers]), tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def picture():
    """A photograph of sorts: four areas, so wide that shrinking keeps the darkest and the lightest."""
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[:16, :24], pixels[:16, 24:, 0], pixels[16:, 24:, 2] = 255, 255, 128
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def of_others(tmp_path_factory):
    """The content of a model whose classes are not known here."""
    folder = tmp_path_factory.mktemp("others")
    subprocess.run([sys.executable, MODELS_OF_OTHERS, folder], check=True, capture_output=True)
    return (folder / "own.keras").read_bytes()


def as_npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.fixture
def opened(explorer, coloured):
    """A visitor who has opened a model of their own."""
    explorer.open()
    explorer.give_model("coloured.keras", coloured)
    expect(explorer.page.get_by_role("heading", name="coloured.keras")).to_be_visible()
    return explorer


def test_a_model_and_an_image_of_ones_own(opened, picture, page):
    opened.shows_layer("stem")
    noise = opened.painted()
    opened.give_data("photo.png", picture, "image/png")
    opened.changed(noise)
    opened.painted()
    strip = page.locator(".st-key-strip")
    expect(strip).to_contain_text("16×16×3 · the model sees 0 to 1")
    expect(opened.samples_panel()).to_contain_text("photo.png")
    expect(opened.strip_part("input").locator("img")).to_be_visible()
    # The scaling is what the model sees.
    opened.samples_panel()
    opened.select("Pixels become", "0 to 255")
    expect(strip).to_contain_text("the model sees 0 to 255")
    opened.select("Pixels become", "-1 to 1")
    expect(strip).to_contain_text("the model sees −1 to 1")
    opened.pick_layer("body")
    opened.painted()
    assert "example" not in page.url
    # Both stay open while one looks at the plugins.
    page.get_by_role("link", name="Plugins").click()
    expect(page.get_by_role("heading", name="Plugins")).to_be_visible()
    page.get_by_role("link", name="Explore").click()
    opened.painted()
    expect(page.get_by_role("heading", name="coloured.keras")).to_be_visible()
    expect(strip).to_contain_text("the model sees −1 to 1")
    opened.shows_layer("body")


def test_data_of_a_wrong_shape_is_refused_with_both_shapes_and_of_the_right_one_taken(opened):
    before = opened.painted()
    opened.give_data("swapped.npy", as_npy(np.zeros((2, 3, 16, 16), np.float32)))
    refusal = opened.sidebar.get_by_test_id("stAlert")
    expect(refusal).to_contain_text("2×3×16×16")
    expect(refusal).to_contain_text("16×16×3")
    expect(refusal).to_contain_text("np.moveaxis(array, 1, -1)")
    assert opened.painted() == before
    opened.pick_layer("body")
    before = opened.painted()
    opened.samples_panel().get_by_role("button", name="Remove").click()
    opened.give_data("batch.npy", as_npy(np.random.default_rng(0).normal(size=(5, 16, 16, 3)).astype(np.float32)))
    opened.changed(before)
    opened.has_samples(5)
    expect(refusal).to_have_count(0)


def test_a_file_that_is_no_model_leaves_the_one_before(explorer, page, of_others, tmp_path):
    explorer.open()
    before = explorer.painted()
    refusal = explorer.sidebar.get_by_test_id("stAlert")
    lambda_model = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x * 2, name="twice")])
    for name, content, said in (
        ("broken.keras", b"this is no model, whatever its name says\n" * 20, "broken.keras is not a Keras model"),
        ("trick.keras", saved(lambda_model, tmp_path), "The Lambda layer 'twice' in trick.keras"),
        ("own.keras", of_others, "own.keras"),
    ):
        explorer.give_model(name, content)
        expect(refusal).to_contain_text(said)
        expect(page.get_by_role("heading", name="digits-cnn")).to_be_visible()
        assert explorer.painted() == before
        if name != "own.keras":
            explorer.remove_model_file()
            expect(refusal).to_have_count(0)
    refused_file_can_be_looked_at(explorer, page)
    explorer.remove_model_file()
    explorer.give_path("/no/such/model.keras")
    expect(refusal).to_contain_text("model.keras")
    expect(page.get_by_role("heading", name="digits-cnn")).to_be_visible()
    explorer.pick_layer("conv_2")
    explorer.painted()


def refused_file_can_be_looked_at(explorer, page):
    page.get_by_role("button", name="See what the file says").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("TCN of the module tcn, used by tcn, inner, did not come with Keras.")).to_be_visible()
    expect(dialog.get_by_text("class TCN(keras.layers.Layer)")).to_be_visible()
    expect(dialog.get_by_text("compiled with Adam, loss mse")).to_be_visible()
    expect(explorer.cell(0, "tcn ▸")).to_be_attached()
    dialog.get_by_role("tab", name="Map").click()
    expect(dialog.get_by_test_id("stVegaLiteChart").locator("svg.marks text").get_by_text("narrow")).to_be_visible()
    dialog.get_by_role("tab", name="Weights").click()
    expect(explorer.cell(0, "layers/tcn/vars/0")).to_be_attached()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()


def test_a_path_on_the_server_is_in_the_link(explorer, page, coloured, tmp_path):
    path = tmp_path / "my model.keras"
    path.write_bytes(coloured)
    explorer.open()
    explorer.give_path(str(path))
    expect(page.get_by_role("heading", name="my model.keras")).to_be_visible()
    explorer.pick_layer("body")
    explorer.reload()
    expect(page.get_by_role("heading", name="my model.keras")).to_be_visible()
    explorer.shows_layer("body")
    explorer.painted()


def test_names_are_shown_as_they_are(explorer, page, tmp_path):
    # Neither Keras nor a file system takes a slash in a name.
    names = ["*bold* _it_", "<i>slanted<b>", "`code` [a](b)", ":material|bolt: $x^2$"]
    layers = [keras.layers.Dense(5, name=name) for name in names]
    file_name = f"{' '.join(names)}.keras"
    explorer.open()
    explorer.give_model(file_name, saved(keras.Sequential([keras.Input((4,)), *layers]), tmp_path))
    expect(page.get_by_role("heading", name=file_name, exact=True)).to_be_visible()
    for name in names:
        explorer.pick_layer(name)
        explorer.painted(colours=8)
        explorer.has_title(name)


def test_each_input_gets_its_own_data(explorer, page, tmp_path):
    left, right = keras.Input((4,), name="left"), keras.Input((6,), name="right")
    joined = keras.layers.Concatenate(name="join")([left, right])
    model = keras.Model([left, right], keras.layers.Dense(8, name="after")(joined))
    explorer.open()
    explorer.give_model("two.keras", saved(model, tmp_path))
    expect(page.get_by_role("heading", name="two.keras")).to_be_visible()
    before = explorer.shot()
    explorer.take_samples_from("Your data")
    for name, width in (("left", 4), ("right", 6)):
        explorer.settle()
        page.locator(f'[class*="st-key-data-two-keras-{name}"] input[type=file]').set_input_files(
            {"name": f"{name}.npy", "mimeType": "application/octet-stream", "buffer": as_npy(np.ones((3, width)))}
        )
        field = page.locator(f'[class*="st-key-data-two-keras-{name}"]')
        expect(field.get_by_role("button", name="Remove")).to_be_visible()
    explorer.settle()
    explorer.close_panels()
    explorer.changed(before)
    explorer.has_samples(3)
    expect(explorer.sidebar.get_by_test_id("stAlert")).to_have_count(0)
