"""`python -m api.main`: one API process, until SIGTERM or SIGINT."""

import signal
import sys

from api.app import create_app
from api.server import serve
from rekindle.errors import SettingsInvalid
from rekindle.settings import read_settings
from rekindle.telemetry import configure_logging


def main() -> None:
    """Serve; exit code 2 when the settings do not allow it."""
    try:
        settings = read_settings()
        configure_logging(settings.log_level, settings.log_format)
        app = create_app(settings)
    except SettingsInvalid as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    # Uvicorn finishes what is under way, then raises the signal again: let it end in success.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    serve(app, host=settings.backend_host, port=settings.backend_port)


if __name__ == "__main__":
    main()
