"""A browser that sends photos straight to the bucket."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from rekindle.contracts import keys


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files; empty again after every request."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


@dataclass
class Browser:
    """Has no token: it only knows what the forms say."""

    page: httpx.AsyncClient

    async def send(
        self, upload: dict[str, Any], photo: bytes, *, name: str = "photo.jpg", **changed: str
    ) -> httpx.Response:
        """Send the form of an upload, with some fields changed."""
        fields = upload["fields"] | changed
        # The type of the part is the browser's guess, and means nothing to the store.
        file = (name, photo, "application/octet-stream")
        return await self.page.post(upload["url"], data=fields, files={"file": file})


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as page:
        yield Browser(page)


async def begun(
    http: httpx.AsyncClient, content_type: str = "image/jpeg", **told: Any
) -> dict[str, Any]:
    """The document of a new upload."""
    body = {"content_type": content_type, **told}
    reply = await http.post("/api/v1/uploads", json=body)
    assert reply.status_code == 201, reply.text
    upload: dict[str, Any] = reply.json()
    return upload


async def job_of(
    http: httpx.AsyncClient, upload: dict[str, Any], *, key: str | None = None
) -> httpx.Response:
    """Ask for the job of an upload.

    Args:
        key: of the request; a new one by default.
    """
    return await http.post(
        upload["links"]["job"],
        json={"upload_id": upload["id"], "email": "ada@example.com"},
        headers={"Idempotency-Key": key or str(uuid4())},
    )


def refused(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["code"]


async def incoming(objects: Any, upload: dict[str, Any]) -> bool:
    """Whether a photo lies in the bucket for an upload."""
    return await objects.head(f"{keys.INCOMING}{upload['id']}") is not None
