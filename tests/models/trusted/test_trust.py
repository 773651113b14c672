"""Models that use code of their owner's open where somebody trusts it, and nowhere else."""

import base64
import io
import json
import marshal
import zipfile
from functools import partial

import numpy as np
import pytest

import core
from core.errors import CodeNeeded, InputRejected, ModelRefused
from core.models.inspection import inspect_model
from core.models.loading import load_model_file
from core.models.trust import Trust, bundle_of_upload
from core.models.trusted_code import TrustedObjects
from core.workspace.workspace import Workspace
from tests.models.hostile.models import HOSTILE_MODELS
from tests.models.trusted.training import layer

# What each file needs: classes and functions, and layers with code.
NEEDS = {
    "unregistered": ({"Tripled"}, set()),
    "registered": ({"Mixed"}, set()),
    "function": ({"doubled"}, set()),
    "named-lambda": ({"doubled"}, set()),
    "lambda": (set(), {"positive"}),
    "lambda-activation": (set(), {"squared"}),
    "both": ({"Tripled"}, {"decay"}),
    "nested": ({"Tripled"}, set()),
}


@pytest.fixture(autouse=True)
def forgotten():
    """Forget what a test registered: the next one is another person's process."""
    import keras

    registered = keras.saving.get_custom_objects()
    before = dict(registered)
    yield
    registered.clear()
    registered.update(before)


def names(trusted, project):
    classes, lambdas = trusted
    return [*([project / "own_layers.py"] if classes else []), *(["lambda"] if lambdas else [])]


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("name", NEEDS)
def test_a_refusal_names_what_is_needed_and_trust_opens_it(project, name, suffix):
    path = project / f"{name}{suffix}"
    with pytest.raises(CodeNeeded) as refused:
        core.load_model(path)
    assert {each.name for each in refused.value.objects} == NEEDS[name][0]
    assert set(refused.value.lambdas) == NEEDS[name][1]
    assert "--trust" in refused.value.remedy
    assert f"load_model('{path.name}', trust=[" in refused.value.code

    model = core.load_model(path, trust=names(NEEDS[name], project))
    found = model.predict(np.load(project / "inputs.npy"), verbose=0)
    np.testing.assert_allclose(found, np.load(project / f"{name}.npy"), rtol=1e-5)


@pytest.mark.parametrize("name", NEEDS)
def test_a_half_that_is_trusted_is_not_enough(project, name):
    classes, lambdas = NEEDS[name]
    other = ["json", *(["lambda"] if not lambdas else []), *([] if classes else [str(project / "own_layers.py")])]
    with pytest.raises(CodeNeeded) as refused:
        core.load_model(project / f"{name}.keras", trust=other)
    assert {each.name for each in refused.value.objects} == classes
    assert set(refused.value.lambdas) == lambdas


def test_the_refusal_says_that_what_is_trusted_lacks_the_class(project):
    with pytest.raises(CodeNeeded, match="'Tripled' is not in what is trusted: 'json'"):
        core.load_model(project / "unregistered.keras", trust=["json"])


@pytest.mark.parametrize("case", HOSTILE_MODELS, ids=lambda case: case.name)
def test_a_hostile_file_stays_refused_with_trust_of_something_else(project, case, tmp_path):
    path = tmp_path / "model"
    path.write_bytes(case.build())
    trusts = [["json", project / "own_layers.py"], *([["lambda"]] if case.threat != "lambda" else [])]
    for names in trusts:
        objects = TrustedObjects({}, Trust.of(names))
        with pytest.raises(ModelRefused):
            objects.supply(partial(inspect_model, path, allowed=objects.allowed, name="model.bin"))


def test_a_file_is_trusted_by_what_it_holds(project, tmp_path):
    files = [(path.name, path.read_bytes()) for path in (project / "own_layers.py", project / "own_parts.py")]
    trust = Trust(bundles=(bundle_of_upload(files),))
    inputs = np.load(project / "inputs.npy")
    model = load_model_file(project / "unregistered.keras", trust=trust).model
    np.testing.assert_allclose(model.predict(inputs, verbose=0), np.load(project / "unregistered.npy"), rtol=1e-5)

    # Changed and given again, it is the new code that runs, though the class is not in the file that was changed.
    changed = [(name, content.replace(b"factor = 3.0", b"factor = 0.0")) for name, content in files]
    loaded = load_model_file(project / "unregistered.keras", trust=Trust(bundles=(bundle_of_upload(changed),)))
    assert loaded.trusted == ("Tripled of own_layers",)
    assert np.ptp(loaded.model.predict(inputs, verbose=0), axis=0) == pytest.approx(0, abs=1e-6)


