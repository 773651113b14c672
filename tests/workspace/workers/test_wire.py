"""What crosses from a worker is plain and checked: nothing that it sends is believed, nothing is unpickled."""

import json
import math
import os
import pickle
import threading
from multiprocessing import Pipe

import numpy as np
import pytest

from core import errors
from core.errors import (
    CodeNeeded,
    ExtractionFailed,
    LayerscopeError,
    MissingObject,
    ModelRefused,
    PluginFailed,
    WorkerLost,
)
from core.workspace.results import Answer, ChartPicture, ChartResult, Failure, InputView
from core.workspace.workers.wire import (
    Incoming,
    decode,
    encode_error,
    encode_progress,
    encode_value,
    largest_reply,
    send,
)
from core.workspace.workspace import Workspace

PUBLIC = sorted(name for name in dir(Workspace) if not name.startswith("_"))


class Marks:
    """Unpickled, it notes that it was."""

    unpickled = []

    def __reduce__(self):
        return Marks.unpickled.append, ("yes",)


ROW = {"key": "a", "name": "a", "number": 1, "depth": 0, "type_name": "Dense", "kind": "dense", "shape": "3"}
BAD = {
    "nothing": (b"", "layers"),
    "a kind alone": (b"v", "layers"),
    "an unknown kind": (b"x[]", "layers"),
    "a pickle": (pickle.dumps(Marks()), "layers"),
    "a pickle as a value": (b"v" + pickle.dumps(Marks()), "layers"),
    "a pickle as an error": (b"e" + pickle.dumps(Marks()), "layers"),
    "a pickle as progress": (b"p" + pickle.dumps(Marks()), "layers"),
    "half of it": (b'v[{"key": "a", "na', "layers"),
    "a text for a table": (b'v"a"', "layers"),
    "a number for a text": (b"v5", "describe"),
    "a list for a text": (b'v["a"]', "describe"),
    "a field that is missing": (b'v[{"key": "a"}]', "layers"),
    "a number that is no number": (b"v" + json.dumps([{**ROW, "number": "many"}]).encode(), "layers"),
    "bytes that were not asked for": (b"b\x89PNG", "layers"),
    "a text where bytes are due": (b"v[1]", "inputs_file"),
    "something where nothing is due": (b"v5", "take_noise"),
    "no base64": (b'v[{"name": "x", "shape": "8", "picture": "***"}]', "inputs"),
    "no UTF-8": (b'v"\xff\xfe"', "describe"),
    "lists in lists without end": (b"v" + b"[" * 200_000, "chart"),
    "objects in objects without end": (b"v" + b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "chart"),
    "an error that is no object": (b"e[1]", "layers"),
    "an error without a type": (b'e{"message": "m"}', "layers"),
    "an error without a message": (b'e{"type": "InputRejected"}', "layers"),
    "an error in lists without end": (b"e" + b"[" * 200_000, "layers"),
    "progress of three": (b'p[0.5, "a", 3]', "answer"),
    "progress in words": (b'p["a", "b"]', "answer"),
    "progress without end": (b'p[Infinity, "a"]', "answer"),
    "more progress than there is": (b'p[1.1, "a"]', "answer"),
    "less progress than none": (b'p[-1, "a"]', "answer"),
    "progress of a list": (b'p[[1], "a"]', "answer"),
    "progress in a number of digits without end": (b"p[" + b"9" * 100_000 + b', "a"]', "answer"),
}


@pytest.mark.parametrize(("message", "asked"), BAD.values(), ids=BAD)
def test_what_no_worker_of_ours_sends_is_refused(message, asked):
    with pytest.raises(WorkerLost) as caught:
        decode(message, asked)
    assert "do not trust" in caught.value.remedy
    assert not Marks.unpickled


@pytest.mark.parametrize("name", PUBLIC)
def test_no_answer_may_be_just_anything(name):
    for message in (b"v[[[5]]]", b"v17.5", b""):
        with pytest.raises(WorkerLost):
            decode(message, name)


@pytest.mark.parametrize(
    "type_name", [None, 5, [], {}, "", "Exception", "SystemExit", "os.system", "__doc__", "KeyError"]
)
def test_an_error_can_only_be_one_of_ours(type_name):
    told = {"type": type_name, "message": "It failed.", "remedy": "Do this."}
    try:
        error = decode(b"e" + json.dumps(told).encode(), "layers").error
    except WorkerLost:
        return
    assert type(error) is LayerscopeError
    assert (error.message, error.remedy) == ("It failed.", "Do this.")


def test_an_error_carries_texts_and_nothing_else():
    told = {"type": "InputRejected", "message": ["a"], "remedy": {"b": 1}, "__class__": "x", "args": [1], "other": 5}
    error = decode(b"e" + json.dumps(told).encode(), "layers").error

    assert {type(value) for value in vars(error).values()} == {str}
    assert set(vars(error)) == {"message", "remedy"}


ERRORS = [name for name in errors.__all__ if isinstance(getattr(errors, name), type)]


@pytest.mark.parametrize("name", [each for each in ERRORS if each not in ("MissingObject", "PluginFailed")])
def test_each_error_crosses(name):
    error = getattr(errors, name)("The layer “é” failed.", remedy="Do “this”.")
    found = decode(encode_error(error), "layers").error

    assert type(found) is type(error)
    assert vars(found) == vars(error)
    assert str(found) == str(error)


