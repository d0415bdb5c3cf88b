"""The command line: what the issuer is told when it starts. Secrets never pass through it."""

import argparse
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from simulators.oidc.config import Client, IssuerConfig, is_client_id, is_username

_EPILOG = """\
A confidential client's secret is made at the first start and kept, readable by the owner only, in
DATA/clients/ID.secret. The levers under /simulator/ need DATA/control.secret. The line
"issuer URL" on standard output says that requests are answered."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """The command line, checked."""

    host: str
    port: int
    data: Path
    audiences: tuple[str, ...]
    clients: dict[str, Client]
    users: dict[str, frozenset[str]]
    scopes: frozenset[str]
    token_seconds: int

    def config(self, port: int) -> IssuerConfig:
        """The issuer's configuration once the port is known."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return IssuerConfig(
            issuer=f"http://{host}:{port}/",
            audiences=self.audiences,
            clients=self.clients,
            users=self.users,
            scopes=self.scopes,
            token_seconds=self.token_seconds,
        )


def parse(argv: Sequence[str] | None = None) -> Arguments:
    """Read the command line; leaves with a message and code 2 when it makes no sense."""
    parser = _parser()
    given = parser.parse_args(argv)
    try:
        return Arguments(
            host=given.listen,
            port=given.port,
            data=given.data,
            audiences=tuple(given.audience),
            clients=_clients(given.client, given.public_client, given.web_client, given.logout_uri),
            users=dict(map(_user, given.user)),
            scopes=frozenset(given.scope),
            token_seconds=given.token_seconds,
        )
    except ValueError as error:
        parser.error(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulators.oidc",
        description="A small OpenID Connect issuer for development. It asks for no passwords.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--listen", default="127.0.0.1", type=_loopback, help="loopback address (127.0.0.1)")
    add("--port", default=0, type=int, help="port; 0, the default, takes a free one")
    add("--data", required=True, type=Path, help="directory for keys and secrets")
    add("--audience", required=True, action="append", help="an API that tokens may be for")
    add(
        "--client",
        default=[],
        action="append",
        metavar="ID[:USER[:SCOPES]]",
        help="a client with a secret; its tokens are USER's, or ID@clients' when USER is empty",
    )
    add(
        "--public-client",
        default=[],
        action="append",
        metavar="ID=REDIRECT_URI",
        help="a client that signs people in; repeat it for further redirect URIs",
    )
    add(
        "--web-client",
        default=[],
        action="append",
        metavar="ID=REDIRECT_URI",
        help="the same, but a server, which has a secret",
    )
    add(
        "--logout-uri",
        default=[],
        action="append",
        metavar="ID=URI",
        help="where such a client may send people who have signed out",
    )
    add(
        "--user",
        default=[],
        action="append",
        metavar="NAME[:SCOPES]",
        help="a user offered on the sign-in page, with scopes only that user is granted",
    )
    add("--scope", default=[], action="append", help="an API scope that every user is granted")
    add("--token-seconds", default=3600, type=int, help="life of tokens, seconds (3600)")
    return parser


def _loopback(text: str) -> str:
    if not ipaddress.ip_address(text).is_loopback:
        raise argparse.ArgumentTypeError("an issuer without passwords listens on loopback only")
    return text


def _clients(
    confidential: Sequence[str],
    public: Sequence[str],
    web: Sequence[str],
    logout_uris: Sequence[str],
) -> dict[str, Client]:
    clients: dict[str, Client] = {}
    for text in confidential:
        client_id, _, rest = text.partition(":")
        username, _, scopes = rest.partition(":")
        if username and not is_username(username):
            raise ValueError(f"--client {text}: {username!a} is no user name")
        if client_id in clients:
            raise ValueError(f"--client {client_id} is given twice")
        clients[client_id] = Client(
            client_id, username=username or None, scopes=frozenset(_split(scopes))
        )
    for text, is_web in [*((each, False) for each in public), *((each, True) for each in web)]:
        client_id, _, uri = text.partition("=")
        known = clients.get(client_id, Client(client_id, is_web=is_web))
        if client_id in clients and (not known.signs_people_in or known.is_web != is_web):
            raise ValueError(f"{client_id} cannot be both a public and a confidential client")
        uris = known.redirect_uris | {_redirect_uri(uri)}
        clients[client_id] = replace(known, redirect_uris=uris)
    for text in logout_uris:
        client_id, _, uri = text.partition("=")
        if client_id not in clients or not clients[client_id].signs_people_in:
            raise ValueError(
                f"--logout-uri {text}: {client_id!a} is no client that signs people in"
            )
        known = clients[client_id]
        uris = known.logout_uris | {_redirect_uri(uri)}
        clients[client_id] = replace(known, logout_uris=uris)
    for client_id in clients:
        if not is_client_id(client_id):
            raise ValueError(f"{client_id!a} is no client id: use a-z, 0-9 and dashes")
    return clients


def _redirect_uri(text: str) -> str:
    address = urlsplit(text)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise ValueError(f"{text!a} is no absolute http address to redirect to")
    if address.fragment or address.username is not None or "*" in text:
        raise ValueError(f"{text!a}: a redirect URI has no fragment, user or wildcard")
    return text


def _user(text: str) -> tuple[str, frozenset[str]]:
    name, _, scopes = text.partition(":")
    if not is_username(name):
        raise ValueError(f"--user: {name!a} is no user name")
    return name, frozenset(_split(scopes))


def _split(scopes: str) -> list[str]:
    """Scopes separated by spaces or commas."""
    return scopes.replace(",", " ").split()