def test_what_a_file_imports_from_beside_it_goes_with_it(project):
    (bundle,) = Trust.of([project / "own_layers.py"]).portable().bundles
    assert bundle.modules == ("own_layers",)
    assert [path for path, _ in bundle.files] == ["own_layers.py", "own_parts.py"]


def test_a_module_of_a_package_goes_with_its_package(tmp_path):
    package = tmp_path / "shapes"
    package.mkdir()
    for name in ("__init__", "round", "square"):
        (package / f"{name}.py").write_text("")
    (bundle,) = Trust.of([package / "round.py"]).portable().bundles
    assert bundle.modules == ("shapes.round",)
    assert [path for path, _ in bundle.files] == ["shapes/__init__.py", "shapes/round.py", "shapes/square.py"]


def test_an_installed_module_is_trusted_by_its_name():
    assert Trust.of(["keras_hub"]).portable() == Trust(("keras_hub",))


def test_a_file_whose_name_is_taken(project, tmp_path):
    # Such as layers.py beside a model, where Python knows another module of that name.
    for name in ("own_parts.py", "unregistered.keras"):
        (tmp_path / name).write_bytes((project / name).read_bytes())
    (tmp_path / "json.py").write_bytes((project / "own_layers.py").read_bytes())
    model = core.load_model(tmp_path / "unregistered.keras", trust=[tmp_path / "json.py"])
    found = model.predict(np.load(project / "inputs.npy"), verbose=0)
    np.testing.assert_allclose(found, np.load(project / "unregistered.npy"), rtol=1e-5)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("class Tripled(:", "SyntaxError"),
        ("import nowhere_to_be_found", "No module named 'nowhere_to_be_found'"),
        ("import sys; sys.exit(2)", "SystemExit"),
        ("raise RuntimeError('not today')", "not today"),
    ],
)
def test_code_that_cannot_be_imported_says_so(project, tmp_path, code, says):
    (tmp_path / "own_broken.py").write_text(code)
    with pytest.raises(CodeNeeded, match=says) as refused:
        core.load_model(project / "unregistered.keras", trust=[tmp_path / "own_broken.py"])
    assert "own_broken.py" in refused.value.message
    assert [each.name for each in refused.value.objects] == ["Tripled"]


@pytest.mark.parametrize("name", ["nowhere", "nowhere.py", "./nowhere.py", "no where"])
def test_what_is_not_there_cannot_be_trusted(name):
    with pytest.raises(InputRejected, match=name.replace(".", r"\.")):
        core.load_model("model.keras", trust=[name])


