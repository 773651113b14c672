"""Files that Keras wrote on JAX or PyTorch: they open like any other, and answer what they answered there.

``tests/support/backend_files/make.py`` made them; neither JAX nor PyTorch is needed here.
"""

import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

import core
from core.errors import ModelRefused

FILES = Path(__file__).parents[1] / "support" / "backend_files"
OWN_MODELS = FILES / "own_models.py"
MODELS = [
    *("cnn", "channels_first", "channels_first_everywhere", "recurrent", "attention", "subclassed"),
    *("mixed_bfloat16", "mixed_float16", "operations", "prepared", "words", "quantized"),
]
# A bfloat16 has eight bits, a float16 eleven.
TOLERANCES = {"mixed_bfloat16": 1e-2, "mixed_float16": 1e-3}


def content(backend, name):
    with zipfile.ZipFile(FILES / f"{backend}.zip") as archive:
        return archive.read(name)


def opened(backend, name):
    """Return the model, its samples, and what it answered to them on that backend."""
    with zipfile.ZipFile(FILES / f"{backend}.zip") as archive, archive.open(f"{name}.npz") as stream:
        values = dict(np.load(stream))
    model = core.load_model(content(backend, f"{name}.keras"), name=f"{name}.keras", trust=[OWN_MODELS])
    return model, values["samples"], values["answers"]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_model_answers_what_it_answered_there(backend, name):
    model, samples, answers = opened(backend, name)
    activations = core.extract(model, samples)

    np.testing.assert_allclose(activations.output, answers, rtol=0, atol=TOLERANCES.get(name, 1e-6))
    assert not [layer.key for layer in activations.layers if layer.missing]
    assert backend == "torch" or activations.verify().is_clean


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_random_layers_draw_by_a_seed_in_training(backend):
    model, samples, _ = opened(backend, "recurrent")
    one, same, other = (core.extract(model, samples, training=True, seed=seed).output for seed in (1, 1, 2))

    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_channels_that_are_first_are_shown_last(backend):
    model, samples, _ = opened(backend, "channels_first")
    conv = core.extract(model, samples)["conv"]

    assert conv.axes == ("sample", "height", "width", "channel")
    assert conv.shape == (3, 4, 4, 4)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_what_an_answer_rests_on_where_channels_are_first(backend):
    model, samples, _ = opened(backend, "channels_first")

    (part,) = core.attribute(model, samples, layer="answer", unit=1)
    assert np.abs(part.values).max() > 0


FIRST = {"data_format": "channels_first"}
AS_WIDE_AS_CHANNELS = {
    "Conv1D": ((3, 6), lambda **of: layers.Conv1D(6, 3, padding="same", **of)),
    "Conv2D": ((3, 6, 6), lambda **of: layers.Conv2D(6, 3, padding="same", **of)),
    "Conv2D of one row": ((3, 1, 6), lambda **of: layers.Conv2D(6, 3, padding="same", **of)),
    "Conv3D": ((3, 6, 6, 6), lambda **of: layers.Conv3D(6, 3, padding="same", **of)),
    "DepthwiseConv2D": ((6, 6, 6), lambda **of: layers.DepthwiseConv2D(3, padding="same", **of)),
    "SeparableConv2D": ((3, 6, 6), lambda **of: layers.SeparableConv2D(6, 3, padding="same", **of)),
    "Conv2DTranspose": ((3, 6, 6), lambda **of: layers.Conv2DTranspose(6, 3, padding="same", **of)),
}


@pytest.mark.parametrize("name", AS_WIDE_AS_CHANNELS)
def test_a_bias_is_that_of_its_channel_in_an_image_that_is_as_wide_as_it_has_channels(name, tmp_path):
    shape, make = AS_WIDE_AS_CHANNELS[name]
    layer, other = make(name="first", **FIRST), make(name="last", data_format="channels_last")
    model = keras.Sequential([keras.Input(shape), layer])
    layer.bias.assign(np.arange(6.0))
    other.build((None, *shape[1:], shape[0]))
    other.set_weights(layer.get_weights())
    model.save(tmp_path / "model.keras")
    samples = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    opened = core.load_model(tmp_path / "model.keras")
    found = core.extract(opened, samples)

    expected = other(np.moveaxis(samples, 1, -1))
    np.testing.assert_allclose(found["first"].values, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.moveaxis(opened(samples), 1, -1), expected, rtol=1e-4, atol=1e-5)
    assert found.verify().is_clean


@pytest.mark.parametrize(
    ("backend", "name", "said"),
    [
        ("torch", "torch_module", "The TorchModuleWrapper layer 'own' in torch_module.keras brings"),
        ("jax", "jax_layer", "The JaxLayer layer 'own' in jax_layer.keras brings"),
        ("jax", "flax_layer", "The FlaxLayer layer 'own' in flax_layer.keras brings"),
    ],
)
def test_what_only_that_backend_has_is_refused_with_a_way_on(backend, name, said):
    with pytest.raises(ModelRefused) as refused:
        core.load_model(content(backend, f"{name}.keras"), name=f"{name}.keras", trust=[OWN_MODELS])

    assert refused.value.message.startswith(said)
    assert ("PyTorch" if backend == "torch" else "JAX") in refused.value.message
    assert "the part of the model before it" in refused.value.remedy
    assert f'os.environ["KERAS_BACKEND"] = "{"torch" if backend == "torch" else "tensorflow"}"' in refused.value.code


def test_the_way_on_names_no_layer_that_would_be_code():
    from core.models.foreign_programs import help_with_program

    _, code = help_with_program(frozenset({"TorchModuleWrapper"}), '"); import os; ("')
    assert "import os;" not in code
