"""Films as time: GIF files, and numbered pictures in a folder for each clip, to ``(time, height, width, channel)``.

Constraints: Pillow's reader of GIF alone, as for images. A frame that reaches beyond the canvas enlarges it, so how
large it is is looked at before each frame is decoded, and the pixels of all are added up on the way: counting frames
decodes those before. A film or clip that would not fit into memory is refused at its first frame, and of one that is
longer than the model takes, only the frames that are needed are prepared.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

import numpy as np
from PIL.GifImagePlugin import GifImageFile

from core.common import file_signatures
from core.common.limits import format_limit, get_limits, raised_by
from core.common.text import count_text, safe_name
from core.errors import InputRejected
from core.inputs.picture_files import PictureFiles
from core.inputs.remedies import shape_text
from core.inputs.spec import COLOUR_CHANNELS, InputSpec, value_count

__all__ = ["Clip", "clips_of", "holds_film", "read_clip", "read_film", "takes_films"]

_NUMBER: Final = re.compile(r"(\d+)")
_CANVASES: Final = 20
"""Frames of the largest picture that a film may take to decode."""


@dataclass(frozen=True)
class Clip:
    """The frames of one film among files of pictures.

    Attributes:
        name: What it is called: the folder.
        label: The folder that its folder lies in, where clips lie in several; else empty.
        positions: Of its frames in the files, in the order of their numbers.
    """

    name: str
    label: str
    positions: tuple[int, ...]


def holds_film(data: bytes) -> bool:
    """Return whether a file's content begins like a GIF."""
    return data.startswith(file_signatures.GIF)


def takes_films(spec: InputSpec) -> bool:
    """Return whether an input takes pictures one after another: ``(time, height, width, channel)``."""
    shape = spec.shape
    return len(shape) == 4 and shape[-1] in (*COLOUR_CHANNELS, None) and spec.dtype not in ("string", "bool")


def frame_spec(spec: InputSpec) -> InputSpec:
    """Return what one frame of an input of films has to be."""
    return InputSpec(spec.name, spec.shape[1:], spec.dtype, taken_for="image", data_format="channels_last")


def read_film(
    data: bytes, name: str, spec: InputSpec, picture: Callable[[bytes, str, InputSpec], np.ndarray]
) -> tuple[np.ndarray, str]:
    """Return a GIF as one sample of an input, and what was done to it, in words.

    Frames are spread evenly over the time that the model takes, so that a film that is longer is thinned, and frames of
    one that is shorter stand longer.

    Args:
        data: Content of the file.
        name: Name of the file, for messages.
        spec: What the input expects: ``(time, height, width, channel)``.
        picture: Makes a frame of the content of an image file, such as :meth:`.Preparation.picture`.

    Raises:
        InputRejected: If it is damaged, or too large.
    """
    name = safe_name(name)
    _check_size(spec, name)
    count = _frame_count(data, name)
    chosen = _spread(count, spec.shape[0])
    frames = ((position, picture(content, name, frame_spec(spec))) for position, content in _frames(data, name, chosen))
    return _stacked(frames, chosen, name), _in_words(count, len(chosen))


def clips_of(files: PictureFiles, name: str) -> list[Clip]:
    """Return the clips among files of pictures: those in one folder are one, in the order of their numbers.

    Args:
        files: The files; none is read.
        name: What a clip is called that lies in no folder.

    Raises:
        InputRejected: If a clip has more frames than the limits allow.
    """
    folders: dict[str, list[int]] = {}
    for position, path in enumerate(files.names):
        folders.setdefault(str(PurePosixPath(path).parent), []).append(position)
    above = {folder: PurePosixPath(folder).parent.name for folder in folders}
    are_classes = len(set(above.values())) > 1 and all(above.values())
    most = get_limits().frames
    clips = []
    for folder in sorted(folders, key=_natural):
        positions = sorted(folders[folder], key=lambda position: _natural(files.names[position]))
        called = safe_name(name if folder == "." else folder)
        if len(positions) > most:
            raise _too_many(f"{safe_name(name)}: the clip '{called}'")
        clips.append(Clip(called, above[folder] if are_classes else "", tuple(positions)))
    return clips


def read_clip(
    files: PictureFiles, clip: Clip, spec: InputSpec, picture: Callable[[bytes, str, InputSpec], np.ndarray]
) -> tuple[np.ndarray, str]:
    """Return numbered pictures as one sample of an input, and what was done to them, see :func:`read_film`.

    Raises:
        InputRejected: If one is damaged, or they differ in size and the model does not say which it takes.
    """
    _check_size(spec, f"The clip '{clip.name}'")
    chosen = _spread(len(clip.positions), spec.shape[0])
    frames = (
        (at, picture(files.read(clip.positions[at]), files.names[clip.positions[at]], frame_spec(spec)))
        for at in dict.fromkeys(chosen)
    )
    return _stacked(frames, chosen, clip.name), _in_words(len(clip.positions), len(chosen))


