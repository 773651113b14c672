"""What the health page is told: no more than was checked, wrong answers, what units answer to classes."""

import io

import keras
import numpy as np
import pytest

import core
import layerscope
from core.analysis.judged_answers import JudgedAnswers
from core.inputs.datasets import ArrayDataset
from core.inputs.labels import match_labels
from core.inputs.model_output import ModelOutput
from core.workspace.health_views import class_means_chart, confusion_picture, wrong_samples


@pytest.fixture(scope="module")
def digits_workspace():
    workspace = core.Workspace()
    workspace.open_example("digits-cnn")
    return workspace


def rows_of(specification):
    return max(specification["datasets"].values(), key=len)


def test_of_four_samples_nothing_is_claimed_but_finite_values():
    workspace = core.Workspace()
    workspace.open_example("digits-cnn")
    workspace.take_noise(4, 0)
    report = workspace.health()

    assert report.rows == ()
    assert report.clear == "No NaN and no infinite values (7 layers)."
    assert report.note == (
        "Dead units, constant units, saturated units, copies, units that are always on, input drift: not checked "
        "(8 samples needed, there are 4)."
    )
    assert report.confusion is None


def test_what_was_found_is_not_said_to_be_absent(digits_workspace):
    report = digits_workspace.health()

    assert {row.kind for row in report.rows} == {"dead", "always on"}
    assert report.clear == (
        "No NaN and no infinite values (7 layers). No constant units (4 layers), no copies (4 layers)."
    )
    assert report.note.startswith("Not checked: saturated units (of bounded activation functions), input drift (")


def test_wrong_answers_are_counted_and_listed(digits_workspace):
    report = digits_workspace.health()
    example = next(each for each in core.list_examples() if each.name == "digits-cnn")
    arrays, labels = example.samples()
    predicted = core.load_model(example.model_path).predict(arrays["image"], verbose=0).argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)

    assert [(each.number, each.true, each.answered) for each in report.wrong] == [
        (at, labels[at], predicted[at]) for at in wrong
    ]
    assert (report.wrong_count, report.judged_count) == (len(wrong), 90)
    cells = {(row["true"], row["answered"]): row["samples"] for row in rows_of(report.confusion.specification)}
    expected = {}
    for pair in zip(labels.tolist(), predicted.tolist(), strict=True):
        expected[pair] = expected.get(pair, 0) + 1
    assert cells == expected
    assert report.confusion.alt == "Confusion matrix: 1 of 90 wrong. Most often 8 is taken for 1: once."
    (confused,) = (each for each in report.confusion.specification["params"] if each["name"] == "confused")
    # What the page says of a cell that is clicked, its count of all samples with it.
    assert confused["select"]["fields"] == ["true", "answered", "true_class", "answered_class", "samples"]


def test_each_cell_lists_its_first_mistakes_however_late_they_come():
    true = np.array([0] * 600 + [2] * 5 + [0, 1, 2, 3])
    answered = np.array([1] * 600 + [3] * 5 + [0, 1, 2, 3])
    judged = JudgedAnswers(np.arange(len(true)) + 10, true, answered, ())
    wrong = wrong_samples(judged)

    assert [each.number for each in wrong if (each.true, each.answered) == (0, 1)] == list(range(10, 34))
    assert [each.number for each in wrong if (each.true, each.answered) == (2, 3)] == list(range(610, 615))
    assert judged.wrong_count == 605


def test_mistakes_that_the_matrix_leaves_out_are_listed_among_the_first_of_all_only():
    true = np.repeat(np.arange(400), 2)
    answered = np.where(np.arange(800) % 2, true, (true + 1) % 400)
    answered[-60:] = 0
    judged = JudgedAnswers(np.arange(800), true, answered, ())
    drawn = {(row["true"], row["answered"]) for row in rows_of(confusion_picture(judged).specification)}
    wrong = wrong_samples(judged)

    assert [each.number for each in wrong[:24]] == list(range(0, 48, 2))
    assert {(each.true, each.answered) for each in wrong[24:]} <= drawn


def test_answers_without_a_mistake_are_called_correct():
    classes = np.array([0, 1, 1])

    assert confusion_picture(JudgedAnswers(np.arange(3), classes, classes, ())).alt == (
        "Confusion matrix: 0 of 3 wrong. All that are shown are correct."
    )


