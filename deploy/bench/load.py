"""Requests as clients in a process of their own send them, and what came of them."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from deploy.bench.load_process import LoadOrder, LoadReport, RequestOrder

_BOUNDARY = "rekindle-bench-5f2b"


@dataclass(frozen=True)
class Load:
    """What is asked of one server.

    Attributes:
        url: of the server.
        connections: each with one request under way at any time.
        requests: that take turns; made by `request` and `form`.
        accepted: statuses that are right.
        count: how many in all; None for as many as there is time for.
        seconds: after which no further one is begun.
        cores: that the clients may run on; None for all.
    """

    url: str
    connections: int
    requests: Sequence[RequestOrder]
    accepted: Sequence[int] = (200,)
    count: int | None = None
    seconds: float | None = None
    cores: frozenset[int] | None = None


@dataclass(frozen=True)
class Answers:
    """Seconds of the accepted requests, and how many were refused, by status."""

    seconds: list[float]
    refused: dict[str, int]


def request(
    method: str, url: str, path: str, *, token: str | None = None, body: str | None = None
) -> RequestOrder:
    """A request, with JSON if there is a body.

    Args:
        token: of the bearer.
    """
    lines = [*_head(method, url, path, token)]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body.encode())}"]
    return _order(lines, body or "")


def form(
    url: str,
    path: str,
    fields: Mapping[str, str],
    name: str,
    file: Path,
    *,
    token: str | None = None,
) -> RequestOrder:
    """A POST of a form whose last part is a file.

    Args:
        fields: before the file.
        name: of the file's part.
        token: of the bearer.
    """
    parts = "".join(
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in fields.items()
    )
    before = (
        f'{parts}--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; '
        f'filename="{file.name}"\r\nContent-Type: image/png\r\n\r\n'
    )
    after = f"\r\n--{_BOUNDARY}--\r\n"
    length = len(before.encode()) + file.stat().st_size + len(after)
    lines = [
        *_head("POST", url, path, token),
        f"Content-Type: multipart/form-data; boundary={_BOUNDARY}",
        f"Content-Length: {length}",
    ]
    return _order(lines, before, str(file), after)


async def send(load: Load) -> Answers:
    """Have the requests sent.

    Raises:
        RuntimeError: the clients broke off.
    """
    address = urlsplit(load.url)
    order = LoadOrder(
        host=address.hostname or "",
        port=address.port or 80,
        connections=load.connections,
        count=load.count,
        seconds=load.seconds,
        accepted=list(load.accepted),
        requests=list(load.requests),
    )
    report: LoadReport = json.loads(
        await _asked("deploy.bench.load_process", json.dumps(order), load.cores)
    )
    return Answers(report["seconds"], report["refused"])


async def _asked(module: str, order: str, cores: frozenset[int] | None) -> bytes:
    """What a module's process writes when it is given an order."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-P", "-m", module),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        if cores is not None:
            os.sched_setaffinity(process.pid, cores)
        answer, _ = await process.communicate(order.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RuntimeError(f"{module} ended with {process.returncode}")
    return answer


def _head(method: str, url: str, path: str, token: str | None) -> list[str]:
    signed = [f"Authorization: Bearer {token}"] if token else []
    return [f"{method} {path} HTTP/1.1", f"Host: {urlsplit(url).netloc}", *signed]


def _order(
    lines: Sequence[str], before: str = "", file: str | None = None, after: str = ""
) -> RequestOrder:
    return RequestOrder(head="\r\n".join([*lines, "", ""]), before=before, file=file, after=after)
