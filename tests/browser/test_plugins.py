"""Plugins from a folder: loaded, broken, mended, while the app runs."""

import re
import shutil

import pytest
from playwright.sync_api import expect

from benchmarks.serving import ROOT
from tests.browser.conftest import STARTING_SECONDS, served, visitors, warm_up
from tests.support.broken_plugins import DRAWING, LOADING, write_plugins

VOWELS = {"example": "vowels-lstm", "layer": "lstm_1"}


PAGES = """
import re
import core.plugins.panels
from vizplugins import Handles, Panel, PanelPage, hookimpl


class Page(Panel):
    "A page that tries what it may not."

    name, title, handles = "page", "A page", Handles(axes=("sample", ...))

    def page(self, activation, options):
        loads = f"<img src='{URL}'><img src=x onerror=parent.document.title='mine'>"
        html = f"<p>{activation.shape[-1]} units</p>{loads}"
        return PanelPage(html, "A number of units.", 120)


class Escaping(Page):
    "A page whose plugin has changed what its worker checks."

    name, title = "escaping", "Escaping"

    def page(self, activation, options):
        core.plugins.panels._ELSEWHERE = re.compile("never")
        return PanelPage("<script>parent.document.title='mine'</script>", "A page.", 120)


@hookimpl
def panels():
    return [Page(), Escaping()]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of plugins: all that are broken, one that is good, one with every option."""
    folder = write_plugins(tmp_path_factory.mktemp("plugins"))
    shutil.copy(ROOT / "tests" / "support" / "every_option.py", folder)
    (folder / "pages.py").write_text(f"URL = 'http://localhost/asked-for.png'\n{PAGES}")
    return folder


@pytest.fixture(scope="module")
def plugged(folder, chromium, tmp_path_factory):
    """The app as somebody starts it who writes plugins."""
    limits = {"LAYERSCOPE_IMPORT_SECONDS": "1", "LAYERSCOPE_CHART_SECONDS": "2"}
    with served(tmp_path_factory.mktemp("server"), arguments=["--plugins", str(folder)], **limits) as app:
        yield warm_up(app, chromium)


@pytest.fixture
def author(plugged, chromium):
    """A visitor."""
    with visitors(plugged, chromium) as enter:
        yield enter(viewport={"width": 1400, "height": 2200})


def test_what_does_not_load_is_told_on_its_page_and_stops_nothing(author):
    author.open()
    author.page.get_by_role("link", name="Plugins").click()
    expect(author.main.get_by_text(f"{len(LOADING)} failed")).to_be_visible(timeout=STARTING_SECONDS * 1000)
    for name, (_, words) in LOADING.items():
        expect(author.main.get_by_test_id("stAlert").filter(has_text=f"{name}.py")).to_contain_text(words[:60])
    table = author.page.get_by_test_id("stDataFrame").first
    expect(table.get_by_text("failed", exact=True)).to_have_count(len(LOADING))
    expect(author.main.get_by_text("Feature maps", exact=True)).to_be_visible()
    # A thumbnail each, one after the other.
    expect(author.main.locator("img").nth(18)).to_be_visible(timeout=60_000)
    author.page.get_by_role("link", name="Explore").click()
    author.painted()


@pytest.mark.parametrize("name", ["raises", "exits", "million_rows", "never_returns", "changes_the_activation"])
def test_what_does_not_draw_is_told_in_its_tab_and_the_next_one_draws(author, name):
    author.visit(**VOWELS, view=name.replace("_", "-"))
    told = author.main.get_by_test_id("stAlert").filter(has_text=f"{name}.py")

    expect(told).to_contain_text(DRAWING[name][1])
    expect(told).to_contain_text("failed on lstm_1 (LSTM, ")
    expect(author.main.get_by_text(f"For the author of {name}.py")).to_be_visible()
    author.pick_view("good")
    author.has_title("A dot")


