"""The API as a process of its own: its memory, its limits on the wire, its end."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.embedded.ports import free_port
from deploy.embedded.probes import http_ok

MB = 1 << 20
UPLOAD = "/api/v1/jobs/upload"
HEAD = (
    b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\nada@example.com\r\n'
    b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
)
TAIL = b"\r\n--x--\r\n"
FORM = {"Content-Type": "multipart/form-data; boundary=x"}


@asynccontextmanager
async def client(server: Any, token: str | None) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(
        base_url=server.url, headers=headers, timeout=60, trust_env=False
    ) as http:
        yield http


async def form(photo: bytes, size: int) -> AsyncIterator[bytes]:
    """A form whose photo is filled up with zeros, in pieces; sent without a length."""
    yield HEAD + photo
    left = size - len(photo)
    while left > 0:
        piece = b"\x00" * min(left, 256 * 1024)
        left -= len(piece)
        yield piece
    yield TAIL


async def no_file_stays(server: Any) -> None:
    async with asyncio.timeout(60):
        while server.left_behind():
            await asyncio.sleep(0.01)


async def count_jobs(http: httpx.AsyncClient) -> int:
    return len((await http.get("/api/v1/jobs?limit=100")).raise_for_status().json()["jobs"])


async def test_it_is_healthy_and_small_when_idle(server: Any) -> None:
    async with client(server, None) as http:
        async with asyncio.timeout(60):  # a part that takes two seconds to answer is not healthy
            while (await http.get("/health")).json()["status"] != "healthy":
                await asyncio.sleep(0.1)
    assert server.memory("VmRSS") < 220 * MB


async def test_a_photo_of_50_mb_passes_through_without_staying_in_memory(
    server: Any, token: str, make_photo: Any
) -> None:
    async with client(server, token) as http:
        # Once at the start: what is imported and connected by the first upload is not its body.
        small = await http.post(UPLOAD, content=form(make_photo(), 0), headers=FORM)
        assert small.status_code == 201, small.text
        before = server.memory("VmRSS")
        server.forget_peak()
        large = await http.post(UPLOAD, content=form(make_photo(), 50 * MB), headers=FORM)
    assert large.status_code == 201, large.text
    assert large.json()["photo"]["size_bytes"] == 50 * MB
    assert server.memory("VmHWM") - before <= 30 * MB
    await no_file_stays(server)


@pytest.mark.parametrize("with_length", [True, False], ids=["declared", "chunked"])
async def test_a_photo_over_50_mb_is_refused_in_words(
    with_length: bool, server: Any, token: str, make_photo: Any
) -> None:
    headers = dict(FORM)
    size = 55 * MB
    if with_length:
        headers["Content-Length"] = str(len(HEAD) + size + len(TAIL))
    before = server.memory("VmRSS")
    server.forget_peak()
    async with client(server, token) as http:
        jobs = await count_jobs(http)
        reply = await http.post(UPLOAD, content=form(make_photo(), size), headers=headers)
        assert (reply.status_code, reply.json()["code"]) == (413, "photo_too_large")
        assert reply.headers["connection"] == "close"
        assert await count_jobs(http) == jobs
    assert server.memory("VmHWM") - before <= 30 * MB
    await no_file_stays(server)


async def test_one_byte_over_50_mb_is_refused(server: Any, token: str, make_photo: Any) -> None:
    """It passes the limit of the form, which has room for its envelope, not that of the photo."""
    async with client(server, token) as http:
        reply = await http.post(UPLOAD, content=form(make_photo(), 50 * MB + 1), headers=FORM)
    assert (reply.status_code, reply.json()["code"]) == (413, "photo_too_large")
    await no_file_stays(server)


async def test_a_stranger_with_a_large_photo_is_told_to_sign_in(
    server: Any, make_photo: Any
) -> None:
    """The answer comes before the photo has been read, and yet arrives."""
    async with client(server, None) as http:
        reply = await http.post(UPLOAD, content=form(make_photo(), 40 * MB), headers=FORM)
    assert (reply.status_code, reply.json()["code"]) == (401, "missing_token")
    await no_file_stays(server)


async def test_curl_asks_first_and_is_spared_the_sending(server: Any, token: str) -> None:
    """`Expect: 100-continue` for a body that is declared too large: refused, never invited."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(
        (
            f"POST {UPLOAD} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: {FORM['Content-Type']}\r\nContent-Length: {60 * MB}\r\n"
            "Expect: 100-continue\r\n\r\n"
        ).encode()
    )
    async with asyncio.timeout(60):
        answer = await reader.read()  # to the end: the server closes
    assert answer.startswith(b"HTTP/1.1 413 ")
    writer.close()
    await writer.wait_closed()


