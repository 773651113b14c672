"""Labels in a file of their own."""

import io

import numpy as np
import pytest

from core.errors import InputRejected
from core.inputs.label_files import with_labels


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


SAMPLES = np.zeros((3, 2), np.float32)


def arrays_of(files):
    ((name, content),) = files
    assert name == "x.npz"
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return dict(archive)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("y.npy", npy(np.array([2, 0, 1])), [2, 0, 1]),
        ("y.txt", b"2\n0\n1\n", [2, 0, 1]),
        ("y.csv", b"\xef\xbb\xbflabel\r\ncat\r\ndog\r\ncat\r\n", ["cat", "dog", "cat"]),
        ("y.txt", b"1.5\n-2\n3e1\n\n", [1.5, -2.0, 30.0]),
    ],
)
def test_they_stand_beside_an_array(tmp_path, name, content, expected):
    (tmp_path / name).write_bytes(content)
    arrays = arrays_of(with_labels([("x.npy", npy(SAMPLES))], tmp_path / name, "numbers"))

    assert arrays["y"].tolist() == expected
    assert arrays["numbers"].shape == (3, 2)


def test_they_take_the_place_of_those_in_an_archive(tmp_path):
    stream = io.BytesIO()
    np.savez(stream, one=SAMPLES, other=SAMPLES, y=np.zeros(3))
    (tmp_path / "y.txt").write_text("1\n2\n3")
    arrays = arrays_of(with_labels([("x.npz", stream.getvalue())], tmp_path / "y.txt", "one"))

    assert set(arrays) == {"one", "other", "y"}
    assert arrays["y"].tolist() == [1, 2, 3]


def test_pictures_keep_theirs_as_a_table(tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("file,label\na.png,cat\n")

    photos = ("photos.zip", b"PK")

    assert with_labels([photos], table, "image") == [photos, ("labels.csv", table.read_bytes())]


@pytest.mark.parametrize(
    ("samples", "labels", "content", "said"),
    [
        ("x.npy", "y.txt", b"1\n2", "holds 2 labels, x.npy 3 samples"),
        ("x.csv", "y.txt", b"1\n2\n3", "cannot be set beside x.csv"),
        ("x.npy", "y.npy", b"\x93NUMPY broken", "not a readable NumPy array"),
        ("x.npy", "y.npy", npy(np.array([{}, {}, {}], object)), "a pickle can run code"),
        ("x.npz", "y.txt", b"1\n2\n3", "cannot be read"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path, samples, labels, content, said):
    (tmp_path / labels).write_bytes(content)
    files = [(samples, npy(SAMPLES) if samples.endswith(".npy") else b"a,b\n1,2\n")]

    with pytest.raises(InputRejected, match=said):
        with_labels(files, tmp_path / labels, "numbers")


def test_what_declares_more_than_there_may_be_is_refused_before_anything_is_reserved(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERSCOPE_INPUT_BYTES", "1MB")
    (tmp_path / "y.txt").write_text("1\n")
    packed = io.BytesIO()
    np.savez_compressed(packed, x=np.zeros(1_000_000))
    declared = io.BytesIO()
    np.lib.format.write_array_header_1_0(declared, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})

    for name, content in (("x.npz", packed.getvalue()), ("x.npy", declared.getvalue())):
        with pytest.raises(InputRejected, match="needs more than 1 MB of memory"):
            with_labels([(name, content)], tmp_path / "y.txt", "numbers")
