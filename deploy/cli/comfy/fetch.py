"""`rekindle comfy fetch`."""

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


def fetch(
    prompt_id: Annotated[str, typer.Argument(metavar="PROMPT_ID", help="The id of a prompt.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where to write them.")],
    url: UrlOption = None,
    token: ComfyTokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch every output of a prompt that has ended: pictures, videos, sound, previews."""
    with reported(as_json=as_json):
        found = asyncio.run(_fetch(choose_server(url, token), prompt_id, out))
        if as_json:
            answer_json(found)
        else:
            typer.echo("\n".join(file["path"] for file in found["files"]) or "It has no outputs.")


async def _fetch(server: ComfyServer, prompt_id: str, out: Path) -> dict[str, Any]:
    from deploy.cli.comfy.prompts import (
        describe,
        end_of,
        fetch_files,
        find_entry,
        require_success,
    )

    async with open_server(server) as client:
        end = end_of(await find_entry(client, prompt_id))
        files = await fetch_files(client, end.files, out)
        # Afterwards: a prompt that failed may have finished branches.
        require_success(prompt_id, end)
        return {**describe(prompt_id, end), "files": files}
