import io
import struct
import tracemalloc
import zlib

import keras
import numpy as np
import pytest
from keras.applications import imagenet_utils
from PIL import Image

from core.errors import InputRejected
from core.inputs.images import SCALINGS, read_image, suggest_scaling, takes_images
from core.inputs.spec import InputSpec

GRAY = InputSpec("digit", (8, 8, 1), "float32")
COLOUR = InputSpec("photo", (8, 8, 3), "float32")
ANY_SIZE = InputSpec("photo", (None, None, 3), "float32")
RAW = list(SCALINGS)[2]
RANDOM = np.random.default_rng(0)


def encoded(picture, kind="PNG", **options):
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture)
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def pixels(height=8, width=8, channels=3):
    return RANDOM.integers(0, 256, size=(height, width, channels), dtype=np.uint8)


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_of(header, packed, before=b"", after=b""):
    parts = [chunk(b"IHDR", header), before, chunk(b"IDAT", packed), after, chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def gray_png():
    return struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0), zlib.compress(bytes(9) * 8)


def declared_png(width, height):
    """Return a PNG that says it is huge and holds nothing."""
    return png_of(struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0), zlib.compress(b""))


def test_the_scalings_are_the_ones_promised():
    assert list(SCALINGS) == [
        "0–1",
        "−1–1",
        "0–255",
        "caffe (BGR, ImageNet mean)",
        "torch (0–1, ImageNet mean and std)",
    ]
    assert all(scaling.title and scaling.description for scaling in SCALINGS.values())


@pytest.mark.parametrize(("key", "mode"), [(1, "tf"), (3, "caffe"), (4, "torch")])
def test_scalings_equal_keras_applications(key, mode):
    picture = pixels()
    expected = imagenet_utils.preprocess_input(picture.astype("float32"), data_format="channels_last", mode=mode)
    values = read_image(encoded(picture), "a.png", COLOUR, scaling=list(SCALINGS)[key])
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, expected, atol=1e-5)


def test_zero_to_one_and_raw():
    picture = pixels()
    np.testing.assert_allclose(read_image(encoded(picture), "a.png", COLOUR), picture / 255, atol=1e-6)
    np.testing.assert_array_equal(read_image(encoded(picture), "a.png", COLOUR, scaling=RAW), picture)


def test_a_scaling_per_colour_needs_three_colours():
    with pytest.raises(InputRejected, match="three colours"):
        read_image(encoded(pixels()), "a.png", GRAY, scaling=list(SCALINGS)[3])
    with pytest.raises(InputRejected, match="no scaling"):
        read_image(encoded(pixels()), "a.png", GRAY, scaling="mine")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_formats(kind):
    picture = np.full((8, 8, 3), (200, 30, 60), np.uint8)
    values = read_image(encoded(picture, kind), "a", COLOUR, scaling=RAW)
    np.testing.assert_allclose(values, picture, atol=6)


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF"])
def test_other_formats_are_refused(kind):
    with pytest.raises(InputRejected, match=rf"a\.png is a {kind} image; expected was PNG, JPEG or WebP"):
        read_image(encoded(pixels(), kind), "a.png", COLOUR)


def test_damaged_files_are_refused():
    data = encoded(pixels(64, 64))
    for broken in (data[:10], data[:60], data[:-3000], data[:80] + bytes(400) + data[480:]):
        with pytest.raises(InputRejected, match=r"a\.png begins like a PNG image .* cut off, damaged") as caught:
            read_image(broken, "a.png", COLOUR)
        assert caught.value.remedy


@pytest.mark.parametrize("size", [(8000, 7000), (12_000, 12_000), (60_000, 60_000)])
def test_pixels_are_counted_before_they_are_decoded(size):
    with pytest.raises(InputRejected, match="at most 50,000,000 are read"):
        read_image(declared_png(*size), "bomb.png", GRAY)


@pytest.mark.parametrize("shape", [(60_000, 60_000, 3), (None, 2_000_000, 3)])
def test_a_model_cannot_ask_for_gigabytes(shape):
    with pytest.raises(InputRejected, match="at most 50,000,000 are made"):
        read_image(encoded(pixels(500, 20)), "a.png", InputSpec("x", shape, "float32"))


