"""Whatever a file holds: what comes out of the readers are samples or a message, never another error."""

import io
import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from core.errors import InputRejected
from core.inputs.files import Samples, UploadedFile, read_files, read_text
from core.inputs.spec import InputSpec

SPECS = {
    "picture": InputSpec("x", (6, 6, 3), "float32"),
    "vector": InputSpec("x", (3,), "float32"),
    "series": InputSpec("x", (None, 2), "float64"),
    "tokens": InputSpec("x", (3,), "int32", vocabulary_size=9),
    "text": InputSpec("x", (1,), "string"),
}
NAMES = ("a.png", "a.npy", "a.npz", "a.csv", "a.txt", "a")
RANDOM = np.random.default_rng(0)
SETTINGS = settings(deadline=None, max_examples=60, database=None, suppress_health_check=[HealthCheck.filter_too_much])


def image(kind, mode="RGB", **options):
    picture = Image.fromarray(RANDOM.integers(0, 256, (9, 7, 3), dtype=np.uint8)).convert(mode)
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(buffer, kind, exif=exif, **options)
    return buffer.getvalue()


def saved(save, *arrays, **named):
    buffer = io.BytesIO()
    save(buffer, *arrays, **named)
    return buffer.getvalue()


def animation(kind):
    frames = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in range(0, 90, 30)]
    return saved(lambda buffer: frames[0].save(buffer, kind, save_all=True, append_images=frames[1:]))


FILES = {
    "png": image("PNG"),
    "palette": image("PNG", "P", transparency=bytes(range(200))),
    "jpeg": image("JPEG"),
    "cmyk": image("JPEG", "CMYK"),
    "webp": image("WEBP"),
    "animated webp": animation("WEBP"),
    "animated png": animation("PNG"),
    "npy": saved(np.save, np.ones((2, 3))),
    "npy of text": saved(np.save, np.array(["a", "bc"])),
    "npz": saved(np.savez, x=np.ones((2, 3)), y=np.array([1, 2])),
    "compressed npz": saved(np.savez_compressed, x=RANDOM.normal(size=(20, 3)), y=np.array(["a"] * 20)),
    "csv": b"label,a,b,c\nx,1,2,3\ny,4.5,nan,1e9\n",
    "long csv": b"sample,a,b\n0,1,2\n0,3,4\n1,5,6\n1,7,8\n",
    "tsv": b'"a b"\t2\t3\n4\t5\t6\n',
    "decimal commas": b"1,5;2;3\n4,5;5;6\n",
    "blanks": b"1 2 3\n4 5 6\n",
    "utf-16": "1;2;3\n4;5;6\n".encode("utf-16"),
    "prose": b'He said "no".\nWin, now; or never!\n',
}
# What tends to break a reader of text, of arrays, of chunks.
PIECES = st.one_of(
    st.binary(min_size=1, max_size=8),
    st.sampled_from([b'"', b'""', b",", b";", b"\t", b"\n", b"\r", b"#", b"\0", b"\x1f", b"\xff" * 4, b"\xef\xbb\xbf"]),
    st.sampled_from([b"nan", b"-inf", b"1e400", b"9" * 400, b"-1", b"\x7f", b"label", b"sample"]),
    st.sampled_from([b"'<U1'", b"'|O'", b"'<M8'", b"True", b"(", b"1,"]),
)


@st.composite
def mutated(draw, original):
    """Draw a file with a few places changed, inserted, doubled or cut off."""
    data = bytearray(original)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        match draw(st.integers(0, 4)):
            case 0:
                piece = draw(PIECES)
                data[place : place + len(piece)] = piece
            case 1:
                data[place:place] = draw(PIECES)
            case 2:
                end = draw(st.integers(place, len(data)))
                data[place:place] = data[place:end]
            case 3:
                del data[place : draw(st.integers(place, len(data)))]
            case 4 if data:
                data[place] ^= 1 << draw(st.integers(0, 7))
    return bytes(data)


def assert_read_or_refused(read):
    refused = None
    try:
        samples = read()
    except InputRejected as error:
        refused = error
    if refused:
        assert refused.message
        assert refused.remedy
        assert len(str(refused)) < 1000
        assert str(refused).isprintable()
        return
    assert isinstance(samples, Samples)
    array = samples.arrays["x"]
    assert len(array) == len(samples.names) > 0
    assert array.dtype.kind in "biufU"
    array.tolist()  # raises where a text holds characters that do not exist
    assert samples.labels is None or len(samples.labels) == len(array)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow and NumPy warn about what they read all the same
