"""Open any Keras model and see what every layer answers: the name under which people import Layerscope.

Everything that ``core`` offers, :func:`layerscope.show` and :func:`layerscope.report`. Importing this costs nothing:
each name brings its module when it is first used.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from layerscope.companions import check_companion

try:
    check_companion("core")
except ImportError as error:
    # As ``python -m layerscope``, Python imports this before the command can say it in a sentence.
    if sys.argv[:1] == ["-m"]:
        sys.exit(str(error))
    raise

import core

if TYPE_CHECKING:
    from core import *  # noqa: F403
    from layerscope.reporting import report
    from layerscope.showing import show

_HOME = {"report": "layerscope.reporting", "show": "layerscope.showing"}

__all__ = [*core.__all__, "report", "show"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    if name in core.__all__:
        return getattr(core, name)
    raise AttributeError(f"module 'layerscope' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
