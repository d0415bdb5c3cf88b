"""How often one user, and one address, may ask; on the counters of one process."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from api import paths
from api.app import create_app
from api.limits import RateClass, rate_class
from api.limits.addresses import network_of
from api.limits.guard import RateLimits
from rekindle.adapters.rates import LocalCounters
from rekindle.errors import InvalidToken, IssuerUnavailable, SettingsInvalid
from rekindle.ports.identity import Principal
from rekindle.rules.identity import OPERATE

GRAPHS = "/api/v1/graphs"
LIMITED = {
    "rate_limit_uploads": "1/hour",
    "rate_limit_commands": "2/hour",
    "rate_limit_checkouts": "1/hour",
    "rate_limit_reads": "3/hour",
    "rate_limit_refusals": "2/hour",
    "rate_limit_address_factor": 0,
}


class Clock:
    """Stands still until it is moved."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Everybody:
    """Every word but `bad` is a good token, and the name of its bearer; `boss-` operates."""

    async def verify(self, token: str) -> Principal:
        if token == "bad":
            raise InvalidToken
        if token == "away":
            raise IssuerUnavailable
        scopes = frozenset({OPERATE}) if token.startswith("boss-") else frozenset()
        return Principal("https://issuer.example/", token, scopes, None, 0)

    async def check(self) -> None:
        return None


@pytest.fixture
def clock() -> Clock:
    return Clock()


Limited = Callable[..., Any]


@pytest.fixture
def limited(world: Any, make_settings: Any, clock: Clock) -> Limited:
    """A client of an application with these limits, counted by `clock`."""
    world.tokens = Everybody()

    @asynccontextmanager
    async def serve(**changed: Any) -> AsyncIterator[Callable[..., Awaitable[httpx.Response]]]:
        settings = make_settings(**{**LIMITED, **changed})
        app = create_app(settings, open_ports=world.open)
        async with app.router.lifespan_context(app):
            app.state.limits = RateLimits(settings, LocalCounters(clock=clock))

            async def ask(
                method: str = "GET",
                path: str = GRAPHS,
                *,
                user: str = "ada",
                address: str = "192.0.2.1",
                **more: Any,
            ) -> httpx.Response:
                transport = httpx.ASGITransport(app, client=(address, 4711))
                headers = {"Authorization": f"Bearer {user}", **more.pop("headers", {})}
                async with httpx.AsyncClient(
                    transport=transport, base_url="http://api.example", headers=headers
                ) as http:
                    return await http.request(method, path, **more)

            yield ask

    return serve


async def test_beyond_the_rate_of_a_user_there_is_a_429_that_says_when_to_come_back(
    limited: Limited, clock: Clock
) -> None:
    async with limited() as ask:
        for left in (2, 1, 0):
            reply = await ask()
            assert reply.status_code == 200
            assert reply.headers["ratelimit"] == f'"reads";r={left}'
            assert reply.headers["ratelimit-policy"] == '"reads";q=3;w=3600'
        clock.now += 600
        reply = await ask()
        assert (reply.status_code, reply.json()["code"]) == (429, "rate_limited")
        assert reply.json()["retryable"] is True
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.headers["retry-after"] == "3000"
        assert reply.headers["ratelimit"] == '"reads";r=0;t=3000'
        assert reply.headers["ratelimit-policy"] == '"reads";q=3;w=3600'
        clock.now += 3000
        assert (await ask()).status_code == 200


async def test_asking_on_does_not_make_the_wait_longer(limited: Limited, clock: Clock) -> None:
    async with limited() as ask:
        for _ in range(50):
            clock.now += 60
            reply = await ask()
        assert reply.status_code == 429
        assert reply.headers["retry-after"] == "660"


async def test_users_and_classes_are_counted_apart(limited: Limited) -> None:
    async with limited(rate_limit_reads="1/hour", rate_limit_commands="1/hour") as ask:
        assert (await ask()).status_code == 200
        assert (await ask()).status_code == 429
        assert (await ask(user="bob")).status_code == 200
        assert (await ask("POST", paths.API_KEYS, json={})).status_code == 422
        assert (await ask("POST", paths.API_KEYS, json={})).status_code == 429
        assert (await ask("POST", paths.UPLOADS, json={})).status_code == 422


