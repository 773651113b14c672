import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from core.errors import InputRejected
from core.inputs.arrays import holds_arrays, read_arrays
from core.inputs.spec import InputSpec

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


def declared(header, payload=b"", version=1):
    body = header.encode() + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(body))
    return b"\x93NUMPY" + bytes([version, 0]) + length + body + payload


def header(descr="'<f4'", shape="(1, 2, 2, 1)", fortran_order=False):
    return f"{{'descr': {descr}, 'fortran_order': {fortran_order}, 'shape': {shape}}}"


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


@pytest.mark.parametrize(
    "labels",
    [
        np.array([2, 0]),
        np.array([[2], [0]]),
        np.array([[0, 0, 1], [1, 0, 0]]),
        np.array([[0.1, 0.1, 0.8], [0.6, 0.4, 0]]),
    ],
)
def test_forms_of_labels(labels):
    assert read_arrays(npz(x=VALUES, y=labels), "a", ONE).labels.tolist() == [2, 0]


def test_labels_that_are_several_numbers_for_each_sample_stay():
    labels = np.array([[0.5, 0.5], [1, 1]])
    found = read_arrays(npz(x=VALUES, y=labels), "a", ONE)

    np.testing.assert_array_equal(found.labels, labels)
    assert found.label_key == "y"


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
    ("lie", "words"),
    [
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000)}", "more than 1 GB"),
        (
            "{'descr': '<f8', 'fortran_order': False, 'shape': (1000,)}",
            "cut off: it declares 1,000 values of float64, 8,000 bytes, and 0 bytes follow",
        ),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (-5,)}", "not a readable"),
        ("{'descr': '<U0', 'fortran_order': False, 'shape': (10000000000000,)}", "not a readable"),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (" + "1," * 60 + ")}", "not a readable"),
        ("{'descr': '<f8', 'fortran_order': False}", "not a readable"),
        ("{'descr': 'nonsense', 'fortran_order': False, 'shape': (1,)}", "not a readable"),
        ("[" * 5000, "not a readable"),
        ("", "not a readable"),
    ],
)
def test_headers_that_lie(lie, words):
    assert words in rejected(declared(lie))
    assert words in rejected(archive([("x.npy", declared(lie))]))


def test_every_version_of_the_header_is_read():
    for version in (1, 2, 3):
        found = read_arrays(declared(header(), bytes(16), version), "a.npy", ONE)
        assert found.arrays["image"].shape == (1, 2, 2, 1)
    assert "not a readable" in rejected(declared(header(), bytes(16), 4))


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        (header(shape="(True, 4)"), "not a readable"),
        (header(shape=f"(1{'0' * 4000}, 0)"), "not a readable"),
        (header(shape=f"(1, 2{'0' * 30})"), "not a readable"),
        (header(shape="[4]"), "not a readable"),
        (header(shape="(2, 1)"), "declares 2×1 values of float32, 8 bytes, and 16 bytes follow"),
        (header(descr="'<M8[ns]'", shape="(2,)"), "is of type datetime64[ns]; expected were plain numbers"),
        (header(descr="('<f4', (4,))", shape="(1,)"), "expected were plain numbers"),
        (header(descr="'(4,)f4'", shape="(1,)"), "expected were plain numbers"),
        (header(descr=f"[('{'n' * 8000}', '<f4')]", shape="(4,)"), "expected were plain numbers"),
        (header(descr="'<c8'", shape="(2,)"), "is of type complex64; expected were plain numbers"),
        (header(descr="'|V16'", shape="(1,)"), "expected were plain numbers"),
        (header(descr="'|O'", shape="(2,)"), "allow_pickle=False"),
        (header(descr="'|S0'", shape="(2,)"), "not a readable"),
        ("-" * 9000 + "1", "not a readable"),
        ("(" * 9000, "not a readable"),
        ("9" * 9000, "not a readable"),
        ("'" + "a" * 20_000 + "'", "not a readable"),
        (header() + " " * 20_000, "not a readable"),
        ("__import__('os')", "not a readable"),
    ],
)
def test_headers_are_read_with_care(lie, words):
    for data in (declared(lie, bytes(16)), archive([("x.npy", declared(lie, bytes(16)))])):
        message = rejected(data)
        assert words in message
        assert len(message) < 400


def test_a_header_of_gigabytes_is_not_unpacked():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file, file.open("x.npy", "w") as member:
        member.write(b"\x93NUMPY\x02\0" + struct.pack("<I", 300_000_000))
        for _ in range(300):
            member.write(b" " * 1_000_000)
    tracemalloc.start()
    try:
        assert "not a readable" in rejected(buffer.getvalue())
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_no_more_comes_out_than_was_declared():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("x.npy", declared(header(descr="'|u1'"), bytes(100_000_000)))
    size = 10 + len(header(descr="'|u1'")) + 1 + 4
    data = bytearray(buffer.getvalue())
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", size)  # the directory says that four bytes of values follow
    tracemalloc.start()
    try:
        rejected(bytes(data))
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("code", [0x110000, 0xFFFFFFFF, 0xD800, 0xDFFF])
@pytest.mark.parametrize("order", "<>")
def test_characters_that_do_not_exist(code, order):
    data = declared(header(descr=f"'{order}U1'", shape="(1,)"), struct.pack(f"{order}I", code))
    assert "characters that do not exist" in rejected(data)


def test_big_endian_arrays():
    assert read_arrays(npy(np.array(["ä", "bc"], dtype=">U2")), "a", ONE).arrays["image"].tolist() == ["ä", "bc"]
    np.testing.assert_array_equal(read_arrays(npy(VALUES.astype(">f4")), "a", ONE).arrays["image"], VALUES)


def test_two_arrays_of_the_same_name():
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = archive([("x.npy", npy(VALUES)), ("x.npy", npy(VALUES + 1))])
    assert "two arrays of the same name" in rejected(data)


def test_damaged_compression():
    data = bytearray(npz(x=np.random.default_rng(0).normal(size=(500, 2, 2, 1))))
    for place in range(200, len(data) - 300, 500):
        broken = data.copy()
        broken[place] ^= 255
        rejected(bytes(broken))


def test_millions_of_members_are_not_listed():
    entry = archive([("x.npy", b"")])
    entry = entry[entry.index(b"PK\x01\x02") : entry.index(b"PK\x05\x06")]
    data = b"PK\x03\x04" + entry * 1001
    assert "more than 1,000 arrays" in rejected(data)


@pytest.mark.parametrize(
    ("member", "kind"),
    [
        ("xl/workbook.xml", "an Excel workbook"),
        ("model.weights.h5", "a Keras model"),
        ("folder/saved_model.pb", "a SavedModel"),
        ("photo.png", "a zip archive without arrays"),
    ],
)
def test_archives_of_other_kinds_are_named(member, kind):
    message = rejected(archive([(member, "")]))
    assert message == f"data.npz is {kind}; expected was a .npz file, an archive of arrays."


def test_long_names_are_cut():
    message = rejected(npz(**{"a" * 5000: VALUES, "b\x1b[31m\n": VALUES}), name="n" * 5000 + ".npz")
    assert len(message) < 500
    assert message.isprintable()


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
        (archive([("notes.txt", "")]), "archive without arrays"),
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
