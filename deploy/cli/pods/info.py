"""`rekindle pods info`."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.cli.failures import CloudSaysNo
from deploy.cli.options import JsonOption
from deploy.cli.pods.account import CloudDataOption, cloud_settings, open_account
from deploy.cli.pods.describing import age, document
from deploy.cli.reporting import answer_json, reported
from deploy.cli.units import NONE, duration

if TYPE_CHECKING:
    from rekindle.ports.gpu_cloud import CloudPod, GpuCloud

PodArgument = Annotated[str, typer.Argument(metavar="ID", help="The cloud's id of the pod.")]


def info(pod_id: PodArgument, data: CloudDataOption = None, as_json: JsonOption = False) -> None:
    """Show one pod: its address, its GPU, and what it costs."""
    with reported(as_json=as_json):
        result = asyncio.run(_read(pod_id, data))
        if as_json:
            answer_json(result)
        else:
            _show(result)


async def _read(pod_id: str, data: Path | None) -> dict[str, Any]:
    async with open_account(cloud_settings(data)) as cloud:
        pod = await known_pod(cloud, pod_id)
        seconds = age(pod, datetime.now(UTC))
        billed = await _billed(cloud, pod)
        return {
            **document(cloud, pod),
            "seconds": None if seconds is None else round(seconds, 1),
            "usd_billed": None if billed is None else float(billed),
        }


async def known_pod(cloud: "GpuCloud", pod_id: str) -> "CloudPod":
    """The pod. Raises `CloudSaysNo` when the cloud does not know it."""
    pod = await cloud.get(pod_id)
    if pod is None:
        raise CloudSaysNo("pod_not_found", f"There is no pod {pod_id}.")
    return pod


async def _billed(cloud: "GpuCloud", pod: "CloudPod") -> Decimal | None:
    """What was billed for it until now, dollars; None where the key may not see bills."""
    from rekindle.errors import CloudRefused

    if pod.created_at is None:
        return None
    try:
        bills = await cloud.bills(since=pod.created_at)
    except CloudRefused:
        return None
    return sum((bill.usd for bill in bills if bill.cloud_id == pod.cloud_id), Decimal(0))


def _show(result: dict[str, Any]) -> None:
    billed = result["usd_billed"]
    lines = {
        "name": result["name"],
        "fleet": result["fleet"] or "none: rented by hand",
        "phase": result["phase"] + ("" if result["has_runtime"] else ", no runtime"),
        "address": result["address"],
        "GPU": f"{result['gpu_type'] or NONE} in {result['data_center'] or NONE}",
        "cost": f"${result['usd_per_hour']:.2f} an hour for {duration(result['seconds'])}",
        "billed": NONE if billed is None else f"${billed:.4f} (bills come up to an hour late)",
    }
    typer.echo(result["id"])
    for name, text in lines.items():
        typer.echo(f"  {name:<8} {text}")
