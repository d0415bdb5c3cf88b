"""`python -m worker.agent`: one agent, until SIGTERM or SIGINT."""

import signal
import sys

from comfy_graphs import add_packs
from rekindle.errors import SettingsInvalid
from rekindle.telemetry import configure_logging
from worker.agent.app import create_app
from worker.agent.server import serve
from worker.agent.settings import read_settings


def main() -> None:
    """Serve; exit code 2 when the settings do not allow it."""
    try:
        settings = read_settings()
        add_packs(settings.workflows_path)
    except SettingsInvalid as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        sys.exit(2)
    configure_logging(settings.log_level, settings.log_format)
    # Uvicorn finishes what is under way, then raises the signal again: let it end in success.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    serve(create_app(settings), host=settings.gpu_server_host, port=settings.gpu_server_port)


if __name__ == "__main__":
    main()
