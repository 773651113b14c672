"""SavedModels that would do more than compute are refused before TensorFlow sees them.

Each is written by TensorFlow itself, and carries no more than a marker: it would read or write a file in the test's own
folder.
"""

import warnings

import pytest
import tensorflow as tf
from tensorflow.compiler.tf2xla.ops.gen_xla_ops import xla_call_module
from tensorflow.core.framework.types_pb2 import DT_INT32, DT_RESOURCE, DT_STRING
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from core.common.limits import Limits
from core.errors import ModelRefused
from core.models.saved_model.check import check_saved_model

raw = tf.raw_ops
NUMBERS = tf.TensorSpec([2], tf.float32)


class Model(tf.Module):
    """A variable, and a function that does something beside its arithmetic."""

    def __init__(self, act):
        self.variable = tf.Variable([1.0, 2.0])
        self.act = act

    @tf.function(input_signature=[NUMBERS])
    def __call__(self, x):
        acted = self.act(x)
        return x * self.variable + (acted if acted is not None else 0.0)


def save(module, folder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tf.saved_model.save(module, folder, signatures=module.__call__)
    return folder


def check(folder, edit=None, members=None):
    graph = (folder / "saved_model.pb").read_bytes()
    if edit:
        saved = SavedModel.FromString(graph)
        edit(saved.meta_graphs[0])
        graph = saved.SerializeToString()
    found = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return check_saved_model(graph, found if members is None else members, "model.zip", Limits())


def refusal(folder, edit=None, members=None):
    with pytest.raises(ModelRefused) as caught:
        check(folder, edit, members)
    assert "model.zip" in caught.value.message
    assert caught.value.remedy
    return caught.value.message


def marker(folder):
    return str(folder / "marker.txt")


def number_of(text):
    return tf.cast(tf.strings.length(text), tf.float32)


def reads(folder, x):
    return number_of(raw.ReadFile(filename=marker(folder)))


def writes(folder, x):
    raw.WriteFile(filename=marker(folder), contents="marker")


def lists(folder, x):
    return number_of(raw.MatchingFiles(pattern=marker(folder)))


def writes_in_a_loop(folder, x):
    def step(i):
        raw.WriteFile(filename=marker(folder), contents="marker")
        return [i + 1]

    tf.while_loop(lambda i: i < 1, step, [0])


def reads_in_a_branch(folder, x):
    return tf.cond(x[0] > 0, lambda: number_of(raw.ReadFile(filename=marker(folder))), lambda: 0.0)


def reads_two_functions_down(folder, x):
    inner = tf.function(lambda: number_of(raw.ReadFile(filename=marker(folder))))
    return tf.function(lambda: inner())()


def runs_python(folder, x):
    return tf.numpy_function(lambda value: value, [x], tf.float32)


def runs_python_eagerly(folder, x):
    return tf.py_function(lambda value: value, [x], tf.float32)


def reads_lines(folder, x):
    lines = raw.TextLineDataset(filenames=marker(folder), compression_type="", buffer_size=100)
    return tf.cast(raw.DatasetCardinality(input_dataset=lines), tf.float32)


def reads_in_a_serialized_pipeline(folder, x):
    graph = tf.constant(b"the graph of a pipeline, which nobody can read here")
    return tf.cast(raw.DatasetCardinality(input_dataset=raw.DatasetFromGraph(graph_def=graph)), tf.float32)


def reads_records(folder, x):
    reader = raw.TFRecordReaderV2()
    queue = raw.FIFOQueueV2(component_types=[tf.string])
    return number_of(raw.ReaderReadV2(reader_handle=reader, queue_handle=queue).value)


def saves(folder, x):
    raw.SaveV2(prefix=marker(folder), tensor_names=["x"], shape_and_slices=[""], tensors=[x])


def restores(folder, x):
    return raw.RestoreV2(prefix=marker(folder), tensor_names=["x"], shape_and_slices=[""], dtypes=[tf.float32])[0]


def merges(folder, x):
    raw.MergeV2Checkpoints(checkpoint_prefixes=[marker(folder)], destination_prefix=marker(folder))


def prints_into_a_file(folder, x):
    raw.PrintV2(input="marker", output_stream=f"file://{marker(folder)}")


def writes_a_summary(folder, x):
    writer = raw.SummaryWriter()
    raw.CreateSummaryFileWriter(
        writer=writer, logdir=str(folder), max_queue=1, flush_millis=1, filename_suffix="marker"
    )


def reads_a_vocabulary_in_an_attribute(folder, x):
    sampled = raw.FixedUnigramCandidateSampler(
        true_classes=[[1]], num_true=1, num_sampled=1, unique=True, range_max=2, vocab_file=marker(folder)
    )
    return tf.reduce_sum(sampled.sampled_expected_count)


def maps_a_file_into_memory(folder, x):
    return raw.ImmutableConst(dtype=tf.float32, shape=[2], memory_region_name=marker(folder))


def fills_a_table_from_any_file(folder, x):
    table = raw.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64)
    raw.InitializeTableFromTextFileV2(table_handle=table, filename=marker(folder), key_index=-2, value_index=-1)


