"""A refusal, as S3 words it."""

from __future__ import annotations

from xml.sax.saxutils import escape  # nosec B406: escaping parses nothing


class Refusal(Exception):
    """The request is answered with an XML error.

    Args:
        status: HTTP status.
        code: S3's word for it, which clients branch on.
        message: A sentence for people.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def as_xml(self) -> bytes:
        """The body of the reply."""
        code, message = escape(self.code), escape(self.message)
        return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


def not_found(what: str, name: str) -> Refusal:
    """A 404; `what` is Bucket, Key or Upload."""
    return Refusal(404, f"NoSuch{what}", f"The specified {what.lower()} does not exist: {name}")


def not_implemented(what: str) -> Refusal:
    """A 501 for what RunPod's door leaves out of S3."""
    return Refusal(501, "NotImplemented", f"{what} is not supported by network volumes")
