import importlib
import os
import subprocess
import sys
import textwrap
import threading
import warnings
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
import pytest

from core.charts.altair_settings import plain_settings, put_back
from core.common.prints import hear_prints
from core.errors import PluginFailed
from core.plugins.plugin import Origin
from core.plugins.registry import Registry, get_registry
from core.plugins.sources import PluginSettings, get_plugin_settings
from tests.support.broken_plugins import DRAWING, LOADING, write_plugins

ROOT = Path(__file__).parents[2]
PLUGIN = """
    import altair as alt
    from vizplugins import Handles, Visualizer, hookimpl

    class Picture(Visualizer):
        \"\"\"{text}\"\"\"

        name = "{name}"
        title = "{name}"
        handles = Handles(layer_types=("Layer",))

        def chart(self, activation, options):
            return alt.Chart(alt.Data(values=[{{"a": 1}}]), title="{text}").mark_point()

    @hookimpl
    def visualizers():
        return [Picture()]
"""


@pytest.fixture
def save(tmp_path):
    """Return a function that saves a plugin, and makes sure that its time differs from that before."""

    def save(name, text="first", code=PLUGIN, picture=""):
        path = tmp_path / name
        again = path.stat().st_mtime_ns + 1 if path.exists() else 0
        path.write_text(textwrap.dedent(code).format(text=text, name=picture or path.stem))
        if again:
            os.utime(path, ns=(again, again))
        return path

    return save


@pytest.fixture
def registry(tmp_path):
    return Registry(settings=PluginSettings((tmp_path,)))


@pytest.fixture
def activation(make_activation, make_context):
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    return make_activation(values, context=make_context(labels=np.array([0, 1])))


