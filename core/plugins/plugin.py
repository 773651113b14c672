"""What is known of a plugin: where it comes from, how it fared, and what went wrong with it."""

from __future__ import annotations

import bdb
import importlib.metadata
import itertools
import sysconfig
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

__all__ = [
    "BUILT_IN_PACKAGE",
    "PROJECT_NAME",
    "Origin",
    "Plugin",
    "PluginSource",
    "PluginStatus",
    "Problem",
    "Stage",
    "first_line",
    "left_out_problem",
    "problem_of",
    "replacement_problem",
]

BUILT_IN_PACKAGE: Final = "vizplugins"
PROJECT_NAME: Final = "layerscope"
"""What pluggy calls us, and what the entry points of plugins are grouped under."""

PluginSource = Literal["built-in", "package", "file", "registered"]
PluginStatus = Literal["ready", "failed", "not allowed"]
Stage = Literal["import", "registration", "hook", "drawing"]

_OURS: Final = Path(__file__).resolve().parents[1]
_DISTRIBUTIONS: Final = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "umap": "umap-learn",
    "yaml": "pyyaml",
}
"""What has a module of another name."""
_PYTHON: Final = Path(sysconfig.get_paths()["stdlib"])


@dataclass(frozen=True)
class Origin:
    """Where a plugin comes from.

    Attributes:
        plugin: What it is called in messages: its entry point, its file, or its module.
        source: Which of the ways in it took.
        package: Distribution or module that it came from; a file's own name.
        version: Version of that distribution; empty if unknown.
        path: The file, for a plugin that is one; else empty.
        report_to: Where its author wants to hear of failures: an address of a page or of a person; empty if unknown.
        twin: Tells it from others that are called the same.
    """

    plugin: str
    source: PluginSource = "registered"
    package: str = ""
    version: str = ""
    path: str = ""
    report_to: str = ""
    twin: int = 0

    @property
    def key(self) -> str:
        """What tells it from every other plugin."""
        return "|".join([self.source, self.package, self.plugin, self.path, *([str(self.twin)] if self.twin else [])])

    @property
    def in_words(self) -> str:
        """Package and version."""
        return f"{self.package} {self.version}".strip()

    def plain(self) -> Plugin:
        """Return the plugin as it is before anything is known of it."""
        return Plugin(self.plugin, self.source, self.package, self.version, self.path, report_to=self.report_to)


@dataclass(frozen=True)
class Problem:
    """What could not be loaded, or failed while it was asked.

    Attributes:
        plugin: Name of the plugin, such as its entry point.
        package: Distribution or module it came from.
        version: Version of that distribution; empty if unknown.
        stage: ``"import"``, ``"registration"``, ``"hook"`` or ``"drawing"``.
        message: What happened, in a sentence.
        traceback: For the plugin's author.
        file: The plugin's file that it happened in, or that declares it; empty if unknown.
        line: Line in that file, from 1; 0 if unknown.
        report_to: Where to report it; empty if unknown.
    """

    plugin: str
    package: str
    version: str
    stage: Stage
    message: str
    traceback: str = ""
    file: str = ""
    line: int = 0
    report_to: str = ""

    @property
    def place(self) -> str:
        """File and line, such as ``"power.py, line 12"``; empty if unknown."""
        if not self.file:
            return ""
        return f"{Path(self.file).name}, line {self.line}" if self.line else Path(self.file).name

    @property
    def in_words(self) -> str:
        """What happened, and where if the message does not say so itself, as that of a SyntaxError does."""
        return f"{self.message} ({self.place})" if self.place and self.place not in self.message else self.message


@dataclass(frozen=True)
class Plugin:
    """A plugin that was found, whether it can be used or not.

    Attributes:
        name: What it is called.
        source: ``"built-in"``, ``"package"`` (installed), ``"file"`` (in a folder of plugins) or ``"registered"``.
        package: Distribution or module that it came from.
        version: Version of that distribution; empty if unknown.
        path: The file, for a plugin that is one; else empty.
        status: ``"ready"``, ``"failed"`` or ``"not allowed"``.
        visualizers: Names of the visualizers that it brings.
        meanings: Names of the meanings of outputs that it brings.
        readers: Names of the readers of files that it brings.
        loaders: Names of the loaders of model files that it brings.
        problems: What went wrong.
        notices: Deprecated names that it uses, and what to use instead; imports that are slow.
        import_seconds: How long importing it took.
        slowest_import: The package that took the most of it, where that was long; else empty.
        changed_at: When its file was last loaded again, such as ``"12:03:05"``; empty if it was not.
        report_to: Where its author wants to hear of failures; empty if unknown.
    """

    name: str
    source: PluginSource
    package: str
    version: str = ""
    path: str = ""
    status: PluginStatus = "ready"
    visualizers: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    notices: tuple[str, ...] = ()
    import_seconds: float = 0.0
    slowest_import: str = ""
    changed_at: str = ""
    report_to: str = ""
    meanings: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    loaders: tuple[str, ...] = ()

    def but(self, **changes: Any) -> Plugin:
        """Return the same with some attributes changed."""
        return replace(self, **changes)


