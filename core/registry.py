"""Finds visualizers, matches them to an activation, and runs them apart from each other.

A plugin can fail at four boundaries: when it is imported, when it is registered, when its hook is called, and when
it draws. Each is guarded here; a failure is kept with the plugin's name, package, version and traceback, and the
others go on.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import json
import pkgutil
import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import altair as alt
import pluggy

from core import hookspecs
from core.activation import Activation, Activations
from core.errors import PluginFailed
from core.options import fit_options
from core.vega_lite import specification_of
from core.visualizer import Handles, Match, Options, Visualizer

__all__ = ["Candidate", "Drawing", "Problem", "Registry", "get_registry"]

BUILT_IN_PACKAGE: Final = "vizplugins"
SPECIFICATION_BYTES: Final = 8_000_000
"""Budget for one chart: what a browser still draws at once."""

_DEFAULT_CONFIG: Final = {"view": {"continuousWidth": 300, "continuousHeight": 300}}
_drawing_lock = threading.Lock()


@dataclass(frozen=True)
class Problem:
    """What could not be loaded, or failed while it was asked.

    Attributes:
        plugin: Name of the plugin, such as its entry point.
        package: Distribution or module it came from.
        version: Version of that distribution; empty if unknown.
        stage: ``"import"``, ``"registration"`` or ``"hook"``.
        message: What happened, in a sentence.
        traceback: For the plugin's author.
    """

    plugin: str
    package: str
    version: str
    stage: str
    message: str
    traceback: str = ""


@dataclass(frozen=True)
class Candidate:
    """A visualizer and whether it handles a certain activation."""

    visualizer: Visualizer
    match: Match


@dataclass(frozen=True)
class Drawing:
    """A chart that was drawn and found to be sound.

    Attributes:
        chart: The Altair chart.
        specification: Its Vega-Lite specification.
        notes: A sentence per option value that had to be fitted.
    """

    chart: Any
    specification: dict[str, Any]
    notes: tuple[str, ...]

    @property
    def selections(self) -> tuple[str, ...]:
        """Names of the selection parameters in the chart."""
        return tuple(param["name"] for param in self.specification.get("params", ()) if "select" in param)


@dataclass(frozen=True)
class _Origin:
    plugin: str
    package: str
    version: str
    built_in: bool


class Registry:
    """Every visualizer that was found, and what could not be.

    Args:
        discover: Whether to look for the built-in visualizers and for installed plugins (entry point group
            ``layerscope``). A test or notebook can start empty and use :meth:`register`.
    """

    def __init__(self, *, discover: bool = True) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT_NAME)
        self._manager.add_hookspecs(hookspecs)
        self._visualizers: dict[str, Visualizer] = {}
        self._origins: dict[str, _Origin] = {}
        self._origins_of_plugins: dict[str, _Origin] = {}
        self._problems: list[Problem] = []
        if discover:
            self._discover_built_ins()
            self._discover_entry_points()

    @property
    def visualizers(self) -> tuple[Visualizer, ...]:
        """Every visualizer found, in the order in which they were found."""
        return tuple(self._visualizers.values())

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What could not be loaded: which plugin, why, the traceback."""
        return tuple(self._problems)

    def register(self, plugin: Any, *, name: str = "", package: str = "", version: str = "") -> bool:
        """Take in a plugin: a module or object with ``@hookimpl`` functions, or a single Visualizer.

        Args:
            plugin: The plugin.
            name: What it is called in messages; its module's name if empty.
            package: Distribution that it came from.
            version: Version of that distribution.

        Returns:
            True if its visualizers can be used; what went wrong is in :attr:`problems`.
        """
        name = name or getattr(plugin, "__name__", "") or type(plugin).__name__
        origin = _Origin(name, package or name.partition(".")[0], version, package == BUILT_IN_PACKAGE)
        if isinstance(plugin, Visualizer):
            return self._add(plugin, origin)
        found_before = len(self._problems)
        already = self._manager.get_plugin(name)
        try:
            self._manager.register(plugin, name=name)
            self._refuse_unknown_hooks(plugin)
        except Exception as error:
            # pluggy keeps a plugin whose validation failed; one that was there before under this name stays.
            if self._manager.get_plugin(name) not in (None, already):
                self._manager.unregister(name=name)
            self._note(origin, "registration", error)
            return False
        self._origins_of_plugins[name] = origin
        for implementation in self._manager.hook.visualizers.get_hookimpls():
            if implementation.plugin is plugin:
                self._take_visualizers(implementation.function, origin)
        return len(self._problems) == found_before

    def candidates(self, activation: Activation) -> tuple[Candidate, ...]:
        """Return every visualizer with yes or a reason: those that handle the activation first, the best foremost."""
        found = [Candidate(each, self._match(each, activation)) for each in self._visualizers.values()]
        return tuple(sorted(found, key=self._rank))

    def publish(self, activation: Activation) -> tuple[Visualizer, ...]:
        """Return the visualizers that handle an activation, the best first."""
        return tuple(each.visualizer for each in self.candidates(activation) if each.match.handled)

    def announce(self, activations: Activations) -> None:
        """Tell every plugin that asked that a forward pass was recorded; one that raises does not stop the others."""
        for implementation in self._manager.hook.activations_published.get_hookimpls():
            try:
                # As pluggy has it, an implementation may leave out what it does not need.
                implementation.function(**dict.fromkeys(implementation.argnames, activations))
            except Exception as error:
                self._note(self._origins_of_plugins[implementation.plugin_name], "hook", error)

    def get(self, name: str) -> Visualizer:
        """Return a visualizer by name.

        Raises:
            PluginFailed: If there is none of that name; the message names near ones.
        """
        if name not in self._visualizers:
            near = difflib.get_close_matches(name, self._visualizers, n=1)
            meant = f" Did you mean {near[0]!r}?" if near else ""
            raise PluginFailed(
                f"There is no visualizer {name!r}.{meant}",
                plugin=name,
                remedy=f"There are: {', '.join(self._visualizers)}.",
            )
        return self._visualizers[name]

    def origin(self, name: str) -> tuple[str, str]:
        """Return package and version that a visualizer came from."""
        origin = self._origins[name]
        return origin.package, origin.version

    def chart(self, name: str, activation: Activation, **options: Any) -> Any:
        """Draw an activation and return the Altair chart; arguments and errors are those of :meth:`draw`."""
        return self.draw(name, activation, options).chart

    def draw(self, name: str, activation: Activation, options: Mapping[str, Any] | None = None) -> Drawing:
        """Draw an activation, and make sure that the chart is sound.

        Args:
            name: Name of the visualizer.
            activation: What to draw.
            options: Option values by name; values that do not suit the activation are fitted.

        Raises:
            PluginFailed: If the visualizer does not handle the activation, raises, returns no Altair chart, or a chart
                that is invalid or over the budget of bytes.
        """
        visualizer = self.get(name)
        match = self._match(visualizer, activation)
        if not match.handled:
            raise PluginFailed(
                f"{visualizer.title} cannot draw {activation.key}: it {match.reason}.",
                plugin=name,
                remedy="Choose another picture for this layer.",
            )
        if "internals" in visualizer.needs and activation.layer.internals and activation.part == "output":
            _refuse_without_internals(visualizer, activation)
        # A plugin may raise anything; BaseException is left alone, since Streamlit stops a script with one.
        try:
            fitted, notes = fit_options(visualizer, activation, options or {})
            chart = visualizer.chart(activation, fitted)
            specification = _specification(chart)
        except Exception as error:
            raise self._drawing_failed(visualizer, activation, error) from error
        return Drawing(chart, specification, notes)

    def _discover_built_ins(self) -> None:
        package = importlib.import_module(BUILT_IN_PACKAGE)
        for found in pkgutil.iter_modules(package.__path__):
            self._load(
                _Origin(found.name, BUILT_IN_PACKAGE, "", True),
                lambda name=found.name: importlib.import_module(f"{BUILT_IN_PACKAGE}.{name}"),
            )

    def _discover_entry_points(self) -> None:
        # pluggy's load_setuptools_entrypoints would let one plugin that fails to import stop all others.
        for entry_point in importlib.metadata.entry_points(group=hookspecs.PROJECT_NAME):
            distribution = entry_point.dist
            name, version = (distribution.name, distribution.version) if distribution else ("", "")
            self._load(_Origin(entry_point.name, name, version, False), entry_point.load)

    def _load(self, origin: _Origin, load: Any) -> None:
        try:
            plugin = load()
        except (Exception, SystemExit) as error:
            self._note(origin, "import", error)
            return
        self.register(plugin, name=origin.plugin, package=origin.package, version=origin.version)

    def _refuse_unknown_hooks(self, plugin: Any) -> None:
        known = [name for name in vars(hookspecs) if hasattr(getattr(hookspecs, name), "layerscope_spec")]
        for attribute in dir(plugin):
            marks = getattr(getattr(plugin, attribute, None), "layerscope_impl", None)
            name = (marks.get("specname") or attribute) if isinstance(marks, dict) else attribute
            if marks is not None and name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                meant = f"; did you mean {near[0]!r}?" if near else "."
                raise TypeError(f"there is no hook {name!r}{meant} The hooks are: {', '.join(known)}.")

    def _take_visualizers(self, hook: Any, origin: _Origin) -> None:
        try:
            found = list(hook())
        except Exception as error:
            self._note(origin, "hook", error)
            return
        for visualizer in found:
            try:
                self._add(visualizer, origin)
            except Exception as error:
                self._note(origin, "registration", error)

    def _add(self, visualizer: Any, origin: _Origin) -> bool:
        fault = _declaration_fault(visualizer)
        if not fault and visualizer.name in self._visualizers:
            # By name, not by class identity: Streamlit reloads modules.
            holder = self._origins[visualizer.name]
            fault = f"the name {visualizer.name!r} is taken by {holder.plugin} of {holder.package}; the first one stays"
        if fault:
            self._note(origin, "registration", TypeError(f"{type(visualizer).__name__}: {fault}"))
            return False
        self._visualizers[visualizer.name] = visualizer
        self._origins[visualizer.name] = origin
        return True

    def _note(self, origin: _Origin, stage: str, error: BaseException) -> None:
        lines = "".join(traceback.format_exception(error))
        message = f"{type(error).__name__}: {error}"
        problem = Problem(origin.plugin, origin.package, origin.version, stage, message, lines)
        # A hook that fails at every forward pass is one problem.
        if problem not in self._problems:
            self._problems.append(problem)

    def _match(self, visualizer: Visualizer, activation: Activation) -> Match:
        try:
            return visualizer.handles.match(activation)
        except Exception as error:
            return Match(False, f"could not be asked: {type(error).__name__}: {error}")

    def _rank(self, candidate: Candidate) -> tuple[Any, ...]:
        visualizer, match = candidate.visualizer, candidate.match
        handles = visualizer.handles
        return (
            not match.handled,
            match.distance,
            not handles.axes,
            not handles.ranks,
            -visualizer.priority,
            self._origins[visualizer.name].built_in,
            visualizer.name,
        )

    def _drawing_failed(self, visualizer: Visualizer, activation: Activation, error: Exception) -> PluginFailed:
        origin = self._origins[visualizer.name]
        shape = "×".join(map(str, activation.shape))
        who = f"{origin.package} {origin.version}".strip()
        return PluginFailed(
            f"{visualizer.title} ({visualizer.name}, {who}) failed on {activation.key} ({shape}): "
            f"{type(error).__name__}: {error}",
            plugin=visualizer.name,
            package=origin.package,
            version=origin.version,
            traceback="".join(traceback.format_exception(error)),
            remedy="The other pictures still work; send the traceback to whoever wrote this one.",
        )


