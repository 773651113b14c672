"""What is read from a model file, and what is refused, before Keras sees it."""

import io
import json
import re
import stat
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest

from core.errors import ModelRefused
from core.models.inspection import inspect_model

DENSE = {"module": "keras.layers", "class_name": "Dense", "config": {"name": "dense"}, "registered_name": None}


def node(class_name, module="keras.layers", registered_name=None, **config):
    return {"module": module, "class_name": class_name, "config": config, "registered_name": registered_name}


def sequential(*layers):
    return node("Sequential", "keras", name="sequential", layers=list(layers))


def keras_file(config, **members):
    """The bytes of a .keras archive; ``members`` replaces or adds files (``metadata_json`` is ``metadata.json``)."""
    content = {"config.json": json.dumps(config), "metadata.json": '{"keras_version": "3.15.1"}'}
    content |= {"model.weights.h5": weights_file()} | {name.replace("_", "."): value for name, value in members.items()}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, value in content.items():
            archive.writestr(name, value)
    return stream.getvalue()


def weights_file(**datasets):
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        for name, values in (datasets or {"kernel": np.arange(64.0)}).items():
            file.create_dataset(name, data=values)
    return stream.getvalue()


def hdf5_file(config, version="2.15.0"):
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = version
        file.create_group("model_weights")
    return stream.getvalue()


def zip_of(*entries):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in entries:
            archive.writestr(name, value)
    return stream.getvalue()


def test_keras_archive():
    file = inspect_model(keras_file(sequential(DENSE, node("TimeDistributed", layer=node("LSTM")))))
    assert (file.kind, file.keras_version, file.is_legacy) == ("keras", "3.15.1", False)
    assert file.class_names == ("Dense", "LSTM", "Sequential", "TimeDistributed")


def test_hdf5():
    file = inspect_model(hdf5_file({"class_name": "Sequential", "config": {"layers": [DENSE]}}))
    assert (file.kind, file.keras_version, file.is_legacy) == ("hdf5", "2.15.0", True)
    assert file.class_names == ("Dense", "Sequential")


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    """Return the graph of a SavedModel that adds one."""
    import tensorflow as tf

    class AddsOne(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
        def serve(self, x):
            return {"y": x + 1}

    folder, module = tmp_path_factory.mktemp("saved"), AddsOne()
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})
    return (folder / "saved_model.pb").read_bytes()


@pytest.mark.parametrize("root", ["", "classifier"])
def test_saved_model_as_zip_and_folder(tmp_path, root, graph):
    prefix = f"{root}/" if root else ""
    file = inspect_model(zip_of((f"{prefix}saved_model.pb", graph), (f"{prefix}keras_metadata.pb", b"")))
    assert (file.kind, file.root, file.is_legacy) == ("saved_model", root, True)
    assert file.graph.signatures == ("serving_default",)
    (tmp_path / root).mkdir(exist_ok=True)
    (tmp_path / root / "saved_model.pb").write_bytes(graph)
    file = inspect_model(tmp_path)
    assert (file.kind, file.root, file.is_legacy) == ("saved_model", root, False)


def test_a_server_may_open_no_saved_models(monkeypatch, graph):
    monkeypatch.setenv("LAYERSCOPE_SAVED_MODELS", "0")
    with pytest.raises(ModelRefused, match="this server opens none") as refused:
        inspect_model(zip_of(("saved_model.pb", graph)))
    assert "LAYERSCOPE_SAVED_MODELS" in refused.value.remedy


def test_the_name_of_a_file_says_nothing(tmp_path):
    path = tmp_path / "model.h5"
    path.write_bytes(keras_file(sequential(DENSE)))
    assert inspect_model(path).kind == "keras"


