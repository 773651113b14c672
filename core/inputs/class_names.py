"""Names of classes: lists of them in files, as a person pastes them, and inside models that answer text."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final

from core.common.limits import format_limit
from core.common.nested_layers import all_layers
from core.common.text import count_text, safe_name
from core.errors import InputRejected
from core.inputs.model_output import ModelOutput
from core.inputs.text_lines import decoded_text, lines_with_content

__all__ = ["class_names_of", "fitting_names", "is_class_names_file", "parse_class_names"]

_LARGEST_LIST: Final = 4_000_000
_MOST_NAMES: Final = 100_000
_LONGEST_LINE: Final = 500
_LONGEST_LITERAL: Final = 100_000
_ENDINGS: Final = (".txt", ".json", ".csv", ".tsv", ".names")
_NAME_OF_A_LIST: Final = re.compile(
    r"(?:.*[-_. ])?(?:class(?:es)?|labels?|categories|category|synsets?)"
    r"(?:[-_ ]?(?:names?|index|indices|map|mapping|list|labels?|words))?|coco|id2label",
    re.IGNORECASE,
)
_NUMBERED: Final = re.compile(r"(\d{1,7})\s*[:;,\t ]\s*(\S.*)")
_WORDNET: Final = re.compile(r"n\d{8}[\s:,]+(\S.*)")
_INSIDE: Final = ("class_names", "id2label", "names", "classes", "labels", "categories", "label2id")
_NAME_KEYS: Final = ("name", "class_name", "class name", "label", "class", "category", "display_name", "title")
_NUMBER_KEYS: Final = ("id", "index", "class_id", "class_index", "label_id", "number")
_ONE_A_LINE: Final = "Write one name a line, in the order of the model's outputs."


def parse_class_names(data: bytes, name: str) -> tuple[str, ...]:
    """Return the names of classes in a list, by number.

    It may be text with a name a line, also with numbers or WordNet ids before the names; JSON as ``["cat", …]``,
    ``{"0": "cat"}``, ``{"cat": 0}``, ``{"0": ["n02123045", "tabby"]}`` or ``[{"id": 0, "name": "cat"}]``; a table with
    a column of names; or names in one line with commas between them.

    Args:
        data: Content of the file.
        name: Name of the file, for messages and for what kind of list it is.

    Raises:
        InputRejected: If it is no list of names, too large, or numbers classes with gaps.
    """
    name = safe_name(name)
    if len(data) > _LARGEST_LIST:
        raise InputRejected(
            f"{name} is larger than {format_limit(_LARGEST_LIST)}, which no list of names is.", remedy=_ONE_A_LINE
        )
    text = decoded_text(data, name).strip()
    if text.startswith(("[", "{", "(")):
        found = _names_in(_literal(text, name), name)
    else:
        lines = [line.strip() for _, line in lines_with_content(text, name)]
        is_table = name.lower().endswith((".csv", ".tsv"))
        found = _names_in_table(lines, name) if is_table else _names_in_lines(lines)
    names = tuple(safe_name(each) for each in found)
    if not names or not all(names):
        raise InputRejected(f"{name} holds no names, or an empty one among them.", remedy=_ONE_A_LINE)
    if len(names) > _MOST_NAMES or max(map(len, found)) > _LONGEST_LINE:
        raise InputRejected(
            f"{name} is no list of names of classes: it has more than {_MOST_NAMES:,} lines, or one of more than "
            f"{_LONGEST_LINE} letters.",
            remedy=_ONE_A_LINE,
        )
    return names


def is_class_names_file(name: str, data: bytes) -> bool:
    """Return whether a file is a list of names of classes rather than data: by its name, and by what it holds."""
    path = PurePath(name.lower())
    if path.suffix not in _ENDINGS or len(data) > _LARGEST_LIST:
        return False
    if path.suffix != ".json" and not _NAME_OF_A_LIST.fullmatch(path.stem):
        return False
    try:
        names = parse_class_names(data, name)
    except InputRejected:
        return False
    # A table of numbers may be called labels.csv too, and is data.
    return len(names) > 1 and (path.suffix not in (".csv", ".tsv") or not all(map(_is_number, names)))


def fitting_names(names: Sequence[str], output: ModelOutput) -> tuple[tuple[str, ...], str]:
    """Return the names if there are as many as the model has classes, and otherwise none and a sentence why.

    Args:
        names: Name of each class; empty if unknown.
        output: What the model answers; where that is no list of a known length, names are taken as they are.
    """
    count = output.class_count
    if not names or count is None or len(names) == count:
        return tuple(names), ""
    answers = "a single number" if output.count == 1 else f"{output.count:,} numbers"
    why = f"The list has {count_text(len(names), 'name')}, the model answers {answers}: the names are not used."
    if abs(len(names) - count) == 1 and count > 2:
        shorter = "list" if len(names) < count else "model"
        why += f" A class for the background, commonly the first, may be what the {shorter} leaves out."
    return (), why


def class_names_of(model: Any, output: ModelOutput) -> tuple[str, ...]:
    """Return the names that a model turns its classes into itself, with a StringLookup; empty if it does not.

    Args:
        model: A Keras model.
        output: What it answers.
    """
    lookups = [layer for layer in all_layers(model) if type(layer).__name__ == "StringLookup" and layer.invert]
    if len(lookups) != 1:
        return ()
    words = [tuple(map(safe_name, lookups[0].get_vocabulary(include_special_tokens=each))) for each in (True, False)]
    if output.is_text:
        return words[0]
    return next((names for names in words if len(names) == output.class_count), ())


def _literal(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        unreadable = InputRejected(f"{name} is no JSON that can be read.", remedy=_ONE_A_LINE)
        if len(text) > _LONGEST_LITERAL:
            raise unreadable from error
        # As Python writes a list, which is what people paste.
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            raise unreadable from error


def _names_in(value: Any, name: str) -> list[str]:
    """Return the names in what JSON holds."""
    if isinstance(value, Mapping):
        inner = next((value[key] for key in _INSIDE if isinstance(value.get(key), Mapping | list)), None)
        if inner is not None:
            return _names_in(inner, name)
        if value and all(_is_number(key) for key in value):
            return _in_order([(int(key), _one_name(each)) for key, each in value.items()], name)
        if value and all(isinstance(each, int) and not isinstance(each, bool) for each in value.values()):
            return _in_order([(each, str(key)) for key, each in value.items()], name)
    if isinstance(value, list | tuple) and value:
        numbers = [_number_of(each) for each in value]
        names = [_one_name(each) for each in value]
        if all(number is not None for number in numbers):
            return _in_order([(number or 0, each) for number, each in zip(numbers, names, strict=True)], name)
        return names
    raise InputRejected(f"{name} holds no names of classes.", remedy=_ONE_A_LINE)


def _one_name(value: Any) -> str:
    if isinstance(value, Mapping):
        value = next((value[key] for key in _NAME_KEYS if key in value), "")
    if isinstance(value, list | tuple):
        # As in imagenet_class_index.json: the WordNet id, then the name.
        value = value[-1] if value else ""
    return str(value) if isinstance(value, str | int | float) else ""


def _number_of(value: Any) -> int | None:
    found = next((value[key] for key in _NUMBER_KEYS if key in value), None) if isinstance(value, Mapping) else None
    return found if isinstance(found, int) else None


def _in_order(pairs: list[tuple[int, str]], name: str) -> list[str]:
    pairs = sorted(pairs, key=lambda pair: pair[0])
    numbers = [number for number, _ in pairs]
    if numbers not in (list(range(len(pairs))), list(range(1, len(pairs) + 1))):
        raise InputRejected(
            f"{name} does not number its classes one by one: from {numbers[0]} to {numbers[-1]} it has "
            f"{len(numbers):,}.",
            remedy="Number them from 0, none left out and none twice, or write one name a line.",
        )
    return [each for _, each in pairs]


def _names_in_lines(lines: list[str]) -> list[str]:
    if len(lines) == 1 and "," in lines[0]:
        lines = [each.strip().strip("\"'") for each in lines[0].rstrip(",").split(",")]
    numbered = [_NUMBERED.fullmatch(line) for line in lines]
    if all(numbered):
        pairs = sorted((int(match[1]), match[2]) for match in numbered if match)
        first = pairs[0][0] if pairs else 0
        if [number for number, _ in pairs] == list(range(first, first + len(pairs))) and first in (0, 1):
            lines = [each for _, each in pairs]
    identified = [_WORDNET.fullmatch(line) for line in lines]
    return [match[1] for match in identified if match] if all(identified) else lines


def _names_in_table(lines: list[str], name: str) -> list[str]:
    delimiter = max("\t;,", key=lambda each: lines[0].count(each)) if lines else ","
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter)]
    rows = [row for row in rows if row]
    if not rows or len({len(row) for row in rows}) > 1:
        return lines
    header = [cell.lower() for cell in rows[0]]
    named = next((header.index(key) for key in _NAME_KEYS if key in header), None)
    if named is not None:
        rows = rows[1:]
    columns = list(zip(*rows, strict=True))
    of_numbers = [place for place, column in enumerate(columns) if all(map(_is_number, column))]
    if named is None:
        named = next((place for place in reversed(range(len(columns))) if place not in of_numbers), 0)
    if of_numbers and of_numbers[0] != named:
        return _in_order([(int(row[of_numbers[0]]), row[named]) for row in rows], name)
    return [row[named] for row in rows]


def _is_number(text: Any) -> bool:
    return str(text).isascii() and str(text).isdigit() and len(str(text)) < 8
