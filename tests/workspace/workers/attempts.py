"""What a model or plugin might try from within a worker; each is run in a process of its own that is confined first."""

from __future__ import annotations

import mmap
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from core.workspace.workers.sandbox import confine

__all__ = ["ATTEMPTS", "ATTEMPT_FILE", "run_confined"]

ATTEMPT_FILE = "written-from-within-a-worker"
"""What each attempt to write a file calls it: a name that no other test uses in a folder that they share."""


def read(path: str) -> Any:
    return Path(path).read_bytes()


def read_with_tensorflow(path: str) -> Any:
    import tensorflow as tf

    return tf.io.read_file(path).numpy()


def write(path: str) -> Any:
    return Path(path, ATTEMPT_FILE).write_text("x")


def write_with_tensorflow(path: str) -> Any:
    import tensorflow as tf

    return tf.io.write_file(str(Path(path, ATTEMPT_FILE)), "x")


def save_with_keras(path: str) -> Any:
    import keras

    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)]).save(Path(path, f"{ATTEMPT_FILE}.keras"))


def remove(path: str) -> Any:
    return os.unlink(path)


def list_folder(path: str) -> Any:
    return os.listdir(path)


def run(program: str) -> Any:
    return subprocess.run([program], check=True)


def run_python(path: str) -> Any:
    return subprocess.run([sys.executable, "-c", f"open({path!r}).read()"], check=True, stderr=subprocess.DEVNULL)


def fork(_: str) -> Any:
    child = os.fork()
    if not child:
        os._exit(0)
    return os.waitpid(child, 0)


def connect(port: str) -> Any:
    return socket.create_connection(("127.0.0.1", int(port)), timeout=2)


def send_datagram(port: str) -> Any:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        return sender.sendto(b"x", ("127.0.0.1", int(port)))


def look_up(name: str) -> Any:
    return socket.create_connection((name, 443), timeout=2)


def connect_by_name(name: str) -> Any:
    with socket.socket(socket.AF_UNIX) as caller:
        return caller.connect("\0" + name)


def hold(count: str) -> Any:
    return len(bytearray(int(count)))


def hold_with_numpy(count: str) -> Any:
    import numpy as np

    return np.ones(int(count), np.uint8).nbytes


def map_memory(count: str) -> Any:
    return len(mmap.mmap(-1, int(count), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))


def write_much(count: str) -> Any:
    with open("much", "wb") as file:
        file.truncate(int(count))


def open_much(count: str) -> Any:
    return [os.dup(1) for _ in range(int(count))]


def find_in_environment(text: str) -> Any:
    found = text in os.environ.values() or text.encode() in Path("/proc/self/environ").read_bytes()
    assert found, "it is not there"


def read_environment_of(pid: str) -> Any:
    return Path(f"/proc/{pid}/environ").read_bytes()


def read_memory_of(pid: str) -> Any:
    with open(f"/proc/{pid}/mem", "rb") as memory:
        return memory.read(1)


def work_in_its_own_folder(_: str) -> Any:
    import tempfile

    import tensorflow as tf

    Path("own").write_text("x")
    tf.io.write_file("own-too", "x")
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"x")
        assert Path(file.name).parent == Path.cwd()
    return sorted(path.name for path in Path().iterdir() if not path.is_dir())


def send_signal(pid: str) -> Any:
    return os.kill(int(pid), 0)


def signal_itself(_: str) -> Any:
    signal.signal(signal.SIGUSR1, lambda *_: None)
    os.kill(os.getpid(), signal.SIGUSR1)
    return signal.raise_signal(signal.SIGUSR1)


def lower_limits_of(pid: str) -> Any:
    import resource

    return resource.prlimit(int(pid), resource.RLIMIT_NOFILE, (64, 64))


def raise_limits(_: str) -> Any:
    import resource

    return resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def read_limits(_: str) -> Any:
    import resource

    return resource.getrlimit(resource.RLIMIT_NOFILE)


def slow_down(pid: str) -> Any:
    return os.setpriority(os.PRIO_PROCESS, int(pid), 19)


def reach_fork_server(_: str) -> Any:
    from multiprocessing import forkserver

    with socket.socket(socket.AF_UNIX) as caller:
        return caller.connect(forkserver._forkserver._forkserver_address)


def make_socket(_: str) -> Any:
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)


def send_to_address(path: str) -> Any:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        return ours.sendto(b"x", path)


def use_a_pair_of_sockets(_: str) -> Any:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"x")
        return theirs.recv(1)


def share_memory(count: str) -> Any:
    return len(mmap.mmap(-1, int(count), flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS))


def keep_memory_in_a_file(count: str) -> Any:
    return os.ftruncate(os.memfd_create("much"), int(count))


def change_mode(path: str) -> Any:
    return os.chmod(path, 0)


def copy(folder: str) -> Any:
    return shutil.copytree(folder, "copied")


def change_owner(path: str) -> Any:
    return os.chown(path, os.getuid(), os.getgid())


def leave_for_another_network(_: str) -> Any:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x10000000) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


def look_at_itself(_: str) -> Any:
    status = Path("/proc/self/status").read_text()
    return re.findall(r"^(?:NoNewPrivs|Seccomp):\s+\d", status, re.MULTILINE)


ATTEMPTS = {name: value for name, value in list(globals().items()) if getattr(value, "__module__", "") == __name__}


def run_confined(pipe: Any, limits: Any, readable: Path, private: Path, name: str, argument: str) -> None:
    """Confine this process as a worker, try ``name``, and send what came of it: ``"done"`` or the error's name."""
    confine(limits, readable, private)
    try:
        pipe.send(("done", repr(ATTEMPTS[name](argument))[:200]))
    except BaseException as error:
        pipe.send((type(error).__name__, str(error)[:200]))
