"""Writes ``docs/reference.md`` from the code: ``python docs/reference.py``; a test says when it is out of date."""

from __future__ import annotations

import inspect
import re
import sys
import typing
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from pydantic import BaseModel

import layerscope
import vizplugins
import vizplugins.testing
from core.plugins import hookspecs
from core.report.writing import WrittenReport

__all__ = ["main", "reference"]

TARGET: Final = Path(__file__).parent / "reference.md"
_ABOUT_MARKED: Final = {
    "ChannelIndex": "An option that is a channel: a position on the last axis; of a layer that has units, a unit.",
    "ClassIndex": "An option that is a class of the model's answer, chosen by its name.",
    "Colour": 'An option that is a colour, such as `"#4c78a8"`.',
    "ColourScheme": "An option that is one of the colour schemes of `charts`.",
    "HeadIndex": "An option that is a position on the axis of attention heads.",
    "MeaningName": "An option that is what the page takes the output for; empty for the likeliest.",
    "LayerKey": "An option that is the key of another layer of the same pass.",
    "Region": "An option that is what is dragged over a chart: left, right, bottom and top, or None.",
    "SampleIndex": "An option that is a position on the axis of samples; one called `sample` follows the page.",
    "StepIndex": "An option that is a position on the axis of a training's steps; one called `step` follows the page.",
    "TimestepIndex": "An option that is a position on the axis of time.",
    "UnitIndex": "An option that is a unit: a position on the last axis; of a layer that has channels, a channel.",
    "ANSWER_HEIGHT": "Screen pixels that a chart of an answer takes at most in the strip.",
    "CERTAIN": "A score of a meaning: shape and activation function, a name, or true values say so.",
    "LEAST_PROBABILITY": "What a probability of zero is taken for in a cross-entropy, as Keras' losses do.",
    "LIKELY": "A score of a meaning: the shape says so, and nothing speaks for something else.",
    "MODEST": "The score of plain numbers: what is not likelier is offered, and not taken by itself.",
    "POSSIBLE": "A score of a meaning: it can be drawn so, if a person says so.",
    "API_VERSION": "The version of this API, see [what may change](plugins.md#what-may-change-and-when).",
    "hookimpl": "Marks a function of a plugin as one of its hooks.",
    "LAYER_KINDS": "What `small_model` can make.",
}

_PROPERTIES: Final = (property, cached_property)
_GUIDED: Final = (
    (
        "`layerscope`",
        "A model in, what its layers answer out; [notebook.md](notebook.md) is the guide.",
        "load_model extract Extractor Activations Activation LayerInfo arrange input_specs SampleContext get_registry "
        "Registry",
    ),
    (
        "Numbers in one call each",
        "What the page works out, as plain results; [notebook.md](notebook.md#numbers) is the guide.",
        "attribute maximize AscentSettings Maximization project health Health compare compare_samples unit Unit",
    ),
    (
        "Datasets",
        "More samples than fit into memory; [notebook.md](notebook.md#a-million-samples) is the guide.",
        "open_dataset Dataset ArrayDataset extract_dataset array_name read_statistics project_dataset survey Survey "
        "LayerStatistics engine_at",
    ),
    ("Trainings", "[training.md](training.md) is the guide.", "Record open_run Run"),
    ("Reports", "[report.md](report.md) is the guide.", "report WrittenReport"),
    ("The page", "[explorer.md](explorer.md) is the guide.", "show Workspace"),
    ("Examples", "The models that ship.", "list_examples get_example Example"),
    (
        "Errors",
        "Each says what happened (`message`) and what to do (`remedy`).",
        "LayerscopeError ModelRefused CodeNeeded InputRejected ExtractionFailed NoGradient PluginFailed",
    ),
)
"""Title, a word on it, and the names in it, of what people call."""
_MOST_LETTERS: Final = 100
_SECTION: Final = re.compile(r"^(Args|Attributes|Returns|Yields|Raises):\n", re.MULTILINE)
_TITLES: Final = {"Args": "Arguments"}
# Of a method the class stands before it.
_ROLE: Final = re.compile(r":\w+:`~?(?:[^`]*?\.)??((?:[A-Z]\w*\.)?\w+)`")
_AS_A_MAPPING: Final = (
    "As a mapping: `{it}[key]`, `{it}.get(key)`, `key in {it}`, `len({it})`, `{it}.keys()`, `{it}.values()`, "
    "`{it}.items()`; `for key in {it}` goes through the keys, in call order."
)


