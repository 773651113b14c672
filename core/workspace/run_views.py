"""What a page asks about the layers of a recorded training: what each answered over its steps, and pictures of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from core.common.cache import OnceCache
from core.common.limits import get_limits
from core.common.progress import Progress
from core.common.text import count_text, format_shape
from core.errors import InputRejected, PluginFailed
from core.extraction.activation import STEP_AXIS, Activation
from core.inputs.sample_context import SampleContext
from core.inputs.structure import arrange
from core.plugins.registry import Registry
from core.training.measures import MEASURES, UNIT_MEASURES
from core.training.run import Run
from core.workspace import visualizer_list
from core.workspace.layer_charts import chart_result, failed_chart
from core.workspace.open_run import OpenRun
from core.workspace.results import ChartResult, LayerView, PartSummary

__all__ = ["ANSWERS", "RunViews"]

ANSWERS: Final = "answers"
"""What a layer answered to each sample, among the parts that there are of it over the steps."""
_KEPT: Final = 4
_MOST_STEPS: Final = 40
_MOST_SAMPLES: Final = 64
_STEP: Final = "step"


class RunViews:
    """Views of the layers of one run.

    Args:
        registry: Where the visualizers come from.
        opened: The run.
    """

    def __init__(self, registry: Registry, opened: OpenRun) -> None:
        self._registry = registry
        self._opened = opened
        self._films: OnceCache[Activation] = OnceCache(_KEPT)
        self._copy: OnceCache[Any] = OnceCache(1)

    def view(
        self,
        layer: str,
        part: str,
        visualizer: str,
        options: Mapping[str, Any],
        sample: int,
        progress: Progress | None,
    ) -> LayerView:
        """Return everything that is shown of one layer over the steps, see :meth:`.WorkspaceInterface.run_layer`."""
        self._registry.refresh()
        parts = self.parts(layer)
        if not parts:
            return LayerView("nothing of single units was recorded of it", (), ())
        chosen = next((each for each in parts if each.key == part), parts[0])
        activation = self.activation(layer, chosen.key, progress)
        suited, unavailable = visualizer_list.offer(self._registry, activation)
        axes = " × ".join(activation.axes[1:])
        described = f"{activation.layer.type_name} · {chosen.title}: {axes} {format_shape(activation.shape[1:])}"
        described += f" at {count_text(len(activation.steps), 'step')}{self._source(layer, chosen.key)}"
        # The one that is shown comes first, so that who draws it knows.
        ordered = (chosen, *(each for each in parts if each.key != chosen.key))
        view = LayerView(described, ordered, suited, unavailable=unavailable)
        picture = view.picture(visualizer)
        if picture is None:
            return view
        values = {**picture.values_of(options), **self._followed(picture.name, activation, sample)}
        return replace(view, chart=self._drawn(picture.name, activation, values, progress))

    def _followed(self, visualizer: str, activation: Activation, sample: int) -> dict[str, Any]:
        fields = self._registry.get(visualizer).Options.model_fields
        followed: dict[str, Any] = {}
        if "sample" in fields:
            followed["sample"] = min(sample, max(activation.extent("sample") - 1, 0))
        if _STEP in fields:
            step = self._opened.step
            steps = np.asarray(activation.steps)
            followed[_STEP] = len(steps) - 1 if step is None else int(np.abs(steps - step).argmin())
        return followed

    def _drawn(
        self, visualizer: str, activation: Activation, options: Mapping[str, Any], progress: Progress | None
    ) -> ChartResult:
        try:
            drawing = self._registry.draw(visualizer, activation, options, progress=progress)
        except PluginFailed as error:
            return failed_chart(error)
        return chart_result(self._registry.get(visualizer), drawing)

    @property
    def _run(self) -> Run:
        return self._opened.run

    def parts(self, layer: str) -> tuple[PartSummary, ...]:
        """Return what there is of a layer over the steps.

        Raises:
            InputRejected: If nothing was recorded of it.
        """
        if layer not in self._run.layers:
            raise InputRejected(
                f"Of the layer '{layer}' nothing was recorded.", remedy="Choose one of the layers of the run."
            )
        parts = []
        if layer in self._run.activation_layers or self._can_be_run_again:
            parts.append(PartSummary(ANSWERS, "all answers"))
        parts += [
            PartSummary(name, f"{MEASURES[name].title.lower()} of each unit")
            for name in UNIT_MEASURES
            if np.isfinite(self._run.unit_values(name, layer)).any()
        ]
        return tuple(parts)

    @property
    def _can_be_run_again(self) -> bool:
        return self._opened.step is not None and len(self._run.kept_steps) > 1

    def _source(self, layer: str, part: str) -> str:
        if part != ANSWERS or layer in self._run.activation_layers:
            return ", as recorded"
        return ", of the model run again with the weights that were kept"

    def activation(self, layer: str, part: str, progress: Progress | None = None) -> Activation:
        """Return what a layer answered over the steps.

        Args:
            layer: Key of the layer.
            part: One of its :meth:`parts`.
            progress: Called with how much is done, where the model is run again at each step.

        Raises:
            InputRejected: If it is too much to be kept.
            ExtractionFailed: If the model raises.
        """
        if part != ANSWERS:
            return self._of_units(layer, part)
        if layer in self._run.activation_layers:
            return self._run.activation(layer)
        steps = self._steps_to_run()
        return self._films.get((layer, steps), lambda: self._film(layer, steps, progress))

    def _of_units(self, layer: str, measure: str) -> Activation:
        """Return a number of each unit at each step at which single units were kept."""
        values = self._run.unit_values(measure, layer)
        at = self._run.layers.index(layer)
        # In a long run single units are thinned out: nothing was kept, and nothing was wrong.
        is_broken = self._run.measure("not_finite")[:, at] > 0
        kept = np.isfinite(values).any(axis=1) | is_broken
        steps = self._run.steps[kept]
        info = self._run.layer_infos[at]
        context = SampleContext(class_names=self._run.class_names)
        return Activation(
            f"{layer}:{measure}", values[kept], (STEP_AXIS, "unit"), info, part=measure, context=context, steps=steps
        )

    def _steps_to_run(self) -> tuple[int, ...]:
        kept = self._run.kept_steps
        at = np.unique(np.linspace(0, len(kept) - 1, min(len(kept), _MOST_STEPS)).round().astype(int))
        return tuple(int(kept[position]) for position in at)

    def _film(self, layer: str, steps: Sequence[int], progress: Progress | None) -> Activation:
        """Return what a layer answers with the weights of each step, by a copy of the model that nobody else uses."""
        model = self._copy.get((), self._opened.own_copy)
        if model is None:
            raise InputRejected(self._opened.why_no_model, remedy="Name layers in layerscope.Record(…, activations=…).")
        context = SampleContext(labels=self._run.class_numbers, class_names=self._run.class_names, specs=model.specs)
        count = min(self._run.sample_count, _MOST_SAMPLES)
        samples = {name: array[:count] for name, array in self._opened.arrays_for(model).items()}
        recorded: list[np.ndarray] = []
        extractor, inputs = model.extractor, arrange(model.extractor.model, samples)
        for number, step in enumerate(steps):
            extractor = self._opened.moved(extractor, step)
            answered = extractor.extract(inputs, layers=[layer], known=context.part(0, count))
            if layer not in answered:
                raise InputRejected(f"'{layer}' answers nothing that can be kept.", remedy="Choose another layer.")
            recorded.append(np.array(answered[layer].values))
            if recorded[0].nbytes * len(steps) > get_limits().kept_bytes:
                raise InputRejected(
                    f"What {layer} answers at {count_text(len(steps), 'step')} is too much to be kept.",
                    remedy="Choose a smaller layer, or the numbers of its units.",
                )
            if progress:
                progress((number + 1) / len(steps), f"step {step:,}")
        if extractor is not model.extractor:
            # What the copy had compiled is out of date.
            self._copy = OnceCache(1)
        first = answered[layer]
        return Activation(
            layer, np.stack(recorded), (STEP_AXIS, *first.axes), first.layer, context=first.context, steps=steps
        )
