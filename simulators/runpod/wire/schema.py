"""Checks JSON against the vendor's schemas: the part of JSON Schema 2020-12 they are written in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from simulators.runpod.moments import unix_seconds

Schema = Mapping[str, Any]

_TYPES: Mapping[str, Callable[[object], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": lambda value: _is_number(value) and value == int(value),  # type: ignore[call-overload]
    "number": lambda value: _is_number(value),
}


@cache
def request_schemas() -> SchemaSet:
    """The vendor's schemas of request bodies."""
    text = Path(__file__).with_name("requests.json").read_text()
    return SchemaSet(json.loads(text)["schemas"])


class SchemaSet:
    """Component schemas of an OpenAPI description, by name."""

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        self._schemas = schemas

    def violations(self, name: str, value: object) -> list[str]:
        """What is wrong with a value, one line each, worded as RunPod's ``errors`` are.

        Args:
            name: Of the component schema.
            value: Decoded JSON.
        """
        found: list[str] = []
        self._check(self._schemas[name], value, "$", found)
        return found

    def _check(self, schema: Schema, value: object, path: str, found: list[str]) -> set[str]:
        """Add what is wrong to ``found``; returns the names of properties that were looked at."""
        seen: set[str] = set()
        if "$ref" in schema:
            seen |= self._check(self._schemas[_target(schema)], value, path, found)
        wanted = schema.get("type")
        if wanted is not None and not _has_type(value, wanted):
            names = wanted if isinstance(wanted, str) else " or ".join(wanted)
            found.append(f"{path}: got {_type_of(value)}, want {names}")
            return seen
        found += [f"{path}: {text}" for text in _plain_violations(schema, value)]
        seen |= self._check_branches(schema, value, path, found)
        if isinstance(value, list) and "items" in schema:
            for index, item in enumerate(value):
                self._check(schema["items"], item, f"{path}[{index}]", found)
        if isinstance(value, dict):
            seen |= self._check_properties(schema, value, path, found)
            if schema.get("unevaluatedProperties") is False:
                found += _additional(path, set(value) - seen)
        return seen

    def _check_branches(
        self, schema: Schema, value: object, path: str, found: list[str]
    ) -> set[str]:
        seen: set[str] = set()
        for part in schema.get("allOf", ()):
            seen |= self._check(part, value, path, found)
        if "anyOf" in schema:
            matching = [part for part in schema["anyOf"] if self._accepts(part, value)]
            if not matching:
                found.append(f"{path}: anyOf failed, none matched")
            for part in matching:
                seen |= self._check(part, value, path, [])
        if "not" in schema and self._accepts(schema["not"], value):
            found.append(f"{path}: not failed")
        if "if" in schema:
            branch = "then" if self._accepts(schema["if"], value) else "else"
            seen |= self._check(schema.get(branch, {}), value, path, found)
        return seen

    def _check_properties(
        self, schema: Schema, value: dict[str, Any], path: str, found: list[str]
    ) -> set[str]:
        known: Mapping[str, Schema] = schema.get("properties", {})
        missing = [name for name in schema.get("required", ()) if name not in value]
        found += [f"{path}: missing property '{name}'" for name in missing]
        for name, part in known.items():
            if name in value:
                self._check(part, value[name], f"{path}.{name}", found)
        more = schema.get("additionalProperties")
        others = set(value) - set(known)
        if more is False:
            found += _additional(path, others)
        elif isinstance(more, dict):
            for name in sorted(others):
                self._check(more, value[name], f"{path}.{name}", found)
        return set(value) & set(known) if more is None else set(value)

    def _accepts(self, schema: Schema, value: object) -> bool:
        found: list[str] = []
        self._check(schema, value, "$", found)
        return not found


def _plain_violations(schema: Schema, value: object) -> list[str]:
    """What is wrong with a value by itself, without what it contains."""
    found = []
    if "enum" in schema and value not in schema["enum"]:
        choices = ", ".join(f"'{choice}'" for choice in schema["enum"])
        found.append(f"value must be one of {choices}")
    if _is_number(value):
        for word, is_wrong in (("minimum", float.__lt__), ("maximum", float.__gt__)):
            if word in schema and is_wrong(float(value), float(schema[word])):  # type: ignore[arg-type]
                found.append(f"{word}: got {value}, want {schema[word]}")
    if isinstance(value, str):
        if len(value) < schema.get("minLength", 0):
            found.append(f"minLength: got {len(value)}, want {schema['minLength']}")
        if "pattern" in schema and not re.search(schema["pattern"], value):
            found.append(f"'{value}' does not match pattern '{schema['pattern']}'")
        if schema.get("format") == "date-time" and not _is_moment(value):
            found.append(f"'{value}' is not valid date-time")
    if isinstance(value, list) and len(value) > schema.get("maxItems", len(value)):
        found.append(f"maxItems: got {len(value)}, want {schema['maxItems']}")
    if isinstance(value, dict) and len(value) < schema.get("minProperties", 0):
        found.append(f"minProperties: got {len(value)}, want {schema['minProperties']}")
    return found


def _additional(path: str, names: set[str]) -> list[str]:
    listed = ", ".join(f"'{name}'" for name in sorted(names))
    return [f"{path}: additional properties {listed} not allowed"] if names else []


def _target(schema: Schema) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def _has_type(value: object, wanted: str | list[str]) -> bool:
    return any(_TYPES[name](value) for name in ([wanted] if isinstance(wanted, str) else wanted))


def _type_of(value: object) -> str:
    order = ("null", "boolean", "string", "array", "object", "integer")
    return next((name for name in order if _TYPES[name](value)), "number")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_moment(text: str) -> bool:
    try:
        unix_seconds(text)
    except ValueError:
        return False
    return True
