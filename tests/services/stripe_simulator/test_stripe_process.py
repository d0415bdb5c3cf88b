"""The simulator as a process of its own: it starts, is killed, and knows everything again."""

import asyncio
import sys
from pathlib import Path

import httpx
import pytest
import stripe

from tests.services.stripe_simulator.conftest import (
    ORDER,
    SECRET,
    Receiver,
    Shop,
    SimulatorProcess,
)


async def opened(shop: Shop, order: str) -> stripe.checkout.Session:
    """A session made by the SDK, with the order's key."""
    client = shop.client()
    options: stripe.RequestOptions = {"idempotency_key": f"checkout:{order}"}
    return await asyncio.to_thread(client.v1.checkout.sessions.create, ORDER, options)


async def test_a_killed_simulator_has_the_same_ledger_again(
    simulator_process: SimulatorProcess,
) -> None:
    async with simulator_process.running() as shop:
        paid, still_open = await opened(shop, "1"), await opened(shop, "2")
        await shop.control("pay", session=paid.id)
        await shop.control("refunds", session=paid.id, amount=90)
        before = await shop.look("ledger")
        await simulator_process.kill()
    async with simulator_process.running() as shop:
        after = await shop.look("ledger")
        assert {**after, "now": 0} == {**before, "now": 0}
        assert (await opened(shop, "2")).id == still_open.id
        await shop.control("pay", session=still_open.id)
        assert (await shop.look("ledger"))["totals"]["eur"]["net"] == 2 * 490 - 90


async def test_events_on_their_way_outlive_a_kill(
    simulator_process: SimulatorProcess, receiver: Receiver
) -> None:
    receiver.answers = [503] * 4
    async with simulator_process.running("--frozen-clock") as shop:
        session = await opened(shop, "1")
        await shop.control("pay", session=session.id)
        await shop.quiet()
        await shop.plan({"kind": "webhook_delay", "seconds": 900, "count": None})
        await shop.control("refunds", session=session.id)
        await simulator_process.kill()
    assert len(receiver.got) == 4
    async with simulator_process.running("--frozen-clock") as shop:
        await shop.control("clock", advance=301)
        await shop.quiet()
        assert receiver.kinds.count("checkout.session.completed") == 2
        assert "refund.created" not in receiver.kinds
        await shop.control("clock", advance=600)
        await shop.quiet()
    assert receiver.kinds.count("checkout.session.completed") == 2
    assert receiver.kinds.count("refund.created") == 1
    late = receiver.got[-1]
    stripe.Webhook.construct_event(late.body, late.signature, SECRET)


async def test_a_killed_client_leaves_a_whole_request(simulator_process: SimulatorProcess) -> None:
    fault = {"kind": "lost_reply", "route": "POST /v1/checkout/sessions"}
    async with simulator_process.running() as shop:
        await shop.plan(fault)
        with pytest.raises(stripe.APIConnectionError):
            await opened(shop, "1")
        await simulator_process.kill()
    async with simulator_process.running() as shop:
        session = await opened(shop, "1")
        ledger = await shop.look("ledger")
        assert [one["id"] for one in ledger["sessions"]] == [session.id]
        assert [row["outcome"] for row in ledger["requests"]] == ["done", "replayed"]


async def test_a_person_pays_by_the_address_that_the_session_names(
    simulator_process: SimulatorProcess,
) -> None:
    async with simulator_process.running() as shop:
        session = await opened(shop, "1")
        assert str(session.url).startswith(shop.url)
        async with httpx.AsyncClient(timeout=60, trust_env=False) as browser:
            assert (await browser.get(str(session.url))).status_code == 200
            reply = await browser.post(str(session.url), data={"how": "card"})
        assert (reply.status_code, reply.headers["Location"].partition("?")[2]) == (
            303,
            f"session_id={session.id}",
        )


async def test_no_secret_shows_in_the_process_list_or_the_journal(
    simulator_process: SimulatorProcess, tmp_path: Path
) -> None:
    async with simulator_process.running() as shop:
        await opened(shop, "1")
        told = await shop.look("webhooks")
    assert SECRET not in str(told)
    assert SECRET not in (tmp_path / "data" / "journal.jsonl").read_text()


async def test_a_bad_start_says_why_and_leaves(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(
        f"sk_{'live'}_realmoney"
    )  # in parts: scanners look for such texts
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators.stripe", "--port", "0"),
        *("--data", str(tmp_path / "data"), "--api-key-file", str(tmp_path / "key")),
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        _, told = await process.communicate()
    assert process.returncode == 1
    assert b"Traceback" not in told
    assert b"realmoney" not in told
    assert b"sk_test_" in told
