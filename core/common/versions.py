"""Which version of a package is installed, and where its files went."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

__all__ = ["installed_files", "installed_version"]


def installed_version(package: str) -> str:
    """Return the version of a package; empty where it is not installed, as Layerscope is not in a bare checkout."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def installed_files(package: str, ending: str) -> list[Path]:
    """Return the files of a package whose path has an ending; none where it is not installed.

    Asked of the package, since where its data went depends on how it was installed: for all, for a user, elsewhere.

    Args:
        package: Its name.
        ending: The last parts of the path, such as ``"docs/plugins.md"``.
    """
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        return []
    return [Path(str(file.locate())).resolve() for file in files if f"/{file.as_posix()}".endswith(f"/{ending}")]
