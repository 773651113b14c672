"""Models and plugins that misbehave, in the browser of one visitor, while another goes on."""

import os
import re
import statistics
import time

import keras
import pytest
from playwright.sync_api import expect

from benchmarks.serving import wait_until_painted
from tests.browser.conftest import served, visitors, warm_up
from tests.workspace.workers.trouble import install, keras_file, small_keras_file

SECONDS = 12
"""What one step may take on this server."""
MODELS = {"Forever": f"within the {SECONDS} seconds", "Hoarder": "memory", "Aborter": "ended the process"}


def plugin_in(folder):
    install(folder)
    return os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])


@pytest.fixture(scope="module")
def strict(tmp_path_factory, chromium):
    """The app with small limits, and with the plugin that misbehaves."""
    folder = tmp_path_factory.mktemp("strict")
    limits = {"LAYERSCOPE_REQUEST_SECONDS": str(SECONDS), "LAYERSCOPE_WORKER_BYTES": "2GB", "LAYERSCOPE_WORKERS": "6"}
    with served(folder, PYTHONPATH=plugin_in(folder), **limits) as app:
        yield warm_up(app, chromium)


@pytest.fixture
def visitor(strict, chromium):
    """Return a function that lets another visitor in."""
    with visitors(strict, chromium) as enter:
        yield enter


@pytest.fixture(scope="module")
def crowded(tmp_path_factory, chromium):
    """The app with room for one visitor."""
    with served(tmp_path_factory.mktemp("crowded"), LAYERSCOPE_WORKERS="1") as app:
        yield warm_up(app, chromium)


@pytest.fixture(scope="module")
def files():
    """Model files by the class of the layer that misbehaves."""
    return {name: keras_file(name) for name in (*MODELS, "Harmless")}


def message(place, text):
    return place.get_by_test_id("stAlert").filter(has_text=text)


def click_seconds(explorer, layer):
    """Click the row of a layer; return the seconds from the click until its picture is painted."""
    page = explorer.page
    page.evaluate(
        "addEventListener('pointerdown', () => { window.clicked = performance.now() }, {capture: true, once: true})"
    )
    before = wait_until_painted(page)["source"]
    explorer.click_entry(layer)
    done = wait_until_painted(page, before)
    return (done["at"] - page.evaluate("window.clicked")) / 1000


@pytest.mark.parametrize("name", MODELS)
def test_the_cause_is_said_while_another_visitor_goes_on(visitor, files, name):
    first, second = visitor(), visitor()
    second.open()
    layers = ["conv_2", "conv_1"]
    for layer in layers:
        click_seconds(second, layer)
    first.open()
    first.give_model(f"{name}.keras", files[name], settle=False)
    expect(first.page.get_by_role("heading", name=f"{name}.keras")).to_be_visible()
    said = message(first.main, MODELS[name])
    # What ends at once leaves no time to click beside it; what loops does, for as long as a step may take.
    if name == "Forever":
        expect(said).to_have_count(0)
    seconds = [click_seconds(second, layer) for layer in layers * 2]
    expect(said).to_be_visible()
    print(f"\n{name}: the second visitor's clicks took {', '.join(f'{each:.2f}' for each in seconds)} s")

    # Who waited for the other would wait for all of what a step may take.
    assert statistics.median(seconds) < SECONDS / 3
    expect(first.page.get_by_role("button", name="Try again")).to_have_count(1 if name != "Hoarder" else 0)
    first.model_panel().get_by_role("radio", name="Example", exact=True).click()
    first.close_panels()
    first.shows_layer("conv_1")
    first.painted()
    expect(first.page.get_by_test_id("stMain").get_by_test_id("stAlert")).to_have_count(0)


