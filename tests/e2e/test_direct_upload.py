"""A web page sends a photo straight to the bucket; the whole stack makes a restored one of it."""

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from deploy.cli.connection import connect
from deploy.stack.running import running_stack
from deploy.stack.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

PATIENCE_SECONDS = 200


@pytest.fixture
def stack(tmp_path: Path, processes_using: Callable[[Path], dict[int, str]]) -> Iterator[Stack]:
    with running_stack(tmp_path / "stack") as stack:
        yield stack
    assert processes_using(tmp_path) == {}


@pytest.fixture
def api(stack: Stack) -> Iterator[httpx.Client]:
    connection = connect(None, None, stack.data)
    with httpx.Client(
        base_url=connection.api,
        headers={"Authorization": f"Bearer {connection.token}"},
        timeout=60,
        trust_env=False,
    ) as client:
        yield client


def photo() -> bytes:
    file = io.BytesIO()
    Image.effect_noise((96, 64), 40).convert("RGB").save(file, "JPEG")
    return file.getvalue()


def succeeded(api: httpx.Client, address: str) -> dict[str, Any]:
    """The document of an attempt that has ended well."""
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE_SECONDS:
        attempt: dict[str, Any] = api.get(address).json()
        if attempt["status"] not in ("queued", "running"):
            assert attempt["status"] == "succeeded", attempt
            return attempt
        time.sleep(0.2)
    raise AssertionError(f"{attempt['status']} after {PATIENCE_SECONDS} s")


def test_a_photo_sent_by_a_page_to_the_bucket_is_restored(stack: Stack, api: httpx.Client) -> None:
    sent = photo()
    upload = api.post(
        "/api/v1/uploads", json={"content_type": "image/jpeg", "size_bytes": len(sent)}
    ).json()
    with httpx.Client(timeout=60, trust_env=False) as browser:
        origin = f"http://localhost:{stack.api.port}"
        reply = browser.post(
            upload["url"],
            data=upload["fields"],
            files={"file": ("grandma.jpg", sent, "image/jpeg")},
            headers={"Origin": origin},
        )
        assert reply.status_code == 204, reply.text
        assert reply.headers["access-control-allow-origin"] == origin
        body = {"upload_id": upload["id"], "email": "ada@example.com"}
        made = api.post(upload["links"]["job"], json=body)
        assert made.status_code == 201, made.text
        job = made.json()
        started = api.post(job["links"]["restore"], json={})
        assert started.status_code == 202, started.text
        attempt = succeeded(api, started.json()["links"]["self"])
        assert browser.get(job["original_url"]).content == sent
        preview = Image.open(io.BytesIO(browser.get(attempt["preview_url"]).content))
    assert preview.size[0] > preview.size[1]
