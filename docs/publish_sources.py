"""Publishes each document as Markdown beside its page, as ``llms.txt`` says: a hook of MkDocs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

__all__ = ["on_post_build"]


def on_post_build(config: dict[str, Any]) -> None:
    """Copy the documents into the site that was built."""
    documents = Path(config["docs_dir"])
    for path in documents.rglob("*.md"):
        shutil.copyfile(path, Path(config["site_dir"]) / path.relative_to(documents))
