"""Where each head of an attention layer looks: which key each query takes its answer from."""

from typing import Literal

import altair as alt
import numpy as np
from pydantic import Field

from vizplugins import Activation, Handles, Options, SampleIndex, Visualizer, charts, gallery, hookimpl

_SCORES = "attention_scores"
_CELL = 22
_LEAST, _MOST = 220, 300
_HEADS_WIDTH, _HEADS_HEIGHT = 330, 330
_TILE_CELLS = 192
_MOST_TOOLTIPS = 8_000
_NOTABLE_SHARE = 0.01
_EVEN = 0.05


class AttentionHeadsOptions(Options):
    """Which head is shown large."""

    sample: SampleIndex = 0
    # No HeadIndex: what the layer answers has no axis of heads, its scores have.
    head: int | None = Field(None, ge=0, title="Head", description="Shown large. None: the average over heads.")
    colours: Literal["from zero", "from the lowest"] = Field(
        "from zero", title="Colours", description="From the lowest score shows faint differences."
    )
    hide_padding: bool = Field(
        True, title="Hide padding", description="Leave out the positions that hold no token, where tokens are known."
    )


def _has_scores(activation: Activation) -> str:
    # Of a model that was saved without its layers the softmax inside of one answers them.
    if activation.part == _SCORES or "Softmax" in activation.layer.type_names:
        wanted = ("sample", "head", "query", "key")
        return "" if activation.axes == wanted else f"takes axes ({', '.join(wanted)})"
    if not any(key.endswith(f":{_SCORES}") for key in activation.layer.internals):
        return f"no attention scores of this {activation.layer.type_name} can be recorded"
    if activation.rank != 3:
        return f"takes attention along one axis of positions (rank 3), this is rank {activation.rank}"
    return ""


class AttentionHeads(Visualizer):
    """Which positions each head looks at. Click a head to see it large."""

    name = "attention-heads"
    title = "Attention"
    group = "look"
    handles = Handles(
        layer_types=("MultiHeadAttention", "GroupedQueryAttention", "Attention", "Softmax"),
        parts=("output", _SCORES),
        dtypes=("number",),
        when=_has_scores,
    )
    Options = AttentionHeadsOptions
    priority = 10
    needs = ("internals",)
    how_to_read = (
        "A row is a query: the position that asks. Its scores add up to 1 over the keys, the positions that it takes "
        "its answer from. A diagonal is a head that looks at itself or its neighbour, a column a position that "
        "everybody looks at. The tooltip of a head says how many keys it looks at at a time, taken from its entropy."
    )
    limitations = (
        "A score says where a head looks, not what it takes from there: the values that it finds may be close to zero. "
        "The average hides heads that look at different places. Tokens are matched to positions by their number, so "
        "where query and key are two sequences of one length, the labels of one may be those of the other; after the "
        "first layer a position holds more than its token. Beyond some 90 positions a tooltip speaks for a whole row."
    )

    def chart(self, activation: Activation, options: AttentionHeadsOptions) -> alt.HConcatChart:
        """Draw one map of scores large, and every head small beside it."""
        answer = activation.sample(options.sample)
        recorded = answer if "head" in answer.axes else answer.internals[_SCORES]
        scores = recorded.values.astype(np.float32)  # (head, query, key)
        queries, keys = (charts.token_labels(answer, length) for length in scores.shape[1:])
        rows = _positions(queries, options.hide_padding, scores.shape[1])
        columns = _positions(keys, options.hide_padding, scores.shape[2])
        on_padding = _share_on_padding(scores[:, rows], columns)
        hidden_keys = scores.shape[2] - len(columns)
        scores = scores[:, rows][:, :, columns]
        head = None if options.head is None else min(options.head, len(scores) - 1)
        large = _mean_over_heads(scores) if head is None else scores[head]
        scale = _scale(large, options.colours)
        heading = charts.title(
            f"{len(scores):,} {'head' if len(scores) == 1 else 'heads'} of {activation.key}, "
            f"{scores.shape[1]:,} queries by {scores.shape[2]:,} keys",
            charts.sample_name(activation, options.sample),
            "" if head == options.head else f"there is no head {options.head}: the last one, {head}, is shown",
            _note_hidden(hidden_keys, on_padding),
            _note_uniform(scores),
            f"colours start at the lowest score, {charts.number_text(scale.low)}" if scale.low > 0 else "",
            charts.note_not_finite(scores),
        )
        thinned = charts.note_reduced(scores.shape[1:], _TILE_CELLS)
        heading.subtitle = [*heading.subtitle, *([f"small maps: {thinned} scores"] if thinned else [])]
        name = "Average over heads" if head is None else f"Head {head}"
        large_map = _large_map(
            large,
            scale,
            name,
            labels=(_labels(queries, rows), _labels(keys, columns)),
            # Of a part of the positions they would stand at the wrong ones.
            rulers=(
                charts.ruler_of(recorded, "query") if len(rows) == recorded.extent("query") else None,
                charts.ruler_of(recorded, "key") if len(columns) == recorded.extent("key") else None,
            ),
        )
        small_maps = gallery.gallery(
            np.stack([charts.reduced(scores_of_head, _TILE_CELLS) for scores_of_head in scores]),
            numbers=np.arange(len(scores)),
            scale=_scale(scores, options.colours),
            chosen=head,
            select="head",
            value_title="Score",
            width=_HEADS_WIDTH,
            height=_HEADS_HEIGHT,
            measures={"keys at a time": np.array([_positions_looked_at(scores_of_head) for scores_of_head in scores])},
        )
        resolve = alt.Resolve(scale=alt.ScaleResolveMap(color="independent"))
        return alt.HConcatChart(hconcat=[large_map, small_maps], spacing=28, title=heading, resolve=resolve)


