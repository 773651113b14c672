"""Samples that come one after another: ``tf.data.Dataset``, ``keras.utils.PyDataset``, generators and loaders.

Constraints: whether a stream ends shows only at its end, so no more is read than the limits allow; and its elements are
batches or single samples, which their shape tells from what the model takes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from core.common.limits import format_limit, get_limits, raised_by
from core.common.text import count_text, first_line
from core.errors import InputRejected, LayerscopeError
from core.inputs.remedies import fits, shape_text
from core.inputs.structure import flat, packed
from core.inputs.structures import as_structure, holds_values, sample_shapes

__all__ = ["StreamPart", "is_stream", "read_stream"]

_OBJECT_BYTES: Final = 64


@dataclass(frozen=True)
class StreamPart:
    """What was read of a stream.

    Attributes:
        inputs: In the structure of its elements, the samples of all of them in each array.
        labels: The label of each sample, shape ``(sample, …)``; None if there are none.
        sample_count: How many samples were read.
        is_cut: Whether the stream goes on.
        count: How many samples the stream holds; None where it does not say.
    """

    inputs: Any
    labels: np.ndarray | None
    sample_count: int
    is_cut: bool
    count: int | None


def is_stream(inputs: Any) -> bool:
    """Return whether samples come one after another: true of what can be gone through and is no array or collection."""
    if hasattr(inputs, "shape") or isinstance(inputs, (str, bytes, Mapping, Sequence)):
        return False
    return isinstance(inputs, Iterable) or type(inputs).__name__ == "PyDataset"


def read_stream(model: Any, stream: Any, most: int | None = None) -> StreamPart:
    """Return the samples of a stream.

    Args:
        model: A Keras model; its inputs tell batches from single samples. Elements for a model that does not say what
            it takes are batches, as ``fit`` takes them, unless they are single values.
        stream: Its elements are inputs, ``(inputs, labels)`` or ``(inputs, labels, weights)``.
        most: How many samples to read; None reads all.

    Raises:
        InputRejected: If it has no end, holds more than the limits allow, or nothing; if its elements differ in their
            shape; or if it raises.
    """
    source = _Source.of(stream)
    if source.is_endless and most is None:
        raise source.too_long(f"The {source.noun} has no end.")
    collection = _Collection(model, source)
    wanted = None if most is None else max(most, 1)
    has_ended = True
    for element in source.elements(collection):
        if wanted is not None and collection.sample_count >= wanted:
            has_ended = False
            break
        collection.add(element)
    return collection.part(wanted, has_ended)


@dataclass(frozen=True)
class _Source:
    """A stream and what it says of itself.

    Attributes:
        stream: The stream.
        noun: What it is called in messages.
        first_part: Code for its first elements.
        length: How many elements it has; None if it does not say.
        is_endless: Whether it is known to have no end.
    """

    stream: Any
    noun: str
    first_part: str
    length: int | None
    is_endless: bool

    @classmethod
    def of(cls, stream: Any) -> _Source:
        import keras
        import tensorflow as tf

        if isinstance(stream, tf.data.Dataset):
            length = int(stream.cardinality())
            is_endless = length == tf.data.INFINITE_CARDINALITY
            return cls(stream, "dataset", "dataset.take(100)", length if length >= 0 else None, is_endless)
        part = "itertools.islice({}, 100)"
        if isinstance(stream, keras.utils.PyDataset):
            try:
                batches: int | None = stream.num_batches
            except NotImplementedError:
                batches = None
            return cls(stream, "dataset", part.format("dataset"), batches, batches is None)
        is_endless = isinstance(stream, (itertools.cycle, itertools.count))
        noun = "generator" if isinstance(stream, Iterator) else "dataset"
        return cls(stream, noun, part.format(noun), None, is_endless)

    def elements(self, collection: _Collection) -> Iterator[Any]:
        """Yield the elements, and say what was raised in words of ours."""
        try:
            yield from self.stream
        except LayerscopeError:
            raise
        except Exception as error:
            reason = first_line(error, "no message").removesuffix(".")
            after = count_text(collection.sample_count, "sample")
            raise InputRejected(
                f"The {self.noun} raised {type(error).__name__} after {after}: {reason}.",
                remedy=f"Look at its elements by themselves: for element in {self.noun}: …",
            ) from error

    def too_long(self, message: str, raised: str = "") -> InputRejected:
        """Return the error to raise where there is more than can be read."""
        remedy = f"Give its first elements, such as {self.first_part}."
        return InputRejected(message, remedy=f"{remedy} {raised}".rstrip())


class _Collection:
    """What was read of a stream so far."""

    def __init__(self, model: Any, source: _Source) -> None:
        self.sample_count = 0
        self._model = model
        self._source = source
        self._structure: Any = None
        self._parts: list[list[Any]] = []
        self._labels: list[np.ndarray] | None = []
        self._is_batched = True
        self._bytes = 0
        self._limits = get_limits()

    def add(self, element: Any) -> None:
        """Take the samples of an element."""
        inputs, label = _inputs_and_label(self._model, element)
        structure = as_structure(self._model, inputs)
        leaves = flat(structure)
        if not self._parts:
            self._structure, self._parts = structure, [[] for _ in leaves]
            self._is_batched = _is_batched(self._model, structure, label)
        if not leaves or len(leaves) != len(self._parts):
            raise InputRejected(
                f"The {self._source.noun} has elements of {len(self._parts)} inputs and of {len(leaves)}.",
                remedy="Give the same inputs in every element.",
            )
        rows = [_with_rows(leaf, self._is_batched) for leaf in leaves]
        counts = {len(row) if isinstance(row, np.ndarray) else int(row.shape[0]) for row in rows}
        if len(counts) > 1:
            raise InputRejected(
                f"The inputs hold {', '.join(map(str, sorted(counts)))} samples in one element of the "
                f"{self._source.noun}.",
                remedy="Every input needs the same number of samples.",
            )
        count = counts.pop()
        for part, row in zip(self._parts, rows, strict=True):
            part.append(row)
        self._add_label(label, count)
        self.sample_count += count
        self._bytes += sum(map(_bytes_of, rows))
        self._check_size()

    def part(self, most: int | None, has_ended: bool) -> StreamPart:
        """Return what was read.

        Args:
            most: How many samples are wanted of it.
            has_ended: Whether there are no more elements.
        """
        if not self.sample_count:
            raise InputRejected(
                f"The {self._source.noun} holds no samples.",
                remedy="Give one with at least one sample."
                + (" One that was gone through has to be made anew." if self._source.noun == "generator" else ""),
            )
        kept = self.sample_count if most is None else min(most, self.sample_count)
        is_cut = not has_ended or kept < self.sample_count
        structure = packed(self._structure, [self._joined(part)[:kept] for part in self._parts])
        labels = None if not self._labels else self._joined(self._labels)[:kept]
        count = self._source.length if is_cut and not self._is_batched else None
        return StreamPart(structure, labels, kept, is_cut, count if is_cut else kept)

    def _add_label(self, label: Any, count: int) -> None:
        leaves = [] if label is None else flat(label if _is_tree(label) else np.asarray(label))
        # Of several outputs the first counts, as everywhere.
        if not leaves or self._labels is None or not _is_dense(leaves[0]):
            self._labels = None
            return
        rows = _with_rows(leaves[0], self._is_batched)
        if not rows.ndim or len(rows) != count:
            raise InputRejected(
                f"An element of the {self._source.noun} holds {count_text(count, 'sample')}, and its labels are "
                f"{shape_text(rows.shape)}.",
                remedy="Give one label for each sample.",
            )
        self._labels.append(rows)

    def _check_size(self) -> None:
        limits = self._limits
        if self._bytes > limits.input_bytes:
            raise self._source.too_long(
                f"The first {count_text(self.sample_count, 'sample')} of the {self._source.noun} take more than "
                f"{format_limit(limits.input_bytes)} of memory.",
                raised_by("input_bytes"),
            )
        if self._source.length is None and self.sample_count > limits.rows:
            raise self._source.too_long(
                f"The {self._source.noun} came to no end in {limits.rows:,} samples.", raised_by("rows")
            )

    def _joined(self, parts: Sequence[Any]) -> Any:
        import tensorflow as tf

        if isinstance(parts[0], tf.RaggedTensor):
            return tf.concat(list(parts), axis=0)
        shapes = sorted({part.shape[1:] for part in parts})
        if len(shapes) > 1:
            raise InputRejected(
                f"The samples of the {self._source.noun} differ in size: {shape_text(shapes[0])} and "
                f"{shape_text(shapes[1])}.",
                remedy="Pad or cut them to one size, such as with dataset.padded_batch(8).",
            )
        return np.concatenate(parts)


def _inputs_and_label(model: Any, element: Any) -> tuple[Any, Any]:
    """Return the inputs in an element and the label that comes with them, or None."""
    if not isinstance(element, (list, tuple)) or holds_values(element):
        return element, None
    wanted = len(getattr(model, "inputs", None) or ())
    first = element[0]
    is_first_all = isinstance(first, Mapping) or wanted <= 1 or _leaf_count(first) == wanted
    if len(element) > 3 or (not is_first_all and len(element) == wanted):
        return element, None
    return first, element[1] if len(element) > 1 else None


def _leaf_count(inputs: Any) -> int:
    is_one = not isinstance(inputs, (list, tuple)) or holds_values(inputs)
    return 1 if is_one else sum(map(_leaf_count, inputs))


def _is_batched(model: Any, structure: Any, label: Any) -> bool:
    """Return whether the first axis counts samples, as the first element shows."""
    known = sample_shapes(model, structure)
    if not known:
        is_single = label is not None and not _is_tree(label) and np.ndim(label) == 0
        return not is_single and all(len(leaf.shape) for leaf in flat(structure))
    for found, wanted in known:
        for shape in (found, (*found, 1)):
            if shape != found and wanted[-1:] != (1,):
                continue
            if fits(shape, wanted):
                return False
            if fits(shape, (None, *wanted)):
                return True
    found, wanted = known[0]
    return len(found) > len(wanted)


def _with_rows(leaf: Any, is_batched: bool) -> Any:
    import tensorflow as tf

    if isinstance(leaf, tf.SparseTensor):
        leaf = tf.sparse.to_dense(leaf)
    if isinstance(leaf, tf.RaggedTensor):
        return leaf if is_batched else tf.expand_dims(leaf, 0)
    array = np.asarray(leaf)
    return array if is_batched else array[np.newaxis]


def _is_tree(label: Any) -> bool:
    return isinstance(label, Mapping) or (isinstance(label, (list, tuple)) and not holds_values(label))


def _is_dense(leaf: Any) -> bool:
    return type(leaf).__name__ not in ("RaggedTensor", "SparseTensor")


def _bytes_of(rows: Any) -> int:
    if not isinstance(rows, np.ndarray):
        return int(np.asarray(rows.flat_values).nbytes)
    texts = sum(len(value) + _OBJECT_BYTES for value in rows.flat) if rows.dtype.kind == "O" else 0
    return rows.nbytes + texts + _OBJECT_BYTES
