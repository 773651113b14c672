"""Edits as they go into an address and come back, and what they make of a sample, against NumPy."""

import numpy as np
import pytest

from core.errors import InputRejected
from core.inputs.edited_samples import edited_arrays, with_variants, words_of
from core.inputs.edits import (
    ClampEdit,
    FeatureEdit,
    PaintEdit,
    RectangleEdit,
    StretchEdit,
    Variant,
    WordEdit,
    clamp_of,
    edits_from_text,
    input_edits,
    text_of_edits,
    variants_from_text,
    with_edit,
)
from core.inputs.files import Samples
from core.inputs.spec import InputSpec

RANDOM = np.random.default_rng(2)
IMAGE = InputSpec("image", (6, 8, 3), "float32")
SERIES = InputSpec("series", (7, 2), "float32")
TEXT = InputSpec("text", (), "string")
TOKENS = InputSpec("tokens", (5,), "int32", vocabulary_size=10)
EDITS = (
    PaintEdit("image", ((1, 2), (3, 4)), 3, (0.5,)),
    RectangleEdit("image", 0, 1, 2, 3, (1.0, 0.0, -1.0)),
    FeatureEdit("row", 4, -2.5),
    StretchEdit("series", 1, 3, 1, "mean"),
    WordEdit("text", 2, "schön"),
    ClampEdit("block/conv~2[0]", 7, 0.25),
)


def after(edits, spec, values):
    return edited_arrays({spec.name: values}, edits, [spec])[spec.name]


def test_edits_come_back_from_the_text_of_an_address():
    variants = (Variant(3, "without a “top”", EDITS[:2]), Variant(0, "b", ()))

    assert edits_from_text(text_of_edits(EDITS)) == EDITS
    assert variants_from_text(text_of_edits(variants)) == variants
    assert set(text_of_edits(EDITS)) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
    assert text_of_edits(()) == ""
    assert edits_from_text("") == ()


@pytest.mark.parametrize("cut", [5, 20, -30])
def test_a_link_that_was_cut_or_made_up_has_no_edits(cut):
    assert edits_from_text(text_of_edits(EDITS)[:cut]) == ()
    assert edits_from_text("ü") == ()
    assert edits_from_text("AAAA") == ()
    assert edits_from_text(text_of_edits((Variant(0, "a", EDITS),))) == ()


def test_a_text_that_unpacks_to_very_much_has_no_edits():
    many = tuple(FeatureEdit("x", number, 0.0) for number in range(20_000))
    assert len(text_of_edits(many)) < 200_000
    assert edits_from_text(text_of_edits(many)) == ()


def test_of_a_feature_a_word_and_a_unit_the_last_value_counts():
    edits = with_edit((*EDITS, ClampEdit("block/conv~2[0]", 8, 1.0)), ClampEdit("block/conv~2[0]", 7, 3.0))
    edits = with_edit(edits, FeatureEdit("row", 4, 9.0))

    assert clamp_of(edits) == {"block/conv~2[0]": {8: 1.0, 7: 3.0}}
    assert [each.value for each in edits if isinstance(each, FeatureEdit)] == [9.0]
    assert len(with_edit(EDITS, EDITS[0])) == len(EDITS) + 1
    assert [each.kind for each in input_edits(edits)] == ["paint", "rectangle", "stretch", "word", "feature"]


def test_a_rectangle_and_a_stroke_fill_their_pixels_and_leave_the_original():
    image = RANDOM.normal(size=(1, 6, 8, 3)).astype(np.float32)
    given = image.copy()
    expected = image.copy()
    expected[0, 1:3, 2:5] = [1, 2, 3]
    np.testing.assert_array_equal(after([RectangleEdit("image", 1, 2, 3, 5, (1, 2, 3))], IMAGE, image), expected)

    expected = image.copy()
    expected[0, 2, 1:6] = 0.5
    stroke = PaintEdit("image", ((2, 1), (2, 5)), 1, (0.5,))
    np.testing.assert_array_equal(after([stroke], IMAGE, image), expected)

    brush = after([PaintEdit("image", ((3, 4),), 5, (9,))], IMAGE, image)
    rows, columns = np.ogrid[:6, :8]
    np.testing.assert_array_equal((brush == 9).all(axis=-1)[0], (rows - 3) ** 2 + (columns - 4) ** 2 <= 4)
    np.testing.assert_array_equal(image, given)


@pytest.mark.parametrize(
    ("spec", "to_images"),
    [
        (InputSpec("image", (3, 6, 8), "float32", data_format="channels_first"), lambda x: np.moveaxis(x, 1, -1)),
        (InputSpec("image", (48,), "float32", taken_for="image", reshaped=(6, 8, 1)), lambda x: x.reshape(1, 6, 8, 1)),
        (InputSpec("image", (12, 9), "uint8"), lambda x: x[..., None]),
    ],
    ids=["channels first", "a row", "whole numbers"],
)
def test_pixels_are_those_of_the_picture_however_the_model_takes_it(spec, to_images):
    array = RANDOM.integers(0, 200, size=(1, *spec.shape)).astype(spec.dtype)
    found = after([RectangleEdit("image", 4, 2, 6, 3, (250.4,))], spec, array)
    expected = to_images(array).copy()
    expected[0, 4:6, 2] = 250.4 if spec.dtype == "float32" else 250

    assert found.dtype == array.dtype
    assert found.shape == array.shape
    np.testing.assert_allclose(to_images(found), expected)


