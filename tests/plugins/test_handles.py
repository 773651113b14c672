import numpy as np
import pytest

from core.plugins.handles import Handles, Missing
from core.plugins.registry import get_registry


class TestWhatIsDeclared:
    @pytest.mark.parametrize(
        ("declared", "words"),
        [
            (
                {"axes": ("sample", "chanel")},
                "there is no axis 'chanel'; did you mean 'channel'? The axes are: sample, ",
            ),
            ({"axes": ("time", "unit")}, "the first axis is always 'sample', or 'step'"),
            ({"axes": ("step", ..., "unit")}, "'...' stands at the end"),
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
            ({"layer_types": ("LSTM", ...)}, "names in quotes are needed, Ellipsis is none"),
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


class TestOverTheStepsOfATraining:
    UNITS = "step=4 unit=3"
    MAPS = "step=4 sample=2 height=5 width=5 channel=3"

    @pytest.mark.parametrize(
        ("axes", "taken", "left"),
        [
            (("step", ...), (UNITS, MAPS), ("sample unit",)),
            (("step", "unit"), (UNITS,), (MAPS, "step sample unit")),
            (("step", "sample", ...), (MAPS, "step sample unit"), (UNITS,)),
            (("sample", "time", ...), ("sample time unit", "sample time height width channel"), ("sample unit", UNITS)),
        ],
    )
    def test_who_names_the_axis_of_steps_takes_it_and_dots_stand_for_the_rest(self, make_activation, axes, taken, left):
        handles = Handles(axes=axes)

        assert [handles.match(make_activation(words)).handled for words in taken] == [True] * len(taken)
        assert [handles.match(make_activation(words)).handled for words in left] == [False] * len(left)

    @pytest.mark.parametrize(
        "declared",
        [{"layer_types": ("Layer",)}, {"ranks": (2, 5)}, {"parts": ("output",)}, {"when": lambda activation: ""}],
    )
    def test_who_does_not_name_it_never_gets_it(self, make_activation, declared):
        for words in (self.UNITS, self.MAPS):
            match = Handles(**declared).match(make_activation(words))
            assert not match.handled
            assert match.reason == "takes what a layer answers at one moment, this is over the steps of a training"

    def test_no_picture_of_one_moment_that_ships_takes_it(self, small_activations_over_steps):
        over_steps = [
            activation
            for kind in ("dense", "lstm", "conv2d", "conv3d", "stft_spectrogram")
            for activation in small_activations_over_steps(kind).values()
        ]
        takers = {each.name for activation in over_steps for each in get_registry().publish(activation)}

        assert takers == {"map-over-training", "similarity-over-training", "units-over-training"}

    @pytest.mark.parametrize(
        ("declared", "words"),
        [
            ({"axes": ("step", ...)}, "every layer, over the steps of a training"),
            ({"axes": ("step", "sample", ...), "layer_types": ("LSTM",)}, "LSTM layers, over the steps of a training"),
            (
                {"axes": ("step", "sample", "height", "width", "channel")},
                "every layer that answers feature maps, over the steps of a training",
            ),
            ({"axes": ("step", "unit")}, "every layer that answers unit, over the steps of a training"),
        ],
    )
    def test_in_words(self, declared, words):
        assert Handles(**declared).in_words() == words
