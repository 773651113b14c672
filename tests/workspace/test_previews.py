import io

import numpy as np
import pytest
import vl_convert
from PIL import Image

from core.inputs.spec import InputSpec
from core.workspace.previews import input_view

RANDOM = np.random.default_rng(0)


def numbers(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def draws(specification):
    assert vl_convert.vegalite_to_svg({"width": 300, **specification}).startswith("<svg")
    return True


class TestInput:
    @pytest.mark.parametrize(
        ("shape", "channels_first"), [((28, 28, 1), False), ((32, 48, 3), False), ((3, 32, 48), True)]
    )
    def test_an_image_is_a_picture(self, shape, channels_first):
        spec = InputSpec("image", shape, "float32")
        array = numbers(2, *shape)
        view = input_view(spec, array, 1)
        picture = Image.open(io.BytesIO(view.picture))

        assert spec.channels_first is channels_first
        assert max(picture.size) == 240
        height, width = shape[1:] if channels_first else shape[:2]
        assert picture.width / picture.height == pytest.approx(width / height, rel=0.02)
        assert view.shape == "×".join(map(str, shape))
        assert view.specification is None

    def test_the_picture_is_that_of_the_sample(self):
        array = np.zeros((2, 4, 4, 1), np.float32)
        array[1, 0, 0] = 1
        picture = np.asarray(Image.open(io.BytesIO(input_view(InputSpec("x", (4, 4, 1), "float32"), array, 1).picture)))

        assert picture[5, 5].tolist() == [255] * 3
        assert picture[100, 100].tolist() == [0] * 3

    @pytest.mark.parametrize("shape", [(4,), (1000,), (50, 3), (2000, 2), (50, 30), (4, 5, 6, 7, 8)])
    def test_numbers_are_a_chart(self, shape):
        view = input_view(InputSpec("x", shape, "float32"), numbers(3, *shape), 0)

        assert view.picture is None
        assert draws(view.specification)

    def test_features_are_named(self):
        view = input_view(InputSpec("x", (50, 2), "float32"), numbers(1, 50, 2), 0, ("left", "right"))

        (rows,) = view.specification["datasets"].values()
        assert {row["feature"] for row in rows} == {"left", "right"}

    def test_text_is_text(self):
        view = input_view(InputSpec("x", (1,), "string"), np.array([["a"], ["great film"]]), 1)

        assert view.text == "great film"
        assert view.specification is view.picture is None

    def test_the_range_is_that_of_all_samples(self):
        array = np.array([[0, 1, 2, 3], [np.nan, 9, -7, 0]], np.float32)
        view = input_view(InputSpec("x", (4,), "float32"), array, 0)

        assert (view.minimum, view.maximum, view.not_finite) == (-7, 9, 1)

    def test_a_single_number(self):
        view = input_view(InputSpec("x", (), "float32"), np.array([1.0, 2]), 0)

        assert view.shape == "one value"
        assert draws(view.specification)
