import bz2
import gzip
import io
import lzma
import pickle
import zipfile

import h5py
import numpy as np
import pytest
from PIL import Image

from core.common import file_signatures


def written(write):
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


def picture(kind):
    return written(lambda stream: Image.new("RGB", (2, 2)).save(stream, kind))


def hdf5(stream):
    with h5py.File(stream, "w") as file:
        file["a"] = 1


def archive(stream):
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("a", "b")


@pytest.mark.parametrize(
    ("signature", "content"),
    [
        ("BMP", picture("BMP")),
        ("BZIP2", bz2.compress(b"a")),
        ("GIF", picture("GIF")),
        ("GZIP", gzip.compress(b"a")),
        ("HDF5", written(hdf5)),
        ("JPEG", picture("JPEG")),
        ("NPY", written(lambda stream: np.save(stream, np.zeros(2)))),
        ("PNG", picture("PNG")),
        ("RIFF", picture("WEBP")),
        ("XZ", lzma.compress(b"a")),
        ("ZIP_LOCAL_FILE", written(archive)),
        ("ZIP_END", written(lambda stream: zipfile.ZipFile(stream, "w").close())),
        *(("PICKLE", pickle.dumps([1], protocol)) for protocol in (2, 3, 4, 5)),
    ],
    # Not by the content, in which some write the time of day: each process would call the test something else.
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_files_begin_as_those_who_write_them_let_them_begin(signature, content):
    assert content.startswith(getattr(file_signatures, signature))


def test_a_text_begins_behind_its_mark_and_blanks():
    assert file_signatures.beginning_of_text(b"\xef\xbb\xbf \r\n{}") == b"{}"
