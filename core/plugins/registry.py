"""Finds visualizers, matches them to an activation, and lets them draw.

A plugin can fail at four boundaries: when it is imported, when it is registered, when its hook is called, and when
it draws. The first three are guarded in :mod:`core.plugins.loading`, the last one here.
"""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import altair as alt

from core.analysis.layer_dataset import LayerDataset
from core.analysis.other_model import OtherModel, other_model_of
from core.common.limits import get_limits, raised_by
from core.common.prints import collected_prints
from core.common.text import did_you_mean
from core.errors import ExtractionFailed, InputRejected, NoGradient, PluginFailed
from core.extraction.activation import Activation, Activations
from core.extraction.extractor import Extractor
from core.plugins.deadlines import Deadline
from core.plugins.declarations import CHART_ARGUMENTS
from core.plugins.drawing import (
    ChartContext,
    ContentCache,
    Drawing,
    Picture,
    call_chart,
    drawing_failed,
    no_chart,
    sound_drawing,
)
from core.plugins.entries import Entry, unknown_name
from core.plugins.forerunners import RefusedPlugin
from core.plugins.handles import Match
from core.plugins.loader_registry import LoaderRegistry
from core.plugins.loading import LoadedPlugins
from core.plugins.meaning_registry import MeaningRegistry
from core.plugins.options import fit_options
from core.plugins.panels import Panel
from core.plugins.plugin import BUILT_IN_PACKAGE, Origin, Plugin, PluginSource, Problem
from core.plugins.reader_registry import ReaderRegistry
from core.plugins.sources import PluginSettings, get_plugin_settings
from core.plugins.visualizer import Visualizer

_REFUSALS: Final = (InputRejected, NoGradient, ExtractionFailed)
"""What a picture that runs the model again may raise in the place of a refusal."""
_OTHER_PICTURE: Final = "Choose another picture, or another layer."

__all__ = ["Candidate", "Drawing", "Picture", "Plugin", "Problem", "Registry", "get_registry"]


@dataclass(frozen=True)
class Candidate:
    """A visualizer and whether it handles a certain activation."""

    visualizer: Visualizer
    match: Match


