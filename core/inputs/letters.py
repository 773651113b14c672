"""Sequences of letters, such as DNA, for inputs whose steps are one letter each: one-hot, and back.

Which letters, and in which order, no model says: the person does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from core.common.text import safe_name
from core.errors import InputRejected
from core.inputs.checking import check_memory
from core.inputs.spec import InputSpec

__all__ = ["letters_by_input", "letters_of", "one_hot", "sequences_in", "takes_letters"]

_NO_LETTER: Final = "·"
_MOST_LETTERS: Final = 64


def takes_letters(spec: InputSpec) -> bool:
    """Return whether the steps of an input may be letters: two axes, the last of a few places."""
    shape = spec.shape
    return len(shape) == 2 and shape[1] is not None and 2 <= shape[1] <= _MOST_LETTERS and spec.dtype != "string"


def letters_by_input(letters: str, specs: Sequence[InputSpec]) -> dict[str, str]:
    """Return the letters of the inputs whose last axis has a place for each, by the input's name.

    A model may take numbers over time beside letters: those inputs are left out.

    Args:
        letters: As a person writes them, such as ``"ACGT"`` or ``"A, C, G, T"``; empty for none.
        specs: The inputs.

    Raises:
        InputRejected: If one is there twice, or there are others than places in every input that may take letters.
    """
    plain = "".join(each for each in letters if not each.isspace() and each not in ",;")
    takers = [spec for spec in specs if takes_letters(spec)]
    if not plain or not takers:
        return {}
    found = {spec.name: plain for spec in takers if spec.shape[1] == len(plain)}
    if not found or len(set(plain)) < len(plain):
        spec = next((each for each in takers if each.name in found), takers[0])
        raise InputRejected(
            f"The letters '{safe_name(plain)}' are {len(plain)}, the last axis of the input '{spec.shown_name}' has "
            f"{spec.shape[1]} places.",
            remedy="Write each letter once, in the order of the places, such as ACGT.",
        )
    return found


def sequences_in(lines: Sequence[tuple[int, str]]) -> tuple[list[str], tuple[str, ...]]:
    """Return the sequences in the lines of a file, and what each is called: FASTA, or one a line.

    Args:
        lines: Number and content of each.
    """
    if not lines[0][1].startswith(">"):
        return [line.strip() for _, line in lines], tuple(f"line {number}" for number, _ in lines)
    names: list[str] = []
    parts: list[list[str]] = []
    for _, line in lines:
        if line.startswith(">"):
            names.append(safe_name(line[1:].strip()) or f"sequence {len(names) + 1}")
            parts.append([])
        elif not line.startswith(";"):
            parts[-1].append(line.strip())
    return ["".join(each) for each in parts], tuple(names)


def one_hot(texts: Sequence[str], spec: InputSpec, name: str) -> np.ndarray:
    """Return sequences of letters as samples of an input, shape ``(sample, time, letter)``.

    A letter that is none of these, such as N in DNA, is zero at all places.

    Args:
        texts: The sequences.
        spec: The input, with what each place of its last axis stands for; small and capital letters are the same where
            all of these are capitals, or all small.
        name: Name of the file, for messages.

    Raises:
        InputRejected: If they differ in length, are of another one than the input, or hold hardly any of the letters.
    """
    name, letters = safe_name(name), spec.letters
    if letters in (letters.upper(), letters.lower()):
        upper = letters == letters.upper()
        texts = [text.upper() if upper else text.lower() for text in texts]
    length = spec.shape[0] or len(texts[0])
    wrong = next((number for number, text in enumerate(texts) if len(text) != length), None)
    if wrong is not None:
        raise InputRejected(
            f"{name}: sequence {wrong + 1} has {len(texts[wrong]):,} letters, {length:,} are expected.",
            remedy="Cut or pad all sequences to the same length, the way the model was trained.",
        )
    check_memory(len(texts) * length * len(letters) * 8, f"{name} as the input '{spec.shown_name}' takes it")
    characters = np.array([list(text) for text in texts])  # (sample, time)
    values = characters[..., np.newaxis] == np.array(list(letters))
    if values.any(axis=-1).mean() < 0.5:
        raise InputRejected(
            f"{name} holds hardly any of the letters {letters}; it begins with '{safe_name(texts[0][:20])}'.",
            remedy="Say the letters that the sequences are written in, in the order of the model's places.",
        )
    return values.astype(spec.numpy_dtype)


def letters_of(samples: np.ndarray, letters: str) -> list[str] | None:
    """Return the sequence that each sample stands for; None where the steps are not one-hot.

    Args:
        samples: Shape ``(sample, time, letter)``.
        letters: What each place of the last axis stands for. A step without any is a dot.
    """
    if samples.ndim != 3 or samples.shape[-1] != len(letters) or not np.isin(samples, (0, 1)).all():
        return None
    sums = samples.sum(axis=-1)
    if (sums > 1).any():
        return None
    places = np.where(sums > 0, samples.argmax(axis=-1), len(letters))
    return ["".join(row) for row in np.array([*letters, _NO_LETTER])[places]]