def sends_values_away(folder, x):
    return raw.DebugIdentity(input=x, debug_urls=[f"file://{folder}"])


def calls_a_compiled_program(folder, x):
    return xla_call_module([x], module=b"", Sout=[[2]], Tout=[tf.float32], version=9, platforms=["CPU"])[0]


def stops_the_process(folder, x):
    raw.Abort(error_msg="marker")


ACTS = {
    "ReadFile": [reads, reads_in_a_branch, reads_two_functions_down],
    "WriteFile": [writes, writes_in_a_loop],
    "MatchingFiles": [lists],
    "PyFunc": [runs_python],
    "EagerPyFunc": [runs_python_eagerly],
    "TextLineDataset": [reads_lines],
    "DatasetFromGraph": [reads_in_a_serialized_pipeline],
    "TFRecordReaderV2": [reads_records],
    "SaveV2": [saves],
    "RestoreV2": [restores],
    "MergeV2Checkpoints": [merges],
    "PrintV2": [prints_into_a_file],
    "SummaryWriter": [writes_a_summary],
    "FixedUnigramCandidateSampler": [reads_a_vocabulary_in_an_attribute],
    "ImmutableConst": [maps_a_file_into_memory],
    "InitializeTableFromTextFileV2": [fills_a_table_from_any_file],
    "DebugIdentity": [sends_values_away],
    "XlaCallModule": [calls_a_compiled_program],
    "Abort": [stops_the_process],
}


@pytest.mark.parametrize(
    ("operation", "act"), [pytest.param(name, act, id=act.__name__) for name, acts in ACTS.items() for act in acts]
)
def test_an_operation_that_acts_is_refused_by_its_name(tmp_path, operation, act):
    folder = save(Model(lambda x: act(tmp_path, x)), tmp_path / "model")
    message = refusal(folder)
    assert f"operation {operation} (" in message
    assert "in the function '" in message
    assert not (tmp_path / "marker.txt").exists()


class ActsWhenLoaded(tf.Module):
    """A resource, which TensorFlow initializes while it loads the model."""

    def __init__(self, path):
        class Resource(tf.saved_model.experimental.TrackableResource):
            def _create_resource(self):
                return raw.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64)

            def _initialize(self):
                raw.WriteFile(filename=path, contents="marker")

        self.resource = Resource()

    @tf.function(input_signature=[NUMBERS])
    def __call__(self, x):
        raw.LookupTableSizeV2(table_handle=self.resource.resource_handle)
        return x


