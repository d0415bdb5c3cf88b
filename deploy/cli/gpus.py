"""`rekindle gpus`."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.cli.options import JsonOption
from deploy.cli.pods.account import (
    CloudDataOption,
    VolumeOption,
    chosen_volume,
    cloud_settings,
    open_account,
)
from deploy.cli.pods.choosing import LEAST_GB, MOST_GB, by_stock_and_price
from deploy.cli.pods.describing import rate
from deploy.cli.reporting import answer_json, reported
from deploy.cli.units import print_table

if TYPE_CHECKING:
    from rekindle.ports.gpu_cloud import GpuOffer

    Found = tuple[str | None, list[GpuOffer]]


def gpus(
    min_memory: Annotated[int, typer.Option(metavar="GB", help="Least video memory.")] = LEAST_GB,
    max_memory: Annotated[int, typer.Option(metavar="GB", help="Most video memory.")] = MOST_GB,
    every: Annotated[bool, typer.Option("--all", help="Of any memory.")] = False,
    volume: VolumeOption = None,
    data: CloudDataOption = None,
    as_json: JsonOption = False,
) -> None:
    """List GPU types with price and stock, in the data centre of the volume if there is one.

    Best stocked and cheapest first: the order in which `rekindle pods launch` tries them.
    """
    with reported(as_json=as_json):
        data_center, offers = asyncio.run(_read(volume, data))
        shown = [o for o in offers if every or min_memory <= o.memory_gb <= max_memory]
        shown = by_stock_and_price(shown)
        if as_json:
            answer_json({"data_center": data_center, "gpus": [_entry(offer) for offer in shown]})
        else:
            _show(data_center, shown)


async def _read(volume: str | None, data: Path | None) -> "Found":
    settings = cloud_settings(data)
    async with open_account(settings) as cloud:
        where = await chosen_volume(cloud, settings, volume)
        data_center = where.data_center if where else None
        return data_center, list(await cloud.offers(data_center=data_center))


def _entry(offer: "GpuOffer") -> dict[str, Any]:
    price = offer.usd_per_hour
    return {
        "gpu_type": offer.gpu_type,
        "name": offer.name,
        "memory_gb": offer.memory_gb,
        "usd_per_hour": None if price is None else float(price),
        "stock": offer.stock.name,
        "max_count": offer.most,
        "data_centers": {name: stock.name for name, stock in offer.data_centers.items()},
    }


def _show(data_center: str | None, offers: list["GpuOffer"]) -> None:
    typer.echo(f"Secure Cloud, {data_center or 'any data centre'}\n")
    rows = [
        (
            *(offer.gpu_type, f"{offer.memory_gb} GB", rate(offer.usd_per_hour)),
            *(offer.stock.name.lower(), str(offer.most)),
        )
        for offer in offers
    ]
    print_table(("type", "VRAM", "per hour", "stock", "most per pod"), rows)
