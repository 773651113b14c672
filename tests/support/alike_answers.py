"""Whether two workspaces answer the same, but for rounding."""

import dataclasses
import math
import re


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
    """Assert that two answers hold the same, numbers but for the order in which sums were made, in float32 too."""
    one, other = dict(leaves(one)), dict(leaves(other))
    assert list(one) == list(other)
    for path, value in one.items():
        same = (
            math.isclose(value, other[path], rel_tol=1e-6, abs_tol=1e-9)
            if isinstance(value, float)
            else value == other[path]
        )
        assert same, f"{path}: {value} and {other[path]}"
