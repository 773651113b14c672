"""Every error that a user of Layerscope can meet.

The tree::

    LayerscopeError
    ├── ModelRefused       a model file that cannot, or must not, be opened
    │   ├── SeveralModels  a folder or archive with more than one model: which one is meant has to be said
    │   ├── CodeNeeded     a model that needs code which did not come with Keras: somebody has to trust it
    │   └── ModelTooLarge  a model that needs more memory than there is for it
    ├── InputRejected      data that does not fit what the model expects
    ├── ExtractionFailed   the model raised while the data went through it
    ├── NoGradient         what was asked needs a gradient, and a layer lets none through
    ├── PluginFailed       a visualizer raised, or returned something that is no chart
    ├── RecordingRefused   a recorded session that cannot be opened, or holds what must not be shown
    ├── NotRecorded        what was asked of a recorded session is not in it
    └── WorkerLost         the process that worked for a visitor was ended before it had answered

A message says what happened and to which file or layer; ``remedy`` says what to do next, and ``code`` is Python that
does it, where there is such. All are plain text that can be shown to a person as it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = [
    "CodeNeeded",
    "ExtractionFailed",
    "InputRejected",
    "LayerscopeError",
    "MissingObject",
    "ModelRefused",
    "ModelTooLarge",
    "NoGradient",
    "NotRecorded",
    "PluginFailed",
    "RecordingRefused",
    "SeveralModels",
    "WorkerLost",
]


class LayerscopeError(Exception):
    """Base of all errors that Layerscope raises on purpose.

    Args:
        message: What happened, and to what.
        remedy: What the person can do about it; empty where nothing useful can be said.
        code: Lines of Python that do what the remedy says; empty where it needs none.
    """

    code = ""

    def __init__(self, message: str, *, remedy: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        if code:
            self.code = code

    def __str__(self) -> str:
        sentence = f"{self.message} {self.remedy}".rstrip()
        return f"{sentence}\n\n{self.code}" if self.code else sentence


class ModelRefused(LayerscopeError):
    """A model file is damaged, of an unknown kind, or would have to run code to be opened."""


class SeveralModels(ModelRefused):
    """A folder or archive holds more than one model.

    Args:
        message: What holds them.
        choices: The path of each within it, as ``load_model(…, member=…)`` takes it.
        remedy: What to do next.
        code: Python that does it.
    """

    def __init__(self, message: str, *, choices: Sequence[str] = (), remedy: str = "", code: str = "") -> None:
        super().__init__(message, remedy=remedy, code=code)
        self.choices = tuple(choices)


class MissingObject(NamedTuple):
    """A class or function that a model file names and that did not come with Keras.

    Attributes:
        name: Its name.
        module: The module that it was defined in; empty where the file does not say.
        registered_name: The name that it was registered under, such as ``"my_package>TCN"``; otherwise its name.
        kind: ``"class"``, ``"function"``, or ``"name"`` for whatever the file's own code calls so.
    """

    name: str
    module: str = ""
    registered_name: str = ""
    kind: str = "class"


class CodeNeeded(ModelRefused):
    """A model needs code that did not come with Keras; it opens where somebody trusts that code.

    Args:
        message: What the file needs.
        objects: The classes and functions that are not at hand.
        lambdas: Names of the layers that hold Python code of their own.
        remedy: What to do next.
        code: Python that does it.
    """

    def __init__(
        self,
        message: str,
        *,
        objects: Sequence[MissingObject] = (),
        lambdas: Sequence[str] = (),
        remedy: str = "",
        code: str = "",
    ) -> None:
        super().__init__(message, remedy=remedy, code=code)
        self.objects = tuple(objects)
        self.lambdas = tuple(lambdas)


class ModelTooLarge(ModelRefused):
    """A model needs more memory than the process that opens it may have."""


class InputRejected(LayerscopeError):
    """Data has another shape, type or size than the model's input expects.

    Args:
        message: What does not fit.
        remedy: What to do next.
        code: Python that does it.
        file: Name of the file that it is about, as it was given; empty where it is about none.
    """

    file = ""

    def __init__(self, message: str, *, remedy: str = "", code: str = "", file: str = "") -> None:
        super().__init__(message, remedy=remedy, code=code)
        if file:
            self.file = file


class ExtractionFailed(LayerscopeError):
    """The model raised an error during the forward pass; ``__cause__`` is the original error."""


class NoGradient(LayerscopeError):
    """What was asked needs a gradient, and there is none: the message says which layer or input stops it."""


class RecordingRefused(LayerscopeError):
    """A recorded session is damaged, was written by a later Layerscope, or holds what no recording does."""


class NotRecorded(LayerscopeError):
    """What was asked is not in the recorded session that is open, which has no model to ask."""


class PluginFailed(LayerscopeError):
    """A plugin could not be used.

    Args:
        message: What happened.
        plugin: Name of the visualizer, or of the plugin where no visualizer is known.
        package: Distribution or module that it came from.
        version: Version of that distribution, empty if unknown.
        traceback: The formatted traceback, for the plugin's author.
        remedy: What to do next.
        code: Python that does it.
    """

    def __init__(
        self,
        message: str,
        *,
        plugin: str,
        package: str = "",
        version: str = "",
        traceback: str = "",
        remedy: str = "",
        code: str = "",
    ) -> None:
        super().__init__(message, remedy=remedy, code=code)
        self.plugin = plugin
        self.package = package
        self.version = version
        self.traceback = traceback


class WorkerLost(LayerscopeError):
    """The process that worked for a visitor took too long or too much memory, crashed, or was stopped."""
