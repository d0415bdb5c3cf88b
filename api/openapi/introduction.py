"""What the description says of the API as a whole, and of its headings."""

from typing import Any

TEXT = """\
Restores, colorizes and animates old photos.

**Who you are.** Send an access token of the sign-in service, or an API key, as
`Authorization: Bearer ...`. What belongs to somebody else answers 404, as if it did not exist.

**What can go wrong.** Every error is a problem document (RFC 9457, `application/problem+json`).
Its `code` is for programs: each operation lists the codes it can answer. `retryable` says whether
the same request can succeed later, and `Retry-After` when. Pass over fields that you do not know.

**Sent twice, done once.** Give every POST an `Idempotency-Key`, and send it again under the same
key when no answer came.

**Waiting.** Restorations, animations and orders take their time: follow the events of a job, or
ask again with `If-None-Match`.

**Links.** Documents link to what can be done next; a link is null when that is not possible now.
"""

_TAGS = {
    "jobs": "A photo, with everything that is made of it.",
    "uploads": "Photos sent straight to the bucket.",
    "restores": "Attempts at restoring the photo of a job.",
    "animations": "Clips of a restoration.",
    "generations": "Pictures made from words.",
    "restorations": "A photo restored with one call.",
    "albums": "Several photos, restored and bought together.",
    "graphs": "What can be asked of a restoration, an animation or a generation.",
    "events": "What happens to a job, as it happens.",
    "orders": "HD results: bought, paid, delivered, given back.",
    "api keys": "Keys for programs that act as you.",
    "webhook endpoints": "Addresses of yours that are told what happened.",
    "session": "Who is signed in with a browser.",
    "webhooks": "Where the payment provider tells what happened.",
    "operators": "For those who run the service.",
    "health": "Whether the service works.",
}


def introduce(document: dict[str, Any]) -> None:
    """Say what the API is, and what each of its headings is about."""
    document["info"]["description"] = TEXT
    used = {
        tag
        for operations in document["paths"].values()
        for operation in operations.values()
        for tag in operation["tags"]
    }
    document["tags"] = [
        {"name": tag, "description": text} for tag, text in _TAGS.items() if tag in used
    ]