def reference() -> str:
    """Return the page."""
    lines = [
        "# Reference",
        "",
        "Written by `python docs/reference.py`: first what people call, then what plugin authors import,",
    ]
    lines += ["for whom [plugins.md](plugins.md) is the guide.", ""]
    for title, about, names in _GUIDED:
        lines += [f"## {title}", "", about, ""]
        for name in names.split():
            lines += _entry(name, WrittenReport if name == "WrittenReport" else getattr(layerscope, name))
    told = {name for _, _, names in _GUIDED for name in names.split()}
    again = [f"`{name}`" for name in vizplugins.__all__ if name in told]
    lines += ["## `vizplugins`", "", f"{', '.join(again)} are those of above.", ""]
    for name in vizplugins.__all__:
        if name not in told:
            lines += _entry(name, getattr(vizplugins, name))
    lines += ["## Hooks", ""]
    for name, hook in vars(hookspecs).items():
        if hasattr(hook, "layerscope_spec"):
            lines += _entry(name, hook)
    lines += ["## `vizplugins.testing`", ""]
    for name in vizplugins.testing.__all__:
        if name not in ("CASES", "CHECKS", "LOADER_CHECKS", "OUTPUTS", "READER_CHECKS"):
            lines += _entry(name, getattr(vizplugins.testing, name))
    for title, table in (
        ("Checks", vizplugins.testing.CHECKS),
        ("Cases", vizplugins.testing.CASES),
        ("Outputs", vizplugins.testing.OUTPUTS),
        ("Checks of readers", vizplugins.testing.READER_CHECKS),
        ("Checks of loaders", vizplugins.testing.LOADER_CHECKS),
    ):
        lines += [f"### {title}", "", "| name | what it is |", "|---|---|"]
        lines += [f"| {name} | {text} |" for name, text in table.items()] + [""]
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """Write the page."""
    TARGET.write_text(reference(), encoding="utf-8")


def _entry(name: str, thing: Any) -> Iterator[str]:
    if inspect.ismodule(thing):
        yield from (f"### `{name}`", "", _prose(thing.__doc__), "")
        members = {inner: getattr(thing, inner) for inner in getattr(thing, "__all__", ())}
        for inner, value in members.items():
            yield from _line(inner, value)
        yield ""
        yield from _folded_members(members)
        return
    if name in _ABOUT_MARKED:
        is_number = isinstance(thing, (int, float))
        kinds = f" = {', '.join(thing)}" if isinstance(thing, tuple) else ""
        yield from (f"### `{name}{f' = {thing}' if is_number else ''}`", "", f"{_ABOUT_MARKED[name]}{kinds}", "")
        return
    yield from (f"### `{name}`", "")
    if signature := _signature(thing):
        yield from ("```python", f"{name}{_in_lines(signature)}", "```", "")
    yield from _documented(thing)
    if values := _values(thing):
        yield from (*(f"- `{alias}` is one of {_choices(choices)}" for alias, choices in values.items()), "")
    if inspect.isclass(thing):
        if issubclass(thing, Mapping):
            yield f"- {_AS_A_MAPPING.format(it=name.lower())}"
        methods = {
            inner: value
            for inner, value in vars(thing).items()
            if not inner.startswith("_") and (inspect.isfunction(value) or isinstance(value, _PROPERTIES))
        }
        for inner, value in methods.items():
            yield from _line(inner, value)
        yield ""
        yield from _folded_members(methods)


def _documented(thing: Any) -> Iterator[str]:
    """Yield a docstring as Markdown: what it says, its attributes, and what it takes and gives folded."""
    prose, sections = _sections(inspect.getdoc(thing) or "")
    yield from (prose, "")
    if attributes := sections.pop("Attributes", ""):
        yield from (*_items("Attributes", attributes), "")
    if sections:
        yield from _folded("Arguments, results and errors", _told(sections))


def _folded_members(members: Mapping[str, Any]) -> Iterator[str]:
    """Yield what functions take and give, of those that say so, under one fold."""
    lines: list[str] = []
    for name, member in members.items():
        _, sections = _sections((inspect.getdoc(member) or "") if callable(member) else "")
        if sections:
            lines += [f"**`{name}`**", "", *_told(sections)]
    if lines:
        yield from _folded("Their arguments, results and errors", lines)


