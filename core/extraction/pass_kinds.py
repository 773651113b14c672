"""What tells one pass of an extraction from another: what it is compiled by, and what goes in beside the inputs."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from core.extraction.call_arguments import KeptCall
from core.extraction.clamping import Clamp, ClampTensors
from core.extraction.recorded_pass import Recording, Selection
from core.extraction.sample_axes import SampleAxis

__all__ = ["NO_NUMBERS", "PassDescription", "PassKind", "PassNumbers", "PassOutputs", "PassSettings"]

_SEEDS: Final = 2**31 - 1


@dataclass(frozen=True)
class PassKind:
    """What a pass keeps and how it is made; passes of the same kind are compiled once for each signature.

    Attributes:
        selection: What is kept.
        training: Whether layers such as Dropout behave as in training; a seed goes in beside the inputs then.
        sample_axes: How samples lie in what some layers answer, by key; where answers are reduced.
        is_clamped: Whether units are set to values, which go in beside the inputs then.
        keeps_arguments: Whether what the kept layers were called with is kept too.
    """

    selection: Selection
    training: bool = False
    sample_axes: frozenset[tuple[str, SampleAxis]] = frozenset()
    is_clamped: bool = False
    keeps_arguments: bool = False


class PassNumbers(NamedTuple):
    """What differs from pass to pass of one kind, and goes in as tensors beside the inputs.

    Attributes:
        seed: By which layers draw their random numbers in training.
        clamp: Units that are set to values; none where the kind is not clamped.
    """

    seed: int = 0
    clamp: Clamp = MappingProxyType({})

    @property
    def seed_in_graph(self) -> int:
        """The seed as a pass takes it, whose generators hold no larger numbers."""
        return self.seed % _SEEDS

    def tensors(self, kind: PassKind) -> tuple[Any, ...]:
        """Return them as a pass of a kind takes them, see :class:`core.extraction.extractor.Extractor`."""
        import tensorflow as tf

        seeds = (tf.constant(self.seed_in_graph, tf.int64),) if kind.training else ()
        return (*seeds, *(ClampTensors.of(self.clamp) if kind.is_clamped else ()))


NO_NUMBERS: Final = PassNumbers()


class PassOutputs(NamedTuple):
    """The tensors of one pass, see :class:`core.extraction.recorded_pass.Batch`."""

    tensors: list[Any]
    masks: list[Any]
    tokens: Any
    answer: Any
    called_with: list[Any]


@dataclass(frozen=True)
class PassDescription:
    """What the outputs of a pass are; ``recording`` is without its tensors, which belong to whoever runs the pass.

    ``can_be_clamped`` are keys of outputs in which units could be set; ``calls`` are those whose arguments were kept.
    """

    recording: Recording
    may_fold: bool
    can_be_clamped: frozenset[str] = frozenset()
    calls: tuple[KeptCall, ...] = ()


@dataclass(frozen=True)
class PassSettings:
    """How activations came about, so that the same pass can be made again.

    Attributes:
        inputs: What the model was given, arrays in its own structure.
        training: Whether layers behaved as in training.
        seed: By which they drew random numbers then.
        clamp: Units that were set to values; None where the pass was not made for that.
        batch_size: How many samples went through the model at once.
    """

    inputs: Any
    training: bool
    seed: int
    clamp: Clamp | None
    batch_size: int
