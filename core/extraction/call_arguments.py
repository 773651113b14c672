"""What layers were called with: kept beside what they answered, so that each call can be made again alone.

A tensor may be an argument of several calls and the answer of another one. It is kept once, and calls say by its place
what they were called with; everything else in a call, such as ``training=False`` or a name, is kept as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from core.extraction.layer_call import CallArguments, LayerCall, tensors_of

__all__ = ["KeptCall", "KeptCalls", "arguments_of_call", "keep_calls"]

_NOT_KEPT: Final = "it was called with a tensor that cannot leave the graph that it was made in"
_EACH_STEP: Final = "it is called at each step of a loop alone, and what goes in there is not kept"
_NO_VALUES: Final = "what it was called with is not known"


@dataclass(frozen=True)
class _Place:
    """Stands for a tensor in the arguments of a call."""

    number: int


@dataclass(frozen=True)
class KeptCall:
    """One call as it can be made again, with the places of tensors instead of them.

    Attributes:
        key: Key of the call.
        operation: The layer, or the operation.
        arguments: What it was called with; None where it cannot be called again.
        mask_of: Place of the mask that a tensor bore, by the place of that tensor.
        outputs: Places of what it answered, as the layers after it took it.
        reason: Why it cannot be called again, or empty.
    """

    key: str
    operation: Any
    arguments: CallArguments | None
    mask_of: Mapping[int, int]
    outputs: tuple[int, ...]
    reason: str = ""

    @property
    def places(self) -> tuple[int, ...]:
        """Places of all that it was called with, the masks among them, each once."""
        import keras

        assert self.arguments is not None
        leaves = keras.tree.flatten((self.arguments.positional, dict(self.arguments.named)))
        own = [leaf.number for leaf in leaves if isinstance(leaf, _Place)]
        return tuple(dict.fromkeys([*own, *self.mask_of.values()]))

    def arguments_of(self, tensors: Sequence[Any] | Mapping[int, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return what the layer was called with, by position and by name.

        Args:
            tensors: The values of all that was kept, by place.
        """
        import keras

        assert self.arguments is not None
        for place, mask in self.mask_of.items():
            tensors[place]._keras_mask = tensors[mask]
        positional, named = keras.tree.map_structure(
            lambda leaf: tensors[leaf.number] if isinstance(leaf, _Place) else leaf,
            (self.arguments.positional, dict(self.arguments.named)),
        )
        return positional, named


@dataclass(frozen=True)
class KeptCalls:
    """Calls with the tensors that they refer to.

    Attributes:
        tensors: Each once.
        calls: In the order in which they were made.
    """

    tensors: list[Any]
    calls: tuple[KeptCall, ...]


def arguments_of_call(
    method: Callable[..., Any], positional: tuple[Any, ...], named: Mapping[str, Any]
) -> CallArguments:
    """Return what a layer is being called with, before it is."""
    from keras.src.backend.common import global_state

    # A later layer may take a mask away from a tensor again.
    masks = [(tensor, getattr(tensor, "_keras_mask", None)) for tensor in tensors_of((positional, dict(named)))]
    around = global_state.get_global_attribute("current_call_ctx")
    context = {
        name: value
        for name, value in (vars(around) if around else {}).items()
        if name != "entry_layer" and isinstance(value, (bool, int, float, str, type(None)))
    }
    return CallArguments(positional, dict(named), [pair for pair in masks if pair[1] is not None], context, method)


def keep_calls(
    calls: Iterable[LayerCall], keeps: Callable[[str], bool], is_readable: Callable[[Any], bool]
) -> KeptCalls:
    """Return calls as they can be made again.

    Args:
        calls: What a pass recorded, with the arguments.
        keeps: Whether the answer under a key is kept; the other calls are left out.
        is_readable: Whether a tensor can leave the graph that is being made.
    """
    keeper = _Keeper(is_readable)
    wanted = (call for call in calls if any(keeps(key) for key, *_ in call.outputs()))
    kept = tuple(map(keeper.kept, wanted))
    return KeptCalls(keeper.tensors, kept)


class _Keeper:
    def __init__(self, is_readable: Callable[[Any], bool]) -> None:
        self._is_readable = is_readable
        self._places: dict[int, int] = {}
        self.tensors: list[Any] = []

    def kept(self, call: LayerCall) -> KeptCall:
        reason = call.missing or (_EACH_STEP if call.is_stepwise else "" if call.arguments else _NO_VALUES)
        arguments = call.arguments
        if reason or arguments is None:
            return KeptCall(call.key, call.operation, None, {}, (), reason)
        outputs = tensors_of(call.returned)
        own = [each for each in tensors_of((arguments.positional, dict(arguments.named))) if _is_tensor(each)]
        masks = [mask for _, mask in arguments.masks]
        if not all(map(self._is_readable, [*own, *masks, *outputs])):
            return KeptCall(call.key, call.operation, None, {}, (), _NOT_KEPT)
        return KeptCall(
            call.key,
            call.operation,
            self._with_places(arguments),
            {self._place(tensor): self._place(mask) for tensor, mask in arguments.masks},
            tuple(map(self._place, outputs)),
        )

    def _with_places(self, arguments: CallArguments) -> CallArguments:
        import keras

        positional, named = keras.tree.map_structure(
            lambda leaf: _Place(self._place(leaf)) if _is_tensor(leaf) else leaf,
            (arguments.positional, dict(arguments.named)),
        )
        # Without the masks, which are tensors of the graph.
        return CallArguments(positional, named, (), arguments.context, arguments.method)

    def _place(self, tensor: Any) -> int:
        if id(tensor) not in self._places:
            self._places[id(tensor)] = len(self.tensors)
            self.tensors.append(tensor)
        return self._places[id(tensor)]


def _is_tensor(leaf: Any) -> bool:
    import tensorflow as tf

    return isinstance(leaf, (tf.Tensor, tf.RaggedTensor, tf.SparseTensor))
