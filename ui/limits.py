"""The limits, said before they are met."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import streamlit as st

from core.common.limits import PREFIX, Limits, format_limit, get_limits
from ui.local import may_open_paths, may_trust

__all__ = ["limits", "megabytes"]

# What holds for this visitor and not for all.
_ASKED: Final[dict[str, Callable[[], bool]]] = {"paths": may_open_paths, "visitor_trust": may_trust}


def limits() -> None:
    """Draw what opens into a table of the limits, with the variable that changes each."""
    if st.button("Limits", icon=":material/speed:", type="tertiary", help="How large files and models may be here."):
        _table()


@st.dialog("Limits", width="large")
def _table() -> None:
    import pandas as pd

    set_now = get_limits()
    st.caption(
        "How much a file, a model or a visitor may ask for. Whoever runs the server sets them in its environment."
    )
    rows = [
        (
            field.title,
            _in_words(_ASKED[name]() if name in _ASKED else getattr(set_now, name)),
            f"{PREFIX}{name.upper()}",
        )
        for name, field in Limits.model_fields.items()
    ]
    st.dataframe(pd.DataFrame(rows, columns=["limit", "at most", "variable"]), hide_index=True, height="content")


def megabytes(size: int) -> int:
    """Return a size in the whole megabytes that Streamlit counts in, at least one."""
    return max(1, size // 1_000_000)


def _in_words(value: float | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return format_limit(value) if value else "what fits"
