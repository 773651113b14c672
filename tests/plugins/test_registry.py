import importlib
import re
import sys
import textwrap
import time
import types

import altair as alt
import numpy as np
import pandas as pd
import pytest
from pydantic import Field, create_model

from core.errors import PluginFailed
from core.extraction.activation import Activations
from core.plugins.forerunners import RefusedPlugin
from core.plugins.handles import Handles
from core.plugins.hookspecs import hookimpl
from core.plugins.plugin import BUILT_IN_PACKAGE
from core.plugins.registry import Registry, get_registry
from core.plugins.visualizer import Options, SampleIndex, Visualizer


class Dot(Visualizer):
    """A dot.

    And more about it.
    """

    name = "dot"
    title = "Dot"
    handles = Handles(layer_types=("Layer",))

    def chart(self, activation, options):
        frame = pd.DataFrame({"value": activation.values.reshape(-1)})
        return alt.Chart(frame).mark_point().encode(x="value:Q")


def too_late(activation, options):
    end = time.monotonic() + 5
    while time.monotonic() < end:
        pass


ALL = Handles(layer_types=("Layer",))


def options(**fields):
    return create_model("Chosen", __base__=Options, **fields)


def visualizer(known_as, /, **declared):
    return type(known_as, (Dot,), {"name": known_as, "title": known_as, **declared})()


def drawing(draw):
    return visualizer("drawn", chart=lambda self, activation, options: draw(activation, options))


@pytest.fixture
def registry():
    return Registry(discover=False)


@pytest.fixture
def activation(make_activation):
    return make_activation(np.arange(6, dtype=np.float32).reshape(2, 3))


def names(registry, activation):
    return [each.name for each in registry.publish(activation)]


class TestMatching:
    def reason(self, make_activation, handles, shape=(2, 3), **about):
        registry = Registry(discover=False)
        registry.register(visualizer("asked", handles=handles))
        (candidate,) = registry.candidates(make_activation(np.zeros(shape), **about))
        assert candidate.match.handled is (candidate.match.reason == "")
        return candidate.match.reason

    @pytest.mark.parametrize(
        ("handles", "reason"),
        [
            (Handles(layer_types=("Layer",)), ""),
            (Handles(layer_types=("Dense",), axes=("sample", "unit"), ranks=(2,), parts=("output",)), ""),
            (Handles(layer_types=("Conv2D", "Layer")), ""),
            (Handles(layer_types=("RNN",)), "takes RNN layers, this is Dense"),
            (Handles(layer_types=("RNN", "Conv1D")), "takes RNN or Conv1D layers, this is Dense"),
            (Handles(layer_types=("A", "B", "C")), "takes A, B or C layers, this is Dense"),
            (Handles(ranks=(4,)), "takes rank 4, this is rank 2"),
            (Handles(ranks=(3, 4)), "takes rank 3 or 4, this is rank 2"),
            (Handles(axes=("sample", "time")), "takes axes (sample, time), these are (sample, unit)"),
            (Handles(parts=("cell_state",)), "takes cell_state, this is output"),
            (Handles(when=lambda activation: "it is a Tuesday"), "it is a Tuesday"),
            (Handles(when=lambda activation: ""), ""),
            (Handles(when=lambda activation: None), ""),
            (Handles(when=lambda activation: 1 / 0), "could not be asked: ZeroDivisionError: division by zero"),
        ],
    )
    def test_yes_or_a_reason(self, make_activation, handles, reason):
        assert self.reason(make_activation, handles) == reason

    def test_a_base_class_takes_what_derives_from_it(self, make_activation):
        about = {"shape": (2, 3, 4), "bases": ("LSTM", "RNN", "Layer")}

        assert self.reason(make_activation, Handles(layer_types=("RNN",)), **about) == ""

    def test_lists_do_as_well_as_tuples(self, make_activation):
        assert self.reason(make_activation, Handles(axes=["sample", "unit"], ranks=[2])) == ""

    @pytest.mark.parametrize("declared", [{"layer_types": "RNN"}, {"axes": "sample"}, {"ranks": 4}])
    def test_what_is_no_tuple_is_refused_at_once(self, declared):
        with pytest.raises(TypeError, match="a tuple is needed"):
            Handles(**declared)

    @pytest.mark.parametrize(
        ("declared", "words"),
        [
            ({"layer_types": ("Layer",)}, "every layer"),
            ({"dtypes": ("number",)}, "every layer that answers numbers"),
            ({"axes": ("sample", "unit"), "dtypes": ("number",)}, "every layer that answers vectors"),
            ({"ranks": (5,)}, "every layer that answers volumes"),
            ({"axes": ("sample", "head", "query")}, "every layer that answers head × query"),
            (
                {"layer_types": ("RNN", "Conv1D"), "ranks": (2, 3)},
                "recurrent or Conv1D layers that answer vectors or sequences",
            ),
            ({"dtypes": ("number",), "when": bool}, "layers that answer numbers"),
            ({"layer_types": ("Embedding",), "dtypes": ("number",)}, "Embedding layers"),
            ({"layer_types": ("RNN",), "parts": ("output", "cell_state")}, "recurrent layers, their cell state"),
            (
                {"layer_types": ("BasePooling", "BaseGlobalPooling", "Dropout", "GaussianDropout", "ReLU", "ELU")},
                "pooling, dropout or activation layers",
            ),
            (
                {"layer_types": ("BasePooling", "Dropout", "ReLU", "UpSampling1D", "UpSampling2D")},
                "pooling, dropout, activation or UpSampling layers",
            ),
        ],
    )
    def test_in_words(self, declared, words):
        assert Handles(**declared).in_words() == words


