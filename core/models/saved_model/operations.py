"""Operations that the graph of a SavedModel may hold, and why some others may not be there.

An operation is allowed by its name, since TensorFlow knows more than fourteen hundred and each version adds some. All
of these turn tensors into tensors, or change variables and tables in memory; none of them opens a file, a connection or
a device, runs Python, or makes a pipeline that could. The names are those of TensorFlow's registry.

Missing on purpose, although a name sounds harmless: ``FixedUnigramCandidateSampler``, ``GenerateVocabRemapping``,
``LoadAndRemapMatrix``, ``ImmutableConst``, ``Skipgram``, ``DecodeProtoV2`` and ``EncodeProto`` open the file that an
attribute or an input names; ``Print`` and ``PrintV2`` write into the server's log, or into the file that an attribute
names; ``Empty`` shows memory as it was left; ``XlaCallModule`` and ``XlaCustomCall`` call what the process has
registered, by its name.
"""

import re
from typing import Final

__all__ = ["ALLOWED", "SAVER_OPERATIONS", "SIZED_BY", "TEXT_TABLE", "describe_refused"]

# What reads and writes variables/; allowed in the functions of the saver and nowhere else.
SAVER_OPERATIONS: Final = frozenset({"MergeV2Checkpoints", "RestoreV2", "SaveV2"})
# Allowed where its file is one of the SavedModel's own assets.
TEXT_TABLE: Final = "InitializeTableFromTextFileV2"

# Operations that make a tensor as large as one of their inputs says: which input holds the shape.
SIZED_BY: Final = {
    "BroadcastTo": 1,
    "Fill": 0,
    "RandomStandardNormal": 0,
    "RandomUniform": 0,
    "RandomUniformInt": 0,
    "StatelessRandomNormal": 0,
    "StatelessRandomNormalV2": 0,
    "StatelessRandomUniform": 0,
    "StatelessRandomUniformV2": 0,
    "StatelessTruncatedNormalV2": 0,
    "TruncatedNormal": 0,
}

