"""`rekindle comfy queue`."""

import asyncio
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from rekindle.adapters.comfyui.wire import QueuedPrompt


def queue(
    url: UrlOption = None, token: ComfyTokenOption = None, as_json: JsonOption = False
) -> None:
    """List what runs and what waits on a ComfyUI server, in the order in which it runs."""
    with reported(as_json=as_json):
        prompts = asyncio.run(_list(choose_server(url, token)))
        if as_json:
            answer_json({"prompts": [vars(prompt) for prompt in prompts]})
        elif not prompts:
            typer.echo("Nothing runs or waits.")
        for prompt in () if as_json else prompts:
            state = "running" if prompt.running else "waiting"
            typer.echo(f"{prompt.prompt_id}  {state}, {prompt.nodes} nodes")


async def _list(server: ComfyServer) -> tuple["QueuedPrompt", ...]:
    async with open_server(server) as client:
        return await client.queued_prompts()