def test_what_runs_while_loading_is_refused_and_would_have_acted(tmp_path):
    folder = save(ActsWhenLoaded(marker(tmp_path)), tmp_path / "model")
    (tmp_path / "marker.txt").unlink(missing_ok=True)
    assert "operation WriteFile (" in refusal(folder)
    assert not (tmp_path / "marker.txt").exists()
    # The premise of all this: loading alone is enough.
    tf.saved_model.load(folder)
    assert (tmp_path / "marker.txt").read_text() == "marker"


def test_a_gradient_that_acts_is_refused(tmp_path):
    @tf.custom_gradient
    def doubled(value):
        def gradient(upstream):
            raw.WriteFile(filename=marker(tmp_path), contents="marker")
            return upstream

        return value * 2, gradient

    class WithGradient(tf.Module):
        @tf.function(input_signature=[NUMBERS])
        def __call__(self, x):
            return doubled(x)

    options = tf.saved_model.SaveOptions(experimental_custom_gradients=True)
    tf.saved_model.save(WithGradient(), tmp_path / "model", options=options)
    (tmp_path / "marker.txt").unlink(missing_ok=True)
    assert "operation WriteFile (" in refusal(tmp_path / "model")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return save(Model(lambda x: None), tmp_path_factory.mktemp("plain") / "model")


def function(meta, part):
    return next(each for each in meta.graph_def.library.function if part in each.signature.name)


def functions_node(meta):
    return function(meta, "__call__").node_def.add(name="added", op="PartitionedCall")


def call_the_saver_from_a_function(meta):
    functions_node(meta).attr["f"].func.name = function(meta, "traced_restore").signature.name


def name_the_saver_in_an_attribute_of_an_attribute(meta):
    restore = function(meta, "traced_restore").signature.name
    functions_node(meta).attr["f"].func.attr["g"].list.func.add(name=restore)


def name_the_saver_in_words(meta):
    functions_node(meta).attr["f"].s = function(meta, "traced_restore").signature.name.encode()


def name_the_saver_in_words_of_the_graph(meta):
    node = meta.graph_def.node.add(name="added", op="NoOp")
    node.attr["f"].s = function(meta, "traced_restore").signature.name.encode()


def give_python_the_saver(meta):
    restore = function(meta, "traced_restore").signature.name
    meta.object_graph_def.nodes.add().bare_concrete_function.concrete_function_name = restore


def give_python_the_saver_among_traces(meta):
    save_function = function(meta, "traced_save").signature.name
    meta.object_graph_def.nodes.add().function.concrete_functions.append(save_function)


def call_the_saver_from_the_graph(meta):
    saver = next(node for node in meta.graph_def.node if node.name == meta.saver_def.restore_op_name)
    meta.graph_def.node.add().CopyFrom(saver)
    meta.graph_def.node[-1].name = "again"


def make_the_saver_a_gradient(meta):
    meta.graph_def.library.gradient.add(
        function_name=function(meta, "__call__").signature.name,
        gradient_func=function(meta, "traced_restore").signature.name,
    )


def restore_what_the_function_says(meta):
    restore = function(meta, "traced_restore")
    path = restore.node_def.add(name="path", op="Const")
    path.attr["value"].tensor.dtype = DT_STRING
    next(node for node in restore.node_def if node.op == "RestoreV2").input[0] = "path:output:0"


def make_a_signature_wait_for_the_saver(meta):
    node = meta.graph_def.node.add(name="waits", op="NoOp", input=[f"^{meta.saver_def.restore_op_name}"])
    meta.signature_def["serving_default"].outputs["more"].name = f"{node.name}:0"


@pytest.mark.parametrize(
    "edit",
    [
        call_the_saver_from_a_function,
        name_the_saver_in_an_attribute_of_an_attribute,
        name_the_saver_in_words,
        name_the_saver_in_words_of_the_graph,
        give_python_the_saver,
        give_python_the_saver_among_traces,
        call_the_saver_from_the_graph,
        make_the_saver_a_gradient,
        restore_what_the_function_says,
        make_a_signature_wait_for_the_saver,
    ],
    ids=lambda edit: edit.__name__,
)
def test_the_saver_is_for_the_variables_alone(plain, edit):
    assert any(word in refusal(plain, edit) for word in ("RestoreV2", "SaveV2", "save or restore"))


