"""People who restore photos and buy their HD from a running stack."""

import asyncio
import io
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid5

import httpx
import psycopg
from PIL import Image
from psycopg.rows import dict_row

from deploy.cli.client import ApiClient, Attempt
from deploy.cli.connection import connect
from deploy.cli.failures import Refused, Unreachable
from deploy.stack.stack import Stack
from rekindle.adapters.schedules import TemporalSchedules
from rekindle.adapters.temporal import connect as connect_temporal
from rekindle.contracts.orders import hd_attempt_id
from rekindle.contracts.sweep import SWEEP_SCHEDULE
from tests.e2e.paid.gates import Gate, Gates, Moment

Row = dict[str, Any]
Found = TypeVar("Found")
WISHES = {"graph": "restore_classic", "megapixels": 0.1, "seed": 5}
EMAIL = "someone@example.org"
PATIENCE = 120.0
SAVER = "SaveImage"
MOST_TRIES = 9


def until(holds: Callable[[], Found], what: str) -> Found:
    """What it answers as soon as that is true."""
    deadline = time.monotonic() + PATIENCE
    while not (found := holds()):
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)
    return found


class Till:
    """The simulator of Stripe: what goes wrong with it, its buttons, and its ledger."""

    def __init__(self, stack: Stack) -> None:
        assert stack.stripe is not None
        self.process = stack.stripe

    def does(self, *faults: Row) -> None:
        """Go wrong in these ways, and in no others."""
        self._post("faults", {"faults": list(faults)})

    def has_done(self) -> bool:
        """Whether anything that is planned went wrong."""
        return any(fault["fired"] for fault in self._get("faults")["faults"])

    def pay(self, session_id: str, how: str = "card") -> None:
        """Press a button of a session's page."""
        self._post("pay", {"session": session_id, "with": how})

    def ledger(self, order_id: str | None = None) -> Row:
        """What really happened, of one order or all."""
        return self._get("ledger" + (f"?reference={order_id}" if order_id else ""))

    def _get(self, path: str) -> Row:
        reply = httpx.get(f"{self.process.url}/simulator/{path}", timeout=60)
        return dict(reply.raise_for_status().json())

    def _post(self, path: str, body: Row) -> None:
        url = f"{self.process.url}/simulator/{path}"
        httpx.post(url, json=body, timeout=60).raise_for_status()


class Engine:
    """The small ComfyUI that makes previews and HD."""

    def __init__(self, stack: Stack) -> None:
        assert stack.comfyui is not None
        self._url = stack.comfyui.url

    def hold(self) -> None:
        """Stop every prompt at its last node."""
        self._plan({"node_delay": {SAVER: 3600.0}})

    def fail(self) -> None:
        """Let every enlargement fail."""
        fault = {"kind": "node_error", "node": "ImageScaleBy", "count": 1000}
        self._plan({"faults": [fault]})

    def go(self) -> None:
        """Work as usual."""
        self._plan({})

    def outcomes(self, attempt_id: UUID) -> list[str | None]:
        """Of every prompt of an attempt, in order; None while it runs."""
        mine = {str(uuid5(attempt_id, f"try-{number}")) for number in range(1, MOST_TRIES)}
        runs = httpx.get(f"{self._url}/simulator/ledger", timeout=60).json()["runs"]
        return [run["outcome"] for run in runs if run["prompt_id"] in mine]

    def _plan(self, plan: Row) -> None:
        url = f"{self._url}/simulator/faults"
        httpx.post(url, json=plan, timeout=60).raise_for_status()


