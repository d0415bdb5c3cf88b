"""`rekindle pods wait`."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.cli.options import JsonOption
from deploy.cli.pods.account import CloudDataOption, cloud_settings, open_account
from deploy.cli.pods.describing import AGENT_PORT, document
from deploy.cli.pods.info import PodArgument
from deploy.cli.reporting import answer_json, reported


def wait(
    pod_id: PodArgument,
    timeout: Annotated[float, typer.Option(min=1, help="Longest wait, seconds.")] = 300.0,
    port: Annotated[
        int,
        typer.Option(min=0, max=65535, help="HTTP port whose /health must answer 200; 0: none."),
    ] = AGENT_PORT,
    data: CloudDataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Wait until a pod can work."""
    with reported(as_json=as_json):
        pod = asyncio.run(_wait(pod_id, port, timeout, data))
        if as_json:
            answer_json({"status": "ready", "pod": pod})
        else:
            typer.echo(f"{pod['id']}  ready at {pod['address']}")


async def _wait(pod_id: str, port: int, timeout: float, data: Path | None) -> dict[str, Any]:
    from deploy.cli.pods.waiting import Goal, wait_until_ready

    async with open_account(cloud_settings(data)) as cloud:
        health = f"{cloud.address(pod_id, port)}/health" if port else None
        return document(cloud, await wait_until_ready(cloud, Goal(pod_id, health, timeout)))
