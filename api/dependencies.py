"""What routes are given: the ports and the settings of this application."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from api.inbox import EventInbox
from api.limits import RateLimits
from api.offering import PodGraphs
from api.waking import OrderWaker
from api.zips import Zips
from rekindle.settings import Settings
from rekindle.wiring.api import ApiPorts

Part = TypeVar("Part")


def ports_of(request: Request) -> ApiPorts:
    """The ports that the application's lifespan opened."""
    ports: ApiPorts = request.app.state.ports
    return ports


def settings_of(request: Request) -> Settings:
    """The settings the application was made with."""
    settings: Settings = request.app.state.settings
    return settings


def limits_of(request: Request) -> RateLimits:
    """Who judges how often somebody may ask."""
    limits: RateLimits = request.app.state.limits
    return limits


def waker_of(request: Request) -> OrderWaker:
    """Who wakes orders after the answer."""
    waker: OrderWaker = request.app.state.waker
    return waker


def pod_graphs_of(request: Request) -> PodGraphs:
    """What the pods can run."""
    pod_graphs: PodGraphs = request.app.state.pod_graphs
    return pod_graphs


def zips_of(request: Request) -> Zips:
    """Who makes archives."""
    zips: Zips = request.app.state.zips
    return zips


def inbox_of(request: Request) -> EventInbox:
    """Where payment events are stored."""
    inbox: EventInbox = request.app.state.inbox
    return inbox


def _given(part_of: Callable[[Request], Part]) -> Callable[[Request], Awaitable[Part]]:
    """The same for `Depends`, which would call on a thread what is not a coroutine."""

    async def given(request: Request) -> Part:
        return part_of(request)

    return given


Ports = Annotated[ApiPorts, Depends(_given(ports_of))]
AppSettings = Annotated[Settings, Depends(_given(settings_of))]
Waker = Annotated[OrderWaker, Depends(_given(waker_of))]
Zipping = Annotated[Zips, Depends(_given(zips_of))]
AskedPods = Annotated[PodGraphs, Depends(_given(pod_graphs_of))]