def _folded(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield from (f'<details markdown="1"><summary>{title}</summary>', "", *lines, "</details>", "")


def _told(sections: Mapping[str, str]) -> Iterator[str]:
    for title, body in sections.items():
        yield from (*_items(title, body), "")


def _sections(text: str) -> tuple[str, dict[str, str]]:
    """Return what stands before the sections of a docstring, as Markdown, and the bodies of these by title."""
    prose, *parts = _SECTION.split(inspect.cleandoc(text))
    titles, bodies = parts[::2], parts[1::2]
    return _prose(prose).strip(), {title: inspect.cleandoc(body) for title, body in zip(titles, bodies, strict=True)}


def _items(title: str, body: str) -> Iterator[str]:
    """Yield a section as a list of names and what they are, or as a paragraph where it names none."""
    heading = _TITLES.get(title, title)
    joined = re.sub(r"\n +", " ", body)
    named = [line.partition(": ") for line in joined.split("\n") if line]
    if title in ("Returns", "Yields") or not all(re.match(r"[*\w.]+( \(.*\))?\Z", name) for name, _, _ in named):
        yield f"*{heading}:* {_prose(' '.join(joined.split()))}"
        return
    yield from (f"*{heading}:*", "", *(f"- `{name}`: {_prose(said)}" for name, _, said in named))


def _values(thing: Any) -> dict[str, tuple[Any, ...]]:
    """Return the values of each Literal that is named in the signature of a function, or of a class and its methods."""
    members = [*vars(thing).values()] if inspect.isclass(thing) else [thing]
    functions = [inspect.unwrap(each) for each in members if inspect.isfunction(each)]
    named: dict[str, tuple[Any, ...]] = {}
    for function in functions:
        annotations = inspect.get_annotations(function).values()
        for alias in re.findall(r"[A-Za-z_][\w.]*", " ".join(map(str, annotations))):
            meant = _named_in(function, alias)
            if typing.get_origin(meant) is typing.Literal:
                named[alias] = typing.get_args(meant)
    return named


def _named_in(function: Any, name: str) -> Any:
    """Return what a name, with dots or without, stands for where a function was written; None for nothing."""
    first, *others = name.split(".")
    meant = function.__globals__.get(first)
    for other in others:
        meant = getattr(meant, other, None)
    return meant


def _choices(choices: tuple[Any, ...]) -> str:
    return ", ".join(f"`{choice!r}`" for choice in choices)


def _line(name: str, thing: Any) -> Iterator[str]:
    if typing.get_origin(thing) is typing.Literal:
        yield f"- `{name}`: one of {_choices(typing.get_args(thing))}"
    elif callable(thing) or isinstance(thing, _PROPERTIES):
        text = _first_line(inspect.getdoc(thing))
        yield f"- `{name}{_type_of(thing) or _signature(thing)}`{': ' if text else ''}{text}"
    else:
        value = ", ".join(thing) if isinstance(thing, dict) else " ".join(repr(thing).split())
        yield f"- `{name}`: {value}"


def _type_of(thing: Any) -> str:
    """Return the type of a property, as it stands behind its name; empty for what is called."""
    read = thing.fget if isinstance(thing, property) else getattr(thing, "func", None)
    returned = _signature(read).partition(" -> ")[2] if read is not None else ""
    return returned and f": {returned}"


def _signature(thing: Any) -> str:
    if not callable(thing) or typing.get_origin(thing) is not None:
        return ""
    if inspect.isclass(thing) and (issubclass(thing, BaseModel) or getattr(thing, "_is_protocol", False)):
        # Nobody makes one of these by hand, and what stands there is the library's own.
        return ""
    try:
        # Annotations stand in quotes where they are not worked out.
        signature = str(inspect.signature(thing))
        if inspect.isclass(thing):
            signature = signature.partition(" -> ")[0]
        unquoted = re.sub(r"(: |\*|-> )(?:'([^']*)'|\"([^\"]*)\")", r"\1\2\3", signature)
        return re.sub(r"\b(typing|collections\.abc)\.", "", unquoted)
    except (TypeError, ValueError):
        return ""


def _in_lines(signature: str) -> str:
    """Return a signature with a parameter a line where it is long."""
    if len(signature) <= _MOST_LETTERS:
        return signature
    lines, depth = [""], 0
    parameters, arrow, returned = signature.partition(" -> ")
    for letter in parameters[1:-1]:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and not depth:
            lines.append("")
        else:
            lines[-1] += letter
    return "(\n" + "".join(f"    {line.strip()},\n" for line in lines) + ")" + arrow + returned


def _first_line(text: str | None) -> str:
    return _prose((text or "").strip().partition("\n")[0])


def _prose(text: str | None) -> str:
    """Return a docstring's text as Markdown, with the last part of what it refers to."""
    plain = _ROLE.sub(r"`\1`", inspect.cleandoc(text or "")).replace("``", "`")
    # Not in code, where it stands for itself.
    return "".join(
        part if at % 2 else part.replace("<", "&lt;") for at, part in enumerate(re.split(r"(`[^`]*`)", plain))
    )


if __name__ == "__main__":
    main()
