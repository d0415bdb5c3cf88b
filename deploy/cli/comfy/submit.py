"""`rekindle comfy submit`."""

import asyncio
from pathlib import Path
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


def submit(
    workflow: Annotated[
        Path, typer.Option("--workflow", "-w", metavar="FILE", help="A graph in API format.")
    ],
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it has ended.")] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Wait, and fetch its outputs into DIR."),
    ] = None,
    url: UrlOption = None,
    token: ComfyTokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a workflow file on a ComfyUI server. Pictures it loads must be there already."""
    from deploy.cli.comfy.workflow import read_graph

    with reported(as_json=as_json):
        graph = read_graph(workflow)
        server = choose_server(url, token)
        result = asyncio.run(_submit(server, graph, wait=wait or out is not None, out=out))
        if as_json:
            answer_json(result)
        else:
            typer.echo(f"{result['prompt_id']}  {result['status']}")
            for file in result.get("files", ()):
                typer.echo(f"  {file.get('path') or file['filename']}")


async def _submit(
    server: ComfyServer, graph: dict[str, Any], *, wait: bool, out: Path | None
) -> dict[str, Any]:
    from deploy.cli.comfy.prompts import describe, fetch_files, require_success
    from deploy.cli.comfy.running import run_graph, submit_graph

    async with open_server(server) as client:
        if not wait:
            return {"prompt_id": str(await submit_graph(client, graph)), "status": "queued"}
        prompt_id, end = await run_graph(client, graph)
        require_success(str(prompt_id), end)
        result = describe(str(prompt_id), end)
        if out is not None:
            result["files"] = await fetch_files(client, end.files, out)
        return result
