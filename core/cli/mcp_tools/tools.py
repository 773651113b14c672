"""What an agent may ask: each public method is a tool, and its docstring what the agent is told of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field

from core.analysis.attribution.methods import Method
from core.cli.mcp_tools import conversions
from core.cli.mcp_tools.open_models import OpenModel, OpenModels
from core.cli.mcp_tools.readable_folder import ReadableFolder
from core.cli.mcp_tools.results import (
    ChartList,
    ClosedModel,
    Comparison,
    ExampleEntry,
    Health,
    LayerList,
    LayerNumbers,
    ModelList,
    OpenedModel,
    RunResult,
)
from core.cli.models import EARLY, EXAMPLES, NOISE, compare_with, found, open_source, with_input
from core.common.choices import refuse_unknown
from core.common.text import count_text, did_you_mean, list_names, plain_name, safe_name, sentence
from core.errors import InputRejected, PluginFailed
from core.examples.catalogue import list_examples
from core.inputs.images import SCALINGS
from core.report.asking import Asking
from core.report.selection import require_row
from core.workspace.results import VisualizerSummary
from core.workspace.workers.remote import RemoteWorkspace

__all__ = ["DrawnChart", "Tools"]

_NOISE_SAMPLES: Final = 16
_MOST_NOISE: Final = 1_000
_ROWS: Final = 10
_ANSWERING_SECONDS: Final = 20.0
"""After how long a run says how far it is; the same call goes on from there."""
_LARGEST_PICTURE: Final = 4_000_000
_ATTRIBUTION: Final = "input-attribution"

_Model = Annotated[str, Field(description="Which open model; by default the one that was opened or asked last.")]
_Sample = Annotated[int, Field(ge=0, description="Number of the sample, from 0.")]
_Layer = Annotated[str, Field(description="Key of the layer, or of a part of it such as 'lstm:forget_gate'.")]


@dataclass(frozen=True)
class DrawnChart:
    """A chart as a picture, and what stands beside it."""

    png: bytes
    text: str


class Tools:
    """What may be asked of models; nothing of it changes a file.

    Args:
        folder: Where files may be read.
        models: The models that are open.
    """

    def __init__(self, folder: ReadableFolder, models: OpenModels) -> None:
        self._folder = folder
        self._models = models

    @property
    def all(self) -> tuple[Callable[..., Any], ...]:
        """The tools, in the order in which they are usually needed."""
        return (
            *(self.open_model, self.list_models, self.close_model, self.list_layers, self.run, self.layer),
            *(self.health, self.explain, self.compare, self.compare_samples, self.list_charts, self.chart),
        )

    def open_model(
        self,
        path: Annotated[
            str, Field(description="A .keras, .h5 or .tflite file, a SavedModel folder, or the name of an example.")
        ],
        weights: Annotated[str, Field(description="File of the weights, where path is an architecture (.json).")] = "",
        member: Annotated[str, Field(description="Which model is meant, where path holds several.")] = "",
    ) -> OpenedModel:
        """Open a model in a process without network and files; one that is open under this path is opened anew.

        Then give it data with the tool run; an example comes with its own.
        """
        source = found(self._located(path))
        name = self._folder.name_of(source) if isinstance(source, Path) else source.name
        is_new = name not in self._models.names
        model = self._models.take(name)
        try:
            with self._models.asking(model) as workspace:
                located = str(self._folder.locate(weights)) if weights else ""
                summary = open_source(workspace, source, member=member, weights=located)
                count = len(workspace.sample_names)
                model.data = _of_example(count) if count else ""
                labelling = workspace.labelling
        except BaseException:
            if is_new:
                self._models.drop(model)
            raise
        self._models.get(name)
        return OpenedModel(
            name,
            summary.layer_count,
            summary.parameter_count,
            tuple(map(conversions.input_description, summary.inputs)),
            summary.output,
            summary.outputs,
            labelling.class_names,
            labelling.class_count,
            summary.featured_layer,
            summary.origin,
            summary.trusted,
            model.data,
            count,
            self._models.names,
        )

    def list_models(self) -> ModelList:
        """Return the models that are open, the folder whose files may be read, and the examples that there are."""
        examples = tuple(ExampleEntry(each.name, each.title) for each in list_examples())
        return ModelList(self._models.names, str(self._folder.root), examples)

    def close_model(self, model: _Model = "") -> ClosedModel:
        """Close a model and end its process, also where it is still at something."""
        closed = self._models.get(model)
        self._models.drop(closed)
        return ClosedModel(closed.name, self._models.names)

    def list_layers(
        self,
        model: _Model = "",
        sample: _Sample = 0,
        first: Annotated[int, Field(ge=0, description="Number of the first layer that is listed, from 0.")] = 0,
        count: Annotated[int, Field(ge=1, le=200, description="How many layers are listed.")] = 100,
    ) -> LayerList:
        """List the layers in the order in which they are called: key, type, shape, weights, what is worth a look."""
        with self._with_data(model) as (opened, workspace):
            rows = workspace.layers(sample)
        listed = tuple(map(conversions.layer_entry, rows[first : first + count]))
        return LayerList(opened.name, opened.data, len(rows), first, listed)

    def run(
        self,
        data: Annotated[
            str,
            Field(
                description="A file (.npy, .npz, image, sound, CSV, text) or a folder of pictures or sounds; "
                "'examples' for an example's own samples; 'noise' for random numbers. Empty keeps what the model has."
            ),
        ] = "",
        text: Annotated[
            str, Field(description="Instead of data: one sample a line, text or numbers as the model takes.")
        ] = "",
        labels: Annotated[str, Field(description="File of the labels, where data brings none.")] = "",
        scaling: Annotated[
            str,
            Field(
                description="How pixels become numbers, those of arrays too. Empty takes what suits the model.",
                json_schema_extra={"enum": ["", *SCALINGS]},
            ),
        ] = "",
        sample: _Sample = 0,
        noise_samples: Annotated[
            int, Field(ge=1, le=_MOST_NOISE, description="How many samples of noise.")
        ] = _NOISE_SAMPLES,
        model: _Model = "",
    ) -> RunResult:
        """Give the model data, run it, and return its answers: to one sample in detail, to those behind it in short.

        What was given stays until other data is given: the other tools are about the same samples.
        """
        if scaling:
            refuse_unknown(scaling, tuple(SCALINGS), "scaling")
        if text and data:
            raise InputRejected("There are data and a text.", remedy="Give one of them.")
        opened = self._models.get(model)
        with self._models.asking(opened) as workspace:
            if text:
                workspace.take_text(text)
                opened.data = f"{count_text(len(workspace.sample_names), 'line')} of text"
            elif data or scaling or labels:
                self._give(opened, workspace, data, labels, scaling, noise_samples)
            else:
                self._give_something(opened, workspace)
            rows = workspace.sample_rows(_ANSWERING_SECONDS)
            answer = workspace.answer(sample)
            inputs = workspace.inputs(sample)
            notes = [workspace.labelling.note]
        run = [row for row in rows if row.is_run]
        if len(run) < len(rows):
            notes.append("Not all samples were run in the time of one call: call run again, without data, to go on.")
        judged = [row.right for row in run if row.right is not None]
        return RunResult(
            opened.name,
            opened.data,
            len(rows),
            len(run),
            len(judged),
            sum(judged) / len(judged) if judged else None,
            tuple(map(conversions.input_of_sample, inputs)),
            conversions.answer_of_sample(answer, rows[sample]),
            tuple(map(conversions.sample_entry, rows[sample : sample + _ROWS])),
            " ".join(filter(None, notes)),
        )

    def layer(
        self,
        layer: _Layer,
        sample: _Sample = 0,
        units: Annotated[int, Field(ge=0, le=50, description="How many of the strongest units are told.")] = 5,
        model: _Model = "",
    ) -> LayerNumbers:
        """Return what a layer answers to a sample in numbers: shape, mean, spread, zeros, NaN, the strongest units."""
        with self._with_layer(model, layer, sample) as (opened, workspace):
            numbers = workspace.activation_summary(layer, sample, units)
        return LayerNumbers(opened.name, opened.data, sample, numbers)

    def health(self, model: _Model = "") -> Health:
        """Run all samples through every layer, and say what is wrong: NaN, dead or saturated units, drift, errors."""
        with self._with_data(model) as (opened, workspace):
            report = workspace.health()
        return conversions.health_of(report, opened.name, opened.data)

    def explain(
        self,
        answer: Annotated[
            str, Field(description="Name or number of the class or unit; empty takes the one that is answered.")
        ] = "",
        sample: _Sample = 0,
        layer: Annotated[
            str, Field(description="Key of its layer; by default the one that the model answers with.")
        ] = "",
        method: Annotated[Method, Field(description="How it is worked out.")] = "integrated gradients",
        model: _Model = "",
    ) -> DrawnChart:
        """Return which parts of a sample count for a class or unit, as a picture, with how it is read."""
        with self._with_data(model) as (opened, workspace):
            asking = Asking(workspace)
            layer = layer or asking.answering_layer
            require_row(asking.layers, layer)
            options: dict[str, Any] = {"method": method}
            if answer:
                options["unit"] = _unit_called(answer, workspace, layer, sample)
            return _drawn(workspace, opened, layer, _ATTRIBUTION, options, sample)

    def compare(
        self,
        other: Annotated[
            str,
            Field(description="The second model: a file, an example, or early:EXAMPLE for one early in its training."),
        ],
        model: _Model = "",
    ) -> Comparison:
        """Run all samples through two models, and say how far each layer differs."""
        located = other if other.startswith(EARLY) else self._located(other)
        with self._with_data(model) as (opened, workspace):
            compare_with(workspace, located)
            report = workspace.comparison()
            count = len(workspace.sample_names)
        return conversions.comparison_of(report, opened.data, count)

    def compare_samples(self, first: _Sample, second: _Sample, model: _Model = "") -> Comparison:
        """Say how far what each layer answers to one sample differs from what it answers to another."""
        with self._with_data(model) as (opened, workspace):
            report = workspace.compare_samples(first, second)
        return conversions.comparison_of(report, opened.data, 2)

    def list_charts(self, layer: _Layer, sample: _Sample = 0, model: _Model = "") -> ChartList:
        """List the charts that suit a layer, the best first, with their options."""
        with self._with_layer(model, layer, sample) as (opened, workspace):
            view = workspace.layer_view(layer, "", {}, sample, draw=False)
        return ChartList(
            opened.name,
            layer,
            view.description,
            tuple(part.key for part in view.parts),
            tuple(map(conversions.chart_entry, view.visualizers)),
            tuple(sentence(f"{each.title}: {each.reason}") for each in view.unavailable),
        )

    def chart(
        self,
        layer: _Layer,
        chart: Annotated[str, Field(description="Name of the chart, see list_charts; empty takes the best.")] = "",
        options: Annotated[dict[str, Any] | None, Field(description="Its options by name, see list_charts.")] = None,
        sample: _Sample = 0,
        model: _Model = "",
    ) -> DrawnChart:
        """Draw a layer as a picture (PNG), with what it shows, how it is read and what it does not say."""
        with self._with_layer(model, layer, sample) as (opened, workspace):
            return _drawn(workspace, opened, layer, chart, options or {}, sample)

    @contextmanager
    def _with_data(self, name: str) -> Iterator[tuple[OpenModel, RemoteWorkspace]]:
        """Yield an open model and what it is asked through; it has noise where it was given nothing."""
        model = self._models.get(name)
        with self._models.asking(model) as workspace:
            self._give_something(model, workspace)
            yield model, workspace

    @contextmanager
    def _with_layer(self, name: str, layer: str, sample: int) -> Iterator[tuple[OpenModel, RemoteWorkspace]]:
        """Yield the same; refuse a layer that the model has not."""
        with self._with_data(name) as (model, workspace):
            require_row(workspace.layers(sample), layer)
            yield model, workspace

    def _give_something(self, model: OpenModel, workspace: RemoteWorkspace) -> None:
        if not workspace.sample_names:
            self._give(model, workspace, NOISE, "", "", _NOISE_SAMPLES)

    def _give(
        self, model: OpenModel, workspace: RemoteWorkspace, data: str, labels: str, scaling: str, noise_samples: int
    ) -> None:
        if not data:
            raise InputRejected(
                "There are labels or a scaling, and no data that they are for.", remedy="Give the data too."
            )
        is_file = data not in (EXAMPLES, NOISE)
        located = self._folder.locate(data) if is_file else None
        of_labels = self._folder.locate(labels) if labels else None
        with_input(workspace, str(located or data), noise_samples, of_labels, scaling)
        count = len(workspace.sample_names)
        if located is not None:
            model.data = f"{self._folder.name_of(located)}, {count_text(count, 'sample')}"
        else:
            model.data = _of_example(count) if data == EXAMPLES else _of_noise(count)

    def _located(self, name: str) -> str:
        """Return what a model is found by: the name of an example, or the path of a file in the folder."""
        known = [example.name for example in list_examples()]
        if name in known:
            return name
        try:
            return str(self._folder.locate(name))
        except InputRejected as error:
            if Path(name).name != name or Path(name).suffix:
                raise
            remedy = f"{error.remedy} The examples are: {', '.join(known)}."
            raise InputRejected(error.message, remedy=remedy) from error


def _of_example(count: int) -> str:
    return f"{count_text(count, 'sample')} of the example"


def _of_noise(count: int) -> str:
    return f"{count_text(count, 'sample')} of noise, random numbers that say nothing of real data"


def _drawn(
    workspace: RemoteWorkspace, model: OpenModel, layer: str, name: str, options: dict[str, Any], sample: int
) -> DrawnChart:
    picture = _suited(workspace, layer, name, sample)
    known = [control.name for control in picture.controls if control.name != "sample"]
    for option in options:
        if option not in known:
            raise InputRejected(
                f"{picture.name} has no option '{safe_name(option)}'{did_you_mean(option, known)}",
                remedy=f"Its options are: {list_names(known) or 'none'}.",
            )
    result = workspace.chart(layer, picture.name, options, sample)
    if result.failure is not None:
        raise PluginFailed(result.failure.message, plugin=picture.name, remedy=result.failure.remedy)
    if result.refusal or not result.pictures:
        reason = sentence(result.refusal or "there is nothing to draw")
        raise InputRejected(f"{picture.title}: {reason}", remedy="Other charts are in list_charts.")
    png = workspace.chart_file(layer, picture.name, options, sample, "png")
    if len(png) > _LARGEST_PICTURE:
        raise InputRejected(
            f"This picture takes {len(png) / 1e6:.0f} MB, more than the {_LARGEST_PICTURE / 1e6:.0f} MB that are sent.",
            remedy="Ask for less of it by an option, or for another chart, see list_charts.",
        )
    of_what = f"{safe_name(layer)} of {safe_name(model.name)}, sample {sample}"
    return DrawnChart(png, conversions.chart_text(picture, result, of_what, model.data))


def _suited(workspace: RemoteWorkspace, layer: str, name: str, sample: int) -> VisualizerSummary:
    """Return the chart of a name that suits a layer; without a name the one that suits best."""
    view = workspace.layer_view(layer, "", {}, sample, draw=False)
    names = [each.name for each in view.visualizers]
    if not names:
        raise InputRejected(f"No chart suits {safe_name(layer)}.", remedy="Choose another layer.")
    if not name or name in names:
        return view.visualizers[names.index(name) if name else 0]
    reasons = {each.name: each.reason for each in (*workspace.rejections(layer, sample), *view.unavailable)}
    why = f": it {reasons[name]}." if name in reasons else did_you_mean(name, names)
    raise InputRejected(
        f"The chart '{safe_name(name)}' does not suit {safe_name(layer)}{why}", remedy=f"These do: {', '.join(names)}."
    )


def _unit_called(answer: str, workspace: RemoteWorkspace, layer: str, sample: int) -> int:
    """Return the number of a class or unit that somebody named."""
    names = workspace.labelling.class_names
    if layer == Asking(workspace).answering_layer:
        by_name = {plain_name(name): number for number, name in enumerate(names)}
        if answer in names or plain_name(answer) in by_name:
            return names.index(answer) if answer in names else by_name[plain_name(answer)]
    card = workspace.unit_card(layer, None, sample)
    if card.reason:
        raise InputRejected(card.reason)
    # What has no name is called "class 3" in answers.
    number = answer.strip().removeprefix(card.kind).strip()
    if number.isascii() and number.isdigit() and int(number) < card.unit_count:
        return int(number)
    called = f" Classes are called {list_names(names)}." if names else ""
    raise InputRejected(
        f"{safe_name(layer)} answers no class or unit '{safe_name(answer)}'.",
        remedy=f"They are numbered 0 to {card.unit_count - 1:,}.{called}",
    )
