"""The door to rented pods: their addresses and tokens, from the ledger."""

import asyncio
import ssl
from collections import OrderedDict
from dataclasses import dataclass

import httpx

from rekindle.adapters.comfyui import ComfyClient
from rekindle.errors import ComfyUnavailable, PodGone
from rekindle.ports.comfy import Comfy
from rekindle.ports.gpu_cloud import GpuCloud
from rekindle.ports.pods import PodHealth
from rekindle.rules.pods import token_of
from rekindle.store import pods
from rekindle.store.database import Database

AGENT_PORT = 8001
_MOST = 512
"""Doors that are kept open; the longest unused is closed first."""


@dataclass(frozen=True)
class _Door:
    http: httpx.AsyncClient
    comfy: ComfyClient


class RentedDoors:
    """Clients of rented pods by name (`ports.pods.PodDoor`).

    A name stands for one machine for ever, so a door once found need not be looked up again.
    """

    def __init__(
        self, cloud: GpuCloud, database: Database, *, secret_key: str, timeout: float
    ) -> None:
        """Find them in `database`; nothing connects yet.

        Args:
            cloud: tells a pod's address.
            secret_key: what pods' tokens are derived from.
            timeout: longest wait for one reply, seconds.
        """
        self._cloud = cloud
        self._database = database
        self._secret_key = secret_key
        self._timeout = timeout
        self._doors: OrderedDict[str, _Door] = OrderedDict()
        self._trust = ssl.create_default_context()  # shared: one of its own would be 1 MB a pod
        self._closing: set[asyncio.Task[None]] = set()

    async def comfy(self, pod_id: str) -> Comfy:
        """See `PodDoor.comfy`."""
        return (await self._door(pod_id)).comfy

    async def health(self, pod_id: str) -> PodHealth:
        """See `PodDoor.health`."""
        door = await self._door(pod_id)
        try:
            answer = await door.http.get("/health", timeout=10.0)
            told = answer.json()
            return PodHealth(
                can_render=bool(told["comfyui_available"]),
                is_fit=told["status"] != "unhealthy",
                machine=told.get("host") or None,
            )
        except (httpx.TransportError, ValueError, KeyError, TypeError) as error:
            # Also a page of the proxy, which answers before the pod does.
            raise ComfyUnavailable(repr(error)) from error

    def is_shared(self, pod_id: str) -> bool:
        """See `PodDoor.is_shared`."""
        del pod_id
        return False

    async def close(self) -> None:
        """Close the connections."""
        for door in self._doors.values():
            await door.http.aclose()
        await asyncio.gather(*self._closing)

    async def _door(self, pod_id: str) -> _Door:
        if pod_id in self._doors:
            self._doors.move_to_end(pod_id)
            return self._doors[pod_id]
        async with self._database.transaction() as session:
            row = await pods.by_id(session, pod_id)
        if row is None or row.cloud_id is None or row.token_salt is None:
            raise PodGone(f"no door to {pod_id}")
        if pod_id in self._doors:  # another caller was quicker; nobody would close a second one
            return self._doors[pod_id]
        token = token_of(self._secret_key, pod_id, row.token_salt)
        self._doors[pod_id] = door = self._make(
            self._cloud.address(row.cloud_id, AGENT_PORT), token
        )
        while len(self._doors) > _MOST:
            _, oldest = self._doors.popitem(last=False)
            task = asyncio.create_task(oldest.http.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        return door

    def _make(self, address: str, token: str) -> _Door:
        http = httpx.AsyncClient(
            base_url=address,
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(self._timeout, connect=5.0),
            verify=self._trust,
            follow_redirects=False,
        )
        return _Door(http, ComfyClient(address, token=token, http=http))
