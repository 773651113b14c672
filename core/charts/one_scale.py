"""Two drawings of one picture on one scale: axes and colours of their Vega-Lite specifications reach equally far.

Where a scale says its domain, both get the union of the two; where it is left to the browser, both get what the data
of both span, zero included where Vega-Lite would include it. What cannot be known here (what the browser computes
first, what a person drags) is left as it is, and said.
"""

from __future__ import annotations

import copy
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeGuard

__all__ = ["on_one_scale", "quantitative_domains", "wide_enough"]

Specification: TypeAlias = dict[str, Any]
_Key: TypeAlias = tuple[Any, ...]
_POSITIONS: Final = ("x", "y")
_COLOURS: Final = ("color", "fill", "stroke")
_CHANNELS: Final = (
    *_POSITIONS,
    *_COLOURS,
    *("size", "opacity", "fillOpacity", "strokeOpacity", "strokeWidth", "shape", "radius"),
)
_ARRANGEMENTS: Final = ("hconcat", "vconcat", "concat")
_FROM_ZERO: Final = ("bar", "area", "point", "circle", "square", "tick", "line", "trail", "rule", "text")
_LINES: Final = ("line", "trail", "area")
_STACKED: Final = ("bar", "area")
_ENDS: Final = ("domain", "domainMin", "domainMax")
_NUMBERS: Final = "quantitative"


@dataclass
class _View:
    """A view that draws marks, with what it takes over from the views around it.

    Attributes:
        mark: What it draws.
        encoding: What of the data it draws by which channel.
        rows: The data.
        is_over_picture: Whether it lies over an image, whose places are pixels.
        layers: By channel, the layer that it is in where each has a scale of its own.
    """

    mark: Mapping[str, Any]
    encoding: dict[str, Any]
    rows: Sequence[Mapping[str, Any]]
    is_over_picture: bool = False
    layers: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass
class _Scale:
    """One scale of a chart: everything in one panel that is drawn by it.

    Attributes:
        channel: Such as ``"x"``.
        uses: The definitions that are drawn by it, each in its view.
    """

    channel: str
    uses: list[tuple[dict[str, Any], _View]] = field(default_factory=list)

    @property
    def title(self) -> str:
        """What it is called on the page."""
        titles = [each.get("title") or each.get("field") for each, _ in self.uses]
        title = next((each for each in titles if each), self.channel)
        return " ".join(title) if isinstance(title, list) else str(title)

    @property
    def type(self) -> str:
        """Type of the first of what is drawn by it."""
        return str(self.uses[0][0].get("type", ""))

    @property
    def settings(self) -> list[Mapping[str, Any]]:
        """What is said of it, by each that says something."""
        return [each["scale"] for each, _ in self.uses if isinstance(each.get("scale"), Mapping)]

    @property
    def domains(self) -> list[Any]:
        """The domains that are said."""
        return [each["domain"] for each in self.settings if each.get("domain") is not None]

    def set(self, **settings: Any) -> None:
        """Say something of it in all that is drawn by it."""
        for each, _ in self.uses:
            if each.get("scale", {}) is None:
                continue
            kept = {name: value for name, value in (each.get("scale") or {}).items() if name not in _ENDS}
            each["scale"] = {**kept, **settings}


def on_one_scale(
    first: Sequence[Specification], second: Sequence[Specification]
) -> tuple[list[Specification], list[Specification], list[str]]:
    """Return two drawings with scales that reach equally far, and what of them could not be brought together.

    Args:
        first: The charts of one drawing; they stay as they are.
        second: The charts of the other, by the same visualizer.

    Returns:
        The charts of both, and the titles of scales that are not on one scale.
    """
    ones, others = [_copy(each) for each in first], [_copy(each) for each in second]
    apart: list[str] = []
    for one, other in zip(ones, others, strict=False):
        scales, matching = _scales(one), _scales(other)
        shared = [key for key in scales if key in matching]
        apart += [scales[key].title for key in shared if not _bring_together(scales[key], matching[key])]
    return ones, others, list(dict.fromkeys(apart))


def wide_enough(specification: Specification) -> Specification:
    """Return a chart whose scales hold all that it draws, as those for probabilities do not hold their differences."""
    chart = _copy(specification)
    for scale in _scales(chart).values():
        said = _numbers(scale) if scale.type == _NUMBERS and scale.domains else None
        spanned = _extremes(scale)
        if said is None or spanned is None or _lies_over_picture(scale):
            continue
        low, high = min(said[0], spanned[0]), max(said[1], spanned[1])
        if (low, high) != said:
            scale.set(domain=[low, high], nice=True)
    return chart


