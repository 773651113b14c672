"""What stands at each position of a sequence that was text: the tokens, for labels beside heatmaps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

__all__ = ["is_tokenizer", "tokens_of"]

_PADDING: Final = ""
_MOST_IDS: Final = 4096


def is_tokenizer(operation: Any) -> bool:
    """Return whether a layer turns text into numbers of a vocabulary, one per position."""
    bases = {base.__name__ for base in type(operation).__mro__}
    by_position = getattr(operation, "_output_mode", getattr(operation, "output_mode", "")) == "int"
    return "TextVectorization" in bases and by_position


def tokens_of(tokenizer: Any, token_numbers: np.ndarray | None, inputs: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """Return the token at each position.

    Args:
        tokenizer: The layer that turned text into numbers, or None.
        token_numbers: What it answered, shape ``(sample, time)``.
        inputs: What the model was given, by name: a model without a tokenizer may take token numbers.

    Returns:
        Strings of shape ``(sample, time)``; empty where there is padding. None where the input is no text.
    """
    if tokenizer is not None and token_numbers is not None and token_numbers.ndim == 2:
        vocabulary = np.array(tokenizer.get_vocabulary(), dtype=str)
        known = np.clip(token_numbers, 0, len(vocabulary) - 1)
        # 0 is padding, 1 is a word that the vocabulary does not have.
        return np.where(token_numbers == 0, _PADDING, vocabulary[known])
    for array in inputs.values():
        if array.ndim == 2 and array.dtype.kind in "iu" and array.shape[1] <= _MOST_IDS:
            return array.astype(str)
    return None
