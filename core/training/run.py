"""A recorded training, read from its folder or from a zip archive of it, while it is still written too."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
import pandas as pd
from pydantic import BaseModel, ValidationError

from core.common.limits import format_limit, get_limits, raised_by
from core.common.text import count_text, did_you_mean, list_numbers, safe_name
from core.errors import InputRejected
from core.extraction.activation import STEP_AXIS, Activation
from core.extraction.layers import LayerInfo
from core.inputs.sample_context import SampleContext
from core.training.alarms import Alarm, alarms_of
from core.training.ledger import ATTRIBUTE, MOST_LOGS, ActivationEntry, ArrayEntry, Progress, RunDescription
from core.training.measures import LAYER_MEASURES, UNIT_MEASURES
from core.training.places import (
    ACTIVATIONS,
    INPUTS,
    LABELS,
    LAYERS,
    LOGS,
    MODEL,
    MOMENTS,
    PROGRESS,
    UNITS,
    WEIGHTS,
    array_folder,
    step_folder,
)
from core.training.plain_arrays import damaged, read_array, read_attributes, read_part_of_rows, read_rows
from core.training.run_files import RunFiles, RunFolder, no_run, open_run_files
from core.training.similarity import alikeness_of_steps

__all__ = ["Run", "open_run"]

_Model = TypeVar("_Model", bound=BaseModel)


class Run:
    """A recorded training. What it says is what was there when it was opened, or refreshed the last time.

    Needs neither the model nor TensorFlow. A run is a file that may come from a stranger: sizes are checked before
    memory is taken, nothing in it is run.

    Args:
        files: Its files.
        name: What to call it.

    Attributes:
        name: What it is called: the name of its folder.
    """

    def __init__(self, files: RunFiles, name: str) -> None:
        self.name = name
        self._files = files
        self._description = _parsed(RunDescription, read_attributes(files, "", ATTRIBUTE), name)
        self._progress = Progress()
        self.refresh()

    def refresh(self) -> bool:
        """Read how far the run is by now, and return whether there is anything new.

        Raises:
            InputRejected: If it is damaged.
        """
        known = read_attributes(self._files, PROGRESS, ATTRIBUTE)
        progress = Progress() if known is None else _parsed(Progress, known, self.name)
        is_new = progress != self._progress
        self._progress = progress
        if is_new:
            # What was read of less: everything that is worked out once is so of all steps.
            for name in ("_moments", "_table", "logs", "alarms"):
                self.__dict__.pop(name, None)
        return is_new

    @property
    def description(self) -> RunDescription:
        """Of what it is a record."""
        return self._description

    @property
    def progress(self) -> Progress:
        """How far it was when it was read the last time."""
        return self._progress

    @property
    def path(self) -> Path | None:
        """The folder that it is in; None for an archive."""
        return self._files.folder if isinstance(self._files, RunFolder) else None

    @property
    def complete(self) -> bool:
        """Whether the training came to its end: False while it goes on, and where it was killed."""
        return self._progress.is_complete

    @property
    def steps(self) -> np.ndarray:
        """How many batches were trained at each recorded step, ascending whole numbers; 0 is before the first."""
        return self._moments[:, 0].astype(np.int64)

    @property
    def epochs(self) -> np.ndarray:
        """How many epochs were complete at each recorded step; whole numbers."""
        return self._moments[:, 1].astype(np.int64)

    @property
    def seconds(self) -> np.ndarray:
        """Seconds of the wall clock since the run began, at each recorded step."""
        return self._moments[:, 2]

    @property
    def resumed(self) -> tuple[int, ...]:
        """The steps at which a training that had ended went on."""
        return self._progress.resumed

    @property
    def every(self) -> int:
        """Batches between two recorded steps; those at the end of an epoch come beside."""
        return self._description.every

    @property
    def notes(self) -> tuple[str, ...]:
        """What was not recorded, and why; a sentence each."""
        return self._description.notes

    @property
    def model_name(self) -> str:
        """What the model calls itself."""
        return self._description.model_name

    @property
    def layers(self) -> tuple[str, ...]:
        """Keys of the layers in call order."""
        return tuple(layer.key for layer in self._description.layers)

    @property
    def layer_types(self) -> tuple[str, ...]:
        """Class of each of these layers."""
        return tuple(layer.type_name for layer in self._description.layers)

    @property
    def layer_infos(self) -> tuple[LayerInfo, ...]:
        """What is known of each of these layers."""
        return tuple(layer.info for layer in self._description.layers)

    @property
    def unit_counts(self) -> tuple[int, ...]:
        """How many units or channels each of these layers has."""
        return tuple(layer.unit_count for layer in self._description.layers)

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of what was recorded, of those in :data:`core.training.measures.MEASURES`."""
        is_known = np.isfinite(self._table).any(axis=(0, 1))
        return tuple(name for name, some in zip(LAYER_MEASURES, is_known, strict=True) if some)

    def measure(self, name: str) -> np.ndarray:
        """Return a number of each layer at each step, shape ``(step, layer)``; NaN where it does not apply.

        Args:
            name: One of :data:`core.training.measures.MEASURES`, such as ``"dead"``.

        Raises:
            InputRejected: If there is no such measure.
        """
        return self._table[:, :, _position(name, LAYER_MEASURES, "measure")]

    def unit_values(self, measure: str, layer: str) -> np.ndarray:
        """Return a number of each unit of a layer at each step, shape ``(step, unit)``.

        Steps at which single units were thinned out, as they are in long runs, are NaN.

        Args:
            measure: ``"mean"``, ``"std"``, ``"min"``, ``"max"``, ``"zeros"`` or ``"saturated"``.
            layer: Key of the layer.

        Raises:
            InputRejected: If there is no such measure or layer, or the values are more than the limit.
        """
        number = _position(measure, UNIT_MEASURES, "measure of single units")
        at = _position(layer, self.layers, "layer")
        start = sum(self.unit_counts[:at])
        part = slice(start, start + self.unit_counts[at])
        rows = range(self._progress.rows)
        return read_part_of_rows(self._files, UNITS, rows, self._unit_shape, "float32", part)[..., number]

    def unit_table(self, row: int) -> np.ndarray | None:
        """Return all numbers of all units at the step of a row, shape ``(unit, measure)``; None if that was let go."""
        if row not in self._progress.unit_rows:
            return None
        part, shape = slice(0, self._description.unit_count), self._unit_shape
        return read_part_of_rows(self._files, UNITS, range(row, row + 1), shape, "float32", part)[0]

    @cached_property
    def logs(self) -> pd.DataFrame:
        """The training's own numbers, such as ``loss``: a row per recorded step, a column each, NaN where none was."""
        columns = self._progress.log_names
        rows = self._rows(LOGS, (MOST_LOGS,), "float64")
        index = pd.Index(self.steps, name=STEP_AXIS)
        return pd.DataFrame(rows[:, : len(columns)], index=index, columns=list(columns))

    @cached_property
    def alarms(self) -> tuple[Alarm, ...]:
        """What went wrong, in the order in which it did."""
        return alarms_of(self)

    @property
    def kept_steps(self) -> tuple[int, ...]:
        """The steps at which the model's weights are kept."""
        return self._progress.weight_steps

    @property
    def activation_steps(self) -> tuple[int, ...]:
        """The steps at which whole answers of the chosen layers are kept."""
        return self._progress.activation_steps

    @property
    def activation_layers(self) -> tuple[str, ...]:
        """Keys of the layers whose whole answers are kept."""
        return tuple(entry.key for entry in self._progress.activations)

    def weights(self, step: int) -> dict[str, np.ndarray]:
        """Return the model's weights as they were at a step, by path, in the order of ``model.weights``.

        ``model.set_weights(list(run.weights(step).values()))`` puts the model back to where it was then. Where two
        weights bear the same path, the second is called ``path~2``.

        Args:
            step: One of :attr:`kept_steps`.

        Raises:
            InputRejected: If they are not kept, or damaged.
        """
        if step not in self.kept_steps:
            kept = list_numbers(self.kept_steps) or "none"
            raise InputRejected(
                f"The weights of step {step:,} are not kept.",
                remedy=f"Kept are those of {kept}; weights_every= of layerscope.Record says when.",
            )
        entries = self._description.weights
        if any(entry.dtype == "text" for entry in entries):
            raise damaged("list of weights")
        sizes = [entry.byte_count for entry in entries]
        content = read_array(self._files, step_folder(WEIGHTS, step), (sum(sizes),), "uint8")
        weights: dict[str, np.ndarray] = {}
        start = 0
        for entry, size in zip(entries, sizes, strict=True):
            kind = np.dtype(entry.dtype).newbyteorder("<")
            array = content[start : start + size].view(kind).reshape(entry.shape)
            weights[_free_name(entry.name, weights)] = array
            start += size
        return weights

    @property
    def model_path(self) -> Path | None:
        """The model's own file; None where it could not be saved, or the run is in an archive: see `model_content`."""
        if self.path is None or not self._description.has_model or self._files.size(MODEL) is None:
            return None
        return self.path / MODEL

    def model_content(self) -> bytes | None:
        """Return what the model's own file holds; None where it could not be saved.

        Raises:
            InputRejected: If it is larger than an uploaded model may be.
        """
        size = self._files.size(MODEL) if self._description.has_model else None
        if size is None:
            return None
        most = get_limits().upload_bytes
        if size > most:
            raise InputRejected(
                f"The run's model takes more than {format_limit(most)}.", remedy=raised_by("upload_bytes")
            )
        return self._files.read(MODEL, size)

    @cached_property
    def samples(self) -> Mapping[str, np.ndarray]:
        """The fixed samples, by input name, the sample axis first."""
        entries = enumerate(self._description.inputs)
        return {entry.name: self._entry(step_folder(INPUTS, number), entry) for number, entry in entries}

    @property
    def sample_count(self) -> int:
        """How many samples there are."""
        return self._description.sample_count

    @cached_property
    def labels(self) -> np.ndarray | None:
        """What the samples are to be answered with, as it was given; None where that is missing."""
        entry = self._description.labels
        return None if entry is None else self._entry(LABELS, entry)

    @property
    def class_names(self) -> tuple[str, ...]:
        """What classes are called; empty where that is not known."""
        return self._description.class_names

    def activation(self, layer: str) -> Activation:
        """Return what a layer answered at each step at which that was kept: axes ``("step", "sample", …)``.

        The steps are :attr:`activation_steps`.

        Args:
            layer: Key of the layer.

        Raises:
            InputRejected: If it was not kept, or takes more than the limit.
        """
        entry = self._kept(layer)
        infos = {info.key: info for info in self.layer_infos}
        owner = infos.get(layer) or infos.get(layer.rpartition(":")[0])
        if owner is None:
            raise damaged("list of activations")
        answers = self._answers(entry)
        context = SampleContext(inputs=self.samples, labels=self.class_numbers, class_names=self.class_names)
        part = layer.rpartition(":")[2] if ":" in layer else "output"
        axes = (STEP_AXIS, *entry.axes)
        return Activation(layer, answers, axes, owner, part=part, context=context, steps=self.activation_steps)

    def similarity(self, layer: str) -> np.ndarray:
        """Return how alike what a layer answers is at each two of :attr:`activation_steps`: linear CKA, from 0 to 1.

        Args:
            layer: Key of a layer whose answers are kept.

        Returns:
            Shape ``(step, step)``; NaN where an answer is not finite, or the same to all samples.

        Raises:
            InputRejected: If its answers were not kept, or take more than the limit.
        """
        return alikeness_of_steps(self._answers(self._kept(layer)))

    def __repr__(self) -> str:
        end = "complete" if self.complete else "not at its end"
        return (
            f"<Run {self.name}: {count_text(len(self.layers), 'layer')}, {count_text(len(self.steps), 'step')}, {end}>"
        )

    @property
    def _unit_shape(self) -> tuple[int, int]:
        return self._description.unit_count, len(UNIT_MEASURES)

    @cached_property
    def _moments(self) -> np.ndarray:
        moments = self._rows(MOMENTS, (3,), "float64")
        if not np.isfinite(moments).all() or (np.diff(moments[:, 0]) <= 0).any() or (np.abs(moments) > 2**53).any():
            raise damaged("list of steps")
        return moments

    @cached_property
    def _table(self) -> np.ndarray:
        return self._rows(LAYERS, (len(self._description.layers), len(LAYER_MEASURES)), "float32")

    @property
    def class_numbers(self) -> np.ndarray | None:
        """The labels, where they are numbers of classes; else None."""
        labels = self.labels
        is_class = labels is not None and labels.ndim == 1 and labels.dtype.kind in "iu"
        return labels if is_class else None

    def _rows(self, path: str, row_shape: Sequence[int], dtype: str) -> np.ndarray:
        return read_rows(self._files, path, self._progress.rows, row_shape, dtype)

    def _entry(self, path: str, entry: ArrayEntry) -> np.ndarray:
        if entry.dtype != "text":
            return read_array(self._files, path, entry.shape, entry.dtype)
        letters = read_array(self._files, path, entry.shape, "uint8")
        width = entry.shape[-1] if entry.shape else 0
        if not width:
            return np.full(entry.shape[:-1], "", dtype=str)
        coded = np.ascontiguousarray(letters).view(f"S{width}")[..., 0]
        return np.char.decode(coded, "utf-8", "replace")

    def _kept(self, layer: str) -> ActivationEntry:
        entries = {entry.key: entry for entry in self._progress.activations}
        if layer not in entries or not self.activation_steps:
            raise InputRejected(
                f"What {safe_name(layer)} answered was not kept.",
                remedy=f"Name it when you record: layerscope.Record(…, activations=['{safe_name(layer)}']).",
            )
        return entries[layer]

    def _answers(self, entry: ActivationEntry) -> np.ndarray:
        most, steps = get_limits().kept_bytes, self.activation_steps
        size = int(np.prod(entry.shape, dtype=object)) * np.dtype(entry.dtype).itemsize * len(steps)
        if size > most:
            raise InputRejected(
                f"What {safe_name(entry.key)} answered at {count_text(len(steps), 'step')} takes more than "
                f"{format_limit(most)}.",
                remedy=raised_by("kept_bytes"),
            )
        folders = (array_folder(step_folder(ACTIVATIONS, step), entry.key) for step in steps)
        return np.stack([read_array(self._files, folder, entry.shape, entry.dtype) for folder in folders])


