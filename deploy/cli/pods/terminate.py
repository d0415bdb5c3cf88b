"""`rekindle pods terminate`."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.failures import NotConfirmed
from deploy.cli.options import JsonOption
from deploy.cli.pods.account import CloudDataOption, cloud_settings, open_account
from deploy.cli.pods.describing import fleet_of
from deploy.cli.pods.info import PodArgument
from deploy.cli.reporting import answer_json, reported


def terminate(
    pod_id: PodArgument,
    yes: Annotated[
        bool, typer.Option("--yes", help="Even if a fleet owns it and may be using it.")
    ] = False,
    data: CloudDataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a pod back. One that is gone already is fine."""
    with reported(as_json=as_json):
        was_there = asyncio.run(_terminate(pod_id, yes, data))
        status = "terminated" if was_there else "gone"
        if as_json:
            answer_json({"status": status, "id": pod_id})
        else:
            typer.echo(f"{pod_id}  {status}")


async def _terminate(pod_id: str, yes: bool, data: Path | None) -> bool:
    async with open_account(cloud_settings(data)) as cloud:
        pod = await cloud.get(pod_id)
        if pod is None:
            return False
        fleet = fleet_of(pod.name)
        if fleet is not None and not yes:
            raise NotConfirmed(
                f"{pod.name} belongs to the fleet of {fleet} and may be at work; "
                "`rekindle fleet drain` lets it finish. Give --yes to end it all the same."
            )
        await cloud.terminate(pod_id)
        return True
