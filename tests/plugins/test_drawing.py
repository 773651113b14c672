import pickle
import time
import traceback

import altair as alt
import numpy as np
import pytest
from altair.utils import schemapi

import core
import core.plugins.options
from core.charts.altair_settings import check_charts_as_a_whole
from core.errors import PluginFailed
from core.plugins.handles import Handles
from core.plugins.registry import Registry
from core.plugins.visualizer import ClassIndex, LayerKey, Options, Refusal, Visualizer

DATA = alt.Data(values=[{"a": 1}])


@pytest.fixture
def registry():
    return Registry(discover=False)


@pytest.fixture
def activation(make_activation):
    return make_activation(np.arange(6, dtype=np.float32).reshape(2, 3))


@pytest.fixture(scope="module")
def digits():
    """The activations of the first example, its extractor, and its class names."""
    example = core.get_example("digits-dense")
    extractor = core.Extractor(core.load_model(example.model_path))
    arrays, labels = example.samples()
    given = core.arrange(extractor.model, {name: array[:3] for name, array in arrays.items()})
    return extractor.extract(given, labels=labels[:3], class_names=example.class_names), extractor


def drawing(chart, options=Options):
    declared = {"name": "drawn", "title": "Drawn", "handles": Handles(layer_types=("Layer",)), "Options": options}
    return type("Drawn", (Visualizer,), {**declared, "chart": chart})()


def point(title="A dot"):
    return alt.Chart(DATA, title=title).mark_point().encode(x="a:Q")


_calls = []


def costly(values, factor):
    _calls.append(factor)
    return values * factor


def doubled(self, activation, options, cache):
    kept = cache(costly, activation.values, 2)
    return point(f"{kept.sum():g} {kept.flags.writeable}")


class TestWhatIsReturned:
    def test_each_picture_has_words_for_those_who_do_not_see_it(self, registry, activation):
        registry.register(drawing(lambda self, activation, options: {"One": point(), "Two": point("Other")}))
        drawn = registry.draw("drawn", activation)

        assert drawn.pictures[0].alt.startswith("One. A dot.")
        assert drawn.pictures[1].alt.startswith("Two. Other.")
        assert drawn.specification["description"] == " ".join(each.alt for each in drawn.pictures)

    def test_several_charts_with_captions(self, registry, activation):
        def chart(self, activation, options):
            select = alt.selection_point(name="unit", fields=["unit"])
            return {"Above": point("one"), "Below": point("two").add_params(select)}

        registry.register(drawing(chart))
        drawn = registry.draw("drawn", activation)

        assert [each.caption for each in drawn.pictures] == ["Above", "Below"]
        assert [each.specification["title"] for each in drawn.pictures] == ["one", "two"]
        assert drawn.selections == ("unit",)
        joined = registry.chart("drawn", activation).to_dict()
        assert [each["title"]["text"] for each in joined["vconcat"]] == ["Above", "Below"]
        assert drawn.specification["vconcat"]

    def test_a_selection_that_two_charts_share_is_one(self, registry, activation):
        def chart(self, activation, options):
            select = alt.selection_point(name="unit", fields=["unit"])
            return {"Above": point("one").add_params(select), "Below": point("two").add_params(select)}

        registry.register(drawing(chart))
        # A warning would fail the test.
        joined = registry.chart("drawn", activation).to_dict()

        assert [each["name"] for each in joined["params"]] == ["unit"]

    def test_a_refusal(self, registry, activation):
        registry.register(drawing(lambda self, activation, options: Refusal("One step has no rhythm.")))
        drawn = registry.draw("drawn", activation)

        assert (drawn.pictures, drawn.refusal) == ((), "One step has no rhythm.")
        with pytest.raises(PluginFailed, match=r"Drawn does not draw layer: One step has no rhythm\."):
            registry.chart("drawn", activation)

    @pytest.mark.parametrize("reason", ["", "  ", None])
    def test_a_refusal_without_a_reason_is_a_failure(self, registry, activation, reason):
        registry.register(drawing(lambda self, activation, options: Refusal(reason)))
        with pytest.raises(PluginFailed, match="a Refusal needs a reason"):
            registry.draw("drawn", activation)

    @pytest.mark.parametrize("returned", [{}, {"caption": None}, {1: point()}, [point()]])
    def test_anything_else_is_a_failure(self, registry, activation, returned):
        registry.register(drawing(lambda self, activation, options: returned))
        with pytest.raises(PluginFailed, match=r"chart\(\) returned"):
            registry.draw("drawn", activation)

    def test_the_rows_of_all_layers_count(self, registry, activation, monkeypatch):
        monkeypatch.setenv("LAYERSCOPE_CHART_ROWS", "150")
        one, two = (alt.Chart(alt.Data(values=[{"a": number}] * 100)).mark_point().encode(x="a:Q") for number in (1, 2))
        registry.register(drawing(lambda self, activation, options: one + two))
        with pytest.raises(PluginFailed, match="more than 150 rows"):
            registry.draw("drawn", activation)


