"""What a page asks about all samples that are open: the health of the model, what units answer to classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from core.analysis.health import (
    Finding,
    FindingKind,
    checked_layers,
    drift_of_layers,
    findings_of,
    weights_of_normalization,
)
from core.analysis.judged_answers import judged_answers
from core.analysis.normalization import Drift
from core.charts.validation import specification_of
from core.common.cache import OnceCache
from core.common.progress import Progress, counted
from core.errors import InputRejected
from core.extraction.blocks import SampleBlocks
from core.extraction.dataset.survey import Survey, survey
from core.extraction.extractor import Extractor
from core.extraction.layers import is_input
from core.extraction.model_output import layers_that_answer
from core.extraction.verified import Verification
from core.inputs.checking import check_sample
from core.inputs.datasets import Dataset
from core.inputs.structure import arrange
from core.workspace.comparison_views import models_report, samples_report
from core.workspace.health_results import DriftRow, HealthReport, HealthRow
from core.workspace.health_views import class_means_chart, confusion_picture, what_was_checked, wrong_samples
from core.workspace.results import ComparisonReport

__all__ = ["DatasetViews"]

_UNITS_TOLD: Final = 20
_KEPT: Final = 4


class _Judgement(NamedTuple):
    """What is wrong with layers, in which layers each kind of fault was looked for, and how far their inputs drift."""

    findings: Sequence[Finding]
    checked: Mapping[FindingKind, tuple[str, ...]]
    drifts: tuple[DriftRow, ...]


class DatasetViews:
    """Views of one set of samples. All samples are run once, when the first view is asked for; a page asks often.

    Args:
        dataset: The samples.
        blocks: Runs them through the model.

    Attributes:
        dataset: The samples.
    """

    def __init__(self, dataset: Dataset, blocks: SampleBlocks) -> None:
        self._extractor = blocks.extractor
        self._blocks = blocks
        self.dataset = dataset
        self._kept: OnceCache[Any] = OnceCache(_KEPT)

    def survey(self, progress: Progress | None = None) -> Survey:
        """Return the survey of all layers.

        Raises:
            ExtractionFailed: If the model raises.
        """
        found: Survey = self._kept.get(
            "survey", lambda: survey(self._extractor, self.dataset, progress=counted(progress))
        )
        return found

    def health(self, progress: Progress | None = None) -> HealthReport:
        """Return what is wrong, see :meth:`.WorkspaceInterface.health`."""
        report: HealthReport = self._kept.get("health", lambda: self._health(progress))
        return report

    def verify(self, progress: Progress | None = None) -> Verification:
        """Return which layers are reproduced, see :meth:`.WorkspaceInterface.verify`."""
        found: Verification = self._kept.get("verification", lambda: self._blocks.verify(progress))
        return found

    def comparison(
        self, key: str, other: Extractor, names: tuple[str, str], progress: Progress | None = None
    ) -> ComparisonReport:
        """Return the model against another, see :meth:`.WorkspaceInterface.comparison`.

        Args:
            key: Tells the other model from those before.
            other: Holds it.
            names: What each model is called.
            progress: Called with how much is done.
        """
        report: ComparisonReport = self._kept.get(
            ("comparison", key, names), lambda: models_report(self._extractor, other, self.dataset, names, progress)
        )
        return report

    def compare_samples(self, first: int, second: int) -> ComparisonReport:
        """Return two samples against each other, see :meth:`.WorkspaceInterface.compare_samples`."""
        for sample in (first, second):
            check_sample(sample, self.dataset.sample_count)
        return samples_report(self._extractor, self.dataset, first, second)

    def findings(self, progress: Progress | None = None) -> Sequence[Finding]:
        """Return what is wrong with the layers, the worst first."""
        return self._judged(self.survey(progress)).findings

    def _judged(self, found: Survey) -> _Judgement:
        judged: _Judgement = self._kept.get("judged", lambda: self._judge(found))
        return judged

    def _judge(self, found: Survey) -> _Judgement:
        inputs = arrange(self._extractor.model, self.dataset.batch(0, 1))
        weights = weights_of_normalization(self._extractor, inputs)
        answering = layers_that_answer(self._extractor.model, tuple(found.layers.values()))
        return _Judgement(
            findings_of(found, weights, answering),
            checked_layers(found, weights, answering),
            tuple(_drift_row(key, drift) for key, drift in drift_of_layers(found, weights).items()),
        )

    def _health(self, progress: Progress | None) -> HealthReport:
        found = self.survey(progress)
        findings, checked, drifts = self._judged(found)
        rows = tuple(
            HealthRow(
                each.layer,
                found.layers[each.layer].type_name,
                each.kind,
                each.text,
                each.units[:_UNITS_TOLD],
                len(each.units),
                each.unit_count,
                each.sample,
            )
            for each in findings
        )
        clear, note = what_was_checked(found, checked, {each.kind for each in findings})
        judged = judged_answers(self.dataset, found.predictions)
        return HealthReport(
            rows,
            self._layer_keys(found),
            self.dataset.sample_count,
            note,
            judged.accuracy,
            clear,
            confusion_picture(judged),
            wrong_samples(judged),
            judged.wrong_count,
            judged.count,
            {str(kind): keys for kind, keys in checked.items()},
            drifts,
        )

    def class_means(self, layer: str, progress: Progress | None = None) -> dict[str, Any]:
        """Return the chart of units by classes, see :meth:`.WorkspaceInterface.class_means`."""
        found = self.survey(progress)
        if layer not in self._layer_keys(found):
            raise InputRejected(f"There is no layer {layer!r} with units.", remedy="Choose another layer.")
        means = found.statistics[layer].class_means  # (class, unit)
        chart = class_means_chart(means, layer, self.dataset)
        return {} if chart is None else specification_of(chart)

    def _layer_keys(self, found: Survey) -> tuple[str, ...]:
        return tuple(key for key in found.statistics if not is_input(key))


def _drift_row(layer: str, drift: Drift) -> DriftRow:
    """Return the numbers of the channels that are furthest off; 0 and 1 where no channel has a finite one."""
    shift, spread = (each[np.isfinite(each)] for each in (drift.shift, drift.spread))
    # A spread of a half is as far from 1 as one of two; one of zero is the furthest.
    distance = np.abs(np.log(np.maximum(spread, np.finfo(float).tiny)))
    return DriftRow(
        layer,
        float(shift[np.abs(shift).argmax()]) if shift.size else 0.0,
        float(spread[distance.argmax()]) if spread.size else 1.0,
    )
