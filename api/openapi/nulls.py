"""Nulls of examples: FastAPI drops them, and what is left lacks properties that are required."""

from collections.abc import Iterator, Mapping
from typing import Any

_Schema = Mapping[str, Any]


def restore_nulls(document: dict[str, Any]) -> None:
    """Put null back into every example, for what has to be there and may be null."""
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        for example in schema.get("examples", ()):
            _restore(example, schema, schemas)
    for operations in document["paths"].values():
        for operation in operations.values():
            for response in operation["responses"].values():
                for content in response.get("content", {}).values():
                    _restore(content.get("example"), content.get("schema", {}), schemas)


def _restore(example: Any, schema: _Schema, schemas: Mapping[str, _Schema]) -> None:
    for each in _alternatives(schema, schemas):
        if isinstance(example, list):
            for item in example:
                _restore(item, each.get("items", {}), schemas)
        elif isinstance(example, dict):
            properties = each.get("properties", {})
            lost = {name for name in each.get("required", ()) if name not in example}
            if all(_may_be_null(properties[name], schemas) for name in lost):
                example.update(dict.fromkeys(lost))
                for name in properties.keys() & example.keys():
                    _restore(example[name], properties[name], schemas)


def _may_be_null(schema: _Schema, schemas: Mapping[str, _Schema]) -> bool:
    return any(each.get("type") == "null" for each in _alternatives(schema, schemas))


def _alternatives(schema: _Schema, schemas: Mapping[str, _Schema]) -> Iterator[_Schema]:
    """What a value of a schema can be, without references."""
    if "$ref" in schema:
        yield from _alternatives(schemas[schema["$ref"].rpartition("/")[2]], schemas)
        return
    yield schema
    for key in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(key, ()):
            yield from _alternatives(each, schemas)
