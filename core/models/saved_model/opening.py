"""A SavedModel as a Keras model: its scopes as layers, or one layer around it all where these cannot be told apart."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from core.common.text import list_names, safe_name
from core.errors import ModelRefused, SeveralModels
from core.models.graph_model.flat_graph import ClosedGraph, flat_graph_of_function
from core.models.graph_model.model import model_of_graph
from core.models.saved_model.keras_metadata import classes_of_layers

__all__ = ["chosen_signature", "model_of_saved_model"]

_log: Final = logging.getLogger("layerscope")


def model_of_saved_model(folder: Path, signature: str) -> Any:
    """Return a Keras model of one signature of a SavedModel, which was checked before.

    Args:
        folder: Holds the SavedModel; it is not needed afterwards.
        signature: Name of the signature.
    """
    layer = _saved_model_layer()(folder, signature)
    try:
        model = _model_of_signature(layer, classes_of_layers(folder / "keras_metadata.pb"))
    except ClosedGraph as reason:
        layer.closed = str(reason)
        model = _model_of_one_layer(layer)
    # Tables and variables live as long as what was loaded; as an attribute Keras would take it for a part of the model.
    object.__setattr__(model, "saved_model", (layer,))
    return model


def _model_of_signature(layer: Any, class_names: Mapping[str, str]) -> Any:
    function = layer.call_endpoint_fn
    try:
        flat = flat_graph_of_function(function, sorted(layer.signature))
        return model_of_graph(flat, function.variables, class_names, name="saved_model")
    except ClosedGraph:
        raise
    except Exception as error:
        # What runs as a whole is opened, whatever cannot be told apart inside.
        _log.warning("The layers inside a SavedModel could not be told apart", exc_info=True)
        raise ClosedGraph(f"its operations could not be told apart ({type(error).__name__})") from error


def _model_of_one_layer(layer: Any) -> Any:
    import keras

    inputs = {
        name: keras.Input(batch_shape=spec.shape.as_list(), dtype=spec.dtype.name, name=name)
        for name, spec in sorted(layer.signature.items())
    }
    outputs = layer(inputs)
    return keras.Model(
        next(iter(inputs.values())) if len(inputs) == 1 else inputs,
        next(iter(outputs.values())) if len(outputs) == 1 else outputs,
        name="saved_model",
    )


@cache
def _saved_model_layer() -> Any:
    """The class of the layer around a SavedModel; made when first needed, since its base is Keras'."""
    import keras

    class SavedModelLayer(keras.layers.TFSMLayer):
        """Calls the serving signature of a SavedModel: named tensors in, named tensors out."""

        def __init__(self, path: Path, endpoint: str) -> None:
            super().__init__(str(path), call_endpoint=endpoint, name="saved_model", trainable=False)
            # An attribute of the same name would have been preferred, and takes its arguments differently.
            self.call_endpoint_fn = self._reloaded_obj.signatures[endpoint]
            self.signature = self.call_endpoint_fn.structured_input_signature[1]
            self.closed = ""

        def call(self, inputs: dict[str, Any], training: bool = False) -> dict[str, Any]:
            return dict(self.call_endpoint_fn(**inputs))

    return SavedModelLayer


def chosen_signature(signatures: Sequence[str], signature: str, name: str) -> str:
    """Return the signature that is meant, or the usual one.

    Args:
        signatures: Names of those that there are.
        signature: Which is meant; empty for the usual one.
        name: What to call the SavedModel in messages.

    Raises:
        SeveralModels: There are several, none is the usual one, and none was named.
        ModelRefused: There is none, or not the one that is meant.
    """
    if signature and signature not in signatures:
        raise ModelRefused(
            f"{name} holds neither a model nor a signature {safe_name(signature)!r}.",
            remedy=f"Its signatures are: {list_names(signatures) or 'none'}.",
        )
    default = next((candidate for candidate in ("serving_default", "serve") if candidate in signatures), "")
    if signature or default or len(signatures) == 1:
        return signature or default or signatures[0]
    if signatures:
        raise SeveralModels(
            f"{name} is a SavedModel with several signatures: {', '.join(map(safe_name, signatures[:5]))}.",
            choices=signatures,
            remedy="Choose one of them.",
            code=f"layerscope.load_model({name!r}, member={signatures[0]!r})",
        )
    raise ModelRefused(
        f"{name} is a SavedModel with no serving signature, so nothing says what it takes.",
        remedy="Export the model with model.export(), which adds one.",
        code='model.export("saved_model")',
    )
