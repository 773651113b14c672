"""What outputs are taken for, and what is then said of them, against scikit-learn and NumPy."""

import time

import numpy as np
import pytest
import tensorflow as tf
import vl_convert
from sklearn.metrics import jaccard_score, log_loss, mean_absolute_error
from sklearn.metrics.pairwise import cosine_similarity

from core.inputs.spec import InputSpec
from core.plugins.meanings import ANSWER_HEIGHT, OutputContext, OutputSamples
from core.plugins.registry import Registry
from core.plugins.sources import PluginSettings

RANDOM = np.random.default_rng(0)
MEANINGS = Registry(settings=PluginSettings(enabled=False)).meanings
ROW, STEPS = RANDOM.normal(size=12), RANDOM.normal(size=(40, 2))
PHOTO, SERIES = RANDOM.random((32, 32, 3)), RANDOM.normal(size=(40, 1))
PAIR = {"z_mean": np.array([0.5, -1.0]), "z_log_var": np.array([0.0, -2.0])}


def softmax(*shape):
    powers = np.exp(RANDOM.normal(size=shape))
    return powers / powers.sum(axis=-1, keepdims=True)


def output(values, given=None, **known):
    """An output for one sample of a model with one input."""
    values = np.asarray(values, np.float32) if not isinstance(values, np.ndarray) else values
    inputs = {} if given is None else {"given": np.asarray(given, np.float32)[np.newaxis]}
    specs = tuple(InputSpec(name, array.shape[1:], "float32") for name, array in inputs.items())
    name = known.pop("name", "out")
    others = known.pop("outputs", {name: values})
    return OutputContext(values, name, outputs=others, given=lambda: inputs, specs=specs, **known)


def samples(answers, position=0):
    return OutputSamples(
        lambda: np.asarray(answers), lambda numbers: {"given": RANDOM.random((len(numbers), 8, 8, 1))}, position, str
    )


def answered(name, context, height=ANSWER_HEIGHT):
    drawn = MEANINGS.answer(name, context, height)
    if drawn.specification:
        assert vl_convert.vegalite_to_svg({"width": 300, **drawn.specification}).startswith("<svg")
        assert drawn.specification["height"] <= height
    return drawn


def datasets(drawn):
    return [row for rows in drawn.specification["datasets"].values() for row in rows]


