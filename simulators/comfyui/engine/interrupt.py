"""The wish to stop the running prompt."""

from __future__ import annotations

import threading

from simulators.comfyui.nodes.context import Interrupted


class InterruptFlag:
    """Asks the running prompt to stop, whichever it is; safe to use from any thread."""

    def __init__(self) -> None:
        self._flag = threading.Event()

    def raise_it(self) -> None:
        """Ask."""
        self._flag.set()

    def lower(self) -> None:
        """Forget what was asked, as every prompt does when it begins."""
        self._flag.clear()

    def check(self) -> None:
        """Stop here if asked.

        Raises:
            Interrupted: It was asked; the flag is lowered.
        """
        if self._flag.is_set():
            self._flag.clear()
            raise Interrupted
