"""ComfyUI's wire passed on as it is, byte for byte: what stands before a server works with."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class RelayRequest:
    """A request to pass on.

    Attributes:
        path: percent-encoded, from the server's root.
        query: names and values, not encoded.
        headers: those that are passed on; no others are.
        body: pieces of the body, or None.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: AsyncIterator[bytes] | bytes | None = None


@dataclass(frozen=True)
class RelayReply:
    """A reply whose body has not been read yet.

    Attributes:
        headers: of the content alone, with lower-case names; nothing about the connection.
        body: the pieces as they arrive, encoded as `content-encoding` says. Raises
            `ComfyUnavailable` when the server leaves in the middle.
    """

    status: int
    headers: Mapping[str, str]
    body: AsyncIterator[bytes]


@dataclass(frozen=True)
class WholeReply:
    """A small reply, read to its end."""

    status: int
    media_type: str
    body: bytes


class RelaySocket(Protocol):
    """A websocket to the server."""

    def messages(self) -> AsyncIterator[str | bytes]:
        """What the server says; ends when the socket does."""
        ...

    async def send(self, message: str | bytes) -> None:
        """Say something. Nothing happens when the socket has ended."""
        ...


class ComfyRelay(Protocol):
    """A ComfyUI as it is. Every call raises `ComfyUnavailable` when it does not answer."""

    def open(self, asked: RelayRequest) -> AbstractAsyncContextManager[RelayReply]:
        """Send a request, and stream its reply while the context is open."""
        ...

    async def exchange(self, asked: RelayRequest, *, max_bytes: int) -> WholeReply:
        """Send a request and read the whole reply.

        Raises:
            ComfyUnavailable: also when the reply is larger than that.
        """
        ...

    async def number_of(self, prompt_id: str) -> float | None:
        """The number under which the server took a prompt; None when it does not know it.

        Looks in the queue first and in the history second: a prompt moves only that way.
        """
        ...

    def socket(self, client_id: str) -> AbstractAsyncContextManager[RelaySocket]:
        """A websocket of that client."""
        ...
