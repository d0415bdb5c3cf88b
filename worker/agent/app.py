"""The agent as an ASGI application: settings and ports in, routes and watchers put together."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import structlog
from starlette.applications import Starlette
from starlette.types import ASGIApp

from rekindle.wiring.agent import AgentPorts, open_agent
from worker.agent.dead_man import DeadMansSwitch
from worker.agent.gate import PromptGate
from worker.agent.generate import Generator
from worker.agent.guard import TokenGuard
from worker.agent.health import PodHealth
from worker.agent.problems import EXCEPTION_HANDLERS
from worker.agent.process import ComfyProcess
from worker.agent.prompts import PromptDesk
from worker.agent.recycle import Limits, Recycler
from worker.agent.results import Results
from worker.agent.routes import AgentRoutes
from worker.agent.settings import AgentSettings
from worker.agent.sockets import SocketDoor
from worker.agent.watch import ComfyWatch

_LOG = structlog.get_logger(__name__)
_COMFY_SECONDS = 90.0
"""Longest pause of ComfyUI in a reply: the pod proxy cuts at 100 s."""

OpenPorts = Callable[[AgentSettings], AbstractAsyncContextManager[AgentPorts]]


def open_ports(settings: AgentSettings) -> AbstractAsyncContextManager[AgentPorts]:
    """The ports that the settings name."""
    key = settings.runpod_api_key
    return open_agent(
        comfyui_url=settings.comfyui_url,
        api_url=settings.runpod_api_url,
        pod_id=settings.runpod_pod_id,
        api_key=key.get_secret_value() if key else None,
        timeout=_COMFY_SECONDS,
    )


class Agent:
    """An agent whose ports are open: what answers requests, and what watches meanwhile."""

    def __init__(self, settings: AgentSettings, ports: AgentPorts) -> None:
        """Put the parts together; nothing runs yet."""
        self._watch = ComfyWatch(ports.comfy, ports.relay)
        gate = PromptGate()
        self.routes = AgentRoutes(
            relay=ports.relay,
            desk=PromptDesk(ports.relay, self._watch, gate),
            results=Results(ports.relay, settings.comfyui_base_directory),
            generator=Generator(
                ports.comfy,
                gate,
                seconds=settings.generate_seconds,
                max_image_bytes=settings.max_image_size_mb << 20,
            ),
            health=_health(settings, self._watch),
            sockets=SocketDoor(ports.relay, self._watch),
        )
        self._switch = _switch(settings, ports)
        self._recycler = Recycler(
            comfy=ports.comfy,
            watch=self._watch,
            process=ComfyProcess(settings.comfyui_pid_file),
            gate=gate,
            limits=Limits(settings.recycle_growth_mb, settings.hung_queue_seconds),
        )

    def heard(self) -> None:
        """Somebody with the token has spoken."""
        if self._switch is not None:
            self._switch.heard()

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Watch over ComfyUI and the pod."""
        watchers = {"watch": self._watch.run, "recycler": self._recycler.run}
        if self._switch is not None:
            watchers["dead_mans_switch"] = self._switch.run
        tasks = [asyncio.create_task(_for_ever(name, run)) for name, run in watchers.items()]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def create_app(settings: AgentSettings, *, open_ports: OpenPorts = open_ports) -> ASGIApp:
    """The agent; its lifespan opens the ports and starts to watch.

    Args:
        settings: of this pod.
        open_ports: what it works through.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_ports(settings) as ports:
            agent = Agent(settings, ports)
            app.router.routes.extend(agent.routes.table())
            app.state.agent = agent
            async with agent.watching():
                yield

    app = Starlette(exception_handlers=EXCEPTION_HANDLERS, lifespan=lifespan)
    app.router.redirect_slashes = False
    token = settings.rekindle_pod_token.get_secret_value()
    return TokenGuard(app, token=token, on_holder=lambda: app.state.agent.heard())


def _health(settings: AgentSettings, watch: ComfyWatch) -> PodHealth:
    return PodHealth(
        watch,
        folder=settings.comfyui_base_directory,
        away_seconds=settings.comfyui_away_seconds,
        least_free_mb=settings.least_free_disk_mb,
        version=settings.api_version,
        host=settings.runpod_pod_hostname,
    )


def _switch(settings: AgentSettings, ports: AgentPorts) -> DeadMansSwitch | None:
    if ports.pod is None:
        _LOG.warning("dead_mans_switch_off", why="RUNPOD_POD_ID or RUNPOD_API_KEY is missing")
        return None
    return DeadMansSwitch(ports.pod, limit_seconds=settings.dead_man_seconds)


async def _for_ever(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """A watcher's mistake must not end its watch."""
    while True:
        try:
            await run()
        except Exception:
            _LOG.exception("watcher_failed", watcher=name)
        await asyncio.sleep(1)
