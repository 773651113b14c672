"""Operations of TensorFlow by what they do, as far as several rooms ask for it."""

from __future__ import annotations

from typing import Final

__all__ = [
    "BATCH_NORMALIZATIONS",
    "CONVOLUTIONS",
    "LOOKUPS",
    "MATRIX_PRODUCTS",
    "POOLINGS",
    "SCALINGS",
    "SQUASHING",
]

CONVOLUTIONS: Final = frozenset(
    {"Conv2D", "Conv3D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "Conv3DBackpropInputV2"}
)
POOLINGS: Final = frozenset({"MaxPool", "MaxPoolV2", "AvgPool", "MaxPool3D", "AvgPool3D"})
BATCH_NORMALIZATIONS: Final = frozenset({"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"})
MATRIX_PRODUCTS: Final = frozenset({"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum"})
LOOKUPS: Final = frozenset({"Gather", "GatherV2", "ResourceGather"})
"""Operations that take rows of a table by their numbers."""
SCALINGS: Final = frozenset({"Mul", "Add", "AddV2", "Sub", "RealDiv", "Cast"})
SQUASHING: Final = frozenset({"Softmax", "Sigmoid", "LogSoftmax"})
