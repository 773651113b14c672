import gzip
import io
import pickle

import keras
import numpy as np
import pytest
from PIL import Image

from core.errors import InputRejected
from core.inputs.files import Preparation, UploadedFile, read_files, read_text
from core.inputs.model_inputs import input_specs
from core.inputs.spec import InputSpec
from core.inputs.structure import arrange
from core.workspace.previews import input_view

PICTURE = InputSpec("picture", (4, 4, 1), "float32")
ANY_SIZE = InputSpec("picture", (None, None, 1), "float32")
VECTOR = InputSpec("vector", (2,), "float32")
TEXT = InputSpec("text", (), "string")
TOKENS = InputSpec("tokens", (3,), "float32", vocabulary_size=10)


def image(name="a.png", value=255, size=(4, 4), kind="PNG"):
    buffer = io.BytesIO()
    Image.new("L", size, value).save(buffer, kind)
    return UploadedFile(name, buffer.getvalue())


def npy(array, name="a.npy"):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return UploadedFile(name, buffer.getvalue())


def npz(name="a.npz", **arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return UploadedFile(name, buffer.getvalue())


def text(content, name="a.csv"):
    return UploadedFile(name, content.encode())


def rejected(files, *specs):
    with pytest.raises(InputRejected) as caught:
        read_files(files, specs)
    assert caught.value.remedy
    return caught.value.message


def test_several_images_are_several_samples():
    samples = read_files({"picture": [image("0.png", 0), image("1.jpg", 255, (9, 9), "JPEG")]}, [PICTURE])
    assert samples.arrays["picture"].shape == (2, 4, 4, 1)
    assert samples.arrays["picture"].mean(axis=(1, 2, 3)).tolist() == [0, 1]
    assert samples.names == ("0.png", "1.jpg")
    assert samples.labels is None


def test_preparation_is_followed():
    preparation = Preparation(scaling="0–255", fit="pad", invert=True)
    samples = read_files({"picture": [image(value=55)]}, [PICTURE], preparation)
    assert samples.arrays["picture"].max() == 200


def test_content_decides_and_not_the_name():
    files = [image("a.txt"), npy(np.ones((1, 4, 4)), "b.png"), text(",".join(["1"] * 16), "c.npy")]
    samples = read_files({"picture": files}, [PICTURE])
    np.testing.assert_array_equal(samples.arrays["picture"], np.ones((3, 4, 4, 1)))
    assert samples.names == ("a.txt", "b.png", "c.npy, row 1")


def test_arrays_and_their_labels():
    samples = read_files({"vector": [npz(x=np.zeros((2, 2)), y=np.array([5, 6]))]}, [VECTOR])
    assert samples.labels.tolist() == [5, 6]
    assert samples.names == ("a.npz[0]", "a.npz[1]")
    assert samples.arrays["vector"].dtype == np.float32


def test_tables_follow_one_another():
    tables = [text("label,a,b\nx,1,2\ny,3,4"), text("label,a,b\nz,5,6", "b.csv")]
    samples = read_files({"vector": tables}, [VECTOR])
    assert samples.arrays["vector"].tolist() == [[1, 2], [3, 4], [5, 6]]
    assert samples.labels.tolist() == ["x", "y", "z"]
    assert samples.names == ("a.csv, row 1", "a.csv, row 2", "b.csv, row 1")
    assert read_files({"vector": [tables[0]]}, [VECTOR]).names == ("row 1", "row 2")
    assert read_files({"vector": [*tables, text("1,2")]}, [VECTOR]).labels is None


def test_an_archive_fills_all_inputs():
    specs = [PICTURE, VECTOR]
    archive = npz(picture=np.ones((2, 4, 4)), vector=np.zeros((2, 2)), labels=np.array([1, 0]))
    for key in ("", "picture", "vector"):
        samples = read_files({key: [archive]}, specs)
        assert list(samples.arrays) == ["picture", "vector"]
        assert samples.arrays["picture"].shape == (2, 4, 4, 1)
        assert samples.labels.tolist() == [1, 0]


def test_a_file_for_each_input():
    samples = read_files({"vector": [npz(x=np.zeros((1, 2)))], "picture": [image()]}, [PICTURE, VECTOR])
    assert list(samples.arrays) == ["picture", "vector"]
    assert samples.names == ("a.png",)


def test_what_is_read_goes_through_the_model():
    picture, vector = keras.Input((4, 4, 1), name="picture"), keras.Input((2,), name="vector")
    merged = keras.layers.Concatenate()([keras.layers.Flatten()(picture), vector])
    model = keras.Model({"picture": picture, "vector": vector}, merged)
    samples = read_files({"picture": [image()], "vector": [text("3,4")]}, input_specs(model))
    assert model(arrange(model, samples.arrays)).shape == (1, 18)


def test_lines_of_text():
    samples = read_files({"text": [text("Good film.\n\n  A bad one, really. \n", "reviews.txt")]}, [TEXT])
    assert samples.arrays["text"].tolist() == ["Good film.", "A bad one, really."]
    assert samples.names == ("line 1", "line 3")


def test_text_in_a_table():
    samples = read_files({"text": [text('label,text\n1,"Good, film"')]}, [TEXT])
    assert samples.arrays["text"].tolist() == ["Good, film"]
    assert samples.labels.tolist() == [1]


def test_typed_text():
    samples = read_text("one\ntwo", InputSpec("text", (1,), "string"))
    assert samples.arrays["text"].tolist() == [["one"], ["two"]]
    assert samples.names == ("line 1", "line 2")
    assert read_text("1 2 3", TOKENS).arrays["tokens"].tolist() == [[1, 2, 3]]
    assert read_text("1, 2.5\n3, 4", VECTOR).arrays["vector"].tolist() == [[1, 2.5], [3, 4]]
    with pytest.raises(InputRejected, match="The text is empty"):
        read_text(" \n", TEXT)
    with pytest.raises(InputRejected, match="token id 10"):
        read_text("1 2 10", TOKENS)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (image(kind="GIF").data, "a GIF image"),
        (image(kind="BMP").data, "a BMP image"),
        (image(kind="TIFF").data, "a TIFF image"),
        (gzip.compress(b"1,2", mtime=0), "compressed"),
        (pickle.dumps([1, 2]), "a pickle"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"%PDF-1.7", "a PDF"),
        (b"RIFF\0\0\0\0WAVE", "a sound"),
        (b"\0\1\2\3", "neither text"),
        (b"", "is empty"),
        (b"PK\x03\x04", "damaged"),
    ],
)
def test_other_files_are_named(data, words):
    assert words in rejected({"picture": [UploadedFile("file", data)]}, PICTURE)


