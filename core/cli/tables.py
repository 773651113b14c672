"""Tables in plain text, as the commands print them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

__all__ = ["columns"]


def columns(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> str:
    """Return rows of cells below one another, each column as wide as its widest cell.

    Args:
        rows: The heading first; all of one length.
        right: Numbers of the columns that end on the right, such as numbers do.
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            text.rjust(width) if column in right else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
