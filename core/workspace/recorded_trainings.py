# ruff: noqa: D102 - what each method is and raises is said once, in core.workspace.interface
"""The recorded training that one visitor has open, and a second one beside it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from core.common.progress import Progress
from core.errors import InputRejected
from core.examples.recorded_training import EXAMPLE_RUN
from core.models.trust import NO_TRUST, Trust
from core.training.run import Run, open_run
from core.workspace import results
from core.workspace.open_run import OpenRun
from core.workspace.run_charts import run_charts
from core.workspace.run_results import RunCharts, RunSummary
from core.workspace.run_views import RunViews
from core.workspace.what_is_open import WhatIsOpen

__all__ = ["RecordedTrainings"]


class RecordedTrainings(WhatIsOpen):
    """What one visitor asks of a recorded training, whose model is the one that is open.

    The arguments are those of :class:`core.workspace.what_is_open.WhatIsOpen`.
    """

    @property
    def run(self) -> RunSummary | None:
        return self._run.summary() if self._run else None

    @property
    def second_run(self) -> RunSummary | None:
        return OpenRun(self._second_run, NO_TRUST).summary() if self._second_run else None

    def open_run(self, source: str | os.PathLike[str] | bytes, name: str = "", trust: Trust = NO_TRUST) -> RunSummary:
        run = open_run(source, name)
        with self._lock:
            return self._start_with_run(run, trust)

    def open_example_run(self) -> RunSummary:
        return self.open_run(EXAMPLE_RUN, EXAMPLE_RUN.stem)

    def refresh_run(self) -> RunSummary:
        opened = self._require_run()
        for run in filter(None, (opened.run, self._second_run)):
            run.refresh()
        return opened.summary()

    def go_to_step(self, step: int) -> results.ModelSummary:
        with self._lock:
            self._model = self._require_run().at_step(step, self._model)
            self._others = None
            self._match_samples_again()
        return self._model.summary

    def take_run_samples(self) -> None:
        samples = self._require_run().samples()
        self._take(samples, samples.class_names)

    def set_second_run(self, source: str | bytes, name: str = "") -> RunSummary | None:
        self._require_run()
        self._second_run = open_run(source, name) if source else None
        return self.second_run

    def run_charts(self, measure: str, layer: str = "") -> RunCharts:
        opened = self._require_run()
        return run_charts(opened.run, self._second_run, measure, layer, opened.step)

    def run_layer(
        self,
        layer: str,
        part: str,
        visualizer: str,
        options: Mapping[str, Any],
        sample: int,
        progress: Progress | None = None,
    ) -> results.LayerView:
        return self._require_run_views().view(layer, part, visualizer, options, sample, progress)

    def _require_run(self) -> OpenRun:
        if self._run is None:
            raise InputRejected("No recorded training is open.", remedy="Open a run, or the example of one.")
        return self._run

    def _require_run_views(self) -> RunViews:
        self._require_run()
        assert self._run_views is not None
        return self._run_views

    def _start_with_run(self, run: Run, trust: Trust) -> RunSummary:
        opened = OpenRun(run, trust | self._trust)
        model = opened.open_model()
        samples = None if model is None else opened.samples()
        self._start_with(model)
        self._run, self._run_views = opened, RunViews(self._registry, opened)
        if samples is not None:
            self._take(samples, samples.class_names)
        return opened.summary()
