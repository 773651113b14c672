"""What the files that people have hold beside the samples: the true answer and what is said of it."""

import io
import zipfile

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.errors import InputRejected
from core.inputs.datasets import open_dataset
from core.inputs.files import UploadedFile, read_files
from core.inputs.model_inputs import input_specs
from core.inputs.model_output import outputs_named
from core.inputs.sources import read_samples
from core.workspace.workspace import Workspace

PREPARED = {"scaling": "0–1", "fit": "stretch", "invert": False}


def opened(model, folder):
    model.save(folder / "model.keras")
    workspace = Workspace()
    workspace.open_model(folder / "model.keras")
    return workspace


def given(model, folder, **files):
    """A workspace with the model open, and samples from files that are for all inputs."""
    workspace = opened(model, folder)
    inputs = workspace.model.inputs
    name = "" if len(inputs) > 1 else inputs[0].name
    workspace.take_files({name: [(file.replace("__", "."), data) for file, data in files.items()]}, **PREPARED)
    return workspace


def csv(**columns):
    return pd.DataFrame(columns).to_csv(index=False).encode()


def linear_model(*outputs):
    """A model of two inputs, ``rooms`` and ``area``, with outputs that are their sum times 1, 2, …"""
    rooms, area = keras.Input((1,), name="rooms"), keras.Input((1,), name="area")
    both = keras.layers.Concatenate()([rooms, area])
    answers = [
        keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant(times), name=name)(both)
        for times, name in enumerate(outputs, 1)
    ]
    return keras.Model([rooms, area], answers if len(answers) > 1 else answers[0])


class TestColumns:
    def test_one_named_like_the_output_is_the_true_value(self, tmp_path):
        table = csv(area=[50.0, 90.0], city=["Bern", "Genf"], Price=[60.0, 90.0], rooms=[2, 4])
        workspace = given(linear_model("price"), tmp_path, houses__csv=table)

        assert [row.loss for row in workspace.sample_rows(9)] == pytest.approx([8, 4])
        assert "'Price' is the true answer: it is named like the output 'price'" in workspace.labelling.note
        assert "The column 'city' is not used." in workspace.labelling.note

    def test_of_several_outputs_each_has_its_own(self, tmp_path):
        table = csv(rooms=[1, 2], area=[3, 4], second=[9, 12], first=[4.5, 6])
        workspace = given(linear_model("first", "second"), tmp_path, houses__csv=table)

        assert [workspace.answer(0, output=name).note for name in ("first", "second")] == [
            "true 4.5, error −0.5",
            "true 9, error −1",
        ]
        assert workspace.labelling.note.count("is the true answer") == 2

    def test_the_only_one_left_over_is_taken_if_the_model_can_answer_it(self, tmp_path):
        rooms = {"rooms": [1, 2], "area": [3, 4]}
        workspace = given(linear_model("price"), tmp_path, houses__csv=csv(**rooms, chf=[4.5, 6.0]))
        assert workspace.labelling.role == "value"
        assert "'chf' is taken for the true answer: it is the only one" in workspace.labelling.note
        for left, words in (
            ({"city": ["Bern", "Genf"]}, "The column 'city' is not used."),
            ({"house_id": [7, 8]}, "The column 'house_id' is not used."),
            ({"a": [1, 2], "b": [1, 2]}, "These columns are not used: 'a', 'b'."),
            ({"price": [1.0, None]}, "cells of it are empty"),
        ):
            workspace = given(linear_model("price"), tmp_path, houses__csv=csv(**rooms, **left))
            assert workspace.labelling.role == ""
            assert words in workspace.labelling.note
            assert workspace.sample_rows(9)[0].true_label == ""

    def test_of_one_input_it_is_the_one_too_many(self, tmp_path):
        layers = keras.layers
        model = keras.Sequential([keras.Input((2,)), layers.Dense(1, kernel_initializer="ones", name="price")])
        table = csv(rooms=[1, 2], price=[5.0, 6.0], area=[3, 4])
        workspace = given(model, tmp_path, houses__csv=table)

        assert [row.loss for row in workspace.sample_rows(9)] == pytest.approx([1, 0])
        assert "named like the output 'price'" in workspace.labelling.note

    def test_of_a_frame_in_python(self):
        frame = pd.DataFrame(
            {"rooms": [1, 2], "second": [9, 12], "area": [3, 4], "first": [4.5, 6], "city": ["a", "b"]}
        )
        two = linear_model("first", "second")

        read = read_samples(two, frame).samples
        assert read.labels.tolist() == [4.5, 6]
        assert read.truths["second"].tolist() == [9, 12]
        assert read.remarks[-1] == "The column 'city' is not used."
        vector = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="price")])
        table = frame[["rooms", "area", "first"]].rename(columns={"first": "price"})
        assert read_samples(vector, table).samples.labels.tolist() == [4.5, 6]
        assert np.asarray(read_samples(vector, table, [0, 1]).samples.labels).tolist() == [0, 1]


