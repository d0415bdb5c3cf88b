"""`rekindle fleet drain`."""

import asyncio
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.cli.operating import OperatorDataOption, connect_temporal, operator_settings
from deploy.cli.options import JsonOption
from deploy.cli.reporting import answer_json, reported

if TYPE_CHECKING:
    from temporalio.client import Client

    from rekindle.contracts.statuses import GpuClass
    from rekindle.settings import Settings

    Numbered = tuple[GpuClass, int]


class Class(StrEnum):
    """The GPU classes; the values are those of `rekindle.contracts.statuses.GpuClass`."""

    IMAGE = "image"
    VIDEO = "video"


def drain(
    gpu_class: Annotated[
        Class | None, typer.Option("--class", help="Drain the pods of this class.")
    ] = None,
    number: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Of that class, this one alone.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Drain the pods of all classes.")
    ] = False,
    data: OperatorDataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have pods end what they hold and be returned. Returns before they are.

    Where there is work, or a minimum is set, the autoscaler rents new ones, unless its schedule is
    paused (`rekindle schedules pause autoscale-pods`) and nobody asks for anything.
    """
    if everything == (gpu_class is not None):
        raise typer.BadParameter("give either --class or --all")
    if number is not None and gpu_class is None:
        raise typer.BadParameter("--number needs --class")
    with reported(as_json=as_json):
        told = asyncio.run(_drain(gpu_class, number, data))
        document = _document(told)
        if as_json:
            answer_json(document)
        else:
            _show(document)


async def _drain(
    wanted: Class | None, number: int | None, data: Path | None
) -> "dict[Numbered, bool]":
    """Whether there was an owner to tell, by number; of many, those that had none are left out."""
    from rekindle.adapters.temporal import TemporalPodOwners
    from rekindle.contracts.statuses import GpuClass

    settings = operator_settings(data)
    client = await connect_temporal(settings)
    owners = TemporalPodOwners(client)
    if wanted is not None and number is not None:
        gpu_class = GpuClass(wanted.value)
        return {(gpu_class, number): await owners.drain(gpu_class, number)}
    classes = [GpuClass(wanted.value)] if wanted is not None else list(GpuClass)
    candidates = _allowed(settings) | await _listed(client)
    told = {each: await owners.drain(*each) for each in sorted(candidates) if each[0] in classes}
    return {each: True for each, was_there in told.items() if was_there}


def _allowed(settings: "Settings") -> "set[Numbered]":
    """Every number that these settings allow."""
    from rekindle.contracts.statuses import GpuClass

    fixed = len(settings.comfyui_urls)
    most = {GpuClass.IMAGE: settings.image_pods_max, GpuClass.VIDEO: settings.video_pods_max}
    return {(each, n) for each in GpuClass for n in range(max(most[each], fixed))}


async def _listed(client: "Client") -> "set[Numbered]":
    """What Temporal lists as owned: also numbers that earlier settings allowed."""
    from temporalio.service import RPCError

    from rekindle.contracts.pods import GPU_POD
    from rekindle.errors import WorkflowsUnavailable

    found: set[Numbered] = set()
    query = f"WorkflowType = '{GPU_POD}' and ExecutionStatus = 'Running'"
    try:
        async for owner in client.list_workflows(query):
            found |= set(_numbered(owner.id))
    except RPCError as error:
        raise WorkflowsUnavailable(str(error)) from error
    return found


def _numbered(owner_id: str) -> "Iterator[Numbered]":
    from rekindle.contracts.pods import workflow_id
    from rekindle.contracts.statuses import GpuClass

    number = owner_id.rpartition("-")[2]
    for gpu_class in GpuClass:
        if number.isdecimal() and workflow_id(gpu_class, int(number)) == owner_id:
            yield gpu_class, int(number)


def _document(told: "dict[Numbered, bool]") -> dict[str, Any]:
    def listed(wanted: bool) -> list[dict[str, Any]]:
        return [
            {"class": gpu_class.value, "number": number}
            for (gpu_class, number), was_there in told.items()
            if was_there is wanted
        ]

    return {"draining": listed(True), "not_found": listed(False)}


def _show(document: dict[str, Any]) -> None:
    for pod in document["draining"]:
        typer.echo(f"{pod['class']} pod {pod['number']} drains.")
    for pod in document["not_found"]:
        typer.echo(f"There is no {pod['class']} pod {pod['number']}.")
    if not document["draining"] and not document["not_found"]:
        typer.echo("There is no pod to drain.")
