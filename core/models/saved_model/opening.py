"""A SavedModel as a Keras model: its scopes as layers, or one layer around it all where these cannot be told apart."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from core.common.text import list_names, safe_name
from core.errors import ModelRefused, SeveralModels
from core.models.graph_model.flat_graph import ClosedGraph, FlatGraph, flat_graph_of_function, flat_graph_of_nodes
from core.models.graph_model.model import model_between, model_of_graph
from core.models.saved_model.keras_metadata import classes_of_layers

__all__ = ["chosen_signature", "model_of_frozen_graph", "model_of_saved_model"]

_NO_ANSWERS: Final = frozenset({"Assert", "Const", "NoOp", "Placeholder", "PlaceholderWithDefault"})
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


def model_of_frozen_graph(content: bytes, name: str) -> Any:
    """Return a Keras model of a graph that TensorFlow 1 froze, which was checked before.

    What it takes are its placeholders, and what it answers is what no operation of it takes.

    Args:
        content: A ``GraphDef``.
        name: What to call it in messages.

    Raises:
        ModelRefused: Nothing goes in or comes out, or it has loops as TensorFlow 1 wrote them.
    """
    import tensorflow as tf

    definition = tf.compat.v1.GraphDef.FromString(content)
    inputs = {node.name: f"{node.name}:0" for node in definition.node if node.op == "Placeholder"}
    taken = {source.lstrip("^").partition(":")[0] for node in definition.node for source in node.input}
    ends = [node for node in definition.node if node.name not in taken and node.op not in _NO_ANSWERS]
    try:
        first = {node.name: f"{node.name}:0" for node in ends}
        flat = flat_graph_of_nodes(definition, _short_names(inputs), _short_names(first), {})
        outputs = _all_results(flat.graph, flat.outputs)
        if not inputs or not outputs:
            raise ModelRefused(
                f"Nothing goes into the graph {name}, or nothing comes out of it.",
                remedy="Freeze it again with the names of its outputs.",
            )
        _refuse_settings(flat, name)
        return model_of_graph(replace(flat, outputs=outputs), [], {}, name="frozen_graph")
    except ClosedGraph as reason:
        raise ModelRefused(
            f"The graph {name} cannot be run by its layers: {reason}.",
            remedy="Load it in TensorFlow, and save it as a SavedModel.",
            code="module = tf.Module(); module.serve = tf.compat.v1.wrap_function(import_graph, signature)\n"
            'tf.saved_model.save(module, "saved_model", signatures=module.serve)',
        ) from reason


def _all_results(graph: Any, outputs: Mapping[str, str]) -> dict[str, str]:
    """Return each output with what else its operation answers; without those that answer nothing."""
    results: dict[str, str] = {}
    for name, tensor in outputs.items():
        operation = graph.get_operation_by_name(tensor.rpartition(":")[0])
        if f"{operation.name}:0" != tensor:
            results[name] = tensor
            continue
        for position, each in enumerate(operation.outputs):
            results[f"{name}_{position}" if position else name] = each.name
    return results


def _refuse_settings(flat: FlatGraph, name: str) -> None:
    for input_name, tensor in flat.inputs.items():
        if flat.graph.get_tensor_by_name(tensor).shape.rank == 0:
            raise ModelRefused(
                f"The input {safe_name(input_name)!r} of the graph {name} is one number for all samples, and cannot be "
                "given here.",
                remedy="Freeze it again with the number in its place, as inference takes it.",
            )


def _short_names(tensors: Mapping[str, str]) -> dict[str, str]:
    """Return tensors by the last part of their names, where that is theirs alone."""
    last = [name.rpartition("/")[2] for name in tensors]
    return {
        (short if last.count(short) == 1 else name.replace("/", "_")): tensor
        for short, (name, tensor) in zip(last, tensors.items(), strict=True)
    }


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
    return model_between(inputs, layer(inputs), "saved_model")


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
