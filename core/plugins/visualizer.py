"""What a plugin author writes against: Visualizer, Options and what a visualizer may return.

A visualizer is one class with no state: an activation and options in, an Altair chart out. What it declares is all
that the page needs to find it, to make its controls and to explain it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from core.extraction.activation import Activation
from core.plugins.controls import GROUPS, Group
from core.plugins.handles import Handles
from core.plugins.plugin import first_line

__all__ = [
    "API_VERSION",
    "GROUPS",
    "OLDEST_API_VERSION",
    "ActsFromRank",
    "ActsWhen",
    "BoundsOf",
    "Cache",
    "ChannelIndex",
    "ClassIndex",
    "ClassOf",
    "Colour",
    "ColourOf",
    "Group",
    "HeadIndex",
    "IndexOf",
    "LayerKey",
    "LayerOf",
    "MeaningName",
    "MeaningOf",
    "NoneTitle",
    "Options",
    "ProgressReport",
    "Refusal",
    "Region",
    "RegionOf",
    "SampleIndex",
    "StepIndex",
    "TimestepIndex",
    "UnitIndex",
    "Visualizer",
]

API_VERSION: Final = 2
"""What a plugin may say that it was written for: ``layerscope_api = 2`` in its module; see docs/plugins.md."""

OLDEST_API_VERSION: Final = API_VERSION - 1
"""The oldest that is served."""


@dataclass(frozen=True)
class IndexOf:
    """Marks an integer option as a position on an axis: its bounds come from the activation that is drawn.

    ``"unit"`` and ``"channel"`` are the last axis, whichever of the two a layer calls it.
    """

    axis: str


@dataclass(frozen=True)
class ActsWhen:
    """Marks an option that acts only while another one has one of some values; the page shows it only then.

    ``perplexity: Annotated[float, ActsWhen("method", "t-SNE")] = Field(30, …)``; without values, while the other one is
    set at all: neither None, False nor empty. Of several marks one is enough. The chart is given its value anyway.
    """

    option: str
    values: tuple[Any, ...]

    def __init__(self, option: str, *values: Any) -> None:
        object.__setattr__(self, "option", option)
        object.__setattr__(self, "values", values)


@dataclass(frozen=True)
class ActsFromRank:
    """Marks an option that acts only on activations of so many axes or more, the sample axis among them.

    With ``of_answer`` it is the last layer of the pass, the model's answer, that must have so many; with ``to`` it acts
    on none of more axes than that.
    """

    rank: int
    of_answer: bool = False
    to: int | None = None


@dataclass(frozen=True)
class NoneTitle:
    """Marks an option whose None the page calls something else than automatic: ``NoneTitle("none")``."""

    title: str


@dataclass(frozen=True)
class ClassOf:
    """Marks an integer option as a class of the model's answer; its choices are the class names if they are known."""


@dataclass(frozen=True)
class LayerOf:
    """Marks a text option as the key of a layer of the same pass; its choices are those that were recorded."""


@dataclass(frozen=True)
class RegionOf:
    """Marks an option as what is dragged over a chart in both directions; it gets no control but one to let it go."""


@dataclass(frozen=True)
class ColourOf:
    """Marks a text option as a colour, such as ``"#4c78a8"``."""


@dataclass(frozen=True)
class BoundsOf:
    """Marks a number, or a range, whose bounds come from the activation that is drawn.

    ``rows: Annotated[int, BoundsOf(lambda activation: (1, activation.extent("height")))] = 8``. A default, or a value
    chosen on another layer, that lies outside becomes the nearest within.

    Attributes:
        of: Returns the smallest value and the largest.
    """

    of: Callable[[Any], tuple[float, float]]


@dataclass(frozen=True)
class MeaningOf:
    """Marks a text option as the meaning that the page takes the output for; empty is the likeliest. No control."""


SampleIndex = Annotated[int, IndexOf("sample")]
UnitIndex = Annotated[int, IndexOf("unit")]
ChannelIndex = Annotated[int, IndexOf("channel")]
TimestepIndex = Annotated[int, IndexOf("time")]
StepIndex = Annotated[int, IndexOf("step")]
HeadIndex = Annotated[int, IndexOf("head")]
ClassIndex = Annotated[int, ClassOf()]
LayerKey = Annotated[str, LayerOf()]
MeaningName = Annotated[str, MeaningOf()]
Colour = Annotated[str, ColourOf(), Field(pattern=r"^#[0-9a-fA-F]{6}$")]
Region = Annotated[tuple[float, float, float, float] | None, RegionOf()]


