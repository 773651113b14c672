"""What a page asks about model files that are not opened; what is open stays as it is."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from core.common.limits import get_limits
from core.common.text import safe_name
from core.models.copies import copy_apart, files_together
from core.workspace.file_report.report import report_file
from core.workspace.file_report.results import FileReport
from core.workspace.model_names import file_name

__all__ = ["look_at_file", "look_at_files"]


def look_at_file(
    source: str | os.PathLike[str] | bytes, name: str = "", member: str = "", weights: str = ""
) -> FileReport:
    """Say what a model file holds, see :meth:`.WorkspaceInterface.file_report`."""
    name = name or file_name(source, weights)
    if isinstance(source, bytes):
        return report_file(source, name=name, member=member)
    if not weights:
        return report_file(Path(source), name=name, member=member)
    with tempfile.TemporaryDirectory(prefix="layerscope-", ignore_cleanup_errors=True) as folder:
        together = Path(folder) / "files"
        copy_apart(Path(source), Path(weights), together, safe_name(name), get_limits())
        return report_file(together, name=name, member=member)


def look_at_files(files: Sequence[tuple[str, bytes]], member: str = "") -> FileReport:
    """Say what files that were given together hold, see :meth:`.WorkspaceInterface.files_report`."""
    with files_together(files) as (source, name):
        return look_at_file(source, name, member)
