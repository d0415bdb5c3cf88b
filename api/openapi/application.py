"""The application's class: FastAPI, whose description has problems and idempotency keys."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from api.idempotency.description import describe_keys
from api.openapi.headers import describe_headers
from api.openapi.introduction import introduce
from api.openapi.nulls import restore_nulls
from api.openapi.sessions import describe_sessions
from api.openapi.streams import describe_streams
from api.openapi.words import add_words
from api.problems import Problem
from api.problems.openapi import SCHEMA_NAME


class Application(FastAPI):
    """FastAPI whose OpenAPI document knows the schema that every `problems()` refers to."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        if self.openapi_schema is None:
            document = super().openapi()
            schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schemas.update(schema.pop("$defs", {}))
            schemas[SCHEMA_NAME] = schema
            describe_keys(document)
            describe_sessions(document)
            describe_streams(document)
            describe_headers(document)
            introduce(document)
            add_words(document)
            restore_nulls(document)
        return super().openapi()


def operation_id(route: APIRoute) -> str:
    """The name of a route's function, which generated clients use as their own."""
    return route.name
