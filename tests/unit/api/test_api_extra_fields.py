"""No request may set what is ours to decide: what a body does not name is refused (SEC-A2).

Read from the description, so that a new route is covered without anybody remembering. That a
refusal really comes is what the tests of each route show; schemathesis sends further fields too.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from api.openapi.committed import description

FORM = "multipart/form-data"
"""Read by `api.uploads`, where a field too many is refused; see test_api_uploads.py."""

SIGNED = {"/api/v1/webhooks/stripe"}
"""Written and signed by somebody else; of it only what names an order is read."""

PLAIN = {"boolean", "integer", "number", "string"}
"""What a graph's parameters may be; `bind` refuses a name that the graph does not know."""

OURS = {
    *("status", "stage", "paid", "price", "amount", "user_id", "owner", "is_operator", "scope"),
    *("hd_key", "master_key", "original_key", "working_key", "entitled", "expires_at", "stamp"),
    *("created_at", "deleted_at", "session_id", "price_version", "backend"),
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(description())
    return document


def bodies(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method and media type, path, and schema of every body."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for kind, content in operation.get("requestBody", {}).get("content", {}).items():
                yield f"{method.upper()} {kind}", path, content.get("schema", {})


def objects(
    document: dict[str, Any], schema: dict[str, Any], name: str = ""
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object in a schema, with the name of the field that it is the value of."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if schema.get("type") == "object" or "properties" in schema:
        yield name, schema
    for field, value in schema.get("properties", {}).items():
        yield from objects(document, value, field)
    for word in ("anyOf", "oneOf", "allOf"):
        for value in schema.get(word, ()):
            yield from objects(document, value, name)
    if isinstance(items := schema.get("items"), dict):
        yield from objects(document, items, name)


def test_every_body_refuses_what_it_does_not_name(document: dict[str, Any]) -> None:
    seen = list(bodies(document))
    assert len({(method, path) for method, path, _ in seen}) >= 10
    lax = {
        (kind, path, name)
        for kind, path, schema in seen
        for name, each in objects(document, schema)
        if not kind.endswith(FORM) and path not in SIGNED and not _is_strict(each)
    }
    assert lax == set()


def _is_strict(schema: dict[str, Any]) -> bool:
    """Whether it takes nothing more, or plain values for the names of a graph's parameters."""
    further = schema.get("additionalProperties", True)
    if isinstance(further, bool):
        return not further
    kinds = further.get("anyOf", [further])
    return bool(kinds) and {kind.get("type") for kind in kinds} <= PLAIN


def test_no_body_has_a_field_that_is_ours_to_decide(document: dict[str, Any]) -> None:
    named = {
        (path, field)
        for _, path, schema in bodies(document)
        for _, each in objects(document, schema)
        for field in each.get("properties", {})
    }
    assert {(path, field) for path, field in named if field in OURS} == set()


def test_a_lax_body_would_be_found() -> None:
    lax = {"type": "object", "properties": {"a": {"anyOf": [{"$ref": "#/components/schemas/B"}]}}}
    planted = {
        "components": {"schemas": {"B": {"type": "object", "properties": {"paid": {}}}}},
        "paths": {
            "/x": {"post": {"requestBody": {"content": {"application/json": {"schema": lax}}}}}
        },
    }
    [(_, _, schema)] = bodies(planted)
    found = list(objects(planted, schema))
    assert [name for name, _ in found] == ["", "a"]
    assert not any(_is_strict(each) for _, each in found)
    assert not _is_strict({"type": "object", "additionalProperties": {"type": "object"}})
