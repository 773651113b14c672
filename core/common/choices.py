"""Words that choose one of several ways, as a person writes them in code."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from core.common.text import did_you_mean, list_names, safe_name
from core.errors import InputRejected

__all__ = ["refuse_unknown"]


def refuse_unknown(choice: Any, known: Collection[str], noun: str) -> None:
    """Refuse a word that is none of those that there are.

    Args:
        choice: The word.
        known: Those that there are.
        noun: What they are, such as ``"method"``.

    Raises:
        InputRejected: If it is none of them; the message names the nearest.
    """
    if isinstance(choice, str) and choice in known:
        return
    raise InputRejected(
        f"There is no {noun} '{safe_name(choice)}'{did_you_mean(str(choice), known)}",
        remedy=f"There are: {list_names(known)}.",
    )
