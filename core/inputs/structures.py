"""Lists, tables and arrays as people hold them, as arrays in the structure that a model is called with.

What Keras takes as it is stays as it is: nothing is copied, and nothing is refused that the model can run.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from core.common.memory import ran_out_of_memory
from core.common.text import did_you_mean, list_names, safe_name
from core.errors import ExtractionFailed, InputRejected
from core.inputs.checking import check_type, misfit
from core.inputs.frames import columns_by_input, frame_array, names_input, series_array
from core.inputs.model_inputs import input_specs, input_structure
from core.inputs.remedies import fits
from core.inputs.spec import InputSpec
from core.inputs.structure import arrange

__all__ = [
    "as_structure",
    "holds_values",
    "misfits_told",
    "refuse_misfits",
    "sample_shapes",
]


def as_structure(model: Any, inputs: Any) -> Any:
    """Return inputs with an array in the place of every list and every table.

    Args:
        model: A Keras model.
        inputs: For each input an array, a tensor, lists of numbers or texts, a list of arrays that are one sample each,
            a pandas DataFrame or Series; or one DataFrame with a column for each input. In a dict there may be more
            than the model takes, which is left out.

    Returns:
        Its leaves are in the order of ``model.inputs``; an optional input that is left out is None.

    Raises:
        InputRejected: If there are more or fewer than the model takes, if a name is missing, or if lists or columns
            make no array.
    """
    if inputs is None:
        raise InputRejected("There are no inputs.", remedy="Give an array, the samples along its first axis.")
    reference = input_structure(model)
    if reference is None:
        return _loose(inputs)
    if isinstance(inputs, pd.DataFrame) and names_input(inputs, specs := input_specs(model)):
        return arrange(model, columns_by_input(inputs, specs))
    return _along(reference, inputs)


def refuse_misfits(model: Any, structure: Any) -> None:
    """Refuse what a model that says what it takes cannot be given: other axes, or a sample without its axis.

    Args:
        model: A Keras model; one that does not say what it takes refuses nothing.
        structure: What :func:`as_structure` made of inputs.

    Raises:
        InputRejected: If an array has other axes than its input.
    """
    for position, (found, wanted) in _shapes(model, structure):
        # Keras adds or removes a last axis of one.
        is_shorter = len(found) == len(wanted) and wanted[-1:] == (1,) and not _is_one_sample(found, wanted)
        is_longer = len(found) == len(wanted) + 2 and found[-1] == 1
        if len(found) != len(wanted) + 1 and not is_shorter and not is_longer:
            raise misfit(found, input_specs(model)[position])


def sample_shapes(model: Any, structure: Any) -> list[tuple[tuple[int, ...], tuple[int | None, ...]]]:
    """Return the shape that is there, and that of a sample that the model takes, where both are known.

    Args:
        model: A Keras model; one that does not say what it takes has none.
        structure: What :func:`as_structure` made of inputs.
    """
    return [shapes for _, shapes in _shapes(model, structure)]


def holds_values(given: Any) -> bool:
    """Return whether nested lists hold numbers or texts, as far as their first element says, and not arrays."""
    first = given
    while _is_list(first) and first:
        first = first[0]
    return isinstance(first, (numbers.Number, np.generic, str, bytes)) or (_is_list(first) and first is not given)


@contextmanager
def misfits_told(model: Any, structure: Any) -> Iterator[None]:
    """Say which input does not fit, where the model raises and one is of another size or type than it says.

    Many a model runs on sizes that it was not made for, so only trying tells.

    Args:
        model: A Keras model.
        structure: What :func:`as_structure` made of inputs.

    Raises:
        InputRejected: In the place of the model's own error.
    """
    import keras

    try:
        yield
    except ExtractionFailed as error:
        if ran_out_of_memory(error):
            raise
        for position, (found, wanted) in _shapes(model, structure):
            spec = input_specs(model)[position]
            if not any(fits(shape, (None, *wanted)) for shape in (found, (*found, 1), _without_last_one(found))):
                raise misfit(found, spec) from error
            dtype = _numpy_dtype(keras.tree.flatten(structure)[position])
            if dtype is not None:
                _told_of_type(dtype, spec, error)
        raise


def _told_of_type(dtype: np.dtype[Any], spec: InputSpec, cause: ExtractionFailed) -> None:
    try:
        check_type(dtype, spec)
    except InputRejected as error:
        raise error from cause


def _shapes(model: Any, structure: Any) -> Iterator[tuple[int, tuple[tuple[int, ...], tuple[int | None, ...]]]]:
    """Yield position, the shape that is there, and the shape of a sample that is wanted, where both are known."""
    import keras

    tensors = getattr(model, "inputs", None) or ()
    leaves = keras.tree.flatten(structure) if tensors else []
    if len(leaves) != len(tensors):
        return
    for position, (leaf, tensor) in enumerate(zip(leaves, tensors, strict=True)):
        if leaf is not None and not _has_no_shape(leaf):
            yield position, (tuple(leaf.shape), tuple(tensor.shape[1:]))


def _has_no_shape(leaf: Any) -> bool:
    """Return whether there is no shape to compare: rows differ in length, or are hidden in Python objects."""
    if isinstance(leaf, np.ndarray):
        return leaf.dtype.kind == "O" and bool(leaf.size) and not isinstance(leaf.flat[0], (str, bytes))
    return type(leaf).__name__ in ("RaggedTensor", "SparseTensor")


def _is_one_sample(found: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    # (1,) is one sample of one value, and as well a column of one sample.
    return len(wanted) > 1 and fits(found, wanted)


def _without_last_one(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[:-1] if shape[-1:] == (1,) else shape


def _numpy_dtype(leaf: Any) -> np.dtype[Any] | None:
    dtype = getattr(leaf.dtype, "as_numpy_dtype", leaf.dtype)
    try:
        found = np.dtype(dtype)
    except TypeError:
        return None
    # Tensors of strings are objects to NumPy, and bfloat16 is something raw.
    return np.dtype(str) if found.kind == "O" else None if found.kind == "V" else found


def _along(reference: Any, given: Any) -> Any:
    """Return what is given in arrays, in the structure of the symbolic inputs beside it."""
    if isinstance(given, Mapping):
        return _by_name(reference, given)
    if isinstance(reference, Mapping):
        return _in_order_of_names(reference, given)
    if not isinstance(reference, (list, tuple)):
        return _only(reference, given)
    if len(reference) == 1 and not (_is_list(given) and len(given) == 1):
        return [_only(reference[0], given)]
    if not _is_list(given) or len(given) != len(reference):
        raise _other_count(reference, given)
    return _like(given, [_along(each, value) for each, value in zip(reference, given, strict=True)])


def _by_name(reference: Any, given: Mapping[Any, Any]) -> Any:
    if isinstance(reference, Mapping):
        return _named(dict(reference), given)
    tensors = reference if isinstance(reference, (list, tuple)) else [reference]
    if not all(hasattr(tensor, "name") for tensor in tensors):
        return _loose(given)
    arrays = list(_named({tensor.name: tensor for tensor in tensors}, given).values())
    return arrays if isinstance(reference, (list, tuple)) else arrays[0]


def _named(inputs: Mapping[Any, Any], given: Mapping[Any, Any]) -> dict[Any, Any]:
    missing = [name for name in inputs if name not in given and not _is_optional(inputs[name])]
    if missing:
        others = [str(name) for name in given if name not in inputs]
        raise InputRejected(
            f"There is nothing for the input '{safe_name(missing[0])}'"
            f"{did_you_mean(str(missing[0]), others) if others else '.'} Given were: {list_names(given) or 'none'}.",
            remedy=f"Give a dict with an array for each input: {list_names(inputs)}.",
        )
    return {name: _along(each, given.get(name)) for name, each in inputs.items()}


def _in_order_of_names(reference: Mapping[Any, Any], given: Any) -> Any:
    """Return what is given without names to a model that takes a dict."""
    names = list(reference)
    if len(names) == 1:
        return {names[0]: _along(reference[names[0]], given)}
    if not _is_list(given) or len(given) != len(names):
        raise _other_count(reference, given)
    if names != sorted(names):
        raise InputRejected(
            f"The model takes its inputs by name: {list_names(names)}; given was a list.",
            remedy=f"Give a dict: {{{', '.join(f'{name!r}: …' for name in names[:20])}}}.",
        )
    return {name: _along(reference[name], value) for name, value in zip(names, given, strict=True)}


def _only(tensor: Any, given: Any) -> Any:
    """Return what is given for one input as an array."""
    if not _is_list(given):
        return _array(given)
    rank = len(tensor.shape)
    ranks = {len(value.shape) if hasattr(value, "shape") else None for value in given}
    if ranks == {rank}:
        # Not samples, but whole inputs: the list that Keras takes too.
        if len(given) == 1:
            return _array(given[0])
        raise _other_count(tensor, given)
    array = _array(given)
    return array[0] if len(given) == 1 and array.ndim == rank + 1 else array


def _loose(given: Any) -> Any:
    """Return what is given to a model that does not say what it takes, in the structure that is there."""
    if isinstance(given, Mapping):
        return {name: _loose(value) for name, value in given.items()}
    if isinstance(given, pd.DataFrame):
        kinds = {pd.api.types.is_numeric_dtype(dtype) for dtype in given.dtypes}
        return frame_array(given) if len(kinds) == 1 else {name: series_array(given[name]) for name in given.columns}
    if _is_list(given) and not holds_values(given):
        return _like(given, [_loose(value) for value in given])
    return _array(given)


def _array(given: Any) -> Any:
    if isinstance(given, pd.DataFrame):
        return frame_array(given)
    if isinstance(given, pd.Series):
        return series_array(given)
    if given is None or hasattr(given, "shape"):
        return given
    try:
        return np.asarray(given)
    except ValueError as error:
        raise InputRejected(
            "The lists differ in their length or depth, and make no array.",
            remedy="Pad or cut the samples to one length, such as with keras.utils.pad_sequences(samples).",
        ) from error


def _is_list(given: Any) -> bool:
    return isinstance(given, (list, tuple))


def _like(given: Any, values: Sequence[Any]) -> Any:
    if isinstance(given, tuple):
        return type(given)(*values) if hasattr(given, "_fields") else tuple(values)
    return list(values)


def _is_optional(tensor: Any) -> bool:
    history = getattr(tensor, "_keras_history", None)
    return bool(history and getattr(history.operation, "optional", False))


def _other_count(reference: Any, given: Any) -> InputRejected:
    import keras

    names = list(reference) if isinstance(reference, Mapping) else [each.name for each in keras.tree.flatten(reference)]
    found = f"were {len(given):,} arrays" if _is_list(given) else "was one array"
    takes = f"one input, '{safe_name(names[0])}'" if len(names) == 1 else f"{len(names):,} inputs: {list_names(names)}"
    remedy = (
        "Give its array alone; several samples are one array, np.stack(samples)."
        if len(names) == 1
        else f"Give a list of {len(names):,} arrays in this order, or a dict of them by name."
    )
    return InputRejected(f"The model takes {takes}; given {found}.", remedy=remedy)
