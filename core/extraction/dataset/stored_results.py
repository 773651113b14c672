"""What :func:`core.extract_dataset` wrote of a dataset, opened again: answers of a layer, or statistics of all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from core.common.text import safe_name
from core.errors import InputRejected
from core.extraction.dataset.array_names import array_name
from core.extraction.dataset.statistics import LayerStatistics

__all__ = ["LEDGER", "read_statistics", "stored_answers", "zarr_library"]

LEDGER: Final = "layerscope"
"""The attribute of the group that says what is written there."""


def read_statistics(output: str | os.PathLike[str]) -> dict[str, LayerStatistics]:
    """Return the statistics that :func:`core.extract_dataset` wrote, by key of the layer, in call order.

    Raises:
        InputRejected: If there are none, or not all samples are through yet.
    """
    group, ledger = _group_and_ledger(Path(output))
    if group is None or "layers" not in ledger:
        raise InputRejected(
            f"{safe_name(Path(output).name)} holds no statistics of a whole dataset.",
            remedy="Run `layerscope extract MODEL DATA -o OUT.zarr --statistics`, and again if it was ended.",
        )
    return {
        key: LayerStatistics.from_arrays({name: array[...] for name, array in group[array_name(key)].arrays()})
        for key in ledger["layers"]
    }


def stored_answers(output: str | os.PathLike[str], layer: str) -> Any:
    """Return the Zarr array of what a layer answered, the sample axis first.

    Raises:
        InputRejected: If the folder holds no values of the layer, or not those of all samples yet.
    """
    folder = Path(output)
    group, ledger = _group_and_ledger(folder)
    array: Any = None if group is None else group.get(array_name(layer))
    # Beside the layers are labels, which have no key; statistics of a layer are a group.
    if getattr(array, "shape", None) is None or array.attrs.get("key") != layer:
        raise InputRejected(
            f"{safe_name(folder.name)} holds no values of {safe_name(layer)}.",
            remedy=f"Run `layerscope extract MODEL DATA -o OUT.zarr --layer {safe_name(layer)}`, without --statistics.",
        )
    if ledger.get("done", 0) * ledger.get("chunk", 0) < array.shape[0]:
        raise InputRejected(
            f"{safe_name(folder.name)} does not hold all samples yet: its run was ended half way.",
            remedy="Run the same `layerscope extract` again; it goes on where it stopped.",
        )
    return array


def zarr_library() -> Any:
    """Return the package that reads and writes Zarr.

    Raises:
        InputRejected: If it is not installed.
    """
    try:
        import zarr
    except ImportError as error:
        raise InputRejected("Zarr is not installed.", remedy="Install it: pip install 'zarr>=3.1'") from error
    return zarr


def _group_and_ledger(folder: Path) -> tuple[Any, dict[str, Any]]:
    """Return the group in a folder, None where there is none, and what its ledger says."""
    if not (folder / "zarr.json").is_file():
        return None, {}
    group = zarr_library().open_group(folder, mode="r")
    return group, dict(group.attrs.get(LEDGER, {}))