class TestWhatAnOutputIsTakenFor:
    @pytest.mark.parametrize(
        ("expected", "context"),
        [
            ("classes", output(softmax(5), function="softmax")),
            ("several-labels", output(RANDOM.random(5), function="sigmoid")),
            ("numbers", output([3.2])),
            ("numbers", output([3.2, -1.0, 0.4], RANDOM.random(7))),
            ("numbers", output(RANDOM.normal(size=(5, 3)))),
            ("classes-per-step", output(softmax(200, 3), np.eye(4)[RANDOM.integers(0, 4, 200)], function="softmax")),
            ("classes-per-step", output(RANDOM.random((50, 1)), RANDOM.normal(size=(50, 2)), function="sigmoid")),
            (
                "classes-per-step",
                output(RANDOM.random((40, 1)), SERIES, function="sigmoid", true_value=np.arange(40) % 2),
            ),
            ("forecast", output(RANDOM.normal(size=12), SERIES)),
            ("forecast", output(RANDOM.normal(size=(6, 2)), RANDOM.normal(size=(40, 2)))),
            ("numbers", output(RANDOM.normal(size=1), SERIES)),
            ("numbers", output(RANDOM.normal(size=(100, 1)), RANDOM.normal(size=(100, 3)))),
            ("numbers", output(RANDOM.normal(size=5), RANDOM.normal(size=(187, 1)), name="predictions")),
            ("numbers", output(RANDOM.normal(size=16), RANDOM.normal(size=(128, 9)))),
            ("forecast", output(RANDOM.normal(size=1), SERIES, name="next_value")),
            ("reconstruction", output(RANDOM.random((32, 32, 3)), PHOTO, function="sigmoid")),
            ("reconstruction", output(RANDOM.random(64), RANDOM.random(64), function="sigmoid")),
            ("reconstruction", output(RANDOM.normal(size=(40, 1)), SERIES)),
            ("reconstruction", output(RANDOM.normal(size=12), ROW, true_value=ROW)),
            ("numbers", output(RANDOM.normal(size=12), ROW, true_value=RANDOM.normal(size=12))),
            ("numbers", output(RANDOM.random((40, 2)), STEPS, function="sigmoid", true_value=np.ones((40, 2)))),
            ("mask", output(softmax(32, 32, 4), PHOTO, function="softmax")),
            ("mask", output(RANDOM.random((32, 32, 1)), PHOTO, function="sigmoid")),
            ("mask", output(RANDOM.random((32, 32, 1)), PHOTO, function="hard_sigmoid")),
            ("mask", output(RANDOM.random((32, 32, 1)), RANDOM.random((32, 32, 1)), function="sigmoid", name="mask")),
            ("image", output(RANDOM.random((28, 28, 1)), RANDOM.normal(size=100))),
            ("boxes", output([[0.1, 0.1, 0.5, 0.6, 0.9], [0.2, 0.2, 0.4, 0.7, 0.3]], PHOTO)),
            ("boxes-by-centre", output([[0.9, 0.9, 0.1, 0.1, 0.9]], PHOTO)),
            ("keypoints", output(RANDOM.random((5, 2)), PHOTO)),
            ("heatmaps", output(RANDOM.normal(size=(16, 16, 5)), PHOTO, name="heatmaps")),
            ("embedding", output([0.6, 0.8], PHOTO, samples=samples(RANDOM.normal(size=(4, 2))))),
            ("latent-pair", output(PAIR["z_mean"], name="z_mean", outputs=PAIR)),
            ("text", output(np.asarray(b"hello"))),
        ],
    )
    def test_the_likeliest(self, expected, context):
        assert MEANINGS.likeliest(context).name == expected
        answered(expected, context)
        answered(expected, context, 400)

    @pytest.mark.parametrize(
        ("name", "word"),
        [
            ("conv2d_transpose", "pose"), ("Conv2DTranspose", "pose"), ("pointwise", "point"), ("decoder", "code"),
            ("inbox", "box"), ("context", "next"), ("", "box"), ("box", ""),
        ],
    )  # fmt: skip
    def test_a_part_of_a_word_is_not_that_word(self, name, word):
        assert not output([1.0], name=name, layer=name).sounds_like(word)

    @pytest.mark.parametrize(
        ("name", "word"),
        [
            ("z_log_var", "log_var"), ("zLogVar", "log_var"), ("z_mean", "mean"), ("pred_boxes2", "boxes"),
            ("bbox", "bbox"), ("BBox", "box"), ("encoder/embedding_1", "embedding"), ("next-load", "Load"),
        ],
    )  # fmt: skip
    def test_a_whole_word_is_heard_in_any_spelling(self, name, word):
        assert output([1.0], name=name).sounds_like(word)
        assert output([1.0], name="out", layer=name).sounds_like("other", word)

    @pytest.mark.parametrize(
        ("expected", "context"),
        [
            ("reconstruction", output(RANDOM.random((32, 32, 3)), PHOTO, function="sigmoid", name="conv2d_transpose")),
            (
                "reconstruction",
                output(RANDOM.normal(size=30), RANDOM.normal(size=30), name="decoder", samples=samples(np.eye(30))),
            ),
            ("keypoints", output(RANDOM.random(10), PHOTO, name="landmarks")),
            ("heatmaps", output(RANDOM.random((16, 16, 3)), PHOTO, name="poses")),
            ("mask", output(RANDOM.normal(size=(32, 32, 3)), PHOTO, name="segmentation")),
        ],
    )
    def test_names_speak_by_whole_words(self, expected, context):
        assert MEANINGS.likeliest(context).name == expected

    def test_numbers_are_offered_of_everything_that_is_numbers(self):
        for values in (softmax(5), RANDOM.random((32, 32, 3)), RANDOM.normal(size=(40, 2)), np.zeros((3, 8, 8, 2))):
            offered = [each.meaning.name for each in MEANINGS.candidates(output(values)) if each.score > 0]
            assert "numbers" in offered

    def test_where_it_cannot_be_it_says_why(self):
        reasons = {each.meaning.name: each.reason for each in MEANINGS.candidates(output([1.0, 2.0]))}

        assert reasons["mask"] == "needs a value, or one for each class, at each pixel"
        assert reasons["boxes"] == "needs an image as input"

    def test_none_fails_on_what_is_not_finite(self):
        for values in (softmax(6), RANDOM.random((16, 16, 3)), RANDOM.normal(size=(20, 2))):
            broken = np.full_like(values, np.nan)
            for each in MEANINGS.candidates(output(broken, PHOTO if values.ndim != 2 else SERIES)):
                if each.score > 0:
                    answered(each.meaning.name, output(broken, PHOTO if values.ndim != 2 else SERIES))