def test_a_file_is_loaded_when_it_is_saved(author, folder):
    path = folder / "good.py"
    code = path.read_text()
    author.visit(**VOWELS, view="good")
    expect(author.chart).to_contain_text("A dot")
    expect(author.main.get_by_text("changed, loaded")).to_have_count(0)
    try:
        path.write_text(code.replace("A dot", "Another dot"))
        expect(author.chart).to_contain_text("Another dot")
        expect(author.main.get_by_text("changed, loaded")).to_be_visible()
        path.write_text(code.replace("return alt", "return (((alt"))
        expect(author.main.get_by_test_id("stAlert")).to_contain_text(
            re.compile(r"good\.py.*was never closed.*line \d+")
        )
        path.write_text(code)
        expect(author.chart).to_contain_text("A dot")
    finally:
        path.write_text(code)


def test_options_of_every_kind(author):
    author.visit(**VOWELS, view="every-option", **{"o.word": '"ABC"', "o.share": "7", "o.other": '"lstm_2"'})
    main = author.main

    expect(main.get_by_text("Unit 0, class 2, abc, lstm_2")).to_be_visible()
    expect(main.get_by_test_id("stAlert")).to_contain_text("Share: 7 does not suit this layer, 1 was taken.")
    expect(main.get_by_text("String should match pattern")).to_be_visible()
    author.select("Class", "speaker 5")
    expect(main.get_by_text("Unit 0, class 4, abc, lstm_2")).to_be_visible()
    main.get_by_role("textbox", name="Lower case").fill("xyz")
    main.get_by_role("textbox", name="Lower case").press("Enter")
    expect(main.get_by_text("Unit 0, class 4, xyz, lstm_2")).to_be_visible()
    expect(main.get_by_text("String should match pattern")).to_have_count(0)
    author.switch("Shown")
    expect(main.get_by_test_id("stAlert").filter(has_text="It was switched off.")).to_be_visible()


def test_what_is_selected_in_charts_comes_back_as_options(author):
    author.visit(**VOWELS, view="every-option")
    lines, bars = author.chart.nth(0), author.chart.nth(1)
    author.settle()
    bars.locator("path[aria-label^='unit: 3;']").click()
    expect(author.main.get_by_text("Unit 3, class 2, abc, lstm_1")).to_be_visible()
    author.settle()
    box = lines.locator("svg .mark-line path").first.bounding_box()
    middle = box["y"] + box["height"] / 2
    author.page.mouse.move(box["x"] + 0.3 * box["width"], middle)
    author.page.mouse.down()
    author.page.mouse.move(box["x"] + 0.7 * box["width"], middle, steps=5)
    author.page.mouse.up()
    expect(author.main.get_by_text(re.compile(r"Steps (8|9) to (19|20)$"))).to_be_visible()


def test_a_page_of_a_plugin_is_shown_where_it_reaches_nothing(author):
    asked = []
    author.page.on("request", lambda request: asked.append(request.url))
    author.visit(**VOWELS, view="page")
    frame = author.main.locator("iframe")

    expect(frame.content_frame.get_by_text(re.compile(r"\d+ units"))).to_be_visible()
    assert frame.get_attribute("sandbox") == ""
    assert frame.get_attribute("title") == "A number of units."
    expect(author.main.get_by_text("Drawn by its plugin's own code, of pages.py")).to_be_visible()
    author.visit(**VOWELS, view="escaping")
    expect(author.main.get_by_test_id("stAlert")).to_contain_text(
        "Escaping of pages.py is not shown: the panel holds <script>"
    )
    expect(author.main.locator("iframe")).to_have_count(0)
    assert "mine" not in author.page.title()
    assert not [url for url in asked if "asked-for" in url]


def test_no_plugins(chromium, folder, tmp_path):
    with served(tmp_path, arguments=["--plugins", str(folder), "--no-plugins"]) as app:
        warm_up(app, chromium)
        with visitors(app, chromium) as enter:
            visitor = enter()
            visitor.open()
            visitor.page.get_by_role("link", name="Plugins").click()
            expect(visitor.main.get_by_text("Plugins are switched off on this server")).to_be_visible()
            expect(visitor.main.get_by_text("failed")).to_have_count(0)
