import bz2
import gzip
import io
import lzma
import pickle
import sqlite3

import h5py
import pytest
from PIL import Image

from core.inputs.file_kinds import kind_of, kind_of_archive, kind_promised_by


def image(kind):
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, kind)
    return buffer.getvalue()


def hdf5():
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["x"] = [1, 2]
    return buffer.getvalue()


def database():
    with sqlite3.connect(":memory:") as connection:
        connection.execute("create table t (x)")
        content = connection.serialize()
    connection.close()
    return content


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (image("GIF"), "a GIF image"),
        (image("TIFF"), "a TIFF image"),
        (image("BMP"), "a BMP image"),
        (image("ICO"), "an icon"),
        (image("EPS"), "a PostScript file"),
        (image("PDF"), "a PDF"),
        (image("JPEG2000"), "a JPEG 2000 image"),
        (b"<svg xmlns=''/>", "an SVG image"),
        (b"\xef\xbb\xbf <!DOCTYPE svg><svg/>", "an SVG image"),
        (b"\n<HTML>", "a web page"),
        (gzip.compress(b"1,2", mtime=0), "compressed with gzip"),
        (bz2.compress(b"1,2"), "compressed with bzip2"),
        (lzma.compress(b"1,2"), "compressed with xz"),
        *[(pickle.dumps([1], protocol), "a pickle, which can run code when it is opened") for protocol in range(2, 6)],
        (hdf5(), "an HDF5 file"),
        (database(), "an SQLite database"),
        (b'{"a": 1}', "JSON or a printed list"),
    ],
)
def test_real_files_are_named(data, kind):
    found = kind_of(data)
    assert found
    assert found[0] == kind
    assert found[1].endswith(".")


@pytest.mark.parametrize("data", [b"", b"1,2", b"BM,GIF8\n1,2", "Größe".encode(), image("PNG"), image("WEBP")[:4]])
def test_what_is_read_or_not_known_is_not_named(data):
    assert kind_of(data) is None


def test_markup_is_text_where_text_is_wanted():
    assert kind_of(b"<html>", markup=False) is None
    assert kind_of(b"[1]", markup=False) is None


def test_what_a_name_promises():
    assert kind_promised_by("photo.PNG") == "a PNG image"
    assert kind_promised_by("a.npz") == "an archive of NumPy arrays"
    assert kind_promised_by("a.csv") == kind_promised_by("png") == kind_promised_by("a.png\0.csv") == ""


def test_what_an_archive_is():
    assert kind_of_archive({"word/document.xml"})[0] == "a Word document"
    assert kind_of_archive(set())[0] == "a zip archive without arrays"
