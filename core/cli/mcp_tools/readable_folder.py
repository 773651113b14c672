"""The folder whose files an agent may have read: what leads out of it is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from core.common.text import did_you_mean, safe_name
from core.errors import InputRejected

__all__ = ["ReadableFolder"]


_MOST_FILES: Final = 100_000


class ReadableFolder:
    """Finds files by their path from a folder, and none outside of it.

    Args:
        root: The folder.

    Attributes:
        root: The folder, without links.

    Raises:
        InputRejected: If it is no folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        if not self.root.is_dir():
            raise InputRejected(f"{safe_name(root)} is no folder.", remedy="Give one that is there: --root FOLDER.")

    def locate(self, name: str) -> Path:
        """Return the path of a file or folder in it, without links.

        Args:
            name: Path from the folder, or an absolute one.

        Raises:
            InputRejected: If it is not there, lies outside, or is neither a file nor a folder.
        """
        try:
            path = (self.root / name).resolve()
        except (OSError, ValueError, RuntimeError) as error:
            # A NUL in it, or links in a circle.
            raise InputRejected(f"'{safe_name(name)}' is no path.", remedy="Give the path of a file.") from error
        if not path.is_relative_to(self.root):
            raise self._outside(f"'{safe_name(name)}' lies")
        if not path.exists():
            near = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
            raise InputRejected(
                f"There is no file '{safe_name(name)}'{did_you_mean(path.name, near)}",
                remedy=f"Paths are taken from {self.root}.",
            )
        if path.is_dir():
            self._refuse_links_out_of(path)
        elif not path.is_file():
            raise InputRejected(f"'{safe_name(name)}' is neither a file nor a folder.", remedy="Give one of these.")
        return path

    def name_of(self, path: Path) -> str:
        """Return what a path in it is called: the way from the folder."""
        return path.relative_to(self.root).as_posix()

    def _refuse_links_out_of(self, folder: Path) -> None:
        seen = 0
        for place, folders, files in os.walk(folder):
            seen += len(files)
            if seen > _MOST_FILES:
                raise InputRejected(
                    f"'{safe_name(self.name_of(folder))}' holds more than {_MOST_FILES:,} files.",
                    remedy="Name the folder that holds the model or the data alone.",
                )
            for name in (*folders, *files):
                path = Path(place, name)
                if path.is_symlink() and not path.resolve().is_relative_to(self.root):
                    raise self._outside(
                        f"'{safe_name(self.name_of(folder))}' holds a link, '{safe_name(name)}', that leads"
                    )

    def _outside(self, what: str) -> InputRejected:
        return InputRejected(
            f"{what} outside of the folder whose files may be read, {self.root}.",
            remedy="Give a path within it. Whoever starts the server chooses the folder: layerscope mcp --root FOLDER.",
        )
