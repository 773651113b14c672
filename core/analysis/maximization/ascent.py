"""Gradient ascent on the input: the input that drives a unit, a class or a whole layer to its most.

Several steps are one call of a compiled loop. What differs from search to search (which unit, how strong each
regularizer is, the seed) goes in as numbers, so that a model's layer is compiled once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np

from core.analysis.attribution.gradient_entry import gradient_entry
from core.analysis.attribution.gradient_pass import PassArguments, PassSpec, run_pass, trace_pass
from core.analysis.attribution.targets import Target
from core.analysis.maximization.domain import Domain
from core.analysis.maximization.parameters import distance_from, inputs_at, parameters_of, starting_parameters
from core.errors import InputRejected, NoGradient
from core.extraction.compiled import CompiledFunction, compile_function
from core.extraction.extractor import Extractor
from core.extraction.layers import input_name, is_input
from core.extraction.lite_models import refuse_lite_gradient
from core.inputs import structure
from core.inputs.structure import arrange, in_structure

__all__ = ["Ascent", "AscentSettings", "entry_for"]

_SMALL: Final = 1e-8
_LONG: Final = 256
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


class _Search(NamedTuple):
    """Where a search stands: what ascent changes, and Adam's moments of its gradient; all of one shape."""

    parameters: Any
    mean: Any
    square: Any


class _Strengths(NamedTuple):
    """Numbers of the settings that go in beside the search, so that a loop serves all of them."""

    jitter: Any
    zoom: Any
    rotation: Any
    smoothness: Any
    decay: Any
    diversity: Any
    step_size: Any


