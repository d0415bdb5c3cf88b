"""`rekindle pods launch`."""

import asyncio
import contextlib
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.cli.failures import CloudSaysNo
from deploy.cli.options import JsonOption
from deploy.cli.pods.account import (
    CloudDataOption,
    VolumeOption,
    chosen_volume,
    cloud_settings,
    open_account,
)
from deploy.cli.pods.describing import AGENT_PORT, document
from deploy.cli.reporting import answer_json, notes, reported

if TYPE_CHECKING:
    from rekindle.ports.gpu_cloud import CloudPod, GpuCloud, PodOrder, Volume
    from rekindle.settings import Settings

_AGENT = f"{AGENT_PORT}/http"
_TOKEN = "REKINDLE_POD_TOKEN"  # noqa: S105  (a variable's name)


@dataclass(frozen=True)
class Wishes:
    """What was typed. `token` is that of the agent, made here unless one was given."""

    name: str
    gpus: tuple[str, ...]
    volume: str | None
    image: str | None
    ports: tuple[str, ...]
    env: dict[str, str] = field(repr=False)
    token: str | None = field(repr=False)
    timeout: float
    wait: bool


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_. -]{0,59}", text):
        raise typer.BadParameter("letters, digits and _ . - alone, at most 60")
    if text.startswith("rk-"):
        raise typer.BadParameter(
            "names that begin with rk- belong to the fleet, which gives back what it does not know"
        )
    return text


def _port(text: str) -> str:
    if not re.fullmatch(r"[1-9]\d{0,4}/(http|tcp)", text):
        raise typer.BadParameter("a port and http or tcp, such as 8001/http")
    return text


def _variables(given: Sequence[str]) -> dict[str, str]:
    """Variables from `NAME=VALUE`, or from `NAME` alone with the value it has here."""
    found = {}
    for each in given:
        name, is_given, value = each.partition("=")
        if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
            raise typer.BadParameter("NAME=VALUE, or NAME alone", param_hint="--env")
        if not is_given and name not in os.environ:
            raise typer.BadParameter(f"{name} is not set here", param_hint="--env")
        found[name] = value if is_given else os.environ[name]
    return found


def launch(
    name: Annotated[
        str, typer.Option(metavar="NAME", parser=_name, help="Name of the pod; one has it.")
    ],
    gpu: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TYPE",
            help="GPU type, such as 'RTX 4090'; again for what to try next. By default what has "
            "24 to 48 GB, by stock and price.",
        ),
    ] = None,
    volume: VolumeOption = None,
    image: Annotated[
        str | None, typer.Option(metavar="IMAGE", help="Container image; POD_IMAGE by default.")
    ] = None,
    port: Annotated[
        list[str] | None,
        typer.Option(metavar="PORT/KIND", parser=_port, help=f"Port to open; {_AGENT} by default."),
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[=VALUE]", help="Variable of the container; may be repeated."),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=1, help="Longest wait until it is ready, seconds.")
    ] = 300.0,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is ready.")] = True,
    data: CloudDataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rent a GPU pod, and wait until it can work.

    Safe to repeat: a pod that already has the name is taken over. It costs money until
    `rekindle pods terminate`; our image also ends itself when nobody asks it anything for
    DEAD_MAN_SECONDS.
    """
    variables = _variables(env or ())
    ports = tuple(port or (_AGENT,))
    token = secrets.token_urlsafe(32) if _AGENT in ports and _TOKEN not in variables else None
    variables |= {_TOKEN: token} if token else {}
    wishes = Wishes(name, tuple(gpu or ()), volume, image, ports, variables, token, timeout, wait)
    with reported(as_json=as_json):
        result = asyncio.run(_launch(wishes, data))
        if as_json:
            answer_json(result)
        else:
            _show(result)


async def _launch(wishes: Wishes, data: Path | None) -> dict[str, Any]:
    from deploy.cli.pods.choosing import candidates
    from deploy.cli.pods.launching import rent

    settings = cloud_settings(data)
    async with open_account(settings) as cloud:
        where = await chosen_volume(cloud, settings, wishes.volume)

        async def choose() -> list[str]:
            offers = await cloud.offers(data_center=where.data_center if where else None)
            return candidates(offers, wishes.gpus)

        with _on_failure("It may be rented all the same: look at `rekindle pods list`."):
            launched = await rent(cloud, _order(settings, wishes, where), choose)
        pod, token = launched.pod, None if launched.adopted else wishes.token
        how = "It was there already" if launched.adopted else "Rented"
        notes.print(f"{how}: {pod.cloud_id}, {pod.gpu_type}, ${pod.usd_per_hour:.2f} an hour")
        if wishes.wait:
            with _on_failure(*_last_words(pod, token)):
                pod = await _ready(cloud, pod, wishes)
        return {
            "status": "ready" if wishes.wait else "launched",
            "adopted": launched.adopted,
            "token": token,
            "pod": document(cloud, pod),
        }


@contextlib.contextmanager
def _on_failure(*words: str) -> Iterator[None]:
    """Say this when the block does not come to its end, also because somebody interrupts it."""
    from rekindle.errors import CloudUnavailable

    try:
        yield
    except (asyncio.CancelledError, CloudSaysNo, CloudUnavailable):
        for word in words:
            notes.print(word)
        raise


def _last_words(pod: "CloudPod", token: str | None) -> tuple[str, ...]:
    """What who rented a pod must know though it is not ready: its token is told nowhere else."""
    use = f"It is rented: `rekindle pods wait {pod.cloud_id}`, or `terminate` to give it back."
    return (use, f"Its token is {token}") if token else (use,)


async def _ready(cloud: "GpuCloud", pod: "CloudPod", wishes: Wishes) -> "CloudPod":
    from deploy.cli.pods.waiting import Goal, wait_until_ready

    has_agent = _AGENT in wishes.ports
    health = f"{cloud.address(pod.cloud_id, AGENT_PORT)}/health" if has_agent else None
    return await wait_until_ready(cloud, Goal(pod.cloud_id, health, wishes.timeout), known=pod)


def _order(settings: "Settings", wishes: Wishes, where: "Volume | None") -> "PodOrder":
    from rekindle.ports.gpu_cloud import PodOrder

    return PodOrder(
        name=wishes.name,
        image=wishes.image or settings.pod_image,
        gpu_type="",
        ports=wishes.ports,
        disk_gb=settings.pod_disk_gb,
        data_centers=(where.data_center,) if where else (),
        volume_id=where.volume_id if where else None,
        volume_path=settings.pod_volume_path,
        min_cuda=settings.pod_min_cuda,
        env=wishes.env,
    )


def _show(result: dict[str, Any]) -> None:
    pod = result["pod"]
    typer.echo(f"{pod['id']}  {result['status']}")
    typer.echo(f"  address  {pod['address']}")
    typer.echo(f"  GPU      {pod['gpu_type']}, ${pod['usd_per_hour']:.2f} an hour")
    if result["token"]:
        typer.echo(f"  token    {result['token']}")
    typer.echo(f"  to end   rekindle pods terminate {pod['id']}")
