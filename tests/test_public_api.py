import inspect
import subprocess
import sys

import pytest

import core
import vizplugins
from core.errors import ExtractionFailed, InputRejected, LayerscopeError, ModelRefused, PluginFailed


def test_all_is_what_can_be_imported():
    assert sorted(core.__all__) == sorted(core._HOME) == dir(core)
    for name in core.__all__:
        thing = getattr(core, name)
        assert thing.__name__ == name
        assert inspect.getdoc(thing), name


def test_each_name_is_exported_by_its_module():
    for name, module in core._HOME.items():
        assert name in sys.modules[getattr(core, name).__module__].__all__
        assert getattr(core, name).__module__ == f"core.{module}"


def test_the_names_that_are_a_contract():
    contract = {"load_model", "extract", "Extractor", "get_registry", "LayerscopeError", "ModelRefused"}
    assert contract | {"InputRejected", "ExtractionFailed", "PluginFailed"} <= set(core.__all__)


def test_an_unknown_name():
    with pytest.raises(AttributeError, match="module 'core' has no attribute 'nothing'"):
        core.nothing  # noqa: B018


@pytest.mark.parametrize(
    "code",
    ["import core", "import core; core.get_registry()", "import core; core.list_examples()", "import vizplugins"],
)
def test_importing_does_not_bring_tensorflow(code):
    check = f"{code}; import sys; sys.exit(bool({{'tensorflow', 'keras', 'streamlit'}} & set(sys.modules)))"

    assert subprocess.run([sys.executable, "-W", "error", "-c", check], check=False).returncode == 0


def test_the_face_that_plugin_authors_import():
    assert vizplugins.__all__ == [
        "ANSWER_HEIGHT",
        "API_VERSION",
        "CERTAIN",
        "LEAST_PROBABILITY",
        "LIKELY",
        "MODEST",
        "POSSIBLE",
        "Activation",
        "Activations",
        "ActsFromRank",
        "ActsWhen",
        "BoundsOf",
        "Cache",
        "ChannelIndex",
        "ClassIndex",
        "Colour",
        "ColourScheme",
        "Extractor",
        "FileSamples",
        "FreshWeights",
        "Handles",
        "HeadIndex",
        "InputReader",
        "InputRejected",
        "InputSpec",
        "LayerDataset",
        "LayerKey",
        "MeaningAnswer",
        "MeaningName",
        "MeaningRegistry",
        "Missing",
        "ModelFileCopy",
        "ModelLoader",
        "ModelRefused",
        "NoneTitle",
        "Options",
        "OtherModel",
        "OutputContext",
        "OutputMeaning",
        "OutputSamples",
        "Panel",
        "PanelPage",
        "ProgressReport",
        "Refusal",
        "Region",
        "SampleContext",
        "SampleIndex",
        "StepIndex",
        "TimestepIndex",
        "UnitIndex",
        "UploadedFile",
        "Visualizer",
        "alikeness_of_steps",
        "answered_classes",
        "are_distributions",
        "are_sound",
        "as_colours",
        "attribution",
        "charts",
        "gallery",
        "hookimpl",
        "is_distribution",
        "layer_weights",
        "normalization",
        "overlays",
        "playable",
        "prefixes",
        "probabilities_of_classes",
        "projection",
        "raster",
        "recurrence",
        "sample_pictures",
        "saved_graphs",
        "scatter",
        "unit_connections",
        "unit_statistics",
        "volume_files",
        "without_units",
    ]
    assert all(hasattr(vizplugins, name) for name in vizplugins.__all__)


@pytest.mark.parametrize("error", [ModelRefused, InputRejected, ExtractionFailed])
def test_an_error_says_what_happened_and_what_to_do(error):
    raised = error("It broke.", remedy="Mend it.")

    assert issubclass(error, LayerscopeError)
    assert (raised.message, raised.remedy, str(raised)) == ("It broke.", "Mend it.", "It broke. Mend it.")
    assert str(error("It broke.")) == "It broke."


def test_a_plugins_failure_says_whose_it_is():
    raised = PluginFailed("It broke.", plugin="p", package="q", version="1", traceback="t", remedy="Mend it.")

    assert (raised.plugin, raised.package, raised.version, raised.traceback) == ("p", "q", "1", "t")
    assert str(raised) == "It broke. Mend it."
