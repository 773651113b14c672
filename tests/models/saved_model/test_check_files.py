"""The files of a SavedModel, and the tables that are filled from them."""

import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from core.common.limits import Limits
from core.errors import ModelRefused
from core.models.saved_model.check import check_saved_model

USUAL = ["saved_model.pb", "fingerprint.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"]


class Words(tf.Module):
    """A table that is filled from a file of words."""

    def __init__(self, vocabulary):
        words = tf.lookup.TextFileInitializer(
            vocabulary, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
        )
        self.table = tf.lookup.StaticHashTable(words, -1)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, words):
        return self.table.lookup(words)


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """The graph of a model whose table comes from assets/words.txt."""
    folder = tmp_path_factory.mktemp("words")
    (folder / "words.txt").write_text("red\ngreen\n")
    module = Words(str(folder / "words.txt"))
    tf.saved_model.save(module, folder / "model", signatures=module.__call__)
    return (folder / "model" / "saved_model.pb").read_bytes()


def check(graph, members=(), edit=None):
    if edit:
        saved = SavedModel.FromString(graph)
        edit(saved.meta_graphs[0])
        graph = saved.SerializeToString()
    return check_saved_model(graph, [*USUAL, *members], "model.zip", Limits())


@pytest.mark.parametrize(
    "member", ["keras_metadata.pb", "assets/a/b.txt", "assets.extra/x.json", "debug/saved_model_debug_info.pb"]
)
def test_files_of_a_saved_model_are_accepted(words, member):
    assert check(words, ["assets/words.txt", member]).assets == ("assets/words.txt",)


@pytest.mark.parametrize(
    "member",
    [
        "model.py",
        "assets/model.py",
        "assets/library.SO",
        "variables/library.so",
        "saved_model.pbtxt",
        "saved_model.cpb",
        "assets/../../outside.txt",
        "assets//outside.txt",
        "assets/c:\\outside.txt",
        "assets/a\nb.txt",
        "/saved_model.pb",
        "variables/variables.data-00000-of-00001/x",
    ],
)
def test_other_files_are_refused(words, member):
    with pytest.raises(ModelRefused, match="does not belong into a SavedModel"):
        check(words, ["assets/words.txt", member])


def test_an_asset_has_to_be_there(words):
    with pytest.raises(ModelRefused, match=r"'words\.txt', which is not in its assets folder"):
        check(words)


@pytest.mark.parametrize(
    "name", ["../outside.txt", "/outside.txt", "..\\outside.txt", "file://outside.txt", "", ".", "a/../words.txt"]
)
def test_an_asset_stays_in_its_folder(words, name):
    def edit(meta):
        meta.asset_file_def[0].filename = name

    with pytest.raises(ModelRefused, match="not in its assets folder"):
        check(words, ["assets/words.txt"], edit)


def asset_of(meta):
    return next(item for item in meta.object_graph_def.nodes if item.HasField("asset"))


def table_of(meta):
    for function in meta.graph_def.library.function:
        for node in function.node_def:
            if node.op == "InitializeTableFromTextFileV2":
                return function, node
    raise AssertionError


def name_a_file_in_the_function(meta):
    function, node = table_of(meta)
    function.node_def.add(name="path", op="Const").attr["value"].tensor.string_val.append(b"marker.txt")
    node.input[1] = "path:output:0"


def bind_a_constant_instead(meta):
    place = list(meta.object_graph_def.nodes).index(asset_of(meta))
    meta.object_graph_def.nodes[place].constant.operation = "Const"


def pass_a_constant_off_as_an_asset(meta):
    asset_of(meta).registered_name = "tf.TrackableConstant"


def give_the_asset_another_path(meta):
    asset_of(meta).children.add(local_name="asset_path", node_id=1)


def leave_the_path_to_the_caller(meta):
    function, _ = table_of(meta)
    del meta.object_graph_def.concrete_functions[function.signature.name].bound_inputs[:]


def call_the_function_with_a_constant(meta):
    function, _ = table_of(meta)
    caller = next(each for each in meta.graph_def.library.function if "__call__" in each.signature.name)
    caller.node_def.add(name="path", op="Const").attr["value"].tensor.string_val.append(b"marker.txt")
    call = caller.node_def.add(name="call", op="PartitionedCall", input=["path:output:0", "path:output:0"])
    call.attr["f"].func.name = function.signature.name


def call_the_function_in_a_loop(meta):
    function, _ = table_of(meta)
    call = next(node for node in meta.graph_def.node if node.attr["f"].func.name == function.signature.name)
    loop = meta.graph_def.node.add(name="loop", op="While", input=call.input)
    loop.attr["body"].func.name = function.signature.name


def assign_another_path_in_the_graph(meta):
    variable = next(node.name for node in meta.graph_def.node if node.op == "VarHandleOp")
    meta.graph_def.node.add(name="path", op="Const").attr["value"].tensor.string_val.append(b"marker.txt")
    meta.graph_def.node.add(name="assign", op="AssignVariableOp", input=[variable, "path:0"])


@pytest.mark.parametrize(
    "edit",
    [
        name_a_file_in_the_function,
        bind_a_constant_instead,
        pass_a_constant_off_as_an_asset,
        give_the_asset_another_path,
        leave_the_path_to_the_caller,
        call_the_function_with_a_constant,
        call_the_function_in_a_loop,
        assign_another_path_in_the_graph,
    ],
    ids=lambda edit: edit.__name__,
)
def test_a_table_is_filled_from_an_asset_alone(words, edit):
    check(words, ["assets/words.txt"])
    with pytest.raises(ModelRefused, match=r"InitializeTableFromTextFileV2 .* not one of the SavedModel's assets"):
        check(words, ["assets/words.txt"], edit)
