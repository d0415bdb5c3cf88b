"""The account at RunPod, through REST v2 (`ports.gpu_cloud.GpuCloud`)."""

import re
from collections.abc import Sequence
from datetime import datetime

from rekindle.adapters.runpod import statuses, wire
from rekindle.adapters.runpod.door import RestDoor
from rekindle.adapters.runpod.listing import SharedListing
from rekindle.errors import CloudRefused, SettingsInvalid
from rekindle.ports.gpu_cloud import CloudPod, GpuOffer, PodBill, PodOrder, Volume

_AN_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_PODS = "/v2/pods"
_STOCK_FOR_PODS = {"include": "AVAILABILITY", "product": "POD", "cloud": "SECURE", "count": "1"}
"""`product` is required with availability, and availability differs by it."""


class RunPodCloud:
    """One account at RunPod (`ports.gpu_cloud.GpuCloud`).

    The API takes 60 calls a minute for the whole account. `find` is the call to poll with: callers
    at the same time share one request, and a listing is served for one second, unless this object
    created or terminated something meanwhile.
    """

    def __init__(self, *, api_url: str, key: str, proxy_url: str, timeout: float = 30.0) -> None:
        """Prepare a client for one event loop; nothing is requested yet.

        Args:
            api_url: address of the REST API, without `/v2`.
            key: API key; it goes to that address alone.
            proxy_url: where a port of a pod is reached, with `{pod_id}` and `{port}` in it.
            timeout: for a whole call, seconds.

        Raises:
            SettingsInvalid: one of these cannot be right.
        """
        if "{pod_id}" not in proxy_url or "{port}" not in proxy_url:
            raise SettingsInvalid("RUNPOD_PROXY_URL must have {pod_id} and {port} in it.")
        self._door = RestDoor(api_url, key, timeout=timeout)
        self._proxy_url = proxy_url.rstrip("/")
        self._listing = SharedListing(self._list)

    async def create(self, order: PodOrder) -> CloudPod:
        """See `GpuCloud.create`."""
        body = wire.create_body(order)
        try:
            answer = await self._door.call(
                *("POST", _PODS),
                exceptions=statuses.ON_CREATE,
                body=body,
                secrets=order.env.values(),
            )
        finally:
            self._listing.forget()  # also after a failure: the pod may be there
        return wire.read_as(answer.body, wire.pod)

    async def get(self, cloud_id: str) -> CloudPod | None:
        """See `GpuCloud.get`."""
        if not _AN_ID.fullmatch(cloud_id):
            return None
        answer = await self._door.call("GET", f"{_PODS}/{cloud_id}", exceptions=statuses.ON_A_POD)
        return None if answer.gone else wire.read_as(answer.body, wire.pod)

    async def find(self, prefix: str) -> Sequence[CloudPod]:
        """See `GpuCloud.find`."""
        return [pod for pod in await self._listing.pods() if pod.name.startswith(prefix)]

    async def terminate(self, cloud_id: str) -> bool:
        """See `GpuCloud.terminate`."""
        if not _AN_ID.fullmatch(cloud_id):
            raise CloudRefused("that is no id of a pod")
        try:
            answer = await self._door.call(
                "DELETE", f"{_PODS}/{cloud_id}", exceptions=statuses.ON_TERMINATE
            )
        finally:
            self._listing.forget()
        return not answer.gone

    async def offers(self, *, data_center: str | None = None) -> Sequence[GpuOffer]:
        """See `GpuCloud.offers`. What is not in Secure Cloud is left out: no order can name it."""
        answer = await self._door.call("GET", "/v2/catalog/gpus", params=_STOCK_FOR_PODS)
        found = wire.listed(
            answer.body, "gpus", lambda each: wire.offer(each, data_center=data_center)
        )
        return [offer for offer in found if offer is not None]

    async def volumes(self) -> Sequence[Volume]:
        """See `GpuCloud.volumes`."""
        answer = await self._door.call("GET", "/v2/network-volumes")
        return wire.listed(answer.body, "networkVolumes", wire.volume)

    async def bills(self, *, since: datetime) -> Sequence[PodBill]:
        """See `GpuCloud.bills`. By the hour: the first hour is whole, the last rows come late."""
        params = {"startTime": wire.timestamp(since), "bucketSize": "hour"}
        answer = await self._door.call("GET", "/v2/billing/pods", params=params)
        return wire.listed(answer.body, "records", wire.bill)

    def address(self, cloud_id: str, port: int) -> str:
        """See `GpuCloud.address`."""
        # Not str.format: an address may hold further braces.
        return self._proxy_url.replace("{pod_id}", cloud_id).replace("{port}", str(port))

    async def close(self) -> None:
        """Close the connections."""
        await self._listing.close()
        await self._door.close()

    async def _list(self) -> Sequence[CloudPod]:
        answer = await self._door.call("GET", _PODS)
        return wire.listed(answer.body, "pods", wire.pod)
