"""The weights of a layer as matrices, their norms and their spectrum: dense layers, tables, gates and heads."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from vizplugins import (
    Activation,
    Handles,
    Options,
    Refusal,
    UnitIndex,
    Visualizer,
    charts,
    hookimpl,
    layer_weights,
)

_PROJECTIONS = ("query", "key", "value")
_OUTPUT = "attention_output"
_WIDTH = 760
_MOST_IN_SPECTRUM = 1_024
_MOST_BARS = 200
_ROWS_AT_ONCE = 4_096
_HOW_TO_READ = (
    "A row is what goes in, a column a unit; blue weighs against, orange for. Rows without colour are not looked at, "
    "columns alike are units that answer alike. A long bar is a unit that what goes in moves much. A spectrum that "
    "falls at once means that few directions of what goes in count; one that stays even is what random weights have."
)
_LIMITATIONS = (
    "A weight counts as much as what it multiplies: where that is near zero, a strong colour does nothing. A bias, and "
    "normalization behind the layer, are not in the picture."
)


class _Matrix(NamedTuple):
    """A matrix of weights: what it is called, its values ``(in, out)``, and what a row and a column of it are."""

    name: str
    values: np.ndarray
    row: str = "input"
    column: str = "unit"


def _takes(*classes: str) -> Callable[[Activation], str]:
    """Return what asks for a layer of some classes; without naming them, so that pictures of answers come first."""

    def suits(activation: Activation) -> str:
        types = layer_weights.types_of(activation.layer)
        return "" if not types.isdisjoint(classes) else f"takes {', '.join(classes)}"

    return suits


class WeightMatrixOptions(Options):
    """Which unit is marked."""

    unit: UnitIndex | None = Field(None, title="Unit", description="Marked. Automatic: that of the largest norm.")


class WeightMatrix(Visualizer):
    """What each unit of a dense layer weighs, or each token of a table is; norms and spectrum beside it."""

    name = "weight-matrix"
    title = "Weight matrix"
    group = "weights"
    handles = Handles(dtypes=("number",), parts=("output",), when=_takes("Dense", "EinsumDense", "Embedding"))
    Options = WeightMatrixOptions
    priority = -1
    how_to_read = _HOW_TO_READ
    limitations = _LIMITATIONS

    def chart(self, activation: Activation, options: WeightMatrixOptions) -> Mapping[str, alt.TopLevelMixin] | Refusal:
        """Draw the matrix, the norm of each column, and its singular values."""
        weights = activation.weights
        values = _own(weights, "kernel", "embeddings")
        if values is None or values.ndim < 2:
            return Refusal("This layer keeps no matrix of its own.")
        if reason := layer_weights.not_what_multiplies(weights, values):
            return Refusal(reason)
        outgoing = _outgoing_axes(values.shape, activation.shape)
        columns = int(np.prod(values.shape[-outgoing:]))
        row = "token" if values.ndim == 2 and "embeddings" in weights else "input"
        column = "unit" if outgoing == 1 and columns == activation.shape[-1] else "column"
        matrix = _Matrix(activation.key, _numbers(values).reshape(-1, columns), row, column)
        return _pictures([matrix], options.unit if column == "unit" else None)


class GateWeightsOptions(Options):
    """Which unit is marked, and which of the two kernels is drawn."""

    unit: UnitIndex | None = Field(None, title="Unit", description="Marked. Automatic: that of the largest norm.")
    weighs: Literal["what goes in", "the state before"] = Field("what goes in", title="Weights of")


class GateWeights(Visualizer):
    """What each gate of a recurrent layer weighs, of what goes in or of its own state before."""

    name = "gate-weights"
    title = "Gate weights"
    group = "weights"
    handles = Handles(dtypes=("number",), parts=("output",), when=_takes(*layer_weights.GATES))
    Options = GateWeightsOptions
    priority = -1
    how_to_read = _HOW_TO_READ
    limitations = _LIMITATIONS

    def chart(self, activation: Activation, options: GateWeightsOptions) -> Mapping[str, alt.TopLevelMixin] | Refusal:
        """Draw a matrix per gate, norms and spectra of all."""
        is_state = options.weighs == "the state before"
        weights = activation.weights
        kernel = _own(weights, "recurrent_kernel" if is_state else "kernel")
        gates = layer_weights.gates_of(activation.layer)
        if kernel is None or kernel.ndim != 2 or not gates or kernel.shape[1] % len(gates):
            return Refusal("This layer keeps no kernel with a part for each gate.")
        if reason := layer_weights.not_what_multiplies(weights, kernel):
            return Refusal(reason)
        parts = np.split(_numbers(kernel), len(gates), axis=1)
        row = "unit before" if is_state else "input"
        return _pictures([_Matrix(gate, part, row) for gate, part in zip(gates, parts, strict=True)], options.unit)


class AttentionWeightsOptions(Options):
    """Which head is drawn."""

    head: int = Field(0, ge=0, title="Head", description="The last one where there are fewer.")


class AttentionWeights(Visualizer):
    """What one head of an attention layer asks by, is found by, hands on and answers: query, key, value and output."""

    name = "attention-weights"
    title = "Query, key, value"
    group = "weights"
    handles = Handles(dtypes=("number",), parts=("output",), when=_takes("MultiHeadAttention"))
    Options = AttentionWeightsOptions
    priority = -1
    how_to_read = (
        "A row of query, key and value is a unit that goes in, a column one of the head's own; of the output it is the "
        "other way round. Query and key with the same strong rows look for one token by another that has the same."
    )
    limitations = _LIMITATIONS + " Only query times key has a meaning: both may be turned together without a change."

    def chart(
        self, activation: Activation, options: AttentionWeightsOptions
    ) -> Mapping[str, alt.TopLevelMixin] | Refusal:
        """Draw the four matrices of a head, norms and spectra of them."""
        weights = activation.weights
        kernels = [weights.get(f"{name}/kernel") for name in _PROJECTIONS]
        output = weights.get(f"{_OUTPUT}/kernel")
        arrays = [each for each in (*kernels, output) if each is not None and each.ndim == 3]
        if len(arrays) < len(_PROJECTIONS) + 1:
            return Refusal("This layer does not keep query, key, value and output with a part for each head.")
        if reason := next(filter(None, (layer_weights.not_what_multiplies(weights, each) for each in arrays)), ""):
            return Refusal(reason)
        *inward, outward = arrays
        head = min(options.head, outward.shape[0] - 1)
        matrices = [
            _Matrix(name, _numbers(each[:, head]), "input", "column")
            for name, each in zip(_PROJECTIONS, inward, strict=True)
        ]
        matrices.append(_Matrix("output", _numbers(outward[head]), "column", "column"))
        return _pictures(matrices, None, f"head {head} of {outward.shape[0]}")


def _own(weights: Mapping[str, np.ndarray], *names: str) -> np.ndarray | None:
    """Return the first of a layer's weights that bears a name, or the only one of a layer inside it that does."""
    for name in names:
        matches = [array for path, array in weights.items() if path.split("/")[-1] == name]
        if name in weights or len(matches) == 1:
            return weights.get(name, matches[0])
    return None


