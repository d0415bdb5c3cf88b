"""`rekindle keys` and `rekindle token --operator` against a running API and issuer."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest


@pytest.fixture
def api(running_api: Path) -> str:
    return str(json.loads((running_api / "running.json").read_text())["api"])


def asked(api: str, token: str, path: str = "/api/v1/jobs") -> int:
    return httpx.get(
        f"{api}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=60
    ).status_code


def test_a_key_is_made_used_listed_and_revoked(rekindle: Any, answer: Any, api: str) -> None:
    name = f"album {uuid4()}"
    made = rekindle("keys", "create", name, "--expires-in-days", "90")
    assert made.exit_code == 0, made.stderr
    key = made.stdout.strip()
    assert key.startswith("rk_")
    assert key not in made.stderr  # so that `$(rekindle keys create ...)` is all that holds it
    assert asked(api, key) == 200

    listed = rekindle("keys", "list")
    [line] = [line for line in listed.stdout.splitlines() if name in line]
    assert ("until " in line, "last used " in line, "revoked" in line) == (True, True, False)
    assert key.rpartition("_")[2] not in listed.stdout + listed.stderr
    key_id = line.split()[0]
    for _ in range(2):
        assert answer(rekindle("keys", "revoke", key_id, "--json")) == {
            "id": key_id,
            "status": "revoked",
        }
    assert asked(api, key) == 401
    assert f"{name}, revoked " in rekindle("keys", "list").stdout


def test_an_operator_sees_and_revokes_a_developers_key(
    rekindle: Any, answer: Any, api: str
) -> None:
    key = answer(rekindle("keys", "create", f"lost {uuid4()}", "--json"))
    found = answer(rekindle("keys", "list", "--operator", "--user", "dev|developer", "--json"))
    assert key["id"] in {each["id"] for each in found["api_keys"]}
    assert key["key"] not in json.dumps(found)
    nobodys = answer(rekindle("keys", "list", "--operator", "--user", "dev|nobody", "--json"))
    assert nobodys == {"api_keys": []}
    assert rekindle("keys", "revoke", key["id"], "--operator").exit_code == 0
    assert asked(api, key["key"]) == 401


def test_only_operators_make_keys_that_operate(rekindle: Any, answer: Any, api: str) -> None:
    scope = ("--scope", "rekindle:operate", "--json")
    refused = rekindle("keys", "create", "mine", *scope)
    assert refused.exit_code == 1
    assert json.loads(refused.stdout)["code"] == "forbidden"
    key = answer(rekindle("keys", "create", "pager", "--operator", *scope))
    assert asked(api, key["key"], "/api/v1/operator/api-keys") == 200


def test_the_operators_token_is_printed_for_curl(rekindle: Any, api: str) -> None:
    developers, operators = rekindle("token"), rekindle("token", "--operator")
    codes = [
        asked(api, printed.stdout.strip(), "/api/v1/operator/api-keys")
        for printed in (developers, operators)
    ]
    assert codes == [403, 200]


def test_the_keys_of_others_are_asked_for_as_an_operator(rekindle: Any) -> None:
    done = rekindle("keys", "list", "--user", "dev|developer")
    assert done.exit_code == 2
    assert "--operator" in done.stderr


def test_a_key_that_is_not_there_is_told(rekindle: Any) -> None:
    done = rekindle("keys", "revoke", str(uuid4()), "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["code"] == "api_key_not_found"
