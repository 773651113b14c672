import io
import tracemalloc
import wave
from dataclasses import replace

import numpy as np
import pytest
import vl_convert
from PIL import Image

from core.charts.sample_strip import tile_pictures
from core.inputs.spec import InputSpec, drawable
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

    def test_a_dark_picture_among_bright_ones_is_dark(self):
        array = np.zeros((2, 4, 4, 1), np.float32)
        array[0, :2], array[1, :2] = 59, 250
        spec = InputSpec("x", (4, 4, 1), "float32")
        dark, bright = (np.asarray(Image.open(io.BytesIO(input_view(spec, array, at).picture))) for at in (0, 1))
        film = np.repeat(array[:, np.newaxis], 3, axis=1)
        frames = InputSpec("x", (3, 4, 4, 1), "float32", taken_for="frames")

        assert (dark.max(), bright.max()) == (60, 255)
        assert np.asarray(Image.open(io.BytesIO(input_view(frames, film, 0).picture)).convert("L")).max() == 60
        # The same on tiles, and wherever samples are drawn: there only some of them are at hand.
        one_scale = replace(spec, value_range=(0.0, 250.0))
        assert drawable({"x": array[:1]}, [one_scale])["x"].max() == 60
        assert tile_pictures(drawable({"x": array[:1]}, [one_scale])) == {
            "image": tile_pictures(drawable({"x": array}, [spec]))["image"][:1]
        }

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


class TestSingleValues:
    def test_an_input_of_one_value_says_it(self):
        age, kind = InputSpec("age", (1,), "float32"), InputSpec("kind", (1,), "string")

        assert input_view(age, np.array([[41.5], [63]], np.float32), 0).value == "41.5"
        assert input_view(kind, np.array([["fixed"], ["normal"]]), 1).value == "normal"
        assert input_view(InputSpec("x", (2,), "float32"), numbers(1, 2), 0).value == ""
        assert input_view(InputSpec("x", (1, 1, 1), "float32"), numbers(1, 1, 1, 1), 0).value == ""

    def test_the_tile_of_a_row_of_them_tells_them_in_order(self):
        inputs = {"age": np.array([[41.5], [63]]), "kind": np.array([["fixed"], ["normal"]]), "cp": np.array([1, 2])}

        assert tile_pictures(inputs)["text"] == ["41.5 fixed 1", "63 normal 2"]


class TestVolumesFilmsAndSounds:
    def test_a_volume_is_cut_in_the_middle_of_three_directions(self):
        volume = np.zeros((1, 4, 6, 8, 1), np.float32)
        volume[0, 2, :, :, 0], volume[0, :, 3, :, 0], volume[0, :, :, 4, 0] = 1, 1, 1
        volume[0, 2, 3, 4] = 2
        view = input_view(InputSpec("scan", (4, 6, 8, 1), "float32"), volume, 0)
        picture = Image.open(io.BytesIO(view.picture)).convert("RGBA")
        cut = picture.resize((8 + 1 + 8 + 1 + 6, 6), Image.Resampling.NEAREST)
        grey = np.asarray(cut)[..., 0] / 127.5
        alpha = np.asarray(cut)[..., 3]

        np.testing.assert_allclose(grey[:6, :8], volume[0, 2, :, :, 0], atol=0.01)
        np.testing.assert_allclose(grey[:4, 9:17], volume[0, :, 3, :, 0], atol=0.01)
        np.testing.assert_allclose(grey[:4, 18:24], volume[0, :, :, 4, 0], atol=0.01)
        assert not alpha[:, 8].any()
        assert view.note == "slices at depth 2, height 3, width 4"

    def test_every_slice_can_be_chosen_in_each_direction(self):
        view = input_view(InputSpec("scan", (4, 6, 40, 1), "float32"), numbers(1, 4, 6, 40, 1), 0)
        sliders = {each["name"]: each for each in view.slices["params"]}

        assert [sliders[f"slice_{name}"]["bind"]["max"] for name in ("depth", "height", "width")] == [3, 5, 38]
        assert [len(rows) for rows in view.slices["datasets"].values()] == [4, 6, 20]
        assert draws(view.slices)

    def test_frames_are_a_strip_and_a_film(self):
        frames = np.stack([np.full((5, 7, 1), shade, np.float32) for shade in np.linspace(0, 1, 30)])[np.newaxis]
        view = input_view(InputSpec("clip", (30, 5, 7, 1), "float32", taken_for="frames"), frames, 0)
        film = Image.open(io.BytesIO(view.film))

        assert film.format == "GIF"
        assert film.n_frames == 30
        assert view.note == "10 of 30 frames drawn"
        strip = np.asarray(Image.open(io.BytesIO(view.picture)).convert("L").resize((39, 11), Image.Resampling.NEAREST))
        assert strip[2, 3::8].tolist() == pytest.approx([255 * at / 29 for at in (0, 3, 6, 9, 12)], abs=1.5)

    @pytest.mark.parametrize("kind", ["volume", "frames"])
    def test_only_what_is_drawn_becomes_pixels(self, kind):
        array = numbers(1, 200, 64, 64, 1)
        spec = InputSpec("scan", array.shape[1:], "float32", taken_for=kind)
        input_view(spec, array[:, :40], 0)  # What is imported on first use is not counted.

        tracemalloc.start()
        input_view(spec, array, 0)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1.5 * array.nbytes

    def test_what_is_not_drawn_is_on_the_same_scale(self):
        frames = np.zeros((1, 40, 5, 7, 1), np.float32)
        frames[0, 0], frames[0, 1], frames[0, 2] = 1, 2, np.nan  # Of these the first alone is drawn.
        view = input_view(InputSpec("clip", (40, 5, 7, 1), "float32", taken_for="frames"), frames, 0)
        strip = np.asarray(Image.open(io.BytesIO(view.picture)).convert("L").resize((39, 11), Image.Resampling.NEAREST))

        assert strip[2, 3::8].tolist() == pytest.approx([127.5, 0, 0, 0, 0], abs=1.5)

    def test_a_waveform_is_drawn_in_seconds_and_played(self):
        spec = InputSpec("waveform", (4_000, 1), "float32", sampling_rate=8_000)
        view = input_view(spec, numbers(1, 4_000, 1) / 5, 0)
        across = view.specification["encoding"]["x"]

        assert across["title"] == "Time (s)"
        assert across["axis"]["values"] == [0, 800, 1_600, 2_400, 3_200]
        assert across["axis"]["labelExpr"].startswith('["0", "0.1", "0.2", "0.3", "0.4"]')
        with wave.open(io.BytesIO(view.audio)) as played:
            assert (played.getframerate(), played.getnframes()) == (8_000, 4_000)
        assert input_view(replace(spec, sampling_rate=0), numbers(1, 4_000, 1), 0).audio is None

    def test_one_hot_steps_are_letters(self):
        spec = InputSpec("dna", (5, 4), "float32", letters="ACGT")
        array = np.eye(4, dtype=np.float32)[[0, 1, 3, 3, 2]][np.newaxis]
        view = input_view(spec, array, 0)
        (rows,) = view.specification["datasets"].values()

        assert [(row["position"], row["letter"]) for row in rows] == list(enumerate("ACTTG"))
        assert view.specification["encoding"]["y"]["scale"]["domain"] == list("ACGT")
        assert "the letters ACTTG" in view.alt
        assert view.letters == "ACTTG"
        assert draws(view.specification)
        assert input_view(spec, array * 0.5, 0).letters == ""
