"""How the app's server is started: Streamlit on our script, with the project's settings."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from core.common.versions import installed_files
from core.errors import InputRejected

__all__ = ["CODE_FOLDER", "DATA_VARIABLE", "MODEL_VARIABLE", "streamlit_arguments"]

CODE_FOLDER: Final = Path(__file__).resolve().parents[2]
"""Where Layerscope's packages lie: a checkout, or where packages are installed."""
MODEL_VARIABLE: Final = "LAYERSCOPE_MODEL"
"""Variable of the environment that names the model which every visitor sees first: a path, or an example."""
DATA_VARIABLE: Final = "LAYERSCOPE_DATA"
"""Variable that holds the path of the data for it."""
_SETTINGS: Final = "config.toml"


def streamlit_arguments(port: int, address: str, *, headless: bool) -> list[str]:
    """Return what stands behind ``python -m streamlit`` to serve the app.

    Args:
        port: Port to listen on.
        address: Address to listen on.
        headless: Whether Streamlit leaves it to others to open a browser.

    Raises:
        InputRejected: If the app is not installed.
    """
    app = CODE_FOLDER / "streamlit_app.py"
    if not app.is_file():
        raise InputRejected(f"{app.name} is not installed.", remedy="Install Layerscope again.")
    arguments = ["run", str(app), "--server.port", str(port), "--server.address", address]
    arguments += ["--server.headless", str(headless).lower()]
    return arguments + [part for name, value in _settings() for part in (f"--{name}", value)]


def _settings() -> Iterator[tuple[str, str]]:
    """Yield what the project's Streamlit settings say, which Streamlit itself finds only beside where it is started."""
    places = (CODE_FOLDER / ".streamlit" / _SETTINGS, *installed_files("layerscope", _SETTINGS))
    found = next((path for path in places if path.is_file()), None)
    if found:
        yield from _flat(tomllib.loads(found.read_text(encoding="utf-8")), "")


def _flat(settings: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value).lower() if isinstance(value, bool) else str(value)
