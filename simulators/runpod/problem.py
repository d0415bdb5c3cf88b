"""A refusal, as RFC 9457 words it and RunPod sends it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

TITLES = {422: "Unprocessable Entity"}
"""Where the vendor's title is not that of Python's ``http`` module."""


class Problem(Exception):
    """The request is answered with ``application/problem+json``.

    Args:
        status: HTTP status.
        detail: A sentence for people; the only thing that tells one 400 from another.
        errors: One line for each violation of the schema, with a 422.
        headers: Further headers of the reply.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def as_json(self) -> dict[str, Any]:
        """The body of the reply."""
        title = TITLES.get(self.status) or HTTPStatus(self.status).phrase
        body: dict[str, Any] = {"title": title, "status": self.status, "detail": self.detail}
        if self.errors:
            body["errors"] = list(self.errors)
        return body
