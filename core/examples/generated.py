"""Data that a script makes, where no collection of a fitting size has what an example is to show.

What is made follows rules that the person knows, so that one can tell whether a unit has found one of them.
"""

from typing import Final

import numpy as np
from sklearn.datasets import load_digits

__all__ = ["DIRECTIONS", "HOURS_AHEAD", "HOURS_SEEN", "SHAPES", "moving_digits", "shape_scenes", "tide_levels"]

SHAPES: Final = ("background", "circle", "square", "triangle")
DIRECTIONS: Final = ("left", "right", "up", "down")
HOURS_SEEN: Final = 48
HOURS_AHEAD: Final = 24
_SCENE: Final = 32
_FRAMES: Final = 8
_FRAME_SIDE: Final = 16
_DIGIT_SIDE: Final = 8
# Period in hours and amplitude in metres of the strongest tides: M2, S2, N2, K1, O1 (Doodson's constituents).
_TIDES: Final = ((12.4206, 1.2), (12.0, 0.45), (12.6583, 0.25), (23.9345, 0.35), (25.8193, 0.25))


def shape_scenes(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return pictures of circles, squares and triangles, and which shape each pixel belongs to.

    Args:
        count: How many.
        seed: Where the random numbers begin.

    Returns:
        Pictures, shape ``(sample, 32, 32, 3)``, float32, 0 to 1; classes, shape ``(sample, 32, 32)``, int64, each an
        index into :data:`SHAPES`.
    """
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:_SCENE, :_SCENE]
    pictures = np.empty((count, _SCENE, _SCENE, 3), np.float32)
    classes = np.zeros((count, _SCENE, _SCENE), np.int64)
    for picture, mask in zip(pictures, classes, strict=True):
        picture[...] = random.uniform(0.0, 0.45, 3)
        for shape in random.permutation([1, 2, 3])[: random.integers(1, 4)]:
            radius = random.uniform(4.5, 8)
            row, column = random.uniform(radius, _SCENE - 1 - radius, 2)
            down, across = rows - row, columns - column
            inside = {
                1: down**2 + across**2 <= radius**2,
                2: (np.abs(down) <= 0.85 * radius) & (np.abs(across) <= 0.85 * radius),
                3: (down <= 0.8 * radius) & (np.abs(across) <= (down + radius) / 1.8),
            }[int(shape)]
            picture[inside] = random.uniform(0.3, 1.0, 3)
            mask[inside] = shape
        picture += random.normal(0, 0.03, picture.shape).astype(np.float32)
    # In 64 steps, so that the file stays small.
    return np.round(np.clip(pictures, 0, 1) * 63).astype(np.float32) / 63, classes


def tide_levels(hours: int, seed: int) -> np.ndarray:
    """Return the water level of an invented harbour, hour by hour: five tides, and what the wind does to them.

    Returns:
        Metres above the mean, shape ``(hour,)``, float32.
    """
    random = np.random.default_rng(seed)
    time = np.arange(hours)
    phases = random.uniform(0, 2 * np.pi, len(_TIDES))
    tides = sum(
        size * np.cos(2 * np.pi * time / period + phase) for (period, size), phase in zip(_TIDES, phases, strict=True)
    )
    wind = np.zeros(hours)
    pushes = random.normal(0, 0.03, hours)
    for hour in range(1, hours):
        wind[hour] = 0.97 * wind[hour - 1] + pushes[hour]
    return (tides + wind).astype(np.float32)


def moving_digits(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return clips of a handwritten digit that moves a pixel with each frame, and where to.

    Returns:
        Clips, shape ``(sample, 8, 16, 16, 1)``, float32, 0 to 1; directions, shape ``(sample,)``, int64, each an index
        into :data:`DIRECTIONS`.
    """
    random = np.random.default_rng(seed)
    images = load_digits().images / 16.0
    clips = np.zeros((count, _FRAMES, _FRAME_SIDE, _FRAME_SIDE, 1), np.float32)
    directions = np.arange(count) % len(DIRECTIONS)
    random.shuffle(directions)
    free = _FRAME_SIDE - _DIGIT_SIDE
    for clip, direction in zip(clips, directions, strict=True):
        image = images[random.integers(len(images))]
        beside = int(random.integers(free + 1))
        for number, frame in enumerate(clip):
            along = number if direction in (1, 3) else free - number
            row, column = (beside, along) if direction in (0, 1) else (along, beside)
            frame[row : row + _DIGIT_SIDE, column : column + _DIGIT_SIDE, 0] = image
    return clips, directions.astype(np.int64)
