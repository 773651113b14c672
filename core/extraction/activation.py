"""What a layer answered: an array with named axes, read-only.

Constraints that shaped this module: a forward pass returns every layer of a model, most of which nobody looks at, so
values stay TensorFlow tensors until they are read; and reading is a view of the tensor's memory where TensorFlow
allows it, because a copy of every layer costs as much as the pass itself.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pandas as pd

from core.common.display import chart_of, display_of
from core.extraction.axis_places import AxisPlaces
from core.extraction.changes import changed_inputs, relative_change
from core.extraction.derivation import Derivation
from core.extraction.layers import LayerInfo
from core.extraction.verified import Verification
from core.extraction.weights import FreshWeights, LayerWeights
from core.inputs.array_files import write_arrays
from core.inputs.sample_context import SampleContext, read_only_array
from core.inputs.structure import arrange

__all__ = ["STEP_AXIS", "Activation", "Activations"]

STEP_AXIS: Final = "step"
"""The first axis of what a layer answered over the steps of a training; elsewhere an axis of this name is another."""


class Activation:
    """What one layer answered, with named axes.

    It can be pickled and copied: with its values, and those of what went into the layer and of its internals, without
    the rest of the pass and without anything of the model, so that ``weights`` are empty then.

    Args:
        key: Key of the layer's call, see :class:`core.extraction.layers.LayerInfo`.
        values: Array or TensorFlow tensor, the sample axis first; over the steps of a training that of the steps.
        axes: One name per axis.
        layer: The layer that answered.
        part: ``"output"``, or the name of an internal such as ``"cell_state"``.
        mask: Boolean array over ``(sample, time)`` or None.
        context: What is known about the samples.
        inputs: What went into the layer: the activations of the layers before it, as far as they were kept.
        internals: What the layer keeps to itself, by part; empty unless it was asked for.
        weights: Returns the layer's own weights by name.
        steps: Number of each step of a training along the first axis, where that is ``"step"``; by default its
            positions.

    Attributes:
        dtype: Type that the layer answered in: ``"float32"``, ``"bfloat16"``, ``"int64"``, ``"string"``.

    Raises:
        ValueError: If the number of names differs from the number of axes, or that of steps from the extent of theirs.
    """

    def __init__(  # noqa: PLR0913 - public: what an activation is made of, each by its name
        self,
        key: str,
        values: Any,
        axes: Sequence[str],
        layer: LayerInfo,
        *,
        part: str = "output",
        mask: np.ndarray | None = None,
        context: SampleContext | None = None,
        inputs: tuple[Activation, ...] = (),
        internals: Mapping[str, Activation] | None = None,
        weights: Callable[[], dict[str, np.ndarray]] = dict,
        steps: Sequence[int] | None = None,
    ) -> None:
        if len(axes) != len(values.shape):
            raise ValueError(f"{key}: {len(axes)} axes {tuple(axes)} are named, the values have {len(values.shape)}")
        self._steps = _steps_of(key, steps, axes, values)
        self.key = key
        self.axes = tuple(axes)
        self.layer = layer
        self.part = part
        self.mask = mask
        self.context = context or SampleContext()
        self.dtype = _name_of_type(values.dtype)
        self._inputs: tuple[Activation, ...] | None = inputs
        self._internals: Mapping[str, Activation] | None = MappingProxyType(dict(internals or {}))
        self._derived: tuple[Derivation, Activation] | None = None
        self._weights = weights
        self._source = values
        self._values: np.ndarray | None = None
        # Weak, or else who keeps one layer would keep the whole pass in memory.
        self._pass: Callable[[], Activations | None] = lambda: None
        self._extractor: Any = None

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_") and name in self.__dict__:
            raise AttributeError(f"an activation is read-only: {name!r} of {self.key!r} cannot be set")
        super().__setattr__(name, value)

    @property
    def values(self) -> np.ndarray:
        """The numbers, read-only, in the order of ``axes``. float16 and bfloat16 keep their type if NumPy has it."""
        if self._values is None:
            self._values = read_only_array(self._source)
            self._source = self._values
        return self._values

    @property
    def inputs(self) -> tuple[Activation, ...]:
        """What went into the layer: the activations of the layers before it, as far as they were kept."""
        if self._inputs is None:
            assert self._derived is not None
            derivation, source = self._derived
            self._inputs = tuple(map(derivation.of, source.inputs))
        return self._inputs

    @property
    def internals(self) -> Mapping[str, Activation]:
        """What the layer keeps to itself, by part; empty unless it was asked for."""
        if self._internals is None:
            assert self._derived is not None
            derivation, source = self._derived
            internals = {part: derivation.of(internal) for part, internal in source.internals.items()}
            self._internals = MappingProxyType(internals)
        return self._internals

    @property
    def weights(self) -> Mapping[str, np.ndarray]:
        """The layer's own weights by name, such as ``"kernel"``, as they are now: copies, which may be changed."""
        return self._weights()

    @property
    def fresh_weights(self) -> Mapping[str, FreshWeights]:
        """What the layer's own initializers draw, by the names of ``weights``, as for a layer that nobody has trained.

        Without those that no initializer is known of, and those of more than four million values.
        """
        return self._weights.fresh() if isinstance(self._weights, LayerWeights) else {}

    @property
    def activations(self) -> Activations | None:
        """What all layers answered in the same pass, as long as somebody keeps that; else None."""
        return self._pass()

    @property
    def extractor(self) -> Any:
        """The :class:`core.extraction.extractor.Extractor` that ran the model, so that pictures can run it again.

        It, and with it the model, stays as long as somebody keeps one of the activations. None where no model is at
        hand: of what was made without one, pickled or copied.
        """
        return self._extractor

    @property
    def keys_of_pass(self) -> tuple[str, ...]:
        """Keys of the layers that were recorded in the same pass, in call order; this one's alone if that is gone."""
        activations = self._pass()
        return tuple(activations) if activations is not None else (self.key,)

    @property
    def rank_of_answer(self) -> int:
        """Number of axes of what the last layer of the same pass answered; of this one's where that is gone."""
        activations = self._pass()
        return len(activations.layers[-1].output_shape) if activations is not None and activations.layers else self.rank

    @property
    def shape(self) -> tuple[int, ...]:
        """Extent of each axis."""
        return tuple(int(extent) for extent in self._source.shape)

    @property
    def rank(self) -> int:
        """Number of axes; the sample axis counts, as in Keras' ``ndim``."""
        return len(self.axes)

    @property
    def byte_count(self) -> int:
        """Bytes that the values take."""
        return int(np.prod(self.shape, dtype=np.int64)) * _item_size(self._source)

    @property
    def shown(self) -> np.ndarray:
        """Which positions are no padding: boolean, one per position along all axes but the last."""
        shape = self.shape[:-1]
        mask = self.mask
        if mask is None or mask.shape != shape[: mask.ndim]:
            return np.ones(shape, dtype=bool)
        # A timestep may have an extent of its own, as in a ConvLSTM.
        return np.broadcast_to(mask.astype(bool).reshape(*mask.shape, *[1] * (len(shape) - mask.ndim)), shape)

    @property
    def is_over_steps(self) -> bool:
        """Whether it is what a layer answered over the steps of a training: its first axis is ``"step"``."""
        return self.axes[:1] == (STEP_AXIS,)

    @property
    def steps(self) -> tuple[int, ...]:
        """Number of each step of a training along the first axis; empty where it is none of steps."""
        return self._steps

    @property
    def is_numeric(self) -> bool:
        """False for strings, such as what a StringLookup turns round."""
        return self.dtype != "string"

    def extent(self, axis: str) -> int:
        """Return how many positions an axis has; 0 if there is no such axis."""
        return self.shape[self.axes.index(axis)] if axis in self.axes else 0

    def places(self, axis: str) -> AxisPlaces | None:
        """Return where the positions of an axis lie in time or on the frequencies of an input; None if unknown.

        Args:
            axis: Such as ``"time"``; of what a layer keeps to itself ``"time"`` may be known, and ``"query"`` and
                ``"key"`` where a sequence looks at itself.
        """
        if self.part != "output":
            # With an axis of time the attention is within each of its steps.
            is_within = "time" in self.axes
            looks_at_itself = axis in ("query", "key") and len(self.layer.inputs_from) == 1 and not is_within
            return self.layer.time_inside if axis == "time" or looks_at_itself else None
        moment = self.axes[1:] if self.is_over_steps else self.axes
        names = moment[1:] if moment[:1] == ("sample",) else moment
        known = len(names) == len(self.layer.places) and axis in names
        return self.layer.places[names.index(axis)] if known else None

    def sample(self, index: int) -> Activation:
        """Return the answer to one sample: the same axes without ``"sample"``.

        Raises:
            IndexError: If there is no such sample.
        """
        count = self.extent("sample") if self.is_over_steps else self.shape[0]
        if not 0 <= index < count:
            raise IndexError(f"{self.key} has samples 0 to {count - 1}, not {index}")
        return Derivation(partial(_sample_of, index=index)).of(self)

    def at_step(self, position: int) -> Activation:
        """Return what a layer answered at one step of a training: the same axes without ``"step"``.

        Args:
            position: Along the axis, from 0; its number is ``steps[position]``.

        Raises:
            IndexError: If there is no such position.
        """
        if not 0 <= position < len(self.steps):
            raise IndexError(f"{self.key} has {len(self.steps)} steps, at 0 to {len(self.steps) - 1}, not {position}")
        return Derivation(partial(_at_step, position=position)).of(self)

    def mapped(self, change: Callable[[np.ndarray], np.ndarray], mask: np.ndarray | None = None) -> Activation:
        """Return the same activation with other values, as the kit for tests makes them.

        Args:
            change: Called with its values, and with those of its inputs and internals when they are read; returns as
                many of them.
            mask: Another mask of shape ``(sample, time)``; None keeps the one that there is.
        """
        own = {self, *self.internals.values()}
        return Derivation(lambda source: _mapped(source, change, mask if source in own else None)).of(self)

    def chart(self, picture: str, /, **options: Any) -> Any:
        """Return a picture of this: ``activation.chart("attribution", unit=3)``.

        Args:
            picture: Name of a visualizer, or its title: ``"input-attribution"``, ``"attribution"``, ``"Attribution"``.
            options: Option values by name, such as ``sample=2``; the rest are at their defaults.

        Returns:
            The Altair chart.

        Raises:
            PluginFailed: If there is no such picture or option, it does not suit this layer, or fails; the message says
                what to do.
        """
        return chart_of(self._as_batch(), picture, options)

    def to_frame(self) -> pd.DataFrame:
        """Return a tidy table: an integer column per axis, and ``"value"``; one row per number."""
        # (axis, *extents) -> (axis, position)
        positions = np.indices(self.shape, dtype=np.int32).reshape(self.rank, self.values.size)
        columns = dict(zip(self.axes, positions, strict=True))
        return pd.DataFrame({**columns, "value": self.values.reshape(-1)})

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype=dtype) if copy or dtype else self.values

    def __reduce__(self) -> Any:
        return _one_of_states, _states([self], with_pass=False)

    def __repr__(self) -> str:
        extents = ", ".join(f"{axis}={extent}" for axis, extent in zip(self.axes, self.shape, strict=True))
        return f"Activation({self.key!r}, {self.layer.type_name}, {extents})"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return display_of(self._as_batch(), include, exclude) or {"text/plain": repr(self)}

    def _as_batch(self) -> Activation:
        is_whole = self.axes[:1] == ("sample",) or self.is_over_steps
        return self if is_whole else Derivation(_batch_of_one).of(self)


