"""The numbers of the fields that are read of TensorFlow's messages, under the names of its ``.proto`` files.

A class per message, called as there; what no reader here asks for is left out. TensorFlow never changes these numbers.

Source: ``saved_model.proto``, ``meta_graph.proto``, ``saver.proto`` and ``saved_object_graph.proto`` in
https://github.com/tensorflow/tensorflow/tree/master/tensorflow/core/protobuf; ``graph.proto``, ``function.proto``,
``op_def.proto``, ``node_def.proto``, ``attr_value.proto``, ``tensor.proto``, ``tensor_shape.proto`` and ``types.proto``
in https://github.com/tensorflow/tensorflow/tree/master/tensorflow/core/framework.
"""

from enum import IntEnum


class MapEntry(IntEnum):
    """An entry of any ``map``: the encoding of protocol buffers makes a message of it."""

    KEY = 1
    VALUE = 2


class SavedModel(IntEnum):
    """The whole file."""

    META_GRAPHS = 2


class MetaGraphDef(IntEnum):
    """A graph with all that belongs to it."""

    GRAPH_DEF = 2
    SAVER_DEF = 3
    COLLECTION_DEF = 4
    SIGNATURE_DEF = 5
    ASSET_FILE_DEF = 6
    OBJECT_GRAPH_DEF = 7


class GraphDef(IntEnum):
    """A graph and the functions that its nodes may call."""

    NODE = 1
    LIBRARY = 2


class FunctionDefLibrary(IntEnum):
    """The functions of a graph, and which of them are gradients."""

    FUNCTION = 1
    GRADIENT = 2
    REGISTERED_GRADIENTS = 3


class GradientDef(IntEnum):
    """The gradient of a function."""

    FUNCTION_NAME = 1
    GRADIENT_FUNC = 2


class RegisteredGradient(IntEnum):
    """The gradient of an operation."""

    GRADIENT_FUNC = 1
    REGISTERED_OP_TYPE = 2


class FunctionDef(IntEnum):
    """A function."""

    SIGNATURE = 1
    NODE_DEF = 3
    ATTR = 5
    ARG_ATTR = 7


class ArgAttrs(IntEnum):
    """The attributes of a function's argument."""

    ATTR = 1


class OpDef(IntEnum):
    """The signature of a function."""

    NAME = 1
    INPUT_ARG = 2


class ArgDef(IntEnum):
    """An argument in the signature of a function."""

    NAME = 1


class SaverDef(IntEnum):
    """Which nodes write and read the variables."""

    SAVE_TENSOR_NAME = 2
    RESTORE_OP_NAME = 3


class CollectionDef(IntEnum):
    """A list of something that belongs to a graph."""

    NODE_LIST = 1


class NodeList(IntEnum):
    """A collection of nodes."""

    VALUE = 1


class SignatureDef(IntEnum):
    """What of a graph can be called from outside."""

    OUTPUTS = 2


class TensorInfo(IntEnum):
    """A tensor that a signature takes or returns."""

    NAME = 1
    COO_SPARSE = 4
    COMPOSITE_TENSOR = 5


class CooSparse(IntEnum):
    """The tensors that a sparse one consists of."""

    VALUES_TENSOR_NAME = 1
    INDICES_TENSOR_NAME = 2
    DENSE_SHAPE_TENSOR_NAME = 3


class CompositeTensor(IntEnum):
    """The tensors that any other, such as a ragged one, consists of."""

    COMPONENTS = 2


class AssetFileDef(IntEnum):
    """A file that the graph reads."""

    TENSOR_INFO = 1
    FILENAME = 2


class SavedObjectGraph(IntEnum):
    """The Python objects of the model."""

    NODES = 1
    CONCRETE_FUNCTIONS = 2


class SavedObject(IntEnum):
    """A Python object: its children, and of ``kind`` one of what follows."""

    CHILDREN = 1
    USER_OBJECT = 4
    ASSET = 5
    FUNCTION = 6
    VARIABLE = 7
    BARE_CONCRETE_FUNCTION = 8
    CONSTANT = 9
    RESOURCE = 10
    CAPTURED_TENSOR = 12
    REGISTERED_NAME = 13


class SavedFunction(IntEnum):
    """A function with a trace per signature."""

    CONCRETE_FUNCTIONS = 1


class SavedBareConcreteFunction(IntEnum):
    """A trace alone."""

    CONCRETE_FUNCTION_NAME = 1


class CapturedTensor(IntEnum):
    """A tensor that a function has from outside."""

    CONCRETE_FUNCTION = 2


class SavedConcreteFunction(IntEnum):
    """A trace, and the objects that it is bound to."""

    BOUND_INPUTS = 2


class SavedVariable(IntEnum):
    """A variable."""

    SHAPE = 2
    DEVICE = 7


class SavedResource(IntEnum):
    """A table or the like."""

    DEVICE = 1


class NodeDef(IntEnum):
    """An operation."""

    NAME = 1
    OP = 2
    INPUT = 3
    DEVICE = 4
    ATTR = 5


class AttrValue(IntEnum):
    """The value of an attribute: one of these."""

    LIST = 1
    S = 2
    TENSOR = 8
    FUNC = 10


class ListValue(IntEnum):
    """The value of an attribute that is a list."""

    S = 2
    TENSOR = 8
    FUNC = 9


class NameAttrList(IntEnum):
    """A function with attributes of its own."""

    NAME = 1
    ATTR = 2


class TensorProto(IntEnum):
    """The values of a tensor."""

    DTYPE = 1
    TENSOR_SHAPE = 2
    TENSOR_CONTENT = 4
    INT_VAL = 7
    INT64_VAL = 10
    RESOURCE_HANDLE_VAL = 14
    VARIANT_VAL = 15


class TensorShapeProto(IntEnum):
    """A shape."""

    DIM = 2


class Dim(IntEnum):
    """One dimension of a shape."""

    SIZE = 1


class DataType(IntEnum):
    """Types of tensors (no message: the values of ``TensorProto.dtype``)."""

    DT_INT32 = 3
    DT_INT64 = 9
    DT_RESOURCE = 20
    DT_VARIANT = 21