class TestOrder:
    LSTM = ("LSTM", "RNN", "Layer")

    @pytest.mark.parametrize(
        ("better", "worse"),
        [
            # Each pair differs in one criterion, and the later criteria speak for the worse one.
            (
                {"handles": Handles(layer_types=("LSTM",))},
                {
                    "handles": Handles(layer_types=("RNN",), axes=("sample", "time", "unit"), ranks=(3,)),
                    "priority": 9,
                },
            ),
            (
                {"handles": Handles(layer_types=("RNN",))},
                {"handles": Handles(axes=("sample", "time", "unit"), ranks=(3,)), "priority": 9},
            ),
            # Who names the base of all layers names none.
            (
                {"handles": Handles(axes=("sample", "time", "unit"))},
                {"handles": Handles(layer_types=("Layer",)), "priority": 9},
            ),
            ({"handles": Handles(axes=("sample", "time", "unit"))}, {"handles": Handles(ranks=(3,)), "priority": 9}),
            ({"handles": Handles(ranks=(3,))}, {"priority": 9}),
            ({"priority": 2}, {"priority": 1}),
        ],
    )
    def test_more_specific_comes_first(self, registry, make_activation, better, worse):
        # Names and origin speak for the worse one too.
        registry.register(visualizer("zz-better", **better), name="vizplugins", package="vizplugins")
        registry.register(visualizer("aa-worse", **worse), name="strange", package="strange")

        activation = make_activation(np.zeros((2, 3, 4)), bases=self.LSTM)
        assert names(registry, activation) == ["zz-better", "aa-worse"]

    def test_a_strangers_comes_before_a_built_in_and_then_the_name_decides(self, registry, activation):
        registry.register(visualizer("a"), package="vizplugins")
        registry.register(visualizer("c"), package="strange")
        registry.register(visualizer("b"), package="strange")

        assert names(registry, activation) == ["b", "c", "a"]

    def test_those_that_do_not_handle_it_come_last(self, registry, activation):
        registry.register(visualizer("a", handles=Handles(layer_types=("RNN",)), priority=99))
        registry.register(visualizer("b"))

        assert [each.visualizer.name for each in registry.candidates(activation)] == ["b", "a"]
        assert names(registry, activation) == ["b"]


