"""Which API to talk to, and as whom."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.cli.failures import NotConnected, Unreachable
from deploy.stack.note import RunningStack, find_running

if TYPE_CHECKING:
    from deploy.cli.client import ApiClient


@dataclass(frozen=True)
class Connection:
    """An API and an access token for it."""

    api: str
    token: str = field(repr=False)


def connect(
    api: str | None, token: str | None, data: Path, *, operator: bool = False
) -> Connection:
    """What was given, or else the stack that runs in a folder.

    Args:
        api: address of the API, if given.
        token: access token, if given.
        data: folder of a running `rekindle dev`, asked for whatever was not given.
        operator: whether the stack is to be asked for its operator's token.

    Raises:
        NotConnected: something is missing and no stack runs in that folder, or an API was
            given without a token for it.
        Unreachable: the running stack's issuer does not answer.
    """
    if api and token:
        return Connection(api.rstrip("/"), token)
    running = find_running(data)
    if running is None:
        raise NotConnected(
            f"Nothing runs in {data}. Start `rekindle dev`, or give --api and --token."
        )
    if api and api.rstrip("/") != running.api:
        raise NotConnected(f"Give a --token for {api}, or set REKINDLE_TOKEN.")
    return Connection(running.api, token or fetch_token(running, operator=operator))


@contextmanager
def open_api(api: str | None, token: str | None, data: Path) -> Iterator["ApiClient"]:
    """A client of the API that a command means, closed in the end; see `connect`."""
    from deploy.cli.client import ApiClient

    with ApiClient(connect(api, token, data)) as client:
        yield client


def fetch_token(running: RunningStack, *, operator: bool = False) -> str:
    """A fresh access token of the developer or the operator, from the stack's own issuer.

    Raises:
        Unreachable: the issuer does not answer, or not with a token.
    """
    import httpx

    client_id, secret_file = (
        (running.operator_client_id, running.operator_secret_file)
        if operator
        else (running.client_id, running.secret_file)
    )
    secret = Path(secret_file).read_text().strip()
    try:
        reply = httpx.post(
            f"{running.issuer}oauth/token",
            auth=(client_id, secret),
            data={"grant_type": "client_credentials", "audience": running.audience},
            timeout=10.0,
        )
        reply.raise_for_status()
        return str(reply.json()["access_token"])
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise Unreachable(f"The issuer at {running.issuer} gives no token: {error}") from error
