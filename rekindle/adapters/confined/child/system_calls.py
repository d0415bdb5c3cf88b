"""The system calls that decoding needs, as a seccomp filter. All others answer "not implemented".

That answer, rather than a kill, lets the C library fall back where it tries a newer call first
(`clone3`, then `clone`), and turns a forgotten call into a readable error.
"""

from __future__ import annotations

import errno
import platform
import struct
import sys
from dataclasses import dataclass

_ALLOWED = {
    # name: (x86-64, arm64), from the kernel's tables; None where the machine has no such call
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "fstat": (5, 80),
    "lseek": (8, 62),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "pread64": (17, 67),
    "pwrite64": (18, 68),
    "readv": (19, 65),
    "writev": (20, 66),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "dup": (32, 23),
    "nanosleep": (35, 101),
    "getpid": (39, 172),
    "exit": (60, 93),
    "ftruncate": (77, 46),
    "getcwd": (79, 17),
    "gettimeofday": (96, 169),
    "getrlimit": (97, 163),
    "getrusage": (98, 165),
    "sysinfo": (99, 179),
    "sigaltstack": (131, 132),
    "setrlimit": (160, 164),
    "gettid": (186, 178),
    "time": (201, None),
    "futex": (202, 98),
    "sched_getaffinity": (204, 123),
    "restart_syscall": (219, 128),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "exit_group": (231, 94),
    "newfstatat": (262, 79),
    "set_robust_list": (273, 99),
    "getrandom": (318, 278),
    "membarrier": (324, 283),
    "rseq": (334, 293),
}

_CLONE_THREAD = 0x00010000


@dataclass(frozen=True)
class _Machine:
    """What differs between processors: the kernel's name of the ABI, and two special calls."""

    audit_arch: int
    column: int
    clone: int
    prlimit64: int


_MACHINES = {
    "x86_64": _Machine(0xC000003E, 0, clone=56, prlimit64=302),
    "aarch64": _Machine(0xC00000B7, 1, clone=220, prlimit64=261),
}

# Classic BPF: operation codes, and offsets into `struct seccomp_data`.
_LOAD, _RETURN, _IF_EQUAL, _IF_ANY_BIT = 0x20, 0x06, 0x15, 0x45
_CALL_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_NOT_IMPLEMENTED = 0x00050000 | errno.ENOSYS


def filter_program() -> bytes | None:
    """The filter as the kernel's instructions, 8 bytes each; None where we know no filter."""
    machine = _MACHINES.get(platform.machine()) if sys.platform == "linux" else None
    if machine is None:
        return None
    numbers = [row[machine.column] for row in _ALLOWED.values()]
    return b"".join(
        [
            _op(_LOAD, _ARCHITECTURE),
            _op(_IF_EQUAL, machine.audit_arch, 1, 0),
            _op(_RETURN, _KILL),
            _op(_LOAD, _CALL_NUMBER),
            *[_op(_IF_EQUAL, n, 0, 1) + _op(_RETURN, _ALLOW) for n in numbers if n is not None],
            # A new thread is fine, a new process is not.
            _op(_IF_EQUAL, machine.clone, 0, 4),
            _op(_LOAD, _FIRST_ARGUMENT),
            _op(_IF_ANY_BIT, _CLONE_THREAD, 0, 1),
            _op(_RETURN, _ALLOW),
            _op(_RETURN, _NOT_IMPLEMENTED),
            # Our own limits (process id 0) are ours to lower, nobody else's.
            _op(_IF_EQUAL, machine.prlimit64, 0, 3),
            _op(_LOAD, _FIRST_ARGUMENT),
            _op(_IF_EQUAL, 0, 0, 1),
            _op(_RETURN, _ALLOW),
            _op(_RETURN, _NOT_IMPLEMENTED),
        ]
    )


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
