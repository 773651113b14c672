"""Open any Keras model and see what every layer answers: the name under which people import Layerscope.

Everything that ``core`` offers, and :func:`layerscope.show`. Importing this costs nothing: each name brings its module
when it is first used.
"""

from typing import TYPE_CHECKING, Any

from layerscope.companions import check_companion

check_companion("core")

import core  # noqa: E402

if TYPE_CHECKING:
    from core import *  # noqa: F403
    from layerscope.showing import show

__all__ = [*core.__all__, "show"]


def __getattr__(name: str) -> Any:
    if name == "show":
        from layerscope.showing import show

        return show
    if name in core.__all__:
        return getattr(core, name)
    raise AttributeError(f"module 'layerscope' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
