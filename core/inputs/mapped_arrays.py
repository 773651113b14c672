"""Arrays in files that are larger than memory: looked at where they lie on disk.

``numpy.load`` maps a ``.npy`` file, and reads the arrays of a ``.npz`` whole. An array that is stored there as it is
gets mapped too; one that is packed is unpacked into a temporary file first.
"""

from __future__ import annotations

import shutil
import struct
import tempfile
import weakref
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from core.common.text import safe_name
from core.errors import InputRejected
from core.inputs.arrays import ArrayFile, check_header, match_members
from core.inputs.model_output import ModelOutput
from core.inputs.spec import InputSpec

__all__ = ["MappedArrays"]

_LOCAL_HEADER: Final = struct.Struct("<26xHH")


class MappedArrays:
    """The arrays of a ``.npy`` or ``.npz`` file.

    Args:
        path: The file.
        specs: The inputs that it has to fill; whether what was found fits is not told here.
        outputs: What the model answers, the output that labels are set against first; empty if that is not known.

    Attributes:
        file: The arrays by input name, and the labels, which are in memory.

    Raises:
        InputRejected: If the file is damaged, needs pickle, or does not hold every input.
    """

    def __init__(self, path: Path, specs: Sequence[InputSpec], outputs: Sequence[ModelOutput] = ()) -> None:
        self._path = path
        self._folder = ""
        if path.suffix == ".npy":
            self.file = ArrayFile({specs[0].name: self._map(path, 0, path.stat().st_size)}, None)
            return
        with path.open("rb") as stream:
            members, roles = match_members(stream, path.name, specs, outputs)
            arrays = {name: self._member(members[key]) for name, key in roles.inputs.items()}
            labels = np.array(self._member(members[roles.label])) if roles.label else None
        self.file = ArrayFile(arrays, labels, roles.label, remarks=roles.remarks)

    def _member(self, info: zipfile.ZipInfo) -> np.ndarray:
        if info.compress_type == zipfile.ZIP_STORED:
            with self._path.open("rb") as stream:
                stream.seek(info.header_offset)
                lengths = _LOCAL_HEADER.unpack(stream.read(_LOCAL_HEADER.size))
            return self._map(self._path, info.header_offset + 30 + sum(lengths), info.file_size)
        if not self._folder:
            self._folder = tempfile.mkdtemp(prefix="layerscope-")
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        target = Path(self._folder) / f"{info.header_offset}.npy"
        try:
            with zipfile.ZipFile(self._path) as archive, archive.open(info) as stream, target.open("wb") as output:
                shutil.copyfileobj(stream, output, 1 << 20)
        except (zipfile.BadZipFile, OSError, EOFError) as error:
            raise InputRejected(
                f"{safe_name(self._path.name)}, array '{safe_name(info.filename)}' is damaged.",
                remedy="Save it again with numpy.savez.",
            ) from error
        return self._map(target, 0, info.file_size)

    def _map(self, path: Path, offset: int, size: int) -> np.ndarray:
        holder = safe_name(self._path.name)
        with path.open("rb") as stream:
            stream.seek(offset)
            shape, in_columns, dtype = check_header(stream, holder, size)
            start = stream.tell()
        if 0 in shape:
            return np.empty(shape, dtype)
        return np.memmap(path, dtype, "r", start, shape, "F" if in_columns else "C")
