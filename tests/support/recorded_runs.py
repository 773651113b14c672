"""Recorded trainings of a small model, written as a training writes them, with weights that are known at each step."""

from pathlib import Path

import keras
import numpy as np

from core.extraction.extractor import Extractor
from core.training.ledger import ArrayEntry, LayerEntry, RunDescription
from core.training.measures import LAYER_MEASURES
from core.training.places import MODEL
from core.training.writer import RunWriter

STEPS = (0, 10, 20, 30, 40)
KEPT = (0, 20, 40)
CLASSES = ("round", "square", "star")


def small_model(*, is_normalized=False):
    """Return an untrained model of small pictures whose layers bear names."""
    keras.utils.set_random_seed(5)
    layers = keras.layers
    normalization = [layers.Normalization(axis=-1, mean=None, variance=None, name="normal")] if is_normalized else []
    if is_normalized:
        normalization[0].adapt(np.random.default_rng(0).normal(2, 3, (40, 6, 6, 1)).astype(np.float32))
    return keras.Sequential(
        [
            keras.Input((6, 6, 1), name="picture"),
            *normalization,
            layers.Conv2D(3, 3, activation="relu", name="conv"),
            layers.Flatten(name="flat"),
            layers.Dense(4, activation="relu", name="hidden_layer_with_a_long_name"),
            layers.Dense(3, activation="softmax", name="answer"),
        ],
        name="shapes",
    )


def samples():
    """Return the pictures that are watched, and their classes."""
    return np.random.default_rng(1).normal(size=(12, 6, 6, 1)).astype(np.float32), np.arange(12) % 3


def weights_at(model_weights, step):
    """Return the weights of a step: those at first, moved in a direction of their own."""
    random = np.random.default_rng(7)
    return [each + step / 20 * np.abs(random.normal(size=each.shape)).astype(each.dtype) for each in model_weights]


class RecordedRun:
    """A run in a folder, to which steps can be added.

    Args:
        folder: Where.
        has_model: Whether the model's own file is in it.
        keeps_answers: Whether what the hidden layer answers is kept as well.
        is_normalized: Whether the model begins with a layer that has constants of its own.
        nan_from: The first step at which the convolution is not finite.
        sign: Another one makes other numbers.
    """

    def __init__(self, folder, *, has_model=True, keeps_answers=False, is_normalized=False, nan_from=None, sign=1.0):
        self.folder = Path(folder)
        self.model = small_model(is_normalized=is_normalized)
        self.first_weights = [np.array(each) for each in self.model.get_weights()]
        self.nan_from, self.sign, self.keeps_answers = nan_from, sign, keeps_answers
        self.extractor = Extractor(self.model)
        pictures, labels = samples()
        self.answers = self.extractor.extract(pictures)
        layers = [(each.layer, each.shape[-1]) for each in self.answers.values()]
        description = RunDescription(
            model_name="shapes",
            layers=tuple(LayerEntry.of(layer, units) for layer, units in layers),
            weights=tuple(
                ArrayEntry(name=each.path, shape=tuple(each.shape), dtype=str(np.dtype(each.dtype)))
                for each in self.model.weights
            ),
            inputs=(ArrayEntry(name="picture", shape=pictures.shape, dtype="float32"),),
            labels=ArrayEntry(name="labels", shape=labels.shape, dtype="int64"),
            class_names=CLASSES,
            sample_count=len(pictures),
            every=10,
            has_model=has_model,
        )
        self.writer = RunWriter(self.folder, description, None, 10_000_000)
        self.writer.write_samples([pictures], labels)
        if has_model:
            self.model.save(self.folder / MODEL)

    def add(self, *steps, is_complete=False):
        """Record some steps; every second one keeps its weights."""
        for step in steps:
            self.model.set_weights(self.weights(step))
            answers = self.extractor.extract(samples()[0])
            rows = [self._row(key, each.values, step) for key, each in answers.items()]
            units = [_unit_rows(each.values) for each in answers.values()]
            logs = {"loss": 2.0 / (1 + step), "accuracy": step / 100} if step else {}
            self.writer.append((step, step // 20, step / 10), np.stack(rows), np.concatenate(units), logs)
            if step % 20 == 0:
                self.writer.keep_weights(step, self.weights(step))
            if self.keeps_answers:
                kept = answers["hidden_layer_with_a_long_name"]
                self.writer.keep_activations(step, {kept.key: (kept.axes, np.array(kept.values))})
        self.writer.flush(is_complete=is_complete)
        return self

    def weights(self, step):
        """Return the model's weights at a step."""
        return weights_at(self.first_weights, self.sign * step)

    def model_at(self, step):
        """Return a model of its own with the weights of a step, through a file, as somebody would have saved it."""
        self.model.set_weights(self.weights(step))
        path = self.folder.parent / f"at-{step}.keras"
        self.model.save(path)
        return path

    def _row(self, key, values, step):
        row = np.full(len(LAYER_MEASURES), np.nan, np.float32)
        is_broken = self.nan_from is not None and step >= self.nan_from and key == "conv"
        known = {"zeros": (values == 0).mean(), "mean": np.nan if is_broken else values.mean(), "not_finite": is_broken}
        if key != "flat":
            known["update_ratio"] = 10.0 ** -(step / 10 + 1)
        for name, value in known.items():
            row[LAYER_MEASURES.index(name)] = value
        return row


def _unit_rows(values):
    rows = values.reshape(-1, values.shape[-1])
    columns = [rows.mean(axis=0), rows.std(axis=0), rows.min(axis=0), rows.max(axis=0), (rows == 0).mean(axis=0)]
    return np.stack([*columns, np.full(rows.shape[1], np.nan)], axis=1).astype(np.float32)
