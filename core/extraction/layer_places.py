"""Goes through the layers of a pass and says where the positions of their answers lie, see :mod:`.place_rules`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from core.extraction.layer_call import LayerCall
from core.extraction.layers import LayerInfo, input_name
from core.extraction.place_rules import PlacedAxes, Places, is_of_keras, places_behind, places_of_input

__all__ = ["with_places"]

_INSIDE: Final = frozenset({"recurrent", "attention"})
_TURNED: Final = ("sample", "frequency", "time")
"""The axes of what has its bands before its frames, as ``MelSpectrogram`` answers."""


def with_places(
    calls: Sequence[LayerCall], layers: Sequence[LayerInfo], inputs: Mapping[str, tuple[int | None, ...]]
) -> tuple[LayerInfo, ...]:
    """Return layers with what is known of where the positions of their answers lie.

    Args:
        calls: The calls of a pass, in their order.
        layers: Every layer of it.
        inputs: Extents of a sample of each input of the model, by key.
    """
    try:
        axes = {key: places_of_input(input_name(key), extents) for key, extents in inputs.items()}
        # Images have no axis that is followed: of a model of hundreds of layers nothing more is looked at.
        is_followed = any(any(each.places) for each in axes.values())
        return tuple(map(_Placing(calls, layers, axes).placed, layers)) if is_followed else tuple(layers)
    except Exception:  # what a layer says of itself may be anything, and seconds on an axis are worth no pass
        return tuple(layers)


class _Placing:
    def __init__(self, calls: Sequence[LayerCall], layers: Sequence[LayerInfo], axes: Mapping[str, PlacedAxes]) -> None:
        self._call_of_key = {key: call for call in calls for key, *_ in call.outputs() or [(call.key, None, None)]}
        self._extents = {layer.key: tuple(layer.output_shape[1:]) for layer in layers}
        self._axes = dict(axes)
        # A layer that holds others comes before them, and answers what one of them does.
        self._inner = {id(tensor): key for call in calls if not call.holds_layers for key, tensor, _ in call.outputs()}

    def placed(self, layer: LayerInfo) -> LayerInfo:
        axes = self._axes_of(layer.key)
        inside = None
        if layer.kind in _INSIDE and layer.inputs_from and self._goes_through_its_input(layer):
            source = self._axes_of(layer.inputs_from[0])
            inside = source.places[0] if source and source.places else None
        places = axes.places if axes and any(axes.places) else ()
        if not places and not inside:
            return layer
        is_turned = [each and each.quantity for each in places] == ["frequency", "time"]
        names = _TURNED if is_turned else layer.axis_names
        return replace(layer, places=places, time_inside=inside, axis_names=names)

    def _goes_through_its_input(self, layer: LayerInfo) -> bool:
        """Whether the steps that a layer goes through are those of what it was given, in their order."""
        call = self._call_of_key[layer.key]
        if not call.takes_answers or call.missing or not is_of_keras(call.operation):
            return False
        return not getattr(call.operation, "go_backwards", False) and not hasattr(call.operation, "backward_layer")

    def _axes_of(self, key: str) -> PlacedAxes | None:
        # By a list and not by calls in each other: of a model inside, the last of hundreds of layers is asked first.
        waiting = [key] if key in self._extents else []
        begun: set[str] = set()
        while waiting:
            last = waiting[-1]
            if last in begun:
                begun.remove(waiting.pop())
                self._axes[last] = PlacedAxes(self._extents[last], self._places_of(last) or self._axes[last].places)
            elif last in self._axes:
                waiting.pop()
            else:
                begun.add(last)
                # Set at first, so that what goes round in a circle ends.
                self._axes[last] = PlacedAxes(self._extents[last], (None,) * len(self._extents[last]))
                call = self._call_of_key[last]
                needed = (*call.inputs_from, self._inner_of(call, last))
                waiting.extend(each for each in needed if each in self._extents and each not in self._axes)
        return self._axes.get(key)

    def _places_of(self, key: str) -> Places:
        call, extents = self._call_of_key[key], self._extents[key]
        if any(call.loop_axes) or call.is_stepwise or call.missing:
            return ()  # inside of a TimeDistributed layer or a loop, the axes are those of one step
        sources = [self._axes.get(source) for source in call.inputs_from]
        if call.takes_answers and sources and None not in sources:
            try:
                places = places_behind(call.operation, [each for each in sources if each], extents)
            except Exception:  # settings that a program gave a layer may be anything: then nothing is known of it
                return ()
            if places:
                return places
        inner = self._axes.get(self._inner_of(call, key))
        return inner.places if inner and inner.extents == extents else ()

    def _inner_of(self, call: LayerCall, key: str) -> str:
        """Return the key of the layer inside whose answer a layer gives out as its own; empty for none."""
        tensor = next((tensor for own_key, tensor, _ in call.outputs() if own_key == key), None)
        inner = self._inner.get(id(tensor), "") if call.holds_layers else ""
        return inner if inner.startswith(f"{call.key}/") else ""