def packed(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def film_model():
    """A model of films of 4 frames of 6×8 that answers whether they grow lighter (class 1) or darker (class 0)."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((4, 6, 8, 3)),
            layers.TimeDistributed(layers.GlobalAveragePooling2D()),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    times = np.repeat([-1.0, 0, 0, 1], 3)[:, np.newaxis]
    model.layers[-1].set_weights([times * [-9, 9], np.zeros(2)])
    return model


def film(shades):
    frames = [Image.fromarray(np.full((6, 8, 3), shade, np.uint8)) for shade in shades]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=80)
    return buffer.getvalue()


class TestFilmsInAnArchive:
    def test_each_gif_is_a_sample_and_its_folder_its_class(self, tmp_path):
        files = {f"films/dim/{at}.gif": film((200, 100, 50, at)) for at in range(2)}
        files |= {f"films/rise/{at}.gif": film((at, 40, 100, 240)) for at in range(3)}
        workspace = given(film_model(), tmp_path, films__zip=packed(files))

        rows = workspace.sample_rows(9)
        assert [row.name for row in rows] == sorted(files)
        assert [(row.true_label, row.right) for row in rows] == [("dim", True)] * 2 + [("rise", True)] * 3
        assert workspace.inputs(0)[0].note == "4 frames"

    @pytest.mark.parametrize(
        ("files", "words"),
        [
            ({"a/1.gif": b"GIF", "b/1.mp4": b"\0"}, "also holds b/1"),
            ({"a/1.mp4": b"\0", "b/1.mp4": b"\0"}, "films in a format that is not read"),
        ],
    )
    def test_what_is_not_read_is_named(self, files, words, tmp_path):
        with pytest.raises(InputRejected, match=words) as caught:
            given(film_model(), tmp_path, films__zip=packed(files))
        assert caught.value.remedy

    def test_a_model_of_images_says_that_it_takes_none(self, tmp_path):
        model = keras.Sequential([keras.Input((6, 8, 3)), keras.layers.Flatten()])
        with pytest.raises(InputRejected, match="holds films, the input") as caught:
            given(model, tmp_path, films__zip=packed({"a/1.gif": film((1, 2)), "b/1.gif": film((1, 2))}))
        assert "as PNG" in caught.value.remedy


def png(pixels, **how):
    buffer = io.BytesIO()
    Image.fromarray(pixels, **how).save(buffer, "PNG")
    return buffer.getvalue()


def mask_model(classes=1, side=8):
    """A model of 8×8 photos: whether a pixel is red, as one sigmoid; or the colour of a pixel as a softmax of three."""
    kernel = np.array([[[[20.0], [0], [0]]]]) if classes == 1 else 20.0 * np.eye(3)[np.newaxis, np.newaxis]
    layers = keras.layers
    answer = layers.Conv2D(classes, 1, activation="sigmoid" if classes == 1 else "softmax", name="mask")
    photo = keras.Input((8, 8, 3))
    model = keras.Model(photo, answer(layers.MaxPooling2D(8 // side)(photo)))
    answer.set_weights([kernel, np.full(classes, -10.0 if classes == 1 else 0)])
    return model


def photo(number):
    """Return a photo whose upper ``number`` lines are red, and the others blue."""
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:number, :, 0], pixels[number:, :, 2] = 255, 255
    return pixels


def red(number):
    return (photo(number)[..., 0] > 0).astype(np.uint8)


FOLDERS = [
    ("images/{}.png", "masks/{}.png"),
    ("train/img/{}.png", "train/Mask/{}.png"),
    ("data/images/{}.png", "data/annotations/trimaps/{}.png"),
    ("images/{}.png", "labels/{}_mask.png"),
    ("{}.png", "{}_mask.png"),
    ("a/{}.png", "a/{}-seg.png"),
]


class TestMasks:
    @pytest.mark.parametrize(("photos", "masks"), FOLDERS)
    def test_they_are_the_true_answer_and_no_photos(self, photos, masks, tmp_path):
        files = {photos.format(number): png(photo(number)) for number in (2, 5)}
        files |= {masks.format(number): png(255 * red(number)) for number in (2, 5)}
        workspace = given(mask_model(), tmp_path, data__zip=packed(files))

        assert workspace.sample_names == tuple(photos.format(number) for number in (2, 5))
        assert [row.loss for row in workspace.sample_rows(9)] == pytest.approx([0, 0], abs=1e-3)
        assert "Each image has a mask" in workspace.labelling.note
        assert "Their values 0 and 255 became 0 and 1." in workspace.labelling.note
        assert "IoU" in workspace.answer(0).note

    def test_they_may_be_numbers_of_classes_with_a_palette_and_of_another_size(self, tmp_path):
        mask = Image.fromarray(np.kron(2 - 2 * red(2), np.ones((4, 4), np.uint8)), "P")
        mask.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
        buffer = io.BytesIO()
        mask.save(buffer, "PNG")
        files = packed({"images/2.png": png(photo(2)), "masks/2.png": buffer.getvalue()})
        workspace = given(mask_model(3), tmp_path, data__zip=files)
        assert workspace.sample_rows(9)[0].loss == pytest.approx(0, abs=1e-3)
        smaller = read_files(
            {"": [UploadedFile("data.zip", files)]},
            input_specs(mask_model(3)),
            outputs=outputs_named(mask_model(3, side=4)),
        )
        np.testing.assert_array_equal(smaller.labels, [2 - 2 * red(2)[::2, ::2]])

    def test_files_that_are_dropped_one_by_one(self, tmp_path):
        workspace = given(mask_model(), tmp_path, a__png=png(photo(3)), a_mask__png=png(255 * red(3)))
        assert workspace.sample_names == ("a.png",)
        assert workspace.sample_rows(9)[0].loss == pytest.approx(0, abs=1e-3)

    def test_of_one_of_several_outputs(self, tmp_path):
        model = mask_model()
        count = keras.layers.Dense(2, activation="softmax", name="kind")(keras.layers.Flatten()(model.input))
        both = keras.Model(model.input, [count, model.output])
        files = {"images/2.png": png(photo(2)), "masks/2.png": png(255 * red(2))}
        workspace = given(both, tmp_path, data__zip=packed(files))
        assert "IoU" in workspace.answer(0, output="mask").note
        assert workspace.sample_labels == ()

    @pytest.mark.parametrize(
        ("mask", "words"),
        [
            (photo(2), "is coloured, and which colour is which class is not known"),
            (100 * np.arange(3, dtype=np.uint8).repeat(24)[:64].reshape(8, 8), "their values run to 200"),
        ],
    )
    def test_what_is_no_mask_is_left_out_and_said(self, mask, words, tmp_path):
        files = {"images/2.png": png(photo(2)), "masks/2.png": png(mask)}
        workspace = given(mask_model(), tmp_path, data__zip=packed(files))
        assert workspace.sample_names == ("images/2.png",)
        assert words in workspace.labelling.note
        assert workspace.labelling.role == ""

    def test_a_model_that_answers_none_is_given_the_photos_alone(self, tmp_path):
        points = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(16)])
        points = keras.Sequential([points, keras.layers.Reshape((8, 2))])
        files = {f"{folder}/{number}.png": png(photo(number)) for folder in ("images", "masks") for number in (2, 5)}
        workspace = given(points, tmp_path, data__zip=packed(files))
        assert workspace.sample_names == ("images/2.png", "images/5.png")
        assert "The masks are left out: the model answers none of 8×8." in workspace.labelling.note

    def test_photos_without_one_are_named(self, tmp_path):
        files = {"images/a.png": png(photo(2)), "images/b.png": png(photo(2)), "masks/a.png": png(red(2))}
        with pytest.raises(InputRejected, match=r"1 of 2 images have no mask of their name: 'images/b.png'") as caught:
            given(mask_model(), tmp_path, data__zip=packed(files))
        assert "take the masks out" in caught.value.remedy

    def test_folders_of_classes_stay_classes(self, tmp_path):
        files = {f"{folder}/{number}.png": png(photo(number)) for folder in ("mask", "no_mask") for number in (2, 5)}
        workspace = given(mask_model(), tmp_path, data__zip=packed(files))
        assert workspace.sample_labels == ("mask", "mask", "no_mask", "no_mask")

    def test_a_dataset_on_disk_has_them_too(self, tmp_path):
        for folder, pixels in (("images", photo(2)), ("masks", 255 * red(2))):
            (tmp_path / "data" / folder).mkdir(parents=True)
            Image.fromarray(pixels).save(tmp_path / "data" / folder / "2.png")
        dataset = open_dataset(tmp_path / "data", input_specs(mask_model()), output=outputs_named(mask_model())[0])
        assert dataset.names == ("images/2.png",)
        np.testing.assert_array_equal(dataset.targets, [red(2)])


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


class TestArrays:
    def photos(self):
        return np.stack([photo(2), photo(5)]) / np.float32(255)

    @pytest.mark.parametrize("key", ["mask", "Masks", "truth"])
    def test_they_are_told_apart_by_shape_and_by_the_name_of_the_output(self, key, tmp_path):
        masks = 255 * np.stack([red(2), red(5)])
        workspace = given(mask_model(), tmp_path, data__npz=npz(photos=self.photos(), **{key: masks}))

        assert [row.loss for row in workspace.sample_rows(9)] == pytest.approx([0, 0], abs=1e-3)
        for words in ("'photos' goes in", f"'{key}' is the true answer", "Their values 0 and 255 became 0 and 1."):
            assert words in workspace.labelling.note

    def test_what_is_left_over_is_named(self, tmp_path):
        data = npz(photos=self.photos(), mask=np.stack([red(2), red(5)]), weather=np.zeros(2))
        assert "The array 'weather' is not used." in given(mask_model(), tmp_path, d__npz=data).labelling.note
        data = npz(x=self.photos(), first=np.stack([red(2), red(5)]), second=np.stack([red(2), red(5)]))
        workspace = given(mask_model(), tmp_path, d__npz=data)
        assert workspace.labelling.role == ""
        assert "not used: 'first', 'second'. Name labels 'y'." in workspace.labelling.note

    def test_two_that_could_go_in_are_refused(self, tmp_path):
        with pytest.raises(InputRejected, match="'left', 'right'") as caught:
            given(mask_model(), tmp_path, d__npz=npz(left=self.photos(), right=self.photos()))
        assert "under its input's name" in caught.value.remedy

    def test_each_of_several_outputs_has_its_own(self, tmp_path):
        data = npz(rooms=np.ones((2, 1)), area=np.ones((2, 1)), second=np.array([4.0, 5]), first=np.array([[2.5], [2]]))
        workspace = given(linear_model("first", "second"), tmp_path, data__npz=data)
        assert [workspace.answer(0, output=name).note for name in ("first", "second")] == [
            "true 2.5, error −0.5",
            "true 4, error 0",
        ]

    def test_a_dataset_on_disk_has_them_too(self, tmp_path):
        (tmp_path / "data.npz").write_bytes(npz(photos=self.photos(), shape=255 * np.stack([red(2), red(5)])))
        model = mask_model()
        dataset = open_dataset(tmp_path / "data.npz", input_specs(model), output=outputs_named(model)[0])
        np.testing.assert_array_equal(dataset.targets, [red(2), red(5)])


def sentence_model():
    text = keras.Input((1,), name="sentence", dtype="string")
    words = keras.layers.TextVectorization(vocabulary=["good", "bad"], output_mode="multi_hot")(text)
    answer = keras.layers.Dense(2, activation="softmax", name="mood")
    model = keras.Model(text, answer(keras.layers.Reshape((3,))(words)))
    answer.set_weights([9.0 * np.array([[0, 0], [0, 1], [1, 0]]), np.zeros(2)])
    return model


class TestTheOnlyInput:
    table = pd.DataFrame({"moods": ["sunny", "low"], "nr": [1, 2], "sentence": ["good, good", "bad"]})

    def test_is_the_column_of_its_name(self, tmp_path):
        workspace = given(sentence_model(), tmp_path, said__csv=self.table.to_csv(index=False).encode())

        assert workspace._samples.source.arrays["sentence"].tolist() == [["good, good"], ["bad"]]
        assert [row.right for row in workspace.sample_rows(9)] == [True, True]
        assert "'moods' is the true answer" in workspace.labelling.note
        assert "The column 'nr' is not used." in workspace.labelling.note

    def test_is_the_column_of_its_name_in_a_frame(self):
        samples = read_samples(sentence_model(), self.table).samples
        assert samples.arrays["sentence"].tolist() == [["good, good"], ["bad"]]
        assert samples.labels.tolist() == ["sunny", "low"]

    def test_is_asked_for_where_no_column_has_its_name(self, tmp_path):
        table = self.table.rename(columns={"sentence": "words"}).to_csv(index=False).encode()
        with pytest.raises(InputRejected) as caught:
            given(sentence_model(), tmp_path, said__csv=table)
        assert "'sentence'" in caught.value.remedy


def colour_model(activation):
    """A model of 8×8 photos that answers how much of three colours is in them."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, activation=activation, name="colours"),
        ]
    )
    model.layers[-1].set_weights([40.0 * np.eye(3), np.full(3, -2.0)])
    return model


