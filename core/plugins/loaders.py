"""What a plugin author writes against to open model files of another kind: ModelLoader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from core.models.other_loaders import ModelFileCopy
from core.plugins.plugin import Origin, first_line

__all__ = ["LoaderEntry", "ModelLoader"]


class ModelLoader:
    """One kind of file that a Keras model is made of. Subclass it, declare, and write :meth:`match` and :meth:`load`.

    The first line of the subclass's docstring is what a person reads who looks at which files can be opened.

    Attributes:
        name: Identifier: lower case, words joined by hyphens.
        title: What such a file is called: ``"Frozen graph"``.
        takes: How these files are known, for who reads what there is: ``".pb of TensorFlow 1"``.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    takes: ClassVar[str] = ""

    def match(self, file: ModelFileCopy) -> bool:
        """Return whether a file is of this kind.

        Args:
            file: A copy of it. Judge by its head: names lie.
        """
        raise TypeError(f"{type(self).__name__} has no match(self, file) method")

    def load(self, file: ModelFileCopy) -> Any:
        """Return the ``keras.Model`` of a file that it matched.

        Args:
            file: A copy of it, which anybody may have made, and which is gone once this has returned.

        Raises:
            ModelRefused: If it cannot be a model: what is wrong with it, and what to do instead.
        """
        raise TypeError(f"{type(self).__name__} has no load(self, file) method")

    def summary(self) -> str:
        """Return the first line of the docstring of its class, or of the one that it derives from."""
        return first_line(self, ModelLoader)


@dataclass(frozen=True)
class LoaderEntry:
    """A loader, and the plugin that brought it."""

    loader: ModelLoader
    origin: Origin
