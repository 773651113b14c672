"""Datasets from files: read when they are asked for, with their labels."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from core.errors import InputRejected
from core.inputs.datasets import ArrayDataset, open_dataset
from core.inputs.files import UploadedFile, read_files
from core.inputs.spec import InputSpec

IMAGES = [InputSpec("image", (8, 8, 1), "float32", None)]
VECTORS = [InputSpec("vector", (3,), "float32", None)]


def png(level):
    buffer = io.BytesIO()
    Image.new("L", (8, 8), level).save(buffer, "PNG")
    return buffer.getvalue()


PICTURES = {"cats/b.png": png(51), "cats/a.png": png(0), "dogs/a.png": png(255)}


def packed(files, **how):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **how) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_stay_on_disk(tmp_path, save):
    path = tmp_path / "data.npz"
    values = np.arange(60, dtype=np.float32).reshape(20, 3)
    save(path, x=values, y=np.arange(20) % 2)
    dataset = open_dataset(path, VECTORS)

    assert isinstance(dataset, ArrayDataset)
    assert isinstance(dataset.arrays["vector"], np.memmap)
    assert dataset.sample_count == 20
    np.testing.assert_array_equal(dataset.batch(4, 7)["vector"], values[4:7])
    np.testing.assert_array_equal(dataset.labels, np.arange(20) % 2)
    assert (dataset.group_count, dataset.names[3]) == (2, "3")


def test_one_array(tmp_path):
    np.save(tmp_path / "x.npy", np.ones((5, 3)))
    dataset = open_dataset(str(tmp_path / "x.npy"), VECTORS)

    assert dataset.batch(0, 9)["vector"].shape == (5, 3)
    assert dataset.batch(0, 9)["vector"].dtype == np.float32
    assert dataset.labels is None


def in_folder(tmp_path):
    for name, content in PICTURES.items():
        (tmp_path / "pictures" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pictures" / name).write_bytes(content)
    return tmp_path / "pictures"


def in_archive(tmp_path):
    (tmp_path / "pictures.zip").write_bytes(packed({**PICTURES, "__MACOSX/cats/._a.png": b"", "cats/.DS_Store": b"x"}))
    return tmp_path / "pictures.zip"


@pytest.mark.parametrize("given", [in_folder, in_archive])
def test_folders_are_classes(tmp_path, given):
    dataset = open_dataset(given(tmp_path), IMAGES)

    assert list(dataset.names) == ["cats/a.png", "cats/b.png", "dogs/a.png"]
    assert dataset.class_names == ("cats", "dogs")
    assert dataset.labels.tolist() == [0, 0, 1]
    assert dataset.batch(1, 3)["image"].shape == (2, 8, 8, 1)
    np.testing.assert_allclose(dataset.batch(0, 3)["image"][:, 0, 0, 0], [0, 0.2, 1])


def test_classes_that_the_model_knows_are_numbered_as_it_does(tmp_path):
    assert open_dataset(in_folder(tmp_path), IMAGES, class_names=("dogs", "cats")).labels.tolist() == [1, 1, 0]
    assert open_dataset(in_folder(tmp_path), IMAGES, class_names=("cows",)).labels is None


def test_an_archive_of_images_is_what_the_page_takes_too():
    found = read_files({"image": [UploadedFile("pictures.zip", packed(PICTURES))]}, IMAGES)

    assert found.arrays["image"].shape == (3, 8, 8, 1)
    assert found.labels.tolist() == ["cats", "cats", "dogs"]
    assert found.names == ("cats/a.png", "cats/b.png", "dogs/a.png")


def test_a_table_with_its_labels(tmp_path):
    (tmp_path / "data.csv").write_text("a,b,c,label\n1,2,3,cat\n4,5,6,dog\n")
    dataset = open_dataset(tmp_path / "data.csv", VECTORS)

    assert dataset.batch(1, 2)["vector"].tolist() == [[4, 5, 6]]
    assert [dataset.class_names[number] for number in dataset.labels] == ["cat", "dog"]


def cut_off(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.ones((5, 3)))
    path.write_bytes(path.read_bytes()[:-8])
    return path


def pickled(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{}, {}], dtype=object))
    return tmp_path / "x.npy"


def mixed(tmp_path):
    (tmp_path / "x.zip").write_bytes(packed({**PICTURES, "notes.txt": b"hello"}))
    return tmp_path / "x.zip"


def of_another_shape(tmp_path):
    np.save(tmp_path / "x.npy", np.ones((5, 4)))
    return tmp_path / "x.npy"


def damaged_picture(tmp_path):
    (tmp_path / "x.zip").write_bytes(packed({"a/a.png": png(0), "b/b.png": png(0)[:30]}))
    return tmp_path / "x.zip"


@pytest.mark.parametrize(
    ("given", "specs", "told"),
    [
        (cut_off, VECTORS, "is cut off"),
        (pickled, VECTORS, "unpickled"),
        (mixed, IMAGES, "x.zip also holds notes.txt"),
        (of_another_shape, VECTORS, "5×4"),
        (damaged_picture, IMAGES, "b/b.png"),
        (lambda folder: folder / "nothing.npz", VECTORS, "There is no file"),
        (lambda folder: folder, IMAGES, "holds no image"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path, given, specs, told):
    def read_all(path):
        dataset = open_dataset(path, specs)
        return dataset.batch(0, dataset.sample_count)

    with pytest.raises(InputRejected, match=told) as raised:
        read_all(given(tmp_path))
    assert raised.value.remedy


def test_inputs_of_different_lengths_are_refused():
    with pytest.raises(InputRejected, match="3, 4 samples"):
        ArrayDataset({"a": np.ones((3, 1)), "b": np.ones((4, 1))})


def test_datasets_are_told_apart():
    one, same = (ArrayDataset({"a": np.arange(60.0)}) for _ in range(2))
    other = ArrayDataset({"a": np.arange(60.0) + 1})

    assert one.identity == same.identity != other.identity