# fmt: off
ALLOWED: Final = frozenset({
    # Control flow and calls; the functions that these name are checked like the rest.
    "Assert", "Case", "Const", "ControlTrigger", "EnsureShape", "Enter", "Exit", "FakeParam", "For",
    "GuaranteeConst", "Identity", "IdentityN", "If", "LoopCond", "Merge", "NextIteration", "NoOp",
    "PartitionedCall", "Placeholder", "PlaceholderWithDefault", "PreventGradient", "StatefulPartitionedCall",
    "StatelessCase", "StatelessIf", "StatelessWhile", "StopGradient", "Switch", "While",
    # What a gradient through a condition keeps of the branch that was taken; in each trained recurrent SavedModel.
    "OptionalFromValue", "OptionalGetValue", "OptionalHasValue", "OptionalNone",
    # Variables and what trains them.
    "AssignAddVariableOp", "AssignSubVariableOp", "AssignVariableOp", "DestroyResourceOp", "DisableCopyOnRead",
    "ReadVariableOp", "ResourceApplyAdaMax", "ResourceApplyAdadelta", "ResourceApplyAdagrad",
    "ResourceApplyAdagradDA", "ResourceApplyAdagradV2", "ResourceApplyAdam", "ResourceApplyAdamWithAmsgrad",
    "ResourceApplyAddSign", "ResourceApplyCenteredRMSProp", "ResourceApplyFtrl", "ResourceApplyFtrlV2",
    "ResourceApplyGradientDescent", "ResourceApplyKerasMomentum", "ResourceApplyMomentum", "ResourceApplyPowerSign",
    "ResourceApplyProximalAdagrad", "ResourceApplyProximalGradientDescent", "ResourceApplyRMSProp",
    "ResourceGather", "ResourceGatherNd", "ResourceScatterAdd", "ResourceScatterDiv", "ResourceScatterMax",
    "ResourceScatterMin", "ResourceScatterMul", "ResourceScatterNdAdd", "ResourceScatterNdMax",
    "ResourceScatterNdMin", "ResourceScatterNdSub", "ResourceScatterNdUpdate", "ResourceScatterSub",
    "ResourceScatterUpdate", "ResourceSparseApplyAdadelta", "ResourceSparseApplyAdagrad",
    "ResourceSparseApplyAdagradDA", "ResourceSparseApplyAdagradV2", "ResourceSparseApplyCenteredRMSProp",
    "ResourceSparseApplyFtrl", "ResourceSparseApplyFtrlV2", "ResourceSparseApplyKerasMomentum",
    "ResourceSparseApplyMomentum", "ResourceSparseApplyProximalAdagrad",
    "ResourceSparseApplyProximalGradientDescent", "ResourceSparseApplyRMSProp", "ResourceStridedSliceAssign",
    "VarHandleOp", "VarIsInitializedOp", "VariableShape",
    # Tables in memory; InitializeTableFromTextFileV2 is not here, since it needs a look at its file name.
    "AnonymousHashTable", "AnonymousMutableDenseHashTable", "AnonymousMutableHashTable",
    "AnonymousMutableHashTableOfTensors", "HashTableV2", "InitializeTableV2", "LookupTableExportV2",
    "LookupTableFindV2", "LookupTableImportV2", "LookupTableInsertV2", "LookupTableRemoveV2", "LookupTableSizeV2",
    "MutableDenseHashTableV2", "MutableHashTableOfTensorsV2", "MutableHashTableV2",
    # Lists of tensors and what loops keep.
    "EmptyTensorList", "InplaceAdd", "InplaceSub", "InplaceUpdate", "TensorArrayCloseV3", "TensorArrayConcatV3",
    "TensorArrayGatherV3", "TensorArrayGradV3", "TensorArrayReadV3", "TensorArrayScatterV3", "TensorArraySizeV3",
    "TensorArraySplitV3", "TensorArrayV3", "TensorArrayWriteV3", "TensorListConcat", "TensorListConcatLists",
    "TensorListConcatV2", "TensorListElementShape", "TensorListFromTensor", "TensorListGather", "TensorListGetItem",
    "TensorListLength", "TensorListPopBack", "TensorListPushBack", "TensorListPushBackBatch", "TensorListReserve",
    "TensorListResize", "TensorListScatter", "TensorListScatterIntoExistingList", "TensorListScatterV2",
    "TensorListSetItem", "TensorListSplit", "TensorListStack",
    # Strings.
    "AsString", "DecodeBase64", "DecodeCSV", "DecodePaddedRaw", "DecodeRaw", "EncodeBase64", "Fingerprint",
    "ParseExample", "ParseExampleV2", "ParseSequenceExample", "ParseSequenceExampleV2", "ParseSingleExample",
    "ParseSingleSequenceExample", "ReduceJoin", "RegexFullMatch", "RegexReplace", "ShardedFilename",
    "StaticRegexFullMatch", "StaticRegexReplace", "StringFormat", "StringJoin", "StringLength", "StringLower",
    "StringNGrams", "StringSplitV2", "StringStrip", "StringToHashBucket", "StringToHashBucketFast",
    "StringToHashBucketStrong", "StringToNumber", "StringUpper", "Substr", "UnicodeDecode",
    "UnicodeDecodeWithOffsets", "UnicodeEncode", "UnicodeScript", "UnicodeTranscode", "UnsortedSegmentJoin",
    # Ragged and sparse tensors.
    "DenseCountSparseOutput", "DenseToDenseSetOperation", "DenseToSparseSetOperation", "EditDistance",
    "RaggedBincount", "RaggedCountSparseOutput", "RaggedCross", "RaggedFillEmptyRows", "RaggedFillEmptyRowsGrad",
    "RaggedGather", "RaggedRange", "RaggedTensorFromVariant", "RaggedTensorToSparse", "RaggedTensorToTensor",
    "RaggedTensorToVariant", "RaggedTensorToVariantGradient", "SetSize", "SparseAdd", "SparseAddGrad",
    "SparseBincount", "SparseConcat", "SparseCountSparseOutput", "SparseCross", "SparseCrossHashed",
    "SparseCrossV2", "SparseDenseCwiseAdd", "SparseDenseCwiseDiv", "SparseDenseCwiseMul", "SparseFillEmptyRows",
    "SparseFillEmptyRowsGrad", "SparseReduceMax", "SparseReduceMaxSparse", "SparseReduceSum",
    "SparseReduceSumSparse", "SparseReorder", "SparseReshape", "SparseSegmentMean", "SparseSegmentMeanGrad",
    "SparseSegmentMeanGradV2", "SparseSegmentMeanWithNumSegments", "SparseSegmentSqrtN", "SparseSegmentSqrtNGrad",
    "SparseSegmentSqrtNGradV2", "SparseSegmentSqrtNWithNumSegments", "SparseSegmentSum", "SparseSegmentSumGrad",
    "SparseSegmentSumGradV2", "SparseSegmentSumWithNumSegments", "SparseSlice", "SparseSliceGrad", "SparseSoftmax",
    "SparseSoftmaxCrossEntropyWithLogits", "SparseSparseMaximum", "SparseSparseMinimum", "SparseSplit",
    "SparseTensorDenseAdd", "SparseTensorDenseMatMul", "SparseToDense", "SparseToSparseSetOperation",
    # Random numbers.
    "AllCandidateSampler", "ComputeAccidentalHits", "LearnedUnigramCandidateSampler", "LogUniformCandidateSampler",
    "Multinomial", "ParameterizedTruncatedNormal", "RandomCrop", "RandomGamma", "RandomGammaGrad",
    "RandomIndexShuffle", "RandomPoisson", "RandomPoissonV2", "RandomShuffle", "RandomStandardNormal",
    "RandomUniform", "RandomUniformInt", "RngReadAndSkip", "RngSkip", "SampleDistortedBoundingBox",
    "SampleDistortedBoundingBoxV2", "SobolSample", "StatefulRandomBinomial", "StatefulStandardNormal",
    "StatefulStandardNormalV2", "StatefulTruncatedNormal", "StatefulUniform", "StatefulUniformFullInt",
    "StatefulUniformInt", "StatelessMultinomial", "StatelessParameterizedTruncatedNormal",
    "StatelessRandomBinomial", "StatelessRandomGammaV2", "StatelessRandomGammaV3", "StatelessRandomGetAlg",
    "StatelessRandomGetKeyCounter", "StatelessRandomGetKeyCounterAlg", "StatelessRandomNormal",
    "StatelessRandomNormalV2", "StatelessRandomPoisson", "StatelessRandomUniform", "StatelessRandomUniformFullInt",
    "StatelessRandomUniformFullIntV2", "StatelessRandomUniformInt", "StatelessRandomUniformIntV2",
    "StatelessRandomUniformV2", "StatelessSampleDistortedBoundingBox", "StatelessShuffle",
    "StatelessTruncatedNormal", "StatelessTruncatedNormalV2", "StochasticCastToInt", "TruncatedNormal",
    "UniformCandidateSampler",
    # Images and sound, decoded by TensorFlow's own code.
    "AdjustContrast", "AdjustContrastv2", "AdjustHue", "AdjustSaturation", "AudioSpectrogram",
    "CombinedNonMaxSuppression", "CropAndResize", "CropAndResizeGradBoxes", "CropAndResizeGradImage",
    "DecodeAndCropJpeg", "DecodeBmp", "DecodeGif", "DecodeImage", "DecodeJpeg", "DecodePng", "DecodeWav",
    "DecodeWebP", "DrawBoundingBoxes", "DrawBoundingBoxesV2", "EncodeJpeg", "EncodeJpegVariableQuality",
    "EncodePng", "EncodeWav", "ExtractGlimpse", "ExtractGlimpseV2", "ExtractImagePatches", "ExtractJpegShape",
    "ExtractVolumePatches", "GenerateBoundingBoxProposals", "HSVToRGB", "ImageProjectiveTransformV2",
    "ImageProjectiveTransformV3", "Mfcc", "NonMaxSuppression", "NonMaxSuppressionV2", "NonMaxSuppressionV3",
    "NonMaxSuppressionV4", "NonMaxSuppressionV5", "NonMaxSuppressionWithOverlaps", "RGBToHSV", "ResizeArea",
    "ResizeBicubic", "ResizeBicubicGrad", "ResizeBilinear", "ResizeBilinearGrad", "ResizeNearestNeighbor",
    "ResizeNearestNeighborGrad", "ScaleAndTranslate", "ScaleAndTranslateGrad",
    # Recurrent networks in one operation.
    "BlockLSTM", "BlockLSTMGrad", "BlockLSTMGradV2", "BlockLSTMV2", "CTCBeamSearchDecoder", "CTCGreedyDecoder",
    "CTCLoss", "CTCLossV2", "CudnnRNN", "CudnnRNNBackprop", "CudnnRNNBackpropV2", "CudnnRNNBackpropV3",
    "CudnnRNNCanonicalToParams", "CudnnRNNCanonicalToParamsV2", "CudnnRNNParamsSize", "CudnnRNNParamsToCanonical",
    "CudnnRNNParamsToCanonicalV2", "CudnnRNNV2", "CudnnRNNV3", "GRUBlockCell", "GRUBlockCellGrad", "LSTMBlockCell",
    "LSTMBlockCellGrad",
    # Convolution, pooling, normalisation, activation.
    "AvgPool", "AvgPool3D", "AvgPool3DGrad", "AvgPoolGrad", "BatchToSpace", "BatchToSpaceND", "BiasAdd",
    "BiasAddGrad", "BiasAddV1", "Conv", "Conv2D", "Conv2DBackpropFilter", "Conv2DBackpropFilterV2",
    "Conv2DBackpropInput", "Conv2DBackpropInputV2", "Conv3D", "Conv3DBackpropFilter", "Conv3DBackpropFilterV2",
    "Conv3DBackpropInput", "Conv3DBackpropInputV2", "DataFormatDimMap", "DataFormatVecPermute", "DepthToSpace",
    "DepthwiseConv2dNative", "DepthwiseConv2dNativeBackpropFilter", "DepthwiseConv2dNativeBackpropInput",
    "Dilation2D", "Dilation2DBackpropFilter", "Dilation2DBackpropInput", "Elu", "EluGrad",
    "FakeQuantWithMinMaxArgs", "FakeQuantWithMinMaxArgsGradient", "FakeQuantWithMinMaxVars",
    "FakeQuantWithMinMaxVarsGradient", "FakeQuantWithMinMaxVarsPerChannel",
    "FakeQuantWithMinMaxVarsPerChannelGradient", "FractionalAvgPool", "FractionalAvgPoolGrad", "FractionalMaxPool",
    "FractionalMaxPoolGrad", "FusedBatchNorm", "FusedBatchNormGrad", "FusedBatchNormGradV2", "FusedBatchNormGradV3",
    "FusedBatchNormV2", "FusedBatchNormV3", "InTopK", "InTopKV2", "L2Loss", "LRN", "LRNGrad", "LeakyRelu",
    "LeakyReluGrad", "LogSoftmax", "MaxPool", "MaxPool3D", "MaxPool3DGrad", "MaxPool3DGradGrad", "MaxPoolGrad",
    "MaxPoolGradGrad", "MaxPoolGradGradV2", "MaxPoolGradGradWithArgmax", "MaxPoolGradV2", "MaxPoolGradWithArgmax",
    "MaxPoolV2", "MaxPoolWithArgmax", "NthElement", "QuantizeAndDequantize", "QuantizeAndDequantizeV2",
    "QuantizeAndDequantizeV3", "QuantizeAndDequantizeV4", "QuantizeAndDequantizeV4Grad", "QuantizeV2", "Relu",
    "Relu6", "Relu6Grad", "ReluGrad", "Selu", "SeluGrad", "Sigmoid", "SigmoidGrad", "Softmax",
    "SoftmaxCrossEntropyWithLogits", "Softplus", "SoftplusGrad", "Softsign", "SoftsignGrad", "SpaceToBatch",
    "SpaceToBatchND", "SpaceToDepth", "Tanh", "TanhGrad", "XlaDynamicSlice", "XlaDynamicUpdateSlice",
    # Linear algebra and spectra.
    "BandedTriangularSolve", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Cholesky", "CholeskyGrad", "Cross",
    "Diag", "DiagPart", "Eig", "Einsum", "FFT", "FFT2D", "FFT3D", "FFTND", "IFFT", "IFFT2D", "IFFT3D", "IFFTND",
    "IRFFT", "IRFFT2D", "IRFFT3D", "IRFFTND", "LogMatrixDeterminant", "Lu", "MatMul", "MatrixBandPart",
    "MatrixDeterminant", "MatrixDiag", "MatrixDiagPart", "MatrixDiagPartV2", "MatrixDiagPartV3", "MatrixDiagV2",
    "MatrixDiagV3", "MatrixExponential", "MatrixInverse", "MatrixLogarithm", "MatrixSetDiag", "MatrixSetDiagV2",
    "MatrixSetDiagV3", "MatrixSolve", "MatrixSolveLs", "MatrixSquareRoot", "MatrixTriangularSolve", "Qr", "RFFT",
    "RFFT2D", "RFFT3D", "RFFTND", "SelfAdjointEig", "SelfAdjointEigV2", "Svd", "TridiagonalMatMul",
    "TridiagonalSolve",
    # An input pipeline's next element; nothing here makes a pipeline.
    "IteratorGetNext",
    # Everything else that turns tensors into tensors.
    "Abs", "AccumulateNV2", "Acos", "Acosh", "Add", "AddN", "AddV2", "All", "Angle", "Any", "ApproxTopK",
    "ApproximateEqual", "ArgMax", "ArgMin", "Asin", "Asinh", "Atan", "Atan2", "Atanh", "BesselI0", "BesselI0e",
    "BesselI1", "BesselI1e", "BesselJ0", "BesselJ1", "BesselK0", "BesselK0e", "BesselK1", "BesselK1e", "BesselY0",
    "BesselY1", "Betainc", "Bincount", "Bitcast", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BroadcastArgs",
    "BroadcastGradientArgs", "BroadcastTo", "Bucketize", "Cast", "Ceil", "CheckNumerics", "ClipByValue", "Complex",
    "ComplexAbs", "Concat", "ConcatOffset", "ConcatV2", "Conj", "ConjugateTranspose", "Cos", "Cosh", "Cumprod",
    "Cumsum", "CumulativeLogsumexp", "Dawsn", "DenseBincount", "Dequantize", "Digamma", "Div", "DivNoNan",
    "DynamicPartition", "DynamicStitch", "Equal", "Erf", "Erfc", "Erfinv", "EuclideanNorm", "Exp", "ExpandDims",
    "Expint", "Expm1", "Fill", "Floor", "FloorDiv", "FloorMod", "FresnelCos", "FresnelSin", "Gather", "GatherNd",
    "GatherV2", "Greater", "GreaterEqual", "HistogramFixedWidth", "Igamma", "IgammaGradA", "Igammac", "Imag", "Inv",
    "InvGrad", "Invert", "InvertPermutation", "IsFinite", "IsInf", "IsNan", "KthOrderStatistic", "LeftShift",
    "Less", "LessEqual", "Lgamma", "LinSpace", "Log", "Log1p", "LogicalAnd", "LogicalNot", "LogicalOr",
    "LowerBound", "Max", "Maximum", "Mean", "Min", "Minimum", "MirrorPad", "MirrorPadGrad", "Mod", "Mul",
    "MulNoNan", "Ndtri", "NearestNeighbors", "Neg", "NextAfter", "NotEqual", "OneHot", "OnesLike", "Pack", "Pad",
    "PadV2", "ParallelConcat", "ParallelDynamicStitch", "Polygamma", "PopulationCount", "Pow", "Prod", "Range",
    "Rank", "Real", "RealDiv", "Reciprocal", "ReciprocalGrad", "Reshape", "Reverse", "ReverseSequence", "ReverseV2",
    "RightShift", "Rint", "Roll", "Round", "Rsqrt", "RsqrtGrad", "ScatterNd", "ScatterNdNonAliasingAdd",
    "SegmentMax", "SegmentMaxV2", "SegmentMean", "SegmentMin", "SegmentMinV2", "SegmentProd", "SegmentProdV2",
    "SegmentSum", "SegmentSumV2", "Select", "SelectV2", "Shape", "ShapeN", "Sign", "Sin", "Sinh", "Size", "Slice",
    "Spence", "Split", "SplitV", "Sqrt", "SqrtGrad", "Square", "SquaredDifference", "Squeeze", "StridedSlice",
    "StridedSliceGrad", "Sub", "Sum", "Tan", "TensorScatterAdd", "TensorScatterMax", "TensorScatterMin",
    "TensorScatterSub", "TensorScatterUpdate", "TensorStridedSliceUpdate", "Tile", "TileGrad", "ToBool", "TopKV2",
    "Transpose", "TruncateDiv", "TruncateMod", "Unique", "UniqueV2", "UniqueWithCounts", "UniqueWithCountsV2",
    "Unpack", "UnravelIndex", "UnsortedSegmentMax", "UnsortedSegmentMin", "UnsortedSegmentProd",
    "UnsortedSegmentSum", "UpperBound", "Where", "Xdivy", "Xlog1py", "Xlogy", "ZerosLike", "Zeta",
})
# fmt: on