def test_keras_and_tensorflow_are_not_imported():
    modules = "core.models.inspection, core.models.loading"
    code = f"import sys, {modules}; print({{'keras', 'tensorflow', 'h5py'}} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def numpy_archive():
    stream = io.BytesIO()
    np.savez(stream, a=np.zeros(2))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "looks_like"),
    [
        (b"", "empty"),
        (b"\n<!DOCTYPE html><html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS"),
        (b'{"class_name": "Sequential"}', "JSON"),
        (b"\x1c\x00\x00\x00TFL3....", "TensorFlow Lite file that is cut off"),
        (b'\x40\x00\x00\x00\x00\x00\x00\x00{"weight":', "safetensors"),
        (b"\x80\x02}q\x00", "pickle"),
        (b"\x08\x08\x12\x07pytorch", "ONNX"),
        (b"\x08\x01\x12\xff", "saved_model.pb alone"),
        (b"\x1f\x8b\x08\x00", "archive of another kind"),
        (b"\x93NUMPY\x01\x00", "NumPy array"),
        (b"something else", "no format that Layerscope knows"),
        (zip_of(("archive/data.pkl", b"")), "PyTorch"),
        (zip_of(("notes.txt", b"")), "neither config.json nor saved_model.pb"),
        (numpy_archive(), ".npz"),
    ],
)
def test_other_files_are_told_apart(content, looks_like):
    with pytest.raises(ModelRefused, match=looks_like) as refused:
        inspect_model(content, name="model.bin")
    assert refused.value.message.startswith("model.bin ")
    assert refused.value.remedy


@pytest.mark.parametrize("group", ["layers", "vars", "_layer_checkpoint_dependencies"])
def test_weights_alone(tmp_path, group):
    with h5py.File(tmp_path / "model.weights.h5", "w") as file:
        file.create_group(group)
    with pytest.raises(ModelRefused, match=r"model\.weights\.h5 holds weights only"):
        inspect_model(tmp_path / "model.weights.h5")


