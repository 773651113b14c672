"""What a model answers after each step of a sequence: to its beginnings of every length.

Equal to ``model.predict(x[:, :t])``. A model whose declared length is fixed takes no beginning, but its layers may:
then the same layers are run on fewer steps, as in the same model declared without a length. Where layers leave out
padding, beginnings that are padded to the full length go through the model in one batch; that is done only where it was
found to be the same, within a tolerance, checked on a few of them. Where it is not, there is a pass for each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np

from core.analysis.timesteps import shown_steps, step_words
from core.common.progress import Progress
from core.errors import InputRejected
from core.extraction.compiled import CompiledFunction, compile_function
from core.extraction.extractor import Extractor
from core.extraction.known_layers import layers_of
from core.extraction.layers import LayerInfo, input_key
from core.extraction.model_output import outputs_of
from core.extraction.model_state import restored_afterwards
from core.extraction.recorder import recording
from core.inputs import structure
from core.inputs.spec import InputSpec
from core.inputs.structure import in_structure

__all__ = ["AnswersAfterSteps", "InputRejected", "answers_after_steps", "input_over_time", "output_position"]

_MOST: Final = 64
_TOLERANCE: Final = 1e-4
_ROUNDING: Final = 32 * float(np.finfo(np.float32).eps)
"""How far apart the same sum may lie, as a share of its size, where it is worked out in another order."""
_RECURRENT: Final = frozenset({"RNN", "Bidirectional", "TimeDistributed", "Masking", "Embedding"})
_BLENDS_STEPS: Final = frozenset({"Flatten", "Reshape", "Permute", "Dot"})
_REMEDY: Final = "Choose a model that sums its steps up by a recurrent layer or by pooling, such as LSTM(…)."


@dataclass(frozen=True)
class AnswersAfterSteps:
    """What a model answers to the beginnings of one sequence.

    Attributes:
        input_name: The input that is cut; others stay whole.
        length: How many timesteps the sequence has, padding behind them not counted.
        steps: How many timesteps each beginning has, ascending, the whole length last, shape ``(beginning,)``.
        answers: What the output answers to each, shape ``(beginning, …)``, without an axis of time.
        is_padded: Whether they went through the model in one batch, padded to the full length: the same as one by one
            within a tolerance, checked on a few.
        at_last_step: Whether the model answers at each step, and the answer at the last one of each beginning is told.
        beyond_declared: Whether the model declares a fixed length, so that only its layers take fewer steps.
        words: The token at each timestep of the whole input, where that is text or numbers of a vocabulary; or None.
        refused: Why the shortest beginnings are missing, or empty.
    """

    input_name: str
    length: int
    steps: np.ndarray
    answers: np.ndarray
    is_padded: bool = False
    at_last_step: bool = False
    beyond_declared: bool = False
    words: tuple[str, ...] | None = None
    refused: str = ""


def input_over_time(extractor: Extractor, inputs: Mapping[str, np.ndarray]) -> str:
    """Return the name of the first input whose second axis is time to the layer that it goes into; empty for none.

    One of a single step, as a number that goes into an embedding, is it only where there is no longer one.

    Args:
        extractor: Holds the model.
        inputs: Samples by input name.

    Raises:
        ExtractionFailed: If the model raises.
    """
    return _sequence(extractor, inputs)[0]


def _sequence(extractor: Extractor, inputs: Mapping[str, np.ndarray]) -> tuple[str, str]:
    """Return the name of the input over time, and the key of the layer that it goes into; empty for none."""
    layers = layers_of(extractor, in_structure(extractor.model, inputs)).values()
    sequences = [
        (name, layer.key)
        for name, array in inputs.items()
        for layer in layers
        if array.ndim > 1 and layer.inputs_from[:1] == (input_key(name),) and _is_over_time(layer)
    ]
    longer = (each for each in sequences if inputs[each[0]].shape[1] > 1)
    return next(longer, sequences[0] if sequences else ("", ""))


def output_position(extractor: Extractor, inputs: Mapping[str, np.ndarray], layer: str) -> int | None:
    """Return which of the model's outputs a layer answers; None where it answers none.

    Args:
        extractor: Holds the model.
        inputs: Samples by input name.
        layer: Key of the layer, or of a model or block around it that answers with it.

    Raises:
        ExtractionFailed: If the model raises.
    """
    layers = list(layers_of(extractor, in_structure(extractor.model, inputs)).values())
    outputs = outputs_of(extractor.model, layers)
    if len(outputs) == 1 and not outputs[0].layer:
        # A model without a graph: what was called last is what it answers.
        return 0 if layers and layers[-1].key == layer else None
    by_key = {each.key: each for each in layers}
    same = {layer, getattr(by_key.get(layer), "parent", "")} - {""}
    exact = next((output.position for output in outputs if output.layer in same), None)
    if exact is not None:
        return exact
    return next((output.position for output in outputs if layer in _answering(output.layer, by_key)), None)


def _answering(key: str, by_key: Mapping[str, LayerInfo]) -> list[str]:
    """Return the keys of the models and blocks around a layer that answer what it does, the nearest first."""
    keys, layer = [], by_key.get(key)
    while layer is not None and layer.parent:
        around = next((each for each in by_key.values() if layer.parent in (each.key, each.call_key)), None)
        if around is None or around.output_shape != layer.output_shape:
            break
        keys.append(around.key)
        layer = around
    return keys


def answers_after_steps(
    extractor: Extractor,
    inputs: Mapping[str, np.ndarray],
    *,
    output: int = 0,
    specs: Sequence[InputSpec] | None = None,
    most: int = _MOST,
    progress: Progress | None = None,
) -> AnswersAfterSteps:
    """Return what a model answers to the beginnings of one sequence.

    Args:
        extractor: Holds the model.
        inputs: One sample by input name, the sample axis first.
        output: Which of the model's outputs is told.
        specs: What each input is taken for; by default what the layers say.
        most: How many beginnings at most; of more, evenly spread ones, and always the last.
        progress: Called with how much is done.

    Raises:
        InputRejected: If no input is a sequence, or a layer takes one length only; the message names it.
        ExtractionFailed: If the model raises on the whole sequence.
    """
    name, taker = _sequence(extractor, inputs)
    if not name:
        raise InputRejected(
            "No input of this model is a sequence to the layer that it goes into.", remedy="Choose a sequence model."
        )
    length = inputs[name].shape[1]
    taken = extractor.extract(in_structure(extractor.model, inputs), layers=[taker], specs=specs)[taker].sample(0)
    has_steps = taken.axes[:1] == ("time",) and taken.shape[0] == length
    is_shown = shown_steps(taken) if has_steps else np.ones(length, bool)
    ends = np.flatnonzero(is_shown) + 1
    if not ends.size:
        raise InputRejected("All timesteps of this sample are padding.", remedy="Choose another sample.")
    ends = ends[np.unique(np.linspace(0, len(ends) - 1, min(most, len(ends))).round().astype(int))]
    after = _Beginnings(extractor, inputs, name, output).answers(ends, progress)
    return replace(after, words=step_words(taken) if has_steps else None)


class _Beginnings:
    """Runs beginnings of one sample through a model.

    Args:
        extractor: Holds the model.
        inputs: One sample by input name.
        name: The input that is cut.
        output: Which output is told.
    """

    def __init__(self, extractor: Extractor, inputs: Mapping[str, np.ndarray], name: str, output: int) -> None:
        self._extractor = extractor
        self._inputs = inputs
        self._name = name
        self._output = output
        declared = next((each for each in getattr(extractor.model, "inputs", None) or () if each.name == name), None)
        self._is_fixed = declared is not None and declared.shape[1] is not None
        self._compiled: CompiledFunction[None] | None = None
        self._is_compiled = False
        self._at_last_step = False

    def answers(self, ends: np.ndarray, progress: Progress | None) -> AnswersAfterSteps:
        last = int(ends[-1])
        whole = self._whole(self._inputs if self._is_fixed else self._cut(last))
        fed = self._inputs[self._name].shape[1] if self._is_fixed else last
        self._at_last_step = whole.ndim > 2 and whole.shape[1] == fed
        told = [whole[:, last - 1] if self._at_last_step else whole]
        steps, refused = [last], ""
        padded = self._padded(ends, told[0]) if len(ends) > 1 else None
        if padded is not None:
            return self._result(ends, padded, is_padded=True)
        # The shortest come last: a layer that needs so many steps at least ends it there, and the others are told.
        for end in ends[-2::-1]:
            answer = self._part(int(end))
            if isinstance(answer, Exception) or not _is_like(answer, told[0]):
                refused = self._why_refused(answer, int(end))
                break
            told.append(answer)
            steps.append(int(end))
            if progress:
                progress(len(steps) / len(ends), f"{len(steps):,} of {len(ends):,} beginnings")
        if len(steps) == 1 and len(ends) > 1:
            raise InputRejected(refused, remedy=_REMEDY)
        return self._result(np.array(steps[::-1]), np.concatenate(told[::-1]), refused=refused)

    def _result(self, steps: np.ndarray, answers: np.ndarray, **more: Any) -> AnswersAfterSteps:
        is_beyond = self._is_fixed and not more.get("is_padded")
        return AnswersAfterSteps(
            self._name,
            int(steps[-1]),
            steps,
            answers,
            at_last_step=self._at_last_step,
            beyond_declared=is_beyond,
            **more,
        )

    def _cut(self, end: int) -> dict[str, np.ndarray]:
        return {**self._inputs, self._name: self._inputs[self._name][:, :end]}

    def _whole(self, named: Mapping[str, np.ndarray]) -> np.ndarray:
        answer = self._extractor.extract(in_structure(self._extractor.model, named), layers=()).output
        return np.asarray(structure.flat(answer)[self._output])

    def _part(self, end: int) -> np.ndarray | Exception:
        """Return what the layers answer to a beginning, or what they raise."""
        tensors = self._tensors(end)
        try:
            if not self._is_compiled:
                self._compiled, self._is_compiled = self._compiled_alike(end), True
            answer = np.asarray(self._compiled.function(*tensors) if self._compiled else self._forward(*tensors)[0])
            return answer[:, -1] if self._at_last_step and answer.shape[1:2] == (end,) else answer
        except Exception as error:
            return error

    def _tensors(self, end: int) -> list[Any]:
        model = self._extractor.model
        return structure.flat(structure.to_tensors(model, in_structure(model, self._cut(end))))

    def _compiled_alike(self, end: int) -> CompiledFunction[None] | None:
        """Return a pass over beginnings of any length; None where it is not what the layers answer to this one."""
        compiled = self._compile()
        if compiled is None:
            return None
        tensors = self._tensors(end)
        answer, eager = (np.asarray(each) for each in (compiled.function(*tensors), self._forward(*tensors)[0]))
        return compiled if _are_alike(answer, eager, eager) else None

    def _compile(self) -> CompiledFunction[None] | None:
        import tensorflow as tf

        model = self._extractor.model
        tensors = structure.named_tensors(model, structure.to_tensors(model, in_structure(model, self._inputs)))
        signature = [
            tf.TensorSpec([None, None, *each.shape[2:]] if name == self._name else [None, *each.shape[1:]], each.dtype)
            for name, each in tensors.items()
        ]
        key = ("beginnings", self._name, self._output, repr(signature))
        compiled: CompiledFunction[None] | None = self._extractor.derived.get(
            key, partial(compile_function, self._forward, signature)
        )
        return compiled

    def _forward(self, *tensors: Any) -> tuple[Any, None]:
        import keras

        model = self._extractor.model
        packed = structure.packed(in_structure(model, self._inputs), tensors)
        # Recorded, since Keras itself goes wrong under TimeDistributed where a graph does not know the length.
        with restored_afterwards(model), recording(model) as recorder, keras.StatelessScope():
            if self._is_fixed:
                # A model of layers looks at the declared length where it is called, and nowhere behind.
                recorder.enter()
                answer = model.call(packed, training=False)
            else:
                answer = model(packed, training=False)
        return structure.flat(answer)[self._output], None

    def _padded(self, ends: np.ndarray, whole: np.ndarray) -> np.ndarray | None:
        """Return what the model answers to all beginnings, padded; None where that is not known to be the same."""
        value = self._padding()
        if value is None:
            return None
        sequence = self._inputs[self._name]
        beginnings = np.repeat(sequence, len(ends), axis=0)
        for row, end in enumerate(ends):
            beginnings[row, end:] = value
        others = {name: np.repeat(array, len(ends), axis=0) for name, array in self._inputs.items()}
        try:
            answers = self._whole({**others, self._name: beginnings})
        except Exception:
            return None
        if self._at_last_step and answers.shape[1:2] == sequence.shape[1:2]:
            answers = answers[np.arange(len(ends)), ends - 1]
        if answers.shape[1:] != whole.shape[1:]:
            return None
        compared = sorted({0, len(ends) // 2, max(0, len(ends) - 2)})
        for row in compared:
            alone = self._part(int(ends[row]))
            if isinstance(alone, Exception) or not _are_alike(alone, answers[row : row + 1], answers):
                return None
        return answers

    def _padding(self) -> float | int | None:
        """Return what the layer that the input goes into takes for padding; None if it takes nothing for that."""
        for layer in self._extractor.model._flatten_layers():
            kind = type(layer).__name__
            sources = getattr(getattr(layer, "input", None), "name", "")
            if kind == "Masking" and sources == self._name:
                return float(layer.mask_value)
            if kind == "Embedding" and getattr(layer, "mask_zero", False) and sources == self._name:
                return 0
        return None

    def _why_refused(self, answer: Any, end: int) -> str:
        blended = next(
            (
                layer
                for layer in layers_of(self._extractor, in_structure(self._extractor.model, self._inputs)).values()
                if set(layer.type_names) & _BLENDS_STEPS and not layer.parent
            ),
            None,
        )
        if blended is not None:
            return (
                f"Layer {blended.key!r} ({blended.type_name}) lays all timesteps side by side, so that what comes "
                f"behind takes {self._inputs[self._name].shape[1]:,} steps and no fewer."
            )
        reason = next((line.strip() for line in str(answer).splitlines() if line.strip()), "")
        reason = reason if isinstance(answer, Exception) else "what comes out has another shape, or is no number."
        return f"The layers do not take {end:,} of the steps: {reason}"


def _is_like(answer: np.ndarray, whole: np.ndarray) -> bool:
    # A mean over no step is NaN.
    is_lost = np.isfinite(whole).all() and not np.isfinite(answer).all()
    return answer.shape[1:] == whole.shape[1:] and not is_lost


def _are_alike(one: np.ndarray, other: np.ndarray, among: np.ndarray) -> bool:
    """Return whether two answers are the same, by how far apart the answers lie among which they are told.

    A fixed tolerance would take all answers for the same where they are small, as of thousands of classes.

    Args:
        one: Shape ``(1, …, unit)``.
        other: Likewise.
        among: Answers to be told apart, shape ``(beginning, …, unit)``.
    """
    if one.shape != other.shape or not np.array_equal(np.isfinite(one), np.isfinite(other)):
        return False
    numbers = among[np.isfinite(among)].astype(np.float64)
    if not numbers.size:
        return np.array_equal(one, other, equal_nan=True)
    spread, size = np.abs(numbers - numbers.mean()).max(), np.abs(numbers).max()
    tolerance = max(_TOLERANCE * spread, _ROUNDING * size)
    if not np.allclose(one.astype(np.float64), other.astype(np.float64), rtol=0, atol=tolerance, equal_nan=True):
        return False
    return one.ndim < 2 or np.array_equal(*(np.nan_to_num(each, nan=-np.inf).argmax(axis=-1) for each in (one, other)))


def _is_over_time(layer: LayerInfo) -> bool:
    return (layer.axes[1:2] == ("time",) and layer.loop != "steps") or bool(set(layer.type_names) & _RECURRENT)
