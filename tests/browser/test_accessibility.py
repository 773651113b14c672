"""What axe-core (Deque) finds on each page: nothing serious, whoever looks at it with what."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

SERIOUS = ("serious", "critical")


def violations(explorer):
    explorer.settle()
    found = Axe().run(explorer.page).response["violations"]
    return [
        f"{each['id']}: {node['html'][:200]}" for each in found if each["impact"] in SERIOUS for node in each["nodes"]
    ]


def test_no_page_has_a_serious_finding(visitor):
    light = visitor(color_scheme="light", viewport={"width": 1440, "height": 900})
    light.open(example="reviews-transformer")
    found = {"a text": violations(light)}
    light.open(example="digits-cnn", layer="dense", unit=3)
    dark = visitor(color_scheme="dark", viewport={"width": 1440, "height": 900})
    dark.open(example="digits-cnn", layer="conv_2", unit=3)
    for explorer in (light, dark):
        scheme = "dark" if explorer is dark else "light"
        found[f"explore, {scheme}"] = violations(explorer)
        for page, ready in {
            "Unit": "Weights in and out",
            "Health": "Units by classes",
            "Edit": "No layer moves.",
            "Maximize": "Top samples",
            "Compare": "Largest change",
            "Plugins": "what a layer answered to one sample",
        }.items():
            explorer.page.get_by_role("link", name=page, exact=True).first.click()
            expect(explorer.main.get_by_text(ready).first).to_be_visible(timeout=60_000)
            if page in ("Unit", "Maximize"):
                expect(explorer.main.get_by_role("button", name="Continue")).to_be_visible(timeout=60_000)
            found[f"{page}, {scheme}"] = violations(explorer)
        explorer.visit("training", run="example")
        expect(explorer.main.get_by_text("Over the steps", exact=True)).to_be_visible(timeout=60_000)
        explorer.settle()
        found[f"Training, {scheme}"] = violations(explorer)

    assert not any(found.values()), found


def test_each_chart_is_heard_with_its_numbers(explorer):
    explorer.open(example="digits-cnn", layer="dense", view="strongest-units")
    for place, words in ((".st-key-strip_answer", "91 %"), (".st-key-picture_place", "dense")):
        chart = explorer.page.locator(place).get_by_test_id("stVegaLiteChart").first
        spoken = chart.locator("[aria-label]").evaluate_all("parts => parts.map(part => part.ariaLabel).join(' ')")
        assert words in f"{chart.get_attribute('aria-label')} {spoken}"