# How a camera stores a picture for each EXIF orientation: what brings the upright pixels there.
STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: upright[:, ::-1].swapaxes(0, 1),
    7: lambda upright: upright[::-1, ::-1].swapaxes(0, 1),
    8: lambda upright: upright[::-1].swapaxes(0, 1),
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", STORED)
def test_pictures_are_turned_upright(orientation, kind):
    upright = np.zeros((16, 32, 3), np.uint8)
    upright[:8, :16], upright[:8, 16:], upright[8:, :16] = 250, 170, 80  # and black below to the right
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(STORED[orientation](upright))
    options = {"quality": 95} if kind != "PNG" else {}
    values = read_image(encoded(stored, kind, exif=exif, **options), "a", ANY_SIZE, scaling=RAW)
    np.testing.assert_allclose(values, upright, atol=12)


def test_transparency_is_laid_on_white():
    picture = np.zeros((8, 8, 4), np.uint8)
    picture[:4, :, 3] = 255  # the upper half is opaque black
    values = read_image(encoded(picture), "a.png", GRAY)
    assert values.shape == (8, 8, 1)
    assert values[:4].max() == 0
    assert values[4:].min() == 1
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([0, 0, 0])
    assert read_image(encoded(palette, transparency=0), "a.png", COLOUR).min() == 1


def test_four_channels_keep_transparency():
    picture = pixels(channels=4)
    spec = InputSpec("x", (8, 8, 4), "float32")
    np.testing.assert_array_equal(read_image(encoded(picture), "a.png", spec, scaling=RAW), picture)
    inverted = read_image(encoded(picture), "a.png", spec, scaling=RAW, invert=True)
    np.testing.assert_array_equal(inverted[..., 3], picture[..., 3])
    np.testing.assert_array_equal(inverted[..., :3], 255 - picture[..., :3])


def test_channels_follow_the_input():
    gray, colour = encoded(pixels()[..., 0]), encoded(pixels())
    free = InputSpec("x", (None, None, None), "float32")
    assert read_image(gray, "a.png", COLOUR).shape == (8, 8, 3)
    assert read_image(colour, "a.png", GRAY).shape == (8, 8, 1)
    assert read_image(gray, "a.png", free).shape == (8, 8, 1)
    assert read_image(colour, "a.png", free).shape == (8, 8, 3)
    assert read_image(encoded(Image.new("CMYK", (8, 8)), "JPEG"), "a.jpg", free).shape == (8, 8, 3)
    assert read_image(encoded(Image.new("1", (8, 8))), "a.png", free).shape == (8, 8, 1)


def test_colours_of_other_modes():
    picture = np.full((8, 8, 3), (204, 51, 0), np.uint8)
    palette = Image.fromarray(picture).convert("P", palette=Image.Palette.WEB)
    for data in (
        encoded(Image.fromarray(picture).convert("CMYK"), "JPEG", quality=95),
        encoded(palette),
        encoded(picture, "WEBP", lossless=True),
    ):
        np.testing.assert_allclose(read_image(data, "a", COLOUR, scaling=RAW), picture, atol=3)
    seen_through = encoded(palette, transparency=bytes([128]) * 256)
    np.testing.assert_allclose(
        read_image(seen_through, "a.png", COLOUR, scaling=RAW), 255 - (255 - picture.astype(float)) * 128 / 255, atol=1
    )


def test_sixteen_bits_of_colour():
    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    row = zlib.compress(b"\0" + struct.pack(">6H", 65535, 0, 32768, 0, 65535, 257))
    values = read_image(png_of(header, row), "a.png", ANY_SIZE, scaling=RAW)
    assert values.tolist() == [[[255, 0, 128], [0, 255, 1]]]


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_the_first_picture_of_an_animation_is_taken(kind):
    frames = [Image.new("RGB", (8, 8), (value, value, value)) for value in range(255)]
    data = encoded(frames[200], kind, save_all=True, append_images=frames)
    np.testing.assert_allclose(read_image(data, "a", COLOUR, scaling=RAW), 200, atol=2)