def _declaration_fault(visualizer: Any) -> str:
    if not isinstance(visualizer, Visualizer):
        return "is not an instance of vizplugins.Visualizer (an instance is needed, not the class)"
    for attribute in ("name", "title"):
        if not isinstance(getattr(visualizer, attribute), str) or not getattr(visualizer, attribute):
            return f"declares no {attribute}"
    if not isinstance(visualizer.handles, Handles):
        return f"declares handles = {visualizer.handles!r}, an instance of vizplugins.Handles is needed"
    if not (isinstance(visualizer.Options, type) and issubclass(visualizer.Options, Options)):
        return f"declares Options = {visualizer.Options!r}, a subclass of vizplugins.Options is needed"
    if not isinstance(visualizer.priority, int):
        return f"declares priority = {visualizer.priority!r}, a whole number is needed"
    if not isinstance(visualizer.needs, tuple) or set(visualizer.needs) - {"internals"}:
        return f"declares needs = {visualizer.needs!r}, () or ('internals',) is needed"
    required = [name for name, field in visualizer.Options.model_fields.items() if field.is_required()]
    return f"has options without a default: {', '.join(required)}" if required else ""


def _refuse_without_internals(visualizer: Visualizer, activation: Activation) -> None:
    if not activation.internals:
        raise PluginFailed(
            f"{visualizer.title} draws what {activation.layer.key} keeps to itself, and that was not recorded.",
            plugin=visualizer.name,
            remedy="Extract with internals=True.",
        )


def _specification(chart: Any) -> dict[str, Any]:
    if not isinstance(chart, alt.TopLevelMixin):
        raise TypeError(f"chart() returned {type(chart).__name__}, an Altair chart is needed")
    # Altair's row limit guards notebooks against large data; here the budget of bytes below does. Altair keeps this
    # setting for the whole process, so one thread at a time may change it and must put it back.
    with _drawing_lock, alt.data_transformers.enable("default", max_rows=None):
        specification = specification_of(chart)
    if specification.get("config") == _DEFAULT_CONFIG:
        # Altair's fallback size; the page and the export each have a better one.
        del specification["config"]
    size = len(json.dumps(specification, default=str))
    if size > SPECIFICATION_BYTES:
        raise ValueError(
            f"the chart takes {size / 1e6:.1f} MB, more than the {SPECIFICATION_BYTES / 1e6:.0f} MB that a browser "
            "draws at once; aggregate the data, or draw what lies on a grid as an image"
        )
    return specification


_registry: Registry | None = None
_registry_lock = threading.Lock()


def get_registry() -> Registry:
    """Return the registry of this process; it is filled when it is first asked for."""
    global _registry
    with _registry_lock:
        if _registry is None:
            _registry = Registry()
        return _registry
