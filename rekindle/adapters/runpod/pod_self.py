"""A pod that returns itself, with the key that the platform puts into its environment."""

from urllib.parse import quote

import httpx

from rekindle.errors import CloudRefused, CloudUnavailable
from rekindle.ports.pod_self import Departure

_SECONDS = 20.0
_GONE = (httpx.codes.NO_CONTENT, httpx.codes.NOT_FOUND)
_FORBIDDEN = (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)


class RunPodSelf:
    """One pod's view of itself (`ports.pod_self.PodSelf`)."""

    def __init__(self, *, api_url: str, pod_id: str, api_key: str) -> None:
        """Prepare; nothing is requested yet.

        Args:
            api_url: address of the REST API, without `/v2`.
            pod_id: RUNPOD_POD_ID.
            api_key: the pod-scoped RUNPOD_API_KEY. The platform documents that it can stop its
                pod; whether it may terminate it is not said.
        """
        self._pod = f"/v2/pods/{quote(pod_id, safe='')}"
        self._http = httpx.AsyncClient(
            base_url=api_url.rstrip("/"),
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=_SECONDS,
        )

    async def leave(self) -> Departure:
        """See `PodSelf.leave`."""
        reply = await self._send("DELETE", self._pod)
        if reply.status_code in _GONE:
            return Departure.TERMINATED
        if reply.status_code in _FORBIDDEN:
            return await self._stop()
        raise CloudUnavailable(f"terminate: HTTP {reply.status_code}")

    async def _stop(self) -> Departure:
        reply = await self._send("POST", f"{self._pod}/action", json={"action": "stop"})
        if reply.is_success:
            return Departure.STOPPED
        if reply.status_code in _FORBIDDEN:
            raise CloudRefused(f"stop: HTTP {reply.status_code}")
        raise CloudUnavailable(f"stop: HTTP {reply.status_code}")

    async def _send(
        self, method: str, path: str, json: dict[str, str] | None = None
    ) -> httpx.Response:
        try:
            return await self._http.request(method, path, json=json)
        except httpx.TransportError as error:
            raise CloudUnavailable(type(error).__name__) from None  # its text may quote the key

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()