def with_code(path, target, code):
    """Write a model's file with other code in its Lambda layer."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                config = json.loads(content)
                for layer in config["config"]["layers"]:
                    if layer["class_name"] == "Lambda":
                        layer["config"]["function"]["config"]["code"] = code
                content = json.dumps(config).encode()
            new.writestr(name, content)
    return target


@pytest.mark.parametrize("code", ["AAAA", "no base64", base64.b64encode(marshal.dumps([1])).decode(), None])
def test_code_of_another_python_is_told(project, tmp_path, code):
    path = with_code(project / "lambda.keras", tmp_path / "model.keras", code)
    with pytest.raises(ModelRefused, match=r"The code in the layer 'positive' cannot be read by Python 3\.\d+"):
        core.load_model(path, trust=["lambda"])


def test_a_name_that_code_uses_comes_from_what_is_trusted_or_is_told(project, tmp_path):
    code = compile("lambda x: doubled(x) + missing", "cell", "eval").co_consts[0]
    marshalled = base64.b64encode(marshal.dumps(code)).decode()
    path = with_code(project / "lambda.keras", tmp_path / "model.keras", marshalled)
    with pytest.raises(CodeNeeded, match="uses 'doubled', 'missing', which the file does not hold") as refused:
        core.load_model(path, trust=["lambda"])
    assert [each.name for each in refused.value.objects] == ["doubled", "missing"]

    (tmp_path / "own_helpers.py").write_text("missing = 5.0\n\n\ndef doubled(x):\n    return 2 * x\n")
    model = core.load_model(path, trust=["lambda", tmp_path / "own_helpers.py"])
    inputs = np.load(project / "inputs.npy")
    activation = core.extract(model, inputs)["positive"]
    np.testing.assert_allclose(activation.values, inputs * 2 + 5, rtol=1e-5)


def test_a_workspace_says_what_it_trusts(project):
    workspace = Workspace(trust=Trust.of([project / "own_layers.py"]))
    with pytest.raises(CodeNeeded):
        workspace.open_model(project / "both.keras")
    summary = workspace.open_model(project / "both.keras", trust=Trust.of(["lambda"]))
    assert summary.trusted == ("Tripled of own_layers", "code of its own")
    assert workspace.open_example("digits-cnn").trusted == ()


def test_a_model_that_is_a_class_of_its_own_says_what_it_was_built_for(project):
    workspace = Workspace(trust=Trust.of([project / "own_layers.py"]))
    summary = workspace.open_model(project / "subclass.keras")
    assert [(each.shape, each.kind) for each in summary.inputs] == [("6", "vector")]
    assert (summary.output, summary.featured_layer) == ("3 classes", "mixed/inner")
    content = (project / "inputs.npy").read_bytes()
    files = {summary.inputs[0].name: [("inputs.npy", content)]}
    workspace.take_files(files, scaling="unchanged", fit="stretch", invert=False)
    with np.load(io.BytesIO(workspace.activations_file(["head"], False))) as values:
        np.testing.assert_allclose(values["head"], np.load(project / "subclass.npy"), rtol=1e-5)

    summary = workspace.open_model(project / "two-inputs.keras")
    assert [(each.name, each.shape) for each in summary.inputs] == [("a", "6"), ("b", "2")]
    workspace.take_noise(3, 0)
    assert [row.key for row in workspace.layers(0)][:2] == ["left", "right"]


def test_what_is_trusted_for_one_is_not_for_all(project):
    # Both visitors are in one process, where an opened model is kept by the content of its file.
    trusting, other = Workspace(), Workspace()
    trusting.open_model(project / "lambda.keras", trust=Trust.of(["lambda"]))
    with pytest.raises(CodeNeeded):
        other.open_model(project / "lambda.keras")


def test_a_file_cannot_name_itself_into_trust(project, tmp_path):
    # A class that is registered under the word that trusts code, and code in its place.
    (tmp_path / "words.py").write_text(
        "import keras\n\n\n@keras.saving.register_keras_serializable(package='', name='lambda')\n"
        "class Plain(keras.layers.Layer):\n    pass\n"
    )
    with zipfile.ZipFile(project / "lambda.keras") as old, zipfile.ZipFile(tmp_path / "model.keras", "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                config = json.loads(content)
                dense = config["config"]["layers"][-1]
                code = next(layer for layer in config["config"]["layers"] if layer["class_name"] == "Lambda")
                marshalled = code["config"]["function"]["config"]["code"]
                dense["config"]["kernel_initializer"] = {"value": [marshalled, None, None]}
                code |= {"class_name": "Plain", "module": "words", "registered_name": "lambda", "config": {}}
                content = json.dumps(config).encode()
            new.writestr(name, content)
    with pytest.raises(ModelRefused, match=r"a class that did not come with Keras|holds Python code"):
        core.load_model(tmp_path / "model.keras", trust=[tmp_path / "words.py"])


def test_two_classes_of_one_name_are_refused_and_not_mixed_up(project):
    with pytest.raises(ModelRefused, match=r"two classes called 'Block', of pair\.a and pair\.b"):
        core.load_model(project / "pair.keras", trust=[project / "pair"])


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_class_named_like_one_of_keras_takes_nothings_place(project, suffix):
    model = core.load_model(project / f"named{suffix}", trust=[project / "named.py"])
    np.testing.assert_allclose(model(np.ones((1, 2), np.float32)), [[2000.0]])


def test_a_changed_class_that_is_registered_is_the_new_one_and_trust_does_not_outlive_itself(project):
    inputs = np.load(project / "inputs.npy")
    content = (project / "own_layers.py").read_bytes()
    parts = ("own_parts.py", (project / "own_parts.py").read_bytes())

    def opened(code):
        trust = Trust(bundles=(bundle_of_upload([("own_layers.py", code), parts]),))
        return core.extract(load_model_file(project / "registered.keras", trust=trust).model, inputs)["mixed"].values

    before = opened(content)
    after = opened(content.replace(b"ops.relu(self.inner(x))", b"ops.relu(self.inner(x)) + 7.0"))
    np.testing.assert_allclose(after, before + 7, rtol=1e-5)
    with pytest.raises(CodeNeeded):
        core.load_model(project / "registered.keras")


def test_what_stands_elsewhere_is_not_trusted_with_a_file(project, tmp_path, monkeypatch):
    # Imported already, and below the folder of what is trusted.
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "stranger.py").write_text(layer("Tripled", 5))
    (tmp_path / "empty_layers.py").write_text("import keras\n")
    monkeypatch.syspath_prepend(tmp_path / "below")
    __import__("stranger")
    with pytest.raises(CodeNeeded, match="'Tripled' is not in what is trusted"):
        core.load_model(project / "unregistered.keras", trust=[tmp_path / "empty_layers.py"])


def test_a_named_function_that_is_called_with_what_the_file_says_is_code(project, tmp_path):
    with zipfile.ZipFile(project / "named-lambda.keras") as old, zipfile.ZipFile(tmp_path / "m.keras", "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                config = json.loads(content)
                config["config"]["layers"][1]["config"]["arguments"] = {"where": "elsewhere"}
                content = json.dumps(config).encode()
            new.writestr(name, content)
    with pytest.raises(CodeNeeded) as refused:
        core.load_model(tmp_path / "m.keras", trust=[project / "own_layers.py"])
    assert refused.value.lambdas == ("twice",)


def test_a_class_that_cannot_be_made_is_asked_for_again(project, tmp_path):
    (tmp_path / "own_layers.py").write_text(layer("Tripled", 3).replace("call", "__init__"))
    with pytest.raises(CodeNeeded, match="could not be made with Tripled of own_layers: TypeError") as refused:
        core.load_model(project / "unregistered.keras", trust=[tmp_path / "own_layers.py"])
    assert [each.name for each in refused.value.objects] == ["Tripled"]


def test_many_lambdas_are_asked_for_all_the_same(project):
    with pytest.raises(CodeNeeded):
        core.load_model(project / "many.keras")
    model = core.load_model(project / "many.keras", trust=["lambda"])
    np.testing.assert_allclose(model(np.zeros((1, 2), np.float32)), [[60.0, 60.0]])


def test_a_file_that_was_saved_again_is_imported_again(project, tmp_path):
    # In a notebook: the same process, the same second, and as many characters.
    path = tmp_path / "own_layers.py"
    inputs = np.load(project / "inputs.npy")
    for factor in (3, 7):
        path.write_text(layer("Tripled", factor))
        model = core.load_model(project / "unregistered.keras", trust=[path])
        np.testing.assert_allclose(core.extract(model, inputs)["tripled"].values, inputs * factor, rtol=1e-6)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_class_that_was_registered_under_any_text(project, suffix):
    with pytest.raises(CodeNeeded):
        core.load_model(project / f"fancy{suffix}")
    model = core.load_model(project / f"fancy{suffix}", trust=[project / "fancy.py"])
    np.testing.assert_allclose(model(np.ones((1, 2), np.float32)), [[2.0, 2.0]])


def test_the_data_of_a_package_goes_with_it(tmp_path):
    package = tmp_path / "shapes"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "sizes.json").write_text("{}")
    (package / "large.bin").write_bytes(bytes(2_000_000))
    (bundle,) = Trust.of([package]).portable().bundles
    assert [path for path, _ in bundle.files] == ["shapes/__init__.py", "shapes/sizes.json"]
    assert bundle.title("shapes") == "shapes"
