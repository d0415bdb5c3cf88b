"""Small ComfyUI servers as GPUs: how long their graphs take, and what they did when."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from deploy.bench.figures import Run
from deploy.bench.person import CARDS, SAMPLER
from deploy.embedded.ports import free_port
from deploy.embedded.service import running
from deploy.stack.services import ComfyUI


class Engines:
    """Some servers that run."""

    def __init__(self, urls: Sequence[str]) -> None:
        """Speak to the servers at these addresses."""
        self.urls = tuple(urls)

    async def delay(self, seconds: float) -> None:
        """Have every graph take so long from now on."""
        plan = {"node_delay": {SAMPLER: seconds}}
        async with httpx.AsyncClient(timeout=60) as http:
            for url in self.urls:
                (await http.post(f"{url}/simulator/faults", json=plan)).raise_for_status()

    async def runs(self) -> list[list[Run]]:
        """Of each server, every run that has ended, from its own ledger, in order."""
        async with httpx.AsyncClient(timeout=60) as http:
            replies = [await http.get(f"{url}/simulator/ledger") for url in self.urls]
        return [
            sorted(
                (run["started_at"], run["ended_at"])
                for run in reply.json()["runs"]
                if run["ended_at"] is not None and run["started_at"] is not None
            )
            for reply in replies
        ]


@contextmanager
def running_engines(folder: Path, count: int) -> Iterator[Engines]:
    """Run servers until the block ends.

    Args:
        folder: for theirs.
        count: how many.
    """
    servers = [
        ComfyUI(folder / f"engine-{number}", port=free_port(), further=CARDS)
        for number in range(count)
    ]
    with running(*servers):
        yield Engines([server.url for server in servers])