def test_stop_appears_after_two_seconds_and_works(visitor, files):
    explorer = visitor()
    explorer.open()
    explorer.give_model("mine.keras", files["Forever"], settle=False)
    started = time.monotonic()
    stop = explorer.page.get_by_role("button", name="Stop")
    expect(stop).to_be_visible()
    assert time.monotonic() - started > 1.5
    expect(explorer.main).to_contain_text("Running the input through every layer")
    stop.click()
    expect(message(explorer.main, "It was stopped")).to_be_visible(timeout=3_000)
    expect(stop).to_have_count(0)
    assert time.monotonic() - started < SECONDS

    again = explorer.page.get_by_role("button", name="Try again")
    again.click()
    # After a new worker has opened the model, and then run it for as long as it may.
    expect(message(explorer.main, f"within the {SECONDS} seconds")).to_be_visible(timeout=4_000 * SECONDS)
    explorer.model_panel().get_by_role("radio", name="Example", exact=True).click()
    explorer.close_panels()
    explorer.shows_layer("conv_1")
    explorer.painted()


def test_what_waits_says_for_how_long(visitor, files):
    explorer = visitor()
    explorer.open()
    explorer.give_model("mine.keras", files["Forever"], settle=False)
    line = explorer.main.get_by_text(re.compile(r"Running the input through every layer … \(\d+ s\)"))
    expect(line).to_be_visible()
    first = line.inner_text()
    expect(line).not_to_have_text(first)
    expect(line).to_be_visible()
    explorer.page.get_by_role("button", name="Stop").click()
    expect(message(explorer.main, "It was stopped")).to_be_visible()


@pytest.mark.parametrize(("title", "said"), [("Never returns", "seconds"), ("Aborts", "ended the process")])
def test_a_plugin_that_does_not_come_back_is_a_message_in_its_tab(visitor, files, title, said):
    explorer = visitor()
    explorer.open()
    explorer.give_model("harmless.keras", files["Harmless"])
    explorer.pick_layer("harmless")
    explorer.pick_view("Quiet")
    before = explorer.painted(colours=3)
    explorer.tab(title).click()
    alert = message(explorer.main, said)
    expect(alert).to_be_visible()
    expect(alert).to_have_count(1)
    expect(alert).to_contain_text("What is open stays open")
    expect(explorer.page.get_by_role("button", name="Try again")).to_be_visible()
    explorer.pick_view("Quiet")
    assert explorer.painted(colours=3) == before
    explorer.pick_view("Histogram")
    explorer.painted(colours=3)


def test_the_worker_of_who_leaves_ends(visitor, strict):
    stays = visitor()
    stays.open()
    before = wait_for_workers(strict, lambda found: len(found) == 2)
    leaves = visitor()
    leaves.open(example="vowels-lstm")
    during = wait_for_workers(strict, lambda found: len(found) == 3)
    assert before < during
    leaves.leave()

    after = wait_for_workers(strict, lambda found: len(found) == 2)
    assert len(after & before) >= 1
    stays.pick_layer("conv_2")
    stays.painted()


def wait_for_workers(app, condition):
    end = time.monotonic() + 20
    while not condition(found := app.workers()):
        assert time.monotonic() < end, f"{len(found)} workers are left"
        time.sleep(0.1)
    return found


def test_who_finds_the_server_full_is_told_and_gets_in_when_another_leaves(crowded, chromium):
    with visitors(crowded, chromium) as enter:
        first, second = enter(), enter()
        # What is recorded would take no room.
        first.open(sample=3)
        second.visit(example="vowels-lstm")
        line = second.page.get_by_text("You are number 1 in line")
        expect(line).to_be_visible()
        expect(second.page.get_by_text("The server is full")).to_be_visible()
        expect(second.page.get_by_role("button", name="Stop")).to_have_count(0)
        first.pick_layer("conv_2")
        first.painted()
        expect(line).to_be_visible()
        first.leave()
        expect(line).to_have_count(0)
        second.shows_layer("lstm_1")
        second.painted()


HOSTILE = "**bold** <b>x</b> <img src=x onerror=window.hit=1> :red[y] $z$ [a](javascript:window.hit=1)"
LONG = "long" * 60


