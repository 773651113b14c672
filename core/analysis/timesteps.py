"""What stands at each timestep of a sequence: a word where the input was text, and where there is only padding."""

from __future__ import annotations

from typing import Final

import numpy as np

from core.extraction.activation import Activation

__all__ = ["known_steps", "shown_steps", "step_words"]

_FURTHEST: Final = 64


def shown_steps(activation: Activation) -> np.ndarray:
    """Return which timesteps are no padding, as far as that is known anywhere in the model.

    A layer that has no mask of its own may still work on padding: what a layer before it knows is taken then, and what
    the text says, where its words are as many as the timesteps.

    Args:
        activation: What a layer answered to some samples, or to one of them.

    Returns:
        Boolean, shape ``(sample, time)``, or ``(time,)`` for one sample; ``activation.shown`` without an axis of time.
    """
    # Masks and words are of a sample's first axis; behind that of the frequencies they are of none.
    if activation.axes[:1] != ("time",) and activation.axes[:2] != ("sample", "time"):
        return activation.shown
    known = known_steps(activation)
    return np.ones(activation.shape[: activation.axes.index("time") + 1], dtype=bool) if known is None else known


def known_steps(activation: Activation) -> np.ndarray | None:
    """Return which timesteps are no padding, as :func:`shown_steps`; None where nothing is known of that."""
    if "time" not in activation.axes[:2]:
        return None
    shape = activation.shape[: activation.axes.index("time") + 1]
    mask = _nearest_mask(activation, shape)
    if mask is not None:
        return mask
    words = _words(activation, shape)
    # A word for each of them, or for none: then these are no words that could tell.
    return None if words is None or not (words != "").any() else words != ""


def step_words(answer: Activation) -> tuple[str, ...] | None:
    """Return the token at each timestep of one sample, empty where there is padding.

    Args:
        answer: What a layer answered to one sample.

    Returns:
        None where the input is no text, or its words are not as many as the timesteps.
    """
    if answer.axes[:1] != ("time",):
        return None
    words = _words(answer, answer.shape[:1])
    if words is None or not (words != "").any():
        return None
    return tuple(str(word) for word in np.where(shown_steps(answer), words, ""))


def _words(activation: Activation, shape: tuple[int, ...]) -> np.ndarray | None:
    tokens = activation.context.tokens
    if tokens is None:
        return None
    if activation.layer.loop == "steps":
        return None  # as many as there are words by chance
    words = tokens if len(shape) == 2 else tokens[0]
    if words.shape != shape:
        return None
    return words[..., ::-1] if _is_turned(activation) else words


def _is_turned(activation: Activation) -> bool:
    return ("direction", "backwards") in activation.layer.settings or activation.layer.loop == "backwards"


def _nearest_mask(activation: Activation, shape: tuple[int, ...]) -> np.ndarray | None:
    if activation.mask is not None and activation.mask.shape == shape:
        return np.asarray(activation.mask, dtype=bool)
    if activation.layer.loop == "steps":
        return None
    nearest, met = [activation], {activation.key}
    for _ in range(_FURTHEST):
        for each in nearest:
            if each.mask is not None and each.mask.shape == shape:
                mask = np.asarray(each.mask, dtype=bool)
                # What a layer that goes backwards answers is turned round against what went in.
                return mask[..., ::-1] if _is_turned(activation) else mask
        before = {given.key: given for each in nearest for given in each.inputs if given.key not in met}
        met |= before.keys()
        nearest = list(before.values())
    return None
