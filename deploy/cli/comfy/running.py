"""Runs one graph on a server and shows how it goes."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from deploy.cli.failures import ComfyRefused
from deploy.cli.following import progress_bars
from deploy.cli.reporting import notes

if TYPE_CHECKING:
    from rekindle.adapters.comfyui import ComfyClient
    from rekindle.ports.comfy import ProgressListener, PromptEnd

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 60.0
"""How long following goes on without an answer."""


async def submit_graph(client: "ComfyClient", graph: dict[str, Any]) -> UUID:
    """Queue a graph.

    Raises:
        GraphRejected: the server does not accept it.
    """
    prompt_id = uuid4()
    await client.submit(prompt_id, graph, client_id=str(prompt_id))
    return prompt_id


async def run_graph(client: "ComfyClient", graph: dict[str, Any]) -> tuple[UUID, "PromptEnd"]:
    """Queue a graph and show its progress until it has ended, however it ends.

    Raises:
        GraphRejected: the server does not accept it.
        ComfyRefused: the server lost it.
        ComfyUnavailable: the server has not answered for a minute.
    """
    prompt_id = uuid4()
    async with client.listen(str(prompt_id)) as listener:
        await client.submit(prompt_id, graph, client_id=str(prompt_id))
        notes.print(f"Prompt {prompt_id}")
        async with _shown(listener, prompt_id, graph) as shown:
            return prompt_id, await _ended(client, prompt_id, shown)


@contextlib.asynccontextmanager
async def _shown(
    listener: "ProgressListener", prompt_id: UUID, graph: dict[str, Any]
) -> AsyncIterator[asyncio.Task[None]]:
    """A bar while the block runs; its task ends when the websocket says that the prompt left."""
    with progress_bars() as bars:
        bar = bars.add_task("running", total=1.0)

        async def show() -> None:
            async for fraction in listener.fractions(prompt_id, graph):
                bars.update(bar, completed=fraction)

        task = asyncio.create_task(show(), name="show progress")
        try:
            yield task
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _ended(
    client: "ComfyClient", prompt_id: UUID, progress: asyncio.Task[None]
) -> "PromptEnd":
    """Poll, since the websocket only hints; at once when it hints at the end."""
    from rekindle.errors import ComfyUnavailable
    from rekindle.ports.comfy import Whereabouts

    heard = time.monotonic()
    while True:
        try:
            status = await client.status(prompt_id)
        except ComfyUnavailable:
            if time.monotonic() - heard > PATIENCE_SECONDS:
                raise
        else:
            heard = time.monotonic()
            if status.end is not None:
                return status.end
            if status.place is Whereabouts.UNKNOWN:
                raise ComfyRefused(
                    "prompt_lost",
                    f"The server no longer knows the prompt {prompt_id}: it was restarted, or "
                    "somebody took it off the queue.",
                )
        if progress.done():
            await asyncio.sleep(POLL_SECONDS)
        else:
            await asyncio.wait([progress], timeout=POLL_SECONDS)
