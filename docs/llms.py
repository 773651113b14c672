"""Writes ``docs/llms.txt``, the list of documents that language models are given, from the site's menu.

``python docs/llms.py``; the format is that of https://llmstxt.org, and a test says when the file is out of date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

__all__ = ["llms_text", "main", "menu", "pages"]

DOCS: Final = Path(__file__).parent
TARGET: Final = DOCS / "llms.txt"
_SUMMARY: Final = (
    "Layerscope opens any Keras model (.keras, .h5, SavedModel, TensorFlow Lite) in the browser, in Python or on the "
    "command line, runs inputs through it, and shows what every layer answered, with the picture that suits the layer."
)
_FIRST: Final = "agents.md"
# A section of this name may be left out where there is little room.
_MAY_BE_SKIPPED: Final = {"For those who build it": "Optional"}
# Where the first sentence of a document does not say what is in it.
_ABOUT: Final = {
    "start.md": "Install it, look at an example, train a model and open it.",
    "explorer.md": "The page, part by part: models and data, reading layers, units, health, edits, comparisons.",
    "plugin-directory.md": "Packages of plugins that can be installed, and how one is listed.",
    "hosting.md": "A container, a team behind a proxy, Hugging Face Spaces, Streamlit Community Cloud.",
    "reliability.md": "What is refused and why, processes without rights, limits, many visitors at once.",
    "reference.md": "Signatures, arguments, results and errors of everything public, of layerscope and of vizplugins.",
    "architecture.md": "Where each part of the code lives, and what was decided why.",
    "design-notes.md": "Why the first screen and its controls are as they are.",
    "workers.md": "Which processes a visitor's model runs in, compared with the pools that there are.",
}


class _MenuLoader(yaml.SafeLoader):
    """Reads the menu's file, in which functions are named, and names none of them."""


_MenuLoader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


def menu() -> list[Any]:
    """Return the menu of the site."""
    loaded = yaml.load((DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8"), _MenuLoader)
    return list(loaded["nav"])


def llms_text() -> str:
    """Return the file."""
    lines = ["# Layerscope", "", f"> {_SUMMARY}", "", f"Begin with [{_FIRST}]({_FIRST}).", ""]
    sections = [(title, part) for entry in menu() for title, part in entry.items()]
    # What may be skipped stands at the end.
    for title, part in sorted(sections, key=lambda section: section[0] in _MAY_BE_SKIPPED):
        lines += [f"## {_MAY_BE_SKIPPED.get(title, title)}", ""]
        lines += [_link(page) for page in pages(part)]
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Write the file."""
    TARGET.write_text(llms_text(), encoding="utf-8")


def pages(part: Any) -> Iterator[str]:
    """Yield the documents of a part of the menu, in its order."""
    if isinstance(part, str):
        yield part
        return
    for entry in part.values() if isinstance(part, dict) else part:
        yield from pages(entry)


def _link(page: str) -> str:
    text = (DOCS / page).read_text(encoding="utf-8")
    title = text.partition("\n")[0].removeprefix("# ").replace("`", "")
    return f"- [{title}]({page}): {_ABOUT.get(page) or _pictures(page, text) or _first_sentence(text)}"


def _pictures(page: str, text: str) -> str:
    """Return the names of the pictures of a page of the gallery; empty for other pages."""
    is_of_gallery = page.startswith("pictures/") and not page.endswith("README.md")
    return f"{', '.join(re.findall(r'^## (.*)', text, re.MULTILINE))}." if is_of_gallery else ""


def _first_sentence(text: str) -> str:
    paragraphs = (" ".join(part.split()) for part in text.split("\n\n")[1:])
    words = next(part for part in paragraphs if part[:1].isalnum() or part.startswith("["))
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", words)
    return f"{re.split(r'[.!?:] (?=[A-Z*`])', words)[0].rstrip('.:')}."


if __name__ == "__main__":
    main()
