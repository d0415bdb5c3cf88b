"""The checker that holds requests and replies against the vendor's schemas."""

import json
from pathlib import Path
from typing import Any

import pytest

from simulators.runpod.wire import schema
from simulators.runpod.wire.schema import SchemaSet, request_schemas

POD = {"name": "a", "image": "b", "gpu": {"id": "c"}}


@pytest.mark.parametrize(
    ("rule", "good", "bad", "said"),
    [
        ({"type": "string"}, "a", 1, "$: got integer, want string"),
        ({"type": ["string", "null"]}, None, True, "$: got boolean, want string or null"),
        ({"type": "integer"}, 2.0, 2.5, "$: got number, want integer"),
        ({"type": "number"}, 1, "1", "$: got string, want number"),
        ({"enum": ["A", "B"]}, "A", "C", "$: value must be one of 'A', 'B'"),
        ({"minimum": 1}, 1, 0, "$: minimum: got 0, want 1"),
        ({"maximum": 4}, 4, 5, "$: maximum: got 5, want 4"),
        ({"minLength": 1}, "a", "", "$: minLength: got 0, want 1"),
        ({"pattern": "^a$"}, "a", "b", "$: 'b' does not match pattern '^a$'"),
        ({"maxItems": 1}, [1], [1, 2], "$: maxItems: got 2, want 1"),
        ({"minProperties": 1}, {"a": 1}, {}, "$: minProperties: got 0, want 1"),
        ({"items": {"type": "string"}}, ["a"], ["a", 1], "$[1]: got integer, want string"),
        ({"required": ["a"]}, {"a": 1}, {}, "$: missing property 'a'"),
        ({"not": {"required": ["a"]}}, {}, {"a": 1}, "$: not failed"),
        (
            {"format": "date-time"},
            "2026-06-01T12:00:00Z",
            "2026-06-01",
            "$: '2026-06-01' is not valid date-time",
        ),
        (
            {"properties": {"a": {}}, "additionalProperties": False},
            {"a": 1},
            {"a": 1, "c": 1, "b": 1},
            "$: additional properties 'b', 'c' not allowed",
        ),
        (
            {"additionalProperties": {"type": "string"}},
            {"a": "b"},
            {"a": 1},
            "$.a: got integer, want string",
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
            None,
            1,
            "$: anyOf failed, none matched",
        ),
        (
            {"if": {"required": ["a"]}, "then": {"required": ["b"]}},
            {"c": 1},
            {"a": 1},
            "$: missing property 'b'",
        ),
        (
            {"allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": False},
            {"a": 1},
            {"b": 1},
            "$: additional properties 'b' not allowed",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) and value else "",
)
def test_each_keyword_is_enforced(rule: dict[str, Any], good: Any, bad: Any, said: str) -> None:
    checker = SchemaSet({"It": rule})
    assert checker.violations("It", good) == []
    assert checker.violations("It", bad) == [said]


def test_properties_seen_behind_a_reference_are_evaluated() -> None:
    inner = {"type": "object", "properties": {"a": {"type": "string"}}}
    outer = {
        "allOf": [{"$ref": "#/components/schemas/Inner"}, {"properties": {"b": {}}}],
        "unevaluatedProperties": False,
    }
    checker = SchemaSet({"Inner": inner, "Outer": outer})
    assert checker.violations("Outer", {"a": "x", "b": 1}) == []
    assert checker.violations("Outer", {"a": 1}) == ["$.a: got integer, want string"]
    assert checker.violations("Outer", {"c": 1}) != []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"bogus": 1}, "$: additional properties 'bogus' not allowed"),
        ({"gpu": {"id": "c", "bogus": 1}}, "$.gpu: additional properties 'bogus' not allowed"),
        ({"gpu": {"count": 1}}, "$.gpu: missing property 'id'"),
        ({"env": {"A": 1}}, "$.env.A: got integer, want string"),
        ({"cloud": "secure"}, "$.cloud: value must be one of 'SECURE', 'COMMUNITY'"),
    ],
    ids=["top", "nested", "missing", "value", "enum"],
)
def test_create_calls_are_judged_as_the_vendor_judges(changes: dict[str, Any], said: str) -> None:
    assert request_schemas().violations("CreatePodRequest", POD) == []
    assert request_schemas().violations("CreatePodRequest", POD | changes) == [said]


def test_an_image_is_needed_unless_there_is_a_template() -> None:
    bare = {"name": "a", "gpu": {"id": "c"}}
    check = request_schemas().violations
    assert check("CreatePodRequest", bare) == ["$: missing property 'image'"]
    assert check("CreatePodRequest", bare | {"templateId": "t"}) == []


def test_shipped_schemas_are_those_of_the_contract(contract: Any) -> None:
    shipped = json.loads(Path(schema.__file__).with_name("requests.json").read_text())
    for name, body in shipped["schemas"].items():
        assert contract.raw[name] == body
    assert "CreatePodRequest" in shipped["schemas"]
