"""What a layer keeps: its weights as they are, and what its own initializers draw for a fresh layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

__all__ = ["FreshWeights", "LayerWeights"]

_MOST_DRAWN: Final = 4_000_000
"""Beyond that drawing takes seconds, and an orthogonal matrix of that size far longer."""
_DRAWN_FROM: Final = 20
_INITIALIZERS: Final = {
    "recurrent_kernel": "recurrent_initializer",
    "depthwise_kernel": "depthwise_initializer",
    "pointwise_kernel": "pointwise_initializer",
}


@dataclass(frozen=True)
class FreshWeights:
    """What a layer's own initializer draws for one of its weights, as for a layer that nobody has trained.

    Attributes:
        values: One draw, of the weight's own shape, float32.
        initializer: Class of the initializer, such as ``"GlorotUniform"``.
        is_exact: Whether every draw is the same: a constant, or a seed that the layer's config holds. Weights that
            began by this initializer began with these very values. Else they are others of the same spread.
    """

    values: np.ndarray
    initializer: str
    is_exact: bool


@dataclass(frozen=True)
class LayerWeights:
    """Reads the weights of a layer when it is asked.

    Attributes:
        operation: The layer, or an operation, which has none.
    """

    operation: Any

    def __call__(self) -> dict[str, np.ndarray]:
        """Return copies of the layer's own weights by name, such as ``"kernel"``; empty for an operation.

        Weights of layers inside it that bear the same name are told apart by those layers: ``"query/kernel"``.
        """
        return {name: np.array(weight) for name, weight in self._named().items()}

    def fresh(self) -> dict[str, FreshWeights]:
        """Return what the layer's initializers draw, by the same names; without those whose initializer is unknown."""
        flatten = getattr(self.operation, "_flatten_layers", None)
        owners: dict[int, Any] = {}
        # The innermost layer that holds a weight comes last, and is the one that made it.
        for layer in flatten() if flatten else ():
            owners |= {id(weight): layer for weight in layer.weights}
        drawn = {name: _fresh(owners[id(weight)], weight) for name, weight in self._named().items() if owners}
        return {name: weights for name, weights in drawn.items() if weights is not None}

    def _named(self) -> dict[str, Any]:
        weights = list(getattr(self.operation, "weights", ()))
        paths = [weight.path.split("/") for weight in weights]
        named: dict[str, Any] = {}
        for weight, path in zip(weights, paths, strict=True):
            endings = ("/".join(path[-depth:]) for depth in range(1, len(path) + 1))
            alone = (
                ending for ending in endings if sum("/".join(other).endswith(f"/{ending}") for other in paths) <= 1
            )
            named[next(alone, weight.path)] = weight
        return named


def _fresh(layer: Any, weight: Any) -> FreshWeights | None:
    shape = tuple(int(extent) for extent in weight.shape)
    name = _INITIALIZERS.get(weight.name, f"{weight.name}_initializer")
    # A depthwise layer calls its kernel as others do, and its initializer otherwise.
    fallback = getattr(layer, "depthwise_initializer", None) if weight.name == "kernel" else None
    initializer: Any = getattr(layer, name, None) or fallback
    is_number = str(weight.dtype).startswith(("float", "bfloat"))
    if not hasattr(initializer, "get_config") or not is_number or int(np.prod(shape)) > _MOST_DRAWN:
        return None
    config = dict(initializer.get_config())
    is_settled = "seed" not in config or isinstance(config["seed"], int)
    if not is_settled:
        # Drawn alike each time: a picture stays the same from one run to the next.
        config["seed"] = _DRAWN_FROM

    def one_draw() -> np.ndarray:
        return _drawn(layer, weight, type(initializer).from_config(config), shape)

    # An initializer of someone's own may take what nobody here can give it.
    try:
        values = one_draw()
        # One of someone's own may draw without a seed.
        is_exact = is_settled and np.array_equal(values, one_draw())
    except Exception:
        return None
    return FreshWeights(values, type(initializer).__name__, is_exact) if values.shape == shape else None


def _drawn(layer: Any, weight: Any, initializer: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Draw a weight, float32; the bias of an LSTM's forget gate begins at one, whatever the initializer."""
    values = np.array(initializer(shape, dtype="float32"))
    if weight.name == "bias" and len(shape) == 1 and getattr(layer, "unit_forget_bias", False):
        units = shape[0] // 4
        first, rest = (np.array(initializer((count,), dtype="float32")) for count in (units, 2 * units))
        values = np.concatenate([first, np.ones(units, np.float32), rest])
    return values
