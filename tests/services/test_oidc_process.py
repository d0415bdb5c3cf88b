"""The development issuer as a process of its own: start, crash, restart, bad starts."""

import asyncio
import errno
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from rekindle.adapters.oidc import OidcVerifier
from rekindle.errors import IssuerUnavailable

AUDIENCE = "https://api.example"
COMMAND = (sys.executable, "-m", "simulators.oidc", "--audience", AUDIENCE)


@dataclass
class Running:
    """An issuer that answers."""

    process: asyncio.subprocess.Process
    issuer: str
    data: Path

    @property
    def port(self) -> int:
        return urlsplit(self.issuer).port or 0

    async def token(self) -> str:
        secret = await asyncio.to_thread((self.data / "clients" / "cli.secret").read_text)
        async with httpx.AsyncClient(base_url=self.issuer, trust_env=False, timeout=60) as http:
            form = {"grant_type": "client_credentials"}
            reply = await http.post("oauth/token", data=form, auth=("cli", secret))
        return str(reply.raise_for_status().json()["access_token"])


async def start(*arguments: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*COMMAND, *arguments, stdout=pipe, stderr=pipe)


@asynccontextmanager
async def running(data: Path, port: int = 0) -> AsyncIterator[Running]:
    process = await start("--data", str(data), "--port", str(port), "--client", "cli:alice:jobs")
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            word, _, issuer = (await process.stdout.readline()).decode().strip().partition(" ")
        assert word == "issuer"
        yield Running(process, issuer, data)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
async def test_a_token_outlives_its_issuers_process(tmp_path: Path, ending: signal.Signals) -> None:
    data = tmp_path / "issuer"
    async with running(data) as first:
        token = await first.token()
        verifier = OidcVerifier(first.issuer, AUDIENCE)
        before = await verifier.verify(token)
        assert before.subject == "dev|alice"
        first.process.send_signal(ending)
        async with asyncio.timeout(60):
            await first.process.wait()
    assert await verifier.verify(token) == before
    await verifier.aclose()
    fresh = OidcVerifier(first.issuer, AUDIENCE)
    with pytest.raises(IssuerUnavailable):
        await fresh.check()
    await fresh.aclose()
    async with running(data, first.port) as second:
        assert second.issuer == first.issuer
        fresh = OidcVerifier(second.issuer, AUDIENCE)
        assert await fresh.verify(token) == before
        assert (await fresh.verify(await second.token())).subject == "dev|alice"
        await fresh.aclose()


async def test_a_rotated_key_is_picked_up_over_the_network(tmp_path: Path) -> None:
    async with running(tmp_path / "issuer") as issuer:
        verifier = OidcVerifier(issuer.issuer, AUDIENCE)
        old = await issuer.token()
        await verifier.verify(old)
        secret = await asyncio.to_thread((issuer.data / "control.secret").read_text)
        headers = {"Authorization": f"Bearer {secret}"}
        async with httpx.AsyncClient(base_url=issuer.issuer, trust_env=False, timeout=60) as http:
            (await http.post("simulator/rotate", headers=headers)).raise_for_status()
        await verifier.verify(await issuer.token())
        await verifier.verify(old)
        await verifier.aclose()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_no_secret_shows_in_the_process_list(tmp_path: Path) -> None:
    async with running(tmp_path / "issuer") as issuer:
        shown = Path(f"/proc/{issuer.process.pid}")
        visible = (shown / "cmdline").read_bytes() + (shown / "environ").read_bytes()
        assert AUDIENCE.encode() in visible
        for path in (issuer.data / "clients" / "cli.secret", issuer.data / "control.secret"):
            assert path.read_bytes() not in visible


def damaged(data: Path) -> tuple[str, ...]:
    data.mkdir()
    (data / "signing-keys.json").write_text("{}")
    return ("--data", str(data))


def file_in_the_way(data: Path) -> tuple[str, ...]:
    data.write_text("")
    return ("--data", str(data))


def public_address(data: Path) -> tuple[str, ...]:
    return ("--data", str(data), "--listen", "0.0.0.0")  # noqa: S104 - refused


@pytest.mark.parametrize("prepare", [damaged, file_in_the_way, public_address])
async def test_a_bad_start_says_why_and_leaves(
    tmp_path: Path, prepare: Callable[[Path], tuple[str, ...]]
) -> None:
    process = await start(*prepare(tmp_path / "issuer"))
    async with asyncio.timeout(60):
        _, told = await process.communicate()
    assert process.returncode in (1, 2)
    assert b"Traceback" not in told
    assert len(told) > 20


async def test_a_taken_port_is_reported(tmp_path: Path) -> None:
    async with running(tmp_path / "one") as first:
        process = await start("--data", str(tmp_path / "two"), "--port", str(first.port))
        async with asyncio.timeout(60):
            _, told = await process.communicate()
    assert process.returncode == 1
    assert os.strerror(errno.EADDRINUSE).encode() in told
    assert b"Traceback" not in told
