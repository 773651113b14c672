"""Names and numbers as they may stand in a message or a chart: each kind is written in one way."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Sequence
from typing import Final

__all__ = [
    "LONGEST_NAME",
    "MINUS",
    "NOT_KNOWN",
    "NO_CLASS",
    "answer_text",
    "class_name",
    "count_text",
    "cut_in_the_middle",
    "did_you_mean",
    "format_bytes",
    "format_shape",
    "list_names",
    "number_text",
    "or_list",
    "percent",
    "plain_name",
    "safe_name",
    "sample_with_class",
    "sentence",
    "signed_number_text",
    "text_of",
]

NO_CLASS: Final = "no class"
"""What is said of an answer whose numbers are NaN or infinite."""
NOT_KNOWN: Final = "not known"
"""Stands for the class of a sample that nobody has told."""

LONGEST_NAME: Final = 80
"""Characters of a name that are shown; a file's or column's name can have thousands."""

MINUS: Final = "−"
"""Stands before a negative number in a text; a hyphen is shorter and is broken off at the end of a line."""
_SIGNS: Final = re.compile(r"[\W_]+")
_CLOSED: Final = (".", "!", "?", "…")
_SMALLEST_WRITTEN_OUT: Final = 1e-4
_LARGEST_WRITTEN_OUT: Final = 1e9
_LEAST_LONG: Final = 1e3
_NEXT_UNIT: Final = 999.5
_SMALL_SHARE: Final = 0.01
_SMALLEST_PERCENT: Final = 0.001
_NEARLY_ALL: Final = 0.995
_ALL_BUT: Final = 0.9995
_LARGEST_PERCENT: Final = 99.9


def safe_name(name: object) -> str:
    """Return a name of one line, without control characters, cut in the middle where it is long.

    What turns the direction of writing, or takes no room, goes too: it can make a name look like another.
    """
    text = str(name)
    if len(text) > 4 * LONGEST_NAME:  # the middle is not shown anyway
        text = f"{text[: 2 * LONGEST_NAME]}{text[-2 * LONGEST_NAME :]}"
    text = "".join(letter if letter.isprintable() else " " if letter.isspace() else "" for letter in text)
    return cut_in_the_middle(" ".join(text.split()), LONGEST_NAME)


def plain_name(name: str) -> str:
    """Return a name without what people write in different ways: its letters and digits, small, and no signs."""
    return _SIGNS.sub("", name).lower()


def list_names(names: Iterable[object], most: int = 20) -> str:
    """Return names in quotation marks with commas between them; after the first ``most`` an ellipsis."""
    quoted = [f"'{safe_name(name)}'" for name in names]
    return ", ".join(quoted[:most]) + (", …" if len(quoted) > most else "")


def list_samples(samples: Sequence[int], most: int = 12) -> str:
    """Write which samples are meant: ``"sample 3"``, ``"samples 0, 4, 7"``; after the first ``most`` an ellipsis."""
    return f"sample{'s' if len(samples) > 1 else ''} {list_numbers(samples, most)}"


def list_numbers(numbers: Sequence[int], most: int = 20) -> str:
    """Write whole numbers with commas between them; after the first ``most`` an ellipsis."""
    return ", ".join(f"{number:,}" for number in numbers[:most]) + (", …" if len(numbers) > most else "")


def first_line(error: BaseException, otherwise: str = "") -> str:
    """Return the first line of what an error says; something else, its type where nothing is named, if it is silent."""
    return next(iter(str(error).strip().splitlines()), otherwise or type(error).__name__)


def or_list(words: Iterable[object]) -> str:
    """Return words with commas and an "or": ``"LSTM, GRU or RNN"``."""
    *first, last = map(str, words)
    return f"{', '.join(first)} or {last}" if first else last


def did_you_mean(given: str, known: Iterable[str], closeness: float = 0.6) -> str:
    """Return the end of a sentence on a name that does not exist: the nearest that does, or a full stop.

    Args:
        given: The name.
        known: The names that there are.
        closeness: From 0, anything is near, to 1, nothing is; see :func:`difflib.get_close_matches`.
    """
    by_letters = {name.casefold(): name for name in known}  # whether they are capitals says nothing
    near = difflib.get_close_matches(given.casefold(), list(by_letters), n=1, cutoff=closeness)
    return f"; did you mean {by_letters[near[0]]!r}?" if near else "."


def sentence(text: str) -> str:
    """Return text as a sentence of its own, with a capital and an end; of nothing, nothing."""
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(_CLOSED) else '.'}" if text else ""


def class_name(number: int, names: Sequence[str]) -> str:
    """Return what a class is called: by its number where it has no name."""
    return names[number] if 0 <= number < len(names) else f"class {number}"


def text_of(value: object) -> str:
    """Return what a model or a file calls text, as text: it may be bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def count_text(count: int, noun: str) -> str:
    """Write how many of something there are: ``1 sample``, ``1,234 samples``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def sample_with_class(number: int, of_class: str) -> str:
    """Write what a person knows a sample by where there is little room: ``12 (cat)``, or ``12`` of unknown class."""
    return f"{number} ({of_class})" if of_class else str(number)


def cut_in_the_middle(text: str, length: int) -> str:
    """Return a text of at most so many characters: its beginning, an ellipsis, its end."""
    if len(text) <= length:
        return text
    ending = (length - 1) // 2
    return f"{text[: length - 1 - ending]}…{text[-ending:]}"


def format_shape(extents: Sequence[int | None]) -> str:
    """Write a shape as ``28×28×16``; ``?`` where a size is not fixed."""
    return "×".join("?" if extent is None else f"{extent:,}" for extent in extents)


def number_text(value: float, digits: int = 3) -> str:
    """Write a number with three significant digits: ``0.00234``, ``−1.2``, ``12,300``, ``2.35e-7``.

    From 0.0001 to a billion it is written out; whole numbers below a billion have all their digits.

    Args:
        value: The number.
        digits: How many digits are significant.
    """
    value = float(value)  # one of half precision holds no billion to be compared with
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"
    size = abs(value)
    if size < _LARGEST_WRITTEN_OUT and value == int(value):
        text = f"{size:,.0f}"
    elif not _SMALLEST_WRITTEN_OUT <= size < _LARGEST_WRITTEN_OUT:
        text = f"{size:.{digits}g}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
    else:
        text = _significant(size, digits)
    return f"{MINUS}{text}" if value < 0 else text


def answer_text(value: float) -> str:
    """Write a number that is itself what one looks for, as a price: four significant digits, the whole part in full."""
    is_long = math.isfinite(value) and abs(value) >= _LEAST_LONG
    return number_text(round(float(value)) if is_long else value, 4)


def signed_number_text(value: float) -> str:
    """Write a difference: as :func:`number_text`, with a plus before what is above zero."""
    return f"+{number_text(value)}" if value > 0 else number_text(value)


def _significant(size: float, digits: int) -> str:
    rounded = float(f"{size:.{digits - 1}e}")
    decimals = max(0, digits - 1 - math.floor(math.log10(rounded)))
    text = f"{rounded:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(share: float, decimals: int = 0) -> str:
    """Write a share as ``40 %``; below one per cent with three significant digits, ``0.123 %``.

    What is next to nothing is not written as if it were nothing, ``< 0.001 %``, nor what is nearly all as if it were
    all: ``99.7 %``, ``> 99.9 %``.
    """
    if 0 < abs(share) < _SMALL_SHARE:
        return f"< {_SMALLEST_PERCENT} %" if abs(share) < _SMALLEST_PERCENT / 100 else f"{number_text(100 * share)} %"
    if decimals == 0 and _NEARLY_ALL <= share < 1:
        return f"{100 * share:.1f} %" if share < _ALL_BUT else f"> {_LARGEST_PERCENT} %"
    return f"{share:.{decimals}%}".replace("%", " %")


def format_bytes(count: int) -> str:
    """Write a number of bytes as ``369 KB`` or ``1.23 MB``; below a thousand as ``512 bytes``."""
    amount = float(count)
    for unit in ("bytes", "KB", "MB"):
        if amount < _NEXT_UNIT:
            return f"{number_text(amount)} {unit}"
        amount /= 1000
    return f"{number_text(amount)} GB"
