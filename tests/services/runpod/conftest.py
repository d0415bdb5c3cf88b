"""An account at the simulator of RunPod, served on a free port of this machine."""

import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from rekindle.adapters.runpod.cloud import RunPodCloud
from simulators.common.asgi import TellingProtocol
from simulators.common.clock import Clock
from simulators.runpod.app import create_app
from simulators.runpod.options import BootTimes, Options

KEY = "rpa_account-of-the-tests"
READ_ONLY_KEY = "rpa_may-only-look"
VOLUME = "vol-models"
PLACE = "EU-RO-1"
S3_ACCESS, S3_SECRET = "user_tests", "rps_tests"


@dataclass
class Account:
    """Where the simulator is, and what a test may do to it."""

    url: str
    key: str = KEY
    read_only_key: str = READ_ONLY_KEY
    volume_id: str = VOLUME
    data_center: str = PLACE
    s3_access: str = S3_ACCESS
    s3_secret: str = S3_SECRET

    @property
    def s3_url(self) -> str:
        """Of the volumes of its data centre."""
        return f"{self.url}/s3/{self.data_center}"

    @property
    def proxy_url(self) -> str:
        return self.url + "/proxy/{pod_id}/{port}"

    @property
    def variables(self) -> dict[str, str]:
        """The settings of who rents there."""
        return {
            "RUNPOD_API_KEY": self.key,
            "RUNPOD_API_URL": self.url,
            "RUNPOD_PROXY_URL": self.proxy_url,
            "RUNPOD_NETWORK_VOLUME_ID": "",
        }

    def plan(self, *faults: dict[str, Any]) -> None:
        """What goes wrong from now on."""
        self._post("faults", {"faults": list(faults)})

    def advance(self, seconds: float) -> None:
        """Move the account's time."""
        self._post("clock", {"advance": seconds})

    def stock(self, **words: Any) -> None:
        self._post("stock", words)

    def pods(self) -> list[dict[str, Any]]:
        """The pods that are not terminated, as they truly are."""
        listed: list[dict[str, Any]] = self._get("pods")["pods"]
        return listed

    def now(self) -> float:
        return float(self._get("clock")["now"])

    def gpus(self) -> list[str]:
        """Every GPU type of the catalogue."""
        bearer = {"Authorization": f"Bearer {self.key}"}
        reply = httpx.get(f"{self.url}/v2/catalog/gpus", headers=bearer, timeout=60)
        return [gpu["id"] for gpu in reply.raise_for_status().json()["gpus"]]

    def _get(self, path: str) -> Any:
        return httpx.get(f"{self.url}/simulator/{path}", timeout=60).raise_for_status().json()

    def _post(self, path: str, body: dict[str, Any]) -> None:
        httpx.post(f"{self.url}/simulator/{path}", json=body, timeout=60).raise_for_status()


@contextmanager
def serving(options: Options, clock: Clock | None = None) -> Iterator[str]:
    """The simulator in a thread of its own, since commands run their own event loop here."""
    config = uvicorn.Config(
        create_app(options, clock), port=0, http=TellingProtocol, ws="none", log_config=None
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="simulator of RunPod")
    thread.start()
    try:
        deadline = time.monotonic() + 60
        while not server.started:
            assert thread.is_alive(), "the simulator did not start"
            assert time.monotonic() < deadline
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def _options(data: Path, **more: Any) -> Options:
    return Options(
        data=data,
        api_key=KEY,
        read_only_key=READ_ONLY_KEY,
        light=True,
        volumes={VOLUME: PLACE},
        s3_keys={S3_ACCESS: S3_SECRET},
        **more,
    )


@pytest.fixture
def frozen(tmp_path: Path) -> Iterator[Account]:
    """An account whose time stands still: 10 s, 20 s and 30 s are the stages of a boot."""
    options = _options(tmp_path / "runpod", is_frozen=True, boot=BootTimes(10, 20, 30))
    with serving(options) as url:
        yield Account(url)


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Account]:
    """An account whose time stands still, two days ago; its pods boot at once."""
    clock = Clock(is_frozen=True, base=lambda: time.time() - 2 * 86_400)
    with serving(_options(tmp_path / "runpod", boot=BootTimes(0, 0, 0)), clock) as url:
        yield Account(url)


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    """An account whose pods boot at once."""
    with serving(_options(tmp_path / "runpod", boot=BootTimes(0, 0, 0))) as url:
        yield Account(url)


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., RunPodCloud]]:
    """Makes clients of an account, which are closed after the test."""
    opened: list[RunPodCloud] = []

    def make(account: Account, **changed: Any) -> RunPodCloud:
        given = {"api_url": account.url, "key": account.key, "proxy_url": account.proxy_url}
        opened.append(RunPodCloud(**{**given, **changed}))
        return opened[-1]

    yield make
    for cloud in opened:
        await cloud.close()
