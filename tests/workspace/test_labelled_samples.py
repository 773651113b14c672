"""Models as people train them, with labelled samples: what the page says is right, wrong, or neither."""

import io
import json
import zipfile

import keras
import numpy as np
import pytest
from PIL import Image

from core.errors import InputRejected
from core.workspace.workspace import Workspace

PREPARED = {"scaling": "0–1", "fit": "stretch", "invert": False}
COLOURS = {"cat": (255, 0, 0), "dog": (0, 255, 0), "zebra": (0, 0, 255)}


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def png(colour):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(buffer, "PNG")
    return buffer.getvalue()


def photos(names=COLOURS, each=3):
    """A zip with a folder of photographs for each name, each of its own colour."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, colour in zip(names, COLOURS.values(), strict=False):
            for number in range(each):
                archive.writestr(f"{name}/{number}.png", png(colour))
    return buffer.getvalue()


def saved(model, folder):
    path = folder / "model.keras"
    model.save(path)
    return path


def given(model, folder, **files):
    """A workspace with the model open, and samples from files."""
    workspace = Workspace()
    workspace.open_model(saved(model, folder))
    give(workspace, **files)
    return workspace


def give(workspace, **files):
    name = workspace.model.inputs[0].name
    workspace.take_files({name: [(file.replace("__", "."), data) for file, data in files.items()]}, **PREPARED)


def answers(workspace):
    return [workspace.answer(sample) for sample in range(len(workspace.sample_names))]


def colour_model(count, kernel=None, activation="softmax"):
    """A model that answers by the colour of a photograph: class 0 red, 1 green, 2 blue, unless the kernel says else."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.GlobalAveragePooling2D(name="pool"),
            keras.layers.Dense(count, activation=activation, name="head"),
        ]
    )
    weights = np.zeros((3, count), np.float32)
    weights[:, :3] = 8 * np.eye(3) if kernel is None else kernel
    model.layers[-1].set_weights([weights, np.zeros(count, np.float32)])
    return model


class TestFolders:
    def test_as_many_as_classes_are_judged_in_alphabetical_order(self, tmp_path):
        workspace = given(colour_model(3), tmp_path, photos__zip=photos())

        assert [each.right for each in answers(workspace)] == [True] * 9
        assert {each.best for each in answers(workspace)} == {"cat", "dog", "zebra"}
        assert workspace.health().accuracy == 1
        assert "in alphabetical order" in workspace.labelling.note

    def test_fewer_than_classes_are_not_judged(self, tmp_path):
        workspace = given(colour_model(12), tmp_path, photos__zip=photos())
        answer = workspace.answer(0)

        assert (answer.best, answer.true_label, answer.right) == ("class 0", "cat", None)
        (rows,) = answer.specification["datasets"].values()
        assert not any(row["true"] for row in rows)
        assert workspace.health().accuracy is None
        assert workspace.sample_labels[::3] == ("cat", "dog", "zebra")
        assert "no answer is judged" in workspace.labelling.note
        # They still colour and group.
        assert "zebra" in str(workspace.class_means("head"))
        projected = workspace.chart("pool", "projection", {"colour_by": "class", "method": "PCA"}, 0)
        assert "zebra" in str(projected.pictures[0].specification)
        assert "right" not in {
            row.get("correct or wrong")
            for rows in projected.pictures[0].specification["datasets"].values()
            for row in rows
        }

    def test_by_the_names_that_a_person_gives(self, tmp_path):
        workspace = given(colour_model(12), tmp_path, photos__zip=photos())
        workspace.set_class_names("\n".join(["Dog", "Cat", "cow", *"abcdefghi"]))

        assert [each.best for each in answers(workspace)[::3]] == ["Dog", "Cat", "cow"]
        assert [each.right for each in answers(workspace)[::3]] == [False, False, None]
        assert workspace.health().accuracy == 0
        assert workspace.labelling.note.startswith("1 of 3 folder names is no class of the model: zebra.")
        workspace.set_class_names("")
        assert workspace.answer(0).best == "class 0"

    def test_a_list_of_names_beside_the_photographs(self, tmp_path):
        names = b"0 zebra\n1 dog\n2 cat\n"
        workspace = given(colour_model(3), tmp_path, photos__zip=photos(), labels__txt=names)

        assert [each.best for each in answers(workspace)[::3]] == ["zebra", "dog", "cat"]
        assert [each.right for each in answers(workspace)[::3]] == [False, True, False]
        give(workspace, photos__zip=photos())
        assert workspace.answer(0).best == "cat"

    def test_a_list_of_another_length_is_not_used_and_that_is_said(self, tmp_path):
        workspace = given(colour_model(12), tmp_path, photos__zip=photos())
        workspace.set_class_names([f"class of {number}" for number in range(13)])

        assert workspace.answer(0).best == "class 0"
        assert "The list has 13 names, the model answers 12 numbers" in workspace.labelling.names_note
        assert "background" in workspace.labelling.names_note

    def test_a_list_of_names_alone_is_no_data(self, tmp_path):
        workspace = given(colour_model(3), tmp_path, photos__zip=photos())

        with pytest.raises(InputRejected, match="there is no data beside it"):
            give(workspace, labels__txt=b"a\nb\nc")
        assert len(workspace.sample_names) == 9


