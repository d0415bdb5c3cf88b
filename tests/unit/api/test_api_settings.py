"""The API does not start with settings it could not be safe with."""

from typing import Any

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from api import paths
from api.app import create_app
from rekindle.errors import SettingsInvalid
from rekindle.wiring.sign_in import is_sign_in_on


@pytest.mark.parametrize("secret", ["", "s" * 31])
def test_a_short_secret_key_is_refused_without_showing_it(secret: str, make_settings: Any) -> None:
    with pytest.raises(SettingsInvalid, match="SECRET_KEY has fewer than 32") as refused:
        create_app(make_settings(secret_key=SecretStr(secret)))
    assert not secret or secret not in str(refused.value)


def test_a_missing_issuer_is_refused(make_settings: Any) -> None:
    with pytest.raises(SettingsInvalid, match="AUTH0_DOMAIN is empty"):
        create_app(make_settings(auth0_domain=""))


@pytest.mark.parametrize("name", ["colour_my_world", "../restore", ""])
def test_a_default_graph_that_is_not_installed_is_refused(name: str, make_settings: Any) -> None:
    with pytest.raises(SettingsInvalid, match=r"DEFAULT_GRAPH=.*there are: .*restore"):
        create_app(make_settings(default_graph=name))


@pytest.mark.parametrize("name", ["colour_my_world", "restore", "upscale_hd", ""])
def test_a_default_graph_that_does_not_animate_is_refused(name: str, make_settings: Any) -> None:
    with pytest.raises(
        SettingsInvalid, match=r"DEFAULT_ANIMATION_GRAPH=.*animating; there are: .*animate"
    ):
        create_app(make_settings(default_animation_graph=name))


WEB = {"oidc_client_id": "web", "oidc_client_secret": SecretStr("c" * 32)}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"oidc_client_secret": None}, "set together"),
        ({"oidc_client_id": None}, "set together"),
        ({"public_url": "http://photos.example"}, "https address"),
        ({"public_url": "http://127.0.0.1.evil.example"}, "https address"),
        ({"backend_host": "0.0.0.0"}, "https address"),  # noqa: S104 - refused
        ({"public_url": "https://photos.example/api"}, "has a path"),
    ],
    ids=str,
)
def test_a_sign_in_that_could_not_be_safe_is_refused(
    changed: dict[str, Any], words: str, make_settings: Any
) -> None:
    with pytest.raises(SettingsInvalid, match=words):
        create_app(make_settings(**{**WEB, **changed}))


@pytest.mark.parametrize(
    "public_url",
    [None, "https://photos.example", "https://photos.example/", "http://localhost:8000"],
)
def test_a_sign_in_by_https_or_on_this_machine_is_taken(
    public_url: str | None, make_settings: Any
) -> None:
    assert is_sign_in_on(make_settings(**WEB, public_url=public_url))
    assert not is_sign_in_on(make_settings(public_url=public_url))


@pytest.mark.parametrize("scopes", ["", "profile", "openid2", "profile  openid"])
def test_scopes_without_openid_are_refused(scopes: str, make_settings: Any) -> None:
    with pytest.raises(ValidationError):
        make_settings(oidc_scopes=scopes)


async def test_without_a_client_nobody_can_sign_in_and_a_cookie_is_worth_nothing(
    stranger: httpx.AsyncClient,
) -> None:
    for path in (paths.SIGN_IN, paths.ACCOUNT):
        reply = await stranger.get(path)
        assert (reply.status_code, reply.json()["code"]) == (503, "sign_in_disabled")
        assert "retry-after" not in reply.headers
    stranger.cookies.set("rekindle-session", "A" * 43)
    reply = await stranger.get(paths.GRAPHS)
    assert (reply.status_code, reply.json()["code"]) == (401, "session_ended")


async def test_pages_of_a_sign_in_may_be_asked_for_only_so_often(
    world: Any, make_settings: Any, serve: Any
) -> None:
    settings = make_settings(rate_limit_commands="1/hour", rate_limit_address_factor=2)
    async with serve(create_app(settings, open_ports=world.open)) as http:
        codes = [(await http.get(paths.SIGN_IN)).json()["code"] for _ in range(3)]
        page = await http.get(paths.SIGN_IN, headers={"Accept": "text/html"})
    assert codes == ["sign_in_disabled", "sign_in_disabled", "rate_limited"]
    assert (page.status_code, int(page.headers["retry-after"]) > 0) == (429, True)
