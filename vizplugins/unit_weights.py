"""What one unit weighs of the units before it, and the units behind it that weigh it the most."""

from typing import Any

import altair as alt
import pandas as pd
from pydantic import Field

from vizplugins import (
    Activation,
    Extractor,
    Handles,
    Options,
    Refusal,
    SampleIndex,
    UnitIndex,
    Visualizer,
    charts,
    hookimpl,
    unit_connections,
    without_units,
)

_SHOWN = 10
_INPUT = "input:"
_NEGATIVE, _POSITIVE = "#2f78b3", "#e8932f"


class UnitWeightsOptions(Options):
    """Which unit."""

    sample: SampleIndex = 0
    unit: UnitIndex | None = Field(
        None, title="Unit", description="Automatic: the one that answers the most to the sample that is open."
    )


def _weighs_or_is_weighed(activation: Activation) -> str:
    if reason := without_units(activation):
        return reason
    recorded = activation.activations
    layers = {layer.key: layer for layer in recorded.layers} if recorded else {activation.key: activation.layer}
    weighs = unit_connections.has_connections(layers, activation.key)
    return "" if weighs else "takes layers with a kernel, or behind which one weighs their units"


class UnitWeights(Visualizer):
    """The units before it that one weighs the most, and those behind that weigh it the most. Click one to go there."""

    name = "unit-weights"
    title = "Weights in and out"
    group = "weights"
    handles = Handles(dtypes=("number",), parts=("output",), when=_weighs_or_is_weighed)
    Options = UnitWeightsOptions
    priority = -2
    on_unit_card = 2
    how_to_read = (
        "A bar is the weight between this unit and another: orange for, blue against. Where one weighs another by "
        "several numbers, as by a window or by gates, the bar is their norm and has no sign. Units are told through "
        "pooling, normalization, flattening and skips."
    )
    limitations = (
        "A weight counts as much as what it multiplies: a heavy one from a unit that is silent does nothing, and "
        "normalization on the way scales it. Behind attention, or layers that mix units, nothing is followed."
    )

    def chart(
        self,
        activation: Activation,
        options: UnitWeightsOptions,
        activations: Any = None,
        extractor: Extractor | None = None,
    ) -> dict[str, alt.TopLevelMixin] | Refusal:
        """Draw the heaviest weights in, and the heaviest out."""
        if activations is None:
            return Refusal("The other layers of the pass are not there.")
        unit = charts.shown_unit(activation, options.sample, options.unit)
        layers = {layer.key: layer for layer in activations.layers}
        weights_of = unit_connections.weights_to_read(activation, activations, extractor, options.sample)
        before = unit_connections.incoming(layers, weights_of, activation.key, unit)
        behind = unit_connections.outgoing(layers, weights_of, activation.key, unit)
        name = charts.unit_name(activation, unit)
        pictures: dict[str, alt.TopLevelMixin] = {}
        if before.units:
            caption = f"{name[0].upper()}{name[1:]} weighs {_count(before)} before it{_first(before)}"
            pictures[caption] = _bars(before, activation, activations)
        if behind.units:
            caption = f"It is weighed by {_count(behind)} behind it{_first(behind)}"
            pictures[caption] = _bars(behind, activation, activations)
        if not pictures:
            why = " ".join(dict.fromkeys(filter(None, (before.note, behind.note))))
            return Refusal(why or "No layer with weights of its own stands beside this one.")
        return pictures


def _count(connections: unit_connections.Connections) -> str:
    return charts.count_text(len(connections.units), "unit")


def _first(connections: unit_connections.Connections) -> str:
    return f": the {_SHOWN} heaviest" if len(connections.units) > _SHOWN else ""


def _bars(connections: unit_connections.Connections, activation: Activation, activations: Any) -> alt.Chart:
    units = connections.units[:_SHOWN]
    frame = pd.DataFrame(units, columns=["layer", "unit", "weight"])
    frame["place"] = range(len(frame))
    frame["name"] = [_name(each, activation, activations) for each in units]
    frame["is input"] = frame["layer"].str.startswith(_INPUT)
    frame["sign"] = ["against" if each.weight < 0 else "for" for each in units]
    title = "Weight" if connections.is_signed else "Weight (norm)"
    colours = alt.Scale(domain=["against", "for"], range=[_NEGATIVE, _POSITIVE])
    chart = (
        alt.Chart(frame)
        .mark_bar(cursor="pointer", color=charts.MARK_COLOUR)
        .encode(
            alt.X("weight:Q", title=title, axis=charts.quantity_axis()),
            alt.Y("name:N", sort=charts.row_order("place"), title=None, axis=charts.name_axis()),
            tooltip=["layer:N", "unit:Q", alt.Tooltip("weight:Q", format=".4~g")],
        )
        .properties(height=alt.Step(18))
    )
    if connections.is_signed:
        chart = chart.encode(alt.Color("sign:N", scale=colours, legend=None))
    # Of an input there is no page of a unit.
    return chart if frame["is input"].all() else chart.add_params(charts.unit_link())


def _name(connection: unit_connections.Connection, activation: Activation, activations: Any) -> str:
    if not connection.layer.startswith(_INPUT):
        kind = activations[connection.layer].axes[-1] if connection.layer in activations else "unit"
        return f"{connection.layer} · {kind} {connection.unit:,}"
    name = connection.layer.removeprefix(_INPUT)
    features = activation.context.feature_names.get(name, ())
    feature = features[connection.unit] if connection.unit < len(features) else f"{connection.unit:,}"
    return f"{name} · {feature}"


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [UnitWeights()]
