"""One sample before and after it is edited, for a page that shows both while somebody draws."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from PIL import Image

from core.analysis.comparison import largest_change
from core.charts.validation import specification_of
from core.common.cache import OnceCache
from core.common.progress import Progress
from core.errors import InputRejected
from core.extraction.activation import Activation, Activations
from core.extraction.blocks import SampleBlocks
from core.extraction.failures import fixed_sample_count
from core.inputs.checking import check_sample
from core.inputs.datasets import ArrayDataset
from core.inputs.edited_samples import edited_arrays, words_of
from core.inputs.edits import Edit, WordEdit, clamp_of
from core.inputs.model_output import ModelOutput
from core.inputs.spec import InputSpec, as_colours, as_pixels
from core.inputs.structure import arrange, flat
from core.plugins.meanings import OutputContext
from core.workspace.comparison_views import difference_chart
from core.workspace.edit_charts import answers_chart, answers_in_words, change_bars
from core.workspace.edit_results import EditableInput, EditedLayer, EditView, Tool
from core.workspace.previews import InputPreviews
from core.workspace.results import Answer
from core.workspace.sample_list import SampleList

__all__ = ["EditViews"]

_PASSES_KEPT: Final = 3
_LAYERS_KEPT: Final = 4
_INPUTS_KEPT: Final = 2
"""The sample that is edited, and the same without edits: long strokes take as long as a small model."""
_MOST_FEATURES: Final = 2000
_MOST_WORDS: Final = 400
_MOST_PIXELS: Final = 512
_NAMES: Final = ("before", "after")
_STEPS: Final = {"frames": "frame", "volume": "slice"}


class EditViews:
    """Views of edited samples. The pass that was made last is kept, and the one over the sample as it was.

    Both run with the same compiled pass, one sample alone: where nothing is changed, no layer moves by rounding.

    Args:
        blocks: What the model answers to all samples.
        dataset: The samples.
        specs: What each input is taken for.
        sample_list: Says what answers mean.
        previews: Says what goes in.
    """

    def __init__(
        self,
        blocks: SampleBlocks,
        dataset: ArrayDataset,
        specs: Sequence[InputSpec],
        sample_list: SampleList,
        previews: InputPreviews,
    ) -> None:
        self._blocks = blocks
        self._dataset = dataset
        self._specs = specs
        self._sample_list = sample_list
        self._previews = previews
        self._originals: OnceCache[Activations] = OnceCache(1)
        self._answers: OnceCache[tuple[Answer, OutputContext]] = OnceCache(1)
        self._passes: OnceCache[Activations] = OnceCache(_PASSES_KEPT)
        self._inputs: OnceCache[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]] = OnceCache(_INPUTS_KEPT)
        # The page asks for it with every run, also where a tool alone was changed.
        self._layers_drawn: OnceCache[EditedLayer] = OnceCache(_LAYERS_KEPT)
        self._ranges: OnceCache[tuple[tuple[float, ...], tuple[float, ...]]] = OnceCache(len(specs))

    def view(
        self, sample: int, edits: Sequence[Edit], described: ModelOutput, meaning: str, progress: Progress | None = None
    ) -> EditView:
        """Return a sample before and after it is edited, see :meth:`.WorkspaceInterface.edit_view`."""
        check_sample(sample, self._dataset.sample_count)
        given, edited = self._arrays(sample, edits)
        if progress:
            progress(0.0, "the sample as it was")
        original, changed = self._original(sample), self._pass(sample, edits)
        if progress:
            progress(0.9, "how far each layer moves")
        before, first = self._answers.get(
            (sample, described, meaning),
            lambda: self._sample_list.edited_answer(sample, described, original, given, meaning),
        )
        after, second = self._sample_list.edited_answer(sample, described, changed, edited, meaning)
        changes = {key: float(change[0]) for key, change in original.changes(changed).items()}
        has_bars = before.meaning == after.meaning and before.failure is None
        return EditView(
            tuple(self._input(spec, given, edited, edits) for spec in self._specs),
            before,
            after,
            answers_chart(first, second, before) if has_bars else {},
            answers_in_words(before, after),
            changes,
            change_bars(changes) if changes else {},
            largest_change(changes),
            "" if changes else "The layers of this model answer too much to be kept all at once.",
        )

    def layer(self, sample: int, edits: Sequence[Edit], layer: str, unit: int | None) -> EditedLayer:
        """Return one layer before and after, see :meth:`.WorkspaceInterface.edited_layer`."""
        check_sample(sample, self._dataset.sample_count)
        key = (sample, tuple(edits), layer, unit)
        return self._layers_drawn.get(key, lambda: self._drawn_layer(sample, edits, layer, unit))

    def _drawn_layer(self, sample: int, edits: Sequence[Edit], layer: str, unit: int | None) -> EditedLayer:
        lows, highs = _unit_ranges(self._blocks.activation(layer, sample)[0])
        passes = (((), self._original(sample)), (edits, self._pass(sample, edits)))
        before, after = (made if layer in made else self._alone(sample, done, layer) for done, made in passes)
        found = EditedLayer({}, len(lows), lows, highs)
        try:
            drawn = difference_chart(before[layer], after[layer], _NAMES, unit)
        except InputRejected as error:
            return replace(found, note=str(error))
        return replace(found, specification=specification_of(drawn))

    def _arrays(self, sample: int, edits: Sequence[Edit]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Return a sample as it was and as it is edited, by input name; worked out once for the pass and the views."""

        def make() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
            given = dict(self._dataset.take([sample]))
            return given, edited_arrays(given, edits, self._specs)

        return self._inputs.get((sample, tuple(edits)), make)

    def _original(self, sample: int) -> Activations:
        return self._originals.get(sample, lambda: self._run(sample, (), self._layers))

    def _pass(self, sample: int, edits: Sequence[Edit]) -> Activations:
        if not edits:
            return self._original(sample)
        return self._passes.get((sample, tuple(edits)), lambda: self._run(sample, edits, self._layers))

    def _alone(self, sample: int, edits: Sequence[Edit], layer: str) -> Activations:
        return self._passes.get((sample, tuple(edits), layer), lambda: self._run(sample, edits, (layer,)))

    @property
    def _layers(self) -> tuple[str, ...] | None:
        return None if self._blocks.plan.all_layers else ()

    def _run(self, sample: int, edits: Sequence[Edit], layers: tuple[str, ...] | None) -> Activations:
        _, edited = self._arrays(sample, edits)
        extractor = self._blocks.extractor
        # Where states are kept for so many samples and no other number, as many of this one; the first is looked at.
        count = fixed_sample_count(extractor.model) or 1
        inputs = arrange(extractor.model, {name: np.repeat(array, count, axis=0) for name, array in edited.items()})
        found = extractor.extract(inputs, layers=layers, clamp=clamp_of(edits), first=sample, specs=self._specs)
        found.output = [leaf[:1] if len(leaf) == count else leaf for leaf in map(np.atleast_1d, flat(found.output))]
        return found

    def _input(
        self,
        spec: InputSpec,
        given: Mapping[str, np.ndarray],
        edited: Mapping[str, np.ndarray],
        edits: Sequence[Edit],
    ) -> EditableInput:
        name, before, after = spec.name, given[spec.name], edited[spec.name]
        view = self._previews.edited_view(spec, after)
        tool = _tool_for(spec, before)
        if tool == "picture":
            images = spec.as_images(after)
            bounds = self._previews.range_of(name).bounds
            pixels = as_pixels(as_colours(images)[0], bounds)
            low, high = bounds
            return EditableInput(
                name, tool, view, _png(pixels), images.shape[1:], lows=(low,), highs=(high if high > low else low + 1,)
            )
        if tool == "features":
            lows, highs = self._feature_ranges(name)
            names = self._previews.feature_names(name)
            values = tuple(map(float, after.reshape(-1)[:_MOST_FEATURES]))
            return EditableInput(name, tool, view, names=names, values=values, lows=lows, highs=highs)
        if tool == "series":
            laid_out = spec.laid_out(after)
            size = (laid_out.shape[1], laid_out.shape[-1] if laid_out.ndim > 2 else 1)
            names = self._previews.feature_names(name)
            return EditableInput(name, tool, view, size=size, names=names, steps_are=_STEPS.get(spec.kind, "step"))
        if tool == "words":
            words = words_of(before)
            texts = {each.position: each.text for each in edits if isinstance(each, WordEdit) and each.input == name}
            edited_words = tuple(texts.get(place, word) for place, word in enumerate(words))[:_MOST_WORDS]
            note = f"The first {_MOST_WORDS} words of {len(words):,}." if len(words) > _MOST_WORDS else ""
            return EditableInput(
                name, tool, view, words=tuple(words[:_MOST_WORDS]), edited_words=edited_words, note=note
            )
        return EditableInput(name, tool, view, note="There is no tool to edit an input of this kind yet.")

    def _feature_ranges(self, name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
        def make() -> tuple[tuple[float, ...], tuple[float, ...]]:
            array = self._dataset.arrays[name]
            rows = array.reshape(len(array), -1)[:, :_MOST_FEATURES].astype(np.float64)
            rows = np.where(np.isfinite(rows), rows, np.nan)
            with np.errstate(all="ignore"):
                lows, highs = (np.nan_to_num(each) for each in (np.nanmin(rows, axis=0), np.nanmax(rows, axis=0)))
            return tuple(map(float, lows)), tuple(map(float, highs))

        return self._ranges.get(name, make)


def _unit_ranges(activation: Activation) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the smallest and the largest number that each unit answers; none where no unit can be set."""
    can_be_set = activation.dtype.startswith(("float", "bfloat", "int", "uint")) and activation.part == "output"
    if not can_be_set or activation.rank < 2 or not activation.values.size:
        return (), ()
    values = activation.values
    rows = values.reshape(-1, values.shape[-1])  # (sample, …, unit) -> (place, unit)
    lows, highs = (np.nan_to_num(of(rows, axis=0)) for of in (np.min, np.max))
    return tuple(map(float, lows)), tuple(map(float, highs))


def _tool_for(spec: InputSpec, array: np.ndarray) -> Tool:
    if array.dtype.kind in "US" or spec.kind == "tokens":
        return "words" if array.dtype.kind != "f" else "features"
    if array.dtype.kind not in "biuf":
        return "none"
    if spec.kind == "image" and spec.frame:
        return "picture"
    rank = spec.laid_out(array).ndim - 1
    if rank > 1 or (rank == 1 and spec.kind == "sequence"):
        return "series"
    return "features"


def _png(pixels: np.ndarray) -> bytes:
    """Return a picture ``(height, width, channel)``, uint8, as a PNG, a pixel for each; of a large one for several."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    factor = _MOST_PIXELS / max(image.size)
    if factor < 1:
        image = image.resize((max(1, round(image.width * factor)), max(1, round(image.height * factor))))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
