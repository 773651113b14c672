"""The choices of the visitor: what is open, the one selection that all pages and pictures share, and their options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypedDict

__all__ = ["Choice", "Origin", "SampleFilter", "SampleOrder"]

SampleOrder = Literal["", "confidence", "loss"]


class Origin(TypedDict, total=False):
    """Where a model is from, as the attributes of :class:`Choice` of the same names say it."""

    example: str
    path: str
    member: str
    weights: str
    upload: str
    shown_model: str


@dataclass
class SampleFilter:
    """Which samples the strip offers, and in which order.

    Attributes:
        only_wrong: Whether those are left out that the model answers correctly.
        label: Name of the true class that they have; empty for all.
        text: What their name, label or answer holds; empty for all.
        order: ``"confidence"``: the least sure first; ``"loss"``: the largest first; empty: as they are numbered.
    """

    only_wrong: bool = False
    label: str = ""
    text: str = ""
    order: SampleOrder = ""

    @property
    def is_open(self) -> bool:
        """Whether all samples are offered in their own order."""
        return self == SampleFilter()


@dataclass
class Choice:
    """Everything that decides what is on the page.

    Attributes:
        example: Name of the example; empty where a file is open.
        path: Path of the model file on the server's machine; empty otherwise.
        member: Path of the model within that file or folder, where it holds several.
        weights: Path of the weights, where the file is an architecture alone.
        upload: Name of the file that was uploaded; empty where something else is open.
        shown_model: Name of the model that a Python process has in memory; empty where something else is open.
        output: Name of the output whose answer is shown; empty for the first that says most.
        layer: Key of the layer; empty for the model's most telling one.
        sample: Number of the sample.
        second_sample: Number of the sample that it is compared with; None for the first of the others.
        visualizer: Name of the visualizer; empty for the one that suits best.
        unit: Unit or channel of the layer, for every picture that shows one; None leaves it to the picture.
        target_class: Number of a class, likewise.
        region: Left, right, top and bottom of what was dragged over a chart of the layer, likewise.
        options: Values that the person chose, by option name. Shared by all visualizers.
        samples: Which samples the strip offers.
        kinds: What the person takes an input for, by its name, where it is not the likeliest.
        sizes: Extents of noise along an input's axes of any size, by its name, where the person chose them.
        shown_as: ``"list"`` or ``"map"``: how the layers are listed.
        list_version: Counts selections that were made elsewhere than in the list of layers, which then starts afresh.
        chart_version: Counts choices of a channel or unit that were made elsewhere than in the chart, likewise.
        filter_version: Counts how often the filter of samples was set elsewhere than in its fields, likewise.
        model_version: Counts how often the model was chosen elsewhere than in its fields, likewise.
    """

    example: str = ""
    path: str = ""
    member: str = ""
    weights: str = ""
    upload: str = ""
    shown_model: str = ""
    output: str = ""
    layer: str = ""
    sample: int = 0
    second_sample: int | None = None
    visualizer: str = ""
    unit: int | None = None
    target_class: int | None = None
    region: tuple[float, float, float, float] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    samples: SampleFilter = field(default_factory=SampleFilter)
    kinds: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    shown_as: str = "list"
    list_version: int = 0
    chart_version: int = 0
    filter_version: int = 0
    model_version: int = 0

    def come_from(self, origin: Origin) -> None:
        """Note where the model is from, and that it is from nowhere else."""
        self.example = origin.get("example", "")
        self.path = origin.get("path", "")
        self.member = origin.get("member", "")
        self.weights = origin.get("weights", "")
        self.upload = origin.get("upload", "")
        self.shown_model = origin.get("shown_model", "")

    def succeed(self, before: Choice) -> None:
        """Begin all fields and charts afresh that another choice filled, which this one takes the place of."""
        for each in fields(self):
            if each.name.endswith("_version"):
                setattr(self, each.name, getattr(before, each.name) + 1)

    def start_over(self) -> None:
        """Forget what was chosen for the model that was open before."""
        self.layer = self.visualizer = self.output = ""
        self.kinds, self.sizes = {}, {}
        self.target_class = None
        self.start_over_with_samples()
        self.forget_options()
        self.list_version += 1

    def start_over_with_samples(self) -> None:
        """Forget what was chosen for the samples that were open before, numbers of samples among the options."""
        self.sample = 0
        self.region = None
        self._forget_positions()
        self.second_sample = None
        self.forget_filter()

    def forget_filter(self) -> None:
        """Offer all samples."""
        self.samples = SampleFilter()
        self.filter_version += 1

    def forget_options(self) -> None:
        """Go back to the defaults."""
        self.options = {}
        self.unit = self.target_class = self.region = None
        self.chart_version += 1

    def select_layer(self, key: str) -> None:
        """Choose a layer; positions on its axes are not those of the layer before."""
        if key != self.layer:
            self.look_at(key)
            self.list_version += 1

    def look_at(self, key: str) -> None:
        """Choose a layer where the list shows that already."""
        self.look_at_part(key)
        self.unit = self.region = None

    def look_at_part(self, key: str) -> None:
        """Choose another part of the layer, such as a state, which has the same units."""
        self.layer = key
        self._forget_positions()

    def select_unit(self, unit: int | None) -> None:
        """Choose a unit or channel of the layer; None leaves it to each picture."""
        if unit != self.unit:
            self.unit = unit
            self.chart_version += 1

    def set_option(self, name: str, value: Any, follows: str = "") -> None:
        """Choose the value of an option beside the chart; None and an empty list go back to the default.

        Args:
            name: Name of the option.
            value: Its value.
            follows: What of the one selection it follows, see :class:`core.plugins.options.Control`; that is set then.
        """
        self.options.pop(name, None)
        if follows == "unit":
            self.select_unit(value)
        elif follows == "class":
            self.target_class = value
        elif follows == "region":
            self.region = None if value is None else _as_region(value)
        elif value is not None and value != []:
            self.options[name] = value
        if _is_position(value):
            # What is selected in the chart is not what is shown any more: a click on it must count again.
            self.chart_version += 1

    def followed(self, follows: str) -> Any:
        """Return what is selected of what an option follows; None where nothing is, or it follows nothing."""
        return {"unit": self.unit, "class": self.target_class, "region": self.region}.get(follows)

    def drawing_options(self) -> Mapping[str, Any]:
        """Return what a picture is drawn with: options by name, and the selection for those that follow it."""
        selection = {"@unit": self.unit, "@class": self.target_class, "@region": self.region}
        return {**self.options, **{name: value for name, value in selection.items() if value is not None}}

    def _forget_positions(self) -> None:
        self.options = {name: value for name, value in self.options.items() if not _is_position(value)}
        self.chart_version += 1


def _is_position(value: Any) -> bool:
    return isinstance(value, (int, list, tuple)) and not isinstance(value, bool)


def _as_region(value: Any) -> tuple[float, float, float, float] | None:
    if not isinstance(value, (list, tuple)) or len(value) != 4:
        return None
    left, right, top, bottom = (float(end) for end in value)
    return (left, right, top, bottom)
