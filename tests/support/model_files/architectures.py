"""``.keras`` and ``.h5`` files of the models that people build: of pictures, sequences, text and tables."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tests.support.model_files import picture_models, sequence_models, table_models
from tests.support.model_files.builders import Case, ModelFiles, Recipe, saved, trained

__all__ = ["ARCHITECTURE_FILES", "HDF5_FILES", "trained_recipe"]

layers = keras.layers

RECIPES: dict[str, Recipe] = {
    "convolutions and batch normalization": picture_models.pictures,
    "Sequential without an input, built by fit": table_models.built_by_fit,
    "the first model of the course": picture_models.first_model_of_the_course,
    "transfer learning": picture_models.transfer_learning,
    "augmentation inside": picture_models.augmented_pictures,
    "several inputs and outputs": table_models.several_inputs_and_outputs,
    "inputs by name": table_models.inputs_by_name,
    "a table of numbers and words": table_models.table_of_numbers_and_words,
    "text into LSTM": sequence_models.text_classifier(lambda: layers.LSTM(5)),
    "text into GRU": sequence_models.text_classifier(lambda: layers.GRU(5)),
    "text into Bidirectional": sequence_models.text_classifier(lambda: layers.Bidirectional(layers.LSTM(4))),
    "names of classes as an output": picture_models.names_of_classes_as_output,
    "a normalized table": table_models.normalized_table,
    "a discretized table": table_models.discretized_table,
    "a Transformer block": sequence_models.transformer_block,
    "attention over a series": sequence_models.attention_over_a_series,
    "LSTM, GRU and SimpleRNN": sequence_models.recurrent,
    "a series of open length": sequence_models.series_of_open_length,
    "encoder and decoder of a series": sequence_models.encoder_and_decoder_of_a_series,
    "a stateful LSTM": sequence_models.stateful_series,
    "Conv1D": sequence_models.convolutions_over_time,
    "an autoencoder": picture_models.autoencoder,
    "a U-Net": picture_models.u_net,
    "residual and depthwise": picture_models.residual_depthwise_pictures,
    "operations between layers": table_models.operations_between_layers,
    "siamese": table_models.siamese,
    "regularizers, constraints and initializers": table_models.regularizers_constraints_and_initializers,
    "an Embedding of whole numbers": sequence_models.embedding_of_whole_numbers,
    "a recommender": table_models.recommender,
    "an ensemble": table_models.ensemble,
    "long names with dots": table_models.long_names_with_dots,
    "names of another script": table_models.names_of_another_script,
    "Conv3D": picture_models.volumes,
}

OLD_FORMAT = (
    "convolutions and batch normalization",
    "several inputs and outputs",
    "a Transformer block",
    "LSTM, GRU and SimpleRNN",
    "an autoencoder",
    "a U-Net",
    "siamese",
    "an ensemble",
)


@cache
def trained_recipe(name: str) -> tuple[Any, Any]:
    """Return the model of a recipe, fit where the recipe has targets, and what goes in."""
    model, inputs, targets, loss = RECIPES[name]()
    if targets is not None:
        data = inputs if _is_numeric(inputs) else keras.tree.map_structure(tf.constant, inputs)
        trained(model, data, targets, loss, jit_compile=False)
    return model, inputs


def architecture(name: str, suffix: str) -> Callable[[Path], ModelFiles]:
    """Return the builder of a file of a recipe's model."""

    def make(folder: Path) -> ModelFiles:
        model, inputs = trained_recipe(name)
        _begin_anew(model)
        files = saved(model, inputs, folder / f"model{suffix}")
        _begin_anew(model)
        return files

    return make


def _is_numeric(inputs: Any) -> bool:
    return all(array.dtype.kind != "U" for array in keras.tree.flatten(inputs))


def _begin_anew(model: Any) -> None:
    for layer in model.layers:
        if getattr(layer, "stateful", False):
            layer.reset_state()


ARCHITECTURE_FILES = [Case(name, architecture(name, ".keras")) for name in RECIPES]
HDF5_FILES = [Case(f"{name}, .h5", architecture(name, ".h5")) for name in OLD_FORMAT]
