"""The part `counts`: one restoration, counted."""

import asyncio
from pathlib import Path

from deploy.bench.limits import unlimited
from deploy.bench.measures import Measure
from deploy.bench.person import CARDS
from deploy.bench.photos import write_photo
from deploy.bench.product import metered_product
from deploy.bench.visitor import bearer
from deploy.stack.running import running_stack
from rekindle.telemetry import configure_logging


async def measure_counts(folder: Path) -> list[Measure]:
    """Restore over the services of a stack, with API and worker in this process."""
    configure_logging("ERROR", "console")
    photo = folder / "photo.png"
    await asyncio.to_thread(write_photo, photo, 64)
    with running_stack(folder / "stack", settings=unlimited(), comfyui_arguments=CARDS) as stack:
        token = await asyncio.to_thread(bearer, stack)
        for part in (stack.worker, stack.api):
            part.stop()
        async with metered_product(stack.settings, token) as product:
            counts = await product.counts_a_restoration(photo)
    return counts.rows()
