"""`rekindle volumes`."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from deploy.cli.options import JsonOption
from deploy.cli.pods.account import CloudDataOption, cloud_settings, open_account
from deploy.cli.reporting import answer_json, reported
from deploy.cli.units import print_table

if TYPE_CHECKING:
    from rekindle.ports.gpu_cloud import Volume


def volumes(data: CloudDataOption = None, as_json: JsonOption = False) -> None:
    """List the account's network volumes, which hold the models."""
    with reported(as_json=as_json):
        found = asyncio.run(_read(data))
        if as_json:
            answer_json(
                {
                    "volumes": [
                        {
                            "id": each.volume_id,
                            "name": each.name,
                            "size_gb": each.size_gb,
                            "data_center": each.data_center,
                        }
                        for each in found
                    ]
                }
            )
        else:
            _show(found)


async def _read(data: Path | None) -> list["Volume"]:
    async with open_account(cloud_settings(data)) as cloud:
        return list(await cloud.volumes())


def _show(found: list["Volume"]) -> None:
    if not found:
        typer.echo("The account has no network volumes.")
        return
    rows = [(v.volume_id, v.name, f"{v.size_gb} GB", v.data_center) for v in found]
    print_table(("id", "name", "size", "data centre"), rows)