def first_line(brought: object, base: type) -> str:
    """Return the first line of the docstring of what a plugin brought, or of a class between that and its base."""
    own = type(brought).__mro__[: type(brought).__mro__.index(base)]
    return next((each.__doc__ for each in own if each.__doc__), "").strip().partition("\n")[0]


def problem_of(origin: Origin, stage: Stage, error: BaseException, place: tuple[str, int] | None = None) -> Problem:
    """Describe what a plugin raised.

    Args:
        origin: The plugin.
        stage: When it happened.
        error: What was raised.
        place: File and line that are at fault, where the traceback does not lead there.
    """
    file, line = place or _place_of(error)
    message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    message += _what_is_missing(error)
    lines = _own_traceback(error)
    return _problem(origin, stage, message, lines, file, line)


def left_out_problem(origin: Origin, failure: str) -> Problem:
    """Describe that a plugin is not loaded any more, as no process works that it is loaded in.

    Args:
        origin: The plugin.
        failure: What was said of such a process.
    """
    again = "save it again once it is mended" if origin.path else "start the app again once it is mended"
    message = f"no process works that it is loaded in, so it is left out; {again}"
    return _problem(origin, "import", message, failure, origin.path)


def replacement_problem(origin: Origin, stage: Stage, names: Sequence[str]) -> Problem:
    """Describe that a plugin replaced what all pictures are drawn with.

    Args:
        origin: The plugin.
        stage: When it did so.
        names: What it replaced.
    """
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    message = (
        f"it replaced {names[0]}{more}, which other pictures are drawn with, so that was put back: use a function or "
        "a class of its own in its place"
    )
    told = "\n".join(["It replaced:", *names])
    line = _line_with(origin.path, f".{names[0].rpartition('.')[2]}") if origin.path else 0
    return _problem(origin, stage, message, told, origin.path if line else "", line)


def _problem(origin: Origin, stage: Stage, message: str, told: str, file: str, line: int = 0) -> Problem:
    return Problem(origin.plugin, origin.package, origin.version, stage, message, told, file, line, origin.report_to)


def _line_with(path: str, text: str) -> int:
    """Return the first line of a file that holds a text, from 1; 0 where none does."""
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return 0
    return next((number for number, line in enumerate(lines, 1) if text in line), 0)


def _own_traceback(error: BaseException) -> str:
    """Return the traceback from the first line of the plugin's own on: how Layerscope came to it tells it nothing."""
    told = traceback.TracebackException.from_exception(error)
    part: traceback.TracebackException | None = told
    while part is not None:
        frames = list(itertools.dropwhile(_is_of_the_host, part.stack))
        part.stack = traceback.StackSummary.from_list(frames)
        part = part.__cause__ or part.__context__
    return "".join(told.format())


def _is_of_the_host(frame: traceback.FrameSummary) -> bool:
    path = Path(frame.filename)
    installed = {"site-packages", "dist-packages"} & set(path.parts)
    is_ours = _OURS in path.parents and BUILT_IN_PACKAGE not in path.parts
    return frame.filename.startswith("<") or is_ours or (_PYTHON in path.parents and not installed)


def _what_is_missing(error: BaseException) -> str:
    """Return the end of a sentence: what to do where a module is missing, or a terminal; empty where none is."""
    if isinstance(error, bdb.BdbQuit):
        return "; a breakpoint needs a terminal: start the app with --in-process"
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return ""
    module = error.name.partition(".")[0]
    if module in importlib.metadata.packages_distributions():
        return "; it was installed while the app runs: start the app again"
    package = _DISTRIBUTIONS.get(module, module.replace("_", "-"))
    return f"; install it where Layerscope runs, such as by `pip install {package}`, and start the app again"


def _place_of(error: BaseException) -> tuple[str, int]:
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno or 0
    # What was interrupted since it took too long stands in the interruption's own traceback.
    told = error.__cause__ if isinstance(error, TimeoutError) and error.__cause__ else error
    # The last line outside of our own code and of Python's own: there the plugin called what failed.
    for frame in reversed(traceback.extract_tb(told.__traceback__)):
        if not _is_of_the_host(frame):
            return frame.filename, frame.lineno or 0
    return "", 0
