"""Whether two workspaces answer the same, but for rounding."""

import base64
import dataclasses
import io
import math
import re

import numpy as np
from PIL import Image

_NUMBER = re.compile(r"[-−]?\d[\d,]*(?:\.\d+)?(?:e[-−]?\d+)?")


def without_hash(value):
    """Return a value, or what charts name data by what it holds without what it holds."""
    return re.sub("^data-[0-9a-f]{32}$", "data", value) if isinstance(value, str) else value


def leaves(answer, path=()):
    """Give each value that an answer holds, and where in it; of what holds others, its type and how many they are."""
    kind = type(answer)
    if dataclasses.is_dataclass(answer):
        answer = {each.name: getattr(answer, each.name) for each in dataclasses.fields(answer) if each.compare}
    if not isinstance(answer, dict | list | tuple):
        yield path, without_hash(answer)
        return
    yield path, (kind, len(answer))
    for key, each in answer.items() if isinstance(answer, dict) else enumerate(answer):
        yield from leaves(each, (*path, without_hash(key)))


def assert_alike(one, other):
    """Assert that two answers hold the same, but for the order in which sums were made, which is up to the processor.

    That are float32 numbers to five digits, numbers in words to the last that is written, and pixels to two of 255
    steps.
    """
    one, other = dict(leaves(one)), dict(leaves(other))
    assert list(one) == list(other)
    for path, value in one.items():
        assert _is_alike(value, other[path]), f"{path}: {value} and {other[path]}"


def _is_alike(value, other):
    if value == other:
        return True
    if isinstance(value, float):
        return math.isclose(value, other, rel_tol=1e-5, abs_tol=1e-6)
    if not (isinstance(value, str) and isinstance(other, str)):
        return False
    if not value.startswith("data:image/"):
        return _NUMBER.sub("#", value) == _NUMBER.sub("#", other) and all(
            math.isclose(_number(first), _number(second), rel_tol=0.011, abs_tol=1e-6)
            for first, second in zip(_NUMBER.findall(value), _NUMBER.findall(other), strict=True)
        )
    first, second = _pixels(value), _pixels(other)
    return first.shape == second.shape and int(np.abs(first - second).max()) <= 2


def _number(written):
    return float(written.replace("−", "-").replace(",", ""))


def _pixels(address):
    content = base64.b64decode(address.partition("base64,")[2])
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"), dtype=np.int16)
