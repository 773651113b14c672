"""What a package needs to be listed in the directory of plugins, and which of it is there."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from core.plugins.directory import KEYWORD, license_fault, name_fault, url_fault

__all__ = ["DirectoryNeed", "needs_of"]

_PROJECT: Final = "pyproject.toml"
_PICTURE: Final = re.compile(r"!\[[^\]]*\]\(|<img\s|^\.\. (image|figure)::", re.MULTILINE)
"""A picture in Markdown, HTML or reStructuredText."""
_SHORTEST: Final = 10
_LONGEST: Final = 200


@dataclass(frozen=True)
class DirectoryNeed:
    """One thing that a package needs to be listed.

    Attributes:
        name: What it is: ``"keyword"``.
        is_there: Whether the package has it.
        words: What there is; or what to do about it.
    """

    name: str
    is_there: bool
    words: str


@dataclass(frozen=True)
class _About:
    """What a package says of itself, as an index shows it."""

    name: str
    description: str
    keywords: tuple[str, ...]
    license: str
    urls: Mapping[str, str]
    readme: str


def needs_of(what: str) -> tuple[DirectoryNeed, ...]:
    """Return what a package needs to be listed, each with whether it is there; nothing for what is no package.

    Args:
        what: A folder with a ``pyproject.toml``, a file beside one, or the name of an installed distribution.
    """
    path = Path(what)
    about = _about_project(path if path.is_dir() else path.parent) if path.exists() else _about_installed(what)
    return () if about is None else (_name(about), _keyword(about), _license(about), *_texts(about), _url(about))


def _about_project(folder: Path) -> _About | None:
    try:
        project: dict[str, Any] = tomllib.loads((folder / _PROJECT).read_text(encoding="utf-8"))["project"]
        readme = project.get("readme", "")
        if isinstance(readme, Mapping):
            readme = readme.get("file", "")
        said = (folder / readme).read_text(encoding="utf-8") if readme and (folder / readme).is_file() else ""
        stated = project.get("license", "")
        return _About(
            str(project["name"]),
            str(project.get("description", "")),
            tuple(map(str, project.get("keywords", ()))),
            stated if isinstance(stated, str) else "",
            {str(label): str(address) for label, address in project.get("urls", {}).items()},
            said,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # Whoever builds it is told what is wrong with the file, by the program that reads it.
        return None


def _about_installed(name: str) -> _About | None:
    try:
        about: Any = importlib.metadata.metadata(name)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return None
    urls = [str(line).partition(",") for line in about.get_all("Project-URL") or ()]
    return _About(
        about["Name"],
        about.get("Summary") or "",
        tuple(word.strip() for word in (about.get("Keywords") or "").split(",")),
        about.get("License-Expression") or "",
        {label: address.strip() for label, _, address in urls},
        about.get("Description") or str(about.get_payload() or ""),
    )


def _name(about: _About) -> DirectoryNeed:
    fault = name_fault(about.name)
    return DirectoryNeed("name", not fault, fault or about.name)


def _keyword(about: _About) -> DirectoryNeed:
    is_there = KEYWORD in about.keywords
    return DirectoryNeed("keyword", is_there, KEYWORD if is_there else f'add "{KEYWORD}" to keywords in {_PROJECT}')


def _license(about: _About) -> DirectoryNeed:
    if not about.license:
        return DirectoryNeed("licence", False, f'say it in {_PROJECT} as SPDX writes it: license = "MIT"')
    fault = license_fault(about.license)
    return DirectoryNeed("licence", not fault, fault or about.license)


def _texts(about: _About) -> tuple[DirectoryNeed, DirectoryNeed]:
    fits = _SHORTEST <= len(about.description) <= _LONGEST and len(about.description.splitlines()) == 1
    has_picture = bool(_PICTURE.search(about.readme))
    said = "has a picture" if has_picture else "show the picture in it: ![What is to be seen](picture.png)"
    return (
        DirectoryNeed(
            "description",
            fits,
            about.description
            if fits
            else f"say in one line of {_SHORTEST} to {_LONGEST} characters what is to be seen",
        ),
        DirectoryNeed(
            "README", has_picture, said if about.readme else f"write one, and name it as readme in {_PROJECT}"
        ),
    )


def _url(about: _About) -> DirectoryNeed:
    address = next((address for address in about.urls.values() if not url_fault(address)), "")
    return DirectoryNeed(
        "URL",
        bool(address),
        address or f'say in [project.urls] of {_PROJECT} where its source is: Source = "https://…"',
    )
