"""What is said of an answer and how it is drawn: the numbers in the charts are those of the model."""

import io
import warnings

import keras
import numpy as np
import pytest
import vl_convert

from core.errors import InputRejected
from core.inputs.labels import Labels, match_labels
from core.inputs.model_output import ModelOutput
from core.plugins.meanings import OutputContext
from core.plugins.registry import get_registry
from core.workspace.answers import ANSWER_HEIGHT
from core.workspace.answers import answer_of as shown
from core.workspace.workspace import Workspace

RANDOM = np.random.default_rng(0)


def numbers(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def answer_of(output, sample, labels=None, described=None, label=-1, meaning=""):
    """What is said of one sample of an output, with the meanings that ship."""
    labels, described = labels or Labels(), described or ModelOutput()
    context = OutputContext(
        output[sample],
        described.name,
        function=described.function,
        class_names=labels.class_names,
        rule=labels.rule,
        true_class=labels.class_of(label) if label >= 0 else None,
        true_value=labels.target_of(label) if label >= 0 else None,
        true_label=labels.group_of(label) if label >= 0 else "",
    )
    return shown(context, get_registry().meanings, meaning)


def draws(specification):
    assert vl_convert.vegalite_to_svg({"width": 300, **specification}).startswith("<svg")
    assert specification["height"] <= ANSWER_HEIGHT
    return True


def rows_of(answer):
    """Return the data of a chart, without the line at zero."""
    return next(rows for rows in answer.specification["datasets"].values() if "zero" not in rows[0])


def of(names="", labels=None, *, label=0, count=3, function="", role=None):
    """What answer_of is told about samples with these labels, and a model with such an output."""
    output = ModelOutput(count, function, "last", "price")
    matched = match_labels(None if labels is None else np.array(labels), output, tuple(names.split()), role=role)
    return matched, output, label


class TestClasses:
    PROBABILITIES = np.array([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]], np.float32)

    @pytest.mark.parametrize("wrong", [np.nan, np.inf])
    def test_of_what_is_no_number_no_class_is_said(self, wrong):
        answer = answer_of(np.array([[0.1, wrong, 0.2]], np.float32), 0, *of("cat dog cow", [1], function="softmax"))

        assert (answer.best, answer.value, answer.right) == ("", "no class", None)
        assert answer.note == "1 of its 3 numbers are NaN or infinite"

    def test_a_class_that_is_ruled_out_takes_no_answer_away(self):
        answer = answer_of(np.array([[2.0, -np.inf, 1.0]], np.float32), 0, *of("cat dog cow", [0]))

        assert (answer.best, answer.right) == ("cat", True)

    def test_the_strongest_is_on_top(self):
        answer = answer_of(self.PROBABILITIES, 0, *of("cat dog cow", [1]))

        assert (answer.best, answer.true_label, answer.right) == ("dog", "dog", True)
        assert answer.probability == pytest.approx(0.7)
        rows = rows_of(answer)
        assert [(row["name"], row["label"]) for row in rows] == [("dog", "70 %"), ("cow", "20 %"), ("cat", "10 %")]
        assert [row["true"] for row in rows] == [True, False, False]
        assert draws(answer.specification)

    def test_the_order_is_said_in_the_chart_and_not_left_to_the_data(self):
        for sample, order in ((0, ["class 1", "class 2", "class 0"]), (1, ["class 0", "class 2", "class 1"])):
            (bars, *_) = answer_of(self.PROBABILITIES, sample).specification["layer"]
            assert bars["encoding"]["y"]["scale"]["domain"] == order

    def test_a_wrong_one(self):
        answer = answer_of(self.PROBABILITIES, 1, *of("cat dog cow", [0, 2], label=1))

        assert (answer.best, answer.true_label, answer.right) == ("cat", "cow", False)
        assert answer.alt == ("The model answers cat with 50 %, then cow 30 %; dog 20 %. Wrong, the true label is cow.")

    def test_without_label_or_names(self):
        assert answer_of(self.PROBABILITIES, 0, *of("cat dog cow")).right is None
        assert answer_of(self.PROBABILITIES, 0).best == "class 1"

    def test_of_many_classes_the_top_three_and_the_true_one(self):
        shares = np.full((1, 1000), 0.0005, np.float32)
        shares[0, [7, 500, 3]] = 0.3, 0.15, 0.05
        shares[0, 42] = 0.00034
        shares[0, 0] += 1 - shares.sum()
        answer = answer_of(shares, 0, *of(labels=[42], count=1000, function="softmax"))
        rows = rows_of(answer)

        assert [row["name"] for row in rows] == ["class 7", "class 500", "class 3", "class 42"]
        assert [row["label"] for row in rows] == ["30 %", "15 %", "5 %", "0.034 %"]
        assert [row["true"] for row in rows] == [False, False, False, True]
        assert draws(answer.specification)

    def test_what_is_practically_uniform_is_said(self):
        shares = np.full((1, 1000), 0.001, np.float32)
        shares[0, 3] = 0.00104
        answer = answer_of(shares / shares.sum(), 0)

        assert answer.note == "practically uniform: each of 1,000 classes has about 0.1 %"
        assert answer.note[1:] in answer.alt
        assert answer_of(self.PROBABILITIES, 0).note == ""

    def test_logits_of_classes(self):
        answer = answer_of(np.array([[1.0, 3.0, -2.0]]), 0, *of("cat dog cow", [1]))
        share = np.exp(3) / np.exp([1.0, 3.0, -2.0]).sum()

        assert (answer.best, answer.probability) == ("dog", None)
        assert answer.note == f"softmax of the logits: {share:.0%}".replace("%", " %")
        assert [(row["name"], row["label"]) for row in rows_of(answer)] == [("dog", "3"), ("cat", "1"), ("cow", "−2")]
        assert draws(answer.specification)

    @pytest.mark.parametrize(("function", "value"), [("sigmoid", 0.2), ("", np.log(0.25))])
    def test_one_number_for_two_classes_is_two_bars(self, function, value):
        answer = answer_of(np.array([[value]]), 0, *of("no yes", [0], count=1, function=function))

        assert (answer.best, answer.right) == ("no", True)
        assert [(row["name"], row["label"]) for row in rows_of(answer)] == [("no", "80 %"), ("yes", "20 %")]
        assert draws(answer.specification)

    def test_nan_does_not_stop_it(self):
        assert draws(answer_of(np.array([[np.nan, 1.0]]), 0).specification)
        assert answer_of(np.array([[np.nan, 1.0]]), 0, *of("a b", [1], count=2)).value == "no class"


