"""Imported by the fork server: everything that a worker needs is imported once here, and no model is run.

TensorFlow starts its threads with the first operation, and threads do not survive a fork; so no operation runs here.
"""

import contextlib
import gc
import importlib
import os
import pkgutil
import sys

from core.workspace.quiet import silence_import
from core.workspace.workers.sandbox import clean_environment, leave_the_network

# The environment that a process starts with can be read from it for good, so the server starts again with a clean one.
if clean_environment(os.environ) != dict(os.environ) and "multiprocessing.forkserver" in sys.orig_argv[-1]:
    os.execve(sys.executable, sys.orig_argv, clean_environment(os.environ))

# While this is the only thread, as a user namespace asks for.
leave_the_network()

silence_import()
for _name in (
    *("tensorflow", "keras", "h5py", "altair", "PIL.Image", "pandas", "landlock"),
    # Keras imports it with the first model.
    "tensorflow.keras",
    "core.workspace.workers.serving",
):
    # A worker that imports it again says what is wrong.
    with contextlib.suppress(ImportError):
        importlib.import_module(_name)
for _found in pkgutil.iter_modules(importlib.import_module("vizplugins").__path__):
    importlib.import_module(f"vizplugins.{_found.name}")
with contextlib.suppress(ImportError):
    importlib.import_module("core.workspace.workers.warming").warm_up()

# What stays for good is not looked through again by each worker, which would copy the pages that all of them share.
gc.collect()
gc.freeze()
