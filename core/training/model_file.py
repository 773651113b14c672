"""The file of a model that is being trained, without what only its training needs: half to a third as large."""

from __future__ import annotations

import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any, Final

__all__ = ["write_model_file"]

_CONFIG: Final = "config.json"
_WEIGHTS: Final = "model.weights.h5"
_OF_TRAINING: Final = ("optimizer", "_compile_metrics", "_metrics")


def write_model_file(model: Any, target: Path) -> None:
    """Write a model as ``.keras``, without its optimizer and what it was compiled with.

    Args:
        model: The model, which stays as it is.
        target: The file; it is replaced in one piece.

    Raises:
        Exception: Whatever Keras raises about a model that it cannot save.
    """
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".model-") as folder:
        whole, plain = Path(folder) / "whole.keras", Path(folder) / "plain.keras"
        model.save(whole)
        with zipfile.ZipFile(whole) as source, zipfile.ZipFile(plain, "w", zipfile.ZIP_STORED) as copy:
            for name in source.namelist():
                if name == _CONFIG:
                    config = json.loads(source.read(name))
                    config.pop("compile_config", None)
                    copy.writestr(name, json.dumps(config))
                elif name == _WEIGHTS:
                    weights = Path(folder) / name
                    _copy_weights(Path(source.extract(name, Path(folder) / "whole")), weights)
                    copy.write(weights, name)
                else:
                    copy.writestr(name, source.read(name))
        plain.replace(target)


def _copy_weights(source: Path, target: Path) -> None:
    import h5py

    with h5py.File(source, "r") as whole, h5py.File(target, "w") as plain:
        plain.attrs.update(whole.attrs)
        for name in whole:
            if name not in _OF_TRAINING:
                whole.copy(name, plain)
