"""The vendor's table of statuses, row by row, through real requests."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from rekindle.adapters.runpod.cloud import RunPodCloud
from rekindle.adapters.runpod.statuses import EVERYWHERE, ON_CREATE, Meaning, meaning
from rekindle.errors import CloudRefused, CloudUnavailable, NoGpuStock, RekindleError
from rekindle.ports.gpu_cloud import PodOrder

ORDER = PodOrder(
    name="rk-test-image-0-1", image="i:1", gpu_type="G", ports=("8001/http",), disk_gb=40
)
CALLS: dict[str, Callable[[RunPodCloud], Awaitable[object]]] = {
    "create": lambda cloud: cloud.create(ORDER),
    "get": lambda cloud: cloud.get("p1"),
    "find": lambda cloud: cloud.find("rk-"),
    "terminate": lambda cloud: cloud.terminate("p1"),
    "offers": lambda cloud: cloud.offers(),
    "volumes": lambda cloud: cloud.volumes(),
    "bills": lambda cloud: cloud.bills(since=datetime(2026, 11, 1, tzinfo=UTC)),
}
OTHERS = sorted(CALLS.keys() - {"create"})


def problem(status: int, detail: str = "said so") -> dict[str, Any]:
    return {"title": "Problem", "status": status, "detail": detail}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, NoGpuStock),
        (401, CloudRefused),
        (402, CloudRefused),
        (403, NoGpuStock),
        (404, CloudRefused),
        (422, CloudRefused),
        (429, CloudUnavailable),
        (500, CloudUnavailable),
        (502, CloudUnavailable),
        (503, CloudUnavailable),
        (504, CloudUnavailable),
        (524, CloudUnavailable),
    ],
)
async def test_each_row_of_the_table_for_create(
    cloud: RunPodCloud, vendor: Any, status: int, error: type[RekindleError]
) -> None:
    vendor.says(status, problem(status, "out of pods"))
    with pytest.raises(error) as failed:
        await cloud.create(ORDER)
    assert type(failed.value) is error
    assert f"HTTP {status}: out of pods" in str(failed.value)
    assert "out of pods" not in failed.value.public_detail
    assert len(vendor.seen) == 1  # nothing is repeated in here


@pytest.mark.parametrize("call", OTHERS)
async def test_no_other_call_speaks_of_stock(cloud: RunPodCloud, vendor: Any, call: str) -> None:
    for status in (400, 401, 402, 403, 405, 422, 429, 500, 503):
        vendor.says(status, problem(status))
        wanted = CloudUnavailable if status in (429, 500, 503) else CloudRefused
        with pytest.raises(wanted, match=f"HTTP {status}"):
            await CALLS[call](cloud)
    assert len(vendor.seen) == 9


@pytest.mark.parametrize("call", sorted(CALLS))
async def test_a_rate_limit_carries_the_seconds_to_wait(
    cloud: RunPodCloud, vendor: Any, call: str
) -> None:
    for header, seconds in {"12": 12.0, "0": 0.0, "99999999": 3600.0}.items():
        vendor.says(429, problem(429), headers={"Retry-After": header})
        with pytest.raises(CloudUnavailable) as limited:
            await CALLS[call](cloud)
        assert limited.value.retry_after == seconds


async def test_a_retry_after_that_is_no_number_of_seconds_is_ignored(
    cloud: RunPodCloud, vendor: Any
) -> None:
    for header in ("", "soon", "nan", "-1", "inf", "Fri, 20 Nov 2026 13:00:00 GMT"):
        vendor.says(429, headers={"Retry-After": header})
        with pytest.raises(CloudUnavailable) as limited:
            await cloud.find("")
        assert limited.value.retry_after is None


async def test_a_gateway_that_is_busy_does_not_say_that_nothing_happened(
    cloud: RunPodCloud, vendor: Any
) -> None:
    vendor.says(503, headers={"Retry-After": "12"})
    with pytest.raises(CloudUnavailable) as unknown:
        await cloud.create(ORDER)
    assert unknown.value.retry_after is None


@pytest.mark.parametrize("call", sorted(CALLS))
async def test_a_connection_that_breaks_leaves_the_outcome_open(
    cloud: RunPodCloud, vendor: Any, call: str
) -> None:
    broken = [
        b"",
        b"HTTP/1.1 20",
        b'HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{"pods":',
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
    ]
    for sent in broken:
        vendor.breaks_off(sent)
        with pytest.raises(CloudUnavailable):
            await CALLS[call](cloud)
    assert len(vendor.seen) == len(broken)  # nothing is repeated in here


@pytest.mark.parametrize("call", sorted(CALLS))
async def test_nobody_at_the_address_is_unavailable(
    vendor: Any, open_cloud: Callable[..., RunPodCloud], call: str
) -> None:
    server = await asyncio.start_server(vendor.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(CloudUnavailable):
        await CALLS[call](open_cloud(f"http://127.0.0.1:{port}"))


@pytest.mark.parametrize("call", sorted(CALLS))
async def test_an_answer_that_does_not_come_is_not_waited_for_for_ever(
    vendor: Any, open_cloud: Callable[..., RunPodCloud], call: str
) -> None:
    never = asyncio.Event()
    vendor.says(200, {}, hold=never)
    with pytest.raises(CloudUnavailable, match="Time"):
        await CALLS[call](open_cloud(vendor.url, timeout=0.3))
    never.set()


@pytest.mark.parametrize("call", sorted(CALLS.keys() - {"terminate"}))
async def test_a_success_that_makes_no_sense_leaves_the_outcome_open(
    cloud: RunPodCloud, vendor: Any, call: str
) -> None:
    page, deep = "<html>busy</html>", "[" * 100_000
    for body in (page, "", "null", "[]", "7", "{}", deep, "NaN", '{"pods": [{}]}'):
        vendor.says(200, body)
        with pytest.raises(CloudUnavailable):
            await CALLS[call](cloud)


@pytest.mark.parametrize("call", sorted(CALLS))
async def test_a_redirect_is_not_followed_and_never_gets_the_key(
    cloud: RunPodCloud, vendor: Any, call: str
) -> None:
    for status in (301, 302, 307, 308):
        vendor.says(status, headers={"Location": f"{vendor.url}/v2/pods"})
        with pytest.raises(CloudUnavailable):
            await CALLS[call](cloud)
    assert len(vendor.seen) == 4


async def test_a_pod_that_is_gone_is_none_to_get_and_fine_to_terminate(
    cloud: RunPodCloud, vendor: Any, examples: Any
) -> None:
    for _ in range(2):
        vendor.says_like_the_vendor("GET /v2/pods/{id}", 404, examples["problems"]["404"])
    assert await cloud.get("p1") is None
    await cloud.terminate("p1")


async def test_terminating_twice_is_fine(cloud: RunPodCloud, vendor: Any, examples: Any) -> None:
    vendor.says(204)
    vendor.says_like_the_vendor("DELETE /v2/pods/{id}", 404, examples["problems"]["404"])
    await cloud.terminate("p1")
    await cloud.terminate("p1")
    assert [each.operation for each in vendor.seen] == ["DELETE /v2/pods/{id}"] * 2


async def test_a_pod_that_cannot_be_terminated_in_its_state_is_tried_again_not_given_up(
    cloud: RunPodCloud, vendor: Any
) -> None:
    vendor.says(409, problem(409, "not now"))
    with pytest.raises(CloudUnavailable, match="not now"):
        await cloud.terminate("p1")


async def test_what_is_no_id_never_becomes_a_path(cloud: RunPodCloud, vendor: Any) -> None:
    for cloud_id in ("", ".", "..", "a/b", "a?b", "ä", "p1\n", "x" * 101):
        assert await cloud.get(cloud_id) is None
        with pytest.raises(CloudRefused):
            await cloud.terminate(cloud_id)
    assert vendor.seen == []


def test_the_table_says_what_the_reference_says_of_create() -> None:
    told = {status: meaning(status, ON_CREATE) for status in (400, 401, 402, 403, 404, 422, 429)}
    assert told == {
        400: Meaning.NEXT_CANDIDATE,
        401: Meaning.REFUSED,
        402: Meaning.REFUSED,
        403: Meaning.NEXT_CANDIDATE,
        404: Meaning.REFUSED,
        422: Meaning.REFUSED,
        429: Meaning.UNKNOWN,
    }


def test_every_status_has_a_meaning() -> None:
    for status in set(range(300, 600)) - EVERYWHERE.keys():
        wanted = Meaning.REFUSED if 400 <= status < 500 else Meaning.UNKNOWN
        assert meaning(status, {}) is wanted
