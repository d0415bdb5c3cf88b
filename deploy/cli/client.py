"""A small client of the HTTP API, as a command needs it: one photo, followed to its end."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx

from deploy.cli.calls import ApiCalls, Document
from deploy.cli.connection import Connection
from deploy.cli.failures import AttemptFailed, FileUnusable, Refused, Unreachable
from deploy.cli.photo_files import CountedFile, opened_photo
from rekindle.errors import AttemptNotFound

POLL_SECONDS = 0.25
PATIENCE_SECONDS = 60.0
"""How long following goes on without an answer: long enough for a restart of the API."""

_FINAL = frozenset({"succeeded", "failed", "canceled"})
_ENDS_OF_ORDERS = frozenset({"delivered", "expired", "refunding", "refunded", "disputed"})


@dataclass(frozen=True)
class Attempt:
    """What a command shows of an attempt of any kind."""

    id: str
    job_id: str
    status: str
    stage: str | None
    progress: float
    document: Document
    """All of it."""

    @property
    def is_final(self) -> bool:
        """Whether nothing can change any more."""
        return self.status in _FINAL

    @property
    def path(self) -> str:
        """Where the API has it; attempts of every kind say so themselves."""
        return str(self.document["links"]["self"])

    def require_success(self) -> None:
        """Raise `AttemptFailed` with the attempt's own code and sentence."""
        if self.status == "succeeded":
            return
        error = self.document.get("error") or {}
        words = {"canceled": "It was canceled."}.get(self.status, "It failed.")
        raise AttemptFailed(
            str(error.get("code") or self.status), str(error.get("message") or words)
        )

    @classmethod
    def of(cls, document: Document) -> Self:
        """Read it from the API's document."""
        return cls(
            id=document["id"],
            job_id=document["job_id"],
            status=document["status"],
            stage=document.get("stage"),
            progress=float(document.get("progress") or 0.0),
            document=document,
        )


class ApiClient:
    """Calls one API as one person. Use it as a context manager.

    Every call raises `Unreachable` when nobody answers and `Refused` when the API says no.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepare; nothing is sent yet. The arguments are those of `ApiCalls`."""
        self._calls = ApiCalls(connection, transport=transport, pause=pause)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._calls.close()

    def upload(
        self, photo: Path, email: str, *, sent: Callable[[int, int], None] | None = None
    ) -> Document:
        """Upload a photo and get its job.

        Args:
            photo: the file.
            email: whom to tell about it.
            sent: told how many bytes of how many have been handed over.

        Raises:
            FileUnusable: the file cannot be read.
        """
        with opened_photo(photo) as file:

            def request() -> dict[str, Any]:
                file.seek(0)
                body = CountedFile(file, photo.stat().st_size, sent)
                return {
                    "data": {"email": email},
                    "files": {"photo": (photo.name, body)},
                    "timeout": httpx.Timeout(120.0, connect=5.0),
                }

            return self._calls.post("/api/v1/jobs/upload", request)

    def restore(self, job_id: str, wishes: Mapping[str, Any]) -> Attempt:
        """Start a restore attempt.

        Args:
            job_id: of a job of the caller.
            wishes: graph and parameters; those that are None are left to the API.
        """
        return self._started(f"/api/v1/jobs/{job_id}/restore", wishes)

    def animate(self, job_id: str, wishes: Mapping[str, Any]) -> Attempt:
        """Start a clip of a job's selected restoration.

        Args:
            job_id: of a job of the caller.
            wishes: graph and parameters; those that are None are left to the API.
        """
        return self._started(f"/api/v1/jobs/{job_id}/animate", wishes)

    def _started(self, path: str, wishes: Mapping[str, Any]) -> Attempt:
        request = {"json": {name: value for name, value in wishes.items() if value is not None}}
        return Attempt.of(self._calls.post(path, lambda: request))

    def check_out(self, attempt: Attempt) -> Document:
        """Order the HD of an attempt; the order's document names the page where it is paid."""
        request = {"json": {"attempt_id": attempt.id}}
        return self._calls.post(f"/api/v1/jobs/{attempt.job_id}/checkout", lambda: request)

    def cancel(self, attempt: Attempt) -> Attempt:
        """Have an attempt stopped. Idempotent; one that has ended stays as it ended."""
        return Attempt.of(self._calls.post(f"{attempt.path}/cancel"))

    def delete(self, job_id: str) -> Document:
        """Delete a job. Idempotent; the document tells until when it can be had back."""
        return self._calls.delete(f"/api/v1/jobs/{job_id}") or {}

    def undelete(self, job_id: str) -> Document:
        """Have a deleted job back. Idempotent."""
        return self._calls.post(f"/api/v1/jobs/{job_id}/undelete")

    def job(self, job_id: str) -> Document:
        """A job with its attempts."""
        return self._calls.get(f"/api/v1/jobs/{job_id}")

    def attempts(self, job_id: str) -> list[Attempt]:
        """All attempts of a job, as the job lists them: restorations, then animations."""
        job = self.job(job_id)
        return [Attempt.of(document) for document in (*job["restores"], *job["animations"])]

    def attempt(self, job_id: str, attempt_id: str) -> Attempt:
        """One attempt of a job, of any kind."""
        job = f"/api/v1/jobs/{job_id}"
        try:
            return Attempt.of(self._calls.get(f"{job}/restores/{attempt_id}"))
        except Refused as refused:
            if refused.code != AttemptNotFound.code:
                raise
        return Attempt.of(self._calls.get(f"{job}/animations/{attempt_id}"))

    def follow(self, attempt: Attempt, *, seen: Callable[[Attempt], None]) -> Attempt:
        """Look until the attempt has ended, over restarts of the API.

        Args:
            attempt: where it stood.
            seen: told how it stands, at every look.
        """
        if attempt.is_final:
            return attempt
        document = self._watch(
            attempt.path,
            is_over=lambda found: Attempt.of(found).is_final,
            seen=lambda found: seen(Attempt.of(found)),
        )
        return Attempt.of(document)

    def follow_order(self, order_id: str, *, seen: Callable[[Document], None]) -> Document:
        """Look until an order is delivered or over, over restarts of the API.

        Args:
            order_id: of the caller's.
            seen: told how it stands, at every look.
        """
        return self._watch(
            f"/api/v1/orders/{order_id}",
            is_over=lambda found: found["status"] in _ENDS_OF_ORDERS,
            seen=seen,
        )

    def _watch(
        self, path: str, *, is_over: Callable[[Document], bool], seen: Callable[[Document], None]
    ) -> Document:
        heard = time.monotonic()
        while True:
            time.sleep(POLL_SECONDS)
            try:
                document = self._calls.get(path)
            except (Unreachable, Refused) as failure:
                may_pass = isinstance(failure, Unreachable) or failure.retryable
                if not may_pass or time.monotonic() - heard > PATIENCE_SECONDS:
                    raise
            else:
                heard = time.monotonic()
                seen(document)
                if is_over(document):
                    return document

    def download(self, address: str, target: Path) -> None:
        """Write what a presigned address gives to a file.

        Raises:
            FileUnusable: the file cannot be written.
        """
        try:
            # Without our token: the address is its own permission, and S3 refuses two of them.
            reply = httpx.get(address, timeout=60.0, follow_redirects=True)
            reply.raise_for_status()
        except httpx.HTTPError as error:
            raise Unreachable(f"The picture cannot be fetched: {error}") from error
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(reply.content)
        except OSError as error:
            raise FileUnusable(f"{target} cannot be written: {error.strerror}") from error
