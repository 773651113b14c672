"""Models whose layers come from an installed package: one that was just made, and KerasHub."""

import json
import os
import re

import keras
import keras_hub
import numpy as np
import pytest

import core
from benchmarks.serving import ROOT
from tests.models.trusted.saving import run_python

models = keras_hub.models
VOCABULARY = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", *"abcdefghij"]


def command(*arguments, folder, path=""):
    """Run the command line in a process of its own, where nothing is imported yet."""
    return run_python(
        "-m", "core", *map(str, arguments), folder=folder, PYTHONPATH=os.pathsep.join(filter(None, [str(ROOT), path]))
    )


def layers_of(done):
    assert done.returncode == 0, done.stderr
    return {row["key"]: row["type_name"] for row in json.loads(done.stdout)}


def test_a_package_that_was_just_installed(installed):
    folder = installed.parent
    refused = command("layers", "packaged.keras", folder=folder, path=str(installed))
    assert refused.returncode == 1
    assert "The Gate layer 'gate' in packaged.keras" in refused.stderr
    assert "--trust own_package" in refused.stderr

    rows = layers_of(
        command("layers", "packaged.keras", "--json", "--trust", "own_package", folder=folder, path=str(installed))
    )
    assert rows == {"gate": "Gate", "gate/inner": "Dense", "head": "Dense"}


def test_a_package_that_names_its_layers_needs_no_more_and_is_left_out_with_the_plugins(installed, tmp_path):
    for name, module in (("own-layers", "own_package"), ("lost-layers", "lost_package.layers")):
        about = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[layerscope.layers]\n{name} = {module}\n")
    path = os.pathsep.join([str(ROOT), str(installed), str(tmp_path)])
    arguments = ("-m", "core", "layers", "packaged.keras", "--json")
    opened = run_python(*arguments, folder=installed.parent, PYTHONPATH=path)
    assert layers_of(opened) == {"gate": "Gate", "gate/inner": "Dense", "head": "Dense"}

    for left_out in ({"LAYERSCOPE_NO_PLUGINS": "1"}, {"LAYERSCOPE_ALLOWED_PLUGINS": "another"}):
        refused = run_python(*arguments, folder=installed.parent, PYTHONPATH=path, **left_out)
        assert refused.returncode == 1
        assert "--trust own_package" in refused.stderr


def test_the_environment_says_so_too_and_a_picture_is_drawn(project):
    picture = project / "histogram.png"
    arguments = ("chart", "both.keras", "inputs.npy", "tripled", "histogram", "-o", "histogram.png")
    done = run_python(
        "-m", "core", *arguments, folder=project, PYTHONPATH=str(ROOT), LAYERSCOPE_TRUST="own_layers.py,lambda"
    )
    assert done.returncode == 0, done.stderr
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_what_is_trusted_is_inspected_and_extracted_with(project):
    assert command("inspect", "both.keras", folder=project).returncode == 1
    trust = ("--trust", "own_layers.py", "--trust", "lambda")
    assert command("inspect", "both.keras", *trust, folder=project).returncode == 0
    done = command("extract", "both.keras", "inputs.npy", "-o", "values.npz", *trust, folder=project)
    assert done.returncode == 0, done.stderr
    inputs = np.load(project / "inputs.npy")
    with np.load(project / "values.npz") as values:
        np.testing.assert_allclose(values["tripled"], 3 * inputs, rtol=1e-5)
        np.testing.assert_allclose(values["decay"], np.exp(-3 * inputs), rtol=1e-4)


def bert():
    return models.BertBackbone(
        vocabulary_size=len(VOCABULARY),
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=16,
        max_sequence_length=8,
    )


def text_classifier():
    preprocessor = models.BertTextClassifierPreprocessor(models.BertTokenizer(vocabulary=VOCABULARY), sequence_length=8)
    classifier = models.BertTextClassifier(bert(), num_classes=2, preprocessor=preprocessor)
    classifier.compile("adam", "sparse_categorical_crossentropy")
    classifier.fit(["a b c", "d e f"], np.array([0, 1]), batch_size=2, shuffle=False, verbose=0)
    return classifier


def image_classifier():
    backbone = models.ViTBackbone(
        image_shape=(8, 8, 3), patch_size=4, num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=16
    )
    classifier = models.ViTImageClassifier(backbone, num_classes=3)
    classifier.compile("adam", "sparse_categorical_crossentropy")
    classifier.fit(np.ones((4, 8, 8, 3)), np.array([0, 1, 2, 0]), shuffle=False, verbose=0)
    return classifier


TOKENS = {
    "token_ids": np.array([[1, 5, 6, 7, 2, 3, 3, 3], [1, 9, 10, 11, 12, 13, 14, 2]]),
    "padding_mask": np.array([[1] * 5 + [0] * 3, [1] * 8]),
    "segment_ids": np.zeros((2, 8), int),
}


@pytest.mark.parametrize(
    ("make", "inputs"),
    [(bert, TOKENS), (text_classifier, TOKENS), (image_classifier, np.random.default_rng(1).random((2, 8, 8, 3)))],
    ids=["backbone", "text classifier", "image classifier"],
)
def test_keras_hub(tmp_path, make, inputs):
    model = make()
    model.save(tmp_path / "hub.keras")
    # In a process that never heard of KerasHub.
    refused = command("inspect", "hub.keras", folder=tmp_path)
    assert refused.returncode == 1
    assert "--trust keras_hub" in refused.stderr

    opened = core.load_model(tmp_path / "hub.keras", trust=["keras_hub"])
    activations = core.extract(opened, inputs)
    expected = model(inputs)
    expected = expected["pooled_output"] if isinstance(expected, dict) else expected
    last = activations["pooled_dense" if make is bert else list(activations)[-1]]
    np.testing.assert_allclose(last.values, keras.ops.convert_to_numpy(expected), rtol=1e-3, atol=1e-4)

    if make is text_classifier:
        rows = layers_of(command("layers", "hub.keras", "--json", "--trust", "keras_hub", folder=tmp_path))
        # Keras numbers what has no name by what there was before in its process.
        assert {re.sub(r"_\d+\Z", "", key) for key in activations} <= {re.sub(r"_\d+\Z", "", key) for key in rows}
