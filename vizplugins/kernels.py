"""The kernels of a convolution as pictures: what each channel weighs at which place under it."""

from typing import Literal

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
    gallery,
    hookimpl,
    layer_weights,
)

_COLOURS = 3
_INPUT = "input:"
_SCALING = frozenset({"Rescaling", "Normalization", "ZeroPadding2D"})
_MOST_SLICES = 64
_CONVOLUTIONS = frozenset({"BaseConv", "BaseConvTranspose", "BaseDepthwiseConv", "BaseSeparableConv"})


class KernelsOptions(Options):
    """Which kernel is shown large, and how all are scaled and sorted."""

    unit: UnitIndex | None = Field(
        None, title="Channel", description="Shown large. Automatic: that of the largest norm."
    )
    scale_each: bool = Field(
        True, title="Scale each kernel", description="Each on its own scale; else all on one, so that norms compare."
    )
    order: Literal["index", "norm"] = Field(
        "index", title="Sort by", description="Norm: the root of the sum of squares."
    )


def _is_convolution(activation: Activation) -> str:
    # Not by layer_types: what a layer answered comes before what it weighs.
    return "" if not _CONVOLUTIONS.isdisjoint(activation.layer.type_names) else "takes convolutions of one or two axes"


class Kernels(Visualizer):
    """The kernel of each channel, as a picture where it lies on the image itself. Click one to see it large."""

    name = "kernels"
    title = "Kernels"
    group = "weights"
    handles = Handles(
        ranks=(3, 4),
        dtypes=("number",),
        parts=("output",),
        when=_is_convolution,
    )
    Options = KernelsOptions
    priority = -1
    how_to_read = (
        "A kernel is what a channel multiplies the values under it by. Over an image of colours it is drawn in "
        "colours: grey weighs nothing, a green place weighs green. Over one channel blue is negative, orange positive. "
        "Behind other layers a place is the norm over all channels that go in; the slices of the large one stand "
        "beside it. Smooth stripes and spots are what training finds, noise is what it began with."
    )
    limitations = (
        "Behind the first layer a kernel does not say what of the image it looks for: its channels are not colours. "
        "Normalization behind it may scale a channel up or down. A separable convolution is drawn as the one kernel "
        "that its two steps amount to."
    )

    def chart(self, activation: Activation, options: KernelsOptions) -> alt.VConcatChart | Refusal:
        """Draw the chosen kernel large with its slices, and the gallery of all under it."""
        kernels = effective_kernels(activation)
        if isinstance(kernels, str):
            return Refusal(kernels)
        units, incoming = len(kernels), kernels.shape[-1]
        kind = activation.axes[-1]
        norms = np.sqrt(np.einsum("chwi,chwi->c", kernels, kernels, dtype=np.float64))
        known = np.where(np.isfinite(norms), norms, -1)
        chosen = int(known.argmax()) if options.unit is None else options.unit
        order = np.argsort(-known, kind="stable") if options.order == "norm" else np.arange(units)
        in_colour = incoming == _COLOURS and _is_of_an_image(activation)
        window = f"{kernels.shape[1]}×{kernels.shape[2]}" if activation.rank == 4 else f"{kernels.shape[2]} steps"
        heading = charts.title(
            f"{charts.count_text(units, 'kernel')} of {activation.key}, {window} over "
            f"{charts.count_text(incoming, 'channel')}",
            _colours_in_words(in_colour, incoming, options.scale_each),
            charts.note_not_finite(kernels),
        )
        name = f"{kind.capitalize()} {chosen:,}{'' if options.unit == chosen else ', the largest norm'}: norm "
        large_title = name + charts.number_text(norms[chosen])
        parts: list[alt.LayerChart] = []
        if in_colour:
            pixels = _in_colours(kernels, options.scale_each)
            large = charts.picture_row([("", pixels[chosen])], 180)
            large.title = charts.small_title(large_title)
            parts.append(large)
            frame = pd.DataFrame({kind: order, "norm": norms[order]})
            tooltip = [alt.Tooltip(f"{kind}:Q"), alt.Tooltip("norm:Q", format=".4~g")]
            overview = gallery.picture_gallery(pixels[order], frame, tooltip=tooltip, select=kind)
        else:
            maps = kernels[..., 0] if incoming == 1 else np.sqrt(np.square(kernels).sum(axis=-1))
            scale = charts.colour_scale(maps[chosen] if options.scale_each else maps, "automatic")
            what = "Weight" if incoming == 1 else "Norm"
            parts.append(
                gallery.large_map(maps[chosen], scale, title=large_title, value_title=what, legend=True, side=180)
            )
            if incoming > 1:
                parts.append(
                    _slices(kernels[chosen], kind, chosen, _first_incoming(activation, chosen, units, incoming))
                )
            overview = gallery.gallery(
                maps, numbers=order, order=order, scale_each=options.scale_each, chosen=chosen, select=kind,
                value_title=what, measures={"norm": norms[order]},
            )  # fmt: skip
        resolve = alt.Resolve(scale=alt.ScaleResolveMap(color="independent"))
        row = alt.HConcatChart(hconcat=parts, spacing=24, resolve=resolve)
        return alt.VConcatChart(vconcat=[row, overview], spacing=14, title=heading, resolve=resolve)