class Activations(Mapping[str, Activation]):
    """What every layer answered in one forward pass: activations by key, in call order.

    They can be pickled, without the model as an :class:`Activation` is, and :meth:`save` writes their values.

    Args:
        activations: In call order.
        output: What the model itself returned, in its own structure, as NumPy arrays.
        layers: Every layer that was called, those without values included.
        extractor: Ran the model; None where no model is at hand.
        settings: How they came about, see :class:`core.extraction.pass_kinds.PassSettings`; None where that is gone.
    """

    def __init__(
        self,
        activations: Sequence[Activation],
        output: Any,
        layers: Sequence[LayerInfo],
        extractor: Any = None,
        settings: Any = None,
    ) -> None:
        self._by_key = {activation.key: activation for activation in activations}
        for activation in self._by_key.values():
            activation._pass = weakref.ref(self)
            # Not weak: of core.extract(model, x)["dense"] nobody else keeps it.
            activation._extractor = extractor
        self.output = output
        self.layers = tuple(layers)
        self._extractor = extractor
        self._settings = settings

    def __getitem__(self, key: str) -> Activation:
        try:
            return self._by_key[key]
        except KeyError:
            reason = next((layer.missing for layer in self.layers if layer.key == key and layer.missing), "")
            keys = ", ".join(self._by_key)
            raise KeyError(
                f"{key!r} has no values: {reason}" if reason else f"no layer {key!r}; there are: {keys}"
            ) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_key)

    def __len__(self) -> int:
        return len(self._by_key)

    def at(self, index: int) -> Activation:
        """Return the activation of ``model.layers[index]``; negative counts from the end.

        Raises:
            IndexError: If that layer was not called, as an InputLayer never is.
        """
        top: dict[int, Activation] = {}
        for activation in self.values():
            if activation.layer.index is not None:
                # Of several outputs the first: what LSTM(return_state=True) answers, not its last state.
                top.setdefault(activation.layer.index, activation)
        # Layers that were called but not asked for count too.
        called = [layer.index for layer in self.layers if layer.index is not None]
        position = index if index >= 0 else max(called, default=-1) + 1 + index
        if position not in top:
            raise IndexError(f"model.layers[{index}] was not called; recorded positions: {sorted(top)}")
        return top[position]

    def edited(
        self,
        inputs: Mapping[str, Any] | np.ndarray | None = None,
        *,
        clamp: Mapping[str, Mapping[int, float]] | None = None,
    ) -> Activations:
        """Return what the same layers answer when the input is changed, or units are set to a value.

        Args:
            inputs: What goes in instead, by the name of the input, ``{"image": edited}``; those that are left out stay.
                Of a model with one input the array alone. Each has the shape ``(sample, …)`` of what went in, see
                ``activation.context.inputs``, with as many samples.
            clamp: Units that are set, ``{"dense": {3: 0.0}}``, see :meth:`core.extraction.extractor.Extractor.extract`.

        Returns:
            Activations with the same keys, in the same order; each of the shape that it has here, ``(sample, …)``.

        Raises:
            InputRejected: If an input is not there or does not fit, or a unit cannot be set.
            ExtractionFailed: If the model raises.
            ValueError: If no model is at hand, as of what was pickled.
        """
        self._require_model()
        context = next((each.context for each in self.values()), SampleContext())
        edited = changed_inputs(context.inputs, inputs)
        found: Activations = self._extractor.extract(
            arrange(self._extractor.model, edited), layers=tuple(self), clamp=clamp, known=context, first=context.first
        )
        return found

    def verify(self, samples: int = 4, progress: Callable[[int, int], None] | None = None) -> Verification:
        """Run each layer again, alone, on what it was called with, and compare that with what is recorded here.

        And the whole model, compiled, without recording. Nothing of the model is changed.

        Args:
            samples: How many of the first samples; in training, or where a layer's answer depends on the others of its
                batch, the first batch.
            progress: Called with how many layers are done, and of how many.

        Returns:
            Of each layer whether it was reproduced; ``print`` says it in words.

        Raises:
            ExtractionFailed: If the model raises.
            ValueError: If no model is at hand, as of what was pickled; or ``samples`` is less than 1.
        """
        self._require_model()
        return self._extractor.verify_activations(self, self._settings, samples, progress)

    def _require_model(self) -> None:
        if self._extractor is None:
            raise ValueError("no model is at hand to run: these activations were pickled, copied or made without one")

    def changes(self, edited: Activations) -> dict[str, np.ndarray]:
        """Return how far the answer of each layer moves: ``‖edited − this‖ / ‖this‖`` for each sample.

        Args:
            edited: What the layers answered otherwise, see :meth:`edited`.

        Returns:
            By key in call order, each of shape ``(sample,)``: 0 is not at all; where all was 0 before, anything else is
            1. Layers that answer text, or something of another shape now, are left out.
        """
        return {
            key: relative_change(mine.values, edited[key].values)
            for key, mine in self.items()
            if key in edited and mine.is_numeric and edited[key].shape == mine.shape
        }

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the values as ``.npz``, an array per key, which ``numpy.load(path)[key]`` reads; no pickle is in it.

        Args:
            path: The file; ``.npz`` is added where it has another ending.

        Returns:
            The file that was written.
        """
        path = Path(path)
        target = path if path.suffix == ".npz" else path.with_name(f"{path.name}.npz")
        with target.open("wb") as stream:
            write_arrays(stream, {key: activation.values for key, activation in self.items()})
        return target

    def __reduce__(self) -> Any:
        return _pass_of_states, (*_states(list(self.values()), with_pass=True), self.output, self.layers)

    def __repr__(self) -> str:
        return f"Activations({', '.join(self._by_key)})"


def _states(activations: Sequence[Activation], *, with_pass: bool) -> tuple[list[dict[str, Any]], list[int]]:
    """Return what activations are made of, each after those that it refers to by their place in the list, and places.

    A list, since a pickle that follows a deep model from layer to layer comes to an end of Python's stack.
    """
    places: dict[Activation, int] = {}
    states: list[dict[str, Any]] = []
    waiting = [(activation, False) for activation in reversed(activations)]
    while waiting:
        activation, is_ready = waiting.pop()
        if activation in places:
            continue
        is_followed = with_pass or activation in activations
        inputs, internals = (activation.inputs, activation.internals) if is_followed else ((), {})
        if not is_ready:
            waiting.append((activation, True))
            waiting += [(other, False) for other in (*inputs, *internals.values())]
            continue
        places[activation] = len(states)
        attributes = {
            name: getattr(activation, name) for name in ("key", "values", "axes", "layer", "part", "mask", "context")
        }
        if activation.is_over_steps:
            attributes["steps"] = activation.steps
        related = {
            "inputs": [places[other] for other in inputs],
            "internals": {part: places[other] for part, other in internals.items()},
        }
        states.append({**attributes, **related, "dtype": activation.dtype})
    return states, [places[activation] for activation in activations]


def _of_states(states: Sequence[Mapping[str, Any]]) -> list[Activation]:
    activations: list[Activation] = []
    for state in states:
        attributes = dict(state)
        dtype = attributes.pop("dtype")
        attributes["inputs"] = tuple(activations[place] for place in attributes["inputs"])
        attributes["internals"] = {part: activations[place] for part, place in attributes["internals"].items()}
        activations.append(Activation(**attributes))
        # bfloat16 became float32 when its values were read.
        activations[-1].__dict__["dtype"] = dtype
    return activations


def _one_of_states(states: Sequence[Mapping[str, Any]], places: Sequence[int]) -> Activation:
    return _of_states(states)[places[0]]


def _pass_of_states(
    states: Sequence[Mapping[str, Any]], places: Sequence[int], output: Any, layers: Sequence[LayerInfo]
) -> Activations:
    activations = _of_states(states)
    return Activations([activations[place] for place in places], output, layers)


def _sample_of(whole: Activation, index: int) -> Activation:
    axis = whole.axes.index("sample") if whole.is_over_steps else 0
    values = whole.values.take(index, axis) if axis else whole.values[index]
    mask = None if whole.mask is None or axis else whole.mask[index]
    axes = (*whole.axes[:axis], *whole.axes[axis + 1 :])
    return _like(whole, values, axes, mask=mask, context=whole.context.part(index, index + 1))


def _at_step(whole: Activation, position: int) -> Activation:
    return _like(whole, whole.values[position], whole.axes[1:], mask=None, steps=None)


def _batch_of_one(sample: Activation) -> Activation:
    mask = None if sample.mask is None else np.asarray(sample.mask)[None]
    return _like(sample, np.asarray(sample.values)[None], ("sample", *sample.axes), mask=mask)


def _mapped(activation: Activation, change: Callable[[np.ndarray], np.ndarray], mask: np.ndarray | None) -> Activation:
    mask = activation.mask if mask is None else mask
    return _like(activation, change(activation.values), activation.axes, mask=mask)


def _like(source: Activation, values: Any, axes: Sequence[str], **changes: Any) -> Activation:
    known = {"part": source.part, "context": source.context, "weights": source._weights, "steps": source.steps or None}
    return Activation(source.key, values, axes, source.layer, **{**known, **changes})


def _steps_of(key: str, steps: Sequence[int] | None, axes: Sequence[str], values: Any) -> tuple[int, ...]:
    count = int(values.shape[0]) if STEP_AXIS in axes[:1] else 0
    steps = range(count) if steps is None else steps
    if len(steps) != count:
        raise ValueError(f"{key}: {len(steps)} steps are named, the values have {count}")
    return tuple(map(int, steps))


def _name_of_type(dtype: Any) -> str:
    name = str(getattr(dtype, "name", dtype))
    return name if name.startswith(("float", "bfloat", "int", "uint", "bool", "complex")) else "string"


def _item_size(source: Any) -> int:
    if isinstance(source, np.ndarray):
        return source.dtype.itemsize
    return max(1, source.dtype.size)
