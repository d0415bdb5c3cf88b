"""No key, token or variable of a pod is in anything that is logged or raised."""

import logging
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rekindle.adapters.runpod.cloud import RunPodCloud
from rekindle.adapters.runpod.scrubbing import without
from rekindle.errors import RekindleError, SettingsInvalid
from rekindle.ports.gpu_cloud import PodOrder

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
TOKEN = 'tok"en/OF-THE\\POD-0123456789'
ORDER = PodOrder(
    name="rk-test-image-0-1",
    image="i:1",
    gpu_type="G",
    ports=(),
    disk_gb=40,
    env={"REKINDLE_POD_TOKEN": TOKEN, "SHORT": "hush", "GENERATION": "7"},
)


def everything_told(error: BaseException) -> str:
    """What a log with a traceback would hold of an error."""
    return "".join(traceback.format_exception(error)) + repr(error) + str(error)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422, 429, 500])
async def test_a_vendor_that_quotes_secrets_is_not_quoted(
    cloud: RunPodCloud,
    vendor: Any,
    status: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    key = "rpa_THEKEYTHATNOBODYMAYSEE"
    quoted = f"bad: {key}, {TOKEN}, hush and more " + "x" * 400 + TOKEN * 20
    problem = {"title": "x", "status": status, "detail": quoted, "errors": [f"$.env: {TOKEN}"]}
    vendor.says(status, problem)
    with caplog.at_level(logging.DEBUG), pytest.raises(RekindleError) as failed:
        await cloud.create(ORDER)
    told = everything_told(failed.value)
    assert "bad: ***, ***, *** and more" in told
    for secret in (key, TOKEN, TOKEN[:12], "hush"):
        assert secret not in told.replace(repr(ORDER), "")
        assert secret not in caplog.text


async def test_a_broken_connection_tells_no_header(
    cloud: RunPodCloud, vendor: Any, caplog: pytest.LogCaptureFixture
) -> None:
    vendor.breaks_off(b"HTTP/1.1 200 OK\r\nbad header rpa_THEKEYTHATNOBODYMAYSEE\r\n\r\n")
    with caplog.at_level(logging.INFO), pytest.raises(RekindleError) as failed:
        await cloud.create(ORDER)
    assert "rpa_" not in everything_told(failed.value) + caplog.text
    assert failed.value.__suppress_context__


async def test_a_reply_that_cannot_be_read_is_not_quoted(
    cloud: RunPodCloud, vendor: Any, examples: Any
) -> None:
    odd = {**examples["GET /v2/pods/{id}"], "id": None, "env": {"TOKEN": TOKEN}}
    vendor.says(200, odd)
    with pytest.raises(RekindleError) as failed:
        await cloud.get("p1")
    assert TOKEN not in everything_told(failed.value)


async def test_the_variables_of_a_pod_are_part_of_the_reply_and_go_no_further(
    cloud: RunPodCloud, vendor: Any, examples: Any
) -> None:
    shown = {**examples["GET /v2/pods/{id}"], "env": {"REKINDLE_POD_TOKEN": TOKEN}}
    vendor.says_like_the_vendor("GET /v2/pods", 200, {"pods": [shown]})
    (pod,) = await cloud.find("")
    assert TOKEN not in repr(pod)


@pytest.mark.parametrize("key", ["", " ", "rpa_two words", "rpa_\nline", "rpa_ümlaut", "rpa_\x00"])
def test_a_key_that_is_none_is_a_wrong_setting_that_is_not_shown(key: str) -> None:
    with pytest.raises(SettingsInvalid, match="RUNPOD_API_KEY") as wrong:
        RunPodCloud(api_url="https://api.runpod.io", key=key, proxy_url="{pod_id}{port}")
    assert "rpa_" not in everything_told(wrong.value)


async def test_a_line_end_after_the_key_is_forgiven(
    vendor: Any, open_cloud: Callable[..., RunPodCloud]
) -> None:
    vendor.says(204)
    cloud = RunPodCloud(api_url=vendor.url, key="rpa_key\n", proxy_url="{pod_id}{port}")
    await cloud.terminate("p1")
    await cloud.close()
    assert vendor.seen[0].headers["authorization"] == "Bearer rpa_key"


def test_neither_client_nor_order_shows_a_secret(cloud: RunPodCloud) -> None:
    assert "rpa_" not in repr(cloud) + repr(vars(cloud)["_door"])
    assert "hush" not in repr(ORDER)


@unhurried
@given(st.sets(st.text(min_size=7)), st.lists(st.text()))
def test_no_long_secret_survives_in_any_text(secrets: set[str], between: list[str]) -> None:
    text = "".join(part + secret for part in between for secret in sorted(secrets))
    left = without(secrets, text)
    kept = {secret for secret in secrets if secret in left}
    assert all("*" in secret for secret in kept)  # what the blots themselves spell


def test_a_short_value_is_taken_out_as_a_word_only() -> None:
    assert without({"7", "on"}, "on port 8007: 7 is one") == "*** port 8007: *** is one"
    assert without({""}, "as it is") == "as it is"
