"""A whole life with canaries for all that is private, and where none may be found (SEC-L1).

The way in is the one of a web page: the photo goes straight to the bucket.
"""

import asyncio
import io
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from PIL import Image
from pydantic import SecretStr
from temporalio.client import Client

from deploy.cli.connection import connect
from deploy.stack.running import running_stack
from deploy.stack.stack import Stack
from rekindle.adapters.temporal import connect as connect_temporal
from rekindle.rules.pods import token_of
from rekindle.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]

PATIENCE_SECONDS = 200
MARK = f"canary{os.urandom(6).hex()}"
EMAIL = f"{MARK}-mail@people.example"
PROMPT = f"She smiles at the {MARK}-prompt"
METADATA = f"{MARK}-metadata"
HOOK = f"{MARK}-hook"
STRANGER = f"{MARK}-stranger"
"""A bearer token that nobody gave."""

GUI = re.compile(r"To see the GUI go to: (http://\S+)")
PRESIGNED = re.compile(r"X-Amz-Signature=([0-9a-f]{64})")

# The address is for the checkout page (Stripe's `customer_email`) and stays in the job's row. The
# prompt is a parameter of its graph: histories hold it until the job's deletion erases them.
ALLOWED_IN_HISTORIES = {"prompt"}


@pytest.fixture
def stack(tmp_path: Path, processes_using: Callable[[Path], dict[int, str]]) -> Iterator[Stack]:
    settings = Settings(
        _env_file=None,
        log_level="DEBUG",
        max_retries=0,
        allow_private_webhooks=True,
        image_pods_min=1,
        image_pods_max=1,
        video_pods_max=0,
        replicate_api_token=SecretStr(f"{MARK}-replicate"),
        runpod_s3_secret_key=SecretStr(f"{MARK}-volume"),
        metrics_token=SecretStr(f"{MARK}-metrics"),
    )
    with running_stack(tmp_path / "stack", settings=settings, rents_pods=True) as stack:
        yield stack
    assert processes_using(tmp_path) == {}


