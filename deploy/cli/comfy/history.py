"""`rekindle comfy history`."""

import asyncio
from typing import Annotated, Any

import typer

from deploy.cli.comfy_server import (
    ComfyServer,
    ComfyTokenOption,
    UrlOption,
    choose_server,
    open_server,
)
from deploy.cli.options import JsonOption
from deploy.cli.reporting import answer_json, reported


def history(
    prompt_id: Annotated[str, typer.Argument(metavar="PROMPT_ID", help="The id of a prompt.")],
    url: UrlOption = None,
    token: ComfyTokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell how a prompt ended, or where it is; with --json also the server's whole entry."""
    with reported(as_json=as_json):
        found = asyncio.run(_look(choose_server(url, token), prompt_id))
        if as_json:
            answer_json(found)
        else:
            _show(found)


async def _look(server: ComfyServer, prompt_id: str) -> dict[str, Any]:
    from deploy.cli.comfy.prompts import describe, end_of, find_entry, place_in_queue

    async with open_server(server) as client:
        place = await place_in_queue(client, prompt_id)
        if place is not None:
            return {"prompt_id": prompt_id, "status": place, "entry": None}
        entry = await find_entry(client, prompt_id)
        return {**describe(prompt_id, end_of(entry)), "entry": entry}


def _show(found: dict[str, Any]) -> None:
    typer.echo(f"{found['prompt_id']}  {found['status']}")
    if found["entry"] is None:
        return
    typer.echo(f"  {found['engine_seconds']:.1f} s on the server")
    if found["failure"]:
        typer.echo(f"  {found['failed_node_type']}: {found['failure']}")
    for file in found["files"]:
        where = "/".join(part for part in (file["subfolder"], file["filename"]) if part)
        typer.echo(f"  node {file['node']}: {where} ({file['type']})")