def test_of_many_classes_those_with_most_mistakes_are_drawn():
    true = np.repeat(np.arange(100), 3)
    answered = true.copy()
    answered[[15, 16, 30]] = 77
    picture = confusion_picture(JudgedAnswers(np.arange(300), true, answered, ()))
    rows = rows_of(picture.specification)

    assert len({row["true"] for row in rows}) == 30
    assert {(row["true"], row["answered"]): row["samples"] for row in rows}[(5, 77)] == 2
    assert "the 30 of 100 classes with the most mistakes" in str(picture.specification["title"])


def test_a_cell_is_a_unit_and_a_class(digits_workspace):
    specification = digits_workspace.class_means("dense")
    example = next(each for each in core.list_examples() if each.name == "digits-cnn")
    arrays, labels = example.samples()
    extractor = core.Extractor(core.load_model(example.model_path))
    values = extractor.extract(arrays["image"], layers=["dense"])["dense"].values
    means = {(row["class"], row["unit"]): row["mean"] for row in rows_of(specification)}

    assert len(means) == 10 * 32
    assert means[(3, 17)] == pytest.approx(values[labels == 3, 17].mean(), rel=1e-4)
    assert [each["name"] for each in specification["params"]] == ["cell"]
    assert specification["params"][0]["select"]["fields"] == ["class", "unit"]


@pytest.mark.parametrize(
    ("labels", "class_names", "expected"),
    [
        (["cat", "zebra", "dog"], ("dog", "cat", "cow"), {"dog": 0, "cat": 1, "zebra": -1}),
        ([-1, 0, 2], ("dog", "cat", "cow"), {"-1": -1, "dog": 0, "cow": 2}),
        (["zebra", "horse", "horse"], ("dog", "cat", "cow"), {"horse": -1, "zebra": -1}),
    ],
    ids=["some are classes", "one is below zero", "none is a class"],
)
def test_a_cell_holds_the_class_of_the_model_and_not_the_number_of_the_group(labels, class_names, expected):
    output = ModelOutput(count=3, function="softmax")
    matched = match_labels(np.array(labels), output, class_names)
    dataset = ArrayDataset({"numbers": np.zeros((3, 2), np.float32)}, matched)
    means = np.full((dataset.group_count, 2), np.nan)
    means[np.unique(matched.groups)] = 1.0
    rows = rows_of(class_means_chart(means, "dense", dataset).to_dict())

    assert {row["class_name"]: row["class"] for row in rows} == expected


def test_of_many_units_those_that_tell_classes_apart_are_drawn():
    means = np.zeros((2, 1000))
    means[1, 700] = 5
    chart = class_means_chart(means, "wide", ArrayDataset({"numbers": np.zeros((4, 2), np.float32)}))
    rows = rows_of(chart.to_dict())

    assert len(rows) == 2 * 160
    assert 5 in [row["mean"] for row in rows if row["unit"] == 700]
    assert class_means_chart(np.full((2, 3), np.nan), "none", ArrayDataset({"n": np.zeros((1, 2))})) is None


def test_a_sure_answer_is_no_saturated_layer(tmp_path):
    keras.utils.set_random_seed(3)
    inputs = keras.Input((6,), name="x")
    hidden = keras.layers.Dense(4, activation="tanh", name="hidden")(inputs)
    answer = keras.layers.Dense(4, activation="sigmoid", name="boxes")(hidden)
    model = keras.Model(inputs, keras.layers.Reshape((2, 2), name="rows")(answer))
    model.set_weights([40 * weight for weight in model.get_weights()])
    values = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    assert np.mean(np.abs(model.predict(values, verbose=0) - 0.5) > 0.49) > 0.9  # sure indeed
    file = io.BytesIO()
    np.save(file, values)
    model.save(tmp_path / "model.keras")
    workspace = core.Workspace()
    workspace.open_model((tmp_path / "model.keras").read_bytes(), "model.keras")
    workspace.take_files({"x": [("x.npy", file.getvalue())]}, scaling="none", fit="stretch", invert=False)
    notes = {row.key: row.notes for row in workspace.layers(0)}
    numbers = layerscope.health(model, values)

    assert [note.split(" %")[1] for note in notes["hidden"]] == [" saturated"]
    assert (notes["boxes"], notes["rows"]) == ((), ())
    assert {row.layer for row in workspace.health().rows if row.kind == "saturated"} == {"hidden"}
    assert {each.layer for each in numbers.findings if each.kind == "saturated"} == {"hidden"}
