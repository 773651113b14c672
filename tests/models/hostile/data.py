"""Data files that must be refused."""

import gzip
import io
import pickle
import struct
import zipfile
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image

from core.inputs.spec import InputSpec
from tests.models.hostile.models import Case
from tests.models.hostile.parts import archive, npy

__all__ = ["HOSTILE_DATA", "VECTOR", "DataCase"]

VECTOR = InputSpec("x", (4,), "float32")
PICTURE = InputSpec("x", (8, 8, 3), "float32")


@dataclass(frozen=True)
class DataCase(Case):
    """A data file of the corpus, and what the model expects."""

    spec: InputSpec = VECTOR
    file_name: str = "data.bin"


class Marker:
    """Would be made by whoever unpickles it; it only stands for a value."""

    def __reduce__(self):
        return (abs, (-1,))


def pickled():
    stream = io.BytesIO()
    np.save(stream, np.array([Marker()], dtype=object), allow_pickle=True)
    return stream.getvalue()


def png(width, height, *chunks):
    """Return a PNG that declares a size, with chunks of one's own before what little there is of pixels."""

    def chunk(kind, content):
        return struct.pack(">L", len(content)) + kind + content + struct.pack(">L", zlib.crc32(kind + content))

    head = struct.pack(">LLBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(100)))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + b"".join(chunk(*each) for each in chunks)
        + pixels
        + chunk(b"IEND", b"")
    )


def big_png():
    stream = io.BytesIO()
    Image.new("1", (13_000, 13_000)).save(stream, "PNG")
    return stream.getvalue()


def bomb():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made, made.open("x.npy", "w", force_zip64=True) as entry:
        entry.write(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (500000000, 4)}"))
        for _ in range(40):
            entry.write(bytes(1 << 20))
    return stream.getvalue()


def header(shape, kind="<f4"):
    return npy(f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}")


CASES = {
    "a pickle in .npy": ("pickle", pickled, "code|object", {}),
    "a pickle in .npz": ("pickle", lambda: archive(("x.npy", pickled())), "code|object", {}),
    "a pickle by itself": ("pickle", lambda: pickle.dumps(Marker()), "pickle|neither|text", {}),
    "an array of objects": ("pickle", lambda: header("(4,)", "|O"), "code|object", {}),
    "an array of gigabytes that are not there": ("npy", lambda: header("(1000000000, 4)"), "GB|ends before", {}),
    "an array that ends early": ("npy", lambda: header("(3, 4)") + bytes(8), "cut off", {}),
    "an array of negative size": ("npy", lambda: header("(-1, 4)"), "NumPy array", {}),
    "an array of 1e30 values": (
        "npy",
        lambda: header("(10**30,)".replace("10**30", "1" + "0" * 30)),
        "GB|ends|NumPy",
        {},
    ),
    "a header that is an expression": ("npy", lambda: npy("{'descr': abs(-1), 'shape': (1,)}"), "NumPy array", {}),
    "a header that is nested deeply": ("npy", lambda: npy("(" * 5_000 + ")" * 5_000), "NumPy array", {}),
    "a header longer than the file": ("npy", lambda: b"\x93NUMPY\x02\x00\xff\xff\xff\x7f{", "NumPy array", {}),
    "an archive that is a bomb": ("npz", bomb, "GB|ends|damaged|memory", {}),
    "an archive of 2,000 arrays": (
        "npz",
        lambda: archive(*((f"a{number}.npy", header("(0,)")) for number in range(2_000))),
        "arrays",
        {},
    ),
    "an archive with an array twice": (
        "npz",
        lambda: archive(("x.npy", header("(1, 4)") + bytes(16)), ("x.npy", header("(1, 4)") + bytes(16))),
        "same name|too many|twice",
        {},
    ),
    "an archive that climbs out": ("npz", lambda: archive(("../marker", b"")), "without arrays|no array", {}),
    "a picture of 169 megapixels": ("image", big_png, "pixels", {"spec": PICTURE}),
    "a picture that declares a terapixel": ("image", lambda: png(1_000_000, 1_000_000), "pixels", {"spec": PICTURE}),
    "a picture that is cut off": ("image", lambda: png(800, 800), "could not be read", {"spec": PICTURE}),
    "a picture with a bomb of text": (
        "image",
        lambda: png(8, 8, (b"zTXt", b"a\0\0" + zlib.compress(bytes(200 << 20)))),
        "could not be read|pixels",
        {"spec": PICTURE},
    ),
    "PostScript that is called a picture": (
        "image",
        lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n",
        "",
        {"spec": PICTURE, "file_name": "picture.png"},
    ),
    "a table of millions of columns": ("csv", lambda: b"1," * 3_000_000 + b"1\n", "columns|characters", {}),
    "a table of millions of lines": ("csv", lambda: b"1,2,3,4\n" * 1_100_000, "lines|rows", {}),
    "a line that never ends": ("csv", lambda: b"1" * 6_000_000, "characters", {}),
    "a table that is packed": (
        "csv",
        lambda: gzip.compress(bytes(50 << 20)),
        "compressed|packed",
        {"file_name": "t.csv.gz"},
    ),
    "a quotation that never ends": ("csv", lambda: b'1,2,3,"4\n' + b"1,2,3,4\n" * 10, "quotation", {}),
    "text with zeros": ("csv", lambda: b"1,2\0,3,4\n", "neither text|known kind", {}),
    "an HDF5 file as data": ("npy", lambda: b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5", {}),
    "nothing": ("npy", lambda: b"", "empty", {}),
}

HOSTILE_DATA = [DataCase(name, threat, build, says, **rest) for name, (threat, build, says, rest) in CASES.items()]
