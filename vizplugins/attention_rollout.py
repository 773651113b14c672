"""From which positions of the input attention can have brought something to a layer, over all layers before it."""

from typing import Any

import altair as alt
import numpy as np
from pydantic import Field

from vizplugins import (
    Activation,
    Extractor,
    Handles,
    Options,
    Refusal,
    SampleIndex,
    Visualizer,
    attribution,
    charts,
    hookimpl,
    overlays,
)

_SCORES = "attention_scores"
_SIDE = 320


class AttentionRolloutOptions(Options):
    """Whose attention is followed."""

    sample: SampleIndex = 0
    query: int | None = Field(
        None,
        ge=0,
        title="Query",
        description="The position whose attention is followed back. Automatic: the class token if there is one, else "
        "the mean over all positions.",
    )


def _has_scores(activation: Activation) -> str:
    if not any(key.endswith(f":{_SCORES}") for key in activation.layer.internals):
        return f"no attention scores of this {activation.layer.type_name} can be recorded"
    if activation.rank != 3:
        return f"takes attention along one axis of positions (rank 3), this is rank {activation.rank}"
    if len(set(activation.layer.inputs_from)) > 1:
        return "takes attention of a sequence to itself, this one looks at another"
    return ""


class AttentionRollout(Visualizer):
    """How attention flows from this layer back through all those before it to the positions of the input."""

    name = "attention-rollout"
    title = "Attention rollout"
    group = "explain"
    handles = Handles(
        layer_types=("MultiHeadAttention", "GroupedQueryAttention", "Attention"),
        parts=("output",),
        dtypes=("number",),
        when=_has_scores,
    )
    Options = AttentionRolloutOptions
    how_to_read = (
        "The scores of all attention layers up to this one, multiplied, with half of each position handed on as it is "
        "by the shortcut around each layer (Abnar and Zuidema 2020). Bright positions are where something of the query "
        "can have come from; of a vision transformer they are patches of the image."
    )
    limitations = (
        "Rollout says how attention flows, for no class in particular, not what is taken along: values may be close to "
        "zero, and what the layers between the attention do is left out. Heads are taken in the mean. After many "
        "layers everything looks alike."
    )

    def chart(
        self,
        activation: Activation,
        options: AttentionRolloutOptions,
        extractor: Extractor | None = None,
        activations: Any = None,
    ) -> dict[str, alt.TopLevelMixin] | Refusal:
        """Draw where the chosen query's attention comes from over the input, and the rollout of all queries."""
        reason = attribution.mismatch(extractor, activation)
        if extractor is None or activations is None or reason:
            return Refusal(reason or "The other layers of the pass are not there.")
        layers = {layer.key: layer for layer in activations.layers}
        keys = attribution.attentions_before(layers, activation.key)
        named = activation.context.inputs_of(options.sample)
        recorded = extractor.extract(named, layers=keys, internals=True)
        scores = {key: recorded[f"{key}:{_SCORES}"].values[0] for key in keys}
        count = activation.shape[1]
        square = {key: each for key, each in scores.items() if each.ndim == 3 and each.shape[1:] == (count, count)}
        if not square:
            return Refusal("None of the attention layers before this one looks at as many positions as it answers.")
        flow = attribution.attention_rollout(list(square.values()))
        (places, *_) = attribution.map_places(
            extractor, named, activation.key, activation.shape[1:], activation.context.specs
        )
        query = min(options.query, count - 1) if options.query is not None else 0 if places.special_tokens else None
        # What stands at padding asks for nothing.
        asked = activation.sample(options.sample).shown
        whose = "the mean over all positions" if query is None else f"position {query}"
        if query == 0 and places.special_tokens:
            whose = "the class token"
        values = flow[asked if asked.any() else slice(None)].mean(axis=0) if query is None else flow[query]
        sample = charts.sample_name(activation, options.sample)
        through = f"{len(square)} {'layer' if len(square) == 1 else 'layers'}{_left_out(len(scores) - len(square))}"
        if not attribution.are_in_a_row(layers, tuple(square)):
            through += " (branches beside each other taken for one after another)"
        caption = f"Attention rollout of {whose} through {through} up to {activation.key}: {sample}"
        picture = overlays.at_places(
            values.astype(np.float32), places, activation, options.sample, value_title="Rollout", is_signed=False
        )
        matrix = charts.heatmap(
            flow.astype(np.float32),
            row="query",
            column="key",
            row_ruler=charts.ruler_of(activation),
            column_ruler=charts.ruler_of(activation),
            scale=charts.magnitude_scale(flow),
            value_title="Rollout",
            width=_SIDE,
            height=_SIDE,
        )
        return {caption: picture, "Of all queries": matrix}


def _left_out(count: int) -> str:
    if not count:
        return ""
    which = "1 earlier layer looks" if count == 1 else f"{count} earlier layers look"
    return f" ({which} at another number of positions: left out)"


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [AttentionRollout()]
