"""How the places of a layer's positions follow from those of what went in: by strides, windows and padding.

Only Keras' own layers are taken at their word, only where nothing is computed between them that was not recorded, and
only where as many positions came out as the rule says. What is not known that way has no places, and its steps stay
steps.

Windows: Araujo, Norris and Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks",
https://distill.pub/2019/computing-receptive-fields/. Padding: https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias, TypeGuard

import numpy as np

from core.extraction.axis_places import AxisPlaces

__all__ = ["PlacedAxes", "Places", "is_of_keras", "mel_bands", "places_behind", "places_of_input"]

Places: TypeAlias = "tuple[AxisPlaces | None, ...]"

_ACTIVATIONS: Final = ("keras.src.activations", "keras.src.layers.activations", "keras.src.ops.nn")
"""Where functions come from that work on each step alone; ``keras.ops.flip`` is of another module."""


@dataclass(frozen=True)
class PlacedAxes:
    """The axes of a tensor without that of the samples, channels last: how long each is, and where it lies."""

    extents: tuple[int | None, ...]
    places: Places


@dataclass(frozen=True)
class _Window:
    size: int = 1
    stride: int = 1
    dilation: int = 1
    padding: str = "valid"

    @property
    def reach(self) -> int:
        """How many positions lie between the first and the last that a window sees."""
        return (self.size - 1) * self.dilation

    def over(self, count: int) -> tuple[int, float] | None:
        """Return how many windows there are over so many positions, and where the middle of the first one lies.

        None for a padding that is not known.
        """
        if self.padding == "valid":
            return (count - self.reach - 1) // self.stride + 1, self.reach / 2
        windows = -(-count // self.stride)
        if self.padding == "causal":
            return windows, 0.0
        if self.padding == "same":
            before = max((windows - 1) * self.stride + self.reach + 1 - count, 0) // 2
            return windows, self.reach / 2 - before
        return None


def places_of_input(name: str, extents: Sequence[int | None]) -> PlacedAxes:
    """Return the axes of an input: of ``(time,)`` and ``(time, feature)`` the first one is time.

    Args:
        name: Of the input.
        extents: Of a sample.
    """
    rest = (None,) * (len(extents) - 1)
    time = AxisPlaces("time", name) if len(extents) in (1, 2) else None
    return PlacedAxes(tuple(extents), (time, *rest) if extents else ())


def places_behind(operation: Any, sources: Sequence[PlacedAxes], extents: Sequence[int | None]) -> Places:
    """Return where the positions of a layer's answer lie; empty where that is not known of any axis.

    Args:
        operation: The ``keras.Layer`` or ``keras.Operation``.
        sources: What went into it.
        extents: Of its answer without the sample axis, channels last.
    """
    if not is_of_keras(operation):
        return ()
    rule = _RULES.get(type(operation).__name__)
    if rule is None or not any(any(source.places) for source in sources):
        return ()
    if getattr(operation, "data_format", None) == "channels_first":
        return ()
    source = _agreed(sources, len(extents)) if len(sources) > 1 else sources[0]
    found = rule(operation, source, tuple(extents)) if source else ()
    return found if len(found) == len(extents) and any(found) else ()


def is_of_keras(operation: Any) -> bool:
    """Return whether Keras' own code alone decides which steps an answer is of: a class of one's own may do anything.

    Args:
        operation: The ``keras.Layer`` or ``keras.Operation``, with what it wraps and its activation.
    """
    directions = [getattr(operation, name, None) for name in ("forward_layer", "backward_layer")]
    if not all(type(each).__module__.startswith("keras.") for each in [operation, *directions] if each is not None):
        return False
    activation = getattr(operation, "activation", None)  # a function, or a layer
    return activation is None or str(getattr(activation, "__module__", "")).startswith(_ACTIVATIONS)


def mel_bands(count: int, lowest: float, highest: float) -> np.ndarray:
    """Return the middles of the bands of ``keras.layers.MelSpectrogram`` in hertz, shape ``(band,)``.

    The layer puts them at even distances on the mel scale of HTK, ``1127 ln(1 + f / 700)``, between the edge of the
    lowest and that of the highest band: ``linear_to_mel_weight_matrix`` in ``keras/src/layers/preprocessing/
    mel_spectrogram.py``. The same as ``librosa.mel_frequencies(count + 2, htk=True)[1:-1]``.

    Args:
        count: How many bands there are.
        lowest: Lower edge of the lowest one, in hertz.
        highest: Upper edge of the highest one, in hertz.
    """
    low, high = (1127.0 * math.log1p(edge / 700.0) for edge in (lowest, highest))
    return 700.0 * np.expm1(np.linspace(low, high, count + 2)[1:-1] / 1127.0)


def _agreed(sources: Sequence[PlacedAxes], rank: int) -> PlacedAxes | None:
    """Return the axes of several answers that are brought together: known where all that are no constant agree."""
    if any(len(source.extents) != rank for source in sources):
        return None
    extents, places = [], []
    for axis in range(rank):
        several = [source for source in sources if source.extents[axis] != 1] or list(sources)
        first = several[0]
        is_one = all(
            (each.extents[axis], each.places[axis]) == (first.extents[axis], first.places[axis]) for each in several
        )
        extents.append(first.extents[axis])
        places.append(first.places[axis] if is_one else None)
    return PlacedAxes(tuple(extents), tuple(places))


def _same(operation: Any, source: PlacedAxes, extents: tuple[int | None, ...]) -> Places:
    """Each position of the answer is of the same position of what went in, along every axis that is as long."""
    if len(extents) != len(source.extents):
        return ()
    pairs = zip(source.extents, source.places, extents, strict=True)
    return tuple(place if before == after else None for before, place, after in pairs)


def _but_the_last(operation: Any, source: PlacedAxes, extents: tuple[int | None, ...]) -> Places:
    kept = _same(operation, source, extents)
    return (*kept[:-1], None) if kept else ()


def _first_alone(operation: Any, source: PlacedAxes, extents: tuple[int | None, ...]) -> Places:
    return _per_step(operation, source, extents) if len(extents) == len(source.extents) else ()


def _per_step(operation: Any, source: PlacedAxes, extents: tuple[int | None, ...]) -> Places:
    """What is done to each step alone keeps the steps, whatever becomes of the axes inside."""
    kept = source.places[0] if extents[:1] == source.extents[:1] else None
    return (kept, *[None] * (len(extents) - 1))


def _recurrent(operation: Any, source: PlacedAxes, extents: tuple[int | None, ...]) -> Places:
    inner = getattr(operation, "forward_layer", operation)
    is_apart = getattr(operation, "merge_mode", "") is None
    if is_apart or getattr(inner, "go_backwards", False) or not getattr(inner, "return_sequences", False):
        return ()
    return _first_alone(operation, source, extents)


def _concatenated(operation: Any, source: PlacedAxes, extents: tuple[int | None, ...]) -> Places:
    is_last = getattr(operation, "axis", None) in (-1, len(extents))
    return _but_the_last(operation, source, extents) if is_last else ()


def _windows(operation: Any, source: PlacedAxes, extents: tuple[int | None, ...]) -> Places:
    rank = len(extents) - 1
    if len(source.extents) != rank + 1:
        return ()
    sizes = _each(getattr(operation, "kernel_size", None) or getattr(operation, "pool_size", None), rank)
    strides, dilations = _each(operation.strides, rank), _each(getattr(operation, "dilation_rate", 1), rank)
    windows = [_Window(*each, padding=str(operation.padding)) for each in zip(sizes, strides, dilations, strict=True)]
    found = [
        _window_places(*each)
        for each in zip(windows, source.extents[:-1], source.places[:-1], extents[:-1], strict=True)
    ]
    return (*found, None)


def _window_places(
    window: _Window, before: int | None, places: AxisPlaces | None, after: int | None
) -> AxisPlaces | None:
    if places is None or before is None:
        return None
    found = window.over(before)
    if found is None or found[0] != after:
        return None
    return _moved(places, window.stride, found[1])


def _moved(places: AxisPlaces, times: float, first: float) -> AxisPlaces:
    """Return places whose first one lies at a position of those, and which lie so many times as far apart."""
    return replace(places, step=places.step * times, first=places.first + places.step * first)


def _transposed_windows(operation: Any, source: PlacedAxes, extents: tuple[int | None, ...]) -> Places:
    rank = len(extents) - 1
    if len(source.extents) != rank + 1 or operation.output_padding is not None:
        return ()
    sizes, strides = _each(operation.kernel_size, rank), _each(operation.strides, rank)
    dilations = _each(operation.dilation_rate, rank)
    found: list[AxisPlaces | None] = []
    for axis, (size, stride, dilation) in enumerate(zip(sizes, strides, dilations, strict=True)):
        count, places, reach = source.extents[axis], source.places[axis], (size - 1) * dilation
        is_same = operation.padding == "same"
        # What a convolution from there to here would pad: https://arxiv.org/abs/1603.07285, "Transposed convolution".
        before = max(reach + 1 - stride, 0) // 2 if is_same else 0
        wanted = None if count is None else count * stride + (0 if is_same else max(reach + 1 - stride, 0))
        fits = places is not None and wanted == extents[axis]
        found.append(_moved(places, 1 / stride, (before - reach / 2) / stride) if places and fits else None)
    return (*found, None)


def _stretched(operation: Any, source: PlacedAxes, extents: tuple[int | None, ...]) -> Places:
    """Each position stands several times: UpSampling, and Resizing without a crop, as pixels are laid over pixels."""
    if len(extents) != len(source.extents) or any(
        getattr(operation, name, False) for name in ("crop_to_aspect_ratio", "pad_to_aspect_ratio", "antialias")
    ):
        return ()
    found: list[AxisPlaces | None] = []
    for before, after, places in zip(source.extents[:-1], extents[:-1], source.places[:-1], strict=True):
        times = (before or 0) / (after or 1)
        found.append(_moved(places, times, (times - 1) / 2) if places and times else None)
    return (*found, None)


def _cut(operation: Any, source: PlacedAxes, extents: tuple[int | None, ...]) -> Places:
    """Positions are put before the first, or taken away there: ZeroPadding and Cropping."""
    is_padding = hasattr(operation, "padding")
    sides: Any = operation.padding if is_padding else operation.cropping
    sides = sides if isinstance(sides[0], (tuple, list)) else (sides,)
    if len(extents) != len(source.extents) or len(sides) != len(extents) - 1:
        return ()
    sign = -1 if is_padding else 1
    found: list[AxisPlaces | None] = []
    for (first, last), before, after, places in zip(sides, source.extents, extents, source.places, strict=False):
        fits = before is not None and before - sign * (first + last) == after
        found.append(_moved(places, 1, sign * first) if places and fits else None)
    return (*found, None)


def _reshaped(operation: Any, source: PlacedAxes, extents: tuple[int | None, ...]) -> Places:
    """The same numbers row by row: an axis is kept where the same lies before it, or cut into pieces of one length."""
    if not _are_known(source.extents) or not _are_known(extents) or math.prod(extents) != math.prod(source.extents):
        return ()
    found: list[AxisPlaces | None] = []
    for axis, extent in enumerate(extents):
        inside = math.prod(extents[axis + 1 :])
        found.append(None)
        for before, (count, places) in enumerate(zip(source.extents, source.places, strict=True)):
            inside_before = math.prod(source.extents[before + 1 :])
            is_outermost = count * inside_before == extent * inside
            if places and extent != 1 and is_outermost and inside % inside_before == 0:
                times = inside // inside_before
                found[-1] = _moved(places, times, (times - 1) / 2)
    return tuple(found)


def _are_known(extents: tuple[int | None, ...]) -> TypeGuard[tuple[int, ...]]:
    return None not in extents


def _permuted(operation: Any, source: PlacedAxes, extents: tuple[int | None, ...]) -> Places:
    order = tuple(getattr(operation, "dims", None) or getattr(operation, "axes", None) or ())
    order = order[1:] if len(order) == len(extents) + 1 and order[0] == 0 else order
    if sorted(order) != list(range(1, len(source.extents) + 1)):
        return ()
    return tuple(source.places[axis - 1] for axis in order)


def _short_time_spectrum(layer: Any, source: PlacedAxes, extents: tuple[int | None, ...]) -> Places:
    """Return time and frequencies of ``keras.layers.STFTSpectrogram``: bin k is at k / fft_length cycles a step.

    Of an odd length Keras puts the last bin at half a cycle too (``keras/src/initializers/constant_initializers.py``).
    """
    if len(source.extents) != 2 or source.places[0] is None:
        return ()
    window = _Window(layer.frame_length, layer._frame_step, padding=layer.padding)
    time = _window_places(window, source.extents[0], source.places[0], extents[0])
    count = layer._fft_length // 2 + 1
    bands = tuple(position / max(2 * (count - 1), 1) / source.places[0].step for position in range(count))
    # Of several channels the frequencies of one stand behind those of the other, as the parts of a complex number do.
    is_plain = layer.mode != "stft" and extents[1] == count
    frequency = AxisPlaces("frequency", source.places[0].input, bands=bands) if is_plain else None
    return (time, frequency, *[None] * (len(extents) - 2))


def _mel_spectrum(layer: Any, source: PlacedAxes, extents: tuple[int | None, ...]) -> Places:
    """Return frequencies and time of ``keras.layers.MelSpectrogram``, whose frames have their middles at its strides.

    It pads half a window at both ends by reflection (``keras.ops.stft(center=True)``).
    """
    if len(source.extents) != 1 or len(extents) != 2 or source.places[0] is None:
        return ()
    places, count = source.places[0], source.extents[0]
    hertz = mel_bands(layer.num_mel_bins, layer.min_freq, layer.max_freq)
    bands = tuple((hertz / layer.sampling_rate / places.step).tolist())
    rate = round(layer.sampling_rate * places.step)  # of the input, whose steps are so much shorter
    frequency = AxisPlaces("frequency", places.input, bands=bands, sampling_rate=rate)
    time = replace(_moved(places, layer.sequence_stride, 0), sampling_rate=rate)
    window = _Window(layer.fft_length, layer.sequence_stride)
    frames = None if count is None else window.over(count + 2 * (layer.fft_length // 2))
    is_as_long = frames is not None and frames[0] == extents[1]
    return frequency if extents[0] == len(bands) else None, time if is_as_long else None


def _each(value: Any, rank: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank


_Rule: TypeAlias = Callable[[Any, PlacedAxes, "tuple[int | None, ...]"], Places]


def _rules() -> dict[str, _Rule]:
    rules: dict[_Rule, str] = {
        _same: "Activation ReLU LeakyReLU PReLU ELU Softmax Dropout SpatialDropout1D SpatialDropout2D GaussianDropout "
        "GaussianNoise AlphaDropout ActivityRegularization Identity Masking BatchNormalization LayerNormalization "
        "GroupNormalization UnitNormalization RMSNormalization Normalization Rescaling Add Subtract Multiply Average "
        "Maximum Minimum Divide TrueDivide Relu Relu6 Sigmoid Tanh Gelu Silu Softplus Elu Selu LeakyRelu Exp Log Log10 "
        "Log1p Log2 Sqrt Square Absolute Abs Negative Clip Cast Power",
        _but_the_last: "Dense",
        _per_step: "TimeDistributed",
        _first_alone: "MultiHeadAttention GroupedQueryAttention Attention AdditiveAttention",
        _recurrent: "LSTM GRU SimpleRNN RNN Bidirectional ConvLSTM1D ConvLSTM2D",
        _concatenated: "Concatenate",
        _windows: "Conv1D Conv2D DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D MaxPooling1D "
        "MaxPooling2D AveragePooling1D AveragePooling2D",
        _transposed_windows: "Conv1DTranspose Conv2DTranspose",
        _stretched: "UpSampling1D UpSampling2D Resizing",
        _cut: "ZeroPadding1D ZeroPadding2D Cropping1D Cropping2D",
        _reshaped: "Reshape Flatten ExpandDims Squeeze",
        _permuted: "Permute Transpose",
        _short_time_spectrum: "STFTSpectrogram",
        _mel_spectrum: "MelSpectrogram",
    }
    return {name: rule for rule, names in rules.items() for name in names.split()}


_RULES: Final[Mapping[str, _Rule]] = _rules()
