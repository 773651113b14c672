import base64
import io
import re
import wave
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

import core
from core.inputs.model_inputs import input_specs
from core.inputs.sample_context import SampleContext
from core.plugins.registry import Registry
from vizplugins import listen

RATE, LENGTH = 8_000, 2_000
WAVES = np.sin(2 * np.pi * 440 * np.arange(LENGTH) / RATE).astype(np.float32)[None, :, None]


@pytest.fixture(scope="module")
def model():
    waveform = keras.Input((LENGTH, 1), name="waveform")
    same = layers.Conv1D(2, 1, name="same", use_bias=False, kernel_initializer="zeros")(waveform)
    coarse = layers.Conv1D(2, 8, strides=8, name="coarse")(same)
    model = keras.Model(waveform, [same, coarse])
    model.get_layer("same").set_weights([np.float32([[[-3.0, 0.0]]])])
    return model


@pytest.fixture(scope="module")
def registry():
    registry = Registry(discover=False)
    assert registry.register(listen)
    return registry


def answers(model, rate=RATE):
    specs = tuple(replace(spec, sampling_rate=rate) for spec in input_specs(model))
    return core.Extractor(model).extract(WAVES, known=SampleContext(specs=specs))


def sounds(page):
    """Return what is heard by what it is called: rate and numbers."""
    found = {}
    for name, data in re.findall(
        r"<figcaption>(.*?)</figcaption><audio controls src=\"data:audio/wav;base64,(.*?)\"", page.html
    ):
        with wave.open(io.BytesIO(base64.b64decode(data))) as file:
            found[name] = file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return found


def test_a_unit_is_heard_as_loud_as_can_be_beside_what_went_in(model, registry):
    page = registry.draw("listen", answers(model)["same"], {"unit": 0}).panel
    heard = sounds(page)

    assert list(heard) == ["Unit 0 of same", "Input waveform"]
    assert heard["Unit 0 of same"][0] == heard["Input waveform"][0] == RATE
    np.testing.assert_allclose(heard["Unit 0 of same"][1], -heard["Input waveform"][1].astype(int), atol=2)
    assert np.abs(heard["Unit 0 of same"][1]).max() >= 32_766
    assert "0.25 seconds at 8,000 hertz" in page.description


def test_a_unit_that_is_silent_is_refused(model, registry):
    assert "nothing is to be heard" in registry.draw("listen", answers(model)["same"], {"unit": 1}).refusal


def test_which_layers_suit_and_why_not(model, registry):
    def reason(activation):
        return registry.candidates(activation)[0].match.reason

    assert reason(answers(model)["coarse"]) == "needs 3,000 steps a second, this has 1,000"
    assert reason(answers(model, rate=0)["same"]).startswith("needs to know how many steps of the layer are a second")
    assert registry.draw("listen", answers(model, rate=44_100)["coarse"], {}).panel