class Registry:
    """Every visualizer that was found, and what could not be.

    Safe to be shared by threads.

    Attributes:
        meanings: What outputs of models can mean.
        readers: Who reads files of samples, beside the engine itself.
        loaders: Who makes models of files, beside the engine itself.

    Args:
        discover: Whether to look for the built-in visualizers, for installed plugins (entry point group
            ``layerscope``) and in folders. A test or notebook can start empty and use :meth:`register`.
        settings: Which folders, and which plugins are allowed; by default what the environment says.
    """

    def __init__(self, *, discover: bool = True, settings: PluginSettings | None = None) -> None:
        self._loaded = LoadedPlugins(settings or (get_plugin_settings() if discover else PluginSettings()))
        self._cache = ContentCache()
        self.meanings = MeaningRegistry(self._loaded)
        self.readers = ReaderRegistry(self._loaded)
        self.loaders = LoaderRegistry(self._loaded)
        if discover:
            self._loaded.discover()

    @property
    def visualizers(self) -> tuple[Visualizer, ...]:
        """Every visualizer found that draws charts, in the order in which they were found."""
        return tuple(
            each.visualizer for each in self._loaded.entries.values() if not isinstance(each.visualizer, Panel)
        )

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Every panel found, in the order in which they were found."""
        return tuple(each.visualizer for each in self._loaded.entries.values() if isinstance(each.visualizer, Panel))

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        """Every plugin found, those that failed or are not allowed included, in the order in which they were found."""
        return self._loaded.plugins

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What could not be loaded: which plugin, why, the traceback."""
        return tuple(problem for plugin in self.plugins for problem in plugin.problems)

    def register(self, plugin: Any, *, name: str = "", package: str = "", version: str = "") -> bool:
        """Take in a plugin: a module or object with ``@hookimpl`` functions, or what they return one of.

        A class that was defined anew, as by a cell of a notebook that was run again, takes the place of what it was
        before. What is refused is said in a warning, with what is in :attr:`problems`.

        Args:
            plugin: The plugin.
            name: What it is called in messages; its module's name if empty.
            package: Distribution that it came from.
            version: Version of that distribution.

        Returns:
            True if its visualizers can be used; what went wrong is in :attr:`problems`.
        """
        name = name or getattr(plugin, "__name__", "") or type(plugin).__name__
        source: PluginSource = "built-in" if package == BUILT_IN_PACKAGE else "registered"
        origin = Origin(name, source, package or name.partition(".")[0], version)
        with self._loaded.reported_problems() as problems:
            is_sound = self._loaded.register(plugin, origin)
        stays = (
            "; the earlier one stays as it was" if not is_sound and self._loaded.has_forerunner(plugin, origin) else ""
        )
        for problem in problems:
            warnings.warn(f"{name}: {problem.in_words}{stays}", RefusedPlugin, stacklevel=2)
        return is_sound

    def load_file(self, path: str | Path) -> bool:
        """Take in the plugin that a file is; see :meth:`register` for what it returns."""
        return self._loaded.load_file(Path(path))

    def load_package(self, name: str) -> bool:
        """Take in the plugins of an installed distribution, or else a module by its name; see :meth:`register`."""
        return self._loaded.load_package(name)

    def refresh(self) -> bool:
        """Look into the folders of plugins, and load what is new or was saved since.

        Returns:
            Whether anything changed.
        """
        return self._loaded.refresh()

    def version_of(self, name: str) -> int:
        """Return how often a visualizer was loaded before; what was drawn by an earlier version is out of date."""
        entry = self._loaded.entries.get(name)
        return entry.version if entry else 0

    def candidates(self, activation: Activation) -> tuple[Candidate, ...]:
        """Return every visualizer with yes or a reason: those that handle the activation first, the best foremost."""
        entries = list(self._loaded.entries.values())
        matches = [_match(entry.visualizer, activation) for entry in entries]
        ranked = sorted(zip(entries, matches, strict=True), key=lambda pair: _rank(*pair))
        return tuple(Candidate(entry.visualizer, match) for entry, match in ranked)

    def publish(self, activation: Activation) -> tuple[Visualizer, ...]:
        """Return the visualizers that handle an activation, the best first."""
        return tuple(candidate.visualizer for candidate in self.candidates(activation) if candidate.match.handled)

    def displayed(self, activation: Activation, include: Any = None, exclude: Any = None) -> Any:
        """Return what a notebook shows of an activation that stands by itself: its best picture.

        What needs something that was not recorded, or a model that is not there, does not count; where a picture fails
        or refuses, the next one that suits is taken.

        Args:
            activation: What to show.
            include: Media types, as Jupyter asks for them.
            exclude: Likewise.

        Returns:
            A bundle of media types; None if nothing can be drawn.
        """
        for visualizer in self.publish(activation):
            if _lacks_internals(visualizer, activation) or isinstance(visualizer, Panel):
                continue
            # A display that raises would hide everything else that a notebook's cell shows.
            with suppress(Exception):
                drawing = self.draw(visualizer.name, activation)
                if not drawing.refusal:
                    with alt.data_transformers.enable("default", max_rows=get_limits().chart_rows):
                        return drawing.chart._repr_mimebundle_(include, exclude)
        return None

    def announce(self, activations: Activations) -> None:
        """Tell every plugin that asked that a forward pass was recorded; one that raises does not stop the others."""
        self._loaded.announce(activations)

    def get(self, name: str) -> Visualizer:
        """Return a visualizer by its name, or else by its title: ``"attribution"`` is that whose title is Attribution.

        Raises:
            PluginFailed: If there is none of that name; the message names near ones.
        """
        return self._entry(name).visualizer

    def origin(self, name: str) -> tuple[str, str]:
        """Return package and version that a visualizer came from."""
        origin = self._entry(name).origin
        return origin.package, origin.version

    def plugin_of(self, name: str) -> Plugin:
        """Return the plugin that brought a visualizer."""
        return self._loaded.plugin_of(self._entry(name))

    def chart(self, name: str, activation: Activation, **options: Any) -> Any:
        """Draw an activation and return the Altair chart.

        Args:
            name: Name of the visualizer, or its title.
            activation: What to draw.
            options: Option values by name; for one that asks for them ``activations=…``, ``extractor=…`` and
                ``dataset=…`` too, where others are meant than those that the activation is from; and ``other_model=…``,
                a model or the path of one, to compare with.

        Raises:
            PluginFailed: As :meth:`draw`; also if there is no such option, or the visualizer has nothing to draw.
        """
        context = {part: options.pop(part) for part in CHART_ARGUMENTS if part in options and part != "meanings"}
        if context.get("other_model") is not None:
            other_model = other_model_of(context["other_model"])
            context["other_model"] = lambda: other_model
        visualizer = self.get(name)
        fields = visualizer.Options.model_fields
        for option in options:
            if option not in fields:
                there_are = f"There are: {', '.join(fields)}." if fields else "It has none."
                raise PluginFailed(
                    f"{visualizer.title} has no option {option!r}{did_you_mean(option, fields)}",
                    plugin=visualizer.name,
                    remedy=there_are,
                )
        drawing = self.draw(name, activation, options, **context)
        if drawing.panel:
            raise no_chart(visualizer)
        if drawing.refusal:
            raise PluginFailed(
                f"{visualizer.title} does not draw {activation.key}: {drawing.refusal}", plugin=visualizer.name
            )
        return drawing.chart

    def draw(
        self,
        name: str,
        activation: Activation,
        options: Mapping[str, Any] | None = None,
        *,
        activations: Activations | None = None,
        extractor: Extractor | None = None,
        dataset: LayerDataset | None = None,
        progress: Callable[[float, str], None] | None = None,
        other_model: Callable[[], OtherModel | None] | None = None,
    ) -> Drawing:
        """Draw an activation, and make sure that the chart is sound and within the limits of time, rows and bytes.

        Args:
            name: Name of the visualizer, or its title.
            activation: What to draw.
            options: Option values by name; values that do not suit the activation are fitted.
            activations: What all layers answered in the same pass, for a visualizer that asks for it; by default the
                pass that the activation is from, if that is still there.
            extractor: Holds the model, for a visualizer that asks for it; by default what the activation is from.
            dataset: All samples, for a visualizer that asks for them; by default those of the activation.
            progress: Called with a fraction from 0 to 1 and a text by a visualizer that says how far it is.
            other_model: Returns a second model to compare with, or None; called for a visualizer that asks for it.

        Returns:
            The charts; or the refusal of the visualizer. What is missing, such as more samples, and what the model or
            its inputs do not allow, is a refusal too.

        Raises:
            PluginFailed: If the visualizer does not handle the activation, raises, takes too long, returns nothing that
                is a chart, or a chart that is invalid or over the limits.
        """
        entry = self._entry(name)
        visualizer = entry.visualizer
        if entry.broken:
            raise _file_is_broken(visualizer, entry.origin, entry.broken)
        match = _match(visualizer, activation)
        if match.missing:
            return Drawing((), f"It {match.reason}.")
        if not match.handled:
            raise PluginFailed(
                f"{visualizer.title} cannot draw {activation.key}: it {match.reason}.",
                plugin=visualizer.name,
                remedy="Choose another picture for this layer.",
            )
        if _lacks_internals(visualizer, activation):
            raise PluginFailed(
                f"{visualizer.title} draws what {activation.layer.key} keeps to itself, and that was not recorded.",
                plugin=visualizer.name,
                remedy="Extract with internals=True.",
            )
        model = activation.extractor if extractor is None else extractor
        context = ChartContext(activations, model, dataset, progress, self.meanings, other_model)
        limits = get_limits()
        timeout_message = f"it took more than {limits.chart_seconds:g} seconds without saying how far it is" + (
            f". {raised_by('chart_seconds')}"
            if entry.origin.source == "built-in"
            else "; ask for progress and call it to get more time"
        )

        def draw_within(deadline: Deadline) -> Drawing:
            fit = fit_options(visualizer, activation, options or {})
            cache = self._cache.of(f"{visualizer.name} {entry.version}")
            draw = partial(call_chart, visualizer, activation, fit.options, context, cache, deadline)
            try:
                drawing = sound_drawing(visualizer, draw, limits)
            except _REFUSALS as error:
                # They are sentences for a person: nothing of the picture is broken.
                drawing = Drawing((), str(error))
            return replace(drawing, notes=fit.notes, faults=fit.faults)

        # A plugin may raise anything; other BaseExceptions are left alone, since Streamlit stops a script with one.
        try:
            with collected_prints() as prints:
                drawing = self._loaded.isolated(
                    entry.origin, "drawing", limits.chart_seconds, timeout_message, draw_within
                )
        except (Exception, SystemExit) as error:
            shape = "×".join(map(str, activation.shape))
            what = f"{activation.key} ({activation.layer.type_name}, {shape})"
            raise drawing_failed(visualizer, entry.origin, what, error, _OTHER_PICTURE, prints.getvalue()) from error
        return drawing if entry.origin.source == "built-in" else replace(drawing, printed=prints.getvalue())

    def _entry(self, name: str) -> Entry:
        entries = self._loaded.entries
        if name not in entries:
            titled = [entry for entry in entries.values() if _hyphenated(entry.visualizer.title) == _hyphenated(name)]
            # A title may belong to several; a name never does.
            if len(titled) == 1:
                return titled[0]
            raise unknown_name("visualizer", name, entries)
        return entries[name]