@pytest.fixture(scope="module")
def digits():
    """Digits of 8×8, half of them for training."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return images.reshape(-1, 8, 8, 1).astype(np.float32) / 16, labels


@pytest.fixture(scope="module")
def logits(digits):
    """The first model of every course: Dense(10), trained from its logits."""
    images, labels = digits
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10, name="logits")])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(images[:900], labels[:900], epochs=10, verbose=0)
    return keras.Sequential([keras.Input((8, 8, 1)), *model.layers])


class TestLogits:
    def test_they_are_judged_by_the_largest(self, digits, logits, tmp_path):
        images, labels = digits[0][900:930], digits[1][900:930]
        workspace = given(logits, tmp_path, digits__npz=npz(x=images, y=labels))
        expected = logits.predict(images, verbose=0)

        found = answers(workspace)
        assert [each.best for each in found] == [f"class {number}" for number in expected.argmax(axis=1)]
        assert [each.right for each in found] == (expected.argmax(axis=1) == labels).tolist()
        assert workspace.health().accuracy == pytest.approx((expected.argmax(axis=1) == labels).mean())
        assert {each.probability for each in found} == {None}
        share = keras.ops.convert_to_numpy(keras.ops.softmax(expected[0])).max()
        assert found[0].note == f"softmax of the logits: {share:.0%}".replace("%", " %")
        assert "its largest output counts" in workspace.labelling.note

    def test_with_one_hot_labels_and_names(self, digits, logits, tmp_path):
        images, labels = digits[0][900:910], digits[1][900:910]
        one_hot = keras.utils.to_categorical(labels, 10)
        workspace = given(logits, tmp_path, digits__npz=npz(x=images, y=one_hot))
        workspace.set_class_names(
            '{"zero":0,"one":1,"two":2,"three":3,"four":4,"five":5,"six":6,"seven":7,"8":8,"9":9}'
        )

        words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "8", "9"]
        assert list(workspace.sample_labels) == [words[label] for label in labels]
        assert workspace.answer(0).best in words
        assert workspace.searchable_layers()[-1].class_names == tuple(words)
        picture = workspace.chart("logits", "unit-ablation", {}, 0).pictures[0]
        assert any(f"class {word} " in picture.caption for word in words)

    def test_labels_of_another_data_set_are_not_judged(self, digits, logits, tmp_path):
        workspace = given(logits, tmp_path, digits__npz=npz(x=digits[0][:5], y=np.array([3, 99, 12, 0, 5])))

        assert {each.right for each in answers(workspace)} == {None}
        assert workspace.health().accuracy is None
        assert "run from 0 to 99" in workspace.labelling.note

    def test_without_labels_they_are_numbers(self, digits, logits, tmp_path):
        workspace = given(logits, tmp_path, digits__npz=npz(x=digits[0][:8]))

        assert (workspace.answer(0).best, workspace.answer(0).right) == ("", None)
        projected = workspace.chart("logits", "projection", {"colour_by": "prediction", "method": "PCA"}, 0)
        assert "class 0" not in str(projected.pictures[0].specification)


class TestSingleOutputs:
    VALUES = np.array([[-2.0, 0], [3, 0], [1, 0], [-1, 0]], np.float32)

    def model(self, activation):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation=activation, name="spam")])
        model.layers[0].set_weights([np.array([[1], [0]], np.float32), np.zeros(1, np.float32)])
        return model

    def test_a_sigmoid_is_judged_at_one_half(self, tmp_path):
        workspace = given(self.model("sigmoid"), tmp_path, d__npz=npz(x=self.VALUES, y=[0, 1, 0, 0]))

        found = answers(workspace)
        assert [each.best for each in found] == ["class 0", "class 1", "class 1", "class 0"]
        assert [each.right for each in found] == [True, True, False, True]
        assert found[0].probability == pytest.approx(1 - 1 / (1 + np.exp(2)))
        assert workspace.health().accuracy == 0.75

    @pytest.mark.parametrize("labels", [[0, 1, 0, 0], [-1.5, 3.5, 1, 0]])
    def test_a_regression_is_not_judged(self, labels, tmp_path):
        workspace = given(self.model(None), tmp_path, d__npz=npz(x=self.VALUES, y=labels))
        answer = workspace.answer(1)

        assert (answer.best, answer.right, answer.true_label) == ("", None, "")
        assert (answer.value, answer.value_name) == ("3", "spam")
        assert answer.note == f"true {labels[1]:g}, error {3 - labels[1]:+g}".replace("-", "−")
        assert workspace.health().accuracy is None
        assert workspace.sample_labels == ()
        changed = workspace.chart("spam", "unit-ablation", {"all_samples": True}, 0).pictures[-1]
        assert "the answer moves by 1.75 in the mean" in changed.caption

    def test_a_person_says_that_a_single_number_tells_classes_apart(self, tmp_path):
        workspace = given(self.model(None), tmp_path, d__npz=npz(x=self.VALUES, y=[0, 1, 0, 0]))
        assert workspace.labelling.role == "value"

        workspace.set_label_role("class")
        assert [each.right for each in answers(workspace)] == [True, True, False, True]
        workspace.set_label_role("unused")
        assert workspace.answer(0).note == ""
        give(workspace, d__npz=npz(x=self.VALUES, y=[0, 1, 0, 0]))
        assert workspace.labelling.role == "unused"
        with pytest.raises(InputRejected, match="cannot be 'classes'"):
            workspace.set_label_role("classes")


def test_a_model_that_answers_text(tmp_path):
    pixels = keras.Input((8, 8, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(pixels)
    words = keras.layers.StringLookup(vocabulary=["zebra", "dog", "cat"], invert=True, num_oov_indices=0)
    model = keras.Model(pixels, words(keras.ops.argmax(keras.layers.Softmax()(pooled), axis=-1)))
    workspace = given(model, tmp_path, photos__zip=photos())

    assert [each.text for each in answers(workspace)[::3]] == ["zebra", "dog", "cat"]
    assert [each.right for each in answers(workspace)[::3]] == [False, True, False]
    assert workspace.health().accuracy == pytest.approx(1 / 3)


def test_names_that_a_model_keeps_for_its_classes(tmp_path):
    pixels = keras.Input((8, 8, 3))
    shares = keras.layers.Softmax(name="shares")(keras.layers.GlobalAveragePooling2D()(pixels))
    words = keras.layers.StringLookup(vocabulary=["zebra", "dog", "cat"], invert=True, num_oov_indices=0, name="words")
    model = keras.Model(pixels, [shares, words(keras.ops.argmax(shares, axis=-1))])
    workspace = given(model, tmp_path, photos__zip=photos())

    assert [each.best for each in answers(workspace)[::3]] == ["zebra", "dog", "cat"]


class TestTables:
    HOUSES = b"rooms,area,age,target\n1,2,3,14.5\n3,1,0,11\n"

    @pytest.fixture
    def prices(self, tmp_path):
        model = keras.Sequential([keras.Input((3,), name="house"), keras.layers.Dense(1, name="price")])
        model.layers[0].set_weights([np.array([[2], [5], [1]], np.float32), np.zeros(1, np.float32)])
        return given(model, tmp_path, houses__csv=self.HOUSES)

    def test_a_target_is_a_true_value(self, prices):
        assert prices.labelling.note.startswith("The labels in the column 'target' are taken as true values")
        assert prices.labelling.roles == ("value", "unused")
        assert prices.answer(0).note == "true 14.5, error +0.5"
        assert prices.answer(0).value_name == "price"
        assert (prices.answer(1).value, prices.answer(1).note) == ("11", "true 11, error 0")
        assert [(row.answer, row.true_label, row.loss) for row in prices.sample_rows()] == [
            ("15", "14.5", 0.5),
            ("11", "11", 0),
        ]

    def test_names_of_columns_are_on_the_axes(self, prices):
        (view,) = prices.inputs(0)
        (rows,) = view.specification["datasets"].values()
        assert [row["feature"] for row in rows] == ["rooms", "area", "age"]
        attributed = prices.chart("price", "input-attribution", {}, 0).pictures[0].specification
        (rows,) = attributed["datasets"].values()
        assert [(row["feature"], row["value"]) for row in rows] == [("rooms", 2), ("area", 10), ("age", 3)]
        found = prices.maximize("price", 0, {"starts": 1}, 0, 2, 60.0).found[0]
        assert "rooms" in str(found.specification)

    def test_whole_numbers_may_be_switched(self, prices):
        give(prices, houses__csv=b"rooms,area,age,y\n1,2,3,0\n3,1,0,1\n")

        assert prices.labelling.origin == "labels in the column 'y'"
        assert (prices.labelling.role, prices.labelling.roles) == ("value", ("class", "value", "unused"))
        prices.set_label_role("class")
        assert [each.right for each in answers(prices)] == [False, True]

    def test_a_class_in_a_table_stays_a_class(self, tmp_path):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, activation="softmax")])
        workspace = given(model, tmp_path, data__csv=b"a,b,target\n1,2,0\n3,4,2\n")

        assert workspace.labelling.role == "class"
        assert [each.right is None for each in answers(workspace)] == [False, False]

    def test_a_sequence_has_the_names_of_its_columns(self, tmp_path):
        model = keras.Sequential(
            [keras.Input((4, 2), name="walk"), keras.layers.LSTM(3, name="lstm"), keras.layers.Dense(1)]
        )
        workspace = given(model, tmp_path, walk__csv=b"left,right\n1,2\n3,4\n5,6\n7,8\n")

        assert '"left"' in json.dumps(workspace.inputs(0)[0].specification)
        attributed = workspace.chart("lstm", "input-attribution", {}, 0).pictures[0].specification
        assert "right" in json.dumps(attributed)


class TestNamesInAnArchive:
    """A list of names beside the pictures in a zip names the classes, and is no picture that cannot be read."""

    def archive(self, **lists):
        buffer = io.BytesIO(photos())
        with zipfile.ZipFile(buffer, "a") as archive:
            for name, content in lists.items():
                archive.writestr(name.replace("__", "."), content)
        return buffer.getvalue()

    def model(self):
        pixels = keras.Input((8, 8, 3))
        pooled = keras.layers.GlobalAveragePooling2D()(pixels)
        return keras.Model(pixels, keras.layers.Softmax(name="shares")(pooled))

    def test_names_the_classes(self, tmp_path):
        workspace = given(self.model(), tmp_path, photos__zip=self.archive(labels__txt="zebra\ndog\ncat\n"))

        assert workspace.labelling.class_names == ("zebra", "dog", "cat")
        assert len(workspace.sample_names) == 9
        assert workspace.answer(0).best in ("zebra", "dog", "cat")

    def test_what_is_no_list_is_said(self, tmp_path):
        with pytest.raises(InputRejected, match=r"also holds readme\.md") as caught:
            given(self.model(), tmp_path, photos__zip=self.archive(readme__md="Photos"))
        assert caught.value.file == "photos.zip"


def test_of_several_files_the_one_that_does_not_fit_is_named(tmp_path):
    model = keras.Sequential([keras.Input((8, 8, 3), name="x"), keras.layers.Flatten(), keras.layers.Dense(2)])
    with pytest.raises(InputRejected) as caught:
        given(model, tmp_path, good__png=png((255, 0, 0)), cat__jpg=b"this,is,no,picture")

    assert caught.value.file == "cat.jpg"
    assert str(caught.value) == (
        "cat.jpg is not a JPEG image, though its name says so. Take it out, or give the file that was meant."
    )