def test_a_failure_of_a_plugin_crosses_whole():
    error = PluginFailed("m", plugin="p", package="k", version="1", traceback="Traceback …", remedy="r")

    assert vars(decode(encode_error(error), "chart_file").error) == vars(error)


def test_what_a_model_needs_crosses_whole():
    needs = (MissingObject("TCN", "tcn.tcn", "TCN"), MissingObject("act", "", "act", "function"))
    error = CodeNeeded("m", objects=needs, lambdas=("scale",), remedy="r", code="c")

    assert vars(decode(encode_error(error), "open_model").error) == vars(error)


def test_a_cause_does_not_cross():
    error = ExtractionFailed("m")
    error.__cause__ = ValueError("with an array in it")

    assert decode(encode_error(error), "layers").error.__cause__ is None


def test_values_cross_as_they_were():
    view = InputView("x", "8×8", picture=b"\x89PNG\xff\x00", minimum=-1.5, maximum=float("nan"), not_finite=2)
    (found,) = decode(encode_value((view,)), "inputs").value
    assert found.picture == view.picture
    assert math.isnan(found.maximum)
    chart = ChartResult(
        (ChartPicture({"a": [1, None, {"b": "é"}]}, "above", ("channel",)),),
        ("note",),
        {"unit": "too large"},
        "nothing",
        Failure("m", can_be_tried_again=True),
    )
    assert decode(encode_value(chart), "chart").value == chart
    answer = Answer({"values": [float("inf"), float("-inf"), 1e-300]}, "cat", 0.5, "dog", False)
    assert decode(encode_value(answer), "answer").value == answer


def test_numbers_of_numpy_cross_as_numbers():
    chart = ChartResult((ChartPicture({"data": [np.float32(0.5), np.int64(3), np.array([1, 2]), np.bool_(True)]}),))

    assert decode(encode_value(chart), "chart").value.pictures[0].specification == {"data": [0.5, 3, [1, 2], True]}


def test_a_file_crosses_as_it_is():
    content = bytes(range(256)) * 10

    assert decode(encode_value(content), "chart_file").value == content


def test_progress_crosses():
    assert decode(encode_progress(0.25, "16 of 64 samples"), "answer").progress == (0.25, "16 of 64 samples")


def test_no_model_is_no_answer_that_fails():
    assert decode(encode_value(None), "model").value is None
    with pytest.raises(WorkerLost):
        decode(encode_value(None), "plan")


def test_a_message_for_one_question_is_no_answer_to_another():
    table = encode_value(())
    assert decode(table, "layers").value == ()
    with pytest.raises(WorkerLost):
        decode(table, "map")
    assert isinstance(decode(encode_error(ModelRefused("m")), "map").error, ModelRefused)


def framed(messages):
    """Return messages as a connection of multiprocessing puts them onto its pipe."""
    ours, theirs = Pipe()
    with ours, theirs:
        for message in messages:
            ours.send_bytes(message)
        return os.read(theirs.fileno(), 1 << 20)


@pytest.mark.parametrize("bit", [1, 3, 7, 1_000])
def test_messages_are_put_together_from_bits(bit):
    messages = [b"v1", b"", b"v" * 300, b"p[1, 2]"]
    content = framed(messages)
    incoming, found = Incoming(), []
    for start in range(0, len(content), bit):
        incoming.add(content[start : start + bit])
        while (message := incoming.next_message(1_000)) is not None:
            found.append(message)

    assert found == messages


@pytest.mark.parametrize("length", [0, 1, 300, 3_000_000])
def test_what_is_sent_is_put_together_again(length):
    ours, theirs = Pipe()
    message, incoming = os.urandom(length), Incoming()
    with ours, theirs:
        # A long message is sent bit by bit, while the other end reads.
        sending = threading.Thread(target=send, args=(ours, message))
        sending.start()
        while (received := incoming.next_message(length)) is None:
            incoming.add(os.read(theirs.fileno(), 1 << 16))
        sending.join()

    assert received == message


def test_half_a_message_is_none():
    incoming = Incoming()
    for content in (b"", b"\0\0\0", b"\x05ab", b"c"):
        incoming.add(content)
        assert incoming.next_message(100) is None
    incoming.add(b"de")
    assert incoming.next_message(100) == b"abcde"
    assert incoming.next_message(100) is None


def test_a_long_message_has_a_long_length():
    incoming = Incoming()
    incoming.add(b"\xff\xff\xff\xff" + (3).to_bytes(8, "big") + b"abc")

    assert incoming.next_message(3) == b"abc"


@pytest.mark.parametrize(
    "head",
    [(101).to_bytes(4, "big"), b"\xff\xff\xff\xff" + b"\xff" * 8, b"\xff\xff\xff\xfe", b"\x7f\xff\xff\xff"],
)
def test_a_message_that_is_too_long_is_refused_before_it_is_there(head):
    incoming = Incoming()
    incoming.add(head)
    with pytest.raises(WorkerLost):
        incoming.next_message(100)


def test_only_a_file_may_be_large():
    assert largest_reply("chart_file") == largest_reply("activation_file") == largest_reply("inputs_file") == 1 << 30
    files = ("_file", "thumbnail")
    assert {largest_reply(name) for name in PUBLIC if not name.endswith(files)} == {1 << 26}
