"""What a chart shows, in words: what a screen reader says in its place."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from core.common.text import count_text, sentence

__all__ = ["description_of"]

_LONGEST: Final = 600
_QUANTITATIVE: Final = "quantitative"
_IN_SECONDS: Final = "Time (s)"
_POINTS: Final = ("point", "circle", "square")
_MOST_TEXTS: Final = 12


class _View(NamedTuple):
    """A view of a Vega-Lite chart that draws marks, with what it takes over from the views around it."""

    mark: str
    encoding: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]


class _Strongest(NamedTuple):
    """The value that is furthest from zero, and the row that it is from."""

    value: float
    row: Mapping[str, Any]


def description_of(specification: Mapping[str, Any], caption: str = "") -> str:
    """Return what a chart shows and its key numbers, in a few sentences.

    What its author says of it (``description``) is taken as it is. Else it is made of the caption, the titles and
    subtitles, the titles of the axes, and of the data: how many values, from where to where, and the one that is
    furthest from zero.

    Args:
        specification: Vega-Lite, the data inside.
        caption: What stands above the chart.
    """
    said = specification.get("description")
    if isinstance(said, str) and said.strip():
        return _joined([caption, said])
    datasets = specification.get("datasets", {})
    return _joined([caption, *_sentences(specification, {}, [], datasets)])


def _sentences(
    view: Mapping[str, Any], encoding: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], datasets: Mapping[str, Any]
) -> Iterator[str]:
    yield from _titles(view.get("title"))
    encoding = {**encoding, **view.get("encoding", {})}
    rows = _rows(view.get("data"), datasets, rows)
    for arrangement in ("hconcat", "vconcat", "concat"):
        for part in view.get(arrangement, ()):
            yield from _sentences(part, encoding, rows, datasets)
    if "spec" in view:
        yield from _sentences(view["spec"], encoding, rows, datasets)
    if "mark" in view or "layer" in view:
        yield _numbers([*_marks(view, encoding, rows, datasets)])


def _marks(
    view: Mapping[str, Any], encoding: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], datasets: Mapping[str, Any]
) -> Iterator[_View]:
    encoding = {**encoding, **view.get("encoding", {})}
    rows = _rows(view.get("data"), datasets, rows)
    for layer in view.get("layer", ()):
        yield from _marks(layer, encoding, rows, datasets)
    mark = view.get("mark")
    if mark:
        yield _View(mark["type"] if isinstance(mark, dict) else mark, encoding, rows)


def _titles(title: Any) -> Iterator[str]:
    named = title if isinstance(title, dict) else {"text": title}
    for name, between in (("text", " "), ("subtitle", ". ")):
        lines = named.get(name)
        if isinstance(lines, str):
            yield lines
        elif isinstance(lines, list):
            yield between.join(map(str, lines))


def _rows(data: Any, datasets: Mapping[str, Any], around: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    if not isinstance(data, dict):
        return around
    rows = datasets.get(data["name"], ()) if "name" in data and "values" not in data else data.get("values", ())
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else ()


def _numbers(views: Sequence[_View]) -> str:
    told = [(view, channel) for view in views for channel in [_measured(view)] if channel]
    if not told:
        return _texts(views)
    # Lines, bars and cells before the texts and rings that are drawn over some of them.
    view, channel = max(told, key=lambda each: len(each[0].rows))
    field = view.encoding[channel]["field"]
    strongest = _strongest(view.rows, field)
    if strongest is None:
        return ""
    values = [value for row in view.rows if (value := _finite(row.get(field))) is not None]
    if view.mark in _POINTS and channel == "y":
        return _joined([*_axes(view), count_text(len(values), "point")])
    where = _place(view, channel, strongest.row)
    return _joined([*_axes(view), _range(_title_of(view.encoding[channel]) or field, values, strongest, where)])


def _texts(views: Sequence[_View]) -> str:
    """Return the first words of a chart that draws no numbers, such as the names under pictures."""
    for view in views:
        field = view.encoding.get("text", {}).get("field")
        if view.mark == "text" and field:
            texts = [row[field] for row in view.rows if row.get(field) not in (None, "")]
            words = [each if (number := _finite(each)) is None else f"{number:.3g}" for each in texts[:_MOST_TEXTS]]
            return f"{', '.join(map(str, words))}{', …' if len(texts) > _MOST_TEXTS else ''}"
    return ""


def _range(title: str, values: Sequence[float], strongest: _Strongest, where: str) -> str:
    low, high = min(values), max(values)
    if len(values) == 1 or low == high:
        return f"{title}: {count_text(len(values), 'value')}, {low:.3g}"
    name = "largest" if strongest.value == high else "furthest from zero"
    at = f"; {name}: {strongest.value:.3g} at {where}" if where else ""
    return f"{title}: {len(values):,} values from {low:.3g} to {high:.3g}{at}"


def _measured(view: _View) -> str:
    """Return the channel that holds what is measured, as against where it stands; empty if there is none."""
    encoding = view.encoding
    x, y = (_is_quantitative(encoding.get(channel)) for channel in ("x", "y"))
    is_cell = view.mark == "rect" and "x2" in encoding and "y2" in encoding
    if (is_cell or not (x or y)) and _is_quantitative(encoding.get("color")):
        return "color"
    if is_cell or view.mark in ("text", "image", "rule", "tick"):
        return ""
    if x and not y:
        return "x"
    return "y" if y else ""


def _is_quantitative(channel: Any) -> bool:
    return isinstance(channel, dict) and channel.get("type") == _QUANTITATIVE and isinstance(channel.get("field"), str)


def _strongest(rows: Sequence[Mapping[str, Any]], field: str) -> _Strongest | None:
    values = ((_finite(row.get(field)), row) for row in rows)
    return max(
        (_Strongest(value, row) for value, row in values if value is not None),
        key=lambda each: abs(each.value),
        default=None,
    )


def _finite(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None


def _place(view: _View, channel: str, row: Mapping[str, Any]) -> str:
    across = [view.encoding.get(other) for other in ("x", "y") if other != channel]
    named = [*across, *_tooltips(view)] if channel != "color" else _tooltips(view)
    measured = view.encoding[channel]["field"]
    parts: dict[str, str] = {}
    for each in named:
        field = each.get("field") if isinstance(each, dict) else None
        if not isinstance(field, str) or field == measured or field in parts or row.get(field) is None:
            continue
        # Where an axis says seconds, its field is the number of the step.
        value = row.get("seconds", row[field]) if _title_of(each) == _IN_SECONDS else row[field]
        number = _finite(value)
        # Beside what tells the row from others, a tooltip says more of it; the first two are enough.
        if field in ("minimum", "mean", "maximum", "zeros", "image") or len(parts) == 2:
            continue
        parts[field] = f"{_title_of(each) or field} {value if number is None else f'{number:.6g}'}"
        if channel != "color":
            break
    return ", ".join(parts.values())


def _tooltips(view: _View) -> list[Any]:
    tooltip = view.encoding.get("tooltip")
    return tooltip if isinstance(tooltip, list) else [tooltip]


def _axes(view: _View) -> list[str]:
    axes = [
        f"{where} axis: {title}"
        for channel, where in (("x", "horizontal"), ("y", "vertical"))
        if (each := view.encoding.get(channel)) and each.get("axis", {}) is not None and (title := _title_of(each))
    ]
    return [", ".join(axes)] if axes else []


def _title_of(channel: Mapping[str, Any]) -> str:
    legend, axis = channel.get("legend") or {}, channel.get("axis") or {}
    title = channel.get("title") or axis.get("title") or legend.get("title")
    return " ".join(title) if isinstance(title, list) else title if isinstance(title, str) else ""


def _joined(parts: Sequence[str]) -> str:
    whole = " ".join(filter(None, map(sentence, parts)))
    return whole if len(whole) <= _LONGEST else f"{whole[: _LONGEST - 1]}…"
