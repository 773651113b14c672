"""What goes in, what comes out, where one is and what one sees are on one screen, and nothing lies over anything."""

import keras
import pytest
from playwright.sync_api import expect

from core.examples.catalogue import list_examples

EXAMPLES = [example.name for example in list_examples()]
PARTS = {
    "input": ".st-key-strip_input",
    "answer": ".st-key-strip_answer",
    "samples": ".st-key-strip_samples",
    "list of layers": ".layers",
    "picture": ".st-key-picture_place svg.marks",
}

# Every pair of widgets, one of which lies over the other. What a scrolled place cuts off is not seen, and lies nowhere.
OVERLAPS = """() => {
    const seen = element => {
        let {left, top, right, bottom} = element.getBoundingClientRect();
        for (let each = element.parentElement; each && each.dataset.testid !== 'stMain'; each = each.parentElement) {
            if (getComputedStyle(each).overflow === 'visible') continue;
            const box = each.getBoundingClientRect();
            [left, top] = [Math.max(left, box.left), Math.max(top, box.top)];
            [right, bottom] = [Math.min(right, box.right), Math.min(bottom, box.bottom)];
        }
        return {element, left, top, right, bottom};
    };
    const places = '.st-key-strip, .st-key-pictures';
    const widgets = '.stElementContainer, .stPopover, svg.marks';
    const boxes = [...document.querySelectorAll(places)]
        .flatMap(place => [...place.querySelectorAll(widgets)])
        .map(seen).filter(box => box.right - box.left > 1 && box.bottom - box.top > 1);
    const called = box => box.element.textContent.trim().slice(0, 30) || box.element.className;
    const pairs = [];
    boxes.forEach((one, at) => boxes.slice(at + 1).forEach(other => {
        if (one.element.contains(other.element) || other.element.contains(one.element)) return;
        const width = Math.min(one.right, other.right) - Math.max(one.left, other.left);
        const height = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
        if (width > 1 && height > 1) pairs.push([called(one), called(other)]);
    }));
    return pairs;
}"""

# How much wider and higher each part of the strip is than what is seen of it.
CUT_OFF = """() => Object.fromEntries(['input', 'answer', 'samples'].map(name => {
    const part = document.querySelector(`.st-key-strip_${name}`);
    return [name, [part.scrollWidth - part.clientWidth, part.scrollHeight - part.clientHeight]];
}).filter(([, rest]) => Math.max(...rest) > 1))"""

SIDEWAYS = "place => place.scrollWidth - place.clientWidth"


@pytest.fixture(scope="module")
def large_model(tmp_path_factory):
    """A well-known model of 150 layers as its owner saves it."""
    model = keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3), classes=10)
    model.compile("adam", "sparse_categorical_crossentropy")
    path = tmp_path_factory.mktemp("large") / "mobilenet.keras"
    model.save(path)
    return path


@pytest.fixture(params=[*EXAMPLES, "mobilenet.keras"])
def opened(request, visitor):
    """A visitor with the window of a small notebook and a model just opened."""
    explorer = visitor(viewport={"width": 1440, "height": 900})
    if request.param.endswith(".keras"):
        explorer.visit(path=str(request.getfixturevalue("large_model")))
        expect(explorer.page.get_by_role("heading", name=request.param)).to_be_visible(timeout=60_000)
        explorer.painted()
    else:
        explorer.open(example=request.param)
    return explorer


def test_everything_is_seen_without_scrolling(opened):
    opened.settle()
    outside = {}
    for name, selector in PARTS.items():
        box = opened.page.locator(selector).first.bounding_box()
        right, bottom = box["x"] + box["width"], box["y"] + box["height"]
        if box["x"] < 0 or box["y"] < 0 or right > 1440 or bottom > 900:
            outside[name] = (round(right), round(bottom))

    assert not outside, "right and lower edges in a window of 1440×900"
    assert opened.page.evaluate(CUT_OFF) == {}
    assert opened.page.evaluate(OVERLAPS) == []


@pytest.mark.parametrize("example", ["digits-cnn", "vowels-lstm", "reviews-transformer"])
def test_in_a_narrow_window_nothing_lies_over_anything(visitor, example):
    explorer = visitor(viewport={"width": 390, "height": 900})
    explorer.open(example=example)
    for width in (390, 700, 1024):
        explorer.page.set_viewport_size({"width": width, "height": 900})
        explorer.page.wait_for_timeout(700)  # charts are laid out once more when their column has its width
        explorer.painted()
        for place in ("html", '[data-testid="stMain"]'):
            assert explorer.page.locator(place).evaluate(SIDEWAYS) <= 0, (width, place)
        box = explorer.chart.first.bounding_box()
        assert box["x"] + box["width"] <= width
        assert explorer.page.evaluate(OVERLAPS) == [], width
