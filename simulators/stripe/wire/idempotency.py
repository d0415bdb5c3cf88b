"""Idempotency keys, as docs.stripe.com/api/idempotent_requests describes them.

The first answer that execution gave is kept, an error 500 too, and given again for 24 hours.
Failed validation and conflicts with a request under way are not kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from simulators.stripe.account.book import Book, Thing
from simulators.stripe.account.refusal import Refusal
from simulators.stripe.wire.replies import Answer

SAVED_REPLY = "saved_reply"
SECONDS = 24 * 3600
_LONGEST = 255


class IdempotencyKeys:
    """Keys that were used, and keys in use.

    Args:
        book: Holds the saved replies.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._in_use: set[str] = set()

    @contextmanager
    def using(self, key: str | None) -> Iterator[None]:
        """Hold a key while its request is carried out.

        Raises:
            Refusal: It is too long, or another request holds it.
        """
        if key is None:
            yield
            return
        if not 0 < len(key) <= _LONGEST:
            message = f"Idempotency keys have 1 to {_LONGEST} characters."
            raise Refusal(message, kind="idempotency_error")
        if key in self._in_use:
            raise Refusal(
                "There is currently another in-progress request using this Idempotency Key (that "
                "probably means you submitted twice, and the other request is still going "
                f"through): {key}. Please try again later.",
                status=409,
                kind="idempotency_error",
                code="idempotency_key_in_use",
                headers={"Stripe-Should-Retry": "true"},
            )
        self._in_use.add(key)
        try:
            yield
        finally:
            self._in_use.discard(key)

    def saved(self, key: str | None, sha256: str, path: str) -> Answer | None:
        """The answer that a key already has.

        Args:
            key: The key, if there is one.
            sha256: Fingerprint of the request.
            path: Its path.

        Raises:
            Refusal: The key was first used for something else.
        """
        kept = None if key is None else self._book.find(SAVED_REPLY, key)
        if kept is None or kept["at"] + SECONDS <= self._book.clock.now():
            return None
        if kept["path"] != path:
            raise Refusal(
                "Keys for idempotent requests can only be used for the same endpoint they were "
                f"first used for ('{path}' vs '{kept['path']}'). Try using a key other than "
                f"'{key}' if you meant to execute a different request.",
                kind="idempotency_error",
            )
        if kept["parameters_sha256"] != sha256:
            raise Refusal(
                "Keys for idempotent requests can only be used with the same parameters they were "
                f"first used with. Try using a key other than '{key}' if you meant to execute a "
                "different request.",
                kind="idempotency_error",
            )
        headers = {"Idempotent-Replayed": "true", "Original-Request": kept["request"]}
        if kept["status"] >= 500:
            headers["Stripe-Should-Retry"] = "false"
        return Answer(kept["status"], kept["body"], "replayed", headers)

    def to_save(self, key: str, sha256: str, path: str, request_id: str, answer: Answer) -> Thing:
        """What is kept of an answer."""
        return {
            "object": SAVED_REPLY,
            "id": key,
            "at": self._book.clock.now(),
            "path": path,
            "parameters_sha256": sha256,
            "request": request_id,
            "status": answer.status,
            "body": answer.body,
        }
