"""What a model file needs beyond Keras: classes and functions of somebody's own, and code that it holds itself."""

from __future__ import annotations

import re
from typing import Final

from core.common.text import safe_name
from core.errors import CodeNeeded, MissingObject

__all__ = ["LAMBDA", "CodeNeeds", "code_needed", "is_module_name"]

LAMBDA: Final = "lambda"
"""What is trusted to let the code run that a model file holds, in the place of a module's name."""

_OF_KERAS: Final = frozenset({"keras", "tf_keras", "tensorflow"})
# What a class was registered under may be any text; Keras puts the package in front.
_REGISTERED: Final = re.compile(r"([^<>]+>)?[^<>]+\Z")
_MOST: Final = 50
_NAMED: Final = 8


class CodeNeeds:
    """Collects what a configuration needs, so that a person can be asked for all of it at once.

    Args:
        name: What to call the file in messages.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._objects: dict[MissingObject, None] = {}
        self._lambdas: dict[str, None] = {}
        self._message = ""

    def add(self, need: MissingObject | str | None, message: str) -> bool:
        """Note a need; False if nobody could meet it.

        Args:
            need: A class or function, or the name of a layer that holds code.
            message: What is said of it if it is the only one.
        """
        if need is None or (isinstance(need, MissingObject) and not _can_be_met(need)):
            return False
        if isinstance(need, MissingObject):
            if len(self._objects) < _MOST:
                self._objects[need] = None
        elif len(self._lambdas) < _MOST:
            self._lambdas[need] = None
        self._message = self._message or message
        return True

    def check(self) -> None:
        """Refuse the file if it needs anything.

        Raises:
            CodeNeeded: It does.
        """
        if self._objects or self._lambdas:
            raise code_needed(self.name, self._message, tuple(self._objects), tuple(self._lambdas))


def code_needed(
    file: str, message: str, objects: tuple[MissingObject, ...], lambdas: tuple[str, ...] = (), remedy: str = ""
) -> CodeNeeded:
    """Return the refusal of a file that needs code, which says what to trust.

    Args:
        file: What the file is called.
        message: What is said of the first need.
        objects: Classes and functions that it needs.
        lambdas: Names of layers that hold code.
        remedy: What else helps, as a sentence.
    """
    if len(objects) + len(lambdas) > 1:
        names = [f"{each.kind} {safe_name(each.name)}" for each in objects]
        names += [f"the code in '{safe_name(name)}'" for name in lambdas]
        more = f", and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
        message = f"{message} In all it needs: {', '.join(names[:_NAMED])}{more}."
    roots = [each.module.partition(".")[0] for each in objects]
    names = list(dict.fromkeys(root if root and root != "builtins" else "my_layers.py" for root in roots))
    names += [LAMBDA] if lambdas else []
    if any(each.kind == "function" and each.module in ("", "builtins") for each in objects):
        remedy = f"A function of TensorFlow or Keras opens with --trust tensorflow or --trust keras. {remedy}".rstrip()
    options = " ".join(f"--trust {name}" for name in names)
    holder = "the module or file that holds it" if objects else "the file"
    return CodeNeeded(
        message,
        objects=objects,
        lambdas=lambdas,
        remedy=f"If you trust {holder}, say so where Layerscope is started: {options}. {remedy}".rstrip(),
        code=f"layerscope.load_model({file!r}, trust={names!r})",
    )


def is_module_name(name: str) -> bool:
    """Return whether Python could import a module of this name."""
    return all(part.isidentifier() for part in name.split("."))


def _can_be_met(need: MissingObject) -> bool:
    root = need.module.partition(".")[0]
    return (
        # The word that trusts code is no name of a class.
        LAMBDA not in (need.name, need.registered_name)
        and root not in _OF_KERAS
        and (not need.module or is_module_name(need.module))
        and bool(_REGISTERED.match(need.registered_name))
        and need.registered_name.isprintable()
        and (need.kind == "class" or need.name.rpartition(">")[2].isidentifier())
    )
