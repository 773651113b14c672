"""The functions of TensorFlow that Keras 3 has an exact counterpart of, keyword by keyword.

Keywords and values that are not here have no counterpart, as far as it is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["Counterpart", "NoCounterpart", "counterpart_of", "whole_numbers"]

_TYPES: Final = frozenset({
    "bool", "float16", "bfloat16", "float32", "float64",
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
})  # fmt: skip


class NoCounterpart(Exception):
    """Says what of a call Keras 3 has no counterpart of."""


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise NoCounterpart
    return value


def whole_numbers(value: Any) -> list[int]:
    """Return a value that is a list of whole numbers.

    Raises:
        NoCounterpart: If it is anything else.
    """
    if not isinstance(value, list):
        raise NoCounterpart
    return [_whole(item) for item in value]


def _axes(value: Any) -> int | list[int] | None:
    if isinstance(value, list) and value:
        return whole_numbers(value)
    return None if value is None else _whole(value)


def _order(value: Any) -> list[int] | None:
    return None if value is None else whole_numbers(value)


def _pairs(value: Any) -> list[list[int]]:
    if not isinstance(value, list):
        raise NoCounterpart
    return [whole_numbers(pair) for pair in value]


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise NoCounterpart
    return value


def _flag(value: Any) -> bool:
    if value is not None and not isinstance(value, bool):
        raise NoCounterpart
    return bool(value)


def _type(value: Any) -> str:
    named = re.fullmatch(r"<dtype: '(\w+)'>|(\w+)", value) if isinstance(value, str) else None
    name = named and (named[1] or named[2])
    if name not in _TYPES:
        raise NoCounterpart
    return name


def _one_of(*values: str) -> Callable[[Any], str]:
    def reader(value: Any) -> str:
        if not isinstance(value, str) or value.lower() not in values:
            raise NoCounterpart
        return value.lower()

    return reader


_REQUIRED: Final = object()


@dataclass(frozen=True)
class _Option:
    """An option of a Keras 3 operation: TensorFlow's keyword for it, TensorFlow's default, what reads the value."""

    keyword: str
    read: Callable[[Any], Any]
    default: Any = _REQUIRED


@dataclass(frozen=True)
class Counterpart:
    """The operation of Keras 3 that computes what a function of TensorFlow does.

    Attributes:
        place: Its module below ``keras.src.ops`` and its class; or a layer's, as ``layers.Add``.
        operands: TensorFlow's keywords for the operands after the first.
        options: Options of the operation by name.
        fixed: Options that always have the same value.
        neutral: Keywords of TensorFlow, with the values that change nothing.
        takes_list: Whether the first operand is a list of tensors.
    """

    place: str
    operands: tuple[str, ...] = ()
    options: Mapping[str, _Option] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    neutral: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    takes_list: bool = False

    def options_for(self, keywords: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options of the operation for a call of TensorFlow's function.

        Raises:
            NoCounterpart: If a keyword, or its value, has no counterpart.
        """
        expected = {*self.operands, *(option.keyword for option in self.options.values())}
        for keyword, value in keywords.items():
            if keyword not in expected and not _is_among(value, self.neutral.get(keyword, ())):
                raise NoCounterpart(f"{keyword}={str(value)[:80]}")
        return {**{name: _option(option, keywords) for name, option in self.options.items()}, **self.fixed}


def _reduction(place: str) -> Counterpart:
    return Counterpart(
        place, options={"axis": _Option("axis", _axes, None), "keepdims": _Option("keepdims", _flag, False)}
    )


def _along(
    place: str, default: Any = _REQUIRED, *, takes_list: bool = False, **neutral: tuple[Any, ...]
) -> Counterpart:
    def read(value: Any) -> int:
        return _whole(default if value is None else value)

    return Counterpart(place, options={"axis": _Option("axis", read, default)}, neutral=neutral, takes_list=takes_list)


