"""The description as whoever writes a client reads it: every word there, every example true."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs
import pytest
from fastapi import FastAPI

Found = Iterator[tuple[str, Any, Any]]
"""Examples: where one stands, its schema, and the example."""


@pytest.fixture(scope="module")
def description(app: FastAPI) -> Mapping[str, Any]:
    return app.openapi()


def operations(description: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def examples(description: Mapping[str, Any]) -> Found:
    for name, schema in description["components"]["schemas"].items():
        yield from of_schema(name, schema)
        for key, each in schema.get("properties", {}).items():
            yield from of_schema(f"{name}.{key}", each)
    for where, operation in operations(description):
        for parameter in operation.get("parameters", ()):
            yield from of_content(f"{where} {parameter['name']}", parameter)
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for body in bodies:
            for media_type, content in body.get("content", {}).items():
                yield from of_content(f"{where} {media_type}", content)
                for key, each in content["schema"].get("properties", {}).items():
                    yield from of_schema(f"{where} {key}", each)


def of_schema(where: str, schema: Mapping[str, Any]) -> Found:
    for example in schema.get("examples", ()):
        yield where, schema, example


def of_content(where: str, content: Mapping[str, Any]) -> Found:
    yield from of_schema(where, content["schema"])
    for name, example in content.get("examples", {}).items():
        yield f"{where} {name}", content["schema"], example["value"]
    if "example" in content:
        yield where, content["schema"], content["example"]


def test_every_example_is_what_its_schema_says(description: Mapping[str, Any]) -> None:
    wrong, checked = [], 0
    for where, schema, example in examples(description):
        whole = {**schema, "components": description["components"]}
        validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        wrong += [(where, error.message) for error in validator.iter_errors(example)]
        checked += 1
    assert wrong == []
    assert checked > 100


def test_every_parameter_property_heading_and_answer_is_told_in_words(
    description: Mapping[str, Any],
) -> None:
    silent = []
    for name, schema in description["components"]["schemas"].items():
        silent += [name] * (not schema.get("description"))
        for key, each in schema.get("properties", {}).items():
            silent += [f"{name}.{key}"] * (not {"description", "$ref"} & each.keys())
    headings = {tag["name"]: tag["description"] for tag in description["tags"]}
    for where, operation in operations(description):
        silent += [where] * (not operation.get("description"))
        silent += [f"{where}: {tag}" for tag in operation["tags"] if not headings.get(tag)]
        silent += [
            f"{where}: {each['name']}"
            for each in operation.get("parameters", ())
            if not each.get("description")
        ]
        silent += [
            f"{where}: {status}"
            for status, response in operation["responses"].items()
            if not response.get("description")
        ]
    assert silent == [], "describe them where they are, or in api/openapi/"


def test_errors_are_told_from_each_other_by_a_code_that_is_always_there(
    description: Mapping[str, Any],
) -> None:
    for where, operation in operations(description):
        for status, response in operation["responses"].items():
            if int(status) < 400 or where == "GET /health/ready":
                continue
            [(media_type, content)] = response["content"].items()
            assert media_type == "application/problem+json", where
            _, codes = content["schema"]["allOf"]
            assert codes["required"] == ["code"], where
            assert len(set(codes["properties"]["code"]["enum"])) > 0, where


def test_what_may_be_null_is_told_as_openapi_3_1_does(description: Mapping[str, Any]) -> None:
    assert description["openapi"].startswith("3.1.")
    assert not re.search(r"'nullable'", str(description))


def headers(operation: Mapping[str, Any], status: str) -> set[str]:
    return set(operation["responses"][status]["headers"])


def test_the_headers_that_a_client_needs_are_described(description: Mapping[str, Any]) -> None:
    versioned = retried = 0
    for where, operation in operations(description):
        parameters = {each["name"].lower() for each in operation.get("parameters", ())}
        for status, response in operation["responses"].items():
            assert "X-Request-ID" in response["headers"], where
            if status in ("429", "503"):
                assert "Retry-After" in response["headers"], where
                retried += 1
        assert ("if-none-match" in parameters) is ("304" in operation["responses"]), where
        if "304" in operation["responses"]:
            assert "ETag" in headers(operation, "200") & headers(operation, "304"), where
            versioned += 1
        if where.startswith("POST ") and "security" in operation:
            assert "idempotency-key" in parameters, where
        if "text/event-stream" in operation["responses"].get("200", {}).get("content", {}):
            assert "last-event-id" in parameters, where
    assert versioned >= 3
    assert retried > 30


def test_every_header_that_is_referred_to_is_there(description: Mapping[str, Any]) -> None:
    known = description["components"]["headers"]
    for name in re.findall(r"#/components/headers/([\w-]+)", str(description)):
        assert known[name]["description"]