class TestMask:
    SHARES, TRUE = softmax(16, 16, 3), RANDOM.integers(0, 3, (16, 16))

    def test_iou_of_each_class_is_that_of_scikit_learn(self):
        context = output(self.SHARES, PHOTO, function="softmax", true_value=self.TRUE)
        each = jaccard_score(self.TRUE.ravel(), self.SHARES.argmax(-1).ravel(), average=None)
        drawn = answered("mask", context)

        assert MEANINGS.get("mask").loss(context) == pytest.approx(1 - each.mean())
        assert drawn.answer.note == f"mean IoU {each.mean():.3g} of 3 classes"
        said = {row["meaning"].split()[1]: row["meaning"] for row in datasets(drawn) if "meaning" in row}
        assert {number: float(text.rpartition(" ")[2]) for number, text in said.items()} == {
            str(number): float(f"{value:.3g}") for number, value in enumerate(each)
        }

    @pytest.mark.parametrize("form", ["one-hot", "last axis"])
    def test_a_truth_in_another_form_is_the_same(self, form):
        true = np.eye(3)[self.TRUE] if form == "one-hot" else self.TRUE[..., np.newaxis]
        mask = MEANINGS.get("mask")

        assert mask.loss(output(self.SHARES, true_value=true)) == mask.loss(output(self.SHARES, true_value=self.TRUE))

    def test_of_one_probability_a_pixel_counts_over_a_half(self):
        values, true = RANDOM.random((16, 16, 1)), RANDOM.integers(0, 2, (16, 16))
        expected = jaccard_score(true.ravel(), (values > 0.5).ravel(), average=None).mean()

        assert MEANINGS.get("mask").loss(output(values, true_value=true)) == pytest.approx(1 - expected)

    def test_a_pixel_that_is_no_number_has_no_class(self):
        values = self.SHARES.copy()
        values[0, :3] = np.nan
        sound = np.isfinite(values).all(axis=-1)
        context = output(values, PHOTO, function="softmax", true_value=self.TRUE)
        expected = jaccard_score(self.TRUE[sound], self.SHARES[sound].argmax(-1), average=None).mean()
        nothing = output(np.full_like(values, np.nan), PHOTO, function="softmax", true_value=self.TRUE)

        assert MEANINGS.get("mask").loss(context) == pytest.approx(1 - expected)
        assert answered("mask", context).answer.note.endswith("; 3 of 256 pixels are NaN or infinite: no class")
        assert answered("mask", nothing).answer.words == "no class"
        assert answered("mask", nothing).answer.note == "256 of 256 pixels are NaN or infinite: no class"
        assert MEANINGS.get("mask").loss(nothing) is None

    def test_logits_of_one_class_are_cut_at_zero_and_taken_for_a_mask_where_the_true_one_is(self):
        grey, logits = RANDOM.random((16, 16, 1)), RANDOM.normal(size=(16, 16, 1))
        true = RANDOM.integers(0, 2, (16, 16))
        context = output(logits, grey, true_value=true)
        expected = jaccard_score(true.ravel(), (logits > 0).ravel(), average=None).mean()

        assert MEANINGS.likeliest(context).name == "mask"
        assert MEANINGS.get("mask").loss(context) == pytest.approx(1 - expected)
        assert "logits, cut at 0: " in answered("mask", context).answer.note
        shares = RANDOM.random((16, 16))
        drawn = answered("mask", output(shares, grey))
        assert drawn.answer.note == f"over 0.5: mask {(shares > 0.5).mean():.0%}".replace("%", " %")
        words = {row["meaning"].split()[0] for row in datasets(drawn) if "meaning" in row}
        assert words == {"mask", "background"}

    @pytest.mark.parametrize("white", [1, 255])
    def test_an_autoencoder_of_pictures_in_black_and_white_is_no_mask(self, white):
        true = RANDOM.integers(0, 2, (16, 16, 1))
        context = output(RANDOM.random((16, 16, 1)), white * true, function="sigmoid", true_value=true)

        assert MEANINGS.likeliest(context).name == "reconstruction"

    def test_a_class_that_is_neither_answered_nor_true_does_not_count(self):
        shares = np.zeros((8, 8, 5))
        shares[..., 1] = 1

        assert MEANINGS.get("mask").loss(output(shares, true_value=np.ones((8, 8), int))) == 0


class TestClassesPerStep:
    def test_tracks_are_classes_and_not_units_and_a_single_step_stays_in_sight(self):
        shares = np.tile([0.98, 0.01, 0.01], (10_001, 1))
        shares[4_321] = [0.1, 0.85, 0.05]
        shares[9_000] = [0.2, 0.1, 0.7]
        true = shares.argmax(axis=1)
        true[5_000] = 2
        context = output(shares, function="softmax", class_names=("neither", "acceptor", "donor"), true_value=true)
        drawn = answered("classes-per-step", context)
        rows = datasets(drawn)
        blocks = [(row["class"], row["first"]) for row in rows if row.get("top", 9) < 1 and "first" in row]

        assert len(rows) < 5_000
        assert {name for name, _ in blocks} == {"neither", "acceptor", "donor"}
        assert any(name == "acceptor" and 0 <= 4_321 - first < 40 for name, first in blocks)
        peaks = {row["step"]: row["probability"] for row in rows if row.get("class") == "acceptor" and "step" in row}
        assert peaks[4_321] == pytest.approx(0.85)
        assert drawn.answer.words == "3 classes at 10,001 steps"
        assert "unit" not in drawn.answer.alt + drawn.answer.note

    def test_a_step_that_is_no_number_is_won_by_none(self):
        shares, true = softmax(30, 4), RANDOM.integers(0, 4, 30)
        broken = shares.copy()
        broken[:2, 1] = np.nan
        context = output(broken, function="softmax", true_value=true)
        drawn = answered("classes-per-step", context)
        won = [row for row in datasets(drawn) if row.get("class") == "no class"]
        right = (shares.argmax(axis=1) == true)[2:].mean()

        assert [(row["first"], row["last"]) for row in won] == [(0, 1)]
        assert drawn.answer.note.startswith(f"{100 * right:.1f} % of the steps are right")
        assert drawn.answer.note.endswith("2 of 30 steps are NaN or infinite: no class")
        expected = log_loss(true[2:], shares[2:], labels=range(4))
        assert MEANINGS.get("classes-per-step").loss(context) == pytest.approx(expected, rel=1e-5)

    def test_its_loss_is_the_cross_entropy(self):
        shares, true = softmax(30, 4), RANDOM.integers(0, 4, 30)

        found = MEANINGS.get("classes-per-step").loss(output(shares, function="softmax", true_value=true))
        assert found == pytest.approx(log_loss(true, shares, labels=range(4)), rel=1e-5)


