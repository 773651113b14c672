"""What a model is given, in the model's own structure: as tensors, as signatures of a graph, by name.

A structure is an array, or a list or dict of arrays, as Keras takes it. An optional input that is left out is None in
it; a graph takes the others, flat and in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.common.text import list_names, safe_name
from core.errors import InputRejected
from core.inputs.model_inputs import input_specs, input_structure

__all__ = [
    "arrange",
    "declared_signature",
    "dense_array",
    "exact_signature",
    "flat",
    "in_structure",
    "input_names",
    "named_arrays",
    "named_tensors",
    "open_signature",
    "packed",
    "part_names",
    "repeated",
    "rolled",
    "sample_count_of",
    "slice_of",
    "some_of",
    "to_tensors",
    "two_that_differ",
]


def to_tensors(model: Any, inputs: Any) -> Any:
    """Return inputs as tensors of the types that the model declares, where it does.

    Of a model that declares none, float64 becomes float32 unless it computes in float64. Keras would cast them too, but
    inside its own call, where nobody could say any more which layer they went into.

    Raises:
        InputRejected: If there is an array of Python objects among them.
    """
    declared = {tensor.name: str(tensor.dtype) for tensor in getattr(model, "inputs", None) or ()}
    undeclared = "float64" if str(getattr(model, "compute_dtype", "")) == "float64" else "float32"
    names = iter(input_names(model, inputs))
    return _mapped(lambda value: _to_tensor(value, declared.get(next(names), ""), undeclared), inputs)


def flat(structure: Any) -> list[Any]:
    """Return the leaves that are there, in order."""
    import keras

    return [leaf for leaf in keras.tree.flatten(structure) if leaf is not None]


def packed(structure: Any, leaves: Sequence[Any]) -> Any:
    """Return leaves in a structure, the inverse of :func:`flat`."""
    remaining = iter(leaves)
    return _mapped(lambda leaf: next(remaining), structure)


def slice_of(tensors: Any, start: int, end: int) -> Any:
    """Return some of the samples."""
    return _mapped(lambda tensor: tensor[start:end], tensors)


def some_of(tensors: Any, samples: Sequence[int]) -> Any:
    """Return the samples of these numbers, in this order."""
    import tensorflow as tf

    return _mapped(lambda tensor: tf.gather(tensor, list(samples)), tensors)


def rolled(tensors: Any) -> Any:
    """Return the samples, each a place further on, and the last one first."""
    count = sample_count_of(tensors)
    return some_of(tensors, [count - 1, *range(count - 1)])


def repeated(inputs: Any, times: int) -> Any:
    """Return inputs with each sample so many times, as arrays."""
    return _mapped(lambda array: np.repeat(array, times, axis=0), inputs)


def two_that_differ(tensors: Any) -> tuple[int, int]:
    """Return the numbers of two samples that are not the same; 0 twice if all are."""
    import tensorflow as tf

    count = sample_count_of(tensors)
    for tensor in flat(tensors):
        tensor = tensor.to_tensor() if isinstance(tensor, tf.RaggedTensor) else tensor
        if count > 1 and isinstance(tensor, tf.Tensor):
            rows = np.asarray(tensor).reshape(count, -1)
            other = int(np.argmax((rows != rows[:1]).any(axis=1)))
            if other:
                return 0, other
    return 0, 0


def sample_count_of(tensors: Any) -> int:
    """Return how many samples there are.

    Raises:
        InputRejected: If inputs hold different numbers of samples, or none.
    """
    counts = {int(tensor.shape[0]) if tensor.shape.rank else 0 for tensor in flat(tensors)}
    if len(counts) != 1 or counts == {0}:
        raise InputRejected(
            f"The inputs hold {', '.join(map(str, sorted(counts)))} samples.",
            remedy="Every input needs the same number of samples, at least one, along its first axis.",
        )
    return counts.pop()


def known_sample_count_of(tensors: Any) -> int | None:
    """Return how many samples inputs hold; None inside a graph, where it may be known only once that runs."""
    return next((_known_sample_count(leaf) for leaf in flat(tensors)), None)


def open_signature(tensors: Any) -> Any:
    """Return what a graph takes that leaves the number of samples open: batches of any size share it."""
    import tensorflow as tf

    def spec(tensor: Any) -> Any:
        if isinstance(tensor, tf.RaggedTensor):
            shape = [None, *tensor.shape[1:]]
            return tf.RaggedTensorSpec(shape, tensor.dtype, tensor.ragged_rank, tensor.row_splits.dtype)
        return tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype)

    return _mapped(spec, tensors)


def exact_signature(tensors: Any) -> Any:
    """Return what a graph takes for exactly so many samples."""
    import tensorflow as tf

    return _mapped(tf.type_spec_from_value, tensors)


def declared_signature(model: Any) -> Any:
    """Return what a graph takes by what the model declares, for any number of samples; None if it declares nothing."""
    import keras
    import tensorflow as tf

    inputs = input_structure(model)
    if inputs is None:
        return None
    return keras.tree.map_structure(
        lambda tensor: tf.TensorSpec((None, *tensor.shape[1:]), "string" if tensor.dtype == "string" else tensor.dtype),
        inputs,
    )


def input_names(model: Any, structure: Any) -> list[str]:
    """Return the name of each input that is there: those of a dict, else the model's own names if it has as many."""
    import keras

    leaves = keras.tree.flatten(structure)
    names = [tensor.name for tensor in getattr(model, "inputs", None) or ()]
    if isinstance(structure, Mapping) and len(structure) == len(leaves):
        names = part_names(structure)
    elif len(names) != len(leaves):
        names = part_names(leaves)
    return [name for name, leaf in zip(names, leaves, strict=True) if leaf is not None]


