"""Labels set against what a model answers: what is judged, what colours only, and what is said about it."""

import numpy as np
import pytest

from core.inputs.labels import answered_classes, match_labels, possible_roles
from core.inputs.model_output import ModelOutput

TWELVE = ModelOutput(12, "softmax")
THREE = ModelOutput(3, "softmax")
LOGITS = ModelOutput(10)
PROBABILITY = ModelOutput(1, "sigmoid")
NUMBER = ModelOutput(1, name="price")
ANIMALS = np.array(["cat", "dog", "zebra", "cat"])


def groups(labels):
    return [labels.group_of(sample) for sample in range(len(labels.groups))]


class TestNames:
    def test_fewer_than_classes_colour_and_judge_nothing(self):
        labels = match_labels(ANIMALS, TWELVE, origin="folder names")

        assert labels.classes is None
        assert groups(labels) == ["cat", "dog", "zebra", "cat"]
        assert labels.class_names == ()
        assert "3 folder names (cat, dog, zebra)" in labels.note
        assert "no answer is judged" in labels.note

    def test_as_many_as_classes_are_in_alphabetical_order_and_that_is_said(self):
        labels = match_labels(ANIMALS, THREE, origin="folder names")

        assert labels.classes.tolist() == [0, 1, 2, 0]
        assert labels.class_names == ("cat", "dog", "zebra")
        assert "in alphabetical order" in labels.note

    def test_the_models_own_names_decide(self):
        labels = match_labels(ANIMALS, THREE, ("zebra", "dog", "cat"))

        assert labels.classes.tolist() == [2, 1, 0, 2]
        assert groups(labels) == list(ANIMALS)
        assert labels.note == ""

    def test_names_are_written_in_different_ways(self):
        labels = match_labels(np.array(["Great_Dane", "polar bear"]), None, ("great-dane", "Polar_Bear", "polarbear!"))

        assert labels.classes.tolist() == [0, 1]

    def test_what_could_be_two_classes_is_none_unless_it_is_exact(self):
        labels = match_labels(np.array(["Crane", "crane", "ox"]), None, ("crane", "CRANE", "ox"))

        assert labels.classes.tolist() == [-1, 0, 2]

    def test_those_that_are_no_classes_are_told_and_not_judged(self):
        labels = match_labels(ANIMALS, THREE, ("cat", "cow", "dog"), origin="folder names")

        assert labels.classes.tolist() == [0, 2, -1, 0]
        assert [labels.class_of(sample) for sample in range(4)] == [0, 2, None, 0]
        assert groups(labels) == list(ANIMALS)
        assert labels.class_names == ("cat", "cow", "dog")
        assert labels.note.startswith("1 of 3 folder names is no class of the model: zebra.")

    def test_none_of_the_models_names(self):
        labels = match_labels(ANIMALS, THREE, ("a", "b", "c"))

        assert labels.classes is None
        assert groups(labels) == list(ANIMALS)
        assert labels.class_names == ("a", "b", "c")

    def test_names_that_are_numbers(self):
        labels = match_labels(np.array(["10", "9", "0"]), TWELVE, origin="folder names")

        assert labels.classes.tolist() == [10, 9, 0]
        assert "taken as numbers of classes" in labels.note

    def test_two_names_for_a_single_probability(self):
        labels = match_labels(np.array(["dog", "cat"]), PROBABILITY)

        assert (labels.classes.tolist(), labels.rule) == ([1, 0], "half")

    def test_without_a_model_they_are_numbered_by_the_alphabet(self):
        assert match_labels(ANIMALS).classes.tolist() == [0, 1, 2, 0]

    def test_a_name_for_every_sample_is_no_class(self):
        labels = match_labels(np.array([f"photo {number}" for number in range(10_001)]), TWELVE)

        assert labels.groups is None
        assert labels.classes is None


