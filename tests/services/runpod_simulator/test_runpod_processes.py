"""A pod is a group of processes: what it finds around it, and that nothing of it stays behind."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import httpx
import pytest

from simulators.runpod.options import Options
from simulators.runpod.server import SimulatorThread
from tests.services.runpod_simulator.conftest import (
    API_KEY,
    IMAGES,
    TOKEN,
    Cloud,
    SimulatorProcess,
    client_of,
    is_alive,
    until,
    until_gone,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
NETWORK = {"network": [{"volumeId": "models-eu", "path": "/workspace"}]}


async def test_a_pod_finds_the_platforms_variables_and_its_own(cloud: Cloud) -> None:
    os.environ["SECRET_OF_THE_HOST"] = "not for pods"  # pragma: allowlist secret
    try:
        pod = await cloud.create_ready(mounts=NETWORK, ports=["8001/http", "22/tcp"])
        env = (await cloud.about(pod))["env"]
    finally:
        del os.environ["SECRET_OF_THE_HOST"]
    truth = await cloud.truth(pod)
    assert env["RUNPOD_POD_ID"] == pod
    assert env["RUNPOD_DC_ID"] == "EU-RO-1"
    assert env["RUNPOD_POD_HOSTNAME"] == truth["machine"]
    assert env["RUNPOD_GPU_COUNT"] == "1"
    assert env["RUNPOD_VOLUME_ID"] == "models-eu"
    assert env["RUNPOD_API_URL"] == cloud.url
    assert env["RUNPOD_SIMULATED_PORT_8001"] == str(truth["ports"]["8001/http"])
    assert env["RUNPOD_TCP_PORT_22"] == str(truth["ports"]["22/tcp"])
    assert env["REKINDLE_POD_TOKEN"] == TOKEN
    assert env["RUNPOD_API_KEY"].startswith("rpa_")
    assert "SECRET_OF_THE_HOST" not in env
    shown = await cloud.show(pod)
    assert shown["env"] == {"REKINDLE_POD_TOKEN": TOKEN}
    assert shown["runtime"]["ports"] == [
        {"private": 22, "public": truth["ports"]["22/tcp"], "type": "tcp", "ip": "127.0.0.1"}
    ]
    assert shown["ssh"]["direct"]["port"] == truth["ports"]["22/tcp"]


async def test_a_volume_is_mounted_and_outlives_its_pods(cloud: Cloud) -> None:
    volume = cloud.data / "volumes" / "models-eu"
    (volume / "weights").write_text("heavy")
    pod = await cloud.create_ready(mounts=NETWORK)
    about = await cloud.about(pod)
    mounted = Path(about["env"]["RUNPOD_VOLUME_PATH"])
    assert mounted == Path(about["cwd"]) / "workspace"
    assert (mounted / "weights").read_text() == "heavy"
    await cloud.http.delete(f"/v2/pods/{pod}")

    async def is_clean() -> bool:
        return not (cloud.data / "pods" / pod).exists()

    await until(is_clean)
    assert (volume / "weights").read_text() == "heavy"


async def test_a_terminated_pod_leaves_no_process(cloud: Cloud) -> None:
    pod, other = await cloud.create_ready(), await cloud.create_ready()
    pids, others = (await cloud.about(pod))["pids"], (await cloud.about(other))["pids"]
    assert len(pids) == 2
    await cloud.http.delete(f"/v2/pods/{pod}")
    await until_gone(pids)
    assert all(is_alive(one) for one in others)
    assert (await cloud.http.get(cloud.proxied(pod, "/about/"))).status_code == 404


async def test_a_pod_that_ignores_sigterm_is_killed_after_the_grace_period(cloud: Cloud) -> None:
    pod = await cloud.create("stubborn")

    async def has_spoken() -> bool:
        log = cloud.data / "pods" / f"{pod}.log"
        return await asyncio.to_thread(log.exists) and log.read_text() == "1\n"

    await until(has_spoken)
    pid = (await cloud.truth(pod))["pid"]
    await cloud.http.delete(f"/v2/pods/{pod}")
    await until_gone([pid])


async def test_a_stopped_pod_ends_and_comes_back_as_a_new_process(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    before = await cloud.about(pod)
    await cloud.http.post(f"/v2/pods/{pod}/action", json={"action": "stop"})
    await until_gone(before["pids"])
    assert (await cloud.http.get(cloud.proxied(pod, "/about/"))).status_code == 502
    await cloud.http.post(f"/v2/pods/{pod}/action", json={"action": "start"})

    async def is_back() -> bool:
        return (await cloud.http.get(cloud.proxied(pod, "/about/"))).status_code == 200

    await until(is_back)
    after = await cloud.about(pod)
    assert set(after["pids"]).isdisjoint(before["pids"])
    assert after["cwd"] != before["cwd"]


async def test_a_pod_that_ends_by_itself_is_exited_and_free(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    pids = (await cloud.about(pod))["pids"]
    assert (await cloud.http.post(cloud.proxied(pod, "/leave"))).status_code == 502
    await cloud.until_status(pod, "EXITED")
    await until_gone(pids)
    account = await cloud.account(pod)
    assert (account["is_billed"], account["ended_by"]) == (False, "self-died")


async def test_a_pod_gives_itself_back_with_its_own_key(cloud: Cloud) -> None:
    pod = await cloud.create_ready()
    pids = (await cloud.about(pod))["pids"]
    with contextlib.suppress(httpx.TransportError):  # it may be gone before it can say so
        await cloud.http.post(cloud.proxied(pod, "/give-back"))
    await until_gone(pids)
    assert (await cloud.account(pod))["ended_by"] == "dead-man"


async def test_a_planned_death_takes_the_whole_group_in_the_middle_of_a_prompt(
    cloud: Cloud,
) -> None:
    pod = await cloud.create_ready()
    pids = (await cloud.about(pod))["pids"]
    await cloud.plan({"kind": "dies", "when": "prompt", "seconds": 0})
    assert (await cloud.http.post(cloud.proxied(pod, "/prompt"), json={})).status_code == 200
    await cloud.until_status(pod, "EXITED")
    await until_gone(pids)
    assert (await cloud.account(pod))["ended_by"] == "self-died"


async def test_an_image_that_does_not_exist_is_pulled_for_ever(cloud: Cloud) -> None:
    pod = await cloud.create("nobody/nothing:1")
    await cloud.until_status(pod, "STARTING")
    await cloud.advance(86_400)
    assert (await cloud.show(pod))["status"] == "STARTING"


async def test_a_command_that_does_not_exist_ends_the_pod_and_says_why(cloud: Cloud) -> None:
    pod = await cloud.create("nowhere")
    await cloud.until_status(pod, "EXITED")
    assert "No such file" in (cloud.data / "pods" / f"{pod}.log").read_text()


async def test_what_a_pod_says_can_be_followed(cloud: Cloud) -> None:
    pod = await cloud.create()
    async with cloud.http.stream("GET", f"/v2/pods/{pod}/logs") as reply:
        async for line in reply.aiter_lines():
            if "the program starts" in line:
                assert '"source": "container"' in line
                break


async def test_leaving_the_thread_ends_the_pods(tmp_path: Path) -> None:
    options = Options(data=tmp_path, api_key=API_KEY, images=IMAGES, grace=1)
    with SimulatorThread(options) as running:
        async with client_of(running.url, tmp_path) as cloud:
            pids = (await cloud.about(await cloud.create_ready()))["pids"]
    assert not any(is_alive(pid) for pid in pids)


@pytest.mark.parametrize(
    ("number", "reason"),
    [(signal.SIGKILL, "simulator-killed"), (signal.SIGTERM, "simulator-stopped")],
    ids=["killed", "ended"],
)
async def test_the_end_of_the_simulator_is_the_end_of_its_pods(
    simulator_process: SimulatorProcess, number: signal.Signals, reason: str
) -> None:
    async with simulator_process.running() as cloud:
        pod = await cloud.create_ready()
        pids = (await cloud.about(pod))["pids"]
        await simulator_process.end(number)
        await until_gone(pids)
    async with simulator_process.running() as cloud:
        assert (await cloud.show(pod))["status"] == "EXITED"
        account = await cloud.account(pod)
        assert (account["is_billed"], account["ended_by"]) == (False, reason)
        assert (await cloud.http.delete(f"/v2/pods/{pod}")).status_code == 204
        fresh = await cloud.create_ready()
        assert (await cloud.account(fresh))["is_billed"]


async def test_the_end_of_a_guard_is_the_end_of_its_pod(
    simulator_process: SimulatorProcess,
) -> None:
    async with simulator_process.running() as cloud:
        pod = await cloud.create_ready()
        pids = (await cloud.about(pod))["pids"]
        os.kill(guard_of(pids[0]), signal.SIGKILL)
        await until_gone(pids)
        await cloud.until_status(pod, "EXITED")


async def test_what_outlived_simulator_and_guard_ends_at_the_next_start(
    simulator_process: SimulatorProcess,
) -> None:
    async with simulator_process.running() as cloud:
        pod = await cloud.create_ready()
        pids = (await cloud.about(pod))["pids"]
        simulator_process.freeze()
        os.kill(guard_of(pids[0]), signal.SIGKILL)
        await simulator_process.end(signal.SIGKILL)
        await until_gone(pids[:1])
        assert is_alive(pids[1])
    async with simulator_process.running() as cloud:
        await until_gone(pids)
        assert (await cloud.show(pod))["status"] == "EXITED"


def guard_of(pid: int) -> int:
    """The parent of a pod's command."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.parametrize("bad", ["port", "volume", "journal"])
async def test_a_bad_start_says_why_and_leaves(tmp_path: Path, bad: str, cloud: Cloud) -> None:
    more = []
    if bad == "port":
        more = ["--port", cloud.url.rpartition(":")[2]]
    elif bad == "volume":
        more = ["--volume", "models=MOON-1"]
    else:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "journal.jsonl").write_text("nonsense\n")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators.runpod", "--port", "0"),
        *("--data", str(tmp_path / "data"), "--api-key-file", str(tmp_path / "key"), *more),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        _, told = await process.communicate()
    assert process.returncode != 0
    assert b"Traceback" not in told
    assert len(told) > 20
