import enum
from typing import Annotated, Literal

import numpy as np
import pytest
from pydantic import Field, model_validator

from core.plugins.controls import Control
from core.plugins.options import control_fault, describe_options, fit_options
from core.plugins.visualizer import (
    ActsFromRank,
    ActsWhen,
    BoundsOf,
    ChannelIndex,
    ClassIndex,
    Colour,
    HeadIndex,
    LayerKey,
    NoneTitle,
    Options,
    Region,
    SampleIndex,
    UnitIndex,
    Visualizer,
)


class Shape(enum.Enum):
    LINE = "line"
    BAR = "bar"


class EveryKind(Options):
    sample: SampleIndex = 5
    unit: UnitIndex | None = None
    units: tuple[UnitIndex, ...] = (0, 1, 9)
    others: tuple[UnitIndex, ...] | None = None
    count: int = Field(5, ge=1, le=10, title="How many", description="Of them.")
    beyond: int = Field(3, gt=1, lt=8)
    share: float = Field(0.5, gt=0, lt=1)
    shown: bool = True
    order: Literal["index", "strength"] = "index"
    shape: Shape = Shape.LINE
    statistics: tuple[Literal["mean", "max"], ...] = ("mean",)
    text: str = "words"
    limit: int | None = None
    bounded: Annotated[int, Field(ge=2)] = 2
    region: Region = None


class Drawer(Visualizer):
    name = "drawer"
    title = "Drawer"
    Options = EveryKind


@pytest.fixture
def activation(make_activation):
    return make_activation(np.zeros((3, 4), np.float32))


@pytest.fixture
def controls(activation):
    return {control.name: control for control in describe_options(Drawer(), activation)}


@pytest.fixture
def fit(activation):
    return lambda **values: fit_options(Drawer(), activation, values)[:2]


class TestDescribe:
    def test_one_control_per_option_in_order(self, controls):
        assert list(controls) == list(EveryKind.model_fields)

    def test_kinds(self, controls):
        assert {name: control.kind for name, control in controls.items()} == {
            "sample": "index",
            "unit": "index",
            "units": "indices",
            "others": "indices",
            "count": "integer",
            "beyond": "integer",
            "share": "number",
            "shown": "switch",
            "order": "choice",
            "shape": "choice",
            "statistics": "choices",
            "text": "text",
            "limit": "integer",
            "bounded": "integer",
            "region": "region",
        }

    def test_an_index_is_bounded_by_its_axis(self, controls):
        sample = controls["sample"]
        assert sample == Control("sample", "Sample", "index", 2, minimum=0, maximum=2, axis="sample")
        assert controls["units"].default == (0, 1, 3)
        assert controls["units"].maximum == 3

    def test_bounds_are_those_that_are_taken(self, controls):
        bounds = {name: (controls[name].minimum, controls[name].maximum) for name in ("count", "beyond", "share")}

        assert bounds == {"count": (1, 10), "beyond": (2, 7), "share": (0, 1)}
        assert controls["bounded"].minimum == 2

    def test_words(self, controls):
        assert (controls["count"].title, controls["count"].description) == ("How many", "Of them.")
        assert controls["shown"].title == "Shown"

    def test_choices(self, controls):
        assert controls["order"].choices == ("index", "strength")
        assert controls["shape"].choices == ("line", "bar")
        assert controls["statistics"].choices == ("mean", "max")

    def test_none_is_a_value_only_where_it_is_declared(self, controls):
        assert [name for name, control in controls.items() if control.optional] == ["unit", "others", "limit", "region"]

    def test_an_axis_that_the_activation_does_not_have(self, activation):
        class Elsewhere(Options):
            head: HeadIndex = 2

        class Other(Drawer):
            Options = Elsewhere

        (control,) = describe_options(Other(), activation)
        assert (control.default, control.maximum) == (0, 0)

    def test_a_unit_is_a_channel_where_a_layer_has_channels(self, make_activation):
        class OfUnits(Options):
            unit: UnitIndex | None = Field(None, title="Unit")
            channel: ChannelIndex = 7

        class Other(Drawer):
            Options = OfUnits

        maps = make_activation("sample=2 height=3 width=3 channel=6")
        vector = make_activation("sample=2 unit=4")
        assert [(control.title, control.maximum) for control in describe_options(Other(), maps)] == [
            ("Channel", 5),
            ("Channel", 5),
        ]
        assert [(control.title, control.maximum) for control in describe_options(Other(), vector)] == [
            ("Unit", 3),
            ("Unit", 3),
        ]
        assert fit_options(Other(), maps, {"unit": 5}).options.unit == 5

    def test_an_option_that_acts_only_with_some_values_of_another(self, activation, make_activation):
        class Depending(Options):
            method: Literal["PCA", "t-SNE", "UMAP"] = "PCA"
            seed: Annotated[int, ActsWhen("method", "t-SNE", "UMAP"), ActsWhen("beside")] = Field(0, ge=0, le=9)
            beside: Annotated[LayerKey | None, NoneTitle("none")] = None
            unit: Annotated[UnitIndex | None, ActsWhen("beside")] = None
            slice: Annotated[int, ActsFromRank(4)] = 0

        class Other(Drawer):
            Options = Depending

        method, seed, beside, unit, cut = describe_options(Other(), activation)
        assert [seed.acts({"method": value}) for value in method.choices] == [False, True, True]
        assert seed.acts({"method": "PCA", "beside": "layer"})
        assert method.acts({})
        assert [unit.acts({"beside": value}) for value in (None, "layer")] == [False, True]
        assert (seed.minimum, seed.maximum) == (0, 9)
        assert (
            cut.acts({}),
            describe_options(Other(), make_activation("sample height width channel"))[4].acts({}),
        ) == (
            False,
            True,
        )
        assert beside.choice_titles[0] == "none"
        assert fit_options(Other(), activation, {"seed": 3}).options.seed == 3