def plugin(registry, name):
    return next(each for each in registry.plugins if each.name == name)


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    folder = write_plugins(tmp_path_factory.mktemp("plugins"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAYERSCOPE_IMPORT_SECONDS", "0.5")
        return Registry(settings=PluginSettings((folder,)))


def test_a_file_that_only_brings_a_class_for_models_is_no_failure(registry, tmp_path):
    # As in the app, where it is there: to import it is slow, and would be said of the plugin.
    importlib.import_module("keras")
    code = """
        import keras

        @keras.saving.register_keras_serializable(package="folder")
        class Brought(keras.layers.Layer):
            pass
        """
    (tmp_path / "brought.py").write_text(textwrap.dedent(code))
    registry.refresh()

    found = plugin(registry, "brought.py")
    assert found.status == "ready"
    assert found.notices == ("models that use folder>Brought open: it registers that with Keras, as --trust does",)


REPLACES = """
    import sys, warnings
    import altair as alt
    import numpy as np
    import pandas as pd
    from vizplugins import Handles, Visualizer, hookimpl

    class Replaces(Visualizer):
        \"\"\"Replaces what others draw with, while it draws.\"\"\"

        name, title = "replaces", "Replaces"
        handles = Handles(layer_types=("Layer",))

        def chart(self, activation, options):
            np.mean = pd.DataFrame.mean = alt.X.__init__ = alt.Chart.mark_bar = lambda *_, **__: 1 / 0
            pd.DataFrame.own_accessor = "added"
            sys.setrecursionlimit(100_000)
            np.seterr(all="raise")
            warnings.simplefilter("error")
            return alt.Chart(alt.Data(values=[{{"a": 1}}])).mark_point()

    @hookimpl
    def visualizers():
        return [Replaces()]
"""


def test_what_a_picture_replaces_is_put_back_and_told_of_that_one_alone(registry, save, activation):
    def state():
        names = np.mean, pd.DataFrame.mean, alt.X.__init__, alt.Chart.mark_bar
        return names, np.geterr(), sys.getrecursionlimit(), list(warnings.filters)

    save("replaces.py", code=REPLACES)
    registry.refresh()
    before = state()
    registry.draw("replaces", activation)

    assert state() == before
    assert pd.DataFrame.own_accessor == "added"
    del pd.DataFrame.own_accessor
    (problem,) = registry.problems
    assert (problem.plugin, problem.stage) == ("replaces.py", "drawing")
    assert " and 3 more, which other pictures are drawn with" in problem.message
    assert problem.place == "replaces.py, line 15"
    assert {"numpy.mean", "altair.X.__init__", "altair.Chart.mark_bar", "pandas.DataFrame.mean"} <= set(
        problem.traceback.splitlines()
    )
    registry.draw("histogram", activation)
    assert len(registry.problems) == 1


def test_what_is_replaced_between_two_plugins_is_left(registry, save, activation, monkeypatch):
    save("replaces.py")
    registry.refresh()
    mine = lambda *_, **__: None  # noqa: E731 - it is looked at, not called
    monkeypatch.setattr(alt.Chart, "mark_trail", mine)
    registry.draw("replaces", activation)

    assert alt.Chart.mark_trail is mine
    assert not registry.problems


PRINTS_AND_RAISES = """
    import altair as alt
    import numpy as np
    from vizplugins import Handles, Visualizer, hookimpl

    def broadcast(values):
        return np.zeros(3) + np.zeros(4)

    class Raises(Visualizer):
        \"\"\"Raises.\"\"\"

        name, title = "raises", "Raises"
        handles = Handles(layer_types=("Layer",))

        def chart(self, activation, options):
            print("shape", activation.shape)
            return broadcast(activation.values)

    @hookimpl
    def visualizers():
        return [Raises()]
"""


def test_of_a_file_that_raises_while_it_draws_the_place_is_said_and_that_it_is_to_be_mended(
    registry, save, activation, monkeypatch
):
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    hear_prints()
    save("raises.py", code=PRINTS_AND_RAISES)
    registry.refresh()
    with pytest.raises(PluginFailed) as caught:
        registry.draw("raises", activation)

    assert caught.value.message.endswith("shapes (3,) (4,)  (raises.py, line 7)")
    assert "mend the file and save it" in caught.value.remedy
    assert "author" not in caught.value.remedy
    lines = caught.value.traceback.splitlines()
    assert 'raises.py", line 17, in chart' in lines[1]
    assert "core/plugins" not in caught.value.traceback
    assert lines[-2:] == ["It printed:", "shape (2, 3)"]


class TestBrokenPlugins:
    def test_there_are_at_least_twelve_and_each_is_reported(self, broken):
        failed = [each.name.removesuffix(".py") for each in broken.plugins if each.status == "failed"]

        assert len(LOADING) + len(DRAWING) >= 12
        assert sorted(failed) == sorted(LOADING)
        assert len(broken.problems) == len(LOADING)

    @pytest.mark.parametrize("name", LOADING)
    def test_what_fails_to_load_says_why_and_where(self, broken, name):
        (problem,) = plugin(broken, f"{name}.py").problems

        assert LOADING[name][1] in problem.in_words
        assert problem.plugin == f"{name}.py"
        assert problem.traceback
        if problem.file:
            assert Path(problem.file).name == f"{name}.py"

    @pytest.mark.parametrize("name", DRAWING)
    def test_what_fails_to_draw_says_why(self, broken, activation, name, monkeypatch):
        monkeypatch.setenv("LAYERSCOPE_CHART_SECONDS", "0.5")
        before = activation.values.copy()
        with pytest.raises(PluginFailed) as caught:
            broken.draw(name.replace("_", "-"), activation)

        assert DRAWING[name][1] in caught.value.message
        assert f"{name}.py" in caught.value.message
        assert "layer (Dense, 2×3)" in caught.value.message
        assert f"{name}.py" in caught.value.traceback or name in (
            "returns_none",
            "million_rows",
            "too_many_bytes",
            "invalid_chart",
        )
        np.testing.assert_array_equal(activation.values, before)
        assert broken.chart("good", activation).to_dict()["title"] == "A dot"

    def test_what_ships_with_layerscope_is_all_there(self, broken):
        ours = {each.name for each in get_registry().visualizers}

        assert ours <= {each.name for each in broken.visualizers}


class TestFiles:
    def test_a_file_in_a_folder_is_a_plugin(self, registry, save, activation):
        path = save("power.py")
        save("_private.py")
        (path.parent / "notes.txt").write_text("no plugin")
        modules, paths = set(sys.modules), list(sys.path)

        assert registry.refresh()
        found = plugin(registry, "power.py")
        assert (found.source, found.status, found.path) == ("file", "ready", str(path))
        assert found.visualizers == ("power",)
        assert "power" in [each.name for each in registry.publish(activation)]
        assert sys.path == paths
        (module,) = set(sys.modules) - modules
        assert module.startswith("layerscope_plugin_")
        assert not (path.parent / "__pycache__").exists()

    def test_they_are_taken_by_name_and_two_folders_may_have_the_same(self, tmp_path, save):
        folders = [tmp_path / "one", tmp_path / "two"]
        for folder in folders:
            folder.mkdir()
            for name in ("b", "a"):
                save(f"{folder.name}/{name}.py", picture=f"{folder.name}-{name}")
        registry = Registry(settings=PluginSettings(tuple(folders)))

        strangers = [each for each in registry.plugins if each.source == "file"]
        assert [each.visualizers for each in strangers] == [("one-a",), ("one-b",), ("two-a",), ("two-b",)]

    def test_a_file_that_is_saved_is_loaded_again_and_marked(self, registry, save, activation):
        save("power.py", "first")
        registry.refresh()
        assert plugin(registry, "power.py").changed_at == ""
        save("power.py", "again")

        assert registry.refresh()
        assert not registry.refresh()
        assert plugin(registry, "power.py").changed_at
        assert registry.version_of("power") == 1
        assert registry.get("power").summary() == "again"
        assert registry.chart("power", activation).to_dict()["title"] == "again"

    def test_a_file_of_the_same_size_and_second_is_loaded_again_too(self, registry, save, activation):
        for text in ("aaaa", "bbbb", "cccc"):
            save("power.py", text)
            registry.refresh()
            assert registry.chart("power", activation).to_dict()["title"] == text

    def test_a_file_that_no_longer_loads_shows_that_in_its_tab_until_it_does(self, registry, save, activation):
        save("power.py", "first")
        registry.refresh()
        save("power.py", code="def broken(:")
        registry.refresh()

        assert "power" in [each.name for each in registry.publish(activation)]
        with pytest.raises(PluginFailed, match=r"power\.py, which draws power, could not be loaded after it was saved"):
            registry.draw("power", activation)
        save("power.py", "mended")
        registry.refresh()
        assert registry.chart("power", activation).to_dict()["title"] == "mended"
        assert registry.problems == ()

    def test_a_picture_that_the_file_no_longer_brings_is_gone(self, registry, save):
        save("power.py", picture="one")
        registry.refresh()
        save("power.py", picture="two")
        registry.refresh()

        assert "two" in [each.name for each in registry.visualizers]
        assert "one" not in [each.name for each in registry.visualizers]

    def test_a_file_that_is_removed_is_gone(self, registry, save):
        path = save("power.py")
        registry.refresh()
        path.unlink()

        assert registry.refresh()
        assert "power.py" not in [each.name for each in registry.plugins]
        assert "power" not in [each.name for each in registry.visualizers]

    def test_a_single_file(self, save):
        registry = Registry(discover=False)

        assert registry.load_file(save("power.py"))
        assert [each.name for each in registry.visualizers] == ["power"]
        assert not registry.load_file(save("broken.py", code="1 / 0"))

    def test_options_of_a_file_are_read_with_its_own_names(self, registry, save, activation):
        # pydantic looks annotations that are text up in the module that the class says it is from.
        head = "from __future__ import annotations\nfrom typing import Literal\nfrom vizplugins import Options\n"
        code = head + textwrap.dedent(PLUGIN).replace(
            "    def chart", "    class Options(Options):\n        by: Literal['a', 'b'] = 'a'\n\n    def chart"
        )
        save("power.py", code=code)
        registry.refresh()

        assert registry.problems == ()
        assert registry.chart("power", activation, by="b")


class TestSettings:
    def test_from_the_environment(self, monkeypatch, tmp_path):
        monkeypatch.setenv("LAYERSCOPE_PLUGINS", os.pathsep.join([str(tmp_path), str(tmp_path / "more"), ""]))
        monkeypatch.setenv("LAYERSCOPE_ALLOWED_PLUGINS", "Power_Spectrum, other.py")
        settings = get_plugin_settings()

        assert settings.folders == (tmp_path, tmp_path / "more")
        assert settings.enabled
        assert settings.allows(Origin("entry", "package", "power-spectrum"))
        assert settings.allows(Origin("other.py", "file", "other.py"))
        assert not settings.allows(Origin("entry", "package", "power"))

    def test_what_is_not_allowed_is_listed_and_not_imported(self, save, tmp_path):
        save("wanted.py")
        save("unwanted.py", code="raise SystemError('was imported')")
        registry = Registry(settings=PluginSettings((tmp_path,), allowed=frozenset({"wanted-py"})))

        assert plugin(registry, "wanted.py").status == "ready"
        assert plugin(registry, "unwanted.py").status == "not allowed"
        assert registry.problems == ()
        assert "histogram" in [each.name for each in registry.visualizers]

    def test_none_at_all(self, save, tmp_path, monkeypatch):
        save("power.py")
        monkeypatch.setenv("LAYERSCOPE_PLUGINS", str(tmp_path))
        monkeypatch.setenv("LAYERSCOPE_NO_PLUGINS", "1")
        registry = Registry()

        assert {each.source for each in registry.plugins} == {"built-in"}
        assert not registry.refresh()

    def test_a_folder_that_is_not_there_is_no_failure(self, tmp_path):
        registry = Registry(settings=PluginSettings((tmp_path / "later",)))
        assert registry.problems == ()


class TestApiVersion:
    @pytest.mark.parametrize(
        ("version", "words"),
        [
            ("3", "it was written for version 3 of the plugin API, this Layerscope serves 1 or 2. Update Layerscope"),
            ("0", "it was written for version 0 of the plugin API, this Layerscope serves 1 or 2. Ask its author"),
            ("'2'", "layerscope_api = '2': a whole number is needed"),
            ("True", "layerscope_api = True: a whole number is needed"),
        ],
    )
    def test_what_cannot_be_served_is_refused_with_the_reason(self, registry, save, version, words):
        save("power.py", code=f"layerscope_api = {version}\n" + textwrap.dedent(PLUGIN))
        registry.refresh()

        (problem,) = registry.problems
        assert words in problem.message
        assert "power" not in [each.name for each in registry.visualizers]

    def test_one_older_is_served_and_told_what_is_deprecated(self, registry, save, activation):
        # Version 1 let Handles() name nothing, and had charts.refuse_text.
        code = textwrap.dedent(PLUGIN).replace('layer_types=("Layer",)', "when=charts.refuse_text")
        code = "layerscope_api = 1\nfrom vizplugins import charts\n" + code
        save("old.py", code=code)
        save(
            "older.py",
            code="layerscope_api = 1\n" + PLUGIN.replace('layer_types=("Layer",)', "").replace("\n    ", "\n"),
        )
        with pytest.warns(DeprecationWarning, match=r'refuse_text .* use Handles\(dtypes=\("number",\)\)'):
            registry.refresh()

        assert registry.problems == ()
        assert {"old", "older"} <= {each.name for each in registry.publish(activation)}
        (notice,) = plugin(registry, "old.py").notices
        assert "charts.refuse_text is deprecated" in notice
        (notice,) = plugin(registry, "older.py").notices
        assert "Handles() is deprecated" in notice


class TestStartUp:
    def test_a_slow_import_is_reported_with_the_culprit(self, registry, save, tmp_path, monkeypatch):
        library = tmp_path / "library"
        library.mkdir()
        (library / "slow_library.py").write_text("import time\ntime.sleep(0.4)\n")
        monkeypatch.syspath_prepend(library)
        save("slow.py", code="import slow_library\n" + textwrap.dedent(PLUGIN))
        save("quick.py")
        registry.refresh()

        slow, quick = plugin(registry, "slow.py"), plugin(registry, "quick.py")
        assert slow.slowest_import == "slow_library"
        assert slow.import_seconds > 0.4
        assert "of which slow_library 0.4 s" in slow.notices[0]
        assert (quick.slowest_import, quick.notices) == ("", ())

    def test_nothing_imports_tensorflow_to_be_discovered(self):
        code = (
            "import sys\nfrom core.plugins.registry import Registry\nassert len(Registry().visualizers) > 15\n"
            "print([name for name in ('tensorflow', 'keras', 'streamlit', 'sklearn') if name in sys.modules])"
        )
        found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        assert found.stdout.strip() == "[]"


class TestAltairsSettings:
    def test_what_a_plugin_changes_for_the_whole_process_is_put_back(self, registry, save, activation):
        theme, transformers = alt.theme.active, (alt.data_transformers.active, dict(alt.data_transformers.options))
        changing = "alt.theme.enable('dark')\nalt.data_transformers.enable('json')\n"
        code = textwrap.dedent(PLUGIN).replace("import altair as alt\n", f"import altair as alt\n{changing}", 1)
        code = code.replace(
            "        return alt", f"        {changing.strip().replace(chr(10), '; ')}\n        return alt"
        )
        save("loud.py", code=code)
        registry.refresh()

        assert alt.theme.active == theme
        drawing = registry.draw("loud", activation)
        assert "config" not in drawing.specification
        assert alt.theme.active == theme
        assert (alt.data_transformers.active, dict(alt.data_transformers.options)) == transformers

    def test_a_plugin_that_ends_does_not_put_back_what_another_chart_is_made_with(self):
        entered, may_leave = threading.Event(), threading.Event()

        def plugin_of_another_visitor():
            with put_back():
                entered.set()
                may_leave.wait(5)

        other = threading.Thread(target=plugin_of_another_visitor)
        other.start()
        entered.wait(5)
        with plain_settings(max_rows=9_000):
            may_leave.set()
            other.join(0.3)
            assert alt.theme.active == "none"
            assert alt.data_transformers.options == {"max_rows": 9_000}
        other.join(5)
        assert not other.is_alive()
        assert alt.theme.active != "none"


def test_where_to_report_a_failure_comes_from_the_package(tmp_path, monkeypatch, activation):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "reported.py").write_text(textwrap.dedent(PLUGIN).format(text="x", name="reported") + "\n1 / 0\n")
    folder = tmp_path / "reported-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: reported\nVersion: 1.0\nProject-URL: Bug Tracker, https://example.org/issues\n"
    )
    (folder / "entry_points.txt").write_text("[layerscope]\nentry = reported\n")
    registry = Registry(discover=False)

    assert not registry.load_package("reported")
    (problem,) = registry.problems
    assert problem.report_to == "https://example.org/issues"
    assert (problem.plugin, problem.version, problem.place) == ("entry", "1.0", "reported.py, line 19")


def test_a_plugin_that_brings_nothing_says_so(registry, save):
    save("empty.py", code="from vizplugins import hookimpl\n@hookimpl\ndef visualizers():\n    return []")
    registry.refresh()

    assert plugin(registry, "empty.py").notices == ("visualizers() returned none, so it brings no picture",)
    assert registry.problems == ()


def test_what_raises_when_it_is_described_does_not_take_the_others_with_it(registry, save, activation):
    from core.workspace.visualizer_list import offer, plugins

    code = textwrap.dedent(PLUGIN).replace(
        "    def chart", "    def summary(self):\n        raise RuntimeError('mute')\n\n    def chart"
    )
    save("mute.py", code=code)
    registry.refresh()

    described = {each.name: each.description for each in offer(registry, activation).suited}
    assert described["mute"] == "Its summary() raised RuntimeError: mute"
    assert described["histogram"]
    assert "mute.py" in [each.name for each in plugins(registry)]
