"""What the child takes from itself before it touches a file: memory, time, files, network.

A decoder with a hole in it runs foreign code under our user id. Limits keep it from eating the
machine; the system call filter keeps it from opening a file (`/proc/<parent>/environ` holds keys),
a socket or another program. Where the kernel offers no filter, the limits and the empty environment
remain.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal

from .system_calls import filter_program

_PR_SET_PDEATHSIG = 1
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2
_M_ARENA_MAX = -8


class _Program(ctypes.Structure):
    """The kernel's `struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def end_with_parent(parent: int) -> None:
    """Have the kernel kill us when the parent dies, so that `kill -9` leaves no child behind.

    Args:
        parent: its process id. It has one thread: the kernel means the thread that forked us.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked
        os._exit(1)


def limit_resources(*, memory_bytes: int, file_bytes: int, cpu_seconds: int) -> None:
    """Limit memory, file sizes, CPU time and open files.

    Args:
        memory_bytes: address space we may take, interpreter and libraries included.
        file_bytes: length that no file we write may exceed.
        cpu_seconds: CPU time after which the kernel ends us.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    # Otherwise glibc reserves 64 MiB of address space for every decoder thread.
    ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
    limit_memory(memory_bytes)


def limit_memory(memory_bytes: int) -> None:
    """Lower the memory limit to what this file needs, once its header has been read.

    Args:
        memory_bytes: as in `limit_resources`, at most as much as there.
    """
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def confine() -> None:
    """Give up, for good, every system call that decoding does not need.

    Afterwards files that are open stay usable, and nothing else can be opened, started or reached.
    """
    program = filter_program()
    if program is None:
        return
    libc = ctypes.CDLL(None)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        loaded = _Program(len(program) // 8, program)
        libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(loaded), 0, 0)