def _match(visualizer: Visualizer, activation: Activation) -> Match:
    try:
        return visualizer.handles.match(activation)
    except Exception as error:
        return Match(False, f"could not be asked: {type(error).__name__}: {error}")


def _hyphenated(title: str) -> str:
    """Return a title as a name is written: lower case, words joined by hyphens."""
    return "-".join(re.findall(r"\w+", title.lower()))


def _rank(entry: Entry, match: Match) -> tuple[Any, ...]:
    handles = entry.visualizer.handles
    return (
        not match.handled,
        isinstance(entry.visualizer, Panel),
        match.distance,
        not handles.axes,
        not handles.ranks,
        -entry.visualizer.priority,
        entry.origin.source == "built-in",
        entry.visualizer.name,
    )


def _lacks_internals(visualizer: Visualizer, activation: Activation) -> bool:
    needs_internals = "internals" in visualizer.needs and activation.layer.internals and activation.part == "output"
    return bool(needs_internals) and not activation.internals


def _file_is_broken(visualizer: Visualizer, origin: Origin, problem: Problem) -> PluginFailed:
    return PluginFailed(
        f"{origin.plugin}, which draws {visualizer.title}, could not be loaded after it was saved: {problem.in_words}",
        plugin=visualizer.name,
        package=origin.package,
        version=origin.version,
        traceback=problem.traceback,
        remedy="Mend the file and save it; it is loaded again by itself.",
    )


_registry: Registry | None = None
_registry_lock = threading.Lock()


def get_registry() -> Registry:
    """Return the registry of this process; it is filled when it is first asked for."""
    global _registry
    with _registry_lock:
        if _registry is None:
            _registry = Registry()
        return _registry
