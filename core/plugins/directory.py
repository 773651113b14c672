"""The directory of plugins: a list that ships, to which a pull request adds; nothing is fetched to show it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import Annotated, Any, Final

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.utils import canonicalize_name
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.errors import InputRejected

__all__ = [
    "KEYWORD",
    "PREFIX",
    "DirectoryEntry",
    "license_fault",
    "list_directory",
    "name_fault",
    "parse_directory",
    "same_package",
    "url_fault",
]

KEYWORD: Final = "layerscope-plugin"
"""The keyword by which a package index finds plugins."""
PREFIX: Final = "layerscope-"
"""What the names of plugins' distributions begin with."""
_FILE: Final = "directory.toml"
_NAME: Final = re.compile(rf"{PREFIX}[a-z0-9]+(-[a-z0-9]+)*\Z")
_ADDRESS: Final = re.compile(r"https://[^\s/@\"'<>()\\]+\.[^\s\"'<>()\\]+\Z")
_FOLDER: Final = re.compile(r"examples/[a-z0-9-]+\Z")


def license_fault(license_id: str) -> str:
    """Return why a text is no licence as SPDX writes it; empty if it is one."""
    try:
        canonical = canonicalize_license_expression(license_id)
    except InvalidLicenseExpression:
        return f"{license_id!r} is no licence of SPDX; write it as https://spdx.org/licenses has it, such as MIT"
    return "" if canonical == license_id else f"{license_id!r} is written {canonical!r} by SPDX"


def same_package(one: str, other: str) -> bool:
    """Return whether two names are those of one distribution, which ``_``, ``.`` and capitals do not tell apart."""
    return canonicalize_name(one) == canonicalize_name(other)


def name_fault(package: str) -> str:
    """Return why a distribution is not called as plugins are; empty if it is."""
    if _NAME.match(package):
        return ""
    return f"{package!r} is not small letters and digits behind {PREFIX!r}, words joined by hyphens"


def url_fault(url: str) -> str:
    """Return why a text is no address that the page may link to; empty if it is one."""
    return "" if _ADDRESS.match(url) else f"{url!r} is no address that begins with https://"


def _named_as_agreed(package: str) -> str:
    if fault := name_fault(package):
        raise ValueError(fault)
    return package


def _of_spdx(license_id: str) -> str:
    if fault := license_fault(license_id):
        raise ValueError(fault)
    return license_id


def _one_line(text: str) -> str:
    if text != text.strip() or len(text.splitlines()) != 1:
        raise ValueError(f"{text[:40]!r} is not one line, or has blanks around it")
    return text


def _secure(url: str) -> str:
    if url and (fault := url_fault(url)):
        raise ValueError(fault)
    return url


def _shipped(folder: str) -> str:
    if folder and not _FOLDER.match(folder):
        raise ValueError(f"{folder!r} is no folder of examples/")
    return folder


_Line = Annotated[str, AfterValidator(_one_line)]


class DirectoryEntry(BaseModel):
    """A package of the directory.

    Attributes:
        package: The distribution that ``pip install`` takes, ``layerscope-…``.
        description: What is to be seen, in a sentence or two.
        titles: What its pictures, or meanings of outputs, are called on the page.
        license: Its licence, as SPDX writes it.
        url: Page of its source; empty for an example.
        folder: Where it is among Layerscope's own files; empty for what is not an example.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    package: Annotated[str, AfterValidator(_named_as_agreed)]
    description: Annotated[_Line, Field(min_length=10, max_length=200)]
    titles: Annotated[tuple[Annotated[_Line, Field(min_length=1, max_length=60)], ...], Field(min_length=1)]
    license: Annotated[str, AfterValidator(_of_spdx)]
    url: Annotated[str, AfterValidator(_secure)] = ""
    folder: Annotated[str, AfterValidator(_shipped)] = ""

    @model_validator(mode="after")
    def _is_somewhere(self) -> DirectoryEntry:
        if bool(self.url) == bool(self.folder):
            raise ValueError("either url, the page of its source, or folder, for an example, is needed")
        return self

    @property
    def installed_by(self) -> str:
        """What is typed to install it."""
        return f"pip install {f'./{self.folder}' if self.folder else self.package}"


def parse_directory(text: str) -> tuple[DirectoryEntry, ...]:
    """Return the entries of a list.

    Args:
        text: TOML: a table ``[[entry]]`` for each package.

    Raises:
        InputRejected: If it cannot be read, an entry is not as it should be, or two are of one package.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputRejected(f"The directory of plugins cannot be read: {error}.", remedy="Mend that line.") from error
    listed = tables.get("entry", [])
    if set(tables) - {"entry"} or not isinstance(listed, list):
        raise InputRejected(
            "The directory of plugins has something else than entries.", remedy="Begin each with [[entry]]."
        )
    entries = tuple(_entry(number, table) for number, table in enumerate(listed, 1))
    names = [entry.package for entry in entries]
    for earlier, later in pairwise(names):
        if earlier >= later:
            what = "is listed twice" if earlier == later else f"stands behind {earlier!r}"
            raise InputRejected(
                f"{later!r} {what} in the directory of plugins.", remedy="List each once, by the alphabet."
            )
    return entries


def _entry(number: int, table: Any) -> DirectoryEntry:
    try:
        return DirectoryEntry.model_validate(table)
    except ValidationError as error:
        name = table.get("package", "") if isinstance(table, dict) else ""
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        said = first["msg"].removeprefix("Value error, ")
        raise InputRejected(
            f"Entry {number} of the directory of plugins{f', {name!r}' if name else ''}, is not as it should be: "
            f"{f'{place}: ' if place else ''}{said}.",
            remedy="docs/plugin-directory.md says what an entry needs.",
        ) from error


@cache
def list_directory() -> Sequence[DirectoryEntry]:
    """Return the packages that are listed, by name."""
    return parse_directory((resources.files("core.plugins") / _FILE).read_text(encoding="utf-8"))
