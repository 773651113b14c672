"""Refuses TensorFlow Lite files that cannot, or must not, be run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from core.common.limits import Limits
from core.common.text import list_names, safe_name
from core.errors import ModelRefused, SeveralModels
from core.models.hdf5 import StoredWeights
from core.models.sizes import Sizes, check_limits
from core.models.tflite.graph import LiteFile, LiteGraph, LiteSignature, LiteTensor

__all__ = ["check_lite_file", "chosen_signature", "lite_weights"]

_FLEX: Final = "Flex"
# What comes with TensorFlow Lite although the format calls it custom.
_BUILT_IN_CUSTOM: Final = frozenset({"TFLite_Detection_PostProcess", "AudioSpectrogram", "Mfcc", "NumericVerify"})
_BUILTINS_ONLY: Final = (
    "converter = tf.lite.TFLiteConverter.from_keras_model(model)\n"
    "converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]"
)
_DEFAULT: Final = "serving_default"
_GRAPH_FIELDS: Final = ("thenSubgraphIndex", "elseSubgraphIndex", "condSubgraphIndex", "bodySubgraphIndex")
_MOST_RANK: Final = 64


def check_lite_file(file: LiteFile, name: str, limits: Limits) -> Sizes:
    """Refuse a file whose numbers contradict each other, that is too large, or that would run code of others.

    Args:
        file: What the file holds.
        name: What to call it in messages.
        limits: What is allowed.

    Returns:
        How many weights it has, and what its operators answer to one sample.

    Raises:
        ModelRefused: If it is so.
    """
    if not file.graphs or not file.graphs[0].operators:
        raise ModelRefused(f"{name} holds no operator.", remedy="Convert the model again.")
    for graph in file.graphs:
        _check_operators(graph, name)
        if problem := _problem(file, graph):
            raise ModelRefused(
                f"{name} contradicts itself: {problem}.",
                remedy="Copy or download it again, or convert the model again.",
            )
    for signature in file.signatures.values():
        if not 0 <= signature.graph < len(file.graphs):
            raise ModelRefused(f"{name} has a signature for a graph that is not there.", remedy="Convert it again.")
    sizes = _sizes_of(file)
    check_limits(sizes, name, limits)
    return sizes


def _sizes_of(file: LiteFile) -> Sizes:
    answers: dict[str, int] = {}
    for graph in file.graphs:
        for operator in graph.operators:
            # Whole numbers of a byte stand for floats of four.
            size = sum(4 * max(graph.tensors[index].count, 1) for index in operator.outputs)
            answers[operator.name] = answers.get(operator.name, 0) + size
    return Sizes(
        lite_weights(file).parameters, sum(answers.values()), True, max(answers, key=answers.__getitem__, default="")
    )


def lite_weights(file: LiteFile) -> StoredWeights:
    """Return how many numbers a file stores as constants, and in how many bytes."""
    constants = [tensor for graph in file.graphs for tensor in graph.tensors if tensor.data is not None]
    return StoredWeights(
        sum(tensor.count for tensor in constants),
        sum(len(tensor.data) for tensor in constants if tensor.data is not None),
        len(constants),
    )


def chosen_signature(file: LiteFile, signature: str, name: str) -> LiteSignature:
    """Return the signature that is meant, or what stands for one in a file without any.

    Args:
        file: What the file holds.
        signature: Name of the one that is meant; empty where none was named.
        name: What to call the file in messages.

    Raises:
        SeveralModels: If there are several, and none of the usual name.
        ModelRefused: If there is none of that name.
    """
    signatures = tuple(file.signatures)
    if signature and signature not in signatures:
        raise ModelRefused(
            f"{name} has no signature {safe_name(signature)!r}.",
            remedy=f"Its signatures are: {list_names(signatures) or 'none'}.",
        )
    graph = file.graphs[0]
    if not signatures:
        return LiteSignature(0)
    if signature or len(signatures) == 1:
        return file.signatures[signature or signatures[0]]
    if _DEFAULT in signatures:
        return file.signatures[_DEFAULT]
    if {each.graph for each in file.signatures.values()} == {0} and graph.inputs:
        return LiteSignature(0)
    raise SeveralModels(
        f"{name} has several signatures: {', '.join(map(safe_name, signatures[:5]))}.",
        choices=signatures,
        remedy="Choose one of them.",
        code=f"layerscope.load_model({name!r}, member={signatures[0]!r})",
    )


def _check_operators(graph: LiteGraph, name: str) -> None:
    custom = dict.fromkeys(
        operator.name for operator in graph.operators if operator.is_custom and operator.name not in _BUILT_IN_CUSTOM
    )
    flex = [each.removeprefix(_FLEX) for each in custom if each.startswith(_FLEX)]
    if flex:
        raise ModelRefused(
            f"{name} needs operations of TensorFlow itself (Select TF ops): {list_names(flex, 5)}. Those can read and "
            "write files, and are not run.",
            remedy="Convert the model without SELECT_TF_OPS; a recurrent one converts with a batch size of its own, "
            "such as keras.Input(batch_shape=(1, 20, 5)). Or open the Keras model.",
            code=_BUILTINS_ONLY,
        )
    if custom:
        raise ModelRefused(
            f"{name} uses custom operators: {list_names(custom, 5)}. They are programs beside the file, which no "
            "interpreter here has.",
            remedy="Convert the model without them, or open the Keras model that it was made from.",
            code=_BUILTINS_ONLY,
        )


def _problem(file: LiteFile, graph: LiteGraph) -> str:
    """Return what is wrong with the numbers of a graph, in words; empty where nothing is."""
    tensors = len(graph.tensors)
    for tensor in graph.tensors:
        if problem := _problem_of_tensor(tensor):
            return f"the tensor {safe_name(tensor.name)!r} {problem}"
    if not all(0 <= index < tensors for index in (*graph.inputs, *graph.outputs)):
        return "what goes in or comes out is no tensor of it"
    computed: set[int] = set()
    for operator in graph.operators:
        if not all(-1 <= index < tensors for index in operator.inputs):
            return f"{operator.name} takes a tensor that is not there"
        if not all(0 <= index < tensors for index in operator.outputs):
            return f"{operator.name} answers into a tensor that is not there"
        if computed & set(operator.outputs) or any(graph.tensors[each].data is not None for each in operator.outputs):
            return f"{operator.name} answers into a tensor that has a value"
        computed.update(operator.outputs)
        if not _calls_graphs(operator.options, len(file.graphs)):
            return f"{operator.name} calls a graph that is not there"
    return ""


def _calls_graphs(options: Mapping[str, float], graphs: int) -> bool:
    return all(0 <= options[field] < graphs for field in _GRAPH_FIELDS if field in options)


def _problem_of_tensor(tensor: LiteTensor) -> str:
    if len(tensor.shape) > _MOST_RANK or any(extent < 0 for extent in tensor.shape):
        return "has a shape that cannot be"
    if tensor.data is not None and not tensor.is_sparse:
        declared = tensor.byte_count
        if declared is not None and declared != len(tensor.data):
            return f"is declared with {declared:,} bytes and has {len(tensor.data):,}"
    return _problem_of_scale(tensor.shape, tensor.scale, tensor.zero_point, tensor.quantized_axis)


def _problem_of_scale(shape: Sequence[int], scale: Sequence[float], zero_point: Sequence[int], axis: int) -> str:
    if len(scale) > 1 and not (0 <= axis < len(shape) and shape[axis] == len(scale)):
        return f"has {len(scale):,} scales for an axis that has not"
    if len(zero_point) not in (0, 1, len(scale)):
        return "has more zero points than scales"
    return ""
