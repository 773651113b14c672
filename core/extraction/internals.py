"""What a layer keeps to itself: the states and gates of recurrent layers, the scores of attention layers.

Keras computes these inside a layer and drops them. The methods in which it does are wrapped once per process, as
``capture`` wraps the calls of layers: the wrapper does nothing unless a recorder is set, makes the layer's own
computation as it would be made anyway, and then works out what the recorder asked for from the very tensors that the
layer worked on: masks, initial states and dropout included. So a layer is never changed, and what it answers is never
computed in another way: a layer that takes a fused path without scores goes on taking it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

from core.common.wrapping import wrap_once
from core.extraction.recorder import Internal, current_recorder

__all__ = ["ATTENTION_SCORES", "install"]

ATTENTION_SCORES: Final = "attention_scores"
_SCORE_AXES: Final = ("sample", "head", "query", "key")


def install() -> None:
    """Wrap the methods in which Keras computes what layers keep to themselves; a second call does nothing."""
    import keras

    layers = keras.layers
    for owner in (layers.RNN, layers.LSTM, layers.GRU):
        _wrap(owner, "inner_loop", _offer_recurrent)
    for owner in (layers.MultiHeadAttention, layers.GroupQueryAttention):
        _wrap(owner, "_compute_attention", _offer_multi_head_scores)
    _wrap(layers.Attention, "_apply_scores", _offer_single_head_scores)


def _wrap(owner: Any, method: str, offer: Callable[..., None]) -> None:
    if method in vars(owner):
        wrap_once(owner, method, functools.partial(_offering, offer))


def _offering(offer: Callable[..., None], original: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        if current_recorder() is not None:
            offer(self, result, *args, **kwargs)
        return result

    return call


def _offer_recurrent(
    layer: Any, result: Any, sequences: Any, initial_state: Any, mask: Any = None, training: Any = False
) -> None:
    recorder = current_recorder()
    if recorder is None:
        return
    names = [suffix + name for suffix, cell in _cells(layer) for name in (*_state_names(cell), *_gate_names(cell))]
    recorder.offer(layer, names, lambda: _over_time(layer, sequences, initial_state, mask, training))


def _offer_multi_head_scores(  # noqa: PLR0913 - the arguments of Keras' own method, which it calls by position
    layer: Any,
    result: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any = None,
    training: Any = None,
    return_attention_scores: bool = False,
    use_causal_mask: bool = False,
) -> None:
    recorder = current_recorder()
    if recorder is None:
        return

    def scores() -> dict[str, Internal]:
        computed = result[1] if result[1] is not None else _scores(layer, query, key, attention_mask, use_causal_mask)
        return {f":{ATTENTION_SCORES}": Internal(computed, _axes_of_scores(layer, len(computed.shape)))}

    recorder.offer(layer, [f":{ATTENTION_SCORES}"], scores)


def _offer_single_head_scores(layer: Any, result: Any, *args: Any, **kwargs: Any) -> None:
    recorder = current_recorder()
    if recorder is None:
        return
    import keras

    def scores() -> dict[str, Internal]:
        computed, rank = result[1], len(result[1].shape)
        if rank == 3:
            # (sample, query, key) -> (sample, head, query, key)
            return {f":{ATTENTION_SCORES}": Internal(keras.ops.expand_dims(computed, 1), _SCORE_AXES)}
        return {f":{ATTENTION_SCORES}": Internal(computed, ("sample", *_unnamed_axes(rank - 3), "query", "key"))}

    recorder.offer(layer, [f":{ATTENTION_SCORES}"], scores)


def _axes_of_scores(layer: Any, rank: int) -> tuple[str, ...]:
    """Name the axes of scores: of more places than one axis of them, attention may look along some and not others."""
    attended = getattr(layer, "_attention_axes", None)
    count = len(attended) if attended else 1
    others = rank - 2 - 2 * count
    if others < 0:
        return ()
    numbers = ("",) if count == 1 else tuple(map(str, range(1, count + 1)))
    queries, keys = (tuple(f"{name}{number}" for number in numbers) for name in ("query", "key"))
    return ("sample", *_unnamed_axes(others), "head", *queries, *keys)


def _unnamed_axes(count: int) -> tuple[str, ...]:
    return tuple(f"axis{number}" for number in range(1, count + 1))


def _scores(layer: Any, query: Any, key: Any, mask: Any, causal: bool) -> Any:
    # Softmax of scaled dot products: Vaswani et al. 2017, equation 1, in the layer's own terms.
    import keras
    from keras import ops

    if causal:
        causal_mask = layer._compute_causal_mask(query, key)
        mask = causal_mask if mask is None else ops.logical_and(ops.cast(mask, "bool"), causal_mask)
    grouped = isinstance(layer, keras.layers.GroupQueryAttention)
    if grouped:
        query = query * ops.cast(layer._inverse_sqrt_head_dim, query.dtype)
        products = ops.einsum(layer._dot_product_equation, query, key)
    else:
        query = query * ops.cast(layer._inverse_sqrt_key_dim, query.dtype)
        products = ops.einsum(layer._dot_product_equation, key, query)
    owner = keras.layers.GroupQueryAttention if grouped else keras.layers.MultiHeadAttention
    if type(layer)._masked_softmax is not owner._masked_softmax:
        return layer._masked_softmax(products, mask)
    if mask is not None:
        # (…, query, key) -> (sample, head, query, key), as far as there are axes missing.
        mask = ops.expand_dims(mask, tuple(range(-3, -3 - (len(products.shape) - len(mask.shape)), -1)))
    # Not called, which would leave a mark on a layer that the pass itself never called.
    return layer._softmax.call(products, mask=mask)


def _cells(layer: Any) -> list[tuple[str, Any]]:
    import keras

    if isinstance(layer.cell, keras.layers.StackedRNNCells):
        return [(f"/{cell.name}:", cell) for cell in layer.cell.cells]
    return [(":", layer.cell)]


def _state_names(cell: Any) -> tuple[str, ...]:
    bases = {base.__name__ for base in type(cell).__mro__}
    if bases & {"LSTMCell", "ConvLSTMCell"}:
        return ("hidden_state", "cell_state")
    sizes = cell.state_size if isinstance(cell.state_size, (list, tuple)) else [cell.state_size]
    return ("hidden_state",) if len(sizes) == 1 else tuple(f"state_{number}" for number in range(len(sizes)))


def _gate_names(cell: Any) -> tuple[str, ...]:
    import keras

    # A subclass with a call of its own may have other gates under the same weights.
    if type(cell).call is keras.layers.LSTMCell.call:
        return ("input_gate", "forget_gate", "candidate", "output_gate")
    if type(cell).call is keras.layers.GRUCell.call:
        return ("update_gate", "reset_gate", "candidate")
    return ()


def _gates(cell: Any, inputs: Any, states: list[Any], training: Any) -> tuple[Any, ...]:
    names = _gate_names(cell)
    if not names:
        return ()
    count = 3 if "update_gate" in names else 4
    given = _with_dropout(inputs, cell.get_dropout_mask(inputs) if training and cell.dropout else None, count)
    hidden = states[0]
    recurrent_mask = cell.get_recurrent_dropout_mask(hidden) if training and cell.recurrent_dropout else None
    remembered = _with_dropout(hidden, recurrent_mask, count)
    return (_gru_gates if count == 3 else _lstm_gates)(cell, given, remembered)


def _with_dropout(values: Any, masks: Any, count: int) -> list[Any]:
    if masks is None:
        return [values] * count
    return [values * mask for mask in masks] if isinstance(masks, (list, tuple)) else [values * masks] * count


def _lstm_gates(cell: Any, given: list[Any], remembered: list[Any]) -> tuple[Any, ...]:
    # Input, forget, candidate, output: Hochreiter and Schmidhuber 1997, in the order of Keras' weights.
    from keras import ops

    parts = zip(given, ops.split(cell.kernel, 4, 1), remembered, ops.split(cell.recurrent_kernel, 4, 1), strict=True)
    sums = [ops.matmul(x, kernel) + ops.matmul(h, recurrent) for x, kernel, h, recurrent in parts]
    if cell.use_bias:
        sums = [total + bias for total, bias in zip(sums, ops.split(cell.bias, 4, 0), strict=True)]
    gate, squash = cell.recurrent_activation, cell.activation
    return gate(sums[0]), gate(sums[1]), squash(sums[2]), gate(sums[3])


def _gru_gates(cell: Any, given: list[Any], remembered: list[Any]) -> tuple[Any, ...]:
    # Update, reset, candidate: Cho et al. 2014; with reset_after, as in cuDNN, the reset gate acts on the product.
    from keras import ops

    from_input = [ops.matmul(x, kernel) for x, kernel in zip(given, ops.split(cell.kernel, 3, 1), strict=True)]
    kernels = ops.split(cell.recurrent_kernel, 3, 1)
    recurrent_bias = [0.0, 0.0, 0.0]
    if cell.use_bias:
        # (2, 3 * unit) with reset_after: one row for the input, one for the hidden state; else (3 * unit,).
        input_bias = cell.bias[0] if cell.reset_after else cell.bias
        from_input = [total + bias for total, bias in zip(from_input, ops.split(input_bias, 3, 0), strict=True)]
        if cell.reset_after:
            recurrent_bias = ops.split(cell.bias[1], 3, 0)
    update, reset = (
        cell.recurrent_activation(from_input[at] + ops.matmul(remembered[at], kernels[at]) + recurrent_bias[at])
        for at in (0, 1)
    )
    if cell.reset_after:
        recalled = reset * (ops.matmul(remembered[2], kernels[2]) + recurrent_bias[2])
    else:
        recalled = ops.matmul(reset * remembered[2], kernels[2])
    return update, reset, cell.activation(from_input[2] + recalled)


def _over_time(layer: Any, sequences: Any, initial_state: Any, mask: Any, training: Any) -> dict[str, Internal]:
    from keras import ops

    cells = _cells(layer)
    start = [_as_list(states) for states in _per_cell(layer, initial_state)]
    carried: dict[str, Any] = {"states": start, "gates": []}
    for (_, cell), states in zip(cells, start, strict=True):
        carried["gates"].append([ops.zeros_like(states[0]) for _ in _gate_names(cell)])
    steps = {"inputs": ops.swapaxes(sequences, 0, 1)}  # (sample, time, …) -> (time, sample, …)
    if mask is not None:
        mask = ops.cast(mask, "bool")
        steps["valid"] = ops.swapaxes(mask, 0, 1)
    if layer.go_backwards:
        steps = {name: ops.flip(values, axis=0) for name, values in steps.items()}
        mask = None if mask is None else ops.flip(mask, axis=1)

    def step(before: dict[str, Any], given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        after = _step(cells, before, given, training)
        return after, after

    _, history = ops.scan(step, carried, steps)
    found = {}
    for (suffix, cell), states, gates in zip(cells, history["states"], history["gates"], strict=True):
        for name, values in zip((*_state_names(cell), *_gate_names(cell)), (*states, *gates), strict=True):
            # (time, sample, …) -> (sample, time, …)
            found[suffix + name] = Internal(ops.swapaxes(values, 0, 1), mask=mask)
    return found


def _per_cell(layer: Any, initial_state: Any) -> list[Any]:
    import keras

    stacked = isinstance(layer.cell, keras.layers.StackedRNNCells)
    # A stack of one cell keeps its states as that cell alone would.
    if stacked and len(layer.cell.cells) == len(initial_state):
        return list(initial_state)
    return [initial_state]


def _step(cells: list[tuple[str, Any]], before: dict[str, Any], given: dict[str, Any], training: Any) -> dict[str, Any]:
    from keras import ops

    inputs, valid = given["inputs"], given.get("valid")
    after: dict[str, Any] = {"states": [], "gates": []}
    for (_, cell), states in zip(cells, before["states"], strict=True):
        after["gates"].append(list(_gates(cell, inputs, states, training)))
        options = {"training": training} if getattr(cell, "_call_has_training_arg", False) else {}
        inputs, new = cell(inputs, list(states), **options)
        new = _as_list(new)
        if valid is not None:
            # A masked timestep changes nothing: the state is carried over it.
            new = [ops.where(_as_rank_of(now, valid), now, was) for now, was in zip(new, states, strict=True)]
        after["states"].append(new)
    return after


def _as_list(states: Any) -> list[Any]:
    return list(states) if isinstance(states, (list, tuple)) else [states]


def _as_rank_of(values: Any, valid: Any) -> Any:
    from keras import ops

    return ops.reshape(valid, (-1, *([1] * (len(values.shape) - 1))))
