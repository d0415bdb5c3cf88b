"""Clients with a secret of their own, and everything they can get wrong."""

import base64
from pathlib import Path

import httpx
import pytest

from tests.unit.oidc_issuer.conftest import AUDIENCE, claims_of, secret_of


async def test_a_device_client_gets_tokens_of_its_user(http: httpx.AsyncClient, data: Path) -> None:
    auth = ("cli", secret_of("cli", data))
    reply = await http.post("oauth/token", data={"grant_type": "client_credentials"}, auth=auth)
    assert reply.status_code == 200
    _, claims = claims_of(reply.json()["access_token"], data)
    assert claims["sub"] == "dev|alice"
    assert claims["aud"] == AUDIENCE
    assert claims["scope"] == "jobs"
    assert "id_token" not in reply.json()


async def test_a_machine_client_gets_tokens_of_its_own(http: httpx.AsyncClient, data: Path) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": "reaper",
        "client_secret": secret_of("reaper", data),
        "audience": "https://other.example",
        "scope": "operator",
    }
    reply = await http.post("oauth/token", data=form)
    _, claims = claims_of(reply.json()["access_token"], data)
    assert claims["sub"] == "reaper@clients"
    assert claims["aud"] == "https://other.example"


@pytest.mark.parametrize(
    ("auth", "form", "error"),
    [
        (("cli", "wrong"), {}, "invalid_client"),
        (("cli", ""), {}, "invalid_client"),
        (("nobody", "x"), {}, "invalid_client"),
        (("studio", "x"), {}, "invalid_client"),
        (None, {}, "invalid_client"),
        (None, {"client_id": "cli"}, "invalid_client"),
        (None, {"client_id": "nobody"}, "invalid_client"),
        (None, {"client_id": "studio"}, "unauthorized_client"),
        (("cli", None), {"client_secret": "x"}, "invalid_request"),
        (("cli", None), {"client_id": "reaper"}, "invalid_request"),
        (("cli", None), {"scope": "jobs operator"}, "invalid_scope"),
        (("cli", None), {"audience": "https://unknown.example"}, "invalid_target"),
        (("cli", None), {"grant_type": "password"}, "unsupported_grant_type"),
        (("cli", None), {"grant_type": "authorization_code"}, "unauthorized_client"),
    ],
)
async def test_client_credentials_are_checked(
    http: httpx.AsyncClient,
    data: Path,
    auth: tuple[str, str | None] | None,
    form: dict[str, str],
    error: str,
) -> None:
    sent = {"grant_type": "client_credentials", **form}
    headers = {}
    if auth is not None:
        secret = secret_of(auth[0], data) if auth[1] is None else auth[1]
        basic = base64.b64encode(f"{auth[0]}:{secret}".encode()).decode()
        headers["Authorization"] = f"Basic {basic}"
    reply = await http.post("oauth/token", data=sent, headers=headers)
    assert reply.json()["error"] == error
    assert reply.status_code == (401 if error == "invalid_client" else 400)
    assert "access_token" not in reply.json()


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        ("{}", "application/json", 415),
        ("a=" + "x" * 20_000, "application/x-www-form-urlencoded", 413),
        ("a=%ff", "application/x-www-form-urlencoded", 400),
        ("&".join(f"a{n}=1" for n in range(50)), "application/x-www-form-urlencoded", 400),
    ],
)
async def test_unreadable_forms_are_refused(
    http: httpx.AsyncClient, content: str, kind: str, status: int
) -> None:
    reply = await http.post("oauth/token", content=content, headers={"Content-Type": kind})
    assert (reply.status_code, reply.json()["error"]) == (status, "invalid_request")


async def test_a_damaged_basic_header_is_a_client_error(http: httpx.AsyncClient) -> None:
    for value in ("Basic ???", "Basic bm9jb2xvbg==", "Bearer x", "Basic"):
        reply = await http.post(
            "oauth/token",
            data={"grant_type": "client_credentials"},
            headers={"Authorization": value},
        )
        assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")
