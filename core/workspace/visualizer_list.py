"""Which pictures there are: those that suit, those that do not and why, and the plugins that they come from."""

from __future__ import annotations

from typing import NamedTuple

from core.extraction.activation import Activation
from core.extraction.layers import LayerInfo
from core.plugins.declarations import summary_of
from core.plugins.options import describe_options
from core.plugins.panels import Panel
from core.plugins.plugin import BUILT_IN_PACKAGE, Plugin, Problem
from core.plugins.registry import Candidate, Registry
from core.plugins.visualizer import Visualizer
from core.workspace.results import (
    Failure,
    InstalledMeaning,
    InstalledReader,
    InstalledVisualizer,
    PartSummary,
    PluginSummary,
    Rejection,
    VisualizerSummary,
)

__all__ = ["Offer", "failure_of", "offer", "parts_of", "plugins", "rejected"]


class Offer(NamedTuple):
    """The pictures of an activation: those that suit, the best first, and those that would if something were given."""

    suited: tuple[VisualizerSummary, ...]
    unavailable: tuple[Rejection, ...]


def offer(registry: Registry, activation: Activation) -> Offer:
    """Return the pictures that an activation has, and those that it would have, each with what they need."""
    candidates = registry.candidates(activation)
    return Offer(
        tuple(_suited(registry, each.visualizer, activation) for each in candidates if each.match.handled),
        tuple(_rejection(registry, each) for each in candidates if each.match.missing),
    )


def rejected(registry: Registry, activation: Activation) -> tuple[Rejection, ...]:
    """Return the pictures that do not suit an activation, each with the reason."""
    return tuple(_rejection(registry, each) for each in registry.candidates(activation) if not each.match.handled)


def plugins(registry: Registry) -> tuple[PluginSummary, ...]:
    """Return every plugin, with what it brings and what went wrong."""
    return tuple(_summary(registry, plugin) for plugin in registry.plugins)


def failure_of(plugin: Plugin, problem: Problem) -> Failure:
    """Return what went wrong with a plugin, as a page shows it."""
    author = f"report it to {problem.report_to}" if problem.report_to else "tell its author"
    if plugin.source == "file":
        author = "mend the file and save it, and it is loaded again by itself"
    elif problem.package == BUILT_IN_PACKAGE:
        author = "it is a fault of Layerscope"
    return Failure(
        f"{problem.plugin}: {problem.in_words}",
        remedy=f"It failed at {problem.stage}. Everything else works; {author}.",
        traceback=problem.traceback,
        package=problem.package,
        version=problem.version,
    )


def parts_of(layer: LayerInfo | None) -> tuple[PartSummary, ...]:
    """Return what can be looked at of a layer: its answer, and what it keeps to itself; nothing for no layer."""
    if layer is None:
        return ()
    call = layer.call_key
    inside = [(key, key[len(call) + 1 :].replace("_", " ").replace(":", " · ")) for key in layer.internals]
    return tuple(PartSummary(*each) for each in ((layer.key, "output"), *inside))


def _suited(registry: Registry, visualizer: Visualizer, activation: Activation) -> VisualizerSummary:
    try:
        controls = describe_options(visualizer, activation)
    except Exception:
        # Defaults may be worked out by the plugin. Drawing meets the same, and says so in its place.
        controls = ()
    plugin = registry.plugin_of(visualizer.name)
    return VisualizerSummary(
        visualizer.name,
        visualizer.title,
        summary_of(visualizer),
        visualizer.how_to_read,
        visualizer.limitations,
        controls,
        plugin.package,
        plugin.version,
        plugin.changed_at,
        visualizer.group,
        visualizer.on_unit_card,
    )


def _rejection(registry: Registry, candidate: Candidate) -> Rejection:
    visualizer = candidate.visualizer
    package, _ = registry.origin(visualizer.name)
    return Rejection(visualizer.title, candidate.match.reason, package, visualizer.name, visualizer.group)


def _summary(registry: Registry, plugin: Plugin) -> PluginSummary:
    brought = [registry.get(name) for name in plugin.visualizers]
    meanings = [registry.meanings.get(name) for name in plugin.meanings]
    readers = [registry.readers.get(name) for name in plugin.readers]
    loaders = [registry.loaders.get(name) for name in plugin.loaders]
    return PluginSummary(
        plugin.name,
        plugin.source,
        plugin.package,
        plugin.version,
        plugin.path,
        plugin.status,
        tuple(
            InstalledVisualizer(
                each.name,
                each.title,
                summary_of(each),
                each.handles.in_words(),
                each.group,
                isinstance(each, Panel),
            )
            for each in brought
        ),
        tuple(failure_of(plugin, problem) for problem in plugin.problems),
        plugin.notices,
        plugin.import_seconds,
        plugin.changed_at,
        plugin.report_to,
        tuple(
            InstalledMeaning(
                each.name,
                each.title,
                summary_of(each),
                each.takes,
                each.loss_name,
                registry.meanings.fault_of(each.name),
            )
            for each in meanings
        ),
        tuple(InstalledReader(each.name, each.title, summary_of(each), each.takes) for each in readers),
        tuple(InstalledReader(each.name, each.title, summary_of(each), each.takes) for each in loaders),
    )
