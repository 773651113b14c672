"""Labels on the page: judged only where they are classes of the model, and what a person says about them."""

import io
import re
import zipfile

import keras
import numpy as np
from PIL import Image
from playwright.sync_api import expect


def saved(model, folder):
    model.save(folder / "model.keras")
    return (folder / "model.keras").read_bytes()


def photos(*names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, name in enumerate(names):
            picture = io.BytesIO()
            Image.new("RGB", (16, 16), (255, 80 * number, 0)).save(picture, "PNG")
            archive.writestr(f"{name}/photo.png", picture.getvalue())
    return buffer.getvalue()


def test_names_that_are_pasted_decide_what_is_judged(explorer, page, tmp_path):
    layers = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(4, activation="softmax", name="head")]
    explorer.open()
    explorer.give_model("photos.keras", saved(keras.Sequential([keras.Input((16, 16, 3)), *layers]), tmp_path))
    expect(page.get_by_role("heading", name="photos.keras")).to_be_visible()
    explorer.give_data("photos.zip", photos("cat", "dog", "zebra"), "application/zip")
    answer = explorer.strip_part("answer")
    expect(answer).to_contain_text("label: cat")
    expect(explorer.samples_panel().get_by_text("no answer is judged by them")).to_be_visible()
    expect(answer).not_to_contain_text("wrong")
    expect(answer).not_to_contain_text("correct")

    explorer.samples_panel().get_by_test_id("stExpander").locator("summary", has_text="Class names").click()
    box = page.locator('[class*="st-key-class_names"] textarea')
    box.fill("Cat\nDog\ncow\nhen")
    box.press("Control+Enter")
    expect(answer).to_contain_text("true: Cat")
    expect(answer).to_contain_text(re.compile("wrong|correct"))
    expect(explorer.samples_panel().get_by_text("1 of 3 folder names is no class of the model: zebra.")).to_be_visible()
    explorer.settle()


def test_what_a_column_of_numbers_is_can_be_switched(explorer, page, tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="price")])
    model.layers[0].set_weights([np.array([[1], [2]], np.float32), np.zeros(1, np.float32)])
    explorer.open()
    explorer.give_model("price.keras", saved(model, tmp_path))
    expect(page.get_by_role("heading", name="price.keras")).to_be_visible()
    explorer.give_data("houses.csv", b"rooms,area,target\n1,2,4\n3,4,10\n", "text/csv")
    answer = explorer.strip_part("answer")
    expect(answer).to_contain_text("price: 5")
    expect(answer).to_contain_text("true 4, error +1")
    expect(explorer.input.get_by_text("rooms")).to_be_visible()

    explorer.samples_panel().get_by_role("radio", name="not used", exact=True).click()
    expect(answer).not_to_contain_text("true 4, error +1")
    explorer.settle()