def open_run(source: str | os.PathLike[str] | bytes | IO[bytes], name: str = "") -> Run:
    """Open a recorded training, also while it is still written: :meth:`Run.refresh` reads on.

    Args:
        source: The folder that :class:`layerscope.Record` writes, or a zip archive of it: a path, its content, or a
            binary file.
        name: What to call it; by default the name of the folder or file.

    Raises:
        InputRejected: If it holds no run, or is damaged.
    """
    if not name:
        own = source if isinstance(source, (str, os.PathLike)) else getattr(source, "name", "")
        name = safe_name(Path(os.path.abspath(own)).name).removesuffix(".zip") if own else "run"
    return Run(open_run_files(source, name), name)


def _parsed(kind: type[_Model], known: Any, name: str) -> _Model:
    if known is None:
        raise no_run(name)
    try:
        return kind.model_validate(known)
    except (ValidationError, RecursionError) as error:
        if isinstance(known, dict) and known.get("format", 1) != 1:
            raise InputRejected(
                f"{safe_name(name)} was recorded by a later version of Layerscope.", remedy="Install the newest one."
            ) from error
        raise damaged("ledger") from error


def _position(name: str, names: Sequence[str], noun: str) -> int:
    if name not in names:
        raise InputRejected(
            f"The run has no {noun} {safe_name(name)}{did_you_mean(name, names)}",
            remedy=f"There are: {', '.join(map(safe_name, names[:50]))}.",
        )
    return names.index(name)


def _free_name(name: str, taken: Mapping[str, Any]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name}~{number}", number + 1
    return free
