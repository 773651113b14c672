"""What a person is told of a model that raised during a pass."""

from __future__ import annotations

import re
import traceback
from pathlib import Path
from typing import Any, Final

from core.common.memory import ran_out_of_memory
from core.errors import ExtractionFailed
from core.extraction.recorder import Recorder

__all__ = ["failure"]

_ESCAPES: Final = re.compile(r"\x1b\[[0-9;]*m")


def failure(model: Any, recorder: Recorder | None, error: Exception) -> ExtractionFailed:
    """Return the error to raise where a model raised, in words of ours."""
    if isinstance(error, ExtractionFailed):
        return error
    where = f"layer {recorder.failed.key!r} of " if recorder and recorder.failed else ""
    if ran_out_of_memory(error):
        return ExtractionFailed(
            f"{where}{model.name!r} needs more memory than there is.", remedy="Try fewer samples or a smaller input."
        )
    # Keras puts a line about its own call in front of what really happened, and colours that.
    lines = [_ESCAPES.sub("", line).strip() for line in str(error).splitlines()]
    told = [line for line in lines if line and not line.startswith("Exception encountered when calling")]
    if told and told[0].startswith("Arguments received by"):
        told = []  # and behind it what it was called with
    # A functional model prints the whole input first, and then what it expected.
    reason = told[0] if told else _place_of(error)
    if "Expected shape" in " ".join(told):
        reason = "Expected shape" + " ".join(told).partition("Expected shape")[2]
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
