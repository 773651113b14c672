"""The model that the open one is compared with: where it is from, and what pictures are given of it."""

from __future__ import annotations

from typing import Final

from core.analysis.other_model import OtherModel
from core.common.cache import OnceCache
from core.examples.catalogue import Example, get_example
from core.extraction.extractor import Extractor
from core.extraction.extractors import ModelSource
from core.workspace.layer_charts import SecondModel
from core.workspace.open_model import OpenModel

__all__ = ["CODE_OF_SHOWN", "code_that_names", "example_source", "second_model"]

CODE_OF_SHOWN: Final = "# other is the second model that you gave to layerscope.show()"
"""What stands in the place of Python that leaves a model of the caller's own process behind as ``other``."""


def example_source(name: str, early: bool) -> tuple[ModelSource, str]:
    """Return the model of an example, and Python that leaves its path behind as ``other``.

    Args:
        name: Name of the example.
        early: Whether it is meant as it was early in its training.

    Raises:
        InputRejected: If there is no such example.
    """
    return _source_of(get_example(name), early)


def code_that_names(name: str) -> str:
    """Return Python that leaves a model file's path behind as ``other``; the file is where the person has it."""
    return f"other = {name!r}"


def second_model(model: OpenModel, other: OpenModel | None, models: OnceCache[Extractor]) -> SecondModel | None:
    """Return what pictures of a model may compare with: what was chosen, or what an example was early in its training.

    Args:
        model: The model.
        other: The one that was chosen to compare it with; its opening leaves ``other`` behind.
        models: Where opened models are shared.
    """
    if other is not None:
        return SecondModel(other.key, lambda: OtherModel(other.summary.name, other.extractor), other.opening)
    if model.example is None or not model.example.early_epochs:
        return None
    source, code = _source_of(model.example, early=True)
    return SecondModel(source.key, lambda: OtherModel(source.name, source.extractor_in(models)), code)


def _source_of(example: Example, early: bool) -> tuple[ModelSource, str]:
    if early:
        source, path = ModelSource(example.early_model_path, example.early_name), "early_model_path"
    else:
        source, path = ModelSource(example.model_path, example.name), "model_path"
    return source, f"other = layerscope.get_example({example.name!r}).{path}"