def test_the_name_of_an_upload_is_a_text_and_no_path(visitor, files):
    explorer = visitor()
    explorer.open()
    for name in ("../../x.keras", f"{LONG}.keras", "**bold** <img src=x onerror=window.hit=1> :red[y] $z$.keras"):
        explorer.give_model(name, files["Harmless"])
        heading = explorer.sidebar.get_by_role("heading", level=3)
        # What was open before stays open until the next model is.
        expect(heading).to_contain_text(name.rpartition("/")[2][:8])
        shown = heading.inner_text()
        if name.startswith("long"):
            assert len(shown) < 130
            assert shown.startswith("longlong")
        else:
            assert shown == name.rpartition("/")[2] or shown == name
        nothing_was_rendered(explorer)

        explorer.remove_model_file()
        explorer.give_model(name, b"this is no model at all")
        refusal = explorer.sidebar.get_by_test_id("stAlert")
        expect(refusal).to_contain_text("is not a Keras model")
        assert len(refusal.inner_text()) < 400
        nothing_was_rendered(explorer)
        explorer.remove_model_file()
        expect(refusal).to_have_count(0)


def nothing_was_rendered(explorer):
    """Assert that markup in a name stayed text, and that nothing is wider than the window."""
    page = explorer.page
    assert page.evaluate("window.hit") is None
    assert page.locator('img[src="x"], a[href^="javascript"], .katex').count() == 0
    for place in ("html", '[data-testid="stMain"]'):
        assert page.locator(place).evaluate("place => place.scrollWidth - place.clientWidth") <= 0


@pytest.fixture(scope="module")
def marked_up():
    """A model whose layers bear names of markup, and a very long one, of a layer that keeps something to itself."""
    keras.utils.set_random_seed(1)
    return small_keras_file(
        keras.Sequential(
            [
                keras.Input((6, 4), name="x"),
                keras.layers.LSTM(5, return_sequences=True, name=HOSTILE.replace("/", "|")),
                keras.layers.LSTM(5, name=LONG),
                keras.layers.Dense(3, name="plain"),
            ]
        )
    )


def test_markup_in_the_names_of_layers_stays_text_everywhere(visitor, marked_up):
    explorer = visitor()
    name = HOSTILE.replace("/", "|")
    explorer.open()
    explorer.give_model("mine.keras", marked_up)
    expect(explorer.page.get_by_role("heading", name="mine.keras")).to_be_visible()
    explorer.painted()
    # On the map, where a box says its name when the pointer is over it.
    explorer.page.get_by_role("radio", name="map", exact=True).click()
    explorer.painted(explorer.map, colours=4)
    boxes = explorer.map.locator('path[aria-label*="layer: "]')
    expect(boxes).to_have_count(4)
    for box in boxes.all():
        box.hover()
        explorer.page.wait_for_timeout(200)
    nothing_was_rendered(explorer)
    # In the table, and over the pictures with the parts of the layer.
    explorer.page.get_by_role("radio", name="list", exact=True).click()
    expect(explorer.layer_rows).to_have_count(3)
    assert explorer.layer_names() == [name, LONG, "plain"]
    assert explorer.sidebar.get_by_role("tree").locator("img, b, a").count() == 0
    for layer in (name, LONG):
        explorer.click_entry(layer)
        title = explorer.layer_line.locator("p > strong").filter(has_text=layer[:5])
        expect(title).to_be_visible()
        assert len(title.inner_text()) < 130
        explorer.painted()
        explorer.page.get_by_role("combobox", name="Part of the layer").click()
        explorer.page.get_by_role("option").nth(1).click()
        explorer.settle()
        explorer.painted()
        nothing_was_rendered(explorer)
    # In the address, and what a link to a layer that is not there says.
    assert len(explorer.address()["layer"]) > 200
    explorer.visit(layer=name)
    expect(message(explorer.main, "There is no layer")).to_be_visible()
    nothing_was_rendered(explorer)
