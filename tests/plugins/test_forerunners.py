"""A class that is defined anew, as by a cell of a notebook that is run again, and registered again."""

import sys
import types

import pytest

from core.plugins.forerunners import RefusedPlugin
from core.plugins.registry import Registry
from core.plugins.sources import PluginSettings
from vizplugins.testing import make_activation

CELL = """
import altair as alt
from vizplugins import Handles, MeaningAnswer, OutputMeaning, Visualizer, hookimpl


class Spectrum(Visualizer):
    "A dot."

    name, title = "{name}", "{title}"
    handles = Handles(axes=("sample", "unit"))

    def chart(self, activation, options):
        data = alt.Data(values=[{{"a": 1}}])
        return alt.Chart(data, title="{title}").mark_point().encode(x="a:Q")


class Angle(OutputMeaning):
    "An angle."

    name, title, takes = "{name}", "{title}", "two numbers"

    def match(self, output):
        return 0.5

    def answer(self, output, height):
        return MeaningAnswer("{title}")


class Both:
    @hookimpl
    def visualizers(self):
        return [Spectrum()]

    @hookimpl
    def output_meanings(self):
        return [Angle()]
"""


@pytest.fixture
def run_cell(monkeypatch):
    """Return a function that runs the cell of a notebook and returns the notebook's names."""
    notebook = types.ModuleType("the_notebook")
    monkeypatch.setitem(sys.modules, "the_notebook", notebook)

    def run(name="spectrum", title="Spectrum"):
        exec(CELL.format(name=name, title=title), vars(notebook))
        return notebook

    return run


def titles(registry):
    return [each.title for each in registry.visualizers]


def drawn(registry, name="spectrum"):
    return registry.chart(name, make_activation("sample unit")).to_dict()["title"]


def test_an_edited_class_takes_the_place_of_what_it_was(run_cell, empty_registry):
    assert empty_registry.register(run_cell().Spectrum())
    assert drawn(empty_registry) == "Spectrum"
    assert empty_registry.register(run_cell(title="Edited").Spectrum())

    assert titles(empty_registry) == ["Edited"]
    assert drawn(empty_registry) == "Edited"
    assert empty_registry.version_of("spectrum") == 1
    (plugin,) = empty_registry.plugins
    assert (plugin.status, plugin.visualizers) == ("ready", ("spectrum",))


def test_the_same_class_registered_twice_is_one(run_cell, empty_registry):
    notebook = run_cell()

    assert empty_registry.register(notebook.Spectrum())
    assert empty_registry.register(notebook.Spectrum())
    assert titles(empty_registry) == ["Spectrum"]


def test_under_another_name_it_leaves_none_behind(run_cell, empty_registry):
    empty_registry.register(run_cell().Spectrum())
    empty_registry.register(run_cell(name="power", title="Power").Spectrum())

    assert titles(empty_registry) == ["Power"]


def test_one_class_may_have_instances_of_several_names(run_cell, empty_registry):
    notebook = run_cell()
    other = notebook.Spectrum()
    other.name = "other"
    empty_registry.register(notebook.Spectrum())
    empty_registry.register(other)

    assert [each.name for each in empty_registry.visualizers] == ["spectrum", "other"]


def test_what_is_wrong_is_said_each_time_and_the_earlier_one_stays(run_cell, empty_registry):
    empty_registry.register(run_cell().Spectrum())
    faulty = run_cell(title="").Spectrum()
    for _ in range(2):
        with pytest.warns(RefusedPlugin, match=r"^Spectrum: .*declares no title.*; the earlier one stays as it was$"):
            assert empty_registry.register(faulty) is False

    assert drawn(empty_registry) == "Spectrum"
    assert len(empty_registry.problems) == 1
    assert empty_registry.register(run_cell(title="Mended").Spectrum())
    assert titles(empty_registry) == ["Mended"]
    assert empty_registry.problems == ()


def test_a_name_that_ships_or_is_of_another_plugin_is_refused(run_cell, tmp_path):
    registry = Registry(settings=PluginSettings(enabled=False))
    (tmp_path / "mine.py").write_text(
        CELL.format(name="spectrum", title="In a file") + "\n\n@hookimpl\ndef visualizers():\n    return [Spectrum()]\n"
    )
    registry.load_file(tmp_path / "mine.py")
    for name, holder in (("histogram", "histogram of vizplugins"), ("spectrum", "mine.py of mine.py")):
        with pytest.warns(RefusedPlugin, match=f"'{name}' is taken by {holder}; the first one stays"):
            assert registry.register(run_cell(name=name).Spectrum()) is False

    assert registry.get("spectrum").title == "In a file"


def test_a_meaning_of_outputs(run_cell, empty_registry):
    empty_registry.register(run_cell(name="angle").Angle())
    empty_registry.register(run_cell(name="angle", title="Edited").Angle())

    assert [each.title for each in empty_registry.meanings.all] == ["Edited"]


def test_an_object_with_hooks_and_the_notebook_itself(run_cell, empty_registry):
    for title in ("One", "Two"):
        assert empty_registry.register(run_cell(title=title).Both())
        assert titles(empty_registry) == [title]
    notebook = run_cell(name="hooked")
    notebook.visualizers = notebook.Both().visualizers
    assert empty_registry.register(notebook)
    assert empty_registry.register(notebook)
    assert [each.name for each in empty_registry.visualizers] == ["spectrum", "hooked"]


def test_a_class_in_the_place_of_an_instance_is_told(run_cell, empty_registry):
    with pytest.warns(RefusedPlugin, match=r"an instance is needed, not the class: Spectrum\(\)"):
        assert empty_registry.register(run_cell().Spectrum) is False
