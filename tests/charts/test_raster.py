import base64
import io

import numpy as np
import pytest
from PIL import Image

from core.charts import raster


def pixels_of(url):
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
        return np.asarray(image.convert("RGBA"))


def test_a_point_is_seen_where_it_lies_in_its_colour():
    points = np.array([[-0.9, 0.9], [0.9, -0.9]])
    picture = pixels_of(raster.points_picture(points, np.array([[255, 0, 0], [0, 0, 255]], np.uint8), 1.0))
    middle = len(picture) // 2
    upper_left, lower_right = picture[:middle, :middle], picture[middle:, middle:]

    assert upper_left[upper_left[..., 3] > 0][:, :3].mean(axis=0) == pytest.approx([255, 0, 0], abs=2)
    assert lower_right[lower_right[..., 3] > 0][:, :3].mean(axis=0) == pytest.approx([0, 0, 255], abs=2)
    assert not picture[:middle, middle:, 3].any()
    assert not picture[middle:, :middle, 3].any()


def test_each_place_with_points_has_one_that_stands_for_it_and_knows_how_many():
    random = np.random.default_rng(0)
    points = random.uniform(-1, 1, (5000, 2))
    chosen, counts = raster.grid_representatives(points, 1.0, 10)

    assert counts.sum() == 5000
    assert len(set(chosen)) == len(chosen) == 100
    cells = np.floor((points[chosen] + 1) / 2 * 10).astype(int)
    assert len(np.unique(cells, axis=0)) == 100


def test_what_lies_outside_of_the_picture_is_left_out():
    picture = pixels_of(raster.points_picture(np.array([[5.0, 5.0]]), np.array([[255, 0, 0]], np.uint8), 1.0))

    assert not picture[..., 3].any()