def test_frames_that_are_only_declared_cost_nothing():
    data = png_of(*gray_png(), before=chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)))
    assert read_image(data, "a.png", GRAY).shape == (8, 8, 1)


@pytest.mark.parametrize(
    ("name", "beginning", "place"),
    [
        (b"zTXt", b"k\0\0", "before"),
        (b"zTXt", b"k\0\0", "after"),
        (b"iTXt", b"k\0\1\0\0\0", "before"),
        (b"iTXt", b"k\0\1\0\0\0", "after"),
        (b"iCCP", b"k\0\0", "before"),
    ],
)
def test_bombs_beside_the_picture_are_not_unpacked(name, beginning, place):
    bomb = chunk(name, beginning + zlib.compress(bytes(50_000_000)))
    tracemalloc.start()
    try:
        with pytest.raises(InputRejected, match="too much beside the picture"):
            read_image(png_of(*gray_png(), **{place: bomb}), "a.png", GRAY)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_the_canvas_of_a_webp_is_measured_before_it_is_opened():
    canvas = b"VP8X" + struct.pack("<I", 10) + b"\2\0\0\0" + b"\xff\xff\xff" + b"\xff\xff\0"
    data = b"RIFF" + struct.pack("<I", len(canvas) + 4) + b"WEBP" + canvas
    with pytest.raises(InputRejected, match="16,777,216×65,536"):
        read_image(data, "a.webp", GRAY)
    large = encoded(Image.new("L", (10_000, 6_000)), "WEBP")
    with pytest.raises(InputRejected, match="10,000×6,000"):
        read_image(large, "a.webp", GRAY)
    lossless = encoded(Image.new("L", (10_000, 6_000)), "WEBP", lossless=True)
    with pytest.raises(InputRejected, match="10,000×6,000"):
        read_image(lossless, "a.webp", GRAY)


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", [(1, 1_000_000), (1_000_000, 1)])
def test_thin_pictures(size, fit):
    data = encoded(Image.new("L", size, 255))
    values = read_image(data, "line.png", InputSpec("x", (200, 200, 1), "float32"), fit=fit)
    assert values.shape == (200, 200, 1)
    assert values.max() == 1


def test_sixteen_bits_are_scaled_and_not_cut_off():
    picture = np.linspace(0, 65535, 64).reshape(8, 8).astype(np.uint16)
    values = read_image(encoded(picture), "a.png", GRAY)
    np.testing.assert_allclose(values[..., 0], picture / 65535, atol=1 / 255)


def test_channels_first_is_transposed():
    picture = pixels()
    values = read_image(encoded(picture), "a.png", InputSpec("x", (3, 8, 8), "float32"))
    np.testing.assert_allclose(values, np.moveaxis(picture / 255, -1, 0), atol=1e-6)


def test_size_follows_the_input_or_the_file():
    data = encoded(pixels(20, 10))
    assert read_image(data, "a.png", COLOUR).shape == (8, 8, 3)
    assert read_image(data, "a.png", ANY_SIZE).shape == (20, 10, 3)
    assert read_image(data, "a.png", InputSpec("x", (None, 5, 3), "float32")).shape == (10, 5, 3)
    assert read_image(data, "a.png", InputSpec("x", (40, None, 3), "float32")).shape == (40, 20, 3)


def test_shrinking_is_antialiased():
    board = np.indices((64, 64)).sum(axis=0) % 2 * 255
    values = read_image(encoded(board.astype(np.uint8)), "a.png", GRAY)
    np.testing.assert_allclose(values, 0.5, atol=0.05)


def test_fits():
    picture = np.full((8, 24, 3), 10, np.uint8)
    picture[:, 8:16] = 200  # light in the middle
    data = encoded(picture)
    stretched, cropped, padded = (
        read_image(data, "a.png", COLOUR, scaling=RAW, fit=fit) for fit in ("stretch", "crop", "pad")
    )
    assert stretched[:, 0].max() < 60
    assert stretched[:, 4].min() > 150
    np.testing.assert_array_equal(cropped, 200)
    assert padded.shape == (8, 8, 3)
    np.testing.assert_array_equal(padded[0], 10)  # the colour of the border


