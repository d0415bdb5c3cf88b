"""What surrounds the flows: metadata, levers, the data directory, the command line."""

import asyncio
import stat
import time
from pathlib import Path

import httpx
import pytest

from simulators.oidc import create_app
from simulators.oidc.arguments import parse
from tests.unit.oidc_issuer.conftest import (
    AUDIENCE,
    CONFIG,
    ISSUER,
    RETURN,
)


async def test_discovery_names_this_issuer_and_endpoints_that_exist(
    http: httpx.AsyncClient,
) -> None:
    document = (await http.get(".well-known/openid-configuration")).json()
    assert document["issuer"] == ISSUER
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert "none" not in document["id_token_signing_alg_values_supported"]
    endpoints = ("authorization", "token", "userinfo", "end_session")
    for name in (*(f"{each}_endpoint" for each in endpoints), "jwks_uri"):
        assert (await http.get(document[name])).status_code != 404


async def test_published_keys_hold_no_private_part(http: httpx.AsyncClient) -> None:
    (key,) = (await http.get(".well-known/jwks.json")).json()["keys"]
    assert set(key) == {"kty", "n", "e", "kid", "use", "alg"}


async def test_rotation_publishes_the_new_key_beside_the_old(
    http: httpx.AsyncClient, data: Path
) -> None:
    lever = {"Authorization": f"Bearer {(data / 'control.secret').read_text()}"}
    old = (await http.get(".well-known/jwks.json")).json()["keys"]
    new_kid = (await http.post("simulator/rotate", headers=lever)).json()["kid"]
    keys = (await http.get(".well-known/jwks.json")).json()["keys"]
    assert [key["kid"] for key in keys] == [new_kid, old[0]["kid"]]
    body = {"keep_previous": False}
    last_kid = (await http.post("simulator/rotate", headers=lever, json=body)).json()["kid"]
    keys = (await http.get(".well-known/jwks.json")).json()["keys"]
    assert [key["kid"] for key in keys] == [last_kid]


@pytest.mark.parametrize("lever", ["rotate", "faults"])
async def test_levers_need_the_control_secret(http: httpx.AsyncClient, lever: str) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        assert (await http.post(f"simulator/{lever}", headers=headers)).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"nonsense",
        b'{"mode": "on fire"}',
        b'{"mode": 1}',
        b'{"delay_seconds": 61}',
        b'{"delay_seconds": true}',
        b'{"other": 1}',
    ],
)
async def test_a_lever_pulled_wrongly_changes_nothing(
    http: httpx.AsyncClient, data: Path, body: bytes
) -> None:
    lever = {"Authorization": f"Bearer {(data / 'control.secret').read_text()}"}
    reply = await http.post("simulator/faults", headers=lever, content=body)
    assert reply.status_code == 422
    assert (await http.get(".well-known/jwks.json")).status_code == 200


async def test_the_issuer_breaks_and_heals_on_command(http: httpx.AsyncClient, data: Path) -> None:
    lever = {"Authorization": f"Bearer {(data / 'control.secret').read_text()}"}

    async def pull(**body: object) -> None:
        reply = await http.post("simulator/faults", headers=lever, json=body)
        assert reply.status_code == 200

    await pull(mode="unavailable")
    assert (await http.get(".well-known/jwks.json")).status_code == 503
    await pull(mode="html")
    assert "text/html" in (await http.get(".well-known/jwks.json")).headers["content-type"]
    await pull(mode="hang")
    hanging = asyncio.create_task(http.get(".well-known/jwks.json"))
    await asyncio.wait([hanging], timeout=0.01)
    assert not hanging.done()
    await pull(delay_seconds=0.05)
    assert (await hanging).status_code == 200
    began = time.monotonic()
    assert (await http.get(".well-known/jwks.json")).status_code == 200
    assert time.monotonic() - began >= 0.05
    await pull()


async def test_a_foreign_host_name_is_refused(http: httpx.AsyncClient) -> None:
    reply = await http.get(".well-known/jwks.json", headers={"Host": "rebound.example"})
    assert reply.status_code == 400


async def test_only_pages_of_public_clients_may_read_replies(http: httpx.AsyncClient) -> None:
    for origin, allowed in (("http://127.0.0.1:9200", True), ("https://evil.example", False)):
        reply = await http.get(".well-known/jwks.json", headers={"Origin": origin})
        assert (reply.headers.get("access-control-allow-origin") == origin) is allowed


def test_the_data_directory_is_private_and_makes_the_same_issuer_again(tmp_path: Path) -> None:
    create_app(CONFIG, tmp_path)
    before = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert {path.name for path in before} == {
        "signing-keys.json",
        "control.secret",
        "cli.secret",
        "reaper.secret",
    }
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in before)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    create_app(CONFIG, tmp_path)
    assert {path: path.read_text() for path in before} == before


@pytest.mark.parametrize("content", ["", "{}", '{"keys": []}', '{"keys": [{"kty": "RSA"}]}'])
def test_damaged_keys_are_reported_and_never_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "signing-keys.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"signing-keys\.json"):
        create_app(CONFIG, tmp_path)
    assert path.read_text() == content


def test_the_command_line_describes_clients_and_users() -> None:
    arguments = parse(
        [
            *("--data", "d", "--audience", AUDIENCE, "--scope", "jobs"),
            *("--client", "cli:alice:jobs,extra", "--client", "reaper::operator"),
            *("--public-client", f"studio={RETURN}", "--public-client", "studio=http://[::1]:1/b"),
            *("--user", "alice", "--user", "olga:operator"),
        ]
    )
    config = arguments.config(9100)
    assert config.issuer == ISSUER
    assert config.clients["cli"].subject == "dev|alice"
    assert config.clients["cli"].scopes == {"jobs", "extra"}
    assert config.clients["reaper"].subject == "reaper@clients"
    assert config.clients["studio"].redirect_uris == {RETURN, "http://[::1]:1/b"}
    assert config.grantable("olga") == {"openid", "profile", "jobs", "operator"}


@pytest.mark.parametrize(
    "wrong",
    [
        ["--client", "../etc:alice"],
        ["--client", "cli:No Name"],
        ["--client", "cli", "--client", "cli"],
        ["--client", "cli", "--public-client", f"cli={RETURN}"],
        ["--public-client", "studio"],
        ["--public-client", "studio=javascript:alert(1)"],
        ["--public-client", "studio=http://127.0.0.1/*"],
        ["--public-client", "studio=http://127.0.0.1/#x"],
        ["--user", "No Name"],
        ["--listen", "0.0.0.0"],  # noqa: S104 - refused
        ["--listen", "example.org"],
        ["--port", "many"],
    ],
)
def test_a_senseless_command_line_is_refused(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        parse(["--data", "d", "--audience", AUDIENCE, *wrong])
    assert left.value.code == 2
    assert "error:" in capsys.readouterr().err
