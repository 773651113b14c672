"""Samples from what a person holds in Python: arrays, lists, tables, datasets and generators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.common.text import safe_name
from core.errors import InputRejected
from core.inputs.arrays import as_labels
from core.inputs.checking import check
from core.inputs.files import Samples
from core.inputs.frames import frame_feature_names, frame_sample_names, series_array, truth_in_frame
from core.inputs.model_inputs import input_specs
from core.inputs.model_output import outputs_named
from core.inputs.streams import StreamPart, is_stream, read_stream
from core.inputs.structure import arrange, dense_array, flat, input_names
from core.inputs.structures import as_structure, refuse_misfits
from core.inputs.table_columns import labels_origin
from core.inputs.truth_columns import TruthColumns

__all__ = ["SampleSource", "read_inputs", "read_samples"]


@dataclass(frozen=True)
class SampleSource:
    """What was read of a source.

    Attributes:
        samples: The samples. For a model that does not say what it takes, the names of the arrays are those of a dict,
            or ``"input_0"``, ``"input_1"``, …, which :func:`core.inputs.checking.arrange` makes a list of again.
        is_cut: Whether the source holds more samples than were read.
        count: How many samples the source holds; None where it does not say without being read to its end.
    """

    samples: Samples
    is_cut: bool
    count: int | None


def read_samples(model: Any, inputs: Any, labels: Any = None, *, most: int | None = None) -> SampleSource:
    """Return the samples that a person holds in Python, as the app takes them.

    Args:
        model: A Keras model, built or not.
        inputs: What :meth:`core.extraction.extractor.Extractor.extract` takes.
        labels: Label of each sample: numbers of classes, names, one-hot rows, or true values; None takes those that
            come with the samples, as the ``y`` of a dataset's elements, or the column ``label`` of a table or one named
            like the model's output.
        most: How many samples to read, the first ones; None reads all.

    Raises:
        InputRejected: If the inputs or the labels do not fit.
    """
    table, truth = inputs, _truth(model, inputs)
    inputs = _without(inputs, truth)
    own_labels = labels is None and truth.label
    labels = table[truth.label] if own_labels else labels
    part = read_stream(model, inputs, most) if is_stream(inputs) else None
    structure = part.inputs if part else as_structure(model, inputs)
    refuse_misfits(model, structure)
    whole = _arrays(model, structure)
    held = len(next(iter(whole.values())))
    kept = held if most is None else min(held, max(most, 1))
    specs = {spec.name: spec for spec in input_specs(model)}
    arrays = {
        name: check(array[:kept], specs[name]) if name in specs else array[:kept] for name, array in whole.items()
    }
    tables = _tables(inputs, list(arrays))
    names = next(filter(None, map(frame_sample_names, (inputs, *tables.values()))), ()) or tuple(map(str, range(kept)))
    samples = Samples(
        arrays,
        _labels(labels, part, held, kept),
        names[:kept],
        labels_origin=labels_origin(truth.label if own_labels else ""),
        feature_names={name: each for name, held in tables.items() if (each := frame_feature_names(held))},
        truths={output: _label_array(table[column], held)[:kept] for output, column in truth.others.items()},
        remarks=truth.remarks if own_labels or not truth.label else (),
    )
    if part:
        return SampleSource(samples, part.is_cut, part.count)
    return SampleSource(samples, is_cut=kept < held, count=held)


def read_inputs(model: Any, inputs: Any) -> Any:
    """Return what a person holds as arrays in the structure that the model is called with.

    Args:
        model: A Keras model, built or not.
        inputs: What :meth:`core.extraction.extractor.Extractor.extract` takes.

    Raises:
        InputRejected: If it does not fit what the model says it takes, or has no end.
    """
    inputs = _without(inputs, _truth(model, inputs))
    structure = read_stream(model, inputs).inputs if is_stream(inputs) else as_structure(model, inputs)
    refuse_misfits(model, structure)
    return structure


def _truth(model: Any, inputs: Any) -> TruthColumns:
    # What the model expects is worked out for a table alone: every extraction comes by here.
    is_table = isinstance(inputs, pd.DataFrame)
    return truth_in_frame(inputs, input_specs(model), outputs_named(model)) if is_table else TruthColumns()


def _without(inputs: Any, truth: TruthColumns) -> Any:
    taken = [*([truth.label] if truth.label else []), *truth.others.values()]
    return inputs.drop(columns=taken) if taken else inputs


def _arrays(model: Any, structure: Any) -> dict[str, np.ndarray]:
    """Return all samples by input name, not yet checked."""
    import keras

    specs = input_specs(model)
    if specs:
        names, leaves = [spec.name for spec in specs], keras.tree.flatten(structure)
    else:
        names, leaves = input_names(model, structure), flat(structure)
    if not leaves:
        raise InputRejected("There are no inputs.", remedy="Give at least one array, the samples along its first axis.")
    empty = [name for name, leaf in zip(names, leaves, strict=True) if leaf is None]
    if empty:
        raise InputRejected(
            f"There is nothing for the input '{safe_name(empty[0])}'.", remedy="Give an array for each input."
        )
    arrays = {name: _plain(leaf) for name, leaf in zip(names, leaves, strict=True)}
    if not all(array.ndim and len(array) for array in arrays.values()):
        raise InputRejected(
            "The inputs hold no samples.", remedy="Give at least one sample; samples lie along the first axis."
        )
    # Refuses inputs that differ in their number of samples.
    arrange(model, arrays)
    return arrays


def _plain(leaf: Any) -> np.ndarray:
    array = dense_array(leaf)
    if array.dtype.kind == "O" and all(isinstance(each, (str, bytes)) for each in array.flat):
        return np.vectorize(_text, otypes=[str])(array)
    return array


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _labels(labels: Any, part: StreamPart | None, held: int, kept: int) -> np.ndarray | None:
    given = labels if labels is not None or part is None else part.labels
    # Of a stream that goes on, they may be those of all samples.
    return None if given is None else _label_array(given, held, may_be_more=bool(part and part.is_cut))[:kept]


def _label_array(labels: Any, count: int, *, may_be_more: bool = False) -> np.ndarray:
    try:
        array = series_array(labels) if isinstance(labels, pd.Series) else _plain(labels)
    except ValueError as error:
        raise InputRejected(
            "The labels are no array: they differ in their length.", remedy="Give one label for each sample."
        ) from error
    found = len(array) if array.ndim else 1
    if not array.ndim or found < count or (found > count and not may_be_more):
        raise InputRejected(
            f"There are {count:,} samples and {found:,} labels.",
            remedy="Give one label for each sample, in the same order; or leave the labels out.",
        )
    if array.dtype.kind == "O":
        raise InputRejected(
            "The labels are neither numbers nor names.", remedy="Give numbers of classes, names, or true values."
        )
    return as_labels(array[:count])


def _tables(inputs: Any, names: Sequence[str]) -> dict[str, Any]:
    """Return what was given for each input, a table perhaps, where that is plain to see."""
    if isinstance(inputs, Mapping):
        return {name: inputs[name] for name in names if name in inputs}
    if isinstance(inputs, (list, tuple)):
        return dict(zip(names, inputs, strict=True)) if len(inputs) == len(names) else {}
    return {names[0]: inputs} if len(names) == 1 else {}
