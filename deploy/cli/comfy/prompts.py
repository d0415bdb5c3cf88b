"""One prompt: where it is, how it ended, and its files."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.cli.failures import ComfyRefused, FileUnusable

if TYPE_CHECKING:
    from rekindle.adapters.comfyui import ComfyClient
    from rekindle.ports.comfy import OutputFile, PromptEnd


async def place_in_queue(client: "ComfyClient", prompt_id: str) -> str | None:
    """`running` or `waiting`; None when the prompt is not in the queue."""
    for prompt in await client.queued_prompts():
        if prompt.prompt_id == prompt_id:
            return "running" if prompt.running else "waiting"
    return None


async def find_entry(client: "ComfyClient", prompt_id: str) -> dict[str, Any]:
    """The history entry of a prompt that has ended.

    Raises:
        ComfyRefused: the server does not know it, or it has not ended.
    """
    # The queue first: a prompt moves from there to history, never back.
    place = await place_in_queue(client, prompt_id)
    if place is not None:
        raise ComfyRefused("not_ended", f"The prompt {prompt_id} has not ended: it is {place}.")
    entry = await client.history(prompt_id)
    if entry is None:
        raise ComfyRefused(
            "unknown_prompt",
            f"The server knows no prompt {prompt_id}: it forgets all of them when it is restarted.",
        )
    return entry


def end_of(entry: dict[str, Any]) -> "PromptEnd":
    """How a prompt ended, from its history entry."""
    from rekindle.adapters.comfyui import wire

    return wire.prompt_end(entry)


def describe(prompt_id: str, end: "PromptEnd") -> dict[str, Any]:
    """The document of a prompt that has ended."""
    return {
        "prompt_id": prompt_id,
        "status": status_of(end),
        "engine_seconds": end.engine_seconds,
        "failed_node_type": end.failed_node_type,
        "failure": end.failure,
        "files": [_describe_file(file) for file in end.files],
    }


def status_of(end: "PromptEnd") -> str:
    """`succeeded`, `interrupted` or `failed`."""
    return "succeeded" if end.succeeded else "interrupted" if end.interrupted else "failed"


def require_success(prompt_id: str, end: "PromptEnd") -> None:
    """Raise `ComfyRefused` with the server's own words unless the prompt succeeded."""
    if end.interrupted:
        raise ComfyRefused("graph_interrupted", f"The prompt {prompt_id} was interrupted.")
    if not end.succeeded:
        where = f" in {end.failed_node_type}" if end.failed_node_type else ""
        raise ComfyRefused(
            "graph_failed", f"The prompt {prompt_id} failed{where}: {end.failure or 'no reason'}"
        )


async def fetch_files(
    client: "ComfyClient", files: Sequence["OutputFile"], folder: Path
) -> list[dict[str, Any]]:
    """Download outputs of every kind into a folder; each file appears there whole or not at all.

    Args:
        client: of the server that has them.
        files: what a prompt's nodes wrote.
        folder: made if missing; files of the same names are replaced.

    Returns:
        Their descriptions, each with its `path`.

    Raises:
        FileUnusable: the folder cannot be written.
        ResultUnreadable: the server does not have one of them.
    """
    names = _distinct_names(files)
    try:
        folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240  (nothing else runs meanwhile)
        for file, name in zip(files, names, strict=True):
            draft = folder / f".{name}.part"
            try:
                await client.fetch(file, draft)
                draft.replace(folder / name)
            finally:
                draft.unlink(missing_ok=True)
    except OSError as error:
        raise FileUnusable(f"{folder} cannot be written: {error.strerror}") from error
    return [
        {**_describe_file(file), "path": str(folder / name)}
        for file, name in zip(files, names, strict=True)
    ]


def _describe_file(file: "OutputFile") -> dict[str, str]:
    return {
        "node": file.node,
        "type": file.kind,
        "subfolder": file.subfolder,
        "filename": file.filename,
    }


def _distinct_names(files: Sequence["OutputFile"]) -> list[str]:
    """A name for each: its own, and where that is taken, with its node's and a number before it."""
    names: list[str] = []
    for file in files:
        # The server's word is not trusted to be a mere name.
        own = Path(file.filename.replace("\\", "/")).name.lstrip(".") or "output"
        name, number = own, 0
        while name in names:
            number += 1
            name = f"{Path(file.node).name}_{number}_{own}"
        names.append(name)
    return names
