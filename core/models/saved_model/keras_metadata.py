"""What Keras 2 wrote beside a SavedModel: the name and the class of each layer, which the graph does not hold."""

import json
from pathlib import Path
from typing import Final

from core.errors import ModelRefused
from core.models.saved_model.protobuf import Kind, ProtobufReader, Schema

__all__ = ["classes_of_layers"]

_MOST_BYTES: Final = 64 << 20
_MOST_OF_A_LAYER: Final = 1 << 20
_MAX_STEPS: Final = 2_000_000
_NODES: Final[Schema] = {1: Kind.SPANS}
_IDENTIFIER: Final = 4
_METADATA: Final = 5
_NODE: Final[Schema] = {_IDENTIFIER: Kind.SPAN, _METADATA: Kind.SPAN}
_LAYERS: Final = frozenset({"_tf_keras_layer", "_tf_keras_rnn_layer", "_tf_keras_network", "_tf_keras_sequential"})
"""How Keras 2 calls what is a layer, in ``keras_metadata.pb`` (its ``saved_metadata.proto``)."""
_SAYING_NOTHING: Final = frozenset(
    {"TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceProperty", "TimeDistributed", "Wrapper"}
)
"""What stands for any operation of TensorFlow, whose own type says more, or for what is wrapped, which is not noted."""


def classes_of_layers(path: Path) -> dict[str, str]:
    """Return the class of each layer by its name, as far as a file tells; empty where there is none, or a damaged one.

    Args:
        path: Of ``keras_metadata.pb``.
    """
    if not path.is_file() or path.stat().st_size > _MOST_BYTES:
        return {}
    reader = ProtobufReader(path.read_bytes(), path.name, _MAX_STEPS)
    classes: dict[str, str] = {}
    try:
        for _, begin, end in reader.fields((0, len(reader.data)), _NODES):
            values = {number: reader.text(*span) for number, *span in reader.fields((begin, end), _NODE)}
            if values.get(_IDENTIFIER) in _LAYERS:
                name, class_name = _name_and_class(values.get(_METADATA, "{}"))
                classes[name] = class_name
    except (ModelRefused, ValueError, RecursionError, MemoryError):
        # Names are a help, and nothing hangs on them.
        return {}
    return {
        name: class_name
        for name, class_name in classes.items()
        if name and class_name.isidentifier() and class_name not in _SAYING_NOTHING
    }


def _name_and_class(text: str) -> tuple[str, str]:
    metadata = json.loads(text) if len(text) <= _MOST_OF_A_LAYER else None
    if not isinstance(metadata, dict):
        return "", ""
    # A class of somebody's own stands behind the name of its package.
    return str(metadata.get("name", "")), str(metadata.get("class_name", "")).rpartition(">")[2]
