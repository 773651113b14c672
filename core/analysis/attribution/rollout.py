"""Attention rollout (Abnar and Zuidema 2020): how attention flows from a layer back to the positions that came in.

A layer's scores say where it looks among the positions that the layer before it made, each of which holds something of
several. Multiplied from the first layer to the last, half of each position handed on as it is by the shortcut, they
say from which positions of the input something can have come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from core.extraction.internals import ATTENTION_SCORES
from core.extraction.layers import LayerInfo

__all__ = ["are_in_a_row", "attention_rollout", "attentions_before"]


def attention_rollout(scores: Sequence[np.ndarray]) -> np.ndarray:
    """Return how much of each position came from each position of the input, shape ``(query, key)``; rows sum to 1.

    Args:
        scores: Of each layer, the first one first, shape ``(head, query, key)`` with as many queries as keys; heads are
            taken in the mean.

    Raises:
        ValueError: If there is none, or a layer looks at another number of positions.
    """
    if not scores or any(each.shape[1:] != (scores[0].shape[1],) * 2 for each in scores):
        raise ValueError("attention rollout needs scores of layers that all look at the same positions")
    flow = np.eye(scores[0].shape[1])
    for each in scores:
        mean = np.nan_to_num(each.astype(np.float64)).mean(axis=0)
        passed = (mean + np.eye(len(mean))) / 2
        flow = passed / passed.sum(axis=1, keepdims=True) @ flow
    return flow


def attentions_before(layers: Mapping[str, LayerInfo], key: str) -> tuple[str, ...]:
    """Return the keys of the attention layers that flow into one, and its own, in call order.

    Those whose queries and keys come from two places, as from an encoder, are left out: they look at other positions.
    Of a block or model on the way, what answers is not known by its key: all layers inside it are taken.

    Args:
        layers: All layers by key, in call order.
        key: Of the last attention layer.
    """
    reached, ahead = {key}, [key]
    while ahead:
        current = layers.get(ahead.pop())
        before = current.inputs_from if current else ()
        around = tuple(f"{layers[each].call_key}/" for each in before if each in layers)
        inside = [each for each in layers if each.startswith(around)]
        for each in (*before, *inside):
            if each not in reached:
                reached.add(each)
                ahead.append(each)
    return tuple(each for each, layer in layers.items() if each in reached and _looks_at_itself(layer))


def are_in_a_row(layers: Mapping[str, LayerInfo], keys: Sequence[str]) -> bool:
    """Return whether of attention layers each comes before the next, so that none stands on a branch beside another.

    Args:
        layers: All layers by key, in call order.
        keys: Of attention layers, in call order.
    """
    return all(one in attentions_before(layers, other) for one, other in pairwise(keys))


def _looks_at_itself(layer: LayerInfo) -> bool:
    has_scores = any(each.endswith(f":{ATTENTION_SCORES}") for each in layer.internals)
    return has_scores and len(set(layer.inputs_from)) == 1