class TestTablesOfLabels:
    photos = {f"img/{number}.png": png(photo(number)) for number in (0, 3, 8)}  # blue, both, red
    tags = pd.DataFrame({"filename": ["8.png", "0.png", "3.png"], "red": [1, 0, 1], "green": 0, "blue": [0, 1, 1]})

    def given_with(self, table, model, folder, place):
        data = table.to_csv(index=False).encode()
        if place == "inside":
            return given(model, folder, photos__zip=packed({**self.photos, "labels.csv": data}))
        if place == "beside":
            return given(model, folder, photos__zip=packed(self.photos), labels__csv=data)
        loose = {name.removeprefix("img/").replace(".", "__"): content for name, content in self.photos.items()}
        return given(model, folder, **loose, labels__csv=data)

    @pytest.mark.parametrize("place", ["inside", "beside", "one by one"])
    def test_columns_of_0_and_1_are_several_labels_with_their_names(self, place, tmp_path):
        workspace = self.given_with(self.tags, colour_model("sigmoid"), tmp_path, place)

        assert workspace._samples.source.labels.tolist() == [[0, 0, 1], [1, 0, 1], [1, 0, 0]]
        assert workspace.labelling.class_names == ("red", "green", "blue")
        assert "The columns 'red', 'green', 'blue' of labels.csv" in workspace.labelling.note
        assert workspace.answer(1).meaning == "several-labels"

    @pytest.mark.parametrize("place", ["inside", "beside", "one by one"])
    @pytest.mark.parametrize("column", ["kind", "label"])
    def test_one_column_is_the_class(self, place, column, tmp_path):
        table = pd.DataFrame({"image": ["0", "3", "8"], column: ["c", "b", "a"]})
        if column == "label":
            table["width"] = 8
        workspace = self.given_with(table, colour_model("softmax"), tmp_path, place)

        assert workspace.sample_labels == ("c", "b", "a")
        assert [row.right for row in workspace.sample_rows(9)][::2] == [True, True]
        assert f"Labels are from the column '{column}' of labels.csv." in workspace.labelling.note

    def test_a_number_is_the_true_value(self, tmp_path):
        model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(1)])
        table = pd.DataFrame({"file": ["img/0.png", "img/3.png", "img/8.png"], "age": [1.5, 2, 3]})
        workspace = self.given_with(table, model, tmp_path, "inside")
        assert workspace.labelling.role == "value"
        assert workspace._samples.source.labels.tolist() == [1.5, 2, 3]

    @pytest.mark.parametrize(
        ("table", "words"),
        [
            (tags[:2], "it has no row for 1 of 3 files: 'img/3.png'"),
            (pd.concat([tags, tags]), "it has several rows for 'img/0.png'"),
            (tags.drop(columns="blue"), "no column is called 'label', or like the output"),
        ],
    )
    def test_what_does_not_fit_is_left_out_and_said(self, table, words, tmp_path):
        workspace = self.given_with(table, colour_model("sigmoid"), tmp_path, "inside")
        assert len(workspace.sample_names) == 3
        assert workspace.labelling.role == ""
        assert words in workspace.labelling.note

    def test_a_list_of_names_of_classes_stays_one(self, tmp_path):
        names = pd.DataFrame({"id": [0, 1, 2], "name": ["red", "green", "blue"]})
        workspace = self.given_with(names, colour_model("softmax"), tmp_path, "inside")
        assert workspace.labelling.class_names == ("red", "green", "blue")

    def test_a_folder_on_disk_may_hold_one(self, tmp_path):
        (tmp_path / "img").mkdir()
        for name, content in self.photos.items():
            (tmp_path / name).write_bytes(content)
        self.tags.to_csv(tmp_path / "img" / "tags.csv", index=False)
        model = colour_model("sigmoid")
        dataset = open_dataset(tmp_path / "img", input_specs(model), output=outputs_named(model)[0])
        assert dataset.targets.tolist() == [[0, 0, 1], [1, 0, 1], [1, 0, 0]]
        assert dataset.class_names == ("red", "green", "blue")