def test_inverting_makes_ink_light():
    paper = np.full((8, 8), 255, np.uint8)
    paper[3, 3] = 0
    values = read_image(encoded(paper), "a.png", GRAY, invert=True)
    assert values[3, 3, 0] == 1
    assert values.sum() == 1


def test_an_input_of_whole_numbers_gets_whole_numbers():
    picture = pixels()
    values = read_image(encoded(picture), "a.png", InputSpec("x", (8, 8, 3), "uint8"), scaling=RAW)
    assert values.dtype == np.uint8
    np.testing.assert_array_equal(values, picture)


def test_pictures_for_inputs_without_channels():
    picture = pixels()
    data = encoded(picture[..., 0])
    np.testing.assert_array_equal(
        read_image(data, "a.png", InputSpec("x", (8, 8), "float32"), scaling=RAW), picture[..., 0]
    )
    assert read_image(data, "a.png", InputSpec("x", (None, 4), "float32")).shape == (4, 4)
    flat = read_image(data, "a.png", InputSpec("x", (64,), "float32"), scaling=RAW)
    np.testing.assert_array_equal(flat, picture[..., 0].reshape(-1))
    coloured = read_image(encoded(picture), "a.png", InputSpec("x", (192,), "float32"), scaling=RAW)
    np.testing.assert_array_equal(coloured, picture.reshape(-1))


@pytest.mark.parametrize(
    "spec",
    [
        InputSpec("x", (5,), "float32"),
        InputSpec("x", (None,), "float32"),
        InputSpec("x", (64,), "float32", vocabulary_size=9),
        InputSpec("x", (8, 8, 8, 1), "float32"),
        InputSpec("x", (8, 8), "string"),
    ],
)
def test_inputs_that_take_no_pictures(spec):
    assert not takes_images(spec)
    with pytest.raises(InputRejected, match="is an image"):
        read_image(encoded(pixels()), "a.png", spec)


def sequential(*layers, shape=(8, 8, 3), dtype=None, name=None):
    return keras.Sequential([keras.Input(shape, dtype=dtype), *layers], name=name)


def test_suggested_scaling_of_models_that_scale_themselves():
    layers = keras.layers
    assert suggest_scaling(sequential(layers.Rescaling(1 / 255))) == RAW
    assert suggest_scaling(sequential(layers.RandomFlip(), layers.Normalization(mean=1.0, variance=1.0))) == RAW
    assert suggest_scaling(sequential(layers.Conv2D(2, 3), dtype="uint8")) == RAW
    augmentation = sequential(layers.RandomFlip())
    backbone = sequential(layers.Rescaling(1 / 255), layers.Conv2D(2, 3))
    assert suggest_scaling(sequential(augmentation, backbone)) == RAW
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, layers.Conv2D(2, 3)(keras.applications.mobilenet_v2.preprocess_input(inputs)))
    assert suggest_scaling(model) == RAW


def test_suggested_scaling_of_other_models():
    convolution = keras.layers.Conv2D(2, 3)
    assert suggest_scaling(sequential(convolution, keras.layers.Rescaling(2))) == "0–1"
    assert suggest_scaling(sequential(keras.layers.RandomFlip(), convolution)) == "0–1"
    assert suggest_scaling(keras.Sequential()) == "0–1"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("vgg16", 3),
        ("resnet50", 3),
        ("resnet50v2", 1),
        ("densenet121", 4),
        ("mobilenetv2_1.00_224", 1),
        ("xception", 1),
    ],
)
def test_suggested_scaling_of_families(name, key):
    backbone = sequential(keras.layers.Conv2D(2, 3), name=name)
    assert suggest_scaling(backbone) == list(SCALINGS)[key]
    assert suggest_scaling(sequential(backbone, keras.layers.Flatten())) == list(SCALINGS)[key]


def test_suggested_scaling_of_real_applications():
    build = {"weights": None, "input_shape": (32, 32, 3), "include_top": False}
    assert suggest_scaling(keras.applications.MobileNetV2(**build)) == "−1–1"
    assert suggest_scaling(keras.applications.MobileNetV3Small(**build)) == RAW