def part_names(parts: Mapping[str, Any] | Sequence[Any]) -> list[str]:
    """Return the names of the inputs of a model that does not name them: those of a dict, else ``"input_0"``, …."""
    if isinstance(parts, Mapping):
        # As Keras' tree has it, which flattens a dict by its sorted keys.
        return [str(name) for name in sorted(parts)]
    return [f"input_{number}" for number in range(len(parts))]


def named_tensors(model: Any, tensors: Any) -> dict[str, Any]:
    """Return the leaves that are there by name, in order."""
    return dict(zip(input_names(model, tensors), flat(tensors), strict=True))


def named_arrays(model: Any, inputs: Any) -> Mapping[str, np.ndarray]:
    """Return read-only views of the inputs by name; rows of different lengths are padded."""
    # A plugin gets to see them, and they are the caller's own.
    arrays = [dense_array(leaf).view() for leaf in flat(inputs)]
    for array in arrays:
        array.flags.writeable = False
    return dict(zip(input_names(model, inputs), arrays, strict=True))


def dense_array(leaf: Any) -> np.ndarray:
    """Return an array or a tensor as an array; rows of different lengths are padded with zeros or empty texts."""
    import tensorflow as tf

    if isinstance(leaf, tf.RaggedTensor):
        array = leaf.to_tensor().numpy()
        return np.char.decode(array.astype(bytes), "utf-8", "replace") if array.dtype.kind == "O" else array
    return np.asarray(leaf)


def _mapped(function: Any, structure: Any) -> Any:
    import keras

    return keras.tree.map_structure(lambda leaf: None if leaf is None else function(leaf), structure)


def _to_tensor(value: Any, declared: str, undeclared_float: str) -> Any:
    import tensorflow as tf

    if isinstance(value, (tf.RaggedTensor, tf.SparseTensor)):
        return value
    if isinstance(value, tf.Tensor):
        return tf.cast(value, declared) if _can_be_cast(value.dtype.as_numpy_dtype, declared) else value
    array = np.asarray(value)
    if _can_be_cast(array.dtype, declared):
        array = array.astype(tf.as_dtype(declared).as_numpy_dtype)
    elif array.dtype == np.float64:
        array = array.astype(undeclared_float)
    if array.dtype.kind == "O" and not all(isinstance(item, (str, bytes)) for item in array.reshape(-1)):
        raise InputRejected(
            f"The input is an array of Python objects, shape {array.shape}.",
            remedy="Give arrays of numbers or of strings; sequences of different lengths need padding.",
        )
    return tf.convert_to_tensor(array)


def _can_be_cast(given: Any, declared: str) -> bool:
    return declared not in ("", "string") and np.dtype(given).kind in "fiub"


def _known_sample_count(array: Any) -> int | None:
    # In a graph it may be known only once that runs.
    return array.shape[0] if hasattr(array, "shape") and len(array.shape) else len(array)


def arrange(model: Any, arrays: Mapping[str, Any]) -> Any:
    """Return arrays or tensors in the structure that the model is called with: one array, a list, a dict, or nested.

    Args:
        model: A Keras model.
        arrays: One array, or tensor of a graph, per input, by the names that ``input_specs`` gives, each checked; the
            sample axis first. For a model that does not say what it expects, one array is handed on as it is, unless it
            was built for a dict, and several as a dict; as a list if they are called ``"input_0"``, ``"input_1"``, …,
            which :func:`core.inputs.structure.input_names` calls those of a list.

    Raises:
        InputRejected: If an input is missing or unknown, or the numbers of samples differ.
    """
    counts = {name: count for name, array in arrays.items() if (count := _known_sample_count(array)) is not None}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"'{safe_name(name)}' has {count}" for name, count in counts.items())
        raise InputRejected(
            f"The inputs differ in their number of samples: {told}.",
            remedy="Give every input the same number of samples, in the same order.",
        )
    names = [spec.name for spec in input_specs(model)]
    if not names:
        if len(arrays) == 1 and not _takes_by_name(model, arrays):
            return next(iter(arrays.values()))
        return list(arrays.values()) if list(arrays) == part_names(list(arrays)) else dict(arrays)
    if set(names) != set(arrays):
        raise InputRejected(
            f"The model takes {list_names(names)}; given were {list_names(arrays) or 'none'}.",
            remedy="Give each input of the model its data.",
        )
    import keras

    return keras.tree.pack_sequence_as(input_structure(model), [arrays[name] for name in names])


def _takes_by_name(model: Any, arrays: Mapping[str, Any]) -> bool:
    """Return whether a model that does not declare its inputs takes a dict of one, by the shapes it was built for."""
    if not getattr(model, "built", False) or not hasattr(model, "get_build_config"):
        return False
    shapes = (model.get_build_config() or {}).get("input_shape")
    return isinstance(shapes, Mapping) and set(shapes) == set(arrays)


def in_structure(model: Any, inputs: Any) -> Any:
    """Return inputs in the structure that the model is called with, where they are given by name.

    Raises:
        InputRejected: If an input is missing or unknown, or the numbers of samples differ.
    """
    return arrange(model, dict(inputs)) if isinstance(inputs, Mapping) else inputs
