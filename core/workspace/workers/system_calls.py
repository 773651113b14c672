"""Refuses the system calls with which a worker could reach other processes, which no rule on files or network covers.

Landlock guards files, the network namespace guards addresses. Neither sees a signal to the page, a socket that is a
file (multiprocessing's fork server listens on one, and forks whatever is asked for, unconfined), memory that no limit
counts, or the mode and owner of a file. A seccomp filter does, see seccomp(2). What is refused fails with EPERM; to
change a mode does nothing.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

__all__ = ["refuse_system_calls"]

_Calls: TypeAlias = Mapping[str, tuple[int | None, int | None]]

# Number on x86-64 and on AArch64, from Linux' headers; None where there is no such call.
_SOCKETS: Final[_Calls] = {
    "socket": (41, 198),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
    # Does what all of these do without calling them.
    "io_uring_setup": (425, 425),
}
_OTHER_PROCESSES: Final[_Calls] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "process_madvise": (440, 440),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
}
_MEMORY_THAT_NO_LIMIT_COUNTS: Final[_Calls] = {
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "setrlimit": (160, 164),
}
_OWNERS: Final[_Calls] = {
    "chown": (92, None),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "open_by_handle_at": (304, 265),
}
_MODES: Final[_Calls] = {"chmod": (90, None), "fchmodat": (268, 53), "fchmodat2": (452, 452)}
_THE_SYSTEM: Final[_Calls] = {
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "sethostname": (170, 161),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
}
# What is started outlives the worker, and is no part of its memory.
_NEW_PROCESSES: Final[_Calls] = {"fork": (57, None), "vfork": (58, None)}
_REFUSED: Final[_Calls] = {
    **_SOCKETS,
    **_OTHER_PROCESSES,
    **_MEMORY_THAT_NO_LIMIT_COUNTS,
    **_OWNERS,
    **_THE_SYSTEM,
    **_NEW_PROCESSES,
}
_THREADS: Final = {"clone": (56, 220)}
_THREADS_IN_ANOTHER_WAY: Final = {"clone3": (435, 435)}
_SIGNALS: Final = {"kill": (62, 129), "tgkill": (234, 131)}
_LIMITS: Final = {"prlimit64": (302, 261)}
_SENDTO: Final = {"sendto": (44, 206)}
_MMAP: Final = {"mmap": (9, 222)}

_ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_SHARED_ANONYMOUS: Final = 0x21
_SAME_PROCESS: Final = 0x10000  # CLONE_THREAD

# See linux/filter.h and linux/seccomp.h.
_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_ALLOW, _FAIL_WITH_EPERM, _DO_NOTHING, _FAIL_WITH_ENOSYS = 0x7FFF0000, 0x00050001, 0x00050000, 0x00050026
_NUMBER, _ARCHITECTURE = 0, 4
_X32: Final = 0x40000000
_SET_SECCOMP, _FILTER, _SET_NO_NEW_PRIVILEGES = 22, 2, 38


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def refuse_system_calls() -> None:
    """Refuse, for this process and all that it starts, what no model and no picture needs. It cannot be undone.

    Raises:
        OSError: If the system has no such filter, or it is not known what its calls are called here.
    """
    machine = platform.machine()
    if sys.platform != "linux" or machine not in _ARCHITECTURES:
        raise OSError(f"{sys.platform} on {machine} is not known")
    content = b"".join(_instructions(machine))
    program = _Program(len(content) // 8, content)
    libc = ctypes.CDLL(None, use_errno=True)
    if (
        libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0
        or libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0) != 0
    ):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _instructions(machine: str) -> Iterator[bytes]:
    column = list(_ARCHITECTURES).index(machine)

    def numbers(calls: _Calls) -> list[int]:
        return [number for call in calls.values() if (number := call[column]) is not None]

    yield _instruction(_LOAD, _ARCHITECTURE)
    yield _instruction(_JUMP_IF_EQUAL, _ARCHITECTURES[machine], if_so=1)
    yield _instruction(_RETURN, _FAIL_WITH_EPERM)
    yield _instruction(_LOAD, _NUMBER)
    yield from _refuse_if(_instruction(_JUMP_IF_AT_LEAST, _X32, if_not=1))
    for number in numbers(_REFUSED):
        yield from _refuse_if(_instruction(_JUMP_IF_EQUAL, number, if_not=1))
    # Copies of files take the mode along, which matters to nobody in a worker's own folder.
    for number in numbers(_MODES):
        yield from _refuse_if(_instruction(_JUMP_IF_EQUAL, number, if_not=1), _DO_NOTHING)
    # Its flags stand in memory, where a filter cannot look; who is told that there is no such call uses the other one.
    for number in numbers(_THREADS_IN_ANOTHER_WAY):
        yield from _refuse_if(_instruction(_JUMP_IF_EQUAL, number, if_not=1), _FAIL_WITH_ENOSYS)
    for number in numbers(_THREADS):
        masked = [_load_argument(0), _instruction(_AND, _SAME_PROCESS)]
        yield from _only(number, [*masked, _instruction(_JUMP_IF_EQUAL, _SAME_PROCESS, if_so=1)])
    # A signal may go to the process itself, as abort() sends it.
    for number in numbers(_SIGNALS):
        yield from _only(number, [_load_argument(0), _instruction(_JUMP_IF_EQUAL, os.getpid(), if_so=1)])
    # Limits may be read; root could raise them again.
    for number in numbers(_LIMITS):
        yield from _only(number, _both_halves_are_zero(2))
    # Without an address it is a send() to whoever is connected already.
    for number in numbers(_SENDTO):
        yield from _only(number, _both_halves_are_zero(4))
    for number in numbers(_MMAP):
        masked = [_load_argument(3), _instruction(_AND, _SHARED_ANONYMOUS)]
        yield from _only(number, [*masked, _instruction(_JUMP_IF_EQUAL, _SHARED_ANONYMOUS, if_not=1)])
    yield _instruction(_RETURN, _ALLOW)


def _refuse_if(jump: bytes, how: int = _FAIL_WITH_EPERM) -> Iterator[bytes]:
    yield jump
    yield _instruction(_RETURN, how)


def _only(number: int, test: list[bytes]) -> Iterator[bytes]:
    """Refuse a call unless the test, which jumps over one instruction, says that it may be made."""
    yield _instruction(_JUMP_IF_EQUAL, number, if_not=len(test) + 2)
    yield from test
    yield _instruction(_RETURN, _FAIL_WITH_EPERM)
    yield _instruction(_RETURN, _ALLOW)


def _both_halves_are_zero(place: int) -> list[bytes]:
    refused = 2
    return [
        _load_argument(place),
        _instruction(_JUMP_IF_EQUAL, 0, if_not=refused),
        _load_argument(place, upper=True),
        _instruction(_JUMP_IF_EQUAL, 0, if_so=1),
    ]


def _load_argument(place: int, *, upper: bool = False) -> bytes:
    # Both architectures keep the lower half first.
    return _instruction(_LOAD, 16 + 8 * place + (4 if upper else 0))


def _instruction(code: int, value: int, *, if_so: int = 0, if_not: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_so, if_not, value)