def _matmul(keywords: Mapping[str, Any]) -> Counterpart:
    neutral: dict[str, tuple[Any, ...]] = dict.fromkeys(
        ("adjoint_a", "adjoint_b", "a_is_sparse", "b_is_sparse", "grad_a", "grad_b"), (False,)
    )
    neutral |= {"transpose_a": (False, True), "transpose_b": (False, True), "output_type": (None,)}
    first = "...ji" if keywords.get("transpose_a") is True else "...ij"
    second = "...kj" if keywords.get("transpose_b") is True else "...jk"
    if (first, second) == ("...ij", "...jk"):
        return Counterpart("numpy.Matmul", ("b",), neutral=neutral)
    return Counterpart("numpy.Einsum", ("b",), fixed={"subscripts": f"{first},{second}->...ik"}, neutral=neutral)


def _pad(keywords: Mapping[str, Any]) -> Counterpart:
    options = {
        "pad_width": _Option("paddings", _pairs),
        "mode": _Option("mode", _one_of("constant", "reflect", "symmetric"), "constant"),
    }
    if str(keywords.get("mode", "constant")).lower() == "constant" and "constant_values" in keywords:
        return Counterpart("numpy.Pad", ("constant_values",), options=options)
    return Counterpart("numpy.Pad", options=options, neutral={"constant_values": (0,)})


def _split(keywords: Mapping[str, Any]) -> Counterpart:
    def read(value: Any) -> int | list[int]:
        if not isinstance(value, list):
            return _whole(value)
        sizes = whole_numbers(value)
        if min(sizes, default=-1) < 0:
            raise NoCounterpart
        return [sum(sizes[: number + 1]) for number in range(len(sizes) - 1)]

    options = {"indices_or_sections": _Option("num_or_size_splits", read), "axis": _Option("axis", _whole, 0)}
    return Counterpart("numpy.Split", options=options, neutral={"num": (None,)})


def _root(value: Any) -> float:
    number = _number(value)
    if number <= 0:
        raise NoCounterpart
    return float(number**0.5)


def _only_axis(value: Any) -> int:
    return _whole(value[0] if isinstance(value, list) and len(value) == 1 else value)


def _gather_axis(value: Any) -> int:
    return _whole(0 if value is None else value)


