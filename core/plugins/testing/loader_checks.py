"""Checks that every loader of model files must pass, ours and strangers' alike."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from core.common import file_signatures
from core.errors import ModelRefused
from core.models.other_loaders import ModelFileCopy
from core.plugins.loaders import ModelLoader
from core.plugins.registry import Registry
from core.plugins.testing.checks import explanation_faults, raise_failures, registration_failure
from core.plugins.testing.results import CheckResult, concluded

__all__ = ["LOADER_CHECKS", "check_loader", "run_loader_checks"]

LOADER_CHECKS: Final[Mapping[str, str]] = {
    "declaration": "It can be registered: everything that it declares is sound.",
    "explains itself": "It has a title, a first docstring line, and says how its files are known.",
    "no Streamlit": "Its module does not import Streamlit: models are opened in a notebook and by commands too.",
    "leaves others": "It takes no file of another kind for its own: archives, HDF5, text, noise.",
    "takes its own": "It takes each file of yours for its own.",
    "loads": "It makes a Keras model of each file of yours that can be called once the file is gone.",
    "refuses damage": "A file of yours that is cut off is loaded or refused in a sentence: nothing else is raised.",
}
"""What is checked of a loader, by name; the names are part of the API. The last three need files of yours."""


def check_loader(loader: ModelLoader, *own: str | Path) -> None:
    """Check a loader over files of other kinds, and over some of your own.

    Args:
        loader: The loader.
        own: Paths of files that it has to load.

    Raises:
        AssertionError: If a check fails; the message lists each that does, on what, and why.
    """
    raise_failures(loader, run_loader_checks(loader, own))


def run_loader_checks(loader: ModelLoader, own: Sequence[str | Path] = ()) -> tuple[CheckResult, ...]:
    """Check a loader; return each failure, and one result for each check that was reached and passed throughout."""
    tried: Counter[str] = Counter()
    failures = tuple(_failures(loader, own, tried))
    return concluded(failures, tried, LOADER_CHECKS)


def _failures(loader: ModelLoader, own: Sequence[str | Path], tried: Counter[str]) -> Iterator[CheckResult]:
    registry = Registry(discover=False)
    tried["declaration"] += 1
    if fault := registration_failure(registry, loader):
        yield fault
        return
    yield from explanation_faults(loader, "how its files are known", "shows what load() returns", tried)
    for name, content in _other_files().items():
        tried["leaves others"] += 1
        model, refusal, failures = _loaded(registry, name, content)
        taken = ("it made a model of it",) if model is not None else (refusal,) if refusal else failures
        for message in taken:
            yield CheckResult("leaves others", False, name, message=message)
    for path in map(Path, own):
        yield from _try(registry, path, tried)


def _try(registry: Registry, path: Path, tried: Counter[str]) -> Iterator[CheckResult]:
    tried.update(("takes its own", "loads"))
    content = path.read_bytes()
    model, refusal, failures = _loaded(registry, path.name, content)
    if model is None:
        name = "loads" if refusal or failures else "takes its own"
        yield CheckResult(name, False, path.name, message=refusal or " ".join(failures) or "match() returned False")
        return
    if fault := _call_fault(model):
        yield CheckResult("loads", False, path.name, message=fault)
    tried["refuses damage"] += 1
    for share in (0.5, 0.9):
        _, _, failures = _loaded(registry, path.name, content[: int(len(content) * share)])
        for message in failures:
            yield CheckResult("refuses damage", False, path.name, message=message)


def _loaded(registry: Registry, name: str, content: bytes) -> tuple[Any, str, tuple[str, ...]]:
    """Return the model, the refusal, and who failed; the file is gone then, as it is in the app."""
    with tempfile.TemporaryDirectory(prefix="layerscope-") as folder:
        path = Path(folder) / "model"
        path.write_bytes(content)
        try:
            model, _, failures = registry.loaders(ModelFileCopy(name, path, name))
        except ModelRefused as error:
            return None, f"it refused it: {error.message}", ()
        return model, "", failures


def _call_fault(model: Any) -> str:
    from core.inputs.model_inputs import input_specs
    from core.inputs.noise import noise
    from core.inputs.structure import in_structure

    specs = input_specs(model)
    if not specs:
        return ""
    try:
        model(in_structure(model, {spec.name: noise(spec, 2, 0) for spec in specs}))
    except Exception as error:
        return f"called with two samples of noise, the model raised {type(error).__name__}: {error}"
    return ""


def _other_files() -> dict[str, bytes]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("config.json", "{}")
    noise = np.random.default_rng(0).integers(0, 256, 2_000, np.uint8).tobytes()
    return {
        "model.keras": archive.getvalue(),
        "model.h5": file_signatures.HDF5 + bytes(500),
        "model.json": b'{"class_name": "Sequential", "config": {}}',
        "notes.txt": b"A sentence.\n",
        "zeros.bin": bytes(1_000),
        "noise.bin": noise,
        "one.bin": b"\x00",
    }
