"""Writes the table of ``docs/plugin-directory.md``: ``python docs/plugin_directory.py``."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from core.plugins.directory import DirectoryEntry, list_directory

__all__ = ["directory_page", "main"]

TARGET: Final = Path(__file__).parent / "plugin-directory.md"
_ENTRIES: Final = re.compile(r"(?<=<!-- entries -->\n).*?(?=\n<!-- end of entries -->)", re.DOTALL)


def directory_page() -> str:
    """Return the page with the entries as they are now."""
    return _ENTRIES.sub(lambda _: _table(), TARGET.read_text(encoding="utf-8"))


def main() -> None:
    """Write the page."""
    TARGET.write_text(directory_page(), encoding="utf-8")


def _table() -> str:
    entries = list_directory()
    if not entries:
        return "No package is listed yet."
    return "\n".join(["| package | what is to be seen | licence | source |", "|---|---|---|---|", *map(_row, entries)])


def _row(entry: DirectoryEntry) -> str:
    source = f"[its page]({entry.url})" if entry.url else f"`{entry.folder}`, ships with Layerscope's source"
    titles = ", ".join(entry.titles)
    cells = (f"`{entry.installed_by}`", f"**{titles}**: {entry.description}", entry.license, source)
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


if __name__ == "__main__":
    main()
