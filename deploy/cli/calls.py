"""Requests to the HTTP API: sent again when their answer is lost, judged when it comes."""

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx

from deploy.cli.connection import Connection
from deploy.cli.failures import Refused, Unreachable

Document = dict[str, Any]
"""A JSON object as the API sent it."""

Request = Callable[[], dict[str, Any]]
"""Makes the arguments of one try, as `httpx.Client.request` takes them: a file is read anew."""

MOST_TRIES = 4
LONGEST_PAUSE_SECONDS = 30.0
"""Whoever asks for more patience than this is told to the person instead."""

_GATEWAY_LOST_IT = frozenset({502, 504})
_COME_BACK = frozenset({409, 429, 503})
"""With Retry-After: a twin is under way, too fast, a part is away. Without it, they are final."""


class ApiCalls:
    """Calls one API as one person.

    Every call raises `Unreachable` when nobody answers and `Refused` when the API says no.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            connection: which API, as whom.
            transport: what carries the requests; the network by default.
            pause: waits so many seconds before a command is sent again.
        """
        self._pause = pause
        self._http = httpx.Client(
            base_url=connection.api,
            headers={"Authorization": f"Bearer {connection.token}"},
            timeout=httpx.Timeout(30.0, connect=5.0),
            transport=transport,
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def get(self, path: str, **query: str) -> Document:
        """Ask once; whoever polls knows better when to ask again."""
        try:
            return self._judged(self._http.request("GET", path, params=query or None))
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise self._unreachable(error) from error

    def post(self, path: str, request: Request = dict) -> Document:
        """Have something done once, however often it has to be said.

        Every try carries the same `Idempotency-Key`, so an API that had done it answers as it
        did then.
        """
        return self._judged(self._said("POST", path, request, {"Idempotency-Key": str(uuid4())}))

    def delete(self, path: str) -> Document | None:
        """Have something gone; saying so again changes nothing. None for an empty answer."""
        reply = self._said("DELETE", path, dict, {})
        if reply.status_code == httpx.codes.NO_CONTENT:
            return None
        return self._judged(reply)

    def _said(
        self, method: str, path: str, request: Request, headers: dict[str, str]
    ) -> httpx.Response:
        """The answer to a command, after as many tries as it takes."""
        for number in range(1, MOST_TRIES + 1):
            usual = 2.0 ** (number - 2)
            try:
                reply = self._http.request(method, path, headers=headers, **request())
            except (httpx.TransportError, httpx.InvalidURL) as error:
                # Nobody listened to the very first word: then waiting rarely helps.
                unheard = isinstance(error, httpx.ConnectError | httpx.InvalidURL)
                if number == MOST_TRIES or (unheard and number == 1):
                    raise self._unreachable(error) from error
                self._pause(usual)
                continue
            seconds = _seconds_until_again(reply, usual=usual)
            if seconds is None or number == MOST_TRIES:
                return reply
            self._pause(seconds)
        raise AssertionError("the last try returns or raises")

    def _judged(self, reply: httpx.Response) -> Document:
        if not reply.is_success:
            raise _refusal(reply)
        try:
            document = reply.json()
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise Unreachable(f"What answers at {self._http.base_url} is not Rekindle's API.")
        return document

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(f"{self._http.base_url} does not answer: {error}")


def _seconds_until_again(reply: httpx.Response, *, usual: float) -> float | None:
    """When to send a command again; None when this is the answer to it."""
    if reply.status_code in _GATEWAY_LOST_IT:
        return usual
    if reply.status_code not in _COME_BACK or "Retry-After" not in reply.headers:
        return None
    try:
        seconds = float(reply.headers["Retry-After"])
    except ValueError:  # a date: RFC 9110 allows it, our API never sends one
        seconds = usual
    return seconds if 0 <= seconds <= LONGEST_PAUSE_SECONDS else None


def _refusal(reply: httpx.Response) -> Exception:
    """What a problem document says; a plain sentence for any other answer."""
    try:
        problem = reply.json()
        code, message = str(problem["code"]), str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        return Unreachable(f"The API answered {reply.status_code} without an explanation.")
    fields = [f"{each['field']}: {each['message']}" for each in problem.get("errors") or ()]
    return Refused(
        code,
        "\n".join([message, *fields]),
        status=reply.status_code,
        retryable=bool(problem.get("retryable")),
    )
