"""Arrays by name, written as ``.npz``."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from typing import IO

import numpy as np

__all__ = ["write_arrays"]


def write_arrays(stream: IO[bytes], arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays as a compressed ``.npz`` archive that holds no pickle.

    Args:
        stream: Where to.
        arrays: By the name that ``numpy.load`` has them under.
    """
    # Not by np.savez, which takes names as arguments and so has no room for one called "file".
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
