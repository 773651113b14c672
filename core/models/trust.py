"""Which code a person trusts: modules and files whose classes a model may use, and the lambdas in a file.

A name is that of a module that is installed (``"keras_hub"``), the path of a file or package (``"my_layers.py"``), or
``"lambda"`` for the Python code that a model file holds itself. Nothing is imported here, see
``core.models.trusted_code``.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import importlib.util
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final

from core.common.limits import PREFIX
from core.common.plugin_permission import allowed_names, are_plugins_enabled, is_named
from core.common.text import safe_name
from core.errors import InputRejected
from core.models.code_needs import LAMBDA, is_module_name

__all__ = [
    "LAYERS_GROUP",
    "NO_TRUST",
    "TRUST_VARIABLE",
    "CodeBundle",
    "Trust",
    "add_to_environment",
    "bundle_of_upload",
    "code_files",
    "get_trust",
    "importable",
    "is_installed",
    "module_path",
]

TRUST_VARIABLE: Final = f"{PREFIX}TRUST"
LAYERS_GROUP: Final = "layerscope.layers"
_MOST_FILES: Final = 500
_MOST_BYTES: Final = 20_000_000
_LARGEST_DATA: Final = 1_000_000


@dataclass(frozen=True)
class CodeBundle:
    """Python files that belong together, by their content, so that another process can import them.

    Attributes:
        modules: Names of the modules that are trusted, such as ``"my_layers"`` or ``"my_package.layers"``.
        files: Path from the folder that is imported from, and content, of each.
    """

    modules: tuple[str, ...]
    files: tuple[tuple[str, bytes], ...]

    def title(self, module: str) -> str:
        """Return what a person calls one of its modules: the file's name, or the package's."""
        path = f"{module.replace('.', '/')}.py"
        return path.rpartition("/")[2] if any(each == path for each, _ in self.files) else module

    @property
    def key(self) -> str:
        """What tells its content from that of others."""
        digest = hashlib.sha256(",".join(self.modules).encode())
        for path, content in self.files:
            digest.update(f"\0{path}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()


@dataclass(frozen=True)
class Trust:
    """What may be used beyond Keras.

    Attributes:
        names: Names of modules, absolute paths of files and packages, and ``"lambda"``.
        bundles: Files by their content, where the process that imports them cannot read them.
    """

    names: tuple[str, ...] = ()
    bundles: tuple[CodeBundle, ...] = ()

    @classmethod
    def of(cls, names: Iterable[str | os.PathLike[str] | ModuleType]) -> Trust:
        """Return what a person trusts by name.

        Args:
            names: Names of modules, paths of files or folders of packages, modules themselves, and ``"lambda"``.

        Raises:
            InputRejected: If there is no such module or file.
        """
        return cls(tuple(dict.fromkeys(map(_located, names))))

    @property
    def lambdas(self) -> bool:
        """Whether code that a model file holds may run."""
        return LAMBDA in self.names

    @property
    def modules(self) -> tuple[str, ...]:
        """The names and paths of what is imported."""
        return tuple(name for name in self.names if name != LAMBDA)

    @property
    def titles(self) -> tuple[str, ...]:
        """What a person calls what is trusted: modules by name, files as they are called, and ``"lambda"``."""
        files = [bundle.title(name) for bundle in self.bundles for name in bundle.modules]
        return (*(Path(name).name if os.path.isabs(name) else name for name in self.names), *files)

    @property
    def key(self) -> str:
        """What tells it from other trust; empty where nothing is trusted."""
        return "\0".join([*sorted(self.names), *sorted(bundle.key for bundle in self.bundles)])

    def __or__(self, other: Trust) -> Trust:
        """Return what either of two trusts."""
        return Trust(
            tuple(dict.fromkeys((*self.names, *other.names))), tuple(dict.fromkeys((*self.bundles, *other.bundles)))
        )

    def __bool__(self) -> bool:
        return bool(self.names or self.bundles)

    def portable(self) -> Trust:
        """Return the same with the content of every file that is not installed, as a confined process needs it.

        Raises:
            InputRejected: If files cannot be read, or are too many or too large.
        """
        names, bundles = [], list(self.bundles)
        for name in self.names:
            path = Path(name) if os.path.isabs(name) else None if name == LAMBDA else _uninstalled(name)
            if path is None:
                names.append(name)
            else:
                bundles.append(_bundle(path))
        return Trust(tuple(names), tuple(dict.fromkeys(bundles)))


NO_TRUST: Final = Trust()


def get_trust() -> Trust:
    """Return what whoever runs Layerscope trusts: ``LAYERSCOPE_TRUST``, names with commas, and layers of packages.

    An installed package names the modules of its layers as entry points of the group ``layerscope.layers``; like its
    pictures they can be left out, see :mod:`core.common.plugin_permission`.

    Raises:
        InputRejected: If there is no such module or file.
    """
    return Trust.of(_names_in_environment()) | Trust(tuple(_modules_of_packages()))


def _modules_of_packages() -> Iterator[str]:
    for entry_point in importlib.metadata.entry_points(group=LAYERS_GROUP) if are_plugins_enabled() else ():
        package = entry_point.dist.name if entry_point.dist else ""
        # One that is not there is for its own models to miss, and for nobody else.
        if is_named((package, entry_point.name), allowed_names()) and _spec(entry_point.module.partition(".")[0]):
            yield entry_point.module


def add_to_environment(names: Iterable[str]) -> None:
    """Let the environment say that these are trusted too, for this process and those that it starts.

    Raises:
        InputRejected: If there is no such module or file.
    """
    # Where a process works is not where it was started.
    added = Trust.of([*_names_in_environment(), *names])
    if added:
        os.environ[TRUST_VARIABLE] = ",".join(added.names)


def _names_in_environment() -> list[str]:
    return [name.strip() for name in os.environ.get(TRUST_VARIABLE, "").split(",") if name.strip()]


def bundle_of_upload(files: Iterable[tuple[str, bytes]]) -> CodeBundle:
    """Return files that somebody uploaded as code to import.

    Args:
        files: Name and content of each; each may import the others.
    """
    contents = {_identifier(Path(name).stem): content for name, content in files}
    return CodeBundle(tuple(contents), tuple(sorted((f"{name}.py", content) for name, content in contents.items())))


def module_path(name: str, folders: Iterable[Path] = ()) -> Path | str | None:
    """Return where a module is that a model file names, without importing anything of it.

    Args:
        name: Its name; what stands before the first dot is looked for.
        folders: Where else to look than where modules are installed.

    Returns:
        Name of an installed module, path of a file or package in one of the folders, or None if it is in neither.
    """
    root = name.partition(".")[0]
    if not is_module_name(name) or root in sys.builtin_module_names:
        return None
    if _spec(root) is not None:
        return root
    for folder in folders:
        for path in (folder / f"{root}.py", folder / root):
            if path.is_file() or (path / "__init__.py").is_file():
                return path.resolve()
    return None


def _located(name: str | os.PathLike[str] | ModuleType) -> str:
    if isinstance(name, ModuleType):
        return name.__name__
    text = os.fspath(name)
    if text == LAMBDA:
        return text
    path = Path(text).expanduser()
    if not isinstance(name, str) or text.endswith(".py") or os.sep in text:
        if path.is_file() or path.is_dir():
            return str(path.resolve())
    elif located := module_path(text, [Path.cwd()]):
        return text if isinstance(located, str) else str(located)
    raise InputRejected(
        f"There is no module and no file {safe_name(text)!r} that could be trusted.",
        remedy="Name a module that is installed here, such as keras_hub, a file, such as my_layers.py, or lambda.",
    )


def _spec(root: str) -> importlib.machinery.ModuleSpec | None:
    try:
        return importlib.util.find_spec(root)
    except (ImportError, ValueError, AttributeError):
        return None


def _uninstalled(name: str) -> Path | None:
    """Path of a module that is not where packages are installed, as one that is installed for editing."""
    spec = _spec(name.partition(".")[0])
    places = [] if spec is None else [spec.origin or "", *(spec.submodule_search_locations or ())]
    path = next((Path(place) for place in places if place and os.path.exists(place)), None)
    if path is None or is_installed(path):
        return None
    return path.parent if path.name == "__init__.py" else path


def is_installed(path: Path) -> bool:
    """Return whether a file is among those of Python or of installed packages, which every process may read."""
    roots = {sys.prefix, sys.base_prefix, *(each for each in sys.path if each.endswith("-packages"))}
    return any(path.is_relative_to(root) for root in roots)


def importable(path: Path) -> tuple[Path, str]:
    """Return the folder that a file or package is imported from, that of the outermost package, and its name there."""
    base = path.parent
    while (base / "__init__.py").is_file():
        base = base.parent
    return base, ".".join(path.relative_to(base).with_suffix("").parts)


def code_files(path: Path) -> Iterator[Path]:
    """Yield the files of a module: of its package, and of what it imports from the same folder."""
    base, _ = importable(path)
    waiting, known = [base / path.relative_to(base).parts[0]], set[Path]()
    while waiting:
        place = waiting.pop()
        if place in known:
            continue
        known.add(place)
        for source in filter(_is_carried, sorted(place.rglob("*"))) if place.is_dir() else [place]:
            yield source
            for root in _imported(source) if source.suffix == ".py" else ():
                waiting += [each for each in (base / f"{root}.py", base / root) if _is_code(each)]


def _bundle(path: Path) -> CodeBundle:
    base, module = importable(path)
    files: dict[str, bytes] = {}
    for source in code_files(path):
        try:
            files[source.relative_to(base).as_posix()] = source.read_bytes()
        except OSError as error:
            raise InputRejected(f"{source.name} cannot be read: {error.strerror}.", remedy="Check the path.") from error
        if len(files) > _MOST_FILES or sum(map(len, files.values())) > _MOST_BYTES:
            raise InputRejected(
                f"{path.name} brings more than {_MOST_FILES:,} files, or {_MOST_BYTES:,} bytes, of code.",
                remedy="Install the package, and trust it by its name.",
            )
    return CodeBundle((module,), tuple(sorted(files.items())))


def _is_carried(path: Path) -> bool:
    """Whether a file of a package goes with it: code, and small data such as what its modules read."""
    is_own = path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts
    return is_own and (path.suffix == ".py" or path.stat().st_size <= _LARGEST_DATA)


def _is_code(path: Path) -> bool:
    return path.is_file() or (path / "__init__.py").is_file()


def _imported(source: Path) -> set[str]:
    try:
        tree = ast.parse(source.read_bytes())
    except (OSError, SyntaxError, ValueError):
        # Whoever imports it says what is wrong.
        return set()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def _identifier(name: str) -> str:
    cleaned = re.sub(r"\W", "_", name)
    return cleaned if cleaned.isidentifier() else f"_{cleaned}"
