"""`openapi.json` is the description of the API as it is, and no machine's settings are in it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from api.documents import examples
from api.documents.animations import AnimationDocument
from api.documents.deletions import DeletionDocument
from api.documents.generations import GenerationDocument, TaskDocument
from api.documents.graphs import GraphList
from api.documents.hd import HdDocument
from api.documents.health import Health
from api.documents.jobs import JobDocument, JobPage
from api.documents.order_pages import OrderPage
from api.documents.orders import OrderDocument
from api.documents.restorations import AcceptedRestoration, RestorationDocument
from api.documents.restores import RestoreDocument
from api.documents.uploads import UploadDocument
from api.openapi.committed import COMMAND, FILE, description

COMMITTED = Path(__file__).parents[3] / FILE


@pytest.fixture(scope="module")
def committed() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(COMMITTED.read_text(encoding="utf-8"))
    return document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_the_committed_description_is_that_of_the_api() -> None:
    is_same = COMMITTED.read_text(encoding="utf-8") == description()
    assert is_same, f"{FILE} is not what the API is: run `{COMMAND}` and commit it"


def test_settings_do_not_change_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = description()
    for name, value in {
        "API_TITLE": "Mine",
        "API_VERSION": "99",
        "DEBUG": "true",
        "SECRET_KEY": "short",  # pragma: allowlist secret
        "AUTH0_DOMAIN": "",
        "MAX_UPLOAD_MB": "7",
        "DEFAULT_GRAPH": "none",
    }.items():
        monkeypatch.setenv(name, value)
    assert description() == before


def test_it_tells_nothing_of_the_machine_it_was_made_on() -> None:
    text = COMMITTED.read_text(encoding="utf-8")
    for word in ("127.0.0.1", "localhost", "/home/", "/work"):
        assert word not in text


def test_every_command_takes_a_key_and_says_what_can_come_of_it(
    committed: dict[str, Any],
) -> None:
    commands = [each for each in operations(committed) if is_command(*each)]
    assert len(commands) >= 5
    for method, path, operation in operations(committed):
        names = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "header"]
        assert ("Idempotency-Key" in names) is is_command(method, path, operation), path
    for _, path, operation in commands:
        codes = {code for status in operation["responses"].values() for code in listed(status)}
        assert {"idempotency_key_reused", "request_in_progress", "request_too_large"} <= codes, path


def is_command(method: str, _path: str, operation: dict[str, Any]) -> bool:
    """A POST of somebody: a key belongs to a caller."""
    return method == "POST" and "security" in operation


def listed(response: dict[str, Any]) -> list[str]:
    """The codes that a response enumerates."""
    for content in response.get("content", {}).values():
        for part in content["schema"].get("allOf", ()):
            if "properties" in part:
                codes: list[str] = part["properties"]["code"]["enum"]
                return codes
    return []


def test_every_error_of_every_operation_enumerates_its_codes_with_an_example_of_each(
    committed: dict[str, Any],
) -> None:
    seen = 0
    for _, path, operation in operations(committed):
        for status, response in operation["responses"].items():
            if int(status) < 400 or path == "/health/ready":
                continue
            [content] = response["content"].values()
            assert listed(response)
            assert list(content["examples"]) == sorted(content["examples"])
            assert sorted(listed(response)) == list(content["examples"])
            seen += 1
    assert seen > 20


def test_every_request_and_every_answer_has_an_example(committed: dict[str, Any]) -> None:
    schemas = committed["components"]["schemas"]

    def has_example(content: dict[str, Any]) -> bool:
        schema = content["schema"]
        for alternative in (schema, *schema.get("anyOf", ()), *schema.get("allOf", ())):
            name = alternative.get("$ref", "").rpartition("/")[2]
            if schemas.get(name, alternative).get("examples"):
                return True
        properties = schema.get("properties", {})
        told = [each for name, each in properties.items() if name != "photo"]
        return bool(content.get("example") or (told and all(each.get("examples") for each in told)))

    for method, path, operation in operations(committed):
        bodies = [operation.get("requestBody", {})]
        bodies += [r for status, r in operation["responses"].items() if int(status) < 300]
        for body in bodies:
            for content in body.get("content", {}).values():
                assert has_example(content), (method, path)


@pytest.mark.parametrize(
    ("document", "example"),
    [
        (RestoreDocument, examples.RESTORE),
        (AnimationDocument, examples.ANIMATION),
        (GenerationDocument, examples.GENERATION),
        (TaskDocument, examples.TASK),
        (JobDocument, examples.JOB),
        (JobPage, examples.JOB_PAGE),
        (GraphList, examples.GRAPHS),
        (Health, examples.HEALTH),
        (AcceptedRestoration, examples.ACCEPTED_RESTORATION),
        (RestorationDocument, examples.RESTORATION),
        (OrderDocument, examples.ORDER),
        (OrderPage, examples.ORDER_PAGE),
        (HdDocument, examples.HD),
        (UploadDocument, examples.UPLOAD),
        (DeletionDocument, examples.DELETION),
    ],
)
def test_examples_are_whole_documents(document: Any, example: dict[str, Any]) -> None:
    """Read and written again they are the same: nothing is missing, nothing too much."""
    adapter: TypeAdapter[Any] = TypeAdapter(document)
    assert adapter.dump_python(adapter.validate_python(example), mode="json") == example
