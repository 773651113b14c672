"""Sizes that a model takes, for inputs that may be of any size: some are tried, since no model says which.

A model with vectors for 12 positions takes nothing longer; one that crops 5,000 steps at either end takes nothing
shorter than 10,001; one with five poolings and as many concatenations takes multiples of 32. What arithmetic on the
configuration rules out is not tried; the rest is run, one sample, until a size fits or the time is over.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from core.common.nested_layers import all_layers
from core.common.text import safe_name
from core.errors import ExtractionFailed, InputRejected
from core.extraction.extractor import Extractor
from core.extraction.recorded_pass import Selection, recorded_pass
from core.inputs import structure
from core.inputs.noise import noise, usual_shape
from core.inputs.open_sizes import MOST_SECONDS, Shapes, is_open, open_extents, shapes_to_try, size_text
from core.inputs.spec import InputSpec
from core.inputs.structure import arrange
from core.inputs.takers import is_embedding
from core.models.sizes import impossible_by_arithmetic

__all__ = ["shapes_that_fit"]

_log = logging.getLogger("layerscope")
_MOST_TRIES: Final = 40
_TOLD: Final = 12


def shapes_that_fit(
    extractor: Extractor,
    specs: Sequence[InputSpec],
    fixed: Shapes | None = None,
    seconds: float = MOST_SECONDS,
) -> dict[str, tuple[int, ...]]:
    """Return the shape of one sample of each input that a model takes; found once for a model.

    Args:
        extractor: Holds the model.
        specs: What its inputs expect.
        fixed: Shapes that somebody asks for, by input name: they are not changed, and the others are made to fit.
        seconds: After how long no other size is tried.

    Raises:
        InputRejected: If none of the sizes fits that could be tried; it says which, and what the model said.
    """
    fixed = dict(fixed or {})
    if not any(is_open(spec) and spec.name not in fixed for spec in specs):
        return {spec.name: fixed.get(spec.name) or usual_shape(spec) for spec in specs}
    kinds = tuple((spec.name, spec.kind) for spec in specs)
    found: dict[str, tuple[int, ...]] = extractor.derived.get(
        ("fitting sizes", kinds, tuple(sorted(fixed.items()))), lambda: _tried(extractor, specs, fixed, seconds)
    )
    return found


def _tried(extractor: Extractor, specs: Sequence[InputSpec], fixed: Shapes, seconds: float) -> dict[str, Any]:
    started = time.monotonic()
    config = _configuration(extractor.model)
    # A configuration knows an input by its layer.
    named = {spec.name: tensor._keras_history.operation.name for spec, tensor in _inputs(extractor.model, specs)}
    told: dict[str, str] = {}

    def is_impossible(shapes: Shapes) -> bool:
        by_layer = {named[name]: shape for name, shape in shapes.items()}
        if config is None or not impossible_by_arithmetic(config, by_layer):
            return False
        told.setdefault(_in_words(specs, shapes), "nothing would be left, or its parts would not go together")
        return True

    hints = _lengths_in(extractor.model, specs)
    possible = shapes_to_try(specs, is_impossible, fixed=fixed, hints=hints, seconds=seconds)
    for shapes in islice(possible, _MOST_TRIES):
        reason = _refused(extractor, specs, shapes)
        if not reason:
            return shapes
        told.pop(size := _in_words(specs, shapes), None)
        told[size] = reason
        if time.monotonic() - started > seconds:
            break
    listed = list(told)
    sizes = ", ".join(listed[:_TOLD]) + (f" and {len(listed) - _TOLD} others" if len(listed) > _TOLD else "")
    last = f" The last said: {told[listed[-1]].rstrip('.')}." if listed else ""
    raise InputRejected(
        f"No size was found that '{safe_name(extractor.model.name)}' takes. Tried were {sizes or 'none'}.{last}",
        remedy="Give data of yours, or say the size beside Noise on the page.",
    )


def _refused(extractor: Extractor, specs: Sequence[InputSpec], shapes: Shapes) -> str:
    """Return why a model does not take samples of these shapes; empty if it does."""
    model = extractor.model
    counts = [tensor.shape[0] for tensor in model.inputs if tensor.shape[0]]
    count = int(counts[0]) if counts else 1
    try:
        arrays = {spec.name: noise(spec, count, place, shapes[spec.name]) for place, spec in enumerate(specs)}
        tensors = structure.to_tensors(model, arrange(model, arrays))
        _, recorder = recorded_pass(model, tensors, False, Selection(frozenset()))
    except (ExtractionFailed, InputRejected) as error:
        return error.message
    for call in recorder.calls:
        for key, tensor, _ in call.outputs():
            if 0 in tuple(tensor.shape):
                return f"layer {safe_name(key)!r} answers nothing, {safe_name(tuple(tensor.shape)[1:])}"
    return ""


def _configuration(model: Any) -> Mapping[str, Any] | None:
    try:
        config: Mapping[str, Any] = json.loads(model.to_json())
    except Exception:
        # A stranger's class may not say how it is made; then sizes are only tried.
        _log.debug("the configuration of %s cannot be read", model.name, exc_info=True)
        return None
    return config


def _inputs(model: Any, specs: Sequence[InputSpec]) -> Iterator[tuple[InputSpec, Any]]:
    return zip(specs, model.inputs, strict=True)


def _lengths_in(model: Any, specs: Sequence[InputSpec]) -> list[int]:
    """Return for how many positions a model has vectors, as far as its layers say so."""
    vocabularies = {spec.vocabulary_size for spec in specs}
    found = []
    for layer in all_layers(model):
        length = getattr(layer, "sequence_length", None)
        if length is None and is_embedding(layer) and layer.input_dim not in vocabularies:
            length = layer.input_dim
        if isinstance(length, int) and 0 < length <= 4096:
            found.append(length)
    return sorted(set(found))


def _in_words(specs: Sequence[InputSpec], shapes: Shapes) -> str:
    sizes = (size_text(open_extents(spec, shapes[spec.name])) for spec in specs if is_open(spec))
    return " and ".join(dict.fromkeys(sizes))
