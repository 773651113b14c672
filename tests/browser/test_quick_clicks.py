"""Who clicks faster than the page answers gets where the clicks lead, and nothing besides."""

import io
import re

import numpy as np
from playwright.sync_api import expect

from core.examples.catalogue import get_example


def test_quick_back_leaves_what_lies_ahead(explorer):
    explorer.open(example="digits-cnn")
    for layer in ("conv_2", "pool", "dense"):
        explorer.pick_layer(layer)
        explorer.has_address(layer=layer)
    entries = explorer.page.evaluate("history.length")

    for _ in range(2):
        explorer.page.evaluate("history.back()")
        explorer.page.wait_for_timeout(120)
    explorer.shows_layer("conv_2")
    explorer.has_address(layer="conv_2")
    explorer.settle()
    assert explorer.page.evaluate("history.length") == entries
    for _ in range(2):
        explorer.page.evaluate("history.forward()")
        explorer.page.wait_for_timeout(120)

    explorer.shows_layer("dense")
    explorer.has_address(layer="dense")


def test_quick_keys_set_no_option(explorer):
    explorer.open(example="digits-cnn", layer="conv_1")

    for key in "jkjkjk":
        explorer.page.keyboard.press(key)
        explorer.page.wait_for_timeout(120)
    explorer.settle()

    assert not [name for name in explorer.address() if name.startswith("o.") or name == "view"]
    expect(explorer.options.get_by_role("button", name="Back to the defaults")).to_have_count(0)


def test_a_quick_look_at_another_page_leaves_a_link_to_it(explorer):
    explorer.open(example="digits-dense")

    explorer.page.get_by_role("link", name="Health").first.click()
    explorer.page.wait_for_timeout(100)
    explorer.page.get_by_role("link", name="Compare").first.click()

    expect(explorer.page).to_have_url(re.compile(r"/compare\?"))
    explorer.has_address(example="digits-dense")


def test_a_reload_says_that_it_lost_what_was_uploaded(explorer):
    file = io.BytesIO()
    np.save(file, get_example("digits-cnn").samples()[0]["image"][:3])
    explorer.open(path=str(get_example("digits-cnn").model_path))
    explorer.give_data("own digits.npy", file.getvalue())
    explorer.has_samples(3)
    explorer.has_address(data="'own digits.npy'")

    explorer.reload()

    expect(explorer.sidebar.get_by_text("own digits.npy")).to_contain_text("These are not the samples of this page")
