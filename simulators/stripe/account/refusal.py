"""A refusal, as Stripe words it."""

from __future__ import annotations

from collections.abc import Mapping


class Refusal(Exception):
    """The request is answered with an error object.

    Args:
        message: A sentence for developers.
        status: HTTP status.
        kind: The error's ``type``.
        code: The error's ``code``.
        param: Which parameter is meant, as ``line_items[0][quantity]``.
        is_saved: Execution had begun, so that the idempotency key replays this answer.
            Failed validation is not saved.
        headers: Further headers of the reply.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        is_saved: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        self.code = code
        self.param = param
        self.is_saved = is_saved
        self.headers = dict(headers or {})

    def as_json(self) -> dict[str, object]:
        """The body of the reply."""
        error: dict[str, object] = {"message": self.message, "type": self.kind}
        if self.code is not None:
            error["code"] = self.code
        if self.param is not None:
            error["param"] = self.param
        return {"error": error}


def not_found(noun: str, thing_id: str, param: str, status: int = 404) -> Refusal:
    """There is no such object."""
    message = f"No such {noun}: '{thing_id}'"
    return Refusal(message, status=status, code="resource_missing", param=param)


def state_conflict(message: str, code: str | None = None, param: str | None = None) -> Refusal:
    """The object is not in a state in which this can be done."""
    return Refusal(message, code=code, param=param, is_saved=True)
