"""`rekindle graphs check`."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.comfy_server import (
    ComfyServer,
    ComfyTokenOption,
    UrlOption,
    choose_server,
    open_server,
)
from deploy.cli.graphs.packs import chosen_packs
from deploy.cli.options import JsonOption
from deploy.cli.reporting import answer_json, reported

if TYPE_CHECKING:
    from comfy_graphs import Finding, GraphPack

    Findings = Mapping[str, tuple[Finding, ...]]


def check(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="Packs; all by default.")
    ] = None,
    url: UrlOption = None,
    token: ComfyTokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare packs with what a server has: nodes, inputs, ranges, options, model files.

    Exit code 1 when a pack cannot run there.
    """
    with reported(as_json=as_json):
        packs = chosen_packs(names or ())
        found = asyncio.run(_compare(choose_server(url, token), packs))
        if as_json:
            listed = {name: [f.model_dump() for f in lacks] for name, lacks in found.items()}
            answer_json({"usable": not any(found.values()), "findings": listed})
        else:
            _show(found)
        if any(found.values()):
            raise typer.Exit(1)


async def _compare(server: ComfyServer, packs: Sequence["GraphPack"]) -> "Findings":
    from activities.pods.packs import compare

    async with open_server(server) as client:
        return await compare(client, packs)


def _show(found: "Findings") -> None:
    from rich.console import Console
    from rich.table import Table

    for name, lacks in found.items():
        typer.echo(f"{name}: cannot run there" if lacks else f"{name}: can run there")
    table = Table("pack", "node", "input", "what lacks", box=None)
    for name, lacks in found.items():
        for lack in lacks:
            table.add_row(name, lack.node, lack.input, lack.detail)
    if table.rows:
        typer.echo("")
        Console(markup=False).print(table)
