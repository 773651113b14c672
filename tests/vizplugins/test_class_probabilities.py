import keras
import numpy as np
import pytest
import vl_convert

import core
from core.plugins.registry import Registry

registry = Registry()
VALUES = np.array([[0.05, 0.7, 0.2, 0.0499, 0.0001], [0.9, 0.1, 0, 0, 0]])


@pytest.fixture
def make_softmax(make_activation, make_context):
    def make(values=VALUES, **known):
        return make_activation(values, activation_function="softmax", context=make_context(**known))

    return make


def drawn(activation, **options):
    specification = registry.draw("class-probabilities", activation, options).specification
    assert len(vl_convert.vegalite_to_png(specification)) > 1_000
    return specification


def rows(specification):
    (data,) = specification["datasets"].values()
    return data


def column(specification, name):
    return [each[name] for each in rows(specification)]


def test_the_most_probable_come_first(make_softmax):
    specification = drawn(make_softmax())

    assert column(specification, "class") == ["class 1", "class 2", "class 0", "class 3", "class 4"]
    assert column(specification, "probability") == [0.7, 0.2, 0.05, 0.0499, 0.0001]
    assert column(specification, "label") == ["0.700  unit 1", "0.200", "0.050", "0.050", "< 0.001"]


def test_the_chosen_class_stays_in_sight_and_a_click_takes_another(make_softmax):
    drawing = registry.draw("class-probabilities", make_softmax(), {"unit": 4, "count": 3})
    (data,) = drawing.specification["datasets"].values()

    assert [(each["unit"], each["chosen"]) for each in data] == [(1, False), (2, False), (4, True)]
    assert drawing.selections == ("unit",)
    assert drawing.specification["title"]["text"] == "3 of 5 classes, class 4 marked"


def test_names_and_the_true_class(make_softmax):
    specification = drawn(make_softmax(labels=np.array([2, 0]), class_names=tuple("abcde"), first=8))

    assert column(specification, "class") == ["b", "c", "a", "d", "e"]
    assert column(specification, "is") == ["other class", "true class", "other class", "other class", "other class"]
    assert specification["title"]["subtitle"] == ["sample 8 (c)"]
    assert specification["layer"][0]["encoding"]["color"]["legend"] is not None


def test_no_legend_where_the_true_class_is_not_known(make_softmax):
    specification = drawn(make_softmax(), sample=1)

    assert set(column(specification, "is")) == {"other class"}
    assert specification["layer"][0]["encoding"]["color"]["legend"] is None


def test_an_improbable_true_class_stays_in_sight(make_softmax):
    specification = drawn(make_softmax(labels=np.array([4, 0])), count=3)

    assert column(specification, "class") == ["class 1", "class 2", "class 4"]
    assert column(specification, "is")[-1] == "true class"
    assert "the true class is number 5, shown last" in specification["title"]["subtitle"][0]


def test_a_softmax_over_something_else_than_the_classes(make_softmax):
    specification = drawn(make_softmax(labels=np.array([2, 0]), class_names=("cat", "dog", "cow")))

    assert column(specification, "class")[0] == "class 1"
    assert set(column(specification, "is")) == {"other class"}


def test_classes_of_the_same_name_keep_a_bar_each(make_softmax):
    specification = drawn(make_softmax(class_names=("crane", "crane", "a", "b", "c")))

    assert column(specification, "class") == ["crane (1)", "a", "crane (0)", "b", "c"]


def test_a_label_that_no_unit_stands_for(make_softmax):
    assert set(column(drawn(make_softmax(labels=np.array([77, -1]))), "is")) == {"other class"}


def test_values_that_are_not_finite(make_softmax):
    specification = drawn(make_softmax(np.array([[np.nan, 0.5, np.nan]])))

    assert column(specification, "class")[0] == "class 1"
    assert column(specification, "label") == ["0.500  unit 1", "nan", "nan"]
    assert "2 of 3 values are NaN or infinite" in specification["title"]["subtitle"]


def test_one_unit(make_softmax):
    assert column(drawn(make_softmax(np.ones((1, 1)))), "class") == ["class 0"]


@pytest.mark.parametrize(("function", "said"), [("relu", "relu"), ("", "none")])
def test_refusals(make_activation, function, said):
    match = registry.get("class-probabilities").handles.match(make_activation(VALUES, activation_function=function))

    assert match.reason == f"takes the output of a softmax, this layer has {said}"


def test_first_choice_for_the_answer_of_a_real_model():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "softmax", name="answer")])
    activation = core.extract(model, np.ones((2, 3), np.float32))["answer"]
    specification = drawn(activation)

    assert registry.publish(activation)[0].name == "class-probabilities"
    assert sum(column(specification, "probability")) == pytest.approx(1)
    assert sorted(column(specification, "probability"), reverse=True) == column(specification, "probability")
