"""What a worker may do: how much memory and disk, which files, no network.

Each guard is the system's own; where a system lacks one, that is said once in the log and the others still hold.
Measured on TensorFlow: Python's audit hooks do not see what its operations open, so only the kernel can guard files.
"""

from __future__ import annotations

import ctypes
import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from core.common.limits import PREFIX, Limits
from core.plugins.sources import get_plugin_settings
from core.workspace.workers.system_calls import refuse_system_calls

__all__ = ["clean_environment", "confine", "leave_the_network", "memory_in_use"]

_log = logging.getLogger("layerscope")

# What Python and TensorFlow need to start; everything else, such as the keys of other services, stays with the page.
_KEPT_VARIABLES: Final = re.compile(
    r"(PATH|HOME|USER|LANG|LC_\w+|TZ|TMPDIR|VIRTUAL_ENV|PYTHON\w+|LD_LIBRARY_PATH|DYLD_\w+|OMP_\w+|CUDA_\w+|"
    rf"TF_(CPP|NUM|ENABLE|USE|XLA|FORCE)_\w+|KERAS_\w+|{PREFIX}\w+)\Z"
)
_OPEN_FILES: Final = 512
_SYSTEM_READABLE: Final = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/share/fonts",
    "/usr/share/zoneinfo",
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/self",
    "/sys/devices/system",
    # How much of a processor there is, which joblib wants to know and does not do without.
    "/sys/fs/cgroup/cpu.max",
    "/sys/fs/cgroup/cpu/cpu.cfs_period_us",
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us",
    "/dev/urandom",
    "/var/cache/fontconfig",
)
_NEW_NETWORK: Final = 0x40000000
_NEW_USER: Final = 0x10000000


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a worker gets: those of Python, TensorFlow, Keras and the limits."""
    return {name: value for name, value in environment.items() if _KEPT_VARIABLES.match(name)}


def leave_the_network() -> None:
    """Give up the network for this process and those forked from it; call it while there is a single thread.

    A network namespace of its own holds no address but a loopback that is down. See namespaces(7).
    """
    if sys.platform != "linux":
        _lacks("network namespaces")
        return
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if libc.unshare(_NEW_NETWORK) == 0:
        return
    # Who is not root may do so within a user namespace, where the own number has to be said again.
    if libc.unshare(_NEW_NETWORK | _NEW_USER) == 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
        return
    _lacks(f"network namespaces ({os.strerror(ctypes.get_errno())})")


def confine(limits: Limits, readable: Path, private: Path) -> None:
    """Confine this process to its limits and its files, for good.

    Memory is counted beyond what the process has now, as private and writable memory (``RLIMIT_DATA``).

    Args:
        limits: The memory, and the largest file that may be written.
        readable: Folder that may be read, such as that of what was uploaded.
        private: Folder that may be read and written; it becomes the working directory.
    """
    os.chdir(private)
    os.environ |= {"HOME": str(private), "TMPDIR": str(private)}
    tempfile.tempdir = str(private)
    guards = (
        (_limit_resources, "resource limits"),
        (_limit_files, "Landlock"),
        (_limit_calls, "filter of system calls"),
    )
    for guard, what in guards:
        try:
            guard(limits, readable, private)
        except (ImportError, OSError, ValueError) as error:
            _lacks(f"{what} ({error})")


def memory_in_use(pid: int) -> int | None:
    """Return how many bytes of private, writable memory a process has; None where the system does not say."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    found = re.search(r"^VmData:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _lacks(what: str) -> None:
    _log.warning("This system has no %s: workers run without that guard.", what)


def _limit_resources(limits: Limits, readable: Path, private: Path) -> None:
    import resource

    def lower(kind: int, most: int) -> None:
        resource.setrlimit(kind, (most, most))

    lower(resource.RLIMIT_CORE, 0)
    lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    lower(resource.RLIMIT_FSIZE, int(limits.unpacked_bytes))
    in_use = memory_in_use(os.getpid())
    if in_use is None:
        raise OSError("the memory in use cannot be read")
    lower(resource.RLIMIT_DATA, in_use + int(limits.worker_bytes))


def _limit_files(limits: Limits, readable: Path, private: Path) -> None:
    if sys.platform != "linux":
        raise OSError("it is Linux' own")
    from landlock import FSAccess, LandlockError, Ruleset

    # The library takes what an earlier call left here for a failure of its own.
    ctypes.set_errno(0)
    reading = FSAccess.READ_FILE | FSAccess.READ_DIR | FSAccess.EXECUTE
    try:
        rules = Ruleset()
        for path in {*_SYSTEM_READABLE, *_code_folders(), str(readable)}:
            if os.path.exists(path):
                rules.allow(path, rules=reading if os.path.isdir(path) else FSAccess.READ_FILE)
        rules.allow(os.devnull, rules=FSAccess.READ_FILE | FSAccess.WRITE_FILE)
        rules.allow(private)
        rules.apply()
    except LandlockError as error:
        raise OSError(str(error).partition("\n")[0]) from error


def _limit_calls(limits: Limits, readable: Path, private: Path) -> None:
    refuse_system_calls()


def _code_folders() -> Iterator[str]:
    """Yield where code is imported from: the standard library, installed packages, plugins, and what is loaded already.

    Not the folder that the app was started in, which may hold anything.
    """
    yield from (sys.prefix, sys.base_prefix)
    # Files of plugins are loaded again when they are saved.
    yield from map(str, get_plugin_settings().folders)
    yield from (path for path in sys.path if path.endswith(("site-packages", "dist-packages")))
    for name, module in list(sys.modules.items()):
        if "." not in name:
            yield from map(str, getattr(module, "__path__", ()))