class TestForecast:
    def test_it_goes_on_where_the_series_ends(self):
        future, true = RANDOM.normal(size=12), RANDOM.normal(size=12)
        drawn = answered("forecast", output(future, SERIES, true_value=true))
        rows = [row for row in datasets(drawn) if "is" in row]

        assert [row["step"] for row in rows if row["is"] == "forecast"] == list(range(39, 52))
        assert [row["value"] for row in rows if row["is"] == "forecast"][1:] == pytest.approx(future.tolist())
        assert [row["value"] for row in rows if row["is"] == "true"][1:] == pytest.approx(true.tolist())
        assert drawn.answer.note.startswith(f"mean absolute error {mean_absolute_error(true, future):.3g}")

    def test_one_step_is_said_in_the_singular(self):
        answer = answered("forecast", output(RANDOM.normal(size=(1, 2)), RANDOM.normal(size=(20, 2)))).answer

        assert answer.words == "next step"
        assert answer.note.startswith("1 step after the 20 that went in")
        assert answer.alt.startswith("The model answers the next step: ")

    def test_of_several_features_it_says_which_one_is_drawn(self):
        context = output(RANDOM.normal(size=6), RANDOM.normal(size=(20, 2)), name="next_load")
        context = OutputContext(
            context.values, "next_load", given=context.given, specs=context.specs,
            feature_names={"given": ("temperature", "load")},
        )  # fmt: skip

        assert answered("forecast", context).answer.note.endswith("drawn for load")


class TestReconstruction:
    def test_its_error_is_the_mean_squared_difference(self):
        values = RANDOM.random((32, 32, 3))
        context = output(values, PHOTO)

        expected = np.square(np.float32(values) - np.float32(PHOTO)).mean()
        assert MEANINGS.get("reconstruction").loss(context) == pytest.approx(expected, rel=1e-4)
        assert answered("reconstruction", context).answer.note == f"mean squared error {expected:.3g}"

    def test_lines_of_true_values_are_not_called_what_went_in(self):
        for true, called in ((RANDOM.normal(size=12), "true"), (None, "input")):
            drawn = answered("reconstruction", output(RANDOM.normal(size=12), ROW, true_value=true))
            rows = [row for row in datasets(drawn) if row.get("is") == called]

            assert {row["is"] for row in datasets(drawn)} == {called, "output"}
            assert [row["value"] for row in rows] == pytest.approx((ROW if true is None else true).tolist(), rel=1e-5)

    def test_where_a_true_answer_is_known_it_is_set_against_that(self):
        values, clean = RANDOM.random((32, 32, 3)), RANDOM.random((32, 32, 3))

        found = MEANINGS.get("reconstruction").loss(output(values, PHOTO, true_value=clean))
        assert found == pytest.approx(np.square(np.float32(values) - clean).mean(), rel=1e-4)


class TestSeveralLabels:
    def test_those_over_a_half_are_answered_and_set_against_the_true_ones(self):
        shares, true = np.array([0.9, 0.2, 0.7, 0.4]), np.array([1, 1, 0, 0])
        context = output(shares, function="sigmoid", true_value=true, class_names=("a", "b", "c", "d"))
        drawn = answered("several-labels", context)

        assert drawn.answer.words == "a, c"
        assert drawn.answer.note == "1 of 2 true labels (green) is over 0.5, and 1 that is not true"
        assert {row["name"] for row in datasets(drawn) if row.get("true")} == {"a", "b"}
        notes = [
            answered("several-labels", output(each, function="sigmoid", true_value=np.zeros(2))).answer.note
            for each in ([0.1, 0.2], [0.1, 0.9])
        ]
        assert notes == ["", "no label is true, and 1 is over 0.5"]
        assert MEANINGS.get("several-labels").loss(context) == pytest.approx(log_loss(true, shares), rel=1e-5)

    def test_labels_of_one_name_are_told_apart_and_of_very_many_it_takes_no_time(self):
        count = 30_000
        shares = np.linspace(0, 0.4, count)
        shares[:2] = 0.9, 0.8
        names = ("a", "a", *(f"n{number}" for number in range(2, count)))
        started = time.perf_counter()
        drawn = answered("several-labels", output(shares, function="sigmoid", class_names=names))

        # Measured well below a second; 49 s where each name was counted among all.
        assert time.perf_counter() - started < 4
        assert drawn.answer.words == "a (0), a (1)"
        assert drawn.answer.note == "2 of 30,000 labels are over 0.5"
        single = answered("several-labels", output([0.9, 0.1], function="sigmoid")).answer
        assert (single.words, single.note) == ("label 0", "1 of 2 labels is over 0.5")