class TestFit:
    def test_nothing_given(self, fit):
        options, notes = fit()

        assert notes == ()
        assert (options.sample, options.units, options.count, options.order) == (2, (0, 1, 3), 5, "index")
        assert options.shape is Shape.LINE

    def test_what_suits_is_taken_without_a_word(self, fit):
        values = {
            "sample": 1,
            "unit": 3,
            "count": 10,
            "share": 0.25,
            "shown": False,
            "order": "strength",
            "text": "x",
            "limit": 7,
        }
        options, notes = fit(**values)

        assert notes == ()
        assert {name: getattr(options, name) for name in values} == values

    @pytest.mark.parametrize("units", [[0, 2], (0, 2)])
    def test_a_list_is_as_good_as_a_tuple(self, fit, units):
        options, notes = fit(units=units)

        assert options.units == (0, 2)
        assert notes == ()

    @pytest.mark.parametrize(
        ("name", "given", "taken"),
        [
            ("sample", 9, 2),
            ("sample", -1, 0),
            ("sample", 1.5, 2),
            ("sample", "first", 2),
            ("sample", None, 2),
            ("sample", True, 2),
            ("unit", 99, 3),
            ("units", (1, 7), (1,)),
            ("units", (7, 8), (0, 1, 3)),
            ("others", (7,), None),
            ("count", 0, 1),
            ("count", 11, 10),
            ("count", float("nan"), 5),
            ("count", 2.5, 5),
            ("beyond", 1, 2),
            ("beyond", 99, 7),
            ("share", float("nan"), 0.5),
            ("shown", "perhaps", True),
            ("order", "colour", "index"),
            ("shape", "pie", Shape.LINE),
            ("statistics", ("median",), ("mean",)),
            ("text", 3, "words"),
        ],
    )
    def test_what_does_not_suit_is_changed_and_said(self, fit, name, given, taken):
        options, notes = fit(**{name: given})

        assert getattr(options, name) == taken
        assert len(notes) == 1
        assert EveryKind.model_fields[name].title or name.capitalize() in notes[0]

    def test_an_option_of_another_visualizer_is_left_out_and_said(self, fit):
        options, notes = fit(colour="red", count=3)

        assert options.count == 3
        assert notes == ("There is no option “colour” here; it was left out.",)

    def test_none_where_it_is_a_value(self, fit):
        assert fit(unit=None, limit=None) == (fit()[0], ())

    def test_a_range_is_put_in_order_and_within_its_bounds(self, activation):
        from tests.support.every_option import EveryOptionPicture

        def fit(**values):
            fitted = fit_options(EveryOptionPicture(), activation, values)
            return fitted.options.band, fitted.options.steps, len(fitted.notes)

        assert fit() == ((0.25, 0.75), (0, 28), 0)
        assert fit(band=[0.5, 0.6], steps=[8.4, 19.6]) == ((0.5, 0.6), (8, 20), 0)
        assert fit(band=[0.9, -3], steps=[5, 99]) == ((0.0, 0.9), (5, 28), 2)
        for wrong in ([0.5], "ab", ["a", "b"], None, 3):
            assert fit(band=wrong, steps=wrong) == ((0.25, 0.75), (0, 28), 2)

    def test_bounds_are_those_of_the_activation_and_what_lies_outside_is_the_nearest_within(self, make_activation):
        class Rows(Visualizer):
            """Has options whose bounds come from what is drawn."""

            name = title = "rows"

            class Options(Options):
                rows: Annotated[int, BoundsOf(lambda activation: (1, activation.extent("height")))] = 99
                few: Annotated[int, BoundsOf(lambda activation: (1, activation.extent("height"))), Field(le=3)] = 2
                band: Annotated[tuple[int, int], BoundsOf(lambda activation: (0, activation.extent("width")))] = (1, 99)

        small, large = (make_activation(f"sample height={side} width={side + 1} channel") for side in (5, 8))
        bounds = {each.name: (each.minimum, each.maximum) for each in describe_options(Rows(), small)}
        assert bounds == {"rows": (1, 5), "few": (1, 3), "band": (0, 6)}
        assert not any(control_fault(*each) for each in Rows.Options.model_fields.items())
        assert fit_options(Rows(), small, {}).options == Rows.Options(rows=5, few=2, band=(1, 6))
        chosen = fit_options(Rows(), large, {"rows": 7, "few": 9, "band": [9, 4]})
        assert chosen.options == Rows.Options(rows=7, few=3, band=(4, 9))
        assert chosen.notes == ("Few: 9 does not suit this layer, 3 was taken.",)
        assert fit_options(Rows(), small, {"rows": 7}).options.rows == 5

    def test_a_colour_is_six_digits(self, activation):
        class Painted(Visualizer):
            """Has a colour."""

            name = title = "painted"

            class Options(Options):
                line: Colour = "#4c78a8"

        (control,) = describe_options(Painted(), activation)
        assert (control.kind, control.default) == ("colour", "#4c78a8")
        assert fit_options(Painted(), activation, {"line": "#FF0000"}).options.line == "#ff0000"
        for wrong in ("red", "#fff", 3, "#ff0000; x"):
            fitted = fit_options(Painted(), activation, {"line": wrong})
            assert fitted.options.line == "#4c78a8"
            assert len(fitted.notes) == 1

    def test_what_pydantic_refuses_is_said_beside_the_option(self, activation):
        fitted = fit_options(Drawer(), activation, {"share": 0, "count": 3})

        assert (fitted.options.share, fitted.options.count) == (0.5, 3)
        assert dict(fitted.faults) == {"share": "Input should be greater than 0"}
        assert fitted.notes == ()

    def test_a_rule_over_several_options_is_not_hidden(self, activation):
        class Ruled(Options):
            low: int = 3

            @model_validator(mode="after")
            def check(self):
                raise ValueError("low must lie below high")

        class Other(Drawer):
            Options = Ruled

        with pytest.raises(ValueError, match="low must lie below high"):
            fit_options(Other(), activation, {})


