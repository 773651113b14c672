"""What a person is told of a model that raised during a pass."""

from __future__ import annotations

import re
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from core.common.memory import ran_out_of_memory
from core.common.nested_layers import all_layers
from core.common.text import count_text
from core.errors import ExtractionFailed
from core.extraction.recorder import Recorder

__all__ = ["failure", "fixed_sample_count"]

_ESCAPES: Final = re.compile(r"\x1b\[[0-9;]*m")


def fixed_sample_count(model: Any, inputs: Sequence[Any] = ()) -> int | None:
    """Return how many samples a model takes where it does not take any number: states are kept per sample.

    Args:
        model: The model.
        inputs: What it is given, tensors or their specifications, where that is known.
    """
    import keras

    sources = [*inputs, *(getattr(model, "inputs", None) or ())]
    for layer in all_layers(model):
        if getattr(layer, "stateful", False):
            sources += keras.tree.flatten(getattr(layer, "states", None) or ())
    return next((int(source.shape[0]) for source in sources if len(source.shape) and source.shape[0]), None)


def failure(
    model: Any, recorder: Recorder | None, error: Exception, sample_count: int | None = None
) -> ExtractionFailed:
    """Return the error to raise where a model raised, in words of ours.

    Args:
        model: The model.
        recorder: Followed the pass, where one did.
        error: What was raised.
        sample_count: How many samples it was given; None where that is not known.
    """
    if isinstance(error, ExtractionFailed):
        return error
    fixed = fixed_sample_count(model)
    if fixed is not None and sample_count not in (None, fixed):
        return ExtractionFailed(
            f"The batch size of {model.name!r} is fixed: it takes {count_text(fixed, 'sample')} at a time and no other "
            f"number, here {sample_count}.",
            remedy="A model with the same weights that is built without a batch size takes any number.",
        )
    where = f"layer {recorder.failed.key!r} of " if recorder and recorder.failed else ""
    if ran_out_of_memory(error):
        return ExtractionFailed(
            f"{where}{model.name!r} needs more memory than there is.", remedy="Try fewer samples or a smaller input."
        )
    # Of a KeyError the text is what was said, quoted.
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    # Keras puts a line about its own call in front of what really happened, and colours that.
    lines = [_ESCAPES.sub("", line).strip() for line in text.splitlines()]
    told = [line for line in lines if line and not line.startswith("Exception encountered when calling")]
    if told and told[0].startswith("Arguments received by"):
        told = []  # and behind it what it was called with
    # A functional model prints the whole input first, and then what it expected.
    reason = told[0] if told else _place_of(error)
    # Of what is in a graph TensorFlow says first where it was made, and behind what happened its name.
    names = [at for at, line in enumerate(told) if at and line.startswith("[[{{node")]
    if reason.startswith("Graph execution error") and names:
        reason = told[names[0] - 1]
    if "Expected shape" in " ".join(told):
        reason = "Expected shape" + " ".join(told).partition("Expected shape")[2]
    if isinstance(error, KeyError):
        return ExtractionFailed(
            f"{where}{model.name!r} raised KeyError: there is no {reason!r}.",
            remedy="If that is an input, give a dict with an array under each name that the model asks for.",
        )
    return ExtractionFailed(
        f"{where}{model.name!r} raised {type(error).__name__}: {reason}",
        remedy="Compare the shape and type of the input with what that layer expects.",
    )


def _place_of(error: Exception) -> str:
    # An assertion without words says only by its line what did not hold.
    frames = traceback.extract_tb(error.__traceback__)
    if not frames or not frames[-1].line:
        return "no message"
    return f"no message, at line {frames[-1].lineno} of {Path(frames[-1].filename).name}: {frames[-1].line}"
