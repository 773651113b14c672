"""The page of a report: in a browser without a network, with names that would do harm, light, dark and on paper."""

import json
import re
from itertools import pairwise

import pytest
from axe_playwright_python.sync_playwright import Axe

from core.report.libraries import script_of_page
from core.report.making import make_report
from core.report.page import page_of
from tests.report.conftest import HARM, LAYER

MOST_BYTES = 2_000_000


def test_nothing_that_a_model_says_is_markup(page):
    scripts = re.findall(r"<script[^>]*>", page)

    assert scripts == ['<script type="application/json" id="charts">', "<script>"]
    assert HARM not in page
    assert LAYER not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    # In the data of charts as well, which are JSON in a script.
    assert "\\u003cimg src=x onerror=alert(1)\\u003e" in page
    assert page.count("</script>") == 2


def test_charts_are_data_and_the_libraries_are_there_once(page):
    store = json.loads(re.search(r'id="charts">(.*?)</script>', page, re.DOTALL)[1])

    assert len(store["charts"]) == page.count("data-chart=")
    assert len(page.encode()) < MOST_BYTES
    assert page.count("Interactive Data Lab") == 1


def test_of_too_many_charts_the_largest_are_left_out_and_said_to_be(workspace, monkeypatch):
    script = len(script_of_page().encode())
    monkeypatch.setattr("core.report.page.MOST_BYTES", 320_000 + script)
    made = page_of(make_report(workspace))
    store = json.loads(re.search(r'id="charts">(.*?)</script>', made, re.DOTALL)[1])

    left_out = [number for number, chart in enumerate(store["charts"]) if chart is None]
    assert left_out
    assert made.count("This chart is left out") == len(left_out)
    assert len(json.dumps([chart for chart in store["charts"] if chart])) < 30_000
    assert f'data-chart="{left_out[0]}"' not in made
    assert len(made.encode()) < 320_000 + script


def test_how_a_picture_is_read_is_said_once(page):
    readings = re.findall(r"<b>How to read</b> (.*?)</p>", page)

    assert len(readings) == len(set(readings))
    for target in re.findall(r'<a href="#(f\d+)">How to read it', page):
        assert f'<figure id="{target}"' in page


def test_its_headings_are_in_order_and_its_contents_lead_somewhere(page):
    levels = [int(level) for level in re.findall(r"<h(\d)", page)]

    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for target in re.findall(r'<a href="#(s[\d-]+)"', page):
        assert f'id="{target}"' in page
    assert all(re.findall(r'role="img" aria-label="([^"]*)"', page))


@pytest.fixture
def opened(chromium, page, tmp_path):
    """The report in a browser that has no network, all charts drawn; and what it asked for and complained of."""
    file = tmp_path / "report.html"
    file.write_text(page, encoding="utf-8")
    context = chromium.new_context(viewport={"width": 1200, "height": 900}, offline=True, color_scheme="light")
    asked, complaints = [], []
    tab = context.new_page()
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.route(re.compile("^https?:"), lambda route: route.abort())
    tab.goto(file.as_uri())
    tab.locator("html[data-charts=drawn]").wait_for(timeout=60_000)
    yield tab, asked, complaints
    context.close()


def test_it_opens_without_a_network_and_answers_the_mouse_and_the_light(opened, tmp_path):
    tab, asked, complaints = opened

    assert [url for url in asked if not url.startswith("data:")] == [(tmp_path / "report.html").as_uri()]
    assert tab.locator(".chart.is-drawn svg.marks").count() == tab.locator("[data-chart]").count() > 10
    assert tab.title().startswith("A title </script>")

    assert Axe().run(tab).response["violations"] == []

    confusion = tab.locator("figure", has_text="Which class is taken for which").locator("svg.marks").first
    confusion.scroll_into_view_if_needed()
    cell = confusion.locator(".mark-rect path").first.bounding_box()
    tab.mouse.move(cell["x"] + cell["width"] / 2, cell["y"] + cell["height"] / 2)
    tooltip = tab.locator("#vg-tooltip-element.visible")
    tooltip.wait_for()
    assert "true class" in tooltip.inner_text()

    bars = tab.locator("figure", has_text="Activation by unit").first.locator("svg.marks")
    colour = "el => getComputedStyle(el.querySelector('.role-title-text text')).fill"
    light = bars.first.evaluate(colour)
    tab.emulate_media(color_scheme="dark")
    dark = bars.first.evaluate(colour)
    assert light != dark
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 22, 28)"
    # On paper it is light again, whatever the screen is.
    tab.emulate_media(media="print", color_scheme="dark")
    assert bars.first.evaluate(colour) == light
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"

    tab.emulate_media(media="screen", color_scheme="light")
    tab.set_viewport_size({"width": 390, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    assert complaints == []


def test_what_would_run_in_it_is_forbidden(opened):
    tab, _, complaints = opened
    tab.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "document.title = 'harmed'";
            document.body.append(script);
            const picture = "<img src='http://127.0.0.1:9/x' onerror='document.title=1'>";
            document.body.insertAdjacentHTML("beforeend", picture);
        }"""
    )
    tab.wait_for_timeout(200)

    assert "harmed" not in tab.title().replace("document.title='harmed'", "")
    assert len([each for each in complaints if "Content Security Policy" in each]) >= 2
