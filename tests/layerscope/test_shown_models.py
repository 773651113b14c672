"""Models in memory, opened in a workspace."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.errors import ExtractionFailed, InputRejected
from core.workspace.shown_models import ShownModels
from core.workspace.workspace import Workspace
from tests.layerscope.models import Pictures, Sum, pictures

NAMES = ("round", "square", "else")


@pytest.fixture
def models():
    return ShownModels()


@pytest.fixture
def workspace(models):
    return Workspace(shown=models)


def values(workspace, layer, sample=0):
    """Return the numbers of a layer as a person would save them."""
    workspace.layers(sample)
    return workspace.activation_file(layer, sample, "csv")


def test_a_subclassed_model_opens_with_its_samples(models, workspace):
    model, given = Pictures(), pictures()
    models.add(model, given, np.arange(12) % 3, NAMES)
    summary = workspace.open_shown("pictures")

    assert summary.inputs[0].kind == "image"
    assert (summary.output, summary.featured_layer) == ("3 classes", "convolution")
    assert summary.parameter_count == model.count_params()
    assert [row.key for row in workspace.layers(0)] == ["convolution", "doubling", "pooling", "scores"]
    answer = workspace.answer(4)
    expected = np.asarray(model(given[4:5]))[0]
    assert answer.best == NAMES[int(expected.argmax())]
    assert answer.true_label == NAMES[1]
    assert answer.probability == pytest.approx(float(expected.max()), abs=1e-6)
    assert workspace.shown_models()[0].about_samples == "12 samples"
    pictures_of_layer = workspace.visualizers("convolution", 0)
    assert not workspace.chart("convolution", pictures_of_layer[0].name, {}, 0).failure


def test_it_can_be_explained_searched_compared_and_given_noise(models, workspace):
    models.add(Pictures("one"), pictures(), np.arange(12) % 3, NAMES)
    models.add(Pictures("two"), pictures())
    workspace.open_shown("one")

    assert set(workspace.health().layers) == {"convolution", "doubling", "pooling", "scores"}
    assert workspace.compare_with_shown("two").name == "two"
    assert workspace.comparison().layers
    assert workspace.maximize("convolution", 0, {"starts": 1}, 0, 2, 30.0)
    workspace.take_input_as("input_0", "array")
    workspace.take_noise(3, 0)
    assert len(workspace.sample_names) == 3
    workspace.answer(2)
    workspace.take_shown_samples()
    assert len(workspace.sample_names) == 12


def test_one_that_was_trained_on_shows_its_weights_of_now(models, workspace):
    model, given = Pictures(), pictures()
    assert models.add(model, given).version == 1
    workspace.open_shown("pictures")
    before = values(workspace, "scores")
    model.compile(keras.optimizers.SGD(1.0), "sparse_categorical_crossentropy")
    model.fit(given, np.zeros(12), epochs=3, verbose=0)
    assert values(workspace, "scores") == before

    assert models.add(model, given).version == 2
    workspace.open_shown("pictures")
    assert values(workspace, "scores") != before
    assert workspace.answer(0).probability == pytest.approx(float(np.max(model(given[:1]))), abs=1e-6)
    assert [each.version for each in workspace.shown_models()] == [2]


def test_samples_that_are_many_are_cut_and_it_says_so(models):
    dataset = tf.data.Dataset.from_tensor_slices((pictures(), np.arange(12) % 3)).batch(4)
    entry = models.add(Pictures(), dataset, most=6)
    assert entry.about_samples == "The first 6 samples of the tf.data.Dataset"
    assert entry.samples.labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert models.add(entry.model, pictures(), most=5).about_samples == "The first 5 of 12 samples"


@pytest.mark.parametrize("by_name", [False, True])
def test_several_inputs(models, workspace, by_name):
    first, second = np.ones((5, 3), "float32"), np.full((5, 3), 2.0, "float32")
    model = Sum()
    models.add(model, {"first": first, "second": second} if by_name else [first, second])
    summary = workspace.open_shown("sum")

    assert [each.name for each in summary.inputs] == (["first", "second"] if by_name else ["input_0", "input_1"])
    assert [row.key for row in workspace.layers(0)] == ["dense", "dense#2"]


def test_noise_where_no_samples_were_given(models, workspace):
    functional = keras.Sequential([keras.Input((6,)), keras.layers.Dense(2, name="dense")], name="functional")
    built = Pictures("built")
    built(pictures())
    for model in (functional, built):
        models.add(model)
        workspace.open_shown(model.name)
        assert workspace.sample_names == ()
        with pytest.raises(InputRejected, match="No samples came with this model"):
            workspace.take_shown_samples()
        workspace.take_noise(2, 0)
        workspace.answer(1)


def test_names(models, workspace):
    one, two = Pictures("same"), Pictures("same")
    for model in (one, two, one):
        models.add(model, pictures())
    assert [each.name for each in models.summaries] == ["same", "same (2)"]
    models.add(two, pictures(), name="other")
    assert {each.name for each in models.summaries} == {"same", "other"}
    models.remove(one)
    with pytest.raises(InputRejected, match="No model is shown under the name 'same'"):
        workspace.open_shown("same")
    assert (models.has(one), models.has(two)) == (False, True)


def test_what_cannot_be_shown_says_why_and_leaves_what_is_shown(models):
    model = Pictures()
    models.add(model, pictures())
    with pytest.raises(InputRejected, match="no Keras model, but str"):
        models.add("model.keras")
    with pytest.raises(InputRejected, match="does not say what it takes") as refusal:
        models.add(Pictures("unbuilt"))
    assert "layerscope.show(model, inputs)" in refusal.value.remedy
    with pytest.raises(ExtractionFailed):
        models.add(Pictures("broken"), np.zeros((4, 3), "float32"))
    assert [each.name for each in models.summaries] == ["pictures"]


def test_the_code_of_a_chart_runs_where_the_model_is(models, workspace, tmp_path, monkeypatch):
    model = Pictures()
    models.add(model, pictures())
    workspace.open_shown("pictures")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inputs.npz").write_bytes(workspace.inputs_file())
    names = {"model": model}
    code = workspace.code("convolution", "feature-maps", {}, 0)
    exec(code, names)

    assert "layerscope.show" in code
    assert list(names["activations"]) == ["convolution", "doubling", "pooling", "scores"]
