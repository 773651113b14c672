"""What every layer answers to one sample alone, by wrapping each layer's own ``call``; and whether the recorder agrees.

Nothing here comes from the recorder: no compiled graph, no batch, no key of its own making.
"""

import contextlib
import re
from collections import Counter

import keras
import numpy as np
import tensorflow as tf

from core.errors import LayerscopeError
from core.inputs import structure

SAMPLE_COUNTS = (1, 2, 5)
BATCH_SIZE = 2


def _bases(layer):
    return {cls.__name__ for cls in type(layer).__mro__}


class LayerOutputs:
    """Collects what layers answer in an eager pass: by key, as documented, each output as a NumPy array."""

    def __init__(self, model):
        self.model = model
        self.by_key = {}
        self._around = []
        self._times = Counter()
        self._layers_of_path = {}

    @contextlib.contextmanager
    def watching(self):
        """Wrap the ``call`` of each layer of the model inside the block."""
        originals = {id(layer): (layer, layer.call) for layer in self.model._flatten_layers(include_self=False)}
        for layer, call in originals.values():
            object.__setattr__(layer, "call", self._wrapped(layer, call))
        try:
            yield self
        finally:
            for layer, _ in originals.values():
                object.__delattr__(layer, "call")

    def _wrapped(self, layer, call):
        def wrapped(*args, **kwargs):
            leaves = keras.tree.flatten((args, kwargs))
            # One call for each step, or a part that is called without being a layer of its own.
            is_part = any(
                _bases(around) & {"RNN", "TimeDistributed", "TextVectorization"} for _, around in self._around
            )
            if is_part or not all(hasattr(leaf, "numpy") for leaf in leaves if hasattr(leaf, "dtype")):
                return call(*args, **kwargs)
            key = self._key(layer)
            self._around.append((key, layer))
            try:
                output = call(*args, **kwargs)
            finally:
                self._around.pop()
            tensors = [leaf for leaf in keras.tree.flatten(output) if hasattr(leaf, "shape")]
            for number, tensor in enumerate(tensors):
                if not isinstance(tensor, tf.RaggedTensor):  # how far it is padded depends on who else is there
                    self.by_key[key if len(tensors) == 1 else f"{key}[{number}]"] = (layer, np.asarray(tensor))
            return output

        return wrapped

    def _key(self, layer):
        path = f"{self._around[-1][0]}/{layer.name}" if self._around else layer.name
        layers = self._layers_of_path.setdefault(path, [])
        if layer not in layers:
            layers.append(layer)
        number = layers.index(layer) + 1
        key = path if number == 1 else f"{path}~{number}"
        self._times[key] += 1
        return key if self._times[key] == 1 else f"{key}#{self._times[key]}"


def outputs_to_one(model, inputs):
    """Return what each layer answers to one sample, in an eager pass that changes nothing, by key."""
    outputs = LayerOutputs(model)
    with keras.StatelessScope(), outputs.watching():
        model(inputs, training=False)
    return outputs.by_key


def repeated(tensors, count):
    """Return so many samples, those that there are again and again."""
    available = structure.sample_count_of(tensors)
    return structure.some_of(tensors, [number % available for number in range(count)])


def taken_by(model, tensors):
    """Return whether a model takes these samples at all."""
    try:
        with keras.StatelessScope():
            model(tensors, training=False)
    except Exception:
        return False
    return True


def check_fidelity(extractor, inputs, counts=SAMPLE_COUNTS):
    """Compare what is recorded of several samples with what each layer answers to each of them alone.

    Args:
        extractor: Holds the model, and what it has compiled for it so far.
        inputs: Samples, used again and again where there are too few.
        counts: How many samples are recorded together.

    Returns:
        How many values of how many layers were compared.

    Raises:
        AssertionError: If one differs; it names the layer, the sample and the number of samples.
    """
    model = extractor.model
    samples = repeated(structure.to_tensors(model, inputs), max(counts))
    alone = structure.some_of(samples, [0])
    if not taken_by(model, alone):
        return 0, 0
    expected = [outputs_to_one(model, structure.some_of(samples, [number])) for number in range(max(counts))]
    together = {count: structure.some_of(samples, range(count)) for count in counts}
    # One it takes.
    runs = [(count, None) for count in counts if count == 1 or taken_by(model, together[count])]
    runs += [(count, BATCH_SIZE) for count in counts if count > BATCH_SIZE]
    is_padded = any(isinstance(leaf, tf.RaggedTensor) for leaf in structure.flat(samples))
    compared = Counter()
    for count, batch_size in runs:
        try:
            activations = extractor.extract(together[count], batch_size=batch_size)
        except LayerscopeError as error:
            raise AssertionError(f"{count} samples, batch size {batch_size}: {error}") from error
        told = {*activations, *(layer.key for layer in activations.layers if layer.missing)}
        unsaid = {key for key in expected[0] if re.sub(r"#\d+", "", key) not in told}
        assert not unsaid, f"not recorded: {sorted(unsaid)}"
        for key, activation in activations.items():
            for number in range(count):
                if key in expected[number] and activation.is_numeric:
                    layer, values = expected[number][key]
                    recorded = activation.values[number]
                    if f"{key}#2" in expected[number] and f"{key}#2" not in told:
                        values = _steps(expected[number], key, recorded.size)
                    if is_padded and recorded.ndim == values.ndim - 1:
                        recorded = recorded[tuple(map(slice, values.shape[1:]))]
                    where = f"{key}, sample {number} of {count}, batch size {batch_size}"
                    compared[key] += _compare(layer, values, recorded, where)
    return sum(compared.values()), len(compared)


def _steps(expected, key, size):
    """Return what a layer answered to one sample at each step of a loop, which is one key of the recorder's."""
    steps = [values for each, (_, values) in expected.items() if re.sub(r"#\d+$", "", each) == key]
    # Keras' own map calls its function once more, for the first element.
    return np.stack(steps[-(size // steps[0].size) :], axis=1)


def _compare(layer, alone, recorded, where):
    if getattr(layer, "data_format", None) == "channels_first" and alone.ndim > 2:
        alone = np.moveaxis(alone, 1, -1)
    if alone.dtype.kind not in "fiubc":
        alone = alone.astype(np.float32)
    kind = np.complex128 if alone.dtype.kind == "c" else np.float64
    assert alone.size == recorded.size, f"{where}: {recorded.shape}, alone {alone.shape}"
    scale = max(1.0, float(np.abs(np.nan_to_num(alone.astype(kind))).max(initial=0)))
    tolerance = 2e-2 if alone.dtype.itemsize < 4 else 1e-4
    np.testing.assert_allclose(
        recorded.reshape(-1).astype(kind),
        alone.reshape(-1).astype(kind),
        rtol=tolerance,
        atol=tolerance * scale,
        err_msg=where,
    )
    return alone.size
