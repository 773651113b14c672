"""Meanings in a workspace: guessed, asked for, and what the list of samples says by them."""

import io
import warnings

import keras
import numpy as np
import pytest
from sklearn.metrics import jaccard_score

from core.common.cache import OnceCache
from core.workspace.workspace import Workspace

PREPARED = {"scaling": "none", "fit": "stretch", "invert": False}
RANDOM = np.random.default_rng(0)
PHOTOS = RANDOM.random((6, 16, 16, 3)).astype(np.float32)


def opened(model, tmp_path, **arrays):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Keras writes weights in a way that NumPy 2 warns of.
        model.save(tmp_path / "model.keras")
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    workspace = Workspace(models=OnceCache(1))
    workspace.open_model((tmp_path / "model.keras").read_bytes(), "model.keras")
    workspace.take_files({"": [("data.npz", buffer.getvalue())]}, **PREPARED)
    return workspace


def segmentation():
    photo = keras.Input((16, 16, 3), name="photo")
    return keras.Model(photo, keras.layers.Conv2D(3, 3, padding="same", activation="softmax", name="pixels")(photo))


class TestMasks:
    TRUE = RANDOM.integers(0, 3, (6, 16, 16))

    def test_labels_with_the_shape_of_the_answer_are_true_masks(self, tmp_path):
        model = segmentation()
        workspace = opened(model, tmp_path, x=PHOTOS, y=self.TRUE)
        answered = model.predict(PHOTOS, verbose=0).argmax(axis=-1)
        expected = [
            jaccard_score(true.ravel(), each.ravel(), average=None).mean()
            for true, each in zip(self.TRUE, answered, strict=True)
        ]
        rows = workspace.sample_rows()

        assert workspace.labelling.role == "value"
        assert "an array of 16×16 numbers for each sample" in workspace.labelling.note
        assert workspace.answer(2).meaning == "mask"
        assert workspace.answer(2).note == f"mean IoU {expected[2]:.3g} of 3 classes"
        assert [row.loss for row in rows] == pytest.approx([1 - each for each in expected])
        assert {row.loss_name for row in rows} == {"1 − mean IoU"}

    def test_one_hot_masks_are_the_same(self, tmp_path):
        model = segmentation()
        losses = [
            [row.loss for row in opened(model, tmp_path, x=PHOTOS, y=labels).sample_rows()]
            for labels in (self.TRUE, np.eye(3)[self.TRUE])
        ]

        assert losses[0] == losses[1]

    def test_another_meaning_can_be_asked_for(self, tmp_path):
        workspace = opened(segmentation(), tmp_path, x=PHOTOS)

        assert workspace.answer(0).meanings[0].name == "mask"
        assert workspace.answer(0, meaning="image").note.startswith("values ")
        assert workspace.answer(0, meaning="boxes").unsuited.startswith("The output cannot be taken for Boxes;")


class TestReconstructions:
    def model(self):
        photo = keras.Input((16, 16, 3), name="photo")
        return keras.Model(photo, keras.layers.Conv2D(3, 3, padding="same", name="decoded")(photo))

    def test_the_rows_say_how_far_each_is_off(self, tmp_path):
        model = self.model()
        workspace = opened(model, tmp_path, x=PHOTOS)
        expected = np.square(model.predict(PHOTOS, verbose=0) - PHOTOS).mean(axis=(1, 2, 3))

        assert workspace.answer(0).meaning == "reconstruction"
        assert [row.loss for row in workspace.sample_rows()] == pytest.approx(expected.tolist(), rel=1e-4)
        assert {row.loss for row in workspace.sample_rows(meaning="image")} == {None}

    def test_the_output_layer_has_the_answer_large_and_no_other_layer_has_it(self, tmp_path):
        photo = keras.Input((16, 16, 3), name="photo")
        hidden = keras.layers.Conv2D(4, 3, padding="same", name="hidden")(photo)
        model = keras.Model(photo, keras.layers.Conv2D(3, 3, padding="same", name="decoded")(hidden))
        workspace = opened(model, tmp_path, x=PHOTOS)
        large = workspace.chart("decoded", "answer", {}, 1)
        asked = workspace.chart("decoded", "answer", {"meaning": "numbers"}, 1)

        assert "answer" not in [each.name for each in workspace.visualizers("hidden", 0)]
        (picture,) = large.pictures
        assert picture.caption.startswith("Reconstruction; mean squared error")
        assert 200 < picture.specification["height"] <= 400
        assert asked.pictures[0].caption.startswith("Numbers")


class TestClasses:
    def model(self, function):
        given = keras.Input((4,), name="x")
        return keras.Model(given, keras.layers.Dense(3, activation=function, name="last")(given))

    def test_what_is_taken_for_no_class_is_neither_right_nor_wrong(self, tmp_path):
        values = RANDOM.normal(size=(5, 4)).astype(np.float32)
        workspace = opened(self.model("softmax"), tmp_path, x=values, y=np.array([0, 1, 2, 0, 1]))

        assert {row.right for row in workspace.sample_rows()} <= {True, False}
        assert {(row.right, row.answer) for row in workspace.sample_rows(meaning="numbers")} == {(None, "")}
        assert workspace.answer(0, meaning="numbers").right is None

    def test_logits_that_nothing_is_known_of_are_classes_where_a_person_says_so(self, tmp_path):
        model, values = self.model(None), RANDOM.normal(size=(5, 4)).astype(np.float32)
        workspace = opened(model, tmp_path, x=values)
        logits = model.predict(values, verbose=0)

        assert workspace.answer(0).meaning == "numbers"
        assert workspace.answer(1, meaning="classes").best == f"class {logits[1].argmax()}"
        assert [row.answer for row in workspace.sample_rows(meaning="classes")] == [
            f"class {each}" for each in logits.argmax(axis=1)
        ]


def test_of_several_outputs_each_meaning_sees_all(tmp_path):
    given = keras.Input((6,), name="x")
    both = [keras.layers.Dense(3, name=name)(given) for name in ("z_mean", "z_log_var")]
    model, values = keras.Model(given, both), RANDOM.normal(size=(4, 6)).astype(np.float32)
    answer = opened(model, tmp_path, x=values).answer(1, output="z_log_var")
    means = model.predict(values, verbose=0)[0][1]

    assert answer.meaning == "latent-pair"
    rows = [row for rows in answer.specification["datasets"].values() for row in rows if "mean" in row]
    assert [row["mean"] for row in rows] == pytest.approx(means.tolist(), rel=1e-4)