@pytest.mark.parametrize(
    ("given", "fitted"),
    [
        ((-1.5, 2, 0.25, 3), (-1.5, 2, 0.25, 3)),
        ([0, 1, 2, 3], (0, 1, 2, 3)),
        ((0, 1), None),
        ((0, 1, 2, float("nan")), None),
        (("left", 1, 2, 3), None),
        ("everywhere", None),
    ],
)
def test_a_region_has_four_ends_or_is_none(activation, given, fitted):
    options = fit_options(Drawer(), activation, {"region": given})[0]

    assert options.region == fitted


class TestTheSelectionOfThePage:
    class One(Options):
        filter: ChannelIndex | None = None
        target: ClassIndex = 0
        part: Region = None
        bins: int = Field(3, ge=1, le=9)

    class Three(Options):
        red: ChannelIndex = 0
        green: ChannelIndex = 1

    def followers(self, activation, options):
        visualizer = type("Drawn", (Visualizer,), {"name": "drawn", "title": "Drawn", "Options": options})()
        return {control.name: control.follows for control in describe_options(visualizer, activation)}

    def test_a_unit_a_class_and_a_region_follow_it_whatever_the_option_is_called(self, make_activation):
        maps = make_activation("sample=2 height=3 width=3 channel=6")
        assert self.followers(maps, self.One) == {"filter": "unit", "target": "class", "part": "region", "bins": ""}

    def test_one_of_several_units_does_not(self, make_activation):
        assert self.followers(make_activation("sample=2 unit=4"), self.Three) == {"red": "", "green": ""}
