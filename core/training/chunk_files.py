"""Chunks and ledgers of a run, written straight to their files: each is replaced in one piece.

Zarr makes the arrays, and writes by threads of its own, of which there are none left where a process ends; what was
gathered until then has to get to the disk all the same.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from core.training.ledger import ATTRIBUTE

__all__ = ["write_chunk", "write_ledger"]


def write_chunk(folder: Path, numbers: tuple[int, ...], values: np.ndarray) -> None:
    """Write one whole chunk of an array of the plainest kind.

    Args:
        folder: Of the array.
        numbers: Which chunk, along each axis.
        values: All of it.
    """
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    _replace(folder.joinpath("c", *map(str, numbers)), values.tobytes())


def write_ledger(folder: Path, ledger: BaseModel) -> None:
    """Write a ledger as the attributes of a Zarr group."""
    metadata: dict[str, Any] = {"zarr_format": 3, "node_type": "group"}
    metadata["attributes"] = {ATTRIBUTE: ledger.model_dump(mode="json")}
    _replace(folder / "zarr.json", json.dumps(metadata).encode())


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.new")
    beside.write_bytes(content)
    os.replace(beside, path)
