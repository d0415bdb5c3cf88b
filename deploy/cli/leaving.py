"""How a command ends its process."""

import atexit
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class _Leave:
    """Registered before everything else that is done at the end, so that it is done last."""

    def __init__(self) -> None:
        self.code = 1

    def __call__(self) -> None:
        if "temporalio.bridge" not in sys.modules:
            return
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(self.code)


@contextmanager
def leaving() -> Iterator[None]:
    """Run a command; who has spoken to Temporal leaves without the interpreter's shutdown.

    The threads of Temporal's SDK go on through it and can crash it ("PyGILState_Release"): the
    command has done all it should by then, and its exit code would say that it has not.
    """
    leave = _Leave()
    atexit.register(leave)
    try:
        yield
        leave.code = 0
    except SystemExit as ending:
        leave.code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
        raise
