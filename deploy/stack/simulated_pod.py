"""`python -m deploy.stack.simulated_pod`: what a container of the pod image runs, on this machine.

The real `startup.sh`, with the small ComfyUI in place of the large one and a port of its own for
it: all simulated pods share one loopback. Arguments go on to the small ComfyUI.
"""

import os
import shlex
import sys
from pathlib import Path

from deploy import pod
from deploy.embedded.ports import HOST, free_port

COMFYUI = (
    *(sys.executable, "-P", "-m", "simulators.comfyui", "--listen", "127.0.0.1"),
    *("--models-mode", "none", "--cache-none"),
)


def main() -> None:
    """Become the script."""
    script = Path(next(iter(pod.__path__)), "startup.sh")
    place = '--port "$COMFYUI_PORT" --base-directory "$COMFYUI_BASE_DIRECTORY"'
    os.environ.update(
        COMFYUI_COMMAND=f"{shlex.join(COMFYUI)} {place} {shlex.join(sys.argv[1:])}",
        COMFYUI_PORT=str(free_port()),
        GPU_SERVER_HOST=HOST,
        REKINDLE_PYTHON=sys.executable,
    )
    os.execv("/bin/bash", ["bash", str(script), "--foreground"])  # noqa: S606  # nosec B606


if __name__ == "__main__":
    main()
