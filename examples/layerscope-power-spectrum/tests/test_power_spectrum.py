import numpy as np
import pytest
from layerscope_power_spectrum import PowerSpectrum

CONV = ("Conv1D", "BaseConv", "Layer")


@pytest.fixture
def registry(empty_registry):
    assert empty_registry.register(PowerSpectrum())
    return empty_registry


def spectrum(registry, activation, **options):
    chart = registry.chart("power-spectrum", activation, **options).to_dict()
    (rows,) = chart["datasets"].values()
    return {row["frequency"]: row["power"] for row in rows if row["of"] == "this unit"}, chart


def test_it_passes_every_check_of_layerscope(check_visualizer):
    check_visualizer(PowerSpectrum())


def test_a_rhythm_is_found_at_its_frequency(registry, make_activation):
    time = np.arange(64)
    values = np.stack([np.sin(2 * np.pi * time / 8), np.sin(2 * np.pi * time / 4)], axis=1)[None]
    for unit, period in ((0, 8), (1, 4)):
        power, chart = spectrum(registry, make_activation(values, bases=CONV), unit=unit)

        assert max(power, key=power.get) == pytest.approx(1 / period)
        assert f"strongest every {period} timesteps" in str(chart["title"])


@pytest.mark.parametrize("steps", [64, 65])
def test_without_a_window_all_power_together_is_the_variance(registry, make_activation, steps):
    values = np.random.default_rng(0).normal(3, 2, (1, steps, 1))
    power, _ = spectrum(registry, make_activation(values, bases=CONV), window="none", logarithmic=False)

    assert sum(power.values()) == pytest.approx(values.var(), rel=1e-9)


def test_what_stands_still_has_no_power(registry, make_activation):
    power, chart = spectrum(registry, make_activation(np.full((1, 16, 1), 7.0), bases=CONV))

    assert max(power.values()) <= 1e-12
    assert "does not change" in str(chart["title"])


@pytest.mark.parametrize(
    ("values", "reason"), [(np.zeros((1, 7, 1)), "7 timesteps are too few"), (np.full((1, 9, 1), np.nan), "NaN")]
)
def test_what_has_no_spectrum_is_refused_with_the_reason(registry, make_activation, values, reason):
    assert reason in registry.draw("power-spectrum", make_activation(values, bases=CONV)).refusal


def test_masked_timesteps_are_left_out(registry, make_activation):
    mask = np.arange(24)[None] < 16
    values = np.sin(np.arange(24) * np.pi / 2)[None, :, None] + 100 * ~mask[..., None]
    power, chart = spectrum(registry, make_activation(values, bases=CONV, mask=mask))

    assert "16 timesteps" in str(chart["title"])
    assert max(power, key=power.get) == pytest.approx(0.25)


def test_which_layers_suit(registry, make_activation):
    assert registry.publish(make_activation("sample time unit", bases=("LSTM", "RNN", "Layer")))
    (candidate,) = registry.candidates(make_activation("sample time unit", bases=("Dense", "Layer")))
    assert candidate.match.reason == "takes RNN, Bidirectional or Conv1D layers, this is Dense"
