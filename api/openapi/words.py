"""What names mean everywhere: for properties and parameters that have no words of their own."""

from collections.abc import Iterator
from typing import Any

_WORDS = {
    "id": "Its id.",
    "album_id": "Id of an album.",
    "attempt_id": "Id of an attempt.",
    "endpoint_id": "Id of a webhook endpoint.",
    "job_id": "Id of a job.",
    "key_id": "Id of an API key.",
    "order_id": "Id of an order.",
    "upload_id": "Id of an upload.",
    "name": "Its name.",
    "title": "Its name for people.",
    "description": "What it is, for people.",
    "version": "Its version.",
    "type": "Its type.",
    "status": "How it stands.",
    "reason": "Why.",
    "url": "Its address.",
    "size_bytes": "Size, bytes.",
    "minimum": "Least value; null where there is no such bound.",
    "maximum": "Greatest value; null where there is no such bound.",
    "scopes": "What it may do beyond what every user may.",
    "field": "Where it is: `body`, `query` or `path`, and names from there.",
    "message": "What is wrong, for people.",
    "graph": "Name of the graph.",
    "graph_version": "Version of the graph.",
    "product": "What was bought.",
    "created_at": "When it was made.",
    "updated_at": "When it last changed.",
    "deleted_at": "When it was deleted.",
    "delivered_at": "When it was delivered; null until then.",
    "expires_at": "When it ends; null if never.",
    "finished_at": "When it ended; null until then.",
    "paid_at": "When it was paid; null until then.",
    "revoked_at": "When it was revoked; null while it is in force.",
    "started_at": "When it began to run; null until then.",
    "at": "When it happened.",
    "kind": "What it makes.",
    "stage": "What it waits for or does; null when it does neither.",
    "progress": "How far it is, 0 to 1; never goes back.",
    "error": "Why it failed, if it did.",
    "selected_restore_id": "The restoration that is shown and sold, if there is one.",
    "latest_animation_id": "The latest animation that succeeded, if there is one.",
    "self": "Where it is looked at.",
    "job": "Its job.",
    "links": "Where to go from here.",
    "albums": "The albums of this page.",
    "api_keys": "The keys.",  # pragma: allowlist secret
    "dependencies": "Its parts, each with how it stands.",
    "graphs": "The graphs.",
    "jobs": "The jobs of this page.",
    "orders": "The orders of this page.",
    "parameters": "What can be set, each with its bounds and default.",
    "webhook_endpoints": "The endpoints.",
    "is_operator": "Whether it may do what operators may.",
    "if-none-match": "The `ETag` of the document that you have: 304 when it is still the same.",
}


def add_words(document: dict[str, Any]) -> None:
    """Describe what has no description of its own but a name that speaks."""
    document["components"]["schemas"].get("JsonValue", {}).setdefault("description", "Any JSON.")
    for name, described in _without_words(document):
        if name in _WORDS:
            described["description"] = _WORDS[name]


def _without_words(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if "description" not in parameter:
                    yield parameter["name"], parameter
    for schema in document["components"]["schemas"].values():
        for name, described in schema.get("properties", {}).items():
            if "description" not in described and "$ref" not in described:
                yield name, described
