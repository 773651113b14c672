"""Graphs that TensorFlow 1 froze."""

from typing import Any

from vizplugins import ModelFileCopy, ModelLoader, hookimpl, saved_graphs


class FrozenGraph(ModelLoader):
    """A graph that TensorFlow 1 froze, its name scopes as layers; every operation of it was looked at before."""

    name, title, takes = "frozen-graph", "Frozen graph", ".pb, as TensorFlow 1 wrote it"

    def match(self, file: ModelFileCopy) -> bool:
        """Return whether it begins as such a graph does, and is called so."""
        return saved_graphs.is_frozen_graph(file.head, file.file_name)

    def load(self, file: ModelFileCopy) -> Any:
        """Return its layers as a Keras model."""
        return saved_graphs.model_of_frozen_graph(file.read(saved_graphs.MAX_GRAPH_BYTES), file.name)


@hookimpl
def model_loaders() -> list[ModelLoader]:
    """Return the loader."""
    return [FrozenGraph()]