class TestBoxes:
    BOXES = np.array([[0.1, 0.1, 0.5, 0.5], [0.12, 0.1, 0.5, 0.52], [0.6, 0.6, 0.9, 0.9], [0, 0, 1, 1]])
    SCORES = np.array([0.8, 0.9, 0.5, 0.1])

    def kept(self, name, boxes, given=PHOTO):
        both = {"boxes": np.float32(boxes), "scores": np.float32(self.SCORES)}
        drawn = answered(name, output(both["boxes"], given, name="boxes", outputs=both))
        rows = [row for row in datasets(drawn) if "left" in row]
        return drawn, [(row["score"], [row[side] for side in ("left", "top", "right", "bottom")]) for row in rows]

    def test_the_best_first_without_what_lies_over_a_better_one(self):
        drawn, rows = self.kept("boxes", self.BOXES)

        assert [score for score, _ in rows] == pytest.approx([0.9, 0.5])
        assert rows[0][1] == pytest.approx(self.BOXES[1].tolist())
        assert "2 are left by greedy non-maximum suppression (IoU over 0.5)" in drawn.answer.note

    def test_pixels_and_other_orders_are_the_same_boxes(self):
        centres = np.concatenate(
            [(self.BOXES[:, :2] + self.BOXES[:, 2:]) / 2, self.BOXES[:, 2:] - self.BOXES[:, :2]], 1
        )
        wanted = [pytest.approx(corners, abs=1e-6) for _, corners in self.kept("boxes", self.BOXES)[1]]

        assert [corners for _, corners in self.kept("boxes", self.BOXES * 32)[1]] == wanted
        assert [corners for _, corners in self.kept("boxes-by-centre", centres)[1]] == wanted
        assert [corners for _, corners in self.kept("boxes-down-first", self.BOXES[:, [1, 0, 3, 2]])[1]] == wanted

    def drawn_of(self, values, name="boxes", others=(), class_names=()):
        outputs = {name: np.float32(values)} | {key: np.asarray(value) for key, value in dict(others).items()}
        context = output(outputs[name], PHOTO, name=name, outputs=outputs, class_names=class_names)
        return answered("boxes", context), context

    @staticmethod
    def scores_of(drawn):
        return [(row["is"], row["score"]) for row in datasets(drawn) if "left" in row]

    def test_scores_are_what_is_named_so_and_classes_what_is_named_so(self):
        others = {
            "areas": np.float32([0.9, 0.9, 0.9, 0.9]),
            "labels": np.float32([0, 0, 1, 1]),
            "confidence": self.SCORES,
        }
        drawn, _ = self.drawn_of(self.BOXES, others=others, class_names=("cat", "dog"))

        assert self.scores_of(drawn) == [("cat", pytest.approx(0.9)), ("dog", pytest.approx(0.5))]
        assert drawn.answer.note.endswith(", scores from 'confidence', classes from 'labels'")

    @pytest.mark.parametrize("other", [[3.0, 7.0, 1.5, 0.2], [-4.0, 2.0, 0.5, 0.1], [0, 1, 1, 0]])
    def test_what_is_not_from_0_to_1_or_only_0_and_1_is_no_score(self, other):
        drawn, context = self.drawn_of(self.BOXES, others={"other": np.float32(other)})

        assert [score for _, score in self.scores_of(drawn)] == [None] * 4
        assert "score" not in drawn.answer.note
        nameless = output(
            context.values, PHOTO, name="out", outputs={"out": context.values, "other": np.float32(other)}
        )
        assert "boxes" not in [each.meaning.name for each in MEANINGS.candidates(nameless) if each.score > 0]

    def test_boxes_are_counted_before_the_best_are_drawn(self):
        left = (np.arange(25) % 5) * 0.2
        top = (np.arange(25) // 5) * 0.2
        drawn, _ = self.drawn_of(np.stack([left, top, left + 0.1, top + 0.1, np.linspace(0.4, 0.9, 25)], axis=1))

        assert drawn.answer.words == "25 boxes"
        assert drawn.answer.note.startswith("25 of 25 boxes have a score of 0.3 or more, the best 10 are drawn")
        assert len(self.scores_of(drawn)) == 10

    def test_thousands_are_compared_in_a_moment_and_as_tensorflow_does(self):
        corner, size = RANDOM.random((8_400, 2)) * 0.8, RANDOM.random((8_400, 2)) * 0.2
        scores = RANDOM.random((8_400, 81))
        values = np.float32(np.concatenate([corner, corner + size, scores], axis=1))
        begin = time.process_time()
        drawn, _ = self.drawn_of(values)
        took = time.process_time() - begin

        assert took < 10  # far less; compared one by one it took minutes
        assert "8,400 of 8,400 boxes have a score of 0.3 or more, the best 1,000 are compared" in drawn.answer.note
        one = np.concatenate([values[:900, :4], values[:900, 4:5]], axis=1)
        drawn, _ = self.drawn_of(one)
        expected = tf.image.non_max_suppression(one[:, :4], one[:, 4], 900, 0.5, 0.3).numpy()
        assert drawn.answer.words == f"{len(expected)} boxes"
        assert [score for _, score in self.scores_of(drawn)] == pytest.approx(one[expected[:10], 4].tolist())

    def test_of_one_column_more_than_classes_the_first_is_objectness(self):
        columns = np.array([[0.9, 0.2, 0.8], [0.8, 0.1, 0.9], [0.5, 0.9, 0.2], [0.05, 1.0, 1.0]])
        values = np.concatenate([self.BOXES, columns], axis=1)
        drawn, _ = self.drawn_of(values, class_names=("cat", "dog"))

        assert self.scores_of(drawn) == [("dog", pytest.approx(0.72)), ("cat", pytest.approx(0.45))]
        assert drawn.answer.note.endswith("objectness, 2 classes (score: their product)")
        drawn, _ = self.drawn_of(values)
        assert drawn.answer.note.endswith(
            "scores of 3 classes; were the first of them objectness, names of the classes would tell"
        )

    def test_a_score_and_the_number_of_a_class_are_read_as_such(self):
        values = np.concatenate([self.BOXES, [[0.8, 3], [0.9, 3], [0.5, 0], [0.1, 1]]], axis=1)
        drawn, _ = self.drawn_of(values)

        assert self.scores_of(drawn) == [("class 3", pytest.approx(0.9)), ("class 0", pytest.approx(0.5))]

    def test_where_all_is_padding_nothing_is_drawn(self):
        drawn, _ = self.drawn_of(np.full((100, 4), -1.0), others={"confidence": np.full(100, -1.0)})

        assert drawn.answer.words == "no box"
        assert not self.scores_of(drawn)

    def test_logits_are_no_scores_and_that_is_said(self):
        values = np.concatenate([self.BOXES, RANDOM.normal(size=(4, 3)) * 5], axis=1)
        drawn, _ = self.drawn_of(values)

        assert drawn.answer.note.endswith("the numbers behind them are not from 0 to 1, and are not taken for scores")
        assert [score for _, score in self.scores_of(drawn)] == [None] * 4

    @pytest.mark.parametrize("shape", [(64, 64), (48, 64), (96, 54), (64, 208)])
    def test_a_map_of_depth_is_no_boxes(self, shape):
        depth = np.sort(RANDOM.random(shape), axis=1)

        assert not MEANINGS.likeliest(output(depth, PHOTO)).name.startswith("boxes")

    @pytest.mark.parametrize("known", ["as answered", "fewer", "one", "in pixels"])
    def test_true_boxes_are_green_and_how_well_they_are_met_is_said(self, known):
        values = np.concatenate([self.BOXES, self.SCORES[:, np.newaxis]], axis=1)
        true = np.array([[0.1, 0.1, 0.45, 0.5, 1], [0.65, 0.6, 0.9, 0.95, 1], [0, 0, 0, 0, 0], [0.2, 0, 0.3, 1, 0]])
        wanted = {"as answered": true, "fewer": true[:2], "one": true[0, :4], "in pixels": true[:2, :4] * 32}[known]
        context = output(values, PHOTO, name="boxes", true_value=wanted)
        drawn = answered("boxes", context, 400)
        there = true[:1] if known == "one" else true[:2]
        # Of the boxes that are left, on a fine grid of points.
        kept = self.BOXES[[1, 2]]
        points = (np.arange(1000) + 0.5) / 1000
        masks = [
            (points >= left) & (points < right) & ((points >= top) & (points < bottom))[:, np.newaxis]
            for left, top, right, bottom in (*kept, *there[:, :4])
        ]
        ious = np.array([[(a & b).sum() / (a | b).sum() for b in masks[2:]] for a in masks[:2]])
        green = [row for row in datasets(drawn) if row.get("of") == "true box"]

        assert [[row[side] for side in ("left", "top", "right", "bottom")] for row in green] == [
            pytest.approx(row[:4].tolist()) for row in there
        ]
        assert [row["IoU"] for row in datasets(drawn) if "IoU" in row] == pytest.approx(ious.max(axis=1), abs=0.01)
        mean = float(drawn.answer.note.split()[2])
        assert mean == pytest.approx(ious.max(axis=0).mean(), abs=0.01)
        assert drawn.answer.note.startswith(f"mean IoU {drawn.answer.note.split()[2]} of {len(there)} true box")
        assert MEANINGS.losses("boxes", [context]) == [pytest.approx(1 - ious.max(axis=0).mean(), abs=0.01)]

    def test_one_box_in_pixels_is_the_same_box_and_in_doubt_has_corners(self):
        box = np.array([0.2, 0.25, 0.5, 0.75])
        for unit in (1, 32):
            context = output(box * unit, PHOTO, name="bbox")
            assert MEANINGS.likeliest(context).name == "boxes"
            row = next(row for row in datasets(answered("boxes", context, 400)) if "left" in row)
            assert [row[side] for side in ("left", "top", "right", "bottom")] == pytest.approx(box.tolist())
        for unit in (1, 32):
            context = output(np.array([0.7, 0.7, 0.3, 0.4]) * unit, PHOTO, name="bbox")
            assert MEANINGS.likeliest(context).name == "boxes-by-centre"


class TestPlaces:
    def test_the_hottest_place_of_each_map(self):
        maps = np.zeros((16, 32, 2))
        maps[3, 20, 0], maps[10, 5, 1] = 2, 3
        rows = [
            row for row in datasets(answered("heatmaps", output(maps, RANDOM.random((32, 64, 3))))) if "heat" in row
        ]

        assert [(row["x"] * 32 - 0.5, row["y"] * 16 - 0.5, row["heat"]) for row in rows] == [(20, 3, 2), (5, 10, 3)]

    def test_what_is_no_number_is_nowhere_the_hottest(self):
        maps = RANDOM.normal(size=(16, 16, 3))
        maps[..., 0].flat[[maps[..., 0].argmax(), 7]] = np.nan, np.inf
        maps[..., 2] = np.nan
        drawn = answered("heatmaps", output(maps, PHOTO))
        hottest = {row["map"]: row["heat"] for row in datasets(drawn) if "map" in row}

        assert hottest == pytest.approx(
            {0: np.nanmax(maps[..., 0], where=np.isfinite(maps[..., 0]), initial=-9), 1: maps[..., 1].max()}
        )
        assert drawn.answer.note.endswith("258 of 768 numbers are NaN or infinite")
        nothing = answered("heatmaps", output(np.full((16, 16, 3), np.nan), PHOTO))
        assert (nothing.answer.note, nothing.specification) == ("all of its numbers are NaN or infinite", {})

    def test_keypoints_are_set_against_the_true_ones(self):
        places, true = RANDOM.random((5, 2)), RANDOM.random((5, 2))
        context = output(places, PHOTO, true_value=true)

        expected = np.sqrt(np.square(np.float32(places) - true).sum(axis=1)).mean()
        assert MEANINGS.get("keypoints").loss(context) == pytest.approx(expected, rel=1e-5)

    @pytest.mark.parametrize(("unit", "called"), [(1, "from 0 to 1"), (32, "in pixels")])
    def test_answer_and_truth_are_drawn_in_the_unit_of_the_truth(self, unit, called):
        true = np.array([[0.25, 0.5], [0.75, 0.5]]) * unit
        # Far off: pixels that are all below 2, or shares of which one is above it.
        values = np.array([[0.5, 0.25], [1.5, 2.5 if unit == 1 else 1.0]])
        drawn = answered("keypoints", output(values, PHOTO, true_value=true))
        rows = {(row["is"], row["point"]): (row["x"], row["y"]) for row in datasets(drawn) if "point" in row}

        assert rows["true", 1] == pytest.approx((0.75, 0.5))
        assert rows["answered", 0] == pytest.approx((0.5 / unit, 0.25 / unit))
        assert drawn.answer.note.endswith(called)

    def test_one_is_not_said_as_several(self):
        heat = answered("heatmaps", output(RANDOM.random((16, 16, 1)), PHOTO, name="heatmap"))
        point = answered("keypoints", output(RANDOM.random((1, 2)), PHOTO))

        assert (heat.answer.words, point.answer.words) == ("1 map", "1 point")
        assert "1 maps" not in heat.answer.note + heat.answer.alt
        assert "1 points" not in point.answer.note + point.answer.alt

    def test_the_nearest_samples_by_the_cosine(self):
        answers = RANDOM.normal(size=(30, 6))
        drawn = answered("embedding", output(answers[4], PHOTO, samples=samples(answers, 4)))
        expected = cosine_similarity(answers[4:5], answers)[0]
        order = [number for number in np.argsort(-expected) if number != 4][:5]
        rows = [row for row in datasets(drawn) if "similarity" in row]

        assert [row["sample"] for row in rows] == order
        assert [row["similarity"] for row in rows] == pytest.approx(expected[order], rel=1e-5)

    @pytest.mark.parametrize(
        ("expected", "name", "length"),
        [
            ("numbers", "predictions", 5), ("numbers", "q_values", 5), ("embedding", "predictions", 1),
            ("embedding", "image_features", 5), ("embedding", "encoded", 5), ("embedding", "code", 5),
        ],
    )  # fmt: skip
    def test_a_row_of_numbers_is_an_embedding_by_name_or_unit_length(self, expected, name, length):
        answers = RANDOM.normal(size=(4, 10))
        answers *= length / np.linalg.norm(answers, axis=1, keepdims=True)

        assert MEANINGS.likeliest(output(answers[0], PHOTO, name=name, samples=samples(answers))).name == expected

    @pytest.mark.parametrize(("broken", "said"), [(6, "all 6 numbers are NaN"), (2, "2 of 6 numbers are NaN")])
    def test_near_what_is_not_a_number_nothing_is_drawn(self, broken, said):
        answers = RANDOM.normal(size=(8, 6))
        answers[0, :broken] = np.nan
        drawn = answered("embedding", output(answers[0], PHOTO, samples=samples(answers)))

        assert not drawn.specification
        assert drawn.answer.note.startswith(said)

    def test_a_sample_that_is_not_a_number_is_near_to_none(self):
        answers = RANDOM.normal(size=(4, 6))
        answers[2] = np.nan
        rows = datasets(answered("embedding", output(answers[0], PHOTO, samples=samples(answers))))

        assert sorted(row["sample"] for row in rows if "similarity" in row) == [1, 3]
        answers[1:] = np.nan
        assert not answered("embedding", output(answers[0], PHOTO, samples=samples(answers))).specification

    def test_a_latent_pair_has_the_deviation_that_its_name_says(self):
        drawn = answered("latent-pair", output(PAIR["z_log_var"], name="z_log_var", outputs=PAIR))
        rows = [row for row in datasets(drawn) if "deviation" in row]
        mean, variance = PAIR["z_mean"], np.exp(PAIR["z_log_var"])

        assert [row["deviation"] for row in rows] == pytest.approx(np.sqrt(variance).tolist(), rel=1e-5)
        assert drawn.answer.words == "2 normal distributions"
        divergence = 0.5 * (mean**2 + variance - 1 - np.log(variance)).sum()
        assert drawn.answer.note.endswith(f"divergence from it {divergence:.3g} nats")

    @pytest.mark.parametrize(
        ("called", "of_spread"),
        [
            *((name, np.exp) for name in ("log_scale", "z_log_std_2", "logSigma")),
            *((name, lambda spread: np.sqrt(np.exp(spread))) for name in ("log_sigma2", "log_sigma_sq", "logvar")),
            *((name, np.abs) for name in ("scale", "std")),
            *((name, lambda spread: np.sqrt(np.abs(spread))) for name in ("variance", "sigma_squared")),
        ],
    )
    def test_logarithms_and_squares_are_heard_in_the_name_of_a_spread(self, called, of_spread):
        pair = {"mu": np.array([0.5, -1.0]), called: np.array([0.5, -2.0])}
        drawn = answered("latent-pair", output(pair["mu"], name="mu", outputs=pair))
        rows = [row for row in datasets(drawn) if "deviation" in row]

        assert [row["deviation"] for row in rows] == pytest.approx(of_spread(pair[called]).tolist(), rel=1e-5)

    def test_a_regression_that_says_how_sure_it_is_is_not_taken_for_a_latent_pair(self):
        pair = {"mean": np.array([0.5, -1.0]), "log_var": np.array([0.0, -2.0])}
        single = {name: values[:1] for name, values in pair.items()}

        for context in (
            output(pair["mean"], name="mean", outputs=pair, true_value=np.array([1.0, 2.0])),
            output(single["mean"], name="mean", outputs=single),
        ):
            assert MEANINGS.likeliest(context).name == "numbers"
            assert answered("latent-pair", context).answer.note
        assert answered("latent-pair", context).answer.words == "1 normal distribution"
        assert answered("latent-pair", context).answer.alt.startswith("The model answers 1 mean, ")


def as_drawn(drawn, **wanted):
    """The rows of a chart's data that have some fields."""
    return [row for row in datasets(drawn) if wanted.items() <= row.items()]


class TestPadding:
    """What stands at masked steps is neither counted nor drawn but in grey."""

    SHOWN = np.arange(12) < 7
    TRUE = np.array([1, 2, 3, 4, 1, 2, 3, 0, 0, 0, 0, 0])

    def steps(self):
        shares = np.full((12, 5), 0.05)
        shares[np.arange(12), np.where(self.SHOWN, self.TRUE, 4)] = 0.8
        return output(shares, RANDOM.normal(size=(12, 2)), function="softmax", true_value=self.TRUE, steps=self.SHOWN)

    def test_the_share_of_right_steps_is_that_of_the_real_ones(self):
        drawn = answered("classes-per-step", self.steps())

        assert "100.0 % of the steps are right" in drawn.answer.note
        assert "5 steps of padding are grey" in drawn.answer.note
        assert drawn.answer.words == "5 classes at 7 steps"
        (grey,) = as_drawn(drawn, **{"is": "masked"})
        assert (grey["left"], grey["right"]) == (6.5, 11.5)
        assert max(row["right"] for row in datasets(drawn) if "colour" in row) == 6.5

    def test_the_losses_are_those_of_the_real_steps(self):
        context = self.steps()
        real = -np.log(context.values[np.arange(7), self.TRUE[:7]]).mean()
        wanted = RANDOM.normal(size=(12, 1))
        series = output(RANDOM.normal(size=(12, 1)), wanted, steps=self.SHOWN)
        apart = (series.values[:7].astype(float) - series.inputs["given"][:7]).reshape(-1)
        labelled = output(series.values, RANDOM.normal(size=(20, 1)), true_value=wanted, steps=self.SHOWN)
        off = np.abs(series.values[:7] - wanted[:7]).mean()

        assert MEANINGS.losses("classes-per-step", [context]) == [pytest.approx(real)]
        assert MEANINGS.losses("reconstruction", [series]) == [pytest.approx((apart**2).mean())]
        assert MEANINGS.losses("numbers", [labelled]) == [pytest.approx(off)]
        assert MEANINGS.losses("forecast", [labelled]) == [pytest.approx(off)]
        for name, each in (("reconstruction", series), ("numbers", labelled), ("forecast", labelled)):
            drawn = answered(name, each)
            assert "5 steps of padding are grey" in drawn.answer.note
            assert as_drawn(drawn, **{"is": "masked"})

    def test_where_nothing_but_padding_is_there_is_no_loss(self):
        context = output(np.ones((4, 1)), np.ones((4, 1)), true_value=np.zeros((4, 1)), steps=np.zeros(4, bool))

        assert [MEANINGS.losses(name, [context])[0] for name in ("numbers", "reconstruction", "forecast")] == [None] * 3