@pytest.mark.parametrize("kind", FILES)
@SETTINGS
@given(data=st.data())
def test_mutated_files(kind, data):
    content = data.draw(mutated(FILES[kind]))
    spec = data.draw(st.sampled_from(list(SPECS.values())))
    name = data.draw(st.sampled_from(NAMES))
    assert_read_or_refused(lambda: read_files({"x": [UploadedFile(name, content)]}, [spec]))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", ["npy", "npy of text"])
@SETTINGS
@given(data=st.data())
def test_archives_of_mutated_arrays(kind, data):
    # An archive that is mutated itself mostly fails by its checksums.
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x.npy", data.draw(mutated(FILES[kind])))
        archive.writestr("y.npy", data.draw(mutated(FILES[kind])))
    spec = data.draw(st.sampled_from(list(SPECS.values())))
    assert_read_or_refused(lambda: read_files({"x": [UploadedFile("a.npz", buffer.getvalue())]}, [spec]))


@pytest.mark.filterwarnings("ignore::UserWarning")
@SETTINGS
@given(content=st.binary(max_size=300), spec=st.sampled_from(list(SPECS.values())), name=st.text(max_size=300))
def test_any_bytes_and_any_name(content, spec, name):
    assert_read_or_refused(lambda: read_files({"x": [UploadedFile(name, content)]}, [spec]))


@SETTINGS
@given(
    text=st.one_of(st.text(max_size=60), st.text(alphabet='12 ,;.\t\n"e-nai#l\ud800', max_size=40)),
    spec=st.sampled_from(list(SPECS.values())),
)
def test_any_typed_text(text, spec):
    assert_read_or_refused(lambda: read_text(text, spec))


MEASURED = """
import io, json, resource, struct, zipfile
from PIL import Image
from core.errors import InputRejected
from core.inputs.checking import InputSpec
from core.inputs.files import UploadedFile, read_files

def png(width, height):
    buffer = io.BytesIO()
    Image.new("1", (width, height)).save(buffer, "PNG")
    return buffer.getvalue()

def npz(beginning, piece, count):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file, file.open("x.npy", "w") as member:
        member.write(beginning)
        for _ in range(count):
            member.write(piece)
    return buffer.getvalue()

def header(shape, descr):
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}}}".encode()
    return b"\\x93NUMPY\\x01\\0" + struct.pack("<H", len(text)) + text

NUMBERS, TEXT = InputSpec("x", (3,), "float32"), InputSpec("x", (), "string")
files = {
    "pixels": (NUMBERS, png(10_000, 10_000)),
    "zeros": (NUMBERS, npz(header("(400, 1000000)", "|u1"), bytes(1_000_000), 400)),
    "zeros that become floats": (NUMBERS, npz(header("(30000000, 3)", "|u1"), bytes(1_000_000), 90)),
    "header": (NUMBERS, npz(b"\\x93NUMPY\\x02\\0" + struct.pack("<I", 400_000_000), b" " * 1_000_000, 400)),
    "promises": (NUMBERS, header("(1000000, 1000000)", "<f8")),
    "columns": (NUMBERS, b"1," * 5_000_000 + b"1"),
    "lines": (NUMBERS, b"1,2,3\\n" * 3_000_000),
    "quotation marks": (NUMBERS, b'"' * 10_000_000),
    "letters": (TEXT, b"a" * 10_000_000),
    "short lines and a long one": (TEXT, b"a\\n" * 500_000 + b"a" * 100_000),
}
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
refused = {}
for name, (spec, data) in files.items():
    try:
        read_files({"x": [UploadedFile("a", data)]}, [spec])
    except InputRejected as error:
        refused[name] = str(error)
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
print(json.dumps([sorted(set(files) - set(refused)), grown]))
"""


def test_bombs_are_refused_in_little_memory():
    environment = {**os.environ, "LAYERSCOPE_INPUT_BYTES": "200MB"}
    done = subprocess.run([sys.executable, "-c", MEASURED], capture_output=True, text=True, check=True, env=environment)
    accepted, grown = json.loads(done.stdout)
    assert accepted == []
    assert grown < 250_000_000
