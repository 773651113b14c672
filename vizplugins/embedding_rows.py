"""The vector that an embedding gives each token of a sample, and how long it is."""

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import Activation, Handles, Options, SampleIndex, UnitIndex, Visualizer, charts, hookimpl

_ROW = 16
_WIDTH = 340
_BARS = 120
_ROUNDED = 0.999
_RULE_COLOUR = "#e8932f"


class EmbeddingRowsOptions(Options):
    """How the vectors are coloured, and which unit is marked."""

    sample: SampleIndex = 0
    unit: UnitIndex | None = Field(None, title="Unit", description="Marked. Automatic: the one that answers the most.")
    colours: charts.ColourScheme = Field("automatic", title="Colours")
    hide_padding: bool = Field(True, title="Hide padding", description="Leave out the positions that hold no token.")


class EmbeddingRows(Visualizer):
    """The vector of each token, and its length against the whole table's. Click a cell to choose its unit."""

    name = "embedding-rows"
    title = "Token vectors"
    group = "weights"
    handles = Handles(layer_types=("Embedding",), axes=("sample", "time", "unit"), dtypes=("number",))
    Options = EmbeddingRowsOptions
    priority = 10
    how_to_read = (
        "A row is a token, a column a unit of its vector; similar rows are tokens that the model treats "
        "alike. The bar is the length (norm) of the vector. Training often makes long what decides, and leaves near "
        "its first, short value what it hardly saw. The line is the median of all vectors of the table."
    )
    limitations = (
        "What a unit stands for is arbitrary, only whole vectors compare. Length also depends on how often a token was "
        "seen. Where the input is no text, tokens are known by their numbers. Beyond a screen of tokens not every row "
        "is labelled."
    )

    def chart(self, activation: Activation, options: EmbeddingRowsOptions) -> alt.HConcatChart:
        """Draw tokens by units, and a bar per token beside it."""
        answer = activation.sample(options.sample)
        vectors = answer.values.astype(np.float32)  # (time, unit)
        labels, shown = _tokens(activation, options.sample)
        kept = np.flatnonzero(shown) if options.hide_padding and shown.any() else np.arange(len(vectors))
        vectors, names = vectors[kept], [labels[position] for position in kept]
        lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
        table = _table_lengths(activation)
        hidden = len(labels) - len(kept)
        unit = charts.shown_unit(activation, options.sample, options.unit)
        title = charts.title(
            f"{len(kept):,} tokens of {activation.key} as vectors of {vectors.shape[1]:,} units; unit {unit:,} marked",
            charts.sample_name(activation, options.sample)
            + (f"; {hidden:,} {'position' if hidden == 1 else 'positions'} of padding hidden" if hidden else ""),
            f"the {len(table):,} vectors of the table have a median norm of {charts.number_text(np.median(table))}"
            if len(table)
            else "",
            charts.note_not_finite(vectors),
        )
        height = int(np.clip(len(kept) * _ROW, 120, 560))
        rows = charts.heatmap(
            vectors,
            row="token",
            column="unit",
            scale=charts.colour_scale(vectors, options.colours),
            value_title="Value",
            width=_WIDTH,
            height=height,
            row_labels=names,
            select_column="unit",
        )
        rows = charts.mark_column(rows, unit, f"unit {unit}")
        bars = _bars(names, lengths, table, height)
        return alt.HConcatChart(hconcat=[rows, bars], spacing=16, title=title)


def _tokens(activation: Activation, sample: int) -> tuple[tuple[str, ...], np.ndarray]:
    answer = activation.sample(sample)
    length = answer.shape[0]
    known = charts.token_labels(answer, length)
    if known is not None and _are_of(activation):
        return tuple(label or "(padding)" for label in known[0]), known[1]
    given = answer.inputs[0].values if answer.inputs else np.arange(length)
    numbers = given if given.shape == (length,) else np.arange(length)
    return tuple(f"{number:.0f}" for number in numbers), answer.shown


def _are_of(activation: Activation) -> bool:
    """Return whether what goes into the layer stands for the tokens: a table of positions takes other numbers."""
    tokens = activation.context.tokens
    if tokens is None or not activation.inputs or activation.inputs[0].shape != tokens.shape:
        return True
    pairs = pd.DataFrame({"token": tokens.reshape(-1), "number": activation.inputs[0].values.reshape(-1)})
    return int(pairs.groupby("token")["number"].nunique().max()) == 1


def _table_lengths(activation: Activation) -> np.ndarray:
    table = activation.weights.get("embeddings")
    # A quantized table holds whole numbers on scales of their own.
    if table is None or table.dtype.kind in "iu" or table.ndim != 2:
        return np.array([])
    return np.linalg.norm(table.astype(np.float32), axis=1)


def _bars(names: list[str], lengths: np.ndarray, table: np.ndarray, height: int) -> alt.LayerChart:
    frame = pd.DataFrame({"token": names, "norm": lengths})
    tooltip = [alt.Tooltip("token:N"), alt.Tooltip("norm:Q", format=".4~g")]
    medians = pd.DataFrame({"norm": [float(np.median(table))] if len(table) else [], "is": "median of the table"})
    if len(table):
        # A vector is not longer than itself, whatever its own precision makes of it.
        frame["longer"] = np.searchsorted(np.sort(table), lengths * _ROUNDED) / len(table)
        tooltip.append(alt.Tooltip("longer:Q", title="longer than, of the table", format=".0%"))
    every = np.concatenate([lengths, medians["norm"]])
    longest = float(np.max(every[np.isfinite(every)], initial=0.0)) or 1.0
    bars = charts.row_bars(frame, "norm", height=height, width=_BARS, tooltip=tooltip, domain=(0, longest * 1.04))
    rule = (
        alt.Chart(medians)
        .mark_rule(color=_RULE_COLOUR, strokeWidth=2, strokeDash=[5, 3])
        .encode(x=alt.X("norm:Q"), tooltip=[alt.Tooltip("is:N"), alt.Tooltip("norm:Q", format=".4~g")])
    )
    return alt.LayerChart(layer=[bars, rule] if len(table) else [bars])


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [EmbeddingRows()]
