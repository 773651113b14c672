"""What an output is taken for: said beside the answer, changed by a click, kept in the address."""

import io
import re
import warnings

import keras
import numpy as np
import pytest
from playwright.sync_api import expect

PICTURES = np.random.default_rng(0).random((5, 12, 12, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def autoencoder(tmp_path_factory):
    keras.utils.set_random_seed(0)
    picture = keras.Input((12, 12, 1), name="picture")
    hidden = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(picture)
    model = keras.Model(picture, keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid", name="out")(hidden))
    path = tmp_path_factory.mktemp("meanings") / "autoencoder.keras"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Keras writes weights in a way that NumPy 2 warns of.
        model.save(path)
    data = io.BytesIO()
    np.save(data, PICTURES)
    errors = np.square(model.predict(PICTURES, verbose=0) - PICTURES).mean(axis=(1, 2, 3))
    return path.read_bytes(), data.getvalue(), errors


def test_it_is_said_chosen_and_kept_in_the_address(explorer, page, autoencoder):
    content, data, errors = autoencoder
    explorer.open()
    explorer.give_model("autoencoder.keras", content)
    explorer.give_data("pictures.npy", data)
    answer = explorer.strip_part("answer")
    expect(answer).to_contain_text("as reconstruction")
    expect(answer).to_contain_text(f"mean squared error {errors[0]:.3g}")

    # The list of samples goes by the same error.
    explorer.select("Sort by", "largest loss first", explorer.filter_panel())
    explorer.close_panels()
    explorer.has_address(sort="loss")
    first = explorer.thumbnails.locator('svg [aria-label*="sample: "]').first
    expect(first).to_have_attribute("aria-label", re.compile(rf"sample: {int(errors.argmax())}(;|$)"))

    # A click takes it for something else, here and in the large picture.
    explorer.pick_layer("out")
    explorer.pick_view("Answer")
    expect(explorer.main).to_contain_text(f"Reconstruction; mean squared error {errors[0]:.3g}")
    answer.get_by_role("button", name="as reconstruction").click()
    page.get_by_role("menuitem", name="Mask", exact=True).click()
    explorer.has_address(meaning="mask")
    expect(answer).to_contain_text("as mask")
    expect(answer).to_contain_text("over 0.5: ")
    expect(explorer.main).to_contain_text("Mask; over 0.5: ")

    # Back undoes it, and the likeliest needs no word in the address.
    page.go_back()
    expect(answer).to_contain_text("as reconstruction")
    explorer.has_address(meaning=None)


def test_a_link_with_one_that_does_not_suit_says_so(explorer):
    explorer.open(example="digits-cnn", meaning="forecast")

    expect(explorer.main).to_contain_text(
        "The output cannot be taken for Forecast; it is shown as: Class probabilities."
    )
    expect(explorer.strip_part("answer")).to_contain_text("as classes")
    explorer.has_address(meaning=None)