async def test_a_client_that_leaves_half_way_leaves_nothing(
    server: Any, token: str, make_photo: Any
) -> None:
    async with client(server, token) as http:
        jobs = await count_jobs(http)
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(
        (
            f"POST {UPLOAD} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: {FORM['Content-Type']}\r\nContent-Length: {10 * MB}\r\n\r\n"
        ).encode()
        + HEAD
        + b"\x00" * 3 * MB
    )
    await writer.drain()
    async with asyncio.timeout(60):
        while not server.left_behind():
            await asyncio.sleep(0.01)
    writer.close()
    await writer.wait_closed()
    await no_file_stays(server)
    async with client(server, token) as http:
        assert await count_jobs(http) == jobs


async def test_fifty_megabytes_of_text_fields_do_not_fill_the_memory(
    server: Any, token: str
) -> None:
    """Fields that are no files would be kept in memory; there may be two short ones."""

    async def fields() -> AsyncIterator[bytes]:
        for number in range(50):
            yield f'--x\r\nContent-Disposition: form-data; name="f{number}"\r\n\r\n'.encode()
            yield b"a" * (MB - 200) + b"\r\n"
        yield b"--x--\r\n"

    before = server.memory("VmRSS")
    server.forget_peak()
    async with client(server, token) as http:
        reply = await http.post(UPLOAD, content=fields(), headers=FORM)
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_request")
    assert server.memory("VmHWM") - before <= 30 * MB


async def test_without_a_worker_a_wish_is_sent_back_after_five_seconds(
    server: Any, token: str, make_photo: Any
) -> None:
    async with client(server, token) as http:
        job = (await http.post(UPLOAD, content=form(make_photo(), 0), headers=FORM)).json()
        async with asyncio.timeout(60):
            reply = await http.post(job["links"]["restore"], json={})
        assert (reply.status_code, reply.json()["code"]) == (503, "workflows_unavailable")
        assert (await http.get(job["links"]["self"])).json()["restores"] == []


async def test_what_is_private_is_in_no_log(server: Any, token: str, make_photo: Any) -> None:
    async with client(server, token) as http:
        for photo in (make_photo(), b"no photo"):
            await http.post(UPLOAD, content=form(photo, 0), headers=FORM)
    log = server.log.read_text()
    assert '"route": "/api/v1/jobs/upload"' in log
    assert "ada@example.com" not in log
    assert token not in log
    assert "X-Amz-Signature" not in log


async def test_told_to_stop_it_finishes_what_it_has_begun(
    tmp_path: Path, environment: dict[str, str], token: str, make_photo: Any
) -> None:
    log = (tmp_path / "log").open("wb")
    port = free_port()
    environment = {**environment, "BACKEND_PORT": str(port), "PATH": os.environ["PATH"]}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "api.main", env=environment, stdout=log, stderr=log
    )
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield HEAD + make_photo()
        begun.set()
        await stopped.wait()
        yield TAIL

    try:
        async with (
            asyncio.timeout(120),
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}",
                headers={"Authorization": f"Bearer {token}"},
                timeout=60,
                trust_env=False,
            ) as http,
        ):
            while http_ok(port, "/health/ready")() is not None:
                await asyncio.sleep(0.05)
            upload = asyncio.create_task(http.post(UPLOAD, content=slowly(), headers=FORM))
            await begun.wait()
            process.send_signal(signal.SIGTERM)
            while http_ok(port, "/health")() is None:  # until it takes no more
                await asyncio.sleep(0.05)
            stopped.set()
            assert (await upload).status_code == 201
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        log.close()


def test_with_settings_that_are_not_safe_it_says_so_and_does_not_start(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "api.main"],
        env={"PATH": os.environ["PATH"], "SECRET_KEY": "too short", "BACKEND_PORT": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("SECRET_KEY has fewer than 32 characters.")
    assert "too short" not in ended.stderr
