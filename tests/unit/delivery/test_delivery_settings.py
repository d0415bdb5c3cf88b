"""With a domain there is a good key, or there is no start; and the key is never shown."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from pydantic import SecretStr

from api.app import create_app
from deploy.doctor.delivery import cloudfront as examine
from deploy.doctor.finding import Verdict
from rekindle.errors import SettingsInvalid
from rekindle.settings import Settings
from rekindle.wiring.parts import object_store

DOMAIN = "d111111abcdef8.cloudfront.net"
KEY_PAIR = "K2JCJMDEHXQW5F"


def settings(**given: Any) -> Settings:
    basics: dict[str, Any] = {
        "aws_access_key_id": "a",
        "aws_secret_access_key": SecretStr("b"),
        "secret_key": SecretStr("kz1Jx7Qy-3rTn0vWm_8bLc5dFh2gPaSe"),
        "auth0_domain": "https://issuer.example/",
    }
    return Settings(_env_file=None, **{**basics, **given})


def with_key(private_key: str, **given: Any) -> Settings:
    named = {"cloudfront_domain": DOMAIN, "cloudfront_key_pair_id": KEY_PAIR}
    return settings(cloudfront_private_key=SecretStr(private_key), **{**named, **given})


def test_without_a_domain_s3_itself_presigns() -> None:
    address = object_store(settings()).url("k")
    assert "X-Amz-Signature=" in address
    assert "amazonaws.com/" in address


def test_with_domain_and_key_addresses_are_cloudfronts_and_none_is_of_s3(pem: str) -> None:
    store = object_store(with_key(pem))
    for address in (store.url("k"), store.url("k", filename="a.png", seconds=30)):
        assert address.startswith(f"https://{DOMAIN}/k?")
        assert "Signature=" in address
        assert "X-Amz" not in address


@pytest.mark.parametrize(
    "written",
    ["{}", "\n {} \n"],
    ids=["as-it-is", "with-space-around"],
)
@pytest.mark.parametrize("line_break", ["\n", "\\n", "\r\n", "\\r\\n"], ids=ascii)
def test_a_key_may_have_its_line_breaks_as_files_of_settings_write_them(
    written: str, line_break: str, pem: str
) -> None:
    object_store(with_key(written.format(pem.replace("\n", line_break))))


@pytest.mark.parametrize("quote", ['"', "'"], ids=["double", "single"])
def test_a_key_is_read_from_an_env_file(quote: str, pem: str, tmp_path: Any) -> None:
    escaped = pem.replace("\n", "\\n")
    (tmp_path / ".env").write_text(
        f"CLOUDFRONT_DOMAIN={DOMAIN}\nCLOUDFRONT_KEY_PAIR_ID={KEY_PAIR}\n"
        f"CLOUDFRONT_PRIVATE_KEY={quote}{escaped}{quote}\n"
        "AWS_ACCESS_KEY_ID=a\nAWS_SECRET_ACCESS_KEY=b\n"
    )
    read = Settings(_env_file=tmp_path / ".env")
    assert object_store(read).url("k").startswith(f"https://{DOMAIN}/k?")


@pytest.mark.parametrize("absent", ["cloudfront_key_pair_id", "cloudfront_private_key"])
def test_a_domain_without_its_key_starts_nothing(absent: str, pem: str) -> None:
    lacking = with_key(pem).model_copy(update={absent: None})
    for start in (object_store, create_app):
        with pytest.raises(SettingsInvalid, match="must be as well"):
            start(lacking)


def other_keys(key: RSAPrivateKey) -> dict[str, str]:
    form = PrivateFormat.PKCS8
    locked = key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"x"))
    small = generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
    curve = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    whole = key.private_bytes(Encoding.PEM, form, NoEncryption())
    return {
        "no-pem": "hunter2-is-my-key",
        "not-ascii": "schlüssel",
        "cut": whole[: len(whole) // 2].decode(),
        "locked": locked.decode(),
        "public": public.decode(),
        "small": small.private_bytes(Encoding.PEM, form, NoEncryption()).decode(),
        "curve": curve.private_bytes(Encoding.PEM, form, NoEncryption()).decode(),
    }


@pytest.mark.parametrize(
    "kind", ["no-pem", "not-ascii", "cut", "locked", "public", "small", "curve"]
)
def test_a_key_that_cloudfront_could_not_use_is_refused_without_showing_it(
    kind: str, key: RSAPrivateKey
) -> None:
    text = other_keys(key)[kind]
    for start in (object_store, create_app):
        with pytest.raises(SettingsInvalid, match="CLOUDFRONT_PRIVATE_KEY") as refused:
            start(with_key(text))
        error: BaseException | None = refused.value
        assert error is not None
        assert error.__cause__ is None
        assert error.__suppress_context__ or error.__context__ is None
        longest = max(text.splitlines()[1:] or [text], key=len)
        assert longest not in f"{error!r}"


@pytest.mark.parametrize(
    "domain",
    [
        "http://media.example.com",
        "media.example.com/folder",
        "https://media.example.com?x=1",
        "https://me:hunter2@media.example.com",  # pragma: allowlist secret
        "media.example.com:port",
        "ftp://media.example.com",
        "https://",
        'media.example.com"x',
        "media example",
    ],
)
def test_what_is_no_domain_is_refused_without_showing_it(domain: str, pem: str) -> None:
    with pytest.raises(SettingsInvalid, match="CLOUDFRONT_DOMAIN") as refused:
        object_store(with_key(pem, cloudfront_domain=domain))
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("key_pair_id", ["K2&x=1", "K2 JC", "K2\n"], ids=ascii)
def test_what_is_no_key_id_is_refused(key_pair_id: str, pem: str) -> None:
    with pytest.raises(SettingsInvalid, match="CLOUDFRONT_KEY_PAIR_ID"):
        object_store(with_key(pem, cloudfront_key_pair_id=key_pair_id))


@pytest.mark.parametrize("seconds", [0, -1, 600.5, float("nan"), float("inf")])
def test_an_address_that_would_live_too_long_or_not_at_all_is_never_made(
    seconds: float, pem: str
) -> None:
    for each in (settings(), with_key(pem)):
        with pytest.raises(ValueError, match="600"):
            object_store(each).url("k", seconds=seconds)


def test_an_address_may_be_shorter_lived_than_usual() -> None:
    store = object_store(settings(url_seconds=600))
    assert "X-Amz-Expires=600&" in store.url("k")
    assert "X-Amz-Expires=42&" in store.url("k", seconds=42.9)
    assert "X-Amz-Expires=1&" in store.url("k", seconds=0.2)


async def test_the_doctor_says_when_cloudfront_is_not_used(pem: str) -> None:
    (unused,) = await examine(settings())
    (forgotten,) = await examine(settings(cloudfront_private_key=SecretStr(pem)))
    assert (unused.verdict, forgotten.verdict) == (Verdict.GOOD, Verdict.WARNING)
    assert "not used" in unused.found
    assert "CLOUDFRONT_DOMAIN is not" in forgotten.found


async def test_the_doctor_finds_a_key_that_cannot_be_read_and_does_not_show_it() -> None:
    (found,) = await examine(with_key("hunter2-is-my-key"))
    assert found.verdict is Verdict.MISSING
    assert "CLOUDFRONT_PRIVATE_KEY cannot be read" in found.found
    assert "hunter2" not in str(found)
