"""The part of a Workspace that looks at model files without opening them."""

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

__all__ = ["FileLooks"]


class FileLooks:
    """What a page asks about model files that are not opened; what is open stays as it is."""

    def file_report(
        self, source: str | os.PathLike[str] | bytes, name: str = "", member: str = "", weights: str = ""
    ) -> FileReport:
        """Say what a model file holds without making anything of it, refused or not.

        Args:
            source: The path of a file or folder, or the content of a file, as :func:`core.load_model` takes it.
            name: The file's name.
            member: Path of the model that is meant, where the source holds several.
            weights: Path of the weights, where the source is an architecture alone.

        Raises:
            SeveralModels: If the source holds several models and none was named.
            ModelRefused: If the files cannot be read at all.
        """
        name = name or file_name(source, weights)
        if isinstance(source, bytes):
            return report_file(source, name=name, member=member)
        if not weights:
            return report_file(Path(source), name=name, member=member)
        with tempfile.TemporaryDirectory(prefix="layerscope-", ignore_cleanup_errors=True) as folder:
            together = Path(folder) / "files"
            copy_apart(Path(source), Path(weights), together, safe_name(name), get_limits())
            return report_file(together, name=name, member=member)

    def files_report(self, files: Sequence[tuple[str, bytes]], member: str = "") -> FileReport:
        """Say what files that were given together hold, see :meth:`file_report`.

        Args:
            files: Name and content of each.
            member: Name of the model that is meant, where there are several.

        Raises:
            SeveralModels: If they are several models and none was named.
            ModelRefused: If they cannot be read at all.
        """
        with files_together(files) as (source, name):
            return self.file_report(source, name, member)