class TestNumbers:
    def test_one_number_is_said_with_its_true_value_and_error_and_has_no_bar(self):
        answer = answer_of(np.array([[-0.2372]]), 0, *of(labels=[22.5], count=1))

        assert (answer.value, answer.value_name, answer.specification) == ("−0.2372", "price", {})
        assert answer.note == "true 22.5, error −22.7"
        assert answer.alt == "The model answers price: −0.2372. True 22.5, error −22.7."

    def test_a_single_one_is_no_classification(self):
        assert answer_of(np.array([[1.0]]), 0).probability is None

    def test_few_stand_in_their_order_with_their_sign(self):
        answer = answer_of(np.array([[3.0, -2, 9]]), 0)

        assert (answer.best, answer.probability, answer.right) == ("", None, None)
        assert [(row["name"], row["label"]) for row in rows_of(answer)] == [
            ("unit 0", "3"),
            ("unit 1", "−2"),
            ("unit 2", "9"),
        ]
        assert draws(answer.specification)

    def test_up_to_fifty_are_all_there_in_their_order(self):
        values = np.array([[0.059, 0.11, 0.07, -0.02, 0.01, 0.03, -0.1, 0.04, -0.26, 0.02, 0.05, 0.08]], np.float32)
        answer = answer_of(values, 0, *of(labels=[[0.1] * 12], count=12))
        rows = rows_of(answer)

        assert [row["unit"] for row in rows] == list(range(12))
        assert [row["value"] for row in rows] == pytest.approx(values[0].tolist())
        assert [row["true value"] for row in rows] == [0.1] * 12
        assert answer.note == "mean absolute error 0.0942"
        assert "from −0.26 to 0.11, the furthest from zero is unit 8" in answer.alt
        assert draws(answer.specification)

    def test_more_are_a_line(self):
        answer = answer_of(numbers(1, 1000), 0)

        assert len(rows_of(answer)) > 300
        assert answer.specification["layer"][0]["mark"]["type"] == "line"
        assert draws(answer.specification)

    def test_a_series(self):
        assert draws(answer_of(numbers(2, 4, 5), 1).specification)
        assert draws(answer_of(numbers(2, 300, 12), 1).specification)


