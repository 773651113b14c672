"""Panels of plugins: what may stand in one, and that everything else of a visualizer holds for them too."""

import json

import pytest

from core.common.limits import get_limits
from core.errors import PluginFailed
from core.plugins.handles import Handles
from core.plugins.panels import PANEL_POLICY, Panel, PanelPage, page_fault, sealed_head
from core.plugins.plugin import BUILT_IN_PACKAGE
from core.plugins.registry import Registry
from core.plugins.visualizer import Options, Refusal, UnitIndex, Visualizer
from core.workspace.layer_charts import chart_result
from core.workspace.visualizer_list import offer, plugins

FILE = '''
from vizplugins import Handles, Panel, PanelPage, hookimpl


class Words(Panel):
    """What the layer answers, in words."""

    name, title = "words", "Words"
    handles = Handles(axes=("sample", "unit"))
    how_to_read = "Read it."
    limitations = "Words are few."

    def page(self, activation, options):
        return PanelPage(f"<p>{activation.shape[1]} units</p>", "The number of units.", 80)


@hookimpl
def panels():
    return [Words()]
'''


class WordsOptions(Options):
    unit: UnitIndex = 0


class Words(Panel):
    """What the layer answers, in words."""

    name, title = "words", "Words"
    handles = Handles(axes=("sample", "unit"))
    Options = WordsOptions
    how_to_read = "Read it."
    limitations = "Words are few."

    def page(self, activation, options, progress):
        progress(0.5, "writing")
        return PanelPage(f"<p>unit {options.unit}</p>", f"Unit {options.unit}.", 80)


def registered(panel=None, **methods):
    registry = Registry(discover=False)
    assert registry.register(panel or type("Tried", (Words,), methods)(), package="words", version="1.0")
    return registry


class TestDrawing:
    def test_it_is_drawn_with_its_options_and_what_it_asks_for(self, make_activation):
        drawing = registered(Words()).draw("words", make_activation("sample unit=4"), {"unit": 9})

        assert drawing.panel == PanelPage("<p>unit 3</p>", "Unit 3.", 80)
        assert drawing.pictures == ()
        assert drawing.notes == ("Unit: 9 does not suit this layer, 3 was taken.",)

    def test_a_page_is_told_of_it_as_of_a_picture(self, make_activation):
        registry = registered(Words())
        activation = make_activation("sample unit=4")
        (summary,) = offer(registry, activation).suited
        result = chart_result(registry.get("words"), registry.draw("words", activation))

        assert [control.follows for control in summary.controls] == ["unit"]
        assert (result.panel.html, result.panel.height, result.pictures) == ("<p>unit 0</p>", 80, ())
        assert json.dumps(result.panel.__dict__)

    def test_a_refusal(self, make_activation):
        registry = registered(page=lambda self, activation, options: Refusal("Nothing is to be said."))

        assert registry.draw("words", make_activation("sample unit")).refusal == "Nothing is to be said."

    def test_it_stands_behind_every_picture_however_well_it_suits(self, make_activation):
        class Chart(Visualizer):
            """A chart."""

            name, title, handles = "chart", "Chart", Handles(layer_types=("Layer",))

            def chart(self, activation, options):
                return None

        registry = registered(type("First", (Words,), {"priority": 100})())
        assert registry.register(Chart(), package=BUILT_IN_PACKAGE)

        assert [each.name for each in registry.publish(make_activation("sample unit"))] == ["chart", "words"]

    def test_it_is_no_chart(self, make_activation):
        registry = registered(Words())
        with pytest.raises(PluginFailed, match="Words is a panel: a page that its plugin draws, and no chart"):
            registry.chart("words", make_activation("sample unit"))
        assert registry.displayed(make_activation("sample unit")) is None
        assert (registry.visualizers, [each.name for each in registry.panels]) == ((), ["words"])


