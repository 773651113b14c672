"""Samples as points: pointed at, clicked through, turned."""

from playwright.sync_api import expect


def points(explorer):
    """Return the chart of points; what lies nearest to the open sample stands under it."""
    return explorer.chart.nth(0)


def test_a_point_shows_its_sample_and_opens_it(explorer, page):
    explorer.visit(example="digits-cnn", layer="dense", view="projection")
    expect(points(explorer)).to_contain_text("90 samples as dense, by PCA")
    explorer.painted(points(explorer))
    point = points(explorer).locator('path[aria-label*="sample: 12;"]')
    point.hover()
    tooltip = page.locator("#vg-tooltip-element")
    expect(tooltip).to_contain_text("12")
    expect(tooltip.locator("img")).to_be_visible()
    point.click()
    expect(explorer.sample).to_have_value("12")
    expect(explorer.main.get_by_text("Nearest to sample 12 (")).to_be_visible()
    explorer.settle()
    nearest = explorer.chart.nth(1).locator("image").nth(2)
    nearest.click()
    expect(explorer.main.get_by_text("Nearest to sample 12 (")).to_have_count(0)
    expect(explorer.main.get_by_text("Nearest to sample ")).to_be_visible()


def test_in_space_it_turns_without_asking_the_server(explorer, page):
    explorer.visit(example="digits-cnn", layer="dense", view="projection", **{"o.dimensions": "3"})
    expect(points(explorer)).to_contain_text("by PCA")
    before = explorer.painted(points(explorer))
    page.context.set_offline(True)
    page.get_by_role("slider", name="Turn").evaluate(
        "slider => { slider.value = 120; slider.dispatchEvent(new Event('input')) }"
    )
    page.wait_for_timeout(300)

    assert points(explorer).screenshot() != before
    page.context.set_offline(False)


def test_t_sne_says_how_trustworthy_it_is(explorer):
    explorer.visit(example="digits-cnn", layer="dense", view="projection")
    explorer.select("Method", "t-SNE")
    expect(points(explorer)).to_contain_text("by t-SNEtrustworthiness ", timeout=60_000)


def test_a_path_is_followed_with_the_slider(explorer, page):
    explorer.visit(example="vowels-lstm", layer="lstm_1", view="trajectories")
    expect(explorer.chart).to_contain_text("through lstm_1, by PCA")
    before = explorer.painted()
    page.get_by_role("slider", name="Step").evaluate(
        "slider => { slider.value = 3; slider.dispatchEvent(new Event('input')) }"
    )
    explorer.changed(before)
