import numpy as np
import pytest

from core.plugins.handles import Handles, Missing


class TestWhatIsDeclared:
    @pytest.mark.parametrize(
        ("declared", "words"),
        [
            (
                {"axes": ("sample", "chanel")},
                "there is no axis 'chanel'; did you mean 'channel'? The axes are: sample, ",
            ),
            ({"axes": ("time", "unit")}, "the first axis is always 'sample'"),
            ({"ranks": (0,)}, "a rank is at least 1"),
            ({"ranks": (4,), "axes": ("sample", "unit")}, "2 axes are named, so this would match nothing"),
            ({"parts": ("cell_sate",)}, "there is no part 'cell_sate'; did you mean 'cell_state'?"),
            ({"dtypes": ("flaot32",)}, "there is no dtype 'flaot32'; did you mean 'float32'?"),
            ({"layer_types": ("Conv2d",)}, "Keras has no layer 'Conv2d'; did you mean 'Conv2D'?"),
            ({"layer_types": ("lstm",)}, "Keras has no layer 'lstm'; did you mean 'LSTM'?"),
        ],
    )
    def test_what_there_is_not_is_refused_with_what_there_is(self, declared, words):
        with pytest.raises(ValueError) as caught:
            Handles(**declared)
        assert words in str(caught.value)
        assert str(caught.value).startswith(f"Handles({next(iter(declared))}=")

    @pytest.mark.parametrize(
        ("declared", "words"),
        [
            ({"ranks": ("2",)}, "whole numbers are needed, '2' is none"),
            ({"ranks": (True,)}, "whole numbers are needed, True is none"),
            ({"axes": (1, 2)}, "names in quotes are needed, 1 is none"),
            ({"when": "never"}, "a function of the activation is needed"),
        ],
    )
    def test_what_is_of_another_type_is_refused(self, declared, words):
        with pytest.raises(TypeError) as caught:
            Handles(**declared)
        assert words in str(caught.value)

    def test_a_strangers_layer_part_and_numbered_axes_are_taken(self):
        assert Handles(layer_types=("MyConv2d",), parts=("spikes", "state_0"), axes=("sample", "axis1", "axis12"))

    def test_many_layers_are_cut(self, make_activation):
        handles = Handles(layer_types=("A", "B", "C", "D", "E", "F", "G"))

        assert handles.in_words() == "A, B, C, D and 3 more kinds of layers"
        assert handles.match(make_activation()).reason == "takes A, B, C, D and 3 more kinds of layers, this is Dense"


class TestTypes:
    @pytest.mark.parametrize(
        ("dtypes", "values", "reason"),
        [
            (("number",), np.zeros((1, 2), np.float32), ""),
            (("number",), np.zeros((1, 2), bool), ""),
            (("floating",), np.zeros((1, 2), np.float16), ""),
            (("float32",), np.zeros((1, 2), np.float16), "takes float32, this layer answers float16"),
            (("integer", "bool"), np.zeros((1, 2)), "takes whole numbers or bool, this layer answers float64"),
            (("number",), np.array([["word"]]), "takes numbers, this layer answers text"),
            (("string",), np.array([["word"]]), ""),
            (("string",), np.zeros((1, 2)), "takes text, this layer answers float64"),
        ],
    )
    def test_yes_or_a_reason(self, make_activation, dtypes, values, reason):
        assert Handles(dtypes=dtypes).match(make_activation(values)).reason == reason

    def test_without_values_there_is_nothing_to_be_drawn(self, make_activation):
        match = Handles(layer_types=("Layer",)).match(make_activation(np.zeros((2, 0))))
        assert match.reason == "needs at least one value, this layer answers none (2×0)"


@pytest.mark.parametrize(
    ("said", "handled"), [("", True), (None, True), (True, True), ("it is a Tuesday", False), (False, False)]
)
def test_a_predicate_says_yes_or_a_reason(make_activation, said, handled):
    match = Handles(when=lambda activation: said).match(make_activation())

    assert match.handled is handled
    assert bool(match.reason) is not handled


def test_a_predicate_that_says_something_else_is_told(make_activation):
    with pytest.raises(TypeError, match="the reason why not"):
        Handles(when=lambda activation: 3).match(make_activation())


def test_what_the_person_can_give_is_told_from_what_does_not_suit(make_activation):
    def has_labels(activation):
        return "" if activation.context.labels is not None else Missing("labels")

    handles = Handles(axes=("sample", "unit"), when=has_labels)
    match = handles.match(make_activation("sample unit"))
    elsewhere = handles.match(make_activation("sample time unit"))

    assert (match.handled, match.missing, match.reason) == (False, True, "needs labels")
    assert not elsewhere.missing


def test_something_missing_says_what():
    with pytest.raises(ValueError, match="needs to say what"):
        Missing(" ")
