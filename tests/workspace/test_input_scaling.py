"""Numbers that lie elsewhere than the model expects them: what is said, and what mends it."""

import io
import warnings

import keras
import numpy as np
import pytest
from PIL import Image

from core.common.cache import OnceCache
from core.examples.catalogue import get_example
from core.inputs.images import SCALINGS
from core.inputs.scaling_check import ExpectedRange, pixel_range, scaling_that_gives, scaling_warning
from core.workspace.workspace import Workspace

PREPARED = {"scaling": "0–1", "fit": "stretch", "invert": False}
DIGITS = get_example("digits-cnn").samples()[0]["image"]


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def png(array):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def digits():
    workspace = Workspace()
    workspace.open_example("digits-cnn")
    return workspace


def given(model, name, data, tmp_path, **prepared):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Keras writes weights in a way that NumPy 2 warns of.
        model.save(tmp_path / "model.keras")
    workspace = Workspace(models=OnceCache(1))
    workspace.open_model((tmp_path / "model.keras").read_bytes(), "model.keras")
    workspace.take_files({name: data}, **PREPARED | prepared)
    return workspace.inputs(0)[0]


def plain(name="mine"):
    inputs = keras.Input((8, 8, 3), name="x")
    return keras.Model(inputs, keras.layers.Conv2D(2, 3)(inputs), name=name)


class TestOfAnExample:
    def test_its_own_samples_are_as_they_should_be(self, digits):
        (view,) = digits.inputs(0)

        assert (view.warning, view.suggested_scaling) == ("", "")
        assert view.alt == f"Input image, image 8×8×1: 0 to 1, mean {DIGITS[0].mean():.3g}."

    def test_pixels_that_were_not_divided(self, digits):
        digits.take_files({"image": [("digits.npy", npy(DIGITS * 254))]}, **PREPARED)
        (view,) = digits.inputs(3)

        assert view.warning == "Example samples lie in 0 to 1, yours in 0 to 254. Divide by 255?"
        assert view.suggested_scaling == "0–1"
        assert view.warning in view.alt

    def test_what_is_suggested_mends_it(self, digits):
        before = [digits.answer(number) for number in range(9)]
        files = {"image": [("digits.npy", npy(DIGITS * 255))]}
        digits.take_files(files, **PREPARED | {"scale_arrays": True})
        (view,) = digits.inputs(0)

        assert (view.warning, view.minimum, view.maximum) == ("", 0, 1)
        after = [digits.answer(number) for number in range(9)]
        assert [each.best for each in after] == [each.best for each in before]
        assert [each.probability for each in after] == pytest.approx([each.probability for each in before], abs=1e-4)

    def test_image_files_scaled_in_another_way(self, digits):
        pixels = np.rint(DIGITS[0, ..., 0] * 255).astype(np.uint8)
        digits.take_files({"image": [("digit.png", png(pixels))]}, **PREPARED | {"scaling": "0–255"})
        (view,) = digits.inputs(0)
        # A single small picture is enough to see that it is 255 times as bright.
        assert view.warning.startswith("Example samples lie in 0 to 1, yours in 0 to 2")
        assert view.suggested_scaling == "0–1"
        digits.take_files({"image": [("digit.png", png(pixels))]}, **PREPARED)
        assert digits.inputs(0)[0].warning == ""

    def test_noise_is_nobodys_data(self, digits):
        digits.take_noise(3, 0)

        assert digits.inputs(0)[0].warning == ""


class TestOfAModel:
    PIXELS = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3)).astype(np.float32)

    def test_a_family_of_keras_applications(self, tmp_path):
        view = given(plain("mobilenetv2_1.00_8"), "x", [("x.npy", npy(self.PIXELS / 255))], tmp_path)

        assert view.warning == "Models of this name are trained with −1 to 1, yours in 0 to 1. Scale to “-1 to 1”?"
        assert view.suggested_scaling == "−1–1"
        assert given(plain("mobilenetv2"), "x", [("x.npy", npy(self.PIXELS / 127.5 - 1))], tmp_path).warning == ""

    def test_one_that_scales_by_itself(self, tmp_path):
        inputs = keras.Input((8, 8, 3), name="x")
        model = keras.Model(inputs, keras.layers.Conv2D(2, 3)(keras.layers.Rescaling(1 / 255)(inputs)))

        assert given(model, "x", [("x.npy", npy(self.PIXELS))], tmp_path).warning == ""
        view = given(model, "x", [("x.npy", npy(self.PIXELS / 255))], tmp_path)
        assert view.warning.startswith("The model scales by itself what lies in 0 to 255, yours in 0 to 1.")
        assert view.suggested_scaling == "0–255"

    def test_what_a_normalization_was_adapted_to_is_not_known(self, tmp_path):
        inputs = keras.Input((8, 8, 3), name="x")
        scaled = keras.layers.Normalization(mean=[0.5] * 3, variance=[0.1] * 3)(inputs)
        model = keras.Model(inputs, keras.layers.Conv2D(2, 3)(scaled))

        assert given(model, "x", [("x.npy", npy(self.PIXELS / 255))], tmp_path).warning == ""

    def test_of_others_only_what_is_usual_is_known(self, tmp_path):
        view = given(plain(), "x", [("x.npy", npy(self.PIXELS))], tmp_path)

        assert view.warning == "Most models are trained with 0 to 1, yours in 0 to 255. Divide by 255?"
        assert given(plain(), "x", [("x.npy", npy(self.PIXELS / 127.5 - 1))], tmp_path).warning == ""
        assert given(plain(), "x", [("x.npy", npy(self.PIXELS / 100 - 1))], tmp_path).warning == ""


@pytest.mark.parametrize("key", SCALINGS)
def test_a_range_says_which_scaling_gives_it(key):
    low, high = pixel_range(key)

    assert scaling_that_gives(low, high) == key
    assert scaling_warning(low, high, 1_000, ExpectedRange(low, high, "These lie in", key)) == ""


def test_a_dark_picture_is_no_other_scaling():
    expected = ExpectedRange(0, 1, "Example samples lie in", "0–1")

    assert scaling_warning(0, 0.1, 1_000, expected) == ""
    assert scaling_warning(0, 1 / 255, 1_000, expected) != ""
    assert scaling_warning(float("nan"), float("nan"), 1_000, expected) == ""
