"""Whether a run begins anew, or goes on with one that is there: the same model, the same samples, the same training."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from core.common.text import safe_name
from core.errors import InputRejected
from core.training.ledger import RunDescription
from core.training.places import MODEL
from core.training.run import Run, open_run

__all__ = ["RunStart", "start_of_run"]

_OTHERWISE = "Name another path, or write over it: layerscope.Record(…, overwrite=True)."


class RunStart(NamedTuple):
    """How a run begins.

    Attributes:
        description: Of what it is a record.
        earlier: The run that is gone on with; None where one is begun.
    """

    description: RunDescription
    earlier: Run | None


def start_of_run(
    folder: Path, description: RunDescription, *, overwrite: bool, goes_on: Callable[[Run], bool]
) -> RunStart:
    """Return how a run begins, after what is there was found to be one that it may go on with.

    Args:
        folder: Of the run.
        description: Of the model and the samples as they are.
        overwrite: Whether a run that is there is written over.
        goes_on: Returns whether the model that is trained comes from the training of a run that came to its end.

    Raises:
        InputRejected: If the folder holds something else, or the run of something else.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return RunStart(description, None)
    name = safe_name(folder.name)
    try:
        earlier = open_run(folder)
    except InputRejected as error:
        raise InputRejected(
            f"{name} is there and is no recorded training that can be read.",
            remedy="Name another path: layerscope.Record(…, path=…).",
        ) from error
    if overwrite:
        shutil.rmtree(folder)
        return RunStart(description, None)
    if not len(earlier.steps):
        (folder / MODEL).unlink(missing_ok=True)
        return RunStart(description, None)
    known = earlier.description
    if _structure(known) != _structure(description):
        raise InputRejected(f"{name} is the recorded training of another model.", remedy=_OTHERWISE)
    if known.samples_digest != description.samples_digest:
        raise InputRejected(f"{name} was recorded with other samples or labels.", remedy=_OTHERWISE)
    if earlier.complete and not goes_on(earlier):
        raise InputRejected(
            f"{name} is a training that came to its end, and this model does not go on from there.", remedy=_OTHERWISE
        )
    # Names that Keras made up, as of the third model in a process, say nothing: those of the beginning stay.
    return RunStart(known.model_copy(update={"every": description.every, "notes": description.notes}), earlier)


def _structure(description: RunDescription) -> object:
    layers = [(layer.type_name, layer.unit_count, layer.holds_layers) for layer in description.layers]
    return layers, [(weight.shape, weight.dtype) for weight in description.weights]
