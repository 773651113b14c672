"""NIfTI volumes, as scanners' pictures are kept in, to the numbers that a model takes.

Constraints: nibabel, which is not installed with Layerscope, reads the header; the volume's size is looked at there
before its numbers are, and a file that is packed with gzip is unpacked no further than the limits allow.
"""

from __future__ import annotations

import io
import math
import zlib
from typing import Any, Final

import numpy as np

from core.common import file_signatures
from core.common.limits import format_limit, get_limits, raised_by
from core.common.text import safe_name
from core.errors import InputRejected
from core.inputs.checking import misfit
from core.inputs.remedies import fits, shape_text
from core.inputs.spec import InputSpec

__all__ = ["holds_volume", "read_volume"]

_MAGIC: Final = ((344, (b"n+1\0", b"ni1\0")), (4, (b"n+2\0\r\n\x1a\n",)))
_BEGINNING: Final = 540
_SAVE: Final = "Save the numbers with numpy.save: numpy.save('volume.npy', nibabel.load(path).get_fdata())."


def holds_volume(data: bytes) -> bool:
    """Return whether a file's content begins like NIfTI, packed with gzip or not."""
    beginning = data[:_BEGINNING]
    if data.startswith(file_signatures.GZIP):
        try:
            beginning = zlib.decompressobj(wbits=31).decompress(data[:65_536], _BEGINNING)
        except zlib.error:
            return False
    return any(beginning[place : place + len(magic)] == magic for place, magics in _MAGIC for magic in magics)


def read_volume(data: bytes, name: str, spec: InputSpec) -> tuple[np.ndarray, str]:
    """Return a NIfTI volume as one sample of an input, its axes as they are stored, and what was done to it, in words.

    A volume of another size is brought to that of the input, with linear interpolation; its numbers stay in the units
    that the file has, and are rounded for an input of whole numbers. Whether its type holds them,
    :func:`core.inputs.checking.check` finds out.

    Args:
        data: Content of a ``.nii`` or ``.nii.gz`` file.
        name: Name of the file, for messages.
        spec: What the input expects: three axes, or four with a last one of channels.

    Raises:
        InputRejected: If nibabel is not installed, if the file is damaged or too large, or if its axes do not fit.
    """
    name = safe_name(name)
    volume = _loaded(data, name)
    volume = volume[..., 0] if volume.ndim == 4 and volume.shape[3] == 1 else volume
    wanted = spec.shape
    if wanted[-1:] == (1,) and len(wanted) == volume.ndim + 1:
        volume = volume[..., np.newaxis]
    if volume.ndim != len(wanted) or len(wanted) not in (3, 4):
        raise misfit(volume.shape, spec, name)
    before, notes = volume.shape, []
    if not fits(before, wanted):
        volume = _resized(volume, [extent or before[axis] for axis, extent in enumerate(wanted)], name, spec)
        notes.append(f"brought to this size from {shape_text(before[:3])}")
    if spec.is_integer or spec.dtype == "bool":
        # No cast to the input's type here: it would make 24 of -1000 in uint8 without a word.
        whole = np.rint(volume)
        notes += [] if np.array_equal(whole, volume, equal_nan=True) else ["rounded to whole numbers"]
        volume = whole
    return volume, ", ".join(notes)


def _loaded(data: bytes, name: str) -> np.ndarray:
    """Return the numbers in a file, float32, of three axes or more."""
    try:
        import nibabel
    except ImportError as error:
        raise InputRejected(
            f"{name} is a NIfTI volume, and nibabel, which reads those, is not installed here.",
            remedy=f"Install it (pip install nibabel) and start Layerscope again. Or: {_SAVE}",
        ) from error
    content = _unpacked(data, name)
    damaged = InputRejected(f"{name} is a NIfTI volume that could not be read.", remedy=_SAVE)
    kind: Any = nibabel.Nifti2Image if content[4:8] == b"n+2\0" else nibabel.Nifti1Image
    try:
        header = kind.header_class.from_fileobj(io.BytesIO(content), check=True)
        shape, item_size = tuple(map(int, header.get_data_shape())), int(header.get_data_dtype().itemsize)
    except Exception as error:  # nibabel raises many things when a file is damaged
        raise damaged from error
    _check_declared(shape, item_size, len(content), name)
    try:
        return np.asarray(kind.from_bytes(content).dataobj, dtype=np.float32)
    except Exception as error:  # as above
        raise damaged from error


def _check_declared(shape: tuple[int, ...], item_size: int, length: int, name: str) -> None:
    if not 3 <= len(shape) <= 5 or min(shape) < 1:
        raise InputRejected(f"{name} holds {shape_text(shape)}, which is no volume.", remedy=_SAVE)
    if math.prod(shape) * 8 > get_limits().input_bytes:
        raise _too_large(name, f" ({shape_text(shape)})")
    if math.prod(shape) * item_size > length:
        raise InputRejected(
            f"{name} is cut off: it declares {shape_text(shape)}, and holds {length:,} bytes.", remedy="Copy it again."
        )


def _unpacked(data: bytes, name: str) -> bytes:
    if not data.startswith(file_signatures.GZIP):
        return data
    most = int(get_limits().input_bytes)
    unpacking = zlib.decompressobj(wbits=31)
    try:
        content = unpacking.decompress(data, most)
    except zlib.error as error:
        raise InputRejected(f"{name} is damaged.", remedy="Copy it again.") from error
    if unpacking.unconsumed_tail:
        raise _too_large(name, ", unpacked,")
    if not unpacking.eof:
        raise InputRejected(f"{name} is cut off.", remedy="Copy it again.")
    return content


def _resized(volume: np.ndarray, shape: list[int], name: str, spec: InputSpec) -> np.ndarray:
    from scipy.ndimage import zoom

    if len(shape) == 4 and shape[3] != volume.shape[3]:
        raise misfit(volume.shape, spec, name)
    if math.prod(shape) * 8 > get_limits().input_bytes:
        raise _too_large(name, f" as an input of {shape_text(tuple(shape))}")
    factors = [after / before for after, before in zip(shape, volume.shape, strict=True)]
    return zoom(volume, factors, order=1)


def _too_large(name: str, how: str) -> InputRejected:
    limit = get_limits().input_bytes
    return InputRejected(
        f"{name}{how} needs more than {format_limit(limit)} of memory.",
        remedy=f"Give a smaller volume. {raised_by('input_bytes')}",
    )
