"""What was done to one sample on the page Edit, step by step, to be taken back and done again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from core.inputs.edits import Edit

__all__ = ["EditHistory", "Edits"]

Edits: TypeAlias = tuple[Edit, ...]


@dataclass
class EditHistory:
    """The edits of one sample.

    Attributes:
        current: Those that are done now.
        before: What was done before each step, the last step last.
        undone: What was taken back, the last one last.
    """

    current: Edits = ()
    before: list[Edits] = field(default_factory=list)
    undone: list[Edits] = field(default_factory=list)

    def do(self, edits: Edits) -> None:
        """Have these edits instead, as one step; what was taken back is forgotten."""
        if edits != self.current:
            self.before.append(self.current)
            self.current = edits
            self.undone.clear()

    def undo(self) -> None:
        """Take the last step back; does nothing where there is none."""
        if self.before:
            self.undone.append(self.current)
            self.current = self.before.pop()

    def redo(self) -> None:
        """Do again what was taken back last, likewise."""
        if self.undone:
            self.before.append(self.current)
            self.current = self.undone.pop()
