"""The samples as a page lists them: a row each, and a strip of small pictures."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from core.charts.sample_strip import sample_strip, tile_pictures
from core.charts.validation import specification_of
from core.common.progress import Progress
from core.common.text import number_text, percent
from core.extraction.blocks import SampleBlocks
from core.inputs.checking import check_sample
from core.inputs.datasets import ArrayDataset
from core.inputs.labels import match_labels
from core.inputs.model_output import ModelOutput
from core.inputs.spec import InputSpec, drawable
from core.workspace.answers import answer_of
from core.workspace.results import Answer, ChartPicture, SampleRow
from core.workspace.sample_rows import sample_rows

__all__ = ["SampleList"]


class SampleList:
    """Samples for a model, in a list. They are run once, when the list is first asked for.

    Args:
        blocks: What the model answers to them.
        dataset: The samples.
        specs: What each input is taken for.
        described: What the model's output is.
    """

    def __init__(
        self, blocks: SampleBlocks, dataset: ArrayDataset, specs: Sequence[InputSpec], described: ModelOutput
    ) -> None:
        self._blocks = blocks
        self._dataset = dataset
        self._specs = specs
        self._described = described
        self._answers: np.ndarray | None = None
        self._rows: tuple[SampleRow, ...] = ()
        self._lock = threading.Lock()

    def rows(self, seconds: float, progress: Progress | None = None) -> tuple[SampleRow, ...]:
        """Return a row per sample, see :meth:`.WorkspaceInterface.sample_rows`."""
        with self._lock:
            if self._answers is None or (seconds > 0 and 0 < len(self._answers) < self._dataset.sample_count):
                output = self._described.position
                self._answers = self._blocks.answers(seconds, progress, output, self._answers)
                labels = self._dataset.matched_labels
                self._rows = sample_rows(self._answers, self._dataset.names, labels, self._described)
            return self._rows

    def answer(self, sample: int, described: ModelOutput, progress: Progress | None = None) -> Answer:
        """Return what the model answers to a sample with one of its outputs, see :meth:`.WorkspaceInterface.answer`."""
        values, position = self._blocks.answer(sample, progress, described.position)
        matched = self._dataset.matched_labels
        # Nothing is known of what other outputs are to answer.
        labels = matched if described.position == matched.output else match_labels(None, described)
        return answer_of(values, position, labels, described, sample)

    def strip(self, samples: Sequence[int], selected: int) -> ChartPicture:
        """Return some samples in one row, see :meth:`.WorkspaceInterface.sample_strip`."""
        for sample in samples:
            check_sample(sample, self._dataset.sample_count)
        if not samples:
            return ChartPicture({})
        rows = [self._row_of(sample) for sample in samples]
        pictures = tile_pictures(drawable(self._dataset.take(samples), self._specs))
        chart = sample_strip(_said_of(rows), pictures, selected=selected, right=[row.right for row in rows])
        return ChartPicture(specification_of(chart), selections=("sample",), alt=_in_words(rows, selected))

    def _row_of(self, sample: int) -> SampleRow:
        if self._rows:
            return self._rows[sample]
        return SampleRow(sample, str(self._dataset.names[sample]))


def _said_of(rows: Sequence[SampleRow]) -> pd.DataFrame:
    columns: dict[str, list[Any]] = {
        "sample": [row.number for row in rows],
        "name": ["" if row.name == str(row.number) else row.name for row in rows],
        "answer": [
            row.answer and (row.answer if row.confidence is None else f"{row.answer} ({percent(row.confidence)})")
            for row in rows
        ],
        "true": [row.true_label for row in rows],
        "loss": ["" if row.loss is None else number_text(row.loss) for row in rows],
    }
    return pd.DataFrame({name: values for name, values in columns.items() if name == "sample" or any(values)})


def _in_words(rows: Sequence[SampleRow], selected: int) -> str:
    told = [f"{row.number}{', selected' if row.number == selected else ''}{_verdict(row)}" for row in rows]
    return f"{len(rows)} samples: {'; '.join(told)}."


def _verdict(row: SampleRow) -> str:
    if not row.answer:
        return ""
    wrong = f", wrong, true {row.true_label}" if row.right is False else ", correct" if row.right else ""
    return f", answer {row.answer}{wrong}"
