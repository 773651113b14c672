"""What it looks like: in dark, in a narrow window, and whether what is drawn is where the axes say."""

import pytest
from playwright.sync_api import expect

# Of every text in a chart: what it says, its fill, and the fill of the cell that it is written on.
TEXTS = """texts => texts.map(text => {
    const box = text.getBoundingClientRect();
    const [x, y] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
    const under = [...text.ownerSVGElement.querySelectorAll('.mark-rect.role-mark path')].filter(cell => {
        const {left, top, right, bottom} = cell.getBoundingClientRect();
        const {fill, fillOpacity, opacity} = getComputedStyle(cell);
        return fill !== 'none' && fillOpacity * opacity > 0.5 && left <= x && x <= right && top <= y && y <= bottom;
    });
    return [text.textContent, getComputedStyle(text).fill, under.length ? getComputedStyle(under.at(-1)).fill : null];
})"""
PAGE_COLOUR = "() => getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"


def parts(colour):
    return [float(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]


def luminance(colour):
    linear = [part / 3294.6 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in parts(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    darker, lighter = sorted([luminance(one), luminance(other)])
    return (lighter + 0.05) / (darker + 0.05)


# Titles of examples, the first of which is open, and of pictures of their layers.
READ = [
    ("", ["Feature maps", "Values"]),
    ("Handwritten digits as plain numbers", ["Histogram"]),
    ("What is the wearer doing", ["All units over time"]),
    ("Who is speaking", ["Units over time", "Distribution over samples", "Statistics"]),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_in_a_chart_can_be_read(visitor, scheme):
    explorer = visitor(color_scheme=scheme)
    explorer.open()
    background = explorer.page.evaluate(PAGE_COLOUR)
    assert (luminance(background) < 0.2) == (scheme == "dark")
    for example, titles in READ:
        if example:
            explorer.choose_example(example)
        for title in titles:
            explorer.pick_view(title)
            explorer.shot()
            for chart in (explorer.chart, explorer.answer):
                texts = chart.locator("svg text").evaluate_all(TEXTS)
                assert texts
                unreadable = {
                    text: fill for text, fill, cell in texts if text and contrast(fill, cell or background) < 2.9
                }
                assert not unreadable, title


BOXES = """chart => {
    const box = element => { const {left, top, right, bottom} = element.getBoundingClientRect();
                             return [left, top, right, bottom] };
    return {svg: box(chart.querySelector('svg')),
            image: box(chart.querySelector('image')),
            cells: [...chart.querySelectorAll('.mark-rect.role-mark path')].map(box)};
}"""


def test_a_heatmap_lies_where_its_axes_are(explorer, page):
    explorer.open(example="vowels-lstm", view="unit-heatmap")
    for window in (700, 1000, 1400):
        page.set_viewport_size({"width": window, "height": 1400})
        page.wait_for_timeout(500)  # charts are laid out once more when their column has its width
        for chart in (explorer.chart, explorer.input):
            explorer.painted(chart)
            boxes = chart.evaluate(BOXES)
            left, top, right, bottom = zip(*boxes["cells"], strict=True)
            assert boxes["image"] == pytest.approx([min(left), min(top), max(right), max(bottom)], abs=1.5), window
            assert boxes["image"][2] <= boxes["svg"][2] + 0.5
            assert boxes["image"][3] <= boxes["svg"][3] + 0.5


def test_no_text_is_cut_off_in_the_map(explorer):
    explorer.open(example="reviews-transformer", show="map")
    explorer.painted(explorer.map, colours=6)
    widths = explorer.map.evaluate(
        """chart => ({
            text: Math.max(...[...chart.querySelectorAll('.mark-text.role-mark text')]
                .map(text => text.getBoundingClientRect().width)),
            box: Math.min(...[...chart.querySelectorAll('.mark-rect.role-mark path')]
                .map(path => path.getBoundingClientRect().width))})"""
    )
    assert widths["text"] <= widths["box"]


def test_the_page_asks_nobody_but_its_own_server(explorer, page):
    explorer.open()
    explorer.pick_layer("conv_2")
    page.get_by_role("link", name="Plugins").click()
    expect(page.get_by_role("heading", name="Plugins")).to_be_visible()
    own = explorer.app.url.removeprefix("http://")
    assert explorer.asked - {own, ""} == set()
