"""Writes a run as Zarr while the training goes on, so that whoever looks finds whole steps, whenever it is killed.

Rows are gathered and written every few seconds: first the numbers, then how many rows there are. Each file is replaced
in one piece, and what was written before stays what it was. Nothing is compressed or filtered, see ``plain_arrays``.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from core.common.text import text_of
from core.training.chunk_files import write_chunk, write_ledger
from core.training.ledger import MOST_LOGS, ActivationEntry, Progress, RunDescription
from core.training.measures import LAYER_MEASURES, UNIT_MEASURES
from core.training.places import (
    ACTIVATIONS,
    INPUTS,
    LABELS,
    LAYERS,
    LOGS,
    MOMENTS,
    PROGRESS,
    UNITS,
    WEIGHTS,
    array_folder,
    step_folder,
)
from core.training.plain_arrays import read_rows
from core.training.run_files import RunFolder
from core.training.thinning import Thinning

__all__ = ["RunWriter", "text_as_bytes"]

FLUSH_SECONDS: Final = 2.0
"""A training that is killed loses what was recorded in so many seconds."""
_FIRST_CAPACITY: Final = 1_024
_ROWS_IN_CHUNK: Final = 64
_CHUNK_BYTES: Final = 262_144
_LARGE_CHUNK: Final = 16_000_000
_UNIT_BYTES: Final = 256_000_000
_UNIT_ROWS: Final = 1_024
_MOST_KEPT: Final = 1_000


class RunWriter:
    """A run that is written to.

    Args:
        folder: Where; nothing that is no run is written over.
        description: Of what it is a record.
        progress: How far the run is that is gone on with; None begins one.
        kept_bytes: What weights may take, and what activations may take.

    Attributes:
        progress: How far the run is, on the disk.
    """

    def __init__(self, folder: Path, description: RunDescription, progress: Progress | None, kept_bytes: int) -> None:
        import zarr

        self.folder = folder
        self.description = description
        self.progress = progress or Progress()
        if progress is None:
            _forget(folder)
        write_ledger(folder, description)
        write_ledger(folder / PROGRESS, self.progress)
        self._group = zarr.open_group(folder, mode="r+", zarr_format=3)
        layers, units = len(description.layers), description.unit_count
        self._tables = [
            _Table(self._group, folder / name, row_shape, dtype, self.progress.rows)
            for name, row_shape, dtype in (
                (MOMENTS, (3,), "float64"),
                (LAYERS, (layers, len(LAYER_MEASURES)), "float32"),
                (LOGS, (MOST_LOGS,), "float64"),
            )
        ]
        self._units = _UnitRows(self._group, folder, (units, len(UNIT_MEASURES)), self.progress)
        self.weights = Thinning(kept_bytes, _MOST_KEPT, self.progress.weight_stride, list(self.progress.weight_steps))
        self.activations = Thinning(
            kept_bytes, _MOST_KEPT, self.progress.activation_stride, list(self.progress.activation_steps)
        )
        self._activation_entries = self.progress.activations
        self._log_names = list(self.progress.log_names)
        self._resumed = self.progress.resumed
        self._rows = self.progress.rows
        self._dropped: list[str] = []
        self._flushed_at = time.monotonic()

    @property
    def rows(self) -> int:
        """How many steps were recorded, those that are not on the disk yet too."""
        return self._rows

    def note_resumed(self, step: int) -> None:
        """Note that the training goes on from a step."""
        self._resumed = (*self._resumed, step)

    def append(
        self, moment: tuple[int, int, float], layers: np.ndarray, units: np.ndarray, logs: Mapping[str, float]
    ) -> None:
        """Add a step.

        Args:
            moment: Its number, the epochs that are complete, and seconds since the run began.
            layers: Shape ``(layer, measure)``.
            units: Shape ``(unit, measure)``.
            logs: The training's own numbers. What is not finite is kept as infinite, since NaN is what is not known.
        """
        columns = np.full(MOST_LOGS, np.nan)
        self._fill(columns, logs)
        for table, row in zip(self._tables, (np.asarray(moment, np.float64), layers, columns), strict=True):
            table.append(row)
        self._units.append(self._rows, units)
        self._rows += 1

    def amend(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Put what is known only now, such as what validation told at the end of an epoch, to the newest step."""
        moments, _, columns = self._tables
        moments.newest[1] = epoch
        self._fill(columns.newest, logs)

    def keep_weights(self, step: int, arrays: Sequence[np.ndarray]) -> None:
        """Write the model's weights at a step."""
        content = np.concatenate([np.ascontiguousarray(array).reshape(-1).view(np.uint8) for array in arrays])
        _write(self._group, step_folder(WEIGHTS, step), content)
        self._dropped += [step_folder(WEIGHTS, each) for each in self.weights.add(step, content.nbytes)]

    def keep_activations(self, step: int, answers: Mapping[str, tuple[tuple[str, ...], np.ndarray]]) -> None:
        """Write what some layers answered at a step, by key: the names of the axes, and the values.

        Where these are other layers than before, those go: of what is told each layer is there at each step.
        """
        folder = step_folder(ACTIVATIONS, step)
        for key, (_, values) in answers.items():
            _write(self._group, array_folder(folder, key), values)
        entries = tuple(
            ActivationEntry.model_validate(
                {"key": key, "axes": axes, "shape": values.shape, "dtype": values.dtype.name}
            )
            for key, (axes, values) in answers.items()
        )
        if entries != self._activation_entries:
            self._dropped += [step_folder(ACTIVATIONS, each) for each in self.activations.numbers]
            self._activation_entries, self.activations.numbers = entries, []
        size = sum(values.nbytes for _, values in answers.values())
        self._dropped += [step_folder(ACTIVATIONS, each) for each in self.activations.add(step, size)]

    def write_samples(self, inputs: Sequence[np.ndarray], labels: np.ndarray | None) -> None:
        """Write the fixed samples, in the order of the description."""
        for number, array in enumerate(inputs):
            _write(self._group, step_folder(INPUTS, number), array)
        if labels is not None:
            _write(self._group, LABELS, labels)

    def _fill(self, columns: np.ndarray, logs: Mapping[str, float]) -> None:
        for name, value in logs.items():
            if name not in self._log_names and len(self._log_names) < MOST_LOGS:
                self._log_names.append(name)
            if name in self._log_names:
                columns[self._log_names.index(name)] = value if np.isfinite(value) else np.inf

    def flush_if_due(self) -> None:
        """Write what was gathered, if the last time was some seconds ago."""
        if time.monotonic() - self._flushed_at >= FLUSH_SECONDS:
            self.flush()

    def flush_rest(self) -> None:
        """Write what was gathered, if there is anything, and if it can be: for a process that ends."""
        with contextlib.suppress(Exception):
            if self._rows > self.progress.rows:
                self.flush()

    def flush(self, *, is_complete: bool = False) -> None:
        """Write what was gathered.

        Args:
            is_complete: Whether the training came to its end.
        """
        for table in self._tables:
            table.flush()
        self._units.flush(self._rows)
        self.progress = Progress(
            rows=self._rows,
            is_complete=is_complete,
            log_names=tuple(self._log_names),
            weight_steps=tuple(self.weights.numbers),
            weight_stride=self.weights.stride,
            activation_steps=tuple(self.activations.numbers),
            activation_stride=self.activations.stride,
            activations=self._activation_entries,
            unit_rows=tuple(self._units.thinning.numbers),
            unit_stride=self._units.thinning.stride,
            resumed=self._resumed,
        )
        write_ledger(self.folder / PROGRESS, self.progress)
        # Only now nobody is told any longer that these are there.
        for path in self._dropped:
            shutil.rmtree(self.folder / path, ignore_errors=True)
        self._dropped = []
        self._units.remove_dropped()
        self._flushed_at = time.monotonic()


