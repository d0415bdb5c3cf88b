"""How much of a body is read, on the ASGI wire."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.middleware import Allowance, BodyLimit
from rekindle.errors import PhotoTooLarge, RequestTooLarge

LIMIT = 1000
LARGE = 100_000


async def read_all(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that reads its body to the end."""
    body = await Request(scope, receive).body()
    await PlainTextResponse(str(len(body)))(scope, receive, send)


async def read_nothing(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("no", 401)(scope, receive, send)


async def swallow_errors(scope: Scope, receive: Receive, send: Send) -> None:
    """As FastAPI while it reads JSON: any error becomes an answer of its own."""
    try:
        await Request(scope, receive).body()
    except Exception:
        await PlainTextResponse("cannot parse", 400)(scope, receive, send)


@dataclass
class Wire:
    """A client that sends these pieces, then nothing; and what it was answered."""

    pieces: Sequence[bytes]
    headers: Sequence[tuple[bytes, bytes]]
    ends: bool = True
    read: int = 0
    sent: list[Message] = field(default_factory=list)

    async def receive(self) -> Message:
        if self.read == len(self.pieces):
            await asyncio.Event().wait()
        piece = self.pieces[self.read]
        self.read += 1
        more = not self.ends or self.read < len(self.pieces)
        return {"type": "http.request", "body": piece, "more_body": more}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def closes(self) -> bool:
        return (b"connection", b"close") in self.sent[0]["headers"]

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.sent[1:])


class Dripping(Wire):
    """A client that takes a moment for each piece, shorter than a pause may be."""

    async def receive(self) -> Message:
        await asyncio.sleep(0.002)
        return await super().receive()


def declared(pieces: Sequence[bytes], length: int | None = None, *, ends: bool = True) -> Wire:
    size = sum(map(len, pieces)) if length is None else length
    return Wire(pieces, [(b"content-length", str(size).encode())], ends)


def chunked(pieces: Sequence[bytes], *, ends: bool = True) -> Wire:
    return Wire(pieces, [(b"transfer-encoding", b"chunked")], ends)


async def run(app: ASGIApp, wire: Wire, *, path: str = "/", linger_seconds: float = 60.0) -> None:
    limited = BodyLimit(
        app,
        default=Allowance(LIMIT, RequestTooLarge),
        by_path={"/upload": Allowance(LIMIT * 2, PhotoTooLarge)},
        pause_seconds=0.02,
        linger_seconds=linger_seconds,
    )
    scope = {"type": "http", "path": path, "headers": wire.headers, "method": "POST"}
    await limited(scope, wire.receive, wire.send)


@pytest.mark.parametrize("make", [declared, chunked])
async def test_a_body_up_to_the_limit_arrives_whole(
    make: Callable[[Sequence[bytes]], Wire],
) -> None:
    wire = make([b"x" * 400, b"y" * 600])
    await run(read_all, wire)
    assert (wire.status, wire.body) == (200, b"1000")
    assert not wire.closes


async def test_a_body_declared_too_large_is_refused_before_it_is_read() -> None:
    wire = declared([], LIMIT + 1)
    await run(read_all, wire)
    assert wire.status == 413
    assert wire.read == 0
    assert b'"request_too_large"' in wire.body


async def test_a_body_without_a_length_is_refused_where_it_passes_the_limit() -> None:
    wire = chunked([b"x" * 900, b"y" * 200, b"z"], ends=True)
    await run(read_all, wire)
    assert wire.status == 413
    assert b'"request_too_large"' in wire.body


async def test_a_length_that_lies_does_not_help() -> None:
    """Servers check it as well; this does not rely on that."""
    wire = declared([b"x" * 900, b"y" * 200], length=10)
    await run(read_all, wire)
    assert wire.status == 413


async def test_a_path_has_its_own_limit_and_refusal() -> None:
    fitting, larger = chunked([b"x" * LIMIT * 2]), chunked([b"x" * LIMIT * 2, b"y"])
    await run(read_all, fitting, path="/upload")
    await run(read_all, larger, path="/upload")
    assert fitting.status == 200
    assert larger.status == 413
    assert b'"photo_too_large"' in larger.body


async def test_an_application_cannot_cover_the_refusal_with_an_answer_of_its_own() -> None:
    wire = chunked([b"x" * LIMIT * 2])
    await run(swallow_errors, wire)
    assert wire.status == 413
    assert b"cannot parse" not in wire.body


async def test_a_body_that_stops_arriving_is_given_up() -> None:
    wire = declared([b"x"], length=500, ends=False)
    await run(read_all, wire)
    assert wire.status == 408
    assert b'"request_stalled"' in wire.body


async def test_a_body_that_only_drips_is_given_up_although_it_never_stops() -> None:
    wire = Dripping([b"x"] * LIMIT, [(b"transfer-encoding", b"chunked")])
    await run(read_all, wire)
    assert wire.status == 408
    assert b'"request_stalled"' in wire.body


async def test_waiting_after_the_end_of_a_body_is_no_stall() -> None:
    """A long answer is waiting, too: for the client to leave."""

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await request.body()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):  # longer than a body may pause
                await receive()
        await PlainTextResponse("done")(scope, receive, send)

    wire = declared([b"x"])
    await run(slow, wire)
    assert wire.status == 200


async def test_an_answer_before_the_end_of_a_large_body_closes_after_the_rest() -> None:
    wire = declared([b"x" * LARGE, b"y" * LARGE])
    await run(read_nothing, wire)
    assert (wire.status, wire.body) == (401, b"no")
    assert wire.closes
    assert wire.read == 2  # thrown away, so that the client is not cut off before it reads
    assert [message.get("more_body") for message in wire.sent[1:]] == [True, False]


async def test_throwing_the_rest_away_has_an_end() -> None:
    wire = chunked([b"x" * LARGE], ends=False)
    await run(read_nothing, wire, linger_seconds=0.02)
    assert (wire.status, wire.body) == (401, b"no")
    assert wire.sent[-1]["more_body"] is False


async def test_a_small_unread_body_keeps_the_connection() -> None:
    wire = declared([b"x" * 500])
    await run(read_nothing, wire)
    assert wire.status == 401
    assert not wire.closes


async def test_a_client_that_waits_for_permission_is_not_waited_for() -> None:
    wire = Wire([], [(b"content-length", b"999999"), (b"expect", b"100-continue")])
    await run(read_all, wire)
    assert wire.status == 413
    assert wire.closes
    assert wire.read == 0


async def test_a_client_that_leaves_is_noticed() -> None:
    left: list[str] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        left.append(message["type"])

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    wire = declared([], 500)
    wire.receive = receive  # type: ignore[method-assign]
    await run(application, wire)
    assert left == ["http.disconnect"]


async def test_a_request_without_a_body_passes() -> None:
    wire = Wire([b""], [])
    await run(read_all, wire)
    assert (wire.status, wire.body) == (200, b"0")