def _check_size(spec: InputSpec, what: str) -> None:
    if None not in spec.shape:
        size = value_count(spec.shape) * 4
        if size > get_limits().input_bytes:
            raise _too_large(what)


def _frame_count(data: bytes, name: str) -> int:
    """Return how many frames a film has, none of which is larger, nor all together, than is decoded."""
    # Not n_frames, which goes through all of them, however many: one takes some ten bytes.
    limits = get_limits()
    film = _opened(data, name)
    count, pixels = 0, 0
    while count <= limits.frames:
        count += 1
        # Each time: a frame that reaches beyond the canvas has enlarged it, and is decoded by the next step only.
        pixels += _canvas(film, name)
        if pixels > _CANVASES * limits.image_pixels:
            raise InputRejected(
                f"{name} has {count:,} frames or more of {shape_text(film.size)} pixels, which is more than is "
                "decoded.",
                remedy=f"Make the film smaller or shorter. {raised_by('image_pixels')}",
            )
        try:
            film.seek(count)
        except EOFError:
            return count
        except Exception as error:  # Pillow's readers raise anything when a file is damaged
            raise _damaged(name) from error
    raise _too_many(name)


def _canvas(film: GifImageFile, name: str) -> int:
    """Return how many pixels a film's canvas has at the frame where it stands, which is not decoded yet."""
    canvas, most = film.width * film.height, get_limits().image_pixels
    if canvas > most:
        raise InputRejected(
            f"{name} has frames of {canvas:,} pixels ({shape_text(film.size)}), at most {most:,} are read.",
            remedy=f"Make the film smaller. {raised_by('image_pixels')}",
        )
    return canvas


def _opened(data: bytes, name: str) -> GifImageFile:
    try:
        return GifImageFile(io.BytesIO(data))
    except Exception as error:  # as below
        raise _damaged(name) from error


def _frames(data: bytes, name: str, chosen: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """Yield position and content of the frames that are wanted, each as a PNG."""
    film = _opened(data, name)
    for position in sorted(set(chosen)):
        try:
            # Frames hold only what changes: those before are decoded on the way.
            film.seek(position)
            buffer = io.BytesIO()
            film.convert("RGBA" if film.has_transparency_data else "RGB").save(buffer, "PNG", compress_level=0)
        except Exception as error:  # as above
            raise _damaged(name) from error
        yield position, buffer.getvalue()


def _spread(count: int, length: int | None) -> list[int]:
    """Return which frames stand for each step of the model's time."""
    return np.rint(np.linspace(0, count - 1, length or count)).astype(int).tolist()


def _stacked(frames: Iterable[tuple[int, np.ndarray]], chosen: Sequence[int], name: str) -> np.ndarray:
    """Return prepared frames, each with its position, as the steps of time; no further than they fit."""
    by_position: dict[int, np.ndarray] = {}
    for position, frame in frames:
        first = next(iter(by_position.values()), frame)
        if frame.shape != first.shape:
            raise InputRejected(
                f"{name} has frames of different sizes, and the model takes any.",
                remedy="Bring them to one size first.",
            )
        if frame.nbytes * len(chosen) > get_limits().input_bytes:
            raise _too_large(name)
        by_position[position] = frame
    return np.stack([by_position[position] for position in chosen])


def _in_words(count: int, length: int) -> str:
    if count == length:
        return count_text(count, "frame")
    return f"{length:,} of {count_text(count, 'frame')}" if length < count else f"{count:,} frames spread over {length}"


def _natural(path: str) -> list[tuple[int, str]]:
    """Return what sorts names as people number them: frame 2 before frame 10."""
    parts = _NUMBER.split(path)
    return [(int(part[:18]), "") if at % 2 else (0, part) for at, part in enumerate(parts)]


def _damaged(name: str) -> InputRejected:
    return InputRejected(
        f"{name} begins like a GIF and could not be read: it is cut off or damaged.", remedy="Copy or save it again."
    )


def _too_many(what: str) -> InputRejected:
    most = get_limits().frames
    return InputRejected(
        f"{what} has more than {most:,} frames.", remedy=f"Cut it, or take every tenth frame. {raised_by('frames')}"
    )


def _too_large(what: str) -> InputRejected:
    limit = get_limits().input_bytes
    return InputRejected(
        f"{what} needs more than {format_limit(limit)} of memory as an input.",
        remedy=f"Give a smaller film. {raised_by('input_bytes')}",
    )
