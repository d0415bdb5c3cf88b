"""`rekindle pods list`."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from deploy.cli.options import JsonOption
from deploy.cli.pods.account import CloudDataOption, cloud_settings, open_account
from deploy.cli.pods.describing import HEADINGS, document, line, rate
from deploy.cli.reporting import answer_json, reported
from deploy.cli.units import print_table

if TYPE_CHECKING:
    from rekindle.ports.gpu_cloud import CloudPod


def list_pods(data: CloudDataOption = None, as_json: JsonOption = False) -> None:
    """List every pod of the account; those that a fleet owns are marked with its deployment."""
    with reported(as_json=as_json):
        pods, documents = asyncio.run(_list(data))
        if as_json:
            answer_json({"pods": documents})
        else:
            _show(pods)


async def _list(data: Path | None) -> tuple[list["CloudPod"], list[dict[str, Any]]]:
    async with open_account(cloud_settings(data)) as cloud:
        pods = list(await cloud.find(""))
        return pods, [document(cloud, pod) for pod in pods]


def _show(pods: list["CloudPod"]) -> None:
    if not pods:
        typer.echo("The account has no pods.")
        return
    print_table(HEADINGS, [line(pod) for pod in pods])
    total = sum((pod.usd_per_hour for pod in pods), start=pods[0].usd_per_hour * 0)
    typer.echo(f"\n{len(pods)} for {rate(total)} an hour.")
