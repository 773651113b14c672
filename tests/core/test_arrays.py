import io
import struct
import zipfile

import numpy as np
import pytest

from core.arrays import holds_arrays, read_arrays
from core.errors import InputRejected
from core.inputs import InputSpec

ONE = (InputSpec("image", (2, 2, 1), "float32"),)
TWO = (InputSpec("left", (2,), "float32"), InputSpec("right", (3,), "float32"))
VALUES = np.arange(12, dtype="float32").reshape(3, 2, 2, 1)


def npy(array, **options):
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def archive(members, **options):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as file:
        for name, content in members:
            file.writestr(name, content)
    return buffer.getvalue()


def declared(header):
    body = header.encode() + b"\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(body)) + body


def rejected(data, specs=ONE, name="data.npz"):
    with pytest.raises(InputRejected) as caught:
        read_arrays(data, name, specs)
    assert caught.value.remedy
    return caught.value.message


def test_npy():
    found = read_arrays(npy(VALUES), "anything.txt", ONE)
    np.testing.assert_array_equal(found.arrays["image"], VALUES)
    assert found.labels is None


def test_fortran_order_and_strings():
    np.testing.assert_array_equal(read_arrays(npy(np.asfortranarray(VALUES)), "a", ONE).arrays["image"], VALUES)
    assert read_arrays(npy(np.array(["a", "bc"])), "a", ONE).arrays["image"].tolist() == ["a", "bc"]


@pytest.mark.parametrize("key", ["image", "input:image", "x", "inputs", "data", "arr_0", "x_test", "whatever"])
def test_npz_with_one_array(key):
    np.testing.assert_array_equal(read_arrays(npz(**{key: VALUES}), "a", ONE).arrays["image"], VALUES)


def test_npz_with_several_arrays_and_labels():
    found = read_arrays(npz(y=np.array([1, 2, 3]), other=np.zeros(3), x=VALUES), "a", ONE)
    np.testing.assert_array_equal(found.arrays["image"], VALUES)
    assert found.labels.tolist() == [1, 2, 3]


def test_the_inputs_own_name_wins():
    data = npz(x=np.zeros(2), image=VALUES, labels=np.array(["a", "b", "c"]))
    found = read_arrays(data, "a", ONE)
    np.testing.assert_array_equal(found.arrays["image"], VALUES)
    assert found.labels.tolist() == ["a", "b", "c"]
    named_y = (InputSpec("y", (2,), "float32"),)
    assert read_arrays(npz(y=np.ones((1, 2))), "a", named_y).labels is None


def test_training_and_test_data():
    data = npz(x_train=np.zeros((5, 2)), y_train=np.zeros(5), x_test=VALUES, y_test=np.array([4, 5, 6]))
    found = read_arrays(data, "mnist.npz", ONE)
    np.testing.assert_array_equal(found.arrays["image"], VALUES)
    assert found.labels.tolist() == [4, 5, 6]


@pytest.mark.parametrize("labels", [np.array([2, 0]), np.array([[2], [0]]), np.array([[0, 0, 1], [1, 0, 0]])])
def test_forms_of_labels(labels):
    assert read_arrays(npz(x=VALUES, y=labels), "a", ONE).labels.tolist() == [2, 0]


def test_labels_of_another_form_are_refused():
    assert "labels hold 2×2" in rejected(npz(x=VALUES, y=np.array([[0.5, 0.5], [1, 1]])))


def test_several_inputs():
    data = npz(left=np.zeros((4, 2)), **{"input:right": np.ones((4, 3))})
    arrays = read_arrays(data, "a", TWO).arrays
    assert [array.shape for array in arrays.values()] == [(4, 2), (4, 3)]


def test_names_found_and_expected_are_told():
    message = rejected(npz(left=np.zeros((4, 2)), rihgt=np.ones((4, 3))), TWO)
    assert message == (
        "data.npz holds the arrays 'left', 'rihgt'; expected were 'left', 'right'. There is none for 'right'."
    )
    assert "holds one array" in rejected(npy(VALUES), TWO)
    assert "There is none for 'image'" in rejected(npz(a=VALUES, b=VALUES))


def test_pickles_are_never_opened():
    objects = np.array([{}], dtype=object)
    assert "object" in rejected(npy(objects, allow_pickle=True))
    assert "array 'x' is of type object" in rejected(npz(x=objects))
    records = np.zeros(2, dtype=[("a", "f4")])
    assert "expected were plain numbers" in rejected(npy(records))


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000)}", "more than 1 GB"),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (1000,)}", "cut off: it declares 1000 values of float64, 8,000 bytes, and 0 bytes follow"),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (-5,)}", "not a readable"),
        ("{'descr': '<U0', 'fortran_order': False, 'shape': (10000000000000,)}", "not a readable"),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (" + "1," * 60 + ")}", "not a readable"),
        ("{'descr': '<f8', 'fortran_order': False}", "not a readable"),
        ("{'descr': 'nonsense', 'fortran_order': False, 'shape': (1,)}", "not a readable"),
        ("[" * 5000, "not a readable"),
        ("", "not a readable"),
    ],
)
def test_headers_that_lie(header, words):
    assert words in rejected(declared(header))
    assert words in rejected(archive([("x.npy", declared(header))]))


@pytest.mark.parametrize("cut", [3, 7, 9, 40, -1])
def test_truncated_files(cut):
    rejected(npy(VALUES)[:cut] if cut != 3 else b"\x93NUMPY")
    assert "damaged" in rejected(npz(x=VALUES)[:cut])


def test_a_bomb_is_not_unpacked():
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (200000000,)}"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("x.npy", declared(header) + bytes(1000))
    assert "is cut off" in rejected(buffer.getvalue())


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (archive([("config.json", "{}")]), "archive without arrays"),
        (archive([(f"{index}.npy", b"") for index in range(1001)]), "more than 1,000 arrays"),
        (archive([("x.npy", npy(VALUES))], compression=zipfile.ZIP_LZMA), "unusual way"),
        (archive([("x.npy", b"no array at all")]), "not a readable"),
        (b"PK\x03\x04 nothing", "damaged"),
    ],
)
def test_other_archives(data, words):
    assert words in rejected(data)


def test_a_wrong_checksum_is_noticed():
    data = bytearray(archive([("x.npy", npy(VALUES))]))
    data[data.index(VALUES.tobytes()) + 5] ^= 255
    assert "not a readable" in rejected(bytes(data))


def test_content_decides():
    assert holds_arrays(npy(VALUES))
    assert holds_arrays(npz(x=VALUES))
    assert not holds_arrays(b"1,2,3")
