"""`rekindle pods`, `gpus` and `volumes` on an account whose pods really answer."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from deploy.cli.main import app
from rekindle.adapters.runpod.cloud import RunPodCloud
from rekindle.ports.gpu_cloud import PodOrder
from rekindle.settings import Settings

GPU = "NVIDIA GeForce RTX 4090"
Invoke = Callable[..., Result]


@pytest.fixture
def rekindle(account: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)

    def invoke(*arguments: str, **variables: str) -> Result:
        given = {**account.variables, "COLUMNS": "200", **variables}
        return CliRunner(env=given).invoke(app, arguments)

    return invoke


def said(result: Result, exit_code: int = 0) -> dict[str, Any]:
    """The one JSON object on standard output."""
    assert result.exit_code == exit_code, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def launch(rekindle: Invoke, *more: str, name: str = "mine", exit_code: int = 0) -> dict[str, Any]:
    return said(rekindle("pods", "launch", "--name", name, *more, "--json"), exit_code)


def test_a_pod_by_hand_from_launch_to_its_end(rekindle: Invoke, account: Any) -> None:
    launched = launch(rekindle, "--gpu", "RTX 4090")
    pod = launched["pod"]
    assert (launched["status"], launched["adopted"]) == ("ready", False)
    assert (pod["name"], pod["gpu_type"], pod["fleet"]) == ("mine", GPU, None)
    assert pod["usd_per_hour"] > 0
    # its agent knows the token that was made for it, and nobody without it
    queue = f"{pod['address']}/queue"
    bearer = {"Authorization": f"Bearer {launched['token']}"}
    assert httpx.get(queue, headers=bearer, timeout=60).status_code == 200
    assert httpx.get(queue, timeout=60).status_code == 401

    assert [each["id"] for each in said(rekindle("pods", "list", "--json"))["pods"]] == [pod["id"]]
    told = said(rekindle("pods", "info", pod["id"], "--json"))
    assert (told["phase"], told["has_runtime"], told["id"]) == ("RUNNING", True, pod["id"])
    assert told["seconds"] >= 0
    assert told["usd_billed"] is not None
    waited = said(rekindle("pods", "wait", pod["id"], "--json"))
    assert (waited["status"], waited["pod"]["address"]) == ("ready", pod["address"])

    ended = said(rekindle("pods", "terminate", pod["id"], "--json"))
    assert ended == {"status": "terminated", "id": pod["id"]}
    assert account.pods() == []
    assert said(rekindle("pods", "terminate", pod["id"], "--json"))["status"] == "gone"


def test_for_people_the_same_is_text_with_the_address_and_how_to_end_it(
    rekindle: Invoke,
) -> None:
    result = rekindle("pods", "launch", "--name", "mine", "--gpu", GPU)
    assert result.exit_code == 0, result.output
    pod_id = result.stdout.split()[0]
    assert f"rekindle pods terminate {pod_id}" in result.stdout
    assert f"{pod_id}/8001" in result.stdout
    listed = rekindle("pods", "list").stdout
    assert pod_id in listed
    assert "1 for $" in listed
    shown = rekindle("pods", "info", pod_id).stdout
    assert "none: rented by hand" in shown
    assert "an hour for" in shown
    assert "ready at" in rekindle("pods", "wait", pod_id).stdout
    assert "terminated" in rekindle("pods", "terminate", pod_id).stdout
    assert "no pods" in rekindle("pods", "list").stdout


def test_launching_twice_under_one_name_is_one_pod(rekindle: Invoke, account: Any) -> None:
    first = launch(rekindle, "--no-wait")
    assert first["status"] == "launched"
    again = launch(rekindle, "--gpu", "H100")
    assert (again["adopted"], again["token"]) == (True, None)
    assert again["pod"]["id"] == first["pod"]["id"]
    assert len(account.pods()) == 1


@pytest.mark.parametrize("kind", ["lost_reply", "error_after"])
def test_an_answer_that_is_lost_costs_no_second_pod(
    rekindle: Invoke, account: Any, kind: str
) -> None:
    account.plan({"kind": kind, "route": "POST /v2/pods"})
    launched = launch(rekindle)
    assert launched["status"] == "ready"
    assert [pod["id"] for pod in account.pods()] == [launched["pod"]["id"]]


def test_the_next_candidate_is_tried_when_one_cannot_be_had(rekindle: Invoke, account: Any) -> None:
    account.plan({"kind": "no_capacity", "gpu": GPU, "count": None})
    launched = launch(rekindle, "--gpu", "RTX 4090", "--gpu", "L40S", "--no-wait")
    assert launched["pod"]["gpu_type"] == "NVIDIA L40S"


def test_when_none_can_be_had_the_clouds_own_words_are_told(rekindle: Invoke, account: Any) -> None:
    account.plan({"kind": "bad_request", "count": None, "detail": "that rule was broken"})
    failed = launch(rekindle, "--gpu", "RTX 4090", exit_code=1)
    assert failed["code"] == "no_gpu_stock"
    assert "that rule was broken" in failed["message"]


def test_a_balance_that_is_too_low_ends_it_at_once(rekindle: Invoke, account: Any) -> None:
    account.plan({"kind": "no_balance", "count": None})
    failed = launch(rekindle, exit_code=1)
    assert failed["code"] == "cloud_refused"
    assert "402" in failed["message"]


def test_a_pod_that_does_not_get_ready_in_time_says_that_it_costs_money(
    rekindle: Invoke, account: Any
) -> None:
    account.plan({"kind": "never_ready"})
    result = rekindle(
        *("pods", "launch", "--name", "mine", "--timeout", "1", "--json"),
    )
    failed = said(result, exit_code=1)
    (pod,) = account.pods()
    assert failed["code"] == "pod_not_ready"
    assert f"rekindle pods terminate {pod['id']}" in failed["message"]
    assert "an hour" in failed["message"]
    # whoever waits on must know how to get in: nobody can tell it later
    (token,) = re.findall(r"Its token is (\S+)", result.stderr)
    assert len(token) >= 32
    assert token not in result.stdout


def test_who_interrupts_a_launch_is_told_that_the_pod_is_there(
    account: Any, tmp_path: Path
) -> None:
    account.plan({"kind": "never_ready"})
    # As a terminal's shell starts it; who is started in the background ignores the signal.
    heeds = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = f"{heeds}; from deploy.cli.main import run; run()"
    launching = subprocess.Popen(
        [sys.executable, "-P", "-c", command, "pods", "launch", "--name", "mine"],
        env={**os.environ, **account.variables},
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    with launching:
        assert launching.stderr is not None
        lines = iter(launching.stderr.readline, "")
        before = next(line for line in lines if "Rented" in line)
        launching.send_signal(signal.SIGINT)
        after = "".join(lines)

    (pod,) = account.pods()
    assert launching.returncode == 130
    assert pod["id"] in before
    assert f"rekindle pods wait {pod['id']}" in after
    assert "Its token is " in after


def test_a_pod_that_dies_is_not_waited_for(rekindle: Invoke, account: Any) -> None:
    account.plan({"kind": "dies", "when": "ready", "seconds": 0, "status": "EXITED"})
    pod = launch(rekindle, "--no-wait")["pod"]
    failed = said(rekindle("pods", "wait", pod["id"], "--json"), exit_code=1)
    assert failed["code"] == "pod_ended"


def test_an_unknown_pod_is_said_so_at_once(rekindle: Invoke) -> None:
    for command in ("info", "wait"):
        failed = said(rekindle("pods", command, "nobody", "--json"), exit_code=1)
        assert failed["code"] == "pod_not_found"


def test_without_the_agents_port_a_running_container_is_enough(
    rekindle: Invoke, account: Any
) -> None:
    launched = launch(rekindle, "--port", "8888/http", "--env", "MODE=notebook")
    assert (launched["status"], launched["token"]) == ("ready", None)
    pod_id = launched["pod"]["id"]
    assert said(rekindle("pods", "wait", pod_id, "--port", "0", "--json"))["status"] == "ready"


def test_a_token_that_was_given_is_not_repeated(rekindle: Invoke) -> None:
    token = "given-" * 8
    launched = launch(rekindle, "--env", f"REKINDLE_POD_TOKEN={token}")
    assert launched["token"] is None
    queue = f"{launched['pod']['address']}/queue"
    assert (
        httpx.get(queue, headers={"Authorization": f"Bearer {token}"}, timeout=60).status_code
        == 200
    )
    named = rekindle(
        *("pods", "launch", "--name", "other", "--env", "REKINDLE_POD_TOKEN", "--json"),
        REKINDLE_POD_TOKEN=token,
    )
    assert said(named)["token"] is None
    assert token not in named.output


async def test_pods_of_a_fleet_are_marked_and_not_ended_by_accident(
    rekindle: Invoke, account: Any, connect: Callable[..., RunPodCloud]
) -> None:
    name = "rk-prod-image-0-7"
    order = PodOrder(name=name, image="i:1", gpu_type=GPU, ports=("8001/http",), disk_gb=40)
    pod = await connect(account).create(order)

    listed = said(await asyncio.to_thread(rekindle, "pods", "list", "--json"))
    assert [(p["name"], p["fleet"]) for p in listed["pods"]] == [(name, "prod")]
    ending = ("pods", "terminate", pod.cloud_id, "--json")
    refused = said(await asyncio.to_thread(rekindle, *ending), exit_code=2)
    assert refused["code"] == "not_confirmed"
    assert len(account.pods()) == 1
    ended = said(await asyncio.to_thread(rekindle, *ending, "--yes"))
    assert ended["status"] == "terminated"
    assert account.pods() == []


def test_volumes_are_listed_with_their_data_centre(rekindle: Invoke, account: Any) -> None:
    (volume,) = said(rekindle("volumes", "--json"))["volumes"]
    assert (volume["id"], volume["data_center"]) == (account.volume_id, account.data_center)
    assert volume["size_gb"] == 100
    table = rekindle("volumes").stdout
    assert account.volume_id in table
    assert account.data_center in table


def test_gpus_are_those_of_24_to_48_gb_best_stocked_first(rekindle: Invoke) -> None:
    listed = said(rekindle("gpus", "--json"))
    assert listed["data_center"] is None
    levels = ["HIGH", "MEDIUM", "LOW", "NONE"]
    ranks = [(levels.index(g["stock"]), g["usd_per_hour"]) for g in listed["gpus"]]
    assert ranks == sorted(ranks)
    assert {24, 48} <= {gpu["memory_gb"] for gpu in listed["gpus"]} <= set(range(24, 49))
    entry = next(gpu for gpu in listed["gpus"] if gpu["gpu_type"] == GPU)
    assert (entry["name"], entry["max_count"] >= 1) == ("RTX 4090", True)
    every = said(rekindle("gpus", "--all", "--json"))["gpus"]
    large = said(rekindle("gpus", "--min-memory", "80", "--max-memory", "999", "--json"))["gpus"]
    assert len(every) > len(listed["gpus"])
    assert large
    assert min(gpu["memory_gb"] for gpu in large) >= 80
    assert GPU in rekindle("gpus").stdout


def test_with_a_volume_the_stock_is_that_of_its_data_centre(rekindle: Invoke, account: Any) -> None:
    account.stock(gpu=GPU, data_center=account.data_center, level="NONE")
    by_setting = said(rekindle("gpus", "--json", RUNPOD_NETWORK_VOLUME_ID=account.volume_id))
    assert by_setting["data_center"] == account.data_center
    stock = {gpu["gpu_type"]: gpu["stock"] for gpu in by_setting["gpus"]}
    assert stock[GPU] == "NONE"
    assert said(rekindle("gpus", "--volume", account.volume_id, "--json")) == by_setting
    launched = launch(rekindle, "--volume", account.volume_id, "--no-wait")
    assert launched["pod"]["data_center"] == account.data_center
    assert launched["pod"]["gpu_type"] != GPU


def test_a_volume_that_nobody_has_is_met_with_those_there_are(
    rekindle: Invoke, account: Any
) -> None:
    for command in (("gpus",), ("pods", "launch", "--name", "mine")):
        failed = said(rekindle(*command, "--volume", "vol-x", "--json"), exit_code=1)
        assert failed["code"] == "unknown_volume"
        assert account.volume_id in failed["message"]
    assert account.pods() == []


def test_a_wrong_key_is_refused_without_showing_it(rekindle: Invoke) -> None:
    result = rekindle("pods", "list", "--json", RUNPOD_API_KEY="rpa_stale")
    failed = said(result, exit_code=1)
    assert failed["code"] == "cloud_refused"
    assert "401" in failed["message"]
    assert "rpa_stale" not in result.output


def test_too_many_calls_say_when_to_try_again(rekindle: Invoke, account: Any) -> None:
    account.plan({"kind": "rate_limited", "route": "GET /v2/pods", "seconds": 17})
    failed = said(rekindle("pods", "list", "--json"), exit_code=3)
    assert failed["code"] == "unreachable"
    assert "17 s" in failed["message"]