def _numbers(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32, copy=False)


def _outgoing_axes(kernel: Sequence[int], answer: Sequence[int]) -> int:
    """Return how many of a kernel's last axes are those of the answer, such as the heads and what is in each."""
    count = 1
    while count + 1 < len(kernel) and tuple(kernel[-count - 1 :]) == tuple(answer[-count - 1 :]):
        count += 1
    return count


def _pictures(matrices: Sequence[_Matrix], unit: int | None, of: str = "") -> dict[str, alt.TopLevelMixin]:
    """Return matrices on one scale, the norms of their columns and their spectra, by caption."""
    everything = (
        matrices[0].values if len(matrices) == 1 else np.concatenate([each.values.ravel() for each in matrices])
    )
    scale = charts.colour_scale(everything, "blueorange")
    # By einsum, which takes squares a little at a time: a kernel may be as large as the rest of the model.
    norms = [np.sqrt(np.einsum("iu,iu->u", each.values, each.values, dtype=np.float64)) for each in matrices]
    have_units = all(matrix.column == "unit" for matrix in matrices)
    marked = unit
    if marked is None and have_units:
        total = np.sum(norms, axis=0)
        marked = int(np.where(np.isfinite(total), total, -1).argmax())
    width = _WIDTH // len(matrices) - 40
    drawn = []
    for matrix in matrices:
        title = f"{matrix.name}, {charts.format_shape(matrix.values.shape)}"
        heatmap = charts.heatmap(
            matrix.values,
            row=matrix.row,
            column=matrix.column,
            scale=scale,
            value_title="Weight",
            width=width if len(matrices) > 1 else None,
            title=charts.small_title(title),
            legend=matrix is matrices[-1],
            select_column="unit" if matrix.column == "unit" and len(matrices) == 1 else "",
        )
        if marked is not None and matrix.column == "unit" and marked < matrix.values.shape[1]:
            heatmap = charts.mark_column(heatmap, marked, f"unit {marked}")
        drawn.append(heatmap)
    note = charts.note_not_finite(everything)
    caption = f"Weights{f' of {of}' if of else ''}{f' ({note})' if note else ''}"
    row = drawn[0] if len(drawn) == 1 else alt.HConcatChart(hconcat=drawn, spacing=18)
    pictures: dict[str, alt.TopLevelMixin] = {caption: row}
    pictures["Norm of what each column weighs"] = _norms(matrices, norms, marked)
    spectrum = _spectrum(matrices)
    if spectrum is not None:
        pictures["Spectrum: singular values, the largest first"] = spectrum
    return pictures