class _LoopArguments(NamedTuple):
    """What stays as it is during a search.

    Attributes:
        fixed: The other inputs of the model by name, the sample axis first, of extent 1.
        units: Unit of the target for each start, shape ``(start,)``.
        others: Unit that is subtracted, likewise.
        ranges: Where the target is taken, shape ``(axis, 2)``.
        strengths: How strong each part of a step is.
        seed: Of the transformations.
    """

    fixed: dict[str, Any]
    units: Any
    others: Any
    ranges: Any
    strengths: _Strengths
    seed: Any


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
        parameters = starting_parameters(domain, starts, settings.seed, by_frequency=settings.by_frequency)
        if settings.from_sample:
            parameters = parameters + parameters_of(
                sample[entry][0], domain, by_frequency=settings.by_frequency, is_coloured=self._is_coloured
            )
        self._search = _Search(parameters, np.zeros_like(parameters), np.zeros_like(parameters))
        whole = structure.to_tensors(extractor.model, arrange(extractor.model, dict(sample)))
        self._samples = extractor.sample_axis(whole, target.layer)
        self.history = np.empty((0, starts), np.float32)

    @property
    def is_transformed(self) -> bool:
        """Whether the input is moved, scaled or turned at random before each step, so that the history is of that."""
        settings = self._settings
        return self.domain.kind == "image" and any((settings.jitter, settings.zoom, settings.rotation))

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

        search = _Search(*map(tf.convert_to_tensor, self._search))
        arguments = self._arguments()
        loop = self._extractor.derived.get(
            self._key(search, arguments), partial(self._compiled_loop, search, arguments)
        )
        if loop is not None:
            first, count = tf.constant(self.steps, tf.int32), tf.constant(steps, tf.int32)
            history, search = loop.function(first, count, search, arguments)
        else:
            objectives = []
            for number in range(self.steps, self.steps + steps):
                objective, search = self._step(tf.constant(number), search, arguments)
                objectives.append(objective)
            history = tf.stack(objectives)
        self._search = search
        self.history = np.concatenate([self.history, np.asarray(history)])

    @property
    def inputs(self) -> np.ndarray:
        """What was found so far, as the model takes it, shape ``(start, …)``."""
        return self.domain.as_taken(np.asarray(inputs_at(self._distance(self._search.parameters), self.domain)))

    def objective(self) -> np.ndarray:
        """Return what the target amounts to for what was found, without any transformation, shape ``(start,)``."""
        named = {**self._repeated(), self.entry: self.inputs}
        spec = PassSpec.of(self.target)
        return run_pass(
            self._extractor,
            arrange(self._extractor.model, named),
            spec,
            target=self.target,
            units=self._units,
        ).objective

    def answers(self) -> np.ndarray:
        """Return what the model answers to what was found, its first output."""
        named = {**self._repeated(), self.entry: self.inputs}
        result = run_pass(self._extractor, arrange(self._extractor.model, named), PassSpec(with_answer=True))
        return np.asarray(structure.flat(result.answer)[0])

    def _repeated(self) -> dict[str, np.ndarray]:
        return {name: np.repeat(array, len(self._units), axis=0) for name, array in self._others.items()}

    def _distance(self, parameters: Any) -> Any:
        return distance_from(
            parameters, self.domain, by_frequency=self._settings.by_frequency, is_coloured=self._is_coloured
        )

    @property
    def _is_coloured(self) -> bool:
        return self.domain.kind == "image" and self.domain.shape[-1] == 3

    def _arguments(self) -> _LoopArguments:
        import tensorflow as tf

        settings = self._settings
        strengths = _Strengths(
            jitter=settings.jitter,
            zoom=settings.zoom,
            rotation=np.deg2rad(settings.rotation),
            smoothness=settings.smoothness,
            decay=settings.decay,
            diversity=settings.diversity,
            step_size=settings.step_size,
        )
        asked = PassArguments.of(self.target, self._units)
        return _LoopArguments(
            fixed={name: tf.convert_to_tensor(array) for name, array in self._others.items()},
            units=asked.units,
            others=asked.others,
            ranges=asked.ranges,
            strengths=_Strengths(*(tf.constant(strength, tf.float32) for strength in strengths)),
            seed=tf.constant([settings.seed, 0], tf.int32),
        )

    def _key(self, search: _Search, arguments: _LoopArguments) -> Any:
        shapes = tuple((tuple(tensor.shape), tensor.dtype.name) for tensor in (*search, *arguments.fixed.values()))
        spec = PassSpec.of(self.target)
        # The loop holds these as constants.
        domain = tuple(
            value.tobytes() if isinstance(value, np.ndarray) else value for value in vars(self.domain).values()
        )
        settings = (self._settings.by_frequency, self._settings.diversity > 0)
        return ("ascent", spec, self.entry, shapes, domain, settings)

    def _compiled_loop(self, search: _Search, arguments: _LoopArguments) -> CompiledFunction[None] | None:
        """Compile several steps as one call; None where Python looks at values: then each step is made on its own."""
        import tensorflow as tf

        def loop(first: Any, count: Any, start: _Search, arguments: _LoopArguments) -> tuple[Any, None]:
            history = tf.TensorArray(tf.float32, count, element_shape=[search.parameters.shape[0]])

            def body(done: Any, history: Any, before: _Search) -> Any:
                objective, after = self._step(first + done, before, arguments)
                for tensor_after, tensor_before in zip(after, before, strict=True):
                    tensor_after.set_shape(tensor_before.shape)
                return done + 1, history.write(done, objective), after

            _, history, end = tf.while_loop(
                lambda done, *_: done < count, body, (tf.constant(0), history, start), parallel_iterations=1
            )
            return (history.stack(), end), None

        number = tf.TensorSpec([], tf.int32)
        specs = tf.nest.map_structure(tf.TensorSpec.from_tensor, (search, arguments))
        return compile_function(loop, [number, number, *specs])

    def _step(self, number: Any, search: _Search, arguments: _LoopArguments) -> tuple[Any, _Search]:
        """Return what the target amounts to before a step, shape ``(start,)``, and where the search stands after it."""
        import tensorflow as tf

        strengths, seed = arguments.strengths, arguments.seed
        with tf.GradientTape(watch_accessed_variables=False) as outer:
            outer.watch(search.parameters)
            distance = self._distance(search.parameters)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                # By the distance, not by the input: pixels to 255 or a quiet sound would be pushed more or less than
                # the penalties pull.
                tape.watch(distance)
                images = inputs_at(distance, self.domain)
                if self.domain.kind == "image":
                    images = _transformed(images, strengths, tf.stack([seed[0], number]))
                objective, alike = self._objective(images, arguments)
                height = objective - strengths.diversity * alike * tf.stop_gradient(tf.abs(objective))
            with tf.GradientTape(watch_accessed_variables=False) as penalties:
                penalties.watch(distance)
                decay = self._decay(strengths.decay)
                penalty = strengths.smoothness * _variation(distance) + decay * _sum_by_start(tf.square(distance))
            pull = penalties.gradient(penalty, distance)
            # Layers differ by orders of magnitude in what they answer: by its own size the gradient can be weighed.
            ascent = tape.gradient(height, distance)
            # Behind a ReLU that answers nothing there is no way up to be seen: then any.
            anywhere = tf.random.stateless_normal(tf.shape(distance), tf.stack([seed[0] + 1, number]))
            push = _of_length_one(ascent, anywhere)
        towards = tf.convert_to_tensor(pull) - tf.convert_to_tensor(push)
        gradient = outer.gradient(distance, search.parameters, output_gradients=towards)
        # Of thousands of frequencies a few matter: steps of a size of its own for each make noise of all others.
        is_long = self.domain.kind == "sequence" and self.domain.shape[0] > _LONG
        is_shared = is_long and self._settings.by_frequency
        return objective, _after_adam(search, gradient, number, strengths.step_size, is_shared=is_shared)

    def _decay(self, decay: Any) -> Any:
        if self.domain.kind == "image":
            return decay
        # The push is of length 1 per number, and the two are in balance as far out as samples lie where this is a half.
        return (0.5 + decay) * np.sqrt(np.prod(self.domain.shape)) / (2 * self.domain.radius)

    def _objective(self, images: Any, arguments: _LoopArguments) -> tuple[Any, Any]:
        import tensorflow as tf

        count = images.shape[0]
        named = {name: tf.repeat(tensor, count, axis=0) for name, tensor in arguments.fixed.items()}
        named[self.entry] = self.domain.as_taken(images)
        model = self._extractor.model
        tensors = structure.to_tensors(model, arrange(model, named))
        is_apart = self._samples.is_regular and count > 1
        layers = (self.target.layer,) if self._settings.diversity > 0 and is_apart else ()
        spec = PassSpec.of(self.target, kept=layers, uphill=True, samples=self._samples)
        traced = trace_pass(
            self._extractor, tensors, spec, PassArguments(arguments.units, arguments.others, arguments.ranges)
        )
        alike = _likeness(traced.values[self.target.layer]) if layers else tf.constant(0.0)
        return traced.objective, alike