GOOD = """
    from vizplugins import Handles, Visualizer, hookimpl
    import altair as alt

    class Good(Visualizer):
        name = "{name}"
        title = "Good"
        handles = Handles(layer_types=("Layer",))

        def chart(self, activation, options):
            return alt.Chart(alt.Data(values=[{{"a": 1}}])).mark_point().encode(x="a:Q")

    @hookimpl
    def visualizers():
        return [Good()]
"""
WRONG_HOOK = "from vizplugins import hookimpl\n@hookimpl\ndef vizualizers():\n    return []"
FOREIGN_HOOK = "from vizplugins import hookimpl\n@hookimpl\ndef teardown():\n    pass"
WRONG_SIGNATURE = "from vizplugins import hookimpl\n@hookimpl\ndef visualizers(layer):\n    return []"
RAISING_HOOK = "from vizplugins import hookimpl\n@hookimpl\ndef visualizers():\n    raise RuntimeError('no disk')"
NOTHING = "from vizplugins import hookimpl\n@hookimpl\ndef visualizers():\n    pass"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that installs a distribution with one plugin module, as pip would leave it behind."""
    monkeypatch.syspath_prepend(tmp_path)

    def put(module, code, *, version="1.2.3"):
        (tmp_path / f"{module}.py").write_text(textwrap.dedent(code))
        folder = tmp_path / f"{module}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}-package\nVersion: {version}\n")
        (folder / "entry_points.txt").write_text(f"[layerscope]\n{module}_entry = {module}\n")
        importlib.invalidate_caches()
        monkeypatch.delitem(sys.modules, module, raising=False)

    return put


class TestBoundaries:
    @pytest.mark.parametrize(
        ("code", "stage", "words"),
        [
            ("import not_installed_anywhere", "import", "ModuleNotFoundError"),
            ("import sys\nsys.exit(3)", "import", "SystemExit: 3"),
            ("def broken(:", "import", "SyntaxError"),
            ("1 / 0", "import", "ZeroDivisionError"),
            ("from vizplugins import Handles\nHandles(ranks=4)", "import", "Handles(ranks=4): a tuple is needed"),
            (WRONG_HOOK, "registration", "there is no hook 'vizualizers'; did you mean 'visualizers'? The hooks are"),
            (FOREIGN_HOOK, "registration", "there is no hook 'teardown'. The hooks are: "),
            (WRONG_SIGNATURE, "registration", "layer"),
            (RAISING_HOOK, "hook", "RuntimeError: no disk"),
            (NOTHING, "hook", "TypeError"),
        ],
    )
    def test_a_failure_is_kept_and_the_others_go_on(self, install, activation, code, stage, words):
        install("layerscope_a_good", GOOD.format(name="good-a"))
        install("layerscope_bad", code)
        install("layerscope_z_good", GOOD.format(name="good-z"), version="4.5")

        registry = Registry()

        (problem,) = registry.problems
        assert problem.stage == stage
        assert words in problem.message
        assert (problem.plugin, problem.package, problem.version) == (
            "layerscope_bad_entry",
            "layerscope_bad-package",
            "1.2.3",
        )
        assert problem.traceback.startswith("Traceback") or "Error" in problem.traceback
        found = names(registry, activation)
        assert {"good-a", "good-z", "activation-line"} <= set(found)
        assert registry.origin("good-z") == ("layerscope_z_good-package", "4.5")
        assert registry.chart("good-z", activation).to_dict()["mark"]

    def test_a_plugin_that_was_refused_is_out(self, registry):
        module = types.ModuleType("refused")
        exec(WRONG_HOOK, module.__dict__)
        good = types.ModuleType("good")
        exec(textwrap.dedent(GOOD).format(name="good"), good.__dict__)

        with pytest.warns(RefusedPlugin, match="refused: .*there is no hook"):
            assert registry.register(module) is False
        assert registry.register(good) is True
        assert len(registry.problems) == 1
        assert [each.name for each in registry.visualizers] == ["good"]

    def test_a_name_that_is_taken(self, registry, activation):
        first, second = visualizer("same"), visualizer("same")
        assert registry.register(first, name="one", package="one-package")

        with pytest.warns(RefusedPlugin, match="^two: .*'same' is taken by one of one-package; the first one stays"):
            assert not registry.register(second, name="two")
        assert registry.visualizers == (first,)
        (problem,) = registry.problems
        assert problem.plugin == "two"
        assert problem.stage == "registration"
        assert "'same' is taken by one of one-package" in problem.message

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            (Dot, "an instance is needed, not the class"),
            (object(), "is not an instance of vizplugins.Visualizer"),
            (visualizer("x", name=""), "declares no name"),
            (visualizer("x", title=""), "declares no title"),
            (visualizer("x", name=3), "declares no name"),
            (visualizer("x", handles=None), "declares handles = None"),
            (visualizer("x", Options=dict), "declares Options = "),
            (visualizer("x", priority="high"), "declares priority = 'high'"),
            (visualizer("x", group="unit"), "declares group = 'unit', which there is not; did you mean 'units'?"),
            (visualizer("x", group=["look"]), "The groups are: look, explain, units, samples, numbers, weights"),
            (visualizer("x", handles=Handles()), "does not say what it handles"),
            (
                visualizer("x", limitation="none"),
                "declares 'limitation', which means nothing here; did you mean 'limitations'?",
            ),
            (type("Lazy", (Visualizer,), {"name": "lazy", "title": "Lazy", "handles": ALL})(), "has no method chart("),
            (visualizer("x", chart=lambda self, activation: None), "has chart(self, activation); chart(self, "),
            (
                visualizer("x", chart=lambda self, activation, options, progres: None),
                "asks for 'progres', which there is not; did you mean 'progress'?",
            ),
            (visualizer("x", Options=options(cache=(int, 3))), "has an option 'cache', which is the name of something"),
            (
                visualizer("x", Options=options(table=(dict, {}))),
                "has an option 'table' of type dict, for which there is no",
            ),
            (visualizer("x", Options=options(span=(tuple[float, float], (0, 1)))), "is a range without bounds"),
            (
                visualizer("x", Options=options(unit=(int, Field(9, le=5)))),
                "has defaults that its own Options refuse: unit",
            ),
            (
                visualizer("x", Options=type("Needy", (Options,), {"__annotations__": {"unit": int}})),
                "has options without a default: unit",
            ),
            (visualizer("x", name=property(lambda self: 1 / 0)), "ZeroDivisionError"),
        ],
    )
    def test_a_wrong_declaration_does_not_keep_the_others_out(self, registry, activation, wrong, words):
        plugin = types.SimpleNamespace(visualizers=hookimpl(lambda: [wrong, visualizer("fine")]))
        with pytest.warns(RefusedPlugin, match=re.escape(words)):
            registry.register(plugin, name="mixed")

        (problem,) = registry.problems
        assert words in problem.message
        assert (problem.plugin, problem.stage) == ("mixed", "registration")
        assert names(registry, activation) == ["fine"]

    def test_a_hook_under_another_name(self, registry):
        class Plugin:
            @hookimpl(specname="visualizers")
            def mine(self):
                return [visualizer("fine")]

        assert registry.register(Plugin())
        assert registry.problems == ()
        assert [each.name for each in registry.visualizers] == ["fine"]

    def test_a_second_plugin_of_the_same_name_does_not_throw_the_first_out(self, registry, activation):
        heard = []

        def plugin(number):
            return types.SimpleNamespace(activations_published=hookimpl(lambda activations: heard.append(number)))

        assert registry.register(plugin(1), name="same")
        with pytest.warns(RefusedPlugin, match="the name 'same' is taken"):
            assert not registry.register(plugin(2), name="same")
        registry.announce(Activations([activation], None, ()))

        assert heard == [1]
        assert [problem.stage for problem in registry.problems] == ["registration"]


class TestDrawing:
    def failure(self, registry, activation, draw):
        registry.register(drawing(draw), name="entry", package="some-package", version="7")
        registry.register(visualizer("other"))
        with pytest.raises(PluginFailed) as caught:
            registry.draw("drawn", activation)
        assert registry.chart("other", activation)
        return caught.value

    @pytest.mark.parametrize(
        ("draw", "words"),
        [
            (lambda activation, options: 1 / 0, "ZeroDivisionError: division by zero"),
            (lambda activation, options: None, "returned NoneType, an Altair chart is needed"),
            (lambda activation, options: {"mark": "point"}, "returned a dict of str to str, an Altair chart is needed"),
            (lambda activation, options: alt.Chart().mark_point().encode(x=alt.X("a:Q", bin="no")), "no"),
            (lambda activation, options: alt.Chart(pd.DataFrame({"a": [1]})).mark_point().encode(x="b"), "b"),
            (lambda activation, options: activation.values.fill(0), "ValueError"),
            (lambda activation, options: activation.values.sort(axis=0), "ValueError"),
            (lambda activation, options: setattr(activation, "axes", ()), "read-only"),
            (lambda activation, options: activation.sample(0).values.__setitem__(0, 9), "read-only"),
            (lambda activation, options: setattr(options, "sample", 3), "Error"),
        ],
    )
    def test_what_a_visualizer_does_wrong_is_its_own_failure(self, registry, activation, draw, words):
        before = activation.values.copy()
        error = self.failure(registry, activation, draw)

        assert words in error.message
        assert "drawn" in error.message
        assert "some-package 7" in error.message
        assert "layer (Dense, 2×3)" in error.message
        assert (error.plugin, error.package, error.version) == ("drawn", "some-package", "7")
        assert error.__cause__ is not None
        assert type(error.__cause__).__name__ in error.traceback
        assert error.remedy
        np.testing.assert_array_equal(activation.values, before)

    def test_a_strangers_failure_goes_to_its_author(self, registry, activation):
        error = self.failure(registry, activation, lambda *_: 1 / 0)

        assert "the author of some-package" in error.remedy

    @pytest.mark.parametrize(
        ("draw", "fault"),
        [(lambda activation, options: 1 / 0, True), (lambda activation, options: None, True), (too_late, False)],
    )
    def test_a_failure_of_ours_is_sent_to_nobody(self, registry, activation, monkeypatch, draw, fault):
        monkeypatch.setenv("LAYERSCOPE_CHART_SECONDS", "0.2")
        assert registry.register(drawing(draw), name="drawn", package=BUILT_IN_PACKAGE)

        with pytest.raises(PluginFailed) as caught:
            registry.draw("drawn", activation)

        assert "another picture" in caught.value.remedy
        assert ("fault of Layerscope" in caught.value.remedy) is fault
        assert "ask for progress" not in caught.value.message
        for word in ("author", "whoever wrote", "traceback", "vizplugins"):
            assert word not in caught.value.message + caught.value.remedy
        assert caught.value.traceback

    def test_too_large_a_chart(self, registry, activation, monkeypatch):
        monkeypatch.setenv("LAYERSCOPE_CHART_BYTES", "20 KB")
        frame = pd.DataFrame({"a": np.arange(5_000.0)})
        error = self.failure(registry, activation, lambda *_: alt.Chart(frame).mark_point().encode(x="a:Q"))

        assert "more than the 20 KB that a browser draws at once" in error.message

    def test_altairs_own_row_limit_does_not_act_and_is_put_back(self, registry, activation):
        frame = pd.DataFrame({"a": np.arange(6_000.0)})
        registry.register(drawing(lambda *_: alt.Chart(frame).mark_point().encode(x="a:Q")))
        before = alt.data_transformers.options
        drawn = registry.draw("drawn", activation)

        assert len(next(iter(drawn.specification["datasets"].values()))) == 6_000
        assert alt.data_transformers.options == before

    def test_a_base_exception_goes_through(self, registry, activation):
        def stop(*_):
            raise KeyboardInterrupt

        registry.register(drawing(stop))
        with pytest.raises(KeyboardInterrupt):
            registry.draw("drawn", activation)

    def test_what_it_does_not_handle(self, registry, activation):
        registry.register(visualizer("other", handles=Handles(ranks=(4,))))
        with pytest.raises(PluginFailed, match="cannot draw layer: it takes rank 4, this is rank 2"):
            registry.draw("other", activation)

    def test_a_name_that_is_not_there(self, registry, activation):
        registry.register(visualizer("feature-maps"))
        with pytest.raises(PluginFailed, match=r"no visualizer 'feature-map'; did you mean 'feature-maps'"):
            registry.draw("feature-map", activation)

    def test_options_are_fitted_and_told(self, registry, activation):
        class Chosen(Options):
            sample: SampleIndex = 0

        seen = []

        def draw(self, activation, options):
            seen.append(options)
            return alt.Chart(alt.Data(values=[])).mark_point()

        registry.register(visualizer("drawn", Options=Chosen, chart=draw))
        drawn = registry.draw("drawn", activation, {"sample": 99, "colour": "red"})

        assert seen == [Chosen(sample=1)]
        assert len(drawn.notes) == 2
        assert drawn.specification["mark"]

    def test_summary_is_the_first_line(self):
        assert Dot().summary() == "A dot."


class TestAnnounce:
    def test_one_that_raises_does_not_stop_the_others(self, registry, activation):
        heard = []

        class Plugin:
            def __init__(self, number):
                self.number = number

            @hookimpl
            def activations_published(self, activations):
                heard.append((self.number, activations))
                if self.number == 1:
                    raise RuntimeError("deaf")

        for number in range(3):
            registry.register(Plugin(number), name=f"plugin{number}", package=f"package{number}", version="2")
        given = Activations([activation], None, ())
        registry.announce(given)
        registry.announce(given)

        assert sorted(number for number, _ in heard) == [0, 0, 1, 1, 2, 2]
        assert all(activations is given for _, activations in heard)
        (problem,) = registry.problems
        assert (problem.plugin, problem.package, problem.version) == ("plugin1", "package1", "2")
        assert (problem.stage, problem.message) == ("hook", "RuntimeError: deaf")
        assert "deaf" in problem.traceback

    def test_an_implementation_may_leave_the_argument_out(self, registry, activation):
        heard = []

        class Plugin:
            @hookimpl
            def activations_published(self):
                heard.append("a pass")

        registry.register(Plugin())
        registry.announce(Activations([activation], None, ()))

        assert heard == ["a pass"]
        assert registry.problems == ()


class TestDiscovery:
    def test_the_built_ins_are_ordinary_plugins_without_problems(self):
        registry = get_registry()

        assert registry is get_registry()
        assert registry.problems == ()
        assert {"activation-line", "feature-maps", "rgb-composite", "volume-slices"} <= {
            each.name for each in registry.visualizers
        }
        assert all(registry.origin(each.name) == ("vizplugins", "") for each in registry.visualizers)

    def test_every_built_in_says_what_it_is(self):
        for each in get_registry().visualizers:
            assert each.summary(), each.name
            assert each.how_to_read, each.name
            assert each.limitations, each.name
            assert each.name == each.name.lower()
            assert " " not in each.name