def constant(meta, elements, data_type=DT_INT32):
    tensor = meta.graph_def.node.add(name="constant", op="Const").attr["value"].tensor
    tensor.dtype = data_type
    tensor.tensor_shape.dim.add(size=elements)
    return tensor


def declare_a_huge_constant(meta):
    constant(meta, 10**12).int_val.append(0)


def declare_many_large_constants(meta):
    for number in range(100):
        constant(meta, 10**7).int_val.append(0)
        meta.graph_def.node[-1].name = f"constant{number}"


def fill_a_huge_shape(meta):
    constant(meta, 2).int_val.append(10**6)
    meta.graph_def.node.add(name="filled", op="Fill", input=["constant:0", "constant:0"])


def hold_a_resource(meta):
    constant(meta, 1, DT_RESOURCE).resource_handle_val.add(name="marker")


def declare_a_resource(meta):
    constant(meta, 1, DT_RESOURCE)


def hold_a_variant(meta):
    constant(meta, 1, DT_INT32).variant_val.add(type_name="marker")


def be_elsewhere(meta):
    meta.graph_def.node[0].device = "/job:worker/replica:0/task:1/device:CPU:0"


def have_a_huge_variable(meta):
    variable = next(node.variable for node in meta.object_graph_def.nodes if node.HasField("variable"))
    variable.shape.dim[0].size = 10**12


def call_itself(meta):
    functions_node(meta).attr["f"].func.name = function(meta, "__call__").signature.name


def multiply(meta):
    previous = function(meta, "__call__").signature.name
    for level in range(60):
        added = meta.graph_def.library.function.add()
        added.signature.name = f"__inference_level_{level}"
        for half in ("left", "right"):
            added.node_def.add(name=half, op="PartitionedCall").attr["f"].func.name = previous
        previous = added.signature.name


def use_an_unknown_operation(meta):
    meta.graph_def.node.add(name="unknown", op="Vendor>Operation")


def use_a_function_as_an_operation(meta):
    function(meta, "__call__").node_def.add(name="added", op=function(meta, "traced_save").signature.name)


def name_the_saver_like_an_operation(meta):
    saver = function(meta, "traced_save")
    for node in meta.graph_def.node:
        if node.attr["f"].func.name == saver.signature.name:
            node.attr["f"].func.name = "Mul"
    saver.signature.name = "Mul"


def be_of_tensorflow_1(meta):
    meta.ClearField("object_graph_def")


def nest_attributes(meta):
    value = functions_node(meta).attr["f"]
    for _ in range(22):
        value = value.func.attr["f"]
    value.i = 1


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (declare_a_huge_constant, "declares 1,000,000,000,000 values"),
        (declare_many_large_constants, "declares 500,000,0"),
        (fill_a_huge_shape, "declares 1,000,000,000,000 values at the operation 'filled'"),
        (hold_a_resource, "holds an object of another program"),
        (declare_a_resource, "holds an object of another program"),
        (hold_a_variant, "holds an object of another program"),
        (be_elsewhere, "device '/job:worker"),
        (have_a_huge_variable, "1,000,000,000,000 parameters"),
        (call_itself, "calls itself"),
        (multiply, "unroll"),
        (use_an_unknown_operation, "Vendor>Operation"),
        (use_a_function_as_an_operation, "operation __inference__traced_save"),
        (name_the_saver_like_an_operation, r"operation Mul .* bears the name of one of its functions"),
        (be_of_tensorflow_1, "TensorFlow 1"),
        (nest_attributes, "nested too deep"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_a_graph_must_not_say_is_refused(plain, edit, words):
    with pytest.raises(ModelRefused, match=words):
        check(plain, edit)
