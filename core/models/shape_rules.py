"""What a layer answers and how many parameters it has, by arithmetic on its configuration: no Keras, nothing reserved.

Shapes leave the sample axis out; None is an extent that is not fixed. The formulas are those of Keras' own
``compute_output_shape`` and ``build``. A class without a rule here is not understood, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

__all__ = ["RULES", "Shape", "cannot_be", "extent_of"]

Shape: TypeAlias = tuple[int | None, ...]
Rule: TypeAlias = Callable[[Mapping[str, Any], Sequence[Shape]], tuple[list[Shape], int]]

_SAME: Final = (
    "Activation ActivityRegularization AlphaDropout AugMix AutoContrast Dropout ELU Equalization GaussianDropout "
    "GaussianNoise Identity LeakyReLU Masking MixUp CutMix RandAugment RandomBrightness RandomColorDegeneration "
    "RandomColorJitter RandomContrast RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHue "
    "RandomInvert RandomPerspective RandomPosterization RandomRotation RandomSaturation RandomSharpness "
    "RandomShear RandomTranslation RandomZoom ReLU Rescaling Softmax Solarization SpatialDropout1D "
    "SpatialDropout2D SpatialDropout3D UnitNormalization Abs Absolute Celu Cast Clip Cos Elu Erf Exp Gelu "
    "HardSigmoid HardSilu LeakyRelu Log LogSoftmax Mish Negative Relu Relu6 Rsqrt Selu Sigmoid Sign Silu Sin "
    "Softplus Softsign Sqrt Square Tanh Threshold"
)
_MERGING: Final = frozenset(["Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"])
_TOGETHER: Final = "Add Average Maximum Minimum Multiply Subtract TrueDivide Divide Power Greater Less Equal"


def extent_of(shape: Shape) -> int:
    """Return how many values a shape holds; an extent that is not fixed counts as one."""
    return math.prod(1 if extent is None else extent for extent in shape)


def cannot_be(kind: str, config: Mapping[str, Any], shapes: Sequence[Shape], outputs: Sequence[Shape]) -> bool:
    """Return whether a layer certainly cannot take shapes: nothing would be left, or what goes in does not go together.

    Args:
        kind: Class of the layer.
        config: Its configuration.
        shapes: What goes in.
        outputs: What the rule for the layer gives.
    """
    if any(extent is not None and extent < 1 for shape in outputs for extent in shape):
        return True
    if kind == "Reshape" and None not in shapes[0]:
        count, wanted = extent_of(shapes[0]), list(config["target_shape"])
        known = math.prod(extent for extent in wanted if extent != -1)
        return bool(count % max(known, 1)) if -1 in wanted else count != known
    if kind == "Concatenate":
        axis = int(config.get("axis", -1))
        position = (axis - 1 if axis > 0 else axis) % len(shapes[0])
        return any(_unlike({each[at] for each in shapes}) for at in range(len(shapes[0])) if at != position)
    if kind in _MERGING:
        along = zip(*(reversed(shape) for shape in shapes), strict=False)
        return any(_unlike(set(extents) - {1}) for extents in along)
    return False


def _unlike(extents: set[int | None]) -> bool:
    return len(extents - {None}) > 1


def _same(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    return [shapes[0]], 0


def _broadcast(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    rank = max(len(shape) for shape in shapes)
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    return [tuple(_larger(extents) for extents in zip(*padded, strict=True))], 0


def _larger(extents: Sequence[int | None]) -> int | None:
    known = [extent for extent in extents if extent is not None]
    return max(known) if known and (max(known) > 1 or len(known) == len(extents)) else None


def _dense(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    units, features = int(config["units"]), _fixed(shapes[0][-1])
    return [(*shapes[0][:-1], units)], units * (features + bool(config.get("use_bias", True)))


def _einsum_dense(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    given, rest = config["equation"].replace(" ", "").split(",")
    weights, answered = rest.split("->")
    wanted = config["output_shape"]
    output = tuple(wanted) if isinstance(wanted, list | tuple) else (wanted,)
    if "." in given:
        raise NotImplementedError
    sizes: dict[str, int | None] = dict(zip(given[1:], shapes[0], strict=True))
    for letter, extent in zip(answered[1:], output, strict=True):
        sizes[letter] = sizes.get(letter) if extent is None else extent
    kernel = math.prod(_fixed(sizes[letter]) for letter in weights)
    bias = math.prod(_fixed(sizes[letter]) for letter in config["bias_axes"]) if config.get("bias_axes") else 0
    return [tuple(sizes[letter] for letter in answered[1:])], kernel + bias


def _embedding(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    size = int(config["output_dim"])
    return [(*shapes[0], size)], int(config["input_dim"]) * size


def _convolution(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    filters, groups = int(config["filters"]), int(config.get("groups") or 1)
    spatial, channels = _split(config, shapes[0])
    kernel = _each(config["kernel_size"], len(spatial))
    parameters = math.prod(kernel) * (channels // groups) * filters + _bias(config, filters)
    return [_joined(config, _convolved(config, spatial, kernel), filters)], parameters


def _depthwise(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    spatial, channels = _split(config, shapes[0])
    kernel = _each(config["kernel_size"], len(spatial))
    made = channels * int(config.get("depth_multiplier") or 1)
    return [_joined(config, _convolved(config, spatial, kernel), made)], math.prod(kernel) * made + _bias(config, made)


def _separable(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    filters = int(config["filters"])
    spatial, channels = _split(config, shapes[0])
    kernel = _each(config["kernel_size"], len(spatial))
    made = channels * int(config.get("depth_multiplier") or 1)
    parameters = math.prod(kernel) * made + made * filters + _bias(config, filters)
    return [_joined(config, _convolved(config, spatial, kernel), filters)], parameters


def _transposed(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    filters = int(config["filters"])
    spatial, channels = _split(config, shapes[0])
    rank = len(spatial)
    kernel, strides = _each(config["kernel_size"], rank), _each(config.get("strides", 1), rank)
    grown = [
        None if extent is None else extent * step + (max(size - step, 0) if config.get("padding") != "same" else 0)
        for extent, size, step in zip(spatial, kernel, strides, strict=True)
    ]
    return [_joined(config, grown, filters)], math.prod(kernel) * channels * filters + _bias(config, filters)


def _pooling(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    spatial, channels = _split(config, shapes[0])
    size = _each(config["pool_size"], len(spatial))
    strides = config["strides"] if config.get("strides") is not None else size
    return [_joined(config, _convolved({**config, "strides": strides}, spatial, size), channels)], 0


def _global_pooling(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    spatial, channels = _split(config, shapes[0])
    return [_joined(config, [1] * len(spatial), channels) if config.get("keepdims") else (channels,)], 0


def _adaptive_pooling(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    spatial, channels = _split(config, shapes[0])
    return [_joined(config, _each(config["output_size"], len(spatial)), channels)], 0


def _padded(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    return _resized_by(config, shapes, config["padding"], 1)


def _cropped(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    return _resized_by(config, shapes, config["cropping"], -1)


def _resized_by(config: Mapping[str, Any], shapes: Sequence[Shape], amount: Any, sign: int) -> tuple[list[Shape], int]:
    spatial, channels = _split(config, shapes[0])
    if len(spatial) == 1 and isinstance(amount, list | tuple) and not isinstance(amount[0], list | tuple):
        amount = [amount]
    sides = amount if isinstance(amount, list | tuple) else [amount] * len(spatial)
    added = [sum(side) if isinstance(side, list | tuple) else 2 * side for side in sides]
    changed = [None if extent is None else extent + sign * more for extent, more in zip(spatial, added, strict=True)]
    return [_joined(config, changed, channels)], 0


def _upsampling(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    spatial, channels = _split(config, shapes[0])
    times = _each(config["size"], len(spatial))
    grown = [None if extent is None else extent * factor for extent, factor in zip(spatial, times, strict=True)]
    return [_joined(config, grown, channels)], 0


def _flatten(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    return [(None if None in shapes[0] else extent_of(shapes[0]),)], 0


def _reshape(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    wanted = list(config["target_shape"])
    if -1 in wanted and None not in shapes[0]:
        rest = math.prod(extent for extent in wanted if extent != -1)
        wanted[wanted.index(-1)] = extent_of(shapes[0]) // max(rest, 1)
    return [tuple(None if extent == -1 else extent for extent in wanted)], 0


def _permute(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    return [tuple(shapes[0][position - 1] for position in config["dims"])], 0


def _repeat(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    return [(int(config["n"]), *shapes[0])], 0


def _concatenate(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    axis = int(config.get("axis", -1))
    position = axis - 1 if axis > 0 else axis
    along = [shape[position] for shape in shapes]
    joined = list(shapes[0])
    joined[position] = None if None in along else sum(extent or 0 for extent in along)
    return [tuple(joined)], 0


def _prelu(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    shared = config.get("shared_axes") or []
    extents = [1 if number in shared else extent for number, extent in enumerate(shapes[0], start=1)]
    return [shapes[0]], extent_of(tuple(extents))


def _batch_normalization(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    kept = 2 + bool(config.get("center", True)) + bool(config.get("scale", True))
    return [shapes[0]], kept * _along(shapes[0], config.get("axis", -1))


def _layer_normalization(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    kept = bool(config.get("center", True)) + bool(config.get("scale", True))
    return [shapes[0]], kept * _along(shapes[0], config.get("axis", -1))


def _rms_normalization(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    return [shapes[0]], _along(shapes[0], config.get("axis", -1))


def _normalization(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    if config.get("mean") is not None:
        return [shapes[0]], 0
    axis = config.get("axis", -1)
    return [shapes[0]], 2 * (_along(shapes[0], axis) if axis is not None else 1) + 1


def _multi_head_attention(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    query, value = shapes[0], shapes[1] if len(shapes) > 1 else shapes[0]
    key = shapes[2] if len(shapes) > 2 else value
    heads, key_dim = int(config["num_heads"]), int(config["key_dim"])
    value_dim = int(config.get("value_dim") or key_dim)
    wanted = config.get("output_shape")
    answered = list(wanted) if isinstance(wanted, list | tuple) else [wanted or query[-1]]
    bias = bool(config.get("use_bias", True))
    made = math.prod(_fixed(extent) for extent in answered)
    parameters = heads * key_dim * (_fixed(query[-1]) + _fixed(key[-1]) + 2 * bias)
    parameters += heads * value_dim * (_fixed(value[-1]) + bias) + heads * value_dim * made + bias * made
    return [(*query[:-1], *answered)], parameters


def _attention(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    return [(*shapes[0][:-1], shapes[1][-1])], int(bool(config.get("use_scale")))


def _resized(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    _, channels = _split(config, shapes[0])
    return [_joined(config, [int(config["height"]), int(config["width"])], channels)], 0


def _encoded(config: Mapping[str, Any], shapes: Sequence[Shape]) -> tuple[list[Shape], int]:
    size = next((config[name] for name in ("num_tokens", "num_bins", "max_tokens") if config.get(name)), None)
    if config.get("output_mode", "int") == "int":
        return [shapes[0]], 0
    if size is None:
        raise NotImplementedError
    kept = shapes[0] if config["output_mode"] == "one_hot" else shapes[0][:-1]
    return [(*(kept[:-1] if kept and kept[-1] == 1 else kept), int(size))], 0


def _split(config: Mapping[str, Any], shape: Shape) -> tuple[list[int | None], int]:
    """Return the extents in space or time, and the number of channels."""
    if config.get("data_format") == "channels_first":
        return list(shape[1:]), _fixed(shape[0])
    return list(shape[:-1]), _fixed(shape[-1])


def _joined(config: Mapping[str, Any], spatial: Sequence[int | None], channels: int) -> Shape:
    return (channels, *spatial) if config.get("data_format") == "channels_first" else (*spatial, channels)


def _convolved(config: Mapping[str, Any], spatial: Sequence[int | None], kernel: Sequence[int]) -> list[int | None]:
    rank = len(spatial)
    strides, dilations = _each(config.get("strides", 1), rank), _each(config.get("dilation_rate", 1), rank)
    whole = config.get("padding") in ("same", "causal")
    made: list[int | None] = []
    for extent, size, step, dilation in zip(spatial, kernel, strides, dilations, strict=True):
        room = extent if extent is None or whole else extent - (size - 1) * dilation
        made.append(None if room is None else max(0, -(-room // step)))
    return made


def _each(value: Any, rank: int) -> list[int]:
    return [int(part) for part in value] if isinstance(value, list | tuple) else [int(value)] * rank


def _bias(config: Mapping[str, Any], count: int) -> int:
    return count if config.get("use_bias", True) else 0


def _along(shape: Shape, axis: Any) -> int:
    positions = axis if isinstance(axis, list | tuple) else [axis]
    return math.prod(_fixed(shape[position - 1 if position > 0 else position]) for position in positions)


def _fixed(extent: int | None) -> int:
    if extent is None:
        raise NotImplementedError
    return int(extent)


RULES: Final[Mapping[str, Rule]] = {
    **dict.fromkeys(_SAME.split(), _same),
    **dict.fromkeys(_TOGETHER.split(), _broadcast),
    **{f"{kind}Pooling{rank}D": _pooling for kind in ("Max", "Average") for rank in (1, 2, 3)},
    **{f"Global{kind}Pooling{rank}D": _global_pooling for kind in ("Max", "Average") for rank in (1, 2, 3)},
    **{f"Adaptive{kind}Pooling{rank}D": _adaptive_pooling for kind in ("Max", "Average") for rank in (1, 2, 3)},
    **{f"Conv{rank}D": _convolution for rank in (1, 2, 3)},
    **{f"Conv{rank}DTranspose": _transposed for rank in (1, 2, 3)},
    **{f"DepthwiseConv{rank}D": _depthwise for rank in (1, 2)},
    **{f"SeparableConv{rank}D": _separable for rank in (1, 2)},
    **{f"ZeroPadding{rank}D": _padded for rank in (1, 2, 3)},
    **{f"Cropping{rank}D": _cropped for rank in (1, 2, 3)},
    **{f"UpSampling{rank}D": _upsampling for rank in (1, 2, 3)},
    **dict.fromkeys(("Resizing", "CenterCrop", "RandomCrop"), _resized),
    **dict.fromkeys(
        ("CategoryEncoding", "Hashing", "HashedCrossing", "StringLookup", "IntegerLookup", "Discretization"), _encoded
    ),
    "Attention": _attention,
    "BatchNormalization": _batch_normalization,
    "Concatenate": _concatenate,
    "Dense": _dense,
    "EinsumDense": _einsum_dense,
    "Embedding": _embedding,
    "Flatten": _flatten,
    "GroupNormalization": _layer_normalization,
    "LayerNormalization": _layer_normalization,
    "MultiHeadAttention": _multi_head_attention,
    "Normalization": _normalization,
    "PReLU": _prelu,
    "Permute": _permute,
    "RMSNormalization": _rms_normalization,
    "RepeatVector": _repeat,
    "Reshape": _reshape,
}
"""By class: takes the configuration and the shapes that go in; gives those that come out, and the parameters."""
