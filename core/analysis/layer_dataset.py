"""All samples of a dataset, as one layer answers them: what a visualizer asks for that draws many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from core.analysis.projection import Pooling, features_of
from core.common.cache import OnceCache
from core.common.limits import format_limit, get_limits
from core.common.progress import Progress
from core.common.text import NOT_KNOWN, class_name, sample_with_class
from core.errors import InputRejected
from core.extraction.activation import Activation
from core.inputs.labels import answered_classes
from core.inputs.spec import drawable

if TYPE_CHECKING:
    from core.extraction.extractor import Extractor
    from core.inputs.datasets import Dataset

__all__ = ["FEATURES_KEPT", "LayerDataset"]

_BATCH_SIZE: Final = 16
FEATURES_KEPT: Final = 3
"""For how many layers or poolings the features are kept: they can be large."""


class LayerDataset:
    """All samples, of which an activation holds some.

    Args:
        activation: What a layer answered to some of the samples, one after another.
        dataset: All of them; None where the activation holds all there are.
        extractor: Holds the model; needed with a dataset.
        kept: Where features are kept, shared by those who draw the same layer.
    """

    def __init__(
        self,
        activation: Activation,
        dataset: Dataset | None = None,
        extractor: Extractor | None = None,
        kept: OnceCache[Any] | None = None,
    ) -> None:
        self._activation = activation
        self._dataset = dataset
        self._extractor = extractor
        self._kept: OnceCache[Any] = kept or OnceCache(FEATURES_KEPT)

    @property
    def is_whole(self) -> bool:
        """Whether the activation holds all samples."""
        return self._dataset is None or self._dataset.sample_count == len(self._activation.values)

    @property
    def first(self) -> int:
        """Number of the first sample; not 0 only where no others are known than those of the activation."""
        return self._activation.context.first if self._dataset is None else 0

    @property
    def sample_count(self) -> int:
        """How many samples there are."""
        return self._activation.shape[0] if self._dataset is None else self._dataset.sample_count

    @property
    def labels(self) -> np.ndarray | None:
        """Class of each sample in the model's output, shape ``(sample,)``, -1 where it is of none; None if unknown.

        Only by these an answer is right or wrong; what to colour and group by is :attr:`groups`.
        """
        return self._activation.context.labels if self._dataset is None else self._dataset.labels

    @property
    def class_names(self) -> tuple[str, ...]:
        """Name of each class; empty if unknown."""
        return self._activation.context.class_names if self._dataset is None else self._dataset.class_names

    @property
    def groups(self) -> np.ndarray | None:
        """Group of each sample, a number in ``group_names``, shape ``(sample,)``: its label; None if unknown."""
        return self._activation.context.groups if self._dataset is None else self._dataset.groups

    @property
    def group_names(self) -> tuple[str, ...]:
        """Name of each group; empty if unknown."""
        return self._activation.context.group_names if self._dataset is None else self._dataset.group_names

    @property
    def targets(self) -> np.ndarray | None:
        """What the model is to answer to each sample, shape ``(sample, output)``; None if unknown."""
        return self._activation.context.targets if self._dataset is None else self._dataset.targets

    def class_named(self, number: int) -> str:
        """Return the name of a class."""
        return class_name(number, self.class_names)

    def classes_named(self, numbers: np.ndarray) -> np.ndarray:
        """Return the names of classes, shape ``(sample,)``, of a million in no time."""
        return _named(numbers, self.class_names)

    def short_name(self, position: int) -> str:
        """Return what a person knows one of the samples by where there is little room: ``"12 (cat)"``, or ``"12"``."""
        group = "" if self.groups is None else class_name(int(self.groups[position]), self.group_names)
        return sample_with_class(position + self.first, group)

    def table(self) -> pd.DataFrame:
        """Return a row per sample: its number in ``sample``, its label in ``class``."""
        classes = NOT_KNOWN if self.groups is None else _named(self.groups, self.group_names)
        return pd.DataFrame({"sample": np.arange(self.sample_count) + self.first, "class": classes})

    def number_of(self, position: int) -> int:
        """Return the number of the sample that is at a position of the activation."""
        return self._activation.context.first + position - self.first

    def of_layer(self, activation: Activation) -> LayerDataset:
        """Return the same samples as another layer answers them.

        Args:
            activation: What that layer answered to the same samples as the activation here.
        """
        return LayerDataset(activation, self._dataset, self._extractor, self._kept)

    def features(self, pooling: Pooling, progress: Progress | None = None) -> np.ndarray:
        """Return one row of numbers per sample, shape ``(sample, feature)``, see :func:`projection.features_of`.

        Raises:
            ValueError: If they would need more memory than is kept at once.
            InputRejected: If the layer answers more numbers to some samples than to others.
        """
        return self._answers(pooling, progress)[0]

    def predictions(self, pooling: Pooling = "mean", progress: Progress | None = None) -> np.ndarray | None:
        """Return the class that the model answers to each sample; None if it tells no classes apart.

        Args:
            pooling: Of the features that are asked for too, so that the samples are run once.
            progress: Called with how much is done.
        """
        return self._answers(pooling, progress)[1]

    def answered_classes(self, answers: np.ndarray) -> np.ndarray | None:
        """Return the class of each answer of the model, shape ``(sample,)``; None if it tells no classes apart.

        Args:
            answers: What the model answered, its first output, shape ``(sample, …)``.
        """
        if self._dataset is not None:
            rule = self._dataset.answer_rule
        else:
            rule = "probabilities" if self.labels is None and not self.class_names else "largest"
        return answered_classes(answers, rule, self.class_names)

    def inputs(self, samples: Sequence[int]) -> dict[str, np.ndarray]:
        """Return what went in for some samples, by input name."""
        if self._dataset is None:
            return {name: array[list(samples)] for name, array in self._activation.context.inputs.items()}
        return self._dataset.take(samples)

    def drawable(self, samples: Sequence[int]) -> dict[str, np.ndarray]:
        """Return what went in for some samples as it is drawn, images as ``(sample, height, width, channel)``."""
        return drawable(self.inputs(samples), self._activation.context.specs)

    def activation(self, samples: Sequence[int]) -> Activation:
        """Return what the layer answers to some samples, in their order."""
        if self._dataset is None or self._extractor is None:
            held = self._activation
            return held.mapped(lambda values: values[list(samples)], None if held.mask is None else held.mask[samples])
        from core.inputs.structure import arrange

        key = self._activation.key
        given = arrange(self._extractor.model, self.inputs(samples))
        return self._extractor.extract(given, layers=[key], batch_size=_BATCH_SIZE)[key]

    def _answers(self, pooling: Pooling, progress: Progress | None) -> tuple[np.ndarray, np.ndarray | None]:
        key = (self._activation.key, pooling)
        return self._kept.get(key, lambda: self._run(pooling, progress))

    def _run(self, pooling: Pooling, progress: Progress | None) -> tuple[np.ndarray, np.ndarray | None]:
        if self._dataset is None or self._extractor is None:
            output = self._activation.activations.output if self._activation.activations else None
            return features_of(self._activation, pooling), self._classes(output, self.sample_count)
        from core.inputs.structure import arrange

        key, count = self._activation.key, self._dataset.sample_count
        rows: np.ndarray | None = None
        predicted: list[np.ndarray] = []
        for start in range(0, count, _BATCH_SIZE):
            stop = min(start + _BATCH_SIZE, count)
            given = arrange(self._extractor.model, self._dataset.batch(start, stop))
            found = self._extractor.extract(given, layers=[key])
            part = features_of(found[key], pooling)
            if rows is None:
                rows = self._room(count, part)
            elif part.shape[1] != rows.shape[1]:
                raise InputRejected(
                    f"{key} answers {rows.shape[1]:,} numbers to some samples and {part.shape[1]:,} to others.",
                    remedy="Take the mean or maximum of each unit, or samples of one size.",
                )
            rows[start:stop] = part
            classes = self._classes(found.output, stop - start)
            if classes is not None:
                predicted.append(classes)
            if progress:
                progress(0.3 * stop / count, f"{stop:,} of {count:,} samples")
        assert rows is not None
        return rows, np.concatenate(predicted) if predicted else None

    def _classes(self, output: Any, count: int) -> np.ndarray | None:
        # Of several outputs none is called the answer here.
        is_one = isinstance(output, np.ndarray) and output.shape[:1] == (count,)
        return self.answered_classes(output) if is_one else None

    def _room(self, count: int, part: np.ndarray) -> np.ndarray:
        most = get_limits().kept_bytes
        if count * part[0].nbytes > most:
            raise ValueError(
                f"{count:,} samples of {part.shape[1]:,} numbers each need more than {format_limit(most)} of memory"
            )
        return np.empty((count, part.shape[1]), part.dtype)


def _named(numbers: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    found, at = np.unique(numbers, return_inverse=True)
    return np.array([class_name(int(number), names) for number in found], dtype=object)[at]