def test_a_stretch_becomes_zero_or_the_mean_of_its_channel():
    series = RANDOM.normal(size=(1, 7, 2)).astype(np.float32)
    zero, mean = (after([StretchEdit("series", 2, 5, channel, to)], SERIES, series)
                  for channel, to in ((None, "zero"), (1, "mean")))  # fmt: skip

    assert (zero[0, 2:5] == 0).all()
    assert (zero[0, 5:] == series[0, 5:]).all()
    np.testing.assert_allclose(mean[0, 2:5, 1], series[0, :, 1].mean(), rtol=1e-5)
    np.testing.assert_array_equal(mean[..., 0], series[..., 0])


def test_words_are_replaced_and_removed_by_where_they_stood():
    text = np.array(["a  good film"])
    edits = [WordEdit("text", 0, ""), WordEdit("text", 2, "long book")]

    assert after(edits, TEXT, text).tolist() == ["good long book"]
    assert words_of(text) == ["a", "good", "film"]
    filled, in_front = (after([WordEdit("tokens", 2, ""), WordEdit("tokens", 3, "9")], TOKENS, np.array([row], "int32"))
                        for row in ([4, 5, 6, 7, 0], [0, 5, 6, 7, 8]))  # fmt: skip
    assert filled.tolist() == [[4, 5, 9, 0, 0]]
    assert in_front.tolist() == [[0, 0, 5, 9, 8]]


@pytest.mark.parametrize(
    ("edit", "spec", "values", "said"),
    [
        (FeatureEdit("other", 0, 1.0), SERIES, np.zeros((1, 7, 2)), "no input 'other'"),
        (FeatureEdit("series", 14, 1.0), SERIES, np.zeros((1, 7, 2)), "no number 14"),
        (StretchEdit("series", 5, 8), SERIES, np.zeros((1, 7, 2)), "no steps 5 to 7"),
        (StretchEdit("series", 0, 1, 2), SERIES, np.zeros((1, 7, 2)), "no channel 2"),
        (PaintEdit("image", ((0, 0),), 1, (1.0, 2.0)), IMAGE, np.zeros((1, 6, 8, 3)), "3 channels, not 2"),
        (WordEdit("text", 3, "x"), TEXT, np.array(["a good film"]), "no word 3"),
        (WordEdit("tokens", 0, "10"), TOKENS, np.ones((1, 5), "int32"), "'10' is no token"),
        (FeatureEdit("text", 0, 1.0), TEXT, np.array(["a"]), "has words to edit"),
        (WordEdit("series", 0, "a"), SERIES, np.zeros((1, 7, 2)), "has no words"),
    ],
)
def test_what_cannot_be_edited_is_refused_in_words(edit, spec, values, said):
    with pytest.raises(InputRejected, match=said):
        after([edit], spec, values)


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("points", [((0, 0), (5, 7)), ((5, 3), (0, 3), (2, 9)), ((7, 12),)])
def test_a_stroke_covers_the_pixels_that_are_near_its_line_and_may_leave_the_picture(points, size):
    found = after([PaintEdit("image", points, size, (1.0,))], IMAGE, np.zeros((1, 6, 8, 3), np.float32))[0, ..., 0]
    along = np.linspace(0, 1, 2001)[:, None]
    ends = zip(points, points[1:] or points, strict=False)
    line = np.concatenate([np.array(start) * (1 - along) + np.array(end) * along for start, end in ends])
    reach = max((size - 1) / 2, 0.5 if len(points) > 1 else 0)
    away = np.array([[np.hypot(*(line - (row, column)).T).min() for column in range(8)] for row in range(6)])

    clear = np.abs(away - reach) > 1e-3
    np.testing.assert_array_equal(found[clear] == 1, away[clear] < reach)


def test_tokens_that_nobody_edited_stay_whatever_they_are():
    found = after([WordEdit("tokens", 0, "7")], TOKENS, np.array([[3, 4, -1, -1, 12]], "int32"))

    assert found.tolist() == [[7, 4, -1, -1, 12]]


def test_an_input_of_one_number_has_one_step():
    spec = InputSpec("x", (), "float32")

    assert after([StretchEdit("x", 0, 1)], spec, np.array([5.0], "float32")).tolist() == [0.0]
    with pytest.raises(InputRejected, match="no steps 1 to 2"):
        after([StretchEdit("x", 1, 3)], spec, np.array([5.0], "float32"))


def test_variants_stand_behind_the_samples_with_the_label_of_their_original():
    rows = RANDOM.normal(size=(3, 4)).astype(np.float32)
    spec = InputSpec("x", (4,), "float32")
    samples = Samples({"x": rows}, np.array(["a", "b", "c"]), ("0", "1", "2"), notes={"x": ("p", "q", "r")})
    found = with_variants(samples, [Variant(1, "1, without", (FeatureEdit("x", 2, 7.0),))], [spec])

    np.testing.assert_array_equal(found.arrays["x"][:3], rows)
    np.testing.assert_array_equal(found.arrays["x"][3], [*rows[1, :2], 7, rows[1, 3]])
    assert found.labels.tolist() == ["a", "b", "c", "b"]
    assert found.names == ("0", "1", "2", "1, without")
    assert found.notes["x"][3] == "q"

    of_that = Variant(3, "3, further", (FeatureEdit("x", 0, 9.0),))
    further = with_variants(samples, [Variant(1, "1, without", (FeatureEdit("x", 2, 7.0),)), of_that], [spec])
    np.testing.assert_array_equal(further.arrays["x"][4], [9, rows[1, 1], 7, rows[1, 3]])
    assert further.labels[4] == "b"
    with pytest.raises(InputRejected, match="'v' is a variant of sample 5"):
        with_variants(samples, [Variant(5, "v", ())], [spec])
