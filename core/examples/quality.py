"""What the predictions of an example are worth on samples that it was not trained on, in a sentence."""

import numpy as np

from core.common.text import percent
from core.examples.datasets import Dataset

__all__ = [
    "error_of_copies",
    "error_of_forecasts",
    "explained_variance",
    "mean_intersection_over_union",
    "share_of_right_answers",
]


def share_of_right_answers(predictions: np.ndarray, dataset: Dataset) -> str:
    """Say how many classes are right; ``predictions`` have the shape ``(sample, class)``."""
    labels = dataset.held_out_labels
    share = percent(float(np.mean(predictions.argmax(axis=-1) == labels)), 1)
    return f"Right on {share} of {len(labels):,} held-out samples."


def mean_intersection_over_union(predictions: np.ndarray, dataset: Dataset) -> str:
    """Say how well masks lie over the true ones; ``predictions`` have the shape ``(sample, height, width, class)``."""
    answers, labels = predictions.argmax(axis=-1), dataset.held_out_labels
    shares = []
    for number in range(len(dataset.class_names)):
        answered, true = answers == number, labels == number
        shares.append((answered & true).sum() / (answered | true).sum())
    mean = float(np.mean(shares))
    return f"Mean intersection over union {mean:.3f} on {len(labels):,} held-out pictures."


def error_of_copies(predictions: np.ndarray, dataset: Dataset) -> str:
    """Say how far copies are from the inputs; both have the shape ``(sample, height, width, channel)``."""
    error = float(np.mean((predictions - dataset.held_out_inputs) ** 2))
    blank = float(np.var(dataset.held_out_inputs - dataset.train_inputs.mean(axis=0)))
    return (
        f"Mean squared error {error:.4f} on {len(predictions):,} held-out pictures, {blank:.4f} for the mean picture."
    )


def error_of_forecasts(predictions: np.ndarray, dataset: Dataset) -> str:
    """Say how far forecasts of shape ``(sample, hour)`` are off, against those that repeat the day before."""
    error = float(np.abs(predictions - dataset.held_out_labels).mean())
    day_before = dataset.held_out_inputs[:, -predictions.shape[1] :, 0]
    naive = float(np.abs(day_before - dataset.held_out_labels).mean())
    return f"Off by {error:.2f} m in the mean on {len(predictions):,} held-out days, {naive:.2f} m by the day before."


def explained_variance(predictions: np.ndarray, dataset: Dataset) -> str:
    """Say how much of the labels' variance one number per sample explains, shape ``(sample, 1)``: R²."""
    labels = dataset.held_out_labels
    left = float(np.mean((predictions[:, 0] - labels) ** 2) / labels.var())
    return f"Explains {percent(1 - left)} of the variance (R²) on {len(labels):,} held-out people."
