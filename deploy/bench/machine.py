"""What the machine is that something was measured on; nothing by which it could be found."""

import os
import platform
from typing import TypedDict


class Machine(TypedDict):
    """Facts that figures depend on."""

    cores: int
    python: str
    system: str
    load: float


def this_machine() -> Machine:
    """Its usable cores, Python version, kind of system, and how busy the last minute was."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "load": round(os.getloadavg()[0], 2),
    }
