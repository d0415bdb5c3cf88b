"""The command line."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simulators.common.secret_file import kept_or_made
from simulators.stripe.options import ACCOUNT, Endpoint, Options

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_KEY, _SECRET = "sk_test_", "whsec_"  # pragma: allowlist secret


@dataclass(frozen=True)
class CommandLine:
    """Where to listen, and the simulator's settings.

    Attributes:
        url: Where browsers reach it; None: where it listens.
    """

    listen: str
    port: int
    url: str | None
    options: Options


def main(argv: Sequence[str] | None = None) -> None:
    """Run the simulator until it is ended."""
    try:
        given = parse(list(sys.argv[1:] if argv is None else argv))
        logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
        from simulators.common.serving import listen, url_of
        from simulators.stripe.server import server_of

        listener = listen(given.listen, given.port)
        url = url_of(listener)
        server = server_of(dataclasses.replace(given.options, url=given.url or url))
    except (OSError, ValueError) as error:
        sys.exit(f"The Stripe simulator cannot start: {error}")
    # The socket listens already: a client that reads this line can connect at once.
    print(f"stripe {url}", flush=True)
    server.run(sockets=[listener])


def parse(arguments: Sequence[str]) -> CommandLine:
    """Read the command line; a mistake ends the process with a sentence, as usual.

    Raises:
        OSError: A file cannot be read or made.
        ValueError: A file holds something else than it should.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.listen not in _LOOPBACK:
        parser.error("whoever reaches it can pay without money, so it listens on loopback only")
    if (given.webhook is None) != (given.webhook_secret_file is None):
        parser.error("--webhook and --webhook-secret-file belong together")
    webhook = None
    if given.webhook is not None:
        webhook = Endpoint(given.webhook, _secret(given.webhook_secret_file, _SECRET))
    options = Options(
        data=given.data.absolute(),
        api_key=_secret(given.api_key_file, _KEY),
        account=given.account,
        webhook=webhook,
        webhook_seconds=given.webhook_seconds,
        retry_scale=given.retry_scale,
        bank_seconds=given.bank_seconds,
        is_frozen=given.frozen_clock,
    )
    url = None if given.url is None else given.url.rstrip("/")
    return CommandLine(given.listen, given.port, url, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulators.stripe",
        description="A stand-in for Stripe: Checkout with a page to pay on, refunds, webhooks.",
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="folder of the journal")
    add("--listen", default="127.0.0.1", metavar="IP", help="a loopback address")
    add("--port", type=int, default=8092, help="0 picks a free one, printed on the first line")
    add("--url", type=_address, help="where browsers reach it, if not where it listens")
    add("--api-key-file", type=Path, required=True, help="sk_test_...; made when missing")
    add("--account", default=ACCOUNT, metavar="ID", help="acct_...")
    add("--webhook", type=_address, metavar="URL", help="where events are sent")
    add("--webhook-secret-file", type=Path, metavar="FILE", help="whsec_...; made when missing")
    add("--webhook-seconds", type=_seconds, default=10.0, help="how long an answer may take")
    add("--retry-scale", type=_seconds, default=1.0, help="factor on the gaps between attempts")
    add("--bank-seconds", type=_seconds, default=60.0, help="how long a bank takes to pay")
    add("--frozen-clock", action="store_true", help="time moves by /simulator/clock alone")
    return parser


def _address(text: str) -> str:
    from simulators.stripe.wire.control_webhooks import checked_url

    try:
        return checked_url(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"not a number of zero or more: {text}")
    return number


def _secret(path: Path, prefix: str) -> str:
    """What a file holds; a new one is made, readable by its owner alone, when it is missing."""
    kept = kept_or_made(path, lambda: prefix + secrets.token_hex(24))
    if not kept.startswith(prefix) or kept == prefix:
        raise ValueError(f"{path} holds nothing that begins with {prefix}")
    return kept
