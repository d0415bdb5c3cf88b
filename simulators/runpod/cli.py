"""The command line."""

from __future__ import annotations

import argparse
import json
import logging
import secrets
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from simulators.common.secret_file import kept_or_made
from simulators.runpod.options import GENEROUS_RATES, BootTimes, Options, PodKeyRights

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_STAGES = ("provisioning", "starting", "runtime")
_WINDOWS = ("minute", "hour", "day")


@dataclass(frozen=True)
class CommandLine:
    """Where to listen, and the simulator's settings."""

    listen: str
    port: int
    options: Options


def main(argv: Sequence[str] | None = None) -> None:
    """Run the simulator until it is ended."""
    try:
        given = parse(list(sys.argv[1:] if argv is None else argv))
        logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
        from simulators.common.serving import listen, url_of
        from simulators.runpod.server import server_of

        listener = listen(given.listen, given.port)
        url = url_of(listener)
        server = server_of(given.options, url)
    except (OSError, ValueError) as error:
        sys.exit(f"The RunPod simulator cannot start: {error}")
    # The socket listens already: a client that reads this line can connect at once.
    print(f"runpod {url}", flush=True)
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
        parser.error("it starts commands for whoever has the key, so it listens on loopback only")
    options = Options(
        data=given.data.absolute(),
        api_key=_key(given.api_key_file),
        read_only_key=None if given.read_only_key_file is None else _key(given.read_only_key_file),
        images=dict(given.image),
        volumes=dict(given.volume),
        s3_keys={} if given.s3_key_file is None else _s3_keys(given.s3_key_file),
        light=given.light,
        boot=BootTimes(**given.boot),
        pod_key_may=PodKeyRights(given.pod_key_may),
        rates={**GENEROUS_RATES, **{k: int(v) for k, v in given.rate.items()}},
        proxy_seconds=given.proxy_seconds,
        grace=given.grace,
        pass_env=tuple(given.pass_env),
        light_seconds=given.light_seconds,
        light_object_info=_object(given.light_object_info),
        light_result=None if given.light_result is None else given.light_result.read_bytes(),
        light_token_env=given.light_token_env,
        is_frozen=given.frozen_clock,
    )
    return CommandLine(given.listen, given.port, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulators.runpod",
        description="A stand-in for RunPod: REST v2, the pod proxy, and pods that are processes.",
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="journal, volumes, scratch folders, logs")
    add("--listen", default="127.0.0.1", metavar="IP", help="a loopback address")
    add("--port", type=int, default=8090, help="0 picks a free one, printed on the first line")
    add("--api-key-file", type=Path, required=True, help="the account's key; made when missing")
    add("--read-only-key-file", type=Path, help="a key that may only read; made when missing")
    add("--image", action="append", default=[], type=_pair, metavar="NAME=COMMAND")
    add("--volume", action="append", default=[], type=_pair, metavar="ID=DATA_CENTER")
    add("--s3-key-file", type=Path, help="ACCESS=SECRET of the volumes' S3; made when missing")
    add("--boot", default={}, type=_numbers(_STAGES), metavar="STAGE=SECONDS,...")
    add("--pod-key-may", choices=[right.value for right in PodKeyRights], default="terminate")
    add("--rate", default={}, type=_numbers(_WINDOWS), metavar="WINDOW=CALLS,...")
    add("--proxy-seconds", type=float, default=100.0, help="longest request through the proxy")
    add("--grace", type=float, default=2.0, help="seconds from SIGTERM to SIGKILL")
    add("--pass-env", action="append", default=[], metavar="NAME", help="pods inherit it")
    add("--frozen-clock", action="store_true", help="time moves by /simulator/clock alone")
    add("--light", action="store_true", help="no processes: answer for every pod")
    add("--light-seconds", type=float, default=1.0, help="how long a prompt takes")
    add("--light-object-info", type=Path, metavar="FILE", help="JSON for /object_info")
    add("--light-result", type=Path, metavar="FILE", help="what every /view answers")
    add("--light-token-env", default="REKINDLE_POD_TOKEN", metavar="NAME")
    return parser


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals or not value:
        raise argparse.ArgumentTypeError(f"not NAME=VALUE: {text}")
    return name, value


def _numbers(names: Sequence[str]) -> Callable[[str], dict[str, float]]:
    def read(text: str) -> dict[str, float]:
        pairs = [_pair(part) for part in text.split(",")]
        for name, value in pairs:
            if name not in names:
                raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(names)}")
            try:
                if float(value) < 0:
                    raise ValueError
            except ValueError:
                raise argparse.ArgumentTypeError(f"not a number: {value}") from None
        return {name: float(value) for name, value in pairs}

    return read


def _s3_keys(path: Path) -> dict[str, str]:
    access, equals, secret = _key(path, f"user_{_random(10)}=rps_{_random(20)}").partition("=")
    if not access or not equals or not secret:
        raise ValueError(f"{path} does not hold ACCESS=SECRET")
    return {access: secret}


def _random(size: int) -> str:
    return secrets.token_hex(size).upper()


def _key(path: Path, new: str | None = None) -> str:
    """The key in a file; a new one is made, readable by its owner alone, when it is missing."""
    key = kept_or_made(path, lambda: new or "rpa_" + _random(24))
    if not key:
        raise ValueError(f"{path} holds no key")
    return key


def _object(path: Path | None) -> dict[str, object]:
    if path is None:
        return {}
    read = json.loads(path.read_text())
    if not isinstance(read, dict):
        raise ValueError(f"{path} holds no object")
    return read
