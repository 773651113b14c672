"""The forward passes that are made for one visitor's samples: as many at once, and as many layers, as memory allows."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

import numpy as np

from core.common.cache import OnceCache
from core.common.progress import Progress, counted
from core.errors import InputRejected
from core.extraction.activation import Activation, Activations
from core.extraction.extractor import Extractor
from core.extraction.layers import is_input, owner_of
from core.extraction.memory_plan import MemoryPlan, in_groups, plan_memory
from core.extraction.verified import Verification, joined_verifications
from core.inputs.checking import check_sample
from core.inputs.sample_context import SampleContext
from core.inputs.structure import arrange, flat

__all__ = ["SampleBlocks"]


_BLOCKS_KEPT: Final = 2
_LAYERS_KEPT: Final = 4


class SampleBlocks:
    """Runs samples through a model in blocks and keeps the last blocks.

    Where the answers of all layers to even one sample would not fit in the memory budget, only the layer that is
    looked at is kept, with what went into it.

    Args:
        extractor: Holds the model.
        arrays: All samples by input name, the sample axis first.
        context: What is known about the samples besides.
        announce: Called with the activations of each block when it was run.
        budget: Bytes of activations that may be kept at once; by default the limit ``kept_bytes``.

    Attributes:
        extractor: Holds the model.
        context: As given.
    """

    def __init__(
        self,
        extractor: Extractor,
        arrays: Mapping[str, np.ndarray],
        context: SampleContext,
        announce: Callable[[Activations], None],
        budget: int | None = None,
    ) -> None:
        self.extractor = extractor
        self._arrays = arrays
        self.context = context
        self._announce = announce
        self._budget = budget
        self._count = len(next(iter(arrays.values())))
        self._plan: MemoryPlan | None = None
        self._costs: Mapping[str, int | None] = {}
        self._blocks: OnceCache[Activations] = OnceCache(_BLOCKS_KEPT)
        self._inside: OnceCache[Activations] = OnceCache(_LAYERS_KEPT)

    @property
    def plan(self) -> MemoryPlan:
        """How the samples are run; made from what the layers say of their sizes, before anything is run.

        Raises:
            ExtractionFailed: If the model raises.
        """
        if self._plan is None:
            first_sample = self._samples(0, 1)
            self._costs = self.extractor.cost(first_sample)
            if not self._costs or None in self._costs.values():
                # Only a real pass can follow this model, or some layer: one sample says how large its answers are.
                activations = self.extractor.extract(first_sample)
                self._costs = {key: activation.byte_count for key, activation in activations.items()}
            self._plan = plan_memory(self._costs, self._count, self._budget)
        return self._plan

    def cost(self, layer: str) -> int | None:
        """Return how many bytes a layer answers to one sample; None if that is not known before it ran."""
        return self._costs.get(layer) if self.plan else None

    def block_of(self, sample: int, progress: Progress | None = None) -> tuple[Activations, int]:
        """Return the block that holds a sample, and the sample's position in it.

        Args:
            sample: Number of the sample.
            progress: Called with how much of the block is done, while it is run.

        Raises:
            InputRejected: If there is no such sample.
            ExtractionFailed: If the model raises.
        """
        check_sample(sample, self._count)
        start = sample // self.plan.samples_at_once * self.plan.samples_at_once

        def run() -> Activations:
            activations = self._extract(start, None if self.plan.all_layers else (), progress)
            self._announce(activations)
            return activations

        return self._blocks.get(start, run), sample - start

    def answer(self, sample: int, progress: Progress | None = None, output: int = 0) -> tuple[np.ndarray, int]:
        """Return an output of the model for the block that holds a sample, and the sample's position in it.

        Where the output has no row per sample, the sample is run alone: then all of it is that sample's.

        Args:
            sample: Number of the sample.
            progress: Called with how much of the block is done, while it is run.
            output: Which of the model's outputs, in the order in which they are answered.

        Raises:
            InputRejected: If there is no such sample.
            ExtractionFailed: If the model raises.
        """
        block, position = self.block_of(sample, progress)
        answer = _output_of(block, output)
        start = sample - position
        if answer.ndim and len(answer) == self._end(start) - start:
            return answer, position
        alone = self.extractor.extract(self._samples(sample, sample + 1), layers=())
        return _output_of(alone, output)[None], 0

    def answers(
        self, seconds: float, progress: Progress | None = None, output: int = 0, known: np.ndarray | None = None
    ) -> np.ndarray:
        """Return an output of the model for the first samples, shape ``(sample, …)``.

        All samples where one block holds them, as that is run anyway. Else one batch after the other, at least one, as
        long as there is time; none where the output has no row per sample.

        Args:
            seconds: After how long no more are begun.
            progress: Called with how many samples are done.
            output: Which of the model's outputs, in the order in which they are answered.
            known: What was answered to the first of them already.

        Raises:
            InputRejected: If the answers to different samples cannot be brought together.
            ExtractionFailed: If the model raises.
        """
        if self.plan.samples_at_once >= self._count:
            block, _ = self.block_of(0, progress)
            answer = _output_of(block, output)
            return answer if answer.ndim and len(answer) == self._count else np.empty(0, np.float32)
        parts = [] if known is None else [known]
        started, end, size = time.monotonic(), sum(map(len, parts)), self.plan.batch_size
        while end < self._count:
            start, end = end, min(end + size, self._count)
            told = None if progress is None else _from(start, self._count, progress)
            inputs, size = self._samples(start, end), self.plan.batch_size
            found = self.extractor.extract(inputs, layers=(), batch_size=size, progress=told)
            answer = _output_of(found, output)
            if answer.ndim == 0 or len(answer) != end - start or (parts and answer.shape[1:] != parts[0].shape[1:]):
                break
            parts.append(answer)
            if time.monotonic() - started >= seconds:
                break
        return np.concatenate(parts) if parts else np.empty(0, np.float32)

    def activations(self, key: str, count: int) -> Iterator[Activation]:
        """Yield what a layer answered to the first samples, with what went into it: block by block, none kept here.

        Args:
            key: Key of the layer.
            count: How many samples.

        Raises:
            ExtractionFailed: If the model raises.
        """
        if self.plan.samples_at_once >= self._count:
            yield self.activation(key, 0)[0]
            return
        layer = owner_of(key, self.block_of(0)[0].layers)
        before = [] if layer is None else [source for source in layer.inputs_from if not is_input(source)]
        size = self.plan.batch_size
        for start in range(0, count, size):
            end = min(start + size, count)
            known = self.context.part(start, end)
            yield self.extractor.extract(self._samples(start, end), layers=(key, *before), known=known)[key]

    def all_samples(self, layers: Collection[str] | None, internals: bool) -> Activations:
        """Return what layers answer to all samples at once; nothing of it is kept here.

        Raises:
            InputRejected: If there is no such layer.
            ExtractionFailed: If the model raises.
        """
        inputs = arrange(self.extractor.model, self._arrays)
        size = self.plan.batch_size
        try:
            return self.extractor.extract(inputs, layers=layers, internals=internals, batch_size=size)
        except KeyError as error:
            raise InputRejected(str(error.args[0]), remedy="Name layers by their key.") from error

    def activation(self, key: str, sample: int, *, with_internals: bool = False) -> tuple[Activation, int]:
        """Return what a layer answered to the block that holds a sample, and the sample's position in it.

        Args:
            key: Key of a layer, or of an internal such as ``"lstm:cell_state"``.
            sample: Number of the sample.
            with_internals: Whether what the layer keeps to itself is needed too.

        Raises:
            InputRejected: If there is no such layer, or it has no values.
            ExtractionFailed: If the model raises.
        """
        block, position = self.block_of(sample)
        layer = owner_of(key, block.layers)
        # An unknown key, and one without values, say so themselves.
        if layer is not None and not layer.missing and (key != layer.key or with_internals or not self.plan.all_layers):
            internals = layer.internals if key != layer.key or with_internals else ()
            keys = (layer.key, *internals, *(source for source in layer.inputs_from if not is_input(source)))
            start = sample - position
            block = self._inside.get((start, keys), lambda: self._extract(start, keys, None))
        try:
            return block[key], position
        except KeyError as error:
            raise InputRejected(str(error.args[0]), remedy="Choose another layer.") from error

    def verify(self, progress: Progress | None = None) -> Verification:
        """Run each layer again on what the first samples gave it, see :meth:`.Activations.verify`.

        Where the answers of all layers do not fit in memory, layers are recorded and run again some at a time, with the
        first sample.

        Raises:
            ExtractionFailed: If the model raises.
        """
        tell = counted(progress)
        if self.plan.all_layers:
            return self.block_of(0)[0].verify(progress=tell)
        groups = list(in_groups(self._costs, self._costs.values(), self.plan.budget // 2))
        parts = []
        for number, group in enumerate(groups):
            parts.append(self.extractor.extract(self._samples(0, 1), layers=group).verify(samples=1))
            if tell:
                tell(number + 1, len(groups))
        return joined_verifications(parts)

    def _extract(self, start: int, layers: Collection[str] | None, progress: Progress | None) -> Activations:
        end = self._end(start)
        return self.extractor.extract(
            self._samples(start, end),
            layers=layers,
            batch_size=self.plan.batch_size,
            progress=counted(progress),
            first=start,
            known=self.context.part(start, end),
        )

    def _end(self, start: int) -> int:
        return min(start + self.plan.samples_at_once, self._count)

    def _samples(self, start: int, end: int) -> Any:
        part = {name: array[start:end] for name, array in self._arrays.items()}
        return arrange(self.extractor.model, part)


def _from(start: int, count: int, progress: Progress) -> Callable[[int, int], None]:
    tell = counted(progress)
    return lambda done, _: tell(start + done, count) if tell else None


def _output_of(block: Activations, position: int) -> np.ndarray:
    return np.asarray(flat(block.output)[position])