@pytest.mark.parametrize("whole", [keras_file(sequential(DENSE)), hdf5_file(sequential(DENSE))])
def test_truncated_files(whole):
    for length in (len(whole) // 3, len(whole) - 40):
        with pytest.raises(ModelRefused, match="cut off or damaged"):
            inspect_model(whole[:length])


def test_a_flipped_bit_in_the_weights():
    numbers = np.arange(64.0).tobytes()
    content = keras_file(sequential(DENSE)).replace(numbers, numbers[:-1] + b"\1")
    with pytest.raises(ModelRefused, match="damaged"):
        inspect_model(content)


LAMBDA = node("Lambda", name="twice")


@pytest.mark.parametrize(
    "config",
    [
        sequential(LAMBDA),
        sequential(sequential(node("TimeDistributed", layer=sequential(LAMBDA)))),
        {"class_name": "Sequential", "config": {"layers": [{"class_name": "Lambda", "config": {}}]}},
        {"class_name": "Sequential", "config": [{"class_name": "Lambda", "config": {}}]},
        sequential(node("Dense", activation={"class_name": "__lambda__", "config": {"value": "4wEAAA=="}})),
        sequential(node("Dense", activation=node("Dense", registered_name="Custom>Lambda"))),
    ],
)
@pytest.mark.parametrize("wrap", [keras_file, hdf5_file])
def test_lambda_is_refused_wherever_it_stands(config, wrap):
    with pytest.raises(ModelRefused, match=r"ambda.* holds Python code") as refused:
        inspect_model(wrap(config), allowed={"Lambda", "Custom>Lambda"})
    # What is spelled as Keras spells it can be trusted; anything else is opened in Python, or not at all.
    assert re.search(r"--trust lambda|layerscope\.show", refused.value.remedy)


def test_the_refusal_names_the_layer():
    with pytest.raises(ModelRefused, match=r"The Lambda layer 'twice' in model\.keras"):
        inspect_model(keras_file(sequential(LAMBDA)), name="model.keras")


@pytest.mark.parametrize("class_name", ["TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"])
def test_programs_of_other_frameworks(class_name):
    with pytest.raises(ModelRefused, match=f"{class_name}.*another framework"):
        inspect_model(keras_file(sequential(node(class_name))))


CUSTOM = [
    node("Mine", None, "package>Mine"),
    node("Mine", "package.layers", "Mine"),
    {"class_name": "package>Mine", "config": {}},
    node("Dense", activation=node("function", "builtins", "function") | {"config": "package>mine"}),
]


@pytest.mark.parametrize("layer", CUSTOM)
def test_custom_classes_need_permission(layer):
    content = keras_file(sequential(layer))
    with pytest.raises(ModelRefused, match="did not come with Keras"):
        inspect_model(content)
    assert inspect_model(content, allowed={"Mine", "package>Mine", "package>mine"}).kind == "keras"


@pytest.mark.parametrize(
    "layer",
    [
        node("Dense", "keras_evil.layers"),
        node("Dense", "os"),
        node("Mine", "os", "other>Mine"),
        node("Dense", ["keras.layers"]),
        node("Dense", activation=node("function", "keras.ops") | {"config": "abs"}),
        node("Dense", activation=node("function", "os") | {"config": "tanh"}),
        node("Dense", activation=node("function", "builtins") | {"config": ["tanh"]}),
    ],
)
def test_a_known_name_does_not_vouch_for_a_foreign_module(layer):
    with pytest.raises(ModelRefused):
        inspect_model(keras_file(sequential(layer)), allowed={"Mine"})


@pytest.mark.parametrize("path", ["../evil", "/evil", "a/../../evil", "c:evil", "a\\evil"])
def test_paths_that_lead_out(path):
    with pytest.raises(ModelRefused, match="leads out of the archive"):
        inspect_model(zip_of(("saved_model.pb", b"\x08\x01"), (path, b"")))


def test_activations_of_keras_need_no_permission():
    tanh = node("function", "builtins", "function") | {"config": "tanh"}
    assert inspect_model(keras_file(sequential(node("Dense", activation=tanh)))).kind == "keras"


def test_symbolic_links():
    link = zipfile.ZipInfo("assets/passwd")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(ModelRefused, match="'assets/passwd' in The file is a symbolic link"):
        inspect_model(zip_of(("saved_model.pb", b"\x08\x01"), (link, b"/etc/passwd")))


def test_duplicate_members():
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = zip_of(("config.json", b"{}"), ("config.json", b"{}"))
    with pytest.raises(ModelRefused, match=r"'config\.json' in The file is there twice"):
        inspect_model(content)


def test_too_many_members(monkeypatch):
    monkeypatch.setattr("core.models.archives.MAXIMUM_ENTRIES", 3)
    with pytest.raises(ModelRefused, match="holds 4 files"):
        inspect_model(zip_of(*((f"assets/{index}", b"") for index in range(4))))


def test_too_large_when_unpacked(monkeypatch):
    monkeypatch.setenv("LAYERSCOPE_UNPACKED_BYTES", "1000000")
    with pytest.raises(ModelRefused, match=r"unpacks to 2,000,\d\d\d bytes"):
        inspect_model(zip_of(("saved_model.pb", b"\x08\x01"), ("variables", bytes(2_000_000))))


def test_a_size_that_is_declared_falsely():
    size = 3_000_000
    content = zip_of(("saved_model.pb", b"\x08\x01"), ("variables", bytes(size)))
    assert content.count(size.to_bytes(4, "little")) == 2
    with pytest.raises(ModelRefused):
        inspect_model(content.replace(size.to_bytes(4, "little"), (10).to_bytes(4, "little")))


def test_a_configuration_that_is_a_bomb():
    with pytest.raises(ModelRefused, match=r"config\.json .* is larger than"):
        inspect_model(zip_of(("config.json", b" " * (33 << 20)), ("model.weights.h5", b"")))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, "too deeply nested"),
        ('{"class_name": "Sequential", "config": {}, "config": {}}', "a key twice"),
        ('{"class_name": "Sequential", "config": {}}'.encode("utf-16"), "not readable as JSON"),
        ("[]", "not a JSON object"),
        ("{}", "describes no model"),
        (json.dumps(sequential(*[[]])).replace("[]", "[" * 300 + "]" * 300), "too deeply nested"),
    ],
)
def test_configurations_that_are_none(text, reason):
    with pytest.raises(ModelRefused, match=reason):
        inspect_model(keras_file({}, config_json=text))


def test_several_saved_models():
    with pytest.raises(ModelRefused, match="several SavedModels: a, b"):
        inspect_model(zip_of(("a/saved_model.pb", b"\x08\x01"), ("b/saved_model.pb", b"\x08\x01")))


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(ModelRefused, match=r"is empty: it holds no saved_model\.pb"):
        inspect_model(tmp_path)


def test_a_path_that_does_not_exist(tmp_path):
    with pytest.raises(ModelRefused, match=r"nothing\.keras cannot be read"):
        inspect_model(tmp_path / "nothing.keras")
