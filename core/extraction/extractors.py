"""The extractors of a process, one for each model file: visitors, reruns and workers of a pass share them."""

from __future__ import annotations

import os
from typing import Any, Final

from core.common.cache import OnceCache
from core.extraction.extractor import Extractor
from core.models.copies import content_key
from core.models.loading import load_model_file
from core.models.trust import get_trust

__all__ = ["model_store"]

_MODELS_KEPT: Final = 8
model_store: OnceCache[Extractor] = OnceCache(_MODELS_KEPT)
"""The models of this process, each with the passes that were compiled for it."""


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
        trust = get_trust()
        key = (content_key(model), trust.key)
        return model_store.get(key, lambda: Extractor.of_file(load_model_file(model, trust=trust)))
    return Extractor(model)