class _Table:
    """An array that gets a row at each step; its last chunk is at hand, and written anew with each new row."""

    def __init__(self, group: Any, folder: Path, row_shape: tuple[int, ...], dtype: str, rows: int) -> None:
        name, self._folder, self._rows = folder.name, folder, rows
        row_bytes = int(np.prod(row_shape)) * np.dtype(dtype).itemsize
        if name not in group:
            count = max(1, min(_ROWS_IN_CHUNK, _CHUNK_BYTES // max(row_bytes, 1)))
            chunk = (1 << (count.bit_length() - 1), *(max(extent, 1) for extent in row_shape))
            _create(group, name, (_FIRST_CAPACITY, *row_shape), chunk, dtype)
        self._array = group[name]
        self._chunk = self._array.chunks[0]
        self._start = rows - rows % self._chunk
        files = RunFolder(folder.parent)
        known = read_rows(files, name, rows, row_shape, dtype) if rows else np.empty((0, *row_shape), dtype)
        self._pending = np.full((self._chunk, *row_shape), np.nan, dtype)
        self._pending[: rows - self._start] = known[self._start :]

    @property
    def newest(self) -> np.ndarray:
        """The last row, which may be changed until it is written."""
        return self._pending[self._rows - 1 - self._start]

    def append(self, row: np.ndarray) -> None:
        """Add a row."""
        if self._rows - self._start == self._chunk:
            self.flush()
            self._start = self._rows
            self._pending[...] = np.nan
        self._pending[self._rows - self._start] = row
        self._rows += 1

    def flush(self) -> None:
        """Write the last chunk."""
        if self._start + self._chunk > self._array.shape[0]:
            self._array.resize((2 * self._array.shape[0], *self._array.shape[1:]))
        if self._pending.size:
            others = (0,) * (self._pending.ndim - 1)
            write_chunk(self._folder, (self._start // self._chunk, *others), self._pending)


class _UnitRows:
    """The numbers of single units: a file for each step, so that steps of a long training can be thinned out."""

    def __init__(self, group: Any, folder: Path, row_shape: tuple[int, int], progress: Progress) -> None:
        self._folder = folder / UNITS
        if UNITS not in group:
            chunk = (1, *(max(extent, 1) for extent in row_shape))
            _create(group, UNITS, (_FIRST_CAPACITY, *row_shape), chunk, "float32")
        self._array = group[UNITS]
        self._pending: dict[int, np.ndarray] = {}
        # What was written before the training was killed, and never told.
        self._dropped = [int(each.name) for each in self._folder.glob("c/*") if int(each.name) >= progress.rows]
        self.remove_dropped()
        self.thinning = Thinning(_UNIT_BYTES, _UNIT_ROWS, progress.unit_stride, list(progress.unit_rows))

    def append(self, number: int, row: np.ndarray) -> None:
        """Add the row of a step, unless this one is left out."""
        if self.thinning.admits(row.nbytes):
            self._pending[number] = row
            self._dropped += self.thinning.add(number, row.nbytes)

    def flush(self, rows: int) -> None:
        """Write what is new, and make room for all rows that there are."""
        while rows > self._array.shape[0]:
            self._array.resize((2 * self._array.shape[0], *self._array.shape[1:]))
        for number, row in self._pending.items():
            if number not in self._dropped and row.size:
                write_chunk(self._folder, (number, 0, 0), row[None])
        self._pending = {}

    def remove_dropped(self) -> None:
        """Delete the files of steps that were thinned out."""
        for number in self._dropped:
            shutil.rmtree(self._folder / "c" / str(number), ignore_errors=True)
        self._dropped = []


def text_as_bytes(texts: np.ndarray) -> np.ndarray:
    """Return texts as the bytes of their UTF-8, with an axis more behind; the shorter ones end in zeros."""
    coded = np.array([text_of(text).encode() for text in texts.flat], dtype=bytes).reshape(texts.shape)
    return np.ascontiguousarray(coded).view(np.uint8).reshape(*texts.shape, -1)


def _create(group: Any, name: str, shape: Sequence[int], chunks: Sequence[int], dtype: Any) -> Any:
    fill = np.nan if np.dtype(dtype).kind == "f" else 0
    return group.create_array(
        name,
        shape=tuple(shape),
        chunks=tuple(chunks),
        dtype=dtype,
        compressors=None,
        filters=None,
        serializer="auto",
        fill_value=fill,
        overwrite=True,
    )


def _write(group: Any, name: str, values: np.ndarray) -> None:
    """Write an array whole."""
    values = values.reshape(1) if values.ndim == 0 else values
    row_bytes = max(values[:1].nbytes, 1)
    chunks = (max(1, min(len(values), _LARGE_CHUNK // row_bytes)), *(max(extent, 1) for extent in values.shape[1:]))
    _create(group, name, values.shape, chunks, values.dtype)[...] = values


def _forget(folder: Path) -> None:
    """Take away what a run held that is begun anew."""
    for name in (PROGRESS, MOMENTS, LAYERS, UNITS, LOGS, WEIGHTS, ACTIVATIONS, INPUTS, LABELS):
        shutil.rmtree(folder / name, ignore_errors=True)
