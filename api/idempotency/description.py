"""How idempotency keys are described in OpenAPI."""

from typing import Any

from api.idempotency.headers import KEY, LONGEST_KEY, REPLAYED

_PARAMETER = {
    "name": KEY,
    "in": "header",
    "required": False,
    "description": "Names this request, such as a UUID. Sent again within 24 hours, by the same "
    "caller, to the same path and with the same content, it is not carried out again: the first "
    f"reply is repeated as it was, with `{REPLAYED}: true`. Addresses of pictures in it may have "
    "run out by then; `links.self` has fresh ones. A reply of 429 or 5xx is not kept: send the "
    "request again under the same key.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": LONGEST_KEY,
        "pattern": "^[!-~]+$",
    },
    "example": "0d5f5c0e-6c1b-4b8e-9a55-3f1f6c8f2a10",
}
_REPLAYED_HEADER = {
    "description": "`true` when this reply was given before.",
    "schema": {"type": "string", "enum": ["true"]},
}


def describe_keys(document: dict[str, Any]) -> None:
    """Add the header to every POST of a description, and to its replies that one is repeated.

    A POST without a token takes no key: keys belong to callers.
    """
    for operations in document["paths"].values():
        operation = operations.get("post")
        if operation is None or "security" not in operation:
            continue
        operation.setdefault("parameters", []).append(_PARAMETER)
        for status, response in operation["responses"].items():
            if int(status) < 500:
                response.setdefault("headers", {})[REPLAYED] = _REPLAYED_HEADER
