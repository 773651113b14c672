"""What a page asks of a workspace about many samples at once, or about two models."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from core.common.progress import Progress
from core.errors import InputRejected
from core.examples.catalogue import Example, get_example
from core.models.copies import files_together
from core.models.trust import NO_TRUST, Trust
from core.workspace.comparison_views import layer_chart, samples_report
from core.workspace.open_model import ModelSource, OpenModel, OpenSamples, file_name
from core.workspace.results import ComparisonReport, HealthReport, ModelSummary
from core.workspace.search_results import ExcitedReport, LayerSearchReport, SearchableLayer, SearchReport

__all__ = ["ManySamples"]


class ManySamples(ABC):
    """The part of :class:`core.workspace.workspace.Workspace` that looks at all samples that are open."""

    _other: OpenModel | None
    _trust: Trust

    @abstractmethod
    def _require_model(self) -> OpenModel: ...

    @abstractmethod
    def _require_samples(self) -> OpenSamples: ...

    @abstractmethod
    def _open(self, source: ModelSource, example: Example | None, opening: str) -> OpenModel: ...

    @property
    def compared(self) -> ModelSummary | None:
        """The model that the open one is compared with, or None."""
        return self._other.summary if self._other else None

    def health(self, progress: Progress | None = None) -> HealthReport:
        """Run all samples through every layer and say what is wrong with the layers, the worst first.

        Args:
            progress: Called with how much is done.

        Raises:
            ExtractionFailed: If the model raises.
        """
        return self._require_samples().views.health(progress)

    def class_means(self, layer: str, progress: Progress | None = None) -> dict[str, Any]:
        """Return how each unit of a layer answers to each class as a Vega-Lite chart; empty where no class is known.

        Args:
            layer: Key of the layer.
            progress: Called with how much is done, where all samples have to be run first.

        Raises:
            InputRejected: If there is no such layer.
            ExtractionFailed: If the model raises.
        """
        return self._require_samples().views.class_means(layer, progress)

    def compare_with_example(self, name: str) -> ModelSummary:
        """Take the model of an example to compare the open one with.

        Raises:
            InputRejected: If there is no such example.
        """
        return self._compare_with(ModelSource(get_example(name).model_path, name))

    def compare_with_model(
        self,
        source: str | os.PathLike[str] | bytes,
        name: str = "",
        member: str = "",
        weights: str = "",
        trust: Trust = NO_TRUST,
    ) -> ModelSummary:
        """Take a model file to compare the open one with, such as another checkpoint.

        Args:
            source: A path, or the content of a file.
            name: The file's name.
            member: Path of the model that is meant, where the source holds several.
            weights: Path of the weights, where the source is an architecture alone.
            trust: Whose code it may use beyond Keras.

        Raises:
            SeveralModels: If the source holds several models and none was named.
            CodeNeeded: If it needs code that is not trusted.
            ModelRefused: If it cannot be opened; the one before stays.
        """
        trust = trust | self._trust
        name = name or file_name(source, weights)
        return self._compare_with(ModelSource(source, name, weights or None, member, trust))

    def compare_with_files(
        self, files: Sequence[tuple[str, bytes]], member: str = "", trust: Trust = NO_TRUST
    ) -> ModelSummary:
        """Take a model from files that were given together, see :meth:`.Workspace.open_files`."""
        with files_together(files) as (source, name):
            return self.compare_with_model(source, name, member, trust=trust)

    def comparison(self, progress: Progress | None = None) -> ComparisonReport:
        """Run all samples through both models and compare their layers.

        Args:
            progress: Called with how much is done.

        Raises:
            InputRejected: If there is no other model, or it does not take these samples.
            ExtractionFailed: If a model raises.
        """
        other = self._compared()
        names = (self._require_model().summary.name, other.summary.name)
        return self._require_samples().views.comparison(other.key, other.extractor, names, progress)

    def compare_samples(self, first: int, second: int) -> ComparisonReport:
        """Compare what the layers answer to two samples.

        Raises:
            InputRejected: If there is no such sample.
            ExtractionFailed: If the model raises.
        """
        dataset = self._require_samples().views.dataset
        for sample in (first, second):
            if not 0 <= sample < dataset.sample_count:
                raise InputRejected(
                    f"There is no sample {sample}.", remedy=f"There are samples 0 to {dataset.sample_count - 1}."
                )
        return samples_report(self._require_model().extractor, dataset, first, second)

    def compared_layer(self, layer: str, sample: int, second: int | None) -> dict[str, Any]:
        """Return one layer side by side with its difference as a Vega-Lite chart.

        Args:
            layer: Key of the layer.
            sample: Which sample.
            second: Another sample for the same model; None takes the same sample and the other model.

        Raises:
            InputRejected: If one of both has no such layer, or its answer has another shape.
            ExtractionFailed: If a model raises.
        """
        model = self._require_model()
        if second is None:
            other = self._compared()
            pair = (model.extractor, sample, model.summary.name), (other.extractor, sample, other.summary.name)
        else:
            pair = (model.extractor, sample, f"sample {sample}"), (model.extractor, second, f"sample {second}")
        return layer_chart(*pair, self._require_samples().views.dataset, layer)

    def searchable_layers(self) -> tuple[SearchableLayer, ...]:
        """Return the layers whose units inputs can be looked for, in call order.

        Raises:
            ExtractionFailed: If the model raises.
        """
        return self._require_samples().maximizations.layers()

    def maximize(
        self,
        layer: str,
        unit: int | None,
        settings: Mapping[str, Any],
        sample: int,
        steps: int,
        seconds: float,
    ) -> SearchReport:
        """Look for the input that drives a unit, or a whole layer, the most; go on from where the last call stopped.

        Args:
            layer: Key of the layer.
            unit: Which unit or channel; None drives the whole layer.
            settings: Of :class:`core.analysis.maximization.ascent.AscentSettings`, by name; ``one_place`` takes a
                channel in the middle instead of everywhere, another ``run`` starts anew.
            sample: Where it starts, if it is to start from a sample, and what other inputs are held at.
            steps: How many steps to make in all.
            seconds: After how long to come back, though there are more steps to make.

        Raises:
            NoGradient: If there is no way up to be seen; the message says what stops it.
            InputRejected: If there is no such layer or unit.
            ExtractionFailed: If the model raises.
        """
        return self._require_samples().maximizations.search(layer, unit, settings, sample, steps, seconds)

    def maximize_layer(
        self, layer: str, settings: Mapping[str, Any], sample: int, steps: int, seconds: float
    ) -> LayerSearchReport:
        """Look for the inputs of all units of a layer, some at a time; see :meth:`maximize`.

        Args:
            layer: Key of the layer.
            settings: As for one unit.
            sample: What other inputs are held at.
            steps: How many steps to make for each.
            seconds: After how long to come back.

        Raises:
            NoGradient: If there is no way up to be seen.
            InputRejected: If there is no such layer.
            ExtractionFailed: If the model raises.
        """
        return self._require_samples().maximizations.whole_layer(layer, settings, sample, steps, seconds)

    def excited(
        self, layer: str, unit: int | None, settings: Mapping[str, Any], progress: Progress | None = None
    ) -> ExcitedReport:
        """Return the samples that excite a unit, or a whole layer, the most; see :meth:`maximize`.

        Args:
            layer: Key of the layer.
            unit: Which unit or channel; None takes the whole layer.
            settings: As there.
            progress: Called with how much is done.

        Raises:
            InputRejected: If there is no such layer or unit.
            ExtractionFailed: If the model raises.
        """
        return self._require_samples().maximizations.samples(layer, unit, settings, progress)

    def _compare_with(self, source: ModelSource) -> ModelSummary:
        self._require_model()
        self._other = self._open(source, None, "")
        return self._other.summary

    def _compared(self) -> OpenModel:
        if self._other is None:
            raise InputRejected("There is no model to compare with.", remedy="Choose an example or a file.")
        return self._other