@pytest.mark.parametrize("line", ["BMW is a make of cars", "GIF89 or PNG?", "<html> is a tag", "[sic]", "BZh"])
def test_text_that_begins_like_another_file(line):
    samples = read_files({"text": [text(line, "a.txt")]}, [TEXT])
    assert samples.arrays["text"].tolist() == [line]


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.png", b"GIF89a\0", "a.png is a GIF image; expected was a PNG image, as its name says"),
        ("a.png", b"%!PS-Adobe-3.0 EPSF-3.0", "a.png is a PostScript file"),
        ("a.png", b'<?xml version="1.0"?><svg/>', "a.png is an SVG image"),
        ("a.jpg", b"\0\0\0\x18ftypheic", "a.jpg is a HEIC or AVIF image; expected was a JPEG image"),
        ("a.npy", b"<!DOCTYPE html>", "a.npy is a web page; expected was a NumPy array"),
        ("a.npy", b"[[1, 2]]", "a.npy is JSON"),
        ("a.npz", b"version https://git-lfs.github.com/spec/v1", "a.npz is a Git LFS pointer"),
        ("a.npy", b"one,two", "a.npy is not a NumPy array, though its name says so."),
        ("a.webp", b"\1\2\0", "a.webp is not a WebP image, though its name says so."),
        ("a.csv", b"PAR1\0", "a.csv is a Parquet file"),
        ("a.npy", b"", "a.npy is empty: it has no bytes"),
    ],
)
def test_what_was_expected_and_what_was_found(name, data, words):
    assert words in rejected({"vector": [UploadedFile(name, data)]}, VECTOR)


def test_what_is_not_finite_is_counted():
    files = [text("1,nan\n,inf"), npy(np.array([[np.nan, 5.0]]))]
    samples = read_files({"vector": files}, [VECTOR])
    view = input_view(VECTOR, samples.arrays["vector"], 0)
    assert (view.not_finite, view.minimum, view.maximum) == (4, 1, 5)
    assert "holds nan, the input 'tokens' expects whole numbers" in rejected(
        {"tokens": [text("1,,3")]}, InputSpec("tokens", (3,), "int32", vocabulary_size=9)
    )


def test_long_and_strange_names():
    name = "\u202e\x1b[2J\n" + "n" * 5000 + ".csv"
    input_name = "i" * 5000
    spec = InputSpec(input_name, (2,), "float32")
    table, other = UploadedFile(name, b"1,2\n3,4"), UploadedFile(name, b"5,6")
    samples = read_files({input_name: [table, other]}, [spec])
    assert all(len(each) < 100 and each.isprintable() for each in samples.names)
    for files in (
        {input_name: [UploadedFile(name, b"1,2,3")]},
        {name: [table]},
        {},
        {input_name: [UploadedFile(name, b"")]},
    ):
        message = rejected(files, spec)
        assert len(message) < 500
        assert message.isprintable()


def test_lines_may_end_in_any_way():
    assert read_text("one\rtwo\r\nthree", TEXT).names == ("line 1", "line 2", "line 3")


def test_zeros_in_typed_text():
    with pytest.raises(InputRejected, match="holds zeros"):
        read_text("a\0b", TEXT)


def test_half_characters_in_typed_numbers():
    with pytest.raises(InputRejected, match="not a number"):
        read_text("1 2 \ud800", TOKENS)


def test_what_does_not_fit_is_refused():
    assert "a.npy holds 2×5, the input 'vector' expects ?×2" in rejected({"vector": [npy(np.zeros((2, 5)))]}, VECTOR)
    assert "is an image" in rejected({"tokens": [image()]}, TOKENS)
    assert "differ in size: 4×4×1 and 5×5×1" in rejected({"picture": [image(), image("b.png", 0, (5, 5))]}, ANY_SIZE)
    assert "no input 'x'" in rejected({"x": [image()]}, PICTURE)
    assert "no data for the input 'vector'" in rejected({"picture": [image()], "vector": []}, PICTURE, VECTOR)
    assert "does not say" in rejected({"x": [image()]})
    differing = {"picture": [image()], "vector": [text("1,2\n3,4")]}
    assert "'picture' has 1, 'vector' has 2" in rejected(differing, PICTURE, VECTOR)
    assert "2 samples for the input 'vector' and 3 labels" in rejected(
        {"vector": [npz(x=np.zeros((2, 2)), y=np.zeros(3))]}, VECTOR
    )
    assert "There is none for 'vector'" in rejected({"": [npz(picture=np.ones((1, 4, 4)))]}, PICTURE, VECTOR)