class TestWhatItMayAskFor:
    def test_progress_gives_more_time(self, registry, activation, monkeypatch):
        monkeypatch.setenv("LAYERSCOPE_CHART_SECONDS", "0.3")

        def chart(self, activation, options, progress):
            for step in range(5):
                time.sleep(0.15)
                progress(step / 4, f"step {step}")
            return point()

        told = []
        registry.register(drawing(chart))
        assert registry.draw("drawn", activation, progress=lambda *each: told.append(each)).pictures
        assert told == [(0.0, "step 0"), (0.25, "step 1"), (0.5, "step 2"), (0.75, "step 3"), (1.0, "step 4")]
        assert registry.draw("drawn", activation).pictures

    def test_a_cache_by_the_content_of_the_arguments(self, registry, make_activation):
        registry.register(drawing(doubled))
        ones, again, twos = (make_activation(np.full((2, 3), number, np.float32)) for number in (1, 1, 2))
        _calls.clear()
        titles = [registry.chart("drawn", each).to_dict()["title"] for each in (ones, again, twos, ones)]

        assert titles == ["12 False", "12 False", "24 False", "12 False"]
        assert len(_calls) == 2

    def test_what_is_taken_from_around_a_cached_function_is_told(self, registry, activation):
        def chart(self, activation, options, cache):
            values = activation.values
            return point(f"{cache(lambda: values.sum())}")

        registry.register(drawing(chart))
        with pytest.raises(PluginFailed, match="which takes values from around it"):
            registry.draw("drawn", activation)

    def test_the_other_activations_of_the_pass(self, registry, digits):
        activations, _ = digits
        registry.register(drawing(lambda self, activation, options, activations: point(", ".join(activations))))
        activation = next(iter(activations.values()))

        assert registry.chart("drawn", activation).to_dict()["title"] == ", ".join(activations)
        assert registry.chart("drawn", activation, activations={"a": 1}).to_dict()["title"] == "a"

    def test_the_extractor(self, registry, digits):
        activations, extractor = digits
        registry.register(
            drawing(lambda self, activation, options, extractor: point(f"{len(extractor.layers)} layers"))
        )
        activation = next(iter(activations.values()))

        for given in ({"extractor": extractor}, {}):
            assert registry.chart("drawn", activation, **given).to_dict()["title"].endswith("layers")
        with pytest.raises(PluginFailed, match="it asks for extractor, which is not there"):
            registry.chart("drawn", pickle.loads(pickle.dumps(activation)))

    def test_what_is_optional_may_be_missing(self, registry, activation):
        registry.register(drawing(lambda self, activation, options, extractor=None: point(f"{extractor}")))
        assert registry.chart("drawn", activation).to_dict()["title"] == "None"

    def test_labels_inputs_and_class_names_are_read_only(self, digits):
        activations, _ = digits
        context = next(iter(activations.values())).context

        assert context.class_names[0] == "0"
        for array in (context.labels, *context.inputs.values()):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0
            with pytest.raises(ValueError, match="WRITEABLE"):
                array.flags.writeable = True


class TestOptionsOfThePass:
    class Chosen(Options):
        of: ClassIndex = 12
        other: LayerKey = ""

    def test_a_class_and_another_layer(self, registry, digits):
        activations, _ = digits
        visualizer = drawing(lambda self, activation, options: point(f"{options.of} {options.other}"), self.Chosen)
        registry.register(visualizer)
        first, *others = activations
        of, other = core.plugins.options.describe_options(visualizer, activations[first])

        assert (of.kind, of.choices, of.choice_titles[3], of.default) == ("choice", tuple(range(10)), "3", 9)
        assert (other.kind, other.choices, other.default) == ("choice", tuple(activations), first)
        chart = registry.chart("drawn", activations[first], of=4, other=others[-1])
        assert chart.to_dict()["title"] == f"4 {others[-1]}"

    def test_without_class_names(self, activation):
        visualizer = drawing(lambda self, activation, options: point(), self.Chosen)
        of, other = core.plugins.options.describe_options(visualizer, activation)

        assert (of.kind, of.minimum, of.maximum) == ("integer", 0, None)
        assert (other.choices, other.default) == (("layer",), "layer")


def test_an_option_that_there_is_not_is_refused_in_a_notebook(registry, activation):
    class Chosen(Options):
        unit: int = 0

    registry.register(drawing(lambda self, activation, options: point(), Chosen))
    with pytest.raises(PluginFailed, match=r"Drawn has no option 'units'; did you mean 'unit'\? There are: unit\."):
        registry.chart("drawn", activation, units=3)


def colourful(self, activation, options):
    return alt.Chart(DATA).mark_point().encode(x=alt.X("a:Q", axis=alt.Axis(grid="sometimes")))


class TestWhatIsNotValid:
    """A worker checks a chart when it is done; its author is told the line that made the fault all the same."""

    @pytest.fixture(autouse=True)
    def _as_a_worker_draws(self):
        before = schemapi.DEBUG_MODE
        check_charts_as_a_whole()
        yield
        schemapi.DEBUG_MODE = before

    def test_the_traceback_leads_to_the_line_that_made_it(self, registry, activation):
        registry.register(drawing(colourful))

        with pytest.raises(PluginFailed, match="sometimes") as caught:
            registry.draw("drawn", activation)

        assert 'grid="sometimes"' in "".join(traceback.format_exception(caught.value))

    def test_what_is_valid_is_drawn_once(self, registry, activation):
        calls = []
        registry.register(drawing(lambda self, activation, options: calls.append(1) or point()))

        assert registry.draw("drawn", activation).pictures[0].specification["title"] == "A dot"
        assert calls == [1]

    def test_a_scale_that_no_browser_can_read_is_refused_in_words(self, registry, activation):
        endless = alt.X("a:Q", scale=alt.Scale(domain=[0, float("nan")]))
        registry.register(drawing(lambda self, activation, options: alt.Chart(DATA).mark_point().encode(x=endless)))

        with pytest.raises(PluginFailed, match="NaN or infinite, such as in the domain"):
            registry.draw("drawn", activation)