def _copy(specification: Specification) -> Specification:
    """Return a specification of which all but its data can be changed."""
    return {name: part if name == "datasets" else copy.deepcopy(part) for name, part in specification.items()}


def quantitative_domains(specification: Specification) -> dict[tuple[Any, ...], tuple[float, float] | None]:
    """Return from where to where each scale of numbers reaches, by its place in the chart and its channel.

    None where that is not known before the browser has drawn it.
    """
    return {key: _numbers(scale) for key, scale in _scales(specification).items() if scale.type == _NUMBERS}


def _bring_together(one: _Scale, other: _Scale) -> bool:
    """Let two scales reach equally far; return whether they do."""
    if one.type != other.type:
        return False
    if one.type != _NUMBERS:
        return one.channel in _POSITIONS or _unite_names(one, other)
    if one.channel in _POSITIONS and (_lies_over_picture(one) or _lies_over_picture(other)):
        # What an image shows stays where it is.
        return _numbers(one) == _numbers(other)
    first, second = _numbers(one), _numbers(other)
    if first is None or second is None:
        return False
    if first == second and one.domains and other.domains:
        return True
    low, high = min(first[0], second[0]), max(first[1], second[1])
    if not low < high:
        return first == second
    rounded = one.channel in _POSITIONS and not one.domains and not other.domains
    for scale in (one, other):
        scale.set(domain=[low, high], **({"nice": True} if rounded and _may_be_rounded(scale) else {}))
    return True


def _may_be_rounded(scale: _Scale) -> bool:
    return not any("nice" in each for each in scale.settings) and scale.uses[0][0].get("bin") != "binned"


def _unite_names(one: _Scale, other: _Scale) -> bool:
    """Give the same names the same colours."""
    first, second = _names(one), _names(other)
    if first is None or second is None:
        return False
    if first == second:
        return True
    ranges = [
        next((each["range"] for each in scale.settings if isinstance(each.get("range"), list)), None)
        for scale in (one, other)
    ]
    names = [*first, *(name for name in second if name not in first)]
    settings: dict[str, Any] = {"domain": names}
    if ranges[0] is not None and ranges[1] is not None:
        colours = {**dict(zip(second, ranges[1], strict=False)), **dict(zip(first, ranges[0], strict=False))}
        if any(name not in colours for name in names):
            return False
        settings["range"] = [colours[name] for name in names]
    for scale in (one, other):
        scale.set(**settings)
    return True


def _names(scale: _Scale) -> list[Any] | None:
    if scale.domains:
        return list(scale.domains[0]) if isinstance(scale.domains[0], list) else None
    found: dict[Any, None] = {}
    for definition, view in scale.uses:
        if isinstance(definition.get("sort"), list):
            found.update(dict.fromkeys(definition["sort"]))
        if "field" in definition:
            values = _values(definition["field"], view.rows)
            if values is None:
                return None
            found.update(dict.fromkeys(sorted(values, key=str)))
    return list(found)


def _numbers(scale: _Scale) -> tuple[float, float] | None:
    if scale.domains:
        # In three parts and more the middle means something, such as zero.
        if not all(isinstance(domain, list) and len(domain) == 2 for domain in scale.domains):
            return None
        ends = [end for domain in scale.domains for end in domain if _is_number(end)]
        return (min(ends), max(ends)) if len(ends) == 2 * len(scale.domains) else None
    return _extremes(scale)


def _extremes(scale: _Scale) -> tuple[float, float] | None:
    found: list[float] = []
    for definition, view in scale.uses:
        values = _spanned(scale.channel, definition, view)
        if values is None:
            return None
        found += values
    for setting in scale.settings:
        found += [setting[name] for name in ("domainMin", "domainMax") if _is_number(setting.get(name))]
    is_logarithmic = any(setting.get("type") == "log" for setting in scale.settings)
    finite = [value for value in found if math.isfinite(value) and (value > 0 or not is_logarithmic)]
    if not finite:
        return None
    low, high = min(finite), max(finite)
    if not is_logarithmic and any(_begins_at_zero(scale.channel, *use) for use in scale.uses):
        low, high = min(low, 0.0), max(high, 0.0)
    fixed = {name: setting[name] for setting in scale.settings for name in _ENDS if _is_number(setting.get(name))}
    return fixed.get("domainMin", low), fixed.get("domainMax", high)


def _begins_at_zero(channel: str, definition: Mapping[str, Any], view: _View) -> bool:
    said = (definition.get("scale") or {}).get("zero")
    if said is not None:
        return bool(said)
    if channel == "size":
        return True
    kind = str(view.mark.get("type", ""))
    if channel not in _POSITIONS or definition.get("bin") or f"{channel}2" in view.encoding or kind not in _FROM_ZERO:
        return False
    return not (kind in _LINES and channel == "x" and view.encoding.get("y", {}).get("type") == _NUMBERS)


