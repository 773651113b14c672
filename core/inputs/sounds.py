"""Sound files to the waveform that a model takes, and back to a file that a browser plays.

Constraints: libsndfile reads a file, which its content has to begin like; how long it is, at which rate and in how many
channels, is looked at before anything is decoded, because a file of some kilobytes can hold hours of silence, and one
that claims gigabytes holds what is there; and no more is decoded than the model takes.
"""

from __future__ import annotations

import io
import math
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from core.common import file_signatures
from core.common.limits import format_limit, get_limits, raised_by
from core.common.text import number_text, safe_name
from core.errors import InputRejected
from core.inputs.remedies import shape_text
from core.inputs.spec import InputSpec

__all__ = [
    "Sound",
    "guessed_rate",
    "holds_sound",
    "layer_rates",
    "may_be_sound",
    "playable",
    "read_sound",
    "takes_sound",
    "with_rate",
]

_RATES: Final = (1_000, 768_000)
# One second of these is what models of speech and sounds are most often made for.
_USUAL_RATES: Final = (8_000, 16_000, 22_050, 44_100, 48_000)
_FINEST: Final = 100_000
_FEWEST: Final = 400
_LONGEST_PLAYED: Final = 4_000_000
_FULL_SCALE: Final = 32_767
_MP3: Final = (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")
# What leaves steps alone where a length is not said, from which that could be told.
_WITHOUT_STEPS: Final = frozenset(
    {"Reshape", "Flatten", "Squeeze", "Rescaling", "Normalization", "Cast", "Identity", "Dropout", "GaussianNoise"}
)
_READABLE: Final = "Save it as WAV with plain numbers (PCM), or as FLAC."


@dataclass(frozen=True)
class Sound:
    """What a sound file holds for one input.

    Attributes:
        values: One sample of the input: the waveform, -1 to 1; or 16-bit numbers where it takes whole ones.
        sampling_rate: How many numbers are a second.
        note: What was done to it, in words.
    """

    values: np.ndarray
    sampling_rate: int
    note: str


@dataclass(frozen=True)
class _Header:
    frames: int
    rate: int
    channels: int


def holds_sound(data: bytes) -> bool:
    """Return whether a file's content begins like WAV, FLAC, Ogg or MP3."""
    if data[:4] in (file_signatures.RIFF, b"RF64"):
        return data[8:12] == b"WAVE"
    # The header of a table may begin with ID3 too.
    return data.startswith((b"fLaC", b"OggS", *_MP3)) and b"\0" in data


def takes_sound(spec: InputSpec) -> bool:
    """Return whether an input may be a waveform: numbers in a row, or in one or two rows beside each other."""
    if spec.dtype in ("string", "bool") or spec.vocabulary_size is not None:
        return False
    shape = spec.shape
    return (len(shape) == 1 and shape[0] != 1) or (len(shape) == 2 and shape[1] in (1, 2) and shape[0] != 1)


def may_be_sound(spec: InputSpec) -> bool:
    """Return whether an input is likely enough a waveform to ask for its rate: hundreds of numbers in a row."""
    return (
        takes_sound(spec)
        and spec.kind not in ("image", "tokens")
        and (spec.shape[0] is None or spec.shape[0] >= _FEWEST)
    )


def guessed_rate(spec: InputSpec) -> int:
    """Return the rate at which an input would be one second long, where that is a usual one; else 0."""
    length = spec.shape[0] if takes_sound(spec) else None
    return length if length in _USUAL_RATES else 0


def layer_rates(model: Any) -> dict[int, int]:
    """Return the sampling rate of inputs whose numbers are what a ``MelSpectrogram`` layer reads, by their position.

    Left out are inputs that a model thins out before, for then the layer's rate is not theirs, and those whose layers
    were made for different rates.
    """
    found: dict[int, set[int]] = {}
    for position, rate in _rates_read(model):
        found.setdefault(position, set()).add(rate)
    return {position: rates.pop() for position, rates in found.items() if len(rates) == 1}


def _rates_read(model: Any) -> Iterator[tuple[int, int]]:
    """Yield the position of an input and the rate of a spectrogram layer that reads it as it is, for each."""
    positions = {id(tensor): position for position, tensor in enumerate(getattr(model, "inputs", None) or ())}
    for layer in getattr(model, "layers", ()):
        is_mel = type(layer).__name__ == "MelSpectrogram" and getattr(layer, "sampling_rate", None)
        rates = [(0, int(layer.sampling_rate))] if is_mel else list(_rates_read(layer))
        for node in getattr(layer, "_inbound_nodes", ()) if rates else ():
            for place, rate in rates:
                source = _read_from(node.input_tensors[place]) if place < len(node.input_tensors) else None
                if id(source) in positions:
                    yield positions[id(source)], rate


def _read_from(tensor: Any) -> Any:
    """Return the input of a graph whose numbers a symbolic tensor holds, each for one; None where that is not known."""
    while (history := getattr(tensor, "_keras_history", None)) is not None:
        operation, number, _ = history
        node = operation._inbound_nodes[number]
        if not node.input_tensors:
            return tensor
        before, length = node.input_tensors[0], tensor.shape[1:2]
        is_plain = type(operation).__name__ in _WITHOUT_STEPS and before.shape[2:] in ((), (1,), tensor.shape[2:])
        if len(node.input_tensors) > 1 or before.shape[1:2] != length or (None in length and not is_plain):
            return None
        tensor = before
    return None


def with_rate(specs: Sequence[InputSpec], rate: int) -> list[InputSpec]:
    """Return inputs with a sampling rate that was said: those likely to be waveforms have it, else those that may be.

    Beside a waveform, a row of twelve numbers is a table's.

    Args:
        specs: What the model expects.
        rate: How many numbers a second are; 0 where nothing was said, which changes none.
    """
    sounds = [spec.name for spec in specs if may_be_sound(spec)] or [spec.name for spec in specs if takes_sound(spec)]
    return [replace(spec, sampling_rate=rate) if rate and spec.name in sounds else spec for spec in specs]


def read_sound(data: bytes, name: str, spec: InputSpec, rate: int = 0) -> Sound:
    """Return a sound file as one sample of an input.

    Channels are averaged for an input of one, and a single one is given twice to an input of two. What is longer than
    the input is cut, and zeros follow what is shorter, as ``keras.utils.audio_dataset_from_directory`` does it.

    Args:
        data: Content of a WAV, FLAC, Ogg or MP3 file.
        name: Name of the file, for messages.
        spec: What the input expects: ``(time,)``, ``(time, 1)`` or ``(time, 2)``.
        rate: How many numbers a second the model takes; 0 takes the sound as it was recorded.

    Returns:
        The sound; ``values`` in the input's shape.

    Raises:
        InputRejected: If it is damaged, too long, of an unusual kind, or if the input takes no sound.
    """
    name = safe_name(name)
    if not takes_sound(spec):
        raise InputRejected(
            f"{name} is a sound, the input '{spec.shown_name}' expects {shape_text((None, *spec.shape))} of "
            f"{spec.dtype}, which is no waveform.",
            remedy="Make of the sound what the model was trained with, such as spectrograms, and save that with "
            "numpy.save.",
        )
    header, waves = _decoded(data, name, spec, rate)
    rate = rate or header.rate
    # Channels first: the filter is linear, and of sixteen that are averaged it would work on all.
    waves = _with_channels(waves, _channels(spec), name)
    if rate != header.rate:
        waves = _resampled(waves, header.rate, rate, name)
    length = spec.shape[0]
    waves = waves if length is None else _of_length(waves, length)
    values = waves if len(spec.shape) == 2 else waves[:, 0]
    if spec.is_integer:
        values = np.rint(values * _FULL_SCALE)
        values = np.clip(values, np.iinfo(spec.numpy_dtype).min, np.iinfo(spec.numpy_dtype).max)
    return Sound(values.astype(spec.numpy_dtype), rate, _in_words(header, rate, length, spec))


def playable(values: np.ndarray, rate: int) -> bytes | None:
    """Return a waveform as a WAV file that a browser plays; None where it is too long to be sent.

    Args:
        values: Shape ``(time,)`` or ``(time, channel)``; what is louder than 1 is brought to 1, whole numbers are taken
            for 16-bit ones.
        rate: How many of them are a second.
    """
    waves: np.ndarray = np.nan_to_num(values.reshape(len(values), -1).astype(np.float32), posinf=0, neginf=0)
    if waves.size * 2 > _LONGEST_PLAYED or not waves.size or waves.shape[1] > 2:
        return None
    waves = waves / _FULL_SCALE if values.dtype.kind in "iu" else waves
    waves = waves / max(float(np.abs(waves).max()), 1.0)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(waves.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.rint(waves * _FULL_SCALE).astype("<i2").tobytes())
    return buffer.getvalue()


def _decoded(data: bytes, name: str, spec: InputSpec, rate: int) -> tuple[_Header, np.ndarray]:
    """Return the waveform that is needed, shape ``(time, channel)``, float32."""
    import soundfile

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            header = _Header(int(file.frames), int(file.samplerate), int(file.channels))
            _check_header(header, name)
            needed = _needed_frames(header, spec, rate)
            _check_memory(min(needed, header.frames) * header.channels, name)
            waves = file.read(min(needed, header.frames), dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise InputRejected(
            f"{name} is a sound that could not be read: it is cut off, damaged, or packed in an unusual way.",
            remedy=_READABLE,
        ) from error
    if not len(waves):
        raise InputRejected(f"{name} is a sound without any length.", remedy="Record or copy it again.")
    return header, waves


def _check_header(header: _Header, name: str) -> None:
    least, most = _RATES
    if not least <= header.rate <= most:
        raise InputRejected(
            f"{name} says that it was recorded at {header.rate:,} Hz; {least:,} to {most:,} Hz are read.",
            remedy=_READABLE,
        )
    if header.channels > 16:
        raise InputRejected(f"{name} has {header.channels} channels, at most 16 are read.", remedy=_READABLE)


def _needed_frames(header: _Header, spec: InputSpec, rate: int) -> int:
    length = spec.shape[0]
    if length is None:
        _check_memory(math.ceil(header.frames * (rate or header.rate) / header.rate) * _channels(spec), "The sound")
        return header.frames
    # The filter of another rate looks a little beyond the end.
    return math.ceil(length * header.rate / (rate or header.rate)) + 64 * (1 + header.rate // (rate or header.rate))


def _check_memory(count: int, what: str) -> None:
    limit = get_limits().input_bytes
    if count * 8 > limit:
        raise InputRejected(
            f"{what} is {number_text(count)} numbers long, more than {format_limit(limit)} of memory.",
            remedy=f"Cut it. {raised_by('input_bytes')}",
        )


def _resampled(waves: np.ndarray, before: int, after: int, name: str) -> np.ndarray:
    from scipy.signal import resample_poly

    common = math.gcd(before, after)
    # The filter is some twenty times as long as the larger of the two, and takes seconds to make.
    if max(before, after) // common > _FINEST:
        raise InputRejected(
            f"{name} was recorded at {before:,} Hz, which cannot be brought to {after:,} Hz in a reasonable time: they "
            "have next to no divisor in common.",
            remedy=f"Save it at {after:,} Hz, or at a usual rate such as 44,100 or 48,000 Hz.",
        )
    return resample_poly(waves, after // common, before // common, axis=0).astype(np.float32)


def _channels(spec: InputSpec) -> int:
    """Return how many channels of a sound are left for an input."""
    return (spec.shape[1] or 1) if len(spec.shape) == 2 else 1


def _with_channels(waves: np.ndarray, channels: int, name: str) -> np.ndarray:
    if channels == waves.shape[1]:
        return waves
    if channels == 1:
        return waves.mean(axis=1, keepdims=True)
    if waves.shape[1] == 1:
        return np.repeat(waves, channels, axis=1)
    raise InputRejected(
        f"{name} has {waves.shape[1]} channels, the input takes {channels}.", remedy="Mix it down to two."
    )


def _of_length(waves: np.ndarray, length: int) -> np.ndarray:
    if len(waves) >= length:
        return waves[:length]
    return np.pad(waves, ((0, length - len(waves)), (0, 0)))


def _in_words(header: _Header, rate: int, length: int | None, spec: InputSpec) -> str:
    seconds = header.frames / header.rate
    told = [f"{number_text(seconds)} s at {header.rate:,} Hz"]
    if rate != header.rate:
        told.append(f"resampled to {rate:,} Hz")
    wanted = _channels(spec)
    if header.channels != wanted:
        told.append("channels averaged" if wanted == 1 else "given to both channels")
    if length is not None and seconds * rate > length + 1:
        told.append(f"cut after {number_text(length / rate)} s")
    elif length is not None and seconds * rate < length - 1:
        told.append("zeros behind its end")
    return ", ".join(told)
