"""The choices of the visitor: what is open, the one selection that all pages and pictures share, and their options."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Literal, TypedDict

from core.inputs.edits import Edit, Variant

__all__ = ["LONGEST_NOTE", "LONGEST_PIN_NAME", "MOST_PINS", "Choice", "Origin", "Pin", "SampleFilter", "SampleOrder"]

MOST_PINS: Final = 8
LONGEST_PIN_NAME: Final = 60
LONGEST_NOTE: Final = 2_000
"""Characters of a note, of a pin or of the whole report."""

SampleOrder = Literal["", "confidence", "loss"]


class Origin(TypedDict, total=False):
    """Where a model is from, as the attributes of :class:`Choice` of the same names say it."""

    example: str
    path: str
    member: str
    weights: str
    upload: str
    shown_model: str
    example_run: bool


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


@dataclass(frozen=True)
class Pin:
    """What a person pinned, to go there again and to set other things beside it.

    Attributes:
        name: What it is called; no two are called the same.
        of: What was open: the name of the model, and of the files with samples where some were uploaded.
        sample: Number of the sample; None where any may be looked at.
        layer: Key of the layer; empty for any.
        unit: Unit or channel of the layer; None for any.
        model: What the address calls the second model whose answer is meant, as in ``Choice.against``; empty for the
            one that is open.
        visualizer: Name of the picture of the layer that was chosen; empty for the one that suits best.
        note: What the person says of it.
    """

    name: str
    of: str = ""
    sample: int | None = None
    layer: str = ""
    unit: int | None = None
    model: str = ""
    visualizer: str = ""
    note: str = ""


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
        example_run: Whether the recorded training that ships with Layerscope is open.
        step: Step of the recorded training whose weights the model has; None for the last that was kept.
        measure: What its layers are coloured by; empty for the first that was recorded.
        second_run: Path of the training that is set beside it; empty for none.
        over_steps: What of a layer is shown over the steps; empty for the first that there is.
        film: Name of the picture over the steps; empty for the one that suits best.
        data: Names of the files with samples that were uploaded; empty where the samples are from elsewhere.
        output: Name of the output whose answer is shown; empty for the first that says most.
        layer: Key of the layer; empty for the model's most telling one.
        sample: Number of the sample.
        against: What the model is compared with: ``"sample"`` for two samples of one model, else the second model, such
            as ``"early:digits-cnn"``; empty for what is there without anybody choosing.
        second_sample: Number of the sample that it is compared with; None for the first of the others.
        visualizer: Name of the visualizer; empty for the one that suits best.
        unit: Unit or channel of the layer, for every picture that shows one; None leaves it to the picture.
        target_class: Number of a class, likewise.
        region: Left, right, top and bottom of what was dragged over a chart of the layer, likewise.
        options: Values that the person chose, by option name. Shared by all visualizers.
        meaning: Name of what the output is taken for; empty for the likeliest.
        samples: Which samples the strip offers.
        kinds: What the person takes an input for, by its name, where it is not the likeliest.
        sizes: Extents of noise along an input's axes of any size, by its name, where the person chose them.
        shown_as: ``"list"`` or ``"map"``: how the layers are listed.
        edits: What is changed of a sample on the page Edit.
        edited_sample: Number of that sample.
        variants: Edited samples that are kept beside the others, in the order of their numbers.
        lost: What a link or a reload did not bring along, by the name of its parameter: how many there were.
        pins: What the person pinned, in that order.
        beside: Name of the pin that every picture is set beside; empty for none.
        note: What the person says of the whole, for a report.
        chart_version: Counts choices of a channel or unit that were made elsewhere than in the chart, which then starts
            afresh.
        filter_version: Counts how often the filter of samples was set elsewhere than in its fields, likewise.
        search_version: Counts how often a setting of a search was set elsewhere than in its field, likewise.
        model_version: Counts how often the model was chosen elsewhere than in its fields, likewise.
        pin_version: Counts how often pins were named elsewhere than in their fields, likewise.
    """

    example: str = ""
    path: str = ""
    member: str = ""
    weights: str = ""
    upload: str = ""
    shown_model: str = ""
    example_run: bool = False
    step: int | None = None
    measure: str = ""
    second_run: str = ""
    over_steps: str = ""
    film: str = ""
    data: str = ""
    output: str = ""
    layer: str = ""
    sample: int = 0
    against: str = ""
    second_sample: int | None = None
    visualizer: str = ""
    unit: int | None = None
    target_class: int | None = None
    region: tuple[float, float, float, float] | None = None
    meaning: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    samples: SampleFilter = field(default_factory=SampleFilter)
    kinds: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    shown_as: str = "list"
    edits: tuple[Edit, ...] = ()
    edited_sample: int = 0
    variants: tuple[Variant, ...] = ()
    lost: dict[str, int] = field(default_factory=dict)
    pins: list[Pin] = field(default_factory=list)
    beside: str = ""
    note: str = ""
    chart_version: int = 0
    filter_version: int = 0
    search_version: int = 0
    model_version: int = 0
    pin_version: int = 0

    def come_from(self, origin: Origin) -> None:
        """Note where the model is from, and that it is from nowhere else."""
        self.example = origin.get("example", "")
        self.path = origin.get("path", "")
        self.member = origin.get("member", "")
        self.weights = origin.get("weights", "")
        self.upload = origin.get("upload", "")
        self.shown_model = origin.get("shown_model", "")
        self.example_run = origin.get("example_run", False)

    def succeed(self, before: Choice) -> None:
        """Begin all fields and charts afresh that another choice filled, which this one takes the place of.

        What was pinned since stays pinned, and what was kept of the same samples stays beside them.
        """
        self.pins, self.note = before.pins, before.note
        if all(getattr(self, name) == getattr(before, name) for name in (*Origin.__annotations__, "data")):
            self.variants = before.variants
        for each in fields(self):
            if each.name.endswith("_version"):
                setattr(self, each.name, getattr(before, each.name) + 1)

    def start_over(self) -> None:
        """Forget what was chosen for the model that was open before; pins stay, for who comes back to it."""
        self.beside = ""
        self.layer = self.visualizer = self.output = self.meaning = self.data = self.against = ""
        self.step, self.measure, self.second_run, self.over_steps, self.film = None, "", "", "", ""
        self.kinds, self.sizes = {}, {}
        self.target_class = None
        self.start_over_with_samples()
        self.forget_options()

    def start_over_with_samples(self) -> None:
        """Forget what was chosen for the samples that were open before, numbers of samples among the options."""
        self.sample = 0
        self.edits, self.edited_sample, self.variants, self.lost = (), 0, (), {}
        self.region = None
        self._forget_positions()
        self.second_sample = None
        self.forget_filter()

    @property
    def pin_beside(self) -> Pin | None:
        """The pin that every picture is set beside; None for none."""
        return next((pin for pin in self.pins if pin.name == self.beside), None)

    def add_pin(self, pin: Pin) -> None:
        """Keep a pin, under a name of its own; of too many the oldest goes."""
        names = {each.name for each in self.pins}
        name, number = pin.name, 2
        while name in names:
            name, number = f"{pin.name} ({number})", number + 1
        self.pins = [*self.pins, replace(pin, name=name)][-MOST_PINS:]
        self.pin_version += 1

    def rename_pin(self, name: str, new_name: str) -> None:
        """Call a pin something else, unless another one is called so, or the name is empty."""
        if new_name and all(pin.name != new_name for pin in self.pins):
            self.pins = [replace(pin, name=new_name) if pin.name == name else pin for pin in self.pins]
            self.beside = new_name if self.beside == name else self.beside
        self.pin_version += 1

    def note_pin(self, name: str, note: str) -> None:
        """Keep what a person says of a pin."""
        self.pins = [replace(pin, note=note.strip()) if pin.name == name else pin for pin in self.pins]

    def remove_pin(self, name: str) -> None:
        """Let a pin go."""
        self.pins = [pin for pin in self.pins if pin.name != name]
        self.beside = "" if self.beside == name else self.beside
        self.pin_version += 1

    def go_to_pin(self, pin: Pin) -> None:
        """Select what is pinned."""
        if pin.layer:
            self.select_layer(pin.layer)
            self.visualizer = pin.visualizer or self.visualizer
        if pin.unit is not None:
            self.select_unit(pin.unit)
        if pin.sample is not None:
            self.sample = pin.sample

    def forget_filter(self) -> None:
        """Offer all samples."""
        self.samples = SampleFilter()
        self.filter_version += 1

    def forget_options(self) -> None:
        """Go back to the defaults."""
        self.options = {}
        self.unit = self.target_class = self.region = None
        self.chart_version += 1

    def forget_some(self, names: Collection[str]) -> None:
        """Go back to the defaults of some options, and to all places."""
        self.options = {name: value for name, value in self.options.items() if name not in names}
        self.region = None
        self.chart_version += 1
        self.search_version += 1

    def select_layer(self, key: str) -> None:
        """Choose a layer; positions on its axes are not those of the layer before."""
        if key != self.layer:
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
        if _is_position(name, value):
            # What is selected in the chart is not what is shown any more: a click on it must count again.
            self.chart_version += 1

    def followed(self, follows: str) -> Any:
        """Return what is selected of what an option follows; None where nothing is, or it follows nothing."""
        return self._selection.get(follows)

    def drawing_options(self) -> Mapping[str, Any]:
        """Return what a picture is drawn with: options by name, and the selection for those that follow it."""
        selection = {f"@{name}": value for name, value in self._selection.items() if value is not None}
        return {**self.options, **selection}

    @property
    def _selection(self) -> dict[str, Any]:
        return {
            "unit": self.unit,
            "class": self.target_class,
            "region": self.region,
            "meaning": self.meaning or None,
        }

    def _forget_positions(self) -> None:
        self.options = {name: value for name, value in self.options.items() if not _is_position(name, value)}
        self.chart_version += 1


def is_of_a_layer(name: str) -> bool:
    """Return whether an option may be of one layer: what a page itself goes by has the page's name before a dot."""
    return "." not in name


def _is_position(name: str, value: Any) -> bool:
    return is_of_a_layer(name) and isinstance(value, (int, list, tuple)) and not isinstance(value, bool)


def _as_region(value: Any) -> tuple[float, float, float, float] | None:
    if not isinstance(value, (list, tuple)) or len(value) != 4:
        return None
    left, right, top, bottom = (float(end) for end in value)
    return (left, right, top, bottom)