class Options(BaseModel):
    """Base of a visualizer's options: each field becomes a control beside the chart, its bounds the control's bounds.

    Give fields a ``title`` and, where the title is not enough, a ``description``. Every field needs a default.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Refusal:
    """What :meth:`Visualizer.chart` returns where it cannot say anything about this activation, and why.

    Whether a layer suits at all is for ``Handles``; this is for what only values show, such as too short a sequence.

    Attributes:
        reason: A sentence for a person.

    Raises:
        ValueError: If there is no reason.
    """

    reason: str

    def __post_init__(self) -> None:
        if not isinstance(self.reason, str) or not self.reason.strip():
            raise ValueError("a Refusal needs a reason: a sentence that says why there is nothing to be drawn")


class ProgressReport(Protocol):
    """What a visualizer calls to say how far it is, if its ``chart`` has a parameter ``progress``."""

    def __call__(self, fraction: float, text: str = "") -> None:
        """Say how far it is: a fraction from 0 to 1, and what is being done."""


class Cache(Protocol):
    """What a visualizer keeps results in, if its ``chart`` has a parameter ``cache``."""

    def __call__(self, function: Any, *arguments: Any) -> Any:
        """Return ``function(*arguments)``, computed once for the same content of all arguments.

        What :func:`functools.partial` has bound to the function beforehand does not count.
        """


class Visualizer:
    """One way to draw what a layer answered. Subclass it, declare, and write :meth:`chart`.

    The first line of the subclass's docstring stands above the chart.

    Attributes:
        name: Identifier in links and in ``registry.chart(name, …)``: lower case, words joined by hyphens.
        title: What the tab says.
        group: Among which pictures it stands: ``"look"``, ``"explain"``, ``"units"``, ``"samples"``, ``"numbers"`` or
            ``"weights"``.
        handles: Which activations it can draw.
        Options: The pydantic model of its options.
        how_to_read: What a person should look for in the chart.
        limitations: Where the chart misleads or stops being useful.
        priority: Among equally specific visualizers, higher comes first.
        needs: ``("internals",)`` for one that draws what a layer keeps to itself: ``activation.internals`` is filled.
        on_unit_card: How many of its pictures, from the first, stand on the page of one unit; for one that has a
            :data:`UnitIndex` option and draws that unit, not all with one marked.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    group: ClassVar[Group] = "look"
    handles: ClassVar[Handles] = Handles()
    Options: ClassVar[type[Options]] = Options
    how_to_read: ClassVar[str] = ""
    limitations: ClassVar[str] = ""
    priority: ClassVar[int] = 0
    needs: ClassVar[tuple[Literal["internals"], ...]] = ()
    on_unit_card: ClassVar[int] = 0

    def summary(self) -> str:
        """Return the first line of the docstring of its class, or of the one that it derives from."""
        return first_line(self, Visualizer)

    # Typed so that a subclass may ask for more, and type checkers agree.
    def chart(self, activation: Activation, options: Any, *asked_for: Any, **by_name: Any) -> Any:
        """Draw.

        A parameter of one of these names is given what it says, so name what you need and leave out the rest:
        ``progress`` (:class:`ProgressReport`), ``cache`` (:class:`Cache`), ``extractor`` (the model's
        :class:`core.extraction.extractor.Extractor`, to run it again), ``activations`` (what all layers answered in the
        same pass), ``dataset`` (:class:`core.analysis.layer_dataset.LayerDataset`: all samples, of which the activation
        holds some), ``meanings`` (:class:`core.plugins.meaning_registry.MeaningRegistry`: what outputs can mean) and
        ``other_model=None`` (:class:`core.analysis.other_model.OtherModel`: the second model that is open, if there is
        one).

        Args:
            activation: What the layer answered; read-only, the sample axis first.
            options: An instance of this visualizer's ``Options``.
            asked_for: None of these is ever given; write the parameters that you ask for instead.
            by_name: Likewise.

        Returns:
            An Altair chart, a dict of captions and charts, or a :class:`Refusal`. A selection parameter in a chart that
            bears the name of an option comes back as that option when the person clicks.
        """
        raise TypeError(f"{type(self).__name__} has no chart(self, activation, options) method")