class TestNumbers:
    @pytest.mark.parametrize("of_type", [np.int64, np.uint8, np.float32])
    def test_within_the_output_they_are_classes(self, of_type):
        labels = match_labels(np.array([9, 0, 3], of_type), LOGITS, origin="labels in 'y'")

        assert (labels.classes.tolist(), labels.rule) == ([9, 0, 3], "largest")
        assert "its largest output counts" in labels.note

    def test_beyond_the_output_nothing_is_judged_and_that_is_said(self):
        labels = match_labels(np.arange(1, 11), LOGITS)

        assert labels.classes is None
        assert "run from 1 to 10, and the classes of the model from 0 to 9" in labels.note
        assert "counted from 1" in labels.note
        assert groups(labels)[-1] == "class 10"

    def test_below_zero_is_no_class(self):
        labels = match_labels(np.array([-1, 2, 0]), LOGITS)

        assert labels.classes.tolist() == [-1, 2, 0]
        assert groups(labels) == ["-1", "class 2", "class 0"]
        assert "1 of 3 labels are below 0" in labels.note

    @pytest.mark.parametrize("labels", [np.array([0, 1, 1]), np.array([False, True, True]), np.array([0.0, 1, 1])])
    def test_of_a_single_probability(self, labels):
        matched = match_labels(labels, PROBABILITY)

        assert (matched.classes.tolist(), matched.rule, matched.role) == ([0, 1, 1], "half", "class")

    @pytest.mark.parametrize("labels", [np.array([22.5, 3.25]), np.array([0, 1]), np.array([[7.0], [8.0]])])
    def test_of_a_single_number_they_are_true_values(self, labels):
        matched = match_labels(labels, NUMBER, origin="labels in the column 'target'")

        assert matched.classes is matched.groups is None
        np.testing.assert_array_equal(matched.targets, labels.reshape(-1, 1))
        assert matched.note.startswith("The labels in the column 'target' are taken as true values, not as classes")

    def test_real_numbers_for_several_outputs_are_not_used(self):
        matched = match_labels(np.array([0.5, 1.5]), LOGITS)

        assert matched.classes is matched.groups is matched.targets is None
        assert "they are not used" in matched.note

    def test_several_numbers_for_each_sample(self):
        several = np.array([[1, 1, 0], [0, 1, 1]])

        np.testing.assert_array_equal(match_labels(several, ModelOutput(3, "sigmoid")).targets, several)
        assert match_labels(np.zeros((2, 8, 8)), LOGITS).targets is None

    @pytest.mark.parametrize("labels", [[1.0, np.inf], [np.nan, 1.0], [1e300], [2**60 + 0.5]])
    def test_what_is_no_whole_number_is_no_class(self, labels):
        assert match_labels(np.array(labels), LOGITS).classes is None

    def test_where_the_output_is_no_list_of_numbers(self):
        labels = match_labels(np.array([1, 0]), ModelOutput())

        assert labels.classes is None
        assert "no list of classes" in labels.note


class TestRoles:
    def test_a_person_may_say_what_they_are(self):
        labels = np.array([0, 1, 1])

        assert possible_roles(labels, NUMBER) == ("class", "value", "unused")
        assert match_labels(labels, NUMBER, role="class").classes.tolist() == [0, 1, 1]
        assert match_labels(labels, NUMBER, role="class").rule == "zero"
        assert match_labels(labels, PROBABILITY, role="value").targets.tolist() == [[0], [1], [1]]
        assert match_labels(labels, NUMBER, role="unused").targets is None

    @pytest.mark.parametrize(("labels", "output"), [(ANIMALS, THREE), (None, THREE), (np.zeros((2, 4, 4)), THREE)])
    def test_where_there_is_nothing_to_choose(self, labels, output):
        assert possible_roles(labels, output) == ()

    def test_real_numbers_are_no_classes(self):
        assert possible_roles(np.array([0.5]), NUMBER) == ("value", "unused")

    def test_names_of_two_classes_make_a_single_number_a_class(self):
        labels = match_labels(np.array([0, 1]), NUMBER, ("no", "yes"))

        assert (labels.classes.tolist(), labels.rule) == ([0, 1], "zero")


class TestAnswers:
    PROBABILITIES = np.array([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]], np.float32)
    NUMBERS = np.array([[3.0, -2, 9], [1, 0, -4]], np.float32)

    def test_by_rule(self):
        assert answered_classes(self.PROBABILITIES, "probabilities").tolist() == [1, 0]
        assert answered_classes(self.NUMBERS, "probabilities") is None
        assert answered_classes(self.NUMBERS, "largest").tolist() == [2, 0]

    def test_a_single_output(self):
        answers = np.array([[0.2], [0.7], [-1.0]])

        assert answered_classes(answers, "half").tolist() == [0, 1, 0]
        assert answered_classes(answers, "zero").tolist() == [1, 1, 0]
        assert answered_classes(answers, "largest") is None

    def test_numbers_that_are_none_are_no_class_and_take_none_from_the_others(self):
        logits = np.array([[1.0, 3], [np.nan, 1], [2, np.inf], [0, -np.inf]])
        shares = np.array([[0.1, 0.9], [np.nan, np.nan]])

        assert answered_classes(logits, "largest").tolist() == [1, -1, -1, 0]
        assert answered_classes(shares, "probabilities").tolist() == [1, -1]
        assert answered_classes(shares[1:], "probabilities") is None
        assert answered_classes(np.array([[0.7], [np.nan], [np.inf]]), "half").tolist() == [1, -1, -1]

    def test_text(self):
        answers = np.array([b"dog", b"eel"], object)

        assert answered_classes(answers, "text", ("cat", "dog")).tolist() == [1, -1]

    def test_of_several_outputs_the_first(self):
        assert answered_classes([self.PROBABILITIES, self.NUMBERS], "largest").tolist() == [1, 0]


def test_true_boxes_may_be_fewer_than_those_that_are_answered():
    output = ModelOutput(None, shape=(4, 5))
    random = np.random.default_rng(0)
    for shape in ((3, 4, 5), (3, 2, 5), (3, 2, 4), (3, 4)):
        boxes = random.random(shape)
        np.testing.assert_array_equal(match_labels(boxes, output).targets, boxes)
    assert match_labels(random.random((3, 2, 3)), output).targets is None