def _spanned(channel: str, definition: Mapping[str, Any], view: _View) -> list[float] | None:
    """Return numbers from the least to the largest of which a scale reaches; None where they are not known here."""
    if (
        definition.get("aggregate")
        or definition.get("timeUnit")
        or definition.get("bin") not in (None, False, "binned")
    ):
        return None
    if "datum" in definition:
        return [definition["datum"]] if _is_number(definition["datum"]) else None
    found = _values(definition.get("field"), view.rows)
    if found is None:
        return None
    second = view.encoding.get(f"{channel}2")
    if isinstance(second, Mapping):
        ends = [second["datum"]] if "datum" in second else _values(second.get("field"), view.rows)
        if ends is None:
            return None
        found += ends
    elif channel in _POSITIONS and view.mark.get("type") in _STACKED and definition.get("stack", True):
        found += _sums(channel, definition, view)
    return [value for value in found if _is_number(value)]


def _sums(channel: str, definition: Mapping[str, Any], view: _View) -> list[float]:
    """Return the ends of bars that stand on one another."""
    parts = [view.encoding.get(name) for name in (*_COLOURS, "detail", "opacity")]
    if not any(isinstance(part, Mapping) and "field" in part for part in parts):
        return []
    across = view.encoding.get("y" if channel == "x" else "x", {}).get("field")
    sums: dict[Any, float] = defaultdict(float)
    for row in view.rows:
        value = row.get(definition["field"])
        if _is_number(value):
            sums[row.get(across), value > 0] += value
    return list(sums.values())


def _values(name: Any, rows: Sequence[Mapping[str, Any]]) -> list[Any] | None:
    """Return the values of a column; None where the data have none, as where the browser computes it."""
    if not isinstance(name, str):
        return None
    plain = name.replace("\\", "")
    if rows and not any(plain in row for row in rows):
        return None
    return [row[plain] for row in rows if row.get(plain) is not None]


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _lies_over_picture(scale: _Scale) -> bool:
    return any(view.is_over_picture for _, view in scale.uses)


def _scales(specification: Specification) -> dict[_Key, _Scale]:
    scales: dict[_Key, _Scale] = {}
    around = _View({}, {}, ())
    for place, view in _views(specification, (), around, specification.get("datasets", {})):
        for channel in _CHANNELS:
            for definition in _definitions(view.encoding.get(channel)):
                if definition.get("scale", {}) is not None:
                    kind = "numbers" if definition.get("type") == _NUMBERS else "names"
                    key = (*place, view.layers.get(channel, ()), channel, kind)
                    scales.setdefault(key, _Scale(channel)).uses.append((definition, view))
    return scales


def _definitions(encoded: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(encoded, dict):
        return
    if "type" in encoded and ("field" in encoded or "datum" in encoded or "aggregate" in encoded):
        yield encoded
    conditions = encoded.get("condition", ())
    for each in [conditions] if isinstance(conditions, dict) else conditions:
        yield from _definitions(each)


def _views(
    part: dict[str, Any], place: _Key, around: _View, datasets: Mapping[str, Any]
) -> Iterator[tuple[_Key, _View]]:
    encoding = {**around.encoding, **part.get("encoding", {})}
    layers = part.get("layer", ())
    is_over_picture = around.is_over_picture or any(_is_picture(each) for each in (part, *layers))
    rows = _rows(part.get("data"), datasets, around.rows)
    for arrangement in _ARRANGEMENTS:
        for number, each in enumerate(part.get(arrangement, ())):
            yield from _views(each, (*place, number), _View({}, encoding, rows), datasets)
    if "spec" in part:
        yield from _views(part["spec"], (*place, "each"), _View({}, encoding, rows), datasets)
    apart = [channel for channel, how in part.get("resolve", {}).get("scale", {}).items() if how == "independent"]
    for number, each in enumerate(layers):
        own = {**around.layers, **{channel: (*around.layers.get(channel, ()), number) for channel in apart}}
        yield from _views(each, place, _View({}, encoding, rows, is_over_picture, own), datasets)
    if "mark" in part:
        mark = part["mark"] if isinstance(part["mark"], dict) else {"type": part["mark"]}
        yield place, _View(mark, encoding, rows, is_over_picture, around.layers)


def _is_picture(part: Mapping[str, Any]) -> bool:
    mark = part.get("mark")
    return isinstance(mark, Mapping) and mark.get("type") == "image" and "url" in mark


def _rows(data: Any, datasets: Mapping[str, Any], around: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    if not isinstance(data, Mapping):
        return around
    values = datasets.get(str(data.get("name")), data.get("values"))
    return values if isinstance(values, list) else []
