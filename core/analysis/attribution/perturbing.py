"""Runs changed copies of one sample through a model: its inputs changed, or what an embedding made of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from core.analysis.attribution.gradient_entry import GradientEntry
from core.analysis.attribution.gradient_pass import Change, PassResult, PassSpec, run_pass
from core.analysis.attribution.targets import Target
from core.common.progress import Progress
from core.errors import InputRejected, NoGradient
from core.extraction.extractor import Extractor
from core.extraction.layers import input_key, input_name, is_input
from core.inputs import structure
from core.inputs.structure import arrange

__all__ = ["Perturber"]
_BYTES_AT_ONCE: Final = 8_000_000
_MOST_AT_ONCE: Final = 64


@dataclass(frozen=True)
class Perturber:
    """One sample, of which changed copies are run.

    Attributes:
        extractor: Holds the model.
        inputs: The sample by input name, the sample axis first, of extent 1.
        target: What is explained.
        keys: The entries that are changed: inputs, or layers that inputs first become real numbers in.
        shuffled: Seed by which the model's weights are shuffled; None takes them as they are.
    """

    extractor: Extractor
    inputs: Mapping[str, np.ndarray]
    target: Target
    keys: tuple[str, ...]
    shuffled: int | None = None

    @staticmethod
    def at(
        extractor: Extractor,
        inputs: Any,
        target: Target,
        entries: GradientEntry,
        *,
        with_gradient: bool = True,
        shuffled: int | None = None,
    ) -> Perturber:
        """Return what changes a sample where it can be changed.

        Args:
            extractor: Holds the model.
            inputs: The sample, in the model's own structure.
            target: What is explained.
            entries: Where its gradient can be taken; where there is none, what is real can be changed all the same.
            with_gradient: Whether a gradient is taken, so that only what has one is changed.
            shuffled: Seed by which the model's weights are shuffled.

        Raises:
            InputRejected: If there is more than one sample.
            NoGradient: If there is nothing that could be changed.
        """
        named = dict(structure.named_arrays(extractor.model, inputs))
        if any(len(array) != 1 for array in named.values()):
            raise InputRejected("One sample is explained at a time.", remedy="Give inputs with one sample.")
        real = tuple(input_key(name) for name, array in named.items() if array.dtype.kind == "f")
        keys = (entries.keys or real) if with_gradient else entries.changeable or entries.keys or real
        if not keys:
            raise NoGradient("Nothing that goes into this model can be changed a little.", remedy=entries.stopped_by)
        return Perturber(extractor, named, target, keys, shuffled)

    @property
    def values(self) -> dict[str, np.ndarray]:
        """What comes at each entry for the sample itself, shape ``(…)`` without the sample axis."""
        inside = [key for key in self.keys if not is_input(key)]
        values = {key: self.inputs[input_name(key)][0].astype(np.float32) for key in self.keys if is_input(key)}
        if inside:
            result = run_pass(self.extractor, self._arranged(self.inputs), PassSpec(kept=tuple(inside)))
            values |= {key: result.values[key][0] for key in inside}
        return values

    def objectives(
        self, scale: Mapping[str, np.ndarray], shift: Mapping[str, np.ndarray], progress: Progress | None = None
    ) -> np.ndarray:
        """Return what the target amounts to for changed copies, shape ``(copy,)``; see :meth:`run`."""
        return np.concatenate([result.objective for result in self.run(scale, shift, (), progress)])

    def run(
        self,
        scale: Mapping[str, np.ndarray],
        shift: Mapping[str, np.ndarray],
        points: tuple[str, ...],
        progress: Progress | None = None,
        with_answer: bool = False,
    ) -> list[PassResult]:
        """Run changed copies: at each entry what came is multiplied, then added to.

        Args:
            scale: By entry, shape ``(copy, …)``; broadcasts to the values there.
            shift: Likewise.
            points: Where the gradient is taken.
            progress: Called with how much is done.
            with_answer: Whether to return what the model answers.

        Returns:
            The results of the batches, in order.
        """
        count = len(next(iter(scale.values())))
        size = self.at_once
        inside = tuple(key for key in self.keys if not is_input(key))
        spec = PassSpec.of(self.target, points=points, shuffled=self.shuffled, with_answer=with_answer, changed=inside)
        results = []
        for start in range(0, count, size):
            stop = min(start + size, count)
            batch = {name: np.repeat(array, stop - start, axis=0) for name, array in self.inputs.items()}
            for key in self.keys:
                if is_input(key):
                    name = input_name(key)
                    moved = self.inputs[name] * scale[key][start:stop] + shift[key][start:stop]
                    batch[name] = np.ascontiguousarray(np.broadcast_to(moved, batch[name].shape), np.float32)
            changes = [Change(key, scale[key][start:stop], shift[key][start:stop]) for key in inside]
            results.append(run_pass(self.extractor, self._arranged(batch), spec, target=self.target, changes=changes))
            if progress:
                progress(stop / count, f"{stop:,} of {count:,} changed copies")
        return results

    @property
    def at_once(self) -> int:
        """How many changed copies are run in one batch."""
        largest = max(math.prod(array.shape[1:]) * 4 for array in self.inputs.values())
        return int(np.clip(_BYTES_AT_ONCE // max(largest, 1), 1, _MOST_AT_ONCE))

    def _arranged(self, named: Mapping[str, np.ndarray]) -> Any:
        return arrange(self.extractor.model, dict(named))
