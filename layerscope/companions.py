"""Whether Python finds the packages that come with this one, and not a stranger's of the same name."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

__all__ = ["check_companion"]


def check_companion(name: str) -> None:
    """Return if a package is the one beside this one; nothing of it is imported.

    Args:
        name: ``"core"`` or ``"ui"``.

    Raises:
        ImportError: If Python would import another; it says which file that is, and what to do.
    """
    ours = Path(__file__).resolve().parents[1] / name
    try:
        spec = find_spec(name)
    except ValueError:
        spec = None
    # A folder without __init__.py has no file of its own.
    places = list(spec.submodule_search_locations or ()) if spec else []
    if any(Path(place).resolve() == ours for place in places[:1]):
        return
    if spec is None:
        raise ImportError(f"Layerscope's package '{name}' is missing: {ours} is not found. Install Layerscope again.")
    other = spec.origin or (places[0] if places else name)
    raise ImportError(
        f"Layerscope needs its own package '{name}' ({ours}), and Python finds another of that name first: {other}. "
        f"Rename that {'folder' if places else 'file'}, or run Python from another folder, such as the one above "
        f"{_above(other, bool(places))}; then import layerscope again."
    )


def _above(other: str, is_folder: bool) -> str:
    folder = os.path.dirname(other) if is_folder and other.endswith(".py") else other
    return os.path.dirname(folder) or os.curdir
