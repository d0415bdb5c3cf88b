"""The ledger and the bill: every second of every pod, once."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from simulators.common.clock import Clock
from simulators.runpod.cloud.billing import bucket_start, next_bucket
from tests.unit.runpod_simulator.conftest import Cloud, MakeCloud

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()


def frozen_at(moment: float) -> Clock:
    return Clock(is_frozen=True, base=lambda: moment)


async def bill(cloud: Cloud, **query: Any) -> dict[str, Any]:
    reply = await cloud.http.get("/v2/billing/pods", params=query)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


async def test_a_pod_is_billed_from_its_creation_to_its_end(cloud: Cloud) -> None:
    pod = await cloud.create()
    before = cloud.clock.now()
    cloud.clock.advance(100.25)
    running = await cloud.account(pod["id"])
    assert (running["is_billed"], running["seconds"]) == (True, pytest.approx(100.25))
    await cloud.http.delete(f"/v2/pods/{pod['id']}")
    cloud.clock.advance(500)
    ended = await cloud.account(pod["id"])
    assert ended["seconds"] == pytest.approx(100.25)
    assert ended["cost"] == pytest.approx(100.25 * 0.44 / 3600)
    assert (ended["is_billed"], ended["ended_by"], ended["status"]) == (False, "api", "TERMINATED")
    assert ended["billing_started_at"] == ended["created_at"] == pytest.approx(before)
    assert ended["ended_at"] == ended["terminated_at"] == pytest.approx(before + 100.25)


async def test_a_stopped_pod_is_not_billed_until_it_starts_again(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    await cloud.act(pod["id"], "stop")
    cloud.clock.advance(1000)
    assert (await cloud.account(pod["id"]))["seconds"] == pytest.approx(60)
    await cloud.act(pod["id"], "start")
    cloud.clock.advance(30)
    account = await cloud.account(pod["id"])
    assert (account["seconds"], len(account["spans"])) == (pytest.approx(90), 2)
    assert account["ended_by"] is None


async def test_a_restart_stays_on_the_meter(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    await cloud.act(pod["id"], "restart")
    cloud.clock.advance(40)
    account = await cloud.account(pod["id"])
    assert (account["seconds"], len(account["spans"])) == (pytest.approx(100), 1)


async def test_the_ledger_keeps_everyone_and_adds_up(cloud: Cloud) -> None:
    pods = []
    for name in ("rk-a-1", "rk-a-2", "rk-b-1"):
        pods.append(await cloud.create(name=name))
        cloud.clock.advance(10)
    for pod in pods[:2]:
        await cloud.http.delete(f"/v2/pods/{pod['id']}")
    await cloud.create(name="rk-a-3")
    ledger = (await cloud.http.get("/simulator/ledger")).json()
    assert [pod["name"] for pod in ledger["pods"]] == ["rk-a-1", "rk-a-2", "rk-b-1", "rk-a-3"]
    assert ledger["seconds"] == pytest.approx(30 + 20 + 10)
    assert ledger["cost"] == pytest.approx(60 * 0.44 / 3600)
    assert ledger["most_at_once"] == 3
    chosen = (await cloud.http.get("/simulator/ledger", params={"name": "rk-a-"})).json()
    assert len(chosen["pods"]) == 3
    assert chosen["most_at_once"] == 2


async def test_the_ledger_and_the_machines_secrets_are_for_the_owner_alone(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    assert (cloud.app.options.data / "journal.jsonl").stat().st_mode & 0o077 == 0
    shown = (await cloud.http.get("/simulator/ledger")).text
    shown += (await cloud.http.get("/simulator/pods")).text
    assert cloud.key_of(pod["id"]) not in shown
    assert "a-pod-token" not in shown


async def test_the_bill_splits_a_pod_over_buckets(make_cloud: MakeCloud) -> None:
    cloud = await make_cloud(clock=frozen_at(NOON + 1800))
    pod = await cloud.create(disk=73)
    cloud.clock.advance(3600)
    await cloud.http.delete(f"/v2/pods/{pod['id']}")
    cloud.clock.advance(7200)
    told = await bill(cloud, bucketSize="hour", lastN=24)
    assert [record["startTime"] for record in told["records"]] == [
        "2026-11-20T12:00:00Z",
        "2026-11-20T13:00:00Z",
    ]
    for record in told["records"]:
        assert record["gpuAmount"] == pytest.approx(0.22)
        assert record["diskAmount"] == pytest.approx(0.005)
        assert record["totalAmount"] == pytest.approx(0.225)
        assert record["podId"] == pod["id"]
    totals = told["metadata"]["totals"]
    account = await cloud.account(pod["id"])
    assert totals["gpuAmount"] == pytest.approx(account["cost"])
    assert (told["metadata"]["recordCount"], told["metadata"]["uniquePodCount"]) == (2, 1)


async def test_the_bill_can_be_asked_for_one_pod_and_one_day(make_cloud: MakeCloud) -> None:
    cloud = await make_cloud(clock=frozen_at(NOON))
    mine, other = await cloud.create(), await cloud.create()
    cloud.clock.advance(86_400)
    told = await bill(cloud, podId=mine["id"])
    assert [record["podId"] for record in told["records"]] == [mine["id"]] * 2
    window = {"startTime": "2026-11-20T13:00:00Z", "endTime": "2026-11-20T14:00:00Z"}
    told = await bill(cloud, **window)
    assert told["metadata"]["query"] == {
        "startTime": "2026-11-20T00:00:00Z",
        "endTime": "2026-11-21T00:00:00Z",
        "bucketSize": "day",
        "podId": None,
    }
    assert {record["podId"] for record in told["records"]} == {mine["id"], other["id"]}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"lastN": "3", "startTime": "2026-11-20T13:00:00Z"}, 400),
        ({"startTime": "2026-11-20T13:00:00Z", "endTime": "2026-11-19T13:00:00Z"}, 400),
        ({"bucketSize": "minute"}, 422),
        ({"lastN": "0"}, 422),
        ({"startTime": "yesterday"}, 422),
        ({"startTime": "2026-11-20T13:00:00"}, 422),
    ],
    ids=str,
)
async def test_bad_questions_about_the_bill_are_refused(
    cloud: Cloud, query: dict[str, str], status: int
) -> None:
    assert (await cloud.http.get("/v2/billing/pods", params=query)).status_code == status


@pytest.mark.parametrize(
    ("size", "start", "end"),
    [
        ("hour", (2026, 11, 20, 12), (2026, 11, 20, 13)),
        ("day", (2026, 11, 20), (2026, 11, 21)),
        ("week", (2026, 11, 16), (2026, 11, 23)),
        ("month", (2026, 11, 1), (2026, 12, 1)),
        ("year", (2026, 1, 1), (2027, 1, 1)),
    ],
    ids=["hour", "day", "week", "month", "year"],
)
def test_buckets_begin_and_end_on_the_calendar(
    size: str, start: tuple[int, int, int], end: tuple[int, int, int]
) -> None:
    begin = bucket_start(NOON + 61, size)
    assert begin == datetime(*start, tzinfo=UTC).timestamp()
    assert next_bucket(begin, size) == datetime(*end, tzinfo=UTC).timestamp()


async def test_light_pods_go_on_when_the_simulator_starts_again(make_cloud: MakeCloud) -> None:
    clock = frozen_at(NOON)
    first = await make_cloud(clock=clock)
    ready = await first.create_ready()
    booting = await first.create(name="rk-booting")
    gone = await first.create_ready(name="rk-gone")
    await first.http.delete(f"/v2/pods/{gone['id']}")
    # No goodbye: the second simulator finds what a kill -9 of the first would leave.
    second = await make_cloud(clock=Clock(is_frozen=True, base=clock.now))
    assert set(await second.listed()) == {ready["id"], booting["id"]}
    assert await second.get(ready["id"]) == await first.get(ready["id"])
    second.clock.advance(20)
    assert (await second.get(booting["id"]))["runtime"] is not None
    health = await second.http.get(f"/proxy/{ready['id']}/8001/health")
    assert health.status_code == 200
    ledger = (await second.http.get("/simulator/ledger")).json()
    assert [pod["name"] for pod in ledger["pods"]] == [ready["name"], "rk-booting", "rk-gone"]
    assert (await second.http.get("/v2/network-volumes")).json()["networkVolumes"] != []


async def test_a_line_that_a_crash_cut_off_is_forgotten(make_cloud: MakeCloud) -> None:
    first = await make_cloud()
    pod = await first.create()
    with (first.app.options.data / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"event": "created", "po')
    second = await make_cloud()
    assert await second.listed() == [pod["id"]]
    lines = (first.app.options.data / "journal.jsonl").read_text().splitlines()
    assert all(json.loads(line) for line in lines)