class Life:
    """Somebody who uses the API, and everything that was said to them."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.canaries: dict[str, str] = {"email": EMAIL, "prompt": PROMPT, "photo": METADATA}
        self.answers: list[str] = []
        self.problems: list[str] = []
        connection = connect(None, None, stack.data)
        self.api = connection.api
        self.canaries |= {"token": connection.token, "stranger": STRANGER}
        self.http = httpx.Client(
            base_url=connection.api,
            headers={"Authorization": f"Bearer {connection.token}"},
            timeout=60,
            trust_env=False,
            event_hooks={"response": [self._hear]},
        )
        self.browser = httpx.Client(timeout=60, trust_env=False)

    def _hear(self, reply: httpx.Response) -> None:
        text = f"{reply.read().decode(errors='replace')} {dict(reply.headers)}"
        (self.problems if reply.status_code >= 400 else self.answers).append(text)

    def post(self, path: str, status: int, **words: Any) -> dict[str, Any]:
        """The answer, which has this status."""
        reply = self.http.post(path, **words)
        assert reply.status_code == status, reply.text
        return dict(reply.json())

    def until(self, holds: Callable[[], Any], what: str) -> Any:
        """What it answers as soon as that is true."""
        began = time.monotonic()
        while not (found := holds()):
            assert time.monotonic() - began < PATIENCE_SECONDS, f"never: {what}"
            time.sleep(0.2)
        return found

    def ended(self, address: str) -> dict[str, Any]:
        """The document of an attempt that has ended."""

        def seen() -> dict[str, Any] | None:
            document: dict[str, Any] = self.http.get(address).json()
            return None if document["status"] in {"queued", "running"} else document

        return dict(self.until(seen, f"an end of {address}"))

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.stack.addresses.database, autocommit=True) as connection:
            return connection.execute(statement.encode()).fetchall()

    def knows(self) -> dict[str, str]:
        """Every canary there is by now, by its name."""
        settings = self.stack.settings
        secrets = {
            name: value.get_secret_value()
            for name in Settings.model_fields
            if isinstance(value := getattr(settings, name), SecretStr)
        }
        # The password alone, and not the address that every log of a database names.
        secrets["database_url"] = secrets["database_url"].split("@")[0].rsplit(":", 1)[1]
        pods = self.rows("select id, token_salt from pods where token_salt is not null")
        tokens = {f"pod {n}": token_of(secrets["secret_key"], *pod) for n, pod in enumerate(pods)}
        assert tokens
        signed = PRESIGNED.findall("\n".join(self.answers))
        assert signed
        signatures = {f"signature {n}": found for n, found in enumerate(signed)}
        return {
            name: text
            for name, text in (self.canaries | secrets | tokens | signatures).items()
            if text
        }


@pytest.fixture
def life(stack: Stack) -> Iterator[Life]:
    life = Life(stack)
    with life.http, life.browser:
        yield life


def photo() -> bytes:
    """A JPEG whose maker, place and comment are canaries."""
    exif = Image.Exif()
    exif[0x010F] = exif[0x010E] = METADATA
    exif.get_ifd(0x8825)[0x1B] = METADATA.encode()
    file = io.BytesIO()
    picture = Image.effect_noise((96, 64), 40).convert("RGB")
    picture.save(file, "JPEG", exif=exif.tobytes(), comment=METADATA.encode())
    return file.getvalue()


def uploads(life: Life) -> dict[str, Any]:
    """A job, from a photo that a page sent to the bucket."""
    sent = photo()
    upload = life.post(
        "/api/v1/uploads", 201, json={"content_type": "image/jpeg", "size_bytes": len(sent)}
    )
    origin = f"http://localhost:{life.stack.api.port}"
    reply = life.browser.post(
        upload["url"],
        data=upload["fields"],
        files={"file": (f"{METADATA}.jpg", sent, "image/jpeg")},
        headers={"Origin": origin},
    )
    assert reply.status_code == 204, reply.text
    assert reply.headers["access-control-allow-origin"] == origin
    life.canaries["form"] = upload["fields"]["policy"]
    body = {"upload_id": upload["id"], "email": EMAIL}
    job = life.post(upload["links"]["job"], 201, json=body)
    assert life.browser.get(job["original_url"]).content == sent
    return job


def is_refused(life: Life) -> None:
    """Everything private, sent where it is not taken."""
    form = {"photo": (f"{METADATA}.jpg", b"<html>" + METADATA.encode(), "image/jpeg")}
    life.post("/api/v1/jobs/upload", 415, files=form, data={"email": EMAIL})
    life.post("/api/v1/jobs/upload", 422, files=form, data={"email": f"{EMAIL}@{MARK}"})
    life.post("/api/v1/uploads", 422, json={"content_type": EMAIL, "size_bytes": PROMPT})
    life.post("/api/v1/uploads", 422, content=f'{{"{EMAIL}": '.encode())
    for token in (STRANGER, f"rk_{'0' * 32}_{STRANGER}", f"eyJhbGciOiJub25lIn0.{STRANGER}."):
        reply = life.browser.get(
            f"{life.api}/api/v1/jobs?cursor={EMAIL}",
            headers={"Authorization": f"Bearer {token}", "Cookie": f"s={STRANGER}"},
        )
        assert reply.status_code == 401
        life.problems.append(reply.text)
    stripe = {"Stripe-Signature": f"t=1,v1={STRANGER}"}
    life.post("/api/v1/webhooks/stripe", 401, content=EMAIL.encode(), headers=stripe)
    assert life.http.get(f"/api/v1/jobs/{EMAIL}?token={STRANGER}").status_code in {404, 422}


def makes_a_key_and_a_hook(life: Life) -> None:
    """An API key that is used, and an endpoint where nobody listens."""
    made = life.post("/api/v1/api-keys", 201, json={"name": "a program"})
    life.canaries["api key"] = made["key"]
    used = life.browser.get(
        f"{life.api}/api/v1/jobs", headers={"Authorization": f"Bearer {made['key']}"}
    )
    assert used.status_code == 200
    hook = life.post(
        "/api/v1/webhook-endpoints", 201, json={"url": f"http://127.0.0.1:9/{HOOK}?k={HOOK}"}
    )
    life.canaries |= {"hook": HOOK, "hook's secret": hook["secret"]}


def loses_its_bucket(life: Life) -> None:
    """The store of photos is away when one comes."""
    life.stack.s3.kill()
    form = {"photo": ("photo.jpg", photo(), "image/jpeg")}
    try:
        life.post("/api/v1/jobs/upload", 503, files=form, data={"email": EMAIL})
    finally:
        life.stack.s3.start()


def restores(life: Life, job: dict[str, Any]) -> dict[str, Any]:
    """Once on an engine that breaks every graph, then well."""
    assert life.stack.runpod is not None
    logs = life.stack.runpod.data / "pods"

    def engines() -> list[str]:
        return [url for log in logs.glob("*.log") for url in GUI.findall(log.read_text())]

    [engine] = life.until(engines, "an engine")[-1:]
    fault = {"kind": "node_error", "node": "SaveImage", "count": 1000}
    httpx.post(f"{engine}/simulator/faults", json={"faults": [fault]}, timeout=60)
    broken = life.post(job["links"]["restore"], 202, json={"megapixels": 0.1})
    assert life.ended(broken["links"]["self"])["status"] == "failed"
    httpx.post(f"{engine}/simulator/faults", json={}, timeout=60).raise_for_status()
    started = life.post(job["links"]["restore"], 202, json={"megapixels": 0.1})
    attempt = life.ended(started["links"]["self"])
    assert attempt["status"] == "succeeded", attempt
    return attempt


def animates(life: Life, job: dict[str, Any]) -> None:
    """A wish in words, taken back while it waits for a pod that never comes."""
    wish = {"prompt": PROMPT, "seconds": 2, "fps": 12}
    started = life.post(job["links"]["animate"], 202, json=wish)
    life.post(started["links"]["cancel"], 202)
    assert life.ended(started["links"]["self"])["status"] == "canceled"


def buys(life: Life, job: dict[str, Any], attempt: dict[str, Any]) -> str:
    """The HD of an attempt, although Stripe was away at first; its address."""
    stripe = life.stack.stripe
    assert stripe is not None
    fault = {
        "kind": "server_error",
        "route": "POST /v1/checkout/sessions",
        "status_code": 500,
        "count": 20,
    }
    plan = {"faults": [fault]}
    httpx.post(f"{stripe.url}/simulator/faults", json=plan, timeout=60).raise_for_status()
    wish = {"attempt_id": attempt["id"]}
    path = f"/api/v1/jobs/{job['id']}/checkout"
    life.post(path, 503, json=wish)
    httpx.delete(f"{stripe.url}/simulator/faults", timeout=60).raise_for_status()

    def page() -> str | None:
        reply = life.http.post(path, json=wish)
        return str(reply.json()["checkout_url"]) if reply.status_code in {200, 201} else None

    session = life.until(page, "a checkout page").split("?")[0].rstrip("/").rsplit("/", 1)[1]
    paid = {"session": session, "with": "card"}
    httpx.post(f"{stripe.url}/simulator/pay", json=paid, timeout=60).raise_for_status()

    def hd() -> str | None:
        reply = life.http.get(f"/api/v1/jobs/{job['id']}/restores/{attempt['id']}/hd")
        return str(reply.json()["url"]) if reply.status_code == 200 else None

    return str(life.until(hd, "HD"))


def logs(stack: Stack) -> Iterator[tuple[str, str]]:
    """Everything that a process of ours has written; a pod's log holds its agent's."""
    assert stack.runpod is not None
    for log in (stack.api.log, stack.worker.log, *stack.runpod.data.rglob("*.log")):
        assert log is not None
        yield f"log {log.name}", log.read_text(errors="replace")


async def told_temporal(stack: Stack) -> dict[str, str]:
    """By workflow: every event of its history, and what is known of it outside of that."""
    where = stack.addresses
    client = await connect_temporal(where.temporal, where.temporal_namespace)
    told: dict[str, str] = {}
    async for run in client.list_workflows():
        handle = client.get_workflow_handle(run.id, run_id=run.run_id)
        # A payload's bytes stand in a message as they are.
        events = [each.SerializeToString() async for each in handle.fetch_history_events()]
        told[f"history {run.id}"] = b"\n".join(events).decode(errors="replace")
        description = (await handle.describe()).raw_description
        told[f"description {run.id}"] = description.SerializeToString().decode(errors="replace")
        told[f"listing {run.id}"] = run.raw_info.SerializeToString().decode(errors="replace")
    return told | await _schedules(client)


async def _schedules(client: Client) -> dict[str, str]:
    told = {}
    async for schedule in await client.list_schedules():
        description = await client.get_schedule_handle(schedule.id).describe()
        message = description.raw_description.SerializeToString()
        told[f"schedule {schedule.id}"] = message.decode(errors="replace")
    return told


def test_nothing_private_of_a_whole_life_is_where_it_must_not_be(stack: Stack, life: Life) -> None:
    job = uploads(life)
    is_refused(life)
    makes_a_key_and_a_hook(life)
    attempt = restores(life, job)
    hd = buys(life, job, attempt)
    animates(life, job)
    loses_its_bucket(life)
    delivered = [life.browser.get(url) for url in (attempt["preview_url"], hd)]

    for reply in delivered:
        assert reply.status_code == 200
        picture = Image.open(io.BytesIO(reply.content))
        assert picture.width > picture.height
        assert MARK.encode() not in reply.content

    canaries = life.knows()
    assert {"secret_key", "runpod_api_key", "stripe_secret_key", "pod 0"} <= canaries.keys()
    texts = dict(logs(stack)) | {f"problem {n}": text for n, text in enumerate(life.problems)}
    temporal = asyncio.run(told_temporal(stack))
    histories = [text for name, text in temporal.items() if name.startswith("history")]
    assert len(histories) >= 5
    assert any(PROMPT in text for text in histories), "payloads cannot be read, so nothing is shown"
    assert any("graph_failed" in text for text in histories)
    # What is looked through is really there, and whole.
    assert texts["log api.log"].count("/api/v1/") >= 20
    assert attempt["id"] in texts["log worker.log"]

    found = sorted(
        (name, canary)
        for name, text in (texts | temporal).items()
        for canary, value in canaries.items()
        if value in text and not (name.startswith("history") and canary in ALLOWED_IN_HISTORIES)
    )
    assert found == []
