"""Which pictures there are: those that suit, those that do not and why, those that could not be loaded."""

from __future__ import annotations

from core.activation import Activation
from core.layers import LayerInfo
from core.options import describe_options
from core.registry import Registry
from core.summaries import Failure, InstalledVisualizer, PartSummary, Rejection, VisualizerSummary

__all__ = ["installed", "parts_of", "problems", "rejected", "suited"]


def suited(registry: Registry, activation: Activation) -> tuple[VisualizerSummary, ...]:
    """Return the pictures that suit an activation, the best first."""
    return tuple(
        VisualizerSummary(
            each.name,
            each.title,
            each.summary(),
            each.how_to_read,
            each.limitations,
            describe_options(each, activation),
            *registry.origin(each.name),
        )
        for each in registry.publish(activation)
    )


def rejected(registry: Registry, activation: Activation) -> tuple[Rejection, ...]:
    """Return the pictures that do not suit an activation, each with the reason."""
    return tuple(
        Rejection(each.visualizer.title, each.match.reason, registry.origin(each.visualizer.name)[0])
        for each in registry.candidates(activation)
        if not each.match.handled
    )


def installed(registry: Registry) -> tuple[InstalledVisualizer, ...]:
    """Return every picture that is installed."""
    return tuple(
        InstalledVisualizer(each.name, each.title, each.summary(), each.handles.in_words(), *registry.origin(each.name))
        for each in registry.visualizers
    )


def parts_of(layer: LayerInfo | None) -> tuple[PartSummary, ...]:
    """Return what can be looked at of a layer: its answer, and what it keeps to itself; nothing for no layer."""
    if layer is None:
        return ()
    call = layer.call_key
    inside = [(key, key[len(call) + 1 :].replace("_", " ").replace(":", " · ")) for key in layer.internals]
    return tuple(PartSummary(*each) for each in ((layer.key, "output"), *inside))


def problems(registry: Registry) -> tuple[Failure, ...]:
    """Return what plugins could not be loaded, and at which stage."""
    return tuple(
        Failure(
            f"{problem.plugin}: {problem.message}",
            remedy=f"It failed at {problem.stage}. Everything else works; tell its author.",
            traceback=problem.traceback,
            package=problem.package,
            version=problem.version,
        )
        for problem in registry.problems
    )
