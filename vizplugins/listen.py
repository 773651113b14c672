"""A unit of a model of sounds, to be heard: the player that an input has, for what a layer makes of it."""

import base64
from html import escape

import numpy as np

from vizplugins import (
    Activation,
    Handles,
    Options,
    Panel,
    PanelPage,
    Refusal,
    SampleIndex,
    UnitIndex,
    charts,
    hookimpl,
    playable,
)

_LOWEST_RATE = 3_000
"""What browsers play."""
_MOST_STEPS = 1_000_000
"""Two sounds of so many take 5 MB of the page."""
_HEIGHT = 200


def _rate_of(activation: Activation) -> int:
    """Return how many steps of the layer are a second; 0 where that is not known."""
    ruler = charts.ruler_of(activation)
    return round(1 / float(np.median(np.diff(ruler.values)))) if ruler is not None else 0


def _why_not(activation: Activation) -> str:
    """Return why the layer cannot be heard; empty if it can."""
    rate = _rate_of(activation)
    if not rate:
        return "needs to know how many steps of the layer are a second, as of a sound whose rate is said"
    return "" if rate >= _LOWEST_RATE else f"needs {_LOWEST_RATE:,} steps a second, this has {rate:,}"


class ListenOptions(Options):
    """Whose answer is heard."""

    sample: SampleIndex = 0
    unit: UnitIndex | None = None


class Listen(Panel):
    """What a unit makes of the sound, to be heard beside what went in."""

    name, title = "listen", "Listen"
    handles = Handles(axes=("sample", "time", "unit"), dtypes=("number",), when=_why_not)
    Options = ListenOptions
    how_to_read = (
        "A unit that is a filter lets through a part of the sound: hiss, a hum, the beginnings of words. Compare with "
        "what went in."
    )
    limitations = (
        "As loud as it can be whatever its numbers are, and moved to a mean of zero: loudness tells nothing. A layer "
        "that takes strides has lost what is above half its rate, and what an activation function cut off is heard as "
        "noise."
    )

    def page(self, activation: Activation, options: ListenOptions) -> PanelPage | Refusal:
        """Show two players under each other."""
        unit = charts.shown_unit(activation, options.sample, options.unit)
        wave = activation.sample(options.sample).values[:, unit].astype(np.float32)
        rate = _rate_of(activation)
        sounds = {f"Unit {unit} of {activation.key}": (wave, rate), **_inputs(activation, options.sample)}
        players = {name: _player(*sound) for name, sound in sounds.items()}
        if not players[f"Unit {unit} of {activation.key}"]:
            return Refusal(f"Unit {unit} answers the same all the time: nothing is to be heard.")
        figures = "".join(
            f"<figure><figcaption>{escape(name)}</figcaption>{player}</figure>"
            for name, player in players.items()
            if player
        )
        seconds = len(wave) / rate
        return PanelPage(
            f"<style>figure{{margin:0 0 12px}}audio{{width:100%;max-width:480px}}</style>{figures}",
            f"Unit {unit} of {activation.key} as a sound of {seconds:.3g} seconds at {rate:,} hertz, and what went in.",
            _HEIGHT,
        )


def _inputs(activation: Activation, sample: int) -> dict[str, tuple[np.ndarray, int]]:
    """Return the sounds that went in, each with its rate, by what they are called."""
    specs = {spec.name: spec for spec in activation.context.specs}
    sounds = {}
    for name, array in activation.context.inputs.items():
        spec = specs.get(name)
        if spec is not None and spec.sampling_rate and array.ndim in (2, 3) and array.dtype.kind in "iuf":
            sounds[f"Input {name}"] = (np.asarray(array[sample]).reshape(array.shape[1], -1)[:, 0], spec.sampling_rate)
    return sounds


def _player(wave: np.ndarray, rate: int) -> str:
    """Return a player of a waveform as HTML; empty where nothing is to be heard."""
    wave = np.nan_to_num(wave[:_MOST_STEPS].astype(np.float32), posinf=0, neginf=0)
    wave = wave - wave.mean() if wave.size else wave
    loudest = float(np.abs(wave).max(initial=0))
    sound = playable(wave / loudest, rate) if loudest else None
    if sound is None:
        return ""
    return f'<audio controls src="data:audio/wav;base64,{base64.b64encode(sound).decode()}"></audio>'


@hookimpl
def panels() -> list[Panel]:
    """Return the panel."""
    return [Listen()]
