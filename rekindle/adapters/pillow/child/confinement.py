"""What the child takes from itself before it touches a file: memory, time, files, network.

A decoder with a hole in it runs foreign code under our user id. Limits keep it from eating the
machine; the system call filter keeps it from opening a file (`/proc/<parent>/environ` holds keys),
a socket or another program. Where the kernel offers no filter, the limits and the empty environment
remain.
"""

from __future__ import annotations

import ctypes
import resource
import signal
import sys

from .order import Format
from .system_calls import filter_program

_MIB = 1024 * 1024
_PR_SET_PDEATHSIG = 1
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2
_M_ARENA_MAX = -8

_BASE_BYTES = 256 * _MIB
"""Address space for the interpreter and the libraries (64 MiB), and for a compressed file of
50 MiB, which the WebP and HEIC decoders hold twice."""

_BYTES_PER_PIXEL: dict[Format, int] = {"jpeg": 12, "png": 12, "heic": 16, "webp": 20}
"""What reading, turning, converting and writing may need on top.

Measured at 60 megapixels: PNG 4 to 8, baseline JPEG 8, progressive 10, HEIC 8, with alpha 13, WebP
with alpha 16.
"""


class _Program(ctypes.Structure):
    """The kernel's `struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def end_with_parent() -> None:
    """Have the kernel kill us when the parent dies, so that `kill -9` leaves no child behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def limit_resources(*, max_pixels: int, cpu_seconds: int) -> None:
    """Limit memory, CPU time, file sizes and open files.

    Args:
        max_pixels: the largest picture that may be read.
        cpu_seconds: CPU time after which the kernel ends us.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    largest_file = 4 * max_pixels + _MIB  # more than an RGB PNG that does not compress at all
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    if sys.platform == "linux":
        # Otherwise glibc reserves 64 MiB of address space for every decoder thread.
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
    _limit_memory(_BASE_BYTES + max(_BYTES_PER_PIXEL.values()) * max_pixels)


def limit_memory(found: Format, pixels: int) -> None:
    """Lower the memory limit to what this picture needs.

    Args:
        found: its format.
        pixels: width x height by its header, at most the `max_pixels` of `limit_resources`.
    """
    _limit_memory(_BASE_BYTES + _BYTES_PER_PIXEL[found] * pixels)


def _limit_memory(limit_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))


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
