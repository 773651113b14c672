"""What cannot be asked of a model that TensorFlow Lite runs, and why, in words."""

from __future__ import annotations

from typing import Any, Final

from core.errors import InputRejected, NoGradient
from core.models.tflite.model import is_lite_model

__all__ = ["NO_LITE_GRADIENT", "is_lite_model", "refuse_lite_change", "refuse_lite_gradient"]

NO_LITE_GRADIENT: Final = "TensorFlow Lite computes no gradients: its interpreter only runs a model forwards."
_OPEN_KERAS: Final = "Open the Keras model that the file was converted from."


def refuse_lite_gradient(model: Any) -> None:
    """Refuse to take a gradient.

    Raises:
        NoGradient: If TensorFlow Lite runs the model.
    """
    if is_lite_model(model):
        raise NoGradient(NO_LITE_GRADIENT, remedy=f"Choose a method that needs none, such as occlusion. {_OPEN_KERAS}")


def refuse_lite_change(model: Any) -> None:
    """Refuse to change what layers answer, or their weights, while a model runs.

    Raises:
        InputRejected: If TensorFlow Lite runs the model.
    """
    if is_lite_model(model):
        raise InputRejected(
            "No unit of a TensorFlow Lite model can be set or switched off, and no weight changed: its interpreter "
            "runs the whole file, and lets nobody in between two operators.",
            remedy=_OPEN_KERAS,
        )
