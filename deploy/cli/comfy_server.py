"""One ComfyUI server, as the commands `comfy` and `graphs` speak to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from deploy.cli.failures import ComfyRefused, NotConnected, Unreachable
from deploy.cli.settings import read_settings

if TYPE_CHECKING:
    from rekindle.adapters.comfyui import ComfyClient
    from rekindle.errors import GraphRejected

UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url", metavar="URL", envvar="COMFYUI_URL", help="Address of the ComfyUI server."
    ),
]
ComfyTokenOption = Annotated[
    str | None,
    typer.Option(
        "--token",
        metavar="TOKEN",
        envvar="COMFYUI_TOKEN",
        help="Bearer token, when a proxy asks for one; better set COMFYUI_TOKEN than type it.",
    ),
]


@dataclass(frozen=True)
class ComfyServer:
    """A server and a token for it."""

    url: str
    token: str | None = field(repr=False)


def choose_server(url: str | None, token: str | None) -> ComfyServer:
    """What was given, or else what `.env` says. Its token goes to its server alone.

    Args:
        url: address of the server, if given; the first of several separated by commas.
        token: bearer token, if given.

    Raises:
        NotConnected: no address is known, or it is none.
        SettingsInvalid: nothing was given, and the settings are wrong.
    """
    if not url:
        settings = read_settings()
        url, kept = next(iter(settings.comfyui_urls), None), settings.comfyui_token
        token = token or (kept.get_secret_value() if kept else None)
    url = (url or "").partition(",")[0].strip()
    if not url:
        raise NotConnected("Give --url, or set COMFYUI_URL.")
    try:
        address = urlsplit(url)
        usable = address.scheme in ("http", "https") and address.hostname and address.port != 0
    except ValueError:  # a port that is none
        usable = False
    if not usable:
        raise NotConnected(f"{url} is no address of a server: it looks like http://host:8188.")
    return ComfyServer(url.rstrip("/"), token or None)


@asynccontextmanager
async def open_server(server: ComfyServer) -> AsyncIterator["ComfyClient"]:
    """A client of the server, once that has said that it is a ComfyUI.

    Raises:
        Unreachable: it does not answer, or something else answers there.
        ComfyRefused: it said no to anything in the block.
    """
    from rekindle.adapters.comfyui import ComfyClient
    from rekindle.errors import ComfyUnavailable, GraphRejected, PodGone, ResultUnreadable

    _send_logs_to_stderr()
    client = ComfyClient(server.url, token=server.token)
    try:
        await _demand_comfyui(client, server.url)
        yield client
    except ComfyUnavailable as error:
        raise Unreachable(f"{server.url} does not answer: {error}") from error
    except PodGone as error:
        raise ComfyRefused(
            "not_allowed", f"{server.url} says no ({error}). Does a proxy ask for a --token?"
        ) from error
    except GraphRejected as error:
        raise ComfyRefused(error.code, _explained(error)) from error
    except ResultUnreadable as error:
        raise ComfyRefused(error.code, f"An output cannot be fetched: {error}.") from error
    finally:
        await client.close()


async def _demand_comfyui(client: "ComfyClient", url: str) -> None:
    try:
        told = (await client.system_stats())["system"]["comfyui_version"]
    except (KeyError, TypeError, ValueError):
        told = None
    if not told:
        raise Unreachable(f"What answers at {url} is not ComfyUI.")


def _explained(error: "GraphRejected") -> str:
    problems = error.problems or (str(error),)
    return "\n".join(["The server does not accept this graph:", *(f"  {p}" for p in problems)])


def _send_logs_to_stderr() -> None:
    """Standard output is for the answer; left alone, structlog writes there."""
    import sys

    import structlog

    if not structlog.is_configured():
        structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
