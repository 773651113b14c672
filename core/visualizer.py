"""What a plugin author writes against: Visualizer, Handles, Options.

A visualizer is one class with no state: an activation and options in, an Altair chart out. What it declares is all
that the page needs to find it, to make its controls and to explain it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict

from core.activation import Activation

__all__ = [
    "ChannelIndex",
    "Handles",
    "HeadIndex",
    "IndexOf",
    "Match",
    "Options",
    "SampleIndex",
    "UnitIndex",
    "Visualizer",
]

_ANY_TYPE: Final = 1_000


@dataclass(frozen=True)
class IndexOf:
    """Marks an integer option as a position on an axis: its bounds come from the activation that is drawn."""

    axis: str


SampleIndex = Annotated[int, IndexOf("sample")]
UnitIndex = Annotated[int, IndexOf("unit")]
ChannelIndex = Annotated[int, IndexOf("channel")]
HeadIndex = Annotated[int, IndexOf("head")]


class Options(BaseModel):
    """Base of a visualizer's options: each field becomes a control beside the chart, its bounds the control's bounds.

    Give fields a ``title`` and, where the title is not enough, a ``description``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Match:
    """Whether a visualizer handles an activation, and if not, why.

    Attributes:
        handled: The answer.
        reason: Why not; empty where it is handled.
        distance: Steps from the layer's class to the base class that was named; large where any layer will do.
    """

    handled: bool
    reason: str = ""
    distance: int = _ANY_TYPE


@dataclass(frozen=True)
class Handles:
    """Which activations a visualizer can draw. What is left empty does not restrict.

    Attributes:
        layer_types: Class names of layers; a base class takes all that derive from it (``"RNN"`` takes LSTM and GRU).
        axes: Names of the axes, all of them and in order.
        ranks: Numbers of axes, the sample axis counted.
        parts: ``"output"`` or internals such as ``"cell_state"``.
        when: Looks at the activation's description (not at its values, so that matching stays fast) and returns an
            empty string for yes, or the reason why not.
    """

    layer_types: tuple[str, ...] = ()
    axes: tuple[str, ...] = ()
    ranks: tuple[int, ...] = ()
    parts: tuple[str, ...] = ()
    when: Callable[[Activation], str] | None = None

    def __post_init__(self) -> None:
        for name in ("layer_types", "axes", "ranks", "parts"):
            given = getattr(self, name)
            if isinstance(given, str) or not isinstance(given, Iterable):
                raise TypeError(f"Handles({name}={given!r}): a tuple is needed, such as ({given!r},)")
            object.__setattr__(self, name, tuple(given))

    def match(self, activation: Activation) -> Match:
        """Say yes, or why not."""
        distance = _ANY_TYPE
        if self.layer_types:
            names = activation.layer.type_names
            steps = [names.index(wanted) for wanted in self.layer_types if wanted in names]
            if not steps:
                return _no(f"takes {_either(self.layer_types)} layers, this is {activation.layer.type_name}")
            distance = min(steps)
        if self.ranks and activation.rank not in self.ranks:
            return _no(f"takes rank {_either(map(str, self.ranks))}, this is rank {activation.rank}")
        if self.axes and activation.axes != self.axes:
            return _no(f"takes axes ({', '.join(self.axes)}), these are ({', '.join(activation.axes)})")
        if self.parts and activation.part not in self.parts:
            return _no(f"takes {_either(self.parts)}, this is {activation.part}")
        reason = self.when(activation) if self.when else ""
        return _no(reason) if reason else Match(True, distance=distance)

    def in_words(self) -> str:
        """Return what is handled, such as ``"RNN layers, axes (sample, time, unit)"``."""
        words = [f"{_either(self.layer_types)} layers"] if self.layer_types else []
        words += [f"rank {_either(map(str, self.ranks))}"] if self.ranks else []
        words += [f"axes ({', '.join(self.axes)})"] if self.axes else []
        words += [_either(self.parts)] if self.parts else []
        return ", ".join(words) or "any layer"


def _no(reason: str) -> Match:
    return Match(False, reason)


def _either(words: Any) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


class Visualizer:
    """One way to draw what a layer answered. Subclass it, declare, and write :meth:`chart`.

    The first line of the subclass's docstring stands above the chart.

    Attributes:
        name: Identifier in links and in ``registry.chart(name, …)``: lower case, words joined by hyphens.
        title: What the tab says.
        handles: Which activations it can draw.
        Options: The pydantic model of its options.
        how_to_read: What a person should look for in the chart.
        limitations: Where the chart misleads or stops being useful.
        priority: Among equally specific visualizers, higher comes first.
        needs: ``("internals",)`` for one that draws what a layer keeps to itself: ``activation.internals`` is filled.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    handles: ClassVar[Handles] = Handles()
    Options: ClassVar[type[Options]] = Options
    how_to_read: ClassVar[str] = ""
    limitations: ClassVar[str] = ""
    priority: ClassVar[int] = 0
    needs: ClassVar[tuple[Literal["internals"], ...]] = ()

    def summary(self) -> str:
        """Return the first line of the class's docstring, which stands above the chart."""
        return (type(self).__doc__ or "").strip().partition("\n")[0]

    def chart(self, activation: Activation, options: Any) -> Any:
        """Draw.

        Args:
            activation: What the layer answered; read-only, the sample axis first.
            options: An instance of this visualizer's ``Options``.

        Returns:
            An Altair chart. A selection parameter in it that bears the name of an option comes back as that option
            when the person clicks.
        """
        raise TypeError(f"{type(self).__name__} has no chart(self, activation, options) method")
