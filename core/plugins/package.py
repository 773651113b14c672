"""Makes a complete package for a plugin: its project file, one picture, its tests, a README, licence and workflow."""

from __future__ import annotations

import importlib.util
import json
import keyword
import re
import sys
import time
from contextlib import suppress
from importlib import resources
from pathlib import Path
from string import Template
from typing import Final

from core.common.versions import installed_version
from core.errors import InputRejected, PluginFailed
from core.plugins.directory import KEYWORD
from core.plugins.visualizer import API_VERSION

__all__ = ["LICENSES", "new_package"]

LICENSES: Final = ("MIT", "Apache-2.0", "BSD-3-Clause")
"""Whose texts are at hand, as SPDX writes them."""

_NAME: Final = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*\Z")
_FILES: Final = {
    "pyproject.toml.template": "pyproject.toml",
    "README.md.template": "README.md",
    "module.py.template": "{module}.py",
    "test_module.py.template": "tests/test_{module}.py",
    "workflow.yml.template": ".github/workflows/tests.yml",
    "{license}.license.template": "LICENSE",
}
_PICTURE: Final = "picture.png"


def new_package(name: str, folder: Path, license_id: str = LICENSES[0], author: str = "") -> Path:
    """Write a package that can be installed, tested and used as it is.

    Args:
        name: What it is called, such as ``"power-spectrum"``; the package is ``layerscope-power-spectrum``.
        folder: Where to put its folder.
        license_id: One of :data:`LICENSES`.
        author: Who has the copyright; by default the authors of the package.

    Returns:
        The new folder.

    Raises:
        InputRejected: If the name is none for a package, the licence is another, the folder is there already, or
            a picture or a package of that name ships or is installed.
    """
    known = {each.lower(): each for each in LICENSES}
    if license_id.lower() not in known:
        raise InputRejected(
            f"There is no text of the licence {license_id!r} here.",
            remedy=f"Take {', '.join(LICENSES)}, and change LICENSE and pyproject.toml afterwards.",
        )
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
    _refuse_taken("-".join(words), target.name, module)
    filled = {
        "package": target.name,
        "module": module,
        "name": "-".join(words),
        "title": " ".join(words).capitalize(),
        "class_name": "".join(word.capitalize() for word in words),
        "api_version": str(API_VERSION),
        "keyword": KEYWORD,
        "license": known[license_id.lower()],
        "year": time.strftime("%Y"),
    }
    filled["author"] = " ".join(author.split()) or f"the authors of {target.name}"
    # What JSON takes for a string, TOML does too.
    filled["quoted_author"] = json.dumps(filled["author"], ensure_ascii=False)
    templates = resources.files("core.plugins.template")
    for template, path in _FILES.items():
        file = target / path.format(**filled)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            Template((templates / template.format(**filled)).read_text(encoding="utf-8")).substitute(filled),
            encoding="utf-8",
        )
    _draw(target, filled["module"], filled["name"])
    return target


def _refuse_taken(name: str, package: str, module: str) -> None:
    """Refuse what would be left out once it is installed, as the name of its picture or package is another's."""
    from core.plugins.registry import get_registry

    another = "Take another name: the first one of a name stays, and the second is not loaded."
    registry = get_registry()
    with suppress(PluginFailed):
        picture = registry.get(name)
        plugin = registry.plugin_of(picture.name)
        whose = "ships with Layerscope" if plugin.source == "built-in" else f"is of {plugin.package}"
        raise InputRejected(f"The picture {picture.title} ({picture.name}) {whose}.", remedy=another)
    if installed_version(package) or importlib.util.find_spec(module):
        raise InputRejected(f"{package} is installed already.", remedy=another)


def _draw(target: Path, module: str, name: str) -> None:
    """Draw the picture of the README, as the package's own test does."""
    from core.plugins.testing import empty_registry, make_activation, screenshot

    registry = empty_registry()
    registry.load_file(target / f"{module}.py")
    activation = make_activation("sample=1 time=40 unit=3")
    screenshot(registry.draw(name, activation, {"smooth": True}), target / _PICTURE)
