"""The rows and the strip of samples: what is said of each, worked out by hand."""

import base64
import io
import math
import warnings

import keras
import numpy as np
import pytest
import vl_convert
from PIL import Image

from core.common.cache import OnceCache
from core.errors import InputRejected
from core.inputs.labels import match_labels
from core.inputs.model_output import ModelOutput
from core.workspace.sample_rows import sample_rows
from core.workspace.workspace import Workspace

PREPARED = {"scaling": "none", "fit": "stretch", "invert": False}


def rows_of(output, labels=None, names="", function="", role=None):
    output = np.array(output, np.float32)
    described = ModelOutput(output.shape[1], function, "last", "price")
    matched = match_labels(None if labels is None else np.array(labels), described, tuple(names.split()), role=role)
    return sample_rows(output, [f"file {number}" for number in range(len(output))], matched, described)


class TestRows:
    def test_of_probabilities(self):
        right, wrong = rows_of([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]], [1, 2], "cat dog cow", "softmax")

        assert (right.number, right.name, right.true_label, right.answer, right.right) == (
            0,
            "file 0",
            "dog",
            "dog",
            True,
        )
        assert right.confidence == pytest.approx(0.7)
        assert right.loss == pytest.approx(-math.log(0.7), rel=1e-6)
        assert (wrong.answer, wrong.true_label, wrong.right) == ("cat", "cow", False)
        assert wrong.loss == pytest.approx(-math.log(0.3), rel=1e-6)

    def test_of_logits_by_their_softmax(self):
        (row,) = rows_of([[1.0, 3.0]], [0], "cat dog")
        share = 1 / (1 + math.exp(-2))

        assert (row.answer, row.right) == ("dog", False)
        assert row.confidence == pytest.approx(share)
        assert row.loss == pytest.approx(-math.log(1 - share))

    @pytest.mark.parametrize(("function", "value"), [("sigmoid", 0.2), ("", math.log(0.25))])
    def test_of_a_single_number_for_two_classes(self, function, value):
        (row,) = rows_of([[value]], [0], "no yes", function)

        assert (row.answer, row.right) == ("no", True)
        assert row.confidence == pytest.approx(0.8)
        assert row.loss == pytest.approx(-math.log(0.8), rel=1e-5)

    def test_of_true_values(self):
        (row,) = rows_of([[-0.2372]], [22.5])

        assert (row.answer, row.true_label, row.right, row.confidence) == ("−0.2372", "22.5", None, None)
        assert row.loss == pytest.approx(22.7372, rel=1e-6)

    def test_of_several_true_values_the_error_is_their_mean(self):
        (row,) = rows_of([[1.0, 2.0]], [[2.0, 5.0]], role="value")

        assert (row.answer, row.loss) == ("", 2.0)

    def test_without_labels(self):
        (row,) = rows_of([[0.1, 0.9]], function="softmax")

        assert (row.answer, row.true_label, row.right, row.loss) == ("class 1", "", None, None)
        assert row.confidence == pytest.approx(0.9)

    def test_what_is_not_a_number_has_neither_confidence_nor_loss(self):
        (row,) = rows_of([[math.nan, math.nan]], [1], function="softmax")

        assert (row.confidence, row.loss) == (None, None)

    @pytest.mark.parametrize("wrong", [math.nan, math.inf])
    def test_a_row_that_is_no_number_has_no_class_and_the_others_keep_theirs(self, wrong):
        broken, sound = rows_of([[0.1, wrong], [0.2, 0.8]], [0, 1], function="softmax")

        assert (broken.answer, broken.right, broken.confidence, broken.loss) == ("no class", None, None, None)
        assert (sound.answer, sound.right, sound.confidence) == ("class 1", True, pytest.approx(0.8))

    def test_a_probability_of_zero_is_no_infinite_loss(self):
        (row,) = rows_of([[1.0, 0.0]], [1], function="softmax")

        assert row.loss == pytest.approx(-math.log(1e-7))


@pytest.fixture(scope="module")
def digits():
    workspace = Workspace()
    workspace.open_example("digits-cnn")
    return workspace


def saved(model, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Keras writes weights in a way that NumPy 2 warns of.
        model.save(tmp_path / "model.keras")
    return (tmp_path / "model.keras").read_bytes()


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


class TestOfAWorkspace:
    def test_the_rows_say_what_the_answers_say(self, digits):
        rows = digits.sample_rows()

        assert len(rows) == 90
        for number in (0, 1, 57, 89):
            answer = digits.answer(number)
            row = rows[number]
            assert (row.answer, row.true_label, row.right) == (answer.best, answer.true_label, answer.right)
            assert row.confidence == pytest.approx(answer.probability)
        assert sum(row.right is False for row in rows) == 1

    def test_a_model_that_needs_long_answers_the_first_samples_and_goes_on_when_asked(self, tmp_path):
        inputs = keras.Input((4,), name="x")
        model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="d")(inputs))
        # Of so little memory all layers of all samples do not fit at once.
        workspace = Workspace(models=OnceCache(1), memory_budget=20_000)
        workspace.open_model(saved(model, tmp_path), "model.keras")
        values = np.random.default_rng(0).normal(size=(2_000, 4)).astype(np.float32)
        workspace.take_files({"x": [("x.npy", npy(values))]}, **PREPARED)
        told = []
        rows = workspace.sample_rows(0, lambda share, text: told.append((share, text)))
        expected = [f"class {number}" for number in model.predict(values, verbose=0).argmax(axis=1)]
        count = sum(bool(row.answer) for row in rows)

        assert len(rows) == 2_000
        assert 0 < count < 2_000
        assert [row.answer for row in rows] == [*expected[:count], *[""] * (2_000 - count)]
        assert (rows[count].name, rows[count].confidence) == (f"x.npy[{count}]", None)
        assert told[-1] == (count / 2_000, f"{count} of 2,000 samples")

        assert [row.answer for row in workspace.sample_rows(600)] == expected
        assert [row.answer for row in workspace.sample_rows(0)] == expected

    def test_an_answer_that_is_one_for_the_whole_batch_is_that_of_no_sample(self, tmp_path):
        inputs = keras.Input((4,), name="x")
        mean = keras.ops.mean(keras.layers.Dense(3, activation="softmax", name="d")(inputs), axis=0, keepdims=True)
        workspace = Workspace(models=OnceCache(1))
        workspace.open_model(saved(keras.Model(inputs, mean), tmp_path), "model.keras")
        workspace.take_noise(3, 0)

        assert [(row.answer, row.confidence) for row in workspace.sample_rows()] == [("", None)] * 3


