"""A picture of what is selected beside the same picture of what is pinned, on one scale, and their difference.

It knows no visualizer: each is drawn as ever, first to see which ranges its colours take, then with ranges that hold
both. So whatever a plugin draws is drawn like that too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from core.analysis.comparison import check_inputs
from core.analysis.differences import DifferenceOfAnswers, unit_that_differs_most
from core.charts.colour_ranges import ColourRanges, DrawnMatrix, Extremes, are_same, ranges_of_drawing, united
from core.charts.descriptions import description_of
from core.charts.matrix_differences import difference_of_matrices
from core.charts.one_scale import on_one_scale, wide_enough
from core.charts.room import room_for
from core.charts.validation import specification_of
from core.common.progress import Progress
from core.common.text import list_names
from core.errors import InputRejected, PluginFailed
from core.extraction.activation import Activation
from core.inputs.files import Samples
from core.plugins.declarations import chart_arguments
from core.plugins.drawing import Drawing
from core.plugins.panels import Panel
from core.plugins.registry import Registry
from core.plugins.visualizer import Visualizer
from core.workspace.layer_charts import UNIT_NAMES, ChartRequest, SecondModel, chart_result, failed_chart
from core.workspace.open_model import OpenModel, OpenSamples
from core.workspace.pin_results import Pinned, SideBySide
from core.workspace.results import ChartPicture, ChartResult, VisualizerSummary

__all__ = ["Side", "samples_for", "side_by_side"]

_TOOLS: Final = frozenset({"progress", "cache"})
"""What a visualizer may ask for and still draw an activation alone, and so a difference of two."""
_VALUES: Final = frozenset({"activation", "value", "score", "probability", "answer"})
_ROOM: Final = 440
"""Screen pixels of each of three pictures that stand beside each other."""


@dataclass(frozen=True)
class Side:
    """One of the two: where it is from.

    Attributes:
        model: The model.
        samples: Its samples, with what its layers answer to them.
        layer: Key of the layer.
        sample: Number of the sample.
        unit: The unit or channel; None leaves it open.
        second_model: What a picture of it may compare with.
    """

    model: OpenModel
    samples: OpenSamples
    layer: str
    sample: int
    unit: int | None
    second_model: SecondModel | None = None

    def pinned(self, pin: Pinned, model: OpenModel, samples: OpenSamples) -> Side:
        """Return the other side: as this one, but for what the pin says.

        Args:
            pin: What is pinned.
            model: Its model.
            samples: The same samples for that.
        """
        layer = pin.layer or self.layer
        sample = self.sample if pin.sample is None else pin.sample
        inherited = self.unit if layer == self.layer else None
        # The second model has no other one itself.
        compared = None if pin.is_other_model else self.second_model
        return Side(model, samples, layer, sample, inherited if pin.unit is None else pin.unit, compared)

    def picture(self, name: str) -> VisualizerSummary | None:
        """Return a picture by its name; None where it does not suit the layer."""
        offered = self.samples.layers.visualizers(self.layer, self.sample)
        return next((each for each in offered if each.name == name), None)

    def answer(self, *, internals: bool = False) -> Activation:
        """Return what the layer answers to the sample, without the sample axis."""
        activation, position = self.samples.blocks.activation(self.layer, self.sample, with_internals=internals)
        return activation.sample(position)


@dataclass(frozen=True)
class _Drawn:
    """One side as it was drawn.

    Attributes:
        side: The side.
        request: What was asked for.
        drawing: The drawing; None where the visualizer failed.
        asked: The ranges that its colours were made for.
        matrices: What it shows as images.
        failure: What is shown where it failed.
    """

    side: Side
    request: ChartRequest
    drawing: Drawing | None
    asked: tuple[Extremes | None, ...] = ()
    matrices: tuple[DrawnMatrix, ...] = ()
    failure: ChartResult | None = None

    @property
    def is_there(self) -> bool:
        """Whether there is anything to be seen."""
        return self.drawing is not None and not self.drawing.refusal


def side_by_side(
    registry: Registry,
    first: Side,
    second: Side,
    name: str,
    options: Mapping[str, Any],
    progress: Progress | None = None,
) -> SideBySide:
    """Draw both sides and their difference, see :meth:`.WorkspaceInterface.side_by_side`."""
    titles = _titles(first, second)
    pictures = []
    for side in (first, second):
        try:
            picture = side.picture(name)
        except InputRejected as error:
            return SideBySide(titles, reason=error.message)
        if picture is None:
            title = registry.get(name).title
            return SideBySide(titles, reason=f"“{title}” does not suit {side.layer}: choose a picture that suits both.")
        pictures.append(picture)
    if isinstance(registry.get(name), Panel):
        said = "is a page that its plugin draws; only charts are set beside one another."
        return SideBySide(titles, reason=f"“{registry.get(name).title}” {said}")
    first, second, notes = _with_one_unit(first, second, pictures[0])
    titles = _titles(first, second)
    sides = zip((first, second), pictures, strict=True)
    one, other = (_draw(side, _request(side, picture, options), progress) for side, picture in sides)
    shared = united(one.asked, other.asked)
    if shared is None:
        notes.append("The colours of both are on scales of their own, as the two are not made of the same parts.")
    else:
        one, other = (
            each
            if all(are_same(own, both) for own, both in zip(each.asked, shared, strict=True))
            else _draw(each.side, each.request, progress, shared)
            for each in (one, other)
        )
    visualizer = registry.get(name)
    one_result, other_result, apart = _results(visualizer, one, other)
    if apart:
        notes.append(f"Not on one scale: {list_names(apart)}.")
    elif shared is not None:
        notes.append("Both are on one scale.")
    difference, reason = _difference(registry, visualizer, (one, other), titles)
    return SideBySide(titles, one_result, other_result, difference, reason, tuple(dict.fromkeys(notes)))


def samples_for(other: OpenModel, opened: OpenSamples) -> Samples:
    """Return samples as another model takes them: its inputs, in the same order, may bear other names.

    Raises:
        InputRejected: If it takes another number of inputs, or of other shapes.
    """
    check_inputs(other.extractor, opened.dataset)
    samples = opened.source
    names = [spec.name for spec in other.specs]
    if len(names) != len(samples.arrays) or names == list(samples.arrays):
        return samples
    renamed = dict(zip(samples.arrays, names, strict=True))

    def by_new_name(values: Mapping[str, Any]) -> dict[str, Any]:
        return {renamed.get(name, name): value for name, value in values.items()}

    return replace(
        samples,
        arrays=by_new_name(samples.arrays),
        feature_names=by_new_name(samples.feature_names),
        sampling_rates=by_new_name(samples.sampling_rates),
        letters=by_new_name(samples.letters),
        scalings=by_new_name(samples.scalings),
        notes=by_new_name(samples.notes),
    )


def _with_one_unit(first: Side, second: Side, picture: VisualizerSummary) -> tuple[Side, Side, list[str]]:
    """Return both sides with the unit that each shows, and what is to be said of it.

    Left open, each picture would take its own, and units would be compared that have nothing to do with each other: so
    it is the one whose answers are furthest apart.
    """
    control = next((each for each in picture.controls if each.follows == "unit"), None)
    if control is None:
        return replace(first, unit=None), replace(second, unit=None), []
    if first.layer != second.layer or (first.unit is not None and second.unit is not None):
        return first, second, []
    unit, notes = second.unit if first.unit is None else first.unit, []
    if unit is None:
        unit = unit_that_differs_most(first.answer(), second.answer())
        if unit is not None:
            notes.append(f"{control.axis.capitalize()} {unit:,} is shown: the one that differs the most.")
    return replace(first, unit=unit), replace(second, unit=unit), notes


def _request(side: Side, picture: VisualizerSummary, options: Mapping[str, Any]) -> ChartRequest:
    selected = {name: value for name, value in options.items() if name != "@unit"}
    if side.unit is not None:
        selected["@unit"] = side.unit
    return ChartRequest(side.layer, picture.name, side.sample, picture.values_of(selected), side.second_model)


def _draw(
    side: Side, request: ChartRequest, progress: Progress | None, shared: Sequence[Extremes | None] = ()
) -> _Drawn:
    with ranges_of_drawing(ColourRanges(shared)) as ranges, room_for(_ROOM):
        try:
            drawing = side.samples.charts.draw_anew(request, progress)
        except PluginFailed as error:
            return _Drawn(side, request, None, failure=failed_chart(error))
    return _Drawn(side, request, drawing, tuple(ranges.asked), tuple(ranges.matrices))


def _results(visualizer: Visualizer, one: _Drawn, other: _Drawn) -> tuple[ChartResult, ChartResult, list[str]]:
    first, second = (
        each.failure or ChartResult() if each.drawing is None else chart_result(visualizer, each.drawing)
        for each in (one, other)
    )
    charts, others, apart = on_one_scale(
        [each.specification for each in first.pictures], [each.specification for each in second.pictures]
    )
    return _with_charts(first, charts), _with_charts(second, others), apart


def _with_charts(result: ChartResult, specifications: Sequence[dict[str, Any]]) -> ChartResult:
    pairs = zip(result.pictures, specifications, strict=True)
    return replace(result, pictures=tuple(replace(picture, specification=chart) for picture, chart in pairs))


def _difference(
    registry: Registry, visualizer: Visualizer, drawn: tuple[_Drawn, _Drawn], titles: tuple[str, str]
) -> tuple[ChartResult | None, str]:
    """Return the difference drawn as the same picture, or why there is none."""
    one, other = (each.side for each in drawn)
    if not all(each.is_there for each in drawn):
        return None, "There is no difference to be drawn where one of both is missing."
    title = f"{titles[1]} minus {titles[0]}"
    arguments = set(chart_arguments(visualizer))
    if visualizer.group == "samples" or "dataset" in arguments:
        return None, (
            f"“{visualizer.title}” is about more samples than one, so there is no difference of two to be drawn."
        )
    if not arguments <= _TOOLS:
        return _difference_of_drawn(visualizer, drawn, title)
    are_units = one.unit is not None and other.unit is not None and one.unit != other.unit
    internals = "internals" in visualizer.needs
    try:
        subtracted = DifferenceOfAnswers(
            one.answer(internals=internals),
            other.answer(internals=internals),
            (one.unit or 0, other.unit or 0) if are_units else None,
            is_same_input=one.sample == other.sample,
            is_same_model=one.model is other.model,
        )
    except InputRejected as error:
        return None, error.message
    options = dict(drawn[0].request.options)
    if "sample" in visualizer.Options.model_fields:
        options["sample"] = 0
    if are_units:
        options = {name: value for name, value in options.items() if name not in UNIT_NAMES}
    with ranges_of_drawing(ColourRanges(are_differences=True)), room_for(_ROOM):
        try:
            drawing = registry.draw(visualizer.name, subtracted.activation, options)
        except PluginFailed as error:
            drawing = Drawing((), error.message)
    if subtracted.has_read_weights and one.model is other.model and one.layer == other.layer:
        return None, "It draws weights of the layer, which are the same for both."
    if drawing.refusal:
        return None, f"The difference could not be drawn: {drawing.refusal}"
    result = chart_result(visualizer, drawing)
    pictures = tuple(_picture_of_difference(picture, title) for picture in result.pictures)
    return replace(result, pictures=pictures, notes=(), faults={}), ""


def _difference_of_drawn(
    visualizer: Visualizer, drawn: tuple[_Drawn, _Drawn], title: str
) -> tuple[ChartResult | None, str]:
    """Return the difference of what a picture has worked out by the model, where both show it place by place."""
    picture = drawn[0].side.picture(visualizer.name)
    classes = [control.name for control in picture.controls if control.follows == "class"] if picture else []
    if classes and not any(drawn[0].request.options.get(name) is not None for name in classes):
        return None, "Each is about the class that is answered there: choose one class, and both are about that."
    with room_for(_ROOM):
        chart = difference_of_matrices(drawn[0].matrices, drawn[1].matrices)
    if chart is None:
        return None, (
            f"“{visualizer.title}” works out by the model what it draws, and no map of the same places is in both: so "
            "nothing can be subtracted."
        )
    return ChartResult((_picture_of_difference(ChartPicture(specification_of(chart)), title),)), ""


def _picture_of_difference(picture: ChartPicture, title: str) -> ChartPicture:
    """Return a chart of a difference that says so: what its author wrote is about an answer."""
    chart = _without_claims(wide_enough(picture.specification))
    before = chart.get("title")
    looks = {name: part for name, part in before.items() if name != "subtitle"} if isinstance(before, dict) else {}
    chart = {**chart, "title": {"anchor": "start", **looks, "text": f"Difference: {title}"}}
    chart.pop("description", None)
    said = description_of(chart, picture.caption)
    # A click in it would choose a place of the difference, which is no sample.
    return ChartPicture({**chart, "description": said}, picture.caption, (), said)


def _without_claims(part: Any) -> Any:
    """Return a part of a chart in which axes, legends and tooltips of values are called differences."""
    if isinstance(part, list):
        return [_without_claims(each) for each in part]
    if not isinstance(part, dict):
        return part
    changed = {name: each if name in ("datasets", "data") else _without_claims(each) for name, each in part.items()}
    title = changed.get("title")
    if isinstance(title, dict):
        # What a panel says behind its name, such as how many keys a query looks at, is about an answer.
        looks = {name: each for name, each in title.items() if name != "subtitle"}
        text = title.get("text")
        return {**changed, "title": {**looks, "text": text.partition(" · ")[0]} if isinstance(text, str) else looks}
    is_of_values = isinstance(title, str) and title.lower() in _VALUES
    return {**changed, "title": "Difference"} if is_of_values else changed


def _titles(first: Side, second: Side) -> tuple[str, str]:
    """Return what tells both sides apart, of each; where nothing does, the sample."""
    are_models, are_samples = first.model is not second.model, first.sample != second.sample
    are_layers, are_units = first.layer != second.layer, first.unit != second.unit
    if not (are_models or are_layers or are_units):
        are_samples = True
    titles = []
    for side in (first, second):
        told = [side.model.summary.name] if are_models else []
        told += [f"sample {side.sample:,}"] if are_samples else []
        told += [side.layer] if are_layers else []
        told += [f"unit {side.unit:,}"] if are_units and side.unit is not None else []
        titles.append(" · ".join(told))
    return titles[0], titles[1]
