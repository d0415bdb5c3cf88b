"""Ready-made answers to "is it up yet?" for `GuardedProcess.start`."""

import http.client
import socket

from deploy.embedded.ports import HOST
from deploy.embedded.process import Probe


def tcp_open(port: int) -> Probe:
    """Ready when somebody accepts connections on that port of 127.0.0.1."""

    def probe() -> str | None:
        try:
            socket.create_connection((HOST, port), timeout=1.0).close()
        except OSError as error:
            return f"port {port}: {error}"
        return None

    return probe


def http_ok(port: int, path: str) -> Probe:
    """Ready when GET on that path of 127.0.0.1 answers 200.

    Args:
        port: TCP port.
        path: with its leading slash, such as `/health`.
    """

    def probe() -> str | None:
        connection = http.client.HTTPConnection(HOST, port, timeout=1.0)
        try:
            connection.request("GET", path)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            return f"GET {path} on port {port}: {error!r}"
        finally:
            connection.close()
        return None if status == 200 else f"GET {path} on port {port} answered {status}"

    return probe
