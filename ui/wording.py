"""Text from files and models, made safe to show, and numbers as people read them."""

from __future__ import annotations

import re

from core.common.text import safe_name
from core.errors import LayerscopeError

__all__ = ["error_text", "named", "plain"]

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~:$&])")


def plain(text: str) -> str:
    """Return text that Streamlit shows as it stands, without Markdown, HTML, icons or formulas in it."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def named(name: str) -> str:
    """Return a name from a file, a model or a person as Streamlit shows it as it stands, cut where it is long."""
    return plain(safe_name(name))


def error_text(error: LayerscopeError) -> str:
    """Return what happened and what to do next, as Streamlit shows it."""
    remedy = f"\n\n{plain(error.remedy)}" if error.remedy else ""
    return f"{plain(error.message)}{remedy}"
