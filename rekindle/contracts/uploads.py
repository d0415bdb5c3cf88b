"""Uploads that nobody made a job of."""

from rekindle.contracts.payload import Payload


class ClearUploads(Payload):
    """Delete what is left of old uploads.

    Attributes:
        incoming_after: objects up to this key were looked at by the run before; None begins anew.
    """

    incoming_after: str | None = None


class ClearedUploads(Payload):
    """What that came to.

    Attributes:
        forgotten: old uploads that are no more, with their photos.
        strays: photos that no upload waits for, deleted.
        aborted: multipart uploads that nobody had finished.
        incoming_after: see `ClearUploads`; the next run goes on there.
    """

    forgotten: int = 0
    strays: int = 0
    aborted: int = 0
    incoming_after: str | None = None
