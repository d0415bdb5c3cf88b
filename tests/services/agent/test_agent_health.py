"""What a pod says of itself while its parts come and go."""

from typing import Any


async def test_a_pod_whose_comfyui_is_away_is_degraded_and_recovers(make_pod: Any) -> None:
    pod = make_pod()
    pod.start_agent("degraded")
    async with pod.http() as http:
        reply = await http.get("/health")
        assert (reply.status_code, reply.json()["comfyui_available"]) == (200, False)
        asked = await http.get("/system_stats")
        assert (asked.status_code, asked.json()["code"]) == (503, "comfy_unavailable")
        assert pod.engine_url.rpartition(":")[2] not in asked.text
        pod.start_engine()
        await pod.until_health_is("healthy")
        pod.engine.kill()
        await pod.until_health_is("degraded")
        assert (await http.get("/queue")).status_code == 503


async def test_a_pod_whose_comfyui_does_not_come_back_is_unhealthy(make_pod: Any) -> None:
    pod = make_pod(COMFYUI_AWAY_SECONDS="0.5", RUNPOD_POD_HOSTNAME="h7")
    pod.start_agent("unhealthy")
    async with pod.http(token=None) as http:
        reply = await http.get("/health")
    assert reply.status_code == 503
    assert (reply.json()["status"], reply.json()["host"]) == ("unhealthy", "h7")


async def test_a_pod_with_a_full_disk_is_unhealthy(make_pod: Any) -> None:
    pod = make_pod(LEAST_FREE_DISK_MB=str(10**9))
    pod.start_engine()
    pod.start_agent("unhealthy")
    async with pod.http(token=None) as http:
        reply = await http.get("/health")
    assert reply.status_code == 503