_SPACE: Final = _Option("block_size", _whole)
_GATHER: Final = Counterpart(
    "numpy.Take",
    ("indices",),
    {"axis": _Option("axis", _gather_axis, None)},
    neutral={"validate_indices": (None,), "batch_dims": (0,)},
)
_TRANSPOSE: Final = Counterpart(
    "numpy.Transpose", options={"axes": _Option("perm", _order, None)}, neutral={"conjugate": (False,)}
)
_SQUEEZE: Final = Counterpart(
    "numpy.Squeeze", options={"axis": _Option("axis", _axes, None)}, neutral={"squeeze_dims": (None,)}
)
_NORM: Final = Counterpart(
    "linalg.Norm",
    options={"axis": _Option("axis", _only_axis), "keepdims": _Option("keepdims", _flag, None)},
    neutral={"ord": ("euclidean", 2), "keep_dims": (None,)},
)
_SAME: Final = Counterpart("numpy.Copy", neutral={"dtype": (None,), "dtype_hint": (None,)})
# What each function is in Keras 3: of one tensor …
_OF_ONE: Final = {
    "math.abs": "numpy.Absolute", "math.acos": "numpy.Arccos", "math.asin": "numpy.Arcsin",
    "math.atan": "numpy.Arctan", "math.ceil": "numpy.Ceil", "math.cos": "numpy.Cos", "math.cosh": "numpy.Cosh",
    "math.erf": "math.Erf", "math.exp": "numpy.Exp", "math.expm1": "numpy.Expm1", "math.floor": "numpy.Floor",
    "math.is_finite": "numpy.Isfinite", "math.is_inf": "numpy.Isinf", "math.is_nan": "numpy.Isnan",
    "math.log": "numpy.Log", "math.log1p": "numpy.Log1p", "math.log_sigmoid": "nn.LogSigmoid",
    "math.logical_not": "numpy.LogicalNot", "math.negative": "numpy.Negative", "math.reciprocal": "numpy.Reciprocal",
    "math.round": "numpy.Round", "math.rsqrt": "math.Rsqrt", "math.sigmoid": "nn.Sigmoid", "math.sign": "numpy.Sign",
    "math.sin": "numpy.Sin", "math.sinh": "numpy.Sinh", "math.softplus": "nn.Softplus", "math.sqrt": "numpy.Sqrt",
    "math.square": "numpy.Square", "math.tan": "numpy.Tan", "math.tanh": "numpy.Tanh", "nn.relu": "nn.Relu",
    "nn.relu6": "nn.Relu6", "nn.selu": "nn.Selu", "nn.sigmoid": "nn.Sigmoid", "nn.softplus": "nn.Softplus",
    "nn.softsign": "nn.Softsign", "nn.tanh": "numpy.Tanh", "stop_gradient": "core.StopGradient",
}  # fmt: skip
# … of two, x and y …
_OF_TWO: Final = {
    "__operators__.add": "numpy.Add",
    "compat.v1.floor_div": "numpy.FloorDivide",
    "math.add": "numpy.Add",
    "math.atan2": "numpy.Arctan2",
    "math.divide": "numpy.TrueDivide",
    "math.divide_no_nan": "numpy.DivideNoNan",
    "math.equal": "numpy.Equal",
    "math.floordiv": "numpy.FloorDivide",
    "math.floormod": "numpy.Mod",
    "math.greater": "numpy.Greater",
    "math.greater_equal": "numpy.GreaterEqual",
    "math.less": "numpy.Less",
    "math.less_equal": "numpy.LessEqual",
    "math.logical_and": "numpy.LogicalAnd",
    "math.logical_or": "numpy.LogicalOr",
    "math.logical_xor": "numpy.LogicalXor",
    "math.maximum": "numpy.Maximum",
    "math.minimum": "numpy.Minimum",
    "math.multiply": "numpy.Multiply",
    "math.not_equal": "numpy.NotEqual",
    "math.pow": "numpy.Power",
    "math.subtract": "numpy.Subtract",
    "math.truediv": "numpy.TrueDivide",
}
# … and of one along some axes.
_REDUCTIONS: Final = {
    "math.reduce_all": "numpy.All",
    "math.reduce_any": "numpy.Any",
    "math.reduce_logsumexp": "math.Logsumexp",
    "math.reduce_max": "numpy.Max",
    "math.reduce_mean": "numpy.Mean",
    "math.reduce_min": "numpy.Min",
    "math.reduce_prod": "numpy.Prod",
    "math.reduce_std": "numpy.Std",
    "math.reduce_sum": "numpy.Sum",
    "math.reduce_variance": "numpy.Var",
}
_COUNTERPARTS: Final[Mapping[str, Counterpart]] = {
    **{function: Counterpart(place) for function, place in _OF_ONE.items()},
    **{
        function: Counterpart(place, ("y",), neutral={"incompatible_shape_error": (True,)})
        for function, place in _OF_TWO.items()
    },
    **{function: _reduction(place) for function, place in _REDUCTIONS.items()},
    "cast": Counterpart("core.Cast", options={"dtype": _Option("dtype", _type)}),
    "clip_by_value": Counterpart(
        "numpy.Clip",
        options={"x_min": _Option("clip_value_min", _number), "x_max": _Option("clip_value_max", _number)},
    ),
    "compat.v1.gather": _GATHER,
    "compat.v1.norm": _NORM,
    "compat.v1.squeeze": _SQUEEZE,
    "compat.v1.transpose": _TRANSPOSE,
    "concat": _along("numpy.Concatenate", takes_list=True),
    "convert_to_tensor": _SAME,
    "expand_dims": _along("numpy.ExpandDims"),
    "gather": _GATHER,
    "identity": _SAME,
    "image.resize": Counterpart(
        "image.Resize",
        options={
            "size": _Option("size", whole_numbers),
            "interpolation": _Option(
                "method", _one_of("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"), "bilinear"
            ),
            "antialias": _Option("antialias", _flag, False),
        },
        fixed={"data_format": "channels_last"},
        neutral={"preserve_aspect_ratio": (False,)},
    ),
    # A layer, for no operation adds up a list. Keras 2 casts nothing between two layers.
    "math.add_n": Counterpart("layers.Add", fixed={"autocast": False}, takes_list=True),
    "math.argmax": _along("numpy.Argmax", 0, output_type=("<dtype: 'int64'>", "<dtype: 'int32'>", "int64", "int32")),
    "math.argmin": _along("numpy.Argmin", 0, output_type=("<dtype: 'int64'>", "<dtype: 'int32'>", "int64", "int32")),
    "math.cumsum": _along("numpy.Cumsum", 0, exclusive=(False,), reverse=(False,)),
    # x · rsqrt(max(Σx², ε)) here, x · min(rsqrt(Σx²), 1/ε) there.
    "math.l2_normalize": Counterpart(
        "nn.Normalize",
        options={"axis": _Option("axis", _only_axis), "epsilon": _Option("epsilon", _root, 1e-12)},
        fixed={"order": 2},
        neutral={"dim": (None,)},
    ),
    "nn.bias_add": Counterpart("numpy.Add", ("bias",), neutral={"data_format": (None, "NHWC", "N...C")}),
    "nn.depth_to_space": Counterpart(
        "nn.DepthToSpace", options={"block_size": _SPACE}, neutral={"data_format": ("NHWC",)}
    ),
    "nn.elu": Counterpart("nn.Elu"),
    "nn.gelu": Counterpart("nn.Gelu", options={"approximate": _Option("approximate", _flag, False)}),
    "nn.leaky_relu": Counterpart("nn.LeakyRelu", options={"negative_slope": _Option("alpha", _number, 0.2)}),
    "nn.log_softmax": _along("nn.LogSoftmax", -1),
    "nn.silu": Counterpart("nn.Silu", neutral={"beta": (1.0,)}),
    "nn.softmax": _along("nn.Softmax", -1),
    "nn.space_to_depth": Counterpart(
        "nn.SpaceToDepth", options={"block_size": _SPACE}, neutral={"data_format": ("NHWC",)}
    ),
    "norm": _NORM,
    "one_hot": Counterpart(
        "nn.OneHot",
        options={
            "num_classes": _Option("depth", _whole),
            "axis": _Option("axis", lambda value: -1 if value is None else _whole(value), None),
            "dtype": _Option("dtype", lambda value: "float32" if value is None else _type(value), None),
        },
        neutral={"on_value": (None,), "off_value": (None,)},
    ),
    "reshape": Counterpart("numpy.Reshape", options={"newshape": _Option("shape", whole_numbers)}),
    "reverse": Counterpart("numpy.Flip", options={"axis": _Option("axis", whole_numbers)}),
    "squeeze": _SQUEEZE,
    "stack": _along("numpy.Stack", 0, takes_list=True),
    "tile": Counterpart("numpy.Tile", options={"repeats": _Option("multiples", whole_numbers)}),
    "transpose": _TRANSPOSE,
    "unstack": Counterpart(
        "core.Unstack",
        options={
            "num": _Option("num", lambda value: None if value is None else _whole(value), None),
            "axis": _Option("axis", _whole, 0),
        },
    ),
    "where": Counterpart("numpy.Where", ("x", "y")),
}
# Whose counterpart depends on the keywords.
_CHOSEN: Final[Mapping[str, Callable[[Mapping[str, Any]], Counterpart]]] = {
    "compat.v1.pad": _pad,
    "linalg.matmul": _matmul,
    "pad": _pad,
    "split": _split,
}


def counterpart_of(function: str, keywords: Mapping[str, Any]) -> Counterpart:
    """Return what a function of TensorFlow is in Keras 3.

    Args:
        function: Its name as Keras 2 writes it, such as ``"math.multiply"``.
        keywords: Those of the call; of a few functions, it depends on them.

    Raises:
        NoCounterpart: If Keras 3 has none.
    """
    if function in _CHOSEN:
        return _CHOSEN[function](keywords)
    if function not in _COUNTERPARTS:
        raise NoCounterpart
    return _COUNTERPARTS[function]


def _is_among(value: Any, values: Sequence[Any]) -> bool:
    # True is 1 in Python, and no axis.
    return any(type(value) is type(other) and value == other for other in values) or (
        type(value) is int and any(type(other) is float and value == other for other in values)
    )


def _option(option: _Option, keywords: Mapping[str, Any]) -> Any:
    value = keywords.get(option.keyword, option.default)
    if value is _REQUIRED:
        raise NoCounterpart(f"{option.keyword} left out")
    try:
        return option.read(value)
    except NoCounterpart:
        raise NoCounterpart(f"{option.keyword}={str(value)[:80]}") from None
