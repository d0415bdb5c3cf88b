"""The description of the API: complete, fit for generated clients, shown by us alone."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api import paths
from api.app import create_app
from api.open_routes import OPEN_ROUTES
from rekindle.errors import all_errors
from rekindle.rules.identity import OPERATE

NAME_IN_THEIR_BODY = {("POST", paths.JOBS), ("POST", paths.ALBUMS)}


@pytest.fixture
def description(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def operations(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def codes(operation: dict[str, Any], status: str) -> set[str]:
    return set(operation["responses"][status]["content"]["application/problem+json"]["examples"])


def test_operation_ids_are_names_for_functions(description: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(description)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)+", name) for name in ids)


def test_every_reference_leads_somewhere(description: dict[str, Any]) -> None:
    schemas = description["components"]["schemas"]
    for name in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(description)):
        assert name in schemas


def test_every_guarded_operation_asks_for_a_token_and_says_what_can_go_wrong(
    description: dict[str, Any],
) -> None:
    for method, path, operation in operations(description):
        if (method, path) in OPEN_ROUTES:
            assert "security" not in operation
            continue
        of_operators = path.startswith(f"{paths.OPERATOR}/")
        scopes = [OPERATE] if of_operators else []
        assert operation["security"] == [{"HTTPBearer": scopes}, {"SessionCookie": scopes}]
        assert {"401", "422", "500", "503"} <= operation["responses"].keys()
        names_something = "{" in path or (method, path) in NAME_IN_THEIR_BODY
        assert ("404" in operation["responses"]) is names_something
        of_cookies = {"csrf_refused"} if method != "GET" else set()
        if of_operators:
            assert codes(operation, "403") == {"forbidden"} | of_cookies
        elif of_cookies:
            assert of_cookies <= codes(operation, "403")


def test_errors_are_described_as_problems_with_true_examples(description: dict[str, Any]) -> None:
    known = all_errors()
    for _, path, operation in operations(description):
        for status, response in operation["responses"].items():
            if int(status) < 400 or path == "/health/ready":
                continue
            [(media_type, content)] = response["content"].items()
            assert media_type == "application/problem+json"
            for code, example in content["examples"].items():
                assert example["value"]["status"] == int(status) == known[code].status


def test_the_upload_is_described_as_a_form(description: dict[str, Any]) -> None:
    body = description["paths"]["/api/v1/jobs/upload"]["post"]["requestBody"]
    schema = body["content"]["multipart/form-data"]["schema"]
    assert schema["required"] == ["email", "photo"]
    assert schema["properties"]["photo"]["format"] == "binary"


def test_no_description_of_pydantic_is_left(description: dict[str, Any]) -> None:
    assert "HTTPValidationError" not in json.dumps(description)


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/redoc", "/docs/assets/favicon.png"])
async def test_without_debug_nothing_of_it_is_served(path: str, http: httpx.AsyncClient) -> None:
    assert (await http.get(path)).status_code == 404


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
async def test_with_debug_everything_a_page_loads_comes_from_us(
    page: str, world: Any, make_settings: Any, serve: Any
) -> None:
    app = create_app(make_settings(debug=True), open_ports=world.open)
    async with serve(app) as http:
        del http.headers["Authorization"]
        html = (await http.get(page)).text
        loaded = re.findall(r"<(?:script|link)[^>]*(?:src|href)=\"([^\"]+)\"", html)
        assert len(loaded) >= 2
        for address in [*loaded, "/openapi.json"]:
            assert address.startswith("/")
            assert (await http.get(address)).status_code == 200


async def test_graphs_are_listed_with_what_a_form_needs(http: httpx.AsyncClient) -> None:
    graphs = {each["name"]: each for each in (await http.get("/api/v1/graphs")).json()["graphs"]}
    assert [name for name, graph in graphs.items() if graph["is_default"]] == [
        "restore",
        "animate",
        "generate",
    ]
    parameters = {each["name"]: each for each in graphs["restore"]["parameters"]}
    denoise = parameters["denoise"]
    assert (denoise["type"], denoise["minimum"], denoise["maximum"]) == ("number", 0, 1)
    assert denoise["default"] == 0.7
    assert parameters["seed"]["default"] is None
    assert parameters["mode"]["options"] == ["faithful", "enhanced"]


@pytest.mark.parametrize("purpose", ["restore", "animate", "generate"])
async def test_graphs_can_be_asked_for_by_their_purpose(
    purpose: str, http: httpx.AsyncClient
) -> None:
    everything = (await http.get("/api/v1/graphs")).json()["graphs"]
    listed = (await http.get("/api/v1/graphs", params={"purpose": purpose})).json()["graphs"]
    assert listed == [each for each in everything if each["purpose"] == purpose]
    assert len([each for each in listed if each["is_default"]]) == 1


async def test_there_are_no_graphs_for_what_nobody_can_ask_for(http: httpx.AsyncClient) -> None:
    everything = (await http.get("/api/v1/graphs")).json()["graphs"]
    assert {each["purpose"] for each in everything} == {"restore", "animate", "generate"}
    reply = await http.get("/api/v1/graphs", params={"purpose": "upscale"})
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_request")
