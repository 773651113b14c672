"""What is known about the samples that went through a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from core.common.text import text_of
from core.inputs.labels import AnswerRule
from core.inputs.model_output import ModelOutput
from core.inputs.spec import InputSpec, drawable

__all__ = ["SampleContext", "read_only_array"]


@dataclass(frozen=True)
class SampleContext:
    """What is known about the samples that went through the model.

    Attributes:
        inputs: What the model was given, by input name; the sample axis first.
        labels: Class of each sample in the model's output, shape ``(sample,)``, -1 for a sample that is of none of
            them; None if unknown: no answer is right or wrong then. Read-only, as the other arrays are.
        class_names: Name of each class, by number; empty if unknown.
        first: Number that the person knows the first of these samples by.
        tokens: What stands at each position of the input where it is text, strings of shape ``(sample, time)``; empty
            where there is padding. None where the input is no text.
        groups: Group that each sample is coloured and named by, shape ``(sample,)``: its label, whether it is a class
            of the model or not. By default the labels.
        group_names: Name of each group, by number; empty if unknown. By default those of the classes.
        targets: What the model is to answer, where the labels are true values: shape ``(sample, …)`` of the
            output, or without its last axis where they are numbers of classes for each place; or None.
        feature_names: Names of the last axis of an input, by input name, as the header of a table has them.
        class_layer: Key of the layer whose units are the classes, where they are known to be.
        specs: What each input is taken for; where that is not known, inputs are drawn as they are.
        outputs: What the model's outputs are, in the order in which they are answered; empty where that is not known.
        rule: How an answer becomes a class, see :func:`core.inputs.labels.answered_classes`.
        judged_output: Which of the outputs labels and targets are about.
    """

    inputs: Mapping[str, np.ndarray] = field(default_factory=dict)
    labels: np.ndarray | None = None
    class_names: tuple[str, ...] = ()
    first: int = 0
    tokens: np.ndarray | None = None
    groups: np.ndarray | None = None
    group_names: tuple[str, ...] = ()
    targets: np.ndarray | None = None
    feature_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    class_layer: str = ""
    specs: tuple[InputSpec, ...] = ()
    outputs: tuple[ModelOutput, ...] = ()
    rule: AnswerRule = "probabilities"
    judged_output: int = 0

    def __post_init__(self) -> None:
        inputs = {
            name: read_only_array(array) if isinstance(array, np.ndarray) else array
            for name, array in self.inputs.items()
        }
        object.__setattr__(self, "inputs", MappingProxyType(inputs))
        object.__setattr__(self, "feature_names", MappingProxyType(dict(self.feature_names)))
        if self.groups is None and self.labels is not None:
            object.__setattr__(self, "groups", self.labels)
            object.__setattr__(self, "group_names", self.class_names)
        for name in ("labels", "tokens", "groups", "targets"):
            given = getattr(self, name)
            object.__setattr__(self, name, None if given is None else read_only_array(np.asarray(given)))

    def __reduce__(self) -> Any:
        known = {each.name: getattr(self, each.name) for each in fields(self)}
        # A view of a mapping cannot be pickled.
        return _context_of, (known | {name: dict(known[name]) for name in ("inputs", "feature_names")},)

    @cached_property
    def drawable(self) -> dict[str, np.ndarray]:
        """What went in as it is drawn: an image is ``(sample, height, width, channel)``, however the model takes it.

        Its pixels are uint8, those of all samples on one scale.
        """
        return drawable(self.inputs, self.specs)

    def inputs_of(self, sample: int) -> dict[str, np.ndarray]:
        """Return what went in for one sample, by input name, each of shape ``(1, …)``: as a model takes it."""
        return {name: array[sample : sample + 1] for name, array in self.inputs.items()}

    def part(self, start: int, stop: int) -> SampleContext:
        """Return what is known about some of these samples, one after another: those from ``start`` to ``stop``."""

        def some(values: np.ndarray | None) -> np.ndarray | None:
            return None if values is None else values[start:stop]

        return replace(
            self,
            inputs={name: array[start:stop] for name, array in self.inputs.items()},
            labels=some(self.labels),
            first=self.first + start,
            tokens=some(self.tokens),
            groups=some(self.groups),
            targets=some(self.targets),
        )


def read_only_array(source: Any) -> np.ndarray:
    """Return a tensor or an array as an array that nobody can write to, without a copy where that can be done."""
    if isinstance(source, np.ndarray) and isinstance(source.base, memoryview) and not source.flags.writeable:
        array = source
    else:
        try:
            # A view of the memory; .numpy() of a tensor would copy it. Nobody can make this view writeable again.
            array = np.asarray(memoryview(source).toreadonly())
        except (TypeError, ValueError, BufferError, NotImplementedError):
            array = source.view() if isinstance(source, np.ndarray) else np.asarray(source.numpy())
    if array.dtype.kind == "O":
        texts = [text_of(item) for item in array.flat]
        array = np.array(texts, dtype=str).reshape(array.shape)
    elif array.dtype.kind == "V" and array.dtype.name == "bfloat16":  # the name takes long, the kind does not
        array = array.astype(np.float32)
    array.flags.writeable = False
    return array


def _context_of(known: Mapping[str, Any]) -> SampleContext:
    return SampleContext(**known)
