"""The API does not start with settings it could not be safe with."""

from typing import Any

import pytest
from pydantic import SecretStr

from api.app import create_app
from rekindle.errors import SettingsInvalid


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
