"""What is on the page after clicks is what its address shows to who opens it: of each picture, to the last number.

tests/browser/test_same_after_reload.py looks at what a browser makes of it.
"""

import pytest

from tests.ui.conftest import opened
from ui.address import address_of


def address(page):
    return address_of(page.session_state["session"].choice)


def drawn(page):
    """Return all charts and pictures of the page, without what Streamlit numbers anew for each visitor."""
    assert not page.exception
    assert not page.error
    charts = [each.proto for each in page.get("vega_lite_chart")]
    images = [each.proto for each in page.get("image")]
    return [
        *((each.spec, each.data.data, [(part.name, part.data.data) for part in each.datasets]) for each in charts),
        *(image.url for each in images for image in each.imgs),
    ]


# Of the second and third layer the groups that hold pictures which the first one does not have.
@pytest.mark.parametrize(
    ("example", "layer", "groups", "count"),
    [
        ("digits-cnn", "conv_2", None, 18),
        ("digits-cnn", "dense", ("Units",), 4),
        ("vowels-lstm", "lstm_1", ("Look",), 4),
    ],
)
def test_every_picture_of_the_next_sample_is_that_of_its_address(example, layer, groups, count):
    page = opened({"example": example, "layer": layer})
    sample = 0
    different = []
    for group in groups or page.button_group(key=f"group/{layer}").options:
        page.button_group(key=f"group/{layer}").set_value(group).run()
        tabs = next(each.key for each in page.button_group if each.key.startswith(f"tab/{layer}/"))
        for title in page.button_group(key=tabs).options:
            page.button_group(key=tabs).set_value(title).run()
            before = drawn(page)
            page.button(key="sample_after").click().run()
            sample += 1
            clicked = drawn(page)
            assert address(page)["sample"] == str(sample)
            assert clicked != before
            afresh = opened(address(page))
            assert afresh.button_group(key=tabs).value == page.button_group(key=tabs).value
            if drawn(afresh) != clicked:
                different.append(title)

    assert sample == count
    assert not different