_REASONS: Final = (
    (r"PyFunc", "runs Python code of whoever made it"),
    (
        r"ReadFile|WholeFileReader|Reader|ImmutableConst|LMDB|VocabRemapping|RemapMatrix|Skipgram|FixedUnigram",
        "reads files",
    ),
    (r"MatchingFiles|ListDirectory", "lists files"),
    (r"WriteFile|Save|Dump|Snapshot|Print|ToTFRecord|MergeV2Checkpoints", "writes files"),
    (r"Restore", "reads files"),
    (r"Dataset|Iterator", "builds an input pipeline, which can read and write files"),
    (r"Summary|ImportEvent", "writes logs into files"),
    (r"^Debug", "sends values to a file or to another machine"),
    (r"Rpc|Remote|^Recv|^Send|Collective|Nccl|^_Recv|^_Send", "talks to other processes or machines"),
    (r"^Xla|^TPU|^MlirPassthrough|^TRTEngine", "runs a program of its own, which cannot be read here"),
    (r"Queue|Barrier|Stage|Mutex|Sleep|Abort", "can stop or block the process"),
)


def describe_refused(operation: str) -> str:
    """Return what an operation that is not on the list does, as the end of a sentence: ``"reads files"``."""
    for pattern, reason in _REASONS:
        if re.search(pattern, operation):
            return reason
    return "is not on the list of operations that only compute"