class TestPictures:
    """An answer with the shape of a picture is drawn as one, and never as "unit 6487"."""

    def test_a_mask_of_classes(self):
        shares = np.zeros((1, 64, 64, 4), np.float32)
        shares[..., 0] = 0.9
        shares[..., 2] = 0.1
        shares[0, :16, :, 0], shares[0, :16, :, 2] = 0.2, 0.8
        answer = answer_of(shares, 0)

        assert answer.note == "likeliest of 4 classes at each place: class 0 75 %, class 2 25 %"
        assert answer.note[1:] in answer.alt
        assert draws(answer.specification)

    @pytest.mark.parametrize("shape", [(28, 28, 1), (28, 28), (32, 48, 3), (3, 32, 32), (5, 16, 16, 1), (14, 14, 64)])
    def test_images_and_slices(self, shape):
        answer = answer_of(numbers(2, *shape), 1)
        layers = str(answer.specification)

        assert "image" in layers
        assert "unit" not in layers
        assert f"The model answers {'×'.join(map(str, shape))} numbers: from −" in answer.alt
        assert draws(answer.specification)

    def test_an_image_says_its_range(self):
        picture = np.linspace(0.25, 0.75, 784, dtype=np.float32).reshape(1, 28, 28, 1)

        assert answer_of(picture, 0).note == "values 0.25 to 0.75"


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    inputs = keras.Input((4,), name="x")
    age = keras.layers.Dense(1, name="age")(inputs)
    label = keras.layers.Dense(3, activation="softmax", name="label")(inputs)
    path = tmp_path_factory.mktemp("multi") / "multi.keras"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Keras writes weights in a way that NumPy 2 warns of.
        keras.Model(inputs, [age, label], name="multi").save(path)
    workspace = Workspace()
    workspace.open_model(path.read_bytes(), "multi.keras")
    table = b"a,b,c,d,label\n1,2,3,4,0\n-4,1,0,2,2\n"
    workspace.take_files({"x": [("x.csv", table)]}, scaling="none", fit="stretch", invert=False)
    return workspace, keras.models.load_model(path)


class TestSeveralOutputs:
    GIVEN = np.array([[1, 2, 3, 4], [-4, 1, 0, 2]], np.float32)

    def test_each_is_named_and_the_classifier_comes_first(self, several):
        workspace, model = several
        age, label = model(self.GIVEN)
        answer = workspace.answer(1)

        assert workspace.model.outputs == ("age", "label")
        assert answer.best == f"class {int(np.argmax(label[1]))}"
        assert answer.probability == pytest.approx(float(np.max(label[1])), rel=1e-5)
        assert answer.true_label == "class 2"
        assert workspace.answer(1, output="label") == answer
        other = workspace.answer(1, output="age")
        assert float(other.value.replace("−", "-")) == pytest.approx(float(age[1, 0]), rel=5e-3)
        assert (other.value_name, other.true_label, other.right) == ("age", "", None)

    def test_the_samples_are_judged_by_the_classifier(self, several):
        workspace, model = several
        right = np.argmax(model(self.GIVEN)[1], axis=1) == [0, 2]

        assert [row.right for row in workspace.sample_rows()] == right.tolist()
        assert workspace.health().accuracy == pytest.approx(right.mean())

    def test_one_that_there_is_not(self, several):
        with pytest.raises(InputRejected, match="no output 'height'"):
            several[0].answer(0, output="height")


@pytest.fixture(scope="module")
def regressor(tmp_path_factory):
    """A model whose inputs are no sequences, one of them a category in an Embedding."""
    city, area = keras.Input((1,), dtype="int32", name="city"), keras.Input((1,), name="area")
    where = keras.layers.Flatten()(keras.layers.Embedding(4, 3)(city))
    price = keras.layers.Dense(1, name="price")(keras.layers.Concatenate()([where, area]))
    model = keras.Model({"city": city, "area": area}, price)
    model.get_layer("price").set_weights([np.array([[0], [0], [0], [10.9]]), np.array([1.0])])
    path = tmp_path_factory.mktemp("regressor") / "model.keras"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Keras writes weights in a way that NumPy 2 warns of.
        model.save(path)
    workspace = Workspace()
    workspace.open_model(path.read_bytes(), "model.keras")
    file = io.BytesIO()
    np.savez(file, city=[[1], [2]], area=np.float32([[116.2], [90.1]]), y=np.float32([1298.1, 983.0]))
    workspace.take_files({"city": [("x.npz", file.getvalue())]}, scaling="none", fit="stretch", invert=False)
    return workspace


class TestOfARegressor:
    def test_the_number_is_written_with_as_many_digits_as_tell(self, regressor):
        answer = regressor.answer(0)

        assert (answer.value, answer.note) == ("1,268", "true 1,298, error −30.5")  # 10.9 · 116.2 + 1 = 1267.58
        assert {view.name: view.value for view in regressor.inputs(0)} == {"city": "1", "area": "116.2"}
        assert (regressor.sample_rows()[0].answer, regressor.sample_rows()[0].true_label) == ("1,268", "1,298")

    def test_the_answer_is_drawn_with_its_true_value(self, regressor):
        result = regressor.chart("price", "answer", {"sample": 0}, 0)
        written = [row for rows in result.pictures[0].specification["datasets"].values() for row in rows]

        assert result.refusal == ""
        assert written == [{"name": "price", "answer": "1,268", "note": "true 1,298, error −30.5"}]
        assert draws(result.pictures[0].specification)

    def test_no_picture_of_steps_is_offered(self, regressor):
        assert "answer-after-steps" not in [each.name for each in regressor.visualizers("price", 0)]
