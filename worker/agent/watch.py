"""Whether ComfyUI is there, which of its lives this is, and when it last showed one."""

import asyncio
import time
from collections.abc import Callable
from uuid import uuid4

import structlog

from rekindle.errors import ComfyUnavailable, PodGone
from rekindle.ports.comfy import Comfy
from rekindle.ports.relay import ComfyRelay, RelaySocket

_LOG = structlog.get_logger(__name__)
_PROBE_SECONDS = 2.0
_PATIENCE_SECONDS = 10.0
_AWAY_PAUSE_SECONDS = 0.25

Clock = Callable[[], float]


class ComfyWatch:
    """Holds a websocket to ComfyUI, because it breaks the moment ComfyUI dies, and asks it often.

    Attributes:
        life: counts ComfyUI's deaths: what it was told in an earlier life it has forgotten.
        last_sign: when something was last heard of a running prompt, on the clock.
    """

    def __init__(self, comfy: Comfy, relay: ComfyRelay, *, clock: Clock = time.monotonic) -> None:
        """Watch nothing yet.

        Args:
            comfy: the server, to ask.
            relay: the same server, to listen to.
            clock: seconds, for the age of signs.
        """
        self._comfy = comfy
        self._relay = relay
        self._clock = clock
        self._connected = False
        self._answers = False
        self._changed_at = clock()
        self.life = 0
        self.last_sign = clock()

    @property
    def is_available(self) -> bool:
        """Whether ComfyUI runs and answers."""
        return self._connected and self._answers

    @property
    def is_connected(self) -> bool:
        """Whether ComfyUI runs; it may be too busy to answer."""
        return self._connected

    @property
    def away_seconds(self) -> float:
        """For how long it has not been available; 0 while it is."""
        return 0.0 if self.is_available else self._clock() - self._changed_at

    def heard(self, message: str | bytes) -> None:
        """Note a message of ComfyUI's: about a prompt, or a preview, it is a sign of life."""
        if isinstance(message, bytes) or '"prompt_id"' in message:
            self.last_sign = self._clock()

    async def run(self) -> None:
        """Watch for ever."""
        while True:
            try:
                await self._comfy.check()
                async with self._relay.socket(f"agent-{uuid4()}") as socket:
                    await self._stay(socket)
            except (ComfyUnavailable, PodGone):
                pass
            self._set(connected=False, answers=False)
            await asyncio.sleep(_AWAY_PAUSE_SECONDS)

    async def _stay(self, socket: RelaySocket) -> None:
        """Until the socket breaks."""
        self.last_sign = self._clock()
        self._set(connected=True, answers=True)
        asking = asyncio.create_task(self._keep_asking())
        try:
            async for message in socket.messages():
                self.heard(message)
        finally:
            self.life += 1
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def _keep_asking(self) -> None:
        while True:
            await asyncio.sleep(_PROBE_SECONDS)
            self._set(connected=self._connected, answers=await self._is_answering())

    async def _is_answering(self) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._comfy.check()
        except (ComfyUnavailable, PodGone, TimeoutError):
            return False
        return True

    def _set(self, *, connected: bool, answers: bool) -> None:
        before = self.is_available
        self._connected, self._answers = connected, answers
        if self.is_available != before:
            self._changed_at = self._clock()
            _LOG.info("comfy_available" if self.is_available else "comfy_away", life=self.life)
