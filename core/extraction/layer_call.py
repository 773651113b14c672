"""One call of one layer, as a pass recorded it, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

__all__ = ["CallArguments", "Internal", "LayerCall", "OutputReplacement", "tensors_of"]


@dataclass(frozen=True)
class Internal:
    """A tensor that a layer keeps to itself, such as its states over time.

    Attributes:
        values: The tensor, the sample axis first.
        axes: Names of its axes; empty for those that the layer's own answer would have.
        mask: Which timesteps are none of padding, shape ``(sample, time)``, or None.
    """

    values: Any
    axes: tuple[str, ...] = ()
    mask: Any = None


@dataclass(frozen=True)
class CallArguments:
    """What a layer was called with, so that the call can be made again.

    Attributes:
        positional: As they were handed over.
        named: The same, by name.
        masks: Each tensor in them that bore a Keras mask then, with that mask.
        context: What the calls around say of all calls inside, such as ``training``.
        method: What was called: the ``__call__`` of Keras, which takes the layer and then these.
    """

    positional: tuple[Any, ...]
    named: Mapping[str, Any]
    masks: Sequence[tuple[Any, Any]]
    context: Mapping[str, Any]
    method: Callable[..., Any]


@dataclass
class LayerCall:
    """One call of one layer, as it was recorded.

    Attributes:
        key: Key of the call.
        operation: The ``keras.Layer`` or ``keras.Operation``.
        output: What it returned, in its own structure.
        inputs_from: Keys of the calls whose outputs went in.
        parent: Key of the call around it; empty at the top.
        repeated: True for the second and later calls of a shared layer.
        holds_layers: True where other layers were recorded inside.
        missing: Why there are no values, or empty.
        masks: The Keras mask of each tensor in ``output``, or None: a later layer may take it away again.
        internal_keys: Keys of what the layer keeps to itself and could be recorded.
        internals: Those of them that were recorded.
        loop_axes: The axes that each tensor in ``output`` has behind its samples, of ``TimeDistributed`` layers and
            loops around, the outermost first; empty for none.
        loop: What it was called at each step of alone, see :class:`core.extraction.layers.LayerInfo`.
        takes_answers: Whether what went in is what other layers answered, or the model's input, as it is or in another
            type of numbers.
        arguments: What it was called with, where that is kept.
        returned: What the layers after it worked on: ``output``, before timesteps beside the samples become an axis.
    """

    key: str
    operation: Any
    output: Any = None
    inputs_from: tuple[str, ...] = ()
    parent: str = ""
    repeated: bool = False
    holds_layers: bool = False
    missing: str = ""
    masks: list[Any] = field(default_factory=list)
    internal_keys: tuple[str, ...] = ()
    internals: dict[str, Internal] = field(default_factory=dict)
    loop_axes: list[tuple[str, ...]] = field(default_factory=list)
    loop: str = ""
    takes_answers: bool = True
    arguments: CallArguments | None = None
    returned: Any = None

    @property
    def is_stepwise(self) -> bool:
        """Whether the layer was called at each step of a loop alone.

        Then no later layer works on ``output`` itself, and nothing can be changed in it as a whole, or derived by it.
        """
        return bool(self.loop)

    def outputs(self) -> list[tuple[str, Any, Any]]:
        """Return key, tensor and mask of each output: ``"name"`` for a single one, ``"name[0]"`` for one of several."""
        tensors = tensors_of(self.output)
        masks = self.masks or [None] * len(tensors)
        if len(tensors) == 1:
            return [(self.key, tensors[0], masks[0])]
        numbered = enumerate(zip(tensors, masks, strict=True))
        return [(f"{self.key}[{number}]", tensor, mask) for number, (tensor, mask) in numbered]


OutputReplacement: TypeAlias = Callable[[LayerCall, str, Any], Any]


def tensors_of(structure: Any) -> list[Any]:
    """Return the tensors in a structure, in order."""
    import keras

    return [leaf for leaf in keras.tree.flatten(structure) if hasattr(leaf, "shape") and hasattr(leaf, "dtype")]
