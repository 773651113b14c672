"""Reads the weights of a model into it, in little more memory than they take.

Keras fills a model with random numbers first, and then copies each array on its way from the file into a variable: at
its peak VGG16 took five times its weights. While a model is loaded here, a large variable begins as a view of memory
that takes no room, and its array is read to where TensorFlow can take it over instead of copying it.

Keras has no hook for either, so its methods are wrapped once per process; the wrappers do nothing unless a load is set
in a context variable. Where a Keras has no such methods, loading takes more memory and is otherwise the same.
"""

from __future__ import annotations

import ctypes
import functools
import math
import mmap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import numpy as np

__all__ = ["weights_as_stored"]

_LARGE_BYTES: Final = 1 << 20
# What TensorFlow takes over without copying begins at a multiple of this (EIGEN_MAX_ALIGN_BYTES).
_ALIGNMENT: Final = 64
_SHARED_KINDS: Final = "fiu"

_empty_variables: ContextVar[dict[int, tuple[Any, Callable[..., Any]]] | None] = ContextVar(
    "empty_variables", default=None
)
_install_lock = threading.Lock()


@contextmanager
def weights_as_stored() -> Iterator[None]:
    """Let variables that are made within the block wait for the values that a file holds for them.

    What was given none by the end of the block gets those that it would have begun with.
    """
    _install()
    empty: dict[int, tuple[Any, Callable[..., Any]]] = {}
    token = _empty_variables.set(empty)
    try:
        yield
    finally:
        _empty_variables.reset(token)
    for variable, initializer in empty.values():
        variable.assign(initializer(variable.shape, dtype=variable.dtype))


def _install() -> None:
    from keras.src.backend import Variable
    from keras.src.legacy.saving import legacy_h5_format
    from keras.src.saving.saving_lib import H5IOStore

    with _install_lock:
        if getattr(Variable, "waits_for_stored_weights", False):
            return
        if hasattr(Variable, "_initialize_with_initializer") and hasattr(Variable, "_direct_assign"):
            _wrap(Variable, "_initialize_with_initializer", _initialize)
            _wrap(Variable, "_direct_assign", _assign)
            _wrap(Variable, "_convert_to_tensor", _convert)
            _wrap(H5IOStore, "__getitem__", _read_from_store)
            _wrap(legacy_h5_format, "load_subset_weights_from_hdf5_group", _read_layer)
        Variable.waits_for_stored_weights = True


def _wrap(owner: Any, name: str, replacement: Callable[..., Any]) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def method(self: Any, *arguments: Any, **options: Any) -> Any:
        empty = _empty_variables.get()
        if empty is None:
            return original(self, *arguments, **options)
        return replacement(original, empty, self, *arguments, **options)

    setattr(owner, name, method)


def _initialize(original: Any, empty: dict[int, Any], variable: Any, initializer: Any) -> Any:
    import tensorflow as tf

    shape, dtype = tuple(variable._shape), tf.as_dtype(variable._dtype).as_numpy_dtype
    byte_count = math.prod(shape) * np.dtype(dtype).itemsize
    if byte_count < _LARGE_BYTES or np.dtype(dtype).kind not in _SHARED_KINDS:
        return original(variable, initializer)
    empty[id(variable)] = (variable, initializer)
    blank = _blank_array(byte_count).view(dtype).reshape(shape)
    return original(variable, lambda *arguments, **options: _shared_tensor(blank))


def _assign(original: Any, empty: dict[int, Any], variable: Any, value: Any) -> Any:
    returned = original(variable, value)
    empty.pop(id(variable), None)
    return returned


def _convert(original: Any, empty: dict[int, Any], variable: Any, value: Any, dtype: Any = None) -> Any:
    is_array = isinstance(value, np.ndarray) and value.nbytes >= _LARGE_BYTES and value.dtype.kind in _SHARED_KINDS
    if not is_array or str(value.dtype) != str(dtype):
        return original(variable, value, dtype)
    if value.ctypes.data % _ALIGNMENT or not value.flags.c_contiguous or not value.flags.writeable:
        aligned = _aligned_array(value.shape, value.dtype)
        aligned[...] = value
        value = aligned
    return _shared_tensor(value)


def _read_from_store(original: Any, empty: dict[int, Any], store: Any, key: Any) -> Any:
    group = store._h5_entry_group
    # bfloat16 is kept as other numbers, which Keras turns back.
    if key in group and "dtype" not in group[key].attrs:
        return _array_of(group[key])
    return original(store, key)


def _read_layer(original: Any, empty: dict[int, Any], group: Any) -> Any:
    """What Keras 2 keeps of a layer: its weights, in the order in which the group names them."""
    from keras.src.legacy.saving.legacy_h5_format import load_attributes_from_hdf5_group

    return [_array_of(group[name]) for name in load_attributes_from_hdf5_group(group, "weight_names")]


def _array_of(dataset: Any) -> np.ndarray:
    if int(dataset.size or 0) * dataset.dtype.itemsize < _LARGE_BYTES or dataset.dtype.kind not in _SHARED_KINDS:
        return np.asarray(dataset)
    array = _aligned_array(dataset.shape, dataset.dtype)
    dataset.read_direct(array)
    return array


def _blank_array(byte_count: int) -> np.ndarray:
    """Zeros that take no room: pages that can only be read are all one, and count as nobody's.

    They are called writeable, which tensors have to be. Nobody writes there: a variable is given another tensor.
    """
    pages = mmap.mmap(-1, byte_count, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ)
    memory: Any = (ctypes.c_uint8 * byte_count).from_address(np.frombuffer(pages, np.uint8).ctypes.data)
    # They live as long as what looks at them.
    memory.pages = pages
    return np.frombuffer(memory, np.uint8)


def _aligned_array(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    byte_count = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(byte_count + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + byte_count].view(dtype).reshape(shape)


def _shared_tensor(array: np.ndarray) -> Any:
    """A tensor in the memory of an array, which lives as long as the tensor; tf.convert_to_tensor would copy it."""
    import tensorflow as tf

    with tf.init_scope():
        return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