class TestWhatMayStandInOne:
    @pytest.mark.parametrize(
        "html",
        [
            *("<script>1</script>", "<SCRIPT/src=x>", "<p><a href='https://x.org'>x</a>", "<meta http-equiv=refresh>"),
            *("<link rel=preconnect href=https://x.org>", "<iframe srcdoc=x>", "<object data=x>", "<embed src=x>"),
            *("<base href=https://x.org>", "<form action=x>", "<svg><a xlink:href=x></a></svg>", "<!-- <a\n> -->"),
            *("<math href=x>", "<area href=x>", "<script", "<frameset>"),
        ],
    )
    def test_what_leads_or_loads_elsewhere_is_refused_by_its_name(self, html, make_activation):
        registry = registered(page=lambda self, activation, options: PanelPage(html, "A page."))
        with pytest.raises(PluginFailed, match=r"the panel holds <\w+>, which leads or loads elsewhere"):
            registry.draw("words", make_activation("sample unit"))

    @pytest.mark.parametrize(
        "html", ["<abbr title=x>a</abbr> < a", "<article>1</article>", "<svg><animate/></svg>", "<header>x</header>"]
    )
    def test_what_only_looks_like_it_is_not(self, html):
        assert page_fault(html, 100, get_limits()) == ""

    @pytest.mark.parametrize(
        ("page", "words"),
        [
            (lambda: PanelPage("", "A page."), "the panel has no html"),
            (lambda: PanelPage("<p>", ""), "the panel has no description, which a screen reader says"),
            (lambda: PanelPage("<p>", "A page.", 5_000), "asks for 5000 pixels of height, a whole number from 40 to"),
            (lambda: PanelPage("<p>", "A page.", True), "asks for True pixels"),
            (lambda: PanelPage("x" * 9_000_000, "A page."), "more than the 8 MB that are sent to a browser at once"),
            (lambda: "<p>", "page() returned str, a PanelPage is needed, or a Refusal"),
            (lambda: 1 / 0, "ZeroDivisionError"),
        ],
    )
    def test_what_is_none_is_named_with_its_plugin(self, page, words, make_activation):
        registry = registered(page=lambda self, activation, options: page())
        with pytest.raises(PluginFailed) as caught:
            registry.draw("words", make_activation("sample unit"))

        assert words in caught.value.message
        assert (caught.value.package, caught.value.version) == ("words", "1.0")

    def test_the_policy_stands_before_anything_else_of_the_page(self):
        assert sealed_head().index(PANEL_POLICY) < sealed_head().index("<style>")
        assert PANEL_POLICY.startswith("default-src 'none'")
        assert "script-src" not in PANEL_POLICY


class TestLoading:
    def test_a_file_with_panels(self, tmp_path, make_activation):
        (tmp_path / "words.py").write_text(FILE)
        registry = Registry(discover=False)

        assert registry.load_file(tmp_path / "words.py"), registry.problems
        assert registry.draw("words", make_activation("sample unit=3")).panel.html == "<p>3 units</p>"
        (plugin,) = plugins(registry)
        assert plugin.visualizers[0].is_panel

    @pytest.mark.parametrize(
        ("old", "new", "words"),
        [
            ("return [Words()]", "return [Words]", "is not an instance of vizplugins.Panel"),
            (
                "def panels",
                "def visualizers",
                "is a panel, which is a page and no chart; return it from a hook panels()",
            ),
            ("def page", "def pages", "did you mean 'page'?"),
            (
                "activation, options):",
                "activation):",
                "has page(self, activation); page(self, activation, options) is needed",
            ),
            ("options):", "options, model):", "has a page that asks for 'model', which there is not"),
            ("    limitations", "    on_unit_card = 1\n    limitations", "the card of a unit shows no panels"),
        ],
    )
    def test_what_is_wrong_is_found_when_it_is_loaded(self, old, new, words, tmp_path):
        assert old in FILE
        (tmp_path / "words.py").write_text(FILE.replace(old, new))
        registry = Registry(discover=False)

        assert not registry.load_file(tmp_path / "words.py")
        assert words in registry.problems[0].message

    def test_the_kit_tries_it_as_a_picture(self, check_visualizer):
        check_visualizer(Words())
        broken = type("Broken", (Words,), {"page": lambda self, activation, options: PanelPage("<a >", "A page.")})
        with pytest.raises(AssertionError, match="the panel holds <a>"):
            check_visualizer(broken())
