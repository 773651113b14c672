"""``layerscope.Record``: a callback that keeps what layers did while they were trained.

A class of Keras, so this module imports Keras, which a person who names it has anyway.
"""

from __future__ import annotations

import logging
import math
import os
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import keras
from pydantic import ByteSize, TypeAdapter

from core.common.nested_layers import all_layers
from core.common.text import first_line
from core.errors import InputRejected
from core.training.watched_training import RecordSettings, WatchedTraining

__all__ = ["Record"]

_KEPT_BYTES: Final = 1_000_000_000
_log = logging.getLogger("layerscope")


class Record(keras.callbacks.Callback):
    """Records a training: what every layer answers to a few fixed samples, again and again while the model learns.

    ``model.fit(…, callbacks=[layerscope.Record(x_val[:32], y_val[:32])])``, or in a loop of one's own::

        with layerscope.Record(x_val[:32], y_val[:32], loss=loss_function) as record:
            for batch in batches:
                train(batch)
                record.step(model, {"loss": loss})

    The training is left as it is: to the last bit the same weights, metrics and random numbers as without. An error
    while recording is told once and does not end it; only what is refused before the first batch is raised.
    :func:`layerscope.open_run` reads the run, while it is still written too.

    Args:
        samples: Samples as the model takes them, the sample axis first, 32 or so; or a dataset or generator that ends,
            such as ``dataset.take(1)``, with labels or without.
        labels: What they are to be answered with, as the loss takes it, where the samples do not bring that; without
            labels no gradients are recorded.
        path: Folder of the run. A training of the same model that was killed goes on there.
        every: Batches between two steps that are recorded; the end of each epoch is recorded too.
        activations: Keys of layers whose whole answers are kept, for :meth:`layerscope.Run.similarity` and pictures.
        activations_every: Batches between two steps at which they are; None for the end of each epoch.
        weights_every: Batches between two steps at which the weights are kept, so that pictures can be made of the
            model as it was; None for the end of each epoch, 0 for never.
        class_names: What classes are called.
        loss: Takes labels and what the model answers, where the model was not compiled with a loss.
        kept_bytes: What weights may take on the disk, and what whole answers may take: a number or ``"2GB"``. When
            that is reached, every second step is let go.
        overwrite: Whether a run that is there is written over, whatever it is of.

    Raises:
        InputRejected: If ``every`` or ``kept_bytes`` is no such number.
    """

    def __init__(  # noqa: PLR0913 - public: what is recorded, each by its name
        self,
        samples: Any,
        labels: Any = None,
        path: str | os.PathLike[str] = "run.layerscope",
        every: int = 50,
        *,
        activations: Sequence[str] = (),
        activations_every: int | None = None,
        weights_every: int | None = None,
        class_names: Sequence[str] | None = None,
        loss: Callable[[Any, Any], Any] | None = None,
        kept_bytes: int | str = _KEPT_BYTES,
        overwrite: bool = False,
    ) -> None:
        super().__init__()
        for name, value in (("every", every), ("activations_every", activations_every)):
            if value is not None and value < 1:
                raise InputRejected(f"{name} is {value}.", remedy="It is a number of batches, at least 1.")
        self._settings = RecordSettings(
            samples=samples,
            labels=labels,
            folder=Path(path),
            every=every,
            activations=(activations,) if isinstance(activations, str) else tuple(activations),
            class_names=tuple(map(str, class_names or ())),
            loss=loss,
            kept_bytes=_byte_count(kept_bytes),
            overwrite=overwrite,
        )
        self._activations_every = activations_every
        self._weights_every = weights_every
        self._training: WatchedTraining | None = None
        self._is_off = False
        self._is_loss_finite = True
        self._is_first = False
        self._step = self._step_at_epoch = self._epoch = 0

    @property
    def path(self) -> Path:
        """Folder of the run."""
        return self._settings.folder

    def step(self, model: keras.Model, logs: Mapping[str, Any] | None = None, *, epoch: int | None = None) -> None:
        """Note that a batch was trained, in a loop of one's own.

        Args:
            model: The model.
            logs: Numbers of the training, such as ``{"loss": 0.3}``.
            epoch: How many epochs are complete. Where it is not said, weights are kept at the first step and at the
                end, and as ``weights_every`` says.

        Raises:
            InputRejected: The first time, if the samples do not fit, or the path holds something else.
        """
        self._is_first |= self._training is None
        self._begin(model)
        is_epoch_end = epoch is not None and epoch > self._epoch
        self._epoch = self._epoch if epoch is None else epoch
        self._go_to(self._step + 1, logs, is_epoch_end=is_epoch_end)

    def close(self, *, is_complete: bool = True) -> None:
        """Write what is left; the end of a training in a loop of one's own.

        Args:
            is_complete: Whether the training came to its end.
        """
        self._carry_on(lambda training: self._finish(training, None, is_complete=is_complete))

    def __enter__(self) -> Record:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close(is_complete=kind is None)

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Look at the model before the first batch; one that is built by that batch, after it."""
        if _is_built(self.model):
            self._begin(self.model)
        self._step_at_epoch = self._step
        self._carry_on(lambda training: training.take_what_is_compiled())
        self._carry_on(lambda training: self._look(training, logs, self._step, is_epoch_end=False, is_kept=True))

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Count the batches of an epoch."""
        self._step_at_epoch, self._epoch = self._step, epoch

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Look at the model if it is time to."""
        if self._training is None and not self._is_off:
            self._begin(self.model)
            self._step_at_epoch = self._step
            self._is_first = True
        # Where several batches are one execution, Keras tells the number of the last of them.
        self._go_to(self._step_at_epoch + batch + 1, logs)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Look at the model, and note what validation told."""
        self._epoch = epoch + 1
        self._carry_on(lambda training: self._look(training, logs, self._step, is_epoch_end=True))

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Write what is left."""
        self._carry_on(lambda training: self._finish(training, logs, is_complete=True))

    def _begin(self, model: keras.Model) -> None:
        """Open the run, once; what is refused is raised, since no batch is lost by it."""
        if self._is_off or (self._training is not None and self._training.model is model):
            return
        try:
            self._training = WatchedTraining(model, self._settings)
        except InputRejected:
            raise
        except Exception as error:
            self._switch_off(error)
            return
        self._step = max(self._step, self._training.first_step)
        self._epoch = max(self._epoch, self._training.first_epoch)
        weakref.finalize(self, self._training.write_rest)

    def _go_to(self, step: int, logs: Mapping[str, Any] | None, *, is_epoch_end: bool = False) -> None:
        before, self._step = self._step, step
        was_finite, self._is_loss_finite = self._is_loss_finite, _is_loss_finite(logs)
        # The step at which the loss stops being a number is told, whether it is due or not.
        is_looked_at = self._is_first or is_epoch_end or (was_finite and not self._is_loss_finite)
        every = (self._settings.every, self._weights_every, self._activations_every)
        if is_looked_at or any(_is_due(batches, before, step) for batches in every):
            is_kept, self._is_first = self._is_first, False
            self._carry_on(lambda training: self._look(training, logs, before, is_epoch_end, is_kept=is_kept))

    def _look(
        self,
        training: WatchedTraining,
        logs: Mapping[str, Any] | None,
        before: int,
        is_epoch_end: bool,
        *,
        is_kept: bool = False,
    ) -> None:
        """Record the model as it is now.

        Args:
            training: The training.
            logs: Its own numbers.
            before: The step that was looked at, or gone by, before.
            is_epoch_end: Whether an epoch is complete.
            is_kept: Whether weights and answers are kept, whether it is time to or not.
        """
        training.record(self._step, self._epoch, logs)
        for every, keep in (
            (self._weights_every, training.keep_weights),
            (self._activations_every, training.keep_activations),
        ):
            is_due = is_epoch_end if every is None else _is_due(every, before, self._step)
            if every != 0 and (is_kept or is_due):
                keep()
        training.flush_if_due()

    def _finish(self, training: WatchedTraining, logs: Mapping[str, Any] | None, *, is_complete: bool) -> None:
        training.record(self._step, self._epoch, logs)
        if self._weights_every != 0:
            training.keep_weights(is_last=True)
        training.keep_activations()
        training.flush(is_complete=is_complete)

    def _carry_on(self, act: Callable[[WatchedTraining], None]) -> None:
        """Do something that must not end the training, whatever comes of it."""
        if self._is_off or self._training is None:
            return
        try:
            act(self._training)
        except Exception as error:
            self._switch_off(error)

    def _switch_off(self, error: Exception) -> None:
        self._is_off = True
        _log.warning(
            "The training is not recorded any further, and goes on: %s (%s). What was recorded is in %s.",
            first_line(error, "no reason was told"),
            type(error).__name__,
            self.path,
            exc_info=_log.isEnabledFor(logging.DEBUG),
        )


def _is_built(model: keras.Model) -> bool:
    # A pass of ours would build what Keras is about to, and with other random numbers.
    return all(layer.built for layer in (model, *all_layers(model)))


def _is_due(every: int | None, before: int, step: int) -> bool:
    return every is not None and every > 0 and step // every > before // every


def _is_loss_finite(logs: Mapping[str, Any] | None) -> bool:
    loss = (logs or {}).get("loss")
    try:
        return loss is None or math.isfinite(float(loss))
    except (TypeError, ValueError):
        return True


def _byte_count(size: int | str) -> int:
    try:
        return int(TypeAdapter(ByteSize).validate_python(size))
    except ValueError as error:
        raise InputRejected(f"kept_bytes is {size!r}.", remedy="It is a number, or a size such as '2GB'.") from error
