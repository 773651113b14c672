"""Makes a complete package for a plugin: its project file, one picture, its test, and a README."""

from __future__ import annotations

import keyword
import re
import sys
from importlib import resources
from pathlib import Path
from string import Template
from typing import Final

from core.errors import InputRejected
from core.plugins.visualizer import API_VERSION

__all__ = ["new_package"]

_NAME: Final = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*\Z")
_FILES: Final = {
    "pyproject.toml.template": "pyproject.toml",
    "README.md.template": "README.md",
    "module.py.template": "{module}.py",
    "test_module.py.template": "tests/test_{module}.py",
}


def new_package(name: str, folder: Path) -> Path:
    """Write a package that can be installed, tested and used as it is.

    Args:
        name: What it is called, such as ``"power-spectrum"``; the package is ``layerscope-power-spectrum``.
        folder: Where to put its folder.

    Returns:
        The new folder.

    Raises:
        InputRejected: If the name is none for a package, or the folder is there already.
    """
    plain = name.removeprefix("layerscope-").removeprefix("layerscope_")
    if not _NAME.match(plain) or keyword.iskeyword(plain):
        raise InputRejected(
            f"{name!r} is no name for a package.",
            remedy="Take small letters and digits, words joined by hyphens, such as power-spectrum.",
        )
    words = re.split(r"[-_]", plain)
    module = f"layerscope_{'_'.join(words)}"
    if module in sys.stdlib_module_names:
        raise InputRejected(f"{module!r} is a module of Python's own.", remedy="Take another name.")
    target = folder / f"layerscope-{'-'.join(words)}"
    if target.exists():
        raise InputRejected(f"There is already something at {target}.", remedy="Take another name, or remove it first.")
    filled = {
        "package": target.name,
        "module": module,
        "name": "-".join(words),
        "title": " ".join(words).capitalize(),
        "class_name": "".join(word.capitalize() for word in words),
        "api_version": str(API_VERSION),
    }
    templates = resources.files("core.plugins.template")
    for template, path in _FILES.items():
        file = target / path.format(**filled)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            Template((templates / template).read_text(encoding="utf-8")).substitute(filled), encoding="utf-8"
        )
    return target
