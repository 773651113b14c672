"""Gradient ascent on the input: the input that drives a unit, a class or a whole layer to its most.

Several steps are one call of a compiled loop. What differs from search to search (which unit, how strong each
regularizer is, the seed) goes in as numbers, so that a model's layer is compiled once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np

from core.analysis.attribution.gradient_entry import gradient_entry, in_structure
from core.analysis.attribution.gradient_pass import PassSpec, run_pass, trace_pass
from core.analysis.attribution.targets import EVERYWHERE, Target
from core.analysis.maximization.domain import Domain
from core.analysis.maximization.parameters import inputs_from, parameters_of, starting_parameters
from core.errors import InputRejected, NoGradient
from core.extraction.extractor import Extractor
from core.inputs import structure
from core.inputs.structure import arrange

__all__ = ["Ascent", "AscentSettings", "entry_for"]

_SMALL: Final = 1e-8
_MEAN: Final = 0.9
_SQUARE: Final = 0.99


@dataclass(frozen=True)
class AscentSettings:
    """How a search goes.

    Attributes:
        starts: How many inputs are looked for at once.
        seed: Of the first inputs and of the transformations.
        step_size: Of Adam (Kingma and Ba 2014).
        jitter: By how much images are moved at random before each step, as a share of their side.
        zoom: By how much they are made larger or smaller, as a share.
        rotation: By how much they are turned, in degrees.
        smoothness: Weight of total variation, relative to the objective's own gradient.
        decay: Weight of the squared distance from what is usual, likewise. With a half, vectors and sequences end as
            far from the mean as samples lie, with less further out.
        diversity: Weight of how alike the answers of the layer to the several inputs are, likewise.
        by_frequency: Whether ascent goes along frequencies instead of pixels or timesteps.
        from_sample: Whether it starts from a sample instead of from noise, as DeepDream does.
    """

    starts: int = 1
    seed: int = 0
    step_size: float = 0.05
    jitter: float = 0.06
    zoom: float = 0.06
    rotation: float = 5.0
    smoothness: float = 0.1
    decay: float = 0.5
    diversity: float = 0.0
    by_frequency: bool = True
    from_sample: bool = False


class Ascent:
    """One search, which goes on as long as it is told to.

    Args:
        extractor: Holds the model.
        target: What is driven to its most.
        entry: Name of the input that is looked for, see :func:`entry_for`.
        domain: Where it stays.
        sample: What goes into the model, by input name, the sample axis first, of extent 1: other inputs stay as they
            are there, and so does the start where the settings say so.
        settings: How.
        units: Unit for each start, instead of the target's for all.

    Attributes:
        domain: Where it stays.
        history: What the target amounted to at each step, transformed as the input was, shape ``(step, start)``.
    """

    def __init__(
        self,
        extractor: Extractor,
        target: Target,
        entry: str,
        domain: Domain,
        sample: Mapping[str, np.ndarray],
        settings: AscentSettings,
        units: np.ndarray | None = None,
    ) -> None:
        self._extractor = extractor
        self.target = target
        self.entry = entry
        self.domain = domain
        self._others = {name: array for name, array in sample.items() if name != entry}
        self._settings = settings
        starts = settings.starts if units is None else len(units)
        self._units = np.broadcast_to(target.unit or 0, (starts,)) if units is None else np.asarray(units)
        self._parameters: Any = starting_parameters(domain, starts, settings.seed, by_frequency=settings.by_frequency)
        if settings.from_sample:
            self._parameters = self._parameters + parameters_of(
                sample[entry][0], domain, by_frequency=settings.by_frequency, is_coloured=self._is_coloured
            )
        self._moments: list[Any] = [np.zeros_like(self._parameters)] * 2
        whole = structure.to_tensors(extractor.model, arrange(extractor.model, dict(sample)))
        self._samples = extractor.sample_axis(whole, target.layer)
        self.history = np.empty((0, starts), np.float32)

    @property
    def steps(self) -> int:
        """How many steps were made."""
        return len(self.history)

    def advance(self, steps: int) -> None:
        """Go on for so many steps.

        Raises:
            ExtractionFailed: If the model raises.
        """
        import tensorflow as tf

        settings = self._settings
        numbers = tf.constant(
            [
                settings.jitter,
                settings.zoom,
                np.deg2rad(settings.rotation),
                settings.smoothness,
                settings.decay,
                settings.diversity,
                settings.step_size,
            ],
            tf.float32,
        )
        place = tf.constant(self.target.place or (EVERYWHERE,), tf.int32)
        extra = [tf.constant(self._units, tf.int32), place, numbers, tf.constant([settings.seed, 0], tf.int32)]
        fixed = [tf.convert_to_tensor(array) for array in self._others.values()]
        first = tf.constant(self.steps, tf.int32)
        state = [tf.convert_to_tensor(each) for each in (self._parameters, *self._moments)]
        loop = self._extractor.derived.get(self._key(state, fixed, place), partial(self._compiled, state, fixed, extra))
        if loop is not None:
            history, *state = loop(first, tf.constant(steps, tf.int32), *state, *fixed, *extra)
        else:
            told = []
            for number in range(self.steps, self.steps + steps):
                objective, *state = self._step(tf.constant(number), state, fixed, extra)
                told.append(objective)
            history = tf.stack(told)
        self._parameters, *self._moments = state
        self.history = np.concatenate([self.history, np.asarray(history)])

    @property
    def inputs(self) -> np.ndarray:
        """What was found so far, as the model takes it, shape ``(start, …)``."""
        return self.domain.as_taken(np.asarray(self._inputs(self._parameters)[0]))

    def objective(self) -> np.ndarray:
        """Return what the target amounts to for what was found, without any transformation, shape ``(start,)``."""
        named = {**self._repeated(), self.entry: self.inputs}
        spec = PassSpec.of(self.target)
        return run_pass(
            self._extractor,
            arrange(self._extractor.model, named),
            spec,
            units=self._units,
            place=self.target.place,
        ).objective

    def answers(self) -> np.ndarray:
        """Return what the model answers to what was found, its first output."""
        named = {**self._repeated(), self.entry: self.inputs}
        found = run_pass(self._extractor, arrange(self._extractor.model, named), PassSpec(with_answer=True))
        return np.asarray(structure.flat(found.answer)[0])

    def _repeated(self) -> dict[str, np.ndarray]:
        return {name: np.repeat(array, len(self._units), axis=0) for name, array in self._others.items()}

    def _inputs(self, parameters: Any) -> tuple[Any, Any]:
        return inputs_from(
            parameters, self.domain, by_frequency=self._settings.by_frequency, is_coloured=self._is_coloured
        )

    @property
    def _is_coloured(self) -> bool:
        return self.domain.kind == "image" and self.domain.shape[-1] == 3

    def _key(self, state: list[Any], fixed: list[Any], place: Any) -> Any:
        shapes = tuple((tuple(each.shape), each.dtype.name) for each in (*state, *fixed))
        spec = PassSpec.of(self.target)
        # The loop holds these as constants.
        known = tuple(each.tobytes() if isinstance(each, np.ndarray) else each for each in vars(self.domain).values())
        settings = (self._settings.by_frequency, self._settings.diversity > 0)
        return ("ascent", spec, self.entry, shapes, len(place), known, settings)

    def _compiled(self, state: list[Any], fixed: list[Any], extra: list[Any]) -> Any:
        import tensorflow as tf

        def loop(first: Any, count: Any, *tensors: Any) -> Any:
            start = list(tensors[: len(state)])
            held = list(tensors[len(state) : len(state) + len(fixed)])
            more = list(tensors[len(state) + len(fixed) :])
            history = tf.TensorArray(tf.float32, count, element_shape=[state[0].shape[0]])

            def body(done: Any, history: Any, *now: Any) -> Any:
                objective, *after = self._step(first + done, list(now), held, more)
                for tensor, before in zip(after, now, strict=True):
                    tensor.set_shape(before.shape)
                return done + 1, history.write(done, objective), *after

            _, history, *end = tf.while_loop(
                lambda done, *rest: done < count, body, (tf.constant(0), history, *start), parallel_iterations=1
            )
            return history.stack(), *end

        number = tf.TensorSpec([], tf.int32)
        specs = [tf.TensorSpec(each.shape, each.dtype) for each in (*state, *fixed, *extra)]
        try:
            return tf.function(loop, autograph=False).get_concrete_function(number, number, *specs)
        except InputRejected:
            raise
        except Exception:
            # Python that looks at values cannot be traced: then each step is made on its own.
            return None

    def _step(self, number: Any, state: list[Any], fixed: list[Any], extra: list[Any]) -> list[Any]:
        import tensorflow as tf

        units, place, numbers, seed = extra
        jitter, zoom, rotation, smoothness, decay, diversity, size = tf.unstack(numbers)
        parameters, mean, square = state
        with tf.GradientTape(watch_accessed_variables=False) as outer:
            outer.watch(parameters)
            inputs, distance = self._inputs(parameters)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(inputs)
                seen = inputs
                if self.domain.kind == "image":
                    seen = _transformed(inputs, jitter, zoom, rotation, tf.stack([seed[0], number]))
                objective, alike = self._objective(seen, fixed, units, place)
                wanted = objective - diversity * alike * tf.stop_gradient(tf.abs(objective))
            with tf.GradientTape(watch_accessed_variables=False) as penalties:
                penalties.watch(distance)
                penalty = smoothness * _variation(distance) + self._decay(decay) * _sum_of_each(tf.square(distance))
            pull = penalties.gradient(penalty, distance)
            # Layers differ by orders of magnitude in what they answer: by its own size the gradient can be weighed.
            ascent = tape.gradient(wanted, inputs)
            # Behind a ReLU that answers nothing there is no way up to be seen: then any.
            anywhere = tf.random.stateless_normal(tf.shape(inputs), tf.stack([seed[0] + 1, number]))
            push = _of_length_one(ascent, anywhere)
        by_inputs, by_distance = tf.convert_to_tensor(push), tf.convert_to_tensor(pull)
        gradient = outer.gradient([inputs, distance], parameters, output_gradients=[-by_inputs, by_distance])
        moved, mean, square = _adam(parameters, gradient, mean, square, number, size)
        return [objective, moved, mean, square]

    def _decay(self, decay: Any) -> Any:
        if self.domain.kind == "image":
            return decay
        # The push is of length 1 per number, and the two are in balance as far out as samples lie where this is a half.
        return (0.5 + decay) * np.sqrt(np.prod(self.domain.shape)) / (2 * self.domain.radius)

    def _objective(self, seen: Any, fixed: list[Any], units: Any, place: Any) -> tuple[Any, Any]:
        import tensorflow as tf

        count = seen.shape[0]
        turned = self.domain.as_taken(seen)
        named = {name: tf.repeat(tensor, count, axis=0) for name, tensor in zip(self._others, fixed, strict=True)}
        tensors = structure.to_tensors(
            self._extractor.model, _arranged(self._extractor.model, {**named, self.entry: turned})
        )
        is_apart = self._samples.is_regular and count > 1
        kept = (self.target.layer,) if self._settings.diversity > 0 and is_apart else ()
        spec = PassSpec.of(self.target, kept=kept, uphill=True, samples=self._samples)
        found = trace_pass(self._extractor, tensors, spec, units, place)
        alike = _likeness(found.values[self.target.layer]) if kept else tf.constant(0.0)
        return found.objective, alike


def entry_for(extractor: Extractor, inputs: Mapping[str, np.ndarray], target: Target) -> str:
    """Return the name of the input that can be looked for: the first that the target has a gradient by.

    Args:
        extractor: Holds the model.
        inputs: One sample by input name.
        target: What is driven to its most.

    Raises:
        NoGradient: If there is none; the message says what stops it.
        InputRejected: If there is no such layer, or it has no values.
        ExtractionFailed: If the model raises.
    """
    entries = gradient_entry(extractor, in_structure(extractor, inputs), target)
    found = next((key for key in entries.keys if key.startswith("input:")), "")
    if not found:
        raise NoGradient(
            entries.stopped_by,
            remedy="So no input can be looked for. The samples that excite the unit the most can be seen, and the "
            "pictures “What it rests on” and “Switch it off” work too.",
        )
    return found.partition(":")[2]


def _arranged(model: Any, named: Mapping[str, Any]) -> Any:
    # What arrange() checks are arrays; tensors of a graph are put where it puts those.
    if len(named) == 1 and not isinstance(getattr(model, "_inputs_struct", None), Mapping):
        return next(iter(named.values()))
    order = arrange(model, {name: np.zeros((1, *tensor.shape[1:]), np.float32) for name, tensor in named.items()})
    if isinstance(order, Mapping):
        return {name: named[name] for name in order}
    return [named[name] for name in structure.input_names(model, order)]


def _transformed(images: Any, jitter: Any, zoom: Any, rotation: Any, seed: Any) -> Any:
    """Return images moved, turned and made larger or smaller at random, each in its own way; mirrored at the edges."""
    import keras
    import tensorflow as tf

    count, height, width, _ = images.shape
    drawn = tf.random.stateless_uniform([4, count], seed, -1.0, 1.0)
    across, down = drawn[0] * jitter * width, drawn[1] * jitter * height
    scale, angle = 1.0 + drawn[2] * zoom, drawn[3] * rotation
    cosine, sine = tf.cos(angle) * scale, tf.sin(angle) * scale
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    shift_x = middle_x - cosine * middle_x + sine * middle_y + across
    shift_y = middle_y - sine * middle_x - cosine * middle_y + down
    zero = tf.zeros_like(cosine)
    matrix = tf.stack([cosine, -sine, shift_x, sine, cosine, shift_y, zero, zero], axis=1)
    return keras.ops.image.affine_transform(images, matrix, "bilinear", "reflect", data_format="channels_last")


def _adam(parameters: Any, gradient: Any, mean: Any, square: Any, number: Any, size: Any) -> tuple[Any, Any, Any]:
    # By hand: an optimizer of Keras keeps its moments in variables, and a loop that many share must not.
    import tensorflow as tf

    mean = _MEAN * mean + (1 - _MEAN) * gradient
    square = _SQUARE * square + (1 - _SQUARE) * tf.square(gradient)
    times = tf.cast(number + 1, tf.float32)
    step = (mean / (1 - _MEAN**times)) / (tf.sqrt(square / (1 - _SQUARE**times)) + _SMALL)
    return parameters - size * step, mean, square


def _variation(values: Any) -> Any:
    """Return the sum of the differences of what lies beside each other, shape ``(start,)``; 0 for a vector."""
    import tensorflow as tf

    rank = values.shape.rank
    if rank < 3:
        return tf.zeros_like(values[:, 0])
    total = _sum_of_each(tf.abs(values[:, 1:] - values[:, :-1]))
    return total + _sum_of_each(tf.abs(values[:, :, 1:] - values[:, :, :-1])) if rank == 4 else total


def _sum_of_each(values: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_sum(values, axis=list(range(1, values.shape.rank)))


def _of_length_one(values: Any, otherwise: Any) -> Any:
    """Return values scaled, for each start, to a mean square of one, however small they are; others where all are 0."""
    import tensorflow as tf

    axes = list(range(1, values.shape.rank))
    largest = tf.reduce_max(tf.abs(values), axis=axes, keepdims=True)
    # Squares of what an untrained model gives would be too small for a float.
    scaled = tf.math.divide_no_nan(values, largest)
    size = tf.sqrt(tf.reduce_mean(tf.square(scaled), axis=axes, keepdims=True))
    return tf.where(largest > 0, tf.math.divide_no_nan(scaled, size), otherwise)


def _likeness(answers: Any) -> Any:
    """Return for each start how alike its answer is to the others', from -1 to 1: by which channels go together."""
    import tensorflow as tf

    if answers.shape.rank > 2:
        rows = tf.reshape(answers, [tf.shape(answers)[0], -1, answers.shape[-1]])  # (start, *places, channel)
        answers = tf.einsum("spc,spd->scd", rows, rows)  # the Gram matrix
    flat = tf.reshape(answers, [tf.shape(answers)[0], -1])
    flat = tf.math.l2_normalize(flat, axis=1)
    alike = tf.matmul(flat, flat, transpose_b=True)
    count = tf.cast(tf.shape(flat)[0], tf.float32)
    return (tf.reduce_sum(alike, axis=1) - 1.0) / (count - 1.0)
