"""What a page asks about found inputs: a search as it goes on, the samples that excite the same, a whole layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from core import charts
from core.analysis.attribution.gradient_pass import PassSpec, run_pass
from core.analysis.attribution.targets import Target, place_and_region, places_in_words, units_in_words
from core.analysis.maximization.ascent import Ascent, AscentSettings, entry_for
from core.analysis.maximization.domain import Domain, domain_in
from core.analysis.units import refuse_missing_unit
from core.charts import gallery, overlays
from core.charts.sample_pictures import listed, with_pictures
from core.charts.sample_values import values_chart
from core.charts.validation import specification_of
from core.common.cache import OnceCache
from core.common.progress import Progress, counted
from core.common.text import class_name, number_text, percent, sample_with_class
from core.errors import InputRejected
from core.extraction.extractor import Extractor
from core.extraction.known_layers import layers_of
from core.extraction.layers import LayerInfo, answers_classes, answers_classes_somewhere, explained_as, unit_kind
from core.inputs.datasets import Dataset
from core.inputs.model_inputs import input_specs
from core.inputs.model_output import is_distribution
from core.inputs.sounds import takes_sound
from core.inputs.spec import InputSpec, drawable
from core.inputs.structure import arrange
from core.workspace.layer_search import LayerSearch, advance_for
from core.workspace.previews import input_view, png_of, value_range
from core.workspace.search_results import (
    ExcitedReport,
    ExcitedSample,
    FoundInput,
    LayerSearchReport,
    SearchableLayer,
    SearchReport,
)

__all__ = ["Maximizations"]

_SEARCHES_KEPT: Final = 8
_INPUT_HEIGHT: Final = 120
_BATCH_SIZE: Final = 16
_SHOWN: Final = 8
_COLUMNS: Final = 4
_LINE_WIDTH: Final = 340
_CURVE_POINTS: Final = 300
_MOST_NAMES: Final = 60
_MOST_STARTS: Final = 8
_FEW_NUMBERS: Final = 12
_MOST_PIXELS: Final = 96


class Maximizations:
    """Searches for inputs of one model, with the samples that are open.

    Args:
        extractor: Holds the model.
        dataset: The samples: they say what inputs look like, and are searched too.
        specs: What each input is taken for; by default what the layers say.
        class_layer: Key of the layer that answers the classes, where that is known.
        feature_names: Names of the last axis by the input's name, where they are known.
    """

    def __init__(
        self,
        extractor: Extractor,
        dataset: Dataset,
        specs: Sequence[InputSpec] | None = None,
        class_layer: str = "",
        feature_names: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self._extractor = extractor
        self._dataset = dataset
        self._specs = tuple(input_specs(extractor.model) if specs is None else specs)
        self._class_layer = class_layer
        self._feature_names = feature_names or {}
        self._searches: OnceCache[Ascent] = OnceCache(_SEARCHES_KEPT)
        self._layers: OnceCache[LayerSearch] = OnceCache(2)
        self._scores: OnceCache[np.ndarray] = OnceCache(_SEARCHES_KEPT)
        self._domains: OnceCache[Domain] = OnceCache(2)

    def layers(self) -> tuple[SearchableLayer, ...]:
        """Return the layers whose units can be looked for, in call order."""
        return tuple(
            self._searchable(info)
            for info in self._infos().values()
            if not info.missing and len(info.output_shape) > 1 and info.output_shape[-1] and "float" in info.dtype
        )

    def search(
        self, layer: str, unit: int | None, settings: Mapping[str, Any], sample: int, steps: int, seconds: float
    ) -> SearchReport:
        """Go on with a search for so long, and say where it is; see :meth:`.WorkspaceInterface.maximize`."""
        target, inputs = self._target(layer, unit, settings), self._sample(sample)
        ascent_settings = _settings_of(settings)
        start, chosen = sample if ascent_settings.from_sample or len(inputs) > 1 else 0, settings.get("entry") or ""

        def begin() -> Ascent:
            entry = entry_for(self._extractor, inputs, target, chosen)
            return Ascent(self._extractor, target, entry, self._domain(entry), inputs, ascent_settings)

        ascent = self._searches.get((target, repr(ascent_settings), start, chosen, settings.get("run", 0)), begin)
        advance_for(ascent, steps, seconds)
        return self._report(ascent, inputs, sample)

    def samples(
        self, layer: str, unit: int | None, settings: Mapping[str, Any], progress: Progress | None
    ) -> ExcitedReport:
        """Return the samples that excite the same the most; see :meth:`.WorkspaceInterface.excited`."""
        target = self._target(layer, unit, settings)
        scores = self._scores.get(target, lambda: self._run_all(target, counted(progress)))
        ranked = np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")[:_SHOWN]
        names = [self._name_of(int(position)) for position in ranked]
        groups, group_names = self._dataset.groups, self._dataset.group_names
        classes = [
            charts.NOT_KNOWN if groups is None else class_name(int(groups[position]), group_names)
            for position in ranked
        ]
        frame = pd.DataFrame({"sample": ranked, "name": names, "class": classes, "answer": scores[ranked]})
        frame = with_pictures(frame, drawable(self._dataset.take(ranked.tolist()), self._specs))
        texts = list(frame["text"]) if "text" in frame else [""] * len(frame)
        tooltip = [alt.Tooltip("sample:Q"), alt.Tooltip("class:N"), alt.Tooltip("answer:Q", format=".4~g")]
        if "image" not in frame and "text" not in frame:
            frame = frame.assign(text=[f"answers {number_text(score)}" for score in frame["answer"]])
        chart = listed(frame, tooltip=tooltip, columns=_COLUMNS, width=_LINE_WIDTH)
        excited = tuple(
            ExcitedSample(int(position), name, float(scores[position]), text)
            for position, name, text in zip(ranked, names, texts, strict=True)
        )
        return ExcitedReport(specification_of(chart), excited[0].answer, self._dataset.sample_count, excited)

    def answer_to_drag(
        self, layer: str, unit: int | None, settings: Mapping[str, Any], sample: int
    ) -> dict[str, Any] | None:
        """Return a sample's answer to be dragged over; see :meth:`.WorkspaceInterface.answer_to_drag`."""
        info = self._layer(layer)
        if not self._searchable(info).has_region:
            return None
        answer = self._extractor.extract(self._sample(sample), layers=[layer])[layer]
        return specification_of(overlays.answer_map(answer.values[0], self._target(layer, unit, settings)))

    def whole_layer(
        self, layer: str, settings: Mapping[str, Any], sample: int, steps: int, seconds: float
    ) -> LayerSearchReport:
        """Go on with the units of a layer; see :meth:`.WorkspaceInterface.maximize_layer`."""
        # Each unit for itself.
        target, inputs = replace(self._target(layer, 0, settings), versus=None, sign=1), self._sample(sample)
        ascent_settings = replace(_settings_of(settings), from_sample=False, diversity=0.0)
        info, chosen = self._layer(layer), settings.get("entry") or ""
        start = sample if len(inputs) > 1 else 0

        def make() -> LayerSearch:
            entry = entry_for(self._extractor, inputs, target, chosen)
            return LayerSearch(entry, self._domain(entry), int(info.output_shape[-1] or 0))

        def begin(units: np.ndarray) -> Ascent:
            return Ascent(self._extractor, target, search.entry, search.domain, inputs, ascent_settings, units)

        search = self._layers.get((target, repr(ascent_settings), start, chosen, steps, settings.get("run", 0)), make)
        search.advance(steps, seconds, begin)
        return self._layer_report(search, info)

    def _chart_of(self, entry: str, values: np.ndarray, names: tuple[str, ...]) -> dict[str, Any]:
        spec = next((each for each in self._specs if each.name == entry and takes_sound(each)), None)
        rate = spec.sampling_rate if spec else 0
        values = values[:, np.newaxis] if rate and values.ndim == 1 else values
        if values.ndim == 1 and not names and len(values) <= _FEW_NUMBERS:
            names = (entry,) if len(values) == 1 else tuple(f"{entry} {number}" for number in range(len(values)))
        return specification_of(values_chart(values, names, height=_INPUT_HEIGHT, sampling_rate=rate))

    def _pictures_of(self, ascent: Ascent, inputs: np.ndarray, drawn: np.ndarray) -> Sequence[bytes | None]:
        """Return what was found as pictures, as the model takes it and as it is drawn; None for what is none."""
        if ascent.domain.kind == "image":
            return [png_of(values) for values in drawn]
        spec = next((each for each in self._specs if each.name == ascent.entry), None)
        if spec is None or spec.kind not in ("frames", "volume"):
            return [None] * len(inputs)
        seen = value_range(inputs)
        return [input_view(spec, inputs, number, seen=seen).picture for number in range(len(inputs))]

    def _report(self, ascent: Ascent, sample: Mapping[str, np.ndarray], number: int) -> SearchReport:
        info = self._layer(ascent.target.layer)
        domain = ascent.domain
        inputs, objectives = ascent.inputs, ascent.objective()
        drawn = domain.as_drawn(inputs)
        names, answers = self._feature_names.get(ascent.entry, ()), ascent.answers()
        found_inputs = tuple(
            FoundInput(
                picture,
                self._chart_of(ascent.entry, values, names) if picture is None else None,
                float(objective),
                answer,
                is_other,
                is_wide=picture is not None and domain.kind != "image",
            )
            for values, picture, objective, answer, is_other in zip(
                drawn,
                self._pictures_of(ascent, inputs, drawn),
                objectives,
                self._answers_in_words(answers),
                self._are_other_classes(ascent.target, answers, info),
                strict=True,
            )
        )
        found_inputs = tuple(sorted(found_inputs, key=lambda each: -each.objective))
        return SearchReport(
            ", ".join([self._target_name(ascent.target, info), *places_in_words(ascent.target, info.axes[1:-1])]),
            ascent.steps,
            found_inputs,
            _curve(ascent.history, ascent.is_transformed),
            ascent.entry if len(sample) > 1 else "",
            _held_at(sample, ascent.entry, number),
        )

    def _target_name(self, target: Target, info: LayerInfo) -> str:
        if target.unit is None:
            return f"all of {info.key}"
        return units_in_words(target, info, self._dataset.class_names, self._class_layer)

    def _are_other_classes(self, target: Target, answers: np.ndarray, info: LayerInfo) -> list[bool]:
        unit = target.unit if target.sign > 0 else None
        is_class = answers_classes(info, self._dataset.class_names, self._class_layer)
        if unit is None or not is_class or answers.ndim != 2 or unit >= answers.shape[1]:
            return [False] * len(answers)
        return [bool(best != unit) for best in answers.argmax(axis=1)]

    def _answers_in_words(self, answers: np.ndarray) -> list[str]:
        names = self._dataset.class_names
        if answers.ndim != 2 or (names and answers.shape[1] != len(names)):
            return [""] * len(answers)
        captions = []
        for best, row in zip(answers.argmax(axis=1), answers, strict=True):
            name = class_name(int(best), names)
            if is_distribution(row):
                captions.append(f"{name} ({percent(float(row[best]))})")
            else:
                # Without names, what is largest is a class only where the answers share a whole.
                captions.append(name if names else "")
        return captions

    def _layer_report(self, search: LayerSearch, info: LayerInfo) -> LayerSearchReport:
        count = len(search.inputs)
        kind = unit_kind(info)
        chart: dict[str, Any] = {}
        if count:
            frame = pd.DataFrame({kind: np.arange(count), "answer": search.objectives})
            tooltip = [alt.Tooltip(f"{kind}:Q"), alt.Tooltip("answer:Q", format=".4~g")]
            names = self._feature_names.get(search.entry, ())
            chart = specification_of(_gallery(np.stack(search.inputs), frame, kind, tooltip, search.domain, names))
        return LayerSearchReport(chart, count, search.unit_count, int(info.output_shape[-1] or 0), kind)

    def _target(self, layer: str, unit: int | None, settings: Mapping[str, Any]) -> Target:
        info = self._layer(layer)
        place, region = _places(settings, info.output_shape[1:-1])
        if unit is None:
            return Target(layer, None, place, region=region)
        refuse_missing_unit(info, unit)
        versus = settings.get("versus")
        if versus is not None:
            refuse_missing_unit(info, versus)
        return Target(
            layer,
            unit,
            place,
            region=region,
            versus=None if versus == unit else versus,
            sign=-1 if settings.get("against") else 1,
        )

    def _infos(self) -> Mapping[str, LayerInfo]:
        return layers_of(self._extractor, arrange(self._extractor.model, self._dataset.batch(0, 1)))

    def _searchable(self, info: LayerInfo) -> SearchableLayer:
        count, names = int(info.output_shape[-1] or 0), self._dataset.class_names
        objective, places = explained_as(info), (info.axes[1:-1], info.output_shape[1:-1])
        taken = [spec for spec in self._specs if spec.dtype.startswith(("float", "bfloat"))]
        images = tuple(spec.name for spec in taken if spec.kind == "image" and spec.frame)
        is_class = answers_classes_somewhere(info, names, self._class_layer)
        return SearchableLayer(
            info.key,
            "class" if is_class else unit_kind(info),
            count,
            names if is_class else (),
            *places,
            objective,
            inputs=tuple(spec.name for spec in taken),
            images=images,
            has_other_inputs=len(self._specs) > 1,
        )

    def _layer(self, layer: str) -> LayerInfo:
        layers = self._infos()
        if layer not in layers:
            raise InputRejected(f"There is no layer {layer!r}.", remedy="Choose another layer.")
        return layers[layer]

    def _sample(self, sample: int) -> dict[str, np.ndarray]:
        return self._dataset.take([min(sample, self._dataset.sample_count - 1)])

    def _domain(self, entry: str) -> Domain:
        return self._domains.get(entry, lambda: domain_in(self._dataset, entry, self._specs))

    def _run_all(self, target: Target, progress: Callable[[int, int], None] | None) -> np.ndarray:
        count = self._dataset.sample_count
        scores = np.empty(count)
        for start in range(0, count, _BATCH_SIZE):
            stop = min(start + _BATCH_SIZE, count)
            inputs = arrange(self._extractor.model, self._dataset.batch(start, stop))
            spec = PassSpec.of(target)
            scores[start:stop] = run_pass(self._extractor, inputs, spec, target=target).objective
            if progress:
                progress(stop, count)
        return scores

    def _name_of(self, position: int) -> str:
        groups = self._dataset.groups
        group = "" if groups is None else class_name(int(groups[position]), self._dataset.group_names)
        return sample_with_class(position, group)


