"""What an author returns in the place of a chart is a picture of just that."""

import base64
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.charts.plain_results import chart_of


def shown(returned):
    """Return the pixels of the one image in a chart, and the size that it is drawn in."""
    specification = chart_of(returned).to_dict()
    content = base64.b64decode(specification["mark"]["url"].partition(",")[2])
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image), (specification["width"], specification["height"])


COLOURS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [51, 102, 204]]], np.uint8)


@pytest.mark.parametrize(
    "returned",
    [
        COLOURS,
        COLOURS / 255,
        COLOURS.astype(np.int64),
        Image.fromarray(COLOURS),
        (COLOURS / 255).astype(np.float32),
        Image.fromarray(COLOURS).convert("P", palette=Image.Palette.ADAPTIVE),
    ],
)
def test_pixels_are_shown_as_they_are(returned):
    pixels, size = shown(returned)

    np.testing.assert_array_equal(pixels, COLOURS)
    assert size == (320, 320)


def test_what_is_see_through_stays_so():
    pixels = np.dstack([COLOURS, np.array([[0, 255], [128, 64]], np.uint8)])

    np.testing.assert_array_equal(shown(pixels)[0], pixels)
    np.testing.assert_array_equal(shown(Image.fromarray(pixels, "RGBA"))[0], pixels)


def test_one_channel_is_grey_and_other_numbers_span_black_to_white():
    grey = shown(np.array([[0, 255], [7, 9]], np.uint8))[0]
    assert grey.tolist() == [[[0] * 3, [255] * 3], [[7] * 3, [9] * 3]]
    assert shown(np.array([[[-3.0], [1.0], [np.nan]]]))[0][0, :, 0].tolist() == [0, 255, 0]


def test_what_is_large_is_shrunk_to_the_room_that_there_is_and_keeps_its_shape():
    pixels, size = shown(np.zeros((400, 2000, 3), np.uint8))

    assert size == (840, 168)
    assert max(pixels.shape) <= 840


def test_numbers_on_a_grid_are_a_heatmap_with_a_legend():
    specification = chart_of(np.linspace(-1, 1, 12).reshape(3, 4)).to_dict()

    assert "Value" in str(specification)
    assert "data:image/png" in str(specification)


def cells(frame):
    specification = chart_of(frame).to_dict()
    rows = specification["datasets"][specification["data"]["name"]]
    return specification, [(each["name"], each["whole"]) for each in rows]


def test_a_table_says_its_numbers_and_names():
    specification, told = cells(pd.DataFrame({"größe": [1.23456, -2], "what": ["a", np.nan]}, index=["x", "y"]))

    assert told == [
        ("index", "x"),
        ("größe", "1.235"),
        ("what", "a"),
        ("index", "y"),
        ("größe", "−2"),
        ("what", "nan"),
    ]
    assert "title" not in specification
    assert specification["description"] == "A table of 2 rows and 3 columns: index, größe, what."


def test_of_a_large_table_the_beginning_is_shown_and_its_size_is_said():
    specification, told = cells(pd.DataFrame(np.zeros((1_000, 20))))

    assert len(told) == 50 * 12
    assert specification["title"]["text"] == "the first 50 of 1,000 rows, the first 12 of 20 columns"


@pytest.mark.parametrize(
    "returned", [None, "text", np.zeros((2, 2, 5)), np.zeros(3), np.array([["a"]]), np.zeros((0, 3))]
)
def test_anything_else_is_left_to_be_refused(returned):
    assert chart_of(returned) is returned
