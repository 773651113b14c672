"""TensorFlow Lite files that must be refused, each with a sentence; put together without TensorFlow."""

import re
import struct

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from core.errors import ModelRefused
from core.models.inspection import inspect_model
from core.workspace.file_report.report import report_file
from tests.models.hostile.parts import within_bounds
from tests.support.small_lite import changed_lite, small_lite

WHOLE = small_lite()


def with_change(change):
    return changed_lite(WHOLE, change)


def graph_with(**values):
    return with_change(lambda model: vars(model.subgraphs[0]).update(values))


def tensor_with(number, **values):
    return with_change(lambda model: vars(model.subgraphs[0].tensors[number]).update(values))


def operator_with(number, **values):
    return with_change(lambda model: vars(model.subgraphs[0].operators[number]).update(values))


def custom(name):
    def change(model):
        code = model.operatorCodes[1]
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = name

    return with_change(change)


def calling(number):
    def change(model):
        code = model.operatorCodes[1]
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.WHILE
        operator = model.subgraphs[0].operators[1]
        operator.builtinOptionsType = schema.BuiltinOptions.WhileOptions
        operator.builtinOptions = schema.WhileOptionsT()
        operator.builtinOptions.condSubgraphIndex = number

    return with_change(change)


def scaled(count, axis=0):
    quantization = schema.QuantizationParametersT()
    quantization.scale, quantization.zeroPoint = [0.5] * count, [0] * count
    quantization.quantizedDimension = axis
    return tensor_with(1, quantization=quantization)


def graphs_on_each_other():
    """A file whose 900 graphs are one and the same."""

    def change(model):
        model.subgraphs[0].tensors = [model.subgraphs[0].tensors[0]] * 100

    content = with_change(change)
    model = schema.Model.GetRootAs(content, 0)
    graph, field = model.Subgraphs(0)._tab.Pos, model._tab.Offset(8) + model._tab.Pos
    start = len(content)
    # Offsets lead forwards: behind the file a list of graphs, and behind that the file once more.
    behind = start + 4 + 4 * 900
    listed = [behind + graph - (start + 4 + 4 * number) for number in range(900)]
    head = content[:field] + struct.pack("<I", start - field) + content[field + 4 :]
    return head + struct.pack("<901I", 900, *listed) + content


def many_operators():
    def change(model):
        model.subgraphs[0].operators = [model.subgraphs[0].operators[0]] * 6_000

    return with_change(change)


def beside():
    def change(model):
        model.buffers[1].offset, model.buffers[1].size = 10_000, 24

    return with_change(change)


HOSTILE = {
    "it ends behind its first bytes": (WHOLE[:8], "cut off or damaged"),
    "its second half is missing": (WHOLE[: len(WHOLE) // 2], "cut off|contradicts"),
    "its first table is elsewhere": (struct.pack("<I", 2**31 - 8) + WHOLE[4:], "cut off or damaged"),
    "nothing but zeros follows": (b"\x1c\0\0\0TFL3" + b"\0" * 64, "no operator|cut off"),
    "it has no graph": (with_change(lambda model: setattr(model, "subgraphs", [])), "no operator"),
    "an input is no tensor": (graph_with(inputs=[99]), "no tensor of it"),
    "an output is a negative number": (graph_with(outputs=[-1]), "no tensor of it"),
    "an operator takes a tensor that is not there": (operator_with(0, inputs=[0, 7, -1]), "not there"),
    "an operator answers into nothing": (operator_with(0, outputs=[1_000_000]), "not there"),
    "an operator overwrites its weights": (operator_with(0, outputs=[1]), "has a value"),
    "two operators answer into one tensor": (operator_with(1, outputs=[2]), "has a value"),
    "an operator is of no kind": (operator_with(0, opcodeIndex=9), "cut off or damaged"),
    "weights are declared larger": (tensor_with(1, shape=[2_000, 3_000]), "declared with 24,000,000 bytes and has 24"),
    "a tensor is of no shape": (tensor_with(2, shape=[1, -5]), "a shape that cannot be"),
    "a tensor of an unknown type": (tensor_with(2, type=99), "cut off or damaged"),
    "an answer is of terabytes": (tensor_with(2, shape=[1, 2**31 - 1, 1_000]), "would answer"),
    "more scales than units": (scaled(5), "scales"),
    "scales along an axis that is not there": (scaled(2, 9), "scales"),
    "it calls a graph that is not there": (calling(5), "calls a graph"),
    "it calls a graph before the first": (calling(-1), "calls a graph"),
    "a custom operator": (custom("MyOperator"), "custom operators: 'MyOperator'"),
    "an operation of TensorFlow": (custom("FlexWriteFile"), r"Select TF ops\): 'WriteFile'"),
    "more operators than are allowed": (many_operators(), "6,000 operators"),
    "its graphs lie on each other": (graphs_on_each_other(), "lie on each other"),
    "its weights are behind it": (beside(), "behind its graph"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused(name, tmp_path):
    content, says = HOSTILE[name]
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    with within_bounds(), pytest.raises(ModelRefused) as refused:
        inspect_model(path)
    assert re.search(says, refused.value.message), str(refused.value)
    assert "model.tflite" in refused.value.message
    assert refused.value.remedy
    assert len(str(refused.value)) < 700
    report = report_file(path)
    assert report.refusal
    assert report.refusal.message == refused.value.message


def test_the_file_that_they_are_made_from_is_accepted():
    file = inspect_model(WHOLE, name="small.tflite")
    assert (file.kind, file.layer_count) == ("tflite", 2)
    assert file.class_names == ("FULLY_CONNECTED", "SOFTMAX")
    assert file.sizes.parameters == 6


def test_the_limits_hold(monkeypatch):
    monkeypatch.setenv("LAYERSCOPE_PARAMETERS", "5")
    with pytest.raises(ModelRefused, match=r"declares 6 parameters.*at most 5"):
        inspect_model(WHOLE, name="small.tflite")


def test_names_are_as_long_as_names_are():
    content = tensor_with(2, name="x" * 100_000 + "/y")
    report = report_file(content, name="model.tflite")
    assert all(len(row.key) < 200 for row in report.rows)


def test_a_file_of_another_kind_that_is_called_so(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(np.random.default_rng(0).bytes(100))
    with pytest.raises(ModelRefused, match="does not begin like a TensorFlow Lite model"):
        inspect_model(path)