def _places(
    settings: Mapping[str, Any], extents: Sequence[int | None]
) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Return the place and the region of a target that settings name; a layer without such has neither."""
    known = [extent for extent in extents if extent]
    if not known or len(known) < len(extents):
        return (), ()
    region = settings.get("region") if len(known) == 2 else None
    place, ranges = place_and_region(known, settings.get("position"), region)
    if not (place or ranges) and settings.get("one_place"):
        place = tuple(extent // 2 for extent in known)
    return place, ranges


def _held_at(sample: Mapping[str, np.ndarray], entry: str, number: int) -> str:
    """Return what the inputs that are not searched are held at: ``"sample 3: city Bern, area 81.2"``."""
    others = {name: array[0] for name, array in sample.items() if name != entry}
    told = []
    for name, value in others.items():
        one = value.reshape(-1)[0] if value.size == 1 else None
        told.append(name if one is None else f"{name} {one if isinstance(one, str) else number_text(float(one))}")
    return f"sample {number:,}: {', '.join(told)}" if told else ""


def _settings_of(settings: Mapping[str, Any]) -> AscentSettings:
    names = {field.name for field in fields(AscentSettings)}
    values = {name: value for name, value in settings.items() if name in names}
    starts = int(np.clip(values.get("starts", 1), 1, _MOST_STARTS))
    return AscentSettings(**{**values, "starts": starts})


def _curve(history: np.ndarray, is_transformed: bool) -> dict[str, Any]:
    points = np.unique(np.linspace(0, len(history) - 1, min(len(history), _CURVE_POINTS)).astype(int))
    frame = pd.DataFrame(history[points], columns=[str(number) for number in range(history.shape[1])])
    frame = frame.assign(step=points + 1).melt("step", var_name="start", value_name="answer")
    alone = history.shape[1] == 1
    title = "Answer, moved at random" if is_transformed else "Answer"
    chart = (
        alt.Chart(frame)
        .mark_line(strokeWidth=1.5)
        .encode(
            alt.X("step:Q", title="Step", axis=alt.Axis(format="d", tickMinStep=1)),
            alt.Y("answer:Q", title=title, axis=alt.Axis(format=".4~g")),
            alt.Color("start:N", title="Start", legend=None if alone else alt.Legend()),
            tooltip=["step:Q", "start:N", alt.Tooltip("answer:Q", format=".4~g")],
        )
        .properties(height=190)
    )
    return specification_of(chart)


def _gallery(
    inputs: np.ndarray,
    frame: pd.DataFrame,
    kind: str,
    tooltip: list[alt.Tooltip],
    domain: Domain,
    names: tuple[str, ...],
) -> alt.TopLevelMixin:
    if domain.kind == "image":
        pixels = np.stack([charts.picture_values(values) for values in inputs])
        if max(pixels.shape[1:3]) > _MOST_PIXELS:
            pixels = np.stack([gallery.within(picture, _MOST_PIXELS) for picture in pixels])
        return gallery.picture_gallery(pixels, frame, tooltip=tooltip, select=kind)
    if domain.kind == "sequence":
        named = frame.assign(name=frame[kind].astype(str))
        pictured = with_pictures(named, {"found": inputs})
        return gallery.strip(pictured, tooltip=tooltip, select=kind, columns=8)
    matrix = inputs.reshape(len(inputs), -1)
    return charts.heatmap(
        matrix,
        row=kind,
        column="feature",
        scale=charts.colour_scale(matrix),
        value_title="Input",
        select_row=kind,
        column_labels=names if len(names) == matrix.shape[1] <= _MOST_NAMES else None,
    )