async def test_several_rates_hold_together(limited: Limited, clock: Clock) -> None:
    async with limited(rate_limit_reads="1/second;2/hour") as ask:
        reply = await ask()
        assert reply.headers["ratelimit"] == '"reads";r=0, "reads-2";r=1'
        assert reply.headers["ratelimit-policy"] == '"reads";q=1;w=1, "reads-2";q=2;w=3600'
        assert (await ask()).headers["retry-after"] == "1"
        clock.now += 1
        assert (await ask()).status_code == 200
        clock.now += 1
        assert int((await ask()).headers["retry-after"]) > 3000


async def test_without_a_rate_nothing_is_counted_or_told(limited: Limited) -> None:
    async with limited(rate_limit_reads="none") as ask:
        for _ in range(20):
            reply = await ask()
            assert reply.status_code == 200
        assert "ratelimit" not in reply.headers


async def test_operators_may_do_more(limited: Limited) -> None:
    async with limited(rate_limit_reads="1/hour", rate_limit_operator_factor=3) as ask:
        replies = [(await ask(user="boss-1")).status_code for _ in range(4)]
        assert replies == [200, 200, 200, 429]
    async with limited(rate_limit_reads="1/hour", rate_limit_operator_factor=0) as ask:
        assert {(await ask(user="boss-1")).status_code for _ in range(9)} == {200}


async def test_users_of_one_address_share_a_larger_rate(limited: Limited) -> None:
    async with limited(rate_limit_reads="1/hour", rate_limit_address_factor=2) as ask:
        assert (await ask(user="ada")).status_code == 200
        assert (await ask(user="bob")).status_code == 200
        reply = await ask(user="eve")
        assert reply.status_code == 429
        assert reply.headers["ratelimit-policy"] == '"reads-address";q=2;w=3600'
        assert (await ask(user="eve", address="192.0.2.2")).status_code == 200


async def test_one_network_of_ipv6_is_one_address(limited: Limited) -> None:
    async with limited(rate_limit_reads="1/hour", rate_limit_address_factor=1) as ask:
        assert (await ask(user="ada", address="2001:db8:0:1::1")).status_code == 200
        assert (await ask(user="bob", address="2001:db8:0:1:ffff::9")).status_code == 429
        assert (await ask(user="bob", address="2001:db8:0:2::1")).status_code == 200


async def test_who_sends_bad_tokens_is_not_even_looked_at_after_a_while(
    limited: Limited, clock: Clock
) -> None:
    async with limited() as ask:
        assert [(await ask(user="bad")).status_code for _ in range(2)] == [401, 401]
        for token in ("bad", "ada"):
            reply = await ask(user=token)
            assert (reply.status_code, reply.json()["code"]) == (429, "rate_limited")
            assert "www-authenticate" not in reply.headers
            assert reply.headers["ratelimit-policy"] == '"refusals";q=2;w=3600'
        assert (await ask(address="192.0.2.2")).status_code == 200
        clock.now += 3600
        assert (await ask()).status_code == 200


async def test_an_issuer_that_is_away_is_nobodys_fault(limited: Limited) -> None:
    async with limited() as ask:
        assert {(await ask(user="away")).status_code for _ in range(5)} == {503}
        assert (await ask()).status_code == 200


async def test_a_refusal_of_another_kind_tells_what_is_left_too(limited: Limited) -> None:
    async with limited() as ask:
        reply = await ask(path=paths.JOBS, params={"limit": "x"})
        assert (reply.status_code, reply.headers["ratelimit"]) == (422, '"reads";r=2')


async def test_what_needs_no_token_is_never_refused(limited: Limited) -> None:
    rates = {name: "1/hour" for name in LIMITED if isinstance(LIMITED[name], str)}
    async with limited(**rates, rate_limit_address_factor=1) as ask:
        await ask()
        assert (await ask()).status_code == 429
        for path in (paths.HEALTH, paths.HEALTH_V1):
            assert {(await ask(path=path)).status_code for _ in range(3)} == {200}
        replies = {(await ask("POST", paths.STRIPE_WEBHOOK)).status_code for _ in range(3)}
        assert 429 not in replies


