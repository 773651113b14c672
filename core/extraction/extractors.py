"""The extractors of a process, one for each model file: visitors, reruns and workers of a pass share them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from core.common.cache import OnceCache
from core.extraction.extractor import Extractor
from core.models.copies import Source, content_key
from core.models.loading import load_model_file
from core.models.trust import NO_TRUST, Trust, get_trust

__all__ = ["ModelSource", "extractor_of", "model_store"]

_MODELS_KEPT: Final = 8
model_store: OnceCache[Extractor] = OnceCache(_MODELS_KEPT)
"""The models of this process, each with the passes that were compiled for it."""


@dataclass(frozen=True)
class ModelSource:
    """A model that is to be opened.

    Attributes:
        source: A path, or the content of a file.
        name: What to call it; empty for the name of the file.
        weights: Path of the weights, where the source is an architecture alone.
        member: Path of the model that is meant, where the source holds several.
        trust: Whose code it may use beyond Keras.
    """

    source: Source
    name: str = ""
    weights: str | os.PathLike[str] | None = None
    member: str = ""
    trust: Trust = NO_TRUST

    @cached_property
    def key(self) -> str:
        """What tells its content, and what it may use, from that of others."""
        key = content_key(self.source, weights=self.weights, member=self.member)
        return f"{key}\0{self.trust.key}" if self.trust else key

    def extractor_in(self, models: OnceCache[Extractor]) -> Extractor:
        """Return what records the layers of the model, from among those that are open, or loaded now.

        Raises:
            ModelRefused: If the file cannot be opened.
            InputRejected: If what is trusted is not there.
        """
        return models.get(self.key, self._load)

    def _load(self) -> Extractor:
        return Extractor.of_file(
            load_model_file(self.source, name=self.name, weights=self.weights, member=self.member, trust=self.trust)
        )


def extractor_of(model: Any) -> Extractor:
    """Return an extractor for a model, a path or the content of a model file; one for the same content.

    A file may use what the environment says is trusted, see :func:`core.models.trust.get_trust`, which other machines
    have of their own.

    Raises:
        ModelRefused: If the file cannot be opened.
        InputRejected: If what is trusted is not there.
    """
    if isinstance(model, Extractor):
        return model
    if isinstance(model, (str, os.PathLike, bytes)):
        return ModelSource(model, trust=get_trust()).extractor_in(model_store)
    return Extractor(model)
