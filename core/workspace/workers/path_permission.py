"""Whether a file may be opened by its path, which only some servers let their visitors do."""

from __future__ import annotations

import os
from typing import Any

from core.common.limits import Limits
from core.errors import InputRejected
from core.workspace.app_command import MODEL_VARIABLE

__all__ = ["refuse_path"]


def refuse_path(source: Any, limits: Limits, what: str) -> None:
    """Refuse a path where visitors may name none; what the server was started with is its owner's choice.

    Args:
        source: The path; content of a file is never refused.
        limits: Say whether paths may be named.
        what: What to upload instead, such as ``"the file"``.

    Raises:
        InputRejected: If it may not be opened.
    """
    if not isinstance(source, bytes) and not limits.paths and source != os.environ.get(MODEL_VARIABLE):
        raise InputRejected("This server opens no files by their path.", remedy=f"Upload {what} instead.")