def effective_kernels(activation: Activation) -> np.ndarray | str:
    """Return what each channel multiplies by, shape ``(channel, height, width, incoming channel)``; or why not.

    Along one axis the height is 1. Of a depthwise layer each channel has one incoming channel, its own.
    """
    weights = activation.weights
    depthwise, pointwise = weights.get("depthwise_kernel"), weights.get("pointwise_kernel")
    kernel = weights.get("kernel")
    if depthwise is not None and pointwise is not None:
        # (*window, in, multiplier) and (1…, in × multiplier, channel): one after the other they are one kernel.
        mixed = pointwise.reshape(*depthwise.shape[-2:], -1)
        kernel = np.einsum("...im,imc->...ic", depthwise.astype(np.float32), mixed.astype(np.float32))
    if kernel is None:
        return "This layer keeps no kernel of its own."
    if reason := layer_weights.not_what_multiplies(weights, kernel):
        return reason
    kernel = kernel.astype(np.float32)
    channels = activation.shape[-1]
    if "BaseDepthwiseConv" in activation.layer.type_names:
        kernel = kernel.reshape(*kernel.shape[:-2], 1, -1)  # (*window, in, multiplier) -> (*window, 1, channel)
    elif "BaseConvTranspose" in activation.layer.type_names:
        kernel = np.swapaxes(kernel, -1, -2)  # (*window, channel, in) -> (*window, in, channel)
    if kernel.shape[-1] != channels:
        return f"The kernel has {kernel.shape[-1]:,} channels, and the layer answers {channels:,}."
    kernels = np.moveaxis(kernel, -1, 0)  # (channel, *window, in)
    return kernels[:, np.newaxis] if kernels.ndim == 3 else kernels


def _is_of_an_image(activation: Activation) -> bool:
    """Return whether the layer looks at an image that goes into the model, as it is or on another scale."""
    before = activation.inputs[0] if activation.inputs else None
    while before is not None and not before.key.startswith(_INPUT):
        if _SCALING.isdisjoint(before.layer.type_names) or len(before.inputs) != 1:
            return False
        before = before.inputs[0]
    if before is None:
        return False
    drawn = activation.context.drawable.get(before.key.removeprefix(_INPUT))
    return drawn is not None and drawn.ndim == 4 and drawn.shape[-1] == _COLOURS


def _in_colours(kernels: np.ndarray, scale_each: bool) -> np.ndarray:
    """Return kernels over red, green and blue as pictures, uint8: grey where a weight is zero."""
    finite = np.isfinite(kernels)
    values = np.where(finite, kernels, 0)
    reach = np.abs(values).max(axis=(1, 2, 3) if scale_each else None, keepdims=True)
    pixels = np.round(127.5 + 127.5 * values / np.where(reach > 0, reach, 1)).astype(np.uint8)
    pixels[~finite.all(axis=-1)] = charts.NOT_A_NUMBER_COLOUR
    return pixels


def _first_incoming(activation: Activation, chosen: int, units: int, incoming: int) -> int:
    """Return the number of the first channel that a kernel looks at, which of grouped ones is that of its group."""
    channels = activation.inputs[0].shape[-1] if activation.inputs else incoming
    groups = max(1, channels // incoming) if channels % incoming == 0 and activation.inputs else 1
    return chosen // max(1, units // groups) * incoming if groups > 1 and units % groups == 0 else 0


def _slices(kernel: np.ndarray, kind: str, chosen: int, first: int) -> alt.LayerChart:
    """Draw what a kernel weighs of each channel that goes in, those of the largest norm, on one scale."""
    slices = np.moveaxis(kernel, -1, 0)  # (height, width, in) -> (in, height, width)
    norms = np.sqrt(np.square(slices).sum(axis=(1, 2)))
    order = np.sort(np.argsort(-np.nan_to_num(norms, nan=-1), kind="stable")[:_MOST_SLICES])
    some = f"the {len(order):,} of largest norm of " if len(order) < len(slices) else ""
    title = charts.small_title(f"{kind.capitalize()} {chosen:,} by incoming channel: {some}{len(slices):,}")
    return gallery.gallery(
        slices[order],
        numbers=order + first,
        scheme="blueorange",
        scale_each=False,
        select="incoming",
        title=title,
        value_title="Weight",
        measures={"norm": norms[order]},
        width=420,
        height=160,
    )


def _colours_in_words(in_colour: bool, incoming: int, scale_each: bool) -> str:
    scaling = "each on its own scale" if scale_each else "all on one scale"
    if in_colour:
        return f"red, green and blue as they are weighed, grey for nothing; {scaling}"
    return f"{'weights' if incoming == 1 else 'norm over the channels that go in'}; {scaling}"


@hookimpl
def visualizers() -> list[Visualizer]:
    """Return what this file brings."""
    return [Kernels()]
