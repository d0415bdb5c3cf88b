"""What belongs to somebody does not exist for anybody else (SEC-A1): every route, every id.

The cases come from the description of the API: each id that an operation takes, in its path, its
query or its body, is in turn somebody else's. A new operation is a new case by itself; a new kind
of id has to be made in `belongings`, or nothing passes.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from api import paths
from api.open_routes import OPEN_ROUTES
from tests.services.api.belongings import Belongings, belongings

ALIKE = {
    "attempt_id": ("attempt_id", "animation_id", "generation_id"),
    "job_id": ("job_id", "generated_job_id"),
}
"""What an id may be called among belongings."""
_OF_GENERATIONS = {"attempt_id": "generation_id", "job_id": "generated_job_id"}


@dataclass(frozen=True)
class Operation:
    """An operation that takes ids, and how to ask for it."""

    method: str
    path: str
    in_query: tuple[str, ...]
    in_body: Mapping[str, bool]
    """Its ids in the body; whether each is a list."""
    example: Mapping[str, Any] | None

    @property
    def ids(self) -> tuple[str, ...]:
        in_path = (part[1:-1] for part in self.path.split("/") if part.startswith("{"))
        return (*in_path, *self.in_query, *(name_of_one(each) for each in self.in_body))

    @property
    def is_for_operators(self) -> bool:
        return self.path.startswith(f"{paths.OPERATOR}/")

    async def ask(self, http: httpx.AsyncClient, ids: Belongings) -> httpx.Response:
        path = self.path
        for name in self.ids:
            path = path.replace(f"{{{name}}}", self._id(name, ids))
        named = {
            name: [self._id(name_of_one(name), ids)] if is_list else self._id(name, ids)
            for name, is_list in self.in_body.items()
        }
        body = None if self.example is None else {**self.example, **named}
        query = {name: self._id(name, ids) for name in self.in_query}
        return await http.request(self.method, path, params=query, json=body)

    def _id(self, name: str, ids: Belongings) -> str:
        """Attempts are of several kinds, and jobs of two: which is meant, the path tells."""
        if "/generations/" in self.path or self.path == paths.TASK:
            return ids[_OF_GENERATIONS.get(name, name)]
        is_clip = name == "attempt_id" and "/animations/" in self.path
        return ids["animation_id" if is_clip else name]


def name_of_one(name: str) -> str:
    return f"{name.removesuffix('_ids')}_id" if name.endswith("_ids") else name


def operations(description: Mapping[str, Any]) -> list[Operation]:
    """Those that take an id; what ends something comes last."""
    found = [
        Operation(
            method.upper(),
            path,
            tuple(query_ids(operation)),
            dict(body_ids(description, operation)),
            example_body(description, operation),
        )
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
        if (method.upper(), path) not in OPEN_ROUTES
    ]
    order = {"GET": 0, "POST": 1, "PUT": 1, "PATCH": 1, "DELETE": 2}
    return sorted(
        (each for each in found if each.ids), key=lambda each: (order[each.method], -len(each.path))
    )


def query_ids(operation: Mapping[str, Any]) -> Iterator[str]:
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "query" and is_id(parameter["schema"]):
            yield parameter["name"]


def body_ids(
    description: Mapping[str, Any], operation: Mapping[str, Any]
) -> Iterator[tuple[str, bool]]:
    for name, schema in body_schema(description, operation).get("properties", {}).items():
        if is_id(schema):
            yield name, False
        elif any(is_id(each.get("items", {})) for each in alternatives(schema)):
            yield name, True


def is_id(schema: Mapping[str, Any]) -> bool:
    return any(each.get("format") == "uuid" for each in alternatives(schema))


def alternatives(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [schema, *schema.get("anyOf", ())]


def body_schema(description: Mapping[str, Any], operation: Mapping[str, Any]) -> Mapping[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    for each in alternatives(schema):
        if "$ref" in each:
            named: Mapping[str, Any] = description["components"]["schemas"][
                each["$ref"].rpartition("/")[2]
            ]
            return named
    return dict(schema)


def example_body(
    description: Mapping[str, Any], operation: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    schema = body_schema(description, operation)
    if not schema:
        return None
    example: Mapping[str, Any] = schema["examples"][0]
    return example


MakeBelongings = Callable[[httpx.AsyncClient], Awaitable[Belongings]]


@pytest.fixture
def make_belongings(make_job: Any, succeed: Any) -> MakeBelongings:
    async def make(http: httpx.AsyncClient) -> Belongings:
        return await belongings(http, await make_job(http), succeed)

    return make


def told(reply: httpx.Response) -> tuple[int, str, str]:
    """All that a refusal tells, but for the name of the request."""
    problem = reply.json()
    return reply.status_code, problem["code"], problem["detail"]


async def test_somebody_elses_things_are_as_if_they_did_not_exist(
    app: FastAPI,
    http: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    make_belongings: MakeBelongings,
) -> None:
    mine, theirs = await make_belongings(stranger), await make_belongings(http)
    cases = operations(app.openapi())
    assert len(cases) > 20
    for operation in cases:
        for name in operation.ids:
            names = ALIKE.get(name, (name,))
            foreign = {**mine, **{each: theirs[each] for each in names}}
            absent = {**mine, **dict.fromkeys(names, str(uuid4()))}
            for ids in (foreign, theirs):
                reply = await operation.ask(stranger, ids)
                case = (operation.method, operation.path, name)
                assert reply.status_code == (403 if operation.is_for_operators else 404), case
                if ids is foreign:
                    assert told(reply) == told(await operation.ask(stranger, absent)), case
    await every_thing_is_there(cases, http, theirs)
    await every_thing_is_there(cases, stranger, mine)


async def every_thing_is_there(
    cases: list[Operation], http: httpx.AsyncClient, ids: Belongings
) -> None:
    """Its owner finds each thing by the very same requests, so nothing else was wrong with them."""
    for operation in cases:
        if not operation.is_for_operators:
            reply = await operation.ask(http, ids)
            case = (operation.method, operation.path, reply.text)
            assert reply.status_code not in (401, 403, 404, 422), case


async def test_nobody_is_told_anything_of_what_is_there(
    app: FastAPI, http: httpx.AsyncClient, make_belongings: MakeBelongings
) -> None:
    theirs = await make_belongings(http)
    del http.headers["Authorization"]
    for operation in operations(app.openapi()):
        reply = await operation.ask(http, theirs)
        assert told(reply)[:2] == (401, "missing_token"), (operation.method, operation.path)