@dataclass
class Sale:
    """One restored photo, and the order of its HD."""

    shop: "Shop"
    attempt: Attempt

    @property
    def attempt_id(self) -> UUID:
        return UUID(self.attempt.id)

    @property
    def row(self) -> Row | None:
        """The order's row, if there is one."""
        found = self.shop.rows("select * from orders where attempt_id = %(id)s", id=self.attempt_id)
        assert len(found) <= 1, "more than one order of an attempt"
        return found[0] if found else None

    @property
    def order_id(self) -> UUID:
        row = self.row
        assert row is not None
        return UUID(str(row["id"]))

    @property
    def prompts(self) -> list[str | None]:
        """Outcomes of the prompts that its HD was made by; None while one runs."""
        return self.shop.engine.outcomes(hd_attempt_id(self.order_id))

    def page(self) -> Row:
        """The order with its page, however often one has to ask. HD is locked until it is paid."""

        def asked() -> Row | None:
            try:
                return self.shop.client.check_out(self.attempt)
            except Unreachable:
                return None
            except Refused as refusal:
                if not refusal.retryable:
                    raise
                return None

        order = until(asked, "a checkout page") or {}
        assert self.hd().status_code == 402, "HD may be had before anybody paid"
        return order

    def asks(self) -> "Future[Row]":
        """Begin to ask for the page."""
        return self.shop.threads.submit(self.page)

    def asks_once(self) -> httpx.Response:
        """Ask for the page without any patience."""
        return self.shop.http.post(
            f"/api/v1/jobs/{self.attempt.job_id}/checkout", json={"attempt_id": self.attempt.id}
        )

    def pay(self) -> None:
        """Ask for the page, and pay on it with a card."""
        self.page()
        self.pay_now()

    def pay_now(self) -> None:
        """Pay on the page that is open."""
        (session,) = self.open_sessions()
        self.shop.till.pay(session["id"])

    @property
    def announced(self) -> list[Row]:
        """What of it is in the inbox."""
        return self.shop.rows(
            "select * from payment_events where order_id = %(id)s", id=self.order_id
        )

    def open_sessions(self) -> list[Row]:
        found = self.shop.till.ledger(str(self.order_id))["sessions"]
        return [each for each in found if each["status"] == "open"]

    def is_(self, *statuses: str) -> bool:
        """Whether the order stands so, as the API tells."""
        path = f"/api/v1/orders/{self.order_id}"
        return str(self.shop.http.get(path).raise_for_status().json()["status"]) in statuses

    def ends(self, status: str) -> None:
        """Wait until the order stands so."""
        until(lambda: self.is_(status), f"{self.order_id} {status}")

    def hd(self) -> httpx.Response:
        """What the API answers to whoever wants the HD."""
        return self.shop.http.get(
            f"/api/v1/jobs/{self.attempt.job_id}/restores/{self.attempt.id}/hd"
        )

    def opens(self) -> bool:
        """Whether the HD is really there: twice the size of what was restored."""
        answer = self.hd()
        if answer.status_code != 200:
            return False
        with Image.open(io.BytesIO(httpx.get(answer.json()["url"], timeout=60).content)) as hd:
            hd.load()
            size = (self.attempt.document["width"], self.attempt.document["height"])
            return hd.size == tuple(2 * side for side in size)


@dataclass
class Shop:
    """A stack, and who buys from it."""

    stack: Stack
    photo: Path
    till: Till = field(init=False)
    engine: Engine = field(init=False)
    gates: Gates = field(init=False)
    sales: list[Sale] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.till, self.engine = Till(self.stack), Engine(self.stack)
        self.gates = Gates(self.stack.addresses.database)
        self.held = ExitStack()
        self.threads = ThreadPoolExecutor(8)
        connection = connect(None, None, self.stack.data)
        self.client = ApiClient(connection)
        self.http = httpx.Client(
            base_url=connection.api,
            headers={"Authorization": f"Bearer {connection.token}"},
            timeout=60.0,
        )

    def close(self) -> None:
        """Leave nothing to the next test, whatever happened in this one."""
        self.held.close()
        for part in self.stack.parts:
            if not part.is_running:
                part.start()
        self.engine.go()
        self.till.does()
        self.threads.shutdown()
        self.client.__exit__()
        self.http.close()

    def sells(self, count: int) -> list[Sale]:
        """So many photos, restored."""
        sales = [Sale(self, each) for each in self.threads.map(self._restored, range(count))]
        self.sales += sales
        return sales

    def hold(self, moment: Moment, of: UUID) -> Gate:
        """Hold that write until `release`."""
        return self.held.enter_context(self.gates.shut(moment, of))

    def crash(self) -> None:
        """Kill the worker with SIGKILL; then let go what stood at a gate, and start it anew."""
        self.stack.worker.kill()
        self.release()
        self.engine.go()
        self.till.does()
        self.stack.worker.start()

    def release(self) -> None:
        """Open every gate."""
        self.held.close()

    def sweep(self) -> None:
        """Have the sweep's schedule run now."""
        assert asyncio.run(_sweep(self.stack))

    def rows(self, statement: str, **values: Any) -> list[Row]:
        """The database, read past the system."""
        url = self.stack.addresses.database
        with psycopg.connect(url, row_factory=dict_row, autocommit=True) as connection:
            return connection.execute(statement, values).fetchall()

    def change(self, statement: str, **values: Any) -> None:
        """Change the database behind the system's back."""
        with psycopg.connect(self.stack.addresses.database) as connection:
            connection.execute(statement, values)

    def _restored(self, _: int) -> Attempt:
        job = self.client.upload(self.photo, EMAIL)
        started = self.client.restore(job["id"], WISHES)
        attempt = self.client.follow(started, seen=lambda _: None)
        attempt.require_success()
        return attempt


async def _sweep(stack: Stack) -> bool:
    where = stack.addresses
    client = await connect_temporal(where.temporal, where.temporal_namespace)
    return await TemporalSchedules(client, ()).trigger(SWEEP_SCHEDULE)