def entry_for(extractor: Extractor, inputs: Mapping[str, np.ndarray], target: Target, entry: str = "") -> str:
    """Return the name of the input that is looked for: by default the first that the target has a gradient by.

    Args:
        extractor: Holds the model.
        inputs: One sample by input name.
        target: What is driven to its most.
        entry: Name of the input that was chosen; empty takes the first.

    Raises:
        NoGradient: If there is none; the message says what stops it.
        InputRejected: If there is no such input or layer, or it has no values.
        ExtractionFailed: If the model raises.
    """
    entries = gradient_entry(extractor, in_structure(extractor.model, inputs), target)
    names = [input_name(key) for key in entries.keys if is_input(key)]
    if entry and entry not in inputs:
        raise InputRejected(f"There is no input {entry!r}.", remedy=f"The inputs are: {', '.join(inputs)}.")
    if entry and names and entry not in names:
        raise NoGradient(
            f"{target.layer!r} has no gradient by the input {entry!r}.", remedy=f"Choose another: {', '.join(names)}."
        )
    if not names:
        refuse_lite_gradient(extractor.model)
        raise NoGradient(
            entries.stopped_by,
            remedy="So no input can be searched for. Its top samples can be seen, and the "
            "pictures “Attribution” and “Ablation” work too.",
        )
    return entry or names[0]


def _transformed(images: Any, strengths: _Strengths, seed: Any) -> Any:
    """Return images moved, turned and made larger or smaller at random, each in its own way; mirrored at the edges."""
    import keras
    import tensorflow as tf

    count, height, width, _ = images.shape
    drawn = tf.random.stateless_uniform([4, count], seed, -1.0, 1.0)
    across, down = drawn[0] * strengths.jitter * width, drawn[1] * strengths.jitter * height
    scale, angle = 1.0 + drawn[2] * strengths.zoom, drawn[3] * strengths.rotation
    cosine, sine = tf.cos(angle) * scale, tf.sin(angle) * scale
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    shift_x = middle_x - cosine * middle_x + sine * middle_y + across
    shift_y = middle_y - sine * middle_x - cosine * middle_y + down
    zero = tf.zeros_like(cosine)
    matrix = tf.stack([cosine, -sine, shift_x, sine, cosine, shift_y, zero, zero], axis=1)
    return keras.ops.image.affine_transform(images, matrix, "bilinear", "reflect", data_format="channels_last")


def _after_adam(search: _Search, gradient: Any, number: Any, step_size: Any, *, is_shared: bool) -> _Search:
    """Return where a search stands after a step; one size of steps for all numbers of a start where it is shared."""
    # By hand: an optimizer of Keras keeps its moments in variables, and a loop that many share must not.
    import tensorflow as tf

    mean = _MEAN * search.mean + (1 - _MEAN) * gradient
    by_number = tf.square(gradient)
    if is_shared:
        axes = list(range(1, gradient.shape.rank))
        by_number = tf.ones_like(by_number) * tf.reduce_mean(by_number, axis=axes, keepdims=True)
    square = _SQUARE * search.square + (1 - _SQUARE) * by_number
    times = tf.cast(number + 1, tf.float32)
    step = (mean / (1 - _MEAN**times)) / (tf.sqrt(square / (1 - _SQUARE**times)) + _SMALL)
    return _Search(search.parameters - step_size * step, mean, square)


def _variation(values: Any) -> Any:
    """Return the sum of the differences of what lies beside each other, shape ``(start,)``; 0 for a vector."""
    import tensorflow as tf

    rank = values.shape.rank
    if rank < 3:
        return tf.zeros_like(values[:, 0])
    total = _sum_by_start(tf.abs(values[:, 1:] - values[:, :-1]))
    return total + _sum_by_start(tf.abs(values[:, :, 1:] - values[:, :, :-1])) if rank == 4 else total


def _sum_by_start(values: Any) -> Any:
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
