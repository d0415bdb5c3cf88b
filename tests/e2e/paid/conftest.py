"""A whole stack of real processes with an account at the simulator of Stripe."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
from skimage.data import astronaut

from deploy.stack.running import running_stack
from deploy.stack.stack import Stack
from rekindle.adapters.schedules import TemporalSchedules
from rekindle.adapters.temporal import connect
from rekindle.contracts.sweep import SWEEP_SCHEDULE
from rekindle.settings import Settings
from tests.e2e.paid.shop import Shop, until


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Nothing is swept unless a test asks for it, and a lost graph is not tried again."""
    with running_stack(
        tmp_path_factory.mktemp("stack"),
        settings=Settings(_env_file=None, max_retries=0),
        stripe_arguments=("--retry-scale", "0.003"),
    ) as stack:
        until(lambda: asyncio.run(_pause_sweep(stack)), "the sweep's schedule")
        yield stack


async def _pause_sweep(stack: Stack) -> bool:
    where = stack.addresses
    client = await connect(where.temporal, where.temporal_namespace)
    return await TemporalSchedules(client, ()).pause(SWEEP_SCHEDULE, "a test sweeps by hand")


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "photo.jpg"
    picture = astronaut()  # type: ignore[no-untyped-call]
    cv2.imwrite(str(path), picture[:160, :200, ::-1])
    return path


@pytest.fixture
def shop(stack: Stack, photo: Path) -> Iterator[Shop]:
    shop = Shop(stack, photo)
    yield shop
    shop.close()