def _norms(matrices: Sequence[_Matrix], norms: Sequence[np.ndarray], marked: int | None) -> alt.LayerChart:
    frames = []
    for matrix, lengths in zip(matrices, norms, strict=True):
        at = np.arange(len(lengths)) if len(lengths) <= _MOST_BARS else charts.thin(lengths, _MOST_BARS)
        frames.append(pd.DataFrame({"unit": at, "norm": lengths[at], "of": matrix.name}))
    frame = pd.concat(frames)
    names = [matrix.name for matrix in matrices]
    column = "Unit" if all(matrix.column == "unit" for matrix in matrices) else "Column"
    lines = (
        alt.Chart(frame)
        .mark_line(strokeWidth=1.5, point=alt.OverlayMarkDef(size=14))
        .encode(
            alt.X("unit:Q", title=column, axis=alt.Axis(format="d", tickMinStep=1)),
            alt.Y("norm:Q", title="Norm (L2)", axis=charts.quantity_axis()),
            charts.colour_of_lines(names),
            tooltip=[alt.Tooltip("of:N"), alt.Tooltip("unit:Q", title=column), alt.Tooltip("norm:Q", format=".4~g")],
        )
    )
    # Where the matrix is not to be clicked: one selection is of one chart, and of many cells none has its own.
    is_clicked = len(matrices) > 1 or matrices[0].values.size > charts.CELLS_WITH_TOOLTIPS
    layers: list[alt.Chart] = [lines.add_params(charts.clicked("unit")) if column == "Unit" and is_clicked else lines]
    if marked is not None:
        layers.append(charts.unit_rule(marked))
    return alt.LayerChart(layer=layers, height=130)


def _spectrum(matrices: Sequence[_Matrix]) -> alt.Chart | None:
    """Draw the singular values of matrices; None where one is too large for that, or holds what is no number."""
    frames = []
    for matrix in matrices:
        if min(matrix.values.shape) > _MOST_IN_SPECTRUM or not np.isfinite(matrix.values).all():
            return None
        values = singular_values(matrix.values)
        # Rudelson and Vershynin 2007: how many directions count, which small ones do not change.
        rank = float(np.square(values).sum() / max(values[0] ** 2, np.finfo(np.float64).tiny))
        name = f"{matrix.name}: stable rank {charts.number_text(rank)} of {len(values)}"
        at = charts.thin(values, _MOST_BARS)
        frames.append(pd.DataFrame({"place": at + 1, "value": values[at], "of": name}))
    frame = pd.concat(frames)
    return (
        alt.Chart(frame, height=130)
        .mark_line(strokeWidth=1.5, point=alt.OverlayMarkDef(size=14))
        .encode(
            alt.X("place:Q", title="Place", axis=alt.Axis(format="d", tickMinStep=1)),
            alt.Y("value:Q", title="Singular value", axis=charts.quantity_axis()),
            charts.colour_of_lines([each["of"].iloc[0] for each in frames], always=True),
            tooltip=[alt.Tooltip("of:N"), alt.Tooltip("place:Q"), alt.Tooltip("value:Q", format=".4~g")],
        )
    )


def singular_values(matrix: np.ndarray) -> np.ndarray:
    """Return the singular values of a matrix, the largest first, float64.

    By the eigenvalues of the smaller of its two Gram matrices: a table of a million tokens has as many as a token has
    units. Below a millionth of the largest they are rounding.
    """
    tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    gram = np.zeros((tall.shape[1], tall.shape[1]))
    for start in range(0, len(tall), _ROWS_AT_ONCE):
        rows = tall[start : start + _ROWS_AT_ONCE].astype(np.float64)
        gram += rows.T @ rows
    return np.sqrt(np.maximum(np.linalg.eigvalsh(gram)[::-1], 0))


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [WeightMatrix(), GateWeights(), AttentionWeights()]
