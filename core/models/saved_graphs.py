"""Graphs of TensorFlow as Keras models, for who loads files of them."""

from core.common.file_signatures import is_frozen_graph
from core.models.saved_model.check import MAX_GRAPH_BYTES
from core.models.saved_model.opening import model_of_frozen_graph

__all__ = ["MAX_GRAPH_BYTES", "is_frozen_graph", "model_of_frozen_graph"]