class TestOfPaddedSequences:
    @pytest.mark.parametrize("budget", [None, 6_000])
    def test_steps_of_padding_are_neither_right_nor_wrong(self, budget, tmp_path):
        random = np.random.default_rng(0)
        inputs = keras.Input((9,), dtype="int32", name="words")
        found = keras.layers.Embedding(6, 4, mask_zero=True)(inputs)
        model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="tag")(found))
        lengths = random.integers(2, 9, 40)
        words = np.where(np.arange(9) < lengths[:, None], random.integers(1, 6, (40, 9)), 0)
        shares = model.predict(words, verbose=0).astype(float)
        # Of each real step the class that wins, and of padding one that does not.
        tags = np.where(words > 0, shares.argmax(axis=2), (shares.argmax(axis=2) + 1) % 3)
        losses = [
            -np.log(share[range(length), tag[:length]]).mean()
            for share, tag, length in zip(shares, tags, lengths, strict=True)
        ]
        file = io.BytesIO()
        np.savez(file, x=words, y=tags)
        workspace = Workspace(models=OnceCache(1), memory_budget=budget)
        workspace.open_model(saved(model, tmp_path), "model.keras")
        workspace.take_files({"words": [("tags.npz", file.getvalue())]}, **PREPARED)
        rows = workspace.sample_rows(600)

        assert [row.loss for row in rows] == [pytest.approx(loss, rel=1e-4) for loss in losses]
        for sample in (0, 33):
            note = workspace.answer(sample).note
            assert "100.0 % of the steps are right" in note
            padding = int(9 - lengths[sample])
            assert f"{padding} step{'s' if padding > 1 else ''} of padding" in note
        chart = workspace.chart("tag", "answer", {"sample": 33}, 33)
        assert "100.0 % of the steps are right" in str(chart)


class TestStrip:
    def test_dark_samples_look_dark_wherever_they_are_drawn(self, tmp_path):
        inputs = keras.Input((8, 8, 3), name="x")
        model = keras.Model(inputs, keras.layers.Conv2D(1, 1, activation="sigmoid", name="mask")(inputs))
        pictures = np.zeros((3, 8, 8, 3), np.float32)
        pictures[:, :4] = np.array([51, 255, 204])[:, None, None, None]
        workspace = Workspace(models=OnceCache(1))
        workspace.open_model(saved(model, tmp_path), "model.keras")
        workspace.take_files({"x": [("x.npy", npy(pictures))]}, **PREPARED)
        (drawn,) = workspace.sample_strip([0], 0).specification["datasets"].values()
        tile = Image.open(io.BytesIO(base64.b64decode(drawn[0]["image"].split(",")[1])))
        (view,) = workspace.inputs(0)

        assert np.asarray(tile).max() == 51
        assert np.asarray(Image.open(io.BytesIO(view.picture))).max() == 51

    @pytest.mark.parametrize(
        "name", ["digits-cnn", "digits-dense", "motions-conv1d", "reviews-transformer", "vowels-lstm"]
    )
    def test_of_each_example(self, name):
        workspace = Workspace()
        workspace.open_example(name)
        rows = workspace.sample_rows()
        picture = workspace.sample_strip([3, 0, 7], 0)
        (drawn,) = picture.specification["datasets"].values()

        assert picture.selections == ("sample",)
        assert [each["sample"] for each in drawn] == [3, 0, 7]
        assert all(each["text"] if name.startswith("reviews") else each["image"].startswith("data:") for each in drawn)
        assert [each["mark_bottom"] - each["mark_top"] for each in drawn] == [
            5 if rows[number].right is False else 2 for number in (3, 0, 7)
        ]
        assert f"0, selected, answer {rows[0].answer}" in picture.alt
        assert vl_convert.vegalite_to_svg(picture.specification).startswith("<svg")

    @pytest.mark.parametrize("shape", [(4,), (1_000,), (5, 8, 8), (3, 8, 8, 8, 1), ()])
    def test_of_other_kinds_of_input(self, shape, tmp_path):
        inputs = keras.Input(shape, name="x")
        model = keras.Model(inputs, keras.layers.Activation("tanh", name="a")(inputs))
        workspace = Workspace(models=OnceCache(1))
        workspace.open_model(saved(model, tmp_path), "model.keras")
        workspace.take_noise(3, 0)
        (drawn,) = workspace.sample_strip([0, 1, 2], 2).specification["datasets"].values()

        assert len({each["image"] for each in drawn}) == 3

    def test_of_samples_that_there_are_not(self, digits):
        with pytest.raises(InputRejected, match="There is no sample 90"):
            digits.sample_strip([0, 90], 0)
        assert digits.sample_strip([], 0).specification == {}
