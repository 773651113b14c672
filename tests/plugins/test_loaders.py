"""Model files that a stranger's plugin opens, and that one that fails is named and stops nothing else."""

import json
import re

import keras
import numpy as np
import pytest

import core
import core.plugins.registry
from core.errors import ModelRefused
from core.models.loading import load_model_file
from core.plugins.forerunners import RefusedPlugin
from core.plugins.loaders import ModelLoader
from core.plugins.registry import Registry
from core.plugins.sources import PluginSettings
from core.plugins.testing import LOADER_CHECKS, check_loader, run_loader_checks
from core.workspace.visualizer_list import plugins
from core.workspace.workspace import Workspace
from vizplugins import frozen_graph

LINEAR = '''
import json

import numpy as np
from vizplugins import ModelLoader, ModelRefused, hookimpl


class Linear(ModelLoader):
    """A linear model as another program writes it."""

    name, title, takes = "linear", "Linear model", ".lin"

    def match(self, file):
        return file.head.startswith(b"LIN1")

    def load(self, file):
        import keras

        try:
            weights = np.float32(json.loads(file.read(1_000_000)[4:]))
        except ValueError as error:
            raise ModelRefused(f"{file.name} is cut off.", remedy="Copy it again.") from error
        inputs = keras.Input((len(weights),), name="row")
        layer = keras.layers.Dense(weights.shape[1], use_bias=False, name="answer")
        model = keras.Model(inputs, layer(inputs))
        layer.set_weights([weights])
        return model


@hookimpl
def model_loaders():
    return [Linear()]
'''
WEIGHTS = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
CONTENT = b"LIN1" + json.dumps(WEIGHTS).encode()


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """The registry of the process, with the plugin of a folder."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "linear.py").write_text(LINEAR)
    registry = Registry(settings=PluginSettings((folder,)))
    monkeypatch.setattr(core.plugins.registry, "_registry", registry)
    return registry


class Broken(ModelLoader):
    """One that tests fill in."""

    name, title, takes = "broken", "Broken", ".x"

    def match(self, file):
        return True

    def load(self, file):
        raise ZeroDivisionError


class TestLoading:
    def test_a_model_of_another_kind_is_opened_wherever_models_are(self, registry, tmp_path):
        path = tmp_path / "model.lin"
        path.write_bytes(CONTENT)
        loaded = load_model_file(path)

        np.testing.assert_array_equal(loaded.model(np.eye(3, dtype="float32")), WEIGHTS)
        assert (loaded.file.kind, loaded.trusted) == ("other", ("Linear model of linear.py",))
        assert core.load_model(CONTENT).layers[-1].name == "answer"
        assert core.Extractor(core.load_model(path)).extract(np.eye(3, dtype="float32"))["answer"].shape == (3, 2)

    def test_a_workspace_opens_it_and_says_whose_code_did(self, registry):
        workspace = Workspace(registry=registry)
        summary = workspace.open_files([("model.lin", CONTENT)])

        assert summary.trusted == ("Linear model of linear.py",)
        workspace.take_noise(2, 0)
        assert [row.key for row in workspace.layers(0)] == ["answer"]

    def test_a_refusal_is_told_as_it_stands(self, registry):
        with pytest.raises(ModelRefused) as caught:
            core.load_model(CONTENT[:-3])
        assert (caught.value.message, caught.value.remedy) == ("The file is cut off.", "Copy it again.")

    def test_more_parameters_than_the_limit_are_refused(self, registry, monkeypatch):
        monkeypatch.setenv("LAYERSCOPE_PARAMETERS", "5")
        with pytest.raises(ModelRefused, match="holds 6 parameters, more than 5"):
            core.load_model(CONTENT)

    def test_what_is_read_here_is_asked_of_nobody_else(self, registry, tmp_path):
        assert registry.register(Broken(), package="broken", version="1.0")
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="only")])
        model.save(tmp_path / "model.keras")

        assert core.load_model(tmp_path / "model.keras").layers[-1].name == "only"
        assert not registry.problems

    def test_a_frozen_graph_is_opened_by_the_loader_that_ships(self, registry):
        assert [loader.name for loader in registry.loaders.all] == ["linear", "frozen-graph"]
        check_loader(frozen_graph.FrozenGraph())


class TestFailing:
    def test_one_that_fails_is_named_with_the_refusal_and_the_next_one_is_asked(self, registry):
        assert registry.register(Broken(), package="broken", version="1.0")

        assert core.load_model(CONTENT).layers[-1].name == "answer"
        with pytest.raises(ModelRefused) as caught:
            core.load_model(b"nothing that anybody knows")
        assert "Broken, a loader of broken 1.0, failed on The file: ZeroDivisionError" in caught.value.message
        assert "The file is not a Keras model: " in caught.value.message
        assert "ZeroDivisionError" in registry.problems[0].message

    @pytest.mark.parametrize(
        ("methods", "words"),
        [
            ({"match": lambda self, file: 1}, "match() returned int, True or False is needed"),
            ({"load": lambda self, file: "model"}, "load() returned str, a keras.Model is needed"),
            ({"load": lambda self, file: exit(3)}, "SystemExit: 3"),
        ],
    )
    def test_what_is_not_as_it_should_be_is_said(self, methods, words, registry):
        assert registry.register(type("Tried", (Broken,), methods)())
        with pytest.raises(ModelRefused) as caught:
            core.load_model(b"nothing that anybody knows")
        assert words in caught.value.message

    @pytest.mark.parametrize(
        ("loader", "words"),
        [
            (ModelLoader(), "declares no name"),
            (type("Tried", (Broken,), {"takes": 3})(), "declares takes = 3, text is needed"),
            (
                type("Half", (ModelLoader,), {"name": "half", "title": "Half", "match": Broken.match})(),
                "has no method load(self, file)",
            ),
        ],
    )
    def test_declarations_are_checked_when_it_is_registered(self, loader, words, empty_registry):
        with pytest.warns(RefusedPlugin, match=re.escape(words)):
            assert not empty_registry.register(loader)
        assert words in empty_registry.problems[0].message


class TestListing:
    def test_it_is_listed_with_its_plugin_until_its_file_is_gone(self, registry, tmp_path):
        listed = {loader.name: plugin.name for plugin in plugins(registry) for loader in plugin.loaders}
        assert listed == {"linear": "linear.py", "frozen-graph": "frozen_graph"}

        (tmp_path / "plugins" / "linear.py").unlink()
        assert registry.refresh()
        assert [loader.name for loader in registry.loaders.all] == ["frozen-graph"]


class TestChecks:
    @pytest.fixture
    def linear(self, registry):
        return registry.loaders.get("linear")

    def test_one_that_is_sound_passes_every_check(self, linear, tmp_path):
        (tmp_path / "model.lin").write_bytes(CONTENT)
        check_loader(linear, tmp_path / "model.lin")

        assert {result.name for result in run_loader_checks(linear, [tmp_path / "model.lin"])} == set(LOADER_CHECKS)

    @pytest.mark.parametrize(
        ("methods", "name", "words"),
        [
            ({"title": ""}, "declaration", "declares no title"),
            ({"takes": ""}, "explains itself", "no takes"),
            ({"match": lambda self, file: True}, "leaves others", "it refused it: model.keras is cut off"),
            ({"match": lambda self, file: file.head[3] > 0}, "leaves others", "IndexError"),
            ({"match": lambda self, file: False}, "takes its own", "match() returned False"),
            ({"load": lambda self, file: 1 / 0}, "loads", "ZeroDivisionError"),
            (
                {"load": lambda self, file: keras.Model() if json.loads(file.read(99)[4:]) else 0},
                "refuses damage",
                "JSON",
            ),
        ],
    )
    def test_what_is_wrong_is_found(self, methods, name, words, linear, tmp_path):
        (tmp_path / "model.lin").write_bytes(CONTENT)
        broken = type("Tried", (type(linear),), methods)()
        failed = [result for result in run_loader_checks(broken, [tmp_path / "model.lin"]) if not result.passed]

        assert name in {result.name for result in failed}
        assert words in " ".join(result.message for result in failed if result.name == name)