def _large_map(
    scores: np.ndarray,
    scale: charts.ColourScale,
    name: str,
    *,
    labels: tuple[list[str] | None, list[str] | None],
    rulers: tuple[charts.Ruler | None, charts.Ruler | None],
) -> alt.LayerChart:
    at_a_time = _positions_looked_at(scores)
    return charts.heatmap(
        scores,
        row="query",
        column="key",
        scale=scale,
        value_title="Score",
        width=int(np.clip(scores.shape[1] * _CELL, _LEAST, _MOST)),
        height=int(np.clip(scores.shape[0] * _CELL, _LEAST, _MOST)),
        title=charts.small_title(
            f"{name} · a query looks at {charts.number_text(at_a_time)} of {scores.shape[1]:,} keys at a time"
        ),
        row_labels=labels[0],
        column_labels=labels[1],
        row_ruler=rulers[0],
        column_ruler=rulers[1],
        most_tooltips=_MOST_TOOLTIPS,
    )


def _scale(scores: np.ndarray, colours: str) -> charts.ColourScale:
    if colours == "from the lowest" or not (scores > 0).any():
        return charts.colour_scale(scores, "viridis")
    return charts.magnitude_scale(scores)


def _positions(tokens: tuple[tuple[str, ...], np.ndarray] | None, hide_padding: bool, length: int) -> np.ndarray:
    positions = np.arange(length)
    if tokens is None or not hide_padding or not tokens[1].any():
        return positions
    return positions[tokens[1]]


def _labels(tokens: tuple[tuple[str, ...], np.ndarray] | None, positions: np.ndarray) -> list[str] | None:
    return None if tokens is None else [tokens[0][position] or "(padding)" for position in positions]


def _share_on_padding(scores: np.ndarray, columns: np.ndarray) -> float:
    clean = np.nan_to_num(scores.astype(np.float64), posinf=0, neginf=0)
    total = float(clean.sum())
    return 1 - float(clean[:, :, columns].sum()) / total if total else 0.0


def _note_hidden(count: int, on_padding: float) -> str:
    if not count:
        return ""
    ignored = f"; {charts.percent(on_padding)} of the attention goes there" if on_padding > _NOTABLE_SHARE else ""
    return f"{count:,} {'position' if count == 1 else 'positions'} of padding hidden{ignored}"


def _note_uniform(scores: np.ndarray) -> str:
    even = 1 / scores.shape[2]
    if scores.shape[2] == 1 or not np.isfinite(scores).all() or np.abs(scores - even).max() > _EVEN * even:
        return ""
    return f"practically uniform: every score is within 5 % of 1/{scores.shape[2]:,} = {charts.number_text(even)}"


def _mean_over_heads(scores: np.ndarray) -> np.ndarray:
    # Of infinities of both signs there is no mean; that it is no number is seen.
    with np.errstate(invalid="ignore"):
        return scores.mean(axis=0, dtype=np.float64).astype(np.float32)


def _positions_looked_at(scores: np.ndarray) -> float:
    """Return e to the entropy of a row of scores, in the mean over rows: how many keys share a query's attention."""
    clean = np.clip(np.nan_to_num(scores.astype(np.float64), posinf=0), 0, None)  # (query, key)
    total = clean.sum(axis=1, keepdims=True)
    # Hidden keys and dropout take away from a row; what is left of it is compared.
    shares = clean / np.where(total, total, 1)
    entropy = -(shares * np.log(np.where(shares, shares, 1))).sum(axis=1)
    asked = total[:, 0] > 0
    return float(np.exp(entropy[asked]).mean()) if asked.any() else 0.0


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [AttentionHeads()]
