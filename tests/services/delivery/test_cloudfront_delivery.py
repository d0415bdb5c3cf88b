"""A photo in the real bucket, opened through a distribution that checks every signature."""

import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from deploy.doctor.delivery import cloudfront as examine
from deploy.doctor.finding import Verdict
from rekindle.ports.objects import ObjectStore
from rekindle.settings import Settings
from rekindle.wiring.parts import object_store

PREVIEW, MASTER = "restored/größe +1/s.jpg", "restored/größe +1/s_master.png"


async def stored(settings: Settings, tmp_path: Path) -> ObjectStore:
    """The bucket with a preview and the master beside it."""
    store = object_store(settings)
    for key, content in ((PREVIEW, b"preview"), (MASTER, b"master")):
        (tmp_path / "photo").write_bytes(content)
        await store.put_file(key, tmp_path / "photo", content_type="image/jpeg")
    return store


async def get(address: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=60) as http:
        return await http.get(address)


async def test_a_signed_address_opens_one_object_under_its_name(
    distribute: Any, tmp_path: Path
) -> None:
    store = await stored(distribute(), tmp_path)
    plain = await get(store.url(PREVIEW))
    named = await get(store.url(PREVIEW, filename='Großmutter "1931".jpg'))
    assert plain.content == named.content == b"preview"
    assert "content-disposition" not in plain.headers
    assert named.headers["content-disposition"] == (
        'attachment; filename="Gro_mutter _1931_.jpg"; '
        "filename*=UTF-8''Gro%C3%9Fmutter%20%221931%22.jpg"
    )


async def test_a_name_with_line_breaks_adds_no_header(distribute: Any, tmp_path: Path) -> None:
    store = await stored(distribute(), tmp_path)
    reply = await get(store.url(PREVIEW, filename="a\r\nSet-Cookie: x=1\r\n\r\n<script>.jpg"))
    assert reply.content == b"preview"
    assert "set-cookie" not in reply.headers


async def test_what_is_not_signed_is_not_opened(distribute: Any, tmp_path: Path) -> None:
    store = await stored(distribute(), tmp_path)
    address = store.url(PREVIEW, filename="a.jpg")
    for other in (
        address.partition("?")[0],
        address.replace("/s.jpg?", "/s_master.png?"),
        address.replace("a.jpg", "b.html"),
        address.replace("&Expires=", "&response-content-type=text%2Fhtml&Expires="),
        address.replace("&Expires=", "&Expires=9"),
        address.replace("Key-Pair-Id=K", "Key-Pair-Id=L"),
    ):
        assert other != address
        assert (await get(other)).status_code == 403
    assert (await get(address)).status_code == 200


@pytest.mark.parametrize("seconds", [None, 300.0])
async def test_an_address_ends_in_time(
    seconds: float | None, distribute: Any, tmp_path: Path
) -> None:
    later = [0.0]
    settings = distribute(now=lambda: time.time() + later[0])
    store = await stored(settings, tmp_path)
    address = store.url(PREVIEW, seconds=seconds)
    assert (await get(address)).status_code == 200
    later[0] = seconds or settings.url_seconds
    assert (await get(address)).status_code == 403


async def test_the_doctor_is_content_with_a_distribution_that_opens_our_addresses_alone(
    distribute: Any,
) -> None:
    found = await examine(distribute())
    assert [each.verdict for each in found] == [Verdict.GOOD, Verdict.GOOD]
    assert "and nothing else" in found[-1].found


@pytest.mark.parametrize(
    ("wrong", "verdict", "says"),
    [
        ({"trusts": False}, Verdict.MISSING, "photos may be open"),
        ({"forwards": False}, Verdict.WARNING, "without their names"),
        ({"now": lambda: time.time() + 3600}, Verdict.MISSING, "answers 403 to an address"),
        ({"name": "another-bucket"}, Verdict.MISSING, "answers 403 to an address"),
    ],
    ids=["anybody", "no-query", "late-clock", "other-bucket"],
)
async def test_the_doctor_finds_what_is_wrong_with_a_distribution(
    wrong: dict[str, Any], verdict: Verdict, says: str, distribute: Any
) -> None:
    *_, found = await examine(distribute(**wrong))
    assert found.verdict is verdict
    assert says in found.found
    assert "docs/cloudfront.md" in found.mend


async def test_the_doctor_finds_a_key_that_the_distribution_does_not_trust(
    distribute: Any,
) -> None:
    other = generate_private_key(public_exponent=65537, key_size=2048).public_key()
    *_, found = await examine(distribute(key=other))
    assert found.verdict is Verdict.MISSING
    assert "trusted key group" in found.mend


async def test_the_doctor_finds_a_domain_where_nobody_answers(
    settings: Settings, unused_tcp_port: int
) -> None:
    nowhere = f"http://127.0.0.1:{unused_tcp_port}"
    *_, found = await examine(settings.model_copy(update={"cloudfront_domain": nowhere}))
    assert found.verdict is Verdict.MISSING
    assert "127.0.0.1 does not answer" in found.found


async def test_the_doctor_leaves_a_bucket_that_is_away_to_its_own_finding(
    distribute: Any, unused_tcp_port: int
) -> None:
    away = {"s3_endpoint_url": f"http://127.0.0.1:{unused_tcp_port}"}
    *_, found = await examine(distribute().model_copy(update=away))
    assert found.verdict is Verdict.WARNING
    assert "no object can be put" in found.found
