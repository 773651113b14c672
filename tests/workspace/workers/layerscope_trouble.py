"""A plugin whose layers and pictures misbehave, each in one way; ``trouble`` installs it into a folder.

The server's owner would have installed it, so that its classes may be named in a file. What it does stays within the
worker: the strongest of it leaves a marker or takes memory that a limit ends.
"""

import gc
import multiprocessing.connection
import os
import re
import struct
import threading
import time
from pathlib import Path

import altair as alt
import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from vizplugins import Activation, Handles, Options, Visualizer, hookimpl

MARKER = Path(__file__).with_name("marker")
"""Would be made in the process that unpickles what a worker sends."""

registered = keras.saving.register_keras_serializable(package="trouble")


def wait_for_ever():
    while True:
        time.sleep(1)


def hoard():
    kept = []
    while True:
        kept.append(np.ones(8_000_000))


def hold_the_interpreter():
    # Never lets another thread of Python run, as no function of C does that forgets to.
    re.match("(a+)+$", "a" * 60 + "b")


def spin():
    while True:
        pass


def leave_a_process_behind():
    if os.fork() == 0:
        time.sleep(600)
        os._exit(0)


def pipe_to_the_page():
    pipes = [each for each in gc.get_objects() if isinstance(each, multiprocessing.connection.Connection)]
    return next(each for each in pipes if not each.closed and each.readable and each.writable)


class LeavesMarker:
    """Unpickled, it would make a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def send_a_pickle():
    pipe_to_the_page().send(LeavesMarker(str(MARKER)))


def send_half_a_message():
    os.write(pipe_to_the_page().fileno(), struct.pack("!i", 1_000_000) + b"v[")
    wait_for_ever()


def send_a_length_without_end():
    os.write(pipe_to_the_page().fileno(), struct.pack("!iQ", -1, 1 << 60))
    wait_for_ever()


def send_what_is_no_table():
    pipe_to_the_page().send_bytes(b'v[{"key": 5}]')
    wait_for_ever()


class Trouble(keras.layers.Layer):
    """Hands its input on, and does ``happens`` in each run."""

    happens = None

    def call(self, x):
        happens = type(self).happens
        if happens is None:
            return x

        def run(value):
            happens()
            return value

        answered = tf.py_function(run, [x], x.dtype)
        answered.set_shape(x.shape)
        return answered

    def compute_output_shape(self, input_shape):
        return input_shape


def layer(name, happens):
    return registered(type(name, (Trouble,), {"happens": staticmethod(happens), "__module__": __name__}))


Harmless = registered(type("Harmless", (Trouble,), {"__module__": __name__}))
Forever = layer("Forever", wait_for_ever)
Slow = layer("Slow", lambda: time.sleep(1.5))
Hoarder = layer("Hoarder", hoard)
Aborter = layer("Aborter", os.abort)
Leaver = layer("Leaver", lambda: os._exit(3))
InterpreterHolder = layer("InterpreterHolder", hold_the_interpreter)
Parent = layer("Parent", leave_a_process_behind)
SendsPickle = layer("SendsPickle", send_a_pickle)
SendsHalf = layer("SendsHalf", send_half_a_message)
SendsLength = layer("SendsLength", send_a_length_without_end)
SendsNonsense = layer("SendsNonsense", send_what_is_no_table)


@registered
class SlowToOpen(Trouble):
    def __init__(self, **settings):
        super().__init__(**settings)
        time.sleep(2)


@registered
class NeverOpens(Trouble):
    def __init__(self, **settings):
        super().__init__(**settings)
        wait_for_ever()


@registered
class AbortsAtOpening(Trouble):
    def __init__(self, **settings):
        super().__init__(**settings)
        os.abort()


class Picture(Visualizer):
    """Draws nothing much."""

    handles = Handles(layer_types=("Trouble",))
    Options = Options
    priority = -1
    how_to_read = "There is nothing to read in it."

    def chart(self, activation: Activation, options: Options):
        self.happen()
        return alt.Chart(pd.DataFrame({"x": range(30), "y": range(30)})).mark_circle().encode(x="x:Q", y="y:Q")

    def happen(self):
        pass


class Quiet(Picture):
    name, title, priority = "quiet", "Quiet", 100


class NeverReturns(Picture):
    name, title = "never-returns", "Never returns"

    def happen(self):
        wait_for_ever()


class Aborts(Picture):
    name, title = "aborts", "Aborts"

    def happen(self):
        os.abort()


class Hoards(Picture):
    name, title = "hoards", "Hoards"

    def happen(self):
        hoard()


class HoldsTheInterpreter(Picture):
    name, title = "holds-the-interpreter", "Holds the interpreter"

    def happen(self):
        hold_the_interpreter()


class WorksHard(Picture):
    name, title = "works-hard", "Works hard"

    def happen(self):
        spin()


class WorksOn(Picture):
    name, title = "works-on", "Works on"

    def happen(self):
        threading.Thread(target=spin, daemon=True).start()


class StartsThreads(Picture):
    name, title = "starts-threads", "Starts threads"

    def happen(self):
        # Little memory is reserved for each, which no limit on memory would tell.
        threading.stack_size(64 * 1024)
        for _ in range(400):
            threading.Thread(target=wait_for_ever, daemon=True).start()
        wait_for_ever()


class ReadsTheHost(Picture):
    name, title = "reads-the-host", "Reads the host"

    def happen(self):
        with open("/etc/passwd") as file:
            file.read()


@hookimpl
def visualizers():
    return [
        Quiet(),
        NeverReturns(),
        Aborts(),
        Hoards(),
        HoldsTheInterpreter(),
        WorksHard(),
        WorksOn(),
        StartsThreads(),
        ReadsTheHost(),
    ]