async def test_who_asks_too_often_is_turned_away_before_the_body_is_read(
    limited: Limited, world: Any, make_settings: Any
) -> None:
    world.tokens = Everybody()
    app = create_app(make_settings(**LIMITED), open_ports=world.open)
    async with app.router.lifespan_context(app):
        statuses = []
        for _ in range(2):
            sent: list[Any] = []

            async def receive(sent: list[Any] = sent) -> Any:
                raise AssertionError("the body was read")

            async def send(message: Any, sent: list[Any] = sent) -> None:
                sent.append(message)

            await app(_upload_scope(), receive, send)
            statuses.append(sent[0]["status"])
    assert statuses == [500, 429]  # the first is let in, and its body cannot be read


def _upload_scope() -> dict[str, Any]:
    return {
        "type": "http",
        "method": "POST",
        "path": paths.UPLOAD,
        "raw_path": paths.UPLOAD.encode(),
        "query_string": b"",
        "headers": [
            (b"authorization", b"Bearer ada"),
            (b"content-length", b"1000"),
            (b"content-type", b"multipart/form-data; boundary=x"),
        ],
        "scheme": "http",
        "server": ("api.example", 80),
        "client": ("192.0.2.1", 4711),
        "http_version": "1.1",
    }


def test_every_guarded_operation_has_a_class_and_tells_of_its_429(app: FastAPI) -> None:
    document = app.openapi()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if "security" not in operation:
                continue
            assert rate_class(method.upper(), path) in RateClass
            refusal = operation["responses"]["429"]
            assert set(refusal["headers"]) >= {"Retry-After", "RateLimit", "RateLimit-Policy"}
            [content] = refusal["content"].values()
            assert "rate_limited" in content["examples"]


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", paths.UPLOAD, RateClass.UPLOADS),
        ("POST", paths.UPLOADS, RateClass.UPLOADS),
        ("POST", paths.RESTORATION, RateClass.UPLOADS),
        ("POST", paths.JOBS, RateClass.COMMANDS),
        ("GET", paths.JOBS, RateClass.READS),
        ("POST", paths.RESTORE, RateClass.COMMANDS),
        ("POST", paths.ANIMATE, RateClass.COMMANDS),
        ("POST", paths.CHECKOUT, RateClass.CHECKOUTS),
        ("DELETE", paths.API_KEY, RateClass.COMMANDS),
        ("GET", paths.EVENTS, RateClass.READS),
    ],
)
def test_the_classes_of_routes(method: str, path: str, kind: RateClass) -> None:
    assert rate_class(method, path) is kind


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_what_counts_as_one_address(host: str, network: str) -> None:
    assert network_of({"client": (host, 1)}) == network


@pytest.mark.parametrize("client", [None, ("", 0)])
async def test_without_an_address_only_users_are_counted(client: Any) -> None:
    assert network_of({"client": client}) is None


async def test_counters_see_neither_names_nor_addresses(make_settings: Any) -> None:
    class Noting(LocalCounters):
        keys: list[str] = []  # noqa: RUF012

        async def use(self, rate: Any, key: str) -> int:
            self.keys.append(key)
            return await super().use(rate, key)

    counters = Noting()
    limits = RateLimits(make_settings(), counters)
    scope: Any = {"client": ("192.0.2.7", 1)}
    principal = Principal("https://issuer.example/", "ada@example.com", frozenset(), None, 0)
    await limits.admit(RateClass.READS, scope)
    await limits.note_refusal(scope)
    await limits.spend(RateClass.READS, principal, scope)
    assert len(set(counters.keys)) == 3
    assert not any(word in key for key in counters.keys for word in ("192", "ada", "issuer"))


@pytest.mark.parametrize(
    "changed",
    [
        {"rate_limit_reads": "often"},
        {"rate_limit_storage_url": SecretStr("carrier-pigeon://:canary@loft")},
    ],
    ids=["rate", "store"],
)
def test_the_api_does_not_start_with_limits_that_make_no_sense(
    changed: dict[str, Any], make_settings: Any
) -> None:
    with pytest.raises(SettingsInvalid, match="RATE_LIMIT_") as refused:
        create_app(make_settings(**changed))
    assert "canary" not in str(refused.value)
